package io.palitra.engine;

import io.palitra.config.ArgumentException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Moves named parameters down their gradients: one call of the engine for all of them, or for all of a shape. */
public final class Optimizer implements AutoCloseable {
    private final OptimizerSpec spec;
    private final Map<String, Tensor> parameters;
    private final Set<String> muonParameters = new LinkedHashSet<>();   // those that Muon moves
    /** By parameter: step, and the moments that the method keeps, under PyTorch's names. */
    private final Map<String, Map<String, Tensor>> moments = new LinkedHashMap<>();

    /** Moves all of them alike. */
    public Optimizer(OptimizerSpec spec, Map<String, Tensor> parameters) { this(spec, parameters, Set.of()); }

    /** @param tables parameters whose rows are things apart, such as tokens: no muonParameters to {@link OptimizerSpec.Muon} */
    public Optimizer(OptimizerSpec spec, Map<String, Tensor> parameters, Set<String> tables) {
        this.spec = spec;
        this.parameters = new LinkedHashMap<>(parameters);
        if (spec instanceof OptimizerSpec.Muon) {
            parameters.forEach((name, p) -> { if (Muon.isMatrix(p) && !tables.contains(name)) muonParameters.add(name); });
        }
        try (Scope scope = new Scope()) {
            this.parameters.forEach((name, p) -> {
                Map<String, Tensor> own = new LinkedHashMap<>();
                own.put("step", Torch.zeros().to(p.device()).retain());
                for (String moment : momentNames(name)) own.put(moment, Torch.zerosLike(p.detach()).retain());
                moments.put(name, own);
            });
        }
    }

    /** How it moves them. */
    public OptimizerSpec spec() { return spec; }

    private List<String> momentNames(String parameter) {
        if (muonParameters.contains(parameter)) return List.of("momentum_buffer");
        if (spec instanceof OptimizerSpec.RmsProp) return List.of("square_avg");
        if (spec instanceof OptimizerSpec.Sgd) return List.of("momentum_buffer");
        return List.of("exp_avg", "exp_avg_sq");
    }

    /** Forgets all gradients. */
    public void zeroGrad() { parameters.values().forEach(Tensor::clearGrad); }

