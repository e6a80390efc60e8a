package io.palitra.server;

import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;

/** What the server counts, and says in Prometheus' text format 0.0.4. Any thread may call. */
final class Meter {
    private static final double[] REQUEST = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
        JOB = {0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200};

    /** Seconds, by bounds from below. */
    private static final class Histogram {
        private final double[] bounds;
        private final LongAdder[] counts;
        private final LongAdder all = new LongAdder();
        private final DoubleAdder sum = new DoubleAdder();

        Histogram(double[] bounds) {
            this.bounds = bounds;
            counts = new LongAdder[bounds.length];
            for (int i = 0; i < counts.length; i++) counts[i] = new LongAdder();
        }

        void add(double seconds) {
            for (int i = 0; i < bounds.length; i++) {
                if (seconds > bounds[i]) continue;
                counts[i].increment();
                break;
            }
            sum.add(seconds);
            all.increment();
        }

        void write(StringBuilder out, String name, String labels) {
            long below = 0;
            for (int i = 0; i < bounds.length; i++) {
                below += counts[i].sum();
                line(out, name + "_bucket", labels + ",le=\"" + bounds[i] + "\"", below);
            }
            long total = Math.max(below, all.sum());   // others add meanwhile
            line(out, name + "_bucket", labels + ",le=\"+Inf\"", total);
            line(out, name + "_sum", labels, sum.sum());
            line(out, name + "_count", labels, total);
        }
    }

    private final Map<String, LongAdder> jobs = new ConcurrentSkipListMap<>();
    private final Map<String, Histogram> durations = new ConcurrentSkipListMap<>();
    private final Map<String, Histogram> requests = new ConcurrentSkipListMap<>();
    private final LongAdder steps = new LongAdder();

    /** Follows a job to its end. */
    void follow(Job job, Log log) {
        job.events.watch(new EventLog.Watch() {
            private String what = "";
            private long done;
            private long began = System.nanoTime();

            @Override public void on(Event event) {
                switch (event.name()) {
                    case "started" -> began = System.nanoTime();
                    case "progress" -> stepped(event);
                    case "note" -> log.note(job.kind + " " + job.id.substring(0, 8) + ": " + event.data().path("line").asText());
                    case "done", "failed", "cancelled" -> ended(job, event, (System.nanoTime() - began) * 1e-9);
                    default -> { }
                }
            }

            private void stepped(Event event) {
                String now = event.data().path("what").asText();
                long count = event.data().path("done").asLong();
                if (!now.startsWith("step") && !now.startsWith("iteration")) return;
                if (!job.trains) steps.add(now.equals(what) && count >= done ? count - done : count);
                what = now;
                done = count;
            }

            private void ended(Job job, Event event, double seconds) {
                jobs.computeIfAbsent(labels("kind", job.kind, "status", event.name()), k -> new LongAdder()).increment();
                durations.computeIfAbsent(labels("kind", job.kind), k -> new Histogram(JOB)).add(seconds);
                String why = event.data().path("error").path("message").asText();
                log.note(job.kind + " " + job.id.substring(0, 8) + " " + event.name() + (why.isEmpty() ? "" : ": " + why));
            }
        });
    }

    /** An answer. @param route its pattern, not the path that was asked for */
    void answered(String method, String route, int status, double seconds) {
        requests.computeIfAbsent(labels("method", method, "route", route, "status", String.valueOf(status)), k -> new Histogram(REQUEST))
            .add(seconds);
    }

    void write(StringBuilder out) {
        head(out, "jobs_total", "counter", "jobs that have ended");
        jobs.forEach((labels, n) -> line(out, "jobs_total", labels, n.sum()));
        head(out, "job_duration_seconds", "histogram", "from the start of a job to its end");
        durations.forEach((labels, h) -> h.write(out, "job_duration_seconds", labels));
        head(out, "sampling_steps_total", "counter", "steps of samplers and iterations of dreams");
        line(out, "sampling_steps_total", "", steps.sum());
        head(out, "http_request_duration_seconds", "histogram", "from a request to the end of its answer");
        requests.forEach((labels, h) -> h.write(out, "http_request_duration_seconds", labels));
    }

    static void head(StringBuilder out, String name, String type, String help) {
        out.append("# HELP palitra_").append(name).append(' ').append(help)
            .append("\n# TYPE palitra_").append(name).append(' ').append(type)
            .append('\n');
    }

    static void line(StringBuilder out, String name, String labels, double value) {
        out.append("palitra_").append(name);
        if (!labels.isEmpty()) out.append('{').append(labels).append('}');
        boolean whole = value == Math.rint(value) && Math.abs(value) < 1e15;
        out.append(' ').append(whole ? Long.toString((long) value) : String.format(Locale.ROOT, "%.6f", value)).append('\n');
    }

    /** Names and values in turn. */
    static String labels(String... pairs) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < pairs.length; i += 2) {
            String value = pairs[i + 1].replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
            out.append(i == 0 ? "" : ",").append(pairs[i]).append("=\"").append(value).append('"');
        }
        return out.toString();
    }
}
