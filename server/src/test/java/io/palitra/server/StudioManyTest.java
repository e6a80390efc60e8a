package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.data.Picture;
import io.palitra.report.Png;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A gallery of many pictures, and how smoothly it scrolls. */
@Tag("slow")
class StudioManyTest {
    private static final int JOBS = 100, EACH = 100, STEP = 400;
    /** Scrolls to the end, so many pixels a frame, and waits where more must be fetched: milliseconds of each frame that moved. */
    private static final String SCROLL = "(async () => { const main = document.querySelector('[data-scroll]'), frames = [];"
        + "let most = 0, pictures = 0, still = 0, last = await new Promise(requestAnimationFrame);"
        + "while (still < 120) {"
        + "  const was = main.scrollTop; main.scrollTop += STEP;"
        + "  const now = await new Promise(requestAnimationFrame);"
        + "  if (main.scrollTop > was) { frames.push(now - last); still = 0; } else still++;"
        + "  last = now;"
        + "  most = Math.max(most, document.querySelectorAll('.cell').length);"
        + "  pictures = Math.max(pictures, document.querySelectorAll('.grid *').length);"
        + "  if (document.querySelector('[aria-posinset=\"ITEMS\"]')) still += 20; }"
        + "frames.sort((a, b) => a - b); const at = q => frames[Math.floor(q * (frames.length - 1))];"
        + "return { frames: frames.length, median: at(0.5), p95: at(0.95), worst: at(1), cells: most, nodes: pictures }; })()";

    @TempDir private static Path root;

    private static void fill(Path folder) throws Exception {
        byte[] noise = new byte[24 * 24];
        new Random(1).nextBytes(noise);
        Path one = root.resolve("one.png");
        Png.write(one, new Picture(1, 24, 24, noise), Map.of());
        HistoryFile file = HistoryFile.open(folder);
        Connection c = file.connection();
        for (int j = 0; j < JOBS; j++) {
            String id = String.format("%032x", j + 1);
            Path samples = Files.createDirectories(folder.resolve(id).resolve("samples"));
            ObjectNode job = Job.JSON.createObjectNode().put("id", id).put("kind", "sample").put("status", "done");
            job.putObject("request").put("run", "many").put("prompt", "of job " + j).put("seed", j);
            long time = 1_700_000_000_000L + 1000L * j;
            job.put("created", Job.seconds(time)).put("started", Job.seconds(time)).put("ended", Job.seconds(time));
            ArrayNode files = job.putArray("files");
            for (int i = 0; i < EACH; i++) {
                String name = String.format("samples/%05d.png", i);
                Files.createLink(folder.resolve(id).resolve(name), one);
                files.add(name);
            }
            History.insert(c, id, time, job);
            Gallery.add(c, id, job, samples.getParent());
        }
        HistoryFile.close(c);
    }

    @Test void tenThousandPicturesScrollWithFewOfThemInThePage() throws Exception {
        try (Browsing browsing = Browsing.start()) {
            fill(root.resolve("jobs"));
            try (Server server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"),
                    "jobs=" + root.resolve("jobs"))); Watched w = browsing.open(server)) {
                w.go("gallery");
                w.picture(".cell img");
                w.text("^10,000 pictures").waitFor();
                JsonNode found = w.json(SCROLL.replace("STEP", String.valueOf(STEP)).replace("ITEMS", String.valueOf(JOBS * EACH)));
                System.out.printf("gallery of %d: %d frames of %d px, median %.1f ms, 95 %% %.1f ms, worst %.1f ms, %d cells, %d nodes%n",
                    JOBS * EACH, found.path("frames").asInt(), STEP, found.path("median").asDouble(), found.path("p95").asDouble(),
                    found.path("worst").asDouble(), found.path("cells").asInt(), found.path("nodes").asInt());
                assertThat(found.path("frames").asInt()).isGreaterThan(300);
                assertThat(found.path("cells").asInt()).isBetween(10, 100);
                assertThat(found.path("nodes").asInt()).isLessThan(500);
                assertThat(w.page.locator("[aria-posinset='" + (JOBS * EACH + 1) + "']").count()).as("no picture twice").isZero();
                assertThat(w.page.locator(".cell[aria-posinset='" + JOBS * EACH + "']").isVisible()).isTrue();
                w.picture(".cell[aria-posinset='" + JOBS * EACH + "'] img");
                w.press("Home");
                w.page.evaluate("document.querySelector('[data-scroll]').scrollTo(0, 0)");
                w.picture(".cell[aria-posinset='1'] img");
                w.clean();
            }
        }
    }
}
