package io.palitra.app;

import io.palitra.job.BalanceRequest;
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

@Command(name = "balance", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Fill the small classes of a labelled set with samples of a class-conditional run, which must have been trained on the "
        + "training split alone, and measure what that does to a classifier: macro-F1 on the untouched test split with the set as it is, "
        + "with class weights, and with the drawn items.")
final class BalanceCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Parameters(index = "1", arity = "0..1", paramLabel = "DATA", completionCandidates = Names.Data.class,
        description = "the labelled set; default: the run's own")
    private @Nullable String data;

    @Option(names = "--out", paramLabel = "DIR", required = true, description = "for the drawn items, a folder a class, and the report")
    private Path out = Path.of("");

    @Mixin private Seed seed = new Seed();

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Mixin private Computing computing = new Computing();

    @Option(names = "--json", description = "as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        BalanceRequest request = new BalanceRequest(run.toString(), Common.name(data, "DATA"), out.toString(), seed.value,
            Common.text(dataDir), computing.device, computing.threads);
        Terminal terminal = new Terminal("balance", false).until(Stop.onSignals());
        BalanceRequest.Result result = request.run(terminal);
        terminal.done();
        if (json) {
            Common.json(result.toJson());
        } else {
            Common.say(result.counts());
            for (Measure m : result.measures()) {
                Common.OUT.printf("%-36s %12s %s%n", Language.say(m.name()), Numbers.shown(m.value()), Language.say(m.about()));
            }
            Common.OUT.println(out);
        }
        return 0;
    }
}
