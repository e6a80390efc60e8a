package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.DreamPrompt;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.data.Split;
import io.palitra.edit.Dream;
import io.palitra.edit.DreamRequest;
import io.palitra.edit.DreamResult;
import io.palitra.edit.DreamWatcher;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.report.Film;
import io.palitra.report.FilmWriter;
import io.palitra.report.Gif;
import io.palitra.report.Png;
import io.palitra.stage.ClipEmbedder;
import io.palitra.stage.FirstStage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "dream", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "A picture from words by a VQGAN, whose codes are moved until a CLIP sees the words in it; and a film of that.",
    footer = {"", "'desert:50 | in snow:25' are two texts of these weights, 'people:-1' leads away from one, 'snow:1:0.7' stops at that",
        "distance (2 asin(d/2)^2); a colon before anything but a number is text. 'spring ^ summer' are two phases of a story.",
        "Ctrl-C keeps what there is. The PNG carries its settings; 'palitra dream --like F.png' dreams it again."})
final class DreamCommand implements Callable<Integer> {
    private static final String MP4 = ".mp4";
    private static final int CAPTIONS = 1000;
    /** Folders that are looked into. */
    private static final int BESIDE = 200;
    private static final DreamSettings.Read NOTHING = new DreamSettings.Read(new DreamSettings("", "", "", "", "", "",
        DreamRequest.How.DEFAULT, Film.DEFAULT), Origins.Named.NONE, Origins.Named.NONE, Origins.Named.NONE, List.of());
    private final Origins origins = new Origins();

    @Parameters(index = "0", arity = "0..1", paramLabel = "TEXTS", description = "what the picture is to become")
    private @Nullable String texts;

    @Option(names = "--vqgan", paramLabel = "WHERE", description = "a run of vqgan or vqvae, a folder of diffusers, or org/name of the hub")
    private @Nullable String vqgan;

    @Option(names = "--clip", paramLabel = "WHERE", description = "a run of clip, a folder of transformers, or org/name of the hub")
    private @Nullable String clip;

    @Option(names = "--size", paramLabel = "WxH", description = "pixels; default: twice the VQGAN's own, or those of --image")
    private @Nullable String size;

    @Option(names = "--iterations", paramLabel = "N", description = "0 = until Ctrl-C; default: 200")
    private @Nullable Integer iterations;

    @Option(names = "--seed", paramLabel = "S", description = "decides everything; default: 0")
    private @Nullable Long seed;

    @Option(names = "--image", paramLabel = "FILE", description = "a picture to begin with (--set initWeight=1 holds it)")
    private @Nullable Path image;

    @Option(names = "--targets", paramLabel = "FILES", description = "pictures that it is to resemble, as 'a.png:2 | b.png'")
    private @Nullable String targets;

    @Option(names = "--noise", paramLabel = "SEEDS", description = "points at random that it is to resemble, as '7:0.5 | 8'")
    private @Nullable String noise;

    @Option(names = "--display", paramLabel = "N", defaultValue = "50",
        description = "rewrite DIR/preview.png every N iterations; default: 50")
    private int display;

    @Option(names = "--set", paramLabel = "key=value",
        description = "other keys, as cutouts=64, journey.zoom=1.02 or film.length=8; --keys lists them")
    private List<String> set = new ArrayList<>();

    @Option(names = "--keys", description = "list the keys of --set with default, range and meaning")
    private boolean keys;

    @Option(names = "--against", paramLabel = "DATA",
        description = "tell how many captions of a folder, or test captions of a data set such as scenes, score lower")
    private @Nullable String against;

    @Option(names = "--like", paramLabel = "F.png", description = "the settings of that picture, where none are given here")
    private @Nullable Path like;

    @Option(names = "--out", paramLabel = "DIR", description = "dream.png, dream.gif, dream.mp4, frames/; default: dream-SEED")
    private @Nullable Path out;

    @Option(names = "--force", description = "overwrite what is there")
    private boolean force;

    @Option(names = "--device", paramLabel = "auto|cpu|cuda[:n]", defaultValue = "auto", description = "where to compute; default: auto")
    private String device = "auto";

    @Option(names = "--threads", paramLabel = "N|auto", defaultValue = "auto", converter = Threads.class, description = Threads.ABOUT)
    private int threads;

