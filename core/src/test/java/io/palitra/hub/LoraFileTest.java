package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.FormatException;
import io.palitra.engine.DType;
import io.palitra.engine.LivePointers;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.LoraFile.Change;
import io.palitra.hub.LoraFile.Network;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LoraFileTest {
    private static final String QUERY = "down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_q";

    @TempDir Path folder;

    private static Tensor drawn(long... shape) { return new Rng(shape[0]).normal(shape); }

    private LoraFile read(Map<String, Tensor> tensors) { return read(tensors, Map.of()); }

    private LoraFile read(Map<String, Tensor> tensors, Map<String, String> metadata) {
        Safetensors.write(folder.resolve("l.safetensors"), tensors, metadata);
        return LoraFile.read(folder.resolve("l.safetensors"));
    }

    /** A change of a layer from 5 to 7 of rank 2, under such keys. */
    private static Map<String, Tensor> pair(String a, String b) { return new LinkedHashMap<>(Map.of(a, drawn(2, 5), b, drawn(7, 2))); }

    private void same(LoraFile got, LoraFile wanted) {
        assertThat(got.changes()).hasSameSizeAs(wanted.changes());
        for (Change w : wanted.changes()) {
            Change g = got.changes().stream().filter(c -> c.network() == w.network() && c.target().equals(w.target())).findFirst()
                .orElseThrow();
            assertThat(g.underscored()).isEqualTo(w.underscored());
            assertThat(g.a().shape()).isEqualTo(w.a().shape());
            assertThat(g.b().shape()).isEqualTo(w.b().shape());
            assertThat(g.a().dtype()).isEqualTo(w.a().dtype());
            assertThat(g.a().rawBytes()).isEqualTo(w.a().rawBytes());
            assertThat(g.b().rawBytes()).isEqualTo(w.b().rawBytes());
            assertThat(g.alpha()).isEqualTo(w.alpha());
        }
    }

    private void refused(Map<String, Tensor> tensors, String message) {
        assertThatThrownBy(() -> read(tensors)).isInstanceOf(FormatException.class).hasMessageContaining(message)
            .hasMessageStartingWith(folder.toString());
    }

    @ParameterizedTest
    @CsvSource({
        "lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight, lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight, "
            + "TEXT_ENCODER, text_model_encoder_layers_0_mlp_fc1",
        "lora_te1_a_b.lora_down.weight, lora_te1_a_b.lora_up.weight, TEXT_ENCODER, a_b",
        "lora_te2_a_b.lora_down.weight, lora_te2_a_b.lora_up.weight, TEXT_ENCODER_2, a_b",
        "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight, lora_unet_mid_block_attentions_0_proj_in.lora_up.weight, UNET, "
            + "mid_block_attentions_0_proj_in",
        "unet.mid.to_out.0.lora_A.weight, unet.mid.to_out.0.lora_B.weight, UNET, mid.to_out.0",
        "text_encoder.x.q_proj.lora_A.weight, text_encoder.x.q_proj.lora_B.weight, TEXT_ENCODER, x.q_proj",
        "text_encoder_2.x.q_proj.lora_A.weight, text_encoder_2.x.q_proj.lora_B.weight, TEXT_ENCODER_2, x.q_proj",
        "text_encoder.x.q_proj.lora_linear_layer.down.weight, text_encoder.x.q_proj.lora_linear_layer.up.weight, TEXT_ENCODER, x.q_proj",
        "text_encoder.x.attn.to_out_lora.down.weight, text_encoder.x.attn.to_out_lora.up.weight, TEXT_ENCODER, x.attn.out_proj",
        "unet.mid.to_k.lora.down.weight, unet.mid.to_k.lora.up.weight, UNET, mid.to_k",
        "unet.mid.attn1.processor.to_q_lora.down.weight, unet.mid.attn1.processor.to_q_lora.up.weight, UNET, mid.attn1.to_q",
        "mid_block.a.processor.to_out_lora.down.weight, mid_block.a.processor.to_out_lora.up.weight, UNET, mid_block.a.to_out.0",
        "base_model.model.mid_block.to_q.lora_A.weight, base_model.model.mid_block.to_q.lora_B.weight, UNET, mid_block.to_q",
        "base_model.model.text_model.q.lora_A.weight, base_model.model.text_model.q.lora_B.weight, TEXT_ENCODER, text_model.q"})
    void everyFormOfNamesIsRead(String a, String b, Network network, String target) {
        try (Scope scope = new Scope()) {
            LoraFile lora = read(pair(a, b));
            assertThat(lora.changes()).hasSize(1);
            Change c = lora.changes().get(0);
            assertThat(c.network()).isEqualTo(network);
            assertThat(c.target()).isEqualTo(target);
            assertThat(c.a().floats()).isEqualTo(drawn(2, 5).floats());
            assertThat(c.b().floats()).isEqualTo(drawn(7, 2).floats());
            assertThat(c.shape()).containsExactly(7, 5);
            assertThat(c.scale()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @CsvSource({"input_blocks_4_1_transformer_blocks_0_attn1_to_q, down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q",
        "input_blocks_8_1_proj_in, down_blocks_2_attentions_1_proj_in", "input_blocks_6_0_op, down_blocks_1_downsamplers_0_conv",
        "input_blocks_7_0_skip_connection, down_blocks_2_resnets_0_conv_shortcut", "input_blocks_0_0, conv_in",
        "middle_block_1_transformer_blocks_9_ff_net_0_proj, mid_block_attentions_0_transformer_blocks_9_ff_net_0_proj",
        "middle_block_2_in_layers_2, mid_block_resnets_1_conv1", "output_blocks_5_1_proj_out, up_blocks_1_attentions_2_proj_out",
        "output_blocks_2_2_conv, up_blocks_0_upsamplers_0_conv", "output_blocks_2_1_conv, up_blocks_0_upsamplers_0_conv",
        "output_blocks_8_0_emb_layers_1, up_blocks_2_resnets_2_time_emb_proj", "label_emb_0_2, add_embedding_linear_2",
        "time_embed_0, time_embedding_linear_1", "out_2, conv_out", "down_blocks_0_resnets_0_conv1, down_blocks_0_resnets_0_conv1"})
    void namesOfTheOriginalCodeBecomeThoseOfDiffusers(String old, String name) {
        try (Scope scope = new Scope()) {
            LoraFile lora = read(pair("lora_unet_" + old + ".lora_down.weight", "lora_unet_" + old + ".lora_up.weight"));
            assertThat(lora.changes().get(0).target()).isEqualTo(name);
        }
    }

    @Test void alphaMayBeSaidByATensorInMetadataOrBesideTheFile() throws IOException {
        try (Scope scope = new Scope()) {
            String a = "unet." + QUERY + ".lora_A.weight", b = "unet." + QUERY + ".lora_B.weight";
            Map<String, Tensor> tensors = pair(a, b);
            tensors.put("unet." + QUERY + ".alpha", Torch.of(new float[] {3}));
            assertThat(read(tensors).changes().get(0).scale()).isEqualTo(1.5);
            String said = "{\"unet.r\": 2, \"unet.lora_alpha\": 8%s}";
            assertThat(read(pair(a, b), Map.of("lora_adapter_metadata", said.formatted(""))).changes().get(0).scale()).isEqualTo(4);
            assertThat(read(pair(a, b), Map.of("lora_adapter_metadata", said.formatted(", \"unet.alpha_pattern\": {\"attn2.to_q\": 6}")))
                .changes().get(0).scale()).isEqualTo(3);
            assertThat(read(pair(a, b), Map.of("lora_adapter_metadata", said.formatted(", \"unet.use_rslora\": true")))
                .changes().get(0).scale()).isEqualTo(8 / Math.sqrt(2), org.assertj.core.api.Assertions.within(1e-6));
            assertThatThrownBy(() -> read(pair(a, b), Map.of("lora_adapter_metadata", said.formatted(", \"unet.use_dora\": true"))))
                .isInstanceOf(FormatException.class).hasMessageContaining("DoRA");
            for (String wrong : List.of("{", "{\"unet.lora_alpha\": \"8\"}", "{\"unet.lora_alpha\": NaN}", "{\"unet.lora_alpha\": 0}")) {
                assertThatThrownBy(() -> read(pair(a, b), Map.of("lora_adapter_metadata", wrong))).isInstanceOf(FormatException.class)
                    .message().hasLineCount(1);
            }
            Files.writeString(folder.resolve("adapter_config.json"), "{\"r\": 2, \"lora_alpha\": 5}");
            String peft = "base_model.model." + QUERY;
            assertThat(read(pair(peft + ".lora_A.weight", peft + ".lora_B.weight")).changes().get(0).scale()).isEqualTo(2.5);
        }
    }

    @Test void aFileOfTorchSaveIsReadByItsEnding() throws IOException {
        try (Scope scope = new Scope()) {
            Files.write(folder.resolve("net.pt"), TorchFileTest.resource("module.pth"));
            assertThatThrownBy(() -> LoraFile.read(folder.resolve("net.pt"))).isInstanceOf(FormatException.class)
                .hasMessageContaining("is of an unknown kind");
            // A and B are the same two numbers of one storage: [1,2] and [2,1]
            String view = "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + "0X\3\0\0\0cpuK\2tQK\0%s"
                + "\211ccollections\nOrderedDict\n)RtR";
            String pickle = "\200\2}(" + text("unet.a.lora_A.weight") + view.formatted("K\1K\2\206K\2K\1\206")
                + text("unet.a.lora_B.weight") + view.formatted("K\2K\1\206K\1K\1\206") + "u.";
            Files.write(folder.resolve("l.bin"), TorchFileTest.zip(TorchFileTest.latin(pickle), new byte[] {0, 0, -128, 63, 0, 0, 0, 64}));
            Change c = LoraFile.read(folder.resolve("l.bin")).changes().get(0);
            assertThat(c.target()).isEqualTo("a");
            assertThat(c.b().matmul(c.a()).floats()).containsExactly(1, 2, 2, 4);
        }
    }

    private static String text(String s) { return "X" + (char) s.length() + "\0\0\0" + s; }

    /** One change of each network, a kernel and a matrix, of different ranks, alphas and types. */
    private static LoraFile mixed() {
        return new LoraFile("mixed", List.of(
            new Change(Network.UNET, QUERY, false, drawn(2, 5), drawn(7, 2), 2),
            new Change(Network.UNET, "conv_in", false, drawn(3, 4, 3, 3).to(DType.BF16), drawn(8, 3, 1, 1).to(DType.BF16), 0.1f),
            new Change(Network.TEXT_ENCODER, "text_model.encoder.layers.0.self_attn.q_proj", false, drawn(2, 5), drawn(7, 2), -1.5f),
            new Change(Network.TEXT_ENCODER_2, "text_projection", false, drawn(4, 5).to(DType.F16), drawn(7, 4).to(DType.F16), 4)),
            Map.of("ss_base_model_version", "sdxl_base_v1-0", "modelspec.title", "Mixed"));
    }

    private static List<String> keys(LoraFile lora, Network network) {
        return lora.changes().stream().filter(c -> c.network() == network).map(c -> c.target() + ".weight").toList();
    }

    private static LoraFile withPathsOf(LoraFile lora, LoraFile other) {
        LoraFile named = lora;
        for (Network n : Network.values()) named = named.withPaths(n, keys(other, n));
        return named;
    }

    @Test void bothFormsReadBackBitForBit() {
        try (Scope scope = new Scope()) {
            LoraFile mixed = mixed();
            Path kohya = folder.resolve("k.safetensors"), diffusers = folder.resolve("d.safetensors");
            mixed.writeKohya(kohya);
            mixed.writeDiffusers(diffusers);
            same(LoraFile.read(diffusers), mixed);
            same(withPathsOf(LoraFile.read(kohya), mixed), mixed);
            assertThatThrownBy(() -> LoraFile.read(kohya).writeDiffusers(diffusers)).hasMessageContaining("kohya's name");
            withPathsOf(LoraFile.read(kohya), mixed).writeDiffusers(diffusers);
            same(LoraFile.read(diffusers), mixed);
            assertThatThrownBy(() -> LoraFile.read(kohya).withPaths(Network.UNET, List.of("conv_in.weight"))).isInstanceOf(
                FormatException.class).hasMessageContaining("the unet has no layer 'down_blocks_0_");
        }
    }

    @Test void kohyasFormHasTheKeysAndWordsThatItsReadersLookFor() {
        try (Scope scope = new Scope()) {
            Path file = folder.resolve("my.safetensors");
            mixed().writeKohya(file);
            Safetensors raw = Safetensors.read(file);
            String query = "lora_unet_" + QUERY.replace('.', '_');
            assertThat(raw.tensors().keySet()).contains(query + ".lora_down.weight", query + ".lora_up.weight", query + ".alpha",
                "lora_te1_text_model_encoder_layers_0_self_attn_q_proj.alpha", "lora_te2_text_projection.alpha").hasSize(12);
            assertThat(Objects.requireNonNull(raw.tensors().get(query + ".alpha")).dims()).isZero();
            assertThat(raw.metadata()).containsEntry("ss_network_module", "networks.lora").containsEntry("ss_network_dim", "Dynamic")
                .containsEntry("ss_network_alpha", "Dynamic").containsEntry("ss_base_model_version", "sdxl_base_v1-0")
                .containsEntry("modelspec.sai_model_spec", "1.0.0").containsEntry("modelspec.title", "Mixed")
                .containsEntry("modelspec.architecture", "stable-diffusion-xl-v1-base/lora")
                .containsEntry("modelspec.resolution", "1024x1024").containsKey("modelspec.implementation");
            LoraFile one = new LoraFile("one", mixed().changes().subList(0, 1), Map.of());
            one.writeKohya(file);
            assertThat(Safetensors.read(file).metadata()).containsEntry("ss_network_dim", "2").containsEntry("ss_network_alpha", "2.0")
                .containsEntry("modelspec.title", "my").containsEntry("modelspec.architecture", "unknown/lora")
                .doesNotContainKey("ss_base_model_version");
            new LoraFile("te", mixed().changes().subList(2, 3), Map.of()).writeKohya(file);
            assertThat(Safetensors.read(file).tensors().keySet()).allMatch(k -> k.startsWith("lora_te_text_model_"));
        }
    }

    @Test void diffusersFormHasItsNamesAndSettings() {
        try (Scope scope = new Scope()) {
            mixed().writeDiffusers(folder.resolve("d.safetensors"));
            Safetensors raw = Safetensors.read(folder.resolve("d.safetensors"));
            assertThat(raw.tensors().keySet()).contains("unet." + QUERY + ".lora_A.weight", "text_encoder_2.text_projection.lora_B.weight")
                .hasSize(8);
            assertThat(raw.metadata()).containsEntry("format", "pt");
            assertThat(raw.metadata().get("lora_adapter_metadata")).contains("\"unet.r\":2", "\"unet.rank_pattern\":{\"conv_in\":3}",
                "\"text_encoder.lora_alpha\":-1.5", "\"text_encoder.target_modules\":[\"encoder.layers.0.self_attn.q_proj\"]");
        }
    }

    @ParameterizedTest
    @CsvSource({"lora_unet_a.dora_scale, DoRA", "unet.a.lora_magnitude_vector, DoRA", "unet.a.lora_magnitude_vector.weight, DoRA",
        "lora_unet_a.hada_w1_a, LoHa", "lora_unet_a.lokr_w1, LoKr", "lora_unet_a.on_input, (IA)3", "lora_unet_a.oft_blocks, OFT",
        "base_model.model.mid_block.a.oft_R.weight, OFT", "lora_unet_a.diff, whole differences", "lora_unet_a.diff_b, whole differences",
        "lora_unet_a.lora_mid.weight, Tucker", "text_encoder.a.lora_embedding_A, table", "unet.a.lora_B.bias, biases",
        "model.diffusion_model.out.2.weight, unknown kind", "conv_in.bias, unknown kind", "transformer.a.lora_A.weight, unknown kind",
        "lora_te3_a.lora_down.weight, unknown kind", "lora_unet_.lora_down.weight, unknown kind", ".alpha, unknown kind"})
    void whatIsNoPlainLoraIsRefusedByKeyAndKind(String key, String kind) {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> tensors = pair("unet.z.lora_A.weight", "unet.z.lora_B.weight");
            tensors.put(key, drawn(2, 5));
            refused(tensors, "'" + key + "' is of ");
            refused(tensors, kind);
        }
    }

    @Test void halvesRanksAndAlphasMustFit() {
        try (Scope scope = new Scope()) {
            String a = "unet.z.lora_A.weight", b = "unet.z.lora_B.weight";
            refused(Map.of(), "holds no LoRA");
            refused(Map.of(a, drawn(2, 5)), "'" + a + "' has no B (up) beside it");
            refused(Map.of(b, drawn(7, 2)), "'" + b + "' has no A (down) beside it");
            refused(Map.of("unet.z.alpha", drawn(1)), "'unet.z.alpha' has no A (down) beside it");
            refused(Map.of(a, drawn(2, 5), b, drawn(7, 3)), "A 2×5 has rank 2, B 7×3 has 3");
            refused(Map.of(a, drawn(5), b, drawn(7, 5)), "A is 5, must be r×in or r×in×k×k");
            refused(Map.of(a, drawn(2, 5), b, drawn(7, 2, 3, 3)), "B is 7×2×3×3, must be");
            refused(Map.of(a, drawn(2, 5).to(DType.I32), b, drawn(7, 2)), "A is of I32 and B of F32");
            refused(Map.of(a, Torch.zeros(0, 5), b, Torch.zeros(7, 0)), "must have elements");
            for (float wrong : new float[] {Float.NaN, Float.POSITIVE_INFINITY, 0}) {
                Map<String, Tensor> tensors = pair(a, b);
                tensors.put("unet.z.alpha", Torch.of(new float[] {wrong}));
                refused(tensors, "alpha is " + wrong);
            }
            Map<String, Tensor> tensors = pair(a, b);
            tensors.put("unet.z.alpha", drawn(2));
            refused(tensors, "must be one number");
            tensors = pair(a, b);
            tensors.put("lora_unet_z.lora_down.weight", drawn(2, 5));
            refused(tensors, "are the same part of one change");
        }
    }

    /** Damaged as bytes, and, so that the damage comes past the reader of safetensors, as names, shapes and settings. */
    @Test void everyDamageGivesALoraOrAFormatException() throws IOException {
        SplittableRandom random = new SplittableRandom(1);
        Path file = folder.resolve("m.safetensors");
        int read = 0, refused = 0;
        try (Scope all = new Scope()) {
            mixed().writeKohya(file);
            byte[] kohya = Files.readAllBytes(file);
            Safetensors inKohya = Safetensors.read(file);
            mixed().writeDiffusers(file);
            byte[] diffusers = Files.readAllBytes(file);
            Safetensors inDiffusers = Safetensors.read(file);
            long live = LivePointers.settled();
            for (int i = 0; i < 2000; i++) {
                byte[] damaged = i % 4 < 2 ? Damage.bytes(i % 2 == 0 ? kohya : diffusers, random)
                    : rewritten(i % 2 == 0 ? inKohya : inDiffusers, random);
                Files.deleteIfExists(file);   // some file systems flush one that is overwritten
                Files.write(file, damaged);
                try (Scope scope = new Scope()) {
                    assertThat(LoraFile.read(file).changes()).isNotEmpty();
                    read++;
                } catch (FormatException e) {
                    assertThat(e.getMessage()).hasLineCount(1);
                    refused++;
                }
            }
            assertThat(Scope.livePointers()).as("tensors left behind").isEqualTo(live);
        }
        assertThat(read).as("read").isGreaterThan(200);
        assertThat(refused).as("refused").isGreaterThan(200);
    }

    private static byte[] rewritten(Safetensors sound, SplittableRandom random) throws IOException {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>(sound.tensors());
            Map<String, String> words = new LinkedHashMap<>(sound.metadata());
            List<String> names = new ArrayList<>(tensors.keySet());
            String name = names.get(random.nextInt(names.size())), other = names.get(random.nextInt(names.size()));
            Tensor t = Objects.requireNonNull(tensors.get(name));
            int at = random.nextInt(name.length());
            switch (random.nextInt(8)) {
                case 0 -> tensors.remove(name);
                case 1 -> tensors.put(name, t.flatten(0));
                case 2 -> tensors.put(name, t.reshape(-1, 1));
                case 3 -> tensors.put(name, t.to(DType.values()[random.nextInt(DType.values().length)]));
                case 4 -> tensors.put(name, t.mul(Double.NaN));
                case 5 -> tensors.put(name.substring(0, at) + other.substring(Math.min(at, other.length())), t);
                case 6 -> {
                    tensors.remove(name);
                    tensors.put(name.substring(0, at) + (char) random.nextInt(32, 127) + name.substring(at + 1), t);
                }
                default -> words.computeIfPresent("lora_adapter_metadata", (k, json) -> {
                    int cut = random.nextInt(json.length());
                    return json.substring(0, cut) + "{}[],:\"-19e.ntf".charAt(random.nextInt(15)) + json.substring(cut + random.nextInt(2));
                });
            }
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            Safetensors.writeTo(new Storage.Output() {
                @Override public void write(ByteBuffer from) {
                    byte[] next = new byte[from.remaining()];
                    from.get(next);
                    bytes.writeBytes(next);
                }

                @Override public void force() {}

                @Override public void close() {}
            }, tensors, words);
            return bytes.toByteArray();
        }
    }

    private float alpha(String pattern, String target) {
        String said = "{\"unet.r\": 2, \"unet.lora_alpha\": 8, \"unet.alpha_pattern\": " + pattern + "}";
        return read(pair("unet." + target + ".lora_A.weight", "unet." + target + ".lora_B.weight"), Map.of("lora_adapter_metadata", said))
            .changes().get(0).alpha();
    }

    /** Ours against re.match(rf"(.*\.)?({key})$", path) of Python 3.11. */
    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {"down_blocks.*to_q;down_blocks.0.attn.to_q;1", "down_blocks.*to_q;mid.down_blocks.0.to_q;1",
        "down_blocks.*to_q;down_blocks.0.to_q_proj;0", "^down_blocks.*;down_blocks.0.to_q;1", "^down_blocks.*;mid.down_blocks.0.to_q;0",
        "to_q;attn.to_q;1", "to_q;attn.xto_q;0", "to_q$;attn.to_q;1", "to_(q|k);attn.to_k;1", "to_(?:q|k);attn.to_v;0",
        "(down|up)_blocks\\.[01]\\..*;up_blocks.1.x;1", "(down|up)_blocks\\.[01]\\..*;up_blocks.2.x;0", "attn\\d+;a.attn12;1",
        "attn\\d{2};a.attn123;0",
        "attn\\d{2,};a.attn123;1", ".*to_[^qk];a.to_v;1", ".*to_[^qk];a.to_q;0", "^(?!.*attn2).*to_q;attn1.to_q;1",
        "^(?!.*attn2).*to_q;attn2.to_q;0", "a.b;aXb;1", "a.b;a.b;1", "(?P<x>a+)b?;c.aaa;1", "\\w+\\.to_q;a-b.to_q;0", "to_q\\b;x.to_q;1",
        "layers\\.(1[0-9]|[0-9])\\.q;layers.12.q;1", "layers\\.(1[0-9]|[0-9])\\.q;layers.22.q;0",
        "[]a]+;x.a]a;1", "a{,2};x.aaa;0", "a{,2};x.;1",
        "x{a};y.x{a};1", ".*;anything;1", "to_q*?;x.to_;1"})
    void keysOfPatternsAreExpressionsAsInPython(String key, String path, int matches) {
        assertThat(new PythonPattern(key).matches(path, new PythonPattern.Budget(10_000))).isEqualTo(matches == 1);
    }

    @Test void theFirstPatternThatFitsCounts() {
        try (Scope scope = new Scope()) {
            assertThat(alpha("{\"nothing\": 1, \".*to_q\": 5, \"attn.to_q\": 6}", "attn.to_q")).isEqualTo(5);
        }
    }

    @Test void patternsThatTakeForEverOrAreNotReadAreRefusedSoon() {
        String a = "a".repeat(300);
        try (Scope scope = new Scope()) {
            assertThat(alpha("{\"(a*)*b\": 1, \"(a|a)*b\": 1, \"(a+)+b\": 2, \"(.*){50}b\": 1, \"((|a|)(|a|)){40}b\": 1}", a)).isEqualTo(8);
            for (String key : List.of("(a", "a)", "*a", "a**", "(?<=a)b", "(a)\\\\1", "(?i)a", "[a", "a\\\\", "a{5001}",
                "((a{100}){100}){100}", "(".repeat(40) + ")".repeat(40), "[b-a]", "\\\\p{L}", "a".repeat(1001))) {
                assertThatThrownBy(() -> alpha("{\"" + key + "\": 1}", a)).as(key).isInstanceOf(FormatException.class)
                    .hasMessageContaining("alpha_pattern of its settings: the pattern").message().hasLineCount(1);
            }
            StringBuilder many = new StringBuilder("{");
            for (int i = 0; i < 150; i++) many.append(i == 0 ? "" : ",").append("\"(.{1,30}){1,30}b").append(i).append("\": 1");
            assertThatThrownBy(() -> alpha(many + "}", a)).isInstanceOf(FormatException.class).hasMessageContaining("too many steps");
        }
    }

    /** A file of PEFT whose alpha_pattern is an expression. */
    @Test void theReportedFileHasTheAlphaOfItsPattern() {
        Path file = Path.of("../shared/reports/peft-regex/adapter_model.safetensors");
        Assumptions.assumeTrue(Files.isRegularFile(file), "no file at " + file);
        try (Scope scope = new Scope()) {
            for (Change c : LoraFile.read(file).changes()) {
                boolean named = c.target().startsWith("down_blocks") && c.target().endsWith("to_q");
                assertThat(c.alpha()).as(c.target()).isEqualTo(named ? 32 : 8);
            }
        }
    }

    @Test void aFolderAsPeftSavesItIsRead() throws IOException {
        Path adapter = Files.createDirectory(folder.resolve("adapter"));
        assertThatThrownBy(() -> LoraFile.read(adapter)).isInstanceOf(FormatException.class).hasMessageContaining("is a folder with "
            + "none of "
            + "adapter_model.safetensors, ").hasMessageEndingWith("name the file of the LoRA");
        try (Scope scope = new Scope()) {
            String layer = "base_model.model.down_blocks.0.attentions.0.to_q.lora_";
            Safetensors.write(adapter.resolve("adapter_model.safetensors"), Map.of(layer + "A.weight", Torch.ones(2, 4), layer + "B.weight",
                Torch.ones(4, 2)), Map.of());
            Files.writeString(adapter.resolve("adapter_config.json"), "{\"lora_alpha\": 6, \"r\": 2}");
            Change c = LoraFile.read(adapter).changes().get(0);
            assertThat(c.network()).isEqualTo(Network.UNET);
            assertThat(c.scale()).isEqualTo(3);
        }
    }
}
