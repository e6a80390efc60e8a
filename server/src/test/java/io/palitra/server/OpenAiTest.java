package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.OpenAIServiceException;
import com.openai.models.images.Image;
import com.openai.models.images.ImageCreateVariationParams;
import com.openai.models.images.ImageEditParams;
import com.openai.models.images.ImageGenStreamEvent;
import com.openai.models.images.ImageGenerateParams;
import com.openai.models.images.ImagesResponse;
import com.openai.models.models.Model;
import io.palitra.config.Config;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.job.DrawRequest;
import io.palitra.job.SampleRequest;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import io.palitra.train.RunConfig;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import javax.imageio.ImageIO;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** OpenAI's images API, as its own clients speak it. */
class OpenAiTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final String WORDS = "a red circle above a blue square";
    /** Of the run "bars": so many steps that a picture is watched while it is drawn, and a client has time to leave. */
    private static final int SLOW = 900;

    @TempDir private static Path root;
    private static Server server;
    private static OpenAIClient client;

    @BeforeAll static void start() throws Exception {
        Watcher enough = new Watcher() {   // a training that is stopped saves, without samples and measures
            private int asked;

            @Override public boolean stop() { return ++asked > 2; }
        };
        Config.replace(Config.with(new TrainRequest("diffusion"), "data=strokes", "out=" + root.resolve("runs/bars")), "set", List.of(
            "net.channels=16,16", "net.attention=1", "net.groups=4", "condition=label", "train.batch=2")).run(enough);
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs")));
        client = OpenAIOkHttpClient.builder().baseUrl(at("/v1")).apiKey("none is asked for").maxRetries(0).build();
    }

    @AfterAll static void stop() {
        client.close();
        server.close();
    }

    private static String at(String path) { return "http://127.0.0.1:" + server.port() + path; }

    private static ImageGenerateParams.Builder drawing() {
        return ImageGenerateParams.builder().prompt(WORDS).putAdditionalBodyProperty("seed", JsonValue.from(7));
    }

    private static byte[] bytes(Image image) { return Base64.getDecoder().decode(image.b64Json().orElseThrow()); }

    private static JsonNode raw(ImagesResponse response) {
        return JSON.valueToTree(response._additionalProperties().entrySet().stream().collect(
            Collectors.toMap(Map.Entry::getKey, e -> e.getValue().convert(JsonNode.class))));
    }

    @Test void wordsAreDrawnByWhatComesWithTheProgramWhoeverIsAsked() throws Exception {
        Path alone = root.resolve("alone.png");
        Config.with(new DrawRequest(WORDS), "seed=7", "out=" + alone).run(Watcher.SILENT);
        for (String model : List.of("", "dall-e-3", "gpt-image-1", "scenes")) {
            ImageGenerateParams.Builder asked = drawing();
            if (!model.isEmpty()) asked.model(model);
            ImagesResponse response = client.images().generate(asked.build());
            assertThat(bytes(response.data().orElseThrow().get(0))).as(model).isEqualTo(Files.readAllBytes(alone));
            JsonNode beside = raw(response);
            assertThat(beside.path("model").asText()).isEqualTo("scenes");
            boolean other = !model.isEmpty() && !model.equals("scenes");
            assertThat(beside.path("palitra").path("asked_model").asText()).isEqualTo(other ? model : "");
            assertThat(beside.path("palitra").path("drawn_size").asText()).isEqualTo("64x64");
            assertThat(beside.has("ignored")).isFalse();
        }
    }

    @Test void anAddressLeadsToThePicture() throws Exception {
        Image image = client.images().generate(drawing().responseFormat(ImageGenerateParams.ResponseFormat.URL).size(
            ImageGenerateParams.Size._1024X1024).build()).data().orElseThrow().get(0);
        assertThat(image.b64Json()).isEmpty();
        HttpResponse<byte[]> file = HTTP.send(HttpRequest.newBuilder(URI.create(image.url().orElseThrow())).build(),
            HttpResponse.BodyHandlers.ofByteArray());
        Contract.check(file);
        assertThat(file.headers().firstValue("Content-Type")).hasValue("image/png");
        Picture picture = Pictures.read(file.body(), "answer", Limits.DEFAULT);
        assertThat(List.of(picture.width(), picture.height())).containsExactly(1024, 1024);
        assertThat(Png.text(file.body())).as("what drew it").isNotEmpty();
    }

    @Test void aSizeIsOfBlocksOfThePictureThatWasDrawn() throws Exception {
        Picture drawn = Pictures.read(bytes(client.images().generate(drawing().size(ImageGenerateParams.Size.of("64x64")).build()).data()
            .orElseThrow().get(0)), "answer", Limits.DEFAULT);
        assertThat(List.of(drawn.width(), drawn.height())).containsExactly(64, 64);
        for (String size : List.of("128x128", "128x192", "100x140", "20x24")) {
            ImagesResponse response = client.images().generate(drawing().size(ImageGenerateParams.Size.of(size)).build());
            Picture made = Pictures.read(bytes(response.data().orElseThrow().get(0)), "answer", Limits.DEFAULT);
            assertThat(made.width() + "x" + made.height()).isEqualTo(size).isEqualTo(response.size().orElseThrow().asString());
            if (size.equals("20x24")) continue;   // resampled
            for (int c = 0; c < 3; c++) {
                for (int y = 0; y < made.height(); y++) {
                    for (int x = 0; x < made.width(); x++) {
                        assertThat(made.pixels()[(c * made.height() + y) * made.width() + x]).isEqualTo(drawn.pixels()[(c * 64
                            + y * 64 / made.height()) * 64 + x * 64 / made.width()]);
                    }
                }
            }
        }
    }

    @Test void aJpegIsWrittenAndFetched() throws Exception {
        int[] sizes = new int[2];
        for (int i = 0; i < 2; i++) {
            Image image = client.images().generate(drawing().outputFormat(ImageGenerateParams.OutputFormat.JPEG)
                .outputCompression(i == 0 ? 10 : 95).size(ImageGenerateParams.Size._256X256).build()).data().orElseThrow().get(0);
            assertThat(bytes(image)).startsWith(0xff, 0xd8, 0xff);
            sizes[i] = bytes(image).length;
            HttpResponse<byte[]> file = HTTP.send(HttpRequest.newBuilder(URI.create(image.url().orElseThrow())).build(),
                HttpResponse.BodyHandlers.ofByteArray());
            assertThat(file.body()).isEqualTo(bytes(image));
            assertThat(file.headers().firstValue("Content-Type")).hasValue("image/jpeg");
        }
        assertThat(sizes[0]).isLessThan(sizes[1]);
        refused(400, "output_format", "bad_request", "png and jpeg", () -> client.images().generate(drawing()
            .outputFormat(ImageGenerateParams.OutputFormat.WEBP).build()));
    }

    @Test void threeOfASeedAreThoseOfThreeSeeds() {
        List<Image> three = client.images().generate(drawing().n(3).build()).data().orElseThrow();
        assertThat(three).hasSize(3);
        for (int i = 0; i < 3; i++) {
            Image one = client.images().generate(drawing().putAdditionalBodyProperty("seed", JsonValue.from(7 + i)).build()).data()
                .orElseThrow().get(0);
            assertThat(bytes(three.get(i))).isEqualTo(bytes(one));
            assertThat(one._additionalProperties().get("seed").convert(Integer.class)).isEqualTo(7 + i);
        }
        assertThat(bytes(three.get(0))).isNotEqualTo(bytes(three.get(1)));
        Image any = client.images().generate(ImageGenerateParams.builder().prompt(WORDS).build()).data().orElseThrow().get(0);
        long seed = any._additionalProperties().get("seed").convert(Long.class);
        assertThat(bytes(client.images().generate(drawing().putAdditionalBodyProperty("seed", JsonValue.from(seed)).build()).data()
            .orElseThrow().get(0))).as("the seed that was chosen is said").isEqualTo(bytes(any));
    }

    @Test void classesAreDrawnByTheirNames() throws Exception {
        Path alone = root.resolve("class.png");
        Config.with(new SampleRequest(root.resolve("runs/bars").toString()), "n=1", "seed=7", "label=1", "sampling=sampler.steps=3",
            "out=" + alone).run(Watcher.SILENT);
        ImagesResponse response = client.images().generate(drawing().model("bars").prompt(strokes().get(1))
            .putAdditionalBodyProperty("steps", JsonValue.from(3)).build());
        assertThat(bytes(response.data().orElseThrow().get(0))).isEqualTo(Files.readAllBytes(alone));
        assertThat(raw(response).path("palitra").path("kind").asText()).isEqualTo("sample");
        refused(400, "prompt", "bad_request", String.join(", ", strokes()), () -> client.images().generate(drawing().model("bars")
            .build()));
        refused(400, "steps", "bad_request", "steps", () -> client.images().generate(drawing().model("bars").prompt(strokes().get(1))
            .putAdditionalBodyProperty("steps", JsonValue.from(0)).build()));
    }

    private static List<String> strokes() throws IOException {
        return RunConfig.read(root.resolve("runs/bars/config.json")).settings().classes();
    }

    @Test void whatDecidesNothingIsSaid() {
        JsonNode beside = raw(client.images().generate(drawing().quality(ImageGenerateParams.Quality.HD).user("me")
            .moderation(ImageGenerateParams.Moderation.LOW).style(ImageGenerateParams.Style.VIVID)
            .background(ImageGenerateParams.Background.TRANSPARENT).putAdditionalBodyProperty("negative_prompt", JsonValue.from("blue"))
            .putAdditionalBodyProperty("steps", JsonValue.from(4)).putAdditionalBodyProperty("guidance", JsonValue.from(3.5))
            .putAdditionalBodyProperty("flavour", JsonValue.from(List.of(1))).build()));
        assertThat(JSON.convertValue(beside.path("ignored"), List.class)).isEqualTo(List.of("background", "flavour", "negative_prompt",
            "quality", "steps", "style"));
    }

    @Test void picturesAreSeenOnTheirWay() throws Exception {
        int partials = 0, all = 0, completed = 0;
        try (StreamResponse<ImageGenStreamEvent> events = client.images().generateStreaming(drawing().model("bars").n(2)
                .prompt(strokes().get(0)).partialImages(2).size(ImageGenerateParams.Size.of("56x56"))
                .putAdditionalBodyProperty("steps", JsonValue.from(SLOW)).build())) {
            for (ImageGenStreamEvent event : (Iterable<ImageGenStreamEvent>) events.stream()::iterator) {
                if (event.isGenerationCompleted()) {
                    completed++;
                    partials = 0;
                    Picture picture = Pictures.read(Base64.getDecoder().decode(event.asGenerationCompleted().b64Json()), "answer",
                        Limits.DEFAULT);
                    assertThat(picture.width()).isEqualTo(56);
                    assertThat(event.asGenerationCompleted()._additionalProperties().get("model").convert(String.class)).isEqualTo("bars");
                } else {
                    assertThat(event.asGenerationPartialImage().partialImageIndex()).isEqualTo(partials++);
                    assertThat(Base64.getDecoder().decode(event.asGenerationPartialImage().b64Json())).startsWith(0x89, 'P', 'N', 'G');
                    all++;
                }
            }
        }
        assertThat(completed).isEqualTo(2);
        assertThat(all).isBetween(1, 4);
    }

    @Test void modelsAreListedAndFound() {
        List<Model> all = client.models().list().data();
        assertThat(all).extracting(Model::id).contains("scenes", "digits", "bars");
        Model bars = client.models().retrieve("bars");
        assertThat(bars.ownedBy()).isEqualTo("palitra");
        assertThat(bars.created()).isBetween(System.currentTimeMillis() / 1000 - 600, System.currentTimeMillis() / 1000);
        refused(404, "model", "model_not_found", "scenes", () -> client.models().retrieve("gpt-9"));
        refused(404, "model", "model_not_found", "scenes", () -> client.models().retrieve("../runs"));
    }

    @Test void whatCannotBeIsRefusedInTheirForm() {
        refused(404, "model", "model_not_found", "bars", () -> client.images().generate(drawing().model("sdxl").build()));
        refused(404, "model", "model_not_found", "bars", () -> client.images().generate(drawing().model("../runs/bars").build()));
        refused(404, "model", "model_not_found", "bars", () -> client.images().generate(drawing()
            .model(root.resolve("runs/bars").toString()).build()));
        refused(400, "n", "bad_request", "1 to 10", () -> client.images().generate(drawing().n(11).build()));
        refused(400, "size", "bad_request", "WIDTHxHEIGHT", () -> client.images().generate(drawing()
            .size(ImageGenerateParams.Size.of("0x3")).build()));
        refused(400, "prompt", "bad_request", "empty", () -> client.images().generate(drawing().prompt(" ").build()));
        refused(400, "seed", "bad_request", "whole number", () -> client.images().generate(drawing().putAdditionalBodyProperty("seed",
            JsonValue.from("seven")).build()));
        refused(400, "partial_images", "bad_request", "0 to 3", () -> client.images().generate(drawing().partialImages(4).build()));
        refused(400, "model", "model_draws_nothing", "draws no pictures", () -> client.images().generate(drawing().model("scenes-clip")
            .build()));
    }

    @Test void aWordThatTheModelNeverLearnedIsNamed() throws Exception {
        HttpResponse<String> answer = HTTP.send(HttpRequest.newBuilder(URI.create(at("/v1/images/generations"))).header("Content-Type",
            "application/json").POST(HttpRequest.BodyPublishers.ofString("{\"prompt\": \"a purple zebra\", \"seed\": 3}")).build(),
            HttpResponse.BodyHandlers.ofString());
        assertThat(JSON.readTree(answer.body()).path("palitra").path("notes")).singleElement()
            .satisfies(note -> assertThat(note.asText()).startsWith("'zebra' stands in no caption"));
    }

    @Test void editsSayWhatTheyNeed() throws Exception {
        byte[] png = Png.encode(new Picture(3, 8, 8, new byte[192]), Map.of());
        refused(400, "model", "model_cannot_edit", "Stable Diffusion", () -> client.images().edit(ImageEditParams.builder().image(png)
            .prompt("a hat").build()));
        refused(400, "model", "model_cannot_edit", "'scenes' changes no pictures", () -> client.images().edit(ImageEditParams.builder()
            .image(png).prompt("a hat").model("scenes").build()));
        refused(400, "model", "model_cannot_edit", "Stable Diffusion", () -> client.images().createVariation(
            ImageCreateVariationParams.builder().image(png).build()));
        String data = "data:image/png;base64," + Base64.getEncoder().encodeToString(png);
        assertThat(edit("{\"prompt\": \"a hat\", \"images\": [{\"image_url\": \"" + data + "\"}]}").path("code").asText())
            .isEqualTo("model_cannot_edit");
        for (String url : List.of("http://127.0.0.1:1/x.png", "https://example.com/x.png", "file:///etc/passwd", "data:text/html,x", "")) {
            JsonNode error = edit("{\"prompt\": \"a hat\", \"images\": [{\"image_url\": \"" + url + "\"}]}");
            assertThat(error.path("param").asText()).as(url).isEqualTo("images");
            assertThat(error.path("message").asText()).contains("data URL");
        }
        assertThat(edit("{\"prompt\": \"a hat\", \"images\": [{\"file_id\": \"f\"}]}").path("message").asText()).contains("file_id");
        assertThat(edit("{\"prompt\": \"a hat\"}").path("code").asText()).isEqualTo("missing_required_parameter");
        assertThat(edit("{").path("param").isNull()).isTrue();
        String large = "data:image/png;base64," + "A".repeat(3 << 20);   // a text longer than those of our own requests
        assertThat(edit("{\"prompt\": \"a hat\", \"images\": [{\"image_url\": \"" + large + "\"}]}").path("code").asText())
            .isEqualTo("model_cannot_edit");
    }

    private static JsonNode edit(String json) throws Exception {
        HttpResponse<String> answer = HTTP.send(HttpRequest.newBuilder(URI.create(at("/v1/images/edits"))).header("Content-Type",
            "application/json").POST(HttpRequest.BodyPublishers.ofString(json)).build(), HttpResponse.BodyHandlers.ofString());
        Contract.check(answer);
        assertThat(answer.statusCode()).isEqualTo(400);
        JsonNode error = JSON.readTree(answer.body()).path("error");
        assertThat(error.has("message") && error.has("type") && error.has("param") && error.has("code")).as(answer.body()).isTrue();
        return error;
    }

    private static void refused(int http, String param, String code, String says, ThrowingCallable call) {
        OpenAIServiceException e = catchThrowableOfType(OpenAIServiceException.class, call);
        assertThat(e).isNotNull();
        assertThat(e.getMessage()).contains(says).doesNotContain(root.toString());
        assertThat(e.statusCode()).isEqualTo(http);
        assertThat(e.param()).hasValue(param);
        assertThat(e.code()).hasValue(code);
        assertThat(e.type()).hasValue("invalid_request_error");
    }

    @Test void aMaskIsPaintedWhereItIsTransparent() throws Exception {
        BufferedImage image = new BufferedImage(4, 1, BufferedImage.TYPE_INT_ARGB);
        image.setRGB(0, 0, 4, 1, new int[] {0xff336699, 0x00ff0000, 0x80ffffff, 0xff000000}, 0, 4);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        byte[] mask = OpenAiPictures.transparency(out.toByteArray(), "mask").pixels();
        assertThat(mask[0]).isZero();
        assertThat(mask[1] & 0xff).isEqualTo(255);
        assertThat(mask[2] & 0xff).isBetween(126, 128);
        assertThat(mask[3]).isZero();
    }

    @Test void aJobEndsWhenWhoAskedIsGone() throws Exception {
        for (boolean reset : new boolean[] {false, true}) {
            for (boolean stream : new boolean[] {false, true}) {
                String id;
                String body = "{\"model\": \"bars\", \"prompt\": \"" + strokes().get(0) + "\", \"n\": 2, \"steps\": " + SLOW
                    + ", \"stream\": " + stream + ", \"partial_images\": 1}";
                try (Socket socket = new Socket("127.0.0.1", server.port())) {
                    socket.getOutputStream().write(("POST /v1/images/generations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                        + "application/json\r\nContent-Length: " + body.length() + "\r\n\r\n" + body).getBytes(StandardCharsets.UTF_8));
                    id = running();
                    if (reset) socket.setSoLinger(true, 0);
                }
                long left = System.nanoTime();
                for (String now = "running"; !now.equals("cancelled"); now = status(id)) {
                    assertThat(now).isEqualTo("running");
                    assertThat(System.nanoTime() - left).as("reset " + reset + ", stream " + stream)
                        .isLessThan(TimeUnit.SECONDS.toNanos(1));
                    Thread.sleep(10);
                }
                List<String> all = get("/v1/jobs").path("jobs").findValuesAsText("status");
                while ((all.contains("queued") || all.contains("running")) && System.nanoTime() - left < TimeUnit.SECONDS.toNanos(1)) {
                    Thread.sleep(10);
                    all = get("/v1/jobs").path("jobs").findValuesAsText("status");
                }
                assertThat(all).as("the one that waited, too").doesNotContain("queued", "running");
            }
        }
    }

    @Test void whoStaysIsAnsweredEvenIfItsNextRequestCameEarly() throws Exception {
        String body = "{\"prompt\": \"" + WORDS + "\", \"seed\": 7}";
        try (Socket socket = new Socket("127.0.0.1", server.port())) {
            socket.setSoTimeout(30_000);
            socket.getOutputStream().write(("POST /v1/images/generations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                + "application/json\r\nContent-Length: " + body.length() + "\r\n\r\n" + body).getBytes(StandardCharsets.UTF_8));
            Thread.sleep(50);
            socket.getOutputStream().write("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".getBytes(StandardCharsets.UTF_8));
            String answers = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);   // the server closes
            assertThat(answers).startsWith("HTTP/1.1 200").contains("b64_json");
            if (answers.contains("Connection: close")) assertThat(answers).doesNotContain("HTTP/1.1 400");
        }
    }

    private static JsonNode get(String path) throws Exception {
        return JSON.readTree(HTTP.send(HttpRequest.newBuilder(URI.create(at(path))).build(), HttpResponse.BodyHandlers.ofString()).body());
    }

    private static String status(String id) throws Exception { return get("/v1/jobs/" + id).path("status").asText(); }

    private static String running() throws Exception {
        for (int i = 0; i < 1000; i++) {
            for (JsonNode job : get("/v1/jobs").path("jobs")) {
                if (job.path("status").asText().equals("running")) return job.path("id").asText();
            }
            Thread.sleep(10);
        }
        throw new AssertionError("no job runs");
    }
}
