package io.palitra.app;

import io.palitra.job.DrawRequest;
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

@Command(name = "draw", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Draw a picture from a sentence, in English or Russian, by the small model that comes with the program: coloured shapes "
        + "before landscapes.")
final class DrawCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "TEXT", description = "what to draw; several words need no quotation marks")
    private List<String> prompt = new ArrayList<>();

    @Option(names = "-n", paramLabel = "N", defaultValue = "1", description = "pictures to keep, the best first; default: 1")
    private int n;

    @Option(names = "--candidates", paramLabel = "K",
        description = "pictures drawn, of which CLIP chooses; default: 4 for each that is kept")
    private @Nullable Integer candidates;

    @Mixin private Seed seed = new Seed();

    @Option(names = "--scale", paramLabel = "K", defaultValue = "0",
        description = "how many times as wide as it was drawn; default: so that "
        + "a person sees it")
    private int scale;

    @Option(names = "--model", paramLabel = "RUN", defaultValue = DrawRequest.MODEL, description = "a run that draws from words; default: "
        + "${DEFAULT-VALUE}, which comes with the program")
    private String model = DrawRequest.MODEL;

    @Option(names = "--clip", paramLabel = "RUN|FOLDER|org/name", defaultValue = DrawRequest.CLIP, description = "the CLIP that ranks; "
        + "default: ${DEFAULT-VALUE}, which comes with the program")
    private String clip = DrawRequest.CLIP;

    @Option(names = "--set", paramLabel = "key=value", description = "sampling keys of the family, see 'palitra families FAMILY'")
    private List<String> set = new ArrayList<>();

    @Option(names = "--out", paramLabel = "FILE.png", description = "default: the first free of drawing.png, drawing-2.png, ...")
    private @Nullable Path out;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Option(names = "--json", description = "the files written, as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        Terminal terminal = new Terminal("draw", false);
        DrawRequest.Result drawn = new DrawRequest(String.join(" ", prompt), n, candidates == null ? 4 * n : candidates, seed.value, scale,
            model, clip, set, Common.text(out), overwriting.force, computing.device, computing.threads).run(terminal);
        terminal.done();
        if (json) Common.json(drawn.toJson());
        else Common.OUT.println(drawn.file());
        return 0;
    }
}
