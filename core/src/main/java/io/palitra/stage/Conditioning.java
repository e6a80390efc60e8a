package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.EnumSet;
import java.util.Set;

/**
 * What a model's items are drawn from beside noise: nothing, or classes, some of which are hidden in training, so that samples can be guided
 * by them (Ho and Salimans 2022, arXiv:2207.12598, algorithm 1).
 */
public final class Conditioning {
    /** Its kinds. */
    public enum By { NONE, LABEL }

    private final String who;
    private final By by;
    private final double drop;
    private final int classes;

    /**
     * @param family is named in refusals
     * @param drop share of training items whose condition is hidden
     * @throws IllegalArgumentException for data that has no such condition
     */
    public Conditioning(String family, By by, double drop, DataSpec data) {
        this.by = by;
        this.drop = drop;
        who = family + " with condition=label";
        classes = by == By.LABEL ? data.classes() : 0;
        if (by == By.LABEL && classes == 0) throw new ArgumentException(who + " wants labelled data, got " + data);
    }

    public By by() { return by; }

    /** Classes that items are asked of; 0 where they are asked of none. */
    public int classes() { return classes; }

    /** What samples can be given. */
    public Set<Condition.Kind> takes() {
        return by == By.LABEL ? EnumSet.of(Condition.Kind.LABEL) : EnumSet.noneOf(Condition.Kind.class);
    }

    /** Whether the network has learned items whose condition it does not know: it can then be guided, and draw without. */
    public boolean knowsNone() { return by != By.NONE && drop > 0; }

    /** Of training items, some of them hidden. @throws IllegalArgumentException for items without a class */
    public Given learned(Condition given, Rng rng) { return by == By.NONE ? Given.NOTHING : new Given(hidden(given.labels(who), rng)); }

    /** Labels I64 [B], a share of them made the class of none. */
    public Tensor hidden(Tensor labels, Rng rng) {
        Tensor hide = rng.uniform(labels.size(0)).to(labels.device()).lt(drop);
        return labels.maskedFill(hide, classes);
    }

    /** What is asked of samples, with classes drawn where none are asked for. */
    public Condition asked(Condition given, int count, Rng rng) {
        boolean draws = by == By.LABEL && given.labels() == null;
        return draws ? Condition.ofLabels(rng.integers(classes, count)) : given;
    }

    /** Of items that are all asked for. @throws IllegalArgumentException for items without a class, and for classes that are not learned */
    public Given of(Condition given, Device device) {
        if (by == By.NONE && given.labels() != null) {
            throw new ArgumentException("this model was trained without classes, and is given some");
        }
        return by == By.NONE ? Given.NOTHING : new Given(given.labels(who).to(device));
    }

    /** As many whose condition is not known as are given. @throws IllegalArgumentException where such were never learned */
    public Given none(Given like) {
        Tensor labels = like.labels();
        return labels == null ? Given.NOTHING : none(labels.size(0), labels.device());
    }

    /** Of count items whose condition is not known. @throws IllegalArgumentException where such were never learned */
    public Given none(long count, Device device) {
        if (by == By.NONE) return Given.NOTHING;
        if (!knowsNone()) throw new ArgumentException(who + " and dropCondition=0 wants labels, got none");
        return new Given(Torch.full(classes, count).to(DType.I64).to(device));
    }

    /** @throws IllegalArgumentException for guidance of a model that cannot be guided */
    public void checkGuidance(double guidance) {
        if (guidance == 1 || knowsNone()) return;
        throw new ArgumentException("illegal guidance: " + guidance + ", must be 1 for a model trained without a condition that is hidden at"
            + " times (condition=label and dropCondition above 0)");
    }
}
