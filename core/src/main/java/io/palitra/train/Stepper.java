package io.palitra.train;

import io.palitra.config.ArgumentException;
import io.palitra.data.Batch;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Losses;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.nn.Ema;
import io.palitra.nn.Module;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One step of training: for each update that is due, the gradients of its loss to the module that it moves, clipped, and a move of the
 * module's optimiser; then the averages follow. Its noise is a pure function of (seed, step).
 */
final class Stepper implements AutoCloseable {
    private final Trainable model;
    private final List<Update> updates;
    private final Recipe recipe;
    private final long seed;
    private final boolean bf16;
    private final Device device;
    private final Map<Module, Optimizer> optimizers = new IdentityHashMap<>();   // by the module moved: two updates of one share a state
    private final Map<String, Optimizer> optimizersByName = new LinkedHashMap<>();
    private final @Nullable Ema ema;

    Stepper(Trainable model, List<Update> updates, RunConfig config, Device device) {
        this.model = model;
        this.updates = updates;
        this.device = device;
        recipe = config.settings().train();
        seed = config.settings().seed();
        bf16 = config.settings().precision() == RunConfig.Precision.BF16;
        boolean made = false;
        try {
            for (Update u : updates) optimizers.computeIfAbsent(u.moves(), this::optimizer);
            ema = recipe.ema() > 0 ? new Ema(model.net(), recipe.ema()) : null;
            made = true;
        } finally {
            if (!made) optimizersByName.values().forEach(Optimizer::close);
        }
    }

    private Optimizer optimizer(Module moved) {
        String name = moved == model.net() ? "" : updates.stream().filter(u -> u.moves() == moved).findFirst().orElseThrow().name();
        OptimizerSpec spec = recipe.modules().getOrDefault(name, recipe.optimizer());
        Optimizer o = new Optimizer(spec, moved.parameters(), moved.tables());
        optimizersByName.put(name, o);
        return o;
    }

    /**
     * Trains on a batch, in the caller's scope.
     *
     * @param step moves made before, of {@code steps}
     * @param saved step of the newest checkpoint, for {@link NonFiniteException}; -1 for none
     * @param report whether the losses are wanted; reading them waits for the device
     * @return losses, norms of gradients and the learning rate by name; empty without report
     * @throws NonFiniteException for a loss or a gradient that is not finite
     */
    Map<String, Double> step(Batch batch, long step, long steps, long saved, boolean report) {
        Map<String, Double> figures = new LinkedHashMap<>();
        Rng rng = new Rng(seed).split(1 + step).on(device);
        double lr = recipe.schedule().at(step, steps);
        for (int i = 0; i < updates.size(); i++) {
            Update u = updates.get(i);
            if (!u.due(step)) continue;
            Optimizer optimizer = Objects.requireNonNull(optimizers.get(u.moves()));
            model.net().trainable(false);
            u.moves().trainable(true);   // so an update cannot reach another's parameters
            optimizer.zeroGrad();
            Map<String, Double> losses = backward(u, batch, rng.split(i), step, saved, report);
            double norm = recipe.clip() > 0 ? optimizer.clip(recipe.clip()) : optimizer.gradNorm();   // waits for the device
            if (!Double.isFinite(norm)) {
                throw new NonFiniteException(step, u.name(), "gradient of '" + optimizer.nonFinite() + "'", saved);
            }
            try (Guard cast = precision()) { optimizer.step(optimizer.spec().lr() * lr); }
            if (!report) continue;
            figures.putAll(losses);
            figures.put(u.name() + "/gradient norm", norm);
        }
        if (ema != null) ema.update(step);
        if (report) figures.put("lr", recipe.optimizer().lr() * lr);
        return figures;
    }

    /** Gradients of the batch's mean loss, micro-batch by micro-batch. */
    private Map<String, Double> backward(Update u, Batch batch, Rng rng, long step, long saved, boolean report) {
        int parts = (int) Math.min(recipe.accumulate(), batch.size());
        Map<String, Double> figures = new LinkedHashMap<>();
        for (int k = 0; k < parts; k++) {
            long from = batch.size() * k / parts, n = batch.size() * (k + 1) / parts - from;
            double share = n / (double) batch.size();
            try (Scope scope = new Scope()) {
                Batch part = parts == 1 ? batch : batch.part(from, n);
                Losses losses;
                try (Guard cast = precision()) {
                    losses = u.objective().of(part, new Step(step, parts == 1 ? rng : rng.split(k)));
                }
                double total = losses.total().item();   // waits for the device
                if (!Double.isFinite(total)) throw new NonFiniteException(step, u.name(), "loss", saved);
                (parts == 1 ? losses.total() : losses.total().mul(share)).backward();
                if (report) {
                    figures.merge(u.name(), total * share, Double::sum);
                    losses.parts().forEach((name, t) -> figures.merge(u.name() + "/" + name, t.item() * share, Double::sum));
                }
            }
        }
        return figures;
    }

    private Guard precision() { return bf16 ? Torch.autocast(device, DType.BF16) : () -> {}; }

    /** The averaged weights; null where the recipe averages none. */
    @Nullable Ema averages() { return ema; }

    /** The model has the averaged weights until the guard closes. */
    Guard averaged() {
        if (ema == null) return () -> {};
        ema.swap();
        return ema::swap;
    }

    /** What a checkpoint holds of it beside the weights, by part: optimizer and, where there are some, ema. */
    Map<String, Map<String, Tensor>> state() {
        Map<String, Map<String, Tensor>> parts = new LinkedHashMap<>();
        parts.put("optimizer", optimizerState());
        if (ema != null) parts.put("ema", ema.state());
        return parts;
    }

    private Map<String, Tensor> optimizerState() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        optimizersByName.forEach((name, o) -> o.state().forEach((k, t) -> all.put(name + "/" + k, t)));
        return all;
    }

    /** @throws IllegalArgumentException for a checkpoint of another model */
    void restore(Checkpoint from) {
        state().forEach((part, own) -> {
            Map<String, Tensor> read = from.load(part);
            if (!read.keySet().equals(own.keySet())) throw new ArgumentException("the checkpoint's " + part
                + " is of another model");
            own.forEach((k, t) -> t.copyFrom(Objects.requireNonNull(read.get(k))));
        });
    }

    @Override public void close() {
        if (ema != null) ema.close();
        optimizersByName.values().forEach(Optimizer::close);
    }
}
