package io.palitra.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.api.Test;

class SpectralNormTest {
    /** By the eigenvalues of W W^T. */
    private static double largestSingularValue(Tensor weight) {
        Tensor m = weight.detach().to(DType.F64).flatten(1);
        return Math.sqrt(Torch.eigh(m.matmul(m.t()))[0].max().item());
    }

    @Test void theLargestSingularValueOfANormalisedWeightBecomesOne() {
        try (Scope scope = new Scope()) {
            Tensor weight = new Rng(1).normal(6, 5, 3, 3);
            SpectralNorm norm = new SpectralNorm(weight, new Rng(2));
            assertThat(largestSingularValue(weight)).isGreaterThan(3);
            for (int i = 0; i < 500; i++) norm.iterate(weight);
            assertThat(largestSingularValue(norm.of(weight))).isCloseTo(1, within(1e-5));
            norm.close();
        }
    }

    @Test void itStartsNearTheSingularVectorsAndFollowsAWeightThatMoves() {
        try (Scope scope = new Scope()) {
            Tensor weight = new Rng(1).normal(6, 40);
            SpectralNorm norm = new SpectralNorm(weight, new Rng(2));
            assertThat(largestSingularValue(norm.of(weight))).isBetween(0.999999, 1.2);
            for (int i = 0; i < 500; i++) {
                weight = weight.add(new Rng(3).split(i).normal(6, 40).mul(1e-3));
                norm.iterate(weight);
            }
            assertThat(largestSingularValue(norm.of(weight))).isBetween(0.999999, 1.01);
            norm.close();
        }
    }

    @Test void normalisingMovesNoBufferWhateverTheMode() {
        try (Scope scope = new Scope()) {
            Tensor weight = new Rng(1).normal(6, 40);
            SpectralNorm norm = new SpectralNorm(weight, new Rng(2));
            float[] inTraining = norm.of(weight).floats(), u = norm.buffers().get("u").floats();
            norm.training(false);
            assertThat(norm.of(weight).floats()).isEqualTo(inTraining);
            assertThat(norm.buffers().get("u").floats()).isEqualTo(u);
            assertThat(norm.buffers()).containsOnlyKeys("u", "v");
            norm.close();
        }
    }

    @Test void aZeroWeightDoesNotSpoilTheBuffers() {
        try (Scope scope = new Scope()) {
            SpectralNorm norm = new SpectralNorm(Torch.zeros(3, 4), new Rng(2));
            assertThat(norm.buffers().get("u").isFinite().all().item()).isEqualTo(1);
            norm.close();
        }
    }

    @Test void theGradientIsThatOfTheQuotient() {
        try (Scope scope = new Scope()) {
            double[] start = new Rng(1).normal(3, 4).doubles();
            SpectralNorm norm = new SpectralNorm(Torch.of(start, 3, 4).to(DType.F32), new Rng(2));
            norm.to(DType.F64);
            Tensor weight = Torch.of(start, 3, 4).requiresGrad(true);
            Tensor direction = new Rng(4).normal(3, 4).to(DType.F64);
            double[] gradient = Torch.grad(norm.of(weight).mul(direction), weight, false).doubles();
            for (int i = 0; i < 12; i++) {
                double[] up = start.clone(), down = start.clone();
                up[i] += 1e-5;
                down[i] -= 1e-5;
                double rise = norm.of(Torch.of(up, 3, 4)).sub(norm.of(Torch.of(down, 3, 4))).mul(direction).sum().item();
                assertThat(gradient[i]).isCloseTo(rise / 2e-5, within(1e-8));
            }
            norm.close();
        }
    }
}
