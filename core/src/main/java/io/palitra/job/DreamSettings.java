package io.palitra.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.config.Ordered;
import io.palitra.data.DreamPrompt;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import io.palitra.edit.DreamRequest;
import io.palitra.edit.DreamResult;
import io.palitra.report.Film;
import io.palitra.report.Parameters;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A dreamt picture's settings as they lie in its PNG: as text in the form that other tools read, and whole under {@value #KEY}. Files are
 * in the text by name and hash, here by where they lie.
 *
 * @param vqgan   what the user named; @param clip likewise
 * @param image   file of the picture to begin with, empty = none
 * @param targets files of pictures and their weights, as {@link DreamPrompt} reads them
 * @param noise   as {@link DreamRequest.Noise#parse} reads it
 */
record DreamSettings(String vqgan, String clip, String texts, String image, String targets, String noise, DreamRequest.How how, Film film) {
    static final String KEY = PaintSettings.KEY;

    /** What the PNG carries. */
    Map<String, String> text(DreamResult result, Origins origins) {
        Map<String, String> values = new LinkedHashMap<>();
        values.put("Steps", Integer.toString(result.iterations()));
        values.put("Sampler", "VQGAN+CLIP");
        values.put("Seed", Long.toString(how.seed()));
        values.put("Size", result.picture().width() + "x" + result.picture().height());
        values.put("Model hash", origins.hash(vqgan));
        values.put("Model", last(vqgan));
        values.put("CLIP", last(clip));
        values.put("Version", "Palitra " + RunConfig.version());
        return Ordered.map(Map.entry(Parameters.KEY, new Parameters(texts, "", values).format()), Map.entry(KEY, json(origins).toString()));
    }

    private static String last(String where) {
        Path name = Path.of(where).getFileName();
        return name == null ? where : name.toString();
    }

    private ObjectNode json(Origins origins) {
        ObjectNode node = new ObjectMapper().createObjectNode().put("dream", texts);
        PaintSettings.put(node, "vqgan", "vqganHash", origins.named(vqgan));
        PaintSettings.put(node, "clip", "clipHash", origins.named(clip));
        if (!image.isEmpty()) PaintSettings.put(node, "image", "imageHash", origins.named(image));
        ArrayNode list = JsonNodeFactory.instance.arrayNode();
        for (DreamPrompt.WeightedTarget t : aims(targets)) {
            ObjectNode one = PaintSettings.put(list.addObject(), "file", "hash", origins.named(t.what())).put("weight", t.weight());
            if (!Double.isInfinite(t.stop())) one.put("stop", t.stop());
        }
        if (!list.isEmpty()) node.set("targets", list);
        if (!noise.isEmpty()) node.put("noise", noise);
        node.set("how", Config.toJson(how));
        node.set("film", Config.toJson(film));
        return node;
    }

    /**
     * What a picture's text holds, its files not yet found.
     *
     * @param settings without files
     * @param vqgan    and the others: names with their hashes
     * @param targets  with their weights and stops
     */
    record Read(DreamSettings settings, Origins.Named vqgan, Origins.Named clip, Origins.Named image, List<Target> targets) {}

    /** A picture to resemble, named. */
    record Target(Origins.Named picture, double weight, double stop) {}

    /** Of a PNG's text. @throws FormatException where it holds nothing that can be dreamt again */
    static Read read(Path png, Map<String, String> text) {
        String own = text.get(KEY);
        JsonNode node = own == null ? null : Json.read(png.toString(), own);
        if (node == null || !node.path("dream").isTextual()) {
            throw new FormatException(png.toString(), -1, "carries no settings of a dreamt picture");
        }
        List<Target> targets = new ArrayList<>();
        JsonNode held = node.path("targets");
        if (held.isTextual()) {   // as pictures had it once
            for (DreamPrompt.WeightedTarget t : aims(held.asText())) targets.add(new Target(new Origins.Named(t.what(), ""), t.weight(),
            t.stop()));
        }
        for (JsonNode t : held) {
            targets.add(new Target(PaintSettings.named(t, "file", "hash"), t.path("weight").asDouble(1),
                t.path("stop").asDouble(Double.NEGATIVE_INFINITY)));
        }
        DreamSettings settings = new DreamSettings("", "", node.path("dream").asText(), "", "", node.path("noise").asText(),
            Config.fromJson(DreamRequest.How.class, node.path("how")), Config.fromJson(Film.class, node.path("film")));
        return new Read(settings, PaintSettings.named(node, "vqgan", "vqganHash"), PaintSettings.named(node, "clip", "clipHash"),
            PaintSettings.named(node, "image", "imageHash"), targets);
    }

    /** Targets as a user types them. */
    static List<DreamPrompt.WeightedTarget> aims(String targets) {
        List<List<DreamPrompt.WeightedTarget>> phases = DreamPrompt.parse(targets).phases();
        if (phases.size() > 1) throw new ConfigException("targets", "targets have no phases; the texts may have: '" + targets + "'");
        return phases.isEmpty() ? List.of() : phases.get(0);
    }

    /** As a user would type it. */
    static String typed(String file, double weight, double stop) {
        String plain = file.replaceAll("[|:^]", "\\\\$0") + " :" + BigDecimal.valueOf(weight).toPlainString();
        return Double.isInfinite(stop) ? plain : plain + ":" + BigDecimal.valueOf(stop).toPlainString();
    }

    /** The request, its pictures read from their files. @param note gets a line for each that was damaged and still read */
    DreamRequest request(Consumer<String> note) throws IOException {
        List<DreamRequest.Target> pictures = new ArrayList<>();
        for (DreamPrompt.WeightedTarget t : aims(targets)) {
            Picture picture = java.util.Objects.requireNonNull(PaintSettings.picture(t.what(), note));
            pictures.add(new DreamRequest.Target(picture, t.weight(), t.stop()));
        }
        Optional<Picture> start = Optional.ofNullable(PaintSettings.picture(image, note));
        return new DreamRequest(texts, start, pictures, DreamRequest.NoisePrompt.parse(noise), how);
    }
}
