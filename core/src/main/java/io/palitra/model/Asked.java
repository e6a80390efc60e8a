package io.palitra.model;

import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Condition;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** What all samples of a drawing are asked to be, beside how they are drawn. */
public record Asked(
        @Help(value = "class, -1 = one drawn for each sample", min = -1) int label,
        @Help("what to draw; * = a caption of the training data for each picture") String prompt) {
    /** The prompt that stands for captions of the training data. */
    public static final String ANY_TEXT = "*";
    /** Nothing in particular. */
    public static final Asked ANY = new Asked(-1, ANY_TEXT);

    public Asked {
        if (prompt.isBlank()) {
            throw new ConfigException("prompt", "which text? prompt=TEXT says what to draw; prompt=* draws captions of the training data");
        }
    }

    /** A class by its number. */
    public static Asked ofLabel(int label) { return new Asked(label, ANY_TEXT); }

    /** A picture of what a text says. */
    public static Asked ofText(String text) { return new Asked(-1, text); }

    /** The text that is asked for; empty for any. */
    public Optional<String> text() { return prompt.equals(ANY_TEXT) ? Optional.empty() : Optional.of(prompt); }

    /** The same for each of count items. */
    public Condition condition(int count) {
        Condition given = label < 0 ? Condition.NONE : Condition.ofLabel(label, count);
        return text().map(t -> new Condition(given.labels(), Collections.nCopies(count, t), given.beside())).orElse(given);
    }

    /** The key of a kind in {@link Help the texts} of this record; empty for what no text can say. */
    public static Optional<String> key(Condition.Kind kind) {
        return switch (kind) {
            case LABEL -> Optional.of("label");
            case TEXT -> Optional.of("prompt");
            case PREFIX, KNOWN -> Optional.empty();
        };
    }

    /** Every key. */
    public static List<String> keys() { return List.of("label", "prompt"); }
}
