package io.palitra.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.api.Test;

class LossTest {
    private static Tensor row(double... v) { return Torch.of(v, 1, v.length); }

    /** -1, -1 + 2/255, ..., 1 as 256 items. */
    private static Tensor levels() {
        double[] x = new double[256];
        for (int i = 0; i < 256; i++) x[i] = i / 127.5 - 1;
        return Torch.of(x, 256, 1);
    }

    @Test void klAndJensenShannonHaveTheirHandComputedValues() {
        try (Scope scope = new Scope()) {
            Tensor mu = row(1, -0.5), logVar = row(0.2, -1);
            assertThat(Loss.gaussianKl(mu, logVar).item()).isCloseTo(0.819641, within(1e-6));
            assertThat(Loss.skewJensenShannon(mu, logVar, 0.5).item()).isCloseTo(0.263539, within(1e-6));
        }
    }

    @Test void theSkewRunsFromKlToItsReverse() {
        try (Scope scope = new Scope()) {
            Tensor mu = row(1, -0.5), logVar = row(0.2, -1);
            double reverse = 0;   // KL(N(0,1) || N(m,v)) = 1/2 (log v + (1 + m^2)/v - 1)
            for (double[] q : new double[][] {{1, 0.2}, {-0.5, -1}}) reverse += 0.5 * (q[1] + (1 + q[0] * q[0]) * Math.exp(-q[1]) - 1);
            assertThat(Loss.skewJensenShannon(mu, logVar, 0).item()).isCloseTo(Loss.gaussianKl(mu, logVar).item(), within(1e-12));
            assertThat(Loss.skewJensenShannon(mu, logVar, 1).item()).isCloseTo(reverse, within(1e-12));
            assertThatThrownBy(() -> Loss.skewJensenShannon(mu, logVar, 1.5)).hasMessage("illegal skew: 1.5, must be in [0,1]");
        }
    }

    @Test void anItemsValueDoesNotDependOnItsNeighbours() {
        try (Scope scope = new Scope()) {
            Tensor mu = new Rng(1).normal(5, 3, 2), logVar = new Rng(2).normal(5, 3, 2);
            Tensor all = Loss.gaussianKl(mu, logVar);
            assertThat(all.shape()).containsExactly(5);
            assertThat(Loss.gaussianKl(mu.rows(2, 1), logVar.rows(2, 1)).item()).isCloseTo(all.doubles()[2], within(1e-6));
        }
    }

    @Test void theGaussianDensityIntegratesToOne() {
        try (Scope scope = new Scope()) {
            int n = 4001;
            double[] x = new double[n];
            for (int i = 0; i < n; i++) x[i] = -10 + 20.0 * i / (n - 1);
            Tensor p = Loss.gaussianNll(Torch.of(x, n, 1), row(0.7), row(-0.4)).neg().exp();
            assertThat(p.sum().item() * 20 / (n - 1)).isCloseTo(1, within(1e-9));
        }
    }

    @Test void binaryCrossEntropyIsMinusTheLogOfTheProbability() {
        try (Scope scope = new Scope()) {
            assertThat(Loss.bceWithLogits(row(2, -1), row(1, 0)).item())
                .isCloseTo(Math.log1p(Math.exp(-2)) + Math.log1p(Math.exp(-1)), within(1e-12));
        }
    }

    @Test void theLevelsOfADiscretisedLogisticSumToOneAtEveryScale() {
        try (Scope scope = new Scope()) {
            for (double logScale : new double[] {2, 0, -3, -7, -20}) {
                for (double mean : new double[] {0, 0.3, -0.97, 1.4}) {
                    Tensor nll = Loss.discretizedLogisticNll(levels(), row(mean), row(logScale));
                    assertThat(nll.neg().exp().sum().item()).isCloseTo(1, within(1e-12));
                }
            }
        }
    }

    @Test void theDiscretisedLogisticHasItsKnownValues() {
        try (Scope scope = new Scope()) {
            assertThat(Loss.discretizedLogisticNll(levels(), row(0), row(0)).doubles()[128]).isCloseTo(6.234416, within(1e-6));
            assertThat(Loss.discretizedLogisticNll(levels(), row(0.3), row(-3)).doubles()[200]).isCloseTo(7.251690, within(1e-6));
        }
    }

