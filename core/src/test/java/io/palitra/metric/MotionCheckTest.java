package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.Datasets;
import io.palitra.data.MovingItems;
import io.palitra.data.MovingItems.Direction;
import io.palitra.data.Split;
import io.palitra.data.VideoDataset;
import io.palitra.data.VideoSpec;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MotionCheckTest {
    private static final int ITEMS = 120;

    private static VideoDataset moving(String... options) {
        return (VideoDataset) Datasets.open("moving", Split.TEST, Config.with(DataOptions.DEFAULT, options));
    }

    private static byte[] film(VideoDataset set, int i) {
        byte[] film = new byte[set.spec().bytes()];
        set.film(i, film, 0);
        return film;
    }

    @ParameterizedTest @ValueSource(strings = {"size=32", "size=48", "frames=40"})
    void realDigitsGoStraightBetweenMirrorsAndAreAlone(String options) {
        VideoDataset set = moving(options.split(" "));
        int bounces = 0;
        for (int i = 0; i < ITEMS; i++) {
            MotionCheck check = MotionCheck.of(set.spec(), film(set, i), 0, MotionCheck.Thing.INK);
            assertThat(check.deviation()).as("item " + i).isLessThanOrEqualTo(1);
            assertThat(check.second()).as("item " + i).isZero();
            assertThat(check.track()).doesNotContainNull();
            bounces += check.bounces();
        }
        assertThat(bounces).isGreaterThan(ITEMS);
    }

    @Test void realShapesGoWhereTheirCaptionsSay() {
        VideoDataset set = moving("kind=scenes");
        for (int i = 0; i < ITEMS; i++) {
            MotionCheck check = MotionCheck.of(set.spec(), film(set, i), 0, MotionCheck.Thing.COLOUR);
            Direction direction = ((MovingItems) set).direction(i).orElseThrow();
            assertThat(check.direction()).as("item " + i).contains(direction);
            assertThat(set.captions(i).get(0)).endsWith("moves " + direction.english());
            assertThat(set.captions(i).get(1)).endsWith("движется " + direction.russian());
            assertThat(set.label(i)).isEqualTo(direction.ordinal());
            assertThat(check.deviation()).as("item " + i).isLessThanOrEqualTo(1);
            assertThat(check.second()).as("item " + i).isZero();
        }
    }

    @Test void aSecondDigitIsFoundInTheFramesThatShowIt() {
        VideoDataset set = moving();
        int found = 0;
        for (int i = 0; i < 50; i++) {
            byte[] film = film(set, i);
            int area = 32 * 32, frame = 5;
            double[] at = MotionCheck.of(set.spec(), film, 0, MotionCheck.Thing.INK).track().get(frame);
            int left = at[0] < 16 ? 27 : 1, top = at[1] < 16 ? 27 : 1;
            int corner = frame * area + top * 32 + left;
            for (int y = 0; y < 4; y++) Arrays.fill(film, corner + y * 32, corner + y * 32 + 4, (byte) 255);
            if (MotionCheck.of(set.spec(), film, 0, MotionCheck.Thing.INK).second() == 1) found++;
        }
        assertThat(found).isGreaterThanOrEqualTo(48);   // of a digit in the middle the corner may be too near
    }

    @Test void aDigitThatJumpsIsFoundByItsDeviation() {
        VideoDataset set = moving();
        int area = 32 * 32;
        for (int i = 0; i < 50; i++) {
            byte[] film = film(set, i), other = film(set, i + 1);
            System.arraycopy(other, 8 * area, film, 8 * area, area);   // another digit elsewhere
            System.arraycopy(other, 3 * area, film, 4 * area, area);
            double whole = MotionCheck.of(set.spec(), film(set, i), 0, MotionCheck.Thing.INK).deviation();
            double broken = MotionCheck.of(set.spec(), film, 0, MotionCheck.Thing.INK).deviation();
            assertThat(broken).as("item " + i).isGreaterThan(whole);
        }
        byte[] shuffled = film(set, 3);
        byte[] film = shuffled.clone();
        for (int t = 0; t < 16; t++) System.arraycopy(film, t * area, shuffled, t * 7 % 16 * area, area);
        assertThat(MotionCheck.of(set.spec(), shuffled, 0, MotionCheck.Thing.INK).deviation()).isGreaterThan(2);
    }

    @Test void aFilmPlayedBackwardsGoesTheOtherWay() {
        VideoDataset set = moving("kind=scenes");
        int frame = 3 * 32 * 32;
        for (int i = 0; i < 20; i++) {
            byte[] film = film(set, i), back = new byte[film.length];
            for (int t = 0; t < 16; t++) System.arraycopy(film, t * frame, back, (15 - t) * frame, frame);
            Direction there = ((MovingItems) set).direction(i).orElseThrow();
            Direction read = MotionCheck.of(set.spec(), back, 0, MotionCheck.Thing.COLOUR).direction().orElseThrow();
            assertThat(read.dx()).isEqualTo(-there.dx());
            assertThat(read.dy()).isEqualTo(-there.dy());
        }
    }

    @Test void whatStandsStillGoesNowhereAndWhatIsEmptyHasNoTrack() {
        VideoSpec spec = new VideoSpec(16, 1, 32, 32, 0);
        MotionCheck nothing = MotionCheck.of(spec, new byte[spec.bytes()], 0, MotionCheck.Thing.INK);
        assertThat(nothing.track()).containsOnlyNulls();
        assertThat(nothing.deviation()).isInfinite();
        byte[] still = new byte[spec.bytes()];
        for (int t = 0; t < 16; t++) {
            for (int y = 10; y < 16; y++) Arrays.fill(still, (t * 32 + y) * 32 + 8, (t * 32 + y) * 32 + 14, (byte) 255);
        }
        MotionCheck stands = MotionCheck.of(spec, still, 0, MotionCheck.Thing.INK);
        assertThat(stands.direction()).isEqualTo(Optional.empty());
        assertThat(stands.deviation()).isLessThan(1e-6);
        assertThat(stands.track().get(3)).containsExactly(11, 13);
    }
}
