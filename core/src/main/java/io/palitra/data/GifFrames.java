package io.palitra.data;

import java.awt.AlphaComposite;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageInputStream;
import org.w3c.dom.Node;

/** All frames of a GIF, each as a viewer shows it: GIF89a, with what a frame leaves of those before it. How long they last is not read. */
final class GifFrames {
    /** Pixels of all frames together. */
    private static final long MOST = 1L << 28;

    private GifFrames() {}

    /** Whether a file is a GIF of more than one frame; false of a damaged one, of which its reader tells. */
    static boolean several(byte[] bytes) {
        try {
            return gif(bytes) && count(bytes, "") > 1;
        } catch (FormatException e) {
            return false;
        }
    }

    /** Frames of a file, by its blocks. @throws FormatException where it ends before they do: decoders take what is there for all */
    private static int count(byte[] bytes, String name) {
        int frames = 0, at = 13;
        try {
            if ((bytes[10] & 0x80) != 0) at += 3 << (bytes[10] & 7) + 1;
            while (true) {
                int block = bytes[at++] & 0xff;
                if (block == 0x3b) return frames;
                if (block == 0x21) {
                    at++;
                } else if (block == 0x2c) {
                    frames++;
                    int packed = bytes[at + 8];
                    at += 10 + ((packed & 0x80) != 0 ? 3 << (packed & 7) + 1 : 0);
                } else {
                    throw new FormatException(name, at - 1, "damaged GIF: no block begins with " + block);
                }
                while (bytes[at] != 0) at += 1 + (bytes[at] & 0xff);
                at++;
            }
        } catch (ArrayIndexOutOfBoundsException e) {
            throw new FormatException(name, bytes.length, "damaged GIF: ends before its frames do", e);
        }
    }

    /**
     * The frames, in colour.
     *
     * @param name of the file, for messages
     * @throws FormatException when the file is no GIF or damaged, or a limit is passed
     */
    static List<Picture> read(byte[] bytes, String name, Limits limits) {
        if (bytes.length > limits.pictureBytes()) {
            throw new FormatException(name, -1, bytes.length + " bytes; a film has at most " + limits.pictureBytes());
        }
        if (!gif(bytes)) throw new FormatException(name, 0, "not a GIF");
        int n = count(bytes, name);
        try (ImageInputStream in = stream(bytes)) {
            ImageReader reader = reader(in);
            try {
                return frames(reader, n, bytes.length, name, limits);
            } finally {
                reader.dispose();
            }
        } catch (FormatException | CancellationException e) {
            throw e;
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            // the boundary to a decoder of others: whatever it fails with, the file is at fault
            String what = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            throw new FormatException(name, -1, "damaged GIF: " + what.lines().findFirst().orElse("").replaceAll("\\p{Cntrl}", "?"), e);
        }
    }

    private static boolean gif(byte[] bytes) {
        return bytes.length > 6 && bytes[0] == 'G' && bytes[1] == 'I' && bytes[2] == 'F' && bytes[3] == '8';
    }

    private static ImageInputStream stream(byte[] bytes) throws IOException {
        ImageIO.setUseCache(false);
        return ImageIO.createImageInputStream(new ByteArrayInputStream(bytes));
    }

    private static ImageReader reader(ImageInputStream in) {
        ImageReader reader = ImageIO.getImageReadersByFormatName("gif").next();
        reader.setInput(in, false, false);
        return reader;
    }

    private static List<Picture> frames(ImageReader reader, int n, int fileBytes, String name, Limits limits) throws IOException {
        IIOMetadataNode screen = node(reader.getStreamMetadata().getAsTree("javax_imageio_gif_stream_1.0"), "LogicalScreenDescriptor");
        int width = number(screen, "logicalScreenWidth"), height = number(screen, "logicalScreenHeight");
        limits.check(name, width, height, fileBytes);
        long until = System.nanoTime() + limits.millis() * 1_000_000;
        BufferedImage canvas = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
        List<Picture> frames = new ArrayList<>();
        if ((long) n * width * height > MOST) {
            throw new FormatException(name, -1, n + " frames of " + width + "x" + height + " pixels; at most " + MOST + " pixels are read");
        }
        for (int i = 0; i < n; i++) {
            if (Thread.currentThread().isInterrupted()) throw new CancellationException(name + ": reading was interrupted");
            if (System.nanoTime() > until) throw new FormatException(name, -1, "decoding took longer than " + limits.millis() + " ms");
            limits.check(name, reader.getWidth(i), reader.getHeight(i), fileBytes);
            Node tree = reader.getImageMetadata(i).getAsTree("javax_imageio_gif_image_1.0");
            IIOMetadataNode place = node(tree, "ImageDescriptor");
            String after = node(tree, "GraphicControlExtension").getAttribute("disposalMethod");
            int left = number(place, "imageLeftPosition"), top = number(place, "imageTopPosition");
            BufferedImage before = after.equals("restoreToPrevious") ? copy(canvas) : canvas, frame = reader.read(i);
            Graphics2D pen = canvas.createGraphics();
            pen.drawImage(frame, left, top, null);
            frames.add(picture(canvas));
            if (after.equals("restoreToBackgroundColor")) {
                pen.setComposite(AlphaComposite.Src);
                pen.setColor(new Color(0, true));
                pen.fillRect(left, top, frame.getWidth(), frame.getHeight());
            }
            pen.dispose();
            canvas = before;
        }
        return frames;
    }

    private static BufferedImage copy(BufferedImage of) {
        BufferedImage out = new BufferedImage(of.getWidth(), of.getHeight(), of.getType());
        of.copyData(out.getRaster());
        return out;
    }

    /** What is transparent lies on white. */
    private static Picture picture(BufferedImage image) {
        int height = image.getHeight(), width = image.getWidth(), area = height * width;
        byte[] out = new byte[3 * area];
        int[] row = new int[width];
        for (int y = 0; y < height; y++) {
            image.getRGB(0, y, width, 1, row, 0, width);
            for (int c = 0; c < 3; c++) {
                for (int x = 0; x < width; x++) {
                    int alpha = row[x] >>> 24, value = row[x] >> 16 - 8 * c & 0xff;
                    out[c * area + y * width + x] = (byte) ((value * alpha + 255 * (255 - alpha) + 127) / 255);
                }
            }
        }
        return new Picture(3, height, width, out);
    }

    /** The child of that name; an empty one where there is none. */
    private static IIOMetadataNode node(Node tree, String name) {
        for (Node child = tree.getFirstChild(); child != null; child = child.getNextSibling()) {
            if (child.getNodeName().equals(name)) return (IIOMetadataNode) child;
        }
        return new IIOMetadataNode(name);
    }

    private static int number(IIOMetadataNode node, String attribute) {
        String value = node.getAttribute(attribute);
        return value.isEmpty() ? 0 : Integer.parseInt(value);
    }
}
