package io.palitra.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.job.Program;
import java.util.ArrayDeque;
import java.util.Deque;

/** The last notes of the server, for whoever looks after it: without places on the disk and names of classes. Any thread may call. */
final class Log {
    private static final int MOST = 1000, LONGEST = 1000;

    private record Line(long n, long time, String level, String text) {}

    private final Deque<Line> lines = new ArrayDeque<>();
    private long last;

    void note(String text) { add("note", text); }

    /** What went wrong in the server itself; where it happened is printed with PALITRA_DEBUG alone. */
    void fault(String what, Throwable e) {
        add("fault", what + ": " + Program.message(e));
        if (System.getenv("PALITRA_DEBUG") != null) e.printStackTrace();
    }

    private synchronized void add(String level, String text) {
        String plain = Answers.withoutPlaces(text).replaceAll("\\p{Cntrl}", " ");
        lines.add(new Line(++last, System.currentTimeMillis() / 1000, level,
            plain.length() > LONGEST ? plain.substring(0, LONGEST) : plain));
        if (lines.size() > MOST) lines.remove();
    }

    /** Those behind number n. */
    synchronized ObjectNode after(long n) {
        ObjectNode node = Job.JSON.createObjectNode();
        ArrayNode all = node.putArray("lines");
        for (Line l : lines) {
            if (l.n > n) all.addObject().put("n", l.n).put("time", l.time).put("level", l.level).put("line", l.text);
        }
        return node;
    }
}
