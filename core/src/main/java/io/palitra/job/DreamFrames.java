package io.palitra.job;

import io.palitra.data.Picture;
import io.palitra.edit.DreamResult;
import io.palitra.report.Film;
import io.palitra.report.Png;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** The pictures of a film, one file each: there may be more of them than memory holds. */
final class DreamFrames extends AbstractList<Picture> {
    private final Path folder;
    private final Film film;
    private final List<Path> files = new ArrayList<>();
    private long shown = -1;

    /** @param folder where their folder goes */
    DreamFrames(Path folder, Film film) {
        this.folder = folder.resolve("frames");
        this.film = film;
    }

    /** Makes the folder, and deletes the frames of another film. */
    void begin() {
        try {
            Files.createDirectories(folder);
            try (Stream<Path> old = Files.list(folder)) {
                for (Path f : old.filter(f -> f.getFileName().toString().matches("\\d{6,}\\.png")).toList()) Files.delete(f);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write to " + folder + ": " + e.getMessage(), e);
        }
    }

    /** Writes the picture of an iteration, where the film has one of it. */
    void seen(long done, Supplier<Optional<Picture>> picture) {
        if (film.every() == 0 || done % film.every() != 0 || done == shown) return;
        shown = done;
        write(picture.get().orElseThrow());
    }

    /** Writes the picture itself, with which the film ends. */
    void last(DreamResult result) {
        if (film.every() == 0 || shown == result.iterations()) return;
        shown = -1;
        write(result.picture());
    }

    private void write(Picture picture) {
        Path file = folder.resolve(String.format(Locale.ROOT, "%06d.png", files.size()));
        Png.write(file, picture, Map.of());
        files.add(file);
    }

    @Override public Picture get(int i) {
        Path file = files.get(i);
        try {
            return PictureBytes.read(file, note -> { });
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    @Override public int size() { return files.size(); }
}
