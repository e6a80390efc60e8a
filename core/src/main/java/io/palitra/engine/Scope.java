package io.palitra.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.jspecify.annotations.Nullable;

/**
 * Frees every tensor made while it is open on this thread, save those handed to {@link #keep}. Nothing is freed by the garbage
 * collector, so every computation runs inside a scope.
 */
public final class Scope implements AutoCloseable {
    static { Natives.load(); }

    /**
     * Called after every turn of every {@link #fold}, and of loops that call {@link #turn}, on this thread: for progress, previews and, by
     * throwing, cancellation. x is that turn's result.
     */
    @FunctionalInterface public interface Watcher {
        void turn(int i, int n, Tensor x);

        /** Between two parts of work that does not turn by itself, such as batches that are drawn in one. */
        default void part() {}
    }

    /** One turn of {@link #fold}. */
    @FunctionalInterface public interface Step { Tensor next(Tensor x, int i); }

    private static final ThreadLocal<@Nullable Watcher> WATCHER = new ThreadLocal<>();
    private static final ThreadLocal<@Nullable List<Tensor>> RETAINED = new ThreadLocal<>();

    private final @Nullable PointerScope parent = PointerScope.getInnerScope();
    private final PointerScope own = new PointerScope();

    /** Moves a tensor to the enclosing scope; with none it lives until {@link Tensor#free}. */
    public Tensor keep(Tensor t) {
        if (parent != null) parent.attach(t.handle());
        else t.handle().retainReference();
        return t;
    }

    @Override public void close() { own.close(); }

    /** The result of {@code make}, its intermediate tensors freed (autograd keeps what backward needs). */
    public static Tensor run(Supplier<Tensor> make) {
        try (Scope scope = new Scope()) { return scope.keep(make.get()); }
    }

    /** Applies {@code step} n times. A turn's tensors die at its end, and the previous x with them: memory does not grow with n. */
    public static Tensor fold(Tensor start, int n, Step step) {
        Tensor x = start;
        Watcher watcher = WATCHER.get();
        for (int i = 0; i < n; i++) {
            Tensor previous = x;
            try (Scope turn = new Scope()) {
                x = turn.keep(step.next(previous, i));
                if (watcher != null) watcher.turn(i, n, x);
            }
            if (previous != start && previous != x) previous.free();
        }
        return x;
    }

    /** Reports turn {@code i} of {@code n} of a loop that is no fold to the watcher of this thread. */
    public static void turn(int i, int n, Tensor x) {
        Watcher watcher = WATCHER.get();
        if (watcher != null) watcher.turn(i, n, x);
    }

    /** Reports to the watcher of this thread that a part of the work is done. */
    public static void part() {
        Watcher watcher = WATCHER.get();
        if (watcher != null) watcher.part();
    }

    /** What {@code make} gives; where it throws, the tensors that it retained are freed, so that half a model leaves no memory behind. */
    public static <T> T orFree(Supplier<T> make) {
        List<Tensor> around = RETAINED.get(), own = new ArrayList<>();
        RETAINED.set(own);
        boolean made = false;
        try {
            T result = make.get();
            made = true;
            if (around != null) around.addAll(own);
            return result;
        } finally {
            if (!made) own.forEach(Tensor::free);
            if (around == null) RETAINED.remove();
            else RETAINED.set(around);
        }
    }

    static void retained(Tensor t) {
        List<Tensor> open = RETAINED.get();
        if (open != null) open.add(t);
    }

    /** The folds of this thread call {@code watcher} until the guard closes. */
    public static Guard watch(Watcher watcher) {
        Watcher before = WATCHER.get();
        WATCHER.set(watcher);
        return () -> WATCHER.set(before);
    }

    /** Gives memory of freed tensors back to the system: before a few large pictures take the place of many small ones. */
    public static void trim() { Pointer.trimMemory(); }

    /**
     * Native objects alive in this process: constant from step to step when nothing leaks. Counted only in a JVM started with
     * {@code -Dorg.bytedeco.javacpp.nopointergc=false}; otherwise 0.
     */
    public static long livePointers() { return Pointer.totalCount(); }
}
