package io.palitra.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Json;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.Fingerprint;
import io.palitra.data.FormatException;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.model.Recipe;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
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
    private final Watcher watcher;
    private final Device device;
    private final RunLock lock;
    private final Run.Built built;
    private final Trainable model;
    private final Stepper stepper;
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

    private Trainer(Path folder, RunConfig asked, @Nullable Goes on, Dataset data, @Nullable Dataset test, Watcher watcher)
            throws IOException {
        this.folder = folder.toAbsolutePath();
        config = on != null && on.changedData ? asked.over(asked.settings().data(), data.classNames()) : asked;
        this.data = data;
        this.watcher = watcher;
        recipe = config.settings().train();
        steps = config.steps(data.size());
        perEpoch = DataLoader.stepsPerEpoch(data, recipe.batch());
        if (!data.spec().equals(config.settings().spec())) {
            throw new ArgumentException("the run was made for " + config.settings().spec() + ", the data is " + data.spec());
        }
        device = Device.named(config.settings().device());
        // a run that goes on where there are fewer processors: restore tells it
        if (device.kind() == Device.Kind.CPU) Device.threads(Math.min(config.settings().threads(), Device.processors()));
        before = on == null ? new RunFolder.Before(this.folder) : null;
        lock = RunLock.take(this.folder);
        Run.Built made = null;
        Stepper moves = null;
        boolean ready = false;
        try {
            Checkpoint.sweep(this.folder);
            fingerprint = data.fingerprint();
            last = on == null ? Optional.empty() : Checkpoint.latest(this.folder, watcher::note);
            was = last.flatMap(c -> Provenance.of(c.facts()));
            if (on != null) compare(on);
            if (config.settings().precision() == RunConfig.Precision.BF16 && device.kind() == Device.Kind.CPU
                    && Device.convolutions().equals("plain")) {
                watcher.note("bf16 is many times slower than fp32 on this processor, for which the oneDNN of this libtorch computes wrong "
                    + "results and is switched off; --precision fp32 is the fast one here");
            }
            built = made = Run.build(config, device, watcher::note);
            model = built.model();
            if (model.wantsCaptions() && !data.captioned()) {
                throw new ArgumentException("'" + config.settings().family() + "' learns from pictures with captions, and '"
                    + data.name() + "' is read without: 'scenes' has some, and data.captions=true reads those of a folder of pictures, or "
                    + "makes some of the classes of another set");
            }
            if (device.kind() == Device.Kind.CPU) model.refuseTooMany(Math.max(1, recipe.batch() / recipe.accumulate()));
            List<Update> updates = model.updates();
            underneath = built.underneath();
            was.ifPresent(w -> w.refuseOthers(underneath, config));
            stepper = moves = new Stepper(model, updates, config, device);
            if (on == null) config.write(this.folder.resolve(Run.CONFIG));
            else keep(on.before);
            gallery = new Gallery(this.folder, config, model, data, test, watcher, device);
            ready = true;
        } finally {
            if (!ready) free(made, moves);
        }
    }

    /** Frees all that is held, and unlocks the folder, whatever happens on the way. */
    private void free(Run.@Nullable Built model, @Nullable Stepper moves) {
        try {
            if (moves != null) moves.close();
            if (model != null) model.close();
        } finally {
            giveBack();
        }
    }

    /** What the last checkpoint knows against what is now: the one place where a run that goes on is refused, or told of changes. */
    private void compare(Goes on) {
        RunConfig.Settings now = config.settings();
        long at = last.map(Checkpoint::step).orElse(0L);
        if (last.isEmpty()) watcher.note("no checkpoint to go on from: the run begins at step 0");
        if (last.isPresent() && was.isEmpty()) {
            watcher.note("the checkpoint of step " + at + " is of an earlier version: whether config, data, log or a model underneath"
                + " changed since cannot be checked");
        }
        if (was.isEmpty() && !now.data().equals(on.before.settings().data()) && !on.changedData) {
            throw new ArgumentException("the run has data=" + on.before.settings().data() + ", " + now.data() + " was asked, and no"
                + " checkpoint knows whether that is the same; --changed-data goes on with it");
        }
        was.ifPresent(w -> {
            w.refuseChanged(config, at);
            w.compareData(fingerprint, on.before.settings().classes(), now.data(), on.changedData, watcher::note);
            w.noteMachine(config, watcher::note);
        });
        long before = was.isPresent() ? was.get().steps() : on.before.steps(data.size());
        Provenance.length(recipe, at, before, steps).ifPresent(watcher::note);
        if (last.isPresent() && at == steps) {
            watcher.note("the run in " + folder + " is finished: step " + at + " of " + steps
                + "; a larger train.steps (--steps) trains on");
        }
    }

    /** Writes what config.json says otherwise from now on, and says it. */
    private void keep(RunConfig before) throws IOException {
        if (config.equals(before)) return;
        Map<String, String> was = before.flat(), now = config.flat();
        List<String> changes = Provenance.changes(was, now, now.keySet());
        config.write(folder.resolve(Run.CONFIG));
        watcher.note(Run.CONFIG + " now: " + Provenance.listed(changes));
    }

    /**
     * Starts a run in a new or empty folder. A tick is a step on which losses were read, of
     * "FAMILY on DATA"; its figures are the losses, "steps/s" and "items/s". The watcher can stop it between steps; then it saves.
     *
     * @throws IllegalArgumentException for a folder that holds a run, or anything else
     */
    public static boolean start(Path folder, RunConfig config, Dataset train, @Nullable Dataset test, Watcher watcher)
            throws IOException {
        refuseOccupied(folder);
        try (Trainer t = new Trainer(folder, config, null, train, test, watcher)) { return t.run(); }
    }

    /** @throws IllegalArgumentException for a folder that a run cannot begin in, naming what is there */
    public static void refuseOccupied(Path folder) throws IOException {
        if (Files.exists(folder.resolve(Run.CONFIG))) {
            throw new ArgumentException("'" + folder + "' already holds a run; resume it, or choose another folder");
        }
        if (!Files.exists(folder)) return;
        if (!Files.isDirectory(folder)) throw new ArgumentException("'" + folder
            + "' is no folder; a run wants a new or empty folder");
        List<String> there;
        try (Stream<Path> all = Files.list(folder)) {
            // a lock, or a file half written, is what a run leaves that was refused or killed before it began
            there = all.map(p -> p.getFileName().toString()).filter(n -> !n.equals(".lock") && !n.matches("\\..+\\.tmp")).sorted().toList();
        }
        if (there.isEmpty()) return;
        throw new ArgumentException("'" + folder + "' holds other things than a run: " + String.join(", ",
            there.subList(0, Math.min(3, there.size()))) + (there.size() > 3 ? " and " + (there.size() - 3) + " more" : "")
            + "; a run wants a new or empty folder");
    }

    /** Goes on from the last good checkpoint of a run, or from its beginning when there is none yet. */
    public static boolean resume(Path folder, Dataset train, @Nullable Dataset test, Watcher watcher)
            throws IOException {
        return resume(folder, RunConfig.read(folder.resolve(Run.CONFIG)), false, train, test, watcher);
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
    public static boolean resume(Path folder, RunConfig now, boolean changedData, Dataset train, @Nullable Dataset test, Watcher watcher)
            throws IOException {
        RunConfig before = RunConfig.read(folder.resolve(Run.CONFIG));
        try (Trainer t = new Trainer(folder, now, new Goes(before, changedData), train, test, watcher)) {
            if (t.last.isPresent()) t.restore(t.last.get());
            return t.run();
        }
    }

    private void restore(Checkpoint last) throws IOException {
        Checkpoint.machine().forEach((name, now) -> {
            String value = last.facts().get(name);
            if (value != null && !value.equals(now)) {
                watcher.note("resuming with another " + name + " (" + now + ", was " + value + "): last bits may differ");
            }
        });
        try (Scope scope = new Scope()) {
            try {
                model.net().load(last.load("weights"));
            } catch (IllegalArgumentException e) {
                throw new FormatException(last.folder().toString(), -1, String.valueOf(e.getMessage()), e);
            }
            stepper.restore(last);
        }
        step = last.step();
        saved = step;
        RunFolder.summary(folder, watcher::note).ifPresent(summary -> seconds = summary.path("seconds").asDouble());
    }

    /** True when the run reached its end, false when it was stopped. */
    private boolean run() throws IOException {
        Metrics.Mark known = was.map(Provenance::log).orElse(null);
        try (Metrics metrics = step == 0 ? Metrics.start(folder) : Metrics.resume(folder, step, known, watcher::note);
                DataLoader loader = new DataLoader(data, recipe.batch(), config.settings().seed(), step, device)) {
            gallery.begin(step == 0 ? 0 : step + 1);
            model.keep(data, folder);
            if (step == 0) {
                model.prepare(data);
                snapshot(metrics);
            } else publish();   // a kill between a checkpoint and its model leaves the model of the checkpoint before
            long savedAt = System.nanoTime(), reported = System.nanoTime(), reportedStep = step;
            model.net().training(true);
            while (step < steps) {
                if (watcher.stop()) {
                    save(metrics);
                    return false;
                }
                boolean report = (step + 1) % config.settings().logEvery() == 0 || step + 1 == steps;
                Map<String, Double> losses;
                try (Scope scope = new Scope()) { losses = stepper.step(loader.next(), step, steps, saved, report); }
                step++;
                begun = true;
                if (report) {
                    metrics.append(step, step / (double) perEpoch, losses);
                    double seconds = (System.nanoTime() - reported) * 1e-9;
                    double speed = (step - reportedStep) / seconds;
                    Map<String, Double> figures = new LinkedHashMap<>(losses);
                    figures.put("steps/s", speed);
                    figures.put("items/s", speed * Math.min(recipe.batch(), data.size()));
                    watcher.tick(config.settings().family() + " on " + data.name(), step, steps, figures, Optional::empty);
                    gallery.log(step, losses, speed);
                    reported = System.nanoTime();
                    reportedStep = step;
                }
                boolean epochEnds = step % perEpoch == 0;
                Map<String, Double> figures = epochEnds || step == steps ? model.tally() : Map.of();
                if (!figures.isEmpty()) {
                    metrics.append(step, step / (double) perEpoch, figures);
                    gallery.log(step, figures);
                }
                if (Gallery.due(step, steps, perEpoch)) {
                    snapshot(metrics);
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

    private void snapshot(Metrics metrics) {
        try (Guard averaged = stepper.averaged()) { gallery.snapshot(step, step / (double) perEpoch, metrics); }
    }

    private void save(Metrics metrics) throws IOException {
        begun = true;
        metrics.force();
        Map<String, Map<String, Tensor>> parts = new LinkedHashMap<>();
        parts.put("weights", model.net().state());
        parts.putAll(stepper.state());
        Checkpoint.save(folder, step, parts, Provenance.of(config, fingerprint, underneath, metrics.mark()).facts());
        saved = step;
        publish();
    }

    /** What others read while the run goes on: the weights to sample from, and a summary. */
    private void publish() throws IOException {
        Map<String, Tensor> averaged = new LinkedHashMap<>(model.net().state());
        if (stepper.averages() != null) averaged.putAll(stepper.averages().state());
        Map<String, String> words = new TreeMap<>(Provenance.words(underneath));
        words.put("family", config.settings().family());
        words.put("step", String.valueOf(step));
        words.put("palitra", RunConfig.version());
        Checkpoint.writeModel(folder.resolve(Run.MODEL), averaged, words);
        try (Guard swapped = stepper.averaged()) {
            model.publish(folder).forEach(watcher::wrote);
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
        try {
            gallery.close();
        } finally {
            free(built, stepper);
        }
    }

    /** Unlocks the folder. A run that was refused before its first step leaves in it what was there before. */
    private void giveBack() {
        boolean refused = before != null && !begun;
        if (before != null && refused) before.removeFiles(lock);
        lock.close();
        if (before != null && refused) before.removeFolders();
    }
}
