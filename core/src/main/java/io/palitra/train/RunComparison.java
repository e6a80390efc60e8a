package io.palitra.train;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ArgumentException;
import io.palitra.data.DataSpec;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.measure.Measurements;
import io.palitra.model.GenerativeModel;
import io.palitra.report.Better;
import io.palitra.report.Chart;
import io.palitra.report.Comparison.Pair;
import io.palitra.report.Comparison.Row;
import io.palitra.report.Comparison;
import io.palitra.report.Display;
import io.palitra.report.Numbers;
import io.palitra.report.Places;
import io.palitra.report.ReportData.Figure;
import io.palitra.report.Sheet;
import io.palitra.report.Wave;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Runs side by side, from their folders: what was measured of them, what they draw, how they learned, in what they differ. */
public final class RunComparison {
    private static final long SEED = 1;
    private static final int SIDE = 6;
    /** Items that are read or heard one by one, and those of them that are heard. */
    private static final int READ = 4, HEARD = 2;
    private static final String QUALITY = "precision";
    private static final String DIVERSITY = "recall";

    /** A measure as it was kept. */
    private record Kept(double value, String unit, String about) {}

    private final List<Path> folders;
    private final List<String> names;
    private final List<Map<String, Kept>> measures = new ArrayList<>();
    private final List<RunConfig> configs = new ArrayList<>();
    /** Keys of the data that the judges of the runs were trained on. */
    private final Set<String> judges = new LinkedHashSet<>();

    private RunComparison(List<Path> folders, Consumer<String> warn) throws IOException {
        this.folders = folders;
        names = names(folders);
        for (Path folder : folders) {
            configs.add(RunConfig.read(folder.resolve(Run.CONFIG)));
            Map<String, Kept> own = new LinkedHashMap<>();
            RunFolder.evaluation(folder, warn).ifPresent(kept -> {
                if (kept.path("judge").hasNonNull("key")) judges.add(kept.path("judge").path("key").asText());
                for (JsonNode m : kept.path("measures")) {
                    own.put(m.path("name").asText(),
                        new Kept(m.path("value").asDouble(), m.path("unit").asText(), m.path("about").asText()));
                }
            });
            measures.add(own);
        }
    }

    /**
     * Opens one run after the other and draws from it.
     *
     * @param folders of runs, at least two, evaluated before; what was not measured of one is left empty
     * @param device where to draw
     */
    public static Comparison of(List<Path> folders, String device, Consumer<String> warn) throws IOException {
        if (folders.size() < 2) throw new ArgumentException("a comparison wants at least 2 runs, got " + folders.size());
        RunComparison c = new RunComparison(folders, warn);
        Set<String> data = new LinkedHashSet<>();
        c.configs.forEach(config -> data.add(Path.of(config.settings().data()).getFileName().toString()));
        Map<String, Row> rows = c.rows();
        return new Comparison(folders.size() + " runs on " + String.join(", ", data), c.result(data.size() > 1), c.names,
            pairs(rows), rows, c.samples(device, warn), c.closest(warn), c.curves(warn), c.differs(), c.facts(warn));
    }

    /** Of each the last part of its path; the whole path where two end alike. */
    private static List<String> names(List<Path> folders) {
        List<String> last = folders.stream().map(f -> f.toAbsolutePath().normalize().getFileName().toString()).toList();
        return new LinkedHashSet<>(last).size() == last.size() ? last : folders.stream().map(Path::toString).toList();
    }

    /** Diversity and quality, and what the quality costs: of the measures that two runs or more have. */
    private static List<Pair> pairs(Map<String, Row> rows) {
        List<String> shared = rows.entrySet().stream().filter(e -> e.getValue().values().stream().filter(v -> !v.isNaN()).count() > 1)
            .map(Map.Entry::getKey).toList();
        List<String> qualities = shared.stream().filter(name -> Better.of(name) != Better.NEITHER && !name.equals(Measurements.SECONDS)
            && !name.equals(Measurements.MEMORY)).toList();
        List<Pair> pairs = new ArrayList<>();
        if (shared.containsAll(List.of(QUALITY, DIVERSITY))) pairs.add(new Pair(DIVERSITY, false, QUALITY, false));
        Optional<String> cost = shared.stream().filter(Measurements.SECONDS::equals).findFirst();
        Optional<String> quality = qualities.stream().filter(QUALITY::equals).findFirst().or(() -> qualities.stream().findFirst())
            .or(() -> shared.stream().filter(Measurements.MEMORY::equals).findFirst());
        if (cost.isPresent() && quality.isPresent()) pairs.add(new Pair(cost.get(), true, quality.get(), false));
        if (pairs.isEmpty() && qualities.size() > 1) pairs.add(new Pair(qualities.get(1), false, qualities.get(0), false));
        return pairs;
    }

