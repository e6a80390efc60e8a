package io.palitra.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Split;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.family.LoraTuning;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What several commands do alike. */
final class Common {
    private static final Results RESULTS = new Results();
    /** Results go here, in UTF-8 whatever the locale. */
    static final PrintStream OUT = new PrintStream(RESULTS, true, StandardCharsets.UTF_8);
    private static final ObjectMapper JSON = new ObjectMapper();

    private Common() {}

    /** Standard output, which keeps what went wrong: a PrintStream says nothing. */
    private static final class Results extends OutputStream {
        private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
        private volatile @Nullable IOException fault;

        @Override public void write(int b) throws IOException { write(new byte[] {(byte) b}, 0, 1); }

        @Override public void write(byte[] bytes, int from, int count) throws IOException {
            try {
                out.write(bytes, from, count);
            } catch (IOException e) {
                fault = e;
                throw e;
            }
        }
    }

    /** Why results could not be written; empty where they could, or where the reader wanted no more of them, as {@code head} does. */
    static String unwritten() {
        IOException fault = RESULTS.fault;
        if (fault == null || String.valueOf(fault.getMessage()).contains("Broken pipe")) return "";
        return "the results cannot be written to standard output: " + fault.getMessage();
    }

    static void json(JsonNode node) throws IOException {
        OUT.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node));
    }

    /** Of an option that may be left out: nothing is the empty text. */
    static String text(@Nullable Object option) { return option == null ? "" : option.toString(); }

    /** As {@link #text}, of a name that is not empty where it was typed. @param as the option or parameter */
    static String name(@Nullable String typed, String as) {
        if (typed != null && typed.isEmpty()) throw new IllegalArgumentException("illegal " + as + ": '', an empty name names nothing");
        return text(typed);
    }

    static List<String> without(List<String> set, String prefix) { return set.stream().filter(s -> !s.startsWith(prefix)).toList(); }

    /** The name in the catalogue, or the path made absolute so that the run can be resumed from anywhere. */
    static String dataName(String given) {
        boolean named = given.isBlank() || given.equals("toy") || Datasets.catalogue().stream().anyMatch(s -> s.name().equals(given));
        return !named && Files.exists(Path.of(given)) ? absolute(given) : given;
    }

    private static String absolute(String path) { return Path.of(path).toAbsolutePath().normalize().toString(); }

    static Run open(Path folder, String device, int threads, Terminal terminal) throws IOException {
        Threads.set(threads);
        return Run.open(folder, device, terminal::note);
    }

    /** A split of the data that a run was trained on, or of other data of the same shape; the terminal is told its notes. */
    static Dataset data(RunConfig config, @Nullable String other, @Nullable Path dir, Split split, Terminal terminal) {
        RunConfig.Settings s = config.settings();
        DataOptions options = dir == null ? s.options() : Config.with(s.options(), "dir=" + dir);
        boolean divided = !s.family().equals(LoraTuning.FAMILY.name());
        return told(Datasets.like(s.spec(), other == null ? s.data() : dataName(other), other != null, divided, split, options), terminal);
    }

    /** The data set itself. What was left out of it, or decided by it, is told once. */
    static Dataset told(Dataset data, Terminal terminal) {
        data.notes().forEach(terminal::once);
        return data;
    }

    /** Width and height of "512x768". @throws IllegalArgumentException for all else, and for a side of 0 */
    static int[] size(String given) {
        if (!given.matches("[1-9]\\d{0,4}x[1-9]\\d{0,4}")) {
            throw new IllegalArgumentException("illegal --size: " + given
                + ", must be WIDTHxHEIGHT in pixels, each at least 1, as 512x768");
        }
        String[] sides = given.split("x");
        return new int[] {Integer.parseInt(sides[0]), Integer.parseInt(sides[1])};
    }

    /**
     * A picture of numbers that are none would be black: it is refused. Waits for the device.
     *
     * @throws ArithmeticException where some are NaN or Inf
     */
    static Tensor finite(Tensor x, Path run) {
        try (Scope scope = new Scope()) {
            if (x.isFinite().all().item() != 0) return x;
        }
        throw new ArithmeticException("the model of '" + run + "' gives numbers that are not finite (NaN or Inf); its weights may be "
            + "damaged, or its training went astray");
    }

    /** The bytes of a picture that was named. @throws FormatException for what is no file, @throws IOException with its name */
    static byte[] bytes(Path file) throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new FormatException(file.toString(), -1, Files.isDirectory(file) ? "is a folder, not a picture"
                : "is not a regular file");
        }
        try (InputStream in = Files.newInputStream(file)) { return in.readNBytes(Limits.DEFAULT.pictureBytes() + 1); }
    }

    /** As {@link #free(Path, boolean)}, of a picture, which is a PNG whatever its name says: so its name must say that. */
    static Path picture(Path file, boolean force) {
        if (!file.toString().isEmpty() && !file.toString().toLowerCase(Locale.ROOT).endsWith(".png")) {
            throw new IllegalArgumentException("illegal --out: '" + file + "', must end in .png");
        }
        return free(file, force);
    }

    /** {@link #free(Path, String, boolean)} of {@code --out}. */
    static Path free(Path file, boolean force) { return free(file, "--out", force); }

    /**
     * Refuses before the work a file that could not be written, or that would take the place of something: only a regular file is replaced,
     * and only where that was asked for. A link is not followed.
     *
     * @param option that names it, as it is typed
     */
    static Path free(Path file, String option, boolean force) {
        Path parent = file.toAbsolutePath().getParent();
        boolean there = Files.exists(file, LinkOption.NOFOLLOW_LINKS);
        String fault = file.toString().isEmpty() ? "the name is empty"
            : parent == null || Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS) ? "it is a folder"
            : Files.isSymbolicLink(file) ? "it is a link"
            : there && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) ? "it is not a regular file"
            : !Files.isDirectory(parent) ? "there is no folder '" + parent + "'"
            : !Files.isWritable(parent) ? "its folder is not to be written to" : "";
        if (!fault.isEmpty()) throw new IllegalArgumentException("cannot write " + option + " " + file + ": " + fault);
        if (there && !force) throw new IllegalArgumentException("'" + file + "' exists; choose another " + option + ", or --force");
        return file;
    }

    /** Refuses before the work a folder for many files that is none, or holds some: it is made with its parents, or empty, or forced. */
    static Path folder(Path folder, boolean force) throws IOException {
        if (folder.toString().isEmpty()) throw new IllegalArgumentException("cannot write to --out: the name is empty");
        if (!Files.isDirectory(folder)) {
            if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) return folder;
            throw new IllegalArgumentException("cannot write to --out " + folder + ": it is no folder");
        }
        try (Stream<Path> there = Files.list(folder)) {
            if (force || there.allMatch(f -> f.getFileName().toString().startsWith("."))) return folder;
        }
        throw new IllegalArgumentException("'" + folder + "' exists and is not empty; choose another --out, or --force");
    }
}
