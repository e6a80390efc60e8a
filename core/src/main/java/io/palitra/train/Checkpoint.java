package io.palitra.train;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.config.Ordered;
import io.palitra.config.Reason;
import io.palitra.data.FormatException;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.hub.Safetensors;
import io.palitra.hub.Storage;
import io.palitra.hub.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * All that a run needs to go on as if it had never stopped, in {@code <run>/train/step-NNNNNNNN/}: one file of tensors for each part
 * (weights, optimizer, ema) and a manifest with their hashes. A save is built under another name, forced to the medium and renamed, so that
 * a crash or a power cut leaves the old checkpoint or the new one. Saving and resuming want the run's {@link RunLock}.
 */
public final class Checkpoint {
    private static final int KEPT = 2;
    static final String HASH = "sha256";
    private static final String STEP = "step-";
    /** A folder that is being built or taken down. */
    private static final String TEMPORARY = ".tmp-";
    /** A checkpoint that makes place for a new one of the same step. */
    private static final String DISPLACED = ".was-";

    /** Weights that were being written; only who holds the lock writes them. Those of an evaluation are its own. */
    private static final Pattern OWN_PART = Pattern.compile("\\.(?!evaluation\\.).+\\.safetensors\\..+\\.part");

    private final Path folder;
    private final Manifest manifest;

    private Checkpoint(Path folder, Manifest manifest) {
        this.folder = folder;
        this.manifest = manifest;
    }

    Path folder() { return folder; }

    /** Moves of the optimiser made before it was saved. */
    public long step() { return manifest.step(); }

    /** What was said at saving, and {@link #machine}. */
    public Map<String, String> facts() { return Ordered.copy(manifest.facts()); }

    public Set<String> parts() {
        return manifest.files().keySet().stream().map(f -> f.substring(0, f.indexOf('.'))).collect(Collectors.toUnmodifiableSet());
    }

    /** The tensors of a part, in the innermost scope. */
    public Map<String, Tensor> load(String part) {
        if (!parts().contains(part)) throw new CheckpointException(folder + " has no part '" + part + "'; there are "
            + InWords.list(new TreeSet<>(parts())), null);
        return Safetensors.read(folder.resolve(fileOf(part))).tensors();
    }

    /** What results depend on beside the run itself: versions, threads, instructions of the processor. */
    public static Map<String, String> machine() {
        Map<String, String> facts = new TreeMap<>();
        try {
            facts.put("libtorch", Device.libtorch());
        } catch (IOException e) {
            facts.put("libtorch", "unknown");
        }
        facts.put("blas", Device.blas());
        facts.put("convolutions", Device.convolutions());
        facts.put("threads", String.valueOf(Device.threads()));
        facts.put("cpu", Device.capability());
        facts.put("java", System.getProperty("java.version"));
        facts.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        return facts;
    }

    /**
     * Saves, then removes what is older than the newest two whole checkpoints. When it returns, the checkpoint survives a power cut. Reads
     * the checkpoint before it once, to be sure that it is whole before an older one goes. Waits for the device.
     *
     * @param parts by names such as "weights", [a-z][a-z0-9_]*
     * @param facts words to find again, such as a hash of the run's configuration; {@link #machine} is added
     * @throws CheckpointException when a floating tensor is not finite (nothing is written), or when it cannot be written, with the bytes
     *     it needed and those that were free. The checkpoint before it loads.
     */
    public static void save(Path runFolder, long step, Map<String, Map<String, Tensor>> parts, Map<String, String> facts) {
        save(Storage.DISK, runFolder, step, parts, facts);
    }