    @Test void gradientsStayFiniteFarFromTheMeanInSinglePrecision() {
        try (Scope scope = new Scope()) {
            Tensor mean = Torch.of(new float[] {-1, 1, 0, 5}, 4, 1).requiresGrad(true);
            Tensor logScale = Torch.of(new float[] {-7, -30, 12, -7}, 4, 1).requiresGrad(true);
            Loss.discretizedLogisticNll(Torch.of(new float[] {0.5f, -0.5f, 1, -1}, 4, 1), mean, logScale).sum().backward();
            assertThat(Torch.cat(0, mean.grad(), logScale.grad()).isFinite().all().item()).isEqualTo(1);
        }
    }

    /** Summed over blue, what is left is the mass of red and green, which the scales of blue do not move. */
    @Test void theLevelsOfBlueInAMixtureSumToOneGivenRedAndGreen() {
        try (Scope scope = new Scope()) {
            Tensor x = levels().reshape(256, 1, 1, 1);
            Tensor rest = Torch.zeros(DType.F64, 256, 2, 1, 1).add(1 / 255.0);   // level 128 in the two other channels
            Tensor logits = Torch.of(new double[] {0.3, -1}, 1, 2, 1, 1).expand(256, 2, 1, 1);
            Tensor means = Torch.of(new double[] {0.1, -0.4, 0.2, 0, 0.3, -0.6}, 1, 3, 2, 1, 1).expand(256, 3, 2, 1, 1);
            Tensor scales = Torch.of(new double[] {-2, -3, -1, -2, -2, -1}, 1, 3, 2, 1, 1).expand(256, 3, 2, 1, 1);
            Tensor coefficients = Torch.of(new double[] {0.5, -0.7, 1, 0.1, -0.2, 0.9}, 1, 3, 2, 1, 1).expand(256, 3, 2, 1, 1);
            Tensor wider = scales.add(Torch.of(new double[] {0, 0, 0, 0, 0.5, 0.5}, 1, 3, 2, 1, 1));
            double first = mass(Torch.cat(1, rest, x), logits, means, scales, coefficients);
            double second = mass(Torch.cat(1, rest, x), logits, means, wider, coefficients);
            assertThat(first / second).isCloseTo(1, within(1e-4));
            assertThat(first).isBetween(1e-8, 1.0);
        }
    }

    private static double mass(Tensor x, Tensor logits, Tensor means, Tensor scales, Tensor coefficients) {
        return Loss.logisticMixtureNll(x, logits, means, scales, coefficients).neg().exp().sum().item();
    }

    @Test void theLevelsOfANormalSumToOne() {
        try (Scope scope = new Scope()) {
            Tensor x = levels().reshape(256, 1), mean = Torch.zeros(DType.F64, 256, 1).add(0.3);
            assertThat(Loss.discretizedGaussianNll(x, mean, 0.02).neg().exp().sum().item()).isCloseTo(1, within(1e-9));
            assertThat(Loss.discretizedGaussianNll(x, mean, 0.7).neg().exp().sum().item()).isCloseTo(1, within(1e-9));
        }
    }

    @Test void theLevelsOfAGreyMixtureSumToOne() {
        try (Scope scope = new Scope()) {
            Tensor x = levels().reshape(256, 1, 1, 1);
            Tensor logits = Torch.of(new double[] {0.3, -1}, 1, 2, 1, 1).expand(256, 2, 1, 1);
            Tensor means = Torch.of(new double[] {0.1, -0.9}, 1, 1, 2, 1, 1).expand(256, 1, 2, 1, 1);
            Tensor scales = Torch.of(new double[] {-2, -3}, 1, 1, 2, 1, 1).expand(256, 1, 2, 1, 1);
            assertThat(mass(x, logits, means, scales, scales)).isCloseTo(1, within(1e-5));
        }
    }

    @Test void aMixtureRefusesTwoChannels() {
        try (Scope scope = new Scope()) {
            Tensor x = Torch.zeros(2, 2, 4, 4);
            assertThatThrownBy(() -> Loss.logisticMixtureNll(x, x, x, x, x))
                .hasMessage("logisticMixtureNll wants x [B,C,H,W], C = 1 or 3, got 2×2×4×4");
        }
    }
}
