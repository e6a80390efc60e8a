package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.Picture;
import io.palitra.data.Score;
import io.palitra.data.ScoreSpec;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Piano rolls. */
class ScoreDisplayTest {
    private static Score score(int steps) {
        int[][] pitches = new int[steps][];
        Arrays.setAll(pitches, t -> new int[] {72, 67, 60, 48});
        return new Score(pitches);
    }

    private static int red(Picture p, int y, int x) { return p.pixels()[y * p.width() + x] & 255; }

    @Test void aPageIsWideEnoughToReadAndNamesTheColours() {
        Picture page = ScoreDisplay.page(new ScoreSpec(64), score(64));
        assertThat(page.width()).isEqualTo(768);
        assertThat(page.height()).isEqualTo(26 + 6 * 49);
        assertThat(red(page, 13, 8)).isEqualTo(204);            // the colour of the soprano
        assertThat(red(page, 26 + 6 * 12 + 1, 30)).isEqualTo(204);   // and its note
    }

    @Test void aLongPieceGoesOnInRowsOfOneWidth() {
        Picture page = ScoreDisplay.page(new ScoreSpec(2048), score(2048)), roll = ScoreDisplay.roll(new ScoreSpec(200), score(200));
        assertThat(page.width()).isEqualTo(768);
        assertThat(page.height()).isEqualTo(26 + 32 * (6 * 49 + 4) - 4);
        assertThat(roll.width()).isEqualTo(512);
        assertThat(roll.height()).isEqualTo(2 * 3 * 49 + 4);
        assertThat(red(page, page.height() - 6 * 36 - 4, 700)).isEqualTo(red(page, 26 + 6 * 12 + 1, 700));
    }
}
