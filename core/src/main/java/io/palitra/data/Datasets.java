package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/**
 * The catalogue of data sets, and the one door to them. A set with a name is looked for in the folder of the options, and nowhere else;
 * or, when they give none, in that of the environment variable PALITRA_DATA, else in {@code data}, {@code ../shared/data} and
 * {@code $XDG_DATA_HOME/palitra} ({@code ~/.local/share/palitra}).
 */
public final class Datasets {
    private static final List<String> DIGITS = List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
    private static final List<String> CLOTHES =
        List.of("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot");
    private static final List<String> KANA = List.of("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo");

    private static final List<CatalogueEntry> CATALOGUE = List.of(
        new CatalogueEntry("strokes", "handwritten-like digits drawn from pen strokes, grey 28x28 or the size asked for; embedded",
            CatalogueEntry.Kind.DRAWN,
            DIGITS, 60_000, 10_000, List.of()),
        new CatalogueEntry("scenes",
        "coloured shapes before landscapes with captions in English and Russian, colour 64x64 or the size asked for; "
            + "embedded", CatalogueEntry.Kind.DRAWN, new Scenes(Split.TRAIN, 64).classNames(), 50_000, 10_000, List.of()),
        new CatalogueEntry("questions", "the pictures of scenes with captions and answered questions in English and Russian; embedded",
            CatalogueEntry.Kind.DRAWN, new Scenes(Split.TRAIN, 64).classNames(), 50_000, 10_000, List.of()),
        new CatalogueEntry("scene-texts", "captions, questions and answers of scenes without the pictures, text; embedded",
            CatalogueEntry.Kind.DRAWN, List.of(), SceneWriting.TRAIN, SceneWriting.TEST, List.of()),
        new CatalogueEntry("moving", "video of a digit that bounces, or with data.kind=scenes of a shape that moves as its caption says, "
            + "16 frames of 32x32 or the size asked for; embedded", CatalogueEntry.Kind.DRAWN, DIGITS, MovingDigits.TRAIN,
            MovingDigits.TEST, List.of()),
        new CatalogueEntry("programs", "small programs of a grammar, each with a comment that says what it prints, text; embedded",
            CatalogueEntry.Kind.DRAWN, List.of(), Programs.TRAIN, Programs.TEST, List.of()),
        new CatalogueEntry("toy-gaussians", "points of 25 Gaussians on a grid, known density; 'toy' for short; embedded",
        CatalogueEntry.Kind.DRAWN,
            List.of(),
            50_000, 10_000, List.of()),
        new CatalogueEntry("toy-moons", "points of two half circles, known density; embedded", CatalogueEntry.Kind.DRAWN, List.of(),
        50_000, 10_000,
            List.of()),
        new CatalogueEntry("toy-rings", "points of three circles, known density; embedded", CatalogueEntry.Kind.DRAWN, List.of(), 50_000,
        10_000,
            List.of()),
        new CatalogueEntry("parts", "little pieces for four voices, made up by rules of harmony; embedded", CatalogueEntry.Kind.DRAWN,
            List.of(), 5_000, 500, List.of()),
        new CatalogueEntry("chorales", "chorales by Bach in sixteenths, four voices (Boulanger-Lewandowski et al. 2012)",
            CatalogueEntry.Kind.CHORALES, List.of(), 229, 77, List.of()),
        new CatalogueEntry("mnist", "handwritten digits, grey 28x28 (LeCun et al. 1998)", CatalogueEntry.Kind.IDX, DIGITS, 60_000, 10_000,
            idx("https://ossci-datasets.s3.amazonaws.com/mnist/",
                9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873", 28_881, "d53e105ee54ea40749a09fcbcd1e9432",
                1_648_877, "9fb629c4189551a2d022fa330f9573f3", 4_542, "ec29112dd5afa0611ce80d1b7f02629c")),
        new CatalogueEntry("fashion-mnist", "photographs of clothes, grey 28x28 (Xiao et al. 2017)", CatalogueEntry.Kind.IDX, CLOTHES,
        60_000, 10_000,
            idx("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 29_515, "25c81989df183df01b3e8a0aad5dffbe",
                4_422_102, "bef4ecab320f06d8554ea6380940ec79", 5_148, "bb300cfdad3c16e7a12a480ee83cd310")),
        new CatalogueEntry("kmnist", "cursive Japanese characters, grey 28x28 (Clanuwat et al. 2018)", CatalogueEntry.Kind.IDX, KANA,
        60_000, 10_000,
            idx("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
                18_165_135, "bdb82020997e1d708af4cf47b453dcf7", 29_497, "e144d726b3acfaa3e44228e80efcd344",
                3_041_136, "5c965bf0a639b31b8f53240b1b52f4d7", 5_120, "7320c461ea6c1c855c0b718fb2a4b134")),
        new CatalogueEntry("cifar10", "small photographs, colour 32x32 (Krizhevsky 2009)", CatalogueEntry.Kind.CIFAR, Cifar10.CLASSES,
        50_000, 10_000,
            List.of(new CatalogueEntry.Remote(URI.create("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"),
                170_052_171, "c32a1d4ab5d03f1284b67883e8d87530"))));

