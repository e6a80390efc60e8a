package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.microsoft.playwright.options.BoundingBox;
import com.microsoft.playwright.options.FilePayload;
import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.Datasets;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.family.Families;
import io.palitra.job.Requests;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import io.palitra.report.Gif;
import io.palitra.report.Png;
import io.palitra.train.RunConfig;
import io.palitra.train.TinyRuns;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.jspecify.annotations.Nullable;

/** What runs make of a picture on the page Edit, in the Chromium of the system. */
class StudioEditTest {
    private static final int SIDE = 16, ITEMS = 30;
    private static final String OUT = "out=";

    @TempDir private static Path root;
    private static @Nullable Browsing browsing;
    private static @Nullable Server server;
    private static @Nullable Asking asking;

    @BeforeAll static void start() throws Exception {
        browsing = Browsing.start();
        Path few = Files.createDirectories(root.resolve("few"));      // too few to be watched for collapse, which takes most of the time
        for (int i = 0; i < ITEMS; i++) {
            Png.write(few.resolve(i + ".png"), drawn(i, SIDE), Map.of());
            Files.writeString(few.resolve(i + ".txt"), "a picture");
        }
        Config.with(new TrainRequest("diffusion"), "data=" + few, OUT + run("redraws"),
            "set=net.channels=8,net.attention=0,net.groups=4,train.steps=2,train.batch=4")
            .run(Watcher.SILENT);
        Path films = Files.createDirectories(root.resolve("few-films"));
        for (int i = 0; i < ITEMS; i++) {
            Gif.write(films.resolve(i + ".gif"), List.of(drawn(i, SIDE), drawn(i + 1, SIDE), drawn(i + 2, SIDE)), 100);
        }
        Config.with(new TrainRequest("diffusion"), "data=" + films, OUT + run("films"), "set=net=latte,net.width=16,net.layers=1,"
            + "net.heads=2,net.patch=4,data.frames=3,train.steps=1,train.batch=2").run(Watcher.SILENT);
        ObjectNode sees = Asking.JSON.createObjectNode().put("family", "flamingo").put("data", few.toString()).put("out", run("sees"));
        List.of("train.steps=2", "train.batch=4", "data.captions=true").forEach(sees.putArray("set")::add);
        TinyRuns.tiny(Families.named("flamingo"), root).overrides().forEach(sees.withArray("set")::add);    // some have commas
        Requests.of("train", sees).run(Watcher.SILENT);
        DataOptions words = Config.with(DataOptions.DEFAULT, "captions=true");
        Path varies = Files.createDirectories(Path.of(run("varies")));     // without weights: it cannot draw, but it can be named
        RunConfig.of("unclip", few.toString(), Datasets.open(few.toString(), Split.TRAIN, words), words, 0, List.of())
            .write(varies.resolve("config.json"));
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs")));
        asking = new Asking(server, root);
    }

    @AfterAll static void stop() {
        if (server != null) server.close();
        if (browsing != null) browsing.close();
    }

    private static String run(String name) { return root.resolve("runs/" + name).toString(); }

    private static Picture drawn(int seed, int side) {
        byte[] grey = new byte[side * side];
        for (int k = 0; k < grey.length; k++) grey[k] = (byte) (k * (seed + 3));
        return new Picture(1, side, side, grey);
    }

    private static FilePayload picture() { return new FilePayload("grey.png", "image/png", Png.encode(drawn(1, 32), Map.of())); }

    private static Watched open(String model) {
        Watched w = Objects.requireNonNull(browsing).open(Objects.requireNonNull(server));
        w.go("edit");
        w.labelled("Model").selectOption(model);
        w.page.locator("input[type=file]").setInputFiles(picture());
        w.there(".canvas canvas");
        return w;
    }

    private static JsonNode last(String kind) throws Exception {
        return Objects.requireNonNull(asking).get("/v1/jobs?kind=" + kind + "&limit=1").path("jobs").get(0);
    }

    @Test void aRunRedrawsWhatIsPaintedOver() throws Exception {
        try (Watched w = open("redraws")) {
            w.text("Nothing is coloured: the whole picture is drawn anew").waitFor();
            BoundingBox box = w.there(".canvas canvas").boundingBox();
            w.page.mouse().click(box.x + box.width / 2, box.y + box.height / 2);
            w.text("Coloured is drawn anew, the rest stays. The run draws 16 × 16 pixels").waitFor();
            w.button("Paint").click();
            w.picture(".only .picture img[src*='/complete.png']");
            w.clean();
        }
        JsonNode asked = last("complete").path("request");
        assertThat(asked.path("mask").asText()).as(asked.toString()).hasSize(32);
        assertThat(asked.path("strength").asDouble()).isEqualTo(1);
    }

    @Test void aRunThatKeepsRowsTooIsAskedToKeepThem() throws Exception {
        try (Watched w = open("redraws")) {
            w.labelled("What is kept").selectOption("rows");
            w.text("the rows above it stay").waitFor();
            w.button("Complete").click();
            w.picture(".only .picture img[src*='/complete.png']");
            w.labelled("What is kept").selectOption("redraw");
            w.button("Picture and mask").click();
            w.labelled("Strength").fill("0.5");
            w.button("Paint").click();
            w.picture(".only .picture img[src*='/complete.png']");
            w.clean();
        }
        JsonNode asked = last("complete").path("request");
        assertThat(asked.path("keep").asInt()).isZero();
        assertThat(asked.path("strength").asDouble()).isEqualTo(0.5);
    }

    @Test void aRunThatSeesWritesOfAPicture() throws Exception {
        try (Watched w = open("sees")) {
            w.text("sees says in words what the picture shows").waitFor();
            w.labelled("Beginning or question").fill("how many?");
            w.page.locator("details.more > summary").first().click();
            w.labelled("Tokens at most").fill("5");
            w.button("Caption").click();
            w.there(".paper.caption");
            w.clean();
        }
        JsonNode job = last("caption");
        assertThat(job.path("request").path("ask").asText()).isEqualTo("how many?");
        assertThat(job.path("result").path("captions")).hasSize(1);
    }

    @Test void aRunOfUnclipIsAskedForVariationsFromWordsToWords() throws Exception {
        try (Watched w = open("varies")) {
            w.labelled("From the words").fill("a circle");
            w.labelled("To the words").fill("a square");
            w.labelled("How far").fill("0.25");
            w.labelled("Variants").selectOption("2");
            w.button("Vary").click();
            w.there(".notice.fault");
            w.clean();
        }
        JsonNode asked = last("vary").path("request");
        assertThat(asked.path("pictures")).hasSize(1);
        assertThat(asked.path("from").asText() + ", " + asked.path("to").asText()).isEqualTo("a circle, a square");
        assertThat(asked.path("amount").asDouble()).isEqualTo(0.25);
        assertThat(asked.path("n").asInt()).isEqualTo(2);
    }

    @Test void aPictureIsTheFirstFrameOfAFilm() throws Exception {
        try (Watched w = open("films")) {
            w.labelled("Frames of the film").fill("4");
            w.button("Go on").click();
            w.picture(".only .picture img[src*='/continued.gif']");
            w.reload();
            w.picture(".only .picture img[src*='/continued.gif']");
            w.clean();
        }
        assertThat(last("continue").path("request").path("frames").asInt()).isEqualTo(4);
    }
}
