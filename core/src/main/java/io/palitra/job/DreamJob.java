package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.DreamPrompt;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.edit.Dream;
import io.palitra.edit.DreamRequest;
import io.palitra.edit.DreamResult;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.model.Watcher;
import io.palitra.report.Film;
import io.palitra.report.FilmWriter;
import io.palitra.report.Gif;
import io.palitra.report.Png;
import io.palitra.stage.ClipEmbedder;
import io.palitra.stage.FirstStage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A picture from words by a VQGAN and a CLIP, and a film of how it came, as files: a {@link DreamRequest} with its models. The PNG carries
 * its settings, and {@link #like} reads them.
 */
public record DreamJob(
        @Help("what the picture is to become") String texts,
        @Help(value = "a run of vqgan or vqvae, a folder of diffusers, or org/name of the hub; empty = that of like",
            place = Help.Place.MODEL)
        String vqgan,
        @Help(value = "a run of clip, a folder of transformers, or org/name of the hub; empty = that of like",
            place = Help.Place.MODEL) String clip,
        @Help("numbers") DreamRequest.How how,
        @Help(value = "file of a picture to begin with; empty = that of like", place = Help.Place.PICTURE) String image,
        @Help(value = "files of pictures that it is to resemble, as a.png:2 | b.png", place = Help.Place.PICTURE) String targets,
        @Help("points at random that it is to resemble, as 7:0.5 | 8") String noise,
        @Help("the film") Film film,
        @Help(value = "iterations from one preview.png to the next", min = 1) int display,
        @Help(value = "folder, or data set such as scenes, whose captions are scored beside the texts; empty = none",
            place = Help.Place.DATA)
        String against,
        @Help(value = "file of a picture whose files serve where none are given here; empty = none",
            place = Help.Place.PICTURE) String like,
        @Help(value = "the folder for dream.png, dream.gif, dream.mp4 and frames; empty = dream-SEED here",
            place = Help.Place.OUT) String out,
        @Help("whether files that are there are replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda, cuda:1") String device,
        @Help(value = "threads of one operation, 0 = as it is", min = 0) int threads) implements Request<DreamJob.Result> {
    private static final String MP4 = ".mp4";
    private static final int CAPTIONS = 1000;
    /** Folders that are looked into. */
    private static final int BESIDE = 200;

    /** Texts and two models, and all else as usual. */
    public DreamJob(String texts, String vqgan, String clip) {
        this(texts, vqgan, clip, DreamRequest.How.DEFAULT, "", "", "", Film.DEFAULT, 50, "", "", "", false, "auto", 0);
    }

    /**
     * A job that dreams a picture again: with its words and numbers, and with its files where no others are given.
     *
     * @param png the file of the picture
     * @throws FormatException where it carries no settings of a dreamt picture
     */
    public static DreamJob like(Path png) {
        DreamSettings.Read read = DreamSettings.read(png, Png.text(png));
        DreamSettings s = read.settings();
        return new DreamJob(s.texts(), "", "", s.how(), "", names(read), s.noise(), s.film(), 50, "", png.toString(), "", false, "auto", 0);
    }

    /** As {@link Request#placed}; of the targets each picture by itself. */
    @Override public DreamJob placed(Config.Move move) {
        return Config.moved(this, (key, place, text) -> !key.equals("targets") ? move.to(key, place, text)
            : DreamSettings.aims(text).stream().map(t -> DreamSettings.typed(move.to(key, place, t.what()), t.weight(), t.stop()))
                .collect(Collectors.joining(" | ")));
    }

    /**
     * What was dreamt.
     *
     * @param files   the picture, then its films
     * @param cosines of the picture with each text of the last phase
     * @param seconds without loading
     * @param stopped whether it was stopped before all iterations
     */
    public record Result(List<Path> files, long seed, int iterations, List<Double> cosines, double seconds, boolean stopped) {}

    /**
     * Dreams. A tick "iterations" before the first and after each, with the figure "loss". Stopped, it ends with the picture that there is.
     *
     * @throws ConfigException for a request that does not fit the models, and for files that are not found or are there
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs.threads(threads);
        Origins origins = new Origins();
        DreamSettings settings = settings(origins);
        DreamRequest request = settings.request(watcher::note);
        Device where = Device.named(device);
        Path folder = Outputs.folder(out.isEmpty() ? Path.of("dream-" + how.seed()) : Path.of(out), "out", force);
        List<String> captions = captions(watcher);
        try (Scope all = new Scope(); FirstStage stage = FirstStage.open(settings.vqgan());
                ClipEmbedder sees = ClipEmbedder.open(settings.clip())) {
            stage.to(where);
            sees.to(where);
            Dream dream = new Dream(stage, sees);
            try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                if (!captions.isEmpty()) sees.embedText(captions);   // one that it cannot read is refused before the work
            }
            DreamFrames frames = new DreamFrames(folder, film);
            watcher.checkStop();
            hash(origins, settings);
            DreamResult result = dream.paint(request, watching(watcher, request, frames, folder));
            Path picture = folder.resolve("dream.png");
            Png.write(picture, result.picture(), settings.text(result, origins));
            watcher.wrote(picture);
            List<Path> files = new ArrayList<>(List.of(picture));
            frames.last(result);
            files.addAll(films(frames, folder, watcher));
            scores(request, result, dream, captions, watcher);
            return new Result(List.copyOf(files), how.seed(), result.iterations(), result.last(), result.seconds(), result.stopped());
        }
    }

    /** Takes the hashes of both models while it dreams. */
    private static void hash(Origins origins, DreamSettings settings) {
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
    }

    private Watcher watching(Watcher watcher, DreamRequest request, DreamFrames frames, Path folder) {
        Path preview = folder.resolve("preview.png");
        return new Watcher() {
            @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> picture) {
                watcher.tick(what, done, of, figures, picture);
                if (done == 0) {
                    frames.begin();
                    understood(request, watcher);
                }
                frames.seen(done, picture);
                if (done % display == 0) Png.write(preview, picture.get().orElseThrow(), Map.of());
            }

            @Override public boolean stop() { return watcher.stop(); }
        };
    }

    /** The fields, with the files of the picture to be like where they name none. */
    private DreamSettings settings(Origins origins) {
        DreamSettings.Read read = like.isEmpty() ? null : DreamSettings.read(Path.of(like), Png.text(Path.of(like)));
        String coder = !vqgan.isEmpty() || read == null ? vqgan : found(origins, "VQGAN", "vqgan", read.vqgan());
        String eyes = !clip.isEmpty() || read == null ? clip : found(origins, "CLIP", "clip", read.clip());
        if (coder.isEmpty()) throw new ConfigException("vqgan", "which VQGAN? vqgan= names a run, a folder, or org/name of the hub");
        if (eyes.isEmpty()) throw new ConfigException("clip", "which CLIP? clip= names a run, a folder, or org/name of the hub");
        String aims = read != null && targets.equals(names(read)) ? targets(origins, read) : targets;
        String start = !image.isEmpty() || read == null ? image : found(origins, "picture", "image", read.image());
        return new DreamSettings(coder, eyes, texts, start, aims, noise, how, film);
    }

    /** The targets of a picture, by name alone. */
    private static String names(DreamSettings.Read read) {
        return read.targets().stream().map(t -> DreamSettings.typed(t.picture().name(), t.weight(), t.stop()))
            .collect(Collectors.joining(" | "));
    }

    private String targets(Origins origins, DreamSettings.Read read) {
        return read.targets().stream().map(t -> DreamSettings.typed(found(origins, "target", "targets", t.picture()), t.weight(), t.stop()))
            .collect(Collectors.joining(" | "));
    }

    /** Where a file or model of the picture to be like lies: here, in the picture's folder, around or beside it, or in the hub's cache. */
    private String found(Origins origins, String what, String key, Origins.Named wanted) {
        if (wanted.none()) return "";
        List<Path> folders = new ArrayList<>();
        Path folder = Path.of(like).toAbsolutePath().normalize().getParent();
        for (int i = 0; i < 2 && folder != null; i++, folder = folder.getParent()) folders.add(folder);
        if (folders.size() == 2) {   // dreams lie beside each other, each in a folder of its own
            try (Stream<Path> beside = Files.list(folders.get(1))) {
                beside.filter(Files::isDirectory).sorted().limit(BESIDE).forEach(folders::add);
            } catch (IOException e) {
                // what cannot be looked into has nothing to find
            }
        }
        return origins.find(what, key, wanted, folders, List.of(""));
    }

    /** Notes how the texts were read: a weight that was meant and not given is seen at once. */
    private static void understood(DreamRequest request, Watcher watcher) {
        List<List<DreamPrompt.WeightedTarget>> phases = DreamPrompt.parse(request.texts()).phases();
        for (int i = 0; i < phases.size(); i++) {
            String aims = phases.get(i).stream().map(a -> "'" + a.what() + "' by " + PaintSettings.number(a.weight())
                + (Double.isInfinite(a.stop()) ? "" : " as far as " + PaintSettings.number(a.stop()))).collect(Collectors.joining(", "));
            watcher.note("dream" + (phases.size() > 1 ? ", phase " + (i + 1) : "") + ": " + aims);
        }
    }

    private List<Path> films(DreamFrames frames, Path folder, Watcher watcher) {
        if (frames.isEmpty()) return List.of();
        List<Picture> shown = film.of(frames);
        List<Path> files = new ArrayList<>(List.of(folder.resolve("dream.gif")));
        Gif.write(files.get(0), shown, film.delay(shown.size()));
        Optional<FilmWriter> mp4 = FilmWriter.find(MP4);
        if (mp4.isPresent()) {
            files.add(folder.resolve("dream" + MP4));
            mp4.get().write(files.get(1), shown, film.fps(shown.size()));
        } else {
            watcher.note("no MP4, this build is without FFmpeg; 'mvn -q -DskipTests -pl app -am -Pvideo package' in Palitra's "
                + "folder adds it");
        }
        files.forEach(watcher::wrote);
        return files;
    }

    /** To compare with, one caption each of the first {@value #CAPTIONS} pictures; of a folder without parts of all its pictures. */
    private List<String> captions(Watcher watcher) {
        if (against.isEmpty()) return List.of();
        Split part = Files.exists(Path.of(against)) ? Split.TRAIN : Split.TEST;
        Dataset data = new Inputs(watcher).noted(Datasets.undivided(Inputs.dataName(against), part, Config.with(DataOptions.DEFAULT,
            "captions=true")));
        if (!data.captioned()) throw new ArgumentException("'" + data.name() + "' has no captions");
        return IntStream.range(0, Math.min(CAPTIONS, data.size())).mapToObj(i -> data.caption(i, 0, 0)).toList();
    }

    /** Notes the cosine of each text, and the share of captions whose cosine is lower. */
    private static void scores(DreamRequest request, DreamResult result, Dream dream, List<String> captions, Watcher watcher) {
        List<List<DreamPrompt.WeightedTarget>> phases = DreamPrompt.parse(request.texts()).phases();
        if (phases.isEmpty()) return;
        List<Double> others = captions.isEmpty() ? List.of() : dream.cosines(result.picture(), captions);
        for (int i = 0; i < result.last().size(); i++) {
            String text = phases.get(phases.size() - 1).get(i).what();
            double own = result.last().get(i);
            // of the picture as it was saved, as those of the captions are; equal texts part by rounding alone
            double saved = captions.isEmpty() ? own : dream.cosines(result.picture(), List.of(text)).get(0);
            long lower = others.stream().filter(c -> c < saved - 1e-5).count();
            watcher.note(String.format(Locale.ROOT, "dream: '%s': cosine %.3f, at the start %.3f", text, own, result.first().get(i))
                + (others.isEmpty() ? "" : String.format(Locale.ROOT, "; above %.1f %% of %d captions", 100.0 * lower / others.size(),
                others.size())));
        }
    }
}
