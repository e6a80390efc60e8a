package io.palitra.diffusion;

import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The network's last predictions in a run, as many as its sampler uses. It belongs to one run: its tensors outlive their turn of
 * {@link io.palitra.engine.Scope#fold} and are freed when they are dropped, at the latest on close.
 */
public final class SamplerHistory implements AutoCloseable {
    /** x [B,...] at a level, and the prediction there. */
    public record Entry(Level at, Tensor x, Denoiser.Estimate estimate) {
        /** A copy of the handles: the model's own tensors are not freed here. */
        private Entry kept() {
            return new Entry(at, x.detach().retain(), new Denoiser.Estimate(estimate.x0().detach().retain(), estimate.eps().detach()
                .retain()));   // no later leg asks for the variance
        }

        private void free() {
            x.free();
            estimate.x0().free();
            estimate.eps().free();
        }
    }

    private final int memory;
    private final List<Entry> stages = new ArrayList<>();
    private final List<Entry> earlier = new ArrayList<>();
    private int kept;

    /** @param memory how many earlier steps are kept, each by its first entry */
    SamplerHistory(int memory) { this.memory = memory; }

    /** This step so far, the entry it began with first. */
    public List<Entry> stages() { return List.copyOf(stages); }

    /** Where this step began. */
    public Entry base() { return stages.get(0); }

    /** Beginnings of earlier steps, the newest first. */
    public List<Entry> earlier() { return List.copyOf(earlier); }

    /**
     * Beginnings of this step and of those before, the newest first, n at most, that a curve can be drawn through: pure noise is left out
     * unless it is the first, and so is what follows two entries at one level.
     */
    List<Entry> newest(int n) {
        List<Entry> all = new ArrayList<>();
        if (!stages.isEmpty()) all.add(base());
        all.addAll(earlier);
        int i = 1;
        while (i < n && i < all.size() && all.get(i).at().alpha() > 0 && all.get(i).at().ratio() > all.get(i - 1).at().ratio()) i++;
        return List.copyOf(all.subList(0, Math.min(i, all.size())));
    }

    void add(Entry entry) { stages.add(entry); }

    /** The turn ends and its tensors are freed; entries that later legs need are kept. */
    void turn(boolean stepEnds) {
        if (!stepEnds) {
            stages.set(kept, stages.get(kept).kept());
            kept++;
            return;
        }
        if (memory > 0) {
            earlier.add(0, kept == 0 ? base().kept() : base());
            if (kept > 0) stages.subList(1, kept).forEach(Entry::free);
        } else {
            stages.subList(0, kept).forEach(Entry::free);
        }
        stages.clear();
        kept = 0;
        while (earlier.size() > memory) earlier.remove(memory).free();
    }

    @Override public void close() {
        stages.subList(0, kept).forEach(Entry::free);
        earlier.forEach(Entry::free);
        stages.clear();
        earlier.clear();
        kept = 0;
    }
}
