package io.palitra.app;

import io.palitra.config.Config;
import io.palitra.server.Server;
import io.palitra.server.ServerConfig;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What the launcher runs once for each JVM, to keep the classes that starts load: those of a server that answers, of a step of training.
 */
final class ClassArchive {
    private ClassArchive() {}

    /** @param args a folder that is not there; it is filled, and deleted by the launcher */
    public static void main(String[] args) throws IOException {
        Path folder = Files.createDirectory(Path.of(args[0]));
        ServerConfig config = Config.with(ServerConfig.DEFAULT, "port=0", "jobs=" + folder.resolve("jobs"), "runs=" + folder.resolve("runs"));
        try (Server server = Server.start(config)) {
            for (String page : new String[] {"/health", "/", "/v1/jobs", "/v1/models"}) read(server.port(), page);
        }
        Language.choose();
        Plugins.load();
        System.exit(Main.execute("train", "vae", "strokes", "--steps", "1", "--quiet", "--out", folder.resolve("run").toString()));
    }

    private static void read(int port, String page) throws IOException {
        try (InputStream answer = URI.create("http://127.0.0.1:" + port + page).toURL().openStream()) { answer.readAllBytes(); }
    }
}
