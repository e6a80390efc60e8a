package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Models that stay open from one request to the next, so that the next begins at once; those that were not used for longest leave first.
 * {@code try (var here = models.here()) { request.run(watcher); }}. Requests of one thread at a time find their models here; any thread may
 * ask what is {@link #loaded}.
 */
public final class OpenModels implements AutoCloseable {
    private static final ThreadLocal<@Nullable OpenModels> HERE = new ThreadLocal<>();

    private final LongSupplier budget;
    private final Map<List<Object>, Kept> kept = new LinkedHashMap<>(16, 0.75f, true);

    /** @param budget bytes that the weights of all may take */
    public OpenModels(long budget) { this(() -> budget); }

    /** @param budget is asked when a model is opened */
    public OpenModels(LongSupplier budget) { this.budget = budget; }

    /** @param bytes of its weights */
    public record Loaded(String name, long bytes) {}

    /** Until it is closed, requests that run on this thread find their models here. */
    public interface Here extends AutoCloseable {
        @Override void close();
    }

    private static final class Kept {
        private final Loaded about;
        private final AutoCloseable model;
        private final List<Object> state;
        private int users;

        Kept(Loaded about, AutoCloseable model, List<Object> state) {
            this.about = about;
            this.model = model;
            this.state = state;
        }
    }

    /** Opens a model. */
    @FunctionalInterface interface Opening<M> { M open() throws IOException; }

    /** A model while it is used. */
    record Lease<M>(M model, AutoCloseable end) implements AutoCloseable {
        @Override public void close() { closed(end); }
    }

    /**
     * What a model is called and what it takes.
     *
     * @param key what it is opened by
     * @param state of its files: with another it is opened anew
     * @param bytes of its weights
     */
    record Wanted(String name, List<Object> key, List<Object> state, long bytes) {}

    /** The models of this thread are those of this object, until it is closed. */
    public Here here() {
        OpenModels before = HERE.get();
        HERE.set(this);
        return () -> {
            if (before == null) HERE.remove();
            else HERE.set(before);
        };
    }

    /** Whether requests of this thread keep their models. */
    static boolean keeps() { return HERE.get() != null; }

    /** A model of this thread's; where none are kept, one that is closed with the lease. */
    static <M extends AutoCloseable> Lease<M> lease(Wanted wanted, Opening<M> opening) throws IOException {
        OpenModels all = HERE.get();
        if (all != null) return all.kept(wanted, opening);
        M model = opening.open();
        return new Lease<>(model, model);
    }

    @SuppressWarnings("unchecked")   // a key stands for one kind of model
    private <M extends AutoCloseable> Lease<M> kept(Wanted wanted, Opening<M> opening) throws IOException {
        Kept there;
        synchronized (this) {
            there = kept.get(wanted.key);
            if (there != null && !there.state.equals(wanted.state) && there.users == 0) {
                kept.remove(wanted.key);
                closed(there.model);
                there = null;
            }
            if (there == null) makeRoom(wanted);
        }
        if (there == null) {
            there = new Kept(new Loaded(wanted.name, wanted.bytes), opening.open(), wanted.state);
            synchronized (this) {
                kept.put(wanted.key, there);
            }
        }
        Kept used = there;
        synchronized (this) {
            used.users++;
        }
        return new Lease<>((M) used.model, () -> {
            synchronized (this) {
                used.users--;
            }
        });
    }

    private void makeRoom(Wanted wanted) {
        long used = kept.values().stream().mapToLong(k -> k.about.bytes).sum(), most = budget.getAsLong();
        for (Iterator<Kept> i = kept.values().iterator(); i.hasNext() && used + wanted.bytes > most;) {
            Kept oldest = i.next();
            if (oldest.users > 0) continue;
            i.remove();
            used -= oldest.about.bytes;
            closed(oldest.model);
        }
        if (used + wanted.bytes > most) {
            throw new ArgumentException("'" + wanted.name + "' takes " + InWords.bytes(wanted.bytes) + " of memory, of "
                + InWords.bytes(most - used) + " that are left for models");
        }
    }

    private static void closed(AutoCloseable model) {
        try {
            model.close();
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** What is open, the one that leaves first before the others. */
    public synchronized List<Loaded> loaded() {
        List<Loaded> all = new ArrayList<>();
        kept.values().forEach(k -> all.add(k.about));
        return all;
    }

    /** Frees all that nobody uses. */
    @Override public synchronized void close() {
        kept.values().removeIf(k -> {
            if (k.users > 0) return false;
            closed(k.model);
            return true;
        });
    }
}
