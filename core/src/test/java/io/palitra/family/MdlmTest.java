package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Alphabet;
import io.palitra.data.Batch;
import io.palitra.data.TextSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.model.Step;
import io.palitra.net.MaskedTransformer;
import io.palitra.stage.Builds;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class MdlmTest {
    private static final TextSpec TOY = new TextSpec(3, new Alphabet.Characters("abc"));   // 4 words, with the end
    private static final SmallTexts TEXTS = new SmallTexts(12);

    private static Mdlm mdlm(TextSpec spec, String... more) {
        Mdlm.Config small = Config.with(Mdlm.FAMILY.defaults(), "width=16", "layers=2", "heads=2", "dropout=0");
        Mdlm model = new Mdlm(Config.with(small, more), Builds.of(spec, new Rng(1)));
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            model.net().parameters().values().forEach(p -> p.copyFrom(p.mul(6)));
        }
        model.net().training(false);
        return model;
    }

    /** The bound summed over every set of hidden tokens: of n hidden ones each set has (n-1)! (L-n)! / L! of the integral over t. */
    private static double enumerated(Mdlm model, long[] x) {
        MaskedTransformer net = (MaskedTransformer) model.net();
        double sum = 0;
        int length = x.length, v = net.config().vocabulary();
        for (int set = 1; set < 1 << length; set++) {
            int n = Integer.bitCount(set);
            long[] seen = x.clone();
            for (int i = 0; i < length; i++) if ((set >> i & 1) == 1) seen[i] = v;
            Tensor logP = net.logits(net.hidden(Torch.of(seen, 1, length), null)).logSoftmax(1);
            double nats = 0;
            for (int i = 0; i < length; i++) if ((set >> i & 1) == 1) nats -= logP.select(0, i).select(0, x[i]).item();
            sum += nats * factorial(n - 1) * factorial(length - n) / factorial(length);
        }
        return sum;
    }

    private static double factorial(int n) { return n < 2 ? 1 : n * factorial(n - 1); }

    @Test void theBoundIsTheSumOverEverySetOfHiddenTokens() {
        try (Scope scope = new Scope(); Mdlm model = mdlm(TOY); Guard g = Torch.noGrad()) {
            for (long[] x : List.of(new long[] {0, 1, 2}, new long[] {3, 3, 0}, new long[] {2, 2, 3})) {
                double want = enumerated(model, x);
                long[] many = new long[3 * 64];
                for (int i = 0; i < many.length; i++) many[i] = x[i % 3];
                double[] bounds = model.bound(Torch.of(many, 64, 3), 300, new Rng(4));
                assertThat(Arrays.stream(bounds).average().orElseThrow()).isCloseTo(want, within(0.02 * want));
            }
        }
    }

    @Test void theLossIsTheBoundAToken() {
        for (String noise : List.of("noise=loglinear", "noise=cosine")) {
            try (Scope scope = new Scope(); Mdlm model = mdlm(TOY, noise); Guard g = Torch.noGrad()) {
                long[] x = {0, 1, 2};
                double want = enumerated(model, x) / 3, sum = 0;
                long[] many = new long[3 * 500];
                for (int i = 0; i < many.length; i++) many[i] = x[i % 3];
                Batch batch = new Batch(Torch.of(many, 500, 3));
                int times = 20;
                for (int s = 0; s < times; s++) {
                    sum += model.updates().get(0).objective().of(batch, new Step(s, new Rng(5).split(s))).total().item() / times;
                }
                assertThat(sum).isCloseTo(want, within(0.03 * want));
            }
        }
    }

    @Test void theBoundIsAboveMinusLogOfTheChanceThatAllOrdersDraw() {
        try (Scope scope = new Scope(); Mdlm model = mdlm(TOY); Guard g = Torch.noGrad()) {
            // first hitting with a step a token draws x with the mean over orders of its chance
            double[] often = counts(Drawing.of(model, List.of("order=first_hitting", "steps=3")).sample(20_000, new Rng(6)).longs());
            int seen = 0;
            for (int i = 0; i < 64; i++) {
                double bound = Math.exp(-enumerated(model, new long[] {i % 4, i / 4 % 4, i / 16}));
                assertThat(bound).isLessThan(often[i] + 0.01);
                if (bound > 0.02) seen++;
            }
            assertThat(seen).isPositive();
        }
    }

    @Test void ancestralStepsDrawTheSameDistributionAsFirstHitting() {
        try (Scope scope = new Scope(); Mdlm model = mdlm(TOY); Guard g = Torch.noGrad()) {
            int n = 20_000;
            double[] a = counts(Drawing.of(model, List.of("order=first_hitting", "steps=3")).sample(n, new Rng(6)).longs());
            double[] b = counts(Drawing.of(model, List.of("order=ancestral", "steps=60")).sample(n, new Rng(7)).longs());
            double distance = 0;
            for (int i = 0; i < 64; i++) distance += Math.abs(a[i] - b[i]) / 2;
            assertThat(distance).isLessThan(0.05);
        }
    }

    private static double[] counts(long[] drawn) {
        double[] all = new double[64];
        for (int i = 0; i < drawn.length; i += 3) all[(int) (drawn[i] + 4 * drawn[i + 1] + 16 * drawn[i + 2])] += 3.0 / drawn.length;
        return all;
    }

    @Test void everyOrderUncoversEveryTokenInAnyNumberOfStepsAndKeepsWhatIsKnown() {
        try (Scope scope = new Scope(); Mdlm model = mdlm(TEXTS.spec()); Guard g = Torch.noGrad()) {
            long[] known = new Rng(3).integers(8, 3, 12).longs();
            for (int i = 0; i < known.length; i++) if (i % 5 < 2 || i / 12 == 2) known[i] = -1;
            for (String order : List.of("ancestral", "first_hitting", "confident")) {
                for (int steps : new int[] {1, 2, 5, 12, 40}) {
                    Drawing<?> drawing = Drawing.of(model, List.of("order=" + order, "steps=" + steps));
                    long[] free = drawing.sample(2, new Rng(1)).longs(), filled = drawing.fill(Torch.of(known, 3, 12), new Rng(1)).longs();
                    for (long t : free) assertThat(t).isBetween(0L, 7L);
                    for (int i = 0; i < known.length; i++) {
                        if (known[i] >= 0) assertThat(filled[i]).isEqualTo(known[i]);
                        else assertThat(filled[i]).isBetween(0L, 7L);
                    }
                }
            }
            long[] whole = new Rng(3).integers(8, 1, 12).longs();
            assertThat(Drawing.of(model, List.of()).fill(Torch.of(whole, 1, 12), new Rng(1)).longs()).isEqualTo(whole);
            assertThatThrownBy(() -> Drawing.of(model, List.of()).fill(Torch.of(new long[] {9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1, 12),
                new Rng(1))).hasMessage("there is no token 9, known are 0 to 7");
        }
    }

    @Test void noEndIsDrawnBeforeTokensThatAreKept() {
        try (Scope scope = new Scope(); Mdlm model = mdlm(TOY); Guard g = Torch.noGrad()) {
            int n = 300;
            long end = TOY.end();
            for (String order : List.of("ancestral", "first_hitting", "confident")) {
                Drawing<?> drawing = Drawing.of(model, List.of("order=" + order, "steps=3", "temperature=5"));
                boolean ends = false;
                for (long last : new long[] {0, end}) {
                    long[] known = new long[3 * n];
                    for (int i = 0; i < known.length; i++) known[i] = i % 3 == 2 ? last : -1;
                    long[] drawn = drawing.fill(Torch.of(known, n, 3), new Rng(9)).longs();
                    for (int i = 0; i < drawn.length; i++) {
                        if (i % 3 == 2) assertThat(drawn[i]).isEqualTo(last);
                        else if (last != end) assertThat(drawn[i]).isNotEqualTo(end);
                        else ends |= drawn[i] == end;
                    }
                }
                assertThat(ends).as("an end before an end may be drawn: " + order).isTrue();
            }
        }
    }

    @Test void theMostCertainComesFirst() {
        try (Scope scope = new Scope(); Mdlm model = mdlm(TOY); Guard g = Torch.noGrad()) {
            MaskedTransformer net = (MaskedTransformer) model.net();
            long[] hidden = {4, 4, 4};
            Tensor chances = net.logits(net.hidden(Torch.of(hidden, 1, 3), null)).softmax(1).amax(false, 1);
            long surest = chances.argmax(0).longs()[0];
            long token = net.logits(net.hidden(Torch.of(hidden, 1, 3), null)).argmax(1).longs()[(int) surest];
            long[] drawn = Drawing.of(model, List.of("order=confident", "steps=3", "temperature=0")).sample(1, new Rng(1)).longs();
            assertThat(drawn[(int) surest]).isEqualTo(token);
        }
    }

    @Test void aTokenOfAFewMillionthsComesAsOftenAsItShould() {
        // of 24 random bits a token of 1e-8 would never come; of 48 its waiting times are as they should be
        double u = (1 - 0x1p-24) + (1 - 0x1p-24) * 0x1p-24;
        assertThat(-Math.log(u)).isLessThan(1e-13);
        assertThat(-Math.log(1 - 0x1p-24)).isGreaterThan(1e-8);
    }
}
