package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Json;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.hub.StyleGanFile;
import io.palitra.hub.Weights;
import io.palitra.net.AutoencoderKl;
import io.palitra.net.AutoencoderKlTemporal;
import io.palitra.net.BigGanDeep;
import io.palitra.net.ClipNet;
import io.palitra.net.ClipText;
import io.palitra.net.ClipVision;
import io.palitra.net.Dit;
import io.palitra.net.Gpt2;
import io.palitra.net.Idefics;
import io.palitra.net.Latte;
import io.palitra.net.LegacyTensorNames;
import io.palitra.net.PriorTransformer;
import io.palitra.net.StyleDiscriminator;
import io.palitra.net.StyleGan2;
import io.palitra.net.StyleGenerator;
import io.palitra.net.T5Encoder;
import io.palitra.net.TokenSampling;
import io.palitra.net.Unet2d;
import io.palitra.net.UnetCondition2d;
import io.palitra.net.VqModel;
import io.palitra.nn.Module;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** With the weights of public libraries our networks compute what theirs compute: every folder of reference numbers is a case. */
class ModelParityTest {
    private static final double TOLERANCE = 2e-4;   // of the largest output

    @TestFactory
    Stream<DynamicTest> aPublicNetworkComputesWhatItsOwnLibraryComputes() throws IOException {
        List<DynamicTest> tests = new ArrayList<>();
        for (Path models : References.all("models")) {
            List<Path> cases;
            try (Stream<Path> folders = Files.list(models)) {
                cases = folders.filter(f -> Files.isRegularFile(f.resolve("config.json"))).sorted().toList();
            }
            assertThat(cases).as("cases under " + models).isNotEmpty();
            for (Path folder : cases) tests.add(dynamicTest(folder.getFileName().toString(), () -> compare(folder)));
        }
        return tests.isEmpty() ? Stream.of(dynamicTest("models", () -> abort(References.none("models")))) : tests.stream();
    }

