package io.palitra.data;

import io.palitra.config.InWords;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.zip.CRC32;

/**
 * A folder, or a .zip, of films: of .gif with several frames each, and of .mp4 where a {@link FilmReader} reads them; or with
 * {@code films=true} of folders that hold the frames of a film as pictures, in the order of their names with numbers as numbers. An item
 * is a stretch of so many frames as the options say, the stretches of a film side by side; shorter films are left out, and so are the
 * frames behind the last stretch. Films in folders are classed by the uppermost one. Folders {@code train} and {@code test}, where it has
 * both, are the parts; else one film in ten, by its name, is to test.
 */
final class FilmFolder implements VideoDataset {
    private static final int TENTH = 10;
    private static final String TRAIN = "train", TEST = "test";

    /** A film by its name and its files: one film, or pictures in order. */
    private record Film(String name, List<String> files) {}

    private final String name;
    private final VideoSpec spec;
    private final List<String> classNames;
    private final List<String> sources = new ArrayList<>();
    private final List<byte[]> items = new ArrayList<>();
    private final List<Integer> labels = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    /** Whether a path is a folder or .zip of films: with {@code films=true} of any pictures, else of films alone whose first one moves. */
    static boolean named(Path path, DataOptions options) {
        boolean zip = Files.isRegularFile(path) && path.toString().toLowerCase(Locale.ROOT).endsWith(".zip");
        if (!Files.isDirectory(path) && !zip) return false;
        try (Archive archive = Archive.open(path, Limits.DEFAULT)) {
            List<String> names = files(archive);
            if (names.isEmpty()) return unread(archive);
            if (options.films()) return true;
            return names.stream().allMatch(FilmFile::named) && FilmFile.moves(names.get(0), archive.read(names.get(0)));
        } catch (FormatException e) {
            return false;   // who reads it says why
        }
    }

    /** Pictures and films. */
    private static List<String> files(Archive archive) {
        return archive.names().stream().filter(n -> ImageFolder.named(n) || FilmFile.named(n)).toList();
    }

    private static boolean unread(Archive archive) {
        return archive.names().stream().anyMatch(n -> n.toLowerCase(Locale.ROOT).endsWith(FilmFile.MP4));
    }

    static FilmFolder open(Path path, String name, Split split, DataOptions options, Limits limits) {
        try (Archive archive = Archive.open(path, limits)) {
            return new FilmFolder(path, name, archive, split, options, limits);
        }
    }

    private FilmFolder(Path path, String name, Archive archive, Split split, DataOptions options, Limits limits) {
        this.name = name;
        notes.addAll(archive.notes());
        List<Film> films = films(archive, options);
        if (films.isEmpty() && unread(archive)) throw new FormatException(path.toString(), -1, FilmFile.WANTS);
        String root = root(films);
        boolean parted = films.stream().anyMatch(f -> under(f, root, TRAIN)) && films.stream().anyMatch(f -> under(f, root, TEST));
        List<Film> train = new ArrayList<>(), test = new ArrayList<>();
        for (Film f : films) {
            if (parted ? under(f, root, TEST) : hash(f.name) % TENTH == 0) test.add(f);
            else if (!parted || under(f, root, TRAIN)) train.add(f);
        }
        if (films.size() > train.size() + test.size()) {
            notes.add(films.size() - train.size() - test.size() + " films of '" + name + "' in neither part, not used");
        }
        List<Film> few = test.isEmpty() ? test : train;
        if (few.isEmpty() && films.size() > 1) {   // of a few names chance may have picked none
            List<Film> many = few == test ? train : test;
            Film one = many.stream().min(Comparator.comparingLong(f -> hash(f.name))).orElseThrow();
            many.remove(one);
            few.add(one);
        }
        TreeSet<String> tops = new TreeSet<>();
        for (Film f : films) tops.add(top(f, root, parted));
        boolean classed = tops.size() > 1 && !tops.contains("");
        if (tops.size() > 1 && !classed) {
            notes.add("some films of '" + name + "' are in folders and some are not: their classes are not read");
        }
        classNames = classed ? List.copyOf(tops) : List.of();
        Reading reading = new Reading(path, archive, options, limits);
        spec = reading.spec(films, classNames.size());
        for (Film f : split == Split.TRAIN ? train : test) {
            int before = items.size();
            reading.stretches(f, spec, items);
            for (int k = before; k < items.size(); k++) {
                labels.add(classed ? classNames.indexOf(top(f, root, parted)) : -1);
                sources.add(f.name + ", from frame " + (k - before) * spec.frames());
            }
        }
        notes.addAll(reading.notes(name, split == Split.TRAIN ? train.size() : test.size(), spec));
        if (items.isEmpty()) {
            throw new FormatException(path.toString(), -1, "no film of " + spec.frames() + " frames in its "
                + split.name().toLowerCase(Locale.ROOT) + " part of " + (split == Split.TRAIN ? train : test).size()
                + " films; two of them are the least, one to test");
        }
    }

