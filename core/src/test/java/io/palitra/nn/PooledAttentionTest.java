package io.palitra.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PooledAttentionTest {
    @ParameterizedTest @ValueSource(booleans = {false, true})
    void atItsStartItChangesNoBit(boolean spectral) {
        try (Scope scope = new Scope(); PooledAttention attention = new PooledAttention(6, spectral, Init.DEFAULT, new Rng(1))) {
            Tensor x = new Rng(2).normal(2, 6, 7, 7);
            assertThat(attention.forward(x).floats()).containsExactly(x.floats());
        }
    }

    @Test void aPixelGetsTheMeanOfTheWindowsWhoseKeysAreAlike() {
        try (Scope scope = new Scope()) {
            Tensor value = new Rng(1).normal(1, 2, 4, 4);
            Tensor attended = PooledAttention.attend(new Rng(2).normal(1, 3, 4, 4), Torch.ones(1, 3, 4, 4), value);
            Tensor means = Torch.maxPool(value, 2).mean(true, 2, 3).expand(1, 2, 4, 4);
            assertThat(attended.sub(means).abs().max().item()).isLessThan(1e-6);
        }
    }

    /** As R1 takes it: the gradient by the weights of |d sum(y^2)/dx|^2, in float64, beside central differences. */
    @Test void itsSecondDerivativesAreThoseOfCentralDifferences() {
        try (Scope scope = new Scope(); PooledAttention attention = new PooledAttention(8, true, Init.DEFAULT, new Rng(1))) {
            attention.to(DType.F64);
            Objects.requireNonNull(attention.parameters().get("gamma")).fill(0.7);
            Tensor x = new Rng(2).normal(2, 8, 4, 4).to(DType.F64);
            slope(attention, x).backward();
            for (Map.Entry<String, Tensor> e : attention.parameters().entrySet()) {
                Tensor p = e.getValue();
                double[] gradient = p.grad().doubles(), start = p.detach().doubles();
                for (int i : new int[] {0, start.length / 2, start.length - 1}) {
                    double h = 1e-6;
                    double[] moved = start.clone();
                    moved[i] = start[i] + h;
                    p.copyFrom(Torch.of(moved, p.shape()));
                    double up = slope(attention, x).item();
                    moved[i] = start[i] - h;
                    p.copyFrom(Torch.of(moved, p.shape()));
                    double down = slope(attention, x).item();
                    p.copyFrom(Torch.of(start, p.shape()));
                    assertThat(gradient[i]).as("%s[%d]", e.getKey(), i)
                        .isCloseTo((up - down) / (2 * h), within(1e-5 * Math.max(1, Math.abs(gradient[i]))));
                }
            }
        }
    }

    private static Tensor slope(PooledAttention attention, Tensor x) {
        return GanLoss.squaredSlope(leaf -> attention.forward(leaf).square().sumPerItem(), x).mean();
    }

    @Test void oneChannelIsTooFew() {
        assertThatThrownBy(() -> new PooledAttention(1, false, Init.DEFAULT, new Rng(1))).isInstanceOf(IllegalArgumentException.class)
            .hasMessage("attention wants at least 2 channels, got 1");
    }
}
