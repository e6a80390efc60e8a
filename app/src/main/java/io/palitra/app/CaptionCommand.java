package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.job.CaptionRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "caption", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Texts of pictures, or answers to a question about them, by a run of flamingo.")
final class CaptionCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder, of flamingo")
    private Path run = Path.of("");

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "PICTURE", description = "PNG, JPEG, GIF, BMP or WebP")
    private List<Path> pictures = List.of();

    @Option(names = "--shots", paramLabel = "FOLDER", description = "pictures with captions, of which the first are examples")
    private @Nullable Path shots;

    @Option(names = "--most", paramLabel = "N", defaultValue = "4", description = "examples, at most; default: 4")
    private int most;

    @Option(names = "--ask", paramLabel = "TEXT", description = "a question, or another beginning of each text; default: a caption")
    private @Nullable String ask;

    @Option(names = "--tokens", paramLabel = "N", defaultValue = "100", description = "tokens of a text, at most; default: 100")
    private int tokens;

    @Option(names = "--temperature", paramLabel = "T", defaultValue = "0",
        description = "divisor of the logits; default: 0, the likeliest token always")
    private double temperature;

    @Mixin private Seed seed = new Seed();

    @Mixin private Computing computing = new Computing();

    @Option(names = "--json", description = "as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        CaptionRequest request = new CaptionRequest(run.toString(), pictures.stream().map(Path::toString).toList(), Common.text(shots),
            most, ask == null ? "" : ask, tokens, temperature, seed.value, computing.device, computing.threads);
        CaptionRequest.Result result = request.run(new Terminal("caption", false));
        if (json) {
            ObjectNode node = new ObjectMapper().createObjectNode();
            result.texts().forEach(t -> node.withArray("texts").addObject().put("picture", t.picture()).put("text", t.text()));
            Common.json(node);
        } else {
            boolean several = result.texts().size() > 1;
            for (CaptionRequest.Text t : result.texts()) {
                Common.OUT.println((several ? Terminal.plain(t.picture()) + ": " : "") + Terminal.plain(t.text()));
            }
        }
        return 0;
    }
}
