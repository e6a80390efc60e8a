package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class EmaCodebookTest {
    /** A network of 2x2 pixels a code, codes of two numbers. */
    private static VqModel net(int codes) {
        List<CoderConfig.Block> plain = Collections.nCopies(2, CoderConfig.Block.PLAIN);
        CoderConfig coder = new CoderConfig(1, 1, plain, plain, List.of(4, 4), 1, Activation.SILU, 2, 2, List.of(8), 1, false, false);
        return new VqModel(new VqModel.Config(coder, codes, 2, VqModel.Norms.GROUP, false), VqModel.Learned.BY_OWNER, new Rng(1));
    }

    /** Latents [1,2,1,n] of points in a row. */
    private static Tensor points(double... xy) { return Torch.of(xy, xy.length / 2, 2).to(DType.F32).t().reshape(1, 2, 1, -1); }

    @Test void theCodesBeginAsLatentsOfTheFirstBatch() {
        try (Scope scope = new Scope(); VqModel vq = net(4); EmaCodebook book = new EmaCodebook(vq, 0)) {
            Tensor z = new Rng(2).normal(3, 2, 4, 4);
            Tensor e = book.nearest(z, new Rng(3));
            double[] at = z.permute(0, 2, 3, 1).reshape(-1, 2).doubles();
            double[] codes = e.permute(0, 2, 3, 1).reshape(-1, 2).doubles();
            for (int i = 0; i < codes.length; i += 2) {
                boolean found = false;
                for (int j = 0; j < at.length; j += 2) found |= codes[i] == at[j] && codes[i + 1] == at[j + 1];
                assertThat(found).isTrue();
            }
            assertThat(e.requiresGrad()).isFalse();
        }
    }

    @Test void aCodeIsTheRunningMeanOfTheLatentsNearestToIt() {
        try (Scope scope = new Scope(); VqModel vq = net(2); EmaCodebook book = new EmaCodebook(vq, 0)) {
            book.nearest(points(0, 0, 10, 0), new Rng(1));   // the two codes, in some order, each with N = 1
            Map<String, Tensor> state = book.buffers();
            boolean swapped = vq.codebook().doubles()[0] > 5;
            assertThat(state.get("count").doubles()).containsExactly(new double[] {1, 1}, within(1e-6));
            book.nearest(points(1, 0, 2, 0, 3, 3, 10, 1), new Rng(1));
            double n = 0.99 + 0.03, total = 2 * 0.99 + 0.04, smoothed = (n + 1e-5) / (total + 2e-5) * total;
            double m = 0.99 + 0.01, other = (m + 1e-5) / (total + 2e-5) * total;
            double[] near = {0.06 / smoothed, 0.03 / smoothed}, far = {10 * (0.99 + 0.01) / other, 0.01 / other};
            double[] codes = vq.codebook().doubles();
            assertThat(codes).containsExactly(swapped ? new double[] {far[0], far[1], near[0], near[1]}
                : new double[] {near[0], near[1], far[0], far[1]}, within(1e-5));
        }
    }

    @Test void inEvaluationNothingMoves() {
        try (Scope scope = new Scope(); VqModel vq = net(4); EmaCodebook book = new EmaCodebook(vq, 0.1)) {
            book.nearest(new Rng(2).normal(3, 2, 4, 4), new Rng(3));
            book.training(false);
            float[] before = vq.codebook().floats();
            double[] count = book.buffers().get("count").doubles();
            book.nearest(new Rng(4).normal(3, 2, 4, 4), new Rng(3));
            assertThat(vq.codebook().floats()).isEqualTo(before);
            assertThat(book.buffers().get("count").doubles()).isEqualTo(count);
        }
    }

    @Test void aCodeThatNobodyTakesWakesUpAtAFarLatent() {
        try (Scope scope = new Scope(); VqModel vq = net(3); EmaCodebook book = new EmaCodebook(vq, 0.2)) {
            book.nearest(points(0, 0, 1, 0, 0, 1), new Rng(1));
            vq.codebook().select(0, 2).fill(1000);   // out of everybody's reach
            book.buffers().get("sum").select(0, 2).fill(1000);
            Tensor batch = points(0, 0, 0, 0, 1, 0, 1, 0, 7, 7);
            int steps = 0;
            while (vq.codebook().select(0, 2).abs().max().item() > 100 && steps < 400) book.nearest(batch, new Rng(steps++));
            assertThat(steps).as("N falls from 1 to a fifth of the mean: it is no accident").isBetween(50, 399);
            assertThat(vq.codebook().select(0, 2).doubles()).as("the latent that stands alone").containsExactly(7, 7);
            assertThat(book.tally().get("codebook/restarted")).isEqualTo(1.0);
            long[] codes = new long[0];
            for (int i = 0; i < 5; i++) {
                book.nearest(batch, new Rng(1));
                codes = vq.codes(batch).longs();
            }
            assertThat(codes[4]).isEqualTo(2);   // and it stays in use
            assertThat(book.tally().get("codebook/restarted")).isZero();
        }
    }

    @Test void withoutRestartItSleepsOn() {
        try (Scope scope = new Scope(); VqModel vq = net(3); EmaCodebook book = new EmaCodebook(vq, 0)) {
            book.nearest(points(0, 0, 1, 0, 0, 1), new Rng(1));
            vq.codebook().select(0, 2).fill(1000);
            book.buffers().get("sum").select(0, 2).fill(1000);
            for (int i = 0; i < 400; i++) book.nearest(points(0, 0, 1, 0, 7, 7), new Rng(i));
            assertThat(vq.codebook().select(0, 2).abs().max().item()).isGreaterThan(100);
        }
    }

    @Test void useAndPerplexityAreThoseOfAllBatchesSinceTheLastTally() {
        try (Scope scope = new Scope(); VqModel vq = net(4); EmaCodebook book = new EmaCodebook(vq, 0)) {
            book.nearest(points(0, 0, 10, 0, 0, 10, 10, 10), new Rng(1));           // each once
            book.nearest(points(0, 0, 0, 0.1, 10, 0, 9, 0), new Rng(1));            // two of them twice
            Map<String, Double> tally = book.tally();
            double entropy = -2 * (3 / 8.0 * Math.log(3 / 8.0)) - 2 * (1 / 8.0 * Math.log(1 / 8.0));
            assertThat(tally.get("codebook/used")).isEqualTo(4.0);
            assertThat(tally.get("codebook/perplexity")).isCloseTo(Math.exp(entropy), within(1e-9));
            book.nearest(points(0, 0, 0, 0.1, 0.1, 0, 0, 0), new Rng(1));
            assertThat(book.tally()).containsEntry("codebook/used", 1.0).containsEntry("codebook/perplexity", 1.0);
        }
    }

    @Test void perplexityIsTheNumberOfCodesWhereAllAreUsedAlike() {
        assertThat(EmaCodebook.Use.of(new double[] {5, 5, 0, 5}).perplexity()).isCloseTo(3, within(1e-12));
        assertThat(EmaCodebook.Use.of(new double[] {5, 5, 0, 5}).used()).isEqualTo(3);
        assertThat(EmaCodebook.Use.of(new double[4])).isEqualTo(new EmaCodebook.Use(0, 0));
    }
}
