package io.palitra.data;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.ServiceLoader;

/** Reads films in a form that needs more than this library; the module palitra-video adds MP4 when it is on the class path. */
public interface FilmReader {
    /** Suffix of its files, such as ".mp4". */
    String extension();

    /**
     * The frames, in colour.
     *
     * @param name of the file, for messages
     * @throws FormatException when the file is no such film or damaged, or a limit is passed
     */
    List<Picture> read(byte[] bytes, String name, Limits limits);

    /** The one for a file of that name, where there is one. */
    static Optional<FilmReader> find(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return ServiceLoader.load(FilmReader.class).stream().map(ServiceLoader.Provider::get).filter(r -> lower.endsWith(r.extension()))
            .findFirst();
    }
}
