package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.data.FormatException;
import io.palitra.diffusion.DiffusersScheduler;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.LdmCheckpoint.Kind;
import io.palitra.hub.LdmCheckpoint.Part;
import io.palitra.hub.LdmCheckpoint.Prediction;
import io.palitra.net.AutoencoderKl;
import io.palitra.net.ClipText;
import io.palitra.net.UnetCondition2d;
import io.palitra.nn.Module;
import io.palitra.parity.References;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LdmCheckpointTest {
    private static final Path TINY = References.first("pipelines/stable-diffusion-tiny").orElse(Path.of("nowhere"));

    /** Layers within a block, here and there. */
    private static final Map<String, String> RES_BLOCK = Map.of("in_layers.0", "norm1", "in_layers.2", "conv1", "emb_layers.1",
        "time_emb_proj", "out_layers.0", "norm2", "out_layers.3", "conv2", "skip_connection", "conv_shortcut");
    private static final Map<String, String> VAE_BLOCK = Map.of("norm1", "norm1", "conv1", "conv1", "norm2", "norm2", "conv2", "conv2",
        "nin_shortcut", "conv_shortcut");
    private static final Map<String, String> VAE_ATTENTION = Map.of("norm", "group_norm", "q", "to_q", "k", "to_k", "v", "to_v",
        "proj_out", "to_out.0");

    /** Every block of the tiny folder's U-Net under the name that latent diffusion gives it. */
    private static final Map<String, String> UNET_BLOCKS = Map.ofEntries(
        Map.entry("down_blocks.0.resnets.0", "input_blocks.1.0"), Map.entry("down_blocks.0.attentions.0", "input_blocks.1.1"),
        Map.entry("down_blocks.0.downsamplers.0.conv", "input_blocks.2.0.op"), Map.entry("down_blocks.1.resnets.0", "input_blocks.3.0"),
        Map.entry("mid_block.resnets.0", "middle_block.0"), Map.entry("mid_block.attentions.0", "middle_block.1"),
        Map.entry("mid_block.resnets.1", "middle_block.2"),
        Map.entry("up_blocks.0.resnets.0", "output_blocks.0.0"), Map.entry("up_blocks.0.resnets.1", "output_blocks.1.0"),
        Map.entry("up_blocks.0.upsamplers.0.conv", "output_blocks.1.1.conv"),
        Map.entry("up_blocks.1.resnets.0", "output_blocks.2.0"), Map.entry("up_blocks.1.attentions.0", "output_blocks.2.1"),
        Map.entry("up_blocks.1.resnets.1", "output_blocks.3.0"), Map.entry("up_blocks.1.attentions.1", "output_blocks.3.1"),
        Map.entry("time_embedding.linear_1", "time_embed.0"), Map.entry("time_embedding.linear_2", "time_embed.2"),
        Map.entry("conv_in", "input_blocks.0.0"), Map.entry("conv_norm_out", "out.0"), Map.entry("conv_out", "out.2"));
    /** And of its autoencoder: levels of the decoder are counted from the picture's. */
    private static final Map<String, String> VAE_BLOCKS = Map.ofEntries(
        Map.entry("encoder.conv_in", "encoder.conv_in"), Map.entry("encoder.down_blocks.0.resnets.0", "encoder.down.0.block.0"),
        Map.entry("encoder.down_blocks.0.downsamplers.0.conv", "encoder.down.0.downsample.conv"),
        Map.entry("encoder.down_blocks.1.resnets.0", "encoder.down.1.block.0"),
        Map.entry("encoder.mid_block.resnets.0", "encoder.mid.block_1"), Map.entry("encoder.mid_block.attentions.0", "encoder.mid.attn_1"),
        Map.entry("encoder.mid_block.resnets.1", "encoder.mid.block_2"),
        Map.entry("encoder.conv_norm_out", "encoder.norm_out"), Map.entry("encoder.conv_out", "encoder.conv_out"),
        Map.entry("decoder.conv_in", "decoder.conv_in"),
        Map.entry("decoder.mid_block.resnets.0", "decoder.mid.block_1"), Map.entry("decoder.mid_block.attentions.0", "decoder.mid.attn_1"),
        Map.entry("decoder.mid_block.resnets.1", "decoder.mid.block_2"),
        Map.entry("decoder.up_blocks.0.resnets.0", "decoder.up.1.block.0"),
        Map.entry("decoder.up_blocks.0.resnets.1", "decoder.up.1.block.1"),
        Map.entry("decoder.up_blocks.0.upsamplers.0.conv", "decoder.up.1.upsample.conv"),
        Map.entry("decoder.up_blocks.1.resnets.0", "decoder.up.0.block.0"),
        Map.entry("decoder.up_blocks.1.resnets.1", "decoder.up.0.block.1"),
        Map.entry("decoder.conv_norm_out", "decoder.norm_out"), Map.entry("decoder.conv_out", "decoder.conv_out"),
        Map.entry("quant_conv", "quant_conv"), Map.entry("post_quant_conv", "post_quant_conv"));

    @TempDir Path folder;

    /** The name in a file of latent diffusion: that of the block from a table, the rest from the block's own. */
    private static String ldm(String key, Map<String, String> blocks) {
        String kind = key.substring(key.lastIndexOf('.'));
        String layer = key.substring(0, key.length() - kind.length());
        if (blocks.containsKey(layer)) return blocks.get(layer) + kind;
        for (Map.Entry<String, String> e : blocks.entrySet()) {
            if (!layer.startsWith(e.getKey() + ".")) continue;
            String inner = layer.substring(e.getKey().length() + 1);
            Map<String, String> own = blocks == UNET_BLOCKS ? RES_BLOCK : e.getKey().contains("attentions") ? VAE_ATTENTION : VAE_BLOCK;
            boolean same = blocks == UNET_BLOCKS && e.getKey().contains("attentions");
            String old = same ? inner : own.entrySet().stream().filter(o -> o.getValue().equals(inner)).findFirst().orElseThrow().getKey();
            return e.getValue() + "." + old + kind;
        }
        throw new AssertionError("no block for " + key);
    }

    private static Map<String, Tensor> tiny(String file) { return Safetensors.read(TINY.resolve(file)).tensors(); }

    /** The tiny folder in one file. */
    private static Map<String, Tensor> tinyCheckpoint() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        tiny("unet/diffusion_pytorch_model.safetensors").forEach((k, t) -> all.put("model.diffusion_model." + ldm(k, UNET_BLOCKS), t));
        tiny("vae/diffusion_pytorch_model.safetensors").forEach((k, t) -> {
            boolean attends = k.contains("attentions") && t.dims() == 2;
            all.put("first_stage_model." + ldm(k, VAE_BLOCKS), attends ? t.reshape(t.size(0), t.size(1), 1, 1) : t);
        });
        tiny("text_encoder/model.safetensors").forEach((k, t) -> all.put("cond_stage_model.transformer.text_model." + k, t));
        all.put("cond_stage_model.transformer.text_model.embeddings.position_ids", Torch.arange(0, 77).reshape(1, 77));
        all.put("alphas_cumprod", Torch.ones(1000));
        return all;
    }

    private static final List<String> NOTES = new ArrayList<>();

    private static LdmCheckpoint read(Map<String, Tensor> tensors) {
        return LdmCheckpoint.of("a.ckpt", tensors, false, Optional.empty(), NOTES::add);
    }

    private static Part part(LdmCheckpoint checkpoint, String name) { return Objects.requireNonNull(checkpoint.parts().get(name), name); }

    private static void same(Map<String, Tensor> got, Map<String, Tensor> wanted, UnaryOperator<String> name) {
        Map<String, Tensor> renamed = new TreeMap<>();
        wanted.forEach((k, t) -> renamed.put(name.apply(k), t));
        assertThat(new TreeMap<>(got).keySet()).isEqualTo(renamed.keySet());
        renamed.forEach((k, t) -> {
            Tensor own = Objects.requireNonNull(got.get(k), k);
            assertThat(own.shape()).as(k).isEqualTo(t.shape());
            assertThat(own.floats()).as(k).isEqualTo(t.floats());
        });
    }

    private static void needsTheTinyFolder() {
        References.find("pipelines/stable-diffusion-tiny");
    }

    @Test void theTinyPipelineInOneFileIsReadBackBitForBit() throws IOException {
        needsTheTinyFolder();
        try (Scope scope = new Scope()) {
            LdmCheckpoint checkpoint = read(tinyCheckpoint());
            assertThat(checkpoint.kind()).isEqualTo(Kind.SD1);
            assertThat(checkpoint.parts().keySet()).containsExactly("unet", "vae", "text_encoder");
            same(part(checkpoint, "unet").tensors(), tiny("unet/diffusion_pytorch_model.safetensors"), k -> k);
            same(part(checkpoint, "vae").tensors(), tiny("vae/diffusion_pytorch_model.safetensors"), k -> k);
            same(part(checkpoint, "text_encoder").tensors(), tiny("text_encoder/model.safetensors"), k -> "text_model." + k);

            // what no tensor tells is as in the published models, not as in this folder
            ObjectNode unet = part(checkpoint, "unet").config();
            unet.put("attention_head_dim", 4).put("norm_num_groups", 4).put("sample_size", 8);
            assertThat(UnetCondition2d.Config.fromJson(unet)).isEqualTo(UnetCondition2d.Config.fromJson(config("unet")));
            ObjectNode vae = part(checkpoint, "vae").config().put("norm_num_groups", 4).put("sample_size", 16);
            assertThat(AutoencoderKl.Config.fromJson(vae)).isEqualTo(AutoencoderKl.Config.fromJson(config("vae")));
            ObjectNode text = part(checkpoint, "text_encoder").config().put("num_attention_heads", 2).put("projection_dim", 32);
            assertThat(ClipText.Config.fromJson(text)).isEqualTo(ClipText.Config.fromJson(config("text_encoder")));
        }
    }

    private static JsonNode config(String part) throws IOException { return Json.read(TINY.resolve(part + "/config.json")); }

    @Test void averagedWeightsAreTakenOnlyWhenAskedFor() {
        needsTheTinyFolder();
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = tinyCheckpoint();
            Map<String, Tensor> both = new LinkedHashMap<>(all);
            all.forEach((k, t) -> {
                if (k.startsWith("model.")) both.put("model_ema." + k.substring("model.".length()).replace(".", ""), t.add(1));
            });
            Tensor own = Objects.requireNonNull(all.get("model.diffusion_model.out.2.bias"));
            assertThat(bias(read(both))).isEqualTo(own.floats());
            assertThat(bias(LdmCheckpoint.of("a", both, true, Optional.empty(), NOTES::add))).isEqualTo(own.add(1).floats());
            assertThat(both).containsKey("model_ema.diffusion_modelout2bias");
            refused(() -> LdmCheckpoint.of("a.ckpt", all, true, Optional.empty(), NOTES::add), "no averaged weights",
                "model_ema.diffusion_model");
        }
    }

    private static float[] bias(LdmCheckpoint checkpoint) {
        return Objects.requireNonNull(part(checkpoint, "unet").tensors().get("conv_out.bias")).floats();
    }

    /** Fused [3D,D] of consecutive numbers: queries begin with 0, keys with D D, values with 2 D D. */
    @Test void openClipsFusedAttentionIsSplitAndItsProjectionTransposed() {
        try (Scope scope = new Scope()) {
            int d = 4;
            LdmKeyList names = new LdmKeyList().openClip("t.", 10, d, 3, 2);
            Map<String, Tensor> all = names.tensors();
            all.put("t.transformer.resblocks.1.attn.in_proj_weight", Torch.arange(0, 3 * d * d).reshape(3 * d, d));
            all.put("t.transformer.resblocks.1.attn.in_proj_bias", Torch.arange(100, 100 + 3 * d));
            all.put("t.text_projection", Torch.arange(0, 2 * d).reshape(d, 2));
            all.put("t.transformer.resblocks.1.mlp.c_proj.bias", Torch.full(7, d));
            all.remove("t.logit_scale");

            TreeMap<String, Tensor> left = new TreeMap<>(all);
            LdmPart whole = new LdmPart("a", "t.", left);
            ObjectNode config = whole.openClip(true);
            assertThat(left).isEmpty();
            String layer = "text_model.encoder.layers.1.";
            assertThat(doubles(whole, layer + "self_attn.q_proj.weight")).startsWith(0, 1, 2, 3, 4).hasSize(16);
            assertThat(doubles(whole, layer + "self_attn.k_proj.weight")).startsWith(16, 17).endsWith(31);
            assertThat(doubles(whole, layer + "self_attn.v_proj.weight")).startsWith(32, 33).endsWith(47);
            assertThat(doubles(whole, layer + "self_attn.q_proj.bias")).containsExactly(100, 101, 102, 103);
            assertThat(doubles(whole, layer + "self_attn.k_proj.bias")).containsExactly(104, 105, 106, 107);
            assertThat(doubles(whole, layer + "self_attn.v_proj.bias")).containsExactly(108, 109, 110, 111);
            assertThat(doubles(whole, layer + "mlp.fc2.bias")).containsOnly(7);
            assertThat(doubles(whole, "text_projection.weight")).containsExactly(0, 2, 4, 6, 1, 3, 5, 7);   // [2,4] of [4,2]
            ClipText.Config read = ClipText.Config.fromJson(config);
            assertThat(read.projected()).isTrue();
            assertThat(read.numHiddenLayers()).isEqualTo(3);
            assertThat(read.projectionDim()).isEqualTo(2);
            try (ClipText net = new ClipText(read, Rng.silent())) { net.load(whole.tensors()); }

            // without the last block: Stable Diffusion 2
            left.putAll(all);
            LdmPart penultimate = new LdmPart("a", "t.", left);
            ClipText.Config cut = ClipText.Config.fromJson(penultimate.openClip(false));
            assertThat(left).isEmpty();
            assertThat(cut.numHiddenLayers()).isEqualTo(2);
            assertThat(cut.projected()).isFalse();
            try (ClipText net = new ClipText(cut, Rng.silent())) { net.load(penultimate.tensors()); }
        }
    }

    private static double[] doubles(LdmPart part, String name) { return Objects.requireNonNull(part.tensors().get(name), name).doubles(); }

    @Test void theLastOfTwentyFourBlocksIsLeftOutAndOfTwentyThreeNone() {
        try (Scope scope = new Scope()) {
            for (int blocks : new int[] {23, 24}) {
                LdmPart part = new LdmPart("a", "t.", new TreeMap<>(new LdmKeyList().openClip("t.", 10, 4, blocks, 4).tensors()));
                assertThat(part.openClip(false).path("num_hidden_layers").asInt()).isEqualTo(23);
            }
        }
    }

    private static long numbers(Part part) { return part.tensors().values().stream().mapToLong(Tensor::numel).sum(); }

    /** The published models have as many numbers as this, to the last. */
    @Test void theModelsInTheirFullSizeHaveAllTheirTensors() {
        try (Scope scope = new Scope()) {
            LdmCheckpoint one = read(LdmKeyList.sd1(4, 320, 768, 12, 128).tensors());
            assertThat(numbers(part(one, "unet"))).isEqualTo(859_520_964);
            assertThat(part(one, "unet").tensors()).hasSize(686);
            assertThat(numbers(part(one, "vae"))).isEqualTo(83_653_863);
            assertThat(part(one, "vae").tensors()).hasSize(248);
            assertThat(numbers(part(one, "text_encoder"))).isEqualTo(123_060_480);
            assertThat(part(one, "text_encoder").tensors()).hasSize(196);
            LdmCheckpoint two = read(LdmKeyList.sd2(4, 320, 1024, 24, 128).tensors());
            assertThat(numbers(part(two, "unet"))).isEqualTo(865_910_724);
            assertThat(numbers(part(two, "text_encoder"))).isEqualTo(340_387_840);
            LdmCheckpoint xl = read(LdmKeyList.xl(320, 768, 12, 1280, 32, 128).tensors());
            assertThat(numbers(part(xl, "unet"))).isEqualTo(2_567_463_684L);
            assertThat(part(xl, "unet").tensors()).hasSize(1680);
            assertThat(numbers(part(xl, "text_encoder"))).isEqualTo(123_060_480);
            assertThat(numbers(part(xl, "text_encoder_2"))).isEqualTo(694_659_840);
        }
    }

    @Test void theModelsInTheirFullSizeHaveTheirPublishedConfigurations() {
        try (Scope scope = new Scope()) {
            JsonNode one = part(read(LdmKeyList.sd1(4, 320, 768, 12, 128).tensors()), "unet").config();
            has(one, "{'in_channels': 4, 'out_channels': 4, 'sample_size': 64, 'attention_head_dim': 8, 'cross_attention_dim': 768,"
                + "'block_out_channels': [320, 640, 1280, 1280], 'layers_per_block': 2, 'norm_num_groups': 32, 'flip_sin_to_cos': true,"
                + "'down_block_types': ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],"
                + "'up_block_types': ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D']}");
            LdmCheckpoint two = read(LdmKeyList.sd2(4, 320, 1024, 24, 128).tensors());
            has(part(two, "unet").config(), "{'sample_size': 96, 'attention_head_dim': [5, 10, 20, 20], 'cross_attention_dim': 1024,"
                + "'use_linear_projection': true, 'upcast_attention': true}");
            has(part(two, "text_encoder").config(), "{'architectures': ['CLIPTextModel'], 'hidden_act': 'gelu', 'hidden_size': 1024,"
                + "'intermediate_size': 4096, 'num_attention_heads': 16, 'num_hidden_layers': 23, 'vocab_size': 49408}");
            LdmCheckpoint xl = read(LdmKeyList.xl(320, 768, 12, 1280, 32, 128).tensors());
            has(part(xl, "unet").config(), "{'sample_size': 128, 'attention_head_dim': [5, 10, 20], 'cross_attention_dim': 2048,"
                + "'use_linear_projection': true, 'addition_embed_type': 'text_time', 'addition_time_embed_dim': 256,"
                + "'projection_class_embeddings_input_dim': 2816, 'transformer_layers_per_block': [1, 2, 10],"
                + "'down_block_types': ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'],"
                + "'up_block_types': ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D']}");
            has(part(xl, "text_encoder").config(), "{'hidden_act': 'quick_gelu', 'num_attention_heads': 12, 'num_hidden_layers': 12}");
            has(part(xl, "text_encoder_2").config(), "{'architectures': ['CLIPTextModelWithProjection'], 'hidden_act': 'gelu',"
                + "'intermediate_size': 5120, 'num_attention_heads': 20, 'num_hidden_layers': 32, 'projection_dim': 1280}");
            has(part(xl, "vae").config(), "{'scaling_factor': 0.13025, 'sample_size': 1024, 'block_out_channels': [128, 256, 512, 512],"
                + "'latent_channels': 4, 'layers_per_block': 2}");
            has(part(read(LdmKeyList.refiner(384, 1280, 32, 128).tensors()), "unet").config(), "{'attention_head_dim': [6, 12, 24, 24],"
                + "'cross_attention_dim': 1280, 'projection_class_embeddings_input_dim': 2560, 'transformer_layers_per_block': 4,"
                + "'addition_time_embed_dim': 256, 'block_out_channels': [384, 768, 1536, 1536],"
                + "'down_block_types': ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D']}");
        }
    }

    private static void has(JsonNode config, String json) {
        Json.read("wanted", json.replace('\'', '"')).properties().forEach(e ->
            assertThat(config.path(e.getKey())).as(e.getKey()).isEqualTo(e.getValue()));
    }

    /** The same structures, narrower: the networks take every tensor, and want no other. */
    @Test void theNetworksTakeWhatAFileOfTheirStructureGives() {
        try (Scope scope = new Scope()) {
            for (LdmKeyList names : List.of(LdmKeyList.sd1(4, 32, 48, 2, 32), LdmKeyList.sd1(9, 32, 48, 2, 32),
                    LdmKeyList.sd2(4, 64, 64, 3, 32), LdmKeyList.xl(32, 32, 2, 64, 2, 32), LdmKeyList.refiner(32, 64, 2, 32))) {
                LdmCheckpoint checkpoint = read(names.tensors());
                checkpoint.parts().forEach((name, part) -> {
                    try (Module net = network(name, part.config())) { net.load(part.tensors()); }
                });
                new DiffusersScheduler(checkpoint.scheduler());
            }
        }
    }

    @Test void namesOfTheTextEncoderMayLackTheirFirstWord() {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = new LinkedHashMap<>();
            LdmKeyList.sd1(4, 32, 48, 2, 32).tensors().forEach((k, t) -> all.put(k.replace(".text_model.", "."), t));
            assertThat(all).containsKey("cond_stage_model.transformer.embeddings.position_ids");
            Part text = part(read(all), "text_encoder");
            try (Module net = network("text_encoder", text.config())) { net.load(text.tensors()); }
        }
    }

    private static Module network(String name, ObjectNode config) {
        return switch (name) {
            case "unet" -> new UnetCondition2d(UnetCondition2d.Config.fromJson(config), Rng.silent());
            case "vae" -> new AutoencoderKl(AutoencoderKl.Config.fromJson(config), Rng.silent());
            default -> new ClipText(ClipText.Config.fromJson(config), Rng.silent());
        };
    }

    @Test void thePipelineAndTheSchedulerAreThoseOfTheModel() {
        try (Scope scope = new Scope()) {
            model(LdmKeyList.sd1(4, 32, 48, 2, 32), "StableDiffusionPipeline", "PNDMScheduler", "epsilon", 64);
            model(LdmKeyList.sd1(9, 32, 48, 2, 32), "StableDiffusionInpaintPipeline", "PNDMScheduler", "epsilon", 64);
            model(LdmKeyList.sd2(4, 64, 64, 3, 32), "StableDiffusionPipeline", "DDIMScheduler", "v_prediction", 96);
            model(LdmKeyList.sd2(9, 64, 64, 3, 32), "StableDiffusionInpaintPipeline", "PNDMScheduler", "epsilon", 64);
            model(LdmKeyList.xl(32, 32, 2, 64, 2, 32), "StableDiffusionXLPipeline", "EulerDiscreteScheduler", "epsilon", 128);
            LdmKeyList marked = LdmKeyList.xl(32, 32, 2, 64, 2, 32).tensor("v_pred", 0).tensor("ztsnr", 0);
            model(marked, "StableDiffusionXLPipeline", "EulerDiscreteScheduler", "v_prediction", 128);
            assertThat(read(marked.tensors()).scheduler().path("rescale_betas_zero_snr").asBoolean()).isTrue();
            model(LdmKeyList.refiner(32, 64, 2, 32), "StableDiffusionXLImg2ImgPipeline", "EulerDiscreteScheduler", "epsilon", 128);
            LdmCheckpoint base = LdmCheckpoint.of("a", LdmKeyList.sd2(4, 64, 64, 3, 32).tensors(), false, Optional.of(Prediction.EPSILON),
                NOTES::add);
            has(base.scheduler(), "{'_class_name': 'PNDMScheduler', 'prediction_type': 'epsilon', 'steps_offset': 1,"
                + "'skip_prk_steps': true, 'set_alpha_to_one': false, 'beta_start': 0.00085, 'beta_end': 0.012,"
                + "'beta_schedule': 'scaled_linear'}");
            assertThat(part(base, "unet").config().path("sample_size").asInt()).isEqualTo(64);
        }
    }

    private static void model(LdmKeyList names, String pipeline, String scheduler, String prediction, int size) {
        LdmCheckpoint checkpoint = read(names.tensors());
        has(checkpoint.index(), "{'_class_name': '" + pipeline + "', 'scheduler': ['diffusers', '" + scheduler + "']}");
        has(checkpoint.scheduler(), "{'_class_name': '" + scheduler + "', 'prediction_type': '" + prediction + "'}");
        assertThat(part(checkpoint, "unet").config().path("sample_size").asInt()).isEqualTo(size);
        checkpoint.parts().keySet().forEach(name -> assertThat(checkpoint.index().path(name).path(1).isTextual()).as(name).isTrue());
        checkpoint.tokenizers().keySet().forEach(name ->
            assertThat(checkpoint.index().path(name).path(1).asText()).as(name).isEqualTo("CLIPTokenizer"));
        assertThat(new DiffusersScheduler(checkpoint.scheduler()).kind().className()).isEqualTo(scheduler);
    }

    @Test void aFolderIsWrittenThatHoldsTheSameNumbers() throws IOException {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = LdmKeyList.xl(32, 32, 2, 64, 2, 32).tensors();
            Tensor fused = new Rng(0).normal(192, 64).to(DType.F16);
            Tensor projection = new Rng(1).normal(64, 64).to(DType.BF16);
            all.put("conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight", fused);
            all.put("conditioner.embedders.1.model.text_projection", projection);
            Path made = folder.resolve("xl");
            try (FolderDraft draft = new FolderDraft(made)) {
                read(all).write(draft);
                draft.publish();
            }
            assertThat(Json.read(made.resolve("model_index.json")).path("_class_name").asText()).isEqualTo("StableDiffusionXLPipeline");
            Map<String, Tensor> text = Safetensors.read(made.resolve("text_encoder_2/model.safetensors")).tensors();
            Tensor keys = Objects.requireNonNull(text.get("text_model.encoder.layers.0.self_attn.k_proj.weight"));
            assertThat(keys.dtype()).isEqualTo(DType.F16);
            assertThat(keys.floats()).isEqualTo(fused.rows(64, 64).floats());
            Tensor transposed = Objects.requireNonNull(text.get("text_projection.weight"));
            assertThat(transposed.dtype()).isEqualTo(DType.BF16);
            assertThat(transposed.floats()).isEqualTo(projection.t().contiguous().floats());
        }
    }

    private static void refused(Runnable reading, String... why) {
        assertThatThrownBy(reading::run).isInstanceOf(FormatException.class).hasMessageContainingAll(why).hasMessageStartingWith("a.ckpt")
            .satisfies(e -> assertThat(e.getMessage()).hasLineCount(1));
    }

    /** A small good file in which one tensor is another, or in place of the shape null gone. */
    private static void refusedWith(String name, long @Nullable [] shape, String... why) {
        try (Scope scope = new Scope()) {
            LdmKeyList names = LdmKeyList.sd1(4, 32, 48, 2, 32);
            if (shape == null) names.tensors().keySet().removeIf(k -> k.startsWith(name));
            else names.tensor(name, shape);
            refused(() -> read(names.tensors()), why);
        }
    }

    @Test void aTensorThatIsNotKnownIsNamed() {
        long[] any = {1};
        for (String name : List.of("model.diffusion_model.input_blocks.1.2.weight", "model.diffusion_model.label_emb.0.0.weight",
                "first_stage_model.encoder.down.0.attn.0.q.weight",
                "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc3.weight",
                "edm_vpred.sigma_max", "edm_vpred.sigma_min", "edm_mean", "noise_augmentor.data_mean",
                "model.diffusion_model.middle_block.3.in_layers.0.weight")) {
            refusedWith(name, any, "'" + name + "'", "is none of Stable Diffusion 1");
        }
    }

    @Test void tensorsThatChangeNoPictureArePassedOverInOneLine() {
        try (Scope scope = new Scope()) {
            LdmKeyList list = LdmKeyList.sd1(4, 32, 48, 2, 32);
            for (String name : List.of("control_model.zero_convs.0.0.weight", "optimizer", "model.diffusion_model.extra.weight")) {
                list.tensor(name, 1);
            }
            for (int i = 0; i < 20; i++) list.tensor("lora." + i, 1);
            NOTES.clear();
            assertThat(read(list.tensors()).kind()).isEqualTo(LdmCheckpoint.Kind.SD1);
            assertThat(NOTES).hasSize(1);
            assertThat(NOTES.get(0)).startsWith("a.ckpt: passed over, Stable Diffusion 1 has no such tensors: "
                + "control_model.zero_convs.0.0.weight, ").endsWith(" and 13 more");
        }
    }

    @Test void aMissingTensorIsNamed() {
        for (String name : List.of("model.diffusion_model.input_blocks.4.0.in_layers.2.weight", "model.diffusion_model.out.2.weight",
                "model.diffusion_model.middle_block.1.proj_in.weight", "model.diffusion_model.output_blocks.5.2.conv.weight",
                "first_stage_model.decoder.up.3.block.2.conv1.weight", "first_stage_model.quant_conv.weight",
                "cond_stage_model.transformer.text_model.final_layer_norm.weight")) {
            refusedWith(name, null, "has no tensor '" + name + "'");
        }
    }

    @Test void aMissingPartIsNamed() {
        refusedWith("first_stage_model.", null, "holds no autoencoder");
        refusedWith("cond_stage_model.", null, "holds no text encoder");
        refusedWith("model.diffusion_model.input_blocks.", null, "is not of Stable Diffusion 1, 2 or XL");
        refusedWith("cond_stage_model.transformer.text_model.encoder.layers.", null, "encoder.layers.0.layer_norm1.weight");
    }

    @Test void aTensorOfAnImpossibleShapeIsNamed() {
        String unet = "model.diffusion_model.", vae = "first_stage_model.";
        refusedWith(unet + "input_blocks.0.0.weight", new long[] {32, 4}, unet + "input_blocks.0.0.weight", "32×4", "4 extents");
        refusedWith(unet + "middle_block.1.proj_in.weight", new long[] {128}, unet + "middle_block.1.proj_in.weight", "[C,C,1,1]");
        refusedWith(vae + "encoder.mid.attn_1.q.weight", new long[] {128, 128, 3, 3}, vae + "encoder.mid.attn_1.q.weight",
            "128×128×3×3");
        refusedWith(unet + "input_blocks.0.0.weight", new long[] {32, 8, 3, 3}, "8 channels", "9 for inpainting");
        refusedWith("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight", new long[] {9, 47}, "width 48", "give 47");
        try (Scope scope = new Scope()) {
            String fused = "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight";
            LdmKeyList two = LdmKeyList.sd2(4, 64, 64, 3, 32).tensor(fused, 190, 64);
            refused(() -> read(two.tensors()), "in_proj_weight", "[3 D,D]");
            LdmKeyList xl = LdmKeyList.xl(32, 32, 2, 64, 2, 32).tensor("model.diffusion_model.label_emb.0.0.weight", 128, 65);
            refused(() -> read(xl.tensors()), "label_emb.0.0.weight", "65");
            LdmKeyList deeper = LdmKeyList.xl(32, 32, 2, 64, 2, 32);
            deeper.tensors().keySet().removeIf(k -> k.startsWith("model.diffusion_model.output_blocks.0.1.transformer_blocks.9."));
            refused(() -> read(deeper.tensors()), "output_blocks.0 has 9 blocks", "10");
        }
    }

    @Test void otherWeightsAreNotTakenForACheckpoint() {
        try (Scope scope = new Scope()) {
            assertThat(LdmCheckpoint.recognises(Map.of("conv_in.weight", Torch.ones(1)))).isFalse();
            assertThat(LdmCheckpoint.recognises(LdmKeyList.sd1(4, 32, 48, 2, 32).tensors())).isTrue();
            refused(() -> read(Map.of("model.diffusion_model.joint_blocks.0.x.weight", Torch.ones(1))), "is not of Stable Diffusion");
        }
    }
}
