package io.palitra.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.FormatException;
import io.palitra.model.Asked;
import io.palitra.report.Parameters;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a picture was made, by the text of its PNG alone: no file is opened, and of a file that the text names only the last name is kept.
 * The text is not trusted: that a value is here does not mean that a job accepts it.
 *
 * @param program that wrote the picture
 * @param kind    of the job that makes such a picture, {@link Requests#names}
 * @param request that job's, as {@link Requests#of} takes it, but for files: a model, a picture or a LoRA stands by its last name
 * @param not     what is in the text and not in the request, each in a few words
 */
public record PictureSettings(String program, String kind, ObjectNode request, List<String> not) {
    private static final String OWN = "palitra", PAINT = "paint";
    private static final Path NAME = Path.of("picture");

    public PictureSettings {
        not = List.copyOf(not);
    }

    /**
     * Of a PNG's text, {@link io.palitra.report.Png#text}, as Palitra, AUTOMATIC1111, InvokeAI or ComfyUI write it.
     *
     * @return empty where it holds no settings; where it holds some that cannot be read, the request is empty, and why is in {@code not}
     */
    public static Optional<PictureSettings> of(Map<String, String> text) {
        Optional<JsonNode> own = own(text.get(OWN));
        String program = own.isPresent() ? OWN : "another program";
        try {
            if (own.isPresent() && own.get().path("dream").isTextual()) return Optional.of(dreamt(text));
            if (own.isPresent() && own.get().path("family").isTextual()) return Optional.of(sampled(own.get()));
            boolean painted = own.isPresent() && own.get().path(PAINT).isTextual();
            String theirs = text.get(Parameters.KEY);
            boolean said = theirs != null && !Parameters.parse(theirs).values().isEmpty();
            if (!painted && !said && OtherPrograms.of(NAME, text).isEmpty()) return Optional.empty();
            return Optional.of(painted(PaintSettings.read(NAME, text)));
        } catch (FormatException | ConfigException e) {
            return Optional.of(unread(program, String.valueOf(e.getMessage()).replaceFirst("^" + NAME + "( at byte \\d+)?: ", "")));
        } catch (IllegalArgumentException e) {   // a name that is none of a file
            return Optional.of(unread(program, "its text is damaged"));
        }
    }

    private static PictureSettings unread(String program, String why) {
        return new PictureSettings(program, PAINT, new ObjectMapper().createObjectNode(), List.of(why));
    }

    private static Optional<JsonNode> own(@org.jspecify.annotations.Nullable String text) {
        if (text == null) return Optional.empty();
        try {
            return Optional.of(Json.read(OWN, text)).filter(JsonNode::isObject);
        } catch (ConfigException e) {
            return Optional.empty();   // some pictures have a sentence there
        }
    }

    /** Of either system. */
    private static String last(String file) { return file.replaceAll("(?s)^.*[/\\\\]", ""); }

    private static PictureSettings painted(PaintSettings.Read read) {
        PaintSettings s = read.settings();
        List<String> not = new ArrayList<>(read.not());
        if (!read.lacks().isEmpty()) not.add(0, "the prompt: " + read.lacks());
        ObjectNode node = new ObjectMapper().createObjectNode().put("prompt", s.prompt()).put("negative", s.negative());
        put(node, "model", read.model().name());
        node.set("how", Config.toJson(s.how()));
        ArrayNode lora = read.loras().isEmpty() ? null : node.putArray("lora");
        for (int i = 0; lora != null && i < read.loras().size(); i++) {
            lora.add(last(read.loras().get(i).name()) + ":" + PaintSettings.number(s.loras().get(i).weight()));
        }
        put(node, "image", read.image().name());
        put(node, "mask", read.mask().name());
        if (read.image().none()) {
            if (read.theirs() && s.strength() >= 0) {
                not.add("Denoising strength " + PaintSettings.number(s.strength()) + ", without the picture to change");
            }
        } else {
            node.put("strength", s.strength()).put("maskBlur", s.blur());
            if (!s.margin().none()) {
                node.putObject("outpaint").put("left", s.margin().left()).put("top", s.margin().top())
                    .put("right", s.margin().right()).put("bottom", s.margin().bottom());
            }
        }
        put(node, "switchTo", read.switchTo().name());
        return new PictureSettings(read.theirs() ? read.program() : OWN, PAINT, node, not);
    }

    private static void put(ObjectNode node, String key, String file) {
        if (!last(file).isEmpty()) node.put(key, last(file));
    }

    private static PictureSettings dreamt(Map<String, String> text) {
        DreamSettings.Read read = DreamSettings.read(NAME, text);
        ObjectNode node = new ObjectMapper().createObjectNode().put("texts", read.settings().texts());
        put(node, "vqgan", read.vqgan().name());
        put(node, "clip", read.clip().name());
        node.set("how", Config.toJson(read.settings().how()));
        put(node, "image", read.image().name());
        List<String> targets = new ArrayList<>();
        for (DreamSettings.Target t : read.targets()) {
            String name = last(t.picture().name());
            if (!name.isEmpty()) targets.add(DreamSettings.typed(name, t.weight(), t.stop()));
        }
        if (!targets.isEmpty()) node.put("targets", String.join(" | ", targets));
        node.put("noise", read.settings().noise());
        node.set("film", Config.toJson(read.settings().film()));
        return new PictureSettings(OWN, "dream", node, List.of());
    }

    /** The items of a sheet, or all up to the one that is in the picture. */
    private static PictureSettings sampled(JsonNode own) {
        ObjectNode node = new ObjectMapper().createObjectNode();
        List<String> not = new ArrayList<>();
        put(node, "run", own.path("run").asText());
        if (!node.has("run")) not.add("the run: a picture in a run's own folder does not name it");
        long first = Math.max(0, own.path("first").asLong()), count = Math.max(1, own.path("count").asLong(1));
        node.put("n", Math.min(100_000, Math.min(100_000, first) + Math.min(100_000, count)));
        node.put("seed", Math.max(0, own.path("seed").asLong()));
        if (first > 0) {
            node.put("each", true);
            not.add("that it is item " + first + " alone");
        }
        List<String> keys = new ArrayList<>();
        for (Map.Entry<String, JsonNode> e : own.path("sampling").properties()) {
            String value = e.getValue().asText();
            boolean label = e.getKey().equals("label") && e.getValue().asInt(-1) >= 0;
            boolean prompt = e.getKey().equals("prompt") && !value.equals(Asked.ANY.prompt());
            if (label || prompt) node.put(e.getKey(), value);
            else if (!Asked.keys().contains(e.getKey())) overrides(e.getKey(), e.getValue(), keys);
        }
        ArrayNode sampling = node.putArray("sampling");
        keys.forEach(sampling::add);
        return new PictureSettings(OWN, "sample", node, not);
    }

    /** A value of JSON as the overrides that make it: of a kind its name first. */
    private static void overrides(String key, JsonNode value, List<String> to) {
        if (!value.isObject()) {
            StringBuilder list = new StringBuilder();
            value.forEach(item -> list.append(list.isEmpty() ? "" : ",").append(item.asText()));
            to.add(key + "=" + (value.isArray() ? list : value.asText()));
            return;
        }
        if (value.path("kind").isTextual()) to.add(key + "=" + value.path("kind").asText());
        for (Map.Entry<String, JsonNode> e : value.properties()) {
            if (!e.getKey().equals("kind")) overrides(key + "." + e.getKey(), e.getValue(), to);
        }
    }
}
