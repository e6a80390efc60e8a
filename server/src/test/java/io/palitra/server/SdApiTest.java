package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.paint.TinyPipeline;
import io.palitra.report.Parameters;
import io.palitra.report.Png;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The API of AUTOMATIC1111's web UI: its pictures by the model that comes with the program, and by a tiny one that paints 32x32. */
class SdApiTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private static final List<String> INFO = List.of("prompt", "all_prompts", "negative_prompt", "all_negative_prompts", "seed",
        "all_seeds", "subseed", "all_subseeds", "subseed_strength", "width", "height", "sampler_name", "cfg_scale", "steps", "batch_size",
        "restore_faces", "face_restoration_model", "sd_model_name", "sd_model_hash", "sd_vae_name", "sd_vae_hash", "seed_resize_from_w",
        "seed_resize_from_h", "denoising_strength", "extra_generation_params", "index_of_first_image", "infotexts", "styles",
        "job_timestamp", "clip_skip", "is_using_inpainting_conditioning");

    @TempDir private static Path root;
    private static Server server;

    @BeforeAll static void start() throws Exception {
        Path tiny = TinyPipeline.write(root.resolve("tiny"), 1);
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs"),
            "models=tiny=" + tiny));
    }

    @AfterAll static void stop() { server.close(); }

    /** The model is of all callers: each test begins with the usual one, which is the tiny. */
    @BeforeEach void usual() throws Exception { post("options", "{'sd_model_checkpoint': '', 'CLIP_stop_at_last_layers': 1}", 200); }

    private static HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/sdapi/v1/" + path));
    }

    private static HttpRequest body(String path, String json) {
        return to(path).header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(json.replace('\'', '"'))).build();
    }

    private static JsonNode ask(HttpRequest request, int status) throws Exception {
        return read(CLIENT.send(request, HttpResponse.BodyHandlers.ofString()), status);
    }

    private static JsonNode read(HttpResponse<String> answer, int status) throws Exception {
        Contract.check(answer);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
        assertThat(answer.body()).as("no place on the disk").doesNotContain(root.toString());
        return JSON.readTree(answer.body());
    }

    private static JsonNode get(String path) throws Exception { return ask(to(path).build(), 200); }

    private static JsonNode post(String path, String json, int status) throws Exception { return ask(body(path, json), status); }

    private static JsonNode info(JsonNode answer) throws Exception { return JSON.readTree(answer.path("info").textValue()); }

    private static byte[] png(JsonNode answer, int i) { return Base64.getDecoder().decode(answer.path("images").path(i).textValue()); }

    private static Picture picture(JsonNode answer, int i) { return Pictures.read(png(answer, i), "answer", Limits.DEFAULT); }

    private static String base64(Picture p) { return Base64.getEncoder().encodeToString(Png.encode(p, Map.of())); }

    private static Picture gradient(int side) {
        byte[] p = new byte[3 * side * side];
        for (int i = 0; i < p.length; i++) p[i] = (byte) (3 * i);
        return new Picture(3, side, side, p);
    }

    private static Set<String> names(JsonNode object) {
        Set<String> names = new TreeSet<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Test void wordsBecomeAPictureOfTheSizeThatWasAskedForByTheModelThatComesWithTheProgram() throws Exception {
        JsonNode answer = post("txt2img", "{'prompt': 'a red circle above a blue square', 'negative_prompt': 'fog', 'steps': 20, 'seed': 7,"
            + "'width': 128, 'height': 192, 'sampler_name': 'Euler a', 'override_settings': {'sd_model_checkpoint': 'scenes'}}", 200);
        assertThat(answer.path("images")).hasSize(1);
        Picture p = picture(answer, 0);
        assertThat(List.of(p.width(), p.height())).containsExactly(128, 192);
        // 64x64 was drawn: each pixel stands twice across and three times down
        for (int y = 0; y < 192; y++) {
            for (int x = 0; x < 128; x++) assertThat(p.pixels()[y * 128 + x]).isEqualTo(p.pixels()[(y - y % 3) * 128 + x - x % 2]);
        }
        JsonNode info = info(answer);
        assertThat(names(info)).containsAll(INFO);
        assertThat(info.path("all_seeds").toString()).isEqualTo("[7]");
        assertThat(info.path("width").asInt()).isEqualTo(128);
        assertThat(info.path("extra_generation_params").path("Drawn size").asText()).isEqualTo("64x64");
        assertThat(info.path("extra_generation_params").path("ignored").toString())
            .contains("negative_prompt", "steps", "sampler_name").doesNotContain("cfg_scale");
        assertThat(answer.path("parameters").path("steps").asInt()).isEqualTo(20);
        assertThat(answer.path("parameters").path("cfg_scale").asInt()).isEqualTo(7);
        String text = Png.text(png(answer, 0)).get(Parameters.KEY);
        assertThat(info.path("infotexts").path(0).asText()).isEqualTo(text).startsWith("a red circle above a blue square\n")
            .contains("Seed: 7", "Size: 128x192", "Model: scenes");
        assertThat(Pictures.resize(p, 64, 64).pixels()).isNotEqualTo(new byte[3 * 64 * 64]);
    }

    @Test void picturesOfOneRequestHaveSeedsInARowAndEachIsThatOfItsSeed() throws Exception {
        for (String model : List.of("scenes", "tiny")) {
            String ask = "{'prompt': 'a red circle', 'steps': 3, 'width': 64, 'height': 64, 'override_settings': {'sd_model_checkpoint': '"
                + model + "'}, 'seed': ";
            JsonNode four = post("txt2img", ask + "5, 'batch_size': 2, 'n_iter': 2}", 200), one = post("txt2img", ask + "8}", 200);
            assertThat(four.path("images")).hasSize(4);
            assertThat(info(four).path("all_seeds").toString()).isEqualTo("[5,6,7,8]");
            byte[] a = picture(four, 3).pixels(), b = picture(one, 0).pixels();
            int most = 0;
            for (int i = 0; i < a.length; i++) most = Math.max(most, Math.abs((a[i] & 0xff) - (b[i] & 0xff)));
            assertThat(most).as(model).isLessThanOrEqualTo(1);
            assertThat(picture(four, 0).pixels()).isNotEqualTo(a);
        }
    }

    @Test void aRandomSeedIsToldAndGivesTheSamePictureAgain() throws Exception {
        JsonNode any = post("txt2img", "{'prompt': 'abc', 'steps': 2}", 200), other = post("txt2img", "{'prompt': 'abc', 'steps': 2}", 200);
        long seed = info(any).path("seed").asLong();
        assertThat(seed).isBetween(0L, (1L << 32) - 1).isNotEqualTo(info(other).path("seed").asLong());
        JsonNode again = post("txt2img", "{'prompt': 'abc', 'steps': 2, 'seed': " + seed + "}", 200);
        assertThat(picture(again, 0).pixels()).isEqualTo(picture(any, 0).pixels()).isNotEqualTo(picture(other, 0).pixels());
    }

    @Test void samplersAreKnownByAllTheirNames() throws Exception {
        for (String[] c : new String[][] {{"Euler a", "", "Euler a"}, {"k_euler_a", "", "Euler a"}, {"k_euler_ancestral", "", "Euler a"},
            {"euler_a", "Automatic", "Euler a"}, {"Euler", "karras", "Euler Karras"}, {"DPM++ 2M", "", "DPM++ 2M Karras"},
            {"DPM++ 2M", "Normal", "DPM++ 2M Normal"}, {"DPM++ 2M Karras", "", "DPM++ 2M Karras"}, {"k_dpmpp_2m", "", "DPM++ 2M Karras"},
            {"k_dpmpp_2m_ka", "", "DPM++ 2M Karras"}, {"dpm++2m", "simple", "DPM++ 2M Simple"}, {"k_dpm_2", "uniform", "DPM2 Uniform"},
            {"DPM2 a Karras", "", "DPM2 a Karras"}, {"DPM++ 2M SDE Exponential", "Automatic", "DPM++ 2M SDE Exponential"},
            {"LMS Karras", "", "LMS Karras"}, {"DDIM", "", "DDIM"}, {"plms", "", "PLMS"}, {"UniPC", "sgm_uniform", "UniPC SGM Uniform"},
            {"", "", ""}, {"", "Automatic", ""}}) {
            assertThat(SdSamplers.named(c[0], c[1])).as(c[0] + " " + c[1]).isEqualTo(c[2]);
        }
        for (JsonNode s : get("samplers")) {
            String plain = SdSamplers.named(s.path("name").asText(), "");
            assertThat(plain).startsWith(s.path("name").asText());
            for (JsonNode alias : s.path("aliases")) assertThat(SdSamplers.named(alias.asText(), "")).as(alias.asText()).isEqualTo(plain);
            assertThat(s.path("options").isObject()).isTrue();
        }
        for (JsonNode s : get("schedulers")) {
            for (String key : List.of("name", "label")) SdSamplers.named("DPM++ 2M", s.path(key).asText());
            assertThat(names(s)).containsExactly("aliases", "default_rho", "label", "name", "need_inner_model");
        }
        JsonNode painted = post("txt2img", "{'prompt': 'abc', 'steps': 3, 'sampler_name': 'k_dpmpp_2m_ka'}", 200);
        assertThat(info(painted).path("sampler_name").asText()).isEqualTo("DPM++ 2M Karras");
        JsonNode none = post("txt2img", "{'prompt': 'abc', 'sampler_name': 'DPM adaptive'}", 404);
        assertThat(names(none)).contains("error", "detail", "body", "errors");
        assertThat(none.path("detail").asText()).startsWith("Sampler not found");
        JsonNode other = post("txt2img", "{'prompt': 'abc', 'sampler_name': 'Euler', 'scheduler': 'polyexponential'}", 404);
        assertThat(other.path("detail").asText()).startsWith("Scheduler not found");
        post("txt2img", "{'prompt': 'abc', 'sampler_name': 'Euler a', 'scheduler': 'Karras'}", 422);
    }

    @Test void whatIsNotDoneIsRefusedByItsFieldOrNamed() throws Exception {
        for (String[] c : new String[][] {{"enable_hr", "true"}, {"restore_faces", "true"}, {"tiling", "true"}, {"subseed_strength", "0.3"},
            {"s_churn", "1"}, {"s_noise", "1.1"}, {"s_min_uncond", "1"}, {"refiner_checkpoint", "'xl'"}, {"script_name", "'x/y/z plot'"},
            {"styles", "['a']"}, {"infotext", "'a'"}, {"alwayson_scripts", "{'ControlNet': {'args': [1]}}"}, {"controlnet_units", "[{}]"},
            {"seed_resize_from_w", "64, 'seed_resize_from_h': 64"}, {"override_settings", "{'face_restoration': true}"},
            {"steps", "0"}, {"steps", "'20'"}, {"steps", "2.5"}, {"cfg_scale", "'7'"}, {"seed", "-2"}, {"width", "99999"},
            {"batch_size", "65"}, {"n_iter", "33, 'batch_size': 2"}, {"prompt", "5"}, {"alwayson_scripts", "[]"},
            {"force_task_id", "'../a'"}, {"height", "-8"}}) {
            JsonNode error = post("txt2img", "{'prompt': 'abc', '" + c[0] + "': " + c[1] + "}", 422);
            assertThat(error.path("errors").asText()).as(c[0] + " " + error).endsWith(": " + c[0]);
            assertThat(error.path("detail").asText()).doesNotContain("Exception").hasSizeLessThan(300);
        }
        for (String model : List.of("nothing", "../tiny", root.resolve("tiny").toString(), "/etc")) {
            JsonNode none = post("txt2img", "{'prompt': 'a', 'override_settings': {'sd_model_checkpoint': '" + model + "'}}", 404);
            assertThat(none.path("detail").asText()).startsWith("Model not found").contains("scenes");
        }
        assertThat(post("txt2img", "{'prompt': 'abc', 'width': 33}", 422).path("detail").asText()).contains("divisible by 8");
        // as a published client sends all that it does not use
        JsonNode usual = post("txt2img", "{'enable_hr': false, 'hr_scale': 2, 'hr_upscaler': 'Latent', 'hr_second_pass_steps': 0,"
            + "'hr_resize_x': 0, 'hr_resize_y': 0, 'denoising_strength': 0.7, 'firstphase_width': 0, 'firstphase_height': 0,"
            + "'prompt': 'ab', 'styles': [], 'seed': -1, 'subseed': -1, 'subseed_strength': 0.0, 'seed_resize_from_h': 0,"
            + "'seed_resize_from_w': 0, 'batch_size': 1, 'n_iter': 1, 'steps': 2, 'cfg_scale': 7.0, 'width': 64, 'height': 32,"
            + "'restore_faces': false, 'tiling': false, 'do_not_save_samples': false, 'do_not_save_grid': false,"
            + "'negative_prompt': '', 'eta': 1.0, 's_churn': 0,"
            + "'s_tmax': 0, 's_tmin': 0, 's_noise': 1, 'override_settings': {}, 'override_settings_restore_afterwards': true,"
            + "'script_args': [], 'script_name': null, 'send_images': true, 'save_images': false, 'alwayson_scripts': {'ControlNet':"
            + "{'args': []}}, 'sampler_name': 'Euler a', 'use_deprecated_controlnet': false, 'my_field': 1}", 200);
        assertThat(info(usual).path("extra_generation_params").path("ignored").toString()).isEqualTo("[\"eta\",\"my_field\"]");
        assertThat(List.of(picture(usual, 0).width(), picture(usual, 0).height())).containsExactly(64, 32);
        assertThat(post("txt2img", "{'prompt': 'ab', 'steps': 1, 'send_images': false}", 200).path("images")).isEmpty();
        assertThat(ask(to("txt2img").POST(HttpRequest.BodyPublishers.ofString("{}")).build(), 415).path("error").isTextual()).isTrue();
        post("txt2img", "{", 422);
        post("txt2img", "[]", 422);
    }

    @Test void aPictureIsChangedAndWhatTheMaskLeavesBlackStays() throws Exception {
        Picture of = gradient(32);
        byte[] half = new byte[32 * 32];
        for (int i = 0; i < half.length; i++) half[i] = (byte) (i % 32 >= 16 ? 255 : 0);
        String image = base64(of), mask = base64(new Picture(1, 32, 32, half));
        String ask = "{'prompt': 'abc', 'steps': 4, 'seed': 1, 'init_images': ['" + image + "'], 'denoising_strength': ";
        assertThat(picture(post("img2img", ask + "0}", 200), 0).pixels()).isEqualTo(of.pixels());
        JsonNode some = post("img2img", ask + "0.5}", 200);
        assertThat(picture(some, 0).pixels()).isNotEqualTo(of.pixels());
        assertThat(info(some).path("denoising_strength").asDouble()).isEqualTo(0.5);
        assertThat(some.path("parameters").path("init_images").isNull()).isTrue();
        for (int invert = 0; invert < 2; invert++) {
            JsonNode answer = post("img2img", ask + "1, 'mask': 'data:image/png;base64," + mask + "', 'mask_blur': 0, 'inpainting_fill': 1,"
                + "'inpaint_full_res': false, 'inpainting_mask_invert': " + invert + ", 'include_init_images': true}", 200);
            byte[] got = picture(answer, 0).pixels();
            int changed = 0;
            for (int i = 0; i < got.length; i++) {
                boolean kept = i % 32 < 16 == (invert == 0);
                if (kept) assertThat(got[i]).isEqualTo(of.pixels()[i]);
                else if (got[i] != of.pixels()[i]) changed++;
            }
            assertThat(changed).isGreaterThan(3 * 16 * 32 / 2);
            assertThat(info(answer).path("extra_generation_params").has("ignored")).isFalse();
            assertThat(answer.path("parameters").path("init_images").path(0).asText()).isEqualTo(image);
        }
        JsonNode usual = post("img2img", ask + "0.8, 'mask': '" + mask + "'}", 200);
        assertThat(info(usual).path("extra_generation_params").path("warnings").toString()).contains("inpainting_fill", "inpaint_full_res");
        Picture wide = picture(post("img2img", ask + "0, 'width': 64, 'height': 32}", 200), 0);
        assertThat(wide.pixels()).isEqualTo(Pictures.resize(of, 32, 64).pixels());
        Picture cut = picture(post("img2img", ask + "0, 'width': 64, 'height': 32, 'resize_mode': 1}", 200), 0);
        assertThat(cut.pixels()).isEqualTo(Pictures.fit(of, 32, 64).pixels());
    }

    @Test void whatIsNoPictureToChangeIsRefused() throws Exception {
        String image = base64(gradient(32));
        for (String c : List.of("", "'init_images': []", "'init_images': ['" + image + "', '" + image + "']", "'init_images': 'x'",
            "'init_images': ['']", "'init_images': ['%%%']", "'init_images': ['aGVsbG8=']", "'init_images': ['data:image/png,x']",
            "'init_images': ['http://127.0.0.1/a.png']", "'init_images': ['HTTPS://example.org/a.png']", "'init_images': ['/etc/passwd']",
            "'init_images': ['file:///etc/passwd']", "'init_images': [5]",
            "'init_images': ['" + image + "'], 'mask': 'http://127.0.0.1/'", "'init_images': ['" + image + "'], 'mask': '" + image
                + "', 'inpainting_fill': 2", "'init_images': ['" + image + "'], 'denoising_strength': 1.5",
            "'init_images': ['" + image + "'], 'resize_mode': 2", "'init_images': ['" + image + "'], 'latent_mask': 'x'",
            "'init_images': ['" + image + "'], 'initial_noise_multiplier': 1.1", "'init_images': ['" + image + "'], 'mask': '" + image
                + "', 'mask_blur_x': 1")) {
            JsonNode error = post("img2img", "{'prompt': 'abc'" + (c.isEmpty() ? "" : ", ") + c + "}", 422);
            assertThat(error.path("detail").asText()).as(c + " " + error).isNotEmpty().doesNotContain("Exception", "java.");
        }
        JsonNode error = post("img2img", "{'prompt': 'abc', 'init_images': ['" + image + "'], 'override_settings': {'sd_model_checkpoint':"
            + "'scenes'}}", 422);
        assertThat(error.path("errors").asText()).isEqualTo("no_paint_model: init_images");
    }

    @Test void settingsOfAPictureAreReadFromIt() throws Exception {
        JsonNode made = post("txt2img", "{'prompt': 'abc, def', 'negative_prompt': 'xyz', 'steps': 3, 'cfg_scale': 4.5, 'seed': 11,"
            + "'sampler_name': 'DDIM', 'width': 64, 'height': 32}", 200);
        for (String before : List.of("", "data:image/png;base64,")) {
            JsonNode read = post("png-info", "{'image': '" + before + made.path("images").get(0).asText() + "'}", 200);
            assertThat(read.path("info").asText()).isEqualTo(info(made).path("infotexts").get(0).asText());
            ObjectNode p = (ObjectNode) read.path("parameters");
            assertThat(List.of(p.path("Prompt").asText(), p.path("Negative prompt").asText(), p.path("Steps").asText(),
                p.path("Sampler").asText(), p.path("CFG scale").asText(), p.path("Seed").asText(), p.path("Size-1").asText(),
                p.path("Size-2").asText())).containsExactly("abc, def", "xyz", "3", "DDIM", "4.5", "11", "64", "32");
            assertThat(read.path("items").has("palitra")).isTrue();
        }
        assertThat(post("png-info", "{'image': '" + base64(gradient(8)) + "'}", 200).path("info").asText()).isEmpty();
        for (String c : List.of("{}", "{'image': ''}", "{'image': 'aGVsbG8='}", "{'image': 'https://example.org/x.png'}", "{'image': 3}")) {
            post("png-info", c, 422);
        }
    }

    @Test void howFarItIsIsToldWhileItRunsAndItCanBeEnded() throws Exception {
        assertThat(get("progress").path("progress").asDouble()).isZero();
        CompletableFuture<HttpResponse<String>> running = CLIENT.sendAsync(body("txt2img", "{'prompt': 'abc', 'steps': 900,"
            + "'batch_size': 1, 'width': 96, 'height': 96, 'n_iter': 3, 'force_task_id': 'task(abc)'}"),
            HttpResponse.BodyHandlers.ofString());
        try {
            progressIsTold(running);
        } finally {
            for (int i = 0; i < 100 && !running.isDone(); i++) {
                post("interrupt", "{}", 200);
                Thread.sleep(100);
            }
        }
    }

    private static void progressIsTold(CompletableFuture<HttpResponse<String>> running) throws Exception {
        JsonNode now = null;
        for (int i = 0; i < 600 && (now == null || now.path("current_image").isNull()); i++) {
            Thread.sleep(100);
            now = get("progress?id_task=task(abc)");
        }
        assertThat(running.isDone() ? running.get().body() : "").isEmpty();
        assertThat(now.path("progress").asDouble()).as(now.toString()).isBetween(1e-9, 0.99);
        assertThat(now.path("eta_relative").asDouble()).isPositive();
        JsonNode state = now.path("state");
        assertThat(state.path("job").asText()).isEqualTo("task(abc)");
        assertThat(List.of(state.path("job_count").asInt(), state.path("sampling_steps").asInt())).containsExactly(3, 900);
        assertThat(state.path("sampling_step").asInt()).isBetween(1, 900);
        assertThat(Base64.getDecoder().decode(now.path("current_image").asText())).startsWith(0x89, 'P', 'N', 'G');
        assertThat(get("progress").path("state").path("job").asText()).as("the caller's own without an id").isEqualTo("task(abc)");
        assertThat(get("progress?skip_current_image=true").path("current_image").isNull()).isTrue();
        assertThat(get("progress?id_task=other").path("state").path("job").asText()).isEmpty();
        post("txt2img", "{'prompt': 'a', 'force_task_id': 'task(abc)'}", 422);
        post("interrupt?id_task=other", "{}", 200);
        assertThat(running.isDone()).isFalse();
        ask(to("skip").POST(HttpRequest.BodyPublishers.noBody()).build(), 200);
        for (int i = 0; i < 400 && get("progress").path("state").path("job_no").asInt() < 1; i++) Thread.sleep(50);
        assertThat(get("progress").path("state").path("skipped").asBoolean()).isTrue();
        assertThat(running.isDone()).isFalse();
        ask(to("interrupt").POST(HttpRequest.BodyPublishers.noBody()).build(), 200);
        JsonNode answer = read(running.get(60, TimeUnit.SECONDS), 200);
        assertThat(answer.path("images")).isEmpty();
        assertThat(info(answer).path("extra_generation_params").path("warnings").toString()).contains("interrupted");
        assertThat(get("progress?id_task=task(abc)").path("progress").asDouble()).isZero();
        post("interrupt", "{}", 200);
    }

    @Test void whoIsGoneIsWorkedForNoMore() throws Exception {
        String json = "{\"prompt\": \"abc\", \"steps\": 900, \"n_iter\": 3, \"width\": 96, \"height\": 96}";
        try (Socket socket = new Socket("127.0.0.1", server.port()); OutputStream out = socket.getOutputStream()) {
            out.write(("POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: " + json.length() + "\r\n\r\n" + json).getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
            for (int i = 0; i < 600 && get("progress").path("progress").asDouble() == 0; i++) Thread.sleep(50);
            assertThat(get("progress").path("progress").asDouble()).isPositive();
        }
        for (int i = 0; i < 600 && get("progress").path("state").path("job_count").asInt() > 0; i++) Thread.sleep(50);
        assertThat(get("progress").path("state").path("job_count").asInt()).isZero();
    }

    @Test void optionsHoldUntilTheyAreSetAgain() throws Exception {
        assertThat(get("options").path("sd_model_checkpoint").asText()).isEqualTo("tiny");
        String title = null;
        for (JsonNode m : get("sd-models")) if (m.path("model_name").asText().equals("scenes")) title = m.path("title").asText();
        assertThat(title).matches("scenes \\[[0-9a-f]{10}]");
        post("options", "{'sd_model_checkpoint': '" + title + "'}", 200);
        assertThat(get("options").path("sd_model_checkpoint").asText()).isEqualTo(title);
        String ask = "{'prompt': 'a red circle', 'steps': 1, 'width': 64, 'height': 64";
        assertThat(info(post("txt2img", ask + "}", 200)).path("sd_model_name").asText()).isEqualTo("scenes");
        String own = ", 'override_settings': {'sd_model_checkpoint': 'tiny'}";
        assertThat(info(post("txt2img", ask + own + "}", 200)).path("sd_model_name").asText()).isEqualTo("tiny");
        assertThat(get("options").path("sd_model_checkpoint").asText()).isEqualTo(title);
        post("txt2img", ask + own + ", 'override_settings_restore_afterwards': false}", 200);
        assertThat(get("options").path("sd_model_checkpoint").asText()).isEqualTo("tiny");
        post("options", get("options").toString(), 200);
        post("options", "{'sd_model_checkpoint': 'nothing'}", 404);
        post("options", "{'sd_vae': 'other.safetensors'}", 404);
        post("options", "{'outdir_samples': '/etc'}", 200);
        post("options", "{'eta_ddim': 0.5}", 422);
        post("options", "{'CLIP_stop_at_last_layers': 0}", 422);
        assertThat(get("options").toString()).doesNotContain("/etc");
    }

    @Test void listsHaveTheirForm() throws Exception {
        for (JsonNode m : get("sd-models")) {
            assertThat(names(m)).containsExactly("config", "filename", "hash", "model_name", "sha256", "title");
            assertThat(m.path("filename").asText()).doesNotContain("/");
        }
        for (String list : List.of("sd-vae", "loras", "upscalers", "latent-upscale-modes", "prompt-styles")) {
            assertThat(get(list).isArray()).as(list).isTrue();
        }
        assertThat(names(get("embeddings"))).containsExactly("loaded", "skipped");
        assertThat(get("cmd-flags").isObject()).isTrue();
        JsonNode ram = get("memory").path("ram");
        assertThat(ram.path("free").asLong() + ram.path("used").asLong()).isEqualTo(ram.path("total").asLong()).isPositive();
        assertThat(get("memory").path("cuda").has("error")).isTrue();
        for (String call : List.of("refresh-checkpoints", "unload-checkpoint", "reload-checkpoint")) post(call, "{}", 200);
    }

    @Test void aPictureIsEnlargedByRepetitionAndElseByTheMeanOfWhatLiesBelow() {
        Picture in = new Picture(1, 2, 2, new byte[] {0, 100, (byte) 200, 60});
        assertThat(Area.resize(in, 4, 6).pixels()).containsExactly(0, 0, 0, 100, 100, 100, 0, 0, 0, 100, 100, 100, (byte) 200, (byte) 200,
            (byte) 200, 60, 60, 60, (byte) 200, (byte) 200, (byte) 200, 60, 60, 60);
        assertThat(Area.resize(in, 1, 1).pixels()).containsExactly(90);
        assertThat(Area.resize(in, 2, 3).pixels()).containsExactly(0, 50, 100, (byte) 200, (byte) 130, 60);
        assertThat(Area.resize(gradient(5), 5, 5).pixels()).isEqualTo(gradient(5).pixels());
    }

    @Test void aTokenIsLetInAsAPassword() {
        Gate gate = new Gate(Config.with(ServerConfig.DEFAULT, "host=0.0.0.0", "token=0123456789abcdef"));
        for (String pair : List.of("user:0123456789abcdef", ":0123456789abcdef")) {
            gate.check("a.example", null, null, basic(pair), null, false);
        }
        for (String wrong : List.of(basic("user:0123456789abcdeF"), basic("user:"), basic("0123456789abcdef:"),
            basic("user:x:0123456789abcdef"), basic(""), "Basic", "Basic %%%", "Basic 0123456789abcdef",
            "Basic " + basic("user:0123456789abcdef"))) {
            assertThatThrownBy(() -> gate.check("a.example", null, null, wrong, null, false)).as(wrong).isInstanceOf(Refused.class);
        }
    }

    private static String basic(String pair) {
        return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
    }
}
