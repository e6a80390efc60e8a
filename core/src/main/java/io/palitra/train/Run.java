package io.palitra.train;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.InWords;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.FormatException;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.family.Families;
import io.palitra.hub.FolderDraft;
import io.palitra.hub.Safetensors;
import io.palitra.measure.Course;
import io.palitra.model.Asked;
import io.palitra.model.Build;
import io.palitra.model.DiffusersExport;
import io.palitra.model.Drawing;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Trainable;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A run folder, opened to sample from: its config and its model with the averaged weights, in evaluation mode. */
public final class Run implements AutoCloseable {
    /** Of everything that decides what a run becomes. */
    public static final String CONFIG = "config.json";
    /** Of the weights. */
    public static final String MODEL = "model.safetensors";
    /** Samples drawn in one batch; more are drawn in several. */
    public static final int AT_ONCE = Drawing.AT_ONCE;

    /** Items for what an export measures of a model, and of them in a batch. */
    private static final int MEASURED = 500, MEASURED_AT_ONCE = 20;

    private final Path folder;
    private final RunConfig config;
    private final Device device;
    private final Built built;
    private final Trainable model;
    private final String weights;
    private final Runnable end;

    private Run(Path folder, RunConfig config, Device device, Built built, String weights, Runnable end) {
        this.folder = folder;
        this.config = config;
        this.device = device;
        this.built = built;
        this.model = built.model;
        this.weights = weights;
        this.end = end;
    }

    /** A model of a configuration on a device, with the models that it is built upon. */
    public record Built(RunConfig config, Trainable model, RunModels models) implements AutoCloseable {
        /** SHA-256 in hex of all that it is built upon, by config key or by {@code key/part}. Waits for the device. */
        public Map<String, String> underneath() {
            Map<String, String> all = new TreeMap<>(model.underneath());
            all.putAll(models.underneath(config.model()));
            return all;
        }

        @Override public void close() {
            model.close();
            models.close();
        }
    }

    /**
     * Opens a run folder. Altered or torn weights are refused; then the weights of its last good checkpoint serve, and {@code warn} is
     * told; so it is of a training that has not ended, and of keys of config.json that were changed since it was saved.
     *
     * @param device where to compute, see {@link Device#named}
     */
    public static Run open(Path folder, String device, Consumer<String> warn) throws IOException {
        Path file = folder.resolve(CONFIG);
        if (!Files.isRegularFile(file)) {
            throw new ArgumentException("'" + folder + "' is not a run folder: it has no " + CONFIG);
        }
        RunConfig config = RunConfig.read(file);
        Device where = Device.named(device);
        Optional<Checkpoint> saved = Checkpoint.newest(folder);
        Optional<Provenance> was = saved.flatMap(c -> Provenance.of(c.facts()));
        List<String> changed = was.map(w -> w.changed(config)).orElse(List.of());
        if (!changed.isEmpty()) {
            warn.accept("'" + folder + "': " + CONFIG + " was changed after the training, and is read as it is: "
                + Provenance.listed(changed));
        }
        Built built = build(config, Rng.silent(), where, warn);   // the weights follow
        String name;
        try (Scope scope = new Scope()) {
            Weights weights = weights(folder, warn);
            Map<String, String> underneath = built.underneath();
            Provenance.refuseOthers(weights.underneath, underneath, config);
            Provenance.replaced(weights.underneath, underneath, config).forEach(line -> warn.accept("'" + folder + "': " + line));
            try {
                built.model.net().load(weights.tensors);
            } catch (IllegalArgumentException e) {
                throw new FormatException(weights.file.toString(), -1, String.valueOf(e.getMessage()), e);
            }
            name = weights.name;
            long steps = was.map(w -> w.steps(config)).orElse(0L);
            if (weights.step < steps) {
                warn.accept("'" + folder + "' stands at step " + weights.step + " of " + steps + ": its training has not ended");
            }
        } catch (RuntimeException | IOException e) {
            built.close();
            throw e;
        }
        built.model.net().training(false);
        return new Run(folder, config, where, built, name, built::close);
    }

    /** @param underneath SHA-256 of what the model was built upon, by config key */
    private record Weights(Map<String, Tensor> tensors, String name, long step, Path file, Map<String, String> underneath) {}

    private static Weights weights(Path folder, Consumer<String> warn) throws IOException {
        Path file = folder.resolve(MODEL);
        RuntimeException refused;
        try {
            Safetensors read = Checkpoint.readModel(file);
            String step = read.metadata().getOrDefault("step", "");
            return new Weights(read.tensors(), read.metadata().getOrDefault("sha256", "unknown"), step.matches("\\d{1,18}")
                ? Long.parseLong(step) : Long.MAX_VALUE, file, Provenance.underneath(read.metadata()));
        } catch (FormatException | CheckpointException e) {
            refused = e;
        }
        Optional<Checkpoint> last = Checkpoint.latest(folder, warn);
        if (last.isEmpty()) throw refused;
        warn.accept(refused.getMessage() + "; using the checkpoint of step " + last.get().step() + " instead");
        Map<String, Tensor> all = last.get().load("weights");
        if (last.get().parts().contains("ema")) all.putAll(last.get().load("ema"));
        return new Weights(all, "step " + last.get().step(), last.get().step(), last.get().folder(),
            Provenance.underneath(last.get().facts()));
    }

