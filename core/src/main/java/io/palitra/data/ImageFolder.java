package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.config.Ordered;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * A folder of pictures, or a .zip of one, which is read in place. Pictures in folders are classed by them, and come one of each class in
 * turn, in the order of their names; pictures side by side have no labels. Sub-folders {@code train} and {@code test} (also
 * {@code valid}, {@code val}, {@code dev}), or {@code train.zip} and {@code test.zip}, are the parts; without them a tenth, picked by a
 * hash of the name, is the test part; fewer than ten pictures have none.
 *
 * <p>All pictures get the size of the options, or of the first picture of the training part; a picture of another shape is resized to cover
 * that and cut around its middle. They get the channels of the options, or colours if any picture of a sample of that part has them: 64
 * pictures, spread evenly in the order of names. They are decoded when opened if all fit a quarter of the heap and 1 GiB. Otherwise each
 * is decoded when asked for, and one that turns out broken then is an error, since the number of items is fixed by that time.
 */
public final class ImageFolder implements ImageDataset {
    private static final Set<String> EXTENSIONS =
        Ordered.set("png", "jpg", "jpeg", "gif", "bmp", "webp", "jfif", "tif", "tiff", "ppm", "pgm", "avif", "heic");
    private static final Set<String> TRAIN = Ordered.set("train", "training");
    private static final Set<String> TEST = Ordered.set("test", "testing", "eval", "evaluation");
    private static final Set<String> VALID = Ordered.set("valid", "validation", "val", "dev");

    private static final String ALONE = "some pictures of '%s' are in folders and some are not: their classes are not read";

    /** Lines of one kind that are printed; more are counted. */
    private static final int NAMED = 10;

    /** Sizes that are printed when they differ. */
    private static final int SIZES = 5;

    /** Pictures that decide the channels, and whose sizes are compared. */
    private static final int SAMPLE = 64;

    /** The two parts of a folder, and pictures that are in neither; both archives may be one. */
    record Parts(Part train, Part test, boolean own, List<String> outside) implements AutoCloseable {
        Part of(Split split) { return split == Split.TRAIN ? train : test; }

        @Override public void close() {
            train.archive.close();
            if (test.archive != train.archive) test.archive.close();
        }

        /** Closes what is not read from any more. */
        private void keep(Split split) {
            if (test.archive != train.archive) of(split == Split.TRAIN ? Split.TEST : Split.TRAIN).archive.close();
        }
    }

    /** The pictures of one split: those names of an archive, all of which begin with root. */
    record Part(Archive archive, String root, List<String> names) { }

    private final String name;
    private final ImageSpec spec;
    private final List<String> classNames;
    private final List<String> skipped;
    private final List<String> notes;
    private final List<String> sources;
    private final int[] labels;
    private final byte @Nullable [] decoded;
    private final Part part;
    private final Set<String> held;
    private final Limits limits;

    /**
     * Opens a folder or a .zip.
     *
     * @param name to report
     * @throws FormatException when there are no pictures, none can be read, or one cannot and the options are strict
     */
    public static ImageFolder open(Path path, String name, Split split, DataOptions options, Limits limits) {
        return open(path, name, true, split, true, options, limits);
    }

    /** As {@link #open}, but without labels. @param divided as of {@link #parts} */
    static ImageFolder unlabelled(Path path, String name, Split split, boolean divided, DataOptions options, Limits limits) {
        return open(path, name, false, split, divided, options, limits);
    }

    private static ImageFolder open(Path path, String name, boolean labelled, Split split, boolean divided, DataOptions options,
            Limits limits) {
        Parts parts = parts(path, divided, limits);
        boolean keep = false;
        try {
            ImageFolder folder = new ImageFolder(path, name, parts, labelled, split, options, limits);
            keep = folder.decoded == null;
            return folder;
        } finally {
            if (keep) parts.keep(split);
            else parts.close();
        }
    }

    /** @param divided whether a tenth is for testing where the folder has no parts of its own */
    static Parts parts(Path path, boolean divided, Limits limits) {
        Path trainZip = path.resolve("train.zip");
        Path testZip = path.resolve("test.zip");
        boolean pair = pair(path);
        Archive first = Archive.open(pair ? trainZip : path, limits);
        try {
            return pair ? new Parts(whole(first), whole(Archive.open(testZip, limits)), true, List.of()) : divide(first, path, divided);
        } catch (RuntimeException e) {
            first.close();
            throw e;
        }
    }