    private Datasets() { }

    private static List<CatalogueEntry.Remote> idx(String at, long a, String md5a, long b, String md5b, long c, String md5c, long d,
        String md5d) {
        return List.of(
            new CatalogueEntry.Remote(URI.create(at + "train-images-idx3-ubyte.gz"), a, md5a),
            new CatalogueEntry.Remote(URI.create(at + "train-labels-idx1-ubyte.gz"), b, md5b),
            new CatalogueEntry.Remote(URI.create(at + "t10k-images-idx3-ubyte.gz"), c, md5c),
            new CatalogueEntry.Remote(URI.create(at + "t10k-labels-idx1-ubyte.gz"), d, md5d));
    }

    /** The project's own, then those of every {@link DataProvider}. */
    public static List<CatalogueEntry> catalogue() {
        List<CatalogueEntry> all = new ArrayList<>(CATALOGUE);
        for (DataProvider p : ServiceLoader.load(DataProvider.class)) all.addAll(p.sets());
        return List.copyOf(all);
    }

    /** @throws IllegalArgumentException naming the known sets */
    public static CatalogueEntry source(String name) {
        for (CatalogueEntry source : catalogue()) if (source.name().equals(name)) return source;
        throw new ArgumentException("no data set '" + name + "'; there are " + known(name));
    }

    /** The names there are, and the one that was perhaps meant. */
    private static String known(String asked) { return InWords.list(names()) + InWords.didYouMean(asked, names()); }

    private static List<String> names() { return catalogue().stream().map(CatalogueEntry::name).toList(); }

    /**
     * Opens a set of the catalogue, a folder or .zip of pictures, a table, or text.
     *
     * @throws IllegalArgumentException when there is neither
     * @throws FormatException when files are missing or damaged
     */
    public static Dataset open(String nameOrPath, Split split, DataOptions options) {
        return refuseOptionsOfText(parted(nameOrPath, split, true, options), options);
    }

    /**
     * As {@link #open}, but of a folder of pictures with captions that has no parts of its own, {@code train/} and {@code test/}, all is
     * for training: where a few pictures are all there is, none is to spare.
     */
    public static Dataset undivided(String nameOrPath, Split split, DataOptions options) {
        return refuseOptionsOfText(parted(nameOrPath, split, false, options), options);
    }

    private static Dataset parted(String nameOrPath, Split split, boolean divided, DataOptions options) {
        return Subset.of(whole(nameOrPath, split, divided, options), named(nameOrPath) ? List.of() : options.except());
    }

    private static Dataset refuseOptionsOfText(Dataset set, DataOptions options) {
        boolean none = set.spec() instanceof ImageSpec || set.spec() instanceof VectorSpec || set.spec() instanceof VideoItems;
        if (!none || !options.asksForText()) return set;
        throw new ArgumentException("'" + set.name() + "' holds no text: suffix, tokens, vocabulary, length and field must be left as they "
            + "are");
    }

    /**
     * Opens data for what was trained on items of {@code spec}: pictures are brought to its size and channels, the rows of a table are
     * standardised as its were, a text has its tokens.
     *
     * @param nameOrPath of the data that the run was trained on, or of others
     * @param others whether they are others: their pictures may be of another size
     * @throws IllegalArgumentException when there is nothing of that name, or its items have another shape
     */
    public static Dataset like(DataSpec spec, String nameOrPath, boolean others, boolean divided, Split split, DataOptions options) {
        Dataset data;
        if (spec instanceof VectorSpec table && !table.columns().isEmpty()) {
            data = Table.open(path(nameOrPath), split, options, table);
        } else if (spec instanceof TextSpec texts && texts(nameOrPath, options)) {
            data = Texts.open(path(nameOrPath), name(path(nameOrPath), nameOrPath), split, options, texts, Limits.DEFAULT);
        } else {
            DataOptions fitted = fitted(spec, others, options);
            data = parted(nameOrPath, split, divided, fitted);
        }
        return refuseOtherShape(spec, data);
    }

