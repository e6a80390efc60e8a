package io.palitra.edit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.ImageSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.family.Diffusion;
import io.palitra.family.Vae;
import io.palitra.model.Drawing;
import io.palitra.model.GenerativeModel;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a diffusion model draws is begun, kept and gone on with as asked. */
class RedrawTest {
    private static final ImageSpec GREY = new ImageSpec(1, 8, 8, 0);

    private static Drawing<?> tiny(long seed, String... more) {
        Diffusion.Config small = Config.with(Diffusion.FAMILY.defaults(), "net.channels=8,16", "net.attention=1", "net.groups=4");
        Diffusion model = (Diffusion) Diffusion.FAMILY.build(Config.with(small, more), GREY, new Rng(seed));
        Rng rng = new Rng(seed + 1);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {   // an untrained network would answer nothing
            model.net().parameters().values().forEach(p -> p.copyFrom(p.add(rng.normalLike(p).mul(0.1))));
        }
        model.net().training(false);
        return Drawing.of(model, List.of("sampler.steps=6"));
    }

    private static Tensor picture() { return new Rng(5).uniform(1, 1, 8, 8).mul(2).sub(1); }

    @Test void theWholeWayWithoutAMaskIsASample() {
        try (Scope scope = new Scope()) {
            Drawing<?> drawing = tiny(1);
            Tensor made = new Redraw(drawing, "run").of(picture(), null, 1, 3, new Rng(7));
            assertThat(made.floats()).isEqualTo(drawing.sample(3, new Rng(7)).floats());
            assertThat(new Redraw(drawing, "run").of(picture(), null, 0, 1, new Rng(7)).floats()).isEqualTo(picture().floats());
            float[] middle = new Redraw(drawing, "run").of(picture(), null, 0.5, 1, new Rng(7)).floats();
            assertThat(middle).isNotEqualTo(picture().floats()).isNotEqualTo(made.rows(0, 1).floats());
            drawing.model().close();
        }
    }

    @Test void whatAMaskLeavesOutStaysBitForBit() {
        try (Scope scope = new Scope()) {
            Drawing<?> drawing = tiny(1);
            Tensor drawn = new Rng(6).uniform(1, 1, 8, 8).gt(0.5).to(io.palitra.engine.DType.F32);
            float[] known = picture().floats(), mask = drawn.floats();
            for (double strength : new double[] {0.4, 1}) {
                float[] made = new Redraw(drawing, "run").of(picture(), drawn, strength, 2, new Rng(7)).floats();
                int changed = 0;
                for (int i = 0; i < made.length; i++) {
                    if (mask[i % 64] == 0) assertThat(made[i]).isEqualTo(known[i % 64]);
                    else if (made[i] != known[i % 64]) changed++;
                }
                assertThat(changed).isPositive();
            }
            drawing.model().close();
        }
    }

    @Test void anotherModelGoesOnFromATimeDown() {
        try (Scope scope = new Scope()) {
            Drawing<?> first = tiny(1), second = tiny(30);
            float[] one = first.sample(1, new Rng(7)).floats(), other = second.sample(1, new Rng(7)).floats();
            assertThat(switched(first, second, 2000)).as("all by the second").isEqualTo(other);
            assertThat(switched(first, second, 0)).as("all by the first").isEqualTo(one);
            assertThat(switched(first, second, 500)).isNotEqualTo(one).isNotEqualTo(other);
            Drawing<?> linear = tiny(1, "schedule=linear"), vae = Drawing.of((GenerativeModel<?>) Vae.FAMILY.build(Vae.FAMILY.defaults(),
                GREY, new Rng(1)), List.of());
            refused(first, linear, "'other' cannot go on: it was trained on other noise levels");
            refused(first, vae, "'other' does not draw along noise levels");
            for (Drawing<?> d : List.of(first, second, linear, vae)) d.model().close();
        }
    }

    private static float[] switched(Drawing<?> first, Drawing<?> second, double time) {
        return new Redraw(first, "one").then(second, "other", time).of(picture(), null, 1, 1, new Rng(7)).floats();
    }

    private static void refused(Drawing<?> first, Drawing<?> other, String message) {
        assertThatThrownBy(() -> new Redraw(first, "one").then(other, "other", 300)).isInstanceOf(ConfigException.class)
            .hasMessageContaining(message);
    }
}
