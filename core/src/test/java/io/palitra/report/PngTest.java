package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.CpuTime;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PngTest {
    private static final Map<String, String> TEXT = new LinkedHashMap<>();

    static {
        TEXT.put("parameters", "a cat\nSteps: 20, Sampler: Euler, Seed: 7");
        TEXT.put("title", "caf\u00e9 \u00b5");
        TEXT.put("cyrillic", "\u043f\u0430\u043b\u0438\u0442\u0440\u0430");
        TEXT.put("emoji", "\ud83c\udfa8 and \r\n a tab\t");
        TEXT.put("empty", "");
    }

    static Picture noise(int channels, int height, int width, long seed) {
        byte[] pixels = new byte[channels * height * width];
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < pixels.length; i++) pixels[i] = (byte) (i / 5 + random.nextInt(40));
        return new Picture(channels, height, width, pixels);
    }

    static byte[] rgb(BufferedImage image) {
        int area = image.getWidth() * image.getHeight();
        byte[] pixels = new byte[3 * area];
        for (int i = 0; i < area; i++) {
            int colour = image.getRGB(i % image.getWidth(), i / image.getWidth());
            for (int k = 0; k < 3; k++) pixels[k * area + i] = (byte) (colour >> 16 - 8 * k);
        }
        return pixels;
    }

    @Test void textComesBackByItsKeysWhateverItsAlphabet(@TempDir Path folder) {
        Path file = folder.resolve("a.png");
        Png.write(file, noise(1, 9, 7, 1), TEXT);
        assertThat(Png.text(file)).containsExactlyEntriesOf(new TreeMap<>(TEXT));
        byte[] bytes = Png.encode(noise(1, 9, 7, 1), TEXT);
        assertThat(count(bytes, "tEXt")).isEqualTo(3);
        assertThat(count(bytes, "iTXt")).isEqualTo(2);
    }

    @Test void equalTextsGiveEqualBytesInWhateverOrderTheyCome() {
        Map<String, String> back = new LinkedHashMap<>();
        new TreeMap<>(TEXT).descendingMap().forEach(back::put);
        assertThat(Png.encode(noise(1, 9, 7, 1), back)).isEqualTo(Png.encode(noise(1, 9, 7, 1), TEXT));
    }

    @Test void imageIoReadsThePixelsWeWrote() throws IOException {
        for (int[] size : new int[][] {{1, 1}, {5, 3}, {3, 17}, {64, 40}, {1, 300}}) {
            Picture colour = noise(3, size[0], size[1], size[1]);
            BufferedImage image = ImageIO.read(new ByteArrayInputStream(Png.encode(colour, TEXT)));
            assertThat(rgb(image)).isEqualTo(colour.pixels());
            Picture grey = noise(1, size[0], size[1], size[1]);
            BufferedImage read = ImageIO.read(new ByteArrayInputStream(Png.encode(grey, TEXT)));
            assertThat(read.getWidth()).isEqualTo(size[1]);
            int[] samples = read.getRaster().getSamples(0, 0, size[1], size[0], 0, (int[]) null);
            byte[] pixels = new byte[samples.length];
            for (int i = 0; i < samples.length; i++) pixels[i] = (byte) samples[i];
            assertThat(pixels).isEqualTo(grey.pixels());
        }
    }

    @Test void filtersMakeASmoothPictureSmallerThanItsBytes() {
        byte[] ramp = new byte[256 * 256];
        for (int i = 0; i < ramp.length; i++) ramp[i] = (byte) (i % 256 + i / 256);
        assertThat(Png.encode(new Picture(1, 256, 256, ramp), Map.of()).length).isLessThan(2000);
    }

    @Test void compressedTextOfOthersIsRead() throws IOException {
        byte[] plain = Png.encode(noise(1, 2, 2, 1), Map.of());
        String long1 = "caf\u00e9 ".repeat(1000);
        byte[] zipped = chunk("zTXt",
                join("Comment\0\0", StandardCharsets.ISO_8859_1, deflated(long1.getBytes(StandardCharsets.ISO_8859_1))));
        String long2 = "\u043c\u0438\u0440 ".repeat(1000);
        byte[] international = chunk("iTXt",
                join("World\0\1\0ru\0\u043c\u0438\u0440\0", StandardCharsets.UTF_8, deflated(long2.getBytes(StandardCharsets.UTF_8))));
        byte[] png = insert(insert(plain, international), zipped);
        assertThat(Png.text(png)).isEqualTo(Map.of("Comment", long1, "World", long2));
    }

    @Test void aBombOfTextIsRefusedBeforeItFillsTheMemory() throws IOException {
        byte[] bomb = chunk("zTXt", join("k\0\0", StandardCharsets.ISO_8859_1, deflated(new byte[200 << 20])));
        byte[] png = insert(Png.encode(noise(1, 2, 2, 1), Map.of()), bomb);
        assertThatThrownBy(() -> Png.text(png)).isInstanceOf(FormatException.class).hasMessageContaining("over 16777216 bytes");
        byte[] half = chunk("zTXt", join("k\0\0", StandardCharsets.ISO_8859_1, deflated(new byte[9 << 20])));
        byte[] twice = insert(insert(Png.encode(noise(1, 2, 2, 1), Map.of()), half), half);
        assertThatThrownBy(() -> Png.text(twice)).isInstanceOf(FormatException.class).hasMessageContaining("over 16777216 bytes");
    }

    @Test void faultsNameTheByte() {
        byte[] png = Png.encode(noise(1, 4, 4, 1), Map.of("key", "value"));
        assertThatThrownBy(() -> Png.text(new byte[0])).hasMessage("PNG at byte 0: no PNG signature");
        assertThatThrownBy(() -> Png.text(Arrays.copyOf(png, 40))).hasMessage("PNG at byte 33: ends without an IEND chunk");
        byte[] wrong = png.clone();
        wrong[45] ^= 1;
        assertThatThrownBy(() -> Png.text(wrong)).hasMessage("PNG at byte 33: wrong checksum of chunk tEXt");
        byte[] lying = png.clone();
        lying[33] = (byte) 0xff;
        assertThatThrownBy(() -> Png.text(lying)).isInstanceOf(FormatException.class).hasMessageContaining("at byte 33: chunk of 42781900");
    }

    @Test void spoiltFilesRaiseOnlyFormatExceptionsAndSoon() throws IOException {
        byte[] whole = insert(Png.encode(noise(3, 6, 6, 1), TEXT),
                chunk("zTXt", join("z\0\0", StandardCharsets.ISO_8859_1, deflated("abc".repeat(99).getBytes(StandardCharsets.UTF_8)))));
        SplittableRandom random = new SplittableRandom(5);
        int refused = 0;
        for (int i = 0; i < 10_000; i++) {
            byte[] spoilt = random.nextInt(8) == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
            for (int k = random.nextInt(4); k >= 0 && spoilt.length > 0; k--) {
                spoilt[random.nextInt(spoilt.length)] = (byte) random.nextInt();
            }
            if (random.nextBoolean()) mendChecksums(spoilt);
            long start = CpuTime.nanos();
            try {
                Png.text(spoilt);
            } catch (FormatException e) {
                refused++;
            }
            assertThat(CpuTime.nanos() - start).isLessThan(1_000_000_000L);
        }
        assertThat(refused).isBetween(3000, 10_000);
    }

    @Test void keysAndValuesThatPngCannotHoldAreRefused() {
        Picture picture = noise(1, 2, 2, 1);
        for (String key : new String[] {"", " a", "a ", "a  b", "\u043c\u0438\u0440", "a\nb", "k".repeat(80)}) {
            assertThatThrownBy(() -> Png.encode(picture, Map.of(key, "v"))).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("illegal PNG keyword");
        }
        assertThatThrownBy(() -> Png.encode(picture, Map.of("k", "a\0b"))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Png.encode(picture, Map.of("k", "\ud83c"))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test void aFailedWriteLeavesWhatWasThereAndNothingElse(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("a.png");
        Files.createDirectories(file.resolve("a folder, which no file replaces"));
        assertThatThrownBy(() -> Png.write(file, noise(1, 2, 2, 1), Map.of())).isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining(file.toString());
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).containsExactly(file);
        }
        assertThatThrownBy(() -> Png.text(folder.resolve("none.png"))).hasMessageEndingWith("none.png': no such file or folder");
    }

    private static int count(byte[] png, String type) {
        return new String(png, StandardCharsets.ISO_8859_1).split(type, -1).length - 1;
    }

    private static byte[] deflated(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (DeflaterOutputStream zip = new DeflaterOutputStream(out)) {
            zip.write(bytes);
        }
        return out.toByteArray();
    }

    private static byte[] join(String head, Charset charset, byte[] tail) {
        byte[] start = head.getBytes(charset);
        return ByteBuffer.allocate(start.length + tail.length).put(start).put(tail).array();
    }

    private static byte[] chunk(String type, byte[] body) {
        ByteBuffer chunk = ByteBuffer.allocate(body.length + 12).putInt(body.length)
                .put(type.getBytes(StandardCharsets.US_ASCII)).put(body);
        CRC32 crc = new CRC32();
        crc.update(chunk.array(), 4, body.length + 4);
        return chunk.putInt((int) crc.getValue()).array();
    }

    private static byte[] insert(byte[] png, byte[] chunk) {
        return ByteBuffer.allocate(png.length + chunk.length).put(png, 0, 33).put(chunk).put(png, 33, png.length - 33).array();
    }

    private static void mendChecksums(byte[] png) {
        ByteBuffer in = ByteBuffer.wrap(png);
        for (int at = 8; at + 12 <= png.length; ) {
            int length = in.getInt(at);
            if (length < 0 || length > png.length - at - 12) return;
            CRC32 crc = new CRC32();
            crc.update(png, at + 4, length + 4);
            in.putInt(at + 8 + length, (int) crc.getValue());
            at += length + 12;
        }
    }
}
