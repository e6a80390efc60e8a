package io.palitra.job;

import io.palitra.data.DataSpec;
import io.palitra.data.Picture;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.model.Watcher;
import io.palitra.report.Display;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Shows the steps of samplers on this thread to a watcher, with a picture where the items are all there, and ends them where it wants that:
 * after each step, and between two batches of a drawing that has several.
 */
class Steps implements Scope.Watcher {
    private final Watcher watcher;
    private final int dims;
    private final Function<Tensor, Optional<Picture>> shown;

    /** @param shown of what there is so far of all items, [count, ...data shape] */
    Steps(Watcher watcher, DataSpec spec, Function<Tensor, Optional<Picture>> shown) {
        this.watcher = watcher;
        this.shown = shown;
        dims = 1 + spec.shape().length;
    }

    /** Until the guard closes. */
    static Guard of(Watcher watcher, DataSpec spec) { return Scope.watch(new Steps(watcher, spec, t -> shown(spec, t))); }

    /** Items side by side. */
    static Optional<Picture> shown(DataSpec spec, Tensor t) {
        return Display.of(spec).sheet(spec, t, (int) Math.ceil(Math.sqrt(t.size(0))), "").drawn();
    }

    /** Whether t is items, and not codes of them. */
    boolean items(Tensor t) { return t.dims() == dims; }

    @Override public void turn(int i, int n, Tensor t) {
        watcher.tick("step", i + 1, n, Map.of(), () -> items(t) ? shown.apply(t) : Optional.empty());
        watcher.checkStop();
    }

    @Override public void part() { watcher.checkStop(); }
}
