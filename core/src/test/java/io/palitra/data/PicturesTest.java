package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.CpuTime;
import java.awt.Color;
import java.awt.Transparency;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PicturesTest {
    private static Picture read(byte[] bytes) { return Pictures.read(bytes, "x", Limits.DEFAULT); }

    private static double meanDistance(Picture a, Picture b) {
        assertThat(a.pixels()).hasSameSizeAs(b.pixels());
        double sum = 0;
        for (int i = 0; i < a.pixels().length; i++) sum += Math.abs((a.pixels()[i] & 0xff) - (b.pixels()[i] & 0xff));
        return sum / a.pixels().length;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void pngIsReadExactly(int channels) {
        assertThat(read(Seeds.png(channels, 7, 9))).usingRecursiveComparison().isEqualTo(Seeds.picture(channels, 7, 9));
    }

    @Test void bmpIsReadExactly() {
        byte[] bmp = Seeds.encoded(Seeds.image(BufferedImage.TYPE_3BYTE_BGR, 7, 9), "bmp");
        assertThat(read(bmp)).usingRecursiveComparison().isEqualTo(Seeds.picture(3, 7, 9));
    }

    @Test void losslessWebpIsReadExactly() {
        assertThat(read(Seeds.WEBP_LOSSLESS)).usingRecursiveComparison().isEqualTo(Seeds.picture(3, 8, 8));
    }

    @Test void lossyFormatsAreReadNearly() {
        assertThat(meanDistance(read(Seeds.JPEG_CMYK), Seeds.picture(3, 8, 8))).isLessThan(3);
        BufferedImage flat = new BufferedImage(8, 8, BufferedImage.TYPE_3BYTE_BGR);
        for (int i = 0; i < 64; i++) flat.setRGB(i % 8, i / 8, 0xc04020);
        for (byte[] file : List.of(Seeds.encoded(flat, "jpeg"), Seeds.WEBP_FLAT)) {
            Picture red = read(file);
            assertThat(red.pixels()[27] & 0xff).isBetween(0xbc, 0xc4);
            assertThat(red.pixels()[64 + 27] & 0xff).isBetween(0x3c, 0x44);
            assertThat(red.pixels()[128 + 27] & 0xff).isBetween(0x1c, 0x24);
        }
    }

    @Test void greyJpegKeepsItsLevels() {
        BufferedImage flat = new BufferedImage(8, 8, BufferedImage.TYPE_BYTE_GRAY);
        for (int i = 0; i < 64; i++) flat.getRaster().setSample(i % 8, i / 8, 0, 100);
        Picture grey = read(Seeds.encoded(flat, "jpeg"));
        assertThat(grey.channels()).isEqualTo(1);
        assertThat(grey.pixels()).containsOnly(100);
    }

    @Test void gifGivesItsFirstFrameByItsPalette() {
        Picture gif = read(Seeds.GIF);
        assertThat(gif.channels()).isEqualTo(3);
        assertThat(gif.pixels()).containsExactly(0, -1, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, -1);
    }

    @Test void oneBitPngIsGrey() {
        BufferedImage image = new BufferedImage(8, 1, BufferedImage.TYPE_BYTE_BINARY);
        image.setRGB(2, 0, Color.WHITE.getRGB());
        assertThat(read(Seeds.encoded(image, "png"))).usingRecursiveComparison()
            .isEqualTo(new Picture(1, 1, 8, new byte[] {0, 0, -1, 0, 0, 0, 0, 0}));
    }

    @Test void ofSixteenBitsTheNearestEightAreReadWhichANoteSays() {
        BufferedImage grey = new BufferedImage(4, 1, BufferedImage.TYPE_USHORT_GRAY);
        int[] given = {0, 128, 129, 65535};
        for (int x = 0; x < given.length; x++) grey.getRaster().setSample(x, 0, 0, given[x]);
        List<String> notes = new ArrayList<>();
        Picture read = Pictures.read(Seeds.encoded(grey, "png"), "a.png", Limits.DEFAULT, notes::add);
        assertThat(read).usingRecursiveComparison().isEqualTo(new Picture(1, 1, 4, new byte[] {0, 0, 1, -1}));
        assertThat(notes).containsExactly("a.png: its 16 bits to a channel are read as 8");
        ComponentColorModel deep = new ComponentColorModel(ColorSpace.getInstance(ColorSpace.CS_sRGB), true, false,
            Transparency.TRANSLUCENT, DataBuffer.TYPE_USHORT);
        BufferedImage colours = new BufferedImage(deep, deep.createCompatibleWritableRaster(1, 1), false, null);
        colours.getRaster().setPixel(0, 0, new int[] {65535, 0, 257 * 7, 65535});
        assertThat(read(Seeds.encoded(colours, "png")).pixels()).containsExactly(-1, 0, 7);
        colours.getRaster().setPixel(0, 0, new int[] {65535, 0, 0, 0});
        assertThat(read(Seeds.encoded(colours, "png")).pixels()).as("transparent, over white").containsExactly(-1, -1, -1);
    }

    @Test void transparencyIsLaidOverWhite() {
        BufferedImage image = new BufferedImage(3, 1, BufferedImage.TYPE_INT_ARGB);
        image.setRGB(0, 0, 0x00123456);
        image.setRGB(1, 0, 0x80000000);
        image.setRGB(2, 0, 0xff102030);
        assertThat(read(Seeds.encoded(image, "png")).pixels()).containsExactly(-1, 127, 0x10, -1, 127, 0x20, -1, 127, 0x30);
    }

    private static byte[] mask(BufferedImage image) {
        Picture mask = Pictures.mask(Seeds.encoded(image, "png"), "mask", Limits.DEFAULT);
        assertThat(mask.channels()).isEqualTo(1);
        return mask.pixels();
    }

    @Test void ofAMaskWhatIsOpaqueAndWhiteIsPainted() {
        BufferedImage colour = new BufferedImage(5, 1, BufferedImage.TYPE_INT_ARGB);
        int[] argb = {0x00ffffff, 0xffffffff, 0xff000000, 0x80ffffff, 0x00000000};
        colour.setRGB(0, 0, 5, 1, argb, 0, 5);
        assertThat(mask(colour)).containsExactly(0, -1, 0, 128, 0);
        IndexColorModel palette = new IndexColorModel(8, 3, new byte[] {-1, -1, 0}, new byte[] {-1, -1, 0}, new byte[] {-1, -1, 0},
            new byte[] {0, -1, -1});
        BufferedImage indexed = new BufferedImage(3, 1, BufferedImage.TYPE_BYTE_INDEXED, palette);
        for (int i = 0; i < 3; i++) indexed.getRaster().setSample(i, 0, 0, i);
        assertThat(mask(indexed)).as("a palette, of which some is transparent").containsExactly(0, -1, 0);
        ComponentColorModel greyAlpha = new ComponentColorModel(ColorSpace.getInstance(ColorSpace.CS_GRAY), true, false,
            Transparency.TRANSLUCENT, DataBuffer.TYPE_BYTE);
        BufferedImage grey = new BufferedImage(greyAlpha, greyAlpha.createCompatibleWritableRaster(3, 1), false, null);
        int[][] samples = {{255, 0}, {255, 255}, {200, 128}};
        for (int i = 0; i < 3; i++) grey.getRaster().setPixel(i, 0, samples[i]);
        assertThat(mask(grey)).containsExactly(0, -1, 100);
        BufferedImage opaque = new BufferedImage(2, 1, BufferedImage.TYPE_INT_RGB);
        opaque.setRGB(0, 0, 0xffffff);
        assertThat(mask(opaque)).containsExactly(-1, 0);
    }

    /** Without an alpha channel a PNG may name one colour that is transparent. */
    @Test void aColourThatAPngCallsTransparentIsNotPainted() {
        for (int channels : new int[] {1, 3}) {
            byte[] png = io.palitra.report.Png.encode(new Picture(channels, 1, 2, channels == 1 ? new byte[] {-1, -2}
                : new byte[] {-1, -2, -1, -2, -1, -2}), Map.of());
            ByteBuffer chunk = ByteBuffer.allocate(12 + 2 * channels).putInt(2 * channels).put("tRNS".getBytes(StandardCharsets.US_ASCII));
            for (int c = 0; c < channels; c++) chunk.putShort((short) 255);
            CRC32 crc = new CRC32();
            crc.update(chunk.array(), 4, 4 + 2 * channels);
            chunk.putInt((int) crc.getValue());
            ByteArrayOutputStream with = new ByteArrayOutputStream();
            with.write(png, 0, 33);
            with.writeBytes(chunk.array());
            with.write(png, 33, png.length - 33);
            assertThat(Pictures.mask(with.toByteArray(), "mask", Limits.DEFAULT).pixels()).as(channels + " channels")
                .containsExactly(0, -2);
        }
    }

    @Test void transparentWebpIsLaidOverWhite() {
        Picture over = read(Seeds.WEBP_ALPHA);
        for (int i = 0; i < 192; i++) {
            int y = i % 64 / 8;
            int x = i % 8;
            int alpha = Seeds.value(y, x, 0);
            int want = Math.round((Seeds.value(y, x, i / 64) * alpha + 255 * (255 - alpha)) / 255f);
            assertThat(over.pixels()[i] & 0xff).isEqualTo(want);
        }
    }

    @Test void exifOrientationIsUndone() {
        BufferedImage image = new BufferedImage(32, 16, BufferedImage.TYPE_BYTE_GRAY);
        for (int i = 0; i < 512; i++) image.getRaster().setSample(i % 32, i / 32, 0, i % 32 < 16 ? 0 : 255);
        byte[] jpeg = Seeds.encoded(image, "jpeg");
        // held so that the picture must be turned right: the dark left half comes to the top
        for (boolean little : new boolean[] {true, false}) {
            Picture upright = read(oriented(jpeg, 6, little));
            assertThat(upright.height()).isEqualTo(32);
            assertThat(upright.width()).isEqualTo(16);
            assertThat(upright.pixels()[0] & 0xff).isLessThan(20);
            assertThat(upright.pixels()[511] & 0xff).isGreaterThan(235);
        }
        assertThat(read(oriented(jpeg, 9, true)).height()).isEqualTo(16);
    }

    @Test void theOrientationOfEveryFormatThatHasOneIsUndone() {
        byte[] jpeg = Seeds.jpeg(16, 24), png = Seeds.png(3, 4, 6);
        for (int o = 1; o <= 8; o++) {
            for (boolean little : new boolean[] {true, false}) {
                byte[] exif = exif(o, little);
                byte[] named = concat("Exif\0\0".getBytes(StandardCharsets.US_ASCII), exif);
                String as = "orientation " + o;
                assertThat(read(oriented(jpeg, o, little))).as(as).usingRecursiveComparison().isEqualTo(Pictures.turn(read(jpeg), o));
                Picture turned = Pictures.turn(read(png), o), web = Pictures.turn(read(Seeds.WEBP_LOSSLESS), o);
                // behind the header, behind the pixels, and with the beginning that JPEG has
                assertThat(read(chunk(png, 33, exif))).as(as).usingRecursiveComparison().isEqualTo(turned);
                assertThat(read(chunk(png, png.length - 12, exif))).as(as).usingRecursiveComparison().isEqualTo(turned);
                assertThat(read(chunk(png, 33, named))).as(as).usingRecursiveComparison().isEqualTo(turned);
                assertThat(read(webp(Seeds.WEBP_LOSSLESS, exif))).as(as).usingRecursiveComparison().isEqualTo(web);
                assertThat(read(webp(Seeds.WEBP_LOSSLESS, named))).as(as).usingRecursiveComparison().isEqualTo(web);
            }
        }
        for (int o : new int[] {0, 9}) assertThat(read(chunk(png, 33, exif(o, true))).height()).isEqualTo(4);
        assertThat(read(chunk(png, 33, new byte[3])).height()).isEqualTo(4);
    }

    private static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) out.writeBytes(part);
        return out.toByteArray();
    }

    /** A chunk eXIf in a PNG. */
    private static byte[] chunk(byte[] png, int at, byte[] exif) {
        ByteBuffer chunk = ByteBuffer.allocate(12 + exif.length).putInt(exif.length);
        chunk.put("eXIf".getBytes(StandardCharsets.US_ASCII)).put(exif);
        CRC32 crc = new CRC32();
        crc.update(chunk.array(), 4, 4 + exif.length);
        chunk.putInt((int) crc.getValue());
        return concat(Arrays.copyOf(png, at), chunk.array(), Arrays.copyOfRange(png, at, png.length));
    }

    /** The extended form of a WebP of 8x8, with a chunk EXIF behind its pixels. */
    private static byte[] webp(byte[] simple, byte[] exif) {
        int odd = exif.length & 1;
        ByteBuffer b = ByteBuffer.allocate(simple.length + 18 + 8 + exif.length + odd).order(ByteOrder.LITTLE_ENDIAN);
        b.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(b.capacity() - 8)
            .put("WEBPVP8X".getBytes(StandardCharsets.US_ASCII)).putInt(10).putInt(8)
            .put(new byte[] {7, 0, 0, 7, 0, 0}).put(simple, 12, simple.length - 12)
            .put("EXIF".getBytes(StandardCharsets.US_ASCII)).putInt(exif.length).put(exif);
        return b.array();
    }

    private static byte[] exif(int orientation, boolean little) {
        ByteBuffer tiff = ByteBuffer.allocate(26).order(little ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        tiff.put((little ? "II" : "MM").getBytes(StandardCharsets.US_ASCII)).putShort((short) 42).putInt(8).putShort((short) 1);
        tiff.putShort((short) 0x0112).putShort((short) 3).putInt(1).putShort((short) orientation).putShort((short) 0).putInt(0);
        return tiff.array();
    }

    private static byte[] oriented(byte[] jpeg, int orientation, boolean little) {
        return concat(Arrays.copyOf(jpeg, 2), new byte[] {-1, (byte) 0xe1, 0, 34}, "Exif\0\0".getBytes(StandardCharsets.US_ASCII),
            exif(orientation, little), Arrays.copyOfRange(jpeg, 2, jpeg.length));
    }

    @ParameterizedTest
    @CsvSource({"false, 0, 5", "true, 0, 5", "false, 2, 5", "true, 3, 5", "false, 0, 10", "true, 2, 10"})
    void aJpegThatIsCutIsRefusedWhereverPixelsAreLost(boolean progressive, int restart, int type) {
        BufferedImage image = Seeds.image(type, 40, 48);
        byte[] file = Seeds.jpeg(image, progressive, restart);
        byte[] whole = read(file).pixels();
        for (int n = 2; n < file.length; n += n < file.length - 30 ? 10 : 1) {
            byte[] cut = Arrays.copyOf(file, n);
            List<String> notes = new ArrayList<>();
            String as = "the first " + n + " of " + file.length + " bytes";
            if (n < file.length - 2) {
                assertThatThrownBy(() -> Pictures.read(cut, "x", Limits.DEFAULT, notes::add)).as(as).isInstanceOf(FormatException.class);
                byte[] closed = concat(cut, new byte[] {-1, (byte) 0xd9});
                // an end in the middle of a scan; between progressive scans it is a picture with less of its detail
                if (!progressive) assertThatThrownBy(() -> read(closed)).as(as + ", closed").isInstanceOf(FormatException.class);
            } else {
                assertThat(Pictures.read(cut, "x", Limits.DEFAULT, notes::add).pixels()).as(as).isEqualTo(whole);
                assertThat(notes).containsExactly("x: the marker of the end is missing, the pixels are all there");
            }
        }
        List<String> notes = new ArrayList<>();
        assertThat(Pictures.read(concat(file, new byte[100]), "x", Limits.DEFAULT, notes::add).pixels()).isEqualTo(whole);
        byte[] stuffed = concat(Arrays.copyOf(file, file.length - 2), new byte[5], new byte[] {-1, (byte) 0xd9});
        assertThat(Pictures.read(stuffed, "x", Limits.DEFAULT, notes::add).pixels()).isEqualTo(whole);
        assertThat(notes).isEmpty();
    }

    @Test void aJpegThatEndsEarlySaysSo() {
        byte[] file = Seeds.jpeg(64, 64);
        assertThatThrownBy(() -> read(Arrays.copyOf(file, file.length - 100))).isInstanceOf(FormatException.class)
            .hasMessage("x at byte " + (file.length - 100) + ": damaged JPEG picture: ends before its pixels do");
        assertThat(read(Seeds.JPEG_CMYK).channels()).isEqualTo(3);
        assertThatThrownBy(() -> read(Arrays.copyOf(Seeds.JPEG_CMYK, Seeds.JPEG_CMYK.length - 60))).isInstanceOf(FormatException.class);
    }

    @Test void aJpegOfHundredsOfScansIsRefusedBeforeDecoding() {
        byte[] file = Seeds.jpeg(Seeds.image(BufferedImage.TYPE_3BYTE_BGR, 1000, 1000), true, 0);
        int last = file.length - 2;
        while (file[last] != -1 || file[last + 1] != (byte) 0xda) last--;
        byte[] scan = Arrays.copyOfRange(file, last, file.length - 2);
        byte[][] parts = new byte[302][];
        Arrays.fill(parts, scan);
        parts[0] = Arrays.copyOf(file, last);
        parts[301] = new byte[] {-1, (byte) 0xd9};
        byte[] bytes = concat(parts);
        long start = CpuTime.nanos();
        assertThatThrownBy(() -> read(bytes)).isInstanceOf(FormatException.class)
            .hasMessageMatching("x: has 30\\d scans, at most 100 are read");
        assertThat(CpuTime.nanos() - start).isLessThan(1_000_000_000L);
    }

    @Test void theEightOrientationsAreTheEightSymmetries() {
        Picture in = new Picture(1, 2, 3, new byte[] {1, 2, 3, 4, 5, 6});
        byte[][] want = {{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1}, {4, 5, 6, 1, 2, 3},
            {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3}, {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
        for (int o = 1; o <= 8; o++) assertThat(Pictures.turn(in, o).pixels()).as("orientation " + o).containsExactly(want[o - 1]);
    }

    // Pillow 12.3.0: Image.resize((4, 3), BICUBIC) of a 9x7 picture, and (11, 8) of a 6x5 one
    @Test void resizingDownIsWithinOneLevelOfPillow() {
        near(Pictures.resize(Seeds.picture(1, 7, 9), 3, 4), 18, 93, 159, 108, 65, 153, 128, 139, 107, 153, 88, 134);
    }

    @Test void resizingUpIsWithinOneLevelOfPillow() {
        near(Pictures.resize(Seeds.picture(1, 5, 6), 8, 11),
            0, 0, 3, 12, 25, 41, 62, 87, 117, 156, 176, 4, 6, 12, 23, 37, 56, 79, 105, 139, 189, 214, 13, 17, 27, 42, 59, 81, 108, 140, 173,
            212, 232, 20, 26, 41, 57, 78, 103, 133, 186, 193, 111, 65, 28, 36, 53, 73, 98, 129, 161, 194, 189, 117, 76, 35, 45, 66, 89, 117,
            155, 184, 167, 168, 224, 252, 44, 56, 81, 111, 140, 146, 151, 176, 184, 154, 136, 49, 62, 90, 124, 153, 135, 122, 187, 199, 86,
            23);
    }

    private static void near(Picture is, int... want) {
        assertThat(is.pixels()).hasSize(want.length);
        for (int i = 0; i < want.length; i++) assertThat((is.pixels()[i] & 0xff) - want[i]).as("pixel " + i).isBetween(-1, 1);
    }

    @Test void aFlatPictureStaysFlatAtAnySize() {
        byte[] flat = new byte[3 * 5 * 7];
        Arrays.fill(flat, (byte) 200);
        assertThat(Pictures.fit(new Picture(3, 5, 7, flat), 13, 4).pixels()).hasSize(3 * 13 * 4).containsOnly((byte) 200);
    }

    @Test void fitCutsTheLongSideAroundTheMiddle() {
        Picture wide = new Picture(1, 1, 5, new byte[] {1, 2, 3, 4, 5});
        assertThat(Pictures.fit(wide, 1, 3).pixels()).containsExactly(2, 3, 4);
    }

    // Pillow 12.3.0: convert("L") of a 4x4 picture
    @Test void greyIsPillowsLuma() {
        assertThat(Pictures.grey(Seeds.picture(3, 4, 4)).pixels())
            .containsExactly(41, 48, 69, 104, 54, 70, 100, (byte) 144, 67, 92, (byte) 131, (byte) 184, 80, 114, (byte) 162, (byte) 195);
    }

    @Test void greyUndoesRgb() {
        Picture grey = Seeds.picture(1, 6, 6);
        assertThat(Pictures.grey(Pictures.rgb(grey)).pixels()).isEqualTo(grey.pixels());
    }

    @Test void otherFormatsAreRefusedWhateverTheyAreCalled() {
        assertThatThrownBy(() -> Pictures.read("<html>".getBytes(StandardCharsets.US_ASCII), "cat.png", Limits.DEFAULT))
            .isInstanceOf(FormatException.class).hasMessage("cat.png at byte 0: not a PNG, JPEG, GIF, BMP or WebP picture");
    }

    @Test void aWebpThatEndsEarlyIsRefused() {
        assertThatThrownBy(() -> read(Arrays.copyOf(Seeds.WEBP_LOSSLESS, 100))).isInstanceOf(FormatException.class)
            .hasMessage("x at byte 100: ends early: the header claims 120 bytes");
    }

    @Test void aHeaderThatClaimsTooMuchIsRefusedBeforeDecoding() {
        long start = CpuTime.nanos();
        assertThatThrownBy(() -> read(header(60_000, 60_000))).isInstanceOf(FormatException.class).hasMessageContaining("60000x60000");
        assertThatThrownBy(() -> read(header(16_000, 16_000))).isInstanceOf(FormatException.class).hasMessageContaining("at most 67108864");
        assertThatThrownBy(() -> read(header(8_000, 8_000))).isInstanceOf(FormatException.class).hasMessageContaining("in 33 bytes");
        assertThat(CpuTime.nanos() - start).isLessThan(1_000_000_000L);
    }

    /** A PNG of nothing but its header. */
    private static byte[] header(int height, int width) {
        ByteBuffer chunk = ByteBuffer.allocate(17).put("IHDR".getBytes(StandardCharsets.US_ASCII)).putInt(width).putInt(height)
            .put(new byte[] {8, 2, 0, 0, 0});
        CRC32 crc = new CRC32();
        crc.update(chunk.array());
        return ByteBuffer.allocate(33).put(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}).putInt(13).put(chunk.array())
            .putInt((int) crc.getValue()).array();
    }

    @Test void aPictureThatTakesTooLongIsGivenUp() {
        byte[] large = Seeds.png(3, 3000, 3000);
        Limits hasty = new Limits(64L << 20, 16384, 1000, 64 << 20, 1 << 30, 1000, 32, 1);
        assertThatThrownBy(() -> Pictures.read(large, "slow.png", hasty)).isInstanceOf(FormatException.class)
            .hasMessage("slow.png: decoding took longer than 1 ms");
    }

    @Test void anInterruptedThreadStopsReadingAndStaysInterrupted() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> read(Seeds.png(3, 4, 4))).isInstanceOf(CancellationException.class);
        assertThat(Thread.interrupted()).isTrue();
    }
}
