package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What B items are given: a training batch has it of its data, samples are drawn for it.
 *
 * @param labels classes I64 [B]; in training -1 for an item of no class; null where none are given
 * @param texts a text for each item; empty where none are given
 * @param beside tensors [B,...] by what they are, such as {@link #PREFIX}
 */
public record Condition(@Nullable Tensor labels, List<String> texts, Map<String, Tensor> beside) {
    /** What a model can be given when it draws. */
    public enum Kind {
        /** A class. */
        LABEL,
        /** A text. */
        TEXT,
        /** The first part of an item, which is kept: the upper rows of a picture. */
        PREFIX,
        /** Any parts of an item, which are kept: all of a text but its holes. */
        KNOWN
    }

    /** Nothing is given: a model that draws by classes or texts takes ones of its own for each item. */
    public static final Condition NONE = new Condition(null, List.of(), Map.of());
    /** The key of the first part of items: of pictures [B,C,rows,W], in the range of training batches. */
    public static final String PREFIX = "prefix";
    /** The key of what is known of items: I64 [B, ...data shape], -1 where it is to be drawn. */
    public static final String KNOWN = "known";

    public Condition {
        texts = List.copyOf(texts);
        beside = Collections.unmodifiableMap(new LinkedHashMap<>(beside));
    }

    /** Of classes, I64 [B]; of none where it is null. */
    public static Condition ofLabels(@Nullable Tensor labels) { return new Condition(labels, List.of(), Map.of()); }

    /** One class for all. */
    public static Condition ofLabel(int label, int count) {
        long[] labels = new long[count];
        Arrays.fill(labels, label);
        return ofLabels(Torch.of(labels, count));
    }

    /** Of a text for each item. */
    public static Condition ofTexts(List<String> texts) { return new Condition(null, texts, Map.of()); }

    /** The same, and the first part of each item. */
    public Condition withPrefix(Tensor prefix) {
        Map<String, Tensor> all = new LinkedHashMap<>(beside);
        all.put(PREFIX, prefix);
        return new Condition(labels, texts, all);
    }

    /** The same, and what is known of each item. */
    public Condition withKnown(Tensor known) {
        Map<String, Tensor> all = new LinkedHashMap<>(beside);
        all.put(KNOWN, known);
        return new Condition(labels, texts, all);
    }

    /** What is known of the items, -1 elsewhere; null where nothing is given. */
    public @Nullable Tensor known() { return beside.get(KNOWN); }

    /** The first part of the items; null where none is given. */
    public @Nullable Tensor prefix() { return beside.get(PREFIX); }

    /**
     * What the items of several are given, behind each other.
     *
     * @throws IllegalArgumentException where one is given what another is not
     */
    public static Condition joined(List<Condition> parts) {
        Condition first = parts.get(0);
        for (Condition c : parts) {
            if ((c.labels == null) == (first.labels == null) && c.texts.isEmpty() == first.texts.isEmpty()
                && c.beside.keySet().equals(first.beside.keySet())) continue;
            throw new ArgumentException("items that are given different things cannot be joined");
        }
        Map<String, Tensor> beside = new LinkedHashMap<>();
        for (String name : first.beside.keySet()) {
            beside.put(name, Torch.cat(0, parts.stream().map(c -> Objects.requireNonNull(c.beside.get(name))).toList()));
        }
        return new Condition(first.labels == null ? null : Torch.cat(0, parts.stream().map(c -> Objects.requireNonNull(c.labels)).toList()),
            parts.stream().flatMap(c -> c.texts.stream()).toList(), beside);
    }

    /** What the n items from {@code from} on are given. */
    public Condition rows(long from, long n) {
        Map<String, Tensor> rows = new LinkedHashMap<>();
        beside.forEach((name, t) -> rows.put(name, t.rows(from, n)));
        return new Condition(labels == null ? null : labels.rows(from, n), texts.isEmpty() ? texts : texts.subList((int) from,
            (int) (from + n)), rows);
    }

    /**
     * The classes I64 [B] of a model that cannot do without; waits for the device.
     *
     * @param who is named in the refusal
     * @throws IllegalArgumentException for items without classes, and for an item of no class
     */
    public Tensor labels(String who) {
        if (labels == null) throw new ArgumentException(who + " wants labelled data, got items without classes");
        long without = (long) labels.lt(0).sum().item();
        if (without > 0) throw new ArgumentException(who + " wants a class for each item, got " + without + " of no class in a batch");
        return labels;
    }

    /**
     * The texts of a model that cannot do without.
     *
     * @param who is named in the refusal
     * @throws IllegalArgumentException for items without texts
     */
    public List<String> texts(String who) {
        if (texts.isEmpty()) throw new ArgumentException(who + " wants pictures with captions, got items without");
        return texts;
    }
}
