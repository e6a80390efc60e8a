package io.palitra.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class AllowanceTest {
    @Test void workThatDoesNotFitIsRefusedWithItsSize() {
        Allowance.refuseWork(8e9, 16e9, "attention", "make it smaller");
        assertThatThrownBy(() -> Allowance.refuseWork(48e9, 24e9, "attention over 4096 places", "make it smaller"))
            .hasMessage("attention over 4096 places takes about 48 GB, more than the 24.0 GB of this machine; make it smaller");
    }

    @Test void whatDoesNotFitIsRefusedBeforeItIsTaken() {
        try (Scope scope = new Scope()) {
            assertThatThrownBy(() -> Allowance.within(1 << 20, "make it smaller", () -> new Rng(1).normal(1000, 1000)))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("1000×1000").hasMessageContaining("make it smaller");
            assertThatThrownBy(() -> Allowance.within(1 << 20, "make it smaller", () -> {
                for (int i = 0; i < 9; i++) Torch.zeros(100, 300);   // 120 kB each
                return null;
            })).hasMessageContaining("100×300");
            Tensor small = Allowance.within(1 << 20, "make it smaller", () -> Allowance.within(1, "make it smaller", () -> new Rng(1)
                .normal(100, 300)));   // counted in the outer
            assertThat(small.numel()).isEqualTo(30_000);
            Torch.zeros(1000, 1000);   // outside nothing is counted
        }
    }

    @Test void aTensorOfMoreNumbersThanAnArrayHoldsIsRefusedInWords() {
        assertThatThrownBy(() -> Torch.numel(65536, 65536)).isInstanceOf(IllegalArgumentException.class)
            .hasMessage("a tensor of 65536×65536 has more than 2147483647 numbers");
        assertThat(Torch.numel(0, 1L << 40)).isZero();
        assertThat(Torch.numel(46340, 46340)).isEqualTo(46340 * 46340);
    }
}
