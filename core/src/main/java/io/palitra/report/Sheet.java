package io.palitra.report;

import io.palitra.data.Picture;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Items laid out to be looked at together. */
public sealed interface Sheet {
    /** A picture: pictures side by side, a scatter of points. */
    record Drawn(Picture picture) implements Sheet {}

    /** Lines of text. */
    record Written(String text) implements Sheet {}

    /** Suffix of a file that holds it: ".png", ".txt". */
    default String suffix() { return this instanceof Drawn ? ".png" : ".txt"; }

    /** Media type of such a file: "image/png". */
    default String mediaType() { return this instanceof Drawn ? "image/png" : "text/plain"; }

    /** As a picture, where it is one. */
    default Optional<Picture> drawn() { return this instanceof Drawn d ? Optional.of(d.picture) : Optional.empty(); }

    /** The same, a picture that is narrower than a page shows well at twice its size. */
    default Sheet enlarged() {
        return this instanceof Drawn d && d.picture.width() < 400 ? new Drawn(Grid.enlarge(d.picture, 2)) : this;
    }

    /** The bytes of such a file. @param about text chunks of a PNG; a text has none */
    default byte[] bytes(Map<String, String> about) {
        return this instanceof Drawn d ? Png.encode(d.picture, about) : ((Written) this).text.getBytes(StandardCharsets.UTF_8);
    }

    /** Writes it, whole or not at all. */
    default void write(Path file, Map<String, String> about) {
        if (this instanceof Drawn d) Png.write(file, d.picture, about);
        else WholeFile.write(file, bytes(about));
    }
}
