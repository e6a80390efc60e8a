package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.FormatException;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.net.Activation;
import io.palitra.net.CoderConfig.Block;
import io.palitra.net.CoderConfig;
import io.palitra.net.VqModel;
import io.palitra.stage.FirstStage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A VQGAN under the names of the taming transformers is the same network as under those of diffusers. */
class VqCheckpointTest {
    private static final int LEVELS = 2;
    private static final VqModel.Config CONFIG = new VqModel.Config(new CoderConfig(3, 3, List.of(Block.PLAIN, Block.ATTENTION),
        List.of(Block.ATTENTION, Block.PLAIN), List.of(32, 64), 1, Activation.SILU, 6, 32, List.of(32), 0.18215, true, false), 9, 4,
        VqModel.Norms.GROUP, false);

    /** diffusers' name of a tensor as the taming transformers have it: the rule, read in their files. */
    private static String taming(String name) {
        Matcher level = Pattern.compile("(encoder|decoder)\\.(down|up)_blocks\\.(\\d)\\.(.*)").matcher(name);
        String s = name;
        if (level.matches()) {
            int i = Integer.parseInt(level.group(3));
            s = level.group(1) + "." + level.group(2) + "." + (level.group(2).equals("up") ? LEVELS - 1 - i : i) + "." + level.group(4);
        }
        return s.replace("mid_block.resnets.0", "mid.block_1").replace("mid_block.resnets.1", "mid.block_2")
            .replace("mid_block.attentions.0", "mid.attn_1").replaceFirst("\\.resnets\\.(\\d)", ".block.$1")
            .replaceFirst("\\.attentions\\.(\\d)", ".attn.$1").replace("group_norm", "norm").replaceFirst("to_([qkv])", "$1")
            .replace("to_out.0", "proj_out").replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
            .replace("downsamplers.0", "downsample").replace("upsamplers.0", "upsample");
    }

    /** The state of such a training: attention's layers are convolutions, and the losses' networks are there. */
    private static Map<String, Tensor> published(VqModel vq, String prefix) {
        Map<String, Tensor> all = new LinkedHashMap<>();
        vq.state().forEach((key, t) -> {
            String name = taming(key);
            boolean pixel = name.contains("attn") && name.endsWith("weight") && t.dims() == 2;
            all.put(prefix + name, pixel ? t.reshape(t.size(0), t.size(1), 1, 1) : t);
        });
        all.put(prefix + "loss.discriminator.main.0.weight", Torch.zeros(2));
        all.put(prefix + "loss.perceptual_loss.lin0.model.1.weight", Torch.zeros(2));
        return all;
    }

    @Test void aCheckpointOfTamingReconstructsAsTheSameNetworkUnderDiffusersNames(@TempDir Path root) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); VqModel vq = new VqModel(CONFIG, new Rng(1))) {
            vq.codebook().copyFrom(new Rng(2).normal(9, 4));
            vq.state().forEach((key, t) -> {
                if (key.contains("norm")) t.copyFrom(new Rng(key.hashCode()).normal(t.shape()).mul(0.1).add(1));   // no two alike
            });
            vq.training(false);
            Tensor x = new Rng(3).normal(2, 3, 16, 16).tanh();
            for (String prefix : List.of("", "first_stage_model.")) {
                Path file = root.resolve("vqgan" + prefix.length() + ".safetensors");
                Map<String, Tensor> all = published(vq, prefix);
                if (!prefix.isEmpty()) all.put("model.diffusion_model.out.2.bias", Torch.zeros(2));
                assertThat(all).containsKeys(prefix + "encoder.down.1.attn.0.norm.weight", prefix + "decoder.up.1.attn.1.q.weight",
                    prefix + "decoder.up.1.upsample.conv.weight", prefix + "encoder.mid.attn_1.proj_out.bias",
                    prefix + "encoder.down.1.block.0.nin_shortcut.weight");
                Safetensors.write(file, all, Map.of());
                try (FirstStage read = FirstStage.open(file.toString())) {
                    assertThat(read.net().config()).isEqualTo(CONFIG);
                    assertThat(read.encode(x).longs()).isEqualTo(vq.codes(vq.encode(x)).longs());
                    assertThat(read.decode(read.encode(x)).floats()).isEqualTo(vq.decodeCodes(read.encode(x)).clamp(-1, 1).floats());
                }
            }
        }
    }

    private static final Consumer<String> NONE = line -> { };

    @Test void tensorsBesideTheNetworkArePassedOverInOneLine() {
        try (Scope scope = new Scope(); VqModel vq = new VqModel(CONFIG, new Rng(1))) {
            Map<String, Tensor> more = published(vq, "");
            more.put("callback.score", Torch.zeros(1));
            List<String> notes = new ArrayList<>();
            assertThat(VqCheckpoint.of("f.ckpt", more, notes::add).tensors()).isNotEmpty();
            assertThat(notes).containsExactly("f.ckpt: passed over, a VQGAN has no such tensors: callback.score");
        }
    }

    @Test void whatIsNoVqganIsRefusedByItsTensors() {
        try (Scope scope = new Scope(); VqModel vq = new VqModel(CONFIG, new Rng(1))) {
            assertThatThrownBy(() -> VqCheckpoint.of("f.ckpt", Map.of("a", Torch.zeros(1)), NONE)).isInstanceOf(FormatException.class)
                .hasMessage("f.ckpt: is no VQGAN: it has no tensor 'quantize.embedding.weight'");
            Map<String, Tensor> gumbel = published(vq, "");
            gumbel.put("quantize.embed.weight", gumbel.remove("quantize.embedding.weight"));
            assertThatThrownBy(() -> VqCheckpoint.of("f.ckpt", gumbel, NONE)).hasMessageContaining("of Gumbel's kind");
            Map<String, Tensor> more = published(vq, "");
            more.put("encoder.extra", Torch.zeros(1));
            assertThatThrownBy(() -> VqCheckpoint.of("f.ckpt", more, NONE)).hasMessage("f.ckpt: tensor 'encoder.extra' is none of a VQGAN");
            Map<String, Tensor> less = published(vq, "");
            less.remove("encoder.mid.attn_1.q.weight");
            assertThatThrownBy(() -> VqCheckpoint.of("f.ckpt", less, NONE))
                .hasMessage("f.ckpt: has no tensor 'encoder.mid.attn_1.q.weight'");
        }
    }
}
