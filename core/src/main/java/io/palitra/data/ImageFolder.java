package io.palitra.data;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * A folder of pictures, or a .zip of one, which is read in place. Pictures in folders are classed by them, and come one of each class in
 * turn, in the order of their names; pictures side by side have no labels. Sub-folders {@code train} and {@code test} (also
 * {@code valid}, {@code val}, {@code dev}), or {@code train.zip} and {@code test.zip}, are the parts; without them a tenth, picked by a
 * hash of the name, is the test part.
 *
 * <p>All pictures get the size and channels of the options, or of the first picture of the training part; a picture of another shape is
 * resized to cover that and cut around its middle. They are decoded when opened if all fit a quarter of the heap and 1 GiB. Otherwise each
 * is decoded when asked for, and one that turns out broken then is an error, since the number of items is fixed by that time.
 */
public final class ImageFolder implements ImageDataset {
    private static final Set<String> EXTENSIONS =
        Set.of("png", "jpg", "jpeg", "gif", "bmp", "webp", "jfif", "tif", "tiff", "ppm", "pgm", "avif", "heic");
    private static final Set<String> TRAIN = Set.of("train", "training");
    private static final Set<String> TEST = Set.of("test", "testing", "eval", "evaluation");
    private static final Set<String> VALID = Set.of("valid", "validation", "val", "dev");

    /** Skipped pictures that are named; more are counted. */
    private static final int NAMED = 10;

    /** The pictures of one split: those names of an archive, all of which begin with root. */
    private record Part(Archive archive, String root, List<String> names) { }

    private final String name;
    private final ImageSpec spec;
    private final List<String> classNames;
    private final List<String> skipped;
    private final List<String> sources;
    private final int[] labels;
    private final byte @Nullable [] decoded;
    private final Part part;
    private final Limits limits;

    /**
     * Opens a folder or a .zip.
     *
     * @param name to report
     * @throws FormatException when there are no pictures, none can be read, or one cannot and the options are strict
     */
    public static ImageFolder open(Path path, String name, Split split, DataOptions options, Limits limits) {
        Path trainZip = path.resolve("train.zip");
        Path testZip = path.resolve("test.zip");
        boolean pair = Files.isRegularFile(trainZip) && Files.isRegularFile(testZip);
        Archive first = Archive.open(pair ? trainZip : path, limits);
        Archive second = first;
        boolean keep = false;
        try {
            if (pair) second = Archive.open(testZip, limits);
            Part[] parts = pair ? new Part[] {whole(first), whole(second)} : divide(first, path);
            ImageFolder folder = new ImageFolder(path, name, parts, true, split, options, limits);
            keep = folder.decoded == null;
            return folder;
        } finally {
            if (!keep || split == Split.TEST && second != first) first.close();
            if ((!keep || split == Split.TRAIN) && second != first) second.close();
        }
    }

    /** All pictures of a folder or .zip, those in folders too, without labels and without a test part. */
    static ImageFolder unlabelled(Path path, String name, DataOptions options, Limits limits) {
        Archive archive = Archive.open(path, limits);
        boolean keep = false;
        try {
            Part none = new Part(archive, "", List.of());
            ImageFolder folder = new ImageFolder(path, name, new Part[] {whole(archive), none}, false, Split.TRAIN, options, limits);
            keep = folder.decoded == null;
            return folder;
        } finally {
            if (!keep) archive.close();
        }
    }

