package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.Json;
import io.palitra.config.PartFile;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.Split;
import io.palitra.edit.Balance;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.model.Measure;
import io.palitra.model.Watcher;
import io.palitra.report.Display;
import io.palitra.report.Places;
import io.palitra.report.Sheet;
import io.palitra.train.Run;
import io.palitra.train.RunReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The small classes of a labelled set filled with samples of a class-conditional run, which must have been trained on the training split
 * alone; and what that does to a classifier: macro-F1 on the untouched test split with the set as it is, with class weights, and with the
 * drawn items.
 */
public record BalanceRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help(value = "name or path of the labelled set, empty = the run's own", place = Help.Place.DATA) String data,
        @Help(value = "a new folder for the drawn items, a folder a class, and the report", place = Help.Place.OUT) String out,
        @Help(value = "decides samples and classifiers", min = 0) long seed,
        @Help(value = "where data sets lie, empty = where they lay", place = Help.Place.DATA) String dataDir,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<BalanceRequest.Result> {
    /** As many of each class as the largest has. */
    public BalanceRequest(String run, String out) { this(run, "", out, 0, "", "auto", 0); }

    /**
     * What was found.
     *
     * @param run    name of its folder
     * @param counts items of the classes and drawn ones, in words
     */
    public record Result(String run, String data, String counts, long seed, List<Measure> measures, Path folder) {
        /** As {@code --json} prints it. */
        public ObjectNode toJson() {
            ObjectNode node = new ObjectMapper().createObjectNode();
            node.put("run", run).put("data", data).put("counts", counts).put("seed", seed);
            node.set("measures", RunReport.toJson(measures));
            return node;
        }
    }

    /**
     * Draws, trains the classifiers, and writes the folder.
     *
     * @throws IllegalArgumentException for data without classes or in balance, and a run that draws by no classes or by others
     * @throws java.util.concurrent.CancellationException when it was stopped; then nothing is left
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Path folder = Path.of(out);
        if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            throw new ConfigException("out", "'" + folder + "' exists; choose another out=");
        }
        Path made = PartFile.of(folder);   // it gets its name when all of it is there
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope()) {
            Dataset train = labelled(inputs.data(opened.config(), data, dataDir, Split.TRAIN));
            Dataset test = labelled(inputs.data(opened.config(), data, dataDir, Split.TEST));
            Balance.Drawn drawn = Balance.missing(opened, train, seed, watcher);
            if (drawn.size() == 0) throw new ArgumentException("'" + train.name() + "' is balanced: each class has "
                + Balance.counts(train)[0] + " items");
            write(drawn, made, opened.config().settings().options().label(), watcher);
            List<Measure> measures = new ArrayList<>();
            for (Balance.Outcome o : Balance.compare(train, drawn, test, made, opened.device(), seed, watcher)) {
                String each = Arrays.stream(o.f1().each()).mapToObj(f -> String.format(Locale.ROOT, "%.3f", f))
                    .collect(Collectors.joining(", "));
                measures.add(new Measure("macro-F1, " + o.way(), o.f1().value(), "", "on " + test.size() + " test items; of each class "
                    + each));
            }
            String counts = Arrays.stream(Balance.counts(train)).mapToObj(String::valueOf).collect(Collectors.joining(", "))
                + " items of the classes, " + drawn.size() + " drawn";
            Result result = new Result(Places.name(run), train.name(), counts, seed, List.copyOf(measures), folder);
            Json.write(made.resolve("balance.json"), result.toJson());
            watcher.checkStop();
            Files.move(made, folder, StandardCopyOption.ATOMIC_MOVE);
            watcher.wrote(folder);
            return result;
        } finally {
            if (Files.exists(made)) PartFile.remove(made);
        }
    }

    private static Dataset labelled(Dataset data) {
        if (data.spec().classes() > 1) return data;
        throw new ArgumentException("balance wants items of several classes, '" + data.name() + "' is " + data.spec());
    }

    /** A file an item in folders of the classes, or a table where one item shows nothing. */
    private void write(Balance.Drawn drawn, Path made, String label, Watcher watcher) throws IOException {
        Display display = Display.of(drawn.spec());
        Path folder = made.resolve("drawn");
        for (int i = 0; i < drawn.size(); i++) {
            watcher.checkStop();
            watcher.tick("drawn items", i, drawn.size());
            List<Sheet> shown;
            try (Scope scope = new Scope()) { shown = display.each(drawn.spec(), drawn.item(i)); }
            if (shown.isEmpty()) break;
            Path own = folder.resolve(drawn.classNames().get(drawn.label(i)).replaceAll("[^\\p{L}\\p{M}\\p{N}._ -]", "_"));
            Files.createDirectories(own);
            shown.get(0).write(own.resolve(String.format("%06d", i) + shown.get(0).suffix()),
                Map.of("palitra", "drawn by " + Path.of(run).toAbsolutePath().normalize().getFileName() + ", seed " + seed + ", item "
                    + i));
        }
        if (display.tableSuffix().isPresent()) {
            Files.createDirectories(folder);
            int[] all = IntStream.range(0, drawn.size()).toArray();
            List<String> classes = Arrays.stream(all).mapToObj(i -> drawn.classNames().get(drawn.label(i))).toList();
            try (Scope scope = new Scope()) {
                display.table(drawn.spec(), DataLoader.of(drawn, all, Device.CPU).x(),
                    folder.resolve("drawn" + display.tableSuffix().get()), label.isEmpty() ? "class" : label, classes);
            }
        }
    }
}
