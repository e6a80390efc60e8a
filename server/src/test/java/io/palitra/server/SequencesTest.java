package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Limits;
import io.palitra.data.Pictures;
import io.palitra.data.Split;
import io.palitra.family.Families;
import io.palitra.job.TrainRequest;
import io.palitra.model.Family;
import io.palitra.model.Watcher;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Texts and music as jobs of a server: written, filled, harmonised, looked at and heard. */
class SequencesTest {
    @TempDir private static Path root;
    private static Server server;
    private static Asking asking;

    /** A run of three steps of a family's smallest configuration; gpt learns characters. */
    static void train(String family, Path out) throws Exception {
        Family<?> f = Families.named(family);
        boolean gpt = family.equals("gpt");
        List<String> set = new ArrayList<>(gpt ? List.of("data.length=160", "width=16", "layers=1", "heads=2") : f.tiny().overrides());
        set.addAll(List.of("train.steps=3", "train.batch=4"));
        Config.with(new TrainRequest(family), "data=" + (gpt ? "programs" : f.tiny().data()), "out=" + out, "set="
            + String.join(",", set)).run(Watcher.SILENT);
    }

    @BeforeAll static void start() throws Exception {
        for (String family : List.of("gpt", "mdlm", "musictransformer")) train(family, root.resolve("runs/" + family));
        Path data = Files.createDirectories(root.resolve("data"));
        Files.writeString(data.resolve("rhymes.txt"), "one two three four\n".repeat(400));
        server = Server.start(Config.with(ServerConfig.DEFAULT, "port=0", "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs"),
            "data=" + data));
        asking = new Asking(server, root);
    }

    @AfterAll static void stop() { server.close(); }

    private static String job(String kind, String request) {
        return ("{'kind': '" + kind + "', 'request': {" + request + "}}").replace('\'', '"');
    }

    private static JsonNode done(String kind, String request) throws Exception {
        JsonNode job = asking.done(job(kind, request));
        assertThat(job.path("status").asText()).as(job.toString()).isEqualTo("done");
        return job;
    }

    private static HttpResponse<byte[]> file(JsonNode job, String name) throws Exception {
        return asking.bytes("/v1/jobs/" + job.path("id").asText() + "/files/" + name);
    }

    private static JsonNode model(String name) throws Exception {
        for (JsonNode model : asking.get("/v1/models").path("models")) if (model.path("name").asText().equals(name)) return model;
        throw new AssertionError("no model " + name);
    }

    @Test void whatARunDrawsAndTakesIsTold() throws Exception {
        assertThat(model("gpt").path("items").asText()).isEqualTo("texts");
        assertThat(model("gpt").path("takes").toString()).isEqualTo("[\"prefix\"]");
        assertThat(model("mdlm").path("takes").toString()).isEqualTo("[\"prefix\",\"known\"]");
        assertThat(model("musictransformer").path("items").asText()).isEqualTo("scores");
        assertThat(model("gpt").path("sampling").findValuesAsText("key")).contains("temperature", "topK");
    }

    @Test void aTextIsToldWhileItIsWritten() throws Exception {
        String id = asking.send("POST", "/v1/jobs", job("write", "'run': 'gpt', 'beginning': 'a = ', 'n': 3, 'length': 40, 'seed': 5, "
            + "'set': ['temperature=0.9']"), 202).path("id").asText();
        String events = new String(asking.bytes("/v1/jobs/" + id + "/events").body(), StandardCharsets.UTF_8);
        StringBuilder[] read = {new StringBuilder(), new StringBuilder(), new StringBuilder()};
        for (String event : events.split("\n\n")) {
            if (!event.contains("event: text\n")) continue;
            for (JsonNode p : Asking.JSON.readTree(event.substring(event.indexOf("data: ") + 6)).path("pieces")) {
                StringBuilder text = read[p.path("index").asInt()];
                text.setLength(p.path("from").asInt());
                text.append(p.path("text").asText());
            }
        }
        JsonNode job = asking.get("/v1/jobs/" + id);
        assertThat(job.path("status").asText()).as(job.toString()).isEqualTo("done");
        assertThat(job.path("files").toString()).isEqualTo("[\"texts/00000.txt\",\"texts/00001.txt\",\"texts/00002.txt\"]");
        for (int i = 0; i < 3; i++) {
            String text = job.path("result").path("texts").path(i).asText();
            assertThat(text).startsWith("a = ").isEqualTo("a = " + read[i]);
            HttpResponse<byte[]> file = file(job, "texts/0000" + i + ".txt");
            assertThat(new String(file.body(), StandardCharsets.UTF_8)).isEqualTo(text);
            assertThat(file.headers().firstValue("Content-Type").orElse("")).isEqualTo("text/plain;charset=utf-8");
        }
        assertThat(job.path("result").path("tokens").asInt()).isBetween(3, 120);
        JsonNode again = done("write", "'run': 'gpt', 'beginning': 'a = ', 'n': 1, 'length': 40, 'seed': 5, 'set': ['temperature=0.9']");
        assertThat(again.path("result").path("texts").get(0)).isEqualTo(job.path("result").path("texts").get(0));
    }

    @Test void piecesOfALongTextBecomeOneThatAReaderMayReadTwice() {
        EventLog log = new EventLog();
        Texts.Pieces pieces = new Texts.Pieces();
        StringBuilder whole = new StringBuilder();
        StringBuilder read = new StringBuilder();
        long seen = 0;
        for (int i = 0; i < 1000; i++) {
            pieces.add(0, i + " ");
            whole.append(i).append(' ');
            log.add(Texts.EVENT, pieces.take().orElseThrow(), false);
            if (i % 7 != 0) continue;
            for (Event e : log.after(seen)) {
                JsonNode p = e.data().path("pieces").get(0);
                read.setLength(p.path("from").asInt());
                read.append(p.path("text").asText());
                seen = e.id();
            }
            assertThat(read.toString()).isEqualTo(whole.toString());
        }
        assertThat(log.after(0)).hasSizeLessThan(300);
        assertThat(Texts.joined(log.after(0).stream().map(Event::data).toList()).path("pieces").get(0).path("text").asText())
            .isEqualTo(whole.toString());
    }

    @Test void holesAreFilledAndWholeTextsSampled() throws Exception {
        JsonNode filled = done("fill", "'run': 'mdlm', 'text': 'a = 1\\nb = a + 2\\n', 'hole': ['4:5'], 'n': 2, 'seed': 1, 'set': "
            + "['steps=4']");
        assertThat(filled.path("result").path("texts")).hasSize(2);
        for (JsonNode text : filled.path("result").path("texts")) assertThat(text.asText()).startsWith("a = ").endsWith("\nb = a + 2\n");
        JsonNode sampled = done("sample", "'run': 'mdlm', 'n': 2, 'each': true, 'sampling': ['steps=4']");
        assertThat(sampled.path("files").toString()).isEqualTo("[\"samples/00000.txt\",\"samples/00001.txt\"]");
        JsonNode sheet = done("sample", "'run': 'mdlm', 'n': 2, 'sampling': ['steps=4']");
        assertThat(sheet.path("files").toString()).isEqualTo("[\"samples.txt\"]");
    }

    @Test void musicIsDrawnHeardAndHarmonised() throws Exception {
        JsonNode drawn = done("sample", "'run': 'musictransformer', 'n': 1, 'each': true");
        assertThat(drawn.path("files").toString())
            .isEqualTo("[\"samples/00000.png\",\"samples/00000.mid\",\"samples/00000.wav\"]");
        HttpResponse<byte[]> sound = file(drawn, "samples/00000.wav"), notes = file(drawn, "samples/00000.mid");
        assertThat(sound.headers().firstValue("Content-Type")).hasValue("audio/wav");
        assertThat(sound.headers().firstValue("Content-Disposition")).hasValue("inline");
        assertThat(new String(sound.body(), 0, 4, StandardCharsets.US_ASCII)).isEqualTo("RIFF");
        assertThat(notes.headers().firstValue("Content-Type")).hasValue("audio/midi");
        HttpResponse<byte[]> part = asking.bytes(asking.to("/v1/jobs/" + drawn.path("id").asText() + "/files/samples/00000.wav")
            .header("Range", "bytes=4-11").build());
        assertThat(part.statusCode()).isEqualTo(206);
        assertThat(part.body()).isEqualTo(java.util.Arrays.copyOfRange(sound.body(), 4, 12));

        JsonNode upload = asking.upload("/v1/uploads", "audio/midi", notesOf(), 201);
        assertThat(upload.path("sixteenths").asInt()).isPositive();
        String id = upload.path("id").asText();
        assertThat(asking.bytes("/v1/uploads/" + id).headers().firstValue("Content-Type")).hasValue("audio/midi");
        JsonNode harmonised = done("harmonise", "'run': 'musictransformer', 'score': '" + id + "', 'voice': 'soprano', 'n': 2");
        assertThat(harmonised.path("files")).hasSize(6);
        assertThat(harmonised.path("files").get(0).asText()).isEqualTo("harmonised/00000.png");
        JsonNode found = asking.get("/v1/gallery?limit=50");
        assertThat(found.path("pictures").findValuesAsText("kind")).contains("harmonise");
        assertThat(asking.send("POST", "/v1/jobs", job("harmonise", "'run': 'musictransformer', 'score': '/etc/passwd', 'voice': '1'"), 422)
            .path("error").path("code").asText()).isEqualTo("no_such_score");
        String picture = asking.upload("/v1/uploads", "image/png", file(drawn, "samples/00000.png").body(), 201).path("id").asText();
        for (String[] wrong : new String[][] {{"harmonise", "'run': 'musictransformer', 'voice': '1', 'score': '" + picture + "'"},
            {"complete", "'run': 'musictransformer', 'keep': 1, 'image': '" + id + "'"}}) {
            assertThat(asking.send("POST", "/v1/jobs", job(wrong[0], wrong[1]), 422).path("error").path("code").asText())
                .startsWith("no_such_");
        }
    }

    @Test void whatARunCannotDoIsRefusedBeforeItWaits() throws Exception {
        String id = asking.upload("/v1/uploads", "audio/midi", notesOf(), 201).path("id").asText();
        String[][] wrong = {
            {"write", "'run': 'musictransformer', 'beginning': 'a'", "run", "'musictransformer' writes no texts from a beginning; models"},
            {"write", "'run': 'mdlm', 'beginning': 'a'", "run", "'mdlm' writes no texts from a beginning"},
            {"write", "'run': 'gpt', 'beginning': 'Привет'", "beginning", "the character 'П' (U+041F)"},
            {"fill", "'run': 'gpt', 'text': 'abc', 'hole': ['0:1']", "run", "'gpt' fills no holes of texts"},
            {"fill", "'run': 'mdlm', 'text': 'abc', 'hole': ['9:4']", "hole", "illegal hole: 9:4"},
            {"fill", "'run': 'mdlm', 'text': 'abc', 'hole': ['x']", "hole", "illegal hole: 'x'"},
            {"harmonise", "'run': 'gpt', 'score': '" + id + "', 'voice': 'alto'", "run", "'gpt' completes no scores"},
            {"harmonise", "'run': 'musictransformer', 'score': '" + id + "', 'voice': 'violin'", "voice", "illegal voice: 'violin'"},
            {"harmonise", "'run': 'musictransformer', 'score': '" + id + "'", "voice", "what of the score is kept?"}};
        for (String[] w : wrong) {
            JsonNode error = asking.send("POST", "/v1/jobs", job(w[0], w[1]), 422).path("error");
            assertThat(error.path("field").asText()).as(error.toString()).isEqualTo(w[2]);
            assertThat(error.path("message").asText()).contains(w[3]);
        }
        done("harmonise", "'run': 'musictransformer', 'score': '" + id + "', 'keep': 1, 'n': 1");
    }

    @Test void aPlaceWithBlanksAndLettersOfOthersIsTakenOutWhole() {
        assertThat(Answers.withoutPlaces("left out: /srv/папка с текстом/bad.txt at byte 0")).endsWith("с текстом/bad.txt at byte 0");
    }

    /** An item of {@code parts} as a MIDI file. */
    static byte[] notesOf() throws Exception {
        return asking.bytes("/v1/data/parts/items/1.mid?split=test").body();
    }

    @Test void aFileThatIsNoMidiIsRefused() throws Exception {
        byte[] good = notesOf();
        byte[] many = good.clone();
        many[10] = (byte) 0xff;
        many[11] = (byte) 0xff;
        for (byte[] bad : List.of(new byte[0], "MThd".getBytes(StandardCharsets.US_ASCII), many, java.util.Arrays.copyOf(good, 40),
                "<html>".getBytes(StandardCharsets.US_ASCII))) {
            JsonNode error = asking.upload("/v1/uploads", "audio/midi", bad, 422).path("error");
            assertThat(error.path("code").asText()).isEqualTo("bad_score");
            assertThat(error.path("message").asText()).startsWith("the score").doesNotContain(root.toString());
        }
        assertThat(asking.upload("/v1/uploads", "audio/midi", new byte[(4 << 20) + 1], 413).path("error").path("code").asText())
            .isEqualTo("too_large");
        try (var left = Files.list(root.resolve("jobs/uploads"))) {
            assertThat(left.filter(f -> f.toString().endsWith(".mid")).count()).isLessThanOrEqualTo(2);
        }
    }

    @Test void itemsOfTextsAndOfMusicAreShown() throws Exception {
        JsonNode programs = asking.get("/v1/data/programs?count=5");
        assertThat(programs.path("kind").asText()).isEqualTo("texts");
        assertThat(programs.path("items")).hasSize(5).allMatch(i -> i.path("text").asText().contains("# prints"));
        String text = new String(asking.bytes("/v1/data/programs/items/2.txt").body(), StandardCharsets.UTF_8);
        assertThat(text).isEqualTo(programs.path("items").get(2).path("text").asText());
        asking.get("/v1/data/programs/items/2.png", 404);
        JsonNode parts = asking.get("/v1/data/parts?count=2");
        assertThat(parts.path("kind").asText()).isEqualTo("scores");
        assertThat(parts.path("forms").toString()).isEqualTo("[\".png\",\".mid\",\".wav\"]");
        assertThat(Pictures.read(asking.bytes("/v1/data/parts/items/0.png").body(), "roll", Limits.DEFAULT).width()).isEqualTo(12 * 64);
        assertThat(asking.bytes("/v1/data/parts/items/0.wav").headers().firstValue("Content-Type")).hasValue("audio/wav");
        Dataset own = Datasets.open(root.resolve("data/rhymes.txt").toString(), Split.TRAIN, DataOptions.DEFAULT);
        JsonNode rhymes = asking.get("/v1/data/rhymes.txt?count=1");
        assertThat(rhymes.path("size").asInt()).isEqualTo(own.size());
        assertThat(rhymes.path("items").get(0).path("text").asText()).contains("one two three four");
    }

    @Test void aRunShowsItsTextsAndSounds() throws Exception {
        JsonNode gpt = asking.get("/v1/runs/gpt");
        assertThat(gpt.path("files").toString()).contains("samples/step-00000003.txt", "samples.txt");
        assertThat(asking.bytes("/v1/runs/gpt/pictures/samples.txt").headers().firstValue("Content-Type"))
            .hasValue("text/plain;charset=utf-8");
        JsonNode music = asking.get("/v1/runs/musictransformer");
        assertThat(music.path("files").toString()).contains("samples-1.wav", "samples-1.mid");
        assertThat(asking.bytes("/v1/runs/musictransformer/pictures/samples-1.wav").headers().firstValue("Content-Type"))
            .hasValue("audio/wav");
        for (String none : List.of("config.json", "model.safetensors", "metrics.jsonl", "../gpt/samples.txt")) {
            asking.get("/v1/runs/gpt/pictures/" + none.replace("/", "%2f"), 404);
        }
    }

    @Test void moreTokensThanMayBeAreRefused() throws Exception {
        JsonNode error = asking.send("POST", "/v1/jobs", job("write", "'run': 'gpt', 'beginning': '', 'n': 1000, 'length': 100000"), 422)
            .path("error");
        assertThat(error.path("code").asText()).isEqualTo("too_much");
        assertThat(error.path("message").asText()).contains("100000000", "at most 2000000");
        assertThat(asking.send("POST", "/v1/jobs", job("write", "'run': 'gpt', 'beginning': 'a', 'stop': 1"), 422).path("error")
            .path("field").asText()).isEqualTo("stop");
    }
}
