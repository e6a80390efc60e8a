package io.palitra.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.job.InspectRequest;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "inspect", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "What a file holds: the settings in a PNG, the tensors of a safetensors file, the voices of a .mid, the "
        + "summary of a run.")
final class InspectCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "FILE|RUN", description = "a PNG, a safetensors file, a .mid, or a run folder")
    private Path path = Path.of("");

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Override public Integer call() throws IOException {
        ObjectNode facts = new InspectRequest(path.toString()).run(Watcher.SILENT).facts();
        if (json) {
            Common.json(facts);
        } else {
            if (facts.isEmpty()) Common.say("no settings in this picture");
            facts.properties().forEach(e -> {
                if (e.getValue() instanceof ArrayNode list) list.forEach(v -> Common.OUT.println(Terminal.plain(v.asText())));
                else Common.OUT.println(Terminal.plain(e.getKey()) + ": " + text(e.getValue()));
            });
        }
        return 0;
    }

    private static String text(JsonNode v) {
        return v.isTextual() ? v.asText().replaceAll("[\\p{Cntrl}&&[^\n]]", "?") : v.toString();
    }
}
