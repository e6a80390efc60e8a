package io.palitra.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.family.Families;
import io.palitra.family.LoraTuning;
import io.palitra.measure.Measurements;
import io.palitra.model.Family;
import io.palitra.model.Measure;
import io.palitra.report.Chart;
import io.palitra.report.Display;
import io.palitra.report.Numbers;
import io.palitra.report.Places;
import io.palitra.report.Report;
import io.palitra.report.ReportData;
import io.palitra.report.Sheet;
import io.palitra.report.Wave;
import io.palitra.stage.FirstStage;
import io.palitra.stage.GptFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/** report.html of a run folder, made from the files in it. */
public final class RunReport {
    /** Of the measures of a run. */
    public static final String EVALUATION = "evaluation.json";
    public static final String CLOSEST = Measurements.CLOSEST;
    /** What commands of a page call the run's folder. */
    public static final String FOLDER = ReportData.RUN;
    private static final String PARTS = "parts of the loss";
    static final String SUMMARY = "summary.json";

    private RunReport() {}

    /** What is damaged of the files it is made from is passed over, and told to {@code warn}. */
    public static void write(Path folder, Consumer<String> warn) throws IOException { write(folder, warn, warn); }

    /** @param ofFrames told what is damaged of the frames */
    static void write(Path folder, Consumer<String> warn, Consumer<String> ofFrames) throws IOException {
        RunFolder.refuseLinks(folder);
        RunConfig config = RunConfig.read(folder.resolve(Run.CONFIG));
        RunConfig.Settings s = config.settings();
        Family<?> family = Families.named(s.family());
        Map<String, String> facts = facts(folder, s, warn);
        List<ReportData.Measure> measures = measures(folder, warn);
        Map<String, String> flat = new LinkedHashMap<>();
        flatten("", config.toJson(), flat);
        flat.replaceAll((key, value) -> Places.name(value));   // a page is shown to others
        Optional<ReportData.Frames> frames = RunFrames.of(folder, Display.of(s.spec()), ofFrames);
        Report.write(folder, new ReportData(s.family() + " on " + Places.name(s.data()), family.about() + " · " + family.paper(),
            result(facts, measures), frames, figures(folder, s, frames.isPresent(), warn), charts(folder, warn), facts, measures,
            commands(family, config.model()), flat, files(folder)));
    }

    private static String result(Map<String, String> facts, List<ReportData.Measure> measures) {
        String trained = "Trained for " + facts.getOrDefault("steps", "some") + " steps in " + facts.getOrDefault("time",
            "an unknown time") + ".";
        if (measures.isEmpty()) return trained;
        ReportData.Measure first = measures.get(0);
        return trained + " On the test split: " + first.name() + " " + (first.value() + " " + first.unit()).strip() + ".";
    }

    static Map<String, String> facts(Path folder, RunConfig.Settings s, Consumer<String> warn) {
        Map<String, String> facts = new LinkedHashMap<>();
        Optional<JsonNode> summary = RunFolder.summary(folder, warn);
        if (summary.isPresent()) {
            JsonNode j = summary.get();
            facts.put("steps", j.path("step").asText());
            facts.put("epochs", String.format(Locale.ROOT, "%.2f", j.path("epoch").asDouble()));
            facts.put("time", time(j.path("seconds").asDouble()));
            facts.put("items per second", String.format(Locale.ROOT, "%.0f", j.path("items").asDouble() / Math.max(1e-9,
                j.path("seconds").asDouble())));
            facts.put("parameters", String.format(Locale.ROOT, "%,d", j.path("parameters").asLong()));
            j.path("machine").properties().forEach(e -> facts.put(e.getKey(), e.getValue().asText()));
        }
        facts.put("precision", s.precision().name().toLowerCase(Locale.ROOT));
        facts.put("seed", String.valueOf(s.seed()));
        facts.put("Palitra", s.code());
        return facts;
    }

    private static String time(double seconds) {
        long t = Math.round(seconds);
        return t < 60 ? String.format(Locale.ROOT, "%.1f s", seconds)
            : t < 3600 ? String.format("%d min %02d s", t / 60, t % 60) : String.format("%d h %02d min", t / 3600, t / 60 % 60);
    }

