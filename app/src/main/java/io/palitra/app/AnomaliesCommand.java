package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.InWords;
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
import io.palitra.metric.Ranking;
import io.palitra.model.Measure;
import io.palitra.report.Display;
import io.palitra.report.Numbers;
import io.palitra.report.Report;
import io.palitra.report.ReportData;
import io.palitra.report.Sheet;
import io.palitra.report.WholeFile;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.RunFolder;
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
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "anomalies", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Score items by how strange they are to a run: a CSV with every file and its score, and a page with the most and least "
        + "strange. What counts as strange is a quantile of the scores of the run's own test split, which is taken for normal; of the "
        + "run's own data half of that split sets the threshold, the other half is tested, and what it was trained on is marked so. "
        + "Classes that the run was not trained on are taken for anomalies, and then AUROC and average precision are told.")
final class AnomaliesCommand implements Callable<Integer> {
    private static final long SEED = 12345;
    private static final int BATCH = 200;
    private static final int SHOWN = 40;

    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Parameters(index = "1", paramLabel = "DATA", description = "folder, .zip, one picture or .csv, of which everything is "
        + "scored; or a data set of the catalogue, of which the test split is")
    private String data = "";

    @Option(names = "--quantile", paramLabel = "Q", defaultValue = "0.95",
        description = "share of normal items below the threshold; default: 0.95")
    private double quantile;

    @Option(names = "--label", paramLabel = "COLUMN", description = "of a table: the column that names the class")
    private @Nullable String label;

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--out", paramLabel = "DIR", description = "default: RUN/anomalies")
    private @Nullable Path out;

    @Option(names = "--force", description = "overwrite what is there")
    private boolean force;

    @Option(names = "--device", paramLabel = "auto|cpu|cuda[:n]", defaultValue = "auto", description = "where to compute; default: auto")
    private String device = "auto";

    @Option(names = "--threads", paramLabel = "N|auto", defaultValue = "auto", converter = Threads.class, description = Threads.ABOUT)
    private int threads;

    @Option(names = "--json", description = "as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        Anomalies.threshold(new double[] {0}, quantile);   // refused before the work
        Terminal terminal = new Terminal("anomalies", false);
        try (Run opened = Common.open(run, device, threads, terminal); Scope scope = new Scope()) {
            Path folder = Common.folder(out != null ? out : RunFolder.own(run, "anomalies"), force);
            Anomalies.Score score = Anomalies.score(opened.model());
            Whole whole = asked(opened.config());
            Dataset asked = whole.items();
            asked.notes().forEach(terminal::note);
            terminal.doing("scoring " + asked.size() + " items");
            double[] scores = scores(opened, asked);
            boolean own = own(opened.config().settings().data());
            List<String> known = opened.config().settings().classes();
            Part[] parts = parts(whole, known, own);
            double[] usual = own ? of(scores, parts, Part.VALIDATION) : usual(opened, terminal);
            if (usual.length == 0) {
                terminal.note(ALL_TRAINED);
                usual = of(scores, parts, Part.TRAINING);
            }
            double threshold = Anomalies.threshold(usual, quantile);
            terminal.done();
            Files.createDirectories(folder);
            List<Measure> measures = measures(score, usual, threshold, scores, asked, known, parts);
            csv(folder.resolve("scores.csv"), scores, threshold, asked, parts);
            page(folder, opened.config(), score, measures, scores, threshold, asked);
            if (json) {
                ObjectNode node = new ObjectMapper().createObjectNode();
                node.put("run", run.toString()).put("data", data).put("scores", folder.resolve("scores.csv").toString());
                node.put("page", folder.resolve(Report.NAME).toString());
                node.set("measures", RunReport.toJson(measures));
                ArrayNode strangest = node.putArray("strangest");
                for (int i : order(scores).subList(0, Math.min(SHOWN, scores.length))) {
                    strangest.addObject().put("file", asked.source(i)).put("score", scores[i]).put("strange", scores[i] > threshold);
                }
                Common.json(node);
            } else {
                for (Measure m : measures) {
                    Common.OUT.printf("%-36s %12s %-6s %s%n", m.name(), Numbers.shown(m.value()), m.unit(), m.about());
                }
                Common.OUT.println(folder.resolve(Report.NAME));
            }
            return 0;
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
    private double[] usual(Run opened, Terminal terminal) {
        Dataset normal = SampleJudge.part(() -> Common.data(opened.config(), null, dataDir, Split.TEST, terminal));
        if (normal == null) {
            normal = Common.data(opened.config(), null, dataDir, Split.TRAIN, terminal);
            terminal.note(ALL_TRAINED);
        }
        terminal.doing("scoring " + normal.size() + " normal items");
        return scores(opened, normal);
    }

    /** Whether what was typed is what the run was trained on, however its path is written. */
    private boolean own(String trained) {
        if (Common.dataName(data).equals(trained)) return true;
        try {
            Path here = Path.of(data), there = Path.of(trained);
            return Files.exists(here) && Files.exists(there) && Files.isSameFile(here, there);
        } catch (IOException e) {
            return false;
        }
    }

    private double[] scores(Run opened, Dataset items) {
        return Anomalies.scores(opened.model(), DataLoader.inOrder(items, BATCH, items.size(), opened.device()),
            new Rng(SEED).on(opened.device()));
    }

    /** The data with all of its classes, also those that the run was not to see. */
    private Whole asked(RunConfig config) {
        RunConfig.Settings s = config.settings();
        List<String> changes = new ArrayList<>(List.of("except=", "captions=false"));
        if (label != null) changes.add("label=" + label);
        if (dataDir != null) changes.add("dir=" + dataDir);
        return Datasets.whole(s.spec(), Common.dataName(data), Config.with(s.options(), changes));
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
            m.about(), "palitra anomalies " + run + " " + data)).toList();
        String name = run.toAbsolutePath().normalize().getFileName().toString();
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
