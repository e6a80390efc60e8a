package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FilmTest {
    private static final List<Integer> FRAMES = IntStream.range(0, 201).boxed().toList();

    private static Film film(String... more) { return Config.with(Film.DEFAULT, more); }

    @Test void aFilmHasTheLengthAskedForAsFarAsItsRateAllows() {
        for (int frames = 1; frames < 2000; frames++) {
            double fps = Film.DEFAULT.fps(frames), seconds = frames / fps;
            assertThat(fps).isBetween(10.0, 30.0);
            if (fps > 10 && fps < 30) assertThat(seconds).isCloseTo(15, within(1e-9));
            else if (fps == 10) assertThat(seconds).isLessThanOrEqualTo(15);
            else assertThat(seconds).isGreaterThanOrEqualTo(15);
        }
        assertThat(film("length=5", "minFps=1", "maxFps=50").fps(201)).isCloseTo(40.2, within(1e-9));
        assertThat(film("length=5").delay(201)).isEqualTo(33);
        assertThat(film("maxFps=50", "length=1").delay(500)).isEqualTo(20);
    }

    @Test void itShowsTheFramesFromTheFirstToTheLast() {
        assertThat(Film.DEFAULT.of(FRAMES)).isEqualTo(FRAMES);
        assertThat(film("first=3", "last=5").of(FRAMES)).containsExactly(3, 4, 5);
        assertThat(film("first=200").of(FRAMES)).containsExactly(200);
        assertThat(film("first=300", "last=400").of(FRAMES)).as("stopped before").containsExactly(200);
        assertThat(film("last=400").of(FRAMES)).isEqualTo(FRAMES);
        assertThat(film("last=0").of(FRAMES)).containsExactly(0);
        assertThat(Film.DEFAULT.of(List.of())).isEmpty();
    }

    @Test void whatCannotBeIsRefused() {
        assertThatThrownBy(() -> film("minFps=20", "maxFps=10")).hasMessageContaining("illegal minFps: 20.0, must be at most maxFps 10.0");
        assertThatThrownBy(() -> film("first=5", "last=3")).hasMessageContaining("illegal last: 3");
        assertThatThrownBy(() -> film("maxFps=60")).hasMessageContaining("maxFps");
    }
}
