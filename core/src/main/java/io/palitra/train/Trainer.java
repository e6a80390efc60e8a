package io.palitra.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.data.Batch;
import io.palitra.data.CaptionedDataset;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.LearnsTexts;
import io.palitra.model.Losses;
import io.palitra.model.Publishes;
import io.palitra.model.Recipe;
import io.palitra.model.Tallies;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.nn.Ema;
import io.palitra.nn.Module;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The one training loop: for each batch, each update that is due. A step's noise is a pure function of (seed, step) and its data of
 * (seed, epoch), so that a run stopped anywhere and resumed ends with the bits of the run never stopped.
 */
public final class Trainer implements AutoCloseable {
    private static final long SAVE_NANOS = 120_000_000_000L;

    private final Path folder;
    private final RunConfig config;
    private final Recipe recipe;
    private final Dataset data;
    private final Progress progress;
    private final Device device;
    private final RunLock lock;
    private final Trainable model;
    private final List<Update> updates;
    private final Map<Module, Optimizer> optimizers = new IdentityHashMap<>();   // by the module moved: two updates of one share a state
    private final Map<String, Optimizer> optimizersByName = new LinkedHashMap<>();
    private final @Nullable Ema ema;
    private final Gallery gallery;
    private final long steps;
    private final long perEpoch;
    private long step;
    private double seconds;   // of all sessions before this one
    private long since = System.nanoTime();

