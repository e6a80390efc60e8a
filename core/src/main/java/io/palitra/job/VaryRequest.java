package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.Picture;
import io.palitra.edit.Interpolate;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.model.Varies;
import io.palitra.model.Watcher;
import io.palitra.report.Grid;
import io.palitra.report.Png;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Variations of a picture, a walk from one picture to another, or a walk from a picture in the direction from one text to another, by the
 * points that a CLIP gives them.
 */
public record VaryRequest(
        @Help(value = "the run folder, of unclip", place = Help.Place.MODEL) String run,
        @Help(value = "file of the picture, or two to walk between", place = Help.Place.PICTURE) List<String> pictures,
        @Help(value = "pictures that are drawn", min = 1, max = 100) int n,
        @Help("a text that the picture fits; with 'to' a direction") String from,
        @Help("a text that the picture is to fit") String to,
        @Help(value = "how far to go from the picture to that direction, 1 = to its end", min = 0, max = 1) double amount,
        @Help("whether a walk begins at the noise that leads to the picture, instead of fresh noise: nearer to it") boolean keep,
        @Help(value = "decides the noise", min = 0) long seed,
        @Help("sampling keys of the family, as guidance=3") List<String> set,
        @Help(value = "the picture, a .png, empty = vary.png in the run folder", place = Help.Place.OUT) String out,
        @Help("whether a file that is there is replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<VaryRequest.Result> {
    public VaryRequest {
        pictures = List.copyOf(pictures);
        set = List.copyOf(set);
    }

    /** Eight variations of one, or steps between two. */
    public VaryRequest(String run, List<String> pictures) { this(run, pictures, 8, "", "", 0.5, false, 0, List.of(), "", false, "auto",
        0); }

    /** @param file the picture: those given, and the drawn ones between or after them */
    public record Result(Path file) {}

    /**
     * @throws IllegalArgumentException for a family that draws near no points, for other than one picture or two, and for one text without
     *     the other
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        if (pictures.isEmpty() || pictures.size() > 2) {
            throw new ConfigException("pictures", "vary takes one picture, or two to walk between, got " + pictures.size());
        }
        if (from.isEmpty() != to.isEmpty()) {
            throw new ConfigException(from.isEmpty() ? "from" : "to", "a direction wants two texts, 'from' and 'to'; got one");
        }
        if (pictures.size() == 2 && !to.isEmpty()) {
            throw new ConfigException("to", "a direction of texts is for one picture, got two");
        }
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Varies model = opened.model().as(Varies.class).orElseThrow(() -> new ArgumentException("'"
                + opened.config().settings().family() + "' varies nothing; unclip does"));
            Drawing<?> drawing = inputs.drawing(opened, set);
            DataSpec spec = opened.config().settings().spec();   // of pictures [C,H,W]
            ItemPictures shown = new ItemPictures("vary", opened.config().settings());
            Path target = Outputs.picture(out.isEmpty() ? Outputs.own(run, "vary.png") : Path.of(out), "out", force);
            List<Picture> given = new ArrayList<>();
            for (String file : pictures) given.add(PictureBytes.fitted(file, spec, watcher::note));
            Tensor x = Torch.cat(0, given.stream().map(PictureBytes::tensor).toList()).to(opened.device());
            List<Picture> sheet = new ArrayList<>();
            sheet.add(given.get(0));
            try (var watch = Steps.of(watcher, spec)) {
                Tensor drawn = drawing.sample(condition(model, x), n, new Rng(seed).on(opened.device()));
                sheet.addAll(shown.of(Outputs.finite(drawn, run)));
            }
            if (given.size() == 2) sheet.add(given.get(1));
            Png.write(target, Grid.of(sheet, Math.min(sheet.size(), 10), 2), Map.of("palitra", "vary, seed " + seed));
            watcher.wrote(target);
            return new Result(target);
        }
    }

    private Condition condition(Varies model, Tensor x) {
        Tensor points = model.points(x), first = points.rows(0, 1);
        Map<String, Tensor> given = new LinkedHashMap<>();
        boolean walks = x.size(0) == 2 || !to.isEmpty();
        if (!walks) {
            given.put(Varies.POINT, first.expand(n, first.size(1)));
            if (keep) given.put(Varies.NOISE, each(model.noise(x, points)));
            return new Condition(null, List.of(), given);
        }
        Tensor end;
        if (to.isEmpty()) {
            end = points.rows(1, 1);
        } else {
            Tensor texts = model.pointsOf(List.of(from, to)), apart = texts.rows(1, 1).sub(texts.rows(0, 1));
            if (apart.abs().max().item() == 0) throw new ConfigException("to", "the texts '" + from + "' and '" + to
                + "' are one to this CLIP");
            end = apart.div(apart.square().sum(true, 1).sqrt());
        }
        Tensor noise = keep ? model.noise(x, points) : new Rng(seed).normalLike(x.rows(0, 1));
        List<Tensor> along = new ArrayList<>(), begins = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            double share = to.isEmpty() ? (i + 1.0) / (n + 1) : amount * (i + 1) / n;
            along.add(Interpolate.slerp(first, end, share));
            begins.add(noise.size(0) == 2 ? Interpolate.slerp(noise.rows(0, 1), noise.rows(1, 1), share) : noise);
        }
        given.put(Varies.POINT, Torch.cat(0, along));
        given.put(Varies.NOISE, Torch.cat(0, begins));
        return new Condition(null, List.of(), given);
    }

    private Tensor each(Tensor one) { return one.expand(n, one.size(1), one.size(2), one.size(3)); }
}
