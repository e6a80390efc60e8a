package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Mouse;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.BoundingBox;
import io.palitra.config.Config;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import io.palitra.paint.TinyPipeline;
import io.palitra.report.Png;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Makes the pictures of the book: each page of the studio with real content, light in English and dark in Russian. */
@Tag("slow")
class StudioPicturesTest {
    private static final Path TO = Path.of("docs/studio");
    private static final long MOST = 4 << 20;
    private static final String STEPS = "1500";
    private static final List<String> PROMPTS = List.of("a purple triangle inside a big orange circle", "a small green heart on white",
        "жёлтая звезда ночью", "красный круг над синим квадратом", "a yellow star at night", "a red circle above a blue square");

    @TempDir private Path root;

    /** Trained here, which takes minutes, or a copy of one of the folder that -Dstudio.runs= names. */
    private void train(String name, String set) throws Exception { train(name, "vae", "strokes", "train.steps=" + STEPS + "," + set); }

    private void train(String name, String family, String data, String set) throws Exception {
        String there = System.getProperty("studio.runs", "");
        if (!there.isEmpty()) {
            Path from = Path.of(there, name), to = root.resolve("runs").resolve(name);
            try (Stream<Path> all = Files.walk(from)) {
                for (Path file : all.toList()) {
                    Path copy = to.resolve(from.relativize(file).toString());
                    if (Files.isDirectory(file)) Files.createDirectories(copy);
                    else Files.copy(file, copy);
                }
            }
            return;
        }
        Config.with(new TrainRequest(family), "data=" + data, "out=" + root.resolve("runs/" + name), "set=" + set).run(Watcher.SILENT);
    }

