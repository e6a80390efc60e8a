package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.FilmFile;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.data.VideoItems;
import io.palitra.data.VideoSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.model.Watcher;
import io.palitra.report.Display;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A film from its first frame or frames on, several times. A film that is longer than the model's items is drawn in windows, each of which
 * keeps the last frames before it, half an item at most.
 */
public record ContinueRequest(
        @Help(value = "the run folder, of films", place = Help.Place.MODEL) String run,
        @Help(value = "file of a film, or of a picture, its first frame", place = Help.Place.PICTURE) String film,
        @Help(value = "frames of it that are kept, from the beginning; 0 = all", min = 0, max = VideoSpec.MOST) int keep,
        @Help(value = "frames of the whole, 0 = as many as the run's items have", min = 0, max = VideoSpec.MOST) int frames,
        @Help(value = "alternatives, side by side", min = 1, max = 100) int n,
        @Help(value = "decides the noise", min = 0) long seed,
        @Help("sampling keys of the family, as label=3") List<String> set,
        @Help(value = "a .gif, or .mp4 with palitra-video; empty = continued.gif in the run folder", place = Help.Place.OUT) String out,
        @Help("whether a file that is there is replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<ContinueRequest.Result> {
    private static final String GIF = ".gif";

    public ContinueRequest {
        set = List.copyOf(set);
    }

    /** One alternative, of the length of the run's items. */
    public ContinueRequest(String run, String film) { this(run, film, 0, 0, 1, 0, List.of(), "", false, "auto", 0); }

    /**
     * What was drawn.
     *
     * @param file the film
     * @param frames of the whole
     */
    public record Result(Path file, int frames) {}

    @Override public void check(DataSpec items) {
        if (items instanceof VideoItems) return;
        throw new ConfigException("run", "'" + run + "' is a run of " + Display.of(items).items() + ", not of films; --image and --keep "
            + "complete pictures");
    }

    /**
     * Draws; ticks by the steps of a sampler.
     *
     * @throws IllegalArgumentException for a run that draws no films, and for more frames kept than there are
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            DataSpec data = opened.config().settings().spec();
            check(data);
            VideoItems spec = (VideoItems) data;
            Drawing<?> drawing = inputs.drawing(opened, set);
            if (!drawing.model().takes().contains(Condition.Kind.PREFIX)) {
                throw new ArgumentException("'" + opened.config().settings().family() + "' goes on with no films; diffusion with net=latte "
                    + "does");
            }
            if (drawing.model().classes() > 0 && drawing.asked().label() < 0) {
                throw new ConfigException("set", "'" + run + "' draws by classes, and each window would have one of its own: label=N says "
                    + "which one goes on");
            }
            if (drawing.model().takes().contains(Condition.Kind.TEXT) && drawing.asked().text().isEmpty()) {
                throw new ConfigException("set", "'" + run + "' draws by texts, and each window would have one of its own: prompt=TEXT "
                    + "says what goes on");
            }
            Path target = target(Display.of(data));
            Tensor known = known(spec, watcher).to(opened.device());
            int length = frames == 0 ? spec.frames() : frames;
            if (known.size(1) >= length) {
                throw new ConfigException("frames", "illegal frames: " + length + ", must be more than the " + known.size(1) + " that are "
                    + "kept; keep=N keeps fewer");
            }
            Tensor all;
            try (var watch = Steps.of(watcher, spec)) {
                all = Outputs.finite(drawn(drawing, known, spec.frames(), length, watcher), run);
            }
            VideoItems whole = spec.ofLength(length);
            String suffix = target.toString().toLowerCase(Locale.ROOT).endsWith(GIF) ? GIF : ".mp4";
            Display.of(whole).film(whole, all, (int) Math.ceil(Math.sqrt(n)), suffix).write(target, Map.of());
            watcher.wrote(target);
            return new Result(target, length);
        }
    }

    private Path target(Display display) throws IOException {
        Path target = out.isEmpty() ? Outputs.own(run, "continued" + GIF) : Path.of(out);   // the first of its endings is .gif
        String name = target.toString().toLowerCase(Locale.ROOT);
        return Outputs.named(target, display.moving().stream().filter(name::endsWith).findFirst().orElse(GIF), "out", force);
    }

    /** [n,k,C,H,W] in [-1,1], as the run sees them. */
    private Tensor known(VideoItems spec, Watcher watcher) throws IOException {
        List<Picture> read = FilmFile.read(Path.of(film), watcher::note);
        if (keep > read.size()) {
            throw new ConfigException("keep", "illegal keep: " + keep + ", must be at most " + read.size() + ", the frames of '" + film
                + "'");
        }
        Picture first = read.get(0);
        if ((long) first.width() * spec.height() != (long) spec.width() * first.height()) {
            watcher.note("'" + film + "' has " + first.width() + "x" + first.height() + " pixels: it is resized to cover " + spec.width()
                + "x" + spec.height() + " and cut around its middle");
        }
        List<Tensor> frames = new ArrayList<>();
        for (Picture p : read.subList(0, keep == 0 ? read.size() : keep)) {
            frames.add(PictureBytes.tensor(Pictures.fit(Pictures.channels(p, spec.channels()), spec.height(), spec.width())));
        }
        Tensor film = Torch.cat(0, frames.toArray(Tensor[]::new)).unsqueeze(0);
        return film.expand(n, frames.size(), spec.channels(), spec.height(), spec.width()).contiguous();
    }

    /** Window after window; the noise of window w is its own. @param item frames of what the model draws at once */
    private Tensor drawn(Drawing<?> drawing, Tensor known, int item, int length, Watcher watcher) {
        Tensor all = known;
        for (int w = 0; all.size(1) < length; w++) {
            watcher.checkStop();
            // the first window keeps all that it can; later ones half, so that there is room for what moves on
            long kept = Math.min(all.size(1), w == 0 && all.size(1) < item ? item - 1 : Math.max(1, item / 2));
            Tensor before = all.narrow(1, all.size(1) - kept, kept).contiguous();
            Tensor window = drawing.complete(before, w == 0 ? new Rng(seed).on(known.device()) : new Rng(seed).split(w).on(known.device()));
            all = Torch.cat(1, all, window.narrow(1, kept, Math.min(item - kept, length - all.size(1))));
        }
        return all;
    }
}
