package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.data.DataLoader;
import io.palitra.data.DataSpec;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** The file of a picture that a request names. */
final class PictureBytes {
    private PictureBytes() {}

    /** @throws FormatException for what is no file or no picture, @throws IOException with its name */
    static Picture read(Path file, Consumer<String> note) throws IOException {
        return Pictures.read(of(file), file.toString(), Limits.DEFAULT, note);
    }

    /**
     * The same as a run of pictures [C,H,W] sees it: in its channels, and where it has another size, resized to cover that and cut around
     * its middle, which is noted.
     */
    static Picture fitted(String file, DataSpec spec, Consumer<String> note) throws IOException {
        Path path = Path.of(file);
        if (!Files.exists(path)) throw new ArgumentException("no such file: " + file);
        Picture read = read(path, note), own = Pictures.channels(read, (int) spec.shape()[0]);
        int height = (int) spec.shape()[1], width = (int) spec.shape()[2];
        if ((long) own.width() * height != (long) width * own.height()) {
            note.accept("'" + file + "' has " + own.width() + "x" + own.height() + " pixels: it is resized to cover " + width + "x" + height
                + " and cut around its middle");
        }
        return Pictures.fit(own, height, width);
    }

    /** White where a file is both opaque and light; 1 channel, in its own size. */
    static Picture mask(Path file, Consumer<String> note) throws IOException {
        return Pictures.mask(of(file), file.toString(), Limits.DEFAULT, note);
    }

    /** [1,C,H,W] in [-1,1]. */
    static Tensor tensor(Picture p) {
        return DataLoader.fromBytes(Torch.of(p.pixels(), 1, p.channels(), p.height(), p.width()));
    }

    private static byte[] of(Path file) throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new FormatException(file.toString(), -1, Files.isDirectory(file) ? "is a folder, not a picture"
                : "is not a regular file");
        }
        // one byte more than is read shows a file that is too long, however long it is
        try (InputStream in = Files.newInputStream(file)) { return in.readNBytes(Limits.DEFAULT.pictureBytes() + 1); }
    }
}