    /** Euclidean norm of all gradients together, not finite when any of them is not. Waits for the device. */
    public double gradNorm() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            List<Tensor> grads = grads();
            if (grads.isEmpty()) return 0;
            IValueVector out = Dispatch.call("_foreach_norm", "Scalar", Torch.vector(grads), new Scalar(2.0), null);
            TensorVector norms = out.get(0).toTensorVector();
            return new Tensor(torch.stack(norms)).to(DType.F64).square().sum().sqrt().item();
        }
    }

    /** Name of the first parameter whose gradient is not finite, or "none". */
    public String nonFinite() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            for (Map.Entry<String, Tensor> e : parameters.entrySet()) {
                if (e.getValue().hasGrad() && e.getValue().grad().isFinite().all().item() == 0) return e.getKey();
            }
            return "none";
        }
    }

    /** Multiplies all gradients. */
    public void scaleGrads(double factor) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            List<Tensor> grads = grads();
            if (!grads.isEmpty()) Dispatch.call("_foreach_mul_", "Scalar", Torch.vector(grads), new Scalar(factor));
        }
    }

    /**
     * Scales all gradients by min(1, max / (norm + 1e-6)), as PyTorch does, so that their norm is at most {@code max}. Gradients that are
     * not finite stay as they are. Waits for the device.
     *
     * @return {@link #gradNorm} before
     */
    public double clip(double max) {
        if (!(max > 0)) throw new ArgumentException("illegal clip: " + max + ", must be above 0");
        double norm = gradNorm();
        double factor = max / (norm + 1e-6);
        if (Double.isFinite(norm) && factor < 1) scaleGrads(factor);
        return norm;
    }

    private List<Tensor> grads() {
        List<Tensor> grads = new ArrayList<>();
        for (Tensor p : parameters.values()) if (p.hasGrad()) grads.add(p.grad());
        return grads;
    }

    /** One move with learning rate {@code lr}; parameters without a gradient stay. */
    public void step(double lr) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            List<Tensor> moved = new ArrayList<>(), wide = new ArrayList<>(), means = new ArrayList<>();
            Map<String, List<Tensor>> state = new LinkedHashMap<>();
            parameters.forEach((name, p) -> {
                if (!p.hasGrad()) return;
                if (muonParameters.contains(name)) {
                    wide.add(p);
                    means.add(Objects.requireNonNull(moments(name).get("momentum_buffer")));
                    return;
                }
                moved.add(p);
                moments(name).forEach((k, t) -> state.computeIfAbsent(k, x -> new ArrayList<>()).add(t));
            });
            if (spec instanceof OptimizerSpec.Muon o) Muon.step(o, lr, wide, means);
            if (moved.isEmpty()) return;
            TensorVector p = Torch.vector(moved), grads = Torch.vector(moved.stream().map(Tensor::grad).toList());
            Dispatch.call("_foreach_add_", "Scalar", Torch.vector(list(state, "step")), new Scalar(1.0));
            if (spec instanceof OptimizerSpec.AdamW o) {
                adam("_fused_adamw_", p, grads, state, lr, o.beta1(), o.beta2(), o.weightDecay(), o.eps());
            } else if (spec instanceof OptimizerSpec.Adam o) {
                adam("_fused_adam_", p, grads, state, lr, o.beta1(), o.beta2(), 0, o.eps());
            } else if (spec instanceof OptimizerSpec.Muon o) {
                adam("_fused_adamw_", p, grads, state, lr, o.beta1(), o.beta2(), o.weightDecay(), 1e-8);
            } else if (spec instanceof OptimizerSpec.RmsProp o) {
                TensorVector v = Torch.vector(list(state, "square_avg"));
                Dispatch.call("_foreach_mul_", "Scalar", v, new Scalar(o.alpha()));
                Dispatch.call("_foreach_addcmul_", "Scalar", v, grads, grads, new Scalar(1 - o.alpha()));
                TensorVector root = Dispatch.call("_foreach_sqrt", "", v).get(0).toTensorVector();
                Dispatch.call("_foreach_add_", "Scalar", root, new Scalar(o.eps()));
                Dispatch.call("_foreach_addcdiv_", "Scalar", p, grads, root, new Scalar(-lr));
            } else if (spec instanceof OptimizerSpec.Sgd o) {
                TensorVector b = Torch.vector(list(state, "momentum_buffer"));
                Dispatch.call("_foreach_mul_", "Scalar", b, new Scalar(o.momentum()));
                Dispatch.call("_foreach_add_", "List", b, grads, new Scalar(1.0));
                Dispatch.call("_foreach_add_", "List", p, b, new Scalar(-lr));
            }
        }
    }

    private static void adam(String op, TensorVector p, TensorVector grads, Map<String, List<Tensor>> state, double lr, double beta1,
            double beta2, double weightDecay, double eps) {
        Dispatch.call(op, "", p, grads, Torch.vector(list(state, "exp_avg")), Torch.vector(list(state, "exp_avg_sq")), new TensorVector(),
            Torch.vector(list(state, "step")), lr, beta1, beta2, weightDecay, eps, false, false, null, null);
    }

    private static List<Tensor> list(Map<String, List<Tensor>> state, String key) {
        List<Tensor> found = state.get(key);
        if (found == null) throw new IllegalStateException("no moment '" + key + "'");
        return found;
    }

    private Map<String, Tensor> moments(String parameter) {
        Map<String, Tensor> own = moments.get(parameter);
        if (own == null) throw new IllegalStateException("no state for parameter '" + parameter + "'");
        return own;
    }

    /** The moments by parameter name, a dot, and PyTorch's name of the moment: the tensors themselves. */
    public Map<String, Tensor> state() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        moments.forEach((name, own) -> own.forEach((k, t) -> all.put(name + "." + k, t)));
        return all;
    }

    /** Frees the moments. */
    @Override public void close() { moments.values().forEach(own -> own.values().forEach(Tensor::free)); }

    /** average = average + (1 - decay)(value - average) for pairs of tensors, in one call. */
    public static void lerp(List<Tensor> averages, List<Tensor> values, double weight) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Dispatch.call("_foreach_lerp_", "Scalar", Torch.vector(averages), Torch.vector(values), new Scalar(weight));
        }
    }
}
