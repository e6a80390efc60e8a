package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.api.Test;

class ScoreTransformerTest {
    private static final ScoreTransformer.Config SMALL = new ScoreTransformer.Config(7, 3, 4, 16, 2, 1, 2, 5, 0);
    private static final ScoreTransformer.Drawing PLAIN = new ScoreTransformer.Drawing(new TokenSampling(1, 0, 1), true);

    private static ScoreTransformer net(ScoreTransformer.Config config) {
        ScoreTransformer net = new ScoreTransformer(config, new Rng(1));
        net.parameters().forEach((k, p) -> p.copyFrom(p.add(new Rng(k.hashCode()).normalLike(p).mul(0.3))));
        net.to(DType.F64);
        net.training(false);
        return net;
    }

    @Test void aNoteDependsOnNothingThatComesAfterIt() {
        try (Scope scope = new Scope(); ScoreTransformer net = net(SMALL)) {
            Tensor x = new Rng(2).integers(7, 1, 6, 3);
            double[] logits = net.forward(x, null, new Rng(0)).detach().doubles();
            for (int at = 0; at < 18; at++) {
                long[] other = x.longs();
                other[at] = (other[at] + 1) % 7;
                double[] changed = net.forward(Torch.of(other, 1, 6, 3), null, new Rng(0)).detach().doubles();
                for (int k = 0; k < logits.length; k++) {
                    if (k / 7 <= at) assertThat(changed[k]).as(at + " changes " + k / 7).isEqualTo(logits[k]);
                }
                if (at < 17) assertThat(java.util.Arrays.equals(changed, logits)).isFalse();
            }
        }
    }

    @Test void itsChancesOfAllScoresSumToOneWhateverIsKnown() {
        ScoreTransformer.Config tiny = new ScoreTransformer.Config(3, 2, 4, 8, 1, 1, 2, 2, 0);
        try (Scope scope = new Scope(); ScoreTransformer net = net(tiny)) {
            for (long[] known : new long[][] {{-1, -1, -1, -1}, {-1, -1, -1, 2}, {-1, 1, -1, -1}}) {
                double sum = 0;
                for (int i = 0; i < 81; i++) {
                    long[] x = {i % 3, i / 3 % 3, i / 9 % 3, i / 27};
                    boolean fits = true;
                    for (int k = 0; k < 4; k++) fits &= known[k] < 0 || known[k] == x[k];
                    if (!fits) continue;
                    Tensor logp = net.forward(Torch.of(x, 1, 2, 2), Torch.of(known, 1, 2, 2), new Rng(0)).logSoftmax(3).detach();
                    double[] all = logp.doubles();
                    double log = 0;
                    for (int k = 0; k < 4; k++) if (known[k] < 0) log += all[3 * k + (int) x[k]];
                    sum += Math.exp(log);
                }
                assertThat(Math.abs(sum - 1)).isLessThan(1e-9);
            }
        }
    }

    @Test void whatIsKnownLaterChangesWhatIsDrawnBefore() {
        try (Scope scope = new Scope(); ScoreTransformer net = net(SMALL)) {
            Tensor x = new Rng(2).integers(7, 1, 6, 3);
            long[] a = new long[18], b = new long[18];
            java.util.Arrays.fill(a, -1);
            java.util.Arrays.fill(b, -1);
            a[15] = 1;
            b[15] = 4;
            Tensor one = net.forward(x, Torch.of(a, 1, 6, 3), new Rng(0)).narrow(1, 0, 1), other = net.forward(x, Torch.of(b, 1, 6, 3),
                new Rng(0)).narrow(1, 0, 1);
            assertThat(one.sub(other).abs().max().item()).isGreaterThan(1e-4);
            java.util.Arrays.fill(a, -1);
            Tensor nothing = net.forward(x, Torch.of(a, 1, 6, 3), new Rng(0)), none = net.forward(x, null, new Rng(0));
            assertThat(nothing.sub(none).abs().max().item()).isZero();
        }
    }

