package io.palitra.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.engine.Device;
import io.palitra.model.Drawing;
import io.palitra.report.Parameters;
import io.palitra.report.Places;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a PNG carries so that it can be drawn again, and of files no more than their names: the text that other tools show, and our own key
 * with everything.
 */
public final class PngProvenance {
    /** Our own PNG text key: JSON with the run, its weights, the seed, the items and every sampling key. */
    public static final String KEY = "palitra";

    private PngProvenance() {}

    /**
     * @param run name of the run folder; empty for a picture that lies in it, which is a function of what the run is
     * @param weights SHA-256 of the weights, or the step they stand at
     * @param first index of the first item in the picture, {@code count} of them
     */
    public static Map<String, String> of(RunConfig config, String run, String weights, Drawing<?> drawing, long seed, int first,
        int count) {
        ObjectNode json = new ObjectMapper().createObjectNode();
        String data = Places.name(config.settings().data());
        if (!run.isEmpty()) json.put("run", run);
        json.put("family", config.settings().family()).put("data", data).put("weights", weights);
        json.put("seed", seed).put("first", first).put("count", count);
        json.set("sampling", drawing.toJson());
        json.put("palitra", RunConfig.version());
        try {
            json.put("libtorch", Device.libtorch());
        } catch (IOException e) {
            json.put("libtorch", "unknown");
        }
        long[] shape = config.settings().spec().shape();
        Map<String, String> values = new LinkedHashMap<>();
        values.put("Steps", String.valueOf(steps(json)));
        values.put("Sampler", json.path("sampling").path("sampler").path("kind").asText("direct"));
        values.put("Seed", String.valueOf(seed));
        if (shape.length == 3) values.put("Size", shape[2] + "x" + shape[1]);
        values.put("Model", run.isEmpty() ? config.settings().family() + " on " + data : run);
        if (weights.matches("[0-9a-f]{64}")) values.put("Model hash", weights.substring(0, 10));
        values.put("Version", "Palitra " + RunConfig.version());
        Map<String, String> text = new LinkedHashMap<>();
        String said = drawing.asked().text().orElse(config.settings().family() + " on " + data);
        text.put(Parameters.KEY, new Parameters(said, "", values).format());
        text.put(KEY, json.toString());
        return text;
    }

    private static int steps(ObjectNode json) { return Math.max(1, json.path("sampling").path("sampler").path("steps").asInt(1)); }
}
