package io.palitra.job;

import io.palitra.config.ConfigException;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.train.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;

/** Files that requests write: what cannot be written is refused before the work, by the key that names it. */
public final class Outputs {
    private static final String FILE_NAME = ".+\\.(png|jpe?g|gif|webp|bmp|txt|md|csv|jsonl?|midi?|wav|mp3|mp4|html)";

    private Outputs() {}

    /** A name in a run folder; of a run that comes with the program, whose folder is no place to look for pictures, beside one's files. */
    static Path own(String run, String name) {
        return Files.exists(Path.of(run)) ? RunFolder.own(Path.of(run), name) : Path.of(run + "-" + name);
    }

    /** As {@link #free}, of a picture, which is a PNG whatever its name says: so its name must say that. */
    public static Path picture(Path file, String key, boolean force) { return named(file, ".png", key, force); }

    /** As {@link #free}, of a file whose name must end in what it is. @param suffix such as ".png" */
    static Path named(Path file, String suffix, String key, boolean force) {
        if (!file.toString().isEmpty() && !file.toString().toLowerCase(Locale.ROOT).endsWith(suffix)) {
            throw new ConfigException(key, "illegal " + key + ": '" + file + "', must end in " + suffix);
        }
        return free(file, key, force);
    }

    /**
     * Refuses a file that could not be written, or that would take the place of something: only a regular file is replaced, and only by
     * force. A link is not followed.
     *
     * @param key of the request that names the file
     */
    public static Path free(Path file, String key, boolean force) {
        Path parent = file.toAbsolutePath().getParent();
        boolean there = Files.exists(file, LinkOption.NOFOLLOW_LINKS);
        String fault = file.toString().isEmpty() ? "the name is empty"
            : parent == null || Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS) ? "it is a folder"
            : Files.isSymbolicLink(file) ? "it is a link"
            : there && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) ? "it is not a regular file"
            : !Files.isDirectory(parent) ? "there is no folder '" + parent + "'"
            : !Files.isWritable(parent) ? "its folder is not to be written to" : "";
        if (!fault.isEmpty()) throw new ConfigException(key, "cannot write " + key + "=" + file + ": " + fault);
        if (there && !force) throw new ConfigException(key, "'" + file + "' exists; choose another " + key + "=, or force=true");
        return file;
    }

    /**
     * Refuses a place that is to become a folder and has the name of a file.
     *
     * @param allowed what can be asked for instead, such as "a folder is allowed"
     */
    static Path notNamedAsFile(Path folder, String key, String allowed) {
        boolean file = String.valueOf(folder.getFileName()).toLowerCase(Locale.ROOT).matches(FILE_NAME) && !Files.isDirectory(folder);
        if (file) throw new ConfigException(key, "illegal " + key + ": '" + folder + "', " + allowed);
        return folder;
    }

    /** Refuses a folder for many files that is none, or holds some: it is made with its parents, or empty, or forced. */
    public static Path folder(Path folder, String key, boolean force) throws IOException {
        if (folder.toString().isEmpty()) throw new ConfigException(key, "cannot write to " + key + "=: the name is empty");
        if (!Files.isDirectory(folder)) {
            if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) return folder;
            throw new ConfigException(key, "cannot write to " + key + "=" + folder + ": it is no folder");
        }
        try (Stream<Path> there = Files.list(folder)) {
            if (force || there.allMatch(f -> f.getFileName().toString().startsWith("."))) return folder;
        }
        throw new ConfigException(key, "'" + folder + "' exists and is not empty; choose another " + key + "=, or force=true");
    }

    /**
     * A picture of numbers that are none would be black: it is refused. Waits for the device.
     *
     * @throws ArithmeticException where some are NaN or Inf
     */
    static Tensor finite(Tensor x, String run) {
        try (Scope scope = new Scope()) {
            if (x.isFinite().all().item() != 0) return x;
        }
        throw new ArithmeticException("the model of '" + run + "' gives numbers that are not finite (NaN or Inf); its weights may be "
            + "damaged, or its training went astray");
    }
}
