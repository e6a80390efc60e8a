package io.palitra.app;

import io.palitra.job.CompareRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "compare", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "One page that sets runs side by side, for who must choose: quality, diversity and speed as a chart, every measure, "
        + "samples from the same seeds, curves, what differs. A run that was not evaluated yet is evaluated first.")
final class CompareCommand implements Callable<Integer> {
    @Parameters(arity = "2..*", paramLabel = "RUN", description = "run folders")
    private List<Path> runs = new ArrayList<>();

    @Option(names = "--out", paramLabel = "FILE.html", defaultValue = "compare.html", description = "the page; default: compare.html")
    private Path out = Path.of("compare.html");

    @Mixin private Overwriting overwriting = new Overwriting();

    @Option(names = "-n", paramLabel = "N", defaultValue = "10000",
        description = "samples to judge a run by that was not evaluated yet; default: 10000")
    private int n;

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Mixin private Computing computing = new Computing();

    @Override public Integer call() throws IOException {
        CompareRequest request = new CompareRequest(runs.stream().map(Path::toString).toList(), out.toString(), overwriting.force, n,
            Common.text(dataDir), computing.device, computing.threads);
        Common.OUT.println(request.run(new Terminal("compare", false)).page());
        return 0;
    }
}
