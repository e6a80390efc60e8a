package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.Part;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.eclipse.jetty.http.BadMessageException;
import org.jspecify.annotations.Nullable;

/**
 * What a request of OpenAI's images API asks for, and seed, steps, guidance, sampler and negative_prompt beside it; from JSON or from a
 * form. Fields that nobody knows are let in, and {@link #ignored()} names them.
 */
final class OpenAiAsked {
    private static final int MOST_PICTURES = 10, MOST_IMAGES = 16, LONGEST_SIDE = 4096;
    /** What is known and decides nothing here, beside what nobody chose. */
    private static final Map<String, Set<String>> WITHOUT_EFFECT = Map.of("quality", Set.of("auto", "standard"), "style", Set.of(),
        "input_fidelity", Set.of(), "background", Set.of("auto", "opaque"));
    private static final Set<String> KNOWN = Set.of("prompt", "model", "n", "quality", "response_format", "output_format",
        "output_compression", "stream", "partial_images", "size", "moderation", "background", "style", "user", "input_fidelity", "seed",
        "steps", "guidance", "sampler", "negative_prompt", "image", "images", "mask");
    private static final Set<String> NUMBERS = Set.of("n", "output_compression", "partial_images", "seed", "steps", "guidance");

    /** A size in pixels; 0 where none is asked for. */
    record Size(int width, int height) {
        static final Size AUTO = new Size(0, 0);

        boolean auto() { return width == 0; }
    }

    private final ObjectNode given;
    private final List<byte[]> images;
    private final byte @Nullable [] mask;
    private final Set<String> ignored = new TreeSet<>();

    private OpenAiAsked(ObjectNode given, List<byte[]> images, byte @Nullable [] mask) {
        this.given = given;
        this.images = images;
        this.mask = mask;
        given.properties().forEach(field -> {
            Set<String> usual = WITHOUT_EFFECT.get(field.getKey());
            boolean idle = usual != null && !field.getValue().isNull() && !usual.contains(field.getValue().asText());
            if (idle || !KNOWN.contains(field.getKey())) ignored.add(field.getKey());
        });
    }

    /** @throws Refused for a body that is neither JSON nor a form, and for pictures that are not in it */
    static OpenAiAsked of(Context ctx) throws IOException {
        String type = ctx.contentType();
        if (type != null && type.startsWith("multipart/form-data")) return form(ctx);
        ObjectNode body = Reply.bodyOfPictures(ctx);
        List<byte[]> images = new ArrayList<>();
        JsonNode list = body.path("images");
        if (!list.isMissingNode() && !list.isArray()) throw bad("images", "images must be a list of objects with image_url");
        for (JsonNode image : list) images.add(picture("images", image));
        return new OpenAiAsked(body, few(images), body.hasNonNull("mask") ? picture("mask", body.get("mask")) : null);
    }

    private static OpenAiAsked form(Context ctx) throws IOException {
        ObjectNode fields = Job.JSON.createObjectNode();
        List<byte[]> images = new ArrayList<>();
        byte[] mask = null;
        for (Part part : parts(ctx)) {
            String name = part.getName();
            try (InputStream in = part.getInputStream()) {
                byte[] bytes = in.readAllBytes();
                if (name.matches("image(\\[\\d{0,2}\\])?")) images.add(bytes);
                else if (name.equals("mask")) mask = bytes;
                else put(fields, name, new String(bytes, StandardCharsets.UTF_8));
            }
        }
        return new OpenAiAsked(fields, few(images), mask);
    }

    private static Collection<Part> parts(Context ctx) {
        Bodies.expect(ctx);
        try {
            ctx.uploadedFileMap();   // reads the form within its limits; of it some clients send pictures as fields without a file's name
            return ctx.req().getParts();
        } catch (ServletException | IllegalStateException | BadMessageException e) {   // the second where there are too many parts
            throw new Refused(422, "bad_request", "", "the form cannot be read, has too many parts or more than " + (Server.BODY >> 20)
                + " MiB");
        } catch (IOException e) {
            throw new Refused(400, "refused", "", "the request broke off");
        } finally {
            Bodies.came(ctx);
        }
    }

    /** A field of a form, of the type that it has in JSON. */
    private static void put(ObjectNode fields, String name, String text) {
        if (NUMBERS.contains(name) && text.matches("-?\\d{1,18}")) fields.put(name, Long.parseLong(text));
        else if (NUMBERS.contains(name) && text.matches("-?\\d{1,9}\\.\\d{1,9}")) fields.put(name, Double.parseDouble(text));
        else if (name.equals("stream") && text.matches("true|false")) fields.put(name, text.equals("true"));
        else fields.put(name, text);
    }

