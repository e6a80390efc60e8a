package io.palitra.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** Files of films: .gif, and what a {@link FilmReader} adds. */
public final class FilmFile {
    /** What only a {@link FilmReader} reads, and where it is. */
    static final String MP4 = ".mp4", WANTS = "films in .mp4 are read by the module palitra-video, which is not on the class path; a build "
        + "with -Pvideo has it";
    private static final String GIF = ".gif";

    private FilmFile() {}

    /** Whether a file may hold a film, by its name. */
    static boolean named(String name) {
        return name.toLowerCase(Locale.ROOT).endsWith(GIF) || FilmReader.find(name).isPresent();
    }

    /** Whether a file that is so named has several frames; false of a damaged .gif, of which its reader tells. */
    static boolean moves(String name, byte[] bytes) { return !name.toLowerCase(Locale.ROOT).endsWith(GIF) || GifFrames.several(bytes); }

    /**
     * The frames of a film, or the one of a picture.
     *
     * @param name of the file, for messages
     * @throws FormatException for what is neither
     */
    static List<Picture> read(byte[] bytes, String name, Limits limits, Consumer<String> note) {
        if (name.toLowerCase(Locale.ROOT).endsWith(GIF)) return GifFrames.read(bytes, name, limits);
        return FilmReader.find(name).map(r -> r.read(bytes, name, limits)).orElseGet(() -> {
            if (name.toLowerCase(Locale.ROOT).endsWith(MP4)) throw new FormatException(name, -1, WANTS);
            return List.of(Pictures.read(bytes, name, limits, note));
        });
    }

    /** The same of a file. @throws IOException where it cannot be read */
    public static List<Picture> read(Path file, Consumer<String> note) throws IOException {
        if (!Files.isRegularFile(file)) throw new FormatException(file.toString(), -1, "no such file");
        // one byte more than is read shows a file that is too long, however long it is
        try (InputStream in = Files.newInputStream(file)) {
            return read(in.readNBytes(Limits.DEFAULT.pictureBytes() + 1), file.toString(), Limits.DEFAULT, note);
        }
    }
}