    private static void compare(Path folder) throws IOException {
        JsonNode config = Json.read(folder.resolve("config.json"));
        String kind = config.path("_class_name").asText(config.path("architectures").path(0).asText(config.path("class").asText()));
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            switch (kind) {
                case "UNet2DModel" -> unet2d(folder, config);
                case "UNet2DConditionModel" -> unetCondition2d(folder, config);
                case "AutoencoderKL" -> autoencoderKl(folder, config);
                case "AutoencoderKLTemporalDecoder" -> autoencoderKlTemporal(folder, config);
                case "VQModel" -> vqModel(folder, config);
                case "DiTTransformer2DModel" -> dit(folder, config);
                case "CLIPTextModel", "CLIPTextModelWithProjection" -> clipText(folder, config);
                case "CLIPVisionModel", "CLIPVisionModelWithProjection" -> clipVision(folder, config);
                case "CLIPModel" -> clip(folder, config);
                case "GPT2LMHeadModel" -> gpt2(folder, config);
                case "StyleGAN2" -> styleGan2(folder, config);
                case "T5EncoderModel" -> t5Encoder(folder, config);
                case "IdeficsForVisionText2Text" -> idefics(folder, config);
                case "LatteTransformer3DModel" -> latte(folder, config);
                case "PriorTransformer" -> prior(folder, config);
                default -> {
                    if (BigGanDeep.Config.is(config)) bigGan(folder, config);
                    else skip(folder, kind.isEmpty() ? "its class" : kind);
                }
            }
        }
    }

    private static void skip(Path folder, String what) {
        References.skip("models/" + folder.getFileName() + ": " + what + " is not built yet");
    }

    private static void unet2d(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder, Set.of("sample", "timestep", "class_labels", "output"));
        try (Unet2d unet = loaded(folder, new Unet2d(Unet2d.Config.fromJson(config), Rng.silent()))) {
            same(unet.forward(get(io, "sample"), times(io), io.get("class_labels")), get(io, "output"));
        }
    }

    private static void unetCondition2d(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder, Set.of("sample", "timestep", "encoder_hidden_states", "encoder_attention_mask", "class_labels",
            "timestep_cond", "text_embeds", "image_embeds", "time_ids", "output"));
        UnetCondition2d.Given given = new UnetCondition2d.Given(io.get("encoder_hidden_states"), io.get("encoder_attention_mask"),
            io.get("class_labels"), io.get("timestep_cond"), io.getOrDefault("image_embeds", io.get("text_embeds")),
            io.get("time_ids"));
        UnetCondition2d.Config read = UnetCondition2d.Config.fromJson(config);
        assertThat(UnetCondition2d.Config.fromJson(read.toJson())).isEqualTo(read);
        try (UnetCondition2d unet = loaded(folder, new UnetCondition2d(read, Rng.silent()))) {
            same(unet.forward(get(io, "sample"), times(io), given), get(io, "output"));
        }
    }

    private static void autoencoderKl(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder, Set.of("sample", "mean", "logvar", "decoded"));
        AutoencoderKl.Config read = AutoencoderKl.Config.fromJson(config);
        assertThat(AutoencoderKl.Config.fromJson(read.toJson())).isEqualTo(read);
        try (AutoencoderKl vae = loaded(folder, new AutoencoderKl(read, Rng.silent()))) {
            AutoencoderKl.Posterior q = vae.encode(get(io, "sample"));
            same(q.mean(), get(io, "mean"));
            same(q.logVar(), get(io, "logvar"));
            same(vae.decode(get(io, "mean")), get(io, "decoded"));
        }
    }

    private static void autoencoderKlTemporal(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder);
        AutoencoderKlTemporal.Config read = AutoencoderKlTemporal.Config.fromJson(config);
        assertThat(AutoencoderKlTemporal.Config.fromJson(read.toJson())).isEqualTo(read);
        try (AutoencoderKlTemporal vae = loaded(folder, new AutoencoderKlTemporal(read, Rng.silent()))) {
            AutoencoderKl.Posterior q = vae.encode(get(io, "sample"));
            Tensor decoded = vae.decode(get(io, "latents"), (int) get(io, "num_frames").longs()[0]);
            same(io, Map.of("mean", q.mean(), "logvar", q.logVar(), "decoded", decoded), "sample", "latents", "num_frames");
        }
    }

    private static void vqModel(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder, Set.of("sample", "latents", "indices", "quantized", "decoded"));
        VqModel.Config read = VqModel.Config.fromJson(config);
        assertThat(VqModel.Config.fromJson(read.toJson())).isEqualTo(read);
        try (VqModel vq = loaded(folder, new VqModel(read, Rng.silent()))) {
            Tensor latents = get(io, "latents"), codes = vq.codes(latents);
            same(vq.encode(get(io, "sample")), latents);
            assertThat(codes.reshape(-1).longs()).isEqualTo(get(io, "indices").reshape(-1).longs());
            same(vq.quantized(latents), get(io, "quantized"));
            same(vq.decode(latents), get(io, "decoded"));
            same(vq.decodeCodes(codes), get(io, "decoded"));
        }
    }

    private static void dit(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder, Set.of("sample", "timestep", "class_labels", "output"));
        Dit.Config read = Dit.Config.fromJson(config);
        assertThat(Dit.Config.fromJson(read.toJson())).isEqualTo(read);
        try (Dit dit = loaded(folder, new Dit(read, Rng.silent()))) {
            same(dit.forward(get(io, "sample"), times(io), get(io, "class_labels")), get(io, "output"));
        }
    }

    private static void latte(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder);
        Latte.Config read = Latte.Config.fromJson(config);
        assertThat(Latte.Config.fromJson(read.toJson())).isEqualTo(read);
        try (Latte latte = loaded(folder, new Latte(read, Rng.silent()))) {
            Tensor x = get(io, "hidden_states"), t = get(io, "timestep").reshape(-1).expand(x.size(0));
            Tensor text = io.get("encoder_hidden_states");
            Map<String, Tensor> got = new HashMap<>(Map.of("output", latte.forward(x, t, text, true)));
            got.put("output_without_temporal", latte.forward(x, t, text, false));
            same(io, got, "hidden_states", "timestep", "encoder_hidden_states");
        }
    }

    private static void prior(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder);
        PriorTransformer.Config read = PriorTransformer.Config.fromJson(config);
        assertThat(PriorTransformer.Config.fromJson(read.toJson())).isEqualTo(read);
        try (PriorTransformer prior = loaded(folder, new PriorTransformer(read, Rng.silent()))) {
            Tensor x = get(io, "hidden_states"), t = get(io, "timestep").reshape(-1).expand(x.size(0)), text = get(io, "proj_embedding");
            Tensor tokens = io.get("encoder_hidden_states"), mask = io.get("attention_mask"), output = prior.forward(x, t, text, tokens,
                null);
            Map<String, Tensor> got = new HashMap<>(Map.of("output", output, "post_processed", prior.unscaled(output)));
            if (mask != null) got.put("output_masked", prior.forward(x, t, text, tokens, mask));
            same(io, got, "hidden_states", "timestep", "proj_embedding", "encoder_hidden_states", "attention_mask");
        }
    }

    private static Map<String, Tensor> io(Path folder, Set<String> known) {
        Map<String, Tensor> io = io(folder);
        assertThat(io.keySet()).contains("sample").isSubsetOf(known);
        return io;
    }

    private static <M extends Module> M loaded(Path folder, M net) {
        net.load(LegacyTensorNames.renewed(Safetensors.read(folder.resolve("diffusion_pytorch_model.safetensors")).tensors()));
        net.training(false);
        return net;
    }

    /** One for all, or one for each item. */
    private static Tensor times(Map<String, Tensor> io) { return get(io, "timestep").reshape(-1).expand(get(io, "sample").size(0)); }

    private static void clipText(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder);
        try (ClipText net = new ClipText(ClipText.Config.fromJson(config), new Rng(0))) {
            net.loadPublic(weights(folder));
            ClipText.Output out = net.forward(get(io, "input_ids"), io.get("attention_mask"));
            Map<String, Tensor> got = new HashMap<>(Map.of("last_hidden_state", out.last(), "pooler_output", out.pooled()));
            if (out.projected() != null) got.put("text_embeds", out.projected());
            for (int i = 0; i < out.hidden().size(); i++) got.put("hidden_states." + i, out.hidden().get(i));
            same(io, got, "input_ids", "attention_mask");
        }
    }

    private static void clipVision(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder);
        try (ClipVision net = new ClipVision(ClipVision.Config.fromJson(config), new Rng(0))) {
            net.loadPublic(weights(folder));
            ClipVision.Output out = net.forward(get(io, "pixel_values"));
            Map<String, Tensor> got = new HashMap<>(Map.of("last_hidden_state", out.last(), "pooler_output", out.pooled()));
            if (out.projected() != null) got.put("image_embeds", out.projected());
            for (int i = 0; i < out.hidden().size(); i++) got.put("hidden_states." + i, out.hidden().get(i));
            same(io, got, "pixel_values");
        }
    }

    private static void clip(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder);
        try (ClipNet net = new ClipNet(ClipNet.Config.fromJson(config), new Rng(0))) {
            net.loadPublic(weights(folder));
            Tensor ids = get(io, "input_ids"), mask = io.get("attention_mask");
            ClipNet.Output out = net.forward(ids, mask, get(io, "pixel_values"));
            same(io, Map.of("text_embeds", out.text(), "image_embeds", out.image(), "logits_per_image", out.logits(),
                "logits_per_text", out.logits().t(), "last_hidden_state", net.text().forward(ids, mask).last()),
                "input_ids", "attention_mask", "pixel_values");
        }
    }

    private static void gpt2(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder);
        try (Gpt2 net = new Gpt2(Gpt2.Config.fromJson(config), new Rng(0))) {
            net.loadPublic(weights(folder));
            Tensor ids = get(io, "input_ids"), mask = io.get("attention_mask"), greedy = io.get("greedy");
            same(io, Map.of("logits", net.forward(ids, mask, null)), "input_ids", "attention_mask", "greedy");
            if (greedy == null) return;
            int tokens = (int) (greedy.size(1) - ids.size(1));
            assertThat(net.generate(ids, tokens, TokenSampling.GREEDY, new Rng(0)).longs()).isEqualTo(greedy.longs());
        }
    }

    private static void styleGan2(Path folder, JsonNode config) {
        StyleGan2 read = StyleGan2.fromJson(config);
        assertThat(StyleGan2.fromJson(read.toJson())).isEqualTo(read);
        styleGan2(folder, read, name -> Safetensors.read(folder.resolve(name + ".safetensors")).tensors());
        Path pickled = folder.resolve("network-snapshot-000000.pkl");
        if (!Files.exists(pickled)) return;
        Map<String, StyleGanFile.Network> all = StyleGanFile.read(pickled);
        StyleGan2 own = new StyleGan2(StyleGenerator.Config.fromJson(network(all, "G_ema").arguments()),
            StyleDiscriminator.Config.fromJson(network(all, "D").arguments()), read.truncationCutoff());
        assertThat(own).isEqualTo(read);
        styleGan2(folder, own, name -> network(all, name).state());
    }

    private static StyleGanFile.Network network(Map<String, StyleGanFile.Network> all, String name) {
        return Objects.requireNonNull(all.get(name), name);
    }

    /** @param state of G, D and G_ema */
    private static void styleGan2(Path folder, StyleGan2 config, Function<String, Map<String, Tensor>> state) {
        Map<String, Tensor> io = io(folder), got = new HashMap<>();
        try (StyleGenerator g = new StyleGenerator(config.generator(), Rng.silent());
            StyleDiscriminator d = new StyleDiscriminator(config.discriminator(), Rng.silent())) {
            Tensor c = io.get("c");
            g.load(state.apply("G"));
            got.put("image_G", g.draw(g.styles(get(io, "z"), c), g.synthesis().noise()));
            g.load(state.apply("G_ema"));
            Tensor ws = g.styles(get(io, "z"), c), near = g.truncated(ws, 0.7, config.truncationCutoff());
            Tensor truncated = g.draw(near, g.synthesis().noise());
            got.putAll(Map.of("ws", ws, "ws_truncated", near, "image", g.draw(ws, g.synthesis().noise()), "image_truncated", truncated,
                "image_truncated_without_noise", g.draw(near, List.of())));
            d.load(state.apply("D"));
            got.put("D_scores", d.forward(get(io, "D_images"), io.getOrDefault("D_c", c)).unsqueeze(1));
            got.put("D_scores_of_generated", d.forward(truncated.rows(0, 2), c == null ? null : c.rows(0, 2)).unsqueeze(1));
            same(io, got, "z", "D_images", "c", "D_c");
        }
    }

    private static void t5Encoder(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder);
        try (T5Encoder net = new T5Encoder(T5Encoder.Config.fromJson(config), Rng.silent())) {
            net.loadPublic(weights(folder));
            Tensor ids = get(io, "input_ids"), mask = io.get("attention_mask");
            Map<String, Tensor> got = new HashMap<>(Map.of("last_hidden_state", net.forward(ids, null)));
            if (mask != null) got.put("last_hidden_state_masked", net.forward(ids, mask));
            same(io, got, "input_ids", "attention_mask");
        }
    }

    /** A number of hundredths in the name of an output is its truncation. */
    private static void bigGan(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder);
        BigGanDeep.Config read = BigGanDeep.Config.fromJson(config, note -> { });
        assertThat(BigGanDeep.Config.fromJson(read.toJson(), note -> { })).isEqualTo(read);
        for (String weights : List.of("model.safetensors", "pytorch_model.bin")) {
            if (!Files.exists(folder.resolve(weights))) continue;
            try (BigGanDeep net = new BigGanDeep(read, Rng.silent())) {
                net.loadPublic(Weights.read(folder.resolve(weights)), note -> { });
                Map<String, Tensor> got = new HashMap<>();
                for (String name : io.keySet()) {
                    if (!name.startsWith("output_")) continue;
                    double truncation = Integer.parseInt(name.substring("output_".length())) / 100.0;
                    got.put(name, net.forward(get(io, "z"), get(io, "class_vector"), truncation));
                }
                same(io, got, "z", "class_vector");
            }
        }
    }

    private static void idefics(Path folder, JsonNode config) {
        Map<String, Tensor> io = io(folder);
        Idefics.Config read = Idefics.Config.fromJson(config);
        assertThat(Idefics.Config.fromJson(read.toJson())).isEqualTo(read);
        try (Idefics net = new Idefics(read, Rng.silent())) {
            net.loadPublic(weights(folder));
            Tensor mask = get(io, "attention_mask"), pictures = net.pictures(get(io, "pixel_values"));
            Tensor logits = net.forward(get(io, "input_ids"), mask, pictures, get(io, "image_attention_mask"));
            same(io, Map.of("logits", logits.mul(mask.unsqueeze(2))), "input_ids", "attention_mask", "image_attention_mask",
                "pixel_values");
        }
    }

    private static Map<String, Tensor> io(Path folder) { return Safetensors.read(folder.resolve("io.safetensors")).tensors(); }

    private static Map<String, Tensor> weights(Path folder) { return Safetensors.read(folder.resolve("model.safetensors")).tensors(); }

    /** Every tensor of the case that is no input is one that we computed, and the same. */
    private static void same(Map<String, Tensor> io, Map<String, Tensor> got, String... inputs) {
        Map<String, Tensor> wanted = new HashMap<>(io);
        wanted.keySet().removeAll(Set.of(inputs));
        assertThat(wanted).isNotEmpty();
        assertThat(got.keySet()).containsAll(wanted.keySet());
        wanted.forEach((name, t) -> same(get(got, name), t));
    }

    private static Tensor get(Map<String, Tensor> io, String name) { return Objects.requireNonNull(io.get(name), name); }

    private static void same(Tensor got, Tensor wanted) {
        assertThat(got.shape()).isEqualTo(wanted.shape());
        double worst = got.sub(wanted).abs().max().item() / wanted.abs().max().item();
        assertThat(worst).as("largest difference, of the largest output").isLessThanOrEqualTo(TOLERANCE);
    }
}
