package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.microsoft.playwright.options.FilePayload;
import io.palitra.config.Config;
import io.palitra.data.Picture;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Texts of others stay texts. The pages' policy, which would stop most of them even where a page erred, is switched off, so that it is the
 * pages that are tested.
 */
@Tag("slow")
class StudioHostileTest {
    private static final List<String> TEXTS = Hostile.all();
    private static final Picture SMALL = new Picture(1, 8, 8, new byte[64]);
    /** Elements and attributes that no page of the studio has. */
    private static final String STRANGE = "[...document.querySelectorAll('*')].filter(e => "
        + "'iframe object embed base form math video audio animate set use style textarea[autofocus] foreignObject mglyph image'.split(' ')"
        + ".some(s => e.matches(s)) || e.matches('meta[http-equiv]') || e.matches('main script, body > script, dialog script')"
        + "|| [...e.attributes].some(a => /^on/i.test(a.name) "
        + "|| (/href|src|action|data/i.test(a.name) && /^\\s*javascript:/i.test(a.value)))"
        + ").map(e => e.outerHTML)";

    @TempDir private static Path root;
    private static final List<String> JOBS = new ArrayList<>();
    private static @Nullable Browsing browsing;
    private static @Nullable Server server;

    @BeforeAll static void start() throws Exception {
        assertThat(TEXTS).hasSize(200).doesNotHaveDuplicates();
        browsing = Browsing.start();
        Path run = root.resolve("runs/tiny");
        Config.with(new TrainRequest("vae"), "data=strokes", "out=" + run, "set=latent=2,net.hidden=8,train.steps=3").run(Watcher.SILENT);
        for (String text : TEXTS) {
            Path other = Files.createDirectories(root.resolve("runs").resolve(Hostile.named(text)));
            for (String name : List.of("config.json", "metrics.jsonl")) {
                if (Files.exists(run.resolve(name))) Files.copy(run.resolve(name), other.resolve(name));
            }
            Path of = Files.createDirectories(root.resolve("data/classes").resolve(Hostile.named(text)));
            Png.write(of.resolve("0.png"), SMALL, Map.of());
            Files.writeString(of.resolve("1.png"), "damaged");
            Files.createDirectories(root.resolve("data").resolve(Hostile.named(text)));
        }
        history(root.resolve("jobs"));
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs"),
            "data=" + root.resolve("data")));
    }

    /** Jobs as if they had been asked for with such texts: drawn ones, and failed ones whose message says them. */
    private static void history(Path jobs) throws Exception {
        HistoryFile file = HistoryFile.open(jobs);
        Connection c = file.connection();
        for (int i = 0; i < TEXTS.size(); i++) {
            String id = String.format("%032x", i + 1), text = TEXTS.get(i);
            long time = 1_700_000_000_000L + 1000 * i;
            Path own = Files.createDirectories(jobs.resolve(id));
            Png.write(own.resolve("samples.png"), SMALL, Map.of());
            ObjectNode job = Job.JSON.createObjectNode().put("id", id).put("kind", i % 2 == 0 ? "sample" : "train").put("status", "done");
            job.putObject("request").put("run", text).put("out", text).put("prompt", text).put("negative", text).put("seed", i)
                .putArray("sampling").add(text);
            job.put("created", Job.seconds(time)).put("started", Job.seconds(time)).put("ended", Job.seconds(time));
            job.putArray("files").add("samples.png");
            History.insert(c, id, time, job);
            Gallery.add(c, id, job, own);
            String failed = String.format("%032x", 1000 + i);
            job.put("id", failed).put("status", "failed").putArray("files");
            job.set("error", new Fault(422, "bad_request", text, text).toJson());
            History.insert(c, failed, time + 1, job);
            JOBS.add(failed);
        }
        HistoryFile.close(c);
    }

    @AfterAll static void stop() {
        if (server != null) server.close();
        if (browsing != null) browsing.close();
    }

    private static Watched open() {
        return Objects.requireNonNull(browsing).open(Objects.requireNonNull(server), Browsing.options().setBypassCSP(true));
    }

    /** Nothing ran and nothing came in. @param least texts that the page shows as they are, so that it was tested at all */
    private static void harmless(Watched w, String where, int least) throws Exception {
        w.page.waitForTimeout(60);
        assertThat(w.page.evaluate("window.__xss")).as(where).isNull();
        JsonNode strange = w.json(STRANGE);
        assertThat(strange.isEmpty()).as(where + " " + strange).isTrue();
        JsonNode shown = w.json("[...document.querySelectorAll('*')].flatMap(e => [...[...e.childNodes].filter(n => n.nodeType === 3)"
            + ".map(n => n.data), ...[...e.attributes].map(a => a.value), e.value || ''])");
        List<String> seen = new ArrayList<>();
        shown.forEach(s -> seen.add(s.asText()));
        long there = TEXTS.stream().filter(t -> seen.stream().anyMatch(s -> s.contains(t) || s.contains(Hostile.named(t)))).count();
        assertThat(there).as(where + ": texts shown").isGreaterThanOrEqualTo(least);
        assertThat(w.noted()).as(where).isEmpty();
    }

    /** Where a page takes them for markup they do harm, so that none means something. */
    @Test void theTextsAreHostile() {
        try (Watched w = open()) {
            w.go("system");
            w.page.evaluate("texts => { window.__frames = texts.map(text => document.body.appendChild("
                + "Object.assign(document.createElement('iframe'), { srcdoc: text }))); }", TEXTS);
            w.page.waitForFunction("() => window.__frames.filter(f => {"
                + "try { return f.contentWindow.__xss === 1; } catch { return false; } }).length > 80");
        }
    }

    @Test void asPromptsOfPicturesTheyStayTexts() throws Exception {
        try (Watched w = open()) {
            w.go("gallery");
            w.picture(".cell img");
            harmless(w, "gallery", 15);
            w.there(".cell .open").click();
            for (int i = TEXTS.size() - 1; i >= 0; i--) {
                String text = TEXTS.get(i);
                w.page.waitForFunction("t => document.querySelector('dialog.viewer .said')?.textContent === t "
                    + "&& [...document.querySelectorAll('dialog.viewer dd')].some(d => d.textContent === t)", text);
                if (i % 20 == 0) harmless(w, "viewer " + i, 1);
                w.press("ArrowRight");
            }
            w.press("Escape");
            w.labelled("Search in the words").fill("<img src=x onerror=window.__xss=1>");
            w.page.waitForCondition(() -> w.page.locator(".head .muted").textContent().matches("\\d\\d? pictures.*"));
            harmless(w, "search", 1);
        }
    }

    @Test void asNamesOfRunsModelsAndDataTheyStayTexts() throws Exception {
        try (Watched w = open()) {
            w.go("runs");
            harmless(w, "runs", 200);
            for (int i = 1; i < 9; i++) w.page.locator(".runs tbody input").nth(i * 20).check();
            harmless(w, "curves", 200);
            w.button("Delete").click();
            w.there("dialog[open]");
            harmless(w, "to be deleted", 200);
            w.press("Escape");
            w.go("models");
            harmless(w, "models", 200);
            w.go("create");
            harmless(w, "create", 200);
            w.go("walk");
            harmless(w, "walk", 200);
            w.go("data");
            harmless(w, "data", 200);
            w.labelled("Data set").selectOption("classes");
            w.picture(".cell img");
            harmless(w, "classes", 200);
            w.there(".cell .open").click();
            w.picture("dialog[open] img");
            harmless(w, "item", 200);
            w.press("Escape");
            w.go("train");
            harmless(w, "train", 200);
            w.go("edit");
            w.go("dream");
            harmless(w, "dream", 0);
        }
    }

    @Test void asMessagesOfFaultsTheyStayTexts() throws Exception {
        ArrayNode batches = Job.JSON.createArrayNode();
        for (int i = 0; i < TEXTS.size(); i += 20) {
            ObjectNode batch = batches.addObject().put("at", i).put("kind", "sample").put("count", 20);
            batch.putObject("request").put("run", TEXTS.get(i)).put("prompt", TEXTS.get(i)).put("seed", 1);
            JOBS.subList(i, i + 20).forEach(batch.putArray("jobs")::add);
        }
        try (Watched w = open()) {
            w.go("system");
            w.page.evaluate("b => sessionStorage.setItem('palitra.create.batches', b)", batches.toString());
            w.go("create");
            w.page.waitForCondition(() -> w.page.locator(".batch .notice.fault").count() == TEXTS.size());
            harmless(w, "faults of jobs", 200);
            for (String page : List.of("train?run=", "runs?run=", "walk?model=")) {
                for (int i = 0; i < TEXTS.size(); i += 45) {
                    w.go(page + URLEncoder.encode(TEXTS.get(i) + "?", StandardCharsets.UTF_8));
                    harmless(w, page + TEXTS.get(i), 0);
                }
            }
        }
    }

    @Test void inDroppedPicturesTheyStayTexts() throws Exception {
        try (Watched w = open()) {
            w.go("gallery");
            for (int i = 0; i + 4 <= TEXTS.size(); i += 4) {
                List<String> four = TEXTS.subList(i, i + 4);
                boolean settings = i % 8 == 0;
                byte[] png = Png.encode(SMALL, settings ? Map.of("parameters", four.get(0) + "\nNegative prompt: " + four.get(1)
                    + "\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64, Model: \"" + four.get(2).replace("\"", "'")
                    + "\"",
                    "Comment", four.get(3)) : Map.of("Title", four.get(0), "Author", four.get(1), "Comment", four.get(2), "Software",
                    four.get(3)));
                w.drop("main h1", new FilePayload(four.get(0), "image/png", png));
                w.there("dialog[open] .facts");
                harmless(w, "dropped " + i, settings ? 1 : 4);
                w.press("Escape");
                w.gone("dialog[open]");
            }
        }
    }
}