    @Test void everyPageIsTaken() throws Exception {
        try (Browsing browsing = Browsing.start()) {
            train("strokes-2", "latent=2");
            train("strokes-20", "latent=20");
            try (Server server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"),
                    "jobs=" + root.resolve("jobs"), "models=sketch=" + TinyPipeline.write(root.resolve("paints"), 1)));
                    Watched w = browsing.open(server)) {
                Files.createDirectories(TO);
                fill(w, new Asking(server, root));
                all(w, "");
                w.go("create");
                w.labelled("Language").selectOption("ru");
                w.labelled("Цвета").selectOption("dark");
                all(w, "-dark");
                w.clean();
            }
        }
        try (Stream<Path> made = Files.list(TO)) {
            assertThat(made.mapToLong(f -> f.toFile().length()).sum()).isLessThan(MOST);
        }
    }

    @Test void textsAndMusicAreTaken() throws Exception {
        try (Browsing browsing = Browsing.start()) {
            train("programs-gpt", "gpt", "programs",
                "data.length=160,width=64,layers=2,heads=4,train.batch=16,train.steps=700,train.optimizer.lr=0.003");
            train("parts-music", "musictransformer", "parts",
                "data.steps=64,width=64,layers=2,knownLayers=1,heads=4,train.batch=8,train.steps=250,train.optimizer.lr=0.002");
            try (Server server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"),
                    "jobs=" + root.resolve("jobs"))); Watched w = browsing.open(server)) {
                Files.createDirectories(TO);
                sequences(w, "", "Write", "Compose");
                w.labelled("Language").selectOption("ru");
                w.labelled("Цвета").selectOption("dark");
                sequences(w, "-dark", "Написать", "Сочинить");
                w.clean();
            }
        }
    }

    private static void sequences(Watched w, String end, String write, String compose) throws Exception {
        w.go("create");
        Locator composer = w.page.locator(".composer");
        composer.locator("select").nth(0).selectOption("programs-gpt");
        w.page.locator(".script textarea").fill(end.isEmpty() ? "def f(n):\n  return n * 2\n" : "x = 3\nfor i in range(x):\n");
        composer.locator("select").nth(1).selectOption("4");
        w.button(write).click();
        w.page.waitForCondition(() -> w.page.locator(".batch").first().locator(".paper:not(.grows)").count() == 4);
        take(w, "texts" + end);
        composer.locator("select").nth(0).selectOption("parts-music");
        w.button(compose).click();
        w.page.waitForCondition(() -> w.page.locator(".batch").first().locator(".piece .picture.there").count() == 4,
            new Page.WaitForConditionOptions().setTimeout(240_000));
        take(w, "music" + end);
        w.go("data");
        w.page.locator(".sift select").first().selectOption("programs");
        w.there(".cell .snippet");
        if (end.isEmpty()) take(w, "data-texts");
        w.page.locator(".sift select").first().selectOption("parts");
        w.there(".cell .picture.there");
        if (!end.isEmpty()) take(w, "data-music" + end);
        w.go("runs");
        for (String run : List.of("programs-gpt", "parts-music")) w.page.locator("tr", new Page.LocatorOptions().setHasText(run))
            .locator("input").check();
        w.page.getByRole(AriaRole.TAB).nth(2).click();
        w.there(".abreast audio");
        if (end.isEmpty()) take(w, "samples");
        w.go("create");
    }

    private static void fill(Watched w, Asking asking) throws Exception {
        for (String run : List.of("strokes-2", "strokes-20")) {
            asking.done("{\"kind\": \"sample\", \"request\": {\"run\": \"" + run + "\", \"n\": 8, \"seed\": 1, \"each\": true}}");
        }
        asking.done("{\"kind\": \"sample\", \"request\": {\"run\": \"digits\", \"n\": 8, \"seed\": 4, \"each\": true}}");
        w.go("create");
        Locator composer = w.page.locator(".composer");
        composer.locator("select").nth(1).selectOption("4");
        for (String prompt : PROMPTS) {
            w.page.locator("#words").fill(prompt);
            w.button("Draw").click();
            w.page.waitForCondition(() -> w.page.locator(".batch").first().locator("button.tile .picture.there").count() == 4
                && w.page.locator(".batch .said").first().textContent().equals(prompt),
                    new Page.WaitForConditionOptions().setTimeout(120_000));
        }
        w.go("gallery");
        w.there(".cell .star").click();
        w.page.locator(".cell .star").nth(5).click();
        w.page.locator(".cell .open").first().click();
        w.page.locator("dialog.viewer .button", new Page.LocatorOptions().setHasText("Edit")).click();
        w.there(".canvas canvas");
        w.go("dream");
        w.page.locator("main textarea").first().fill("a red circle on grass");
        w.labelled("Iterations").fill("160");
        w.button("Dream").click();
        w.button("Clear").waitFor(new Locator.WaitForOptions().setTimeout(240_000));
    }

    private static void mask(Watched w, String words) {
        w.go("edit");
        BoundingBox box = w.there(".canvas canvas").boundingBox();
        double x = box.x + box.width * 0.42, y = box.y + box.height * 0.38;
        w.page.waitForTimeout(300);
        w.page.mouse().move(x, y);
        w.page.mouse().down();
        w.page.mouse().move(x + 90, y + 30, new Mouse.MoveOptions().setSteps(9));
        w.page.mouse().up();
        w.page.locator("main textarea").first().fill(words);
    }

    private static void all(Watched w, String end) throws Exception {
        boolean first = end.isEmpty();
        mask(w, first ? "a green heart" : "зелёное сердце");
        take(w, "edit" + end);
        for (String page : List.of("create", "gallery", "models", "data", "system", "dream")) {
            w.go(page);
            take(w, page + end);
        }
        w.go("walk?model=strokes-2");
        BoundingBox map = w.there(".latent-map canvas").boundingBox();
        double[][] pins = first ? new double[][] {{0.3, 0.45}, {0.5, 0.6}, {0.68, 0.35}} : new double[][] {{0.55, 0.5}};
        for (double[] at : pins) {
            w.page.mouse().click(map.x + map.width * at[0], map.y + map.height * at[1]);
            w.picture(".here img");
            w.page.waitForTimeout(600);
            if (first) w.button("Pin this point").click();
        }
        take(w, "walk" + end);
        w.go("train?run=strokes-20");
        w.there(".uplot canvas");
        take(w, "train" + end);
        w.go("runs");
        w.page.locator(".runs tbody input").nth(0).check();
        w.page.locator(".runs tbody input").nth(1).check();
        w.there(".uplot canvas");
        take(w, "runs" + end);
        if (first) {
            w.page.getByRole(AriaRole.TAB).nth(3).click();
            take(w, "compare");
        }
        w.go("gallery");
        w.page.locator("input[type=search]").fill(first ? "red circle above" : "красный круг над");
        w.page.waitForCondition(() -> w.page.locator(".cell").count() == 4);
        w.page.locator(".cell .open").nth(1).click();
        w.picture("dialog.viewer img");
        take(w, "viewer" + end);
        w.press("Escape");
        w.page.locator("input[type=search]").fill("");
        w.page.waitForCondition(() -> w.page.locator(".cell").count() > 4);
    }

    private static void take(Watched w, String name) throws Exception {
        w.page.waitForTimeout(1200);        // pictures in sight are fetched, and what moves has come to rest
        Picture whole = Pictures.read(w.page.screenshot(), name, Limits.DEFAULT);
        byte[] pixels = whole.pixels().clone();
        Map<Integer, Integer> many = new HashMap<>();
        int each = pixels.length / 3;
        for (int i = 0; i < each; i++) many.merge(colour(pixels, i, each), 1, Integer::sum);
        // of all but the colours of the pages themselves the two lowest bits are not seen, and take a quarter of the bytes
        for (int i = 0; i < each; i++) {
            if (many.getOrDefault(colour(pixels, i, each), 0) > each / 2000) continue;
            for (int c = i; c < pixels.length; c += each) pixels[c] = (byte) Math.min(255, ((pixels[c] & 0xff) + 2) / 4 * 4);
        }
        Png.write(TO.resolve(name + ".png"), new Picture(whole.channels(), whole.height(), whole.width(), pixels), Map.of());
    }

    private static int colour(byte[] pixels, int i, int each) {
        return (pixels[i] & 0xff) << 16 | (pixels[i + each] & 0xff) << 8 | pixels[i + 2 * each] & 0xff;
    }
}
