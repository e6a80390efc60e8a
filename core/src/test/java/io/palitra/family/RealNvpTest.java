package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Step;
import io.palitra.stage.Builds;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RealNvpTest {
    record Case(DataSpec data, String... overrides) {
        @Override public String toString() { return data + " " + String.join(" ", overrides); }
    }

    private static final ImageSpec TINY = new ImageSpec(1, 4, 4, 0);

    static Stream<Case> cases() {
        return Stream.of(new Case(new VectorSpec(2, 0), "couplings=4", "width=16"), new Case(new VectorSpec(3, 0), "between=batchnorm",
            "width=16"), new Case(TINY, "width=6"), new Case(new ImageSpec(3, 4, 8, 0), "width=6", "scales=3", "couplings=2"),
            new Case(TINY, "width=6", "between=batchnorm", "scales=1"));
    }

    private static RealNvp model(Case c) {
        RealNvp model = new RealNvp(Config.with(RealNvp.FAMILY.defaults(), List.of(c.overrides)), Builds.of(c.data, new Rng(3)));
        for (int s = 0; s < 30; s++) step(model, data(c, 64, s), 1e-2, s);
        model.net().training(false);
        return model;
    }

    /** Points on a bent line, or pictures of one slope. */
    private static Tensor data(Case c, int n, int seed) {
        long[] shape = c.data.shape(), all = new long[shape.length + 1];
        System.arraycopy(shape, 0, all, 1, shape.length);
        all[0] = n;
        Tensor x = new Rng(seed).normal(all).mul(0.1);
        long[] one = new long[all.length];
        java.util.Arrays.fill(one, 1);
        one[0] = n;
        return x.add(new Rng(seed + 1000).uniform(one).sub(0.5)).clamp(-1, 1);
    }

    private static void step(RealNvp model, Tensor x, double lr, int s) {
        try (Scope step = new Scope(); Optimizer o = new Optimizer(new OptimizerSpec.Adam(lr, 0.9, 0.999, 1e-8), model.parameters())) {
            model.updates().get(0).objective().of(new Batch(x), new Step(s, new Rng(s))).total().backward();
            o.step(lr);
            o.zeroGrad();
        }
    }

    @ParameterizedTest @MethodSource("cases")
    void thereAndBackIsWhereItWas(Case c) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            RealNvp model;
            try (Guard with = Torch.withGrad()) { model = model(c); }
            Tensor x = data(c, 100, 7);
            assertThat(model.inverseError(x).seen()).isLessThan(1e-4);
            assertThat(model.encode(x).sub(x.flatten(1)).abs().max().item()).isGreaterThan(0.1);
            model.to(DType.F64);
            assertThat(model.inverseError(x.to(DType.F64)).seen()).isLessThan(1e-9);
        }
    }

    /** log p(x) + |z|^2/2 + D/2 log 2 pi is log |det dz/dx|, for points by finite differences. */
    @ParameterizedTest @MethodSource("cases")
    void logDetIsTheJacobians(Case c) {
        if (!(c.data instanceof VectorSpec)) return;
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            RealNvp model;
            try (Guard with = Torch.withGrad()) { model = model(c); }
            model.to(DType.F64);
            int d = (int) c.data.dims();
            Tensor x = data(c, 1, 7).to(DType.F64);
            double[][] jacobian = new double[d][];
            for (int i = 0; i < d; i++) {
                double[] e = new double[d];
                e[i] = 1e-6;
                Tensor h = Torch.of(e, 1, d);
                jacobian[i] = model.encode(x.add(h)).sub(model.encode(x.sub(h))).div(2e-6).doubles();
            }
            Tensor z = model.encode(x);
            double logDet = model.logProb(x, new Rng(1)).item() + z.square().sum().item() / 2 + d * 0.5 * Math.log(2 * Math.PI);
            assertThat(logDet).isCloseTo(Math.log(Math.abs(det(jacobian))), within(1e-6));
        }
    }

    private static double det(double[][] a) {
        int n = a.length;
        if (n == 1) return a[0][0];
        double sum = 0;
        for (int j = 0; j < n; j++) {
            double[][] minor = new double[n - 1][n - 1];
            for (int r = 1; r < n; r++) for (int k = 0, at = 0; k < n; k++) if (k != j) minor[r - 1][at++] = a[r][k];
            sum += (j % 2 == 0 ? 1 : -1) * a[0][j] * det(minor);
        }
        return sum;
    }

    @Test void theDensityOfPointsIntegratesToOne() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            RealNvp model;
            try (Guard with = Torch.withGrad()) { model = model(new Case(new VectorSpec(2, 0), "couplings=4", "width=16")); }
            int n = 400;
            double side = 4, cell = 2 * side / n;
            float[] grid = new float[2 * n * n];
            for (int i = 0; i < n * n; i++) {
                grid[2 * i] = (float) ((i / n + 0.5) * cell - side);
                grid[2 * i + 1] = (float) ((i % n + 0.5) * cell - side);
            }
            Tensor p = model.logProb(Torch.of(grid, (long) n * n, 2), new Rng(1)).to(DType.F64).exp();
            assertThat(p.sum().item() * cell * cell).isCloseTo(1, within(2e-3));
        }
    }

    /** Pictures of one pixel pair: P(bytes) is the density of the logits over the byte's cell, so bounds must stay below the sum of all. */
    @Test void boundsOverAllPicturesOfTwoPixelsSumToAtMostOne() {
        for (String noise : List.of("uniform", "variational")) {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                Case c = new Case(new ImageSpec(1, 1, 2, 0), "scales=1", "width=6", "dequantise=" + noise);
                RealNvp model;
                try (Guard with = Torch.withGrad()) { model = model(c); }
                float[] all = new float[2 * 65536];
                for (int i = 0; i < 65536; i++) {
                    all[2 * i] = (i / 256) / 127.5f - 1;
                    all[2 * i + 1] = (i % 256) / 127.5f - 1;
                }
                Tensor x = Torch.of(all, 65536, 1, 1, 2), p = Torch.zeros(DType.F64, 65536);
                for (int k = 0; k < 2; k++) p = p.add(model.logProb(x, new Rng(k)).to(DType.F64).exp().div(2));   // an estimate of P
                assertThat(p.sum().item()).isCloseTo(1, within(0.02));
            }
        }
    }

    @Test void whatCannotBeIsRefused() {
        assertThatThrownBy(() -> new RealNvp(RealNvp.FAMILY.defaults(), Builds.of(new ImageSpec(1, 7, 8, 0), new Rng(1))))
            .hasMessage("realnvp with scales=3 halves the sides 2 times and wants multiples of 4, got 7x8; data.size=4 or "
                + "data.size=8 fits");
        assertThatThrownBy(() -> new RealNvp(RealNvp.FAMILY.defaults(), Builds.of(new VectorSpec(1, 0), new Rng(1))))
            .hasMessageContaining("2 numbers or more");
    }
}
