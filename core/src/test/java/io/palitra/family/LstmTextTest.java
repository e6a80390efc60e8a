package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Lstm;
import io.palitra.stage.Builds;
import io.palitra.stage.TextSampling;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LstmTextTest {
    private static final SmallTexts TEXTS = new SmallTexts(12);

    private static LstmText lstm() {
        LstmText.Config small = Config.with(LstmText.FAMILY.defaults(), "table=8", "width=16", "layers=2", "dropout=0");
        LstmText model = new LstmText(small, Builds.of(TEXTS.spec(), new Rng(1)));
        model.net().training(false);
        return model;
    }

    @Test void theLikelihoodOfATokenDependsOnNoLaterOne() {
        try (Scope scope = new Scope(); Lstm net = new Lstm(5, 7, 2, 0, new Rng(1)); Guard g = Torch.noGrad()) {
            Tensor x = new Rng(2).normal(2, 9, 5), before = net.forward(x, null);
            for (int at = 1; at < 9; at++) {
                Tensor changed = x.copy();
                changed.narrow(1, at, 1).copyFrom(new Rng(3).normal(2, 1, 5));
                Tensor after = net.forward(changed, null);
                assertThat(after.narrow(1, 0, at).sub(before.narrow(1, 0, at)).abs().max().item()).isLessThan(1e-6);
                assertThat(after.narrow(1, at, 1).sub(before.narrow(1, at, 1)).abs().max().item()).isPositive();
            }
        }
    }

    @Test void aStateThatIsCarriedGivesWhatTheWholeTextGives() {
        try (Scope scope = new Scope(); Lstm net = new Lstm(5, 7, 3, 0.5, new Rng(1)); Guard g = Torch.noGrad()) {
            net.training(false);
            Tensor x = new Rng(2).normal(2, 9, 5), whole = net.forward(x, null);
            Lstm.State state = null;
            List<Tensor> parts = new ArrayList<>();
            for (int i = 0; i < 9; i += 3) {
                Lstm.Result r = net.forward(x.narrow(1, i, 3), state, null);
                parts.add(r.output());
                state = r.state();
            }
            assertThat(Torch.cat(1, parts).sub(whole).abs().max().item()).isLessThan(1e-6);
        }
    }

    @Test void dropoutIsDrawnByTheGivenNumbersAndInTrainingAlone() {
        try (Scope scope = new Scope(); Lstm net = new Lstm(5, 64, 2, 0.5, new Rng(1))) {
            Tensor x = new Rng(2).normal(2, 4, 5);
            Tensor a = net.forward(x, new Rng(3)), b = net.forward(x, new Rng(3)), c = net.forward(x, new Rng(4));
            assertThat(a.floats()).isEqualTo(b.floats()).isNotEqualTo(c.floats());
            net.training(false);
            assertThat(net.forward(x, new Rng(3)).floats()).isEqualTo(net.forward(x, null).floats());
        }
    }

    @Test void whatItWritesHasTheChancesThatItsLikelihoodSays() {
        try (Scope scope = new Scope(); LstmText model = lstm(); Guard g = Torch.noGrad()) {
            List<Integer> drawn = new ArrayList<>();
            model.write(new TextSampling(0, 0, 1, 1, List.of()), TEXTS.spec().alphabet().encode("ab"), 1, 4, new Rng(1),
                (i, t) -> drawn.add(t));
            // the likeliest token after each is the one written
            long[] text = new long[12];
            java.util.Arrays.fill(text, 7);
            int[] ab = TEXTS.spec().alphabet().encode("ab");
            text[0] = ab[0];
            text[1] = ab[1];
            double least = Double.NEGATIVE_INFINITY;
            int likeliest = -1;
            for (int t = 0; t < 8; t++) {
                text[2] = t;
                long[] short3 = {text[0], text[1], t};
                double p = model.logProb(Torch.of(short3, 1, 3), new Rng(1)).item();
                if (p > least) {
                    least = p;
                    likeliest = t;
                }
            }
            assertThat(drawn.get(0)).isEqualTo(likeliest);
            assertThat(least).isCloseTo(least, within(0.0));
        }
    }
}
