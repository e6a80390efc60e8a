package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.data.Dataset;
import io.palitra.data.ImageDataset;
import io.palitra.data.ImageSpec;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.edit.Balance;
import io.palitra.engine.Scope;
import io.palitra.model.Measure;
import io.palitra.report.Places;
import io.palitra.report.Png;
import io.palitra.train.Run;
import io.palitra.train.RunReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
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
        Terminal terminal = new Terminal("balance", false);
        try (Run opened = Common.open(run, "auto", threads, terminal); Scope scope = new Scope()) {
            ImageDataset train = pictures(Common.data(opened.config(), data, dataDir, Split.TRAIN, terminal));
            ImageDataset test = pictures(Common.data(opened.config(), data, dataDir, Split.TEST, terminal));
            terminal.doing("drawing what the classes lack");
            Balance.Drawn drawn = Balance.missing(opened, train, seed);
            if (drawn.size() == 0) throw new IllegalArgumentException("'" + train.name() + "' is balanced: each class has "
                + Balance.counts(train)[0] + " items");
            write(drawn);
            List<Balance.Outcome> outcomes = Balance.compare(train, drawn, test, out, seed, terminal);
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
            io.palitra.config.Json.write(out.resolve("balance.json"), node);
            if (json) {
                Common.json(node);
            } else {
                Common.OUT.println(counts);
                for (Measure m : measures) Common.OUT.printf("%-36s %12s %s%n", m.name(), RunReport.number(m.value()), m.about());
                Common.OUT.println(out);
            }
            return 0;
        }
    }

    private static ImageDataset pictures(Dataset data) {
        if (data instanceof ImageDataset images && data.spec().classes() > 1) return images;
        throw new IllegalArgumentException("balance wants pictures of several classes, '" + data.name() + "' is " + data.spec());
    }

    private void write(Balance.Drawn drawn) throws IOException {
        ImageSpec spec = drawn.spec();
        for (int i = 0; i < drawn.size(); i++) {
            byte[] bytes = new byte[(int) spec.dims()];
            drawn.pixels(i, bytes, 0);
            String name = drawn.classNames().get(drawn.label(i)).replaceAll("[^A-Za-z0-9._ -]", "_");
            Path folder = out.resolve("drawn").resolve(name);
            Files.createDirectories(folder);
            Png.write(folder.resolve(String.format("%06d.png", i)), new Picture(spec.channels(), spec.height(), spec.width(), bytes),
                Map.of("palitra", "drawn by " + run.toAbsolutePath().normalize().getFileName() + ", seed " + seed + ", item " + i));
        }
    }
}
