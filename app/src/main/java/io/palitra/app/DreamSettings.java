package io.palitra.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import io.palitra.data.Story;
import io.palitra.edit.DreamRequest;
import io.palitra.edit.DreamResult;
import io.palitra.report.Film;
import io.palitra.report.Parameters;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A dreamt picture's settings as they lie in its PNG: as text in the form that other tools read, and whole under {@value #KEY}.
 *
 * @param vqgan   what the user named; @param clip likewise
 * @param image   file of the picture to begin with, empty = none
 * @param targets files of pictures and their weights, as {@link Story} reads them
 * @param noise   as {@link DreamRequest.Noise#parse} reads it
 */
record DreamSettings(String vqgan, String clip, String texts, String image, String targets, String noise, DreamRequest.How how, Film film) {
    static final String KEY = PaintSettings.KEY;

    /** What the PNG carries. */
    Map<String, String> text(DreamResult result) {
        Map<String, String> values = new LinkedHashMap<>();
        values.put("Steps", Integer.toString(result.iterations()));
        values.put("Sampler", "VQGAN+CLIP");
        values.put("Seed", Long.toString(how.seed()));
        values.put("Size", result.picture().width() + "x" + result.picture().height());
        values.put("Model", named(vqgan));
        values.put("CLIP", named(clip));
        values.put("Version", "Palitra " + RunConfig.version());
        return Map.of(Parameters.KEY, new Parameters(texts, "", values).format(), KEY, json().toString());
    }

    private static String named(String where) {
        Path name = Path.of(where).getFileName();
        return name == null ? where : name.toString();
    }

    private ObjectNode json() {
        ObjectNode node = new ObjectMapper().createObjectNode().put("dream", texts).put("vqgan", vqgan).put("clip", clip);
        if (!image.isEmpty()) node.put("image", image);
        if (!targets.isEmpty()) node.put("targets", targets);
        if (!noise.isEmpty()) node.put("noise", noise);
        node.set("how", Config.toJson(how));
        node.set("film", Config.toJson(film));
        return node;
    }

    /** Of a PNG's text. @throws FormatException where it says nothing that can be dreamt again */
    static DreamSettings read(Path png, Map<String, String> text) {
        String own = text.get(KEY);
        JsonNode node = own == null ? null : Json.read(png.toString(), own);
        if (node == null || !node.path("dream").isTextual()) {
            throw new FormatException(png.toString(), -1, "carries no settings of a dreamt picture");
        }
        return new DreamSettings(node.path("vqgan").asText(), node.path("clip").asText(), node.path("dream").asText(),
            node.path("image").asText(), node.path("targets").asText(), node.path("noise").asText(),
            Config.fromJson(DreamRequest.How.class, node.path("how")), Config.fromJson(Film.class, node.path("film")));
    }

    /** The request, its pictures read from their files. */
    DreamRequest request() throws IOException {
        List<DreamRequest.Target> pictures = new ArrayList<>();
        List<List<Story.Aim>> phases = Story.parse(targets).phases();
        if (phases.size() > 1) throw new ConfigException("targets", "targets have no phases; the texts may have: '" + targets + "'");
        for (List<Story.Aim> phase : phases) {
            for (Story.Aim t : phase) {
                Picture picture = java.util.Objects.requireNonNull(PaintSettings.picture(t.what()));
                pictures.add(new DreamRequest.Target(picture, t.weight(), t.stop()));
            }
        }
        return new DreamRequest(texts, Optional.ofNullable(PaintSettings.picture(image)), pictures, DreamRequest.Noise.parse(noise), how);
    }
}
