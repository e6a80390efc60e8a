package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import io.palitra.config.Json;

/** Bodies of requests and of answers, as JSON. */
final class Reply {
    private Reply() {}

    static void json(Context ctx, JsonNode node) { ctx.contentType("application/json").result(node.toString()); }

    static void fault(Context ctx, Fault fault) {
        ObjectNode node = Job.JSON.createObjectNode();
        node.set("error", fault.toJson());
        ctx.status(fault.http());
        json(ctx, node);
    }

    /** The body, an object. @throws io.palitra.data.FormatException for what is no JSON */
    static JsonNode body(Context ctx) {
        String type = ctx.contentType();
        if (type == null || !type.startsWith("application/json")) {
            throw new Refused(415, "no_json", "", "the body must be JSON: Content-Type: application/json");
        }
        return Json.read("the request", ctx.bodyAsBytes());
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