    /** Reads films as the options want them, and counts what is left out. */
    private static final class Reading {
        private final Path path;
        private final Archive archive;
        private final DataOptions options;
        private final Limits limits;
        private final List<String> faults = new ArrayList<>();
        private int shorter;
        private int rests;

        Reading(Path path, Archive archive, DataOptions options, Limits limits) {
            this.path = path;
            this.archive = archive;
            this.options = options;
            this.limits = limits;
        }

        /** Of the first film that is long enough. */
        VideoSpec spec(List<Film> films, int classes) {
            int longest = 0;
            String fault = "";
            for (Film f : films) {
                List<Picture> frames;
                try {
                    frames = frames(f);
                } catch (FormatException e) {
                    if (options.strict()) throw e;
                    if (fault.isEmpty()) fault = String.valueOf(e.getMessage());
                    continue;
                }
                longest = Math.max(longest, frames.size());
                if (frames.size() < options.frames()) continue;
                Picture first = frames.get(0);
                int channels = options.channels() > 0 ? options.channels() : frames.stream().allMatch(FilmFolder::grey) ? 1 : 3;
                return new VideoSpec(options.frames(), channels, options.size() > 0 ? options.size() : first.height(),
                    options.size() > 0 ? options.size() : first.width(), classes);
            }
            String none = "none of its " + films.size() + " films ";
            String why = longest == 1 ? none + "has more than one frame; a film wants two and more"
                : longest > 0 ? none + "has the " + options.frames() + " frames of an item; the longest has " + longest
                    + ", --set data.frames=" + longest + " makes items shorter"
                : none + "can be read; the first: " + fault;
            throw new FormatException(path.toString(), -1, why);
        }

        /** The frames as they are in the files. */
        private List<Picture> frames(Film film) {
            List<Picture> frames = new ArrayList<>();
            for (String file : film.files) {
                byte[] bytes = archive.read(file);
                boolean whole = film.files.size() == 1 && FilmFile.named(file);
                if (whole) return FilmFile.read(bytes, archive.describe(file), limits, note -> { });
                frames.add(Pictures.read(bytes, archive.describe(file), limits));
            }
            return frames;
        }

        void stretches(Film film, VideoSpec spec, List<byte[]> into) {
            List<Picture> frames;
            try {
                frames = frames(film);
            } catch (FormatException e) {
                if (options.strict()) throw e;
                faults.add("skipped " + e.getMessage());
                return;
            }
            if (frames.size() < spec.frames()) shorter++;
            else if (frames.size() % spec.frames() != 0) rests++;
            int one = spec.bytes() / spec.frames();
            for (int from = 0; from + spec.frames() <= frames.size(); from += spec.frames()) {
                byte[] item = new byte[spec.bytes()];
                for (int t = 0; t < spec.frames(); t++) {
                    Picture frame = Pictures.fit(Pictures.channels(frames.get(from + t), spec.channels()), spec.height(), spec.width());
                    System.arraycopy(frame.pixels(), 0, item, t * one, one);
                }
                into.add(item);
                if ((long) into.size() * spec.bytes() > Runtime.getRuntime().maxMemory() / 2) {
                    throw new FormatException(path.toString(), -1, "its films do not fit into the heap of "
                        + (Runtime.getRuntime().maxMemory() >> 20) + " MiB; --set data.size=32 makes them smaller");
                }
            }
        }

