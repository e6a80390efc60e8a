package io.palitra.app;

import io.palitra.job.VaryRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "vary", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Variations of a picture, a walk between two, or a change by words, by a run of unclip.")
final class VaryCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder, of unclip")
    private Path run = Path.of("");

    @Parameters(index = "1..*", arity = "1..2", paramLabel = "PICTURE",
        description = "a PNG, JPEG, GIF, BMP or WebP, or two to walk between")
    private List<Path> pictures = List.of();

    @Option(names = "-n", paramLabel = "N", defaultValue = "8", description = "pictures that are drawn; default: 8")
    private int n;

    @Option(names = "--from", paramLabel = "TEXT", description = "a text that the picture fits; with --to the direction of a walk")
    private @Nullable String from;

    @Option(names = "--to", paramLabel = "TEXT", description = "a text that the picture is to fit")
    private @Nullable String to;

    @Option(names = "--amount", paramLabel = "SHARE", defaultValue = "0.5", description = "how far to go, 0 to 1; default: 0.5")
    private double amount;

    @Option(names = "--keep", description = "begin at the noise that leads to the picture: what is drawn stays nearer to it")
    private boolean keep;

    @Mixin private Seed seed = new Seed();

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "sampling keys of the family, such as guidance=3")
    private List<String> set = List.of();

    @Option(names = "--out", paramLabel = "FILE.png", description = "default: RUN/vary.png")
    private @Nullable Path out;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Override public Integer call() throws IOException {
        VaryRequest request = new VaryRequest(run.toString(), pictures.stream().map(Path::toString).toList(), n, from == null ? "" : from,
            to == null ? "" : to, amount, keep, seed.value, set, Common.text(out), overwriting.force, computing.device,
            computing.threads);
        Common.OUT.println(request.run(new Terminal("vary", false)).file());
        return 0;
    }
}
