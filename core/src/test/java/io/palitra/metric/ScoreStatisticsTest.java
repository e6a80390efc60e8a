package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.Score;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScoreStatisticsTest {
    private static final int R = Score.REST;

    /** Steps of a length each, then the same chord to the end of the bar. */
    private static Score score(int length, int[]... chords) {
        int[][] p = new int[16][];
        for (int t = 0; t < 16; t++) p[t] = chords[Math.min(chords.length - 1, t / length)];
        return new Score(p);
    }

    @Test void parallelsAreThoseOfVoicesThatMoveTheSameWay() {
        ScoreStatistics s = ScoreStatistics.of(List.of(score(4, new int[] {67, 60}, new int[] {69, 62}, new int[] {69, 62},
            new int[] {65, 58})));
        assertThat(s.fifths()).isEqualTo(2);
        assertThat(s.octaves()).isZero();
        Score octaves = score(4, new int[] {72, 60}, new int[] {74, 62}, new int[] {74, 62});
        assertThat(ScoreStatistics.of(List.of(octaves)).octaves()).isEqualTo(1);
        assertThat(ScoreStatistics.of(List.of(score(4, new int[] {67, 60}, new int[] {72, 53}))).fifths()).isZero();   // apart
        assertThat(ScoreStatistics.of(List.of(score(4, new int[] {67, 60}, new int[] {R, R}, new int[] {69, 62}))).fifths()).isZero();
    }

    @Test void barsNotesAndCrossingsAreCounted() {
        Score s = new Score(new int[][] {{72, R}, {72, R}, {74, R}, {76, R}, {76, 79}, {76, 79}, {76, R}, {76, R}});
        ScoreStatistics c = ScoreStatistics.of(List.of(s));
        assertThat(c.qualified()).isEqualTo(3 / 4.0);
        assertThat(c.polyphony()).isEqualTo(2 / 8.0);
        assertThat(c.crossings()).isEqualTo(2 / 8.0);
        assertThat(c.emptyBars()).isZero();
        assertThat(c.pitchClasses()).isEqualTo(2);          // three and one
        assertThat(c.scale()).isEqualTo(1);
        ScoreStatistics silent = ScoreStatistics.of(List.of(score(16, new int[] {60, R})));
        assertThat(silent.emptyBars()).isEqualTo(0.5);
        assertThat(silent.polyphony()).isZero();
    }

    @Test void rangesAreThoseOfAChoir() {
        assertThat(ScoreStatistics.of(List.of(score(16, new int[] {72, 65, 57, 45}))).outside()).isZero();
        assertThat(ScoreStatistics.of(List.of(score(8, new int[] {72, 65, 57, 45}, new int[] {84, 65, 57, 45}))).outside()).isEqualTo(1);
    }

    /** By chords of the three circles between a note and its fifth. */
    @Test void theTonalDistanceIsNoneOfTheSameNotesAndThatOfTheCircles() {
        assertThat(ScoreStatistics.of(List.of(score(16, new int[] {72, 60}))).tonalDistance()).isCloseTo(0, within(1e-12));
        double fifth = Math.sqrt(Math.pow(2 * Math.sin(7 * 7 * Math.PI / 12), 2) + Math.pow(2 * Math.sin(7 * 3 * Math.PI / 4), 2)
            + Math.pow(Math.sin(7 * 2 * Math.PI / 6), 2));
        assertThat(ScoreStatistics.of(List.of(score(16, new int[] {67, 60}))).tonalDistance()).isCloseTo(fifth, within(1e-9));
    }
}
