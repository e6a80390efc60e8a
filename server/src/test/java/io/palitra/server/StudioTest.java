package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Mouse;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.BoundingBox;
import com.microsoft.playwright.options.FilePayload;
import io.palitra.config.Config;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import io.palitra.paint.TinyPipeline;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.jspecify.annotations.Nullable;

/** Each page of the studio as a person uses it, in the Chromium of the system. */
class StudioTest {
    private static final int TINY = 32;

    @TempDir private static Path root;
    private static @Nullable Browsing browsing;
    private static @Nullable Server server;
    private static @Nullable Asking asking;

    @BeforeAll static void start() throws Exception {
        browsing = Browsing.start();
        for (int latent : new int[] {2, 3}) {
            Config.with(new TrainRequest("vae"), "data=strokes", "out=" + root.resolve("runs/tiny-" + latent),
                "set=latent=" + latent + ",net.hidden=8,train.steps=3").run(Watcher.SILENT);
        }
        Path paints = TinyPipeline.write(root.resolve("paints"), 1);
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs"),
            "models=paints=" + paints));
        asking = new Asking(server, root);
    }

    @AfterAll static void stop() {
        if (server != null) server.close();
        if (browsing != null) browsing.close();
    }

    private static Watched open() { return Objects.requireNonNull(browsing).open(Objects.requireNonNull(server)); }

    private static Asking api() { return Objects.requireNonNull(asking); }

    private static String sampled(int seed, int n) throws Exception {
        return api().done("{\"kind\": \"sample\", \"request\": {\"run\": \"tiny-2\", \"n\": " + n + ", \"seed\": " + seed
            + ", \"each\": true}}").path("id").asText();
    }

    private static byte[] png(BufferedImage image) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        return out.toByteArray();
    }

    private static BufferedImage read(String path) throws Exception {
        return ImageIO.read(new ByteArrayInputStream(api().bytes(path).body()));
    }

    @Test void wordsBecomeAPicture() {
        try (Watched w = open()) {
            w.go("create");
            w.labelled("What to draw").fill("a red circle above a blue square");
            w.page.locator(".composer").getByLabel("Pictures").selectOption("2");
            w.button("Draw").click();
            w.picture(".batch .tile img[src*='/files/']");
            w.page.waitForCondition(() -> w.page.locator(".batch button.tile").count() == 2);
            assertThat(w.there(".batch .said").textContent()).isEqualTo("a red circle above a blue square");
            w.reload();
            w.picture(".batch .tile img[src*='/files/']");
            w.clean();
        }
    }

    @Test void allOfCreateGoesByKeyboard() {
        try (Watched w = open()) {
            w.go("create");
            w.tabTo(w.labelled("What to draw"));
            w.page.keyboard().type("жёлтая звезда");
            w.tabTo(w.button("Draw"));
            w.press("Enter");
            w.picture(".batch .tile img[src*='/files/']");
            Locator tile = w.page.locator(".batch button.tile");
            w.tabTo(tile);
            w.press("Enter");
            w.picture("dialog.viewer img");
            w.press("Escape");
            w.gone("dialog.viewer");
            assertThat(tile.evaluate("e => e === document.activeElement")).as("the focus is back").isEqualTo(true);
            w.clean();
        }
    }

    @Test void aMaskIsPaintedAndNothingElseChanges() throws Exception {
        BufferedImage before = new BufferedImage(TINY, TINY, BufferedImage.TYPE_INT_RGB);
        Random of = new Random(1);
        for (int i = 0; i < TINY * TINY; i++) before.setRGB(i % TINY, i / TINY, of.nextInt(1 << 24));
        try (Watched w = open()) {
            w.go("edit");
            w.page.locator("input[type=file]").setInputFiles(new FilePayload("noise.png", "image/png", png(before)));
            BoundingBox box = w.there(".canvas canvas").boundingBox();
            w.text("Nothing is coloured").waitFor();
            double x = box.x + box.width / 2, y = box.y + box.height / 2;
            w.page.mouse().move(x, y);
            w.page.mouse().down();
            w.page.mouse().move(x + 60, y + 20, new Mouse.MoveOptions().setSteps(6));
            w.page.mouse().up();
            w.text("Coloured is painted anew").waitFor();
            w.labelled("What it is to show").fill("ab");
            w.button("Paint").click();
            w.text("Checked: all \\d+ pixels outside are bit-equal").waitFor();
            w.clean();
        }
        JsonNode job = api().get("/v1/jobs?kind=paint&limit=1").path("jobs").get(0);
        JsonNode asked = job.path("request");
        BufferedImage from = read("/v1/uploads/" + asked.path("image").asText()), mask = read("/v1/uploads/" + asked.path("mask").asText());
        BufferedImage after = read("/v1/jobs/" + job.path("id").asText() + "/files/" + job.path("files").get(0).asText());
        int outside = 0, changed = 0;
        for (int i = 0; i < TINY * TINY; i++) {
            int px = i % TINY, py = i / TINY;
            assertThat(from.getRGB(px, py)).isEqualTo(before.getRGB(px, py));
            boolean free = (mask.getRGB(px, py) & 0xffffff) == 0, same = after.getRGB(px, py) == before.getRGB(px, py);
            if (free) {
                outside++;
                assertThat(same).as(px + "," + py).isTrue();
            } else if (!same) {
                changed++;
            }
        }
        assertThat(outside).isBetween(TINY * TINY / 2, TINY * TINY - 8);
        assertThat(changed).isPositive();
    }

    private static int step(Watched w) {
        String said = w.text("^Step [\\d,]+ of").textContent();
        return Integer.parseInt(said.replaceAll("^Step ([\\d,]+) of.*", "$1").replace(",", ""));
    }

    @Test void aTrainingIsStartedStoppedAndResumed() throws Exception {
        try (Watched w = open()) {
            w.go("train");
            w.labelled("Name of the run").fill("by-hand");
            w.page.getByRole(AriaRole.REGION, new Page.GetByRoleOptions().setName("Settings of a training"))
                .getByLabel("Steps", new Locator.GetByLabelOptions().setExact(true)).fill("100000");
            w.button("Begin").click();
            w.page.waitForCondition(() -> w.page.getByText(Pattern.compile("^Step \\d")).count() > 0 && step(w) > 20);
            w.button("Stop and save").click();
            w.text("Ended at step").waitFor();
            int at = api().get("/v1/runs/by-hand").path("step").asInt();
            assertThat(at).isGreaterThan(20);
            w.button("Train on").click();
            w.page.waitForCondition(() -> w.page.getByText(Pattern.compile("^Step \\d")).count() > 0 && step(w) > at);
            w.reload();     // a training goes on without the page
            w.page.waitForCondition(() -> w.page.getByText(Pattern.compile("^Step \\d")).count() > 0 && step(w) > at + 5);
            w.button("Stop and save").click();
            w.text("Ended at step").waitFor();
            assertThat(api().get("/v1/runs/by-hand").path("step").asInt()).isGreaterThan(at);
            w.there(".uplot canvas");
            w.clean();
        }
    }

    @Test void aDroppedPictureBringsItsSettings() throws Exception {
        String id = sampled(77, 1);
        byte[] picture = api().bytes("/v1/jobs/" + id + "/files/" + api().get("/v1/jobs/" + id).path("files").get(0).asText()).body();
        try (Watched w = open()) {
            w.go("gallery").drop("main h1", new FilePayload("mine.png", "image/png", picture));
            w.text("Made by palitra").waitFor();
            w.button("Use these settings").click();
            w.labelled("Number").waitFor();
            assertThat(w.labelled("Number").inputValue()).isEqualTo("77");
            assertThat(w.labelled("Model").inputValue()).isEqualTo("tiny-2");
            w.button("Draw").click();
            w.picture(".batch .tile img[src*='/files/']");
            w.clean();
        }
        JsonNode again = api().get("/v1/jobs?kind=sample&limit=1").path("jobs").get(0);
        assertThat(api().bytes("/v1/jobs/" + again.path("id").asText() + "/files/" + again.path("files").get(0).asText()).body())
            .isEqualTo(picture);
    }

    @Test void theGalleryMarksBinsAndShowsOneAfterTheOther() throws Exception {
        sampled(5, 3);
        try (Watched w = open()) {
            w.go("gallery");
            int all = api().get("/v1/gallery").path("total").asInt();
            w.picture(".cell img");
            w.there(".cell .star").click();
            w.there(".cell .star[aria-pressed=true]");
            w.button("Favourites alone").click();
            w.page.waitForCondition(() -> w.page.locator(".cell").count() == 1);
            w.button("Favourites alone").click();
            w.page.waitForCondition(() -> w.page.locator(".cell").count() > 1);
            w.there(".cell .open").click();
            w.picture("dialog.viewer img");
            w.text("^1 of " + all).waitFor();
            w.press("ArrowRight", "ArrowRight");
            w.text("^3 of " + all).waitFor();
            w.press("ArrowLeft");
            w.text("^2 of " + all).waitFor();
            w.press("f");
            w.page.waitForCondition(() -> total("?favourite=true") == 2);
            w.press("Delete");
            w.page.waitForCondition(() -> total("?binned=true") == 1);
            w.text("^2 of " + (all - 1)).waitFor();
            w.press("Escape");
            w.gone("dialog.viewer");
            w.button("Bin").click();
            w.page.waitForCondition(() -> w.page.locator(".cell").count() == 1);
            w.button("Empty the bin").click();
            w.page.locator("dialog[open]").getByRole(AriaRole.BUTTON,
                new Locator.GetByRoleOptions().setName("Empty the bin").setExact(true)).click();
            w.text("1 picture was deleted").waitFor();
            assertThat(total("?binned=true")).isZero();
            assertThat(total("")).isEqualTo(all - 1);
            w.clean();
        }
    }

    private static int total(String query) {
        try {
            return api().get("/v1/gallery" + query).path("total").asInt();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test void aMapIsWalkedThroughBetweenPins() {
        try (Watched w = open()) {
            w.go("walk?model=tiny-2");
            BoundingBox map = w.there(".latent-map canvas").boundingBox();
            for (double at : new double[] {0.4, 0.6}) {
                w.page.mouse().click(map.x + map.width * at, map.y + map.height * at);
                w.picture(".here img");
                w.page.waitForTimeout(200);
                w.button("Pin this point").click();
            }
            w.page.waitForCondition(() -> w.page.locator(".pins li").count() == 2);
            w.button("Walk").click();
            w.picture(".player img");
            w.clean();
        }
    }

    @Test void aPageThatIsNoneSaysSo() {
        try (Watched w = open()) {
            for (String place : List.of("nonsense", "constructor")) {
                w.page.navigate("http://127.0.0.1:" + Objects.requireNonNull(server).port() + "/#/" + place);
                w.text("^There is no such page\\.$").waitFor();
            }
            w.clean();
        }
    }

    /** Jobs of a kind, the newest first: their states. */
    private static List<String> states(String kind) throws Exception {
        List<String> states = new ArrayList<>();
        for (JsonNode job : Objects.requireNonNull(asking).get("/v1/jobs?kind=" + kind, 200).path("jobs")) {
            states.add(job.path("request").path("run").asText() + " " + job.path("status").asText());
        }
        return states;
    }

    @Test void whatAWalkAsksByItselfIsAskedOnceAndEndsWithThePage() throws Exception {
        try (Watched w = open()) {
            w.go("walk?model=tiny-3").there(".latent-map canvas");
            w.page.waitForFunction("document.querySelectorAll('.here img').length === 1");
            w.there(".form.directions");
            w.page.waitForTimeout(500);
            List<String> maps = states("map"), walks = states("walk");
            w.go("system").go("walk?model=tiny-3").there("canvas");
            w.reload().there(".form.directions");
            w.picture(".here img");
            w.page.waitForTimeout(500);
            assertThat(states("map")).isEqualTo(maps);
            assertThat(states("walk")).isEqualTo(walks);
            w.clean();
        }
        try (Watched other = open()) {     // another browser finds what is there
            List<String> maps = states("map");
            other.go("walk?model=tiny-3").there("canvas");
            assertThat(states("map")).isEqualTo(maps);
        }
        JsonNode long1 = Objects.requireNonNull(asking).send("POST", "/v1/jobs", "{\"kind\": \"draw\", \"request\": {\"prompt\": \"a red "
            + "circle\", \"candidates\": 64, \"clip\": \"\"}}", 202);
        try (Watched w = open()) {
            int maps = states("map").size(), walks = states("walk").size();
            w.go("walk?model=tiny-2");
            w.page.waitForCondition(() -> waiting("map") == 1 && waiting("walk") > 0);
            w.go("system");
            w.page.waitForCondition(() -> waiting("map") == 0 && waiting("walk") == 0);
            assertThat(states("map").subList(0, states("map").size() - maps)).containsOnly("tiny-2 cancelled");
            assertThat(states("walk").subList(0, states("walk").size() - walks)).containsOnly("tiny-2 cancelled");
            w.clean();
        } finally {
            asking.ask(asking.to("/v1/jobs/" + long1.path("id").asText()).DELETE().build(), 200);
        }
    }

    private static long waiting(String kind) {
        try {
            return states(kind).stream().filter(s -> s.endsWith(" queued") || s.endsWith(" running")).count();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Test void runsAreComparedModelsDataAndSystemShown() {
        try (Watched w = open()) {
            w.go("runs");
            w.labelled("Choose tiny-2").check();
            w.labelled("Choose tiny-3").check();
            w.there(".uplot canvas");
            w.page.getByRole(AriaRole.TAB, new Page.GetByRoleOptions().setName("What differs")).click();
            w.page.getByRole(AriaRole.ROWHEADER, new Page.GetByRoleOptions().setName("latent")).first().waitFor();
            w.page.getByRole(AriaRole.TAB, new Page.GetByRoleOptions().setName("Samples")).click();
            w.clean();
            w.go("models");
            for (String name : new String[] {"scenes", "scenes-clip", "digits", "paints", "tiny-2"}) {
                w.page.getByRole(AriaRole.HEADING, new Page.GetByRoleOptions().setName(name).setExact(true)).waitFor();
            }
            w.clean();
            w.go("data");
            w.labelled("Data set").selectOption("strokes");
            w.picture(".cell img");
            w.there(".cell .open").click();
            w.picture("dialog[open] img");
            w.press("ArrowRight", "Escape");
            w.clean();
            w.go("system");
            w.text("Models in memory").waitFor();
            w.there("meter");
            w.clean();
            w.go("dream");
            w.clean();
        }
    }

    @Test void languageAndColoursStayOverAReload() {
        try (Watched w = open()) {
            w.go("create");
            w.labelled("Language").selectOption("ru");
            w.text("Что нарисуем").waitFor();
            w.labelled("Цвета").selectOption("dark");
            Object paper = w.page.evaluate("getComputedStyle(document.body).backgroundColor");
            w.reload();
            assertThat(w.there("main h1").textContent()).isEqualTo("Что нарисуем?");
            assertThat(w.page.evaluate("[document.documentElement.lang, document.documentElement.dataset.theme].join(' ')"))
                .isEqualTo("ru dark");
            assertThat(w.page.evaluate("getComputedStyle(document.body).backgroundColor")).isEqualTo(paper).isEqualTo("rgb(18, 17, 22)");
            w.clean();
        }
    }
}
