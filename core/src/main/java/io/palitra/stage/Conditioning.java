package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.nn.Module;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a model's items are drawn from beside noise: nothing, classes or texts, some of which are hidden in training, so that samples can be
 * guided by them (Ho and Salimans 2022, arXiv:2207.12598, algorithm 1). A hidden text is the empty one.
 */
public final class Conditioning {
    /** Its kinds. */
    public enum By { NONE, LABEL, TEXT }

    private static final TextReader USUAL = new TextReader.Own();

    private final String who;
    private final By by;
    private final double drop;
    private final int classes;
    private final TextReader.@Nullable Built reader;
    private final @Nullable ShownTexts shown;
    private final @Nullable Module module;

    /** What a checkpoint holds of it. */
    private static final class Weights extends Module {
        Weights(ShownTexts shown, @Nullable Module reader) {
            child("shown", shown);
            if (reader != null) child("reader", reader);
        }
    }

    /**
     * @param family is named in refusals
     * @param drop share of training items whose condition is hidden
     * @param text what reads texts
     * @throws IllegalArgumentException for data that has no such condition
     */
    public Conditioning(String family, By by, double drop, TextReader text, Build with) {
        this.by = by;
        this.drop = drop;
        DataSpec data = with.data();
        who = family + " with condition=" + by.name().toLowerCase(java.util.Locale.ROOT);
        classes = by == By.LABEL ? data.classes() : 0;
        if (by == By.LABEL && classes == 0) throw new ArgumentException(who + " wants labelled data, got " + data);
        if (by != By.TEXT && !text.equals(USUAL)) {
            throw new ConfigException("text", "text says what reads captions, and is for condition=text alone");
        }
        reader = by == By.TEXT ? text.build(with) : null;
        shown = by == By.TEXT ? new ShownTexts() : null;
        module = shown == null || reader == null ? null : new Weights(shown, reader.module());
    }

    public By by() { return by; }

    /** Classes that items are asked of; 0 where they are asked of none. */
    public int classes() { return classes; }

    /** Numbers in the vector of a text's token; 0 where none is given. */
    public int textWidth() { return reader == null ? 0 : reader.width(); }

    /** What a checkpoint holds of it; null for nothing. */
    public @Nullable Module module() { return module; }

    /** Takes vocabulary and examples from the captions. */
    public void learn(Dataset data) {
        if (reader == null || shown == null) return;
        reader.learn(data.everyCaption());
        shown.learn(data.everyCaption());
    }

    /** Files for others in a run's folder. */
    public List<Path> publish(Path folder) { return reader == null ? List.of() : reader.publish(folder); }

    /** What samples can be given. */
    public Set<Condition.Kind> takes() {
        return switch (by) {
            case NONE -> EnumSet.noneOf(Condition.Kind.class);
            case LABEL -> EnumSet.of(Condition.Kind.LABEL);
            case TEXT -> EnumSet.of(Condition.Kind.TEXT);
        };
    }

    /** @throws ConfigException for a text that is longer than what is read of it */
    public void check(String text) {
        if (reader != null) reader.check(text);
    }

    /** What of a text will not be understood, a line each. */
    public List<String> notes(String text) { return reader == null ? List.of() : reader.notes(text); }

    /** Whether the network has learned items whose condition it does not know: it can then be guided, and draw without. */
    public boolean knowsNone() { return by != By.NONE && drop > 0; }

    /** Of training items, some of them hidden. @throws IllegalArgumentException for items without a class or a caption */
    public Given learned(Condition given, Device device, Rng rng) {
        return switch (by) {
            case NONE -> Given.NOTHING;
            case LABEL -> Given.classes(hidden(given.labels(who), rng));
            case TEXT -> {
                List<String> texts = new ArrayList<>(given.texts(who));
                float[] u = rng.uniform(texts.size()).floats();   // waits for the device
                for (int i = 0; i < u.length; i++) if (u[i] < drop) texts.set(i, "");
                yield Given.texts(reader().read(texts, device, rng));
            }
        };
    }

    /** Labels I64 [B], a share of them made the class of none. */
    public Tensor hidden(Tensor labels, Rng rng) {
        Tensor hide = rng.uniform(labels.size(0)).to(labels.device()).lt(drop);
        return labels.maskedFill(hide, classes);
    }

    /** What is asked of samples, with classes or captions drawn where none are asked for. */
    public Condition asked(Condition given, int count, Rng rng) {
        if (by == By.LABEL && given.labels() == null) {
            return new Condition(rng.integers(classes, count), given.texts(), given.beside());
        }
        boolean draws = shown != null && given.texts().isEmpty();
        return draws ? new Condition(given.labels(), Objects.requireNonNull(shown).any(count, rng), given.beside()) : given;
    }

    /** Of items that are all asked for. @throws IllegalArgumentException for items without what it is given */
    public Given of(Condition given, Device device) {
        return switch (by) {
            case NONE -> Given.NOTHING;
            case LABEL -> Given.classes(given.labels(who).to(device));
            case TEXT -> Given.texts(reader().read(given.texts(who), device));
        };
    }

    /** Of count items whose condition is not known. @throws IllegalArgumentException where such were never learned */
    public Given none(long count, Device device) { return instead("", count, device); }

    /**
     * What samples are guided away from: a text, or where it is empty, no condition.
     *
     * @throws IllegalArgumentException where such were never learned, and for a text of a model that reads none
     */
    public Given instead(String text, long count, Device device) {
        if (!text.isEmpty() && by != By.TEXT) throw new ConfigException("negative",
            "this model is given no text: it was trained without captions");
        if (by == By.NONE) return Given.NOTHING;
        if (text.isEmpty() && !knowsNone()) {
            throw new ArgumentException(who + " and dropCondition=0 wants " + (by == By.LABEL ? "labels" : "texts") + ", got none");
        }
        if (by == By.LABEL) return Given.classes(Torch.full(classes, count).to(DType.I64).to(device));
        return Given.texts(reader().read(Collections.nCopies(Math.toIntExact(count), text), device));
    }

    private TextReader.Built reader() { return Objects.requireNonNull(reader); }

    /** @throws IllegalArgumentException for guidance of a model that cannot be guided */
    public void checkGuidance(double guidance) {
        if (guidance == 1 || knowsNone()) return;
        throw new ArgumentException("illegal guidance: " + guidance
            + ", must be 1 for a model trained without a condition that is hidden at"
            + " times (condition=label or text, and dropCondition above 0)");
    }
}
