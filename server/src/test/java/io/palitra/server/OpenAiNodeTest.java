package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.palitra.config.Config;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The images API as npm's client of it speaks it, where there is Node; {@code openai.mjs} says what is asked and expected. */
class OpenAiNodeTest {
    private static final String CLIENT = "openai@6.16.0";

    @TempDir private Path root;

    @Test void aClientInNodeGetsItsPictures() throws Exception {
        assumeTrue(run(root, 20, "node", "--version").code == 0, "skipped: there is no Node here (node --version)");
        Path folder = Files.createDirectories(Path.of("target/node").toAbsolutePath());
        if (!Files.isDirectory(folder.resolve("node_modules/openai"))) {
            Ran npm = run(folder, 120, "npm", "install", "--prefix", folder.toString(), "--no-audit", "--no-fund",
                "--ignore-scripts", CLIENT);
            assumeTrue(npm.code == 0, "skipped: npm cannot install " + CLIENT + ": " + npm.said);
        }
        try (InputStream script = OpenAiNodeTest.class.getResourceAsStream("/openai.mjs")) {
            Files.write(folder.resolve("openai.mjs"), script.readAllBytes());
        }
        try (Server server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"),
                "jobs=" + root.resolve("jobs")))) {
            Ran ran = run(folder, 120, "node", "openai.mjs", "http://127.0.0.1:" + server.port() + "/v1");
            assertThat(ran.code).as(ran.said).isZero();
            assertThat(ran.said.lines()).containsExactly("generate", "url", "stream", "models", "edit", "unknown model");
        }
    }

    /** @param code of its end; -1 where it could not begin, or did not end in time */
    private record Ran(int code, String said) {}

    private static Ran run(Path folder, int seconds, String... command) throws IOException, InterruptedException {
        Path said = Files.createTempFile(folder, "said", ".txt");
        try {
            Process process = new ProcessBuilder(List.of(command)).directory(folder.toFile()).redirectErrorStream(true)
                .redirectOutput(said.toFile()).start();
            boolean ended = process.waitFor(seconds, TimeUnit.SECONDS);
            if (!ended) process.destroyForcibly().waitFor();
            return new Ran(ended ? process.exitValue() : -1, Files.readString(said).strip());
        } catch (IOException e) {
            return new Ran(-1, String.valueOf(e.getMessage()));
        } finally {
            Files.deleteIfExists(said);
        }
    }
}
