package io.palitra.engine;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import java.util.Locale;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * The memory that a network may take while it is built: a size that no machine holds is refused before its memory is allocated, instead of
 * filling the machine. Counts what is made from nothing on one thread; what is loaded from files has their size.
 */
public final class Allowance {
    private static final ThreadLocal<@Nullable Allowance> OPEN = new ThreadLocal<>();

    private final long bytes;
    private final String smaller;
    private long taken;

    private Allowance(long bytes, String smaller) {
        this.bytes = bytes;
        this.smaller = smaller;
    }

    /**
     * Builds a network of which weights and gradients fit the machine's memory.
     *
     * @param smaller what the refusal advises: "make it smaller"
     * @throws IllegalArgumentException as soon as they do not
     */
    public static <T> T ofThisMachine(String smaller, Supplier<T> build) {
        return within(Pointer.totalPhysicalBytes() / 2, smaller, build);
    }

    /**
     * Refuses work that needs more memory than the machine has, before it begins.
     *
     * @param needed bytes, about
     * @param what the work, as the beginning of a sentence: "attention over 4096 places of 32 items"
     * @param smaller what the refusal advises
     * @throws IllegalArgumentException where it does
     */
    public static void refuseWork(double needed, String what, String smaller) {
        refuseWork(needed, Pointer.totalPhysicalBytes(), what, smaller);
    }

    static void refuseWork(double needed, double there, String what, String smaller) {
        if (there <= 0 || needed <= there) return;
        throw new ArgumentException(String.format(Locale.ROOT, "%s takes about %.0f GB, more than the %.1f GB of this machine; %s", what,
            needed / 1e9, there / 1e9, smaller));
    }

    static <T> T within(long bytes, String smaller, Supplier<T> build) {
        Allowance around = OPEN.get();
        if (around != null) return build.get();   // a part of another: counted there
        OPEN.set(new Allowance(bytes > 0 ? bytes : Long.MAX_VALUE, smaller));
        try {
            return build.get();
        } finally {
            OPEN.remove();
        }
    }

    /** Counts a tensor that is about to be made; refuses it beyond the limit. */
    static void take(int bytesOfOne, long... shape) {
        Allowance open = OPEN.get();
        if (open == null) return;
        double asked = open.taken + bytesOf(bytesOfOne, shape);
        if (asked > open.bytes) {
            throw new ArgumentException(String.format(Locale.ROOT, "a network of this size wants more than %.1f GB for its weights "
                + "alone (one of them is %s), and with their gradients more than the %.1f GB of this machine; %s", asked / 1e9,
                InWords.shape(shape), 2.0 * open.bytes / 1e9, open.smaller));
        }
        open.taken = (long) asked;
    }

    /** Refuses what {@link #take} would refuse, for tensors that are made later; counts nothing. */
    static void wouldFit(int bytesOfOne, long... shape) {
        Allowance open = OPEN.get();
        if (open == null) return;
        long before = open.taken;
        take(bytesOfOne, shape);
        open.taken = before;
    }

    private static double bytesOf(int bytesOfOne, long... shape) {
        double n = bytesOfOne;
        for (long s : shape) n *= s;
        return n;
    }
}
