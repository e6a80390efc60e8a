package io.palitra.report;

import io.palitra.data.Picture;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/** Writes films in a form that needs more than this library; the module palitra-video adds MP4 when it is on the class path. */
public interface FilmWriter {
    /** Suffix of its files, such as ".mp4". */
    String extension();

    /**
     * Writes the file whole or not at all.
     *
     * @param frames all of one shape, RGB or grey; asked for one after the other, so that they need not all be in memory
     * @param fps    frames a second
     * @throws java.io.UncheckedIOException where the disk refuses
     */
    void write(Path file, List<Picture> frames, double fps);

    /** The one for files of that extension, where there is one. */
    static Optional<FilmWriter> find(String extension) {
        return ServiceLoader.load(FilmWriter.class).stream().map(ServiceLoader.Provider::get).filter(w -> w.extension().equals(extension))
            .findFirst();
    }
}