    private static List<ReportData.Measure> measures(Path folder, Consumer<String> warn) {
        List<ReportData.Measure> measures = new ArrayList<>();
        Optional<JsonNode> kept = RunFolder.evaluation(folder, warn);
        if (kept.isEmpty()) return measures;
        JsonNode evaluation = kept.get();
        for (JsonNode m : evaluation.path("measures")) {
            measures.add(new ReportData.Measure(m.path("name").asText(), Numbers.shown(m.path("value").asDouble()), m.path("unit").asText(),
                m.path("about").asText(), Places.inLine(evaluation.path("command").asText())));
        }
        return measures;
    }

    /** Keeps measures beside the run, for the page and for later comparison. */
    public static void keep(Path folder, Evaluation.Result result, String command) throws IOException {
        RunFolder.refuseLinks(folder);
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("command", command);
        if (result.judge() != null) json.set("judge", result.judge().toJson());
        json.set("measures", toJson(result.measures()));
        Json.write(folder.resolve(EVALUATION), json);
        if (result.closest() != null) result.closest().write(folder.resolve(CLOSEST + result.closest().suffix()), Map.of());
    }

    public static ArrayNode toJson(List<Measure> measures) {
        ArrayNode list = new ObjectMapper().createArrayNode();
        for (Measure m : measures) {
            list.addObject().put("name", m.name()).put("value", m.value()).put("unit", m.unit()).put("about", m.about());
        }
        return list;
    }

    /** @param film whether the page has the frames: the last one is the sheet of samples, and all are the animation */
    private static List<ReportData.Figure> figures(Path folder, RunConfig.Settings s, boolean film, Consumer<String> warn) {
        List<ReportData.Figure> figures = new ArrayList<>();
        if (!film) figure(figures, folder, warn, Gallery.GRID, "Samples", Display.of(s.spec()).caption());
        figure(figures, folder, warn, Gallery.GRID + ".gif", "Samples that move", "Drawn as the samples above are; each plays again and "
            + "again.");
        for (int i = 1; i <= Gallery.HEARD; i++) {
            int sample = i;
            RunFolder.bytes(folder.resolve(Gallery.GRID + "-" + i + ".wav"), warn).ifPresent(bytes -> figures.add(new ReportData.Figure(
                "Sample " + sample, "The roll of that number, counted by rows, to be heard.", Sheet.SOUND, Wave.halved(bytes))));
        }
        figure(figures, folder, warn, Gallery.RECONSTRUCTIONS, "Reconstructions",
            "Items of the test split, never trained on, and what the model makes of them.");
        if (!film) figure(figures, folder, warn, Gallery.ANIMATION, "Training",
            "The same noise, drawn again and again while the model learned.");
        figure(figures, folder, warn, CLOSEST, "Closest to the training data",
            "The samples that lie nearest to a training item by the features "
            + "of the judge, each above that item: equal pairs would be copies.");
        figure(figures, folder, warn, "map.png", "Latent map", "Test items by their codes.");
        return figures;
    }

    /** @param name of a picture; without a suffix that of a sheet, which may be a text */
    private static void figure(List<ReportData.Figure> figures, Path folder, Consumer<String> warn, String name, String title,
            String caption) {
        boolean sheet = name.indexOf('.') < 0;
        RunFolder.picture(folder.resolve(sheet ? name + ".png" : name), warn).ifPresent(bytes -> figures.add(
            new ReportData.Figure(title, caption, name.endsWith(".gif") ? "image/gif" : "image/png", bytes)));
        if (sheet) RunFolder.bytes(folder.resolve(name + ".txt"), warn).ifPresent(bytes -> figures.add(
            new ReportData.Figure(title, caption, "text/plain", bytes)));
    }

    private static Chart chart(String name, List<Chart.Series> series) {
        return new Chart(name, "step", name, name.equals("gradient norm"), series);
    }

    private static String group(String name) {
        return name.equals("lr") ? "learning rate" : name.endsWith("gradient norm") ? "gradient norm"
            : name.startsWith("collapse/") ? "collapse" : name.startsWith("codebook/") ? "codebook"
            : name.startsWith(Metrics.TEST) || !name.contains("/") ? "loss" : PARTS;
    }

    /** Where a loss is taken on test items, too, the lines say which is which; the training's stands first. */
    private static void nameTest(List<Chart.Series> group) {
        List<String> tested = group.stream().map(Chart.Series::name).filter(n -> n.startsWith(Metrics.TEST)).toList();
        group.sort(Comparator.comparing(s -> s.name().startsWith(Metrics.TEST)));
        group.replaceAll(s -> tested.contains(s.name()) ? new Chart.Series(s.name().substring(Metrics.TEST.length())
            + ", test items, averaged weights", s.x(), s.y()) : tested.contains(Metrics.TEST + s.name())
            ? new Chart.Series(s.name() + ", training batches", s.x(), s.y()) : s);
    }

