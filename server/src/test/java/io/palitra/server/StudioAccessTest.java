package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.ColorScheme;
import io.palitra.config.Config;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import io.palitra.paint.TinyPipeline;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whether everybody can use the studio, as far as axe can tell. */
class StudioAccessTest {
    private static final List<String> PAGES = List.of("create", "edit", "dream", "walk", "train?run=tiny", "runs?run=tiny", "gallery",
        "models", "data", "system");
    private static final List<String> GRAVE = List.of("serious", "critical");
    private static final String TOKEN = "0123456789abcdef";

    @TempDir private static Path root;
    private static String axe = "";
    private static @Nullable Browsing browsing;
    private static @Nullable Server server;

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = StudioAccessTest.class.getResourceAsStream("/axe/" + name)) {
            return Objects.requireNonNull(in, name).readAllBytes();
        }
    }

    @BeforeAll static void start() throws Exception {
        JsonNode of = new ObjectMapper().readTree(resource("axe.json"));
        byte[] bytes = resource(of.path("file").asText());
        assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes))).isEqualTo(of.path("sha256").asText());
        assertThat(new String(resource(of.path("licenceText").asText()), StandardCharsets.UTF_8)).contains("Mozilla Public License");
        axe = new String(bytes, StandardCharsets.UTF_8);
        browsing = Browsing.start();
        Config.with(new TrainRequest("vae"), "data=strokes", "out=" + root.resolve("runs/tiny"), "set=latent=2,net.hidden=8,train.steps=3")
            .run(Watcher.SILENT);
        for (String family : List.of("gpt", "mdlm", "musictransformer")) SequencesTest.train(family, root.resolve("runs/" + family));
        Path paints = TinyPipeline.write(root.resolve("paints"), 1);
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs"),
            "models=paints=" + paints));
        Asking asking = new Asking(server, root);
        asking.done("{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"n\": 3, \"each\": true}}");
        asking.done("{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"n\": 1}}");
    }

    @AfterAll static void stop() {
        if (server != null) server.close();
        if (browsing != null) browsing.close();
    }

    private static Watched open(Server of) {
        return Objects.requireNonNull(browsing).open(of, Browsing.options().setBypassCSP(true));
    }

    /** What axe finds grave in what is shown, a line for each element. */
    private static List<String> findings(Watched w, String where) throws Exception {
        w.page.evaluate("document.querySelectorAll('main details').forEach(d => { d.open = true; })");
        w.page.waitForTimeout(300);     // colours come in by degrees
        w.page.evaluate(axe);
        JsonNode found = w.json("axe.run({ resultTypes: ['violations'] })");
        assertThat(found.path("testEngine").path("name").asText()).isEqualTo("axe-core");
        List<String> all = new ArrayList<>();
        for (JsonNode v : found.path("violations")) {
            if (!GRAVE.contains(v.path("impact").asText())) continue;
            for (JsonNode n : v.path("nodes")) {
                all.add(where + ": " + v.path("id").asText() + " " + n.path("target") + " " + n.path("html").asText() + " "
                    + n.path("failureSummary").asText().replaceAll("\\s+", " "));
            }
        }
        return all;
    }

    /** Light and wide, dark and as a phone is: each colour and each layout once. */
    private static List<String> inAllColours(Watched w, String where) throws Exception {
        List<String> all = new ArrayList<>();
        for (int width : new int[] {1280, 380}) {
            w.page.setViewportSize(width, 800);
            ColorScheme colours = width > 1000 ? ColorScheme.LIGHT : ColorScheme.DARK;
            w.page.emulateMedia(new Page.EmulateMediaOptions().setColorScheme(colours));
            all.addAll(findings(w, where + " " + colours + " " + width));
            Object wide = w.page.evaluate("[document.documentElement, document.querySelector('main')]"
                + ".reduce((sum, e) => sum + e.scrollWidth - e.clientWidth, 0)");
            if (!Integer.valueOf(0).equals(wide)) all.add(where + " " + width + ": " + wide + " pixels wider than the window");
        }
        w.page.setViewportSize(1280, 800);
        return all;
    }

    @Test void noPageHasAGraveFault() throws Exception {
        List<String> all = new ArrayList<>();
        try (Watched w = open(Objects.requireNonNull(server))) {
            for (String page : PAGES) all.addAll(inAllColours(w.go(page), page));
            w.go("create");
            w.page.locator(".composer").getByLabel("Model").selectOption("tiny");
            w.button("Draw").click();
            w.picture(".batch .tile img[src*='/files/']");
            all.addAll(inAllColours(w, "create with a picture"));
            w.go("gallery");
            w.there(".cell .open").click();
            w.picture("dialog.viewer img");
            all.addAll(inAllColours(w, "viewer"));
            w.button("Edit").click();
            w.there(".canvas canvas");
            all.addAll(inAllColours(w, "edit with a picture"));
            w.there("button.queue").click();
            w.there("dialog[open]");
            all.addAll(findings(w, "queue"));
            w.press("Escape");
            w.page.setViewportSize(380, 800);
            w.button("Menu").click();
            all.addAll(findings(w, "menu"));
        }
        assertThat(all).isEmpty();
    }

    @Test void textsAndMusicHaveNoGraveFault() throws Exception {
        List<String> all = new ArrayList<>();
        try (Watched w = open(Objects.requireNonNull(server))) {
            w.go("create");
            for (String[] made : new String[][] {{"gpt", "Write", ".written .paper:not(.grows)"},
                {"mdlm", "Write", ".written .paper:not(.grows)"}, {"musictransformer", "Compose", ".piece audio"}}) {
                w.page.locator(".composer").getByLabel("Model").selectOption(made[0]);
                w.button(made[1]).click();
                w.there(made[2]);
                all.addAll(inAllColours(w, "create with " + made[0]));
                w.button("Out of this list (it stays in the gallery)").first().click();
            }
            w.go("data");
            for (String set : List.of("programs", "parts")) {
                w.labelled("Data set").selectOption(set);
                w.there(set.equals("parts") ? ".cell .picture.there" : ".cell .snippet");
                all.addAll(inAllColours(w, "data of " + set));
                w.there(".cell .open").click();
                w.there("dialog[open] .body");
                all.addAll(inAllColours(w, "an item of " + set));
                w.press("Escape");
            }
            for (String run : List.of("gpt", "musictransformer")) all.addAll(inAllColours(w.go("train?run=" + run), run));
        }
        assertThat(all).isEmpty();
    }

    @Test void theLoginHasNoGraveFault() throws Exception {
        try (Server locked = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("none"),
                "jobs=" + root.resolve("others"), "token=" + TOKEN)); Watched w = open(locked)) {
            w.page.navigate("http://127.0.0.1:" + locked.port() + "/");
            w.there(".login input");
            assertThat(findings(w, "login")).isEmpty();
            assertThat(w.noted()).isNotEmpty();     // it was refused before it was let in
            w.labelled("Token").fill("fedcba9876543210");
            w.button("Enter").click();
            w.text("This is not the token").waitFor();
            w.labelled("Token").fill(TOKEN);
            w.press("Enter");
            w.there("header.top a.brand");   // the page is loaded anew
            w.settled();
            assertThat(w.page.evaluate("document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)").toString())
                .doesNotContain(TOKEN);
        }
    }

    /** A page with faults has findings, so that none means something. */
    @Test void faultsAreFound() throws Exception {
        try (Watched w = open(Objects.requireNonNull(server))) {
            w.go("system");
            w.page.evaluate("document.querySelector('main').append(Object.assign(document.createElement('input')), "
                + "Object.assign(document.createElement('img'), { src: '/studio/icon.svg' }))");
            assertThat(findings(w, "")).anyMatch(f -> f.contains(": label ")).anyMatch(f -> f.contains(": image-alt "));
        }
    }
}