    @Option(names = "--json", description = "the files written, as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        if (keys) {
            FamiliesCommand.print("what is dreamt: palitra dream --set key=value", Config.describe(DreamRequest.How.DEFAULT), "");
            FamiliesCommand.print("its film", Config.describe(Film.DEFAULT), "film.");
            return 0;
        }
        Threads.set(threads);
        if (display < 1) throw new IllegalArgumentException("illegal --display: " + display + ", must be at least 1");
        DreamSettings settings = settings();
        DreamRequest request = settings.request();
        Device where = Device.named(device);
        Path folder = Common.folder(out != null ? out : Path.of("dream-" + settings.how().seed()), force);
        Terminal terminal = new Terminal("dream", false);
        List<String> captions = captions(terminal);
        try (FirstStage stage = FirstStage.open(settings.vqgan()); ClipEmbedder sees = ClipEmbedder.open(settings.clip())) {
            stage.to(where);
            sees.to(where);
            Dream dream = new Dream(stage, sees);
            try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                if (!captions.isEmpty()) sees.embedText(captions);   // one that it does not read is told before the work
            }
            Frames frames = new Frames(folder, settings.film());
            Stop stop = Stop.onSignals();
            Thread hashing = new Thread(() -> {
                try {
                    origins.hash(settings.vqgan());
                    origins.hash(settings.clip());
                } catch (RuntimeException e) {
                    // met again when the picture is written
                }
            }, "palitra-hash");
            hashing.setDaemon(true);
            hashing.start();
            DreamResult result = dream.paint(request, watcher(request, terminal, stop, frames, folder));
            terminal.done();
            Path picture = folder.resolve("dream.png");
            Png.write(picture, result.picture(), settings.text(result, origins));
            List<Path> files = new ArrayList<>(List.of(picture));
            frames.last(result);
            files.addAll(films(frames, settings.film(), folder, terminal));
            scores(request, result, dream, captions, terminal);
            report(settings, result, files);
            return result.stopped() ? Main.STOPPED : 0;
        }
    }

    /** What is given here, over what the picture to be alike says, over the defaults. */
    private DreamSettings settings() {
        DreamSettings.Read read = like == null ? NOTHING : DreamSettings.read(like, Png.text(like));
        DreamSettings base = read.settings();
        List<String> values = new ArrayList<>(Common.without(set, "film.")), film = new ArrayList<>();
        for (String s : set) if (s.startsWith("film.")) film.add(s.substring("film.".length()));
        if (iterations != null) values.add("iterations=" + iterations);
        if (seed != null) values.add("seed=" + seed);
        if (size != null) {
            int[] sides = Common.size(size);
            values.addAll(List.of("width=" + sides[0], "height=" + sides[1]));
        }
        String coder = vqgan != null ? vqgan : found("VQGAN", "--vqgan", read.vqgan());
        String eyes = clip != null ? clip : found("CLIP", "--clip", read.clip());
        if (coder.isEmpty()) throw new IllegalArgumentException("which VQGAN? --vqgan names a run, a folder, or org/name of the hub");
        if (eyes.isEmpty()) throw new IllegalArgumentException("which CLIP? --clip names a run, a folder, or org/name of the hub");
        String aims = targets;
        if (aims == null) {
            List<String> each = new ArrayList<>();
            for (DreamSettings.Target t : read.targets()) {
                each.add(DreamSettings.typed(found("target", "--targets", t.picture()), t.weight(), t.stop()));
            }
            aims = String.join(" | ", each);
        }
        return new DreamSettings(coder, eyes, texts != null ? texts : base.texts(),
            image != null ? image.toString() : found("picture", "--image", read.image()), aims,
            noise != null ? noise : base.noise(), Config.with(base.how(), values),
            Config.with(base.film(), film));
    }

    /** Where a file or model of the picture to be alike lies: here, in the picture's folder around or beside it, or in the hub's cache. */
    private String found(String what, String option, Origins.Named wanted) {
        if (wanted.none()) return "";
        List<Path> folders = new ArrayList<>();
        Path folder = like == null ? null : like.toAbsolutePath().normalize().getParent();
        for (int i = 0; i < 2 && folder != null; i++, folder = folder.getParent()) folders.add(folder);
        if (folders.size() == 2) {   // dreams lie beside each other, each in a folder of its own
            try (Stream<Path> beside = Files.list(folders.get(1))) {
                beside.filter(Files::isDirectory).sorted().limit(BESIDE).forEach(folders::add);
            } catch (IOException e) {
                // what cannot be looked into has nothing to find
            }
        }
        return origins.find(what, option, wanted, folders, List.of(""));
    }

    /** How the texts were read: a weight that was meant and not given is seen at once. */
    private static void understood(DreamRequest request, Terminal terminal) {
        List<List<DreamPrompt.WeightedTarget>> phases = DreamPrompt.parse(request.texts()).phases();
        for (int i = 0; i < phases.size(); i++) {
            String aims = phases.get(i).stream().map(a -> "'" + a.what() + "' by " + number(a.weight())
                + (Double.isInfinite(a.stop()) ? "" : " as far as " + number(a.stop()))).collect(Collectors.joining(", "));
            terminal.note("dream" + (phases.size() > 1 ? ", phase " + (i + 1) : "") + ": " + aims);
        }
    }

    private static String number(double x) { return x == Math.rint(x) ? String.format(Locale.ROOT, "%.0f", x) : Double.toString(x); }

    private DreamWatcher watcher(DreamRequest request, Terminal terminal, Stop stop, Frames frames, Path folder) {
        Path preview = folder.resolve("preview.png");
        return new DreamWatcher() {
            @Override public void seen(int done, int of, double loss, Supplier<Picture> picture) {
                terminal.doing(String.format(Locale.ROOT, "dream: %d%s, loss %.4f", done, of == 0 ? "" : "/" + of, loss));
                if (done == 0) {
                    frames.begin();
                    understood(request, terminal);
                }
                frames.seen(done, picture);
                if (done % display == 0) Png.write(preview, picture.get(), Map.of());
            }

            @Override public boolean stop() { return stop.getAsBoolean(); }
        };
    }

    /** The pictures of a film, one file each: there may be more of them than memory holds. */
    private static final class Frames extends AbstractList<Picture> {
        private final Path folder;
        private final Film film;
        private final List<Path> files = new ArrayList<>();
        private int shown = -1;

        Frames(Path folder, Film film) {
            this.folder = folder.resolve("frames");
            this.film = film;
        }

        /** Makes the folder, and lets the frames of another film go. */
        void begin() {
            try {
                Files.createDirectories(folder);
                try (Stream<Path> old = Files.list(folder)) {
                    for (Path f : old.filter(f -> f.getFileName().toString().matches("\\d{6,}\\.png")).toList()) Files.delete(f);
                }
            } catch (IOException e) {
                throw new UncheckedIOException("cannot write to " + folder + ": " + e.getMessage(), e);
            }
        }

        void seen(int done, Supplier<Picture> picture) {
            if (film.every() == 0 || done % film.every() != 0 || done == shown) return;
            shown = done;
            Path file = folder.resolve(String.format(Locale.ROOT, "%06d.png", files.size()));
            Png.write(file, picture.get(), Map.of());
            files.add(file);
        }

        /** The film ends with the picture itself. */
        void last(DreamResult result) {
            if (film.every() == 0 || shown == result.iterations()) return;
            shown = -1;
            Path file = folder.resolve(String.format(Locale.ROOT, "%06d.png", files.size()));
            Png.write(file, result.picture(), Map.of());
            files.add(file);
        }

        @Override public Picture get(int i) {
            Path file = files.get(i);
            try {
                return Pictures.read(Common.bytes(file), file.toString(), Limits.DEFAULT);
            } catch (IOException e) {
                throw new UncheckedIOException("cannot read " + file + ": " + e.getMessage(), e);
            }
        }

        @Override public int size() { return files.size(); }
    }

    private static List<Path> films(Frames frames, Film film, Path folder, Terminal terminal) {
        if (frames.isEmpty()) return List.of();
        List<Picture> shown = film.of(frames);
        List<Path> files = new ArrayList<>(List.of(folder.resolve("dream.gif")));
        Gif.write(files.get(0), shown, film.delay(shown.size()));
        Optional<FilmWriter> mp4 = FilmWriter.find(MP4);
        if (mp4.isPresent()) {
            files.add(folder.resolve("dream" + MP4));
            mp4.get().write(files.get(1), shown, film.fps(shown.size()));
        } else {
            terminal.note("no MP4, this build is without FFmpeg; 'mvn -q -DskipTests -pl app -am -Pvideo package' in Palitra's "
                + "folder adds it");
        }
        return files;
    }

    /** To compare with, one caption each of the first {@value #CAPTIONS} pictures; of a folder without parts of all its pictures. */
    private List<String> captions(Terminal terminal) {
        if (against == null) return List.of();
        Split part = Files.exists(Path.of(against)) ? Split.TRAIN : Split.TEST;
        Dataset data = Datasets.undivided(Common.dataName(against), part, Config.with(DataOptions.DEFAULT, "captions=true"));
        Common.told(data, terminal);
        if (!data.captioned()) throw new IllegalArgumentException("'" + data.name() + "' has no captions");
        return IntStream.range(0, Math.min(CAPTIONS, data.size())).mapToObj(i -> data.caption(i, 0, 0)).toList();
    }

    private static void scores(DreamRequest request, DreamResult result, Dream dream, List<String> captions, Terminal terminal) {
        List<List<DreamPrompt.WeightedTarget>> phases = DreamPrompt.parse(request.texts()).phases();
        if (phases.isEmpty()) return;
        List<Double> others = captions.isEmpty() ? List.of() : dream.cosines(result.picture(), captions);
        for (int i = 0; i < result.last().size(); i++) {
            String text = phases.get(phases.size() - 1).get(i).what();
            double own = result.last().get(i);
            // of the picture as it was saved, as those of the captions are; equal texts part by rounding alone
            double saved = captions.isEmpty() ? own : dream.cosines(result.picture(), List.of(text)).get(0);
            long lower = others.stream().filter(c -> c < saved - 1e-5).count();
            terminal.note(String.format(Locale.ROOT, "dream: '%s': cosine %.3f, at the start %.3f", text, own, result.first().get(i))
                + (others.isEmpty() ? "" : String.format(Locale.ROOT, "; above %.1f %% of %d captions", 100.0 * lower / others.size(),
                others.size())));
        }
    }

    private void report(DreamSettings settings, DreamResult result, List<Path> files) throws IOException {
        if (!json) {
            files.forEach(Common.OUT::println);
            return;
        }
        ObjectNode node = new ObjectMapper().createObjectNode().put("seed", settings.how().seed()).put("iterations", result.iterations())
            .put("seconds", result.seconds());
        ArrayNode cosines = node.putArray("cosines"), list = node.putArray("files");
        result.last().forEach(cosines::add);
        files.forEach(f -> list.add(f.toString()));
        Common.json(node);
    }
}
