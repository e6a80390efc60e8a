package io.palitra.diffusion;

import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * What the network has said in a run, as far as its sampler remembers. It belongs to one run: its tensors outlive their turn of
 * {@link io.palitra.engine.Scope#fold} and are freed as they are forgotten, at the latest on close.
 */
public final class SamplerHistory implements AutoCloseable {
    /** x [B,...] at a level, and what it was taken to be. */
    public record Entry(Level at, Tensor x, Denoiser.Estimate estimate) {
        /** alpha_s x0 + sigma_s eps: the ODE in a step of first order, DDIM's. */
        Tensor ddimStep(SolverStage leg) { return leg.to().noised(estimate.x0(), estimate.eps()); }

        /** The same as a slope in the scale of the data, x / alpha, of width sigma / alpha: nothing for it to go from at alpha = 0. */
        Tensor eulerStep(SolverStage leg) { return leg.from().alpha() == 0 ? ddimStep(leg) : eulerStep(leg, estimate.eps(), leg.to()
            .ratio()); }

        /** Along a slope [B,...] to a ratio of sigma to alpha, in the scale of where the leg ends. */
        Tensor eulerStep(SolverStage leg, Tensor slope, double ratio) {
            double alpha = leg.to().alpha(), scale = alpha / leg.from().alpha();
            return (scale == 1 ? x : x.mul(scale)).add(slope.mul(alpha * (ratio - leg.from().ratio())));
        }

        /** alpha_s x0 + sqrt(sigma_s² - d²) eps + d n, where d is eta times the posterior's deviation; Song et al. 2021, eq. 12. */
        Tensor ddimStep(SolverStage leg, double eta, Noise noise) {
            Level to = leg.to();
            if (eta == 0 || to.sigma() == 0) return ddimStep(leg);
            double d = eta * to.sigma() / leg.from().sigma() * Math.sqrt(leg.forwardVariance());
            double keep = Math.sqrt(Math.max(0, to.sigma() * to.sigma() - d * d));
            Tensor mean = estimate.x0().mul(to.alpha()).add(estimate.eps().mul(keep));
            return mean.add(noise.like(x).mul(d));
        }

        /** With handles of our own: the model's tensors are not ours to free. */
        private Entry kept() {
            return new Entry(at, x.detach().retain(), new Denoiser.Estimate(estimate.x0().detach().retain(), estimate.eps().detach()
                .retain()));
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

    /** @param memory how many earlier steps are remembered, each by its first entry */
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

    /** The turn ends, and with it its tensors: what will be asked for is kept. */
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
