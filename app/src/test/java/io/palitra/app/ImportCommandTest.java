package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;
import static io.palitra.app.Typed.palitra;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Json;
import io.palitra.data.ClipTokenizer;
import io.palitra.data.Limits;
import io.palitra.data.Pictures;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.net.AutoencoderKl;
import io.palitra.net.ClipText;
import io.palitra.net.UnetCondition2d;
import io.palitra.parity.References;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of others, as a user has them. */
class ImportCommandTest {
    /** A Stable Diffusion 1 of one level, one layer and 32 channels, name and shape a line. */
    private static final String SMALL = """
        model.diffusion_model.time_embed.0 128 32
        model.diffusion_model.time_embed.2 128 128
        model.diffusion_model.input_blocks.0.0 32 4 3 3
        R model.diffusion_model.input_blocks.1.0 32
        T model.diffusion_model.input_blocks.1.1
        R model.diffusion_model.middle_block.0 32
        T model.diffusion_model.middle_block.1
        R model.diffusion_model.middle_block.2 32
        R model.diffusion_model.output_blocks.0.0 64
        T model.diffusion_model.output_blocks.0.1
        R model.diffusion_model.output_blocks.1.0 64
        T model.diffusion_model.output_blocks.1.1
        model.diffusion_model.out.0 32
        model.diffusion_model.out.2 4 32 3 3
        first_stage_model.encoder.conv_in 32 3 3 3
        V first_stage_model.encoder.down.0.block.0
        M first_stage_model.encoder.mid
        first_stage_model.encoder.norm_out 32
        first_stage_model.encoder.conv_out 8 32 3 3
        first_stage_model.decoder.conv_in 32 4 3 3
        M first_stage_model.decoder.mid
        V first_stage_model.decoder.up.0.block.0
        V first_stage_model.decoder.up.0.block.1
        first_stage_model.decoder.norm_out 32
        first_stage_model.decoder.conv_out 3 32 3 3
        first_stage_model.quant_conv 8 8 1 1
        first_stage_model.post_quant_conv 4 4 1 1
        W cond_stage_model.transformer.text_model.embeddings.token_embedding 100 16
        W cond_stage_model.transformer.text_model.embeddings.position_embedding 77 16
        cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.q_proj 16 16
        cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.k_proj 16 16
        cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.v_proj 16 16
        cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.out_proj 16 16
        cond_stage_model.transformer.text_model.encoder.layers.0.layer_norm1 16
        cond_stage_model.transformer.text_model.encoder.layers.0.layer_norm2 16
        cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1 32 16
        cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc2 16 32
        cond_stage_model.transformer.text_model.final_layer_norm 16
        """;
    /** What the letters before a name stand for. */
    private static final Map<String, String> BLOCKS = Map.of(
        "R", "in_layers.0 C;in_layers.2 32 C 3 3;emb_layers.1 32 128;out_layers.0 32;out_layers.3 32 32 3 3",
        "T", "norm 32;proj_in 32 32 1 1;proj_out 32 32 1 1;B norm1 32;B norm2 32;B norm3 32;B attn1.to_q 32 32;B attn1.to_k 32 32;"
            + "B attn1.to_v 32 32;B attn1.to_out.0 32 32;B attn2.to_q 32 32;B attn2.to_k 32 16;B attn2.to_v 32 16;B attn2.to_out.0 32 32;"
            + "B ff.net.0.proj 256 32;B ff.net.2 32 128",
        "V", "norm1 32;conv1 32 32 3 3;norm2 32;conv2 32 32 3 3",
        "M", "block_1.norm1 32;block_1.conv1 32 32 3 3;block_1.norm2 32;block_1.conv2 32 32 3 3;attn_1.norm 32;attn_1.q 32 32 1 1;"
            + "attn_1.k 32 32 1 1;attn_1.v 32 32 1 1;attn_1.proj_out 32 32 1 1;block_2.norm1 32;block_2.conv1 32 32 3 3;block_2.norm2 32;"
            + "block_2.conv2 32 32 3 3");

    @TempDir Path root;

