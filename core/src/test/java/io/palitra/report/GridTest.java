package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.Picture;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GridTest {
    private static Picture flat(int channels, int height, int width, int value) {
        byte[] pixels = new byte[channels * height * width];
        Arrays.fill(pixels, (byte) value);
        return new Picture(channels, height, width, pixels);
    }

    private static int at(Picture p, int c, int y, int x) {
        return p.pixels()[(c * p.height() + y) * p.width() + x] & 0xff;
    }

    @Test void picturesStandRowByRowWithWhiteBetween() {
        Picture sheet = Grid.of(List.of(flat(1, 2, 3, 10), flat(1, 2, 3, 20), flat(1, 2, 3, 30)), 2, 1);
        assertThat(sheet.height()).isEqualTo(5);
        assertThat(sheet.width()).isEqualTo(7);
        assertThat(sheet.pixels()).containsExactly(
                10, 10, 10, -1, 20, 20, 20,
                10, 10, 10, -1, 20, 20, 20,
                -1, -1, -1, -1, -1, -1, -1,
                30, 30, 30, -1, -1, -1, -1,
                30, 30, 30, -1, -1, -1, -1);
    }

    @Test void everyChannelFindsItsPlace() {
        Picture a = PngTest.noise(3, 4, 5, 1);
        Picture b = PngTest.noise(3, 4, 5, 2);
        Picture sheet = Grid.of(a, b);
        assertThat(sheet.width()).isEqualTo(12);
        for (int c = 0; c < 3; c++) {
            for (int y = 0; y < 4; y++) {
                for (int x = 0; x < 5; x++) {
                    assertThat(at(sheet, c, y, x)).isEqualTo(at(a, c, y, x));
                    assertThat(at(sheet, c, y, x + 7)).isEqualTo(at(b, c, y, x));
                }
            }
        }
    }

    @Test void sixteenPicturesMakeFourByFour() {
        Picture sheet = Grid.of(Collections.nCopies(16, flat(1, 8, 8, 0)).toArray(new Picture[0]));
        assertThat(new int[] {sheet.height(), sheet.width()}).containsExactly(38, 38);
    }

    @Test void enlargedPixelsAreSquares() {
        Picture small = PngTest.noise(3, 3, 4, 9);
        Picture large = Grid.enlarge(small, 3);
        for (int c = 0; c < 3; c++) {
            for (int y = 0; y < 9; y++) {
                for (int x = 0; x < 12; x++) assertThat(at(large, c, y, x)).isEqualTo(at(small, c, y / 3, x / 3));
            }
        }
    }

    @Test void titledRowsHoldThePicturesUnderLetters() {
        Map<String, List<Picture>> rows = new LinkedHashMap<>();
        rows.put("originals", List.of(flat(1, 8, 8, 50), flat(1, 8, 8, 60)));
        rows.put("made", List.of(flat(1, 8, 8, 70)));
        Picture sheet = Grid.titled(rows, 2);
        long[] seen = new long[256];
        for (byte b : sheet.pixels()) seen[b & 0xff]++;
        assertThat(seen[50]).isEqualTo(64);
        assertThat(seen[60]).isEqualTo(64);
        assertThat(seen[70]).isEqualTo(64);
        assertThat(seen[0x40]).as("ink of the titles").isGreaterThan(60);
    }

    @Test void mixedShapesAndNonsenseAreRefused() {
        assertThatThrownBy(() -> Grid.of(List.of(flat(1, 2, 2, 0), flat(3, 2, 2, 0)), 2, 1))
                .hasMessage("a grid wants pictures of one shape, got 1×2×2 and 3×2×2");
        assertThatThrownBy(() -> Grid.of()).hasMessage("a grid wants at least one picture, got none");
        assertThatThrownBy(() -> Grid.enlarge(flat(1, 100, 100, 0), 1000)).hasMessageContaining("too large");
        assertThatThrownBy(() -> Grid.of(List.of(flat(1, 2, 2, 0)), 0, 1)).hasMessageContaining("illegal columns");
    }
}
