package io.palitra.server;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import io.palitra.config.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Bodies of requests and of answers, as JSON. */
final class Reply {
    private static final ObjectMapper PICTURES = JsonMapper.builder(JsonFactory.builder()
        .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(100).maxStringLength((int) Server.BODY)
            .maxNumberLength(100).maxTokenCount(100_000).build())
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build()).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    /** Bytes of a request without pictures. */
    private static final int MOST = 4 << 20;

    private Reply() {}

    static void json(Context ctx, JsonNode node) { ctx.contentType("application/json").result(node.toString()); }

    /** In the words of the language that is wanted; code and field stay. */
    static void fault(Context ctx, Fault english) {
        Fault fault = Language.said(ctx, english);
        boolean theirs = OpenAiFaults.speaks(ctx.path());
        ObjectNode node = Job.JSON.createObjectNode();
        node.set("error", theirs ? OpenAiFaults.toJson(fault) : fault.toJson());
        ctx.status(theirs ? OpenAiFaults.status(fault) : fault.http());
        json(ctx, node);
    }

    /** The body, an object. @throws io.palitra.config.ConfigException for what is no JSON */
    static JsonNode body(Context ctx) {
        typed(ctx);
        return Json.read("the request", Bodies.read(ctx, MOST));
    }

    /** The body, of which a text may be as long as the whole: a picture in letters. @throws Refused for what is no object */
    static ObjectNode bodyOfPictures(Context ctx) {
        typed(ctx);
        try {
            if (PICTURES.readTree(Bodies.read(ctx, (int) Server.BODY)) instanceof ObjectNode object) return object;
        } catch (JsonProcessingException e) {
            throw new Refused(422, "bad_request", "", "the request is no JSON: " + Json.why(e));
        } catch (IOException e) {
            throw new Refused(422, "bad_request", "", "the request is no JSON in UTF-8");
        }
        throw new Refused(422, "bad_request", "", "the request must be an object of JSON");
    }

    private static void typed(Context ctx) {
        String type = ctx.contentType();
        if (type == null || !type.startsWith("application/json")) {
            throw new Refused(415, "no_json", "", "the body must be JSON: Content-Type: application/json");
        }
    }

    /** Media type of a file by its name. */
    static String type(String name) {
        return switch (name.substring(name.lastIndexOf('.') + 1)) {
            case "png" -> "image/png";
            case "jpg" -> "image/jpeg";
            case "webp" -> "image/webp";
            case "gif" -> "image/gif";
            case "txt" -> "text/plain; charset=utf-8";
            case "wav" -> "audio/wav";
            case "mid" -> "audio/midi";
            default -> "application/octet-stream";
        };
    }

    /** A file: what a page shows or plays is part of it, all else is saved. */
    static void file(Context ctx, Path file, String name) throws IOException {
        String type = type(name);
        boolean seen = type.startsWith("image/") || type.equals("audio/wav");
        ctx.contentType(type).header("Content-Disposition", seen ? "inline" : "attachment");
        // a player asks for parts of a sound
        if (type.equals("audio/wav")) ctx.writeSeekableStream(Files.newInputStream(file), type, Files.size(file));
        else ctx.result(Files.newInputStream(file));
    }

    /** Whole number of a query, within bounds; the default where it is not there. @throws Refused for what is none */
    static int number(Context ctx, String name, int usual, int least, int most) {
        String text = ctx.queryParam(name);
        if (text == null) return usual;
        int n = text.matches("\\d{1,9}") ? Integer.parseInt(text) : -1;
        if (n >= least && n <= most) return n;
        throw new Refused(422, "bad_request", name, name + " must be a whole number from " + least + " to " + most);
    }
}
