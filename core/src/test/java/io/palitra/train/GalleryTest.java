package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class GalleryTest {
    private static List<Long> due(long steps, long perEpoch) {
        return LongStream.rangeClosed(1, steps).filter(s -> Gallery.due(s, steps, perEpoch)).boxed().toList();
    }

    @Test void ofManyStepsAnEpochEveryEpochIsDrawn() {
        assertThat(due(20 * 468, 468)).hasSize(20).allMatch(s -> s % 468 == 0);
        assertThat(due(468, 468)).hasSizeBetween(8, 10).contains(468L);
        assertThat(due(3 * 468, 468)).hasSizeBetween(20, 28).contains(468L, 936L, 1404L);
    }

    @Test void twentyPhotosAreNotDrawnAtEachStep() {
        assertThat(due(300, 1)).containsExactly(50L, 100L, 150L, 200L, 250L, 300L);
        assertThat(due(130, 15)).containsExactly(60L, 120L, 130L);
        assertThat(due(1, 1)).containsExactly(1L);
    }

    @Test void aLongRunHasAtMost200Pictures() {
        assertThat(due(1_000_000, 1)).hasSizeLessThanOrEqualTo(201);
        assertThat(due(1000 * 468, 468)).hasSizeLessThanOrEqualTo(201).hasSizeGreaterThan(100);
    }
}
