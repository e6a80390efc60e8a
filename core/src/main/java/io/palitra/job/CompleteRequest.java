package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Condition;
import io.palitra.data.DataLoader;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.Picture;
import io.palitra.data.PictureItems;
import io.palitra.data.Pictures;
import io.palitra.data.ScoreItems;
import io.palitra.data.Split;
import io.palitra.data.TextItems;
import io.palitra.data.VideoItems;
import io.palitra.edit.Redraw;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.model.Watcher;
import io.palitra.report.Grid;
import io.palitra.report.Png;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Some of a picture kept and the rest drawn, several times: each picture, what is kept of it, and the alternatives in one row. The upper
 * rows are kept; or, by a run that draws along noise levels, what a mask leaves black, while the way may begin in its middle, at the noised
 * picture, and another run may go on with it.
 */
public record CompleteRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help(value = "file of a picture, empty = the first ten items of the test split", place = Help.Place.PICTURE) String image,
        @Help(value = "rows kept, from the top", min = 0) int keep,
        @Help(value = "file of a mask of the picture's size: white is drawn, black kept; empty = rows below 'keep' are drawn",
            place = Help.Place.PICTURE) String mask,
        @Help(value = "how much of the way from noise is gone: 1 = all, 0 = the picture stays", min = 0, max = 1) double strength,
        @Help(value = "RUN@T, a run that goes on from training time T down; empty = none", place = Help.Place.MODEL) String switchTo,
        @Help(value = "alternatives", min = 1, max = 1000) int n,
        @Help(value = "decides the noise", min = 0) long seed,
        @Help("sampling keys of the family, as temperature=0.8") List<String> set,
        @Help(value = "where data sets lie, empty = where they lay", place = Help.Place.DATA) String dataDir,
        @Help(value = "the picture, a .png, empty = complete.png in the run folder", place = Help.Place.OUT) String out,
        @Help("whether a file that is there is replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<CompleteRequest.Result> {
    private static final byte GREY = (byte) 128;
    private static final int HALF = 128;
    private static final int ITEMS = 10;

    public CompleteRequest {
        set = List.copyOf(set);
    }

    /** Eight items of its own test data. */
    public CompleteRequest(String run, int keep) { this(run, "", keep, "", 1, "", 8, 0, List.of(), "", "", false, "auto", 0); }

    /** @param file the picture */
    public record Result(Path file) {}

    @Override public CompleteRequest placed(Config.Move move) {
        return Config.moved(this, (key, place, text) -> {
            int end = key.equals("switchTo") ? text.lastIndexOf('@') : -1;
            return end < 1 ? move.to(key, place, text) : move.to(key, place, text.substring(0, end)) + text.substring(end);
        });
    }

    @Override public void check() {
        if (!mask.isEmpty() && keep > 0) throw new ConfigException("mask", "mask= and keep= both say what is kept; one of them will do");
        if (!mask.isEmpty() && image.isEmpty()) throw new ConfigException("mask", "mask= is of a picture: image=FILE names it");
        if (!switchTo.isEmpty()) turn();
    }

    @Override public void check(DataSpec spec) {
        if (spec instanceof ScoreItems) {
            throw new ConfigException("run", "'" + run + "' is a run of scores: --score FILE.mid names the one of which --voice, --bars or "
                + "--keep says what is kept");
        }
        if (spec instanceof TextItems) {
            throw new ConfigException("run", "'" + run + "' is a run of texts: --text FILE names the text, --hole A:B its holes; gpt and "
                + "lstm go on from a beginning by 'palitra write'");
        }
        if (spec instanceof VideoItems) {
            throw new ConfigException("run", "'" + run + "' is a run of films: --film FILE names the one that goes on");
        }
        if (!(spec instanceof PictureItems picture)) throw new ConfigException("run", "complete is of pictures; '" + run + "' draws "
            + spec);
        if (keep > picture.height()) {
            throw new ConfigException("keep", "illegal keep: " + keep + ", must be between 0 and " + picture.height() + " rows");
        }
    }

    /** Whether it takes a model that draws along noise levels. */
    private boolean redraws() { return !mask.isEmpty() || strength < 1 || !switchTo.isEmpty(); }

    /** @throws IllegalArgumentException for a family that does not complete pictures, and for more rows than there are */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        check();
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Run other = next(inputs); Scope scope = new Scope();
                Guard g = Torch.noGrad()) {
            Drawing<?> drawing = inputs.drawing(opened, set);
            DataSpec spec = opened.config().settings().spec();
            if (!redraws() && !drawing.model().takes().contains(Condition.Kind.PREFIX)) {
                throw new ArgumentException("'" + opened.config().settings().family() + "' completes nothing; pixelcnn, tokens "
                    + "and dalle do");
            }
            check(spec);
            ItemPictures shown = new ItemPictures("complete", opened.config().settings());
            Path target = Outputs.picture(out.isEmpty() ? Outputs.own(run, "complete.png") : Path.of(out), "out", force);
            List<Picture> pictures = pictures(opened, spec, shown, inputs, watcher);
            byte @Nullable [] drawn = drawn(pictures.get(0), watcher);
            Redraw redraw = redraws() ? new Redraw(drawing, run) : null;
            if (redraw != null && other != null) {
                redraw.then(inputs.drawing(other, List.of()), switchTo.substring(0, turn()), time());
            }
            List<Picture> sheet = new ArrayList<>();
            for (Picture picture : pictures) {
                watcher.checkStop();
                sheet.add(picture);
                if (drawn != null) sheet.add(kept(picture, drawn));
                Tensor x = PictureBytes.tensor(picture).to(opened.device());
                try (var watch = Steps.of(watcher, spec)) {
                    Rng rng = new Rng(seed).on(opened.device());
                    Tensor made = redraw == null ? drawing.complete(upper(x), rng) : redraw.of(x, tensor(drawn, picture, opened.device()),
                        strength, n, rng);
                    sheet.addAll(shown.of(Outputs.finite(made, run)));
                }
            }
            Png.write(target, Grid.of(sheet, drawn == null ? n + 1 : n + 2, 2), Map.of("palitra", "complete, "
                + (mask.isEmpty() ? keep + " rows kept" : "by a mask") + (strength < 1 ? ", strength " + strength : "")
                + (switchTo.isEmpty() ? "" : ", switched") + ", seed " + seed));
            watcher.wrote(target);
            return new Result(target);
        }
    }

    /** The upper rows for each alternative, [n,C,keep,W]. */
    private Tensor upper(Tensor x) {
        return x.narrow(2, 0, keep).expand(n, x.size(1), keep, x.size(3)).contiguous();
    }

    private @Nullable Run next(Inputs inputs) throws IOException {
        return switchTo.isEmpty() ? null : inputs.open(switchTo.substring(0, turn()), device, threads);
    }

    /** The place of the @ in {@code switchTo}. */
    private int turn() {
        int at = switchTo.lastIndexOf('@');
        if (at > 0 && switchTo.substring(at + 1).matches("\\d{1,6}(\\.\\d{1,6})?")) return at;
        throw new ConfigException("switchTo", "illegal switchTo: " + switchTo + ", must be RUN@TIME, a time of training as 300");
    }

    private double time() { return Double.parseDouble(switchTo.substring(turn() + 1)); }

    /** Which pixels are drawn, 1 or 0 each; null where all are and no row is kept. */
    private byte @Nullable [] drawn(Picture like, Watcher watcher) throws IOException {
        byte[] drawn = new byte[like.height() * like.width()];
        if (mask.isEmpty()) {
            if (keep == 0 && redraws()) return null;
            Arrays.fill(drawn, keep * like.width(), drawn.length, (byte) 1);
            return drawn;
        }
        Picture white = PictureBytes.mask(Path.of(mask), watcher::note), whole = PictureBytes.read(Path.of(image), note -> { });
        if (white.width() != whole.width() || white.height() != whole.height()) {
            throw new ConfigException("mask", "the mask has " + white.width() + "x" + white.height() + " pixels, the picture "
                + whole.width() + "x" + whole.height() + "; they must be the same");
        }
        byte[] light = Pictures.fit(white, like.height(), like.width()).pixels();
        int count = 0;
        for (int i = 0; i < drawn.length; i++) {
            if ((light[i] & 0xff) < HALF) continue;
            drawn[i] = 1;
            count++;
        }
        if (count == 0) watcher.note("mask=" + mask + " has no pixel that is both opaque and light: nothing is drawn");
        return drawn;
    }

    private static @Nullable Tensor tensor(byte @Nullable [] drawn, Picture of, Device device) {
        return drawn == null ? null : Torch.of(drawn, 1, 1, of.height(), of.width()).to(DType.F32).to(device);
    }

    /** Grey where it is drawn. */
    private static Picture kept(Picture of, byte[] drawn) {
        byte[] kept = of.pixels().clone();
        for (int i = 0; i < kept.length; i++) if (drawn[i % drawn.length] != 0) kept[i] = GREY;
        return new Picture(of.channels(), of.height(), of.width(), kept);
    }

    private List<Picture> pictures(Run opened, DataSpec spec, ItemPictures shown, Inputs inputs, Watcher watcher) throws IOException {
        if (!image.isEmpty()) return List.of(PictureBytes.fitted(image, spec, watcher::note));
        Dataset test = inputs.data(opened.config(), "", dataDir, Split.TEST);
        int[] items = new int[Math.min(ITEMS, test.size())];
        for (int i = 0; i < items.length; i++) items[i] = i;
        return shown.of(DataLoader.of(test, items, opened.device()).x());
    }
}
