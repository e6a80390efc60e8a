package io.palitra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OptimizerTest {
    private static double[] walk(OptimizerSpec spec, double... gradients) {
        try (Scope scope = new Scope()) {
            Tensor w = Torch.zeros(1).requiresGrad(true);
            double[] path = new double[gradients.length];
            try (Optimizer o = new Optimizer(spec, Map.of("w", w))) {
                for (int i = 0; i < gradients.length; i++) {
                    o.zeroGrad();
                    w.mul(gradients[i]).sum().backward();
                    o.step(spec.lr());
                    path[i] = w.detach().item();
                }
            }
            return path;
        }
    }

    /** With betas exchanged, a trap of the engine's own optimisers, the second value would be far from this. */
    @Test void adamMovesByTheHandComputedSteps() {
        double[] path = walk(new OptimizerSpec.Adam(0.1, 0.5, 0.999, 1e-8), 1, -1);
        assertThat(path[0]).isCloseTo(-0.1, within(1e-6));
        assertThat(path[1]).isCloseTo(-0.0666667, within(1e-5));
    }

    @Test void sgdAndRmspropMoveByTheHandComputedSteps() {
        assertThat(walk(new OptimizerSpec.Sgd(0.1, 0.9), 1, 1)[1]).isCloseTo(-0.1 - 0.19, within(1e-6));
        assertThat(walk(new OptimizerSpec.RmsProp(0.1, 0.99, 0), 1, 1)[1])
            .isCloseTo(-0.1 / Math.sqrt(0.01) - 0.1 / Math.sqrt(0.0199), within(1e-4));
    }

    @Test void adamWDecaysApartFromTheGradient() {
        try (Scope scope = new Scope()) {
            Tensor w = Torch.ones(1).requiresGrad(true);
            try (Optimizer o = new Optimizer(new OptimizerSpec.AdamW(0.1, 0.9, 0.999, 1e-8, 0.5), Map.of("w", w))) {
                w.mul(0).sum().backward();
                o.step(0.1);
                assertThat(w.detach().item()).isCloseTo(0.95, within(1e-6));
            }
        }
    }

    @Test void theGradientNormSeesAllParametersAndNamesTheOneThatIsNotFinite() {
        try (Scope scope = new Scope()) {
            Tensor a = Torch.zeros(2).requiresGrad(true), b = Torch.zeros(1).requiresGrad(true);
            try (Optimizer o = new Optimizer(new OptimizerSpec.AdamW(), new java.util.LinkedHashMap<>(Map.of("b", b, "a", a)))) {
                a.mul(2).sum().add(b.mul(1).sum()).backward();
                assertThat(o.gradNorm()).isCloseTo(3, within(1e-6));
                o.scaleGrads(0.5);
                assertThat(o.gradNorm()).isCloseTo(1.5, within(1e-6));
                o.zeroGrad();
                a.sum().add(b.mul(Double.POSITIVE_INFINITY).sum()).backward();
                assertThat(o.gradNorm()).isInfinite();
                assertThat(o.nonFinite()).isEqualTo("b");
            }
        }
    }

    @Test void lerpAveragesManyTensorsAtOnce() {
        try (Scope scope = new Scope()) {
            Tensor a = Torch.zeros(2), b = Torch.ones(3);
            Optimizer.lerp(List.of(a, b), List.of(Torch.ones(2), Torch.zeros(3)), 0.25);
            assertThat(a.floats()).containsExactly(0.25f, 0.25f);
            assertThat(b.floats()).containsExactly(0.75f, 0.75f, 0.75f);
        }
    }

    @Test void clippingShrinksLongGradientsAndLeavesShortOrBrokenOnes() {
        try (Scope scope = new Scope()) {
            Tensor a = Torch.zeros(2).requiresGrad(true);
            try (Optimizer o = new Optimizer(new OptimizerSpec.Adam(), Map.of("a", a))) {
                a.mul(Torch.of(new float[] {3, 4}, 2)).sum().backward();
                assertThat(o.clip(10)).isCloseTo(5, within(1e-6));
                assertThat(a.grad().floats()).containsExactly(3, 4);
                assertThat(o.clip(1)).isCloseTo(5, within(1e-6));
                assertThat(o.gradNorm()).isCloseTo(1, within(1e-6));
                o.zeroGrad();
                a.mul(Double.NaN).sum().backward();
                assertThat(o.clip(1)).isNaN();
            }
        }
    }
}
