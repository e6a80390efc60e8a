package io.palitra.app;

import io.palitra.job.ProjectRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "project", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Find the styles by which a run of stylegan draws a given picture, by descent from the mean style: projected.png, the "
        + "picture beside it, the styles as projected.safetensors, and the film of it as GIF (and MP4, where the program has films).")
final class ProjectCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder, of a family with styles such as stylegan")
    private Path run = Path.of("");

    @Parameters(index = "1", paramLabel = "PICTURE", description = "the picture, of the size that the run draws")
    private Path picture = Path.of("");

    @Option(names = "--space", paramLabel = "w|w+", defaultValue = "w+",
        description = "w: one style for all layers; w+: one for each, which "
        + "comes nearer; default: w+")
    private String space = "w+";

    @Option(names = "--noise", description = "move the fixed noise of the layers, too")
    private boolean noise;

    @Option(names = "--steps", paramLabel = "N", defaultValue = "1000", description = "steps; default: 1000")
    private int steps;

    @Option(names = "--label", paramLabel = "CLASS",
        description = "number or name of the class that the search begins at; default: the mean of "
        + "all")
    private @Nullable String label;

    @Option(names = "--features", paramLabel = "RUN", description = "a run of classifier whose features count beside the pixels; default: "
        + "pixels alone")
    private @Nullable Path features;

    @Mixin private Seed seed = new Seed();

    @Option(names = "--out", paramLabel = "DIR", description = "default: RUN/projected")
    private @Nullable Path out;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Option(names = "--json", description = "PSNR, seconds and the files written, as JSON on stdout")
    private boolean json;

    @Mixin private Computing computing = new Computing();

    @Override public Integer call() throws IOException {
        ProjectRequest request = new ProjectRequest(run.toString(), picture.toString(), space, noise, steps, Common.name(label, "--label"),
            Common.text(features), seed.value, Common.text(out), overwriting.force, computing.device, computing.threads);
        ProjectRequest.Result found = request.run(new Terminal("project", false));
        if (json) {
            Common.json(found.toJson());
            return 0;
        }
        Common.say(String.format(Locale.ROOT, "PSNR %.2f dB after %d steps in %.1f s", found.psnr(), found.steps(), found.seconds()));
        found.files().forEach(Common.OUT::println);
        return 0;
    }
}
