package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.Picture;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GifTest {
    @TempDir
    private Path folder;

    private record Read(BufferedImage image, int hundredths, boolean loops) {}

    private List<Read> written(List<Picture> frames, int delay) throws IOException {
        File file = folder.resolve("a.gif").toFile();
        Gif.write(file.toPath(), frames, delay);
        ImageReader reader = ImageIO.getImageReadersByFormatName("gif").next();
        List<Read> read = new ArrayList<>();
        try (ImageInputStream in = ImageIO.createImageInputStream(file)) {
            reader.setInput(in);
            for (int i = 0; i < reader.getNumImages(true); i++) {
                IIOMetadataNode root = (IIOMetadataNode) reader.getImageMetadata(i).getAsTree("javax_imageio_gif_image_1.0");
                IIOMetadataNode control = (IIOMetadataNode) root.getElementsByTagName("GraphicControlExtension").item(0);
                boolean loops = root.getElementsByTagName("ApplicationExtension").getLength() > 0;
                read.add(new Read(reader.read(i), Integer.parseInt(control.getAttribute("delayTime")), loops));
            }
        } finally {
            reader.dispose();
        }
        return read;
    }

    @Test void greyFramesKeepEveryPixelAndTheirTime() throws IOException {
        List<Picture> frames = new ArrayList<>();
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 5; i++) {
            byte[] pixels = new byte[61 * 97];
            for (int k = 0; k < pixels.length; k++) pixels[k] = (byte) (i % 2 == 0 ? random.nextInt(256) : k / 300 + i);
            frames.add(new Picture(1, 61, 97, pixels));
        }
        List<Read> read = written(frames, 80);
        assertThat(read).hasSize(5);
        for (int i = 0; i < 5; i++) {
            Picture p = frames.get(i);
            byte[] red = new byte[p.pixels().length];
            System.arraycopy(PngTest.rgb(read.get(i).image), 0, red, 0, red.length);
            assertThat(red).isEqualTo(p.pixels());
            assertThat(read.get(i).hundredths).isEqualTo(i == 4 ? 150 : 8);
        }
        assertThat(read.get(0).loops).isTrue();
    }

    @Test void codesStayInStepWhereverTheStreamEnds() throws IOException {
        SplittableRandom random = new SplittableRandom(2);
        for (int n : new int[] {1, 2, 3, 253, 254, 255, 256, 257, 258, 765, 766, 767, 768, 769, 1790, 3837, 3838, 3839, 3840, 3841, 8000}) {
            byte[] pixels = new byte[n];
            for (int i = 0; i < n; i++) pixels[i] = (byte) random.nextInt(256);
            BufferedImage image = written(List.of(new Picture(1, 1, n, pixels)), 20).get(0).image;
            for (int i = 0; i < n; i++) assertThat(image.getRGB(i, 0) & 0xff).isEqualTo(pixels[i] & 0xff);
        }
    }

    @Test void fewColoursAreKeptExactly() throws IOException {
        byte[] pixels = new byte[3 * 16 * 16];
        for (int i = 0; i < 256; i++) {
            pixels[i] = (byte) i;
            pixels[256 + i] = (byte) (255 - i);
            pixels[512 + i] = (byte) (i * 7);
        }
        assertThat(PngTest.rgb(written(List.of(new Picture(3, 16, 16, pixels)), 50).get(0).image)).isEqualTo(pixels);
    }

    @Test void manyColoursComeNear() throws IOException {
        int n = 128;
        byte[] pixels = new byte[3 * n * n];
        for (int i = 0; i < n * n; i++) {
            int x = i % n;
            int y = i / n;
            pixels[i] = (byte) (2 * x);
            pixels[n * n + i] = (byte) (2 * y);
            pixels[2 * n * n + i] = (byte) (127 + 127 * Math.sin(x / 20.0 + y / 30.0));
        }
        byte[] back = PngTest.rgb(written(List.of(new Picture(3, n, n, pixels)), 50).get(0).image);
        double squares = 0;
        for (int i = 0; i < pixels.length; i++) squares += Math.pow((back[i] & 0xff) - (pixels[i] & 0xff), 2);
        assertThat(Math.sqrt(squares / pixels.length)).as("root mean square error in levels").isLessThan(9);
    }

    @Test void framesOfOtherShapesAndNonsenseAreRefused() {
        Picture a = PngTest.noise(1, 4, 4, 1);
        assertThatThrownBy(() -> Gif.encode(List.of(), 100)).hasMessageContaining("at least one frame");
        assertThatThrownBy(() -> Gif.encode(List.of(a, PngTest.noise(1, 4, 5, 1)), 100)).hasMessageContaining("1×4×4 and 1×4×5");
        assertThatThrownBy(() -> Gif.encode(List.of(a), 10)).hasMessage("illegal delay: 10 ms, must be 20 to 600000");
        assertThatThrownBy(() -> Gif.encode(List.of(PngTest.noise(1, 1, 70_000, 1)), 100)).hasMessageContaining("at most 65535");
    }
}
