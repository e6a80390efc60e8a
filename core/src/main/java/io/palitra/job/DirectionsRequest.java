package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.Ordered;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.Picture;
import io.palitra.data.PictureItems;
import io.palitra.data.Split;
import io.palitra.edit.LatentDirections.Direction;
import io.palitra.edit.LatentDirections;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.metric.Strokes;
import io.palitra.model.ClassifierFeatures;
import io.palitra.model.LatentModel;
import io.palitra.model.Watcher;
import io.palitra.report.Gif;
import io.palitra.report.Grid;
import io.palitra.report.Png;
import io.palitra.train.Run;
import io.palitra.train.SampleJudge;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Directions in a run's space of styles, or of codes where it has no styles: those of most change, and, where labels are asked for, those
 * along which the pictures become thicker, more slanted, or more of a class.
 */
public record DirectionsRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help(value = "directions of most change", min = 0, max = 64) int count,
        @Help("whether directions of what is measured are found, too: of classes, by a classifier of the run's own data (trained once, "
            + "kept); of pictures of one channel, of the strokes' thickness and slant") boolean labels,
        @Help(value = "a run of classifier that says the classes, empty = one of the run's own data", place = Help.Place.MODEL)
            String classifier,
        @Help(value = "pictures that are drawn and measured", min = 50, max = 100_000) int n,
        @Help(value = "decides what is drawn", min = 0) long seed,
        @Help(value = "where data sets lie, empty = where they lay", place = Help.Place.DATA) String dataDir,
        @Help(value = "a folder, empty = directions in the run folder", place = Help.Place.OUT) String out,
        @Help("whether files that are there are replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<DirectionsRequest.Result> {
    /**
     * How far pictures are moved, in standard deviations, in how many steps; pictures in a film, of which each has so many milliseconds.
     */
    private static final double FAR = 3;
    private static final int STEPS = 7, MOVED = 4, FRAMES = 13, DELAY = 90, WIDE = 256;

    /** The eight of most change. */
    public DirectionsRequest(String run) { this(run, 8, false, "", 2000, 0, "", "", false, "auto", 0); }

    public DirectionsRequest {
        if (count == 0 && !labels) throw new ConfigException("count", "illegal count: 0, must be at least 1 without labels=true");
        if (!labels && !classifier.isEmpty()) throw new ConfigException("classifier", "classifier= says the classes of labels=true");
    }

    /**
     * What was found.
     *
     * @param files directions.safetensors ({@code axes} [K,D], {@code spreads} [K]; their names in the metadata), directions.json,
     *     directions.png (a row each, from 3 deviations below to 3 above), and a GIF of each
     */
    public record Result(List<Path> files, List<Direction> directions) {
        public Result {
            files = List.copyOf(files);
            directions = List.copyOf(directions);
        }

        /** What each holds of the variance, or of what is measured, by its name; not of those of which that is unknown. */
        public Map<String, Double> shares() {
            Map<String, Double> shares = new LinkedHashMap<>();
            for (Direction d : directions) if (!Double.isNaN(d.share())) shares.put(d.name(), d.share());
            return shares;
        }

        /** As directions.json has it. */
        public ObjectNode toJson() {
            ObjectNode node = new ObjectMapper().createObjectNode();
            ArrayNode names = node.putArray("names"), axes = node.putArray("directions"), spreads = node.putArray("spreads");
            ArrayNode shares = node.putArray("shares");
            for (Direction d : directions) {
                names.add(d.name());
                ArrayNode axis = axes.addArray();
                for (float v : d.axis()) axis.add(v);
                spreads.add((float) d.spread());
                if (Double.isNaN(d.share())) shares.addNull();
                else shares.add((float) d.share());
            }
            return node;
        }
    }

    /**
     * Finds and shows them; ticks by draws and pictures.
     *
     * @throws ConfigException for labels of pictures of which nothing is measured
     * @throws IllegalArgumentException for a family without styles and codes, and for data that are no pictures
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            LatentModel space = Inputs.space(opened, "");
            ItemPictures shown = new ItemPictures("directions", opened.config().settings());
            Path folder = Outputs.folder(out.isEmpty() ? Outputs.own(run, "directions") : Path.of(out), "out", force);
            Rng rng = new Rng(seed).on(opened.device());
            List<Direction> found = new ArrayList<>();
            if (labels) {
                try (SampleJudge judge = judge(opened, inputs, watcher)) {
                    found.addAll(LatentDirections.measured(space, measures(opened, judge), n, rng.split(1), watcher));
                }
            }
            if (count > 0) found.addAll(LatentDirections.principal(space, count, rng.split(2), watcher));
            Files.createDirectories(folder);
            return new Result(written(folder, found, space, shown, rng.split(3), watcher), found);
        }
    }

    /** Null where the data have no classes. */
    private @Nullable SampleJudge judge(Run opened, Inputs inputs, Watcher watcher) throws IOException {
        if (!classifier.isEmpty()) {
            SampleJudge named = SampleJudge.of(Inputs.folder(classifier), dataDir.isEmpty() ? null : Path.of(dataDir), opened.device(),
                watcher);
            DataSpec sees = named.run().config().settings().spec(), draws = opened.config().settings().spec();
            if (Arrays.equals(sees.shape(), draws.shape())) return named;
            named.close();
            throw new ConfigException("classifier", "'" + classifier + "' was made for " + sees + ", '" + run + "' draws " + draws);
        }
        boolean one = opened.config().settings().spec() instanceof PictureItems image && image.channels() == 1;
        if (opened.config().settings().classes().size() < 2) {
            if (one) return null;
            throw new ConfigException("labels", "labels=true finds nothing to measure: '" + opened.config().settings().data()
                + "' has no classes, and strokes are of pictures of one channel; classifier= names a run that says classes");
        }
        Dataset train = inputs.data(opened.config(), "", dataDir, Split.TRAIN);
        Dataset test = SampleJudge.part(() -> inputs.data(opened.config(), "", dataDir, Split.TEST));
        SampleJudge judge = SampleJudge.kept(train, opened.config().settings().data(), opened.config().settings().options(), test,
            opened.device(), watcher);
        judge.facts().weakness().ifPresent(watcher::note);
        return judge;
    }

    private static Map<List<String>, Function<Tensor, Tensor>> measures(Run opened, @Nullable SampleJudge judge) {
        Map<List<String>, Function<Tensor, Tensor>> all = new LinkedHashMap<>();
        if (opened.config().settings().spec() instanceof PictureItems image && image.channels() == 1) {
            all.put(List.of("thickness"), Strokes::thickness);
            all.put(List.of("slant"), Strokes::slant);
        }
        if (judge == null) return all;
        ClassifierFeatures network = judge.run().model().as(ClassifierFeatures.class).orElseThrow();
        all.put(judge.facts().classes().stream().map(c -> "class " + c).toList(), x -> network.logits(x).softmax(1));
        return all;
    }

    private List<Path> written(Path folder, List<Direction> found, LatentModel space, ItemPictures shown, Rng rng, Watcher watcher)
            throws IOException {
        List<Path> files = new ArrayList<>();
        for (String name : List.of("directions.safetensors", "directions.json", "directions.png")) files.add(folder.resolve(name));
        Set<String> taken = new LinkedHashSet<>();
        for (Direction d : found) {
            String plain = fileName(d.name()), name = plain;
            for (int i = 2; !taken.add(name); i++) name = plain + "-" + i;
            files.add(folder.resolve(name + ".gif"));
        }
        for (Path file : files) Outputs.free(file, "out", force);
        ObjectMapper json = new ObjectMapper();
        Safetensors.write(files.get(0), tensors(found), Map.of("names", json.writeValueAsString(found.stream().map(Direction::name)
            .toList())));
        Files.writeString(files.get(1), new Result(List.of(), found).toJson().toString());
        Tensor bases = space.prior(MOVED, rng);   // [M,D]
        List<Picture> sheet = new ArrayList<>();
        for (int k = 0; k < found.size(); k++) {
            watcher.checkStop();
            Direction d = found.get(k);
            List<Picture> frames = new ArrayList<>();
            for (int i = 0; i < FRAMES; i++) {
                double amount = FAR * (2.0 * i / (FRAMES - 1) - 1);
                try (Scope turn = new Scope()) {
                    Tensor axis = Torch.of(d.axis(), 1, d.axis().length).to(bases.dtype()).to(bases.device());
                    List<Picture> row = shown.of(Outputs.finite(space.decode(bases.add(axis.mul(amount * d.spread()))), run));
                    if (i % ((FRAMES - 1) / (STEPS - 1)) == 0) sheet.add(row.get(0));
                    frames.add(enlarged(Grid.of(row, MOVED, 2)));
                }
            }
            for (int i = FRAMES - 2; i > 0; i--) frames.add(frames.get(i));   // there and back
            Gif.write(files.get(3 + k), frames, DELAY);
            watcher.tick("films", k + 1, found.size());
        }
        Png.write(files.get(2), enlarged(Grid.of(sheet, STEPS, 2)), Map.of("palitra", "directions: "
            + String.join(", ", found.stream().map(Direction::name).toList())));
        files.forEach(watcher::wrote);
        return files;
    }

    private static Map<String, Tensor> tensors(List<Direction> found) {
        int width = found.get(0).axis().length;
        float[] axes = new float[found.size() * width], spreads = new float[found.size()];
        for (int k = 0; k < found.size(); k++) {
            System.arraycopy(found.get(k).axis(), 0, axes, k * width, width);
            spreads[k] = (float) found.get(k).spread();
        }
        return Ordered.map(Map.entry("axes", Torch.of(axes, found.size(), width)), Map.entry("spreads", Torch.of(spreads, found.size())));
    }

    /** "class 7" is class-7, and what is no letter or digit a line; "3" is direction-3. */
    private static String fileName(String direction) {
        String plain = direction.replaceAll("[^\\p{L}\\p{N}.]+", "-").replaceAll("^[-.]+", "");
        return plain.matches("\\d*") ? "direction-" + plain : plain;
    }

    private static Picture enlarged(Picture p) { return p.width() < WIDE ? Grid.enlarge(p, (WIDE + p.width() - 1) / p.width()) : p; }
}
