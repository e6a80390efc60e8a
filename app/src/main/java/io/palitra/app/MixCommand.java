package io.palitra.app;

import io.palitra.job.MixRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "mix", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "A sheet of mixed styles of a run of stylegan. The first column and the first row are pictures of their own; where a row "
        + "and a column meet, the picture has the styles of the row's, but in layers A-B those of the column's.")
final class MixCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder, of a family with styles such as stylegan")
    private Path run = Path.of("");

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "PICTURE", description = "pictures of the run's size, or folders that "
        + "'palitra project' wrote, two at least: they are mixed with each other in the place of drawn ones")
    private List<Path> pictures = List.of();

    @Option(names = "--rows", paramLabel = "N", defaultValue = "0", description = "drawn pictures of the first column; 0 = 4, or none "
        + "where pictures are given")
    private int rows;

    @Option(names = "--columns", paramLabel = "N", defaultValue = "0", description = "drawn pictures of the first row; 0 = 6, or none "
        + "where pictures are given")
    private int columns;

    @Option(names = "--layers", paramLabel = "A-B", required = true, description = "layers whose styles are the column's, such as 0-3; all "
        + "others are the row's. 0 is the coarsest")
    private String layers = "";

    @Option(names = "--truncation", paramLabel = "T", defaultValue = "1",
        description = "by how much styles are moved to the mean one: 1 = not at "
        + "all, 0 = onto it; default: 1")
    private double truncation;

    @Option(names = "--label", paramLabel = "CLASS", description = "number or name of the class of all pictures; default: any")
    private @Nullable String label;

    @Mixin private Seed seed = new Seed();

    @Option(names = "--out", paramLabel = "FILE.png", description = "default: RUN/mix.png")
    private @Nullable Path out;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Override public Integer call() throws IOException {
        MixRequest request = new MixRequest(run.toString(), pictures.stream().map(Path::toString).toList(), rows, columns,
            layers, truncation, Common.name(label, "--label"), seed.value,
            Common.text(out), overwriting.force, computing.device, computing.threads);
        Common.OUT.println(request.run(new Terminal("mix", false)).file());
        return 0;
    }
}
