package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Config;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.report.Png;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataRoutesTest {
    @TempDir private static Path root;
    private static Server server;
    private static Asking asking;

    @BeforeAll static void start() throws Exception {
        Path data = root.resolve("data");
        for (String split : List.of("train", "test")) {
            for (String name : List.of("cats", "dogs")) {
                Path folder = Files.createDirectories(data.resolve("pets").resolve(split).resolve(name));
                for (int i = 0; i < (name.equals("cats") ? 3 : 2); i++) picture(folder.resolve(i + ".png"), 40 * i);
            }
        }
        Files.writeString(data.resolve("pets/train/cats/torn.png"), "no picture");
        Path told = Files.createDirectories(data.resolve("told/train"));
        picture(told.resolve("a.png"), 10);
        picture(told.resolve("b.png"), 20);
        Files.writeString(told.resolve("a.txt"), "a grey square");
        Files.writeString(told.resolve("b.txt"), "a lighter square");
        Files.writeString(data.resolve("rows.csv"), "x,y\n" + "1,2\n3,4\n5,6\n7,9\n".repeat(10));
        Files.writeString(data.resolve("words.csv"), "x,kind\n1,a\n2,b\n");
        Files.createDirectories(data.resolve(".secret"));
        Files.createDirectories(root.resolve("outside/a"));
        picture(root.resolve("outside/a/canary.png"), 255);
        Files.createSymbolicLink(data.resolve("linked"), root.resolve("outside"));
        Files.writeString(data.resolve("notes.pem"), "canary");
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs"),
            "data=" + data));
        asking = new Asking(server, root);
    }

    private static void picture(Path file, int grey) {
        byte[] pixels = new byte[64];
        java.util.Arrays.fill(pixels, (byte) grey);
        Png.write(file, new Picture(1, 8, 8, pixels), Map.of());
    }

    @AfterAll static void stop() { server.close(); }

    @Test void theCatalogueAndTheFolderOfDataAreListed() throws Exception {
        JsonNode all = asking.get("/v1/data", 200).path("data");
        assertThat(all.findValuesAsText("name")).contains("strokes", "scenes", "mnist", "pets", "told", "rows.csv")
            .doesNotContain("linked", ".secret", "notes.pem");
        for (JsonNode set : all) if (set.path("name").asText().equals("strokes")) {
            assertThat(set.path("here").asBoolean()).isTrue();
            assertThat(set.path("size").asInt()).isEqualTo(60_000);
            assertThat(set.path("classes")).hasSize(10);
        }
    }

    @Test void classesAreCountedItemsPagedAndBrokenFilesNamed() throws Exception {
        JsonNode pets = asking.get("/v1/data/pets?split=train", 200);
        assertThat(pets.path("classes").toString()).isEqualTo("[{\"name\":\"cats\",\"count\":3},{\"name\":\"dogs\",\"count\":2}]");
        assertThat(pets.path("size").asInt()).isEqualTo(5);
        assertThat(pets.path("broken").toString()).contains("torn.png");
        assertThat(asking.get("/v1/data/pets?label=dogs", 200).path("items")).hasSize(2).allMatch(i -> i.path("label").asInt() == 1);
        assertThat(asking.get("/v1/data/pets?from=3&count=1", 200).path("items").findValuesAsText("index")).containsExactly("3");
        assertThat(asking.get("/v1/data/told", 200).path("items").findValuesAsText("text")).contains("a grey square");
        assertThat(asking.get("/v1/data/scenes?split=test&count=2", 200).path("size").asInt()).isEqualTo(10_000);
        assertThat(asking.get("/v1/data/rows.csv", 200).path("items").size()).isPositive();
        assertThat(asking.get("/v1/data/words.csv", 409).path("error").path("message").asText())
            .contains("words.csv: row 2, column 'kind'");
        asking.get("/v1/data/pets?split=x", 422);
        asking.get("/v1/data/pets?count=100000", 422);
    }

    @Test void anItemIsItsPicture() throws Exception {
        JsonNode dogs = asking.get("/v1/data/pets?label=dogs", 200).path("items");
        HttpResponse<byte[]> png = asking.bytes("/v1/data/pets/items/" + dogs.get(1).path("index").asInt() + ".png?split=train");
        assertThat(png.headers().firstValue("Content-Type")).hasValue("image/png");
        Picture picture = Pictures.read(png.body(), "item", Limits.DEFAULT);
        assertThat(picture.width()).isEqualTo(8);
        assertThat(picture.pixels()).containsOnly((byte) 40);
        asking.get("/v1/data/rows.csv/items/0.png", 404);
    }

    @Test void nothingElseIsReached() throws Exception {
        for (String path : List.of("linked", "linked/items/0.png", ".secret", "notes.pem", "..", "%2e%2e%2foutside", "pets%2ftrain",
                "..%2fdata%2fpets", "pets/items/5.png", "pets/items/-1.png", "pets/items/0", "pets/items/0.png%00", "/etc")) {
            HttpResponse<byte[]> answer = asking.bytes("/v1/data/" + path);
            assertThat(answer.statusCode()).as(path).isIn(400, 404, 409);
            assertThat(new String(answer.body())).as(path).doesNotContain("canary", root.toString());
        }
    }

    @Test void onlyAFewSetsStayOpen() {
        DataSets sets = new DataSets(root.resolve("data").toString());
        Object first = sets.open("pets", io.palitra.data.Split.TRAIN);
        assertThat(sets.open("pets", io.palitra.data.Split.TRAIN)).isSameAs(first);
        for (String name : List.of("told", "rows.csv", "toy-moons", "toy-rings")) sets.open(name, io.palitra.data.Split.TRAIN);
        assertThat(sets.open("pets", io.palitra.data.Split.TRAIN)).isNotSameAs(first);
    }
}
