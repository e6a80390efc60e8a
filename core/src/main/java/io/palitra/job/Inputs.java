package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.FormatException;
import io.palitra.data.Split;
import io.palitra.edit.StyleSpace;
import io.palitra.engine.Device;
import io.palitra.family.LoraTuning;
import io.palitra.hub.Safetensors;
import io.palitra.model.Drawing;
import io.palitra.model.GenerativeModel;
import io.palitra.model.IncludedModels;
import io.palitra.model.LatentModel;
import io.palitra.model.Styles;
import io.palitra.model.Watcher;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a request reads: runs and their data. A watcher gets each note of a data set once; its parts have many in common. */
final class Inputs {
    /** Where trainings go that nobody named a folder for. */
    private static final String RUNS = "runs";

    private final Watcher watcher;
    private final Set<String> noted = new LinkedHashSet<>();

    Inputs(Watcher watcher) { this.watcher = watcher; }

    /** @param threads of one operation, 0 = as it is */
    Run open(String run, String device, int threads) throws IOException {
        threads(threads);
        refuseNone(run);
        Path folder = folder(run);
        if (!OpenModels.keeps()) return Run.open(folder, device, watcher::note);
        OpenModels.Lease<Run> lease = OpenModels.lease(wanted(name(run), folder, device), () -> Run.open(folder, device, watcher::note));
        return lease.model().lent(lease::close);
    }

    private static OpenModels.Wanted wanted(String name, Path folder, String device) throws IOException {
        Path place = folder.toAbsolutePath().normalize(), weights = place.resolve(Run.MODEL);
        List<Object> state = new ArrayList<>();
        for (Path file : List.of(place.resolve(Run.CONFIG), weights)) {
            state.add(Files.exists(file) ? List.of(Files.size(file), Files.getLastModifiedTime(file)) : List.of());
        }
        return new OpenModels.Wanted(name, List.of(Run.class, place, device), state, bytes(place, 3));
    }

    /** Of the weights of a run, and of the models that it is built upon, as they are in memory. */
    private static long bytes(Path run, int depth) throws IOException {
        Path weights = run.resolve(Run.MODEL);
        if (!Files.isRegularFile(weights)) return 0;
        long sum = 0;
        for (Safetensors.Entry e : Safetensors.header(weights).entries().values()) {
            sum += Float.BYTES * Arrays.stream(e.shape()).reduce(1, (a, b) -> a * b);
        }
        Map<String, String> below = depth == 0 ? Map.of() : Config.paths(RunConfig.read(run.resolve(Run.CONFIG)).model());
        for (String place : below.values()) if (!place.isEmpty() && isRun(folder(place))) sum += bytes(folder(place), depth - 1);
        return sum;
    }

    /** The model as one of codes. @throws IllegalArgumentException for a family that has none */
    static LatentModel latent(Run opened) {
        if (opened.model() instanceof LatentModel model) return model;
        throw new ArgumentException("'" + opened.config().settings().family() + "' has no latent space to walk through");
    }

    /** The model as one whose layers read styles. @throws IllegalArgumentException for a family whose do not */
    static Styles styles(Run opened) {
        return opened.model().as(Styles.class).orElseThrow(() -> new ArgumentException("'" + opened.config().settings().family()
            + "' draws by no styles that its layers read; stylegan does"));
    }

    /**
     * The space in which points of a run are moved: of a generator with styles that of these, else that of its codes.
     *
     * @param label number or name of the class of what is drawn, of styles alone; empty = any
     * @throws IllegalArgumentException for a family that has neither
     */
    static LatentModel space(Run opened, String label) {
        Optional<Styles> styles = opened.model().as(Styles.class);
        if (styles.isEmpty()) return latent(opened);
        return new StyleSpace(styles.get(), classes(opened), label.isEmpty() ? -1 : SampleRequest.number(opened, label));
    }

    /** Classes that a sample can be asked of; 0 = none. */
    static int classes(Run opened) { return opened.model() instanceof GenerativeModel<?> g ? g.classes() : 0; }

    /** How a run draws with these overrides and what is asked of it; the watcher gets what the model reads otherwise than one may think. */
    Drawing<?> drawing(Run opened, List<String> overrides) {
        Drawing<?> drawing = opened.drawing(overrides);
        drawing.model().notes(drawing.asked()).forEach(watcher::note);
        return drawing;
    }

    /** What a file may hold of where a run lies: its folder's name. */
    static String name(String run) { return String.valueOf(Path.of(run).toAbsolutePath().normalize().getFileName()); }

