package io.palitra.data;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageOutputStream;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** Small sound files from which the tests of the readers start. */
final class Seeds {
    /** 8x8 RGB of {@link #value}, written by libwebp without loss. */
    static final byte[] WEBP_LOSSLESS = Base64.getDecoder().decode(
        "UklGRnAAAABXRUJQVlA4TGQAAAAvB8ABAAXUAAAQNFiikenu7vCAOxwAzd2humt1p5IcEtHdInl9"
        + "d9S5Mv0PCltiq38JMaHUVNvDbUeRIbmEqOUzfWDw2+GKUGNuOwYbnX+Ozu9E408e0WnrH+SpoFL7DYIqucEA");
    /** The same with loss. */
    static final byte[] WEBP_LOSSY = Base64.getDecoder().decode(
        "UklGRoYAAABXRUJQVlA4IHoAAABwAgCdASoIAAgAAUAmJbACdDBGP1uBq5UK6TqAAP7ePumzi5uBxGfe"
        + "Fj/LT3nNT/rOo2L0Fzl4MQtHfP1h8n6/XabrlcJd+1T4IBRfEb6oRFkF8/f/PxNtPaSe/3NWGn39Deg6+jUqutl60kKf0cmfybUN5W/qb+QAAA==");
    /** The same without loss, its transparency being the grey picture of {@link #value}. */
    static final byte[] WEBP_ALPHA = Base64.getDecoder().decode(
        "UklGRsYAAABXRUJQVlA4TLoAAAAvB8ABEHVAkQAAQYMlGpnu7g4fcIcHQHN3qO5a3akkh0R0m0by+t7h"
        + "d3WujBsBAAgluw/Y9YDabNdqc7Vbm1xTo63x5nY3tTW3G0N8sZESkk1Sj76vCf+YRYiXkk2CWmTfhd++jn0RwcBL2pd1yFnNlFNnFT03oBvkHsCug/sW/dCL"
        + "kZ/zbNvjIvj075R/bByyTuoBnAY0CB87KT3NouZpuZX43IKOHlUlhHqmHPvupoW4U8ES0m0CuwI=");
    /** The same as a JPEG of four inks at quality 95, with the marker of Adobe, written by Pillow. */
    static final byte[] JPEG_CMYK = Base64.getDecoder().decode(
        "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJ"
        + "CAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIB"
        + "AwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVm"
        + "Z2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4E"
        + "QwBNAFkASwAAPwDj/wBiv4HaV+zb8JPhT8FfCPhrVLbX/jd4wtdN1DVdG1nTbOaWwgEN3qFhJFdxyTz20trNCkpto/LxdKtzcwRb4Luvrfw+8Efsz+H/AIL/"
        + "AAgsPH1n4dbVNP1Xx38Rpp7cahbWlhpcNvd202paTHCtzfWyHzLmNEuUjma1nXYZbdbqwP2l7nwR8PvGnhzwXpP2NNB+Hvwv1/xKst/qosdN8QeJ3Mljbpb6"
        + "lZasCtzDdW11pQjaG0vrW6lulhmHnGa3/fyv/9k=");

    /** 4x2, black but for red at (0,1) and white at (1,3), by Pillow: Java's encoder loses the last. */
    static final byte[] GIF = Base64.getDecoder().decode(
        "R0lGODdhBAACAIEAAP////8AAAAAAAAAACwAAAAABAACAAAICQAFBBBAkCCAgAA7");
    /** 8x8 of the one colour c04020, with loss, written by libwebp. */
    static final byte[] WEBP_FLAT = Base64.getDecoder().decode(
        "UklGRjoAAABXRUJQVlA4IC4AAADQAQCdASoIAAgAAUAmJaACdLoB+AADsAD+7nZ//lKvBY3R5/9lY+lY+lY/XoAA");

    private Seeds() { }

    /** Channel c of the picture all seeds show, at row y and column x. */
    static int value(int y, int x, int c) { return (x * x * 7 + y * 13 + c * 50 + x * y % 11 * 9) % 256; }

    static Picture picture(int channels, int height, int width) {
        byte[] pixels = new byte[channels * height * width];
        int at = 0;
        for (int c = 0; c < channels; c++) {
            for (int y = 0; y < height; y++) for (int x = 0; x < width; x++) pixels[at++] = (byte) value(y, x, c);
        }
        return new Picture(channels, height, width, pixels);
    }