    /** As {@link #like}, of all classes and whatever part: see {@link Whole}. */
    public static Whole whole(DataSpec spec, String nameOrPath, DataOptions options) {
        if (spec instanceof VectorSpec table && !table.columns().isEmpty()) {
            if (!Files.exists(path(nameOrPath))) {
                throw new ArgumentException("no such file: " + nameOrPath + "; the run was trained on a table");
            }
            return Whole.open(nameOrPath, options, table);
        }
        if (spec instanceof TextSpec texts && texts(nameOrPath, options)) {
            return Texts.whole(path(nameOrPath), name(path(nameOrPath), nameOrPath), options, texts, Limits.DEFAULT);
        }
        Whole whole = Whole.open(nameOrPath, fitted(spec, true, options), null);
        refuseOtherShape(spec, whole.items());
        return whole;
    }

    /** What the run was made for, whatever a folder has got since. */
    private static DataOptions fitted(DataSpec spec, boolean others, DataOptions options) {
        if (spec instanceof ScoreSpec music) return Config.with(options, "steps=" + music.steps());
        if (spec instanceof TextSpec texts) return Config.with(options, "length=" + texts.length());
        if (spec instanceof VideoSpec video) {
            DataOptions fitted = Config.with(options, "frames=" + video.frames(), "channels=" + video.channels());
            return others ? Config.with(fitted, "size=" + video.height()) : fitted;
        }
        if (!(spec instanceof ImageSpec pictures)) return options;
        DataOptions fitted = Config.with(options, "channels=" + pictures.channels());
        return others ? Config.with(fitted, "size=" + pictures.height()) : fitted;
    }

    private static Dataset refuseOtherShape(DataSpec spec, Dataset data) {
        boolean kind = data.spec().getClass() == spec.getClass() && (!(spec instanceof TextSpec) || spec.equals(data.spec()));
        if (kind && Arrays.equals(data.spec().shape(), spec.shape())) return data;
        throw new ArgumentException("the run was made for " + spec + ", '" + data.name() + "' is " + data.spec());
    }

    /** Whether text lies there, of no name in the catalogue. */
    private static boolean texts(String nameOrPath, DataOptions options) {
        return catalogue().stream().noneMatch(s -> s.name().equals(nameOrPath)) && !nameOrPath.isBlank()
            && TextFiles.at(path(nameOrPath), options);
    }

    /** A table leaves rows out by itself, before it looks at the others. */
    private static boolean named(String path) { return path.toLowerCase(java.util.Locale.ROOT).endsWith(".csv"); }

    private static Dataset whole(String nameOrPath, Split split, boolean divided, DataOptions options) {
        if (nameOrPath.equals("toy")) return whole("toy-gaussians", split, divided, options);
        for (CatalogueEntry source : catalogue()) {
            if (!source.name().equals(nameOrPath)) continue;
            Dataset set = open(source, split, options, System.getenv());
            if (!options.captions()) return set;
            if (set.spec() instanceof ImageSpec || set.captioned()) return WithCaptions.byClass(set);
            throw new ArgumentException(nameOrPath + " has " + (set.spec() instanceof VectorSpec ? "points"
                : set.spec() instanceof TextSpec ? "texts" : "music") + ", not pictures, and so no captions");
        }
        if (options.captions()) {
            Path folder = path(nameOrPath);
            if (nameOrPath.isBlank() || !Files.exists(folder)) {
                throw new ArgumentException("no data set '" + nameOrPath + "', and no folder or .zip of pictures with captions "
                    + "there; known are " + known(nameOrPath));
            }
            String name = name(folder, nameOrPath);
            return divided ? CaptionFolder.open(folder, name, split, options, Limits.DEFAULT)
                : CaptionFolder.undivided(folder, name, split, options, Limits.DEFAULT);
        }
        Path path = path(nameOrPath);
        if (nameOrPath.isBlank() || !Files.exists(path)) {
            throw new ArgumentException("no data set '" + nameOrPath + "', and no folder, .zip, .csv or text there; known are "
                + known(nameOrPath));
        }
        if (Table.named(path)) return Table.open(path, split, options, null);
        String name = name(path, nameOrPath);
        if (options.suffix().isEmpty() && MidiFolder.named(path)) return MidiFolder.open(path, name, split, options);
        if (TextFiles.at(path, options)) return Texts.open(path, name, split, options, null, Limits.DEFAULT);
        if (FilmFolder.named(path, options)) return FilmFolder.open(path, name, split, options, Limits.DEFAULT);
        return ImageFolder.open(path, name, split, options, Limits.DEFAULT);
    }