    private static List<Chart> charts(Path folder, Consumer<String> warn) throws IOException {
        Map<String, List<Chart.Series>> groups = new LinkedHashMap<>();
        Metrics.read(folder, warn).forEach((name, points) -> {
            double[] x = points.stream().mapToDouble(p -> p[0]).toArray(), y = points.stream().mapToDouble(p -> p[1]).toArray();
            groups.computeIfAbsent(group(name), k -> new ArrayList<>()).add(new Chart.Series(name.replace("/gradient norm", ""), x, y));
        });
        groups.values().forEach(RunReport::nameTest);
        List<Chart> charts = new ArrayList<>();
        for (String first : List.of("loss", PARTS)) {
            if (groups.containsKey(first)) charts.add(chart(first, Objects.requireNonNull(groups.remove(first))));
        }
        groups.forEach((name, series) -> charts.add(chart(name, series)));
        return charts;
    }

    /** The page is a function of what the run is: RUN stands for its folder, wherever that lies. */
    private static List<ReportData.Command> commands(Family<?> family, Record model) {
        ReportData.Command goOn = new ReportData.Command("go on training where it stopped", "palitra resume " + FOLDER);
        if (model instanceof LoraTuning.Config c) {
            return List.of(new ReportData.Command("paint with it", "palitra paint TEXT --model "
                + Places.word(c.model()) + " --lora " + FOLDER + "/" + LoraTuning.DIFFUSERS), goOn);
        }
        List<ReportData.Command> commands = new ArrayList<>();
        if (family.sampling() != null) {
            commands.add(new ReportData.Command("draw more", "palitra sample " + FOLDER
                + " -n 64 --seed 3 --out more.png"));
        }
        commands.add(new ReportData.Command("the honest numbers on the test split", "palitra evaluate " + FOLDER));
        commands.add(goOn);
        commands.add(new ReportData.Command("every key of this family", "palitra families " + family.name()));
        return commands;
    }

    static void flatten(String path, JsonNode node, Map<String, String> out) {
        if (node.isObject()) {
            node.properties().forEach(e -> flatten(path.isEmpty() ? e.getKey() : path + "." + e.getKey(), e.getValue(), out));
        } else {
            out.put(path, node.isTextual() ? node.asText() : node.toString());
        }
    }

    private static Map<String, String> files(Path folder) {
        Map<String, String> about = new LinkedHashMap<>();
        about.put(Run.CONFIG, "every value the run was made with");
        about.put(Run.MODEL, "weights to sample from, PyTorch names");
        about.put(FirstStage.FOLDER, "the network as diffusers' VQModel: what tokens and dalle stand on");
        about.put(GptFolder.FOLDER, "the network as transformers' GPT2LMHeadModel, with its tokens");
        about.put(LoraTuning.DIFFUSERS, "the change, under names of diffusers and PEFT");
        about.put(LoraTuning.KOHYA, "the same, under names of kohya-ss");
        about.put(Metrics.NAME, "a line a report");
        about.put(EVALUATION, "measures on the test split");
        about.put(CLOSEST + ".png", "samples and the training items nearest to them");
        about.put(Gallery.GRID + ".png", "samples");
        about.put(Gallery.GRID + ".txt", "samples");
        about.put(Gallery.GRID + ".gif", "samples that move");
        for (int i = 1; i <= Gallery.HEARD; i++) {
            about.put(Gallery.GRID + "-" + i + ".wav", "sample " + i + " to be heard");
            about.put(Gallery.GRID + "-" + i + ".mid", "its notes");
        }
        about.put(Gallery.RECONSTRUCTIONS + ".png", "test items and reconstructions");
        about.put(Gallery.RECONSTRUCTIONS + ".txt", "test items and reconstructions");
        about.put(Gallery.ANIMATION, "the samples while it learned, as an animation");
        about.put(Gallery.SAMPLES, "a picture for each of its frames");
        about.put("train", "what resuming needs: weights, optimiser, averages, with checksums");
        about.keySet().removeIf(name -> !Files.exists(folder.resolve(name)));
        return about;
    }
}
