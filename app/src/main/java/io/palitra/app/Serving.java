package io.palitra.app;

import io.palitra.config.Config;
import io.palitra.job.Program;
import io.palitra.server.Server;
import io.palitra.server.ServerConfig;
import java.awt.Desktop;
import java.awt.GraphicsEnvironment;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options of a server, and its life: until Ctrl-C. */
final class Serving {
    @Option(names = "--port", paramLabel = "N", description = "default: 7860; 0 = any that is free")
    private @Nullable Integer port;

    @Option(names = "--listen", paramLabel = "ADDR", description = "address to listen on; any but this machine's own wants --token; "
        + "default: 127.0.0.1")
    private @Nullable String listen;

    @Option(names = "--token", paramLabel = "T", description = "what a caller must send: 16 characters or more")
    private @Nullable String token;

    @Option(names = "--runs", paramLabel = "DIR", description = "folder of the runs that are served and trained; default: runs")
    private @Nullable String runs;

    @Option(names = "--jobs", paramLabel = "DIR", description = "folder of what is made; default: palitra-jobs")
    private @Nullable String jobs;

    @Option(names = "--disk", paramLabel = "GIB", description = "for what is made; beyond that the oldest files that are no "
        + "favourites are deleted; default: 8")
    private @Nullable Integer disk;

    @Option(names = "--models", paramLabel = "A,B", split = ",", description = "models beside the runs: folders, files, or org/name of "
        + "the hub; NAME=one of these gives it a name")
    private List<String> models = new ArrayList<>();

    @Option(names = "--data", paramLabel = "DIR", description = "folder of data sets that may be trained on; default: those of the "
        + "catalogue alone")
    private @Nullable String data;

    @Option(names = "--queue", paramLabel = "N", description = "jobs that wait, at most; default: 64")
    private @Nullable Integer queue;

    @Option(names = "--batch", paramLabel = "N", description = "pictures drawn at once, of jobs that ask for the same; default: 16")
    private @Nullable Integer batch;

    @Option(names = "--memory", paramLabel = "MIB", description = "for models that stay loaded; default: half of the machine's")
    private @Nullable Integer memory;

    @Option(names = "--no-pull", description = "do not fetch models from the hub")
    private boolean noPull;

    @Mixin private Computing computing = new Computing();

    int run(boolean browser) {
        ServerConfig config = set(ServerConfig.DEFAULT, "token", token);   // before the address that wants one
        config = set(config, "host", listen);
        config = set(config, "port", port);
        config = set(config, "runs", runs);
        config = set(config, "jobs", jobs);
        config = set(config, "data", data);
        config = set(config, "queue", queue);
        config = set(config, "batch", batch);
        config = set(config, "memory", memory);
        config = set(config, "disk", disk);
        config = set(config, "pull", !noPull);
        config = set(config, "models", models);
        config = set(config, "device", computing.device);
        config = set(config, "threads", computing.threads);
        Thread engine = Program.engineAhead();   // once it listens, before the first job
        try (Server server = Server.start(config)) {
            engine.start();
            String address = "http://" + (config.host().contains(":") ? "[" + config.host() + "]" : config.host()) + ":" + server.port();
            Common.OUT.println(address);
            Common.OUT.flush();
            if (browser) open(address);
            Stop stop = Stop.onSignals();
            while (!stop.getAsBoolean()) Thread.sleep(100);
            engine.join();   // to leave while libraries are being loaded could crash
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return Main.STOPPED;
    }

    private static ServerConfig set(ServerConfig config, String key, @Nullable Object value) {
        return value == null ? config : Config.replace(config, key, value);
    }

    private static void open(String address) {
        try {
            boolean can = !GraphicsEnvironment.isHeadless() && Desktop.isDesktopSupported()
                && Desktop.getDesktop().isSupported(Desktop.Action.BROWSE);
            if (can) Desktop.getDesktop().browse(URI.create(address));
            else Terminal.print("there is no browser here; open " + address);
        } catch (IOException e) {
            Terminal.print("no browser could be opened; open " + address);
        }
    }
}
