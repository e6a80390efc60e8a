package io.palitra.job;

import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
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

    private static byte[] of(Path file) throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new FormatException(file.toString(), -1, Files.isDirectory(file) ? "is a folder, not a picture"
                : "is not a regular file");
        }
        // one byte more than is read shows a file that is too long, however long it is
        try (InputStream in = Files.newInputStream(file)) { return in.readNBytes(Limits.DEFAULT.pictureBytes() + 1); }
    }
}