    static void save(Storage storage, Path runFolder, long step, Map<String, Map<String, Tensor>> parts, Map<String, String> facts) {
        if (step < 0) throw new ArgumentException("illegal step: " + step + ", must be at least 0");
        for (String part : parts.keySet()) {
            if (!fileOf(part).matches(Manifest.FILE_NAME)) {
                throw new ArgumentException("illegal part: '" + part + "', wants [a-z][a-z0-9_]*, at most 64 long");
            }
        }
        parts.forEach((part, tensors) -> refuseNonFinite("checkpoint of step " + step + " not saved: " + part, tensors));
        Map<String, String> words = machine();
        words.putAll(facts);
        Path train = runFolder.toAbsolutePath().resolve("train");
        Path last = train.resolve(nameOf(step));
        Path built = train.resolve(TEMPORARY + nameOf(step));
        long needed = 0;
        for (Map<String, Tensor> tensors : parts.values()) needed += Safetensors.fileBytes(tensors, Map.of());
        long free = -1;
        boolean saved = false;
        try {
            sweep(storage, runFolder);
            free = storage.free(runFolder);
            if (free > 0 && free < needed) throw new IOException("no space left on device");
            if (!Files.isDirectory(train)) storage.createFolder(train);
            storage.force(runFolder);   // also when the folder is there: the save that made it may have failed here
            storage.createFolder(built);
            Map<String, Manifest.Sum> sums = new TreeMap<>();
            for (Map.Entry<String, Map<String, Tensor>> e : parts.entrySet()) {
                sums.put(fileOf(e.getKey()), write(storage, built.resolve(fileOf(e.getKey())), e.getValue()));
            }
            try (Storage.Output out = storage.create(built.resolve(Manifest.NAME))) {
                out.write(ByteBuffer.wrap(new Manifest(step, sums, words).bytes()));
                out.force();
            }
            storage.force(built);
            if (Files.exists(last)) storage.move(last, train.resolve(DISPLACED + nameOf(step)));
            storage.move(built, last);
            storage.force(train);
            saved = true;
            sweep(storage, runFolder);
            removeOld(storage, train, last);
        } catch (IOException e) {
            StorageException cause = new StorageException(train, needed, freeNow(storage, runFolder, free), e);
            CheckpointException failed = saved
                ? new CheckpointException("step " + step + " is saved, but an older checkpoint cannot be removed: " + Reason.told(e), e)
                : new CheckpointException("checkpoint of step " + step + " not saved: " + cause.getMessage(), needed, cause.free(), cause);
            try {
                sweep(storage, runFolder);
            } catch (IOException alsoFailed) {
                failed.addSuppressed(alsoFailed);   // the next save or resume sweeps
            }
            throw failed;
        }
    }

    private static long freeNow(Storage storage, Path folder, long before) {
        try {
            return storage.free(folder);
        } catch (IOException e) {
            return before;
        }
    }

    /** A file of the folder being built, its size and its hash. */
    private static Manifest.Sum write(Storage storage, Path file, Map<String, Tensor> tensors) throws IOException {
        MessageDigest digest = Manifest.sha256();
        long[] bytes = {0};
        try (Storage.Output out = storage.create(file)) {
            Safetensors.writeTo(new Storage.Output() {
                @Override public void write(ByteBuffer from) throws IOException {
                    bytes[0] += from.remaining();
                    digest.update(from.duplicate());
                    out.write(from);
                }

                @Override public void force() throws IOException { out.force(); }

                @Override public void close() throws IOException { out.close(); }
            }, tensors, Map.of());
            out.force();
        }
        return new Manifest.Sum(bytes[0], HexFormat.of().formatHex(digest.digest()));
    }

    /**
     * The newest checkpoint that is whole to the last byte; empty when there is none. Every one that is passed over goes to {@code warn}
     * with the file that is missing or altered. Changes nothing, so that others may look while a trainer saves; what an interrupted save
     * left goes with the next save.
     *
     * @throws CheckpointException when the run folder cannot be listed
     */
    public static Optional<Checkpoint> latest(Path runFolder, Consumer<String> warn) {
        Path train = runFolder.toAbsolutePath().resolve("train");
        try {
            for (Path folder : newestFirst(train)) {
                try {
                    return Optional.of(new Checkpoint(folder, verified(folder)));
                } catch (FormatException e) {
                    warn.accept("checkpoint " + folder.getFileName() + " is not used: " + e.getMessage());
                }
            }
            return Optional.empty();
        } catch (IOException e) {
            throw new CheckpointException("cannot look for checkpoints in '" + train + "': " + Reason.of(e), e);
        }
    }

    /**
     * The newest checkpoint by its manifest, which alone is read: whether its files are whole is not known. Empty when there is none, or
     * its manifest is damaged.
     */
    static Optional<Checkpoint> newest(Path runFolder) {
        try {
            for (Path folder : newestFirst(runFolder.toAbsolutePath().resolve("train"))) {
                return Optional.of(new Checkpoint(folder, Manifest.read(folder)));
            }
        } catch (IOException | FormatException e) {
            // who needs the checkpoint says what is wrong with it
        }
        return Optional.empty();
    }

    private static Manifest verified(Path folder) {
        Manifest manifest = Manifest.read(folder);
        if (!folder.getFileName().toString().endsWith(nameOf(manifest.step()))) {
            throw new FormatException(folder.resolve(Manifest.NAME).toString(), -1, "is of step " + manifest.step() + "");
        }
        manifest.verify(folder);
        return manifest;
    }

    private static List<Path> newestFirst(Path train) throws IOException {
        Map<Long, Path> byStep = new TreeMap<>(Comparator.reverseOrder());
        for (Path p : children(train)) {
            String name = p.getFileName().toString();
            boolean displaced = name.startsWith(DISPLACED);   // counts when the save that displaced it did not come to its own rename
            String plain = displaced ? name.substring(DISPLACED.length()) : name;
            if (!plain.matches(STEP + "[0-9]{8,18}")) continue;
            long step = Long.parseLong(plain.substring(STEP.length()));
            if (!displaced || !byStep.containsKey(step)) byStep.put(step, p);
        }
        return List.copyOf(byStep.values());
    }

