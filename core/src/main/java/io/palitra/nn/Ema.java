package io.palitra.nn;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Optimizer;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An exponential moving average of a module's parameters: a = d a + (1 - d) p after each step, with d = min(decay, (1 + n) / (10 + n)) at
 * the n-th, so that the first weights are forgotten soon. Buffers are not averaged.
 */
public final class Ema implements AutoCloseable {
    private final double decay;
    private final Map<String, Tensor> values;
    private final Map<String, Tensor> averages = new LinkedHashMap<>();

    public Ema(Module module, double decay) {
        if (!(decay > 0 && decay < 1)) throw new ArgumentException("illegal decay: " + decay + ", must be above 0 and below 1");
        this.decay = decay;
        this.values = module.parameters();
        try (Scope scope = new Scope()) { values.forEach((k, p) -> averages.put(k, p.detach().copy().retain())); }
    }

    /** After step n, counted from 0. */
    public void update(long n) {
        double d = Math.min(decay, (1.0 + n) / (10.0 + n));
        try (Scope scope = new Scope()) {
            List<Tensor> now = new ArrayList<>();
            values.values().forEach(p -> now.add(p.detach()));
            Optimizer.lerp(new ArrayList<>(averages.values()), now, 1 - d);
        }
    }

    /** Exchanges the module's parameters and the averages, bit for bit; again to undo. */
    public void swap() {
        try (Scope scope = new Scope()) {
            values.forEach((k, p) -> {
                Tensor average = java.util.Objects.requireNonNull(averages.get(k));
                Tensor before = p.detach().copy();
                p.copyFrom(average);
                average.copyFrom(before);
            });
        }
    }

    /** The averages by key: the tensors themselves. */
    public Map<String, Tensor> state() { return averages; }

    @Override public void close() { averages.values().forEach(Tensor::free); }
}
