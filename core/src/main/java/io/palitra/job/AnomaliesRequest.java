package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.Help;
import io.palitra.config.InWords;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.data.Whole;
import io.palitra.edit.Anomalies;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.measure.Course;
import io.palitra.metric.Ranking;
import io.palitra.model.Measure;
import io.palitra.model.Watcher;
import io.palitra.report.Display;
import io.palitra.report.Numbers;
import io.palitra.report.Places;
import io.palitra.report.Report;
import io.palitra.report.ReportData;
import io.palitra.report.Sheet;
import io.palitra.report.WholeFile;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.RunReport;
import io.palitra.train.SampleJudge;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Items scored by how strange they are to a run: a CSV with every file and its score, and a page with the most and least strange. What
 * counts as strange is a quantile of the scores of the run's own test split, which is taken for normal; of the run's own data half of that
 * split sets the threshold, the other half is tested, and what it was trained on is marked so. Classes that the run was not trained on are
 * taken for anomalies.
 */
public record AnomaliesRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help(value = "a folder, a .zip, one picture or a .csv, of which all is scored; or a set of the catalogue, of which the test split "
            + "is",
            place = Help.Place.DATA)
            String data,
        @Help(value = "share of normal items below the threshold", min = 0, max = 1) double quantile,
        @Help("of a table: the column that names the class, empty = the run's") String label,
        @Help(value = "where data sets lie, empty = where they lay", place = Help.Place.DATA) String dataDir,
        @Help(value = "folder of the CSV and the page, empty = anomalies in the run folder", place = Help.Place.OUT) String out,
        @Help("whether files that are there are replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<AnomaliesRequest.Result> {
    private static final long SEED = 12345;
    private static final int BATCH = 200;
    private static final int SHOWN = 40;

    public AnomaliesRequest(String run, String data) { this(run, data, 0.95, "", "", "", false, "auto", 0); }

    /** An item's score. @param strange whether it lies above the threshold */
    public record Scored(String file, double score, boolean strange) {}

    /**
     * What was found.
     *
     * @param scores    the CSV
     * @param strangest the first 40, the strangest first
     */
    public record Result(String run, String data, Path scores, Path page, List<Measure> measures, List<Scored> strangest) {
        /** As {@code --json} prints it. */
        public ObjectNode toJson() {
            ObjectNode node = new ObjectMapper().createObjectNode();
            node.put("run", run).put("data", data).put("scores", scores.toString()).put("page", page.toString());
            node.set("measures", RunReport.toJson(measures));
            ArrayNode list = node.putArray("strangest");
            strangest.forEach(s -> list.addObject().put("file", s.file).put("score", s.score).put("strange", s.strange));
            return node;
        }
    }

    /** Scores, and writes CSV and page. @throws IllegalArgumentException for a run that gives items no score */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope()) {
            Path folder = Outputs.folder(out.isEmpty() ? Outputs.own(run, "anomalies") : Path.of(out), "out", force);
            Anomalies.Score score = Anomalies.score(opened.model());
            Whole whole = asked(opened.config());
            Dataset asked = whole.items();
            asked.notes().forEach(watcher::note);
            double[] scores = scores(opened, asked, "scoring " + asked.size() + " items", watcher);
            boolean own = own(opened.config().settings().data());
            List<String> known = opened.config().settings().classes();
            Part[] parts = parts(whole, known, own);
            double[] usual = own ? of(scores, parts, Part.VALIDATION) : usual(opened, inputs, watcher);
            if (usual.length == 0) {
                watcher.note(ALL_TRAINED);
                usual = of(scores, parts, Part.TRAINING);
            }
            double threshold = Anomalies.threshold(usual, quantile);
            Files.createDirectories(folder);
            List<Measure> measures = measures(score, usual, threshold, scores, asked, known, parts);
            csv(folder.resolve("scores.csv"), scores, threshold, asked, parts);
            page(folder, opened.config(), score, measures, scores, threshold, asked);
            List<Scored> strangest = order(scores).subList(0, Math.min(SHOWN, scores.length)).stream()
                .map(i -> new Scored(asked.source(i), scores[i], scores[i] > threshold)).toList();
            watcher.wrote(folder.resolve(Report.NAME));
            return new Result(run, data, folder.resolve("scores.csv"), folder.resolve(Report.NAME), measures, strangest);
        }
    }

    private static final String ALL_TRAINED = "the run's data has no test split: the threshold is of what it was trained on, and low";

    /** What an item is there for. */
    private enum Part { TRAINING, VALIDATION, TEST }

    /** Of the run's own data what it was trained on and, of the rest of its classes, every other item for the threshold do not test it. */
    private static Part[] parts(Whole whole, List<String> known, boolean own) {
        Dataset asked = whole.items();
        Part[] parts = new Part[asked.size()];
        int normal = 0;
        for (int i = 0; i < parts.length; i++) {
            boolean seen = own && (asked.label(i) < 0 || known.contains(className(asked, i)));
            parts[i] = !seen ? Part.TEST : whole.trains().test(i) ? Part.TRAINING
                : normal++ % 2 == 0 ? Part.VALIDATION : Part.TEST;
        }
        return parts;
    }

    private static double[] of(double[] scores, Part[] parts, Part part) {
        return IntStream.range(0, scores.length).filter(i -> parts[i] == part).mapToDouble(i -> scores[i]).toArray();
    }

    /** Scores of what the run takes for normal: its test split, or what it was trained on where there is none. */
    private double[] usual(Run opened, Inputs inputs, Watcher watcher) {
        Dataset normal = SampleJudge.part(() -> inputs.data(opened.config(), "", dataDir, Split.TEST));
        if (normal == null) {
            normal = inputs.data(opened.config(), "", dataDir, Split.TRAIN);
            watcher.note(ALL_TRAINED);
        }
        return scores(opened, normal, "scoring " + normal.size() + " normal items", watcher);
    }

    /** Whether what was typed is what the run was trained on, however its path is written. */
    private boolean own(String trained) {
        if (Inputs.dataName(data).equals(trained)) return true;
        try {
            Path here = Path.of(data), there = Path.of(trained);
            return Files.exists(here) && Files.exists(there) && Files.isSameFile(here, there);
        } catch (IOException e) {
            return false;
        }
    }

    private static double[] scores(Run opened, Dataset items, String what, Watcher watcher) {
        Course course = new Course(watcher);
        Iterable<Batch> all = DataLoader.inOrder(items, BATCH, items.size(), opened.device());
        try (var watch = Scope.watch(course)) {
            return Anomalies.scores(opened.model(), course.through(what, all, items.size()), new Rng(SEED).on(opened.device()));
        }
    }

    /** The data with all of its classes, also those that the run was not to see. */
    private Whole asked(RunConfig config) {
        RunConfig.Settings s = config.settings();
        List<String> changes = new ArrayList<>(List.of("except=", "captions=false"));
        if (!label.isEmpty()) changes.add("label=" + label);
        if (!dataDir.isEmpty()) changes.add("dir=" + dataDir);
        return Datasets.whole(s.spec(), Inputs.dataName(data), Config.with(s.options(), changes));
    }

    private List<Measure> measures(Anomalies.Score score, double[] usual, double threshold, double[] scores, Dataset asked,
            List<String> known, Part[] parts) {
        List<Measure> measures = new ArrayList<>();
        long tested = java.util.Arrays.stream(parts).filter(p -> p == Part.TEST).count();
        long flagged = IntStream.range(0, scores.length).filter(i -> parts[i] == Part.TEST && scores[i] > threshold).count();
        measures.add(new Measure("threshold", threshold, score.unit().split(",", 2)[0], score.name() + " that " + 100 * quantile
            + " % of " + usual.length + " normal items stay below"));
        if (tested > 0) measures.add(new Measure("flagged", 100.0 * flagged / tested, "%", flagged + " of " + tested + " items"
            + (tested == scores.length ? "" : ", without those for training and for the threshold")));
        List<Double> inside = new ArrayList<>(), outside = new ArrayList<>();
        Map<String, List<Double>> each = new LinkedHashMap<>();
        for (int i = 0; i < scores.length; i++) {
            String name = className(asked, i);
            if (name.isEmpty() || parts[i] != Part.TEST) continue;
            boolean seen = known.contains(name);
            (seen ? inside : outside).add(scores[i]);
            if (!seen) each.computeIfAbsent(name, k -> new ArrayList<>()).add(scores[i]);
        }
        if (!inside.isEmpty() && !outside.isEmpty()) {
            String of = outside.size() + " items of classes the run did not see, " + InWords.list(each.keySet()) + ", against "
                + inside.size();
            measures.add(new Measure("AUROC", Ranking.auroc(inside, outside), "", "chance that an anomaly scores higher; " + of));
            measures.add(new Measure("average precision", Ranking.averagePrecision(inside, outside), "", of + "; chance is "
                + String.format(Locale.ROOT, "%.3f", outside.size() / (double) (inside.size() + outside.size()))));
        }
        return measures;
    }

    private static String className(Dataset data, int i) { return data.label(i) < 0 ? "" : data.classNames().get(data.label(i)); }

    private static void csv(Path file, double[] scores, double threshold, Dataset asked, Part[] parts) throws IOException {
        StringBuilder text = new StringBuilder("item,score,strange,part,class,file\n");
        for (int i = 0; i < scores.length; i++) {
            text.append(asked.number(i)).append(',').append(scores[i]).append(',').append(scores[i] > threshold).append(',')
                .append(parts[i].name().toLowerCase(Locale.ROOT)).append(',')
                .append(quoted(className(asked, i))).append(',').append(quoted(asked.source(i))).append('\n');
        }
        WholeFile.write(file, text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static String quoted(String cell) { return '"' + cell.replace("\"", "\"\"") + '"'; }

    /** The strangest first. */
    private static List<Integer> order(double[] scores) {
        return IntStream.range(0, scores.length).boxed().sorted(Comparator.comparingDouble((Integer i) -> -scores[i])).toList();
    }

    private void page(Path folder, RunConfig config, Anomalies.Score score, List<Measure> measures, double[] scores, double threshold,
            Dataset asked) throws IOException {
        List<Integer> order = order(scores), most = order.subList(0, Math.min(SHOWN, order.size()));
        List<Integer> least = order.subList(Math.max(most.size(), order.size() - SHOWN), order.size());
        List<ReportData.Figure> figures = new ArrayList<>();
        Map<String, String> facts = new LinkedHashMap<>();
        if (Display.of(asked.spec()).each(asked.spec(), DataLoader.of(asked, new int[] {0}, Device.CPU).x()).isEmpty()) {
            for (int i : most.subList(0, Math.min(12, most.size()))) facts.put("row " + asked.number(i), describe(asked, i, scores[i]));
        } else {
            figures.add(figure(folder, "most", asked, most, "Most strange", "The strangest first.", scores, threshold));
            if (!least.isEmpty()) {
                figures.add(figure(folder, "least", asked, least, "Least strange", "The most usual last.", scores, threshold));
            }
        }
        List<ReportData.Measure> shown = measures.stream().map(m -> new ReportData.Measure(m.name(), Numbers.shown(m.value()), m.unit(),
            m.about(), "palitra anomalies " + Places.word(run) + " " + Places.word(data))).toList();
        String name = Path.of(run).toAbsolutePath().normalize().getFileName().toString();
        Report.write(folder, new ReportData("Anomalies in " + asked.name(), "scored by " + name + ", " + config.settings().family()
            + ": " + score.name(), "", figures, List.of(), facts, shown, List.of(), Map.of(),
            Map.of("scores.csv", "every item: its score, whether it lies above the threshold, what it is there for, its class and file")));
    }

    private ReportData.Figure figure(Path folder, String file, Dataset data, List<Integer> items, String title, String caption,
            double[] scores, double threshold) throws IOException {
        Sheet sheet;
        try (Scope scope = new Scope()) {
            Tensor x = DataLoader.of(data, items.stream().mapToInt(i -> i).toArray(), Device.CPU).x();
            sheet = Display.of(data.spec()).sheet(data.spec(), x, 10, title).enlarged();
        }
        sheet.write(folder.resolve(file + sheet.suffix()), Map.of());
        List<ReportData.Item> named = items.stream().map(i -> new ReportData.Item(data.source(i), href(folder, data.source(i)),
            Numbers.shown(scores[i]) + (scores[i] > threshold ? ", strange" : ""))).toList();
        return new ReportData.Figure(title, caption + " Row by row, ten in each:", sheet.mediaType(), sheet.bytes(Map.of()), named);
    }

    /** Where the page finds a picture's file; "" for what is in no file of its own. */
    private String href(Path folder, String source) {
        Path given = Path.of(data).toAbsolutePath().normalize(), file = Files.isRegularFile(given) ? given : given.resolve(source);
        if (!Files.isRegularFile(file) || Files.isRegularFile(given) && !given.endsWith(source)) return "";
        try {
            String path = folder.toAbsolutePath().normalize().relativize(file).toString().replace('\\', '/');
            return new URI(null, null, "./" + path, null).toASCIIString();
        } catch (IllegalArgumentException | URISyntaxException e) {   // on another drive
            return file.toUri().toASCIIString();
        }
    }

    private static String describe(Dataset data, int item, double score) {
        try (Scope scope = new Scope()) {
            String words = Display.of(data.spec()).describe(data.spec(), DataLoader.of(data, new int[] {item}, Device.CPU).x());
            return "score " + Numbers.shown(score) + (words.isEmpty() ? "" : "; " + words);
        }
    }
}
