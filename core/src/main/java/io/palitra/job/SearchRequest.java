package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.Help;
import io.palitra.config.InWords;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.PictureFiles;
import io.palitra.data.Pictures;
import io.palitra.edit.PictureSearch;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import io.palitra.report.ReportData.Figure;
import io.palitra.report.Results;
import io.palitra.stage.ClipEmbedder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The pictures of a folder that fit a text best, or that are most like a picture, by a CLIP: a page of them. */
public record SearchRequest(
        @Help(value = "a folder of pictures, also in folders within; or a .zip", place = Help.Place.DATA) String folder,
        @Help("words, or the file of a picture") String query,
        @Help(value = "a run of family clip, a folder of transformers' CLIP, or an org/name that was pulled",
            place = Help.Place.MODEL) String clip,
        @Help(value = "pictures on the page", min = 1, max = 1000) int n,
        @Help(value = "the page, an .html", place = Help.Place.OUT) String out,
        @Help("whether a file that is there is replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda, cuda:1") String device,
        @Help(value = "threads of one operation, 0 = as it is", min = 0) int threads) implements Request<SearchRequest.Result> {
    /** Pixels of the longer side of a picture on the page, at most. */
    private static final int SIDE = 384;

    /** The nearest pictures of a folder. */
    public SearchRequest(String folder, String query, String clip) {
        this(folder, query, clip, 24, "search.html", false, "auto", 0);
    }

    /**
     * What was found.
     *
     * @param clip the model's name
     * @param best the nearest first, those on the page
     * @param searched pictures that were read
     * @param skipped why each of the others was not
     */
    public record Result(Path page, String clip, List<Found> best, int searched, List<String> skipped) {}

    /** A picture by its file, and its cosine to what was asked for. */
    public record Found(String file, double cosine) {}

    /** As {@link Request#placed}; the query, too, as a picture. Words that are to be no file's begin with a blank. */
    @Override public SearchRequest placed(Config.Move move) {
        return Config.moved(Config.replace(this, "query", move.to("query", Help.Place.PICTURE, query)), move);
    }

    /** Each picture is a tick "pictures". @throws FormatException where no picture can be read */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        if (query.isBlank()) throw new ArgumentException("search for what? wanted is a text, or the file of a picture");
        Path page = Outputs.free(Path.of(out), "out", force), file = file(query);
        Inputs.threads(threads);
        Device where = Device.named(device);
        try (OpenModels.Lease<ClipEmbedder> lease = ByClip.lease(clip); Scope scope = new Scope(); Guard g = Torch.noGrad();
                PictureFiles files = PictureFiles.open(Path.of(folder), Limits.DEFAULT)) {
            ClipEmbedder model = lease.model();
            model.to(where);
            if (file == null) model.notes(query).forEach(watcher::note);
            Picture like = file == null ? null : PictureBytes.read(file, watcher::note);
            Tensor point = like == null ? model.embedText(List.of(query)) : model.embedImage(PictureSearch.tensor(like, where));
            int all = files.names().size();
            PictureSearch.Result found = PictureSearch.of(model, point, files, where, k -> {
                watcher.tick("pictures", k, all);
                watcher.checkStop();
            });
            InWords.few(found.notes(), "pictures the same").forEach(watcher::note);
            InWords.few(found.skipped().stream().map(s -> "skipped: " + s).toList(), "pictures that cannot be read, skipped")
                .forEach(watcher::note);
            if (found.all().isEmpty()) throw new FormatException(folder, -1, "none of its " + all + " pictures can be read");
            List<PictureSearch.Found> best = List.copyOf(found.all().subList(0, Math.min(n, found.all().size())));
            write(page, model.name(), like, best, found, files);
            watcher.wrote(page);
            return new Result(page, model.name(), best.stream().map(f -> new Found(f.file(), f.cosine())).toList(),
                found.all().size(), found.skipped());
        }
    }

    private void write(Path page, String name, @Nullable Picture like, List<PictureSearch.Found> best, PictureSearch.Result found,
            PictureFiles files) throws IOException {
        List<Figure> figures = new ArrayList<>();
        for (PictureSearch.Found f : best) {
            figures.add(figure(f.file(), String.format(Locale.ROOT, "cosine %.3f", f.cosine()), files.read(f.file())));
        }
        new Results(query, "in " + folder + ", by " + name, found.all().size() + " pictures looked at"
            + (found.skipped().isEmpty() ? "." : ", " + found.skipped().size() + " skipped."),
            Optional.ofNullable(like).map(p -> figure(query, "What was asked for.", p)), figures,
            InWords.few(found.skipped(), "pictures that cannot be read")).write(page);
    }

    private static @Nullable Path file(String query) {
        if (query.startsWith(" ")) return null;
        try {
            Path path = Path.of(query);
            return Files.isRegularFile(path) ? path : null;
        } catch (InvalidPathException e) {
            return null;   // words
        }
    }

    /** As large as a page can show it. */
    private static Figure figure(String title, String caption, Picture p) {
        double share = Math.min(1, SIDE / (double) Math.max(p.height(), p.width()));
        Picture shown = share == 1 ? p
            : Pictures.resize(p, Math.max(1, (int) Math.round(share * p.height())), Math.max(1, (int) Math.round(share * p.width())));
        return new Figure(title, caption, "image/png", Png.encode(shown, Map.of()));
    }
}
