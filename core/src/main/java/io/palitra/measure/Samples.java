package io.palitra.measure;

import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.engine.Device;
import io.palitra.engine.Resident;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.metric.Judge;
import io.palitra.model.Drawing;
import io.palitra.model.Measure;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** Samples by their place, a class a batch in turn where the model draws by classes; counts what they cost. */
final class Samples implements Judge.Source {
    private final Subject subject;
    private final Drawing<?> drawing;
    private final int of;
    private final int classes;
    /** The class of all, or -1. */
    private final int always;
    private final boolean asks;
    private final Rng rng;
    private double seconds;
    private long timed;
    private OptionalLong peak = OptionalLong.empty();
    private boolean warm;

    /** @param of how many will be drawn @param asks whether a class may be asked for: those of the model are those of the data */
    Samples(Subject subject, int of, boolean asks) {
        this.subject = subject;
        this.of = of;
        drawing = subject.drawing();
        classes = drawing.model().classes();
        always = drawing.asked().label();
        rng = subject.rng();
        this.asks = asks && classes > 0;
    }

    @Override public Batch draw(int first, int count) {
        subject.course().at("samples", first, count, of);
        if (!warm) Resident.watch();
        long start = System.nanoTime();
        Batch batch = batch(first, count);
        batch.x().reshape(-1).rows(0, 1).item();   // waits for the device
        if (warm) {
            seconds += (System.nanoTime() - start) / 1e9;
            timed += count;
        } else {
            peak = Resident.peak();
        }
        warm = true;
        return batch;
    }

    private Batch batch(int first, int count) {
        if (!asks) return new Batch(drawing.sample(count, rng.at(first)));
        int label = always >= 0 ? always : first / Subject.DRAWN % classes;
        return new Batch(drawing.ofLabel(label).sample(count, rng.at(first)), Condition.ofLabel(label, count));
    }

    /** The first n. */
    Tensor first(int n) {
        List<Tensor> parts = new ArrayList<>();
        for (int at = 0; at < n; at += Subject.DRAWN) parts.add(draw(at, Math.min(Subject.DRAWN, n - at)).x());
        return Torch.cat(0, parts);
    }

    /** Of the batches after the first, which warms up; memory of the first. */
    List<Measure> cost() {
        List<Measure> cost = new ArrayList<>();
        Device device = subject.device();
        String how = Subject.DRAWN + " at once, " + device + (device.kind() == Device.Kind.CPU ? ", threads " + Device.threads() : "");
        if (timed > 0) cost.add(new Measure(Measurements.SECONDS, seconds / timed, "s", "to draw a sample, " + how + "; mean of " + timed));
        if (peak.isPresent()) {
            cost.add(new Measure(Measurements.MEMORY, peak.getAsLong() / (double) (1 << 20), "MiB", "most physical memory of the whole "
                + "process while it drew " + how));
        }
        return cost;
    }
}
