package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.CpuTime;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IdxTest {
    private static final byte[] PICTURES = Seeds.idx(new int[] {2, 1, 3}, new byte[] {1, 2, 3, 4, 5, 6});

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void picturesAreReadRawAndPacked(boolean packed) {
        Idx idx = Idx.read(packed ? Seeds.gzip(PICTURES) : PICTURES, packed, "x", Limits.DEFAULT);
        assertThat(idx.shape()).containsExactly(2, 1, 3);
        assertThat(idx.values()).containsExactly(1, 2, 3, 4, 5, 6);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everyLengthButTheRightOneIsRefused(boolean packed) {
        for (int n = 0; n < PICTURES.length + 3; n++) {
            if (n == PICTURES.length) continue;
            byte[] cut = Arrays.copyOf(PICTURES, n);
            assertThatThrownBy(() -> Idx.read(packed ? Seeds.gzip(cut) : cut, packed, "x", Limits.DEFAULT)).as(n + " bytes")
                .isInstanceOf(FormatException.class);
        }
    }

    @Test void sizesWhoseProductOverflowsAreRefused() {
        byte[] idx = Seeds.idx(new int[] {1 << 30, 1 << 30, 16});
        assertThatThrownBy(() -> Idx.read(idx, false, "x", Limits.DEFAULT))
            .isInstanceOf(FormatException.class).hasMessageContaining("claims more than");
    }

    @Test void aClaimIsNotAllocatedBeforeItsBytesCome() {
        byte[] idx = Seeds.gzip(Seeds.idx(new int[] {1 << 30}));
        long start = CpuTime.nanos();
        assertThatThrownBy(() -> Idx.read(idx, true, "x", Limits.DEFAULT))
            .isInstanceOf(FormatException.class).hasMessageContaining("ends after 0 of 1073741824");
        assertThat(CpuTime.nanos() - start).isLessThan(1_000_000_000L);
    }

    @Test void aBombIsRefusedWhereItsClaimEnds() {
        byte[] claim = Seeds.idx(new int[] {10});
        byte[] bomb = Seeds.gzip(Arrays.copyOf(claim, 200_000_000));
        long start = CpuTime.nanos();
        assertThatThrownBy(() -> Idx.read(bomb, true, "x", Limits.DEFAULT))
            .isInstanceOf(FormatException.class).hasMessageContaining("bytes follow the 10 values");
        assertThat(CpuTime.nanos() - start).isLessThan(1_000_000_000L);
    }

    @Test void bytesAfterThePackedDataAreRefused() {
        byte[] packed = Seeds.gzip(PICTURES);
        byte[] longer = Arrays.copyOf(packed, packed.length + 1);
        assertThatThrownBy(() -> Idx.read(longer, true, "x", Limits.DEFAULT))
            .hasMessageContaining("bytes follow the end of the compressed data");
    }

    @Test void picturesAndLabelsMustFit(@TempDir Path dir) throws IOException {
        Files.write(dir.resolve("train-images-idx3-ubyte"), PICTURES);
        Files.write(dir.resolve("train-labels-idx1-ubyte.gz"), Seeds.gzip(Seeds.idx(new int[] {2}, new byte[] {1, 0})));
        Mnist good = Mnist.read("tiny", dir, Split.TRAIN, List.of("no", "yes"), Limits.DEFAULT);
        byte[] out = new byte[4];
        good.pixels(1, out, 1);
        assertThat(out).containsExactly(0, 4, 5, 6);
        assertThat(good.label(0)).isEqualTo(1);
        assertThat(good.spec()).isEqualTo(new ImageSpec(1, 1, 3, 2));

        Stream.of(new byte[] {1, 2}, new byte[] {1, 0, 1}).forEach(labels -> {
            write(dir.resolve("train-labels-idx1-ubyte.gz"), Seeds.gzip(Seeds.idx(new int[] {labels.length}, labels)));
            assertThatThrownBy(() -> Mnist.read("tiny", dir, Split.TRAIN, List.of("no", "yes"), Limits.DEFAULT))
                .isInstanceOf(FormatException.class)
                .hasMessageContaining(labels.length == 2 ? "label 2, must be 0 to 1" : "3 labels for 2 pictures");
        });
    }

    private static void write(Path file, byte[] bytes) {
        try {
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
