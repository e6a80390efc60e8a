package io.palitra.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class RngTest {
    @Test void rowsOfAStreamDoNotDependOnHowManyAreDrawn() {
        try (Scope scope = new Scope()) {
            Rng all = new Rng(3), part = new Rng(3).at(5);
            all.normal(8, 7);
            part.normal(2, 7);
            assertThat(part.normal(2, 3, 5).floats()).containsExactly(all.normal(8, 3, 5).rows(5, 2).floats());
            assertThat(part.uniform(2, 9).floats()).containsExactly(all.uniform(8, 9).rows(5, 2).floats());
            assertThat(new Rng(3).at(2).at(3).normal(2, 4).floats()).containsExactly(new Rng(3).at(5).normal(2, 4).floats());
            assertThat(part.integers(10, 2, 9).longs()).containsExactly(all.integers(10, 8, 9).rows(5, 2).longs());
        }
    }

    @Test void normalsHaveTheMomentsOfTheStandardNormal() {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(1).normal(1000, 1000).to(DType.F64);
            assertThat(x.mean().item()).isBetween(-0.004, 0.004);                   // 4 deviations of the mean of 10^6
            assertThat(x.square().mean().item()).isBetween(0.994, 1.006);
            assertThat(x.pow(4).mean().item()).isBetween(2.96, 3.04);
            assertThat(x.rows(0, 999).mul(x.rows(1, 999)).mean().item()).isBetween(-0.004, 0.004);   // neighbouring items
        }
    }

    @Test void integersAreUniformAndPermutationsHoldEachNumberOnce() {
        try (Scope scope = new Scope()) {
            long[] counts = new long[10];
            for (long v : new Rng(2).integers(10, 100_000).longs()) counts[(int) v]++;
            for (long c : counts) assertThat(c).isBetween(9_600L, 10_400L);
        }
        int[] p = new Rng(2).permutation(1000), q = new Rng(2).split(1).permutation(1000);
        assertThat(p).isNotEqualTo(q);
        Arrays.sort(p);
        for (int i = 0; i < p.length; i++) assertThat(p[i]).isEqualTo(i);
    }

    @Test void seedsAndPurposesGiveUnrelatedStreams() {
        try (Scope scope = new Scope()) {
            Tensor a = new Rng(1).normal(10_000), b = new Rng(2).normal(10_000), c = new Rng(1).split(0).normal(10_000);
            assertThat(a.mul(b).mean().item()).isBetween(-0.04, 0.04);
            assertThat(a.mul(c).mean().item()).isBetween(-0.04, 0.04);
        }
    }

    @Test void aSilentStreamDrawsZeros() {
        try (Scope scope = new Scope()) {
            assertThat(Rng.silent().split(3).normal(4, 2).floats()).containsOnly(0);
            assertThat(Rng.silent().at(7).uniform(3).floats()).containsOnly(0).hasSize(3);
        }
    }
}
