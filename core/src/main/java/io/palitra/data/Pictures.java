package io.palitra.data;

import io.palitra.config.ArgumentException;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.spi.IIORegistry;
import javax.imageio.spi.ImageReaderSpi;
import javax.imageio.stream.ImageInputStreamImpl;
import org.jspecify.annotations.Nullable;

/**
 * Pictures from the bytes of PNG, JPEG, GIF (the first frame), BMP and WebP files, and the few things done to them before training.
 * Transparent parts are laid over white, the EXIF orientation of a JPEG, PNG or WebP is applied. Of 16 bits the 8 that are nearest
 * are read, which a note says. Files that end before their pixels do are damaged, whatever decoders make of them; a JPEG that lacks no
 * more than the marker of its end is read.
 */
public final class Pictures {
    /** How libjpeg's warnings of damage begin. */
    private static final String CORRUPT = "Corrupt JPEG data:";
    /** Its warnings of what loses nothing. */
    private static final Pattern HARMLESS = Pattern.compile(CORRUPT + ".*extraneous bytes before marker.*|Invalid SOS parameters.*"
        + "|Inconsistent progression.*|Unknown Adobe.*|Warning: unknown.*");
    /** Scans of a JPEG; programs make ten, and each costs a pass of all pixels. */
    private static final int MOST_SCANS = 100;
    private static final int WHITE = 255, BLACK = 0;
    private static final ExecutorService DECODERS = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "picture-decoder");
        thread.setDaemon(true);
        return thread;
    });

    static {
        // decoders that buffer do so in memory: no temporary files
        ImageIO.setUseCache(false);
    }

    /** The formats read, each known by its first bytes and by the one class that may decode it. */
    private enum Format {
        PNG("com.sun.imageio.plugins.png.PNGImageReaderSpi"),
        JPEG("com.twelvemonkeys.imageio.plugins.jpeg.JPEGImageReaderSpi"),
        GIF("com.sun.imageio.plugins.gif.GIFImageReaderSpi"),
        BMP("com.sun.imageio.plugins.bmp.BMPImageReaderSpi"),
        WEBP("com.twelvemonkeys.imageio.plugins.webp.WebPImageReaderSpi");

        private final ImageReaderSpi decoder;

        Format(String decoder) { this.decoder = find(decoder); }

        private static ImageReaderSpi find(String name) {
            IIORegistry registry = IIORegistry.getDefaultInstance();
            // these two are named in files that a merged jar can lose
            if (name.contains(".jpeg.")) registry.registerServiceProvider(new com.twelvemonkeys.imageio.plugins.jpeg.JPEGImageReaderSpi());
            if (name.contains(".webp.")) registry.registerServiceProvider(new com.twelvemonkeys.imageio.plugins.webp.WebPImageReaderSpi());
            Iterator<ImageReaderSpi> all = registry.getServiceProviders(ImageReaderSpi.class, false);
            while (all.hasNext()) {
                ImageReaderSpi spi = all.next();
                if (spi.getClass().getName().equals(name)) return spi;
            }
            throw new IllegalStateException("this Java has no " + name);
        }

        static Optional<Format> of(byte[] b) {
            if (begins(b, 0, 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n')) return Optional.of(PNG);
            if (begins(b, 0, 0xff, 0xd8, 0xff)) return Optional.of(JPEG);
            if (begins(b, 0, 'G', 'I', 'F', '8')) return Optional.of(GIF);
            if (begins(b, 0, 'R', 'I', 'F', 'F') && begins(b, 8, 'W', 'E', 'B', 'P')) return Optional.of(WEBP);
            if (begins(b, 0, 'B', 'M')) return Optional.of(BMP);
            return Optional.empty();
        }

        private static boolean begins(byte[] b, int at, int... magic) {
            if (b.length < at + magic.length) return false;
            for (int i = 0; i < magic.length; i++) if ((b[at + i] & 0xff) != magic[i]) return false;
            return true;
        }
    }

    private static final String DEEP = " bits to a channel are read as 8";

    private Pictures() { }

    /** Whether a note is of pictures that have more bits than are read. */
    static boolean deep(String note) { return note.endsWith(DEEP); }

    /** As {@link #read(byte[], String, Limits, Consumer)}, without notes. */
    public static Picture read(byte[] bytes, String name, Limits limits) { return read(bytes, name, limits, note -> { }); }

    /** A picture and notes about it. */
    private record Decoded(Picture picture, @Nullable String note) { }

    /**
     * Decodes a picture; grey files give 1 channel, all others 3.
     *
     * @param name of the file, for messages
     * @param notes receives a line about what was accepted: a JPEG that ends behind its pixels, without the marker of its end,
     *     and 16 bits that are read as 8
     * @throws FormatException when the format is none of the five, the file is damaged, or a limit is passed
     * @throws CancellationException when the calling thread is interrupted
     */
    public static Picture read(byte[] bytes, String name, Limits limits, Consumer<String> notes) {
        return read(bytes, name, limits, WHITE, notes);
    }

    /** As {@link #mask(byte[], String, Limits, Consumer)}, without notes. */
    public static Picture mask(byte[] bytes, String name, Limits limits) { return mask(bytes, name, limits, note -> { }); }

    /**
     * Decodes a mask, 1 channel: luminance times opacity, so that what is both opaque and light is 255, and what is dark or transparent 0.
     *
     * @param name of the file, for messages
     * @param notes as of {@link #read(byte[], String, Limits, Consumer)}
     * @throws FormatException as {@link #read(byte[], String, Limits, Consumer)}
     */
    public static Picture mask(byte[] bytes, String name, Limits limits, Consumer<String> notes) {
        return grey(read(bytes, name, limits, BLACK, notes));
    }

    /** @param ground grey that transparent parts are laid over */
    private static Picture read(byte[] bytes, String name, Limits limits, int ground, Consumer<String> notes) {
        if (bytes.length > limits.pictureBytes()) {
            throw new FormatException(name, -1, bytes.length + " bytes; a picture has at most " + limits.pictureBytes());
        }
        Format format = Format.of(bytes).orElseThrow(() -> new FormatException(name, 0, "not a PNG, JPEG, GIF, BMP or WebP picture"));
        if (Thread.currentThread().isInterrupted()) throw new CancellationException(name + ": reading was interrupted");
        if (format == Format.WEBP) whole(bytes, name);
        Bytes in = new Bytes(bytes, format == Format.WEBP ? 64 : 0);
        Future<Decoded> decoded = DECODERS.submit(() -> decode(format, in, name, limits, ground));
        try {
            Decoded read = decoded.get(limits.millis(), TimeUnit.MILLISECONDS);
            if (read.note != null) notes.accept(read.note);
            return read.picture;
        } catch (TimeoutException e) {
            in.cut = true;
            decoded.cancel(true);
            throw new FormatException(name, -1, "decoding took longer than " + limits.millis() + " ms", e);
        } catch (InterruptedException e) {
            in.cut = true;
            decoded.cancel(true);
            Thread.currentThread().interrupt();
            throw new CancellationException(name + ": reading was interrupted");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof FormatException fault) throw fault;
            throw new IllegalStateException(name + ": the decoder failed: " + e.getCause(), e);
        }
    }

    /** A RIFF holds its own length; its decoder would read what is missing as zeros. */
    private static void whole(byte[] bytes, String name) {
        long size = 8 + (ByteBuffer.wrap(bytes, 4, 4).order(ByteOrder.LITTLE_ENDIAN).getInt() & 0xffffffffL);
        if (size > bytes.length) throw new FormatException(name, bytes.length, "ends early: the header claims " + size + " bytes");
    }

    private static Decoded decode(Format format, Bytes in, String name, Limits limits, int ground) {
        try {
            JpegMarkers markers = format == Format.JPEG ? JpegMarkers.of(in.bytes) : null;
            if (markers != null && markers.scans() > MOST_SCANS) {
                throw new FormatException(name, -1, "has " + markers.scans() + " scans, at most " + MOST_SCANS + " are read");
            }
            List<String> warnings = new ArrayList<>();
            ImageReader reader = format.decoder.createReaderInstance();
            try {
                reader.setInput(in, true, true);
                reader.addIIOReadWarningListener((r, warning) -> warnings.add(warning));
                limits.check(name, reader.getWidth(0), reader.getHeight(0), in.bytes.length);
                BufferedImage image = reader.read(0);
                int bits = image.getColorModel().getComponentSize(0);
                String deep = bits > 8 ? name + ": its " + bits + DEEP : null;
                String note = markers == null ? deep : whole(markers, warnings, name, in.bytes.length);
                int orientation = switch (format) {
                    case JPEG -> Exif.jpeg(in.bytes);
                    case PNG -> Exif.png(in.bytes);
                    case WEBP -> Exif.webp(in.bytes);
                    case GIF, BMP -> 1;
                };
                return new Decoded(turn(picture(image, ground), orientation), note);
            } finally {
                reader.dispose();
            }
        } catch (FormatException e) {
            throw e;
        } catch (IOException | RuntimeException | OutOfMemoryError | StackOverflowError e) {
            // the one boundary to decoders of others: whatever they fail with, the file is at fault
            String what = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            throw new FormatException(name, -1, "damaged " + format.name().toUpperCase(Locale.ROOT) + " picture: " + firstLine(what), e);
        }
    }

    /**
     * Refuses a JPEG of which pixels are missing; decoders make grey of them. Libjpeg warns of bits that do not do for their scan, or are
     * no codes, but only of the first thing that it finds wrong, and not of scans that are not there.
     *
     * @param warnings of the decoder
     * @return that the marker of the end is missing, or null
     */
    private static @Nullable String whole(JpegMarkers markers, List<String> warnings, String name, int bytes) {
        boolean strange = false;
        for (String w : warnings) {
            if (HARMLESS.matcher(w).matches()) {
                strange = true;
            } else if (w.startsWith(CORRUPT)) {
                throw new FormatException(name, markers.ended() ? -1 : bytes, "damaged JPEG picture: "
                    + (markers.ended() ? firstLine(w.substring(CORRUPT.length()).strip()) : "ends before its pixels do"));
            }
        }
        if (markers.ended()) {
            if (markers.begun()) return null;
            throw new FormatException(name, -1, "damaged JPEG picture: ends before all of its channels have pixels");
        }
        // after a first warning there are no others: nothing is known of the bits
        if (strange || !markers.whole()) throw new FormatException(name, bytes, "damaged JPEG picture: ends before its pixels do");
        return name + ": the marker of the end is missing, the pixels are all there";
    }

    private static String firstLine(String text) {
        String line = text.lines().findFirst().orElse("").replaceAll("\\p{Cntrl}", "?");
        return line.length() > 200 ? line.substring(0, 200) : line;
    }

    private static Picture picture(BufferedImage image, int ground) {
        ColorModel colours = image.getColorModel();
        Raster raster = image.getRaster();
        int n = colours.getNumColorComponents();
        int type = colours.getColorSpace().getType();
        boolean plain = colours instanceof ComponentColorModel && !colours.isAlphaPremultiplied()
            && (n == 1 && type == ColorSpace.TYPE_GRAY || n == 3 && type == ColorSpace.TYPE_RGB)
            && (raster.getTransferType() == DataBuffer.TYPE_BYTE || raster.getTransferType() == DataBuffer.TYPE_USHORT);
        return plain ? samples(colours, raster, n, ground) : colours(image, colours, ground);
    }

    /** The samples as they are: Java takes grey for linear light, and would brighten it. */
    private static Picture samples(ColorModel colours, Raster raster, int n, int ground) {
        int height = raster.getHeight();
        int width = raster.getWidth();
        byte[] out = new byte[n * height * width];
        int[] row = new int[width];
        int[] alpha = new int[width];
        for (int y = 0; y < height; y++) {
            if (colours.hasAlpha()) scaled(raster, y, n, colours.getComponentSize(n), alpha);
            for (int c = 0; c < n; c++) {
                scaled(raster, y, c, colours.getComponentSize(c), row);
                int at = (c * height + y) * width;
                for (int x = 0; x < width; x++) out[at + x] = (byte) (colours.hasAlpha() ? over(ground, row[x], alpha[x]) : row[x]);
            }
        }
        return new Picture(n, height, width, out);
    }

    private static void scaled(Raster raster, int y, int band, int bits, int[] row) {
        raster.getSamples(raster.getMinX(), raster.getMinY() + y, row.length, 1, band, row);
        int most = (1 << bits) - 1;
        if (most != 255) for (int x = 0; x < row.length; x++) row[x] = (row[x] * 255 + most / 2) / most;
    }

    /** By the colour model: palettes and packed pixels. A palette of greys gives 1 channel. */
    private static Picture colours(BufferedImage image, ColorModel colours, int ground) {
        int height = image.getHeight();
        int width = image.getWidth();
        boolean grey = colours instanceof IndexColorModel palette && greys(palette);
        int n = grey ? 1 : 3;
        byte[] out = new byte[n * height * width];
        int[] row = new int[width];
        for (int y = 0; y < height; y++) {
            image.getRGB(0, y, width, 1, row, 0, width);
            for (int c = 0; c < n; c++) {
                int at = (c * height + y) * width;
                int shift = 16 - 8 * c;
                for (int x = 0; x < width; x++) out[at + x] = (byte) over(ground, row[x] >> shift & 0xff, row[x] >>> 24);
            }
        }
        return new Picture(n, height, width, out);
    }

    private static boolean greys(IndexColorModel palette) {
        for (int i = 0; i < palette.getMapSize(); i++) {
            if (palette.getRed(i) != palette.getGreen(i) || palette.getGreen(i) != palette.getBlue(i)) return false;
        }
        return true;
    }

    private static int over(int ground, int value, int alpha) { return (value * alpha + ground * (255 - alpha) + 127) / 255; }

    /** Undoes how the camera was held; orientations as in EXIF, 1 is upright. */
    static Picture turn(Picture in, int orientation) {
        if (orientation == 1) return in;
        int h = in.height();
        int w = in.width();
        int height = orientation >= 5 ? w : h;
        int width = orientation >= 5 ? h : w;
        byte[] out = new byte[in.pixels().length];
        int to = 0;
        for (int c = 0; c < in.channels(); c++) {
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    int from = switch (orientation) {
                        case 2 -> y * w + w - 1 - x;
                        case 3 -> (h - 1 - y) * w + w - 1 - x;
                        case 4 -> (h - 1 - y) * w + x;
                        case 5 -> x * w + y;
                        case 6 -> (h - 1 - x) * w + y;
                        case 7 -> (h - 1 - x) * w + w - 1 - y;
                        case 8 -> x * w + w - 1 - y;
                        default -> throw new ArgumentException("illegal orientation: " + orientation + ", must be 1 to 8");
                    };
                    out[to++] = in.pixels()[c * h * w + from];
                }
            }
        }
        return new Picture(in.channels(), height, width, out);
    }

    /**
     * Bicubic resampling (Keys 1981, a = -0.5) with a kernel as wide as the reduction, so that nothing aliases: what Pillow calls BICUBIC.
     * Rows first, then columns, rounded to bytes between.
     */
    public static Picture resize(Picture in, int height, int width) {
        if (height < 1 || width < 1) throw new ArgumentException("illegal size: " + height + "x" + width + ", must be at least 1x1");
        if ((long) in.channels() * Math.max(height, in.height()) * width > Integer.MAX_VALUE - 8) {
            throw new ArgumentException("illegal size: " + height + "x" + width + ", too large for one picture");
        }
        byte[] pixels = in.pixels();
        if (width != in.width()) pixels = resample(pixels, in.channels() * in.height(), in.width(), width, 1);
        if (height != in.height()) pixels = resample(pixels, in.channels(), in.height(), height, width);
        return new Picture(in.channels(), height, width, pixels);
    }

    /** [planes,from,inner] -> [planes,to,inner] */
    private static byte[] resample(byte[] in, int planes, int from, int to, int inner) {
        int[] first = new int[to];
        float[][] weights = bicubic(from, to, 0, first);
        byte[] out = new byte[planes * to * inner];
        float[] line = new float[inner];
        for (int p = 0; p < planes; p++) {
            for (int o = 0; o < to; o++) {
                Arrays.fill(line, 0.5f);
                for (int i = 0; i < weights[o].length; i++) {
                    float weight = weights[o][i];
                    int at = (p * from + first[o] + i) * inner;
                    for (int x = 0; x < inner; x++) line[x] += weight * (in[at + x] & 0xff);
                }
                int at = (p * to + o) * inner;
                for (int x = 0; x < inner; x++) out[at + x] = (byte) Math.max(0, Math.min(255, (int) line[x]));
            }
        }
        return out;
    }

    /** What {@link #resize} weighs with along one side, as a matrix [to,from]: how much of each old pixel is in each new one. */
    public static float[] bicubic(int from, int to) { return bicubic(from, to, 0, to); }

    /** Of that matrix the n rows from {@code row} on: a part of the new picture. */
    public static float[] bicubic(int from, int to, int row, int n) {
        if (from < 1 || to < 1) throw new ArgumentException("illegal size: " + from + " to " + to + ", must be at least 1");
        if (row < 0 || n < 1 || row > to - n) {
            throw new ArgumentException("illegal rows: " + n + " from " + row + " on, must be of 0 to " + (to - 1));
        }
        int[] first = new int[n];
        float[][] weights = bicubic(from, to, row, first);
        float[] matrix = new float[Math.multiplyExact(n, from)];
        for (int o = 0; o < n; o++) System.arraycopy(weights[o], 0, matrix, o * from + first[o], weights[o].length);
        return matrix;
    }

    /**
     * The weights of new pixels from {@code row} on that are not 0; {@code first}, as long as there are to be pixels, gets the old pixel
     * with which they begin.
     */
    private static float[][] bicubic(int from, int to, int row, int[] first) {
        double scale = (double) from / to;
        double wide = Math.max(1, scale);
        float[][] weights = new float[first.length][];
        for (int o = 0; o < first.length; o++) {
            double centre = (row + o + 0.5) * scale;
            int begin = (int) Math.max(0, Math.floor(centre - 2 * wide + 0.5));
            int end = (int) Math.min(from, Math.floor(centre + 2 * wide + 0.5));
            double[] w = new double[end - begin];
            double sum = 0;
            for (int i = 0; i < w.length; i++) {
                w[i] = cubic((begin + i + 0.5 - centre) / wide);
                sum += w[i];
            }
            weights[o] = new float[w.length];
            for (int i = 0; i < w.length; i++) weights[o][i] = (float) (w[i] / sum);
            first[o] = begin;
        }
        return weights;
    }

    private static double cubic(double x) {
        double d = Math.abs(x);
        if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
        return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
    }

    /** Resized until it just covers the size asked for, then cut to it around the middle. */
    public static Picture fit(Picture in, int height, int width) {
        double scale = Math.max((double) height / in.height(), (double) width / in.width());
        int h = Math.max(height, (int) Math.round(in.height() * scale));
        int w = Math.max(width, (int) Math.round(in.width() * scale));
        Picture covers = resize(in, h, w);
        if (h == height && w == width) return covers;
        byte[] out = new byte[in.channels() * height * width];
        int top = (h - height) / 2;
        int left = (w - width) / 2;
        for (int c = 0; c < in.channels(); c++) {
            for (int y = 0; y < height; y++) {
                System.arraycopy(covers.pixels(), (c * h + top + y) * w + left, out, (c * height + y) * width, width);
            }
        }
        return new Picture(in.channels(), height, width, out);
    }

    /** With the channels asked for: 1 by {@link #grey}, 3 by {@link #rgb}. */
    public static Picture channels(Picture in, int channels) { return channels == 1 ? grey(in) : rgb(in); }

    /** Luma of ITU-R 601, 0.299 R + 0.587 G + 0.114 B in 16 bits of fraction, as Pillow has it. A grey picture is returned as it is. */
    public static Picture grey(Picture in) {
        if (in.channels() == 1) return in;
        int n = in.height() * in.width();
        byte[] rgb = in.pixels();
        byte[] out = new byte[n];
        for (int i = 0; i < n; i++) {
            out[i] = (byte) ((rgb[i] & 0xff) * 19595 + (rgb[n + i] & 0xff) * 38470 + (rgb[2 * n + i] & 0xff) * 7471 + 0x8000 >> 16);
        }
        return new Picture(1, in.height(), in.width(), out);
    }

    /** Three equal channels from one. A picture in colour is returned as it is. */
    public static Picture rgb(Picture in) {
        if (in.channels() == 3) return in;
        int n = in.height() * in.width();
        byte[] out = new byte[3 * n];
        for (int c = 0; c < 3; c++) System.arraycopy(in.pixels(), 0, out, c * n, n);
        return new Picture(3, in.height(), in.width(), out);
    }

    /**
     * Bytes as the input of a decoder; once cut, every read fails, so that an abandoned decoder ends. The decoder of WebP looks ahead, and
     * past the end of its input goes on with an exception for every pixel: a few zeros after the end keep a sound file from that, and one
     * that asks for more again and again is given up.
     */
    private static final class Bytes extends ImageInputStreamImpl {
        private final byte[] bytes;
        private final int zeros;
        private int pastEnd;
        private volatile boolean cut;

        Bytes(byte[] bytes, int zeros) {
            this.bytes = bytes;
            this.zeros = zeros;
        }

        @Override public int read() throws IOException {
            bitOffset = 0;
            if (left() == 0) return -1;
            int at = (int) streamPos++;
            return at < bytes.length ? bytes[at] & 0xff : 0;
        }

        @Override public int read(byte[] out, int offset, int length) throws IOException {
            bitOffset = 0;
            int n = Math.min(left(), length);
            if (n == 0) return length == 0 ? 0 : -1;
            int there = (int) Math.max(0, Math.min(n, bytes.length - streamPos));
            if (there > 0) System.arraycopy(bytes, (int) streamPos, out, offset, there);
            Arrays.fill(out, offset + there, offset + n, (byte) 0);
            streamPos += n;
            return n;
        }

        private int left() throws IOException {
            checkClosed();
            if (cut) throw new IOException("given up");
            if (streamPos >= bytes.length + zeros && ++pastEnd > 1000) throw new IOException("reads on after its end");
            return (int) Math.max(0, bytes.length + zeros - streamPos);
        }

        @Override public long length() { return bytes.length; }
    }
}
