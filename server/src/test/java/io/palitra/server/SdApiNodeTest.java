package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.config.Config;
import io.palitra.data.Picture;
import io.palitra.paint.TinyPipeline;
import io.palitra.report.Png;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A client that others wrote for AUTOMATIC1111's API, node-sd-webui of npm, draws, changes and reads pictures here. */
class SdApiNodeTest {
    private static final String CLIENT = "node-sd-webui", VERSION = "0.0.8";
    private static final String INTEGRITY = "sha512-"
        + "D5ffZkf2RMMYoypUzVjyEavzEFkAdrc39thBszHITrIwz4PG7IWS55c1G1sB5tBCs3HcZ/Ny/HxrDEJbOl+H9Q==";
    private static final Path NODE = Path.of("target/node/sd").toAbsolutePath();

    @TempDir private static Path root;

    private static String run(int seconds, String... command) throws IOException, InterruptedException {
        Path out = Files.createTempFile(root, "out", ".txt");
        Process p = new ProcessBuilder(command).directory(NODE.toFile()).redirectErrorStream(true).redirectOutput(out.toFile()).start();
        try {
            if (!p.waitFor(seconds, TimeUnit.SECONDS)) throw new IOException(String.join(" ", command) + " took over " + seconds + " s");
        } finally {
            p.destroyForcibly();
        }
        String said = Files.readString(out);
        if (p.exitValue() != 0) throw new IOException(said);
        return said;
    }

    @BeforeAll static void install() throws Exception {
        Files.createDirectories(NODE);
        try {
            if (!Files.isDirectory(NODE.resolve("node_modules/" + CLIENT))) {
                Files.writeString(NODE.resolve("package.json"), "{\"private\": true}");
                run(60, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", CLIENT + "@" + VERSION);
            }
            run(20, "node", "--version");
        } catch (IOException e) {
            String why = "skipped: no " + CLIENT + " of npm here: " + e.getMessage().lines().findFirst().orElse("");
            System.out.println(why);
            abort(why);
        }
        JsonNode lock = new ObjectMapper().readTree(Files.readString(NODE.resolve("package-lock.json")));
        assertThat(lock.path("packages").path("node_modules/" + CLIENT).path("integrity").asText()).isEqualTo(INTEGRITY);
    }

    @Test void itDrawsChangesAndReadsPictures() throws Exception {
        Path tiny = TinyPipeline.write(root.resolve("tiny"), 1);
        byte[] pixels = new byte[3 * 32 * 32];
        for (int i = 0; i < pixels.length; i++) pixels[i] = (byte) (3 * i);
        String picture = Base64.getEncoder().encodeToString(Png.encode(new Picture(3, 32, 32, pixels), Map.of()));
        try (Server server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"),
                "jobs=" + root.resolve("jobs"), "models=tiny=" + tiny))) {
            String script = "const sdwebui = require('node-sd-webui').default;\n"
                + "const client = sdwebui({apiUrl: 'http://127.0.0.1:" + server.port() + "'});\n"
                + "(async () => {\n"
                + "  const made = await client.txt2img({prompt: 'a red circle', negativePrompt: 'abc', samplingMethod: 'DPM++ 2M Karras',"
                + " steps: 4, cfgScale: 5, seed: 7, width: 64, height: 32, batchSize: 2, restoreFaces: false});\n"
                + "  const changed = await client.img2img({imageData: ['" + picture + "'], prompt: 'abc', samplingMethod: 'Euler a',"
                + " steps: 4, seed: 3, width: 32, height: 32, denoisingStrength: 0.5});\n"
                + "  const read = await client.pngInfo({imageData: made.images[1]});\n"
                + "  let refused = '';\n"
                + "  try { await client.txt2img({prompt: 'a', samplingMethod: 'DPM adaptive'}); } catch (e) { refused = e.message; }\n"
                + "  console.log(JSON.stringify({made: made.images.length, info: JSON.parse(made.info), changed: changed.images.length,"
                + " other: changed.images[0] !== '" + picture + "', read, refused}));\n"
                + "})().catch(e => { console.error(e); process.exit(1); });\n";
            Path file = Files.write(NODE.resolve("draw.cjs"), script.getBytes(StandardCharsets.UTF_8));
            JsonNode said = new ObjectMapper().readTree(run(120, "node", file.toString()));
            assertThat(said.path("info").path("sd_model_name").asText()).isEqualTo("tiny");
            assertThat(said.path("made").asInt()).isEqualTo(2);
            assertThat(said.path("info").path("all_seeds").toString()).isEqualTo("[7,8]");
            assertThat(said.path("changed").asInt()).isEqualTo(1);
            assertThat(said.path("other").asBoolean()).isTrue();
            JsonNode read = said.path("read");
            assertThat(List.of(read.path("prompt").asText(), read.path("negativePrompt").asText(), read.path("samplingMethod").asText()))
                .containsExactly("a red circle", "abc", "DPM++ 2M Karras");
            assertThat(List.of(read.path("steps").asInt(), read.path("cfgScale").asInt(), read.path("seed").asInt(),
                read.path("width").asInt(), read.path("height").asInt())).containsExactly(4, 5, 8, 64, 32);
            assertThat(said.path("refused").asText()).isEqualTo("Not Found");
        }
    }
}
