package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.FormatException;
import io.palitra.data.Midi;
import io.palitra.hub.Safetensors;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/** What a file holds: the settings in a PNG, the tensors of a safetensors file, the voices of a .mid, the summary of a run. */
public record InspectRequest(@Help(value = "a PNG, a safetensors file, a .mid, or a run folder", place = Help.Place.PICTURE) String file)
        implements Request<InspectRequest.Result> {
    private static final byte[] PNG = {(byte) 0x89, 'P', 'N', 'G'};

    /** @param facts by their names; empty for a picture without settings */
    public record Result(ObjectNode facts) {}

    /** @throws FormatException for a file of another kind */
    @Override public Result run(Watcher watcher) throws IOException {
        Path path = Inputs.folder(file);
        ObjectNode node = new ObjectMapper().createObjectNode();
        if (Files.isDirectory(path)) run(path, node);
        else if (!Files.exists(path)) throw new ArgumentException("no such file: '" + path + "'" + Inputs.near(file));
        else if (isPng(path)) Png.text(path).forEach(node::put);
        else if (path.toString().toLowerCase(Locale.ROOT).endsWith(".png")) throw new FormatException(path.toString(), 0, "is not a PNG");
        else if (Midi.named(path)) Midi.about(path).forEach(node::put);
        else tensors(path, node);
        return new Result(node);
    }

    private static boolean isPng(Path path) throws IOException {
        try (InputStream in = Files.newInputStream(path)) { return Arrays.equals(in.readNBytes(4), PNG); }
    }

    private static void run(Path path, ObjectNode node) throws IOException {
        RunConfig config = Inputs.config(path.toString());
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

    private static void tensors(Path path, ObjectNode node) throws IOException {
        Safetensors.Header header;
        try {
            header = Safetensors.header(path);
        } catch (FormatException e) {
            if (path.toString().toLowerCase(Locale.ROOT).endsWith(".safetensors")) throw e;
            throw new FormatException(path.toString(), 0, "is neither a PNG nor a safetensors file; a .mid and a run folder are read, too");
        }
        header.metadata().forEach(node::put);
        ArrayNode list = node.putArray("tensors");
        header.entries().forEach((name, e) -> list.add(name + "  " + e.said()));
    }
}