    static String name(Path path, String given) {
        Path last = path.toAbsolutePath().normalize().getFileName();
        return last == null ? given : last.toString();
    }

    static Dataset open(CatalogueEntry source, Split split, DataOptions options, Map<String, String> environment) {
        return switch (source.kind()) {
            case IDX -> Resized.of(mnist(source, split, options, environment), options.size(), options.channels());
            case CIFAR -> cifar(source, split, options, environment);
            case CHORALES -> chorales(source, split, options, environment);
            case DRAWN -> drawn(source.name(), split, options);
            case PROVIDED -> provided(source.name(), split, options);
        };
    }

    private static Dataset provided(String name, Split split, DataOptions options) {
        for (DataProvider p : ServiceLoader.load(DataProvider.class)) {
            if (p.sets().stream().anyMatch(s -> s.name().equals(name))) return p.open(name, split, options);
        }
        throw new IllegalStateException("nobody opens " + name);
    }

    /** The sets that need no files. */
    private static Dataset drawn(String name, Split split, DataOptions options) {
        if (name.startsWith("toy") && (options.size() != 0 || options.channels() != 0)) {
            throw new ArgumentException(name + " has points, not pictures: size and channels must be 0");
        }
        if (name.equals("parts")) {
            ScoreSet.refuse(name, options);
            if (options.transpose() <= 0) return new Parts(split, options.steps());
            throw new ArgumentException("illegal transpose: " + options.transpose() + ", must be 0 for parts, which are drawn in all keys");
        }
        return switch (name) {
            case "strokes" -> Resized.of(new Strokes(split, options.size() == 0 ? 28 : options.size()), options.size(), options.channels());
            case "scenes" -> Resized.of(new Scenes(split, options.size() == 0 ? 64 : options.size()), options.size(), options.channels());
            case "questions" -> Resized.of(new SceneQuestions(split, options.size() == 0 ? 64 : options.size()), options.size(),
                options.channels());
            case "scene-texts" -> SceneWriting.open(split, options);
            case "moving" -> moving(split, options);
            case "programs" -> Programs.open(split, options);
            case "toy-moons" -> new Toy(Toy.Kind.MOONS, split);
            case "toy-rings" -> new Toy(Toy.Kind.RINGS, split);
            case "toy-gaussians" -> new Toy(Toy.Kind.GAUSSIANS, split);
            default -> throw new IllegalStateException("no way to draw " + name);
        };
    }

    private static Dataset moving(Split split, DataOptions options) {
        int side = options.size() == 0 ? 32 : options.size();
        return options.kind() == DataOptions.Moves.SCENES ? new MovingScenes(split, options.frames(), side, options.channels())
            : new MovingDigits(split, options.frames(), side, options.channels());
    }

    private static ImageDataset mnist(CatalogueEntry source, Split split, DataOptions options, Map<String, String> environment) {
        List<Path> looked = looked(source, options, environment);
        for (Path folder : looked) {
            if (Mnist.in(folder, split)) return Mnist.read(source.name(), folder, split, source.classNames(), Limits.DEFAULT);
        }
        throw missing(source, looked);
    }

    private static Dataset chorales(CatalogueEntry source, Split split, DataOptions options, Map<String, String> environment) {
        List<Path> looked = looked(source, options, environment);
        for (Path folder : looked) {
            if (Files.isRegularFile(folder.resolve(Chorales.FILE))) return Chorales.read(folder.resolve(Chorales.FILE), split, options);
        }
        throw new FormatException(source.name(), -1, "not found; looked for " + Chorales.FILE + " in "
            + looked.stream().map(Path::toString).collect(Collectors.joining(", ")) + "; put it into one of them");
    }

