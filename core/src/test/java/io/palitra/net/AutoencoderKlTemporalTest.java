package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Json;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class AutoencoderKlTemporalTest {
    private static AutoencoderKlTemporal.Config config(String more) {
        return AutoencoderKlTemporal.Config.fromJson(Json.read("test", ("{'block_out_channels': [32, 64],"
            + "'down_block_types': ['DownEncoderBlock2D', 'DownEncoderBlock2D'], 'latent_channels': 3" + more + "}").replace('\'', '"')));
    }

    @Test void videosOfABatchAreDecodedByThemselvesAndFramesTogether() {
        try (Scope scope = new Scope(); AutoencoderKlTemporal vae = new AutoencoderKlTemporal(config(", 'layers_per_block': 2"),
            new Rng(1));
                Guard g = Torch.noGrad()) {
            Tensor z = new Rng(2).normal(4, 3, 4, 4), changed = z.copy();
            changed.narrow(0, 1, 1).fill(2);
            Tensor moved = vae.decode(z, 2).sub(vae.decode(changed, 2)).abs();
            assertThat(moved.shape()).containsExactly(4, 3, 8, 8);
            assertThat(moved.rows(0, 1).max().item()).isPositive();
            assertThat(moved.rows(2, 2).max().item()).isZero();
            assertThat(vae.encode(Torch.zeros(2, 3, 8, 8)).mean().shape()).containsExactly(2, 3, 4, 4);
        }
    }

    @Test void withoutMixingFramesAreIndependent() {
        try (Scope scope = new Scope(); AutoencoderKlTemporal vae = new AutoencoderKlTemporal(config(""),
            new Rng(1)); Guard g = Torch.noGrad()) {
            vae.parameters().forEach((key, p) -> {
                if (key.endsWith("mix_factor")) p.fill(-200);   // its sigmoid is 0
                if (key.equals("decoder.time_conv_out.weight")) {
                    p.narrow(2, 0, 1).fill(0);
                    p.narrow(2, 2, 1).fill(0);
                }
            });
            Tensor z = new Rng(2).normal(2, 3, 4, 4);
            Tensor alone = Torch.cat(0, vae.decode(z.rows(0, 1), 1), vae.decode(z.rows(1, 1), 1));
            assertThat(vae.decode(z, 2).sub(alone).abs().max().item()).isLessThan(1e-5);
        }
    }

    @Test void whatDoesNotFitIsRefused() {
        assertThat(AutoencoderKlTemporal.Config.fromJson(config("").toJson())).isEqualTo(config(""));
        assertThatThrownBy(() -> config(", 'norm_num_groups': 8")).hasMessage("AutoencoderKLTemporalDecoder has no key 'norm_num_groups'");
        assertThatThrownBy(() -> config(", 'layers_per_block': 0")).hasMessageContaining("illegal layers_per_block: 0");
        try (Scope scope = new Scope(); AutoencoderKlTemporal vae = new AutoencoderKlTemporal(config(""),
            new Rng(1)); Guard g = Torch.noGrad()) {
            assertThatThrownBy(() -> vae.decode(Torch.zeros(4, 3, 4, 4), 3))
                .hasMessage("the video decoder wants videos of 3 frames each, got 4 frames in all");
            assertThatThrownBy(() -> vae.decode(Torch.zeros(4, 4, 4, 4), 2)).hasMessageContaining("[B F,3,H,W]");
            assertThat(Objects.requireNonNull(vae.state().get("decoder.time_conv_out.weight")).shape()).containsExactly(3, 3, 3, 1, 1);
        }
    }
}
