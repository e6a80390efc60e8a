package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Picture;
import io.palitra.edit.Directions;
import io.palitra.edit.Interpolate;
import io.palitra.edit.StyleSpace;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.measure.Course;
import io.palitra.model.LatentModel;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Chosen points of a run's latent space, decoded: the codes that are given, then one of each seed, and what lies between each and the next.
 * Each picture is a file of its own; the codes lie beside them in walk.json, so that they can be asked for again, moved.
 */
public record WalkRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help("points: the numbers of a code, with commas or blanks between them; of a run with styles, such as stylegan, a code is a "
            + "style") List<String> codes,
        @Help(value = "points drawn from the prior, one of each seed; without codes and seeds that of seed 0", min = 0) List<Long> seeds,
        @Help(value = "pictures between a point and the next", min = 0, max = 200) int between,
        @Help(value = "by how much points are moved to the middle of the prior: 1 = not at all, 0 = onto it", min = 0, max = 3)
            double truncation,
        @Help("number or name of the class, empty = as each code has it; styles that are given have theirs in them") String label,
        @Help(value = "directions of most change that walk.json tells as well", min = 0, max = 64) int directions,
        @Help(value = "a folder, empty = walk in the run folder", place = Help.Place.OUT) String out,
        @Help("whether files that are there are replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<WalkRequest.Result> {
    private static final int POINTS = 500, PICTURES = 2000, AT_ONCE = 64;
    /** Draws by which the middle of a prior is found that is not normal. */
    private static final int DRAWS = 1000;
    private static final int FARTHEST = 1_000_000;
    private static final String NUMBER = "[-+]?(\\d{1,20}(\\.\\d{0,40})?|\\.\\d{1,40})([eE][-+]?\\d{1,3})?";

    /** The point of seed 0. */
    public WalkRequest(String run) { this(run, List.of(), List.of(), 0, 1, "", 0, "", false, "auto", 0); }

    public WalkRequest {
        codes = List.copyOf(codes);
        seeds = List.copyOf(seeds);
        int points = Math.max(1, codes.size() + seeds.size());
        if (points > POINTS) throw new ConfigException("codes", "codes and seeds are " + points + " points, must be at most " + POINTS);
        if (1 + (points - 1) * (between + 1L) > PICTURES) {
            throw new ConfigException("between", "illegal between: " + between + ", " + points + " points and what lies between them must "
                + "be at most " + PICTURES + " pictures");
        }
    }

    /**
     * What was decoded.
     *
     * @param files a PNG for each code, in order, then walk.json
     * @param points which of the codes are the points themselves
     * @param axes directions of most change
     * @param spreads standard deviation of codes along each
     */
    public record Result(List<Path> files, List<float[]> codes, int[] points, List<float[]> axes, double[] spreads) {
        /** As walk.json has it. */
        public ObjectNode toJson() {
            ObjectNode node = new ObjectMapper().createObjectNode();
            rows(node.putArray("codes"), codes);
            ArrayNode at = node.putArray("points");
            for (int i : points) at.add(i);
            rows(node.putArray("directions"), axes);
            ArrayNode wide = node.putArray("spreads");
            for (double s : spreads) wide.add((float) s);
            return node;
        }

        private static void rows(ArrayNode into, List<float[]> rows) {
            for (float[] row : rows) {
                ArrayNode list = into.addArray();
                for (float v : row) list.add(v);
            }
        }
    }

    /**
     * Decodes and writes; ticks by pictures.
     *
     * @throws ConfigException for a code of another length, and a class that the run does not have
     * @throws IllegalArgumentException for a family without codes, and for data that are no pictures
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            LatentModel model = Inputs.space(opened, label);
            ItemPictures shown = new ItemPictures("walk", opened.config().settings());
            Path folder = Outputs.folder(out.isEmpty() ? Outputs.own(run, "walk") : Path.of(out), "out", force);
            Tensor all = between(model, points(opened, model));
            int n = (int) all.size(0);
            Files.createDirectories(folder);
            Path numbers = folder.resolve("walk.json");
            for (int i = 0; i < n; i++) Outputs.free(file(folder, i), "out", force);
            Outputs.free(numbers, "out", force);
            List<Path> files = new ArrayList<>();
            Course course = new Course(watcher);
            for (int i = 0; i < n; i += AT_ONCE) {
                int at = i, of = Math.min(AT_ONCE, n - i);
                course.at("pictures", at, of, n);
                try (Scope turn = new Scope(); Guard watch = Scope.watch(course)) {
                    for (Picture p : shown.of(Outputs.finite(model.decode(all.rows(at, of)), run))) {
                        Path file = file(folder, files.size());
                        Png.write(file, p, Map.of("palitra", "walk"));
                        files.add(file);
                        watcher.wrote(file);
                    }
                }
            }
            course.at("pictures", n, 0, n);
            Directions most = directions == 0 ? new Directions(List.of(), new double[0])
                : Directions.most(model, directions, new Rng(0).on(opened.device()), watcher);
            Result result = result(files, all, numbers, most);
            Files.writeString(numbers, result.toJson().toString());
            watcher.wrote(numbers);
            return result;
        }
    }

    private static Path file(Path folder, int i) { return folder.resolve(String.format("%05d.png", i)); }

    private Result result(List<Path> pictures, Tensor all, Path numbers, Directions most) {
        List<Path> files = new ArrayList<>(pictures);
        files.add(numbers);
        float[] flat = all.flatten(1).floats();
        int n = pictures.size(), d = flat.length / n;
        List<float[]> rows = new ArrayList<>();
        for (int i = 0; i < n; i++) rows.add(Arrays.copyOfRange(flat, i * d, (i + 1) * d));
        int[] points = new int[codes.size() + drawn().size()];
        for (int i = 0; i < points.length; i++) points[i] = i * (between + 1);
        return new Result(List.copyOf(files), List.copyOf(rows), points, most.axes(), most.spreads());
    }

    private List<Long> drawn() { return codes.isEmpty() && seeds.isEmpty() ? List.of(0L) : seeds; }

    /** [P,Z...]. */
    private Tensor points(Run opened, LatentModel model) {
        return Scope.run(() -> {
            Tensor one = model.prior(1, new Rng(0).on(opened.device()));
            List<Tensor> points = new ArrayList<>();
            for (int i = 0; i < codes.size(); i++) points.add(given(i, one));
            for (long seed : drawn()) points.add(model.prior(1, new Rng(seed).on(opened.device())));
            Tensor all = Torch.cat(0, points), flat = all.flatten(1);
            int classes = model.classNumbers();
            long free = flat.size(1) - classes;
            Tensor z = flat.narrow(1, 0, free);
            if (truncation != 1) {
                Rng any = new Rng(0).on(opened.device());
                Tensor middle = model instanceof StyleSpace styles ? styles.middle(DRAWS, any) : model.normalPrior() || classes > 0
                    ? Torch.zeros(1, free).to(z.dtype()).to(z.device())
                    : model.prior(DRAWS, any).flatten(1).mean(true, 0);
                z = middle.lerp(z, truncation);
            }
            Tensor placed = z.reshape(classes == 0 ? all.shape() : new long[] {all.size(0), free});
            if (label.isEmpty() || model instanceof StyleSpace) return classes == 0 ? placed : Torch.cat(1, placed,
                flat.narrow(1, free, classes));
            if (classes == 0) {
                throw new ConfigException("label", "illegal label: '" + label + "', the codes of this run have no class");
            }
            Tensor kind = Torch.of(new long[] {SampleRequest.number(opened, label)}, 1);
            return Torch.cat(1, placed, Torch.oneHot(kind, classes).to(z.dtype()).to(z.device()).expand(all.size(0), classes));
        });
    }

    /** @param one a code of the run, [1,Z...] */
    private Tensor given(int i, Tensor one) {
        String[] parts = codes.get(i).strip().split("[,\\s]+");
        float[] numbers = new float[parts.length];
        if (parts.length != one.numel()) {
            throw new ConfigException("codes", "illegal codes: code " + i + " has " + parts.length + " numbers, must be " + one.numel()
                + " for this run");
        }
        for (int k = 0; k < parts.length; k++) {
            float number = parts[k].matches(NUMBER) ? Float.parseFloat(parts[k]) : Float.NaN;
            if (!(Math.abs(number) <= FARTHEST)) {
                throw new ConfigException("codes", "illegal codes: number " + k + " of code " + i + " must be between -" + FARTHEST
                    + " and " + FARTHEST);
            }
            numbers[k] = number;
        }
        return Torch.of(numbers, one.shape()).to(one.dtype()).to(one.device());
    }

    /** The points and what lies between them, [N,Z...]. */
    private Tensor between(LatentModel model, Tensor points) {
        if (between == 0) return points;
        return Scope.run(() -> {
            List<Tensor> all = new ArrayList<>(List.of(points.rows(0, 1)));
            for (int i = 1; i < points.size(0); i++) {
                for (int k = 1; k <= between; k++) {
                    all.add(Interpolate.between(model, points.rows(i - 1, 1), points.rows(i, 1), k / (between + 1.0)));
                }
                all.add(points.rows(i, 1));
            }
            return Torch.cat(0, all);
        });
    }
}
