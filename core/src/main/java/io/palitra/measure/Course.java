package io.palitra.measure;

import io.palitra.data.Batch;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.model.Watcher;
import java.util.Iterator;

/**
 * How far a long measurement is, in thousandths, for a {@link Watcher} that may also end it. Counts the turns of samplers and of other long
 * loops too, as a {@link Scope.Watcher}: a batch may take minutes.
 */
public final class Course implements Scope.Watcher {
    private static final long PARTS = 1000;

    private final Watcher watcher;
    private String what = "";
    private double from, width, most;

    public Course(Watcher watcher) { this.watcher = watcher; }

    /** Items {@code first} to {@code first + count - 1} of {@code of} begin. */
    public void at(String name, long first, long count, long of) {
        if (!name.equals(what)) most = 0;
        what = name;
        from = first / (double) Math.max(1, of);
        width = count / (double) Math.max(1, of);
        tick(from);
    }

    /** Within these items; several loops may follow each other, and the share never falls. */
    @Override public void turn(int i, int n, Tensor x) { tick(from + width * (i + 1) / n); }

    @Override public void part() { watcher.checkStop(); }

    private void tick(double share) {
        most = Math.max(most, Math.min(1, share));
        watcher.tick(what, (long) (most * PARTS), PARTS);
        watcher.checkStop();
    }

    /** The same batches, counted as they are taken. @param of items in all of them */
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
