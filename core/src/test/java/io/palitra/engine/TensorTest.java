package io.palitra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TensorTest {
    private final Rng rng = new Rng(1);

    @Test void resultsOverATensorAreThoseBesideIt() {
        try (Scope scope = new Scope()) {
            Tensor x = rng.normal(2, 3, 4, 4), y = rng.split(1).normal(2, 3, 1, 1);
            float[] silu = x.silu().floats(), sum = x.add(y).floats();
            Tensor a = x.copy(), b = x.copy();
            assertThat(a.siluOver()).isSameAs(a);
            assertThat(a.floats()).containsExactly(silu);
            assertThat(b.addOver(y)).isSameAs(b);
            assertThat(b.floats()).containsExactly(sum);
            Tensor narrow = x.to(DType.BF16);
            assertThat(narrow.addOver(y).dtype()).isEqualTo(DType.F32);
        }
    }

    @Test void whatHasAGradientStays() {
        try (Scope scope = new Scope()) {
            Tensor x = rng.normal(5), w = rng.split(1).normal(5).requiresGrad(true);
            Tensor h = x.mul(w);
            assertThat(h.siluOver()).isNotSameAs(h);
            float[] before = w.floats(), part = h.narrow(0, 1, 3).floats();
            assertThat(w.addOver(x)).as("a parameter").isNotSameAs(w);
            assertThat(w.detach().floats()).containsExactly(before);
            Tensor view = h.narrow(0, 1, 3);
            assertThat(view.addOver(w.narrow(0, 0, 3))).as("a part").isNotSameAs(view);
            assertThat(h.narrow(0, 1, 3).floats()).containsExactly(part);
        }
    }

    @Test void gradientsPassWhatIsWrittenOver() {
        try (Scope scope = new Scope()) {
            Tensor x = rng.normal(2, 3, 4), w = rng.split(1).normal(3, 1).requiresGrad(true), y = rng.split(2).normal(2, 3, 4);
            Tensor a = x.mul(w);
            assertThat(a.addOver(y).reluOver()).isSameAs(a);
            Tensor b = x.mul(w).add(y).relu();
            assertThat(a.detach().floats()).containsExactly(b.detach().floats());
            assertThat(Torch.grad(a.square(), w, false).floats()).containsExactly(Torch.grad(b.square(), w, false).floats());
            Tensor c = x.mul(w), d = x.mul(w).leakyRelu(0.2);
            assertThat(c.leakyReluOver(0.2)).isSameAs(c);
            assertThat(Torch.grad(c.square(), w, false).floats()).containsExactly(Torch.grad(d.square(), w, false).floats());
            Tensor saved = x.mul(w).exp(), sum = saved.addOver(y).sum();   // whose own gradient reads what was written over
            assertThatThrownBy(() -> Torch.grad(sum, w, false)).hasMessageContaining("modified by an inplace operation");
        }
    }

    @Test void attentionInBf16IsThatInF32Rounded() {
        try (Scope scope = new Scope()) {
            Tensor q = rng.normal(1, 2, 64, 8).to(DType.BF16), k = rng.split(1).normal(1, 2, 32, 8).to(DType.BF16);
            Tensor bias = rng.split(2).normal(1, 1, 1, 32).to(DType.BF16);
            Tensor wide = Torch.attention(q.to(DType.F32), k.to(DType.F32), k.to(DType.F32), bias.to(DType.F32));
            Tensor got = Torch.attention(q, k, k, bias);
            assertThat(got.dtype()).isEqualTo(DType.BF16);
            assertThat(got.floats()).containsExactly(wide.to(DType.BF16).floats());
            try (Guard g = Torch.autocast(Device.CPU, DType.BF16)) {
                assertThat(Torch.attention(q, k, k, bias).floats()).containsExactly(got.floats());
                assertThat(q.to(DType.F32).matmul(k.to(DType.F32).transpose(2, 3)).dtype()).as("autocast is on").isEqualTo(DType.BF16);
            }
        }
    }

    @Test void whatLiesOutsideThePictureCountsInNoPool() {
        try (Scope scope = new Scope()) {
            Tensor x = Torch.of(new float[] {-1, -2, -3, -4}, 1, 1, 2, 2);
            assertThat(Torch.avgPool(x, 3, 1, 1).floats()).containsOnly(-2.5f);
            assertThat(Torch.maxPool(x, 3, 1, 1).floats()).containsOnly(-1);
            Tensor wide = Torch.arange(0, 25).reshape(1, 1, 5, 5);
            assertThat(Torch.maxPool(wide, 3, 2, 0).floats()).containsExactly(12, 14, 22, 24);
        }
    }

    @Test void bilinearLaysCornersOnCornersAndDoesNotSmooth() {
        try (Scope scope = new Scope()) {
            Tensor x = Torch.of(new float[] {0, 1, 2, 3, 4, 5, 6, 7}, 1, 1, 1, 8);
            assertThat(Torch.bilinear(x.narrow(3, 0, 2), 1, 4).floats()).containsExactly(0, 0.25f, 0.75f, 1);
            assertThat(Torch.bilinear(x.mul(x), 1, 2).floats()).containsExactly(2.5f, 30.5f);   // of 1 and 4, of 25 and 36
        }
    }
}