    @Test void withACacheTheSameNotesAreDrawnAsByWholePasses() {
        try (Scope scope = new Scope(); ScoreTransformer net = net(SMALL)) {
            long[] known = new long[4 * 9 * 3];
            for (int i = 0; i < known.length; i++) known[i] = i % 3 == 1 ? i % 7 : -1;
            Tensor k = Torch.of(known, 4, 9, 3), first = new Rng(5).integers(7, 4, 2, 3);
            long[] cached = net.draw(4, 9, first, k, PLAIN, new Rng(3), true).longs();
            assertThat(net.draw(4, 9, first, k, PLAIN, new Rng(3), false).longs()).isEqualTo(cached);
            for (int i = 0; i < known.length; i++) if (known[i] >= 0 && i / 3 % 9 >= 2) assertThat(cached[i]).isEqualTo(known[i]);
            assertThat(net.draw(4, 9, first, null, PLAIN, new Rng(3)).narrow(1, 0, 2).longs()).isEqualTo(first.longs());
            assertThat(net.draw(4, 9, null, null, PLAIN, new Rng(3), true).longs())
                .isEqualTo(net.draw(4, 9, null, null, PLAIN, new Rng(3), false).longs());
            assertThatThrownBy(() -> net.draw(4, 8, null, k, PLAIN, new Rng(3))).hasMessageContaining("known notes want [4,8,3]");
        }
    }

    @Test void parallelsThatAreForbiddenAreNotDrawn() {
        ScoreTransformer.Config wide = new ScoreTransformer.Config(30, 3, 4, 16, 1, 1, 2, 5, 0);
        try (Scope scope = new Scope(); ScoreTransformer net = net(wide)) {
            long[] known = new long[20 * 24 * 3];
            for (int i = 0; i < known.length; i++) known[i] = i % 3 == 1 && i / 72 < 10 ? 1 + i % 29 : -1;
            Tensor k = Torch.of(known, 20, 24, 3);
            int[] found = new int[2];
            for (int allowed = 0; allowed < 2; allowed++) {
                ScoreTransformer.Drawing how = new ScoreTransformer.Drawing(new TokenSampling(1, 0, 1), allowed == 1);
                long[] x = net.draw(20, 24, null, k, how, new Rng(3)).longs();
                for (int i = 3; i < x.length; i++) {
                    if (i / 3 % 24 == 0) continue;
                    for (int j = i / 3 * 3; j < i; j++) {
                        long before = x[i - 3] - x[j - 3], after = x[i] - x[j];
                        boolean sung = x[i] > 0 && x[j] > 0 && x[i - 3] > 0 && x[j - 3] > 0, same = Long.signum(x[i] - x[i - 3])
                            == Long.signum(x[j] - x[j - 3]) && x[i] != x[i - 3];
                        long by = Math.floorMod(Math.abs(before), 12L);
                        if (sung && same && (by == 0 || by == 7) && Math.floorMod(Math.abs(after), 12L) == by && before * after >= 0) {
                            found[allowed]++;
                        }
                    }
                }
            }
            assertThat(found[0]).isZero();
            assertThat(found[1]).isPositive();
        }
    }

    /** Frequencies of drawn scores against the probabilities that the network gives them. */
    @Test void scoresAreDrawnAsOftenAsTheyAreLikely() {
        ScoreTransformer.Config tiny = new ScoreTransformer.Config(2, 2, 4, 8, 1, 1, 2, 2, 0);
        try (Scope scope = new Scope(); ScoreTransformer net = net(tiny)) {
            int n = 4000;
            long[] drawn = net.draw(n, 1, null, null, PLAIN, new Rng(9)).longs();
            double[] share = new double[4];
            for (int i = 0; i < n; i++) share[(int) (2 * drawn[2 * i] + drawn[2 * i + 1])] += 1.0 / n;
            for (int k = 0; k < 4; k++) {
                double[] p = net.forward(Torch.of(new long[] {k / 2, k % 2}, 1, 1, 2), null, new Rng(0)).softmax(3).detach().doubles();
                assertThat(Math.abs(share[k] - p[k / 2] * p[2 + k % 2])).isLessThan(0.03);
            }
        }
    }
}
