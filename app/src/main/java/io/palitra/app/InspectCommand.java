package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.data.FormatException;
import io.palitra.hub.Safetensors;
import io.palitra.report.Png;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "inspect", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "What a file holds: the settings in a PNG, the tensors of a safetensors file, the summary of a run.")
final class InspectCommand implements Callable<Integer> {
    private static final byte[] PNG = {(byte) 0x89, 'P', 'N', 'G'};

    @Parameters(index = "0", paramLabel = "FILE|RUN", description = "a PNG, a safetensors file, or a run folder")
    private Path path = Path.of("");

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Override public Integer call() throws IOException {
        ObjectNode node = new ObjectMapper().createObjectNode();
        if (Files.isDirectory(path)) run(node);
        else if (!Files.exists(path)) throw new IllegalArgumentException("no such file: " + path);
        else if (isPng()) Png.text(path).forEach(node::put);
        else if (path.toString().toLowerCase(Locale.ROOT).endsWith(".png")) throw new FormatException(path.toString(), 0, "is not a PNG");
        else tensors(node);
        if (json) {
            Common.json(node);
        } else {
            if (node.isEmpty()) Common.OUT.println("no settings in this picture");
            node.properties().forEach(e -> {
                if (e.getValue() instanceof ArrayNode list) list.forEach(v -> Common.OUT.println(Terminal.plain(v.asText())));
                else Common.OUT.println(Terminal.plain(e.getKey()) + ": " + text(e.getValue()));
            });
        }
        return 0;
    }

    private static String text(com.fasterxml.jackson.databind.JsonNode v) {
        return v.isTextual() ? v.asText().replaceAll("[\\p{Cntrl}&&[^\n]]", "?") : v.toString();
    }

    private boolean isPng() throws IOException {
        try (InputStream in = Files.newInputStream(path)) { return Arrays.equals(in.readNBytes(4), PNG); }
    }

    private void run(ObjectNode node) throws IOException {
        if (!Files.isRegularFile(path.resolve(Run.CONFIG))) {
            throw new IllegalArgumentException("'" + path + "' is not a run folder: it has no " + Run.CONFIG);
        }
        RunConfig config = RunConfig.read(path.resolve(Run.CONFIG));
        node.put("family", config.settings().family()).put("data", config.settings().data()).put("seed", config.settings().seed());
        Path model = path.resolve(Run.MODEL);
        if (Files.exists(model)) {
            try {
                Safetensors.Header header = Safetensors.header(model);
                header.metadata().forEach(node::put);
                node.put("tensors in " + Run.MODEL, header.entries().size());
            } catch (FormatException e) {   // commands that open the run use its last good checkpoint
                node.put(Run.MODEL, "damaged: " + e.getMessage());
            }
        }
        node.set("config", config.toJson());
    }

    private void tensors(ObjectNode node) throws IOException {
        Safetensors.Header header;
        try {
            header = Safetensors.header(path);
        } catch (FormatException e) {
            if (path.toString().toLowerCase(Locale.ROOT).endsWith(".safetensors")) throw e;
            throw new FormatException(path.toString(), 0, "is neither a PNG nor a safetensors file");
        }
        header.metadata().forEach(node::put);
        ArrayNode list = node.putArray("tensors");
        header.entries().forEach((name, e) -> list.add(name + "  " + e.said()));
    }
}
