package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.job.DreamJob;
import io.palitra.job.PaintJob;
import io.palitra.job.SampleRequest;
import io.palitra.job.TrainRequest;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pictures that strangers hand in. */
class UploadsTest {
    @TempDir private static Path root;
    private static Server server;
    private static Asking to;

    @BeforeAll static void start() throws Exception {
        Config.with(new TrainRequest("vae"), "data=strokes", "out=" + root.resolve("runs/tiny"), "set=latent=2,net.hidden=8,train.steps=3")
            .run(Watcher.SILENT);
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs")));
        to = new Asking(server, root);
    }

    @AfterAll static void stop() { server.close(); }

    private static Picture picture() {
        byte[] pixels = new byte[3 * 8 * 12];
        for (int i = 0; i < pixels.length; i++) pixels[i] = (byte) (i * 7);
        return new Picture(3, 8, 12, pixels);
    }

    private static byte[] png(Map<String, String> text) { return Png.encode(picture(), text); }

    private static byte[] written(String format, int type) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        assertThat(ImageIO.write(new BufferedImage(12, 8, type), format, out)).isTrue();
        return out.toByteArray();
    }

    private static List<String> files() throws Exception {
        try (Stream<Path> all = Files.list(root.resolve("jobs/uploads"))) { return all.map(f -> f.getFileName().toString()).toList(); }
    }

    @Test void picturesOfFiveFormatsAreTakenAndOfSixteenBitsEight() throws Exception {
        for (String format : List.of("png", "jpeg", "gif", "bmp")) {
            assertThat(to.upload("/v1/uploads", "image/" + format, written(format, BufferedImage.TYPE_INT_RGB), 201).path("width").asInt())
                .isEqualTo(12);
        }
        JsonNode deep = to.upload("/v1/uploads", "image/png", written("png", BufferedImage.TYPE_USHORT_GRAY), 201);
        assertThat(deep.path("notes").toString()).isEqualTo("[\"the picture: its 16 bits to a channel are read as 8\"]");
        assertThat(to.upload("/v1/uploads", "image/tiff", new byte[10], 415).path("error").path("message").asText())
            .contains("PNG, JPEG, WebP, GIF or BMP");
        assertThat(to.upload("/v1/uploads?mask=zz", "image/png", png(Map.of()), 422).path("error").path("field").asText())
            .isEqualTo("mask");
    }

    @Test void whatIsSaidIsInTheLanguageThatIsAskedFor() throws Exception {
        for (String header : List.of("ru", "ru-RU,ru;q=0.9,en;q=0.8", "de, en;q=0.1, ru;q=0.7")) {
            JsonNode fault = to.ask(to.to("/v1/jobs/none").header("Accept-Language", header).build(), 404).path("error");
            assertThat(fault.path("message").asText()).as(header).isEqualTo("задания с таким id нет");
            assertThat(fault.path("code").asText() + fault.path("field").asText()).isEqualTo("no_such_jobid");
        }
        for (String header : List.of("en", "en-GB,en;q=0.9,ru;q=0.8", "*", "de", "ru;q=0", "ru;q=x")) {
            assertThat(to.ask(to.to("/v1/jobs/none").header("Accept-Language", header).build(), 404).path("error").path("message")
                .asText()).as(header).isEqualTo("there is no job of that id");
        }
        assertThat(to.get("/v1/jobs/none?language=ru", 404).path("error").path("message").asText()).isEqualTo("задания с таким id нет");
        String walk = "{\"kind\": \"walk\", \"request\": {\"run\": \"tiny\", \"codes\": [\"1 2 3\"]}}";
        String id = to.send("POST", "/v1/jobs", walk, 202).path("id").asText();
        String events = new String(to.bytes("/v1/jobs/" + id + "/events?language=ru").body(), StandardCharsets.UTF_8);
        assertThat(events).contains("у этого прогона их 2").contains("\"run\":\"tiny\"");
        assertThat(to.get("/v1/jobs/" + id + "?language=ru", 200).path("error").path("message").asText())
            .isEqualTo("недопустимые codes: в коде 0 чисел 3, у этого прогона их 2");
        assertThat(to.get("/v1/jobs/" + id, 200).path("error").path("message").asText()).contains("must be 2 for this run");
    }

    @Test void aPictureIsWrittenAnewAndGivenBack() throws Exception {
        JsonNode made = to.upload("/v1/uploads", "image/png", png(Map.of("secret", "text")), 201);
        assertThat(made.path("id").asText()).matches("[0-9a-f]{32}");
        assertThat(made.path("width").asInt()).isEqualTo(12);
        assertThat(made.path("height").asInt()).isEqualTo(8);
        assertThat(made.has("settings")).isFalse();
        assertThat(made.path("text").path("secret").asText()).isEqualTo("text");
        HttpResponse<byte[]> back = to.bytes(to.to("/v1/uploads/" + made.path("id").asText()).build());
        assertThat(back.headers().firstValue("Content-Type")).hasValue("image/png");
        assertThat(Pictures.read(back.body(), "back", Limits.DEFAULT).pixels()).isEqualTo(picture().pixels());
        assertThat(Png.text(back.body())).as("nothing but pixels is kept").isEmpty();
        assertThat(to.upload("/v1/uploads", "image/jpeg", written("jpeg", BufferedImage.TYPE_INT_RGB), 201).path("width").asInt())
            .isEqualTo(12);
        byte[] clear = written("png", BufferedImage.TYPE_INT_ARGB);   // all of it transparent
        for (String mask : List.of("", "?mask=true")) {
            String id = to.upload("/v1/uploads" + mask, "image/png", clear, 201).path("id").asText();
            byte[] pixels = Pictures.read(to.bytes(to.to("/v1/uploads/" + id).build()).body(), "back", Limits.DEFAULT).pixels();
            assertThat(pixels[0]).isEqualTo((byte) (mask.isEmpty() ? 255 : 0));
        }
        to.ask(to.to("/v1/uploads/" + "0".repeat(32)).build(), 404);
        for (String wrong : List.of("..%2fhistory.db", "%2e%2e", made.path("id").asText() + ".png", "*")) {
            assertThat(to.bytes(to.to("/v1/uploads/" + wrong).build()).statusCode()).as(wrong).isNotEqualTo(200);
        }
    }

    @Test void whatIsNoPictureIsRefusedAndLeavesNothing() throws Exception {
        List<String> before = files();
        byte[] good = png(Map.of());
        byte[] bomb = good.clone();
        ByteBuffer.wrap(bomb).putInt(16, 60000).putInt(20, 60000);
        CRC32 crc = new CRC32();
        crc.update(bomb, 12, 17);
        ByteBuffer.wrap(bomb).putInt(29, (int) crc.getValue());
        byte[] svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".getBytes(StandardCharsets.UTF_8);
        byte[] html = "<html><script>alert(1)</script></html>".getBytes(StandardCharsets.UTF_8);
        byte[] gif = written("gif", BufferedImage.TYPE_BYTE_INDEXED);
        byte[] start = Arrays.copyOf(good, 40);
        byte[] headed = ByteBuffer.allocate(8 + html.length).put(good, 0, 8).put(html).array();
        record Hostile(String name, String type, byte[] body, int status) {}
        for (Hostile h : List.of(new Hostile("bomb", "image/png", bomb, 422),
                new Hostile("truncated", "image/png", Arrays.copyOf(good, good.length - 30), 422),
                new Hostile("start", "image/png", start, 422), new Hostile("empty", "image/png", new byte[0], 422),
                new Hostile("text", "text/plain", good, 415),
                new Hostile("form", "application/x-www-form-urlencoded", good, 415),
                new Hostile("svg", "image/svg+xml", svg, 415),
                new Hostile("svg as png", "image/png", svg, 422), new Hostile("html", "text/html", html, 415),
                new Hostile("html as jpeg", "image/jpeg", html, 422), new Hostile("png as jpeg", "image/jpeg", good, 422),
                new Hostile("tiff", "image/tiff", gif, 415), new Hostile("gif as png", "image/png", gif, 422),
                new Hostile("html behind a signature", "image/png", headed, 422),
                new Hostile("short", "image/webp", "RIFF".getBytes(StandardCharsets.UTF_8), 422),
                new Hostile("large", "image/png", Arrays.copyOf(good, (32 << 20) + 1), 413))) {
            long begun = System.nanoTime();
            JsonNode error = to.upload("/v1/uploads", h.type, h.body, h.status).path("error");
            assertThat(error.path("code").asText()).as(h.name).isIn("bad_picture", "no_picture", "too_large");
            assertThat(error.path("message").asText()).as(h.name).isNotEmpty().doesNotContain("Exception", "javax", "com.");
            assertThat(System.nanoTime() - begun).as(h.name + ", in ns").isLessThan(5_000_000_000L);
        }
        assertThat(files()).isEqualTo(before);
    }

    @Test void whatStandsBehindOrInAPictureIsNotServed() throws Exception {
        byte[] good = png(Map.of("Comment", "<script>alert('in')</script>")), tail = "<script>alert('behind')</script>".getBytes(
            StandardCharsets.UTF_8);
        byte[] both = ByteBuffer.allocate(good.length + tail.length).put(good).put(tail).array();
        String id = to.upload("/v1/uploads", "image/png", both, 201).path("id").asText();
        HttpResponse<byte[]> back = to.bytes(to.to("/v1/uploads/" + id).build());
        assertThat(new String(back.body(), StandardCharsets.ISO_8859_1)).doesNotContain("script");
        assertThat(back.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
        assertThat(back.headers().firstValue("Content-Type")).hasValue("image/png");
    }

    @Test void textsComeBackAsTheyAreWhateverTheyHold() throws Exception {
        Map<String, String> text = new LinkedHashMap<>();
        String evil = "</script><img src=x onerror=alert(1)>\"'`${7*7}\u2028 {\"a\": 1}";
        text.put("parameters", evil + "\nNegative prompt: <svg/onload=alert(2)>\nSteps: 20, Sampler: Euler, Seed: 7, Size: 64x64, "
            + "Model: <b>");
        text.put("<script>", evil);
        text.put("long", "x".repeat(100_000));
        JsonNode made = to.upload("/v1/uploads", "image/png", png(text), 201);
        assertThat(made.path("text").path("<script>").asText()).isEqualTo(evil);
        assertThat(made.path("text").path("long").asText()).hasSize(65536);
        assertThat(made.path("cut").get(0).asText()).isEqualTo("long");
        JsonNode settings = made.path("settings");
        assertThat(settings.path("request").path("prompt").asText()).isEqualTo(evil);
        assertThat(settings.path("request").path("negative").asText()).isEqualTo("<svg/onload=alert(2)>");
        assertThat(settings.path("request").has("model")).isFalse();
        assertThat(settings.path("not").toString()).contains("model <b>");
    }

    private static JsonNode settings(Map<String, String> text) throws Exception {
        return to.upload("/v1/uploads", "image/png", png(text), 201).path("settings");
    }

    @Test void settingsOfFourProgramsAreRead() throws Exception {
        JsonNode a1111 = settings(Map.of("parameters", "a castle\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, "
            + "Seed: 965, Size: 512x768, Model: foo, Denoising strength: 0.5, Hires upscale: 2"));
        assertThat(a1111.path("kind").asText()).isEqualTo("paint");
        assertThat(a1111.path("request").path("how").path("steps").asInt()).isEqualTo(20);
        assertThat(a1111.path("request").path("how").path("height").asInt()).isEqualTo(768);
        assertThat(a1111.path("request").path("how").path("seed").asLong()).isEqualTo(965);
        assertThat(a1111.path("request").has("strength")).isFalse();
        assertThat(a1111.path("not").toString()).contains("Hires upscale", "Denoising strength", "model foo");

        JsonNode invoke = settings(Map.of("invokeai_metadata", "{\"positive_prompt\": \"a dog\", \"negative_prompt\": \"cat\", "
            + "\"steps\": 9, \"seed\": 4, \"width\": 64, \"height\": 32, \"scheduler\": \"euler\", \"cfg_scale\": 3, "
            + "\"model\": {\"name\": \"sd\"}}"));
        assertThat(invoke.path("program").asText()).isEqualTo("InvokeAI");
        assertThat(invoke.path("request").path("prompt").asText()).isEqualTo("a dog");
        assertThat(invoke.path("request").path("how").path("seed").asInt()).isEqualTo(4);

        String graph = "{'3': {'class_type': 'KSampler', 'inputs': {'seed': 5, 'steps': 3, 'cfg': 7, 'sampler_name': 'euler', 'scheduler': "
            + "'normal', 'denoise': 1, 'model': ['4', 0], 'positive': ['6', 0], 'negative': ['7', 0], 'latent_image': ['5', 0]}}, '4': "
            + "{'class_type': 'CheckpointLoaderSimple', 'inputs': {'ckpt_name': 'sd/foo.safetensors'}}, '5': {'class_type': "
            + "'EmptyLatentImage', 'inputs': {'width': 32, 'height': 40, 'batch_size': 1}}, '6': {'class_type': 'CLIPTextEncode', "
            + "'inputs': {'text': 'a castle', 'clip': ['4', 1]}}, '7': {'class_type': 'CLIPTextEncode', 'inputs': {'text': 'blurry', "
            + "'clip': ['4', 1]}}}";
        JsonNode comfy = settings(Map.of("prompt", graph.replace('\'', '"')));
        assertThat(comfy.path("program").asText()).isEqualTo("ComfyUI");
        assertThat(comfy.path("request").path("negative").asText()).isEqualTo("blurry");
        assertThat(comfy.path("request").path("how").path("width").asInt()).isEqualTo(32);
        JsonNode two = settings(Map.of("prompt", graph.replace("CheckpointLoaderSimple", "KSampler").replace('\'', '"')));
        assertThat(two.path("request")).isEmpty();
        assertThat(two.path("not").get(0).asText()).contains("ComfyUI wrote it").doesNotContain("picture:");

        String ours = "{\"paint\": \"/home/me/models/tiny\", \"hash\": \"00\", \"prompt\": \"a fox\", \"negative\": \"\", "
            + "\"how\": {\"seed\": 11}, \"loras\": [{\"file\": \"/home/me/style.safetensors\", \"hash\": \"1\", \"weight\": 0.5}], "
            + "\"image\": \"/etc/passwd\", \"imageHash\": \"2\", \"strength\": 0.4}";
        JsonNode painted = settings(Map.of("palitra", ours));
        assertThat(painted.path("program").asText()).isEqualTo("palitra");
        assertThat(painted.path("request").path("model").asText()).isEqualTo("tiny");
        assertThat(painted.path("request").path("how").path("seed").asInt()).isEqualTo(11);
        assertThat(painted.path("request").path("how").path("steps").asInt()).isEqualTo(30);
        assertThat(painted.toString()).doesNotContain("/home", "/etc");
        assertThat(painted.path("not").toString()).contains("style.safetensors:0.5", "image passwd", "strength");
        for (String broken : List.of("{", "[]", "complete, 3 rows kept", "{\"paint\": 1}", "{\"dream\": \"x\"}",
                "{\"paint\": \"a\", \"loras\": [{\"file\": \"a\\u0000b\"}]}", "{\"paint\": \"a\", \"how\": {\"steps\": -1}}",
                "{\"family\": \"vae\", \"sampling\": 3, \"first\": -9, \"count\": 99999999999}")) {
            JsonNode read = settings(Map.of("palitra", broken));
            assertThat(read.path("request").has("model")).as(broken).isFalse();
        }
    }

    @Test void aSampleIsMadeAgainFromItsPicture() throws Exception {
        JsonNode first = to.done("{\"kind\": \"sample\", \"request\": {\"run\": \"tiny\", \"n\": 4, \"seed\": 12}}");
        String file = "/v1/jobs/" + first.path("id").asText() + "/files/" + first.path("files").get(0).asText();
        byte[] made = to.bytes(to.to(file).build()).body();
        JsonNode settings = to.upload("/v1/uploads", "image/png", made, 201).path("settings");
        assertThat(settings.path("kind").asText()).isEqualTo("sample");
        assertThat(settings.path("not")).isEmpty();
        ObjectNode job = Job.JSON.createObjectNode().put("kind", settings.path("kind").asText());
        job.set("request", settings.path("request"));
        JsonNode again = to.done(job.toString());
        assertThat(again.path("status").asText()).as(again.toString()).isEqualTo("done");
        String copy = "/v1/jobs/" + again.path("id").asText() + "/files/" + again.path("files").get(0).asText();
        byte[] same = to.bytes(to.to(copy).build()).body();
        assertThat(same).isEqualTo(made);
    }

    private static String field(String json) throws Exception {
        JsonNode error = to.send("POST", "/v1/jobs", json, 422).path("error");
        return error.path("code").asText() + " " + error.path("field").asText();
    }

    @Test void jobsNamePicturesByTheirIdsAlone() throws Exception {
        String id = to.upload("/v1/uploads", "image/png", png(Map.of()), 201).path("id").asText();
        String paint = "{\"kind\": \"paint\", \"request\": {\"prompt\": \"a\", \"model\": \"tiny\", \"%s\": \"%s\"}}";
        for (String wrong : List.of("/etc/passwd", "../uploads/" + id + ".png", id + ".png", "0".repeat(32),
                root.resolve("x.png").toString())) {
            assertThat(field(String.format(paint, "image", wrong))).isEqualTo("no_such_picture image");
            assertThat(field(String.format(paint, "mask", wrong))).isEqualTo("no_such_picture mask");
        }
        for (String like : List.of(id, "/etc/passwd")) {
            assertThat(field(String.format(paint, "like", like))).isEqualTo("not_allowed like");
            assertThat(field("{\"kind\": \"dream\", \"request\": {\"texts\": \"a\", \"vqgan\": \"tiny\", \"clip\": \"tiny\", \"like\": \""
                + like + "\"}}")).isEqualTo("not_allowed like");
        }
        assertThat(field("{\"kind\": \"dream\", \"request\": {\"texts\": \"a\", \"vqgan\": \"tiny\", \"clip\": \"tiny\", "
            + "\"targets\": \"/etc/passwd:2 | " + id + "\"}}")).isEqualTo("no_such_picture targets");
        assertThat(field("{\"kind\": \"paint\", \"request\": {\"prompt\": \"a\", \"model\": \"tiny\", \"lora\": [\"/etc/passwd:1\"]}}"))
            .isEqualTo("no_such_file lora");
        assertThat(field(String.format(paint, "switchTo", "/etc/passwd@3"))).isEqualTo("no_such_model switchTo");
        Uploads uploads = new Uploads(root.resolve("jobs"));
        ServerConfig config = Config.with(ServerConfig.DEFAULT, "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs"));
        Places places = new Places(config, new Registry(config), new DataSets(""), uploads::named);
        Path file = root.resolve("jobs/uploads/" + id + ".png");
        PaintJob paints = Config.with(new PaintJob("a", "tiny"), "image=" + id);
        assertThat(((PaintJob) places.placed("paint", paints, "0", root)).image()).isEqualTo(file.toString());
        DreamJob dreams = Config.with(new DreamJob("a", "tiny", "tiny"), "targets=" + id + ":0.5:-1 | " + id);
        assertThat(((DreamJob) places.placed("dream", dreams, "0", root)).targets()).isEqualTo(file + " :0.5:-1.0 | " + file + " :1.0");
    }

    @Test void uploadsGoADayAfterTheirLastUse(@TempDir Path own) throws Exception {
        Uploads uploads = new Uploads(own);
        String old = uploads.add(png(Map.of()), "image/png", false).id(), used = uploads.add(png(Map.of()), "image/png", false).id();
        String fresh = uploads.add(png(Map.of()), "image/png", false).id();
        FileTime longAgo = FileTime.from(Instant.now().minusSeconds(25 * 3600));
        for (String id : List.of(old, used)) Files.setLastModifiedTime(own.resolve("uploads/" + id + ".png"), longAgo);
        long all = uploads.bytes();
        uploads.sweep(Long.MAX_VALUE, used::equals);
        assertThat(uploads.named(old)).isEmpty();
        assertThat(uploads.named(used)).isPresent();
        assertThat(uploads.named(fresh)).isPresent();
        assertThat(uploads.bytes()).isEqualTo(all * 2 / 3);
        assertThat(new Uploads(own).named(fresh)).as("after a restart").isPresent();
        Files.setLastModifiedTime(own.resolve("uploads/" + fresh + ".png"), longAgo);
        uploads.named(fresh);
        uploads.sweep(Long.MAX_VALUE, id -> false);
        assertThat(uploads.named(fresh)).as("its use counts").isPresent();
        String newest = uploads.add(png(Map.of()), "image/png", false).id();
        uploads.sweep(uploads.bytes() / 3, used::equals);
        assertThat(uploads.named(used)).as("a job needs it").isPresent();
        assertThat(uploads.named(fresh).isPresent() && uploads.named(newest).isPresent()).as("both have room").isFalse();
        Job waits = new Job("0", "reconstruct", Job.JSON.createObjectNode().put("image", used), new SampleRequest("x"), own, "me");
        assertThat(waits.asked.toString()).contains(used);
    }
}
