package io.palitra.measure;

import io.palitra.data.Batch;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.Iterator;

/**
 * How far a long measurement is, for a listener that may also end it. Sees the turns of samplers and of other long loops too, as a
 * {@link Scope.Watcher}: a batch may take minutes.
 */
public final class Course implements Scope.Watcher {
    /** Is given what is being measured and the share of it that is done, 0 to 1; what it throws ends the measuring. */
    @FunctionalInterface public interface Listener { void part(String what, double share); }

    private final Listener listener;
    private String what = "";
    private double from, width, told;

    public Course(Listener listener) { this.listener = listener; }

    /** Items {@code first} to {@code first + count - 1} of {@code of} begin. */
    public void at(String name, long first, long count, long of) {
        if (!name.equals(what)) told = 0;
        what = name;
        from = first / (double) Math.max(1, of);
        width = count / (double) Math.max(1, of);
        tell(from);
    }

    /** Within these items; several loops may follow each other, and the share never falls. */
    @Override public void turn(int i, int n, Tensor x) { tell(from + width * (i + 1) / n); }

    private void tell(double share) {
        told = Math.max(told, Math.min(1, share));
        listener.part(what, told);
    }

    /** The same batches, told as they are asked for. @param of items in all of them */
    public Iterable<Batch> through(String name, Iterable<Batch> batches, long of) {
        return () -> new Iterator<>() {
            private final Iterator<Batch> all = batches.iterator();
            private long done;

            @Override public boolean hasNext() { return all.hasNext(); }

            @Override public Batch next() {
                at(name, done, 0, of);   // who ends it here leaves no batch open
                Batch batch = all.next();
                width = batch.size() / (double) Math.max(1, of);
                done += batch.size();
                return batch;
            }
        };
    }
}