    private static Map<String, Tensor> small() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        Rng rng = new Rng(1);
        for (String line : SMALL.lines().toList()) {
            String[] words = line.split(" ");
            String inner = BLOCKS.get(words[0]);
            if (inner == null) {
                boolean weightOnly = words[0].equals("W");
                layer(all, rng, weightOnly ? line.substring(2) : line, !weightOnly);
                continue;
            }
            String channels = words.length > 2 ? words[2] : "";
            for (String layer : inner.split(";")) {
                boolean block = layer.startsWith("B ");
                layer(all, rng, words[1] + (block ? ".transformer_blocks.0." + layer.substring(2) : "." + layer.replace("C", channels)),
                    !layer.matches(".*to_[qkv] .*"));
            }
            if (channels.equals("64")) layer(all, rng, words[1] + ".skip_connection 32 64 1 1", true);
        }
        return all;
    }

    /** The same of Stable Diffusion 2. */
    private static Map<String, Tensor> small2() {
        Map<String, Tensor> all = small();
        all.keySet().removeIf(k -> k.startsWith("cond_stage_model."));
        String text = "cond_stage_model.model.";
        all.put(text + "positional_embedding", Torch.ones(77, 16));
        layer(all, new Rng(2), text + "token_embedding 100 16", false);
        layer(all, new Rng(2), text + "ln_final 16", true);
        for (String block : List.of("transformer.resblocks.0.", "transformer.resblocks.1.")) {
            for (String layer : List.of("ln_1 16", "ln_2 16", "attn.out_proj 16 16", "mlp.c_fc 64 16", "mlp.c_proj 16 64")) {
                layer(all, new Rng(2), text + block + layer, true);
            }
            all.put(text + block + "attn.in_proj_weight", Torch.ones(48, 16));
            all.put(text + block + "attn.in_proj_bias", Torch.ones(48));
        }
        return all;
    }

    private static void layer(Map<String, Tensor> all, Rng rng, String line, boolean bias) {
        String[] words = line.split(" ");
        long[] shape = new long[words.length - 1];
        for (int i = 0; i < shape.length; i++) shape[i] = Long.parseLong(words[i + 1]);
        all.put(words[0] + ".weight", rng.normal(shape));
        if (bias) all.put(words[0] + ".bias", rng.normal(shape[0]));
    }

    private static Map<String, Tensor> read(Path file) { return Safetensors.read(file).tensors(); }

    private static float[] floats(Map<String, Tensor> all, String name) { return Objects.requireNonNull(all.get(name), name).floats(); }

    private Path tokenizer() throws IOException {
        Path folder = Files.createDirectories(root.resolve("tokens"));
        Files.writeString(folder.resolve("vocab.json"), "{\"!\": 0, \"<|endoftext|>\": 1, \"<|startoftext|>\": 2, \"a</w>\": 3}");
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\n");
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"pad_token\": \"<|endoftext|>\", \"model_max_length\": 77}");
        return folder;
    }

    private void networksTake(Path made) throws IOException {
        JsonNode u = Json.read(made.resolve("unet/config.json")), v = Json.read(made.resolve("vae/config.json"));
        JsonNode t = Json.read(made.resolve("text_encoder/config.json"));
        try (UnetCondition2d unet = new UnetCondition2d(UnetCondition2d.Config.fromJson(u), Rng.silent());
                AutoencoderKl vae = new AutoencoderKl(AutoencoderKl.Config.fromJson(v), Rng.silent());
                ClipText text = new ClipText(ClipText.Config.fromJson(t), Rng.silent())) {
            unet.load(read(made.resolve("unet/diffusion_pytorch_model.safetensors")));
            vae.load(read(made.resolve("vae/diffusion_pytorch_model.safetensors")));
            text.load(read(made.resolve("text_encoder/model.safetensors")));
        }
    }

    @Test void aCheckpointInOneFileBecomesAFolderOfNetworks() throws IOException {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = small();
            Path file = root.resolve("sd.safetensors"), made = root.resolve("sd");
            Safetensors.write(file, all, Map.of());
            Typed r = palitra("import", file, made, "--tokenizer", tokenizer());
            assertThat(r.code()).as(r.err()).isZero();
            assertThat(r.err()).contains("Stable Diffusion 1, predicts epsilon").contains("unet: ").doesNotContain("missing");
            networksTake(made);
            assertThat(floats(read(made.resolve("unet/diffusion_pytorch_model.safetensors")), "conv_out.bias"))
                .isEqualTo(floats(all, "model.diffusion_model.out.2.bias"));
            assertThat(Json.read(made.resolve("model_index.json")).path("_class_name").asText()).isEqualTo("StableDiffusionPipeline");
            assertThat(Json.read(made.resolve("scheduler/scheduler_config.json")).path("_class_name").asText()).isEqualTo("PNDMScheduler");
            assertThat(made.resolve("tokenizer/merges.txt")).hasSameBinaryContentAs(root.resolve("tokens/merges.txt"));
            JsonNode words = Json.read(made.resolve("tokenizer/tokenizer_config.json"));
            assertThat(words.path("pad_token").asText()).isEqualTo("<|endoftext|>");

            Typed again = palitra("import", file, made);
            assertThat(again.code()).isEqualTo(2);
            assertThat(again.err()).contains("exists").hasLineCount(1);
        }
    }

    @Test void aTrainingCheckpointLosesItsOptimiserAndKeepsItsTypes() throws IOException {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = new LinkedHashMap<>();
            small().forEach((k, t) -> all.put("state_dict." + k, t));
            all.put("optimizer_states.0.exp_avg", Torch.ones(3));
            Path file = root.resolve("sd.ckpt"), made = root.resolve("sd");
            Files.write(file, torchSave(all));
            Typed r = palitra("import", file, made, "--prediction", "v_prediction");
            assertThat(r.code()).as(r.err()).isZero();
            assertThat(r.err()).contains("predicts v_prediction", "tokenizer missing", "palitra pull openai/clip-vit-large-patch14");
            networksTake(made);
            assertThat(made.resolve("tokenizer")).doesNotExist();
        }
    }

    /** OpenCLIP's texts are filled up with "!", which its tokenizer has to say whatever CLIP's says. */
    @Test void theTokenizerOfStableDiffusion2FillsUpWithItsOwnToken() throws IOException {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = small2();
            Path file = root.resolve("sd2.safetensors"), made = root.resolve("sd2");
            Safetensors.write(file, all, Map.of());
            Path words = tokenizer();
            Files.writeString(words.resolve("special_tokens_map.json"), "{\"pad_token\": {\"content\": \"<|endoftext|>\"}}");
            Typed r = palitra("import", file, made, "--tokenizer", words);
            assertThat(r.code()).as(r.err()).isZero();
            assertThat(r.err()).contains("Stable Diffusion 2, predicts v_prediction");
            networksTake(made);
            JsonNode config = Json.read(made.resolve("tokenizer/tokenizer_config.json"));
            assertThat(config.path("pad_token").asText()).isEqualTo("!");
            assertThat(config.path("model_max_length").asInt()).isEqualTo(77);
            assertThat(Json.read(made.resolve("tokenizer/special_tokens_map.json")).path("pad_token").asText()).isEqualTo("!");

            Path real = References.find("pipelines/clip-tokenizer");
            assertThat(palitra("import", file, root.resolve("real"), "--tokenizer", real).code()).isZero();
            long[] ids = ClipTokenizer.open(root.resolve("real/tokenizer")).window("a cat");
            assertThat(ids).startsWith(49406, 320, 2368, 49407, 0, 0).endsWith(0).hasSize(77);
        }
    }

    /** The file needs no folder made of it, and the two are the same model. */
    @Test void paintingByAFileIsPaintingByTheFolderMadeOfIt() throws IOException {
        try (Scope scope = new Scope()) {
            Path safe = root.resolve("sd.safetensors"), torch = root.resolve("sd.ckpt"), second = root.resolve("sd2.safetensors");
            Safetensors.write(safe, small(), Map.of());
            Files.write(torch, torchSave(small()));
            Safetensors.write(second, small2(), Map.of());
            Path words = tokenizer();
            List<byte[]> pictures = new ArrayList<>();
            for (Path file : List.of(safe, torch, second)) {
                refused(1, "holds no tokenizer", "paint", "a", "--model", file, "--out", root.resolve("no.png"));
                assertThat(palitra("import", file, root.resolve(file.getFileName() + "-made"), "--tokenizer", words).code()).isZero();
            }
            Files.move(words, root.resolve("tokenizer"));
            for (Path file : List.of(safe, torch, second)) {
                byte[] whole = painted(file);
                assertThat(whole).isEqualTo(painted(root.resolve(file.getFileName() + "-made")));
                pictures.add(whole);
            }
            assertThat(pictures.get(0)).isEqualTo(pictures.get(1)).isNotEqualTo(pictures.get(2));
            Path other = root.resolve("other.safetensors");
            Safetensors.write(other, Map.of("a", Torch.ones(2)), Map.of());
            refused(1, "is no checkpoint of Stable Diffusion", "paint", "a", "--model", other, "--out", root.resolve("no.png"));
        }
    }

    private byte[] painted(Path model) throws IOException {
        Path out = root.resolve("out.png");
        Typed r = palitra("paint", "a", "--model", model, "--size", "16x16", "--steps", 2, "--threads", 1, "--force", "--out", out);
        assertThat(r.code()).as(r.err()).isZero();
        return Pictures.read(Files.readAllBytes(out), out.toString(), Limits.DEFAULT).pixels();
    }

    @Test void otherWeightsBecomeOneFileOfTheSameNames() throws IOException {
        try (Scope scope = new Scope()) {
            Path file = root.resolve("net.pth"), made = root.resolve("net");
            Files.write(file, torchSave(Map.of("a.weight", Torch.arange(0, 6).reshape(2, 3))));
            Typed r = palitra("import", file, made);
            assertThat(r.code()).as(r.err()).isZero();
            Map<String, Tensor> back = read(made.resolve("model.safetensors"));
            assertThat(back.keySet()).containsExactly("a.weight");
            assertThat(floats(back, "a.weight")).containsExactly(0, 1, 2, 3, 4, 5);
            assertThat(palitra("import", file, root.resolve("no"), "--ema").err()).contains("takes no --ema");
            assertThat(root.resolve("no")).doesNotExist();
        }
    }

    @Test void aFolderOfBinFilesBecomesOneOfSafetensors() throws IOException {
        try (Scope scope = new Scope()) {
            Path from = Files.createDirectories(root.resolve("old")), made = root.resolve("new");
            for (String part : List.of("unet", "text_encoder", "tokenizer", ".cache")) Files.createDirectories(from.resolve(part));
            Files.writeString(from.resolve("model_index.json"), "{\"_class_name\": \"StableDiffusionPipeline\"}");
            Files.writeString(from.resolve("unet/config.json"), "{}");
            Files.write(from.resolve("unet/diffusion_pytorch_model.bin"), torchSave(Map.of("a", Torch.full(2, 2))));
            Files.write(from.resolve("unet/diffusion_pytorch_model.fp16.bin"), new byte[] {1});
            Files.write(from.resolve("text_encoder/pytorch_model.bin"), torchSave(Map.of("b", Torch.full(3, 1))));
            Files.writeString(from.resolve("tokenizer/merges.txt"), "a b");
            Files.write(from.resolve("v1-5.ckpt"), new byte[] {1});   // the same again in one file, which is left out
            Typed r = palitra("import", from, made);
            assertThat(r.code()).as(r.err()).isZero();
            assertThat(floats(read(made.resolve("unet/diffusion_pytorch_model.safetensors")), "a")).containsExactly(2, 2);
            assertThat(floats(read(made.resolve("text_encoder/model.safetensors")), "b")).containsExactly(3);
            assertThat(made.resolve("tokenizer/merges.txt")).hasContent("a b");
            assertThat(made.resolve("unet/config.json")).hasContent("{}");
            assertThat(made.resolve("v1-5.ckpt")).doesNotExist();
            assertThat(made.resolve(".cache")).doesNotExist();
        }
    }

    @Test void aFolderWithOneFileOfWeightsStandsForIt() throws IOException {
        try (Scope scope = new Scope()) {
            Path from = Files.createDirectories(root.resolve("repo"));
            Safetensors.write(from.resolve("half.safetensors"), Map.of("a", Torch.ones(2).to(DType.BF16)), Map.of());
            assertThat(palitra("import", from, root.resolve("made")).code()).isZero();
            assertThat(Objects.requireNonNull(read(root.resolve("made/model.safetensors")).get("a")).dtype()).isEqualTo(DType.BF16);
            Files.write(from.resolve("more.ckpt"), new byte[] {1});
            assertThat(palitra("import", from, root.resolve("other")).err()).contains("name one").contains("more.ckpt");
        }
    }

    @Test void whatCannotBeReadIsOneLineAndMakesNothing() throws IOException {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = small();
            all.put("model.diffusion_model.label_emb.0.0.weight", Torch.ones(1));
            Path unknown = root.resolve("unknown.safetensors"), whole = root.resolve("whole.safetensors");
            Safetensors.write(unknown, all, Map.of());
            all.remove("model.diffusion_model.label_emb.0.0.weight");
            Safetensors.write(whole, all, Map.of());
            Files.write(root.resolve("torn.ckpt"), new byte[] {'P', 'K', 3, 4});
            Files.createDirectories(root.resolve("empty"));
            refused(1, "'model.diffusion_model.label_emb.0.0.weight'", "import", unknown, root.resolve("made"));
            refused(1, "torn.ckpt", "import", root.resolve("torn.ckpt"), root.resolve("made"));
            refused(2, "no file of weights", "import", root.resolve("empty"), root.resolve("made"));
            refused(2, "is no tokenizer", "import", whole, root.resolve("made"), "--tokenizer", root.resolve("empty"));
            refused(1, "no averaged weights", "import", whole, root.resolve("made"), "--ema");
            refused(2, "no model", "import", root.resolve("nowhere"), root.resolve("made"));
            refused(2, "prediction", "import", whole, root.resolve("made"), "--prediction", "x0");
            refused(1, "no such folder", "import", whole, root.resolve("nowhere/made"));
            Files.writeString(root.resolve("notes.txt"), "text");
            refused(1, "is of no kind that is read", "import", root.resolve("notes.txt"), root.resolve("made"));
            assertThat(root.toFile().list()).allMatch(name -> !name.startsWith(".") && !name.equals("made"));
        }
    }

    private static void refused(int code, String why, Object... words) {
        Typed r = palitra(words);
        assertThat(r.code()).as(List.of(words) + ": " + r.err()).isEqualTo(code);
        assertThat(r.err()).contains(why).doesNotContain("\tat ");
        assertThat(r.err().lines().filter(l -> l.startsWith("palitra: "))).hasSize(1);
    }

    /** As {@code torch.save} writes a dictionary of tensors of F32, names with dots as one name. */
    private static byte[] torchSave(Map<String, Tensor> all) throws IOException {
        ByteArrayOutputStream pickle = new ByteArrayOutputStream(), file = new ByteArrayOutputStream();
        pickle.write(new byte[] {(byte) 0x80, 2, '}', '('});
        try (ZipOutputStream zip = new ZipOutputStream(file)) {
            int key = 0;
            for (Map.Entry<String, Tensor> e : all.entrySet()) {
                Tensor t = e.getValue().contiguous();
                text(pickle, e.getKey());
                latin(pickle, "ctorch._utils\n_rebuild_tensor_v2\n((");
                text(pickle, "storage");
                latin(pickle, "ctorch\nFloatStorage\n");
                text(pickle, String.valueOf(key));
                text(pickle, "cpu");
                number(pickle, t.numel());
                latin(pickle, "tQK\0(");
                for (long n : t.shape()) number(pickle, n);
                latin(pickle, "t(");
                for (int i = 0; i < t.dims(); i++) {
                    long stride = 1;
                    for (int j = i + 1; j < t.dims(); j++) stride *= t.size(j);
                    number(pickle, stride);
                }
                latin(pickle, "t\u0089ccollections\nOrderedDict\n)RtR");
                ByteBuffer values = ByteBuffer.allocate(4 * (int) t.numel()).order(ByteOrder.LITTLE_ENDIAN);
                for (float f : t.floats()) values.putFloat(f);
                entry(zip, "a/data/" + key++, values.array());
            }
            latin(pickle, "u.");
            entry(zip, "a/data.pkl", pickle.toByteArray());
        }
        return file.toByteArray();
    }

    private static void latin(ByteArrayOutputStream out, String s) { out.writeBytes(s.getBytes(StandardCharsets.ISO_8859_1)); }

    private static void text(ByteArrayOutputStream out, String s) {
        byte[] bytes = s.getBytes(StandardCharsets.UTF_8);
        out.write('X');
        out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(bytes.length).array());
        out.writeBytes(bytes);
    }

    private static void number(ByteArrayOutputStream out, long n) {
        out.write('J');
        out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt((int) n).array());
    }

    private static void entry(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setCrc(crc.getValue());
        entry.setSize(bytes.length);
        zip.putNextEntry(entry);
        zip.write(bytes);
    }

    @Test void whatACheckpointHoldsBesidesIsToldInOneLineAndWhatChangesThePictureIsRefused() throws IOException {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = small();
            for (int i = 0; i < 30; i++) all.put("control_model.zero_convs." + i, Torch.ones(1));
            Path file = root.resolve("more.safetensors"), sharded = Files.createDirectories(root.resolve("sharded"));
            Safetensors.write(file, all, Map.of());
            Typed r = palitra("import", file, root.resolve("made"));
            assertThat(r.code()).as(r.err()).isZero();
            assertThat(r.err().lines().filter(l -> l.contains("passed over"))).singleElement().asString().endsWith(" and 20 more");
            all.put("edm_vpred.sigma_max", Torch.ones(1));
            Safetensors.write(file, all, Map.of());
            refused(1, "edm_vpred.sigma_max", "import", file, root.resolve("not-made"));

            Files.writeString(sharded.resolve("config.json"), "{}");
            String shard = "diffusion_pytorch_model.fp16-00001-of-00001.safetensors";
            Safetensors.write(sharded.resolve(shard), Map.of("a", Torch.full(2, 2)), Map.of());
            Files.writeString(sharded.resolve("diffusion_pytorch_model.safetensors.index.fp16.json"), "{\"weight_map\": {\"a\": \"" + shard
                + "\"}}");
            assertThat(palitra("import", sharded, root.resolve("whole")).code()).isZero();
            assertThat(floats(read(root.resolve("whole/diffusion_pytorch_model.safetensors")), "a")).containsExactly(2, 2);
        }
    }

    @Test void aFileOfNvidiasBecomesARunThatDrawsAndThatTrainingBeginsWith() throws IOException {
        Path file = References.find("models/stylegan2/network-snapshot-000000.pkl"), made = root.resolve("sg"), next = root.resolve("next");
        Typed r = palitra("import", file, made);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.err()).contains("a run of stylegan, pictures of 3x32x32 without classes; generator ");
        Typed drawn = palitra("sample", made, "-n", "2", "--set", "truncation=0.7", "--out", root.resolve("s.png"));
        assertThat(drawn.code()).as(drawn.err()).isZero();
        Typed between = palitra("interpolate", made, "--out", root.resolve("i.png"));
        assertThat(between.code()).as(between.err()).isZero();
        Typed trained = palitra("train", "stylegan", "strokes", "--set", "data.size=32", "--set", "data.channels=3", "--set", "latent=16",
            "--set", "style=16", "--set", "mapping=8", "--set", "channelBase=256", "--set", "channelMax=16", "--set", "base=" + made,
            "--set", "train.steps=1", "--set", "train.batch=2", "--out", next);
        assertThat(trained.code()).as(trained.err()).isZero();
        Typed other = palitra("train", "stylegan", "strokes", "--set", "base=" + made, "--set", "train.steps=1", "--out",
            root.resolve("other"));
        assertThat(other.code()).isEqualTo(2);
        assertThat(other.err()).contains("has other networks than these keys and this data describe: ");
    }

    @Test void aPickleThatAsksForMoreIsRefusedInOneLineAndLeavesNothing() throws IOException {
        Path file = Files.writeString(root.resolve("evil.pkl"), "\u0080\u0003cos\nsystem\nX\4\0\0\0true\u0085R.",
            StandardCharsets.ISO_8859_1), made = root.resolve("evil");
        Typed r = palitra("import", file, made);
        assertThat(r.code()).isEqualTo(1);
        assertThat(r.err()).contains("the pickle asks for 'os.system', which NVIDIA's files do not need and which is not "
            + "run").hasLineCount(1);
        assertThat(made).doesNotExist();
        Typed named = palitra("import", file, made, "--ema");
        assertThat(named.code()).isEqualTo(2);
        assertThat(named.err()).contains("is of networks of NVIDIA's, so it takes no --ema").hasLineCount(1);
    }
}
