package io.palitra.nn;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import io.palitra.data.FormatException;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.LoraFile;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Low-rank paths beside the layers of a network, trained while its own weights are frozen: y = W x + b + s B A x with s = alpha / r.
 * Hu et al. 2021, arXiv:2106.09685, eq. 3. A and B are the parameters here, F32, on the device of the network, under the keys of PEFT:
 * {@code PATH.lora_A.weight} [r,in] or [r,in,k,k], {@code PATH.lora_B.weight} [out,r] or [out,r,1,1]. The network's own keys, weights and
 * files stay as they are. For sampling, {@link MergedLora} costs no time.
 */
public final class Lora extends Module {
    /** The attention of a diffusion network, as diffusers has it by default. */
    public static final List<String> ATTENTION = List.of("to_q", "to_k", "to_v", "to_out.0");
    /** The attention of a text encoder, as diffusers has it by default. */
    public static final List<String> TEXT_ATTENTION = List.of("q_proj", "k_proj", "v_proj", "out_proj");

    private static final Pattern TEXT_LAYER = Pattern.compile("(?:text_model[._])?encoder[._]layers[._](\\d{1,4})[._]");

    /** s B A x beside one layer. */
    static final class Path extends Module {
        private final Tensor a;
        private final Tensor b;
        private final float alpha;

        Path(Tensor a, Tensor b, float alpha) {
            this.a = parameter("lora_A.weight", a);
            this.b = parameter("lora_B.weight", b);
            this.alpha = alpha;
        }

        /** A has the input, stride and padding of the layer's own W; B maps the rank to the outputs pixel by pixel. */
        Tensor of(Tensor x, Affine layer) {
            Tensor down = layer.by(a, x.to(a.dtype())).mul((double) alpha / a.size(0));
            return a.dims() == 2 ? Torch.linear(down, b, null) : Torch.conv2d(down, b, null, 1, 0);
        }
    }

    /** A change, and the path and weight of the layer that it is for. */
    record Placed(String path, Tensor weight, LoraFile.Change change) {}

    private final Map<String, Affine> layers = new LinkedHashMap<>();
    private final Map<String, Path> paths = new LinkedHashMap<>();

    private Lora() {}

    /**
     * Paths that add 0 at first, so that no output changes, save that -0 becomes 0: A is drawn as kohya-ss does, Kaiming-uniform with
     * a = sqrt(5), which is U(-1/sqrt(n), 1/sqrt(n)) for n inputs (diffusers draws a Gaussian), and B is 0.
     *
     * @param targets ends of the paths of layers, such as {@link #ATTENTION}
     * @throws IllegalArgumentException where a target names no linear layer or convolution, and nothing is changed
     */
    public static Lora fresh(Module net, List<String> targets, int rank, float alpha, Rng rng) {
        if (rank < 1) throw new ArgumentException("illegal rank: " + rank + ", must be at least 1");
        if (!Float.isFinite(alpha) || alpha == 0) throw new ArgumentException("illegal alpha: " + alpha + ", must be finite, not 0");
        if (targets.isEmpty()) throw new ArgumentException("illegal targets: none, must be ends of names such as "
            + InWords.list(ATTENTION));
        Map<String, Affine> chosen = new LinkedHashMap<>();
        Set<String> idle = new LinkedHashSet<>(targets);
        net.modules().forEach((path, m) -> {
            if (!(m instanceof Affine layer)) return;
            for (String target : targets) {
                if (!path.equals(target) && !path.endsWith("." + target)) continue;
                chosen.put(path, layer);
                idle.remove(target);
            }
        });
        if (!idle.isEmpty()) throw new ArgumentException(name(net) + " has no linear layer or convolution that ends in "
            + InWords.list(idle));
        Lora lora = new Lora();
        try (Scope scope = new Scope()) {
            chosen.forEach((path, layer) -> {
                Tensor w = layer.weight();
                long[] down = w.shape(), up = w.shape();
                down[0] = rank;
                up[1] = rank;
                Arrays.fill(up, 2, up.length, 1);
                Tensor a = Init.DEFAULT.draw(rng, w.numel() / w.size(0), down).to(w.device());
                lora.put(path, layer, new Path(a, Torch.zeros(up).to(w.device()), alpha));
            });
        }
        lora.attach();
        return lora;
    }

    /**
     * Paths that hold a copy of a file's changes of one network, to train on.
     *
     * @throws FormatException where the file is for another architecture, and nothing is changed
     */
    public static Lora of(Module net, LoraFile.Network network, LoraFile file) {
        LoraFile ours = new LoraFile(file.name(), file.changes().stream().filter(c -> c.network() == network).toList(), file.metadata());
        if (ours.changes().isEmpty()) throw new FormatException(file.name(), -1, "changes nothing in a " + network.key());
        Map<String, Module> modules = net.modules();
        Lora lora = new Lora();
        try (Scope scope = new Scope()) {
            for (Placed p : placed(Map.of(network, net), ours, Notes.common())) {
                if (!(modules.get(p.path) instanceof Affine layer)) {
                    throw new FormatException(file.name(), -1, "'" + p.path + "' of " + name(net) + " is no linear layer or convolution");
                }
                long[] down = layer.weight().shape(), up = layer.weight().shape();
                down[0] = p.change.rank();
                up[1] = p.change.rank();
                Arrays.fill(up, 2, up.length, 1);
                lora.put(p.path, layer, new Path(fitted(p.change.a(), layer, down), fitted(p.change.b(), layer, up), p.change.alpha()));
            }
        }
        lora.attach();
        return lora;
    }

