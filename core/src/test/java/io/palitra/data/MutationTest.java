package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.CpuTime;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Sound files, damaged 10,000 times each: the readers give a picture or a FormatException, and soon. */
class MutationTest {
    private static final int TIMES = 10_000;

    @TempDir private static Path dir;

    private static Arguments of(String name, byte[] seed, Consumer<byte[]> reader) {
        return Arguments.of(name, seed, Named.of("reader", reader));
    }

    private static Stream<Arguments> readers() {
        Consumer<byte[]> picture = bytes -> Pictures.read(bytes, "x", Limits.DEFAULT);
        byte[] idx = Seeds.idx(new int[] {3, 2, 2}, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
        return Stream.of(
            of("idx", idx, bytes -> Idx.read(bytes, false, "x", Limits.DEFAULT)),
            of("idx.gz", Seeds.gzip(idx), bytes -> Idx.read(bytes, true, "x", Limits.DEFAULT)),
            of("cifar", Seeds.cifar(2), bytes -> Cifar10.checked(bytes, 2, "x")),
            of("png", Seeds.png(3, 8, 8), picture),
            of("palette png", Seeds.encoded(Seeds.image(BufferedImage.TYPE_BYTE_INDEXED, 4, 4), "png"), picture),
            of("jpeg", Seeds.jpeg(8, 8), picture),
            of("jpeg of four inks", Seeds.JPEG_CMYK, picture),
            of("gif", Seeds.GIF, picture),
            of("bmp", Seeds.encoded(Seeds.image(BufferedImage.TYPE_3BYTE_BGR, 4, 4), "bmp"), picture),
            of("lossless webp", Seeds.WEBP_LOSSLESS, picture),
            of("lossy webp", Seeds.WEBP_LOSSY, picture),
            of("zip", Seeds.zip(Seeds.classes()), MutationTest::zip),
            of("tar.gz", Seeds.gzip(Seeds.tar(Seeds.classes())), MutationTest::tar),
            of("npz", Npz.bytes(java.util.Map.of("mu", new Npz.Array(new long[] {2}, new double[] {1, 2}))),
                b -> Npz.read(write("x.npz", b), Limits.DEFAULT, java.util.List.of("mu"))),
            of("csv", table(), b -> Table.open(write("x.csv", b), Split.TRAIN, DataOptions.DEFAULT, null)));
    }

    private static byte[] table() {
        StringBuilder text = new StringBuilder("a,\"b, c\",d\r\n");
        for (int i = 0; i < 30; i++) text.append(i).append(",\"").append(-i / 7.0).append("\",").append(i % 5 == 0 ? "NA" : "1e"
            + i).append("\r\n");
        return text.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    private static void zip(byte[] bytes) {
        ImageFolder.open(write("x.zip", bytes), "x", Split.TRAIN, DataOptions.DEFAULT, Limits.DEFAULT);
    }

    private static void tar(byte[] bytes) { Tar.cifar(write("x.tar.gz", bytes), dir, 1); }

    private static Path write(String name, byte[] bytes) {
        try {
            // a new file each time: some file systems flush one that is overwritten
            Files.deleteIfExists(dir.resolve(name));
            return Files.write(dir.resolve(name), bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One to four changes: a bit, a byte, an extreme value, a cut, a stretch doubled, a stretch removed. */
    private static byte[] mutated(byte[] seed, SplittableRandom random) {
        byte[] b = seed.clone();
        for (int changes = random.nextInt(1, 5); changes > 0 && b.length > 1; changes--) {
            // headers are where readers decide: half of all changes go there
            int at = random.nextInt(random.nextBoolean() ? b.length : Math.min(b.length, 64));
            int length = random.nextInt(1, Math.min(16, b.length - at) + 1);
            switch (random.nextInt(8)) {
                case 0, 1 -> b[at] ^= (byte) (1 << random.nextInt(8));
                case 2, 3 -> b[at] = (byte) random.nextInt(256);
                case 4 -> Arrays.fill(b, at, at + Math.min(4, length), (byte) (random.nextBoolean() ? 0xff : 0x7f));
                case 5 -> b = Arrays.copyOf(b, Math.max(1, at));
                case 6 -> {
                    byte[] longer = Arrays.copyOf(b, b.length + length);
                    System.arraycopy(b, at, longer, at + length, b.length - at);
                    b = longer;
                }
                default -> {
                    System.arraycopy(b, at + length, b, at, b.length - at - length);
                    b = Arrays.copyOf(b, Math.max(1, b.length - length));
                }
            }
        }
        return b;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("readers")
    void everyDamageGivesAFormatExceptionOrAPictureWithinASecond(String name, byte[] seed, Consumer<byte[]> reader) {
        SplittableRandom random = new SplittableRandom(name.hashCode());
        int read = 0;
        int refused = 0;
        long longest = 0;
        for (int i = 0; i < TIMES; i++) {
            byte[] bytes = mutated(seed, random);
            long start = CpuTime.nanos();
            try {
                reader.accept(bytes);
                read++;
            } catch (FormatException e) {
                refused++;
                assertThat(e.getMessage()).as("one line").hasLineCount(1);
            }
            longest = Math.max(longest, CpuTime.nanos() - start);
        }
        assertThat(read + refused).isEqualTo(TIMES);
        assertThat(refused).as("damage seen").isPositive();
        assertThat(longest).as("longest, in ns").isLessThan(1_000_000_000L);
    }
}