    private Trainer(Path folder, RunConfig config, Dataset data, @Nullable Dataset test, Progress progress) throws IOException {
        this.folder = folder.toAbsolutePath();
        this.config = config;
        this.data = data;
        this.progress = progress;
        recipe = config.settings().train();
        steps = config.steps(data.size());
        perEpoch = DataLoader.stepsPerEpoch(data, recipe.batch());
        if (!data.spec().equals(config.settings().spec())) {
            throw new IllegalArgumentException("the run was made for " + config.settings().spec() + ", the data is " + data.spec());
        }
        device = Device.named(config.settings().device());
        if (device.kind() == Device.Kind.CPU) Device.threads(config.settings().threads());
        Files.createDirectories(folder);
        lock = RunLock.take(this.folder);
        try {
            model = Run.build(config, device);
            if (model instanceof LearnsTexts && !(data instanceof CaptionedDataset)) {
                throw new IllegalArgumentException("'" + config.settings().family() + "' wants pictures with captions, and '" + data.name()
                    + "' is read without: data.captions=true");
            }
            updates = model.updates();
            for (Update u : updates) optimizers.computeIfAbsent(u.moves(), this::optimizer);
            ema = recipe.ema() > 0 ? new Ema(model.net(), recipe.ema()) : null;
            gallery = new Gallery(this.folder, config, model, data, test, progress, device);
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    private Optimizer optimizer(Module moved) {
        String name = moved == model.net() ? "" : updates.stream().filter(u -> u.moves() == moved).findFirst().orElseThrow().name();
        OptimizerSpec spec = recipe.modules().getOrDefault(name, recipe.optimizer());
        Optimizer o = new Optimizer(spec, moved.parameters(), moved.tables());
        optimizersByName.put(name, o);
        return o;
    }

    /** Starts a run in a new or empty folder. {@code stop} is asked between steps; true saves and ends. */
    public static boolean start(Path folder, RunConfig config, Dataset train, @Nullable Dataset test, Progress progress,
        BooleanSupplier stop)
            throws IOException {
        if (Files.exists(folder.resolve(Run.CONFIG))) {
            throw new IllegalArgumentException("'" + folder + "' already holds a run; resume it, or choose another folder");
        }
        try (Trainer t = new Trainer(folder, config, train, test, progress)) {
            config.write(t.folder.resolve(Run.CONFIG));
            return t.run(stop);
        }
    }

    /** Goes on from the last good checkpoint of a run, or from its beginning when there is none yet. */
    public static boolean resume(Path folder, Dataset train, @Nullable Dataset test, Progress progress, BooleanSupplier stop)
            throws IOException {
        RunConfig config = RunConfig.read(folder.resolve(Run.CONFIG));
        try (Trainer t = new Trainer(folder, config, train, test, progress)) {
            Optional<Checkpoint> last = Checkpoint.latest(t.folder, progress::note);
            if (last.isPresent()) t.restore(last.get());
            return t.run(stop);
        }
    }

    private void restore(Checkpoint last) throws IOException {
        last.facts().forEach((name, value) -> {
            String now = Checkpoint.machine().get(name);
            if (!value.equals(now)) progress.note("resuming with another " + name + " (" + now + ", was " + value
                + "): last bits may differ");
        });
        try (Scope scope = new Scope()) {
            model.net().load(last.load("weights"));
            copy(last.load("optimizer"), optimizerState(), "optimizer");
            if (ema != null) copy(last.load("ema"), ema.state(), "ema");
        }
        step = last.step();
        Path summary = folder.resolve(RunReport.SUMMARY);
        if (Files.exists(summary)) seconds = Json.read(summary).path("seconds").asDouble();
    }

    private static void copy(Map<String, Tensor> from, Map<String, Tensor> to, String part) {
        if (!from.keySet().equals(to.keySet())) throw new IllegalArgumentException("the checkpoint's " + part + " is of another model");
        to.forEach((k, t) -> t.copyFrom(java.util.Objects.requireNonNull(from.get(k))));
    }

    private Map<String, Tensor> optimizerState() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        optimizersByName.forEach((name, o) -> o.state().forEach((k, t) -> all.put(name + "/" + k, t)));
        return all;
    }

    /** True when the run reached its end, false when it was stopped. */
    private boolean run(BooleanSupplier stop) throws IOException {
        try (Metrics metrics = Metrics.resume(folder, step == 0 ? -1 : step);   // -1: from the beginning again
                DataLoader loader = new DataLoader(data, recipe.batch(), config.settings().seed(), step, device)) {
            if (step == 0) {
                if (model instanceof LearnsTexts learner && data instanceof CaptionedDataset told) learner.learn(texts(told));
                gallery.snapshot(0, 0, ema, metrics);
            } else publish();   // a kill between a checkpoint and its model leaves the model of the checkpoint before
            long saved = System.nanoTime(), reported = System.nanoTime(), reportedStep = step;
            model.net().training(true);
            while (step < steps) {
                if (stop.getAsBoolean()) {
                    save(metrics);
                    return false;
                }
                boolean report = (step + 1) % config.settings().logEvery() == 0 || step + 1 == steps;
                Map<String, Double> losses = step(loader, report);
                step++;
                if (report) {
                    metrics.append(step, step / (double) perEpoch, losses);
                    double seconds = (System.nanoTime() - reported) * 1e-9;
                    double speed = (step - reportedStep) / seconds;
                    progress.step(step, steps, losses, speed, speed * Math.min(recipe.batch(), data.size()));
                    gallery.log(step, losses, speed);
                    reported = System.nanoTime();
                    reportedStep = step;
                }
                boolean epochEnds = step % perEpoch == 0;
                if (model instanceof Tallies t && (epochEnds || step == steps)) {
                    Map<String, Double> figures = t.tally();
                    metrics.append(step, step / (double) perEpoch, figures);
                    gallery.log(step, figures);
                }
                if (gallery.due(step, steps, perEpoch)) {
                    gallery.snapshot(step, step / (double) perEpoch, ema, metrics);
                    model.net().training(true);
                }
                int every = config.settings().saveEvery();
                boolean due = every > 0 ? step % every == 0 : epochEnds && System.nanoTime() - saved > SAVE_NANOS / 4
                    || System.nanoTime() - saved > SAVE_NANOS;
                if (due || step == steps) {
                    save(metrics);
                    saved = System.nanoTime();
                }
            }
            gallery.finish(step);
            return true;
        }
    }

    /** Every caption of every picture, in order. */
    static Iterable<String> texts(CaptionedDataset data) {
        return () -> IntStream.range(0, data.size()).boxed().flatMap(i -> data.captions(i).stream()).iterator();
    }

    private Map<String, Double> step(DataLoader loader, boolean report) {
        Map<String, Double> scalars = new LinkedHashMap<>();
        try (Scope scope = new Scope()) {
            Batch batch = loader.next();
            Rng rng = new Rng(config.settings().seed()).split(1 + step).on(device);
            double lr = recipe.schedule().at(step, steps);
            for (int i = 0; i < updates.size(); i++) {
                Update u = updates.get(i);
                if (!u.due(step)) continue;
                Optimizer optimizer = java.util.Objects.requireNonNull(optimizers.get(u.moves()));
                model.net().trainable(false);
                u.moves().trainable(true);   // so an update cannot reach another's parameters
                optimizer.zeroGrad();
                Map<String, Double> losses = backward(u, batch, rng.split(i), report);
                double norm = recipe.clip() > 0 ? optimizer.clip(recipe.clip()) : optimizer.gradNorm();   // waits for the device
                if (!Double.isFinite(norm)) throw new NonFiniteException(step, u.name(), "gradient of '" + optimizer.nonFinite() + "'");
                try (Guard cast = precision()) { optimizer.step(optimizer.spec().lr() * lr); }
                if (report) {
                    scalars.putAll(losses);
                    scalars.put(u.name() + "/gradient norm", norm);
                }
            }
            if (ema != null) ema.update(step);
            if (report) scalars.put("lr", recipe.optimizer().lr() * lr);
        }
        return scalars;
    }

    /** Gradients of the batch's mean loss, micro-batch by micro-batch. */
    private Map<String, Double> backward(Update u, Batch batch, Rng rng, boolean report) {
        int parts = (int) Math.min(recipe.accumulate(), batch.size());
        Map<String, Double> scalars = new LinkedHashMap<>();
        for (int k = 0; k < parts; k++) {
            long from = batch.size() * k / parts, n = batch.size() * (k + 1) / parts - from;
            double share = n / (double) batch.size();
            try (Scope scope = new Scope()) {
                Batch part = parts == 1 ? batch : batch.part(from, n);
                Losses losses;
                try (Guard cast = precision()) {
                    losses = u.objective().of(part, parts == 1 ? rng : rng.split(k));
                }
                double total = losses.total().item();   // waits for the device
                if (!Double.isFinite(total)) throw new NonFiniteException(step, u.name(), "loss");
                (parts == 1 ? losses.total() : losses.total().mul(share)).backward();
                if (report) {
                    scalars.merge(u.name(), total * share, Double::sum);
                    losses.parts().forEach((name, t) -> scalars.merge(u.name() + "/" + name, t.item() * share, Double::sum));
                }
            }
        }
        return scalars;
    }

    private Guard precision() {
        return config.settings().precision() == RunConfig.Precision.BF16 ? Torch.autocast(device, DType.BF16) : () -> {};
    }

    private void save(Metrics metrics) throws IOException {
        metrics.force();
        Map<String, Map<String, Tensor>> parts = new LinkedHashMap<>();
        parts.put("weights", model.net().state());
        parts.put("optimizer", optimizerState());
        if (ema != null) parts.put("ema", ema.state());
        Checkpoint.save(folder, step, parts, Map.of());
        publish();
    }

    /** What others read while the run goes on: the weights to sample from, and a summary. */
    private void publish() throws IOException {
        Map<String, Tensor> averaged = new LinkedHashMap<>(model.net().state());
        if (ema != null) averaged.putAll(ema.state());
        Checkpoint.writeModel(folder.resolve(Run.MODEL), averaged,
            Map.of("family", config.settings().family(), "step", String.valueOf(step), "palitra", RunConfig.version()));
        if (model instanceof Publishes publishes) {
            if (ema != null) ema.swap();
            try {
                publishes.publish(folder).forEach(progress::wrote);
            } finally {
                if (ema != null) ema.swap();
            }
        }
        summarise();
    }

    /** What a person wants to know of the run and metrics.jsonl must not hold: clocks and the machine. */
    private void summarise() throws IOException {
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("step", step).put("epoch", step / (double) perEpoch).put("seconds", seconds + (System.nanoTime() - since) * 1e-9);
        json.put("items", step * Math.min(recipe.batch(), data.size())).put("parameters", model.net().size());
        ObjectNode machine = json.putObject("machine");
        new TreeMap<>(Checkpoint.machine()).forEach(machine::put);
        machine.put("java", System.getProperty("java.version"));
        Json.write(folder.resolve(RunReport.SUMMARY), json);
    }

    @Override public void close() {
        gallery.close();
        if (ema != null) ema.close();
        optimizersByName.values().forEach(Optimizer::close);
        model.close();
        lock.close();
    }
}