    private static List<byte[]> few(List<byte[]> images) {
        if (images.size() <= MOST_IMAGES) return images;
        throw bad("image", images.size() + " pictures; at most " + MOST_IMAGES + " may be sent");
    }

    /** The bytes of {@code {"image_url": "data:image/png;base64,..."}}. Nothing is fetched for a caller. */
    private static byte[] picture(String field, JsonNode at) {
        JsonNode url = at.isObject() ? at.path("image_url") : at;
        if (at.has("file_id")) throw bad(field, "no files are kept under a file_id here; send the picture as a data URL in image_url");
        String text = url.isTextual() ? url.textValue() : "";
        int comma = text.indexOf(',');
        if (!text.startsWith("data:image/") || comma < 0 || !text.substring(0, comma).endsWith(";base64")) {
            throw bad(field, "image_url must be a data URL, data:image/png;base64,...: pictures are not fetched from elsewhere");
        }
        try {
            return Base64.getDecoder().decode(text.substring(comma + 1));
        } catch (IllegalArgumentException e) {
            throw bad(field, "image_url holds no base64");
        }
    }

    private static Refused bad(String field, String message) { return new Refused(422, "bad_request", field, message); }

    boolean has(String field) { return given.hasNonNull(field); }

    /** @throws Refused for what is no text */
    String text(String field) {
        if (!has(field)) return "";
        if (given.get(field).isTextual()) return given.get(field).textValue();
        throw bad(field, field + " must be a text");
    }

    /** The words. @throws Refused where there are none, or not a text */
    String prompt() {
        if (!has("prompt")) throw new Refused(422, "missing_required_parameter", "prompt", "prompt is missing: what to draw");
        return text("prompt");
    }

    String model() { return text("model"); }

    int count() { return (int) whole("n", 1, 1, MOST_PICTURES); }

    long whole(String field, long usual, long least, long most) {
        if (!has(field)) return usual;
        JsonNode value = given.get(field);
        if (value.isIntegralNumber() && value.canConvertToLong() && value.longValue() >= least && value.longValue() <= most) {
            return value.longValue();
        }
        throw bad(field, field + " must be a whole number from " + least + " to " + most);
    }

    boolean stream() {
        if (!has("stream")) return false;
        if (given.get("stream").isBoolean()) return given.get("stream").booleanValue();
        throw bad("stream", "stream must be true or false");
    }

    int partials() { return (int) whole("partial_images", 0, 0, 3); }

    String oneOf(String field, String... allowed) {
        String value = text(field);
        if (value.isEmpty() || List.of(allowed).contains(value)) return value;
        throw bad(field, field + " must be one of " + String.join(", ", allowed));
    }

    Size size() { return size(text("size")); }

    /** @throws Refused for a text that is no size, and for a size that is too large */
    static Size size(String size) {
        if (size.isEmpty() || size.equals("auto")) return Size.AUTO;
        if (size.matches("[1-9]\\d{0,3}x[1-9]\\d{0,3}")) {
            int width = Integer.parseInt(size.substring(0, size.indexOf('x'))), height = Integer.parseInt(size.substring(
                size.indexOf('x') + 1));
            if (width <= LONGEST_SIDE && height <= LONGEST_SIDE) return new Size(width, height);
        }
        throw bad("size", "size must be WIDTHxHEIGHT in pixels, each at most " + LONGEST_SIDE + ", or auto");
    }

    /** The value as it was given, a number or a text. @throws Refused for anything else */
    JsonNode value(String field) {
        JsonNode value = given.get(field);
        if (value.isNumber() || value.isTextual()) return value;
        throw bad(field, field + " must be a number or a text");
    }

    /** The one picture to change. @throws Refused for none, and for several */
    byte[] image() {
        if (images.size() == 1) return images.get(0);
        if (images.isEmpty()) throw new Refused(422, "missing_required_parameter", "image", "image is missing: the picture to change");
        throw bad("image", images.size() + " pictures; one at a time is changed here");
    }

    byte @Nullable [] mask() { return mask; }

    /** Says that a field decided nothing. */
    void ignore(String field) { if (has(field)) ignored.add(field); }

    Set<String> ignored() { return ignored; }
}
