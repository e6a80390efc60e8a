package io.palitra.nn;

import io.palitra.config.ArgumentException;
import io.palitra.config.Notes;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/** A named tree of parameters and buffers. State keys join child names with dots, as in PyTorch checkpoints. */
public abstract class Module implements AutoCloseable {
    private final Map<String, Tensor> parameters = new LinkedHashMap<>();
    private final Set<String> tables = new LinkedHashSet<>();
    private final Map<String, Tensor> buffers = new LinkedHashMap<>();
    private final Map<String, Module> children = new LinkedHashMap<>();
    private boolean training = true;

    /** Registers a tensor that optimisers move. It outlives every scope. */
    protected final Tensor parameter(String name, Tensor value) {
        Tensor leaf = value.detach().retain().requiresGrad(true);
        parameters.put(name, leaf);
        return leaf;
    }

    /** As {@link #parameter}; its rows are things apart from each other, such as tokens, and not the outputs of one matrix. */
    protected final Tensor table(String name, Tensor value) {
        tables.add(name);
        return parameter(name, value);
    }

    /** Registers a tensor that checkpoints hold and optimisers leave alone. It outlives every scope. */
    protected final Tensor buffer(String name, Tensor value) {
        Tensor own = value.detach().copy().retain();
        buffers.put(name, own);
        return own;
    }

    /** Registers and returns a part; dots in its name are part of the key, as in "layers.0". */
    protected final <M extends Module> M child(String name, M module) {
        children.put(name, module);
        return module;
    }

    /** What the optimiser moves, by key. */
    public final Map<String, Tensor> parameters() {
        Map<String, Tensor> all = new LinkedHashMap<>(parameters);
        children.forEach((name, m) -> m.parameters().forEach((k, t) -> all.put(name + "." + k, t)));
        return all;
    }

    /** Keys of the parameters that are tables. */
    public final Set<String> tables() {
        Set<String> all = new LinkedHashSet<>(tables);
        children.forEach((name, m) -> m.tables().forEach(k -> all.add(name + "." + k)));
        return all;
    }

    /** Running statistics, codebooks and the like, by key. */
    public final Map<String, Tensor> buffers() {
        Map<String, Tensor> all = new LinkedHashMap<>(buffers);
        children.forEach((name, m) -> m.buffers().forEach((k, t) -> all.put(name + "." + k, t)));
        return all;
    }

    /** Every part, and the parts of those, by the path that begins the keys of its tensors. */
    public final Map<String, Module> modules() {
        Map<String, Module> all = new LinkedHashMap<>();
        children.forEach((name, m) -> {
            all.put(name, m);
            m.modules().forEach((k, part) -> all.put(name + "." + k, part));
        });
        return all;
    }

    /** What a checkpoint holds: parameters and buffers. The tensors themselves, not copies. */
    public final Map<String, Tensor> state() {
        Map<String, Tensor> all = new LinkedHashMap<>(parameters());
        all.putAll(buffers());
        return all;
    }

    /** Copies values in by key. A missing, extra or misshapen tensor is an error that names it, and nothing is changed. */
    public final void load(Map<String, Tensor> values) {
        check(values);
        try (Scope scope = new Scope()) {
            state().forEach((k, t) -> {
                Tensor v = java.util.Objects.requireNonNull(values.get(k));
                if (t.hollow()) t.become(v.to(t.dtype()).to(t.device()).copy());
                else t.copyFrom(v);
            });
        }
    }

    /**
     * As {@link #load}, but the tensors themselves become this network's, its parameters in an element type of their own if those given are
     * of another: nothing is held twice. They must not be used any more.
     */
    public final void take(Map<String, Tensor> values, DType type) {
        check(values);
        Map<String, Tensor> moved = parameters();
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            state().forEach((k, t) -> {
                Tensor v = java.util.Objects.requireNonNull(values.get(k));
                Tensor mine = v.to(moved.containsKey(k) ? type : t.dtype()).contiguous();
                t.become(mine.to(t.device()));
                v.free();
            });
        }
    }

    private void check(Map<String, Tensor> values) {
        Map<String, Tensor> own = state();
        List<String> wrong = new ArrayList<>();
        own.forEach((k, t) -> {
            Tensor v = values.get(k);
            if (v == null) wrong.add("missing " + k);
            else if (!java.util.Arrays.equals(v.shape(), t.shape())) wrong.add("'" + k + "' has the shape " + v + ", wanted is " + t);
        });
        for (String k : values.keySet()) if (!own.containsKey(k)) wrong.add("unexpected " + k);
        if (!wrong.isEmpty()) {
            throw new ArgumentException("weights do not fit the network: " + String.join("; ",
                wrong.subList(0, Math.min(3, wrong.size()))) + (wrong.size() > 3 ? "; and " + (wrong.size() - 3) + " more" : ""));
        }
    }

    /** Those values whose keys this network has; one line of warning names the others, which public libraries ignore, too. */
    public final Map<String, Tensor> known(Map<String, Tensor> values, Consumer<String> warn) {
        Map<String, Tensor> known = new LinkedHashMap<>(values), own = state();
        List<String> others = values.keySet().stream().filter(k -> !own.containsKey(k)).toList();
        known.keySet().removeAll(others);
        if (!others.isEmpty()) warn.accept("passed over, the network of its configuration has no such tensors: " + Notes.some(others));
        return known;
    }

    /** Number of parameters' elements. */
    public final long size() { return parameters().values().stream().mapToLong(Tensor::numel).sum(); }

    /** Whether parameters record gradients. */
    public final void trainable(boolean on) {
        parameters.values().forEach(t -> t.requiresGrad(on));
        children.values().forEach(m -> m.trainable(on));
    }

    /** Training mode (batch statistics, dropout) or evaluation. */
    public final void training(boolean on) {
        training = on;
        children.values().forEach(m -> m.training(on));
    }

    public final boolean training() { return training; }

    /** Moves every tensor to a device, in place. Call before the first optimiser is made. */
    public final void to(Device device) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            state().values().forEach(t -> t.moveTo(device));
        }
    }

    /** Element type of the parameters; {@link DType#F32} unless a test sets another. */
    public final void to(DType type) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            state().values().forEach(t -> t.convertTo(type));
        }
    }

    /** Frees every tensor; the module must not be used again. */
    @Override public final void close() { state().values().forEach(Tensor::free); }
}