    private static ImageDataset cifar(CatalogueEntry source, Split split, DataOptions options, Map<String, String> environment) {
        List<Path> looked = looked(source, options, environment);
        for (Path folder : looked) {
            if (Cifar10.in(folder, split)) return Resized.of(Cifar10.read(folder, split), options.size(), options.channels());
        }
        for (Path folder : looked) {
            if (Files.isRegularFile(folder.resolve("train.zip")) && Files.isRegularFile(folder.resolve("test.zip"))) {
                ImageFolder set = ImageFolder.open(folder, source.name(), split, options, Limits.DEFAULT);
                if (set.classNames().equals(source.classNames())) return set;
                throw new FormatException(folder.toString(), -1, "its zips have the classes " + Notes.some(set.classNames())
                    + ", not CIFAR-10's");
            }
        }
        throw missing(source, looked);
    }

    /** Whether the files of a set are here, of both parts; those that are drawn and those of jars always are. Reads none of them. */
    public static boolean here(CatalogueEntry source) {
        List<Path> looked = looked(source, DataOptions.DEFAULT, System.getenv());
        return switch (source.kind()) {
            case DRAWN, PROVIDED -> true;
            case IDX -> looked.stream().anyMatch(f -> Mnist.in(f, Split.TRAIN) && Mnist.in(f, Split.TEST));
            case CIFAR -> looked.stream().anyMatch(f -> Cifar10.in(f, Split.TRAIN) && Cifar10.in(f, Split.TEST)
                || Files.isRegularFile(f.resolve("train.zip")) && Files.isRegularFile(f.resolve("test.zip")));
            case CHORALES -> looked.stream().anyMatch(f -> Files.isRegularFile(f.resolve(Chorales.FILE)));
        };
    }

    /** The folders that may hold the files of a set. */
    private static List<Path> looked(CatalogueEntry source, DataOptions options, Map<String, String> environment) {
        List<Path> looked = new ArrayList<>();
        for (Path folder : folders(options, environment)) {
            looked.add(folder.resolve(source.name()));
            switch (source.name()) {
                case "mnist" -> looked.add(folder.resolve("MNIST").resolve("raw"));
                case "fashion-mnist" -> looked.add(folder.resolve("FashionMNIST").resolve("raw"));
                case "kmnist" -> looked.add(folder.resolve("KMNIST").resolve("raw"));
                case "chorales" -> looked.add(folder.resolve("music"));
                case "cifar10" -> looked.add(folder.resolve("cifar-10-batches-bin"));
                default -> { }
            }
            // the same file names belong to several sets: only a folder that was given decides
            if (!options.dir().isEmpty()) looked.add(folder);
        }
        return looked;
    }

    private static FormatException missing(CatalogueEntry source, List<Path> looked) {
        String places = looked.stream().map(Path::toString).collect(Collectors.joining(", "));
        return new FormatException(source.name(), -1,
            "not found; looked in " + places + "; `palitra data get " + source.name() + "` downloads it");
    }

    /** Where sets are looked for, in this order. */
    static List<Path> folders(DataOptions options, Map<String, String> environment) {
        if (!options.dir().isEmpty()) return List.of(path(options.dir()));
        String named = environment.getOrDefault("PALITRA_DATA", "");
        if (!named.isEmpty()) return List.of(path(named));
        return List.of(Path.of("data"), Path.of("..", "shared", "data"), home(environment));
    }

    /** Where a download goes: the folder of the options, else of PALITRA_DATA, else the user's own data folder. */
    public static Path target(DataOptions options) { return target(options, System.getenv()); }

    static Path target(DataOptions options, Map<String, String> environment) {
        List<Path> all = folders(options, environment);
        return all.get(all.size() - 1);
    }

    private static Path home(Map<String, String> environment) {
        String xdg = environment.getOrDefault("XDG_DATA_HOME", "");
        // the XDG specification: a relative value is not valid and is to be ignored
        if (!xdg.isEmpty() && path(xdg).isAbsolute()) return path(xdg).resolve("palitra");
        return Path.of(System.getProperty("user.home"), ".local", "share", "palitra");
    }

    static Path path(String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new ArgumentException("not a path: '" + text.replaceAll("\\p{Cntrl}", "?") + "'", e);
        }
    }
}