    static BufferedImage image(int type, int height, int width) {
        BufferedImage image = new BufferedImage(width, height, type);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                for (int b = 0; b < image.getRaster().getNumBands(); b++) image.getRaster().setSample(x, y, b, value(y, x, b));
            }
        }
        return image;
    }

    static byte[] encoded(BufferedImage image, String format) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            if (!ImageIO.write(image, format, out)) throw new IllegalStateException("no encoder of " + format);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    static byte[] png(int channels, int height, int width) {
        return encoded(image(channels == 1 ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_3BYTE_BGR, height, width), "png");
    }

    static byte[] jpeg(int height, int width) { return encoded(image(BufferedImage.TYPE_3BYTE_BGR, height, width), "jpeg"); }

    /** By Java's encoder, with a restart marker every so many groups of blocks, or none for 0. */
    static byte[] jpeg(BufferedImage image, boolean progressive, int restart) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageWriter writer = null;
        for (Iterator<ImageWriter> all = ImageIO.getImageWritersByFormatName("jpeg"); all.hasNext();) {
            ImageWriter each = all.next();
            if (each.getClass().getName().startsWith("com.sun.")) writer = each;
        }
        try (ImageOutputStream to = ImageIO.createImageOutputStream(out)) {
            ImageWriteParam how = writer.getDefaultWriteParam();
            if (progressive) how.setProgressiveMode(ImageWriteParam.MODE_DEFAULT);
            IIOMetadata about = writer.getDefaultImageMetadata(ImageTypeSpecifier.createFromRenderedImage(image), how);
            if (restart > 0) {
                Node root = about.getAsTree("javax_imageio_jpeg_image_1.0");
                Node markers = ((Element) root).getElementsByTagName("markerSequence").item(0);
                IIOMetadataNode interval = new IIOMetadataNode("dri");
                interval.setAttribute("interval", String.valueOf(restart));
                markers.insertBefore(interval, markers.getLastChild());
                about.setFromTree("javax_imageio_jpeg_image_1.0", root);
            }
            writer.setOutput(to);
            writer.write(null, new IIOImage(image, null, about), how);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    static byte[] idx(int[] shape, byte... values) {
        ByteBuffer out = ByteBuffer.allocate(4 + 4 * shape.length + values.length).put(new byte[] {0, 0, 8, (byte) shape.length});
        for (int s : shape) out.putInt(s);
        return out.put(values).array();
    }

    static byte[] gzip(byte[] bytes) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    /** n records of CIFAR-10; record i has label i mod 10. */
    static byte[] cifar(int n) {
        byte[] out = new byte[n * Cifar10.RECORD];
        for (int i = 0; i < n; i++) {
            for (int j = 1; j < Cifar10.RECORD; j++) out[i * Cifar10.RECORD + j] = (byte) (i + j);
            out[i * Cifar10.RECORD] = (byte) (i % 10);
        }
        return out;
    }

    static byte[] zip(Map<String, byte[]> files) { return zip(files, StandardCharsets.UTF_8); }

    /** Names in another code page than UTF-8 are not marked. */
    static byte[] zip(Map<String, byte[]> files, Charset names) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(out, names)) {
            for (Map.Entry<String, byte[]> file : files.entrySet()) {
                zip.putNextEntry(new ZipEntry(file.getKey()));
                zip.write(file.getValue());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    /** Two pictures in each of the classes a and b. */
    static Map<String, byte[]> classes() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (String c : new String[] {"a", "b"}) for (int i = 0; i < 2; i++) files.put(c + "/" + i + ".png", png(3, 4, 5));
        return files;
    }

    /** A ustar archive; a name that ends in '@' becomes a symbolic link. */
    static byte[] tar(Map<String, byte[]> files) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            boolean link = file.getKey().endsWith("@");
            byte[] name = file.getKey().replace("@", "").getBytes(StandardCharsets.UTF_8);
            byte[] head = new byte[512];
            System.arraycopy(name, 0, head, 0, name.length);
            put(head, 100, "0000644");
            put(head, 124, String.format("%011o", file.getValue().length));
            put(head, 257, "ustar");
            head[156] = (byte) (link ? '2' : '0');
            int sum = 8 * ' ';
            for (byte b : head) sum += b & 0xff;
            put(head, 148, String.format("%06o", sum));
            out.writeBytes(head);
            out.writeBytes(file.getValue());
            out.writeBytes(new byte[(512 - file.getValue().length % 512) % 512]);
        }
        out.writeBytes(new byte[1024]);
        return out.toByteArray();
    }

    private static void put(byte[] to, int at, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, to, at, bytes.length);
    }
}
