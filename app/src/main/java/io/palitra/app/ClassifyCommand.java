package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.job.ClassifyRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "classify", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Which of some words fits a picture, by a CLIP that was never trained on these words as classes.")
final class ClassifyCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "PICTURE", description = "a PNG, JPEG, GIF, BMP or WebP")
    private Path picture = Path.of("");

    @Option(names = "--labels", required = true, paramLabel = "\"a, b, c\"", description = "what it may be, with commas between")
    private String labels = "";

    @Option(names = "--clip", required = true, paramLabel = "WHERE",
        description = "a run of family clip, a folder of transformers' CLIP, or an org/name that was pulled")
    private String clip = "";

    @Option(names = "--template", paramLabel = "TEXT", defaultValue = ClassifyRequest.LABEL,
        description = "the text of a label, {} stands for it; public CLIPs are surer of \"a photo of a {}\"; default: the label alone")
    private String template = ClassifyRequest.LABEL;

    @Mixin private Computing computing = new Computing();

    @Option(names = "--json", description = "as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        ClassifyRequest request = new ClassifyRequest(picture.toString(), labels, clip, template, computing.device, computing.threads);
        ClassifyRequest.Result result = request.run(new Terminal("classify", false));
        if (json) {
            ObjectNode node = new ObjectMapper().createObjectNode().put("picture", picture.toString()).put("clip", result.clip());
            result.guesses().forEach(g -> node.withArray("labels").addObject().put("label", g.label()).put("probability", g.probability())
                .put("cosine", g.cosine()));
            Common.json(node);
        } else {
            for (ClassifyRequest.Guess g : result.guesses()) {
                Common.OUT.printf("%6.2f %%  cosine %6.3f  %s%n", 100 * g.probability(), g.cosine(), Terminal.plain(g.label()));
            }
        }
        return 0;
    }
}
