package io.palitra.server;

import io.javalin.config.Key;
import io.javalin.http.Context;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Bodies of requests, in memory: all of them together take a part of the heap, and who comes when it is taken waits, but not for long. */
final class Bodies {
    static final Key<Bodies> KEY = new Key<>("bodies");

    private static final String TAKEN = "palitra.body", SEAT = "palitra.seat";
    private static final int PIECE = 1 << 20, PART = 4, WAIT_SECONDS = 10;
    private final Readers readers = new Readers();

    /** In pieces. */
    private final Semaphore room = new Semaphore((int) Math.min(1 << 20, Math.max(2 * Server.BODY, Runtime.getRuntime().maxMemory() / PART)
        / PIECE));

    /** @throws Refused 413 where it has more bytes than that, 503 where there is no room for it, 400 where it breaks off */
    static byte[] read(Context ctx, int most) {
        if (ctx.req().getContentLengthLong() > most) throw tooLarge(most);
        Bodies all = ctx.appData(KEY);
        sit(ctx);
        ByteArrayOutputStream body = new ByteArrayOutputStream((int) Math.max(32, ctx.req().getContentLengthLong()));
        try (InputStream in = ctx.req().getInputStream()) {
            byte[] piece = new byte[16 << 10];
            for (int n = in.read(piece); n >= 0; n = in.read(piece)) {
                if (body.size() + n > most) throw tooLarge(most);
                if (body.size() / PIECE < (body.size() + n) / PIECE) all.take(ctx, 1);
                body.write(piece, 0, n);
            }
        } catch (IOException e) {
            throw new Refused(400, "refused", "", "the request broke off");
        } finally {
            all.stand(ctx);
        }
        return body.toByteArray();
    }

    private static void sit(Context ctx) { ctx.attribute(SEAT, ctx.appData(KEY).readers.sit(Client.connection(ctx))); }

    /** A body has been read, or is not any more. */
    private void stand(Context ctx) {
        Readers.Reader reader = ctx.attribute(SEAT);
        if (reader == null) return;
        ctx.attribute(SEAT, null);
        readers.leave(reader);
    }

    /** The body that something else was to read has been read. */
    static void came(Context ctx) { ctx.appData(KEY).stand(ctx); }

    /** Room for a body that something else reads, until {@link #came}. */
    static void expect(Context ctx) {
        long bytes = ctx.req().getContentLengthLong();
        if (bytes > Server.BODY) throw tooLarge(Server.BODY);
        sit(ctx);
        ctx.appData(KEY).take(ctx, (int) ((bytes < 0 ? Server.BODY : bytes) / PIECE));
    }

    private static Refused tooLarge(long most) {
        return new Refused(413, "too_large", "", "the request is larger than " + (most >> 20) + " MiB");
    }

    private void take(Context ctx, int pieces) {
        try {
            if (!room.tryAcquire(pieces, WAIT_SECONDS, TimeUnit.SECONDS)) {
                throw new Refused(503, "busy", "", "other requests are being read", 5);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Refused(503, "closing", "", "the server is closing");
        }
        Integer taken = ctx.attribute(TAKEN);
        ctx.attribute(TAKEN, taken == null ? pieces : taken + pieces);
    }

    /** Gives back what a request that has been answered took. */
    void release(Context ctx) {
        stand(ctx);
        Integer taken = ctx.attribute(TAKEN);
        if (taken != null) room.release(taken);
        ctx.attribute(TAKEN, null);
    }
}
