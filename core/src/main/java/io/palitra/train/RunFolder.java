package io.palitra.train;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.config.Ordered;
import io.palitra.config.PartFile;
import io.palitra.config.Reason;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Pictures;
import io.palitra.family.LoraTuning;
import io.palitra.report.Report;
import io.palitra.stage.ClipEmbedder;
import io.palitra.stage.FirstStage;
import io.palitra.stage.GptFolder;
import io.palitra.stage.Latents;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The names of a run folder and how they are treated. Nothing is written through a link, so that a run folder of others cannot lead out of
 * itself; the run folder may be a link. What stands beside the weights (a summary, pictures, a log) never stops a run: where it is damaged,
 * or no file but a pipe or a device, it is passed over, and that is said.
 */
public final class RunFolder {
    static final String TRAIN = "train";
    static final String LOCK = ".lock";
    static final String JUDGED = "evaluation.part.safetensors";
    private static final Set<String> NAMES = Ordered.set(LOCK, TRAIN, JUDGED, Run.CONFIG, Run.MODEL, Metrics.NAME, RunReport.SUMMARY,
        RunReport.EVALUATION, Gallery.SAMPLES, Gallery.ANIMATION, Report.NAME,
        FirstStage.FOLDER, ClipEmbedder.FOLDER, GptFolder.FOLDER, Latents.FILE, LoraTuning.DIFFUSERS, LoraTuning.KOHYA,
        "tokenizer.json", "tokenizer_config.json",
        "map.png", "map-decoded.png", "map.json", "walk", "reconstruct.png", "complete.png", "interpolate.png", "interpolate.gif",
        "anomalies", "harmonised");
    /** Of sheets, which are pictures or texts. */
    private static final Pattern SHEET = Pattern.compile(
        "(" + String.join("|", RunReport.CLOSEST, Gallery.GRID, Gallery.RECONSTRUCTIONS) + ")\\.(png|txt|gif)|" + Gallery.GRID
        + "-\\d{1,2}\\.[a-z0-9]{1,8}");
    private static final Pattern NUMBERED = Pattern.compile("events\\.out\\.tfevents\\..*|seed--?\\d+(\\.(png|txt|gif|mp4))?");
    private static final int LONGEST = 64 << 20;
    /** Of versions before: a file being written had a name that did not say by whom. */
    private static final Pattern OLD_PART = Pattern.compile("\\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\.tmp");

    private RunFolder() {}

    /** Whether a file or folder of that name in a run folder is Palitra's. */
    static boolean owns(String name) { return NAMES.contains(name) || SHEET.matcher(name).matches() || NUMBERED.matcher(name).matches(); }

    /**
     * Called before anything is written into a run folder.
     *
     * @throws CheckpointException that names a link under a name of a run, or below one
     */
    public static void refuseLinks(Path run) {
        if (!Files.isDirectory(run)) return;
        try (Stream<Path> names = Files.list(run)) {
            for (Path own : names.filter(p -> owns(p.getFileName().toString())).sorted().toList()) refuseLink(own);
        } catch (IOException e) {
            throw new CheckpointException("run folder '" + run + "' cannot be listed: " + Reason.of(e), e);
        } catch (UncheckedIOException e) {
            throw new CheckpointException("run folder '" + run + "' cannot be listed: " + e.getMessage(), e);
        }
    }

    private static void refuseLink(Path own) throws IOException {
        if (Files.isRegularFile(own, LinkOption.NOFOLLOW_LINKS)) return;
        try (Stream<Path> below = Files.walk(own)) {   // which follows no links
            Optional<Path> link = below.filter(Files::isSymbolicLink).findFirst();
            if (link.isEmpty()) return;
            throw new CheckpointException("'" + link.get() + "' is a link (to '" + Files.readSymbolicLink(link.get())
                + "'): nothing is written through a link in a run folder; remove it, or make the run folder itself the link", null);
        }
    }

    /** A name in a run folder that is about to be written. @throws CheckpointException when it is a link, or one is below it */
    public static Path own(Path run, String name) {
        Path own = run.resolve(name);
        try {
            if (Files.exists(own, LinkOption.NOFOLLOW_LINKS)) refuseLink(own);
            return own;
        } catch (IOException e) {
            throw new CheckpointException("'" + own + "' cannot be looked at: " + Reason.of(e), e);
        }
    }

    /** A folder in a run folder, made where there is none. @throws CheckpointException when something else has its name */
    static Path folder(Path run, String name) {
        Path folder = own(run, name);
        try {
            return Files.createDirectories(folder);
        } catch (IOException e) {
            throw new CheckpointException("cannot make the folder '" + folder + "': " + Reason.of(e), e);
        }
    }

    /** A folder as it is before a run begins in it, so that a run that is refused leaves it so. Best effort: it throws nothing. */
    static final class Before {
        private final Path folder;
        private final List<Path> missing = new ArrayList<>();   // the folder and those above it, the deepest first
        private final Set<String> there;

        Before(Path folder) {
            this.folder = folder;
            for (Path p = folder; p != null && !Files.exists(p); p = p.getParent()) missing.add(p);
            there = names();
        }

        private Set<String> names() {
            String[] names = folder.toFile().list();
            return Ordered.set(names == null ? new String[0] : names);
        }

