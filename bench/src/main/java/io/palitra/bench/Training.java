package io.palitra.bench;

import io.palitra.data.Batch;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Optimizer;
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

/** Training steps on one batch: what {@link io.palitra.train.Trainer} does in a step, with all that it checks, at the full rate. */
final class Training implements Work {
    private static final long SEED = 1;
    /** Steps that are compared; the second knows whether gradients and optimiser agree. */
    private static final int CHECKED = 2;

    private final Recipe recipe;
    private final boolean bf16;
    private final NoiseOf noise;
    private final Trainable model;
    private final List<Update> updates;
    private final Map<Module, Optimizer> optimizers = new IdentityHashMap<>();
    private final @Nullable Ema ema;
    private final Batch batch;
    private long step;

    /** The noise that a training step will draw from {@code rng}, by the names that the other side has for it. */
    @FunctionalInterface interface NoiseOf { Map<String, Tensor> of(Rng rng); }

    /** @param x retained; freed with this */
    Training(Trainable model, Recipe recipe, boolean bf16, Tensor x, NoiseOf noise) {
        this.model = model;
        this.recipe = recipe;
        this.bf16 = bf16;
        this.noise = noise;
        batch = new Batch(x);
        updates = model.updates();
        model.net().training(true);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Rng rng = new Rng(SEED).split(0);
            model.net().parameters().forEach((name, p) -> {
                // a branch that starts as nothing would hide the rest of the network from the comparison
                if (p.abs().max().item() == 0) p.copyFrom(rng.normal(p.shape()).mul(0.05));
            });
            for (int i = 0; i < updates.size(); i++) {   // sets what a first batch sets
                updates.get(i).objective().of(batch, new Step(0, rng.split(i)));
            }
        }
        for (Update u : updates) {
            optimizers.computeIfAbsent(u.moves(), m -> new Optimizer(recipe.optimizer(), m.parameters()));
        }
        ema = recipe.ema() > 0 ? new Ema(model.net(), recipe.ema()) : null;
    }

    @Override public Map<String, Tensor> given() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        model.net().state().forEach((name, t) -> all.put("net." + name, t.detach().copy()));
        all.put("x", batch.x());
        for (int i = 0; i < CHECKED; i++) {
            String at = i + ".";
            noise.of(rng(i)).forEach((name, t) -> all.put(at + name, t));
        }
        return all;
    }

    private static Rng rng(long step) { return new Rng(SEED).split(1 + step); }

    /** Losses of each update, step after step. */
    @Override public double[] check() {
        double[] all = new double[CHECKED * updates.size()];
        for (int i = 0; i < CHECKED; i++) System.arraycopy(step(batch), 0, all, i * updates.size(), updates.size());
        return all;
    }

    @Override public void once() { step(batch); }

    double[] step(Batch on) {
        double[] losses = new double[updates.size()];
        try (Scope scope = new Scope()) {
            Rng rng = rng(step);
            for (int i = 0; i < updates.size(); i++) {
                Update u = updates.get(i);
                if (!u.due(step)) continue;
                Optimizer optimizer = Objects.requireNonNull(optimizers.get(u.moves()));
                model.net().trainable(false);
                u.moves().trainable(true);
                optimizer.zeroGrad();
                losses[i] = backward(u, on, rng.split(i));
                double norm = recipe.clip() > 0 ? optimizer.clip(recipe.clip()) : optimizer.gradNorm();
                if (!Double.isFinite(losses[i] + norm)) throw new IllegalStateException("step " + step + " is not finite");
                optimizer.step(optimizer.spec().lr());
            }
            if (ema != null) ema.update(step);
            step++;
        }
        return losses;
    }

    private double backward(Update u, Batch on, Rng rng) {
        try (Scope scope = new Scope()) {
            Losses losses;
            try (Guard cast = bf16 ? Torch.autocast(Device.CPU, DType.BF16) : () -> {}) {
                losses = u.objective().of(on, new Step(step, rng));
            }
            double total = losses.total().item();
            losses.total().backward();
            return total;
        }
    }

    @Override public void close() {
        batch.x().free();
        if (ema != null) ema.close();
        optimizers.values().forEach(Optimizer::close);
        model.close();
    }
}