    /** Whether the parts are two zips. */
    static boolean pair(Path path) {
        return Files.isRegularFile(path.resolve("train.zip")) && Files.isRegularFile(path.resolve("test.zip"));
    }

    /** Whether a file is called as pictures are. */
    static boolean named(String file) {
        return EXTENSIONS.contains(file.substring(file.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT));
    }

    /**
     * All pictures of a folder, of a .zip or of one file, those for training first, in the order of their names. Where some are in folders
     * and some are not, none has a class.
     */
    static ImageFolder whole(Path path, String name, DataOptions options, Limits limits) {
        Path parent = path.toAbsolutePath().getParent(), last = path.getFileName();
        Archive archive = parent != null && last != null && Files.isRegularFile(path) && named(last.toString())
            ? new Archive.Folder(parent, List.of(last.toString()), limits) : Archive.open(path, limits);
        boolean keep = false;
        try {
            ImageFolder folder = new ImageFolder(path, name, divide(archive, path, true), true, null, options, limits);
            keep = folder.decoded == null;
            return folder;
        } finally {
            if (!keep) archive.close();
        }
    }

    /** @param split null for all pictures of both parts and of neither, from one archive */
    private ImageFolder(Path path, String name, Parts parts, boolean labelled, @Nullable Split split, DataOptions options,
            Limits limits) {
        this.name = name;
        this.limits = limits;
        boolean mixed = split == null && mixed(tops(parts));
        this.classNames = labelled && !mixed ? classes(path, parts) : List.of();
        this.held = split == null ? Ordered.set(parts.test.names) : Set.of();
        Part asked = split == null ? joined(parts) : inTurn(parts.of(split));
        if (split != null && asked.names.isEmpty()) {
            throw new FormatException(path.toString(), -1, "no pictures in its " + split.name().toLowerCase(Locale.ROOT) + " part, "
                + (parts.train.names.size() + parts.test.names.size()) + " in the other; of ten pictures and more one is for testing, "
                + "and folders train/ and test/ choose");
        }
        List<String> notes = new ArrayList<>(asked.archive.notes());
        if (mixed) notes.add(String.format(Locale.ROOT, ALONE, name));
        if (split != null && !parts.outside.isEmpty()) {
            notes.add(parts.outside.size() + (parts.outside.size() == 1 ? " picture of '" : " pictures of '") + name
                + "' in neither the training part nor the test part, not used: " + parts.outside.get(0)
                + (parts.outside.size() == 1 ? "" : ", ..."));
        }
        this.spec = spec(path, parts, options, notes);
        int n = asked.names.size();
        int dims = (int) spec.dims();
        List<String> broken = new ArrayList<>();
        if (n * spec.dims() > Math.min(1L << 30, Runtime.getRuntime().maxMemory() / 4)) {
            this.part = asked;
            this.decoded = null;
        } else {
            byte[] all = new byte[n * dims];
            String[] faults = new String[n];
            String[] forgiven = new String[n];
            boolean[] greyed = new boolean[n];
            IntStream.range(0, n).parallel().forEach(i -> {
                try {
                    Picture read = read(asked, i, note -> forgiven[i] = note);
                    greyed[i] = options.channels() == 0 && read.channels() > spec.channels();
                    System.arraycopy(fitted(read, asked, i).pixels(), 0, all, i * dims, dims);
                } catch (FormatException e) {
                    if (options.strict()) throw e;
                    faults[i] = e.getMessage();
                }
            });
            List<String> kept = new ArrayList<>(n);
            for (int i = 0; i < n; i++) {
                if (faults[i] == null) {
                    if (kept.size() < i) System.arraycopy(all, i * dims, all, kept.size() * dims, dims);
                    kept.add(asked.names.get(i));
                } else {
                    broken.add("skipped " + faults[i]);
                }
            }
            if (kept.isEmpty()) {
                throw new FormatException(path.toString(), -1, "none of its " + n + " pictures can be read; the first: "
                    + broken.get(0).substring("skipped ".length()));
            }
            this.part = new Part(asked.archive, asked.root, kept);
            this.decoded = broken.isEmpty() ? all : Arrays.copyOf(all, kept.size() * dims);
            List<String> accepted = Arrays.stream(forgiven).filter(Objects::nonNull).toList();
            long deep = accepted.stream().filter(Pictures::deep).count();   // of a scanner or a telescope all are
            notes.addAll(InWords.few(accepted.stream().filter(note -> deep == 1 || !Pictures.deep(note)).toList(), "pictures of '" + name
                + "' the same"));
            if (deep > 1) notes.add(deep + " of " + n + " pictures of '" + name + "' have 16 bits to a channel, which are read as 8");
            long grey = IntStream.range(0, n).filter(i -> greyed[i]).count();
            if (grey > 0) notes.add(grey + " of " + n + " pictures of '" + name + "' lose their colours: the " + SAMPLE
                + " that decided are grey; --set data.channels=3 keeps them");
        }
        this.skipped = broken.stream().map(s -> s.substring("skipped ".length())).toList();
        notes.addAll(InWords.few(broken, "pictures of '" + name + "' that cannot be read, skipped"));
        this.notes = List.copyOf(notes);
        List<String> lines = new ArrayList<>();
        for (String file : part.names) lines.add(file.substring(part.root.length()) + " " + part.archive.size(file));
        this.sources = lines;
        this.labels = new int[part.names.size()];
        Map<String, Integer> numbers = new LinkedHashMap<>();
        for (String c : classNames) numbers.put(c, numbers.size());
        List<Part> roots = split == null ? List.of(parts.train, parts.test) : List.of(part);
        for (int i = 0; i < labels.length; i++) labels[i] = numbers.getOrDefault(top(below(part.names.get(i), roots)), -1);
    }