    /** A fresh model as the config says, its weights a pure function of the seed, on a device. */
    public static Built build(RunConfig config, Device device, Consumer<String> warn) {
        return build(config, new Rng(config.settings().seed()).split(0), device, warn);
    }

    private static Built build(RunConfig config, Rng init, Device device, Consumer<String> warn) {
        RunModels models = new RunModels(device, warn);
        Trainable model = null;
        try {
            model = build(Families.named(config.settings().family()), config, new Build(config.settings().spec(), init, models));
            model.to(device);
            return new Built(config, model, models);
        } catch (RuntimeException e) {
            if (model != null) model.close();
            models.close();
            throw e;
        }
    }

    @SuppressWarnings("unchecked")   // RunConfig pairs a family with its own config
    private static <C extends Record> Trainable build(Family<C> family, RunConfig config, Build with) {
        return family.build((C) config.model(), with);
    }

    /** Where it lies. */
    public Path folder() { return folder; }

    /** What decided what it is. */
    public RunConfig config() { return config; }

    /** What was trained; {@link #generative} is what draws. */
    public Trainable model() { return model; }

    /** Where it computes. */
    public Device device() { return device; }

    /** The model as one that draws samples; a family that cannot is refused by name. */
    public GenerativeModel<?> generative() {
        GenerativeModel<?> g = model.as(GenerativeModel.class).orElse(null);
        if (g != null) return g;
        String family = config.settings().family();
        throw new ArgumentException("'" + family + "' draws no samples; what it is: " + Families.named(family).about());
    }

    /**
     * Draws samples in the range of the training batches, in the caller's scope. Item i's noise is a pure function of (seed, i), whatever
     * the count.
     *
     * @param overrides of the family's sampling keys, such as {@code temperature=0.8}
     */
    public Tensor sample(int count, long seed, List<String> overrides) { return sample(count, 0, seed, overrides); }

    /** As {@link #sample(int, long, List)}, items first, first + 1, ... of the seed. */
    public Tensor sample(int count, long first, long seed, List<String> overrides) {
        return drawing(overrides).sample(count, new Rng(seed).at(first).on(device));
    }

    /**
     * How the model draws with these overrides of its sampling keys, and what is asked of its samples.
     *
     * @throws IllegalArgumentException for a class or a text that the model does not draw
     */
    public Drawing<?> drawing(List<String> overrides) { return Drawing.of(generative(), overrides); }

    /**
     * As {@link #sample(int, long, List)}, by the family's own record: {@code run.sample(new Vae.Sampling(0.8), Asked.ANY, 16, 0)}.
     *
     * @throws IllegalArgumentException for the record of another family, and for what the model does not draw
     */
    public Tensor sample(Record how, Asked asked, int count, long seed) {
        return typed(generative(), how, asked).sample(count, new Rng(seed).on(device));
    }

    @SuppressWarnings("unchecked")   // after the class was compared
    private <S extends Record> Drawing<S> typed(GenerativeModel<S> model, Record how, Asked asked) {
        if (how.getClass() != model.samplingDefaults().getClass()) {
            throw new ArgumentException("this record says how another family draws than '" + config.settings().family() + "'");
        }
        Config.check(how);
        return new Drawing<>(model, (S) how, asked);
    }

    /**
     * Writes the model, as it samples, in files that Python's diffusers loads, and a README.md that tells how.
     *
     * @param name of the folder, for the README.md
     * @param train the training split, opened only for a model that must measure something
     * @param watcher may end it
     * @return what Python runs to use them
     * @throws IllegalArgumentException for a family, or a configuration of one, that diffusers does not have
     */
    public String export(FolderDraft folder, String name, Supplier<Dataset> train, Watcher watcher) {
        DiffusersExport exports = model.as(DiffusersExport.class).orElse(null);
        if (exports == null) {
            throw new ArgumentException("'" + config.settings().family() + "' is no model of diffusers; diffusion, vqvae and vqgan "
                + "are, and vae with net=kl");
        }
        Course course = new Course(watcher);
        Iterable<Batch> items = () -> {
            Dataset data = train.get();
            return course.through("training items", DataLoader.drawn(data, MEASURED_AT_ONCE, MEASURED, 0, device),
                Math.min(MEASURED, data.size())).iterator();
        };
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            String python = exports.export(folder, items, new Rng(0).on(device)).replace("DIR", name);
            RunConfig.Settings s = config.settings();
            folder.text("README.md", "Trained by Palitra " + s.code() + ": `" + s.family() + "` on `" + Path.of(s.data()).getFileName()
                + "`, items of " + InWords.shape(s.spec().shape()) + ".\n\n```python\n" + python + "```\n");
            return python;
        }
    }

    /** SHA-256 of the weights in use, or the step of the checkpoint that stands in for them. */
    public String weights() { return weights; }

    /** The same, for one who is to give it back: to close it runs {@code back} and frees nothing. */
    public Run lent(Runnable back) { return new Run(folder, config, device, built, weights, back); }

    /** Frees the model's weights, and those of what it is built upon. */
    @Override public void close() { end.run(); }
}
