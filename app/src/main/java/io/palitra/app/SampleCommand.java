package io.palitra.app;

import io.palitra.config.ConfigException;
import io.palitra.job.SampleRequest;
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

@Command(name = "sample", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Draw samples of a run: a grid, or one file an item. Item i of a seed has the same noise whatever -n is.")
final class SampleCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Option(names = "-n", paramLabel = "N", defaultValue = "64", description = "how many; default: 64")
    private int n;

    @Mixin private Seed seed = new Seed();

    @Option(names = "--class", paramLabel = "K", description = "number or name of the class, for class-conditional runs")
    private @Nullable String label;

    @Option(names = "--prompt", paramLabel = "TEXT", description = "what to draw, for runs that draw from words")
    private @Nullable String prompt;

    @Option(names = "--size", paramLabel = "WxH", description = "in pixels, for families that draw pictures larger than their training's")
    private @Nullable String size;

    @Option(names = "--keep", paramLabel = "K", description = "of the samples only the K that --clip finds nearest to the prompt, the best "
        + "first")
    private @Nullable Integer keep;

    @Option(names = "--clip", paramLabel = "RUN|FOLDER|org/name", description = "the CLIP that ranks for --keep")
    private @Nullable String clip;

    @Option(names = "--set", paramLabel = "key=value", description = "sampling keys of the family, see 'palitra families FAMILY'")
    private List<String> set = new ArrayList<>();

    @Option(names = "--out", paramLabel = "FILE.png|FILE.txt|FILE.csv|DIR", description = "default: RUN/seed-S.png, of texts "
        + "RUN/seed-S.txt; with --each: RUN/seed-S/; of texts DIR holds a .txt of each, of music a .png, .mid and .wav of each; of a run "
        + "of a table or of points FILE.csv holds all columns in the table's own units, the .png two of them")
    private @Nullable Path out;

    @Option(names = "--each", description = "one file an item, in a folder")
    private boolean each;

    @Option(names = "--scale", paramLabel = "K", defaultValue = "0", description = "how many times as wide the sheet is as its items; "
        + "default: so that a person sees it")
    private int scale;

    @Option(names = "--animation", paramLabel = "FILE.gif", description = "also how the samples came to be, from the first noise on; for "
        + "families that draw step by step")
    private @Nullable Path animation;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Option(names = "--json", description = "the files written, as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        if (keep != null && keep < 1) {
            throw new ConfigException("keep", "illegal keep: " + keep + ", must be between 1 and the " + n + " of n");
        }
        SampleRequest request = new SampleRequest(run.toString(), n, seed.value, Common.name(label, "--class"),
            Common.name(prompt, "--prompt"), Common.name(size, "--size"), keep == null ? 0 : keep, Common.name(clip, "--clip"), set,
            Common.text(out), each, scale,
            Common.text(animation), overwriting.force, computing.device, computing.threads);
        Terminal terminal = new Terminal("sample", false);
        SampleRequest.Result drawn = request.run(terminal);
        terminal.done();
        if (json) Common.json(drawn.toJson());
        else Common.OUT.println(drawn.shown());
        return 0;
    }
}
