package io.palitra.server;

import io.javalin.http.Context;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.SocketChannelEndPoint;

/** Who asked, while the answer is being made: an answer that nobody waits for any more is not made. */
final class Client {
    private static final long LOOK_MILLIS = 100;

    private Client() {}

    /** What is done with each event of a job. */
    interface Reader {
        /** @throws IOException where nobody reads any more */
        void read(Event event) throws IOException;
    }

    /**
     * Waits until a job ends; ends it when who asked is gone. It is no reader of the job: no previews are made for it.
     *
     * @return whether somebody still waits for the answer
     */
    static boolean await(Context ctx, Jobs jobs, Job job) {
        try (Waiters.Seat seat = jobs.waiters().sit()) {
            while (!job.events.ended(LOOK_MILLIS)) if (left(ctx, jobs, job)) return false;
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            jobs.cancel(job);
            return false;
        }
    }

    /** As {@link #await}, and hands each event on, on the calling thread. Where the reader fails, the job is ended. */
    static boolean follow(Context ctx, Jobs jobs, Job job, Reader reader) throws IOException {
        LinkedBlockingQueue<Boolean> more = new LinkedBlockingQueue<>();
        Runnable wake = () -> more.offer(true);
        job.events.listen(wake);
        long seen = 0;
        try (Waiters.Seat seat = jobs.waiters().sit()) {
            while (true) {
                boolean ended = job.events.ended();
                for (Event event : job.events.after(seen)) {
                    reader.read(event);
                    seen = event.id();
                }
                if (ended) return true;
                more.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
                more.clear();
                if (left(ctx, jobs, job)) return false;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            jobs.cancel(job);
            return false;
        } catch (IOException | RuntimeException e) {
            jobs.cancel(job);
            throw e;
        } finally {
            job.events.leave(wake);
        }
    }

    private static boolean left(Context ctx, Jobs jobs, Job job) {
        if (!gone(ctx)) return false;
        jobs.cancel(job);
        end(ctx).close();
        return true;
    }

    /**
     * Whether the connection's other end was closed. Looks without waiting for what was sent behind the request: an end says that nobody
     * reads the answer. Bytes of a next request that came early are lost to it, so the connection is then closed after the answer, and who
     * sent them sends them again; an answer that is written as it comes closes its connection anyhow.
     */
    static boolean gone(Context ctx) {
        EndPoint end = end(ctx);
        if (!(end instanceof SocketChannelEndPoint socket)) return !end.isOpen();
        try {
            int read = socket.getChannel().read(ByteBuffer.allocate(1));
            if (read > 0) ctx.res().setHeader("Connection", "close");
            return read < 0;
        } catch (IOException e) {
            return true;
        }
    }

    private static EndPoint end(Context ctx) { return connection(ctx).getEndPoint(); }

    static Connection connection(Context ctx) {
        return ServletContextRequest.getServletContextRequest(ctx.req()).getConnectionMetaData().getConnection();
    }
}
