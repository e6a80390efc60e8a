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
import io.palitra.data.Pictures;
import io.palitra.data.ScoreItems;
import io.palitra.data.Split;
import io.palitra.data.TextItems;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** The upper rows of pictures kept and the rest drawn, several times: each picture, what is kept of it, and the alternatives in one row. */
public record CompleteRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help(value = "file of a picture, empty = the first ten items of the test split", place = Help.Place.PICTURE) String image,
        @Help(value = "rows kept, from the top", min = 0) int keep,
        @Help(value = "alternatives", min = 1, max = 1000) int n,
        @Help(value = "decides the noise", min = 0) long seed,
        @Help("sampling keys of the family, as temperature=0.8") List<String> set,
        @Help(value = "where data sets lie, empty = where they lay", place = Help.Place.DATA) String dataDir,
        @Help(value = "the picture, a .png, empty = complete.png in the run folder", place = Help.Place.OUT) String out,
        @Help("whether a file that is there is replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<CompleteRequest.Result> {
    private static final byte GREY = (byte) 128;
    private static final int ITEMS = 10;

    public CompleteRequest {
        set = List.copyOf(set);
    }

    /** Eight items of its own test data. */
    public CompleteRequest(String run, int keep) { this(run, "", keep, 8, 0, List.of(), "", "", false, "auto", 0); }

    /** @param file the picture */
    public record Result(Path file) {}

    /** @throws IllegalArgumentException for a family that does not complete pictures, and for more rows than there are */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Drawing<?> drawing = inputs.drawing(opened, set);
            if (!drawing.model().takes().contains(Condition.Kind.PREFIX)) {
                throw new ArgumentException("'" + opened.config().settings().family() + "' completes nothing; pixelcnn, tokens "
                    + "and dalle do");
            }
            DataSpec spec = opened.config().settings().spec();
            if (spec instanceof ScoreItems) {
                throw new ArgumentException("'" + run + "' is a run of scores: --score FILE.mid names the one of which --voice, --bars or "
                    + "--keep says what is kept");
            }
            if (spec instanceof TextItems) {
                throw new ArgumentException("'" + run + "' is a run of texts: --text FILE names the text, --hole A:B its holes; gpt and "
                    + "lstm go on from a beginning by 'palitra write'");
            }
            ItemPictures shown = new ItemPictures("complete", opened.config().settings());
            int height = (int) spec.shape()[1];   // [C,H,W]
            if (keep > height) {
                throw new ConfigException("keep", "illegal keep: " + keep + ", must be between 0 and " + height + " rows");
            }
            Path target = Outputs.picture(out.isEmpty() ? Outputs.own(run, "complete.png") : Path.of(out), "out", force);
            List<Picture> sheet = new ArrayList<>();
            for (Picture picture : pictures(opened, spec, shown, inputs, watcher)) {
                watcher.checkStop();
                sheet.add(picture);
                sheet.add(kept(picture));
                try (var watch = Steps.of(watcher, spec)) {
                    sheet.addAll(shown.of(Outputs.finite(alternatives(drawing, picture, opened.device()), run)));
                }
            }
            Png.write(target, Grid.of(sheet, n + 2, 2), Map.of("palitra", "complete, " + keep + " rows kept, seed " + seed));
            watcher.wrote(target);
            return new Result(target);
        }
    }

    /** Grey below the rows that are kept. */
    private Picture kept(Picture of) {
        byte[] kept = new byte[of.pixels().length];
        int plane = of.height() * of.width();
        Arrays.fill(kept, GREY);
        for (int c = 0; c < of.channels(); c++) System.arraycopy(of.pixels(), c * plane, kept, c * plane, keep * of.width());
        return new Picture(of.channels(), of.height(), of.width(), kept);
    }

    /** [n,C,H,W]. */
    private Tensor alternatives(Drawing<?> drawing, Picture p, Device device) {
        Tensor one = DataLoader.fromBytes(Torch.of(p.pixels(), 1, p.channels(), p.height(), p.width()));
        Tensor upper = one.narrow(2, 0, keep).expand(n, p.channels(), keep, p.width()).contiguous().to(device);
        return drawing.complete(upper, new Rng(seed).on(device));
    }

    private List<Picture> pictures(Run opened, DataSpec spec, ItemPictures shown, Inputs inputs, Watcher watcher) throws IOException {
        if (!image.isEmpty()) {
            Path file = Path.of(image);
            if (!Files.isRegularFile(file)) throw new ArgumentException("no such file: " + image);
            Picture read = PictureBytes.read(file, watcher::note), coloured = spec.shape()[0] == 1 ? Pictures.grey(read)
                : Pictures.rgb(read);
            return List.of(Pictures.fit(coloured, (int) spec.shape()[1], (int) spec.shape()[2]));
        }
        Dataset test = inputs.data(opened.config(), "", dataDir, Split.TEST);
        int[] items = new int[Math.min(ITEMS, test.size())];
        for (int i = 0; i < items.length; i++) items[i] = i;
        return shown.of(DataLoader.of(test, items, opened.device()).x());
    }
}
