package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Key;
import io.palitra.data.FormatException;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.family.Families;
import io.palitra.hub.Safetensors;
import io.palitra.job.DreamJob;
import io.palitra.job.PaintJob;
import io.palitra.job.Request;
import io.palitra.job.Requests;
import io.palitra.job.SearchRequest;
import io.palitra.job.TrainRequest;
import io.palitra.model.Family;
import io.palitra.model.Watcher;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No text of a request leads to a file that is not of a list. */
class PlacesTest {
    /** Texts that say nothing about the disk, and why. */
    private static final Map<String, String> PLAIN = plain();

    @TempDir private static Path root;
    private static Registry registry;
    private static Places places;
    private static Set<String> names;

    private static Map<String, String> plain() {
        Map<String, String> plain = new LinkedHashMap<>();
        for (String key : List.of("draw.prompt", "sample.prompt", "paint.negative", "dream.texts",
            "classify.labels", "classify.template", "write.beginning", "fill.text",
            "vary.from", "vary.to", "caption.ask")) {
            plain.put(key, "words for a model");
        }
        plain.put("paint.prompt", "words for a model; PaintJob.placed looks up the LoRA that a tag names");
        plain.put("search.query", "words, else SearchRequest.placed looks it up as a picture");
        for (String key : List.of("draw.sampling", "sample.sampling", "complete.set", "evaluate.sampling", "write.set", "fill.set",
                "harmonise.set", "continue.set", "vary.set")) {
            plain.put(key, "keys of a sampler, none of which is a place: a test below");
        }
        plain.put("train.set", "keys of a family; TrainRequest.placed looks up those that are places");
        plain.put("resume.set", "only the length is allowed");
        plain.put("resume.same", "seed and precision, compared");
        plain.put("resume.family", "compared with the run's");
        plain.put("train.family", "looked up in the catalogue");
        plain.put("sample.label", "looked up among the classes");
        plain.put("fill.hole", "two numbers by a pattern");
        plain.put("harmonise.bars", "two numbers by a pattern");
        plain.put("harmonise.voice", "one of four words, or a number");
        plain.put("walk.codes", "numbers, parsed");
        plain.put("walk.label", "looked up among the classes");
        plain.put("project.label", "looked up among the classes");
        plain.put("project.space", "w or w+");
        plain.put("mix.label", "looked up among the classes");
        plain.put("mix.layers", "numbers, parsed");
        plain.put("sample.size", "WIDTHxHEIGHT by a pattern");
        plain.put("paint.how.sampler", "looked up among samplers");
        plain.put("paint.precision", "one of three words");
        plain.put("dream.noise", "numbers, parsed");
        plain.put("anomalies.label", "name of a column in a file that is looked up");
        plain.put("pull.name", "org/name by a pattern, refused otherwise");
        plain.put("pull.include", "patterns compared with names that the hub lists");
        plain.put("import.prediction", "one of two words");
        return plain;
    }

