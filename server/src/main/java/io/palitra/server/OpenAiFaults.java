package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;

/** Faults as clients of OpenAI's API read them: with type and param beside code and message, each there even where it is null. */
final class OpenAiFaults {
    /** Keys of our own requests, by the names that they have there. */
    private static final Map<String, String> THEIRS = Map.of("run", "model", "label", "prompt", "negative", "negative_prompt", "width",
        "size", "height", "size", "scale", "size");

    private OpenAiFaults() {}

    /** Whether a path is of that API. */
    static boolean speaks(String path) {
        return path.startsWith("/v1/images/") || path.equals("/v1/models") || path.startsWith("/v1/models/");
    }

    /** What cannot be asked is 400 there. */
    static int status(Fault fault) { return fault.http() == 422 ? 400 : fault.http(); }

    static ObjectNode toJson(Fault fault) {
        ObjectNode node = fault.toJson().put("type", type(fault.http()));
        String field = fault.field().substring(fault.field().lastIndexOf('.') + 1);
        return node.put("param", field.isEmpty() ? null : THEIRS.getOrDefault(field, field));
    }

    private static String type(int http) {
        if (http == 429) return "rate_limit_error";
        return http >= 500 ? "server_error" : "invalid_request_error";
    }
}
