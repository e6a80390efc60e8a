package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.PartFile;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.Split;
import io.palitra.edit.Balance;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.model.Measure;
import io.palitra.report.Display;
import io.palitra.report.Numbers;
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
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "balance", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Fill the small classes of a labelled set with samples of a class-conditional run, which must have been trained on the "
        + "training split alone, and tell what that does to a classifier: macro-F1 on the untouched test split with the set as it is, with "
        + "class weights, and with the drawn items.")
final class BalanceCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Parameters(index = "1", arity = "0..1", paramLabel = "DATA", description = "the labelled set; default: the run's own")
    private @Nullable String data;

    @Option(names = "--out", paramLabel = "DIR", required = true, description = "for the drawn items, a folder a class, and the report")
    private Path out = Path.of("");

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "decides samples and classifiers; default: 0")
    private long seed;

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--threads", paramLabel = "N|auto", defaultValue = "auto", converter = Threads.class, description = Threads.ABOUT)
    private int threads;

    @Option(names = "--json", description = "as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        if (Files.exists(out, LinkOption.NOFOLLOW_LINKS)) throw new IllegalArgumentException("'" + out + "' exists; choose another --out");
        Stop stop = Stop.onSignals();
        Terminal terminal = new Terminal("balance", false).until(stop);
        Path made = PartFile.of(out);   // it gets its name when all of it is there
        try (Run opened = Common.open(run, "auto", threads, terminal); Scope scope = new Scope()) {
            Dataset train = labelled(Common.data(opened.config(), data, dataDir, Split.TRAIN, terminal));
            Dataset test = labelled(Common.data(opened.config(), data, dataDir, Split.TEST, terminal));
            Balance.Drawn drawn = Balance.missing(opened, train, seed, terminal);
            if (drawn.size() == 0) throw new IllegalArgumentException("'" + train.name() + "' is balanced: each class has "
                + Balance.counts(train)[0] + " items");
            write(drawn, made, opened.config().settings().options().label(), terminal);
            List<Balance.Outcome> outcomes = Balance.compare(train, drawn, test, made, seed, terminal);
            terminal.done();
            List<Measure> measures = new ArrayList<>();
            for (Balance.Outcome o : outcomes) {
                String each = Arrays.stream(o.f1().each()).mapToObj(f -> String.format(Locale.ROOT, "%.3f", f))
                    .collect(Collectors.joining(", "));
                measures.add(new Measure("macro-F1, " + o.way(), o.f1().value(), "", "on " + test.size() + " test items; of each class "
                    + each));
            }
            String counts = Arrays.stream(Balance.counts(train)).mapToObj(String::valueOf).collect(Collectors.joining(", "))
                + " items of the classes, " + drawn.size() + " drawn";
            ObjectNode node = new ObjectMapper().createObjectNode();
            node.put("run", Places.name(run.toString())).put("data", train.name()).put("counts", counts).put("seed", seed);
            node.set("measures", RunReport.toJson(measures));
            io.palitra.config.Json.write(made.resolve("balance.json"), node);
            terminal.checkStop();
            Files.move(made, out, StandardCopyOption.ATOMIC_MOVE);
            if (json) {
                Common.json(node);
            } else {
                Common.OUT.println(counts);
                for (Measure m : measures) Common.OUT.printf("%-36s %12s %s%n", m.name(), Numbers.shown(m.value()), m.about());
                Common.OUT.println(out);
            }
            return 0;
        } finally {
            if (Files.exists(made)) PartFile.remove(made);
        }
    }

    private static Dataset labelled(Dataset data) {
        if (data.spec().classes() > 1) return data;
        throw new IllegalArgumentException("balance wants items of several classes, '" + data.name() + "' is " + data.spec());
    }

    /** A file an item in folders of the classes, or a table where one item shows nothing. */
    private void write(Balance.Drawn drawn, Path made, String label, Terminal terminal) throws IOException {
        Display display = Display.of(drawn.spec());
        Path folder = made.resolve("drawn");
        for (int i = 0; i < drawn.size(); i++) {
            terminal.tick("drawn items", i, drawn.size());
            List<Sheet> shown;
            try (Scope scope = new Scope()) { shown = display.each(drawn.spec(), drawn.item(i)); }
            if (shown.isEmpty()) break;
            Path own = folder.resolve(drawn.classNames().get(drawn.label(i)).replaceAll("[^\\p{L}\\p{M}\\p{N}._ -]", "_"));
            Files.createDirectories(own);
            shown.get(0).write(own.resolve(String.format("%06d", i) + shown.get(0).suffix()),
                Map.of("palitra", "drawn by " + run.toAbsolutePath().normalize().getFileName() + ", seed " + seed + ", item " + i));
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