    private static Tensor fitted(Tensor t, Affine layer, long[] shape) {
        return t.to(DType.F32).to(layer.weight().device()).reshape(shape).copy();
    }

    private void put(String path, Affine layer, Path beside) {
        layers.put(path, layer);
        paths.put(path, child(path, beside));
    }

    private void attach() {
        layers.forEach((path, layer) -> {
            if (layer.hasPath()) throw new IllegalStateException("'" + path + "' has a low-rank path already; detach that first");
        });
        layers.forEach((path, layer) -> layer.beside(paths.get(path)));
    }

    /** Takes the paths away from the network, which then computes what it did before. To be called before {@link #close}. */
    public void detach() { layers.values().forEach(layer -> layer.beside(null)); }

    /** A and B as they are now, not copies, for a file. */
    public List<LoraFile.Change> changes(LoraFile.Network network) {
        List<LoraFile.Change> changes = new ArrayList<>();
        paths.forEach((path, p) -> changes.add(new LoraFile.Change(network, path, false, p.a, p.b, p.alpha)));
        return changes;
    }

    static String name(Module net) { return net.getClass().getSimpleName(); }

    /**
     * Finds the layer of each change; one that has none, or one of another shape, refuses them all, but for those of layers that a text
     * encoder could have behind its last: some are cut off there, and one line of warning names them.
     */
    static List<Placed> placed(Map<LoraFile.Network, Module> nets, LoraFile file, Consumer<String> warn) {
        Map<LoraFile.Network, Map<String, Tensor>> states = new TreeMap<>();
        Map<LoraFile.Network, Map<String, String>> paths = new TreeMap<>();
        nets.forEach((network, net) -> {
            Map<String, Tensor> state = net.parameters();
            states.put(network, state);
            paths.put(network, LoraFile.paths(state.keySet()));
        });
        List<Placed> placed = new ArrayList<>();
        List<String> misfits = new ArrayList<>(), cut = new ArrayList<>();
        for (LoraFile.Change c : file.changes()) {
            String path = paths.getOrDefault(c.network(), Map.of()).get(c.target());
            Tensor weight = states.getOrDefault(c.network(), Map.of()).get(path + ".weight");
            if (weight == null && isCutOff(c, states.getOrDefault(c.network(), Map.of()))) {
                cut.add(c.network().key() + " " + c.target());
                continue;
            }
            Optional<String> misfit = misfit(nets.get(c.network()), c, weight);
            misfit.ifPresent(misfits::add);
            if (misfit.isEmpty()) placed.add(new Placed(Objects.requireNonNull(path), Objects.requireNonNull(weight), c));
        }
        if (!misfits.isEmpty()) {
            throw new FormatException(file.name(), -1, "this LoRA is for another network: " + misfits.get(0) + "; "
                + misfits.size() + " of " + file.changes().size() + " targets do not fit");
        }
        if (!cut.isEmpty()) warn.accept(file.name() + ": passed over, the text encoder is cut off before these layers: " + Notes.some(cut));
        return placed;
    }

    /** Whether a change is of a layer of a text encoder behind the last one that there is. */
    private static boolean isCutOff(LoraFile.Change c, Map<String, Tensor> state) {
        Matcher layer = TEXT_LAYER.matcher(c.target());
        if (c.network() == LoraFile.Network.UNET || !layer.lookingAt()) return false;
        int n = Integer.parseInt(layer.group(1));
        boolean some = false;
        for (String key : state.keySet()) {
            Matcher own = TEXT_LAYER.matcher(key);
            if (!own.lookingAt()) continue;
            some = true;
            if (Integer.parseInt(own.group(1)) >= n) return false;
        }
        return some;
    }

    private static Optional<String> misfit(@Nullable Module net, LoraFile.Change c, @Nullable Tensor w) {
        if (net == null) return Optional.of("there is no " + c.network().key() + " to change");
        if (w == null) return Optional.of(name(net) + " has no layer '" + c.target() + "'");
        long[] own = w.shape(), change = c.shape();
        return Arrays.equals(matrix(own), matrix(change)) ? Optional.empty() : Optional.of("'" + c.target() + "' of " + name(net) + " is "
            + InWords.shape(own) + ", the change is " + InWords.shape(change));
    }

    /** A kernel of one pixel is a matrix: some files have the one where the network has the other. */
    private static long[] matrix(long[] shape) {
        return shape.length == 4 && shape[2] == 1 && shape[3] == 1 ? new long[] {shape[0], shape[1]} : shape;
    }
}
