package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.FilePayload;
import io.palitra.config.Config;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.jspecify.annotations.Nullable;

/** Texts and music in the studio, as a person writes and hears them, in the Chromium of the system. */
class StudioSequencesTest {
    private static final String PLAYS = "s => { const a = document.querySelector(s); return a && a.currentTime > 0.05 && !a.error; }";

    @TempDir private static Path root;
    private static @Nullable Browsing browsing;
    private static @Nullable Server server;

    @BeforeAll static void start() throws Exception {
        browsing = Browsing.start();
        for (String family : List.of("gpt", "mdlm", "musictransformer")) SequencesTest.train(family, root.resolve("runs/" + family));
        Path rhymes = Files.writeString(root.resolve("rhymes.txt"), "one two three four\n".repeat(400));
        Config.with(new TrainRequest("gpt"), "data=" + rhymes, "out=" + root.resolve("runs/endless"), "set=data.length=32,width=16,"
            + "layers=1,heads=2,train.steps=60,train.batch=8,train.optimizer.lr=0.01").run(Watcher.SILENT);   // has never seen a text end
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs")));
    }

    @AfterAll static void stop() {
        if (server != null) server.close();
        if (browsing != null) browsing.close();
    }

    private static Watched open() { return Objects.requireNonNull(browsing).open(Objects.requireNonNull(server)); }

    private static void choose(Watched w, String model, String go) {
        w.go("create");
        w.labelled("Model").selectOption(model);
        w.button(go).waitFor();
    }

    @Test void aTextIsWrittenOnAndKeptInTheHistory() {
        try (Watched w = open()) {
            choose(w, "gpt", "Write");
            w.labelled("It begins with").fill("a = 1\nb = ");
            w.page.locator(".composer").getByLabel("Texts").selectOption("2");
            w.page.locator(".settings-of > summary").click();
            w.labelled("Length").fill("30");
            w.labelled("It begins with").focus();
            w.press("Control+Enter");
            w.page.waitForCondition(() -> w.page.locator(".written .paper:not(.grows)").count() == 2);
            assertThat(w.there(".written .paper").textContent()).startsWith("a = 1\nb = ");
            assertThat(w.there(".written .given").textContent()).isEqualTo("a = 1\nb = ");
            String first = w.there(".written .paper").textContent();
            w.button("Go on from here").first().click();
            assertThat(w.labelled("It begins with").inputValue()).isEqualTo(first);
            w.reload();
            w.page.waitForCondition(() -> w.page.locator(".written .paper:not(.grows)").count() == 2);
            w.clean();
        }
        try (Watched w = open()) {      // another browser, which knows nothing but the history
            choose(w, "gpt", "Write");
            w.text("Written before").waitFor();
            assertThat(w.there(".written .paper").textContent()).startsWith("a = 1\nb = ");
            w.clean();
        }
    }

    @Test void aTextGrowsBeforeItIsWhole() {
        try (Watched w = open()) {
            choose(w, "endless", "Write");
            w.page.locator(".settings-of > summary").click();
            w.labelled("Length").fill("20000");
            w.labelled("Temperature").fill("0");
            w.button("Write").click();
            w.page.waitForFunction("() => (document.querySelector('.paper.grows')?.textContent.length || 0) > 20");
            int some = w.there(".paper.grows").textContent().length();
            w.page.waitForFunction("n => (document.querySelector('.paper.grows')?.textContent.length || 0) > n", some);
            w.button("Stop").first().click();
            w.text("It was stopped").waitFor();
            assertThat(w.there(".written .paper").textContent().length()).isGreaterThan(some);
            w.clean();
        }
    }

    @Test void holesAreFilled() {
        try (Watched w = open()) {
            choose(w, "mdlm", "Write");
            w.labelled("A text with holes").fill("a = 1");
            assertThat(w.button("Write").isDisabled()).isTrue();
            w.labelled("A text with holes").fill("a = __\nb = a");
            w.button("Write").click();
            w.there(".written mark");
            assertThat(w.there(".written .paper").textContent()).startsWith("a = ").endsWith("\nb = a");
            w.clean();
        }
    }

    @Test void aPieceIsComposedHeardAndHarmonised() throws Exception {
        Asking asking = new Asking(Objects.requireNonNull(server), root);
        try (Watched w = open()) {
            choose(w, "musictransformer", "Compose");
            w.button("Compose").click();
            w.picture(".piece .roll img");
            w.there(".piece audio").evaluate("a => { a.muted = true; return a.play(); }");
            w.page.waitForFunction(PLAYS, ".piece audio");
            w.page.locator("input[type=file]").setInputFiles(new FilePayload("tune.mid", "audio/midi",
                asking.bytes("/v1/data/parts/items/1.mid?split=test").body()));
            w.text("tune.mid, 4 bars").waitFor();
            w.labelled("What is kept").selectOption("soprano");
            w.button("Compose").click();
            w.text("Voices to the Soprano").waitFor();
            w.picture(".batch:first-child .piece .roll img");
            w.clean();
            w.go("gallery");
            w.picture(".cell img");
            w.clean();
        }
    }

    @Test void itemsAndSamplesAreReadAndHeard() {
        try (Watched w = open()) {
            w.go("data");
            w.labelled("Data set").selectOption("programs");
            w.there(".cell .snippet");
            w.there(".cell .open").click();
            w.there("dialog[open] .paper");
            w.press("Escape");
            w.labelled("Data set").selectOption("parts");
            w.picture(".cell img");
            w.there(".cell .open").click();
            w.picture("dialog[open] img");
            w.there("dialog[open] audio").evaluate("a => { a.muted = true; return a.play(); }");
            w.page.waitForFunction(PLAYS, "dialog[open] audio");
            w.press("Escape");
            w.clean();
            w.go("runs");
            w.labelled("Choose gpt").check();
            w.labelled("Choose musictransformer").check();
            w.page.getByRole(AriaRole.TAB, new Page.GetByRoleOptions().setName("Samples")).click();
            w.there(".abreast .paper");
            Locator heard = w.there(".abreast audio");
            heard.evaluate("a => { a.muted = true; return a.play(); }");
            w.page.waitForFunction(PLAYS, ".abreast audio");
            w.clean();
        }
    }
}
