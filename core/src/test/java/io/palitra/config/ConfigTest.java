package io.palitra.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.CpuTime;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigTest {
    private static final Sample BASE = Sample.DEFAULTS;

    /** As a family declares it. */
    private static final class Vae {
        private record Config(@Help(value = "numbers", min = 1) int latent, int width, double beta) {}
    }

    private static Sample with(String... overrides) { return Config.with(BASE, overrides); }

    private static String error(String... overrides) {
        Throwable thrown = catchThrowable(() -> with(overrides));
        assertThat(thrown).isInstanceOf(ConfigException.class);
        assertThat(thrown.getMessage()).doesNotContain("\n");
        return thrown.getMessage();
    }

    private static ObjectNode json() { return Config.toJson(BASE); }

    private static String jsonError(JsonNode json) {
        Throwable thrown = catchThrowable(() -> Config.fromJson(Sample.class, json));
        assertThat(thrown).isInstanceOf(ConfigException.class);
        assertThat(thrown.getMessage()).doesNotContain("\n");
        return thrown.getMessage();
    }

    @Test void everySimpleTypeIsReadFromText() {
        Sample s = with("latent=+7", "steps=9000000000", "beta=4e-4", "fast=true", "name=a=b, c", "target=v-With_sign");
        assertThat(s.latent()).isEqualTo(7);
        assertThat(s.steps()).isEqualTo(9_000_000_000L);
        assertThat(s.beta()).isEqualTo(4e-4);
        assertThat(s.fast()).isTrue();
        assertThat(s.name()).isEqualTo("a=b, c");
        assertThat(s.target()).isEqualTo(Sample.Target.V_WITH_SIGN);
        assertThat(s.net()).isEqualTo(BASE.net());
    }

    @Test void noOverrideChangesNothing() { assertThat(with()).isEqualTo(BASE); }

    @Test void listsAreWrittenWithCommas() {
        Sample s = with("widths=1, 2,4", "weights=", "tags=x,,y");
        assertThat(s.widths()).containsExactly(1, 2, 4);
        assertThat(s.weights()).isEmpty();
        assertThat(s.tags()).containsExactly("x", "", "y");
        assertThat(error("widths=1,x")).isEqualTo("widths=1,x: 'x' is not a whole number");
        assertThat(error("widths=1,0")).isEqualTo("widths=1,0: illegal widths: 0, must be at least 1");
    }

    @Test void aKeyOfANestedRecordLeavesItsNeighbours() {
        assertThat(with("net.width=3").net()).isEqualTo(new Sample.Net(3, 0.1));
        assertThat(error("net=3")).startsWith("net=3: set the keys below net");
        assertThat(error("latent.width=3")).isEqualTo("latent.width=3: latent is one value (int) and has no keys below it");
    }

    @Test void aKindAndItsKeysMayComeInAnyOrder() {
        List<String> overrides = new ArrayList<>(List.of("sampler=DPM-plus_plus-2m", "sampler.target=eps", "sampler.then=heun",
            "sampler.then.steps=40", "sampler.then.from=39"));
        Sample.Sampler expected = new Sample.Sampler.DpmPlusPlus2M(new Sample.Sampler.Heun(40, 39), Sample.Target.EPS);
        for (int i = 0; i < overrides.size(); i++) {
            Collections.rotate(overrides, 1);
            assertThat(Config.with(BASE, overrides).sampler()).isEqualTo(expected);
        }
    }

    @Test void namingAKindStartsFromItsOwnDefaults() {
        Sample changed = with("sampler.steps=40");
        assertThat(changed.sampler()).isEqualTo(new Sample.Sampler.Heun(40, 0));
        assertThat(Config.with(changed, "sampler=heun").sampler()).isEqualTo(new Sample.Sampler.Heun(18, 0));
        assertThat(Config.with(changed, "sampler=none").sampler()).isEqualTo(new Sample.Sampler.None());
    }

    @Test void twoValuesThatAreOnlyValidTogetherMayBothBeGiven() {
        assertThat(with("sampler.from=30", "sampler.steps=31").sampler()).isEqualTo(new Sample.Sampler.Heun(31, 30));
        assertThat(error("sampler.from=30")).isEqualTo("sampler.from=30: illegal from: 30, must be less than steps, 18");
        assertThat(error("sampler.from=30", "sampler.steps=20"))
            .isEqualTo("sampler.from=30, sampler.steps=20: illegal from: 30, must be less than steps, 20");
    }

    @Test void entriesOfAMapAreChangedAndAdded() {
        Map<String, Sample.Optimizer> modules = with("modules.decoder.lr=4e-4", "modules.decoder=adam", "modules.encoder.lr=2").modules();
        assertThat(modules).isEqualTo(Map.of("encoder", new Sample.Optimizer.Sgd(2), "decoder", new Sample.Optimizer.Adam(4e-4, 0.9)));
        assertThat(with("nets.tail.width=9").nets()).isEqualTo(Map.of("head", new Sample.Net(8, 0), "tail", new Sample.Net(9, 0.5)));
        assertThat(error("modules.decoder.lr=1"))
            .isEqualTo("modules.decoder.lr=1: there is no such entry; start it by modules.decoder=adam|sgd");
        assertThat(error("modules.decoder=adma"))
            .isEqualTo("modules.decoder=adma: no such choice 'adma'; there are adam, sgd; did you mean adam?");
        assertThat(error("modules=adam")).startsWith("modules=adam: set the keys below modules");
    }

    @Test void anUnknownKeyListsTheKnownOnesAndTheNearest() {
        Vae.Config vae = new Vae.Config(2, 128, 1);
        assertThatThrownBy(() -> Config.with(vae, "latnt=3")).isInstanceOf(ConfigException.class)
            .hasMessage("latnt=3: no such key 'latnt'; there are latent, width, beta; did you mean latent?")
            .extracting(e -> ((ConfigException) e).key()).isEqualTo("latnt");
        assertThatThrownBy(() -> Config.with(vae, "q=3")).hasMessage("q=3: no such key 'q'; there are latent, width, beta");
        assertThat(error("sampler.stpes=3"))
            .isEqualTo("sampler.stpes=3: no such key 'stpes' below sampler; there are steps, from; did you mean steps?");
        assertThat(error("sampler=none", "sampler.steps=3"))
            .isEqualTo("sampler.steps=3: no such key 'steps' below sampler; there are none");
    }

    @Test void malformedNumbersAreRefusedWithTheirText() {
        assertThat(error("latent=ten")).isEqualTo("latent=ten: 'ten' is not a whole number");
        assertThat(error("latent=")).isEqualTo("latent=: '' is not a whole number");
        assertThat(error("latent=2147483648"))
            .isEqualTo("latent=2147483648: 2147483648 is too large or too small, must be between -2147483648 and 2147483647");
        for (String bad : List.of("NaN", "Infinity", "-Infinity", "0x1p3", "1d", "1,5", "1e", ".", "", " 1", "\u0661")) {
            assertThat(error("beta=" + bad)).isEqualTo("beta=" + bad + ": '" + bad + "' is not a number");
        }
        assertThat(error("beta=1e999")).startsWith("beta=1e999: 1e999 is too large or too small");
        assertThat(with("beta=.5").beta()).isEqualTo(0.5);
        assertThat(error("fast=yes")).isEqualTo("fast=yes: 'yes' is not true or false");
        assertThat(error("target=x1")).isEqualTo("target=x1: no such choice 'x1'; there are eps, x0, v_with_sign; did you mean x0?");
    }

    @Test void aNumberOutOfItsRangeIsRefused() {
        assertThat(error("latent=0")).isEqualTo("latent=0: illegal latent: 0, must be at least 1");
        assertThat(error("beta=11")).isEqualTo("beta=11: illegal beta: 11.0, must be between 0 and 10");
        assertThat(error("net.dropout=-1e-9")).isEqualTo("net.dropout=-1e-9: illegal dropout: -1.0E-9, must be between 0 and 1");
        Sample.Net bad = new Sample.Net(0, 0);
        assertThatThrownBy(() -> Config.check(bad)).isInstanceOf(ConfigException.class).hasMessage("illegal width: 0, must be at least 1");
        assertThatThrownBy(() -> Config.with(bad, "dropout=1")).hasMessage("illegal width: 0, must be at least 1");
        assertThat(jsonError(json().set("net", json().objectNode().put("width", 0).put("dropout", 0))))
            .isEqualTo("illegal net.width: 0, must be at least 1");
    }

    @Test void anOverrideWithoutKeyOrGivenTwiceIsRefused() {
        for (String bad : List.of("latent", "=3", "", "net..width=3", ".latent=3", "net.=3")) {
            assertThat(error(bad)).isEqualTo("'" + bad + "' is not key=value, such as a=1 or a.b=1");
        }
        assertThat(error("latent=3", "latent=4")).isEqualTo("latent=3: given twice, also as '4'");
    }

    @Test void aLineBreakInAValueDoesNotReachTheMessage() {
        assertThat(error("latent=1\n\u001b[2J")).isEqualTo("latent=1\\u000a\\u001b[2J: '1\\u000a\\u001b[2J' is not a whole number");
    }

    @Test void hugeTextIsRefusedAtOnceAndCutShortInTheMessage() {
        String digits = "1".repeat(1_000_000);
        long start = CpuTime.nanos();
        for (String bad : List.of("latent=" + digits, "latent=" + digits + "x", "beta=" + digits + "x", "beta=" + digits, digits + "=1",
                "a" + ".a".repeat(1_000_000) + "=1", "fast=" + digits, "target=" + digits, "sampler=" + digits)) {
            assertThat(error(bad).length()).isLessThan(500);
        }
        assertThat((CpuTime.nanos() - start) / 1e9).isLessThan(1);
    }

    @Test void nullNanAndInfinityAreRefusedInARecordMadeByHand() {
        assertThatThrownBy(() -> Config.check(new Vae.Config(1, 1, Double.NaN))).hasMessage("beta is NaN; it must be a finite number");
        assertThatThrownBy(() -> Config.toJson(new Vae.Config(1, 1, Double.POSITIVE_INFINITY))).isInstanceOf(ConfigException.class);
        record Texts(String text, List<String> list) {}
        assertThatThrownBy(() -> Config.check(new Texts(null, List.of())))
            .hasMessage("text is null; a configuration value is never absent");
        assertThatThrownBy(() -> Config.check(new Texts("", null))).hasMessage("list is null; a configuration value is never absent");
        assertThatThrownBy(() -> Config.check(new Texts("", Arrays.asList("", null)))).isInstanceOf(ConfigException.class);
        assertThatThrownBy(() -> Config.toJson(new Texts("\uD800", List.of())))
            .hasMessage("text holds half a surrogate pair, which is not text");
    }

    @Test void aComponentThatIsNoConfigurationIsRefusedByName() {
        record Floating(float x) {}
        record Absent(@Nullable String x) {}
        record Ranged(@Help(value = "", min = 1) String x) {}
        assertThatThrownBy(() -> Config.check(new Floating(1))).isInstanceOf(ConfigException.class)
            .hasMessageContaining("x is declared float");
        assertThatThrownBy(() -> Config.check(new Absent("x"))).isInstanceOf(ConfigException.class).hasMessageContaining("is @Nullable");
        assertThatThrownBy(() -> Config.check(new Ranged("x"))).isInstanceOf(ConfigException.class).hasMessageContaining("has a range");
    }

    @Test void jsonHasEveryValueAndNamesKinds() {
        assertThat(json().toString().replace('"', '\'')).isEqualTo("{'latent':2,'steps':100,'beta':1.0,'fast':false,'name':'vae',"
            + "'target':'eps','net':{'width':64,'dropout':0.1},'sampler':{'kind':'heun','steps':18,'from':0},'widths':[1,2],"
            + "'weights':[0.5],'tags':['a'],'modules':{'encoder':{'kind':'sgd','lr':0.1}},'nets':{'head':{'width':8,'dropout':0.0}}}");
    }

    @Test void randomRecordsComeBackEqualThroughText() {
        SplittableRandom rng = new SplittableRandom(1);
        for (int i = 0; i < 2000; i++) {
            Sample sample = Sample.random(rng);
            assertThat(Config.fromJson(Sample.class, Json.read("sample", Config.toJson(sample).toString()))).isEqualTo(sample);
        }
    }

    @Test void unknownAndMissingKeysOfJsonAreNamedByTheirPath() {
        ObjectNode json = json();
        ((ObjectNode) json.get("sampler")).put("stpes", 3);
        assertThat(jsonError(json))
            .isEqualTo("sampler.stpes: no such key 'stpes' below sampler; there are steps, from; did you mean steps?");
        json = json();
        ((ObjectNode) json.get("sampler")).remove("steps");
        assertThat(jsonError(json)).isEqualTo("sampler.steps is missing; there are steps, from");
        json = json();
        ((ObjectNode) json.get("sampler")).remove("kind");
        assertThat(jsonError(json)).isEqualTo("sampler.kind must be one of euler, heun, dpmplusplus2m, none, got nothing");
        assertThat(jsonError(json().put("kind", "x"))).startsWith("kind: no such key 'kind'");
    }

    @Test void wrongTypesOfJsonAreRefused() {
        assertThat(jsonError(json().put("latent", "2"))).isEqualTo("latent wants a whole number, got the text \"2\"");
        assertThat(jsonError(json().put("latent", 2.0))).isEqualTo("latent wants a whole number, got the number 2.0");
        assertThat(jsonError(json().put("latent", 1L << 31))).startsWith("latent: 2147483648 is too large or too small");
        assertThat(jsonError(json().put("beta", Double.NaN))).isEqualTo("beta: 'NaN' is not a number");
        assertThat(jsonError(json().put("fast", "true"))).isEqualTo("fast wants true or false, got the text \"true\"");
        assertThat(jsonError(json().putNull("name"))).isEqualTo("name wants a text, got null");
        assertThat(jsonError(json().put("target", 0))).isEqualTo("target wants one of eps, x0, v_with_sign, got the number 0");
        assertThat(jsonError(json().put("net", 0))).isEqualTo("net wants an object, got the number 0");
        assertThat(jsonError(json().put("widths", "1,2"))).isEqualTo("widths wants a list of which each is a whole number, got the "
            + "text \"1,2\"");
        assertThat(jsonError(json().put("name", "\uD800"))).isEqualTo("name holds half a surrogate pair, which is not text");
        assertThat(jsonError(JsonNodeFactory.instance.arrayNode())).isEqualTo("the configuration wants an object, got an empty list");
        assertThat(Config.fromJson(Sample.class, json().put("beta", 3)).beta()).isEqualTo(3.0);
    }

    @Test void aRelationThatDoesNotHoldInJsonIsNamedByItsRecord() {
        ObjectNode json = json();
        ((ObjectNode) json.get("sampler")).put("from", 18);
        assertThat(jsonError(json)).isEqualTo("sampler: illegal from: 18, must be less than steps, 18");
    }

    @Test void kindsWithinKindsEndAtTheLimitOfDepth() {
        JsonNodeFactory factory = JsonNodeFactory.instance;
        ObjectNode sampler = factory.objectNode().put("kind", "none");
        for (int i = 0; i < 100_000; i++) {
            ObjectNode outer = factory.objectNode().put("kind", "dpmplusplus2m").put("target", "x0");
            outer.set("then", sampler);
            sampler = outer;
        }
        ObjectNode json = json();
        json.set("sampler", sampler);
        assertThat(jsonError(json)).startsWith("nested deeper than 64 objects");
    }

    @Test void mutatedJsonIsReadOrRefusedButNeverBreaks() {
        SplittableRandom rng = new SplittableRandom(2);
        int refused = 0;
        for (int i = 0; i < 10_000; i++) {
            ObjectNode json = Config.toJson(Sample.random(rng));
            for (int m = 1 + rng.nextInt(3); m > 0; m--) mutate(json, rng);
            try {
                Sample read = Config.fromJson(Sample.class, json);
                assertThat(Config.fromJson(Sample.class, Config.toJson(read))).isEqualTo(read);
            } catch (ConfigException e) {
                assertThat(e.getMessage()).isNotBlank().doesNotContain("\n");
                refused++;
            }
        }
        assertThat(refused).isBetween(5000, 9999);
    }

    /** Replaces, removes or adds something somewhere. */
    private static void mutate(ObjectNode root, SplittableRandom rng) {
        JsonNode at = root;
        while (true) {
            List<JsonNode> inner = new ArrayList<>();
            at.forEach(child -> {
                if (child.isContainerNode()) inner.add(child);
            });
            if (inner.isEmpty() || rng.nextInt(3) == 0) break;
            at = inner.get(rng.nextInt(inner.size()));
        }
        JsonNode value = anything(rng);
        if (at instanceof ArrayNode array) {
            array.insert(rng.nextInt(array.size() + 1), value);
            return;
        }
        ObjectNode object = (ObjectNode) at;
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        String name = names.isEmpty() || rng.nextInt(6) == 0 ? "new\nname" : names.get(rng.nextInt(names.size()));
        if (rng.nextInt(4) == 0) object.remove(name);
        else object.set(name, value);
    }

    private static JsonNode anything(SplittableRandom rng) {
        JsonNodeFactory json = JsonNodeFactory.instance;
        String[] words = {"heun", "none", "x0", "EPS", "", "true", "1", "\uDC00", "a\nb", "x".repeat(5000)};
        return switch (rng.nextInt(9)) {
            case 0 -> json.nullNode();
            case 1 -> json.booleanNode(rng.nextBoolean());
            case 2 -> json.numberNode(rng.nextInt(5) - 2);
            case 3 -> json.numberNode(Double.longBitsToDouble(rng.nextLong()));
            case 4 -> json.numberNode(new BigInteger("9".repeat(400)));
            case 5 -> json.textNode(words[rng.nextInt(words.length)]);
            case 6 -> json.arrayNode().add(rng.nextInt(3)).add(words[rng.nextInt(words.length)]);
            case 7 -> json.objectNode().put("kind", words[rng.nextInt(words.length)]).put("steps", rng.nextInt(30));
            default -> json.numberNode(rng.nextLong());
        };
    }

    @Test void randomOverridesAreAppliedOrRefusedButNeverBreak() {
        SplittableRandom rng = new SplittableRandom(3);
        List<String> paths = new ArrayList<>(Config.describe(BASE).stream().map(Key::path).toList());
        paths.addAll(List.of("x", "net", "modules", "latent.x", "sampler.then.then.then.steps", "kind"));
        String[] values = {"0", "1", "-1", "1e3", "heun", "none", "dpmplusplus2m", "adam", "eps", "true", "", "1,2", "\n",
            "99999999999999999999"};
        int applied = 0;
        for (int i = 0; i < 10_000; i++) {
            List<String> overrides = new ArrayList<>();
            for (int n = 1 + rng.nextInt(3); n > 0; n--) {
                overrides.add(paths.get(rng.nextInt(paths.size())) + "=" + values[rng.nextInt(values.length)]);
            }
            try {
                Config.check(Config.with(BASE, overrides));
                applied++;
            } catch (ConfigException e) {
                assertThat(e.getMessage()).isNotBlank().doesNotContain("\n");
            }
        }
        assertThat(applied).isBetween(100, 9900);
    }

    @Test void everyKeyIsDescribedWithTypeRangeAndHelp() {
        List<Key> keys = Config.describe(BASE);
        assertThat(keys).contains(
            new Key("latent", "int", "2", "at least 1", "size of the latent, numbers", ""),
            new Key("beta", "double", "1.0", "between 0 and 10", "weight of the KL term", ""),
            new Key("target", "eps|x0|v_with_sign", "eps", "", "", ""),
            new Key("net.width", "int", "64", "at least 1", "channels", ""),
            new Key("widths", "list of int", "1,2", "at least 1", "channels per level", ""),
            new Key("sampler", "euler|heun|dpmplusplus2m|none", "heun", "", "how noise is taken away", ""),
            new Key("sampler.steps", "int", "18", "at least 1", "moves from noise to data", "sampler=heun"),
            new Key("sampler.steps", "int", "50", "", "", "sampler=euler"),
            new Key("sampler.target", "eps|x0|v_with_sign", "x0", "", "", "sampler=dpmplusplus2m"),
            new Key("sampler.then", "euler|heun|dpmplusplus2m|none", "euler", "", "", "sampler=dpmplusplus2m"),
            new Key("sampler.then.steps", "int", "50", "", "", "sampler=dpmplusplus2m, sampler.then=euler"),
            new Key("modules.encoder.lr", "double", "0.1", "", "", "modules.encoder=sgd"),
            new Key("modules.NAME", "adam|sgd", "", "", "", ""),
            new Key("modules.NAME.momentum", "double", "0.9", "", "", "modules.NAME=adam"),
            new Key("nets.NAME.width", "int", "16", "at least 1", "channels", ""));
        assertThat(keys).doesNotHaveDuplicates();
    }

    @Test void theDescribedDefaultsMakeTheDefaults() {
        List<String> overrides = Config.describe(BASE).stream()
            .filter(key -> !key.path().contains("NAME"))
            .filter(key -> key.when().isEmpty() || key.when().equals("sampler=heun") || key.when().equals("modules.encoder=sgd"))
            .map(key -> key.path() + "=" + key.defaultValue()).toList();
        assertThat(overrides).hasSizeGreaterThan(15);
        assertThat(Config.with(BASE, overrides)).isEqualTo(BASE);
        Sample other = with("latent=9", "sampler=none", "target=x0", "widths=7", "tags=", "net.width=1");
        assertThat(Config.with(other, overrides)).isEqualTo(BASE);
    }

    record Places(@Help(value = "a run", place = Help.Place.MODEL) String run, String other, Map<String, Below> below,
            @Help(value = "pictures", place = Help.Place.PICTURE) List<String> several) {}

    record Below(@Help(value = "a file", place = Help.Place.PICTURE) String file) {}

    record NoPlace(@Help(value = "a number", place = Help.Place.FILE) int n) {}

    @Test void placesThatAreThereBecomeAbsoluteAndAllElseStays(@TempDir Path root) {
        String near = Path.of("").toAbsolutePath().relativize(root).toString();
        Places places = new Places(near, near, Map.of("a", new Below(near), "b", new Below("org/name")), List.of(near, "c,d"));
        assertThat(Config.paths(places)).containsOnlyKeys("run", "below.a.file", "below.b.file", "several");
        assertThat(Config.absolute(places)).isEqualTo(new Places(root.toString(), near, Map.of("a", new Below(root.toString()), "b",
            new Below("org/name")), List.of(root.toString(), "c,d")));
        assertThat(Config.absolute(new Places("", "", Map.of(), List.of()))).isEqualTo(new Places("", "", Map.of(), List.of()));
        assertThatThrownBy(() -> Config.paths(new NoPlace(1))).isInstanceOf(ConfigException.class).hasMessageContaining("is a place");
    }
}
