package io.palitra.report;

import io.palitra.data.Picture;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Items laid out to be looked at together. */
public sealed interface Sheet permits Sheet.Drawn, Sheet.Written, Sheet.Of {
    /** Media type of what can be heard. */
    String SOUND = "audio/wav";

    /** A picture: pictures side by side, a scatter of points. */
    record Drawn(Picture picture) implements Sheet {}

    /** Lines of text. */
    record Written(String text) implements Sheet {}

    /**
     * A file of another kind: a sound, notes.
     *
     * @param content all of the file
     * @param type its media type
     * @param ending of its name, such as ".mid"
     */
    record Of(byte[] content, String type, String ending) implements Sheet {}

    /** Suffix of a file that holds it: ".png", ".txt", ".wav". */
    default String suffix() { return this instanceof Of o ? o.ending : this instanceof Drawn ? ".png" : ".txt"; }

    /** Media type of such a file: "image/png". */
    default String mediaType() { return this instanceof Of o ? o.type : this instanceof Drawn ? "image/png" : "text/plain"; }

    /** As a picture, where it is one. */
    default Optional<Picture> drawn() { return this instanceof Drawn d ? Optional.of(d.picture) : Optional.empty(); }

    /**
     * The same, so many times as wide; of 0 a picture that is narrower than 400 pixels as often as makes it wider. A text stays as it is.
     */
    default Sheet enlarged(int times) {
        if (!(this instanceof Drawn d)) return this;
        int factor = times > 0 ? times : Math.max(1, (int) Math.ceil(400.0 / d.picture.width()));
        return factor == 1 ? this : new Drawn(Grid.enlarge(d.picture, factor));
    }

    /** The same, so that a person sees it: {@link #enlarged(int)} of 0. */
    default Sheet enlarged() { return enlarged(0); }

    /** The bytes of such a file. @param about text chunks of a PNG; a text has none */
    default byte[] bytes(Map<String, String> about) {
        if (this instanceof Of o) return o.content.clone();
        return this instanceof Drawn d ? Png.encode(d.picture, about) : ((Written) this).text.getBytes(StandardCharsets.UTF_8);
    }

    /** Writes it, whole or not at all. */
    default void write(Path file, Map<String, String> about) {
        if (this instanceof Drawn d) Png.write(file, d.picture, about);
        else WholeFile.write(file, bytes(about));
    }
}
