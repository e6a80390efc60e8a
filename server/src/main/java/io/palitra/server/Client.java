package io.palitra.server;

import io.javalin.http.Context;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.SocketChannelEndPoint;

/** Who asked, while the answer is being made: an answer that nobody waits for any more is not made. */
final class Client {
    private static final long LOOK_MILLIS = 100;

    private Client() {}

    /**
     * Waits until a job ends; ends it when who asked is gone.
     *
     * @return whether somebody still waits for the answer
     */
    static boolean await(Context ctx, Jobs jobs, Job job) {
        LinkedBlockingQueue<Boolean> more = new LinkedBlockingQueue<>();
        Runnable wake = () -> more.offer(true);
        job.events.listen(wake);
        try (Waiters.Seat seat = jobs.waiters().sit()) {
            while (!job.events.ended()) {
                more.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
                more.clear();
                if (!gone(ctx)) continue;
                jobs.cancel(job);
                return false;
            }
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            jobs.cancel(job);
            return false;
        } finally {
            job.events.leave(wake);
        }
    }

    /**
     * Whether the connection's other end was closed. Looks without waiting for what was sent behind the request: an end says that nobody
     * reads the answer. Bytes of a next request that came early are lost to it, so the connection is then closed after the answer, and who
     * sent them sends them again.
     */
    static boolean gone(Context ctx) {
        EndPoint end = ServletContextRequest.getServletContextRequest(ctx.req()).getConnectionMetaData().getConnection().getEndPoint();
        if (!(end instanceof SocketChannelEndPoint socket)) return !end.isOpen();
        try {
            int read = socket.getChannel().read(ByteBuffer.allocate(1));
            if (read > 0) ctx.res().setHeader("Connection", "close");
            return read < 0;
        } catch (IOException e) {
            return true;
        }
    }
}
