package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.Help;
import io.palitra.data.DataLoader;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.Split;
import io.palitra.edit.LatentMap;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.measure.Course;
import io.palitra.model.Encoder;
import io.palitra.model.Watcher;
import io.palitra.report.Display;
import io.palitra.report.Plot;
import io.palitra.report.Png;
import io.palitra.train.Run;
import io.palitra.train.RunReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The latent space of a run in two dimensions: test items by class, and a grid of decoded codes; both stand in the run's report. A file of
 * JSON says the same in numbers: {@code points} are lists x, y, class (-1 = none), item; the code of a place is
 * {@code mean + x axes[0] + y axes[1]}; {@code range} is x0, x1, y0, y1.
 */
public record MapRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help(value = "test items", min = 2) int n,
        @Help(value = "where data sets lie, empty = where they lay", place = Help.Place.DATA) String dataDir,
        @Help(value = "the picture of the items, a .png, beside which lie NAME-decoded.png and NAME.json; empty = map.png in the run "
            + "folder, whose report then shows both", place = Help.Place.OUT) String out,
        @Help("whether files that are there are replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<MapRequest.Result> {
    private static final int SIDE = 20, BATCH = 100;

    /** Of 5000 items of its own test data. */
    public MapRequest(String run) { this(run, 5000, "", "", false, "auto", 0); }

    /** @param files map.png, where items alone show something map-decoded.png, and map.json */
    public record Result(List<Path> files) {}

    /** @throws IllegalArgumentException for a family without an encoder to one code */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Path file = Outputs.picture(out.isEmpty() ? Outputs.own(run, "map.png") : Path.of(out), "out", force);
            String name = String.valueOf(file.getFileName());
            String stem = name.substring(0, name.length() - 4);
            Path decoded = Outputs.free(file.resolveSibling(stem + "-decoded.png"), "out", force);
            Path numbers = Outputs.free(file.resolveSibling(stem + ".json"), "out", force);
            Encoder encoder = ReconstructRequest.encoder(opened);
            Dataset test = inputs.data(opened.config(), "", dataDir, Split.TEST);
            int many = Math.min(n, test.size());
            LatentMap map = LatentMap.of(encoder, new Course(watcher).through("codes of " + many + " items",
                DataLoader.inOrder(test, BATCH, many, opened.device()), many));
            scatter(map, test.classNames(), file);
            watcher.wrote(file);
            List<Path> files = new ArrayList<>(List.of(file));
            DataSpec spec = opened.config().settings().spec();
            watcher.checkStop();
            Tensor items = Outputs.finite(decoded(encoder, map.grid(SIDE).to(opened.device()), watcher), run);
            Display display = Display.of(spec);
            if (!display.each(spec, items.rows(0, 1)).isEmpty()) {
                display.sheet(spec, items, SIDE, "decoded codes").write(decoded, Map.of());
                watcher.wrote(decoded);
                files.add(decoded);
            }
            Files.writeString(numbers, json(map, test.classNames()).toString());
            watcher.wrote(numbers);
            files.add(numbers);
            if (out.isEmpty() && Files.exists(Path.of(run))) RunReport.write(Path.of(run), watcher::note);
            return new Result(List.copyOf(files));
        }
    }

    /** Part by part, so that it can be stopped. */
    private static Tensor decoded(Encoder encoder, Tensor codes, Watcher watcher) {
        List<Tensor> parts = new ArrayList<>();
        for (long i = 0; i < codes.size(0); i += SIDE) {
            watcher.checkStop();
            parts.add(encoder.decode(codes.rows(i, SIDE)));
        }
        return Torch.cat(0, parts);
    }

    /** Of numbers no more digits than a float has. */
    private static ObjectNode json(LatentMap map, List<String> names) {
        ObjectNode node = new ObjectMapper().createObjectNode();
        ArrayNode points = node.putArray("points");
        for (int i = 0; i < map.x().length; i++) {
            points.addArray().add((float) map.x()[i]).add((float) map.y()[i]).add(map.labels()[i]).add(i);
        }
        ArrayNode classes = node.putArray("classes"), mean = node.putArray("mean"), axes = node.putArray("axes");
        names.forEach(classes::add);
        for (double m : map.mean()) mean.add((float) m);
        for (int k = 0; k < 2; k++) {
            ArrayNode axis = axes.addArray();
            for (int i = k; i < map.axes().length; i += 2) axis.add((float) map.axes()[i]);
        }
        ArrayNode range = node.putArray("range");
        for (double[] v : List.of(map.x(), map.y())) {
            range.add((float) Arrays.stream(v).min().orElse(0)).add((float) Arrays.stream(v).max().orElse(0));
        }
        node.put("share", (float) map.share());
        return node;
    }

    private static void scatter(LatentMap map, List<String> names, Path file) {
        boolean direct = map.mean().length == 2;
        String title = direct ? "Codes of " + map.x().length + " test items"
            : String.format(Locale.ROOT, "%d test items, 2 of %d directions, %.0f %% of variance", map.x().length, map.mean().length,
                100 * map.share());
        Plot plot = new Plot(title, direct ? "z1" : "direction 1", direct ? "z2" : "direction 2", 760, 620);
        List<String> classes = new ArrayList<>(names);
        int others = classes.size();
        classes.add("no class");
        int[] of = Arrays.stream(map.labels()).map(c -> c < 0 ? others : c).toArray();
        Png.write(file, others == 0 ? plot.scatter(map.x(), map.y()) : plot.scatter(map.x(), map.y(), of,
            Arrays.stream(of).anyMatch(c -> c == others) ? classes : names), Map.of());
    }
}