    private ImageFolder(Path path, String name, Part[] parts, boolean labelled, Split split, DataOptions options, Limits limits) {
        this.name = name;
        this.limits = limits;
        this.classNames = labelled ? classes(path, parts) : List.of();
        Part asked = inTurn(parts[split.ordinal()]);
        if (asked.names.isEmpty()) {
            throw new FormatException(path.toString(), -1, "no pictures in its " + split.name().toLowerCase(Locale.ROOT) + " part, "
                + parts[1 - split.ordinal()].names.size() + " in the other");
        }
        List<String> broken = new ArrayList<>();
        this.spec = spec(path, parts, options);
        int n = asked.names.size();
        int dims = (int) spec.dims();
        if (n * spec.dims() > Math.min(1L << 30, Runtime.getRuntime().maxMemory() / 4)) {
            this.part = asked;
            this.decoded = null;
        } else {
            byte[] all = new byte[n * dims];
            String[] faults = new String[n];
            IntStream.range(0, n).parallel().forEach(i -> {
                try {
                    System.arraycopy(picture(asked, i).pixels(), 0, all, i * dims, dims);
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
                    broken.add(faults[i]);
                }
            }
            if (kept.isEmpty()) {
                throw new FormatException(path.toString(), -1, "none of its " + n + " pictures can be read; the first: " + broken.get(0));
            }
            this.part = new Part(asked.archive, asked.root, kept);
            this.decoded = broken.isEmpty() ? all : Arrays.copyOf(all, kept.size() * dims);
        }
        this.skipped = List.copyOf(broken);
        List<String> lines = new ArrayList<>();
        for (String file : part.names) lines.add(file.substring(part.root.length()) + " " + part.archive.size(file));
        this.sources = lines;
        this.labels = new int[part.names.size()];
        Map<String, Integer> numbers = new HashMap<>();
        for (String c : classNames) numbers.put(c, numbers.size());
        for (int i = 0; i < labels.length; i++) labels[i] = numbers.getOrDefault(top(part.names.get(i).substring(part.root.length())), -1);
    }

    /** One of each class in turn, while there are, so that the first n of a set are fair to its classes whatever n is. */
    private static Part inTurn(Part part) {
        Map<String, Integer> seen = new HashMap<>();
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

    /** {train, test} of one archive. */
    private static Part[] divide(Archive archive, Path path) {
        List<String> names = pictures(archive);
        if (names.isEmpty()) throw new FormatException(path.toString(), -1, "no files of pictures: " + new TreeSet<>(EXTENSIONS));
        String root = root(names);
        Set<String> tops = new LinkedHashSet<>();
        for (String file : names) tops.add(top(file.substring(root.length())));
        List<String> train = tops.stream().filter(t -> TRAIN.contains(t.toLowerCase(Locale.ROOT))).toList();
        List<String> test = tops.stream().filter(t -> TEST.contains(t.toLowerCase(Locale.ROOT))).toList();
        if (test.isEmpty()) test = tops.stream().filter(t -> VALID.contains(t.toLowerCase(Locale.ROOT))).toList();
        if (train.size() > 1 || test.size() > 1) {
            throw new FormatException(path.toString(), -1, "two folders for one part: " + (train.size() > 1 ? train : test));
        }
        if (train.size() == 1 && test.size() == 1) {
            return new Part[] {below(archive, root + train.get(0) + "/", names), below(archive, root + test.get(0) + "/", names)};
        }
        if (names.size() < 10) return new Part[] {new Part(archive, root, names), new Part(archive, root, List.of())};
        List<String> most = new ArrayList<>();
        List<String> tenth = new ArrayList<>();
        for (String file : names) (tenth(file.substring(root.length())) ? tenth : most).add(file);
        return new Part[] {new Part(archive, root, most), new Part(archive, root, tenth)};
    }

    private static Part below(Archive archive, String folder, List<String> names) {
        return new Part(archive, folder, names.stream().filter(file -> file.startsWith(folder)).toList());
    }

    private static boolean tenth(String name) {
        CRC32 crc = new CRC32();
        crc.update(name.getBytes(StandardCharsets.UTF_8));
        // a multiplier spreads the low bits, which names counted up from 0 leave regular
        return (crc.getValue() * 0x9e3779b97f4a7c15L >>> 33) % 10 == 0;
    }

    static List<String> pictures(Archive archive) {
        return archive.names().stream()
            .filter(file -> EXTENSIONS.contains(file.substring(file.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT))).toList();
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

    private static List<String> classes(Path path, Part[] parts) {
        TreeSet<String> tops = new TreeSet<>();
        for (Part part : parts) for (String file : part.names) tops.add(top(file.substring(part.root.length())));
        if (tops.size() > 1 && tops.contains("")) {
            throw new FormatException(path.toString(), -1, "some pictures are in folders (" + tops.last() + "/) and some are not: "
                + "put each in the folder of its class, or all in one");
        }
        return tops.size() < 2 ? List.of() : List.copyOf(tops);
    }

    /** Of the options, and of the first picture that can be read where they leave it open. */
    private ImageSpec spec(Path path, Part[] parts, DataOptions options) {
        if (options.size() > 0 && options.channels() > 0) {
            return new ImageSpec(options.channels(), options.size(), options.size(), classNames.size());
        }
        String fault = "";
        for (Part part : parts) {
            for (String file : part.names) {
                try {
                    Picture first = Pictures.read(part.archive.read(file), part.archive.describe(file), limits);
                    int height = options.size() > 0 ? options.size() : first.height();
                    int width = options.size() > 0 ? options.size() : first.width();
                    if (Math.max(height, width) > DataOptions.MOST) {
                        throw new IllegalArgumentException(part.archive.describe(file) + " has " + width + "x" + height
                            + " pixels; give a size to fit all pictures to, at most " + DataOptions.MOST);
                    }
                    return new ImageSpec(options.channels() > 0 ? options.channels() : first.channels(), height, width, classNames.size());
                } catch (FormatException e) {
                    if (options.strict()) throw e;
                    if (fault.isEmpty()) fault = String.valueOf(e.getMessage());
                }
            }
        }
        throw new FormatException(path.toString(), -1, "none of its pictures can be read; the first: " + fault);
    }

    private Picture picture(Part from, int i) {
        String file = from.names.get(i);
        String described = from.archive.describe(file);
        Picture picture = Pictures.read(from.archive.read(file), described, limits);
        double scale = Math.max((double) spec.height() / picture.height(), (double) spec.width() / picture.width());
        if (picture.height() * scale * picture.width() * scale > limits.pixels()) {
            throw new FormatException(described, -1, picture.width() + "x" + picture.height() + " pixels are too long and thin for "
                + spec.width() + "x" + spec.height());
        }
        return Pictures.fit(Pictures.channels(picture, spec.channels()), spec.height(), spec.width());
    }

    /** The file of picture i, as the archive names it. */
    String file(int i) { return part.names.get(i); }

    @Override public Fingerprint fingerprint() { return Fingerprint.of(this, sources); }

    /** Of the pictures that were skipped the first ten by name, and how many more. */
    @Override public List<String> notes() {
        List<String> lines = new ArrayList<>();
        for (String fault : skipped.subList(0, Math.min(NAMED, skipped.size()))) lines.add("skipped " + fault);
        if (skipped.size() > NAMED) lines.add("skipped " + (skipped.size() - NAMED) + " more pictures of '" + name + "' that cannot be read");
        return lines;
    }

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
            System.arraycopy(picture(part, i).pixels(), 0, out, offset, dims);
        } else {
            System.arraycopy(decoded, i * dims, out, offset, dims);
        }
    }
}
