package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/** Answers to what comes to no route, as what is no valid HTTP does: in the form of all others, without a word of Jetty's. */
final class BadHttp extends ErrorHandler {
    @Override public boolean errorPageForMethod(String method) { return true; }

    @Override protected void generateResponse(Request request, Response response, int status, @Nullable String message,
            @Nullable Throwable cause, Callback callback) {
        type(response.getHeaders());
        response.write(true, body(status), callback);
    }

    @Override public ByteBuffer badMessageError(int status, @Nullable String reason, HttpFields.Mutable fields) {
        type(fields);
        return body(status);
    }

    private static void type(HttpFields.Mutable fields) {
        fields.put(HttpHeader.CONTENT_TYPE, "application/json");
        fields.put("X-Content-Type-Options", "nosniff");
    }

    private static ByteBuffer body(int status) {
        ObjectNode node = Job.JSON.createObjectNode();
        node.set("error", fault(status).toJson());
        return ByteBuffer.wrap(node.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** What is known by the status alone. */
    static Fault fault(int status) {
        String code = switch (status) {
            case 404 -> "not_found";
            case 405 -> "no_such_method";
            case 408 -> "too_slow";
            case 413 -> "too_large";
            default -> broken(status) ? "refused" : "failed";
        };
        return new Fault(status, code, "", switch (status) {
            case 404 -> "there is no such page";
            case 405 -> "this cannot be done with such a page";
            case 408 -> "the request came too slowly";
            case 413 -> "the request is larger than " + (Server.BODY >> 20) + " MiB";
            case 414, 431 -> "the address or the headers of the request are too long";
            default -> broken(status) ? "the request is no valid HTTP" : "a fault of this server";
        });
    }

    /** Whether the request is to blame; 501 and 505 are about methods and versions of HTTP. */
    private static boolean broken(int status) { return status < 500 || status == 501 || status == 505; }
}
