package io.palitra.edit;

import io.palitra.engine.Guard;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Latents z [1,D,h,w] as the sum of grids of which each is half as fine as the one before it, brought to h x w by bilinear weights. All
 * move at the same pace, so that what is large comes before what is small, and neighbours move together: the descent of z is
 * preconditioned (Olah, Mordvintsev and Schubert 2017, "Feature visualization").
 */
final class Grids implements AutoCloseable {
    private final List<Tensor> grids = new ArrayList<>();
    private final OptimizerSpec spec;
    private final double average;
    private final Tensor mean;
    private Optimizer optimizer;
    private int steps;

    /**
     * They live until the scope ends.
     *
     * @param coarser how many there are beside z's own, or as many as z has room for
     * @param average what {@link #mean} keeps of itself in a step
     */
    Grids(Tensor z, int coarser, double average, OptimizerSpec spec) {
        this.spec = spec;
        this.average = average;
        mean = z.copy();
        long h = z.size(2), w = z.size(3);
        grids.add(z.copy().requiresGrad(true));
        for (int i = 0; i < coarser && Math.min(h, w) > 1; i++) {
            h = (h + 1) / 2;
            w = (w + 1) / 2;
            grids.add(Torch.zeros(1, z.size(1), h, w).to(z.device()).requiresGrad(true));
        }
        optimizer = optimizer();
    }

    private Optimizer optimizer() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        for (int i = 0; i < grids.size(); i++) all.put("z" + i, grids.get(i));
        return new Optimizer(spec, all);
    }

    /** The latents, on whose graph the grids are. */
    Tensor z() {
        Tensor own = grids.get(0);
        return Scope.run(() -> {
            Tensor z = own.mul(1);
            for (Tensor grid : grids.subList(1, grids.size())) z = z.add(Torch.bilinear(grid, own.size(2), own.size(3)));
            return z;
        });
    }

    /** Mean of the latents of the last steps, about 1 / (1 - average) of them: what changes from step to step averages out. */
    Tensor mean() { return mean; }

    void zeroGrad() { optimizer.zeroGrad(); }

    /** One step down the gradients, clamped to each channel's least and greatest value, [1,D,1,1]. */
    void step(double lr, Tensor least, Tensor greatest) {
        optimizer.step(lr);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor z = z(), own = grids.get(0);
            Tensor held = z.maximum(least).minimum(greatest);
            own.copyFrom(own.add(held.sub(z)));
            double kept = Math.min(average, 1 - 1.0 / ++steps);
            mean.copyFrom(mean.mul(kept).add(held.mul(1 - kept)));
        }
    }

    /** Begins again from other latents, with moments and mean reset. */
    void begin(Tensor z) {
        for (Tensor grid : grids.subList(1, grids.size())) grid.fill(0);
        grids.get(0).copyFrom(z);
        mean.copyFrom(z);
        steps = 0;
        optimizer.close();
        optimizer = optimizer();
    }

    @Override public void close() { optimizer.close(); }
}