    /** Everything older than the newest two whole checkpoints; one that is torn never counts, so the last whole one never goes. */
    private static void removeOld(Storage storage, Path train, Path justSaved) throws IOException {
        List<Path> found = newestFirst(train);
        int whole = 0;
        for (int i = 0; i < found.size(); i++) {
            Path folder = found.get(i);
            if (whole == KEPT) {
                Path going = train.resolve(TEMPORARY + folder.getFileName());   // half removed, it must not be offered
                storage.move(folder, going);
                remove(storage, going);
            } else if (folder.equals(justSaved) || i + 1 < found.size() && isWhole(folder)) {
                whole++;
            }
        }
    }

    private static boolean isWhole(Path folder) {
        try {
            verified(folder);
            return true;
        } catch (FormatException e) {
            return false;
        }
    }

    /**
     * Removes what writers that were killed left in a run folder, and puts back what a save displaced. Wants the run's {@link RunLock}.
     *
     * @throws CheckpointException when it cannot be removed
     */
    static void sweep(Path runFolder) {
        try {
            sweep(Storage.DISK, runFolder);
        } catch (IOException e) {
            throw new CheckpointException("cannot remove what an interrupted save left: " + Reason.told(e), e);
        }
        RunFolder.sweep(runFolder);
    }

    /** Removes what a save that did not end left, and puts back what it displaced. */
    private static void sweep(Storage storage, Path runFolder) throws IOException {
        Path train = runFolder.toAbsolutePath().resolve("train");
        for (Path p : children(train)) {
            String name = p.getFileName().toString();
            if (name.startsWith(TEMPORARY)) remove(storage, p);
            if (name.startsWith(DISPLACED)) {
                Path own = train.resolve(name.substring(DISPLACED.length()));
                if (!Files.exists(own)) storage.move(p, own);
                storage.force(train);   // its files go only when its name is gone for good
                if (Files.exists(p)) remove(storage, p);
            }
        }
        for (Path p : children(runFolder)) {
            if (OWN_PART.matcher(p.getFileName().toString()).matches()) storage.delete(p);
        }
    }

    private static void remove(Storage storage, Path path) throws IOException {
        if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            for (Path child : children(path)) remove(storage, child);
        }
        storage.delete(path);
    }

    private static List<Path> children(Path folder) throws IOException {
        if (!Files.exists(folder)) return List.of();
        String[] names = folder.toFile().list();
        if (names == null) throw new IOException("'" + folder + "' cannot be listed: it is no folder, or nobody may look into it");
        return Stream.of(names).sorted().map(folder::resolve).toList();
    }

    private static String nameOf(long step) { return String.format(Locale.ROOT, STEP + "%08d", step); }

    private static String fileOf(String part) { return part + ".safetensors"; }

    private static void refuseNonFinite(String what, Map<String, Tensor> tensors) {
        tensors.forEach((name, t) -> {
            try (Scope scope = new Scope()) {
                if (t.dtype().floating() && t.detach().isFinite().all().item() == 0) {
                    throw new CheckpointException(what + ": tensor '" + name + "' of " + t + " holds values that are not finite", null);
                }
            }
        });
    }

    /**
     * Writes weights for sampling, replacing {@code file} in one stroke. Metadata gets "sha256", the hash of the values. Waits for the
     * device.
     *
     * @throws CheckpointException when a floating tensor is not finite, or when it cannot be written; the old file is whole
     */
    public static void writeModel(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
        writeModel(Storage.DISK, file, tensors, metadata);
    }

    static void writeModel(Storage storage, Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
        refuseNonFinite(file + " not written", tensors);
        Map<String, String> words = new LinkedHashMap<>(metadata);
        words.put(HASH, Safetensors.sha256(tensors));
        try {
            Safetensors.write(storage, file, tensors, words);
        } catch (StorageException e) {
            throw new CheckpointException(String.valueOf(e.getMessage()), e.needed(), e.free(), e);
        }
    }

    /**
     * Reads what {@link #writeModel} wrote; the tensors are in the innermost scope.
     *
     * @throws FormatException when it is no such file, or its values are not those that were written
     */
    public static Safetensors readModel(Path file) {
        try (Scope scope = new Scope()) {
            MessageDigest digest = Manifest.sha256();
            Safetensors read = Safetensors.read(file, Safetensors.Limits.DEFAULT, digest);
            String wanted = read.metadata().get(HASH);
            if (wanted == null) {
                throw new FormatException(file.toString(), -1, "has no '" + HASH + "' in its metadata: it is no model of a run");
            }
            if (!HexFormat.of().formatHex(digest.digest()).equals(wanted)) {
                throw new FormatException(file.toString(), -1, "is altered: the SHA-256 of its values is not the one it states");
            }
            read.tensors().values().forEach(scope::keep);
            return read;
        }
    }
}
