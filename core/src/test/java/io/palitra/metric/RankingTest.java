package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RankingTest {
    @Test void orderedReversedAndTied() {
        assertThat(Ranking.auroc(List.of(1.0, 2.0), List.of(3.0, 4.0))).isEqualTo(1);
        assertThat(Ranking.auroc(List.of(3.0, 4.0), List.of(1.0, 2.0))).isZero();
        assertThat(Ranking.auroc(List.of(1.0, 1.0), List.of(1.0))).isEqualTo(0.5);
        assertThat(Ranking.averagePrecision(List.of(1.0, 2.0), List.of(3.0, 4.0))).isEqualTo(1);
        // from above: positive 1/1, negative, positive 2/3
        assertThat(Ranking.averagePrecision(List.of(2.0), List.of(1.0, 3.0))).isCloseTo((1 + 2 / 3.0) / 2, within(1e-12));
        assertThat(Ranking.averagePrecision(List.of(1.0), List.of(1.0))).isEqualTo(0.5);
    }

    @Test void aurocIsTheShareOfOrderedPairs() {
        Random random = new Random(1);
        List<Double> negative = new ArrayList<>(), positive = new ArrayList<>();
        for (int i = 0; i < 60; i++) negative.add((double) random.nextInt(20));
        for (int i = 0; i < 40; i++) positive.add((double) random.nextInt(20) + 3);
        double pairs = 0;
        for (double n : negative) for (double p : positive) pairs += p > n ? 1 : p == n ? 0.5 : 0;
        assertThat(Ranking.auroc(negative, positive)).isCloseTo(pairs / 2400, within(1e-12));
    }

    @Test void oneKindAloneCannotBeRanked() {
        assertThatThrownBy(() -> Ranking.auroc(List.of(), List.of(1.0))).hasMessageContaining("both kinds");
        assertThatThrownBy(() -> Ranking.averagePrecision(List.of(1.0), List.of(Double.NaN))).hasMessageContaining("NaN");
    }
}