    private static Part joined(Parts parts) {
        List<String> names = new ArrayList<>(parts.train.names);
        names.addAll(parts.test.names);
        names.addAll(parts.outside);
        return new Part(parts.train.archive, "", names);
    }

    /** A name below the root of the part that it is in. */
    private static String below(String file, List<Part> parts) {
        for (Part part : parts) if (!part.names.isEmpty() && file.startsWith(part.root)) return file.substring(part.root.length());
        return file;
    }

    /** One of each class in turn, while there are, so that the first n of a set are fair to its classes whatever n is. */
    private static Part inTurn(Part part) {
        Map<String, Integer> seen = new LinkedHashMap<>();
        Map<Integer, List<String>> turns = new TreeMap<>();
        for (String file : part.names) {
            int turn = seen.merge(top(file.substring(part.root.length())), 1, Integer::sum);
            turns.computeIfAbsent(turn, t -> new ArrayList<>()).add(file);
        }
        return new Part(part.archive, part.root, turns.values().stream().flatMap(List::stream).toList());
    }

    private static Part whole(Archive archive) {
        List<String> names = pictures(archive);
        return new Part(archive, root(names), names);
    }

    private static Parts divide(Archive archive, Path path, boolean divided) {
        List<String> names = pictures(archive);
        if (names.isEmpty()) throw new FormatException(path.toString(), -1, "no files of pictures: PNG, JPEG, GIF, BMP and WebP are "
            + "read; as texts .txt, .md and .jsonl are, as music .mid" + TextFiles.held(path));
        String root = root(names);
        Set<String> tops = new LinkedHashSet<>();
        for (String file : names) tops.add(top(file.substring(root.length())));
        List<String> train = tops.stream().filter(t -> TRAIN.contains(t.toLowerCase(Locale.ROOT))).toList();
        List<String> test = tops.stream().filter(t -> TEST.contains(t.toLowerCase(Locale.ROOT))).toList();
        if (test.isEmpty()) test = tops.stream().filter(t -> VALID.contains(t.toLowerCase(Locale.ROOT))).toList();
        if (train.size() > 1 || test.size() > 1) {
            throw new FormatException(path.toString(), -1, "two folders for one part: " + InWords.list(train.size() > 1 ? train : test));
        }
        if (train.size() == 1 && test.size() == 1) {
            Part a = below(archive, root + train.get(0) + "/", names), b = below(archive, root + test.get(0) + "/", names);
            return new Parts(a, b, true, names.stream().filter(file -> !file.startsWith(a.root) && !file.startsWith(b.root)).toList());
        }
        if (!divided || names.size() < 10) {
            return new Parts(new Part(archive, root, names), new Part(archive, root, List.of()), false, List.of());
        }
        List<String> most = new ArrayList<>();
        List<String> tenth = new ArrayList<>();
        for (String file : names) (hash(file.substring(root.length())) % 10 == 0 ? tenth : most).add(file);
        if (tenth.isEmpty()) {   // a few names: chance may have picked none
            names.stream().sorted(Comparator.comparingLong(file -> hash(file.substring(root.length())))).limit(names.size() / 10)
                .forEach(tenth::add);
            most.removeAll(tenth);
            tenth.sort(null);
        }
        return new Parts(new Part(archive, root, most), new Part(archive, root, tenth), false, List.of());
    }

