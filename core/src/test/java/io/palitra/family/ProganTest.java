package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.model.Step;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProganTest {
    private static final double NEARLY = Math.nextDown(1.0);

    private static Progan model(DataSpec data, String... overrides) {
        return (Progan) Progan.FAMILY.build(Config.with(Config.with(Progan.FAMILY.defaults(), "latent=5", "width=3", "channelMax=8"),
            overrides), data, new Rng(1));
    }

    private static Progan.Growth at(long step, int fade, int stay, int blocks) {
        return Progan.Growth.at(step, Config.with(Progan.FAMILY.defaults(), "fade=" + fade, "stay=" + stay), blocks);
    }

    @Test void howFarItHasGrownIsAFunctionOfTheStepAlone() {
        assertThat(at(0, 4, 3, 3)).isEqualTo(new Progan.Growth(0, 1));
        assertThat(at(2, 4, 3, 3)).isEqualTo(new Progan.Growth(0, 1));
        assertThat(at(3, 4, 3, 3)).isEqualTo(new Progan.Growth(1, 0));
        assertThat(at(5, 4, 3, 3)).isEqualTo(new Progan.Growth(1, 0.5));
        assertThat(at(7, 4, 3, 3)).isEqualTo(new Progan.Growth(1, 1));
        assertThat(at(10, 4, 3, 3)).isEqualTo(new Progan.Growth(2, 0));
        assertThat(at(13, 4, 3, 3)).isEqualTo(new Progan.Growth(2, 0.75));
        assertThat(at(14, 4, 3, 3)).isEqualTo(new Progan.Growth(2, 1));
        assertThat(at(1_000_000_000_000L, 4, 3, 3)).isEqualTo(new Progan.Growth(2, 1));
        assertThat(at(0, 0, 0, 3)).isEqualTo(new Progan.Growth(2, 1));
    }

    private static void same(Tensor a, Tensor b) {
        assertThat(a.shape()).isEqualTo(b.shape());
        assertThat(a.sub(b).abs().max().item()).isZero();
    }

    @Test void aFadeOfZeroIsTheSmallerNetworkAndOneTheLargerBitForBit() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Progan gan = model(new ImageSpec(1, 28, 28, 0))) {
            Tensor z = gan.prior(3, new Rng(2)), x = new Rng(3).uniform(4, 1, 28, 28).mul(2).sub(1);
            for (int top = 1; top <= 2; top++) {
                Progan.Growth begun = new Progan.Growth(top, 0), ended = new Progan.Growth(top, NEARLY), whole = new Progan.Growth(top, 1);
                Progan.Growth before = new Progan.Growth(top - 1, 1);
                same(gan.drawn(z, begun), gan.drawn(z, before));
                same(gan.drawn(z, ended), gan.drawn(z, whole));
                Tensor large = top == 2 ? x : Torch.avgPool(x, 2);
                same(gan.scores(large, begun), gan.scores(Torch.avgPool(large, 2), before));
                same(gan.scores(large, ended), gan.scores(large, whole));
            }
        }
    }

    @Test void samplesOfASmallNetworkAreEnlargedToTheFullSide() {
        try (Scope scope = new Scope(); Progan gan = model(new ImageSpec(1, 28, 28, 0), "fade=1", "stay=1")) {
            Tensor x = Drawing.of(gan, List.of()).sample(2, new Rng(4));
            assertThat(x.shape()).containsExactly(2, 1, 28, 28);
            same(Torch.upsampleNearest(x.every(2, 4).every(3, 4), 4), x);
            gan.updates().get(0).objective().of(new Batch(x), new Step(3, new Rng(5)));   // the last block is new, its share 0
            Tensor grown = Drawing.of(gan, List.of()).sample(2, new Rng(4));   // as after that step
            assertThat(grown.sub(Torch.upsampleNearest(grown.every(2, 2).every(3, 2), 2)).abs().max().item()).isPositive();
        }
    }

    @Test void otherSidesAreRefusedWithThoseThatFit() {
        assertThatThrownBy(() -> model(new ImageSpec(3, 36, 30, 0))).isInstanceOf(IllegalArgumentException.class)
            .hasMessageEndingWith("got pictures of 3x36x30 without classes; data.size=28 or data.size=40 fits");
        assertThatThrownBy(() -> model(new VectorSpec(2, 0))).hasMessageStartingWith("progan wants square pictures");
    }
}
