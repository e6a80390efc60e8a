package io.palitra.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.paint.PaintRequest;
import io.palitra.paint.PaintResult;
import io.palitra.report.Parameters;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A painted picture's settings as they lie in its PNG: as text in the form that other tools read, and whole under {@value #KEY}. Both can
 * be painted again; of another tool's picture what the text says.
 *
 * @param model  what the user named
 * @param image  file of the picture to edit, empty = none
 * @param mask   file of its mask, empty = none
 * @param switchTo MODEL@T, empty = none
 */
record PaintSettings(String model, String prompt, String negative, PaintRequest.How how, List<PaintRequest.Lora> loras, String image,
        double strength, String mask, int blur, PaintRequest.Margin margin, String switchTo) {
    static final String KEY = "palitra";

    /** What a PNG of {@code count} pictures from picture i on carries. */
    Map<String, String> text(PaintResult result, int i, int count) {
        Picture p = result.pictures().get(i);
        Map<String, String> values = new LinkedHashMap<>();
        values.put("Steps", Integer.toString(how.steps()));
        values.put("Sampler", result.sampler());
        values.put("CFG scale", number(how.guidance()));
        values.put("Seed", Long.toString(how.seed() + i));
        values.put("Size", p.width() + "x" + p.height());
        values.put("Model", result.model());
        if (how.guidanceRescale() > 0) values.put("CFG rescale", number(how.guidanceRescale()));
        if (how.eta() > 0) values.put("Eta DDIM", number(how.eta()));
        if (!image.isEmpty()) values.put("Denoising strength", number(strength));
        if (!mask.isEmpty()) values.put("Mask blur", Integer.toString(blur));
        values.put("Version", "Palitra " + RunConfig.version());
        StringBuilder words = new StringBuilder(prompt);
        for (PaintRequest.Lora l : loras) {
            words.append(" <lora:").append(String.valueOf(l.file().getFileName()).replaceAll("\\.[a-z]+$", "")).append(':')
                .append(number(l.weight())).append('>');
        }
        PaintRequest.How these = Config.with(how, "n=" + count, "seed=" + (how.seed() + i));
        PaintSettings one = new PaintSettings(model, prompt, negative, these, loras, image, strength, mask, blur, margin, switchTo);
        return Map.of(Parameters.KEY, new Parameters(words.toString(), negative, values).format(), KEY, one.json().toString());
    }

    private static String number(double x) { return x == Math.rint(x) ? String.format(Locale.ROOT, "%.0f", x) : Double.toString(x); }

    private ObjectNode json() {
        ObjectNode node = new ObjectMapper().createObjectNode().put("paint", model).put("prompt", prompt).put("negative", negative);
        node.set("how", Config.toJson(how));
        ArrayNode list = node.putArray("loras");
        loras.forEach(l -> list.addObject().put("file", l.file().toString()).put("weight", l.weight()));
        if (!image.isEmpty()) node.put("image", image).put("strength", strength);
        if (!mask.isEmpty()) node.put("mask", mask).put("maskBlur", blur);
        if (!margin.none()) node.putArray("outpaint").add(margin.left()).add(margin.top()).add(margin.right()).add(margin.bottom());
        if (!switchTo.isEmpty()) node.put("switchTo", switchTo);
        return node;
    }

    /** Of a PNG's text. @throws FormatException where it says nothing that can be painted again */
    static PaintSettings read(Path png, Map<String, String> text) {
        String own = text.get(KEY);
        JsonNode node = own == null ? null : Json.read(png.toString(), own);
        if (node != null && node.path("paint").isTextual()) return ours(node);
        String theirs = text.get(Parameters.KEY);
        if (theirs == null || Parameters.parse(theirs).values().isEmpty()) {
            throw new FormatException(png.toString(), -1, "carries no settings of a painted picture");
        }
        return others(Parameters.parse(theirs));
    }

    private static PaintSettings ours(JsonNode node) {
        List<PaintRequest.Lora> loras = new ArrayList<>();
        node.path("loras").forEach(l -> loras.add(new PaintRequest.Lora(Path.of(l.path("file").asText()), l.path("weight").asDouble(1))));
        JsonNode m = node.path("outpaint");
        return new PaintSettings(node.path("paint").asText(), node.path("prompt").asText(), node.path("negative").asText(),
            Config.fromJson(PaintRequest.How.class, node.path("how")), loras, node.path("image").asText(),
            node.path("strength").asDouble(1), node.path("mask").asText(), node.path("maskBlur").asInt(),
            new PaintRequest.Margin(m.path(0).asInt(), m.path(1).asInt(), m.path(2).asInt(), m.path(3).asInt()),
            node.path("switchTo").asText());
    }

    private static PaintSettings others(Parameters p) {
        List<String> values = new ArrayList<>();
        Map<String, String> keys = Map.of("Steps", "steps", "CFG scale", "guidance", "Seed", "seed", "CFG rescale", "guidanceRescale",
            "Eta DDIM", "eta");
        keys.forEach((theirs, ours) -> { if (p.values().containsKey(theirs)) values.add(ours + "=" + p.values().get(theirs)); });
        String sampler = p.values().getOrDefault("Sampler", ""), kind = p.values().getOrDefault("Schedule type", "");
        boolean sigmas = List.of("Karras", "Exponential", "Beta").contains(kind);
        if (!sampler.isEmpty()) values.add("sampler=" + sampler + (sigmas ? " " + kind : ""));
        String[] size = p.values().getOrDefault("Size", "0x0").split("x", 2);
        if (size.length == 2) values.addAll(List.of("width=" + size[0], "height=" + size[1]));
        return new PaintSettings("", p.prompt(), p.negativePrompt(), Config.with(PaintRequest.How.DEFAULT, values), List.of(), "", 1, "", 0,
            PaintRequest.Margin.NONE, "");
    }

    /** The request, its pictures read from their files. */
    PaintRequest request(java.util.function.Function<String, Path> model) throws IOException {
        PaintRequest request = PaintRequest.of(prompt).awayFrom(negative).with(loras.toArray(PaintRequest.Lora[]::new));
        request = new PaintRequest(request.prompt(), request.negative(), how, request.loras(), request.edit(), request.next());
        Picture of = picture(image), white = picture(mask);
        if (of == null && (white != null || !margin.none())) {
            throw new ConfigException("image", "--mask and --outpaint want the picture to change, --image FILE");
        }
        if (of != null) request = request.with(new PaintRequest.Edit(of, strength, white, blur, margin));
        if (switchTo.isEmpty()) return request;
        int at = switchTo.lastIndexOf('@');
        String time = switchTo.substring(at + 1);
        if (at < 1 || !time.matches("\\d{1,6}(\\.\\d{1,6})?")) {
            throw new ConfigException("switch-to", "illegal --switch-to: " + switchTo + ", must be MODEL@TIME, a time of training as 300");
        }
        return request.with(new PaintRequest.Switch(model.apply(switchTo.substring(0, at)), Double.parseDouble(time)));
    }

    /** Of no name none. */
    static @Nullable Picture picture(String file) throws IOException {
        if (file.isEmpty()) return null;
        Path path = Path.of(file);
        if (Files.exists(path) && !Files.isRegularFile(path)) throw new FormatException(file, -1, "is not a regular file");
        // one byte more than is read tells a file that is too long, however long it is
        try (InputStream in = Files.newInputStream(path)) {
            return Pictures.read(in.readNBytes(Limits.DEFAULT.pictureBytes() + 1), file, Limits.DEFAULT,
                note -> System.err.println(Terminal.plain(note)));
        }
    }
}