        /** Removes what a run has put there, and the file of its lock. */
        void removeFiles(RunLock lock) {
            if (!there.contains(LOCK)) lock.remove();
            for (String name : names()) {
                boolean half = name.startsWith(".") && name.endsWith(".part");
                if (!there.contains(name) && !name.equals(LOCK) && (half || owns(name))) quietly(folder.resolve(name));
            }
        }

        /** Removes the folders that were not there, when nobody holds them any more. */
        void removeFolders() {
            for (Path p : missing) if (!p.toFile().delete()) return;
        }

        private static void quietly(Path file) {
            try {
                PartFile.remove(file);
            } catch (IOException e) {
                // the fault that the run was refused for is what is told
            }
        }
    }

    /** Removes what writers that were killed left, so that it does not stay for ever. Wants the run's {@link RunLock}. */
    static void sweep(Path run) {
        PartFile.sweep(run);
        for (String folder : new String[] {Gallery.SAMPLES, FirstStage.FOLDER, ClipEmbedder.FOLDER, GptFolder.FOLDER}) {
            PartFile.sweep(run.resolve(folder));
        }
        String[] names = run.toFile().list();
        for (String name : names == null ? new String[0] : names) {
            if (OLD_PART.matcher(name).matches()) run.resolve(name).toFile().delete();
        }
    }

    /** Why something of that name cannot be read, or null: it must be a file itself, for a pipe would never end and a link may lead out. */
    private static Optional<String> fault(Path file) throws IOException {
        if (Files.isSymbolicLink(file)) return Optional.of("it is a link");
        if (Files.isDirectory(file)) return Optional.of("it is a folder");
        if (!Files.isRegularFile(file)) return Optional.of("it is no file");
        return Files.size(file) > LONGEST ? Optional.of("it is longer than " + LONGEST + " bytes") : Optional.empty();
    }

    private static void pass(Path file, String why, Consumer<String> warn) {
        warn.accept("'" + file + "' is passed over: " + why);
    }

    /** The bytes of a file beside the weights; empty where there is none, and where it cannot be read, which is told to {@code warn}. */
    static Optional<byte[]> bytes(Path file, Consumer<String> warn) {
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) return Optional.empty();
        try {
            Optional<String> fault = fault(file);
            if (fault.isPresent()) {
                pass(file, fault.get(), warn);
                return Optional.empty();
            }
            try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
                return Optional.of(in.readNBytes(LONGEST));
            }
        } catch (IOException e) {
            pass(file, Reason.of(e), warn);
            return Optional.empty();
        }
    }

    /** As {@link #bytes}, of a PNG or a GIF; a damaged one is passed over, too. */
    static Optional<byte[]> picture(Path file, Consumer<String> warn) {
        Optional<byte[]> bytes = bytes(file, warn);
        if (bytes.isEmpty()) return bytes;
        byte[] b = bytes.get();
        try {
            if (!file.getFileName().toString().endsWith(".gif")) {
                Pictures.read(b, file.getFileName().toString(), Limits.DEFAULT);
            } else if (b.length < 14 || b[0] != 'G' || b[1] != 'I' || b[2] != 'F' || b[b.length - 1] != ';') {
                throw new FormatException(file.getFileName().toString(), -1, "is no whole GIF");
            }
            return bytes;
        } catch (FormatException e) {
            pass(file, String.valueOf(e.getMessage()), warn);
            return Optional.empty();
        }
    }

    /** As {@link #bytes}, of a JSON object; empty also where it is none. */
    private static Optional<JsonNode> object(Path file, Consumer<String> warn) {
        Optional<byte[]> bytes = bytes(file, warn);
        if (bytes.isEmpty()) return Optional.empty();
        try {
            JsonNode json = Json.read(file.getFileName().toString(), bytes.get());
            if (json.isObject()) return Optional.of(json);
            pass(file, "it is no JSON object", warn);
        } catch (ConfigException e) {
            pass(file, String.valueOf(e.getMessage()), warn);
        }
        return Optional.empty();
    }

    /** summary.json, whose step, epoch, seconds, items and parameters are then numbers of 0 or more; empty where there is no such one. */
    static Optional<JsonNode> summary(Path run, Consumer<String> warn) {
        Path file = run.resolve(RunReport.SUMMARY);
        Optional<JsonNode> json = object(file, warn);
        for (String key : new String[] {"step", "epoch", "seconds", "items", "parameters"}) {
            if (json.isPresent() && !(json.get().path(key).isNumber() && json.get().path(key).asDouble() >= 0
                    && json.get().path(key).asDouble() < Long.MAX_VALUE)) {
                pass(file, "it has no number '" + key + "'", warn);
                return Optional.empty();
            }
        }
        return json;
    }

    /** evaluation.json, whose measures then all have a name and a value; empty where there is no such one. */
    static Optional<JsonNode> evaluation(Path run, Consumer<String> warn) {
        Path file = run.resolve(RunReport.EVALUATION);
        Optional<JsonNode> json = object(file, warn);
        if (json.isEmpty()) return json;
        boolean whole = json.get().path("measures").isArray();
        for (JsonNode m : json.get().path("measures")) whole &= m.path("name").isTextual() && m.has("value");
        if (whole) return json;
        pass(file, "it has no list of measures, each with a name and a value", warn);
        return Optional.empty();
    }
}