    @BeforeAll static void lay() throws Exception {
        Config.with(new TrainRequest("vae"), "data=strokes", "out=" + root.resolve("runs/tiny"), "set=latent=2,net.hidden=8,train.steps=3")
            .run(Watcher.SILENT);
        Files.createDirectories(root.resolve("outside"));
        Files.createSymbolicLink(root.resolve("runs/linked"), Files.move(copy(root.resolve("runs/tiny"), root.resolve("outside/linked")),
            root.resolve("outside/there")));
        Files.createDirectories(root.resolve("data/letters/a"));
        Files.createDirectories(root.resolve("outside/pictures/a"));
        Files.createSymbolicLink(root.resolve("data/linked"), root.resolve("outside/pictures"));
        Files.createDirectories(root.resolve("data/.hidden"));
        try (Scope scope = new Scope()) {
            String key = "lora_unet_mid_block_attentions_0_proj_in.lora_";
            Safetensors.write(root.resolve("ink.safetensors"), Map.of(key + "down.weight", Torch.zeros(1, 4), key + "up.weight",
                Torch.zeros(4, 1)), Map.of());
        }
        ServerConfig config = Config.with(ServerConfig.DEFAULT, "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs"),
            "data=" + root.resolve("data"), "models=ink=" + root.resolve("ink.safetensors"), "pull=false");
        registry = new Registry(config);
        names = new TreeSet<>(Registry.names(registry.all()));
        names.addAll(new DataSets("").names());
        places = new Places(config, registry, new DataSets(config.data()),
            id -> id.equals("picture1") || id.equals("score1") ? Optional.of(root.resolve("jobs/" + id + (id.startsWith("p") ? ".png"
                : ".mid"))) : Optional.empty());
    }

    private static Path copy(Path from, Path to) throws Exception {
        Files.createDirectories(to);
        try (var files = Files.list(from)) {
            for (Path f : files.filter(Files::isRegularFile).toList()) Files.copy(f, to.resolve(f.getFileName()));
        }
        return to;
    }

    private static Request<?> placed(String kind, JsonNode asked) {
        return places.placed(kind, Requests.of(kind, places.asked(kind, asked)), "0123456789abcdef", root.resolve("jobs/0123456789abcdef"));
    }

    @Test void eachTextOfARequestIsAPlaceOrPlainForAReason() {
        Set<String> left = new TreeSet<>(), used = new LinkedHashSet<>();
        for (String kind : Jobs.SERVED) texts(kind, Requests.schema(kind, "en"), (path, property) -> {
            String name = path.substring(path.lastIndexOf('.') + 1);
            if (property.has("x-place") || Places.OWN.contains(name)) return;
            if (PLAIN.containsKey(path)) used.add(path);
            else left.add(path);
        });
        assertThat(left).as("mark each with Help.place, or say here why it is plain words").isEmpty();
        assertThat(PLAIN.keySet()).as("no reason for what is not there")
            .containsExactlyInAnyOrderElementsOf(used);
    }

    private interface Seen { void at(String path, JsonNode property); }

    private static void texts(String path, JsonNode schema, Seen seen) {
        for (Map.Entry<String, JsonNode> e : schema.path("properties").properties()) {
            JsonNode p = e.getValue();
            String at = path + "." + e.getKey();
            boolean text = p.path("type").asText().equals("string") || p.path("items").path("type").asText().equals("string");
            if (text && !p.has("enum")) seen.at(at, p);
            texts(at, p, seen);
            p.path("oneOf").forEach(kind -> texts(at, kind, seen));
            texts(at, p.path("additionalProperties"), seen);
        }
    }

    @Test void noKeyOfASamplerOrRecipeIsAPlace() {
        for (Family<?> family : Families.all()) {
            if (family.sampling() != null) assertThat(Config.paths(family.sampling())).as(family.name()).isEmpty();
            assertThat(Config.paths(family.recipe())).as(family.name()).isEmpty();
            List<String> texts = family.sampling() == null ? List.of() : Config.describe(family.sampling()).stream()
                .filter(k -> k.type().contains("string")).map(Key::path).toList();
            assertThat(texts).as("texts of " + family.name() + "'s samplers").isSubsetOf("prompt", "size", "label", "stop",
                "negative", "below");
        }
    }

    private static List<String> attacks() {
        String there = root.resolve("outside/there").toString(), canary = root.resolve("outside/canary.png").toString();
        List<String> all = new ArrayList<>(List.of("linked", "runs/tiny", "./tiny",
            "tiny/", "tiny/.", "tiny/../tiny", "TINY", "tiny ", " tiny",
            ".hidden", "letters/a", "letters/..", "~", "~/x", "~root", "$HOME", "%HOME%",
            "CON", "NUL", "COM1", "-", "--help", "*", "?", "[a]",
            "file://" + there, "http://127.0.0.1:1/x", "jar:file:" + there + "!/x",
            "\\\\host\\share\\x", "//host/share/x", "C:\\Windows\\win.ini",
            "C:/Windows", "C:", "c:canary.png",
            "\\\\?\\C:\\x", "/dev/zero", "/dev/stdin", "/proc/self/environ", "/etc/passwd", "/", ".", ".."));
        for (String up : List.of("../", "..\\", "%2e%2e/", "%2e%2e%2f", "..%2f", "..%5c", "%252e%252e%252f",
            "....//", "..;/", "\u2024\u2024/",
                "\uff0e\uff0e/", "\uff0e\uff0e\uff0f", "\u2025/", "..\u2215", "..\u2044", "%c0%ae%c0%ae/", "..%c0%af", "./../", "../././",
                "\u202e../", ".\u200b./")) {
            for (int n = 1; n <= 4; n++) {
                for (String end : List.of("outside/there", "outside/canary.png", "outside/pictures")) all.add(up.repeat(n) + end);
            }
        }
        for (String end : List.of("", "\0", "\0.png", "%00", "%00.png", "\n", "/", "//", "/.", ":0.5", "@300", " | ", ":1:2")) {
            all.add(there + end);
            all.add(canary + end);
        }
        return all;
    }

    @Test void threeHundredWaysOutLeadNowhereInAnyText() throws Exception {
        List<String> attacks = attacks();
        assertThat(attacks.stream().distinct().count()).isGreaterThanOrEqualTo(300);
        int refused = 0, asked = 0;
        List<String> open = new ArrayList<>();
        for (String kind : Jobs.SERVED) {
            ObjectNode usual = usual(kind);
            placed(kind, usual);   // is let in
            List<String> paths = new ArrayList<>();
            texts(kind, Places.schema(kind, "en"), (path, property) -> paths.add(path));
            for (String path : paths) {
                for (String attack : attacks) {
                    asked++;
                    ObjectNode request = with(usual, path.substring(kind.length() + 1).split("\\."), attack);
                    try {
                        Request<?> made = placed(kind, request);
                        Config.paths((Record) made).forEach((key, text) -> {
                            for (String one : text.split(" \\| ")) if (outside(one)) open.add(path + " <- " + attack + " = " + text);
                        });
                        if (made instanceof SearchRequest s && !s.query().startsWith(" ")) open.add(path + " <- " + attack);
                        if (made instanceof TrainRequest t) {
                            for (String s : t.set()) if (s.startsWith("stage=") || s.startsWith("data.dir=")) open.add(path + " <- " + s);
                        }
                    } catch (Refused | ArgumentException | FormatException e) {
                        refused++;
                        String said = e instanceof Refused r ? r.fault().message() : "";
                        assertThat(said).doesNotContain(root.toString());
                    }
                }
            }
        }
        assertThat(open).isEmpty();
        assertThat(refused).as("of " + asked).isGreaterThan(asked / 3);
    }

    /** Whether a place of a request that was let in is none of those that it may be. */
    private static boolean outside(String text) {
        String place = text.replaceFirst("[:@]-?[\\d.]+$", "").strip().replaceFirst(" :1$", "");
        if (place.isEmpty() || names.contains(place)) return false;
        Path path = Path.of(place).normalize();
        List<Path> within = List.of(root.resolve("jobs/0123456789abcdef"), root.resolve("jobs/picture1.png"),
            root.resolve("jobs/score1.mid"), root.resolve("runs/tiny"), root.resolve("data/letters"), root.resolve("ink.safetensors"));
        boolean fresh = path.getParent() != null && path.getParent().equals(root.resolve("runs")) && !Files.exists(path);
        return !fresh && within.stream().noneMatch(path::startsWith);
    }

    /** Defaults, and names that there are. */
    private static ObjectNode usual(String kind) {
        ObjectNode asked = Asking.JSON.createObjectNode();
        JsonNode schema = Places.schema(kind, "en");
        schema.path("required").forEach(name -> {
            JsonNode p = schema.path("properties").path(name.asText());
            String place = p.path("x-place").asText(), text = switch (place) {
                case "model" -> "tiny";
                case "data" -> kind.equals("search") ? "letters" : "strokes";
                case "picture" -> kind.equals("harmonise") ? "score1" : "picture1";
                case "file" -> "ink";
                default -> name.asText().equals("family") ? "vae" : kind.equals("pull") ? "org/name" : "a, b";
            };
            if (p.path("type").asText().equals("array")) asked.putArray(name.asText()).add(text).add(text);
            else if (p.path("type").asText().equals("integer")) asked.put(name.asText(), 2);
            else asked.put(name.asText(), text);
        });
        return asked;
    }

    private static ObjectNode with(ObjectNode usual, String[] path, String text) {
        ObjectNode made = usual.deepCopy(), at = made;
        for (int i = 0; i + 1 < path.length; i++) at = at.withObject("/" + path[i]);
        String name = path[path.length - 1];
        boolean list = List.of("lora", "sampling", "set", "same", "runs", "include").contains(name);
        if (!list) {
            at.put(name, text);
            return made;
        }
        ArrayNode all = at.putArray(name);
        all.add(name.equals("set") || name.equals("sampling") ? "stage=" + text : text);
        if (name.equals("runs")) all.add("tiny");
        return made;
    }

    private static ObjectNode json(String text) {
        try {
            return (ObjectNode) Asking.JSON.readTree(text.replace('\'', '"'));
        } catch (java.io.IOException e) {
            throw new IllegalArgumentException(e);
        }
    }

    @Test void weightsTimesAndTagsStandAroundNames() {
        String ink = root.resolve("ink.safetensors").toString(), tiny = root.resolve("runs/tiny").toString();
        PaintJob paint = (PaintJob) placed("paint", json("{'prompt':'a <lora:ink:0.8> castle <hypernet:x:1>','model':'tiny',"
            + "'lora':['ink','ink:-0.5'],'switchTo':'tiny@300'}"));
        assertThat(paint.lora()).containsExactly(ink, ink + ":-0.5", ink + ":0.8");
        assertThat(paint.prompt()).isEqualTo("a  castle <hypernet:x:1>");
        assertThat(paint.switchTo()).isEqualTo(tiny + "@300");
        DreamJob dream = (DreamJob) placed("dream",
            json("{'texts':'a: b | c','vqgan':'tiny','clip':'tiny','targets':'picture1 :2 | picture1'}"));
        String picture = root.resolve("jobs/picture1.png").toString();
        assertThat(dream.targets()).isEqualTo(picture + " :2.0 | " + picture + " :1.0");
        assertThat(((SearchRequest) placed("search",
            json("{'folder':'letters','query':'picture1','clip':'tiny'}"))).query()).isEqualTo(picture);
        for (String wrong : List.of("{'prompt':'<lora:../ink:1>','model':'tiny'}",
            "{'prompt':'a','model':'tiny','lora':['ink.safetensors:1']}",
                "{'prompt':'a','model':'tiny','switchTo':'tinny@3'}", "{'prompt':'<lyco:tiny:1>','model':'tiny'}",
                "{'prompt':'a','model':'tiny','loraDir':'letters'}", "{'prompt':'a','model':'tiny','like':'picture1'}",
                "{'prompt':'a','model':'tiny','threads':7}", "{'prompt':'a','model':'tiny','device':'cuda'}")) {
            assertThatThrownBy(() -> placed("paint", json(wrong))).as(wrong).isInstanceOf(Refused.class);
        }
    }

    @Test void whatIsWrittenGoesIntoTheJobsFolderAndRunsGetFreeNames() {
        Path own = root.resolve("jobs/0123456789abcdef");
        assertThat(Config.paths((Record) placed("sample", json("{'run':'tiny','each':true}")))).containsEntry("out", own + "/samples");
        assertThat(Config.paths((Record) placed("sample", json("{'run':'tiny','animation':'animation.gif'}"))))
            .containsEntry("animation", own + "/animation.gif");
        assertThat(Config.paths((Record) placed("import", json("{'source':'ink'}")))).containsEntry("out", own + "/imported");
        assertThat(Config.paths((Record) placed("train", json("{'family':'vae','out':'new'}"))))
            .containsEntry("out", root.resolve("runs/new").toString());
        assertThat(Config.paths((Record) placed("train", json("{'family':'vae'}"))))
            .containsEntry("out", root.resolve("runs/vae-01234567").toString());
        for (String taken : List.of("tiny", "scenes", "ink", "compare")) {
            assertThatThrownBy(() -> placed("train", json("{'family':'vae','out':'" + taken + "'}"))).as(taken).isInstanceOf(Refused.class);
        }
    }

    @Test void theListHasWhatWasGivenWhatIsIncludedAndRunsButNoLinks() {
        List<String> names = Registry.names(registry.all());
        assertThat(names).contains("ink", "scenes", "scenes-clip", "digits", "tiny").doesNotContain("linked");
        assertThat(registry.named("ink").orElseThrow().facts().kind()).isEqualTo(ModelFacts.Kind.LORA);
        assertThat(registry.named("tiny").orElseThrow().facts().about().path("family").asText()).isEqualTo("vae");
        assertThat(registry.named("scenes").orElseThrow().facts().about().path("takes").toString()).isEqualTo("[\"text\",\"prefix\"]");
        assertThat(registry.named("scenes").orElseThrow().facts().about().path("sha256").asText()).matches("[0-9a-f]{64}");
        assertThat(new DataSets(root.resolve("data").toString()).folders()).containsExactly("letters");
        String here = root.resolve("ink.safetensors").toString();
        assertThatThrownBy(() -> new Registry(Config.with(ServerConfig.DEFAULT, "models=a=" + here + ",a=" + here)))
            .isInstanceOf(ConfigException.class).hasMessageContaining("two models are called 'a'");
        assertThatThrownBy(() -> new Registry(Config.with(ServerConfig.DEFAULT, "models=nowhere.safetensors")))
            .isInstanceOf(ConfigException.class).hasMessageContaining("models=nowhere.safetensors is not here");
        assertThatThrownBy(() -> new DataSets(root.resolve("nowhere").toString()))
            .isInstanceOf(ConfigException.class).hasMessageContaining("is no folder");
    }

    @Test void twoHundredRunsAreListedInFiftyMilliseconds() throws Exception {
        Path many = root.resolve("many");
        for (int i = 0; i < 200; i++) copy(root.resolve("runs/tiny"), many.resolve("run-" + i));
        Registry list = new Registry(Config.with(ServerConfig.DEFAULT, "runs=" + many, "pull=false"));
        assertThat(list.all().size()).isGreaterThan(200);
        long best = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            long began = System.nanoTime();
            list.all();
            best = Math.min(best, System.nanoTime() - began);
        }
        assertThat(best / 1e6).as("ms").isLessThan(50);
        System.out.printf("200 runs listed in %.1f ms%n", best / 1e6);
    }
}
