package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.data.Dataset;
import io.palitra.data.ImageDataset;
import io.palitra.data.Split;
import io.palitra.engine.Scope;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Measure;
import io.palitra.train.Evaluation;
import io.palitra.train.Run;
import io.palitra.train.RunReport;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "evaluate", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "The honest numbers of a run on the test split: what its family measures, and for labelled data what the project's own "
        + "classifier says of its samples (trained once and kept).")
final class EvaluateCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Parameters(index = "1", arity = "0..1", paramLabel = "DATA", description = "other data than the run's own")
    private @Nullable String data;

    @Option(names = "-n", paramLabel = "N", defaultValue = "10000", description = "samples for the classifier to judge; default: 10000")
    private int n;

    @Option(names = "--classifier", paramLabel = "RUN", description = "the run that judges, instead of the kept one")
    private @Nullable Path classifier;

    @Option(names = "--no-classifier", description = "only what the family measures itself")
    private boolean alone;

    @Option(names = "--set", paramLabel = "key=value", description = "sampling keys for the judged samples")
    private List<String> set = new ArrayList<>();

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--device", paramLabel = "auto|cpu|cuda[:n]", defaultValue = "auto", description = "where to compute; default: auto")
    private String device = "auto";

    @Option(names = "--threads", paramLabel = "N", defaultValue = "0", description = "of one operation; default: all cores")
    private int threads;

    @Option(names = "--json", description = "as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        if (n < 100 || n > 1_000_000) throw new IllegalArgumentException("illegal -n: " + n + ", must be between 100 and 1000000");
        Terminal terminal = new Terminal("evaluate", false);
        try (Run opened = Common.open(run, device, threads, terminal); Scope scope = new Scope()) {
            Dataset test = Common.data(opened.config(), data, dataDir, Split.TEST);
            boolean judged = !alone && opened.model() instanceof GenerativeModel && test instanceof ImageDataset
                && test.spec().classes() > 1;
            List<Measure> measures;
            if (judged) {
                Path kept = classifier != null ? classifier : Evaluation.classifier(opened.config(), dataDir, terminal);
                try (Run judge = Run.open(kept, device, terminal::note)) { measures = Evaluation.of(opened, test, judge, n, set); }
            } else {
                measures = Evaluation.of(opened, test, null, n, set);
            }
            if (measures.isEmpty()) throw new IllegalArgumentException("nothing to measure: '" + opened.config().settings().family()
                + "' on '" + test.name() + "' has no measures of its own, and a judge needs classes");
            String command = "palitra evaluate " + run + (data == null ? "" : " " + data) + (n == 10_000 ? "" : " -n " + n)
                + (alone ? " --no-classifier" : "") + String.join("", set.stream().map(s -> " --set " + s).toList());
            if (data == null) {
                RunReport.keep(run, measures, command);
                RunReport.write(run);
            }
            if (json) {
                ObjectNode node = new ObjectMapper().createObjectNode();
                node.put("run", run.toString()).put("data", test.name()).put("command", command);
                node.set("measures", RunReport.toJson(measures));
                Common.json(node);
            } else {
                for (Measure m : measures) {
                    Common.OUT.printf("%-36s %12s %-6s %s%n", m.name(), RunReport.number(m.value()), m.unit(), m.about());
                }
            }
            return 0;
        }
    }
}
