package io.palitra.train;

import io.palitra.config.Config;
import io.palitra.config.Told;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.FormatException;
import io.palitra.data.ImageSpec;
import io.palitra.data.Picture;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.family.Families;
import io.palitra.hub.FolderDraft;
import io.palitra.hub.Safetensors;
import io.palitra.model.DiffusersExport;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Trainable;
import io.palitra.report.Plot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A run folder, opened to sample from: its config and its model with the averaged weights, in evaluation mode. */
public final class Run implements AutoCloseable {
    public static final String CONFIG = "config.json";
    public static final String MODEL = "model.safetensors";
    /** Samples drawn in one batch; more are drawn in several. */
    public static final int AT_ONCE = 256;

    /** Items for what an export measures of a model, and of them in a batch. */
    private static final int MEASURED = 500, MEASURED_AT_ONCE = 20;

    private final Path folder;
    private final RunConfig config;
    private final Device device;
    private final Trainable model;
    private final String weights;

    private Run(Path folder, RunConfig config, Device device, Trainable model, String weights) {
        this.folder = folder;
        this.config = config;
        this.device = device;
        this.model = model;
        this.weights = weights;
    }

    /**
     * Opens a run folder. Altered or torn weights are refused; then the weights of its last good checkpoint serve, and {@code warn} is
     * told.
     *
     * @param device where to compute, see {@link Device#named}
     */
    public static Run open(Path folder, String device, Consumer<String> warn) throws IOException {
        Path file = folder.resolve(CONFIG);
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException("'" + folder + "' is not a run folder: it has no " + CONFIG);
        }
        RunConfig config = RunConfig.read(file);
        Device where = Device.named(device);
        Trainable model = build(config, Rng.silent(), where);   // the weights follow
        String name;
        try (Scope scope = new Scope()) {
            Weights weights = weights(folder, warn);
            try {
                model.net().load(weights.tensors);
            } catch (IllegalArgumentException e) {
                throw new FormatException(weights.file.toString(), -1, String.valueOf(e.getMessage()), e);
            }
            name = weights.name;
        } catch (RuntimeException | IOException e) {
            model.close();
            throw e;
        }
        model.net().training(false);
        return new Run(folder, config, where, model, name);
    }

    private record Weights(Map<String, Tensor> tensors, String name, Path file) {}

    private static Weights weights(Path folder, Consumer<String> warn) throws IOException {
        Path file = folder.resolve(MODEL);
        RuntimeException refused;
        try {
            Safetensors read = Checkpoint.readModel(file);
            return new Weights(read.tensors(), read.metadata().getOrDefault("sha256", "unknown"), file);
        } catch (FormatException | CheckpointException e) {
            refused = e;
        }
        Optional<Checkpoint> last = Checkpoint.latest(folder, warn);
        if (last.isEmpty()) throw refused;
        warn.accept(refused.getMessage() + "; using the checkpoint of step " + last.get().step() + " instead");
        Map<String, Tensor> all = last.get().load("weights");
        if (last.get().parts().contains("ema")) all.putAll(last.get().load("ema"));
        return new Weights(all, "step " + last.get().step(), last.get().folder());
    }

    /** A fresh model as the config says, its weights a pure function of the seed, on a device. */
    static Trainable build(RunConfig config, Device device) {
        return build(config, new Rng(config.settings().seed()).split(0), device);
    }

    private static Trainable build(RunConfig config, Rng init, Device device) {
        Trainable model = build(Families.named(config.settings().family()), config, init);
        model.to(device);
        return model;
    }

    @SuppressWarnings("unchecked")   // RunConfig pairs a family with its own config
    private static <C extends Record> Trainable build(Family<C> family, RunConfig config, Rng init) {
        return family.build((C) config.model(), config.settings().spec(), init);
    }

    public Path folder() { return folder; }

    public RunConfig config() { return config; }

    public Trainable model() { return model; }

    public Device device() { return device; }

    /** The model as one that draws samples; a family that cannot is refused by name. */
    public GenerativeModel<?> generative() {
        if (model instanceof GenerativeModel<?> g) return g;
        String family = config.settings().family();
        throw new IllegalArgumentException("'" + family + "' draws no samples; what it is: " + Families.named(family).about());
    }

    /**
     * Draws samples in the range of the training batches, in the caller's scope. Item i's noise is a pure function of (seed, i), whatever
     * the count.
     *
     * @param overrides of the family's sampling keys, such as {@code temperature=0.8}
     */
    public Tensor sample(int count, long seed, List<String> overrides) { return sample(generative(), count, new Rng(seed).on(device),
        overrides); }

    /** As {@link #sample(int, long, List)}, items first, first + 1, ... of the seed. */
    public Tensor sample(int count, long first, long seed, List<String> overrides) {
        return sample(generative(), count, new Rng(seed).at(first).on(device), overrides);
    }

    /**
     * As {@link #sample(int, long, long, List)}, of one class.
     *
     * @throws IllegalArgumentException for a class that the model does not draw
     */
    public Tensor sample(int count, long first, long seed, List<String> overrides, int label) {
        return sample(generative(), count, new Rng(seed).at(first).on(device), overrides, label);
    }

    /**
     * How samples are drawn with these overrides.
     *
     * @param label a class, or -1 for what the overrides say
     * @throws IllegalArgumentException for a class that the model does not draw
     */
    public Record sampling(List<String> overrides, int label) { return how(generative(), overrides, label); }

    /** The class that these overrides ask for, -1 for any. */
    public int classOf(List<String> overrides) { return classOf(generative(), overrides); }

    private static <S extends Record> int classOf(GenerativeModel<S> model, List<String> overrides) {
        return model.classOf(how(model, overrides, -1));
    }

    private static <S extends Record> S how(GenerativeModel<S> model, List<String> overrides, int label) {
        S how = Config.with(model.samplingDefaults(), overrides);
        return label < 0 ? how : model.ofClass(how, label);
    }

    /** As {@link #sample(int, long, List)}, of any model in evaluation mode. */
    static <S extends Record> Tensor sample(GenerativeModel<S> model, int count, Rng rng, List<String> overrides) {
        return sample(model, count, rng, overrides, -1);
    }

    /** @param label a class, or -1 for what the overrides say */
    static <S extends Record> Tensor sample(GenerativeModel<S> model, int count, Rng rng, List<String> overrides, int label) {
        S how = how(model, overrides, label);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            List<Tensor> parts = new ArrayList<>();
            for (int i = 0; i < count; i += AT_ONCE) {
                int n = Math.min(AT_ONCE, count - i);
                Rng from = rng.at(i);
                parts.add(Scope.run(() -> model.sample(how, n, from)));
            }
            return scope.keep(parts.size() == 1 ? parts.get(0) : Torch.cat(0, parts));
        }
    }

    /** Items of [N,C,H,W] in [-1,1] as pictures. Waits for the device. */
    public static List<Picture> pictures(Tensor x) {
        if (x.dims() != 4) throw new IllegalArgumentException("pictures wants [N,C,H,W], got " + x);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            byte[] bytes = DataLoader.toBytes(x);
            ImageSpec spec = new ImageSpec((int) x.size(1), (int) x.size(2), (int) x.size(3), 0);
            int each = (int) spec.dims();
            List<Picture> pictures = new ArrayList<>();
            for (int i = 0; i < x.size(0); i++) {
                pictures.add(new Picture(spec.channels(), spec.height(), spec.width(), Arrays.copyOfRange(bytes, i * each, (i
                    + 1) * each)));
            }
            return pictures;
        }
    }

    /** Points [N,D] by their first two numbers as a plot; what lies beyond 2 is drawn at 2. Waits for the device. */
    public static Picture scatter(Tensor points, String title) {
        double[] v = (points.size(1) == 1 ? Torch.cat(1, points, Torch.zerosLike(points)) : points.narrow(1, 0, 2)).doubles();
        double[] x = new double[v.length / 2], y = new double[v.length / 2];
        for (int i = 0; i < x.length; i++) {
            x[i] = Math.max(-2, Math.min(2, v[2 * i]));       // a lost sample must not shrink the rest to a dot
            y[i] = Math.max(-2, Math.min(2, v[2 * i + 1]));
        }
        return new Plot(title, "x", "y", 480, 480).scatter(x, y);
    }

    /**
     * Writes the model, as it samples, in files that Python's diffusers loads, and a README.md that tells how.
     *
     * @param name of the folder, for the README.md
     * @param train the training split, opened only for a model that must measure something
     * @return what Python runs to use them
     * @throws IllegalArgumentException for a family, or a configuration of one, that diffusers does not have
     */
    public String export(FolderDraft folder, String name, Supplier<Dataset> train) {
        if (!(model instanceof DiffusersExport exports)) {
            throw new IllegalArgumentException("'" + config.settings().family() + "' is no model of diffusers; diffusion, vqvae and vqgan "
                + "are, and vae with net=kl");
        }
        Iterable<Batch> items = () -> DataLoader.drawn(train.get(), MEASURED_AT_ONCE, MEASURED, 0, device).iterator();
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            String python = exports.export(folder, items, new Rng(0).on(device)).replace("DIR", name);
            RunConfig.Settings s = config.settings();
            folder.text("README.md", "Trained by Palitra " + s.code() + ": `" + s.family() + "` on `" + Path.of(s.data()).getFileName()
                + "`, items of " + Told.shape(s.spec().shape()) + ".\n\n```python\n" + python + "```\n");
            return python;
        }
    }

    /** SHA-256 of the weights in use, or the step of the checkpoint that stands in for them. */
    public String weights() { return weights; }

    /** Frees the model's weights. */
    @Override public void close() { model.close(); }
}