    /** The folder of a run: a path, else that of a model that comes with the program. */
    static Path folder(String run) {
        Path path = Path.of(run);
        return Files.exists(path) ? path : IncludedModels.folder(run).orElse(path);
    }

    /** @throws IllegalArgumentException when the folder is no run's */
    static RunConfig config(String run) throws IOException {
        refuseNone(run);
        return RunConfig.read(folder(run).resolve(Run.CONFIG));
    }

    private static void refuseNone(String run) {
        if (isRun(folder(run))) return;
        throw new ArgumentException("'" + run + "' is not a run folder: it has no " + Run.CONFIG + near(run));
    }

    private static boolean isRun(Path folder) { return Files.isRegularFile(folder.resolve(Run.CONFIG)); }

    /** "; did you mean runs/digits?" by the runs beside the one that was asked for, those in {@value #RUNS}, and the included models. */
    static String near(String run) {
        Path asked = Path.of(run), beside = asked.getParent(), name = asked.getFileName();
        if (name == null) return "";
        if (beside == null && isRun(Path.of(RUNS).resolve(name))) return "; did you mean " + Path.of(RUNS).resolve(name) + "?";
        Map<String, String> known = new LinkedHashMap<>();   // by the last of their names, as they are typed
        if (beside == null) IncludedModels.cards().forEach(c -> known.put(c.name(), c.name()));
        for (Path folder : beside == null ? List.of(Path.of(""), Path.of(RUNS)) : List.of(beside)) {
            try (Stream<Path> all = Files.list(folder)) {
                all.filter(Inputs::isRun).sorted().forEach(r -> known.putIfAbsent(String.valueOf(r.getFileName()), r.toString()));
            } catch (IOException e) {
                // a folder that is not there, or that nobody may read, has no runs to offer
            }
        }
        String meant = InWords.nearest(name.toString(), known.keySet());
        return meant.isEmpty() ? "" : "; did you mean " + known.get(meant) + "?";
    }

    /** A number of threads as a run keeps it: 0 is as many as there are processors. */
    static int allFor0(int threads) { return threads > 0 ? threads : Device.processors(); }

    /** Sets the threads of one operation; 0 leaves them. @throws ConfigException for more than there are processors */
    static void threads(int threads) {
        int most = Device.processors();
        if (threads > most) {
            throw new ConfigException("threads", "illegal threads: " + threads + ", must be between 1 and " + most
                + ", the processors here");
        }
        if (threads > 0) Device.threads(threads);
    }

    /** The name in the catalogue, or the path made absolute so that the run can be resumed from anywhere. */
    static String dataName(String given) {
        boolean named = given.isBlank() || given.equals("toy") || Datasets.catalogue().stream().anyMatch(s -> s.name().equals(given));
        return !named && Files.exists(Path.of(given)) ? Path.of(given).toAbsolutePath().normalize().toString() : given;
    }

    /**
     * A split of the data that a run was trained on, or of other data of the same shape; the watcher gets its notes.
     *
     * @param other name or path of other data; empty for the run's own
     * @param dir where data sets lie; empty for where they lay
     */
    Dataset data(RunConfig config, String other, String dir, Split split) {
        RunConfig.Settings s = config.settings();
        DataOptions options = dir.isEmpty() ? s.options() : Config.with(s.options(), "dir=" + dir);
        boolean divided = !s.family().equals(LoraTuning.FAMILY.name());
        return noted(Datasets.like(s.spec(), other.isEmpty() ? s.data() : dataName(other), !other.isEmpty(), divided, split, options));
    }

    /** A split for a family: lora has few pictures and learns from all of a folder that has no test part of its own. */
    static Dataset of(String family, String data, Split split, DataOptions options) {
        return family.equals(LoraTuning.FAMILY.name()) ? Datasets.undivided(data, split, options) : Datasets.open(data, split, options);
    }

    /**
     * The test part to train beside; null where there is none: lora needs none of a folder, and a folder of a few pictures has none, which
     * the watcher is given as a note.
     *
     * @throws FormatException for a set of the catalogue whose test part cannot be read
     */
    @Nullable Dataset test(String family, String data, Supplier<Dataset> open) {
        boolean known = Datasets.catalogue().stream().anyMatch(s -> s.name().equals(data));
        if (family.equals(LoraTuning.FAMILY.name()) && !known) return null;
        try {
            return open.get();
        } catch (FormatException e) {
            if (known) throw e;
            watcher.note(e.getMessage() + "; training without a test part: no reconstructions, nothing to evaluate");
            return null;
        }
    }

    /** The data set itself; the watcher gets its notes. */
    Dataset noted(Dataset data) {
        data.notes().stream().filter(noted::add).forEach(watcher::note);
        return data;
    }
}
