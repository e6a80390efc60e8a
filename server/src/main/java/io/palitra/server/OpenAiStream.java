package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;

/** The answer to a request with {@code stream}: pictures on their way, then whole, as server-sent events. */
final class OpenAiStream {
    private OpenAiStream() {}

    /**
     * Follows jobs one after the other, on the calling thread.
     *
     * @param partials of each picture, at most; a picture that is made within a second has none
     * @param event what the names of events begin with
     */
    static void send(Context ctx, Jobs jobs, OpenAiAnswer answer, List<Job> made, long seed, int partials, String event)
            throws IOException {
        ctx.contentType("text/event-stream; charset=utf-8").header("Cache-Control", "no-store").header("X-Accel-Buffering", "no")
            .header("Connection", "close");   // see Client.gone
        try (OutputStream out = ctx.res().getOutputStream()) {
            out.flush();
            try {
                for (int i = 0; i < made.size(); i++) {
                    Job job = made.get(i);
                    if (!followed(ctx, jobs, job, partials, shown -> write(out, event + ".partial_image",
                        answer.partial(event + ".partial_image", shown.png, shown.index)))) return;
                    OpenAiAnswer.check(job);
                    write(out, event + ".completed", answer.completed(event + ".completed", job, seed + i));
                }
            } catch (Refused e) {
                ObjectNode node = Job.JSON.createObjectNode();
                node.set("error", OpenAiFaults.toJson(e.fault()));
                write(out, "error", node);
            }
        }
    }

    private record Shown(byte[] png, int index) {}

    private interface Showing {
        void show(Shown shown) throws IOException;
    }

    private static boolean followed(Context ctx, Jobs jobs, Job job, int partials, Showing showing) throws IOException {
        if (partials == 0) return Client.await(ctx, jobs, job);
        int[] shown = {0};
        return Client.follow(ctx, jobs, job, event -> {
            if (!event.name().equals("preview") || shown[0] == partials) return;
            showing.show(new Shown(Base64.getDecoder().decode(event.data().path("png").asText()), shown[0]++));
        });
    }

    private static void write(OutputStream out, String name, ObjectNode data) throws IOException {
        out.write(("event: " + name + "\ndata: " + data + "\n\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
    }
}