        List<String> notes(String name, int films, VideoSpec spec) {
            List<String> said = new ArrayList<>(InWords.few(faults, "films of '" + name + "' that cannot be read, skipped"));
            if (shorter > 0) said.add(shorter + " of " + films + " films of '" + name + "' have fewer than the " + spec.frames()
                + " frames of an item, not used");
            if (rests > 0) said.add(rests + " of " + films + " films of '" + name + "' are no whole number of " + spec.frames()
                + " frames: what is left at their ends is not used");
            return said;
        }
    }

    private static List<Film> films(Archive archive, DataOptions options) {
        List<String> names = files(archive);
        if (!options.films()) return names.stream().map(n -> new Film(n, List.of(n))).toList();
        Map<String, List<String>> folders = new LinkedHashMap<>();
        List<Film> films = new ArrayList<>();
        for (String n : names) {
            boolean whole = FilmFile.named(n) && FilmFile.moves(n, archive.read(n));
            if (whole) films.add(new Film(n, List.of(n)));
            else folders.computeIfAbsent(n.substring(0, Math.max(0, n.lastIndexOf('/'))), f -> new ArrayList<>()).add(n);
        }
        folders.forEach((folder, files) -> films.add(new Film(folder, files.stream().sorted(FilmFolder::byNumber).toList())));
        return films.stream().sorted(Comparator.comparing(Film::name)).toList();
    }

    /** 2.png before 10.png. */
    static int byNumber(String a, String b) {
        int i = 0, j = 0;
        while (i < a.length() && j < b.length()) {
            if (Character.isDigit(a.charAt(i)) && Character.isDigit(b.charAt(j))) {
                int from = i, to = j;
                while (i < a.length() && Character.isDigit(a.charAt(i))) i++;
                while (j < b.length() && Character.isDigit(b.charAt(j))) j++;
                int by = new java.math.BigInteger(a.substring(from, i)).compareTo(new java.math.BigInteger(b.substring(to, j)));
                if (by != 0) return by;
            } else if (a.charAt(i) != b.charAt(j)) {
                return Character.compare(a.charAt(i), b.charAt(j));
            } else {
                i++;
                j++;
            }
        }
        return a.length() == b.length() ? a.compareTo(b) : Integer.compare(a.length() - i, b.length() - j);
    }

    private static boolean grey(Picture p) {
        if (p.channels() == 1) return true;
        int area = p.height() * p.width();
        byte[] x = p.pixels();
        for (int k = 0; k < area; k++) if (x[k] != x[area + k] || x[k] != x[2 * area + k]) return false;
        return true;
    }

    /** The folders in which all films are. */
    private static String root(List<Film> films) {
        String first = films.get(0).name, last = films.get(films.size() - 1).name;
        int end = 0;
        for (int i = 0; i < Math.min(first.length(), last.length()) && first.charAt(i) == last.charAt(i); i++) {
            if (first.charAt(i) == '/') end = i + 1;
        }
        return first.substring(0, end);
    }

    private static boolean under(Film f, String root, String part) { return f.name.substring(root.length()).startsWith(part + "/"); }

    /** The uppermost folder of a film below its part, "" where it is in none. */
    private static String top(Film f, String root, boolean parted) {
        String below = f.name.substring(root.length());
        if (parted) below = below.substring(below.indexOf('/') + 1);
        return below.substring(0, Math.max(0, below.indexOf('/')));
    }

    private static long hash(String name) {
        CRC32 crc = new CRC32();
        crc.update(name.getBytes(StandardCharsets.UTF_8));
        return crc.getValue() * 0x9e3779b97f4a7c15L >>> 33;
    }

    @Override public String name() { return name; }

    @Override public VideoSpec spec() { return spec; }

    @Override public int size() { return items.size(); }

    @Override public int label(int i) { return labels.get(i); }

    @Override public List<String> classNames() { return classNames; }

    @Override public String source(int i) { return sources.get(i); }

    @Override public List<String> notes() { return List.copyOf(notes); }

    @Override public Fingerprint fingerprint() { return Fingerprint.of(this, sources); }

    @Override public void film(int i, byte[] out, int offset) {
        byte[] item = items.get(i);
        System.arraycopy(item, 0, out, offset, item.length);
    }
}