    private static Part below(Archive archive, String folder, List<String> names) {
        return new Part(archive, folder, names.stream().filter(file -> file.startsWith(folder)).toList());
    }

    private static long hash(String name) {
        CRC32 crc = new CRC32();
        crc.update(name.getBytes(StandardCharsets.UTF_8));
        // a multiplier spreads the low bits, which names counted up from 0 leave regular
        return crc.getValue() * 0x9e3779b97f4a7c15L >>> 33;
    }

    static List<String> pictures(Archive archive) {
        return archive.names().stream().filter(ImageFolder::named).toList();
    }

    /** The folders, if any, in which all names are. */
    private static String root(List<String> names) {
        if (names.isEmpty()) return "";
        // sorted: what the first and the last share, all share
        String first = names.get(0);
        String last = names.get(names.size() - 1);
        int end = 0;
        for (int i = 0; i < Math.min(first.length(), last.length()) && first.charAt(i) == last.charAt(i); i++) {
            if (first.charAt(i) == '/') end = i + 1;
        }
        return first.substring(0, end);
    }

    /** The first folder of a name, "" when it is in none. */
    private static String top(String name) { return name.substring(0, Math.max(0, name.indexOf('/'))); }

    private static TreeSet<String> tops(Parts parts) {
        TreeSet<String> tops = new TreeSet<>();
        for (Part part : List.of(parts.train, parts.test)) for (String file : part.names) tops.add(top(file.substring(part.root.length())));
        return tops;
    }

    private static boolean mixed(Set<String> tops) { return tops.size() > 1 && tops.contains(""); }

    private static List<String> classes(Path path, Parts parts) {
        TreeSet<String> tops = tops(parts);
        if (mixed(tops)) {
            throw new FormatException(path.toString(), -1, "some pictures are in folders (" + tops.last() + "/) and some are not: "
                + "put each in the folder of its class, or all in one");
        }
        return tops.size() < 2 ? List.of() : List.copyOf(tops);
    }

    /** What a sample of the pictures is like. */
    private record Seen(int channels, int height, int width) {
        String size() { return width + "x" + height; }
    }

    /** Of the options, and of the training part where they leave it open. @param notes receives notes about pictures that differ */
    private ImageSpec spec(Path path, Parts parts, DataOptions options, List<String> notes) {
        if (options.size() > 0 && options.channels() > 0) {
            return new ImageSpec(options.channels(), options.size(), options.size(), classNames.size());
        }
        String fault = "";
        for (Part part : List.of(parts.train, parts.test)) {
            for (int i = 0; i < part.names.size(); i++) {
                try {
                    return spec(part, i, seen(part, i), options, notes);
                } catch (FormatException e) {
                    if (options.strict()) throw e;
                    if (fault.isEmpty()) fault = String.valueOf(e.getMessage());
                }
            }
        }
        throw new FormatException(path.toString(), -1, "none of its pictures can be read; the first: " + fault);
    }

    private Seen seen(Part part, int i) {
        Picture picture = read(part, i, note -> { });
        return new Seen(picture.channels(), picture.height(), picture.width());
    }