    /** NaN where it was not measured. */
    private double of(int run, String measure) {
        Kept kept = measures.get(run).get(measure);
        return kept == null ? Double.NaN : kept.value;
    }

    /** The best of one measure and its value; empty where fewer than two runs have it. */
    private String best(String head, String measure, String unit, String tail) {
        List<Integer> all = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) if (!Double.isNaN(of(i, measure))) all.add(i);
        if (all.size() < 2) return "";
        int sign = Better.of(measure) == Better.LOWER ? -1 : 1, first = all.get(0);
        for (int i : all) if (sign * of(i, measure) > sign * of(first, measure)) first = i;
        String shown = Numbers.read(of(first, measure), unit);
        String who = String.join(" and ", all.stream().filter(i -> Numbers.read(of(i, measure), unit).equals(shown))
            .map(names::get).toList());
        return head + who + ", " + (tail.isEmpty() ? measure + " " + shown : shown + tail) + ". ";
    }

    private String result(boolean severalData) {
        StringBuilder out = new StringBuilder();
        out.append(best("Nearest to the data: ", QUALITY, "", "")).append(best("Most diverse: ", DIVERSITY, "", ""))
            .append(best("Fastest: ", Measurements.SECONDS, "s", " a sample"));
        if (severalData) out.append("The runs learned different data: their measures do not compare.");
        else if (judges.size() > 1) {
            out.append("Their samples were judged by classifiers trained on different data: what those say does not compare.");
        }
        return out.toString().strip();
    }

    private Map<String, Row> rows() {
        Set<String> all = new LinkedHashSet<>();
        measures.forEach(own -> all.addAll(own.keySet()));
        Map<String, Row> rows = new LinkedHashMap<>();
        for (String name : all) {
            List<Double> values = new ArrayList<>();
            Map<String, List<String>> abouts = new LinkedHashMap<>();
            String unit = "";
            for (int i = 0; i < names.size(); i++) {
                Kept kept = measures.get(i).get(name);
                values.add(kept == null ? Double.NaN : kept.value);
                if (kept == null) continue;
                unit = kept.unit;
                abouts.computeIfAbsent(kept.about, k -> new ArrayList<>()).add(names.get(i));
            }
            List<String> meaning = new ArrayList<>();
            abouts.forEach((about, who) -> meaning.add(abouts.size() == 1 ? about : String.join(", ", who) + ": " + about));
            rows.put(name, new Row(unit, values, meaning));
        }
        return rows;
    }

    /** A sheet of each run; of items that are read or heard one after the other of all runs. */
    private List<Figure> samples(String device, Consumer<String> warn) throws IOException {
        List<List<Figure>> runs = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            try (Run run = Run.open(folders.get(i), device, warn); Scope scope = new Scope()) {
                if (run.model().as(GenerativeModel.class).isEmpty()) continue;
                DataSpec spec = configs.get(i).settings().spec();
                Display display = Display.of(spec);
                boolean apart = display.endings().size() > 1 || !display.suffix().equals(".png");
                Tensor x = run.sample(apart ? READ : display.fills(SIDE), SEED, List.of());
                if (apart) {
                    runs.add(apart(names.get(i), display.forms(spec, x)));
                    continue;
                }
                Sheet sheet = display.sheet(spec, x, SIDE, names.get(i));
                runs.add(List.of(new Figure(names.get(i), "Seed " + SEED + ", items 0 to " + (x.size(0) - 1) + ", none chosen.",
                    sheet.mediaType(), sheet.bytes(Map.of()))));
            }
        }
        List<Figure> figures = new ArrayList<>();
        for (int row = 0; row < runs.stream().mapToInt(List::size).max().orElse(0); row++) {
            for (List<Figure> run : runs) if (row < run.size()) figures.add(run.get(row));
        }
        return figures;
    }

    /** Items to be looked at, and the first of them to be heard. */
    private static List<Figure> apart(String run, List<List<Sheet>> items) {
        List<Figure> figures = new ArrayList<>();
        for (int i = 0; i < items.size(); i++) {
            String caption = "Seed " + SEED + ", item " + i + ", not chosen.";
            for (Sheet form : items.get(i)) {
                boolean sound = form.mediaType().equals(Sheet.SOUND);
                boolean film = form.mediaType().equals("image/gif");
                if (sound ? i >= HEARD : form instanceof Sheet.Of && !film) continue;
                byte[] bytes = form.bytes(Map.of());
                figures.add(new Figure(run, sound ? "Item " + i + " to be heard." : caption, form.mediaType(), sound ? Wave.halved(bytes)
                    : bytes));
            }
        }
        return figures;
    }

    private List<Figure> closest(Consumer<String> warn) {
        List<Figure> figures = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            String run = names.get(i);
            Kept copies = measures.get(i).get("copies");
            String caption = copies == null ? "" : Numbers.shown(copies.value) + " %: " + copies.about;
            RunFolder.picture(folders.get(i).resolve(RunReport.CLOSEST + ".png"), warn)
                .ifPresent(bytes -> figures.add(new Figure(run, caption, "image/png", bytes)));
            RunFolder.bytes(folders.get(i).resolve(RunReport.CLOSEST + ".txt"), warn)
                .ifPresent(bytes -> figures.add(new Figure(run, caption, "text/plain", bytes)));
        }
        return figures;
    }

    /** What two or more runs log under one name, and the first loss of each that shares none, each on a scale of its own. */
    private List<Chart> curves(Consumer<String> warn) throws IOException {
        Map<String, List<Chart.Series>> shared = new LinkedHashMap<>();
        List<Map<String, List<double[]>>> logs = new ArrayList<>();
        for (Path folder : folders) logs.add(Metrics.read(folder, warn));
        for (int i = 0; i < names.size(); i++) {
            String run = names.get(i);
            logs.get(i).forEach((name, points) -> {
                if (!aside(name)) shared.computeIfAbsent(name, k -> new ArrayList<>()).add(series(run, points, false));
            });
        }
        shared.values().removeIf(list -> list.size() < 2);
        List<Chart> charts = new ArrayList<>();
        shared.forEach((name, list) -> charts.add(new Chart(name, "step", name, false, list)));
        List<Chart.Series> own = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            List<Map.Entry<String, List<double[]>>> losses = logs.get(i).entrySet().stream()
                .filter(e -> !aside(e.getKey()) && !e.getKey().startsWith(Metrics.TEST)).toList();
            if (losses.isEmpty() || losses.stream().anyMatch(e -> shared.containsKey(e.getKey()))) continue;
            own.add(series(names.get(i) + ", " + losses.get(0).getKey(), losses.get(0).getValue(), true));
        }
        if (!own.isEmpty()) charts.add(new Chart("First loss of each run", "step", "0 its lowest, 1 its highest value", false, own));
        return charts;
    }

    private static boolean aside(String name) {
        return name.equals("lr") || name.endsWith("gradient norm") || name.startsWith("collapse/") || name.startsWith("codebook/");
    }

    private static Chart.Series series(String name, List<double[]> points, boolean ownScale) {
        double[] x = points.stream().mapToDouble(p -> p[0]).toArray(), y = points.stream().mapToDouble(p -> p[1]).toArray();
        if (ownScale) {
            double low = java.util.Arrays.stream(y).min().orElse(0), high = java.util.Arrays.stream(y).max().orElse(1);
            y = java.util.Arrays.stream(y).map(v -> high > low ? (v - low) / (high - low) : 0).toArray();
        }
        return new Chart.Series(name, x, y);
    }

    private Map<String, List<String>> differs() {
        List<Map<String, String>> flat = new ArrayList<>();
        for (RunConfig config : configs) {
            Map<String, String> own = new LinkedHashMap<>();
            RunReport.flatten("", config.toJson(), own);
            flat.add(own);
        }
        Map<String, List<String>> rows = table(flat);
        rows.values().removeIf(row -> new LinkedHashSet<>(row).size() == 1);
        rows.values().forEach(row -> row.replaceAll(Places::name));   // a page is shown to others
        return rows;
    }

    private Map<String, List<String>> facts(Consumer<String> warn) {
        List<Map<String, String>> facts = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) facts.add(RunReport.facts(folders.get(i), configs.get(i).settings(), warn));
        return table(facts);
    }

    /** Columns to rows; "" where a column lacks a key. */
    private static Map<String, List<String>> table(List<Map<String, String>> columns) {
        Set<String> keys = new LinkedHashSet<>();
        columns.forEach(c -> keys.addAll(c.keySet()));
        Map<String, List<String>> rows = new LinkedHashMap<>();
        for (String key : keys) rows.put(key, new ArrayList<>(columns.stream().map(c -> c.getOrDefault(key, "")).toList()));
        return rows;
    }
}
