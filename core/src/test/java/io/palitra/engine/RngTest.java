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

    /** Answers of the authors' own code, Random123's known answers of philox4x32-10. */
    @Test void wordsAreThoseOfThePaper() {
        assertThat(words(0, 0, 0, 0)).containsExactly(0x6627E8D5L, 0xE169C58DL, 0xBC57AC4CL, 0x9B00DBD8L);
        assertThat(words(-1L, -1, -1, -1L)).containsExactly(0x408F276DL, 0x41C83B0EL, 0xA20BC7C6L, 0x6D5451FDL);
        assertThat(words(0x299F31D0A4093822L, 0x243F6A88, 0x85A308D3, 0x0370734413198A2EL))
            .containsExactly(0xD16CFE09L, 0x94FDCCEBL, 0x5001E420L, 0x24126EA1L);
    }

    private static long[] words(long key, int block, int draw, long item) {
        long[][] words = new Philox(key, draw, 1).blocks(block, 1, item);
        return new long[] {words[0][0], words[1][0], words[2][0], words[3][0]};
    }

    @Test void normalsAreThoseOfBoxAndMuller() {
        Philox philox = new Philox(7, 3, Philox.BLOCKS);
        float[] made = new float[4 * Philox.BLOCKS];
        double worst = 0;
        for (int at = 0; at < 500_000; at += Philox.BLOCKS) {
            long[][] w = philox.blocks(at, Philox.BLOCKS, 1);
            Philox.normal(w, Philox.BLOCKS, made);
            for (int j = 0; j < Philox.BLOCKS; j++) {
                double r = Math.sqrt(-2 * Math.log((w[2][j] + 0.5) * 0x1p-32)), a = 2 * Math.PI * w[3][j] * 0x1p-32;
                worst = Math.max(worst, Math.abs(made[4 * j + 2] - r * Math.cos(a)) / Math.ulp((float) (r * Math.cos(a))));
                worst = Math.max(worst, Math.abs(made[4 * j + 3] - r * Math.sin(a)) / Math.ulp((float) (r * Math.sin(a))));
            }
        }
        assertThat(worst).as("in units of a float's last place").isLessThan(0.501);
        long[][] edges = {{0, 0xFFFFFFFFL}, {0, 0xFFFFFFFFL}, {0x7FFFFFFFL, 1}, {0xC0000000L, 0x80000000L}};
        float[] of = new float[8];
        Philox.normal(edges, 2, of);
        for (float f : of) assertThat(f).isFinite();
        assertThat(of[0]).isEqualTo((float) Math.sqrt(66 * Math.log(2)));   // the greatest there is
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