    /** @param at place of the first picture that can be read */
    private ImageSpec spec(Part part, int at, Seen first, DataOptions options, List<String> notes) {
        int height = options.size() > 0 ? options.size() : first.height;
        int width = options.size() > 0 ? options.size() : first.width;
        if (Math.max(height, width) > DataOptions.MOST) {
            throw new ArgumentException(part.archive.describe(part.names.get(at)) + " has " + width + "x" + height
                + " pixels; data.size=64 makes all pictures 64x64, and the most is data.size=" + DataOptions.MOST);
        }
        long n = part.names.size();
        List<Seen> others = IntStream.range(1, SAMPLE).map(i -> (int) (i * n / SAMPLE)).filter(i -> i > at).distinct().parallel()
            .mapToObj(i -> {
                try {
                    return Optional.of(seen(part, i));
                } catch (FormatException e) {
                    if (options.strict()) throw e;
                    return Optional.<Seen>empty();
                }
            }).flatMap(Optional::stream).toList();
        List<Seen> all = new ArrayList<>(List.of(first));
        all.addAll(others);
        String of = all.size() + " pictures of '" + name + "' looked at";
        int channels = options.channels() > 0 ? options.channels() : all.stream().mapToInt(Seen::channels).max().orElseThrow();
        long grey = all.stream().filter(s -> s.channels < channels).count();
        if (options.channels() == 0 && grey > 0) {
            notes.add("of " + of + " " + grey + (grey == 1 ? " is" : " are") + " grey, the others in colour: all are taken in colour; "
                + "--set data.channels=1 makes all grey");
        }
        Map<String, Integer> sizes = new LinkedHashMap<>();
        for (Seen s : all) sizes.merge(s.size(), 1, Integer::sum);
        if (options.size() == 0 && sizes.size() > 1) {
            List<String> most = sizes.entrySet().stream().sorted(Map.Entry.<String, Integer>comparingByValue().reversed()).limit(SIZES)
                .map(e -> e.getKey() + " (" + e.getValue() + ")").toList();
            notes.add("sizes of " + of + ": " + String.join(", ", most)
                + (sizes.size() > SIZES ? " and " + (sizes.size() - SIZES) + " others" : "") + "; all are fitted to " + first.size()
                + ", the size of the first; --set data.size=N changes it");
        }
        return new ImageSpec(channels, height, width, classNames.size());
    }

    private Picture read(Part from, int i, Consumer<String> notes) {
        String file = from.names.get(i);
        return Pictures.read(from.archive.read(file), from.archive.describe(file), limits, notes);
    }

    private Picture fitted(Picture picture, Part from, int i) {
        double scale = Math.max((double) spec.height() / picture.height(), (double) spec.width() / picture.width());
        if (picture.height() * scale * picture.width() * scale > limits.pixels()) {
            throw new FormatException(from.archive.describe(from.names.get(i)), -1, picture.width() + "x" + picture.height()
                + " pixels are too long and thin for " + spec.width() + "x" + spec.height());
        }
        return Pictures.fit(Pictures.channels(picture, spec.channels()), spec.height(), spec.width());
    }

    /** The file of picture i, as the archive names it. */
    String file(int i) { return part.names.get(i); }

    @Override public String source(int i) { return file(i); }

    /** Of a whole folder: whether picture i is of its training part. */
    boolean trains(int i) { return !held.contains(file(i)); }

    @Override public Fingerprint fingerprint() { return Fingerprint.of(this, sources); }

    /** What was left out, forgiven or decided; of many pictures the first ten by name, and how many more. */
    @Override public List<String> notes() { return notes; }

    /** What was left out when opening, each with its fault; empty when all was read. */
    public List<String> skipped() { return skipped; }

    @Override public String name() { return name; }

    @Override public ImageSpec spec() { return spec; }

    @Override public int size() { return labels.length; }

    @Override public int label(int i) { return labels[i]; }

    @Override public List<String> classNames() { return classNames; }

    @Override public void pixels(int i, byte[] out, int offset) {
        int dims = (int) spec.dims();
        if (decoded == null) {
            System.arraycopy(fitted(read(part, i, note -> { }), part, i).pixels(), 0, out, offset, dims);
        } else {
            System.arraycopy(decoded, i * dims, out, offset, dims);
        }
    }
}
