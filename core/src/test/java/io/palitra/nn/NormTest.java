package io.palitra.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.api.Test;

class NormTest {
    @Test void conditionalBatchNormGivesEachItemTheRowOfItsClass() {
        try (Scope scope = new Scope(); Norm.ConditionalBatch norm = new Norm.ConditionalBatch(2, 3, new Rng(1))) {
            norm.parameters().get("weight").copyFrom(Torch.of(new float[] {1, 1, 2, 3, 0, 0}, 3, 2));
            norm.parameters().get("bias").copyFrom(Torch.of(new float[] {0, 0, 5, 7, -1, -1}, 3, 2));
            Tensor x = new Rng(2).normal(6, 2, 4, 4);
            Tensor plain = norm.forward(x, Torch.oneHot(Torch.of(new long[6], 6), 3));
            assertThat(plain.mean().item()).isCloseTo(0, within(1e-6));
            assertThat(plain.square().mean().item()).isCloseTo(1, within(1e-4));
            Tensor classed = norm.forward(x, Torch.oneHot(Torch.of(new long[] {0, 1, 2, 0, 1, 2}, 6), 3));
            assertThat(classed.select(0, 3).floats()).isEqualTo(plain.select(0, 3).floats());
            Tensor expected = plain.select(0, 4).select(0, 1).mul(3).add(7);
            assertThat(classed.select(0, 4).select(0, 1).sub(expected).abs().max().item()).isLessThan(1e-5);
            assertThat(classed.select(0, 5).add(1).abs().max().item()).isZero();
        }
    }

    @Test void halfOfTwoClassesLiesHalfwayBetweenThem() {
        try (Scope scope = new Scope(); Norm.ConditionalBatch norm = new Norm.ConditionalBatch(2, 2, new Rng(1))) {
            norm.parameters().get("bias").copyFrom(new Rng(3).normal(2, 2));
            norm.training(false);
            Tensor x = new Rng(2).normal(1, 2, 4, 4);
            Tensor a = norm.forward(x, Torch.of(new float[] {1, 0}, 1, 2)), b = norm.forward(x, Torch.of(new float[] {0, 1}, 1, 2));
            Tensor between = norm.forward(x, Torch.of(new float[] {0.5f, 0.5f}, 1, 2));
            assertThat(between.sub(a.add(b).mul(0.5)).abs().max().item()).isLessThan(1e-6);
        }
    }
}
