package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.palitra.engine.Device;
import io.palitra.job.Program;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Supplier;

/** The server itself: whether it is well, what it counts, what it says. */
final class SystemRoutes implements Routes {
    private static final Path STATUS = Path.of("/proc/self/status");

    private final ServerConfig config;
    private final Jobs jobs;
    private final Meter meter;
    private final Log log;
    private final Supplier<Map<String, Long>> loaded;

    /** @param loaded bytes of the models in memory by their names */
    SystemRoutes(ServerConfig config, Jobs jobs, Meter meter, Log log, Supplier<Map<String, Long>> loaded) {
        this.config = config;
        this.jobs = jobs;
        this.meter = meter;
        this.log = log;
        this.loaded = loaded;
    }

    @Override public void add(RoutesConfig to) {
        to.get("/ready", this::ready);
        to.get("/metrics", this::metrics);
        to.get("/v1/system", this::system);
        to.get("/v1/log", ctx -> Reply.json(ctx, log.after(Reply.number(ctx, "after", 0, 0, Integer.MAX_VALUE - 1))));
    }

    /** Ready for jobs: it takes them, and can write what they make. */
    private void ready(Context ctx) {
        if (jobs.queue().closed()) throw new Refused(503, "closing", "", "the server is closing", 5);
        Path folder = Path.of(config.jobs()).toAbsolutePath().normalize();
        while (folder != null && !Files.exists(folder)) folder = folder.getParent();
        if (folder == null || !Files.isWritable(folder)) {
            throw new Refused(503, "not_writable", "", "the folder of jobs cannot be written", 60);
        }
        Reply.json(ctx, Job.JSON.createObjectNode().put("ready", true));
    }

    private static double uptime() { return ManagementFactory.getRuntimeMXBean().getUptime() / 1000.0; }

    private static OptionalLong resident() {
        try {
            if (!Files.exists(STATUS)) return OptionalLong.empty();
            for (String line : Files.readAllLines(STATUS, StandardCharsets.ISO_8859_1)) {
                if (line.startsWith("VmRSS:")) return OptionalLong.of(Long.parseLong(line.replaceAll("\\D", "")) * 1024);
            }
        } catch (IOException e) {
            // not Linux
        }
        return OptionalLong.empty();
    }

    /** What the process holds and the JVM did not ask for: libtorch, its models and what they compute. */
    private static OptionalLong outside() {
        OptionalLong resident = resident();
        if (resident.isEmpty()) return resident;
        MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
        MemoryUsage other = ManagementFactory.getMemoryMXBean().getNonHeapMemoryUsage();
        return OptionalLong.of(Math.max(0, resident.getAsLong() - heap.getCommitted() - other.getCommitted()));
    }

    private void metrics(Context ctx) {
        StringBuilder out = new StringBuilder(8000);
        meter.write(out);
        Meter.head(out, "queue_length", "gauge", "jobs that wait");
        Meter.line(out, "queue_length", "", jobs.queue().waiting());
        Meter.head(out, "running", "gauge", "jobs that run");
        Meter.line(out, "running", "", jobs.queue().running());
        Meter.head(out, "waiters", "gauge", "clients that wait for events or answers of jobs");
        Meter.line(out, "waiters", "", jobs.waiters().taken());
        OptionalLong outside = outside();
        Meter.head(out, "native_memory_bytes", "gauge", "memory of the process outside the JVM");
        if (outside.isPresent()) Meter.line(out, "native_memory_bytes", Meter.labels("device", config.device()), outside.getAsLong());
        Meter.head(out, "model_loaded_info", "gauge", "models in memory");
        loaded.get().keySet().forEach(name -> Meter.line(out, "model_loaded_info", Meter.labels("model", name), 1));
        Meter.head(out, "build_info", "gauge", "versions");
        Meter.line(out, "build_info", Meter.labels("version", Program.version(), "java", System.getProperty("java.version")), 1);
        Meter.head(out, "uptime_seconds", "gauge", "since the process began");
        Meter.line(out, "uptime_seconds", "", uptime());
        ctx.contentType("text/plain; version=0.0.4; charset=utf-8").result(out.toString());
    }

    private void system(Context ctx) {
        Runtime runtime = Runtime.getRuntime();
        ObjectNode node = Job.JSON.createObjectNode().put("version", Program.version()).put("java", System.getProperty("java.version"))
            .put("device", config.device()).put("processors", runtime.availableProcessors()).put("uptime", Math.round(uptime()));
        try {
            node.put("libtorch", Device.libtorch()).put("threads", Device.threads());
        } catch (IOException | LinkageError e) {
            node.put("libtorch", "cannot be loaded");
        }
        ObjectNode memory = node.putObject("memory").put("heap", runtime.totalMemory() - runtime.freeMemory())
            .put("heapMax", runtime.maxMemory());
        resident().ifPresent(bytes -> memory.put("resident", bytes));
        outside().ifPresent(bytes -> memory.put("native", bytes));
        if (ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean os) {
            memory.put("total", os.getTotalMemorySize()).put("free", os.getFreeMemorySize());
        }
        node.putObject("queue").put("waiting", jobs.queue().waiting()).put("running", jobs.queue().running()).put("most", config.queue());
        node.putArray("models");
        loaded.get().forEach((name, bytes) -> node.withArray("models").addObject().put("name", name).put("bytes", bytes));
        Reply.json(ctx, node);
    }
}
