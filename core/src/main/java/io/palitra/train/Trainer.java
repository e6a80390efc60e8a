package io.palitra.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.config.Ordered;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.Fingerprint;
import io.palitra.data.FormatException;
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
import io.palitra.model.Watcher;
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
import java.util.stream.IntStream;
import java.util.stream.Stream;
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
    private final Watcher progress;
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
    private final Fingerprint fingerprint;
    private final Map<String, String> underneath;
    private final Optional<Checkpoint> last;
    private final Optional<Provenance> was;   // of the last checkpoint; empty too for one that an earlier version saved
    private long step;
    private long saved = -1;   // step of the newest whole checkpoint
    private final RunFolder.@Nullable Before before;   // of a run that is new and has made no step
    private boolean begun;
    private double seconds;   // of all sessions before this one
    private long since = System.nanoTime();

    /** A run that goes on. @param before its config.json; @param changedData whether it may go on with other data */
    private record Goes(RunConfig before, boolean changedData) {}

    private Trainer(Path folder, RunConfig asked, @Nullable Goes on, Dataset data, @Nullable Dataset test, Watcher progress)
            throws IOException {
        this.folder = folder.toAbsolutePath();
        config = on != null && on.changedData ? asked.over(asked.settings().data(), data.classNames()) : asked;
        this.data = data;
        this.progress = progress;
        recipe = config.settings().train();
        steps = config.steps(data.size());
        perEpoch = DataLoader.stepsPerEpoch(data, recipe.batch());
        if (!data.spec().equals(config.settings().spec())) {
            throw new IllegalArgumentException("the run was made for " + config.settings().spec() + ", the data is " + data.spec());
        }
        device = Device.named(config.settings().device());
        // a run that goes on where there are fewer processors: restore tells it
        if (device.kind() == Device.Kind.CPU) Device.threads(Math.min(config.settings().threads(), Device.processors()));
        before = on == null ? new RunFolder.Before(this.folder) : null;
        lock = RunLock.take(this.folder);
        Trainable built = null;
        try {
            Checkpoint.sweep(this.folder);
            fingerprint = data.fingerprint();
            last = on == null ? Optional.empty() : Checkpoint.latest(this.folder, progress::note);
            was = last.flatMap(c -> Provenance.of(c.facts()));
            if (on != null) compare(on);
            model = built = Run.build(config, device);
            if (model instanceof LearnsTexts && !data.captioned()) {
                throw new IllegalArgumentException("'" + config.settings().family() + "' learns from pictures with captions, and '"
                    + data.name() + "' is read without: 'scenes' has some, and data.captions=true reads those of a folder of pictures, or "
                    + "makes some of the classes of another set");
            }
            updates = model.updates();
            underneath = model.underneath();
            was.ifPresent(w -> w.refuseOthers(underneath, config));
            for (Update u : updates) optimizers.computeIfAbsent(u.moves(), this::optimizer);
            ema = recipe.ema() > 0 ? new Ema(model.net(), recipe.ema()) : null;
            if (on == null) config.write(this.folder.resolve(Run.CONFIG));
            else keep(on.before);
            gallery = new Gallery(this.folder, config, model, data, test, progress, device);
        } catch (RuntimeException | IOException e) {
            if (built != null) built.close();
            giveBack();
            throw e;
        }
    }

    /** What the last checkpoint knows against what is now: the one place where a run that goes on is refused, or told of changes. */
    private void compare(Goes on) {
        RunConfig.Settings now = config.settings();
        long at = last.map(Checkpoint::step).orElse(0L);
        if (last.isEmpty()) progress.note("no checkpoint to go on from: the run begins at step 0");
        if (last.isPresent() && was.isEmpty()) {
            progress.note("the checkpoint of step " + at + " is of an earlier version: whether config, data, log or a model underneath"
                + " changed since cannot be checked");
        }
        if (was.isEmpty() && !now.data().equals(on.before.settings().data()) && !on.changedData) {
            throw new IllegalArgumentException("the run has data=" + on.before.settings().data() + ", " + now.data() + " was asked, and no"
                + " checkpoint knows whether that is the same; --changed-data goes on with it");
        }
        was.ifPresent(w -> {
            w.refuseChanged(config, at);
            w.compareData(fingerprint, on.before.settings().classes(), now.data(), on.changedData, progress::note);
            w.noteMachine(config, progress::note);
        });
        long before = was.isPresent() ? was.get().steps() : on.before.steps(data.size());
        Provenance.length(recipe, at, before, steps).ifPresent(progress::note);
        if (last.isPresent() && at == steps) {
            progress.note("the run in " + folder + " is finished: step " + at + " of " + steps + "; --steps M trains on");
        }
    }

    /** Writes what config.json says otherwise from now on, and says it. */
    private void keep(RunConfig before) throws IOException {
        if (config.equals(before)) return;
        Map<String, String> was = before.flat(), now = config.flat();
        List<String> changes = Provenance.changes(was, now, now.keySet());
        config.write(folder.resolve(Run.CONFIG));
        progress.note(Run.CONFIG + " now: " + Provenance.listed(changes));
    }

    private Optimizer optimizer(Module moved) {
        String name = moved == model.net() ? "" : updates.stream().filter(u -> u.moves() == moved).findFirst().orElseThrow().name();
        OptimizerSpec spec = recipe.modules().getOrDefault(name, recipe.optimizer());
        Optimizer o = new Optimizer(spec, moved.parameters(), moved.tables());
        optimizersByName.put(name, o);
        return o;
    }

    /**
     * Starts a run in a new or empty folder. A tick is a step on which losses were read, of
     * "FAMILY on DATA"; its figures are the losses, "steps/s" and "items/s". The watcher can stop it between steps; then it saves.
     *
     * @throws IllegalArgumentException for a folder that holds a run, or anything else
     */
    public static boolean start(Path folder, RunConfig config, Dataset train, @Nullable Dataset test, Watcher progress)
            throws IOException {
        refuseOccupied(folder);
        try (Trainer t = new Trainer(folder, config, null, train, test, progress)) { return t.run(); }
    }

    /** @throws IllegalArgumentException for a folder that a run cannot begin in, naming what is there */
    public static void refuseOccupied(Path folder) throws IOException {
        if (Files.exists(folder.resolve(Run.CONFIG))) {
            throw new IllegalArgumentException("'" + folder + "' already holds a run; resume it, or choose another folder");
        }
        if (!Files.exists(folder)) return;
        if (!Files.isDirectory(folder)) throw new IllegalArgumentException("'" + folder
            + "' is no folder; a run wants a new or empty folder");
        List<String> there;
        try (Stream<Path> all = Files.list(folder)) {
            // a lock, or a file half written, is what a run leaves that was refused or killed before it began
            there = all.map(p -> p.getFileName().toString()).filter(n -> !n.equals(".lock") && !n.matches("\\..+\\.tmp")).sorted().toList();
        }
        if (there.isEmpty()) return;
        throw new IllegalArgumentException("'" + folder + "' holds other things than a run: " + String.join(", ",
            there.subList(0, Math.min(3, there.size()))) + (there.size() > 3 ? " and " + (there.size() - 3) + " more" : "")
            + "; a run wants a new or empty folder");
    }

    /** Goes on from the last good checkpoint of a run, or from its beginning when there is none yet. */
    public static boolean resume(Path folder, Dataset train, @Nullable Dataset test, Watcher progress)
            throws IOException {
        return resume(folder, RunConfig.read(folder.resolve(Run.CONFIG)), false, train, test, progress);
    }

    /**
     * Goes on by a config that may differ from the run's: in its length, and in where it computes, saves and finds things; config.json
     * keeps it.
     *
     * @param now         such as {@link RunConfig#with} of the run's
     * @param changedData whether data that changed since the last checkpoint is used all the same; its bits are then those of no run that
     *     was never stopped
     * @throws io.palitra.config.ConfigException when config.json was changed so that the run would become another, a model underneath was
     *     replaced, or fewer steps are asked for than are done
     * @throws IllegalArgumentException for changed data
     */
    public static boolean resume(Path folder, RunConfig now, boolean changedData, Dataset train, @Nullable Dataset test, Watcher progress)
            throws IOException {
        RunConfig before = RunConfig.read(folder.resolve(Run.CONFIG));
        try (Trainer t = new Trainer(folder, now, new Goes(before, changedData), train, test, progress)) {
            if (t.last.isPresent()) t.restore(t.last.get());
            return t.run();
        }
    }

    private void restore(Checkpoint last) throws IOException {
        Checkpoint.machine().forEach((name, now) -> {
            String value = last.facts().get(name);
            if (value != null && !value.equals(now)) {
                progress.note("resuming with another " + name + " (" + now + ", was " + value + "): last bits may differ");
            }
        });
        try (Scope scope = new Scope()) {
            try {
                model.net().load(last.load("weights"));
            } catch (IllegalArgumentException e) {
                throw new FormatException(last.folder().toString(), -1, String.valueOf(e.getMessage()), e);
            }
            copy(last.load("optimizer"), optimizerState(), "optimizer");
            if (ema != null) copy(last.load("ema"), ema.state(), "ema");
        }
        step = last.step();
        saved = step;
        RunFolder.summary(folder, progress::note).ifPresent(summary -> seconds = summary.path("seconds").asDouble());
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
    private boolean run() throws IOException {
        Metrics.Mark known = was.map(Provenance::log).orElse(null);
        try (Metrics metrics = step == 0 ? Metrics.start(folder) : Metrics.resume(folder, step, known, progress::note);
                DataLoader loader = new DataLoader(data, recipe.batch(), config.settings().seed(), step, device)) {
            gallery.begin(step == 0 ? 0 : step + 1);
            if (step == 0) {
                if (model instanceof LearnsTexts learner) learner.learn(texts(data));
                gallery.snapshot(0, 0, ema, metrics);
            } else publish();   // a kill between a checkpoint and its model leaves the model of the checkpoint before
            long savedAt = System.nanoTime(), reported = System.nanoTime(), reportedStep = step;
            model.net().training(true);
            while (step < steps) {
                if (progress.stop()) {
                    save(metrics);
                    return false;
                }
                boolean report = (step + 1) % config.settings().logEvery() == 0 || step + 1 == steps;
                Map<String, Double> losses = step(loader, report);
                step++;
                begun = true;
                if (report) {
                    metrics.append(step, step / (double) perEpoch, losses);
                    double seconds = (System.nanoTime() - reported) * 1e-9;
                    double speed = (step - reportedStep) / seconds;
                    Map<String, Double> figures = new LinkedHashMap<>(losses);
                    figures.put("steps/s", speed);
                    figures.put("items/s", speed * Math.min(recipe.batch(), data.size()));
                    progress.tick(config.settings().family() + " on " + data.name(), step, steps, figures, Optional::empty);
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
                boolean due = every > 0 ? step % every == 0 : epochEnds && System.nanoTime() - savedAt > SAVE_NANOS / 4
                    || System.nanoTime() - savedAt > SAVE_NANOS;
                if (due || step == steps) {
                    save(metrics);
                    savedAt = System.nanoTime();
                }
            }
            gallery.finish(step);
            return true;
        }
    }

    /** Every caption of every picture, in order. */
    static Iterable<String> texts(Dataset data) {
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
                if (!Double.isFinite(norm)) throw new NonFiniteException(step, u.name(), "gradient of '" + optimizer.nonFinite() + "'",
                saved);
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
                if (!Double.isFinite(total)) throw new NonFiniteException(step, u.name(), "loss", saved);
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
        begun = true;
        metrics.force();
        Map<String, Map<String, Tensor>> parts = new LinkedHashMap<>();
        parts.put("weights", model.net().state());
        parts.put("optimizer", optimizerState());
        if (ema != null) parts.put("ema", ema.state());
        Checkpoint.save(folder, step, parts, Provenance.of(config, fingerprint, underneath, metrics.mark()).facts());
        saved = step;
        publish();
    }

    /** What others read while the run goes on: the weights to sample from, and a summary. */
    private void publish() throws IOException {
        Map<String, Tensor> averaged = new LinkedHashMap<>(model.net().state());
        if (ema != null) averaged.putAll(ema.state());
        Checkpoint.writeModel(folder.resolve(Run.MODEL), averaged,
            Ordered.map(Map.entry("family", config.settings().family()), Map.entry("step", String.valueOf(step)),
            Map.entry("palitra", RunConfig.version())));
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
        giveBack();
    }

    /** Unlocks the folder. A run that was refused before its first step leaves in it what was there before. */
    private void giveBack() {
        boolean refused = before != null && !begun;
        if (before != null && refused) before.removeFiles(lock);
        lock.close();
        if (before != null && refused) before.removeFolders();
    }
}
