package io.palitra.app;

import io.palitra.job.AnomaliesRequest;
import io.palitra.model.Measure;
import io.palitra.report.Numbers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "anomalies", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Score items by how strange they are to a run: a CSV with every file and its score, and a page with the most and least "
        + "strange. What counts as strange is a quantile of the scores of the run's own test split, which is taken for normal; of the "
        + "run's own data half of that split sets the threshold, the other half is tested, and what it was trained on is marked so. "
        + "Classes that the run was not trained on are taken for anomalies, and then AUROC and average precision are printed.")
final class AnomaliesCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Parameters(index = "1", paramLabel = "DATA", completionCandidates = Names.Data.class,
        description = "folder, .zip, one picture or .csv, of which everything is "
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

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Option(names = "--json", description = "as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        AnomaliesRequest request = new AnomaliesRequest(run.toString(), data, quantile, Common.name(label, "--label"), Common.text(dataDir),
            Common.text(out), overwriting.force, computing.device, computing.threads);
        Terminal terminal = new Terminal("anomalies", false);
        AnomaliesRequest.Result result = request.run(terminal);
        terminal.done();
        if (json) {
            Common.json(result.toJson());
        } else {
            for (Measure m : result.measures()) {
                Common.OUT.printf("%-36s %12s %-6s %s%n", Language.say(m.name()), Numbers.shown(m.value()), Language.say(m.unit()),
                    Language.say(m.about()));
            }
            Common.OUT.println(result.page());
        }
        return 0;
    }
}
