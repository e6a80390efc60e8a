package io.palitra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.Set;
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

    /** Three moves by torch.optim.Muon 2.13 (match_rms_adamw), whose products are in bf16. */
    @Test void muonMovesAsPyTorchs() {
        Map<float[], double[]> paths = Map.of(
            new float[] {1, 2, 3, -1, 0.5f, 2}, new double[] {0.9572, 1.8936, 2.8303, -0.8901, 0.5125, 1.9151},
            new float[] {2, 0, 1, 0, 1, -1, 1, 1, 3, 0.5f, -2, 1},
            new double[] {1.8529, 0.0390, 0.9822, 0.0106, 0.9380, -0.8871, 1.0041, 0.9950, 2.9009, 0.5087, -1.8668, 1.0001});
        paths.forEach((start, end) -> {
            try (Scope scope = new Scope()) {
                Tensor w = Torch.of(start, start.length / 3, 3).requiresGrad(true);
                float[] goal = new float[start.length];
                for (int i = 0; i < goal.length; i++) goal[i] = i / 2f;
                try (Optimizer o = new Optimizer(new OptimizerSpec.Muon(0.1, 0.95, 0.9, 0.95, 0.1), Map.of("w", w))) {
                    for (int k = 0; k < 3; k++) {
                        o.zeroGrad();
                        Tensor apart = w.sub(Torch.of(goal, start.length / 3, 3)).square().sum();
                        apart.add(w.rows(0, 1).mul(w.rows(1, 1)).sum().mul(k)).backward();
                        o.step(0.1);
                    }
                }
                for (int i = 0; i < end.length; i++) assertThat(w.detach().doubles()[i]).as("weight " + i).isCloseTo(end[i], within(2e-3));
            }
        });
    }

    @Test void muonMakesTheSingularValuesOfAMoveNearlyEqual() {
        try (Scope scope = new Scope()) {
            Tensor g = new Rng(1).normal(3, 24, 40).mul(1e-3), o = Muon.orthogonal(g);
            Tensor squares = o.matmul(o.transpose(1, 2));   // eigenvalues are squares of singular values
            assertThat(squares.sub(Torch.eye(24)).square().sum(false, 1, 2).sqrt().max().item()).isLessThan(0.5 * Math.sqrt(24));
            Tensor along = o.mul(g).sum(), nuclear = Muon.orthogonal(g.transpose(1, 2)).transpose(1, 2).mul(g).sum();
            assertThat(along.item()).isCloseTo(nuclear.item(), within(1e-4 * along.item()));
            assertThat(along.item()).isGreaterThan(0.7 * 3 * 24 * 1e-3 * 4);   // the mean singular value of such a matrix is above 4e-3
        }
    }

    @Test void muonLeavesTablesAndVectorsToAdamW() {
        try (Scope scope = new Scope()) {
            Tensor[] by = new Tensor[4];
            for (int i = 0; i < 4; i++) by[i] = new Rng(2).normal(i % 2 == 0 ? new long[] {6, 4} : new long[] {6}).requiresGrad(true);
            Optimizer muon = new Optimizer(new OptimizerSpec.Muon(1e-2, 0.95, 0.9, 0.95, 0.1), Map.of("t", by[0], "b", by[1]), Set.of("t"));
            Optimizer adam = new Optimizer(new OptimizerSpec.AdamW(1e-2, 0.9, 0.95, 1e-8, 0.1), Map.of("t", by[2], "b", by[3]));
            try (muon; adam) {
                for (int k = 0; k < 3; k++) {
                    for (Tensor p : by) {
                        p.clearGrad();
                        p.sin().mul(k + 1).sum().backward();
                    }
                    muon.step(1e-2);
                    adam.step(1e-2);
                }
            }
            assertThat(by[0].detach().doubles()).isEqualTo(by[2].detach().doubles());
            assertThat(by[1].detach().doubles()).isEqualTo(by[3].detach().doubles());
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
