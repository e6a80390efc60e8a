package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.model.Step;
import io.palitra.net.PixelNet;
import io.palitra.stage.Builds;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PixelCnnTest {
    record Case(ImageSpec data, String... overrides) {
        @Override public String toString() { return data.channels() + "x" + data.height() + " " + String.join(" ", overrides); }
    }

    private static final ImageSpec GREY = new ImageSpec(1, 6, 5, 3);
    private static final ImageSpec RGB = new ImageSpec(3, 5, 6, 0);

    static Stream<Case> cases() {
        return Stream.of(
            new Case(GREY, "net=plain", "net.width=8", "net.blocks=2", "levels=4"),
            new Case(GREY, "net=gated", "net.width=6", "net.dilations=1,2,1"),
            new Case(GREY, "net=gated", "net.width=6", "net.dilations=1,2", "levels=4", "conditional=true"),
            new Case(GREY, "net=plain", "net.width=8", "net.blocks=1", "levels=256", "head=logistic", "head.components=3",
                "conditional=true"),
            new Case(GREY, "net=gated", "net.width=6", "net.dilations=1,2", "levels=16", "table=5"),
            new Case(RGB, "net=plain", "net.width=12", "net.blocks=1", "levels=4"),
            new Case(RGB, "net=gated", "net.width=6", "net.dilations=1,2", "levels=3", "table=2"),
            new Case(RGB, "net=gated", "net.width=6", "net.dilations=1,1", "levels=256", "head=logistic", "head.components=3"));
    }

    private static PixelCnn model(Case c) {
        return new PixelCnn(Config.with(PixelCnn.FAMILY.defaults(), List.of(c.overrides)), Builds.of(c.data, new Rng(3)));
    }

    private static Tensor pictures(ImageSpec data, int n) {
        return new Rng(8).uniform(n, data.channels(), data.height(), data.width()).mul(2).sub(1);
    }

    /** A few steps, so that the classes, which are dark, grey and bright, and every branch count for something. */
    private static void train(PixelCnn model, ImageSpec data) {
        try (Optimizer o = new Optimizer(new OptimizerSpec.Adam(1e-2, 0.9, 0.999, 1e-8), model.net().parameters())) {
            for (int s = 0; s < 20; s++) {
                try (Scope step = new Scope()) {
                    Tensor labels = data.classes() == 0 ? null : new Rng(9).integers(data.classes(), 8), x = pictures(data, 8);
                    if (labels != null) x = x.mul(0.3).add(labels.to(DType.F32).sub(1).mul(0.6).reshape(8, 1, 1, 1));
                    o.zeroGrad();
                    model.updates().get(0).objective().of(new Batch(x, Condition.ofLabels(labels)), new Step(s, new Rng(s))).total()
                        .backward();
                    o.step(1e-2);
                }
            }
        }
    }

    /** A change of number i in raster order, channels within pixels, moves no output of a turn at or before it. */
    @ParameterizedTest @MethodSource("cases")
    void nothingKnowsWhatComesAfterIt(Case c) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            PixelCnn model = model(c);
            int channels = c.data.channels(), height = c.data.height(), width = c.data.width();
            boolean wholes = List.of(c.overrides).contains("head=logistic");
            model.net().to(DType.F64);
            Tensor x = pictures(c.data, 1).to(DType.F64);
            Tensor label = model.net().parameters().keySet().stream().noneMatch(k -> k.contains("shift")) ? null
                : Torch.oneHot(Torch.of(new long[] {1}, 1), 3).to(DType.F64);
            PixelNet net = (PixelNet) model.net();
            Tensor before = net.forward(x, label);
            long outputs = before.size(1);
            int moved = 0;
            for (int i = 0; i < height * width * channels; i++) {
                int pixel = i / channels, channel = i % channels;
                Tensor other = x.copy();
                other.select(1, channel).select(1, pixel / width).select(1, pixel % width).fill(0.777);
                double[] change = net.forward(other, label).sub(before).abs().reshape(outputs, height * width).doubles();
                for (int o = 0; o < outputs; o++) {
                    int turn = wholes ? 0 : o % channels, at = wholes ? i / channels : i;
                    for (int p = 0; p < height * width; p++) {
                        int when = wholes ? p : p * channels + turn;
                        if (when <= at) assertThat(change[o * height * width + p]).as(i + " moves " + o + " at " + p).isZero();
                        else if (change[o * height * width + p] > 0) moved++;
                    }
                }
            }
            assertThat(moved).isPositive();
        }
    }

    @ParameterizedTest @MethodSource("cases")
    void pixelByPixelIsTheWholeNetworksAnswer(Case c) {
        try (Scope scope = new Scope()) {
            PixelCnn model = model(c);
            train(model, c.data);
            try (Guard g = Torch.noGrad()) {
                Tensor fast = model.sample(model.samplingDefaults(), Condition.NONE, 5, new Rng(4));
                Tensor slow = model.sampleSlowly(model.samplingDefaults(), Condition.NONE, 5, new Rng(4));
                assertThat(fast.floats()).isEqualTo(slow.floats());
                assertThat(fast.sub(fast.rows(0, 1)).abs().max().item()).isPositive();
                if (c.data.classes() > 0 && List.of(c.overrides).contains("conditional=true")) {
                    Tensor other = Drawing.of(model, List.of("label=2")).sample(5, new Rng(4));
                    assertThat(other.floats()).isNotEqualTo(Drawing.of(model, List.of("label=0")).sample(5, new Rng(4)).floats());
                }
            }
        }
    }

    @ParameterizedTest @MethodSource("cases")
    void aPictureIsTheSameBitForBitInWhateverBatchByHoweverManyThreads(Case c) {
        int before = Device.threads();
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            PixelCnn model = model(c);
            Device.threads(2);
            Tensor five = model.sample(model.samplingDefaults(), Condition.NONE, 5, new Rng(4));
            Device.threads(1);
            assertThat(model.sample(model.samplingDefaults(), Condition.NONE, 2, new Rng(4)).floats()).isEqualTo(five.rows(0, 2).floats());
        } finally {
            Device.threads(before);
        }
    }

    @ParameterizedTest @MethodSource("cases")
    void theRestOfAPictureIsDrawnUnderWhatIsGiven(Case c) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            PixelCnn model = model(c);
            Tensor own = model.sample(model.samplingDefaults(), Condition.NONE, 4, new Rng(4));
            // what was drawn, given back for its upper rows, is drawn again: all levels survive but of two, which are drawn anew
            if (model.levels(own, new Rng(1)).sub(own).abs().max().item() > 1e-6) return;
            Tensor rest = Drawing.of(model, List.of()).complete(own.narrow(2, 0, 3), new Rng(4));
            assertThat(rest.sub(own).abs().max().item()).isLessThan(1e-6);
            Tensor other = Drawing.of(model, List.of()).complete(own.narrow(2, 0, 3), new Rng(5));
            assertThat(other.narrow(2, 0, 3).sub(own.narrow(2, 0, 3)).abs().max().item()).isLessThan(1e-6);
            assertThat(other.sub(own).abs().max().item()).isPositive();
        }
    }

    @Test void all256PicturesOfFourLevelsAndFourPixelsSumToOne() {
        for (String net : List.of("plain", "gated")) {
            ImageSpec four = new ImageSpec(1, 2, 2, 3);
            Case c = new Case(four, "net=" + net, "net.width=6", "levels=4", "conditional=true");
            try (Scope scope = new Scope()) {
                PixelCnn model = model(c);
                train(model, four);
                float[] all = new float[1024];
                for (int i = 0; i < 256; i++) for (int p = 0; p < 4; p++) all[4 * i + p] = ((i >> (2 * p)) & 3) * 2f / 3 - 1;
                try (Guard g = Torch.noGrad()) {
                    Tensor log = model.logProb(Torch.of(all, 256, 1, 2, 2), new Rng(1));
                    assertThat(log.to(DType.F64).exp().sum().item()).isCloseTo(1, within(1e-5));
                    assertThat(log.max().sub(log.min()).item()).isGreaterThan(0.1);
                }
            }
        }
    }

    @Test void samplesHaveTheProbabilitiesOfTheirLikelihood() {
        try (Scope scope = new Scope()) {
            ImageSpec two = new ImageSpec(1, 1, 2, 0);
            PixelCnn model = model(new Case(two, "net=gated", "net.width=6", "levels=4"));
            train(model, two);
            try (Guard g = Torch.noGrad()) {
                int n = 20_000;
                float[] x = model.sample(model.samplingDefaults(), Condition.NONE, n, new Rng(6)).floats();
                double[] seen = new double[16];
                float[] all = new float[32];
                for (int i = 0; i < n; i++) seen[Math.round((x[2 * i] + 1) * 1.5f) * 4 + Math.round((x[2 * i + 1] + 1) * 1.5f)] += 1.0 / n;
                for (int i = 0; i < 16; i++) {
                    all[2 * i] = (i / 4) / 1.5f - 1;
                    all[2 * i + 1] = (i % 4) / 1.5f - 1;
                }
                double[] p = model.logProb(Torch.of(all, 16, 1, 1, 2), new Rng(1)).exp().doubles();
                for (int i = 0; i < 16; i++) {
                    assertThat(seen[i]).isCloseTo(p[i], within(5 * Math.sqrt(p[i] * (1 - p[i]) / n)));
                }
            }
        }
    }

    @Test void whatCannotBeIsRefused() {
        assertThatThrownBy(() -> model(new Case(RGB, "net=gated", "net.width=7", "levels=4")))
            .hasMessage("illegal net.width: 7, must be a multiple of the 3 channels of a pixel with head=categorical");
        assertThatThrownBy(() -> model(new Case(GREY, "head=logistic"))).hasMessageContaining("must be 256 with head=logistic");
        assertThatThrownBy(() -> new PixelCnn(PixelCnn.FAMILY.defaults(), Builds.of(new VectorSpec(2, 0), new Rng(1))))
            .hasMessageContaining("wants pictures");
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            PixelCnn model = model(new Case(GREY, "net.width=4"));
            assertThatThrownBy(() -> Drawing.of(model, List.of("label=0")).sample(1, new Rng(1)))
                .hasMessageContaining("trained without classes");
            Tensor x = pictures(GREY, 1);
            assertThatThrownBy(() -> Drawing.of(model, List.of()).complete(Torch.cat(2, x, x), new Rng(1)))
                .hasMessageContaining("keeps the upper rows of 1 pictures, [1,1,0 to 6,5]");
            PixelCnn classes = model(new Case(GREY, "net.width=4", "conditional=true"));
            assertThatThrownBy(() -> Drawing.of(classes, List.of("label=3")).sample(1, new Rng(1)))
                .hasMessageContaining("a class in 0..2");
        }
    }
}
