package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Choices;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.Json;
import io.palitra.config.Key;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.ImageSpec;
import io.palitra.data.Split;
import io.palitra.data.VectorSpec;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.family.Ae;
import io.palitra.family.Families;
import io.palitra.family.Vae;
import io.palitra.model.Family;
import io.palitra.model.Recipe;
import io.palitra.stage.AutoencoderNet;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunConfigTest {
    /** Whole numbers that count nothing that takes room or time: a class, or how many at most. */
    private static final Set<String> FREE = Set.of("label", "topK", "klWarmup", "fade", "stay");

    @Test void whatLiesOnTheDiskIsKeptAbsoluteForEveryFamilyAndNamesOfTheHubAsTheyAre(@TempDir Path root) throws Exception {
        Path here = Path.of("").toAbsolutePath(), there = Files.createDirectories(root.resolve("there"));
        String near = here.relativize(there).toString();
        int paths = 0;
        for (Family<?> family : Families.all()) {
            Set<String> keys = new TreeSet<>(Config.paths(family.defaults()).keySet());
            if (family.name().equals("vqgan")) keys.addAll(Set.of("perceptual.run"));
            for (String key : keys) {
                List<String> set = new ArrayList<>();
                if (key.startsWith("perceptual.")) set.add("perceptual=features");
                set.add(key + "=" + near);
                RunConfig config = RunConfig.of(family.name(), "strokes", TinyRuns.data(Split.TRAIN), DataOptions.DEFAULT, 0, set);
                assertThat(Config.paths(config.model())).as(family.name()).containsEntry(key, there.toString());
                assertThat(config.places()).contains(key, "data", "data.dir");
                set.set(set.size() - 1, key + "=org/name");
                RunConfig hub = RunConfig.of(family.name(), "strokes", TinyRuns.data(Split.TRAIN), DataOptions.DEFAULT, 0, set);
                assertThat(Config.paths(hub.model())).containsEntry(key, "org/name");
                paths++;
            }
        }
        assertThat(paths).isEqualTo(14);   // two of diffusion, unclip and flamingo, one of eight others
        DataOptions options = new DataOptions(near, 0, 0, false);
        assertThat(RunConfig.of("ae", "strokes", TinyRuns.data(Split.TRAIN), options, 0, List.of()).settings().options().dir())
            .isEqualTo(there.toString());
    }

    @Test void aRunOfBeforeAnOptionOpensAndNothingElseMayBeMissing(@TempDir Path root) throws Exception {
        RunConfig config = TinyRuns.config("vae");
        Path file = root.resolve("config.json");
        ObjectNode json = config.toJson();
        ((ObjectNode) json.get("options")).remove("captions");
        Json.write(file, json);
        assertThat(RunConfig.read(file)).isEqualTo(config);
        ((ObjectNode) json.get("options")).put("caption", true);
        Json.write(file, json);
        assertThatThrownBy(() -> RunConfig.read(file)).isInstanceOf(ConfigException.class).hasMessageContaining("options.caption");
        json.remove("options");
        Json.write(file, json);
        assertThatThrownBy(() -> RunConfig.read(file)).isInstanceOf(ConfigException.class).hasMessageContaining("options is missing");
    }

    @Test void sizesThatNoMachineHoldsAreRefusedInALine(@TempDir Path root) throws Exception {
        Path file = root.resolve("config.json");
        ObjectNode json = TinyRuns.config("vae").toJson();
        for (String key : List.of("height", "width", "classes")) {
            ObjectNode spec = (ObjectNode) json.get("spec");
            int before = spec.get(key).asInt();
            Json.write(file, json.set("spec", spec.put(key, 1_000_000_000)));
            assertThatThrownBy(() -> RunConfig.read(file)).isInstanceOf(ConfigException.class).hasMessageContaining("1000000000")
                .hasMessageContaining("must be");
            spec.put(key, before);
        }
        assertThatThrownBy(() -> new VectorSpec(1_000_000_000, 0)).hasMessageContaining("illegal size: 1000000000, must be between 1 and");
        for (String override : List.of("train.epochs=1000000000", "train.batch=1000000000", "train.accumulate=1000000000",
                "train.steps=9000000000000000000")) {
            assertThatThrownBy(() -> RunConfig.of("vae", "strokes", TinyRuns.data(Split.TRAIN), DataOptions.DEFAULT, 1, List.of(override)))
                .isInstanceOf(ConfigException.class).hasMessageContaining("must be");
        }
    }

    @Test void noFamilyTakesANumberOfABillionOrANegativeSize() {
        for (Family<?> family : Families.all()) {
            List<Record> records = new ArrayList<>(List.of(family.defaults()));
            if (family.sampling() != null) records.add(family.sampling());
            for (Record record : records) {
                for (Key key : Config.describe(record)) {
                    boolean counts = key.type().equals("int") && !FREE.contains(key.path().substring(key.path().lastIndexOf('.') + 1));
                    if (!counts || !key.when().isEmpty() && key.path().contains("NAME")) continue;
                    List<String> overrides = new ArrayList<>(key.when().isEmpty() ? List.of() : List.of(key.when().split(", ")));
                    overrides.add(key.path() + "=1000000000");
                    assertThatThrownBy(() -> Config.with(record, overrides)).as(family.name() + " " + overrides)
                        .isInstanceOf(ConfigException.class);
                }
            }
        }
    }

    @Test void aNetworkThatFitsNoMachineIsRefusedBeforeItIsBuilt() {
        Vae.Config wide = Config.with((Vae.Config) Families.named("vae").defaults(), "net.hidden=65536,65536,65536");
        assertThatThrownBy(() -> Vae.FAMILY.build(wide, new ImageSpec(1, 28, 28, 0), new Rng(1)))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageMatching(".*(make it smaller, or the pictures, as by data.size=64|more than 2147483647 numbers).*");
    }

    @Test void everyValueOfARunHasItsMeaning() {
        Set<Class<?>> seen = new LinkedHashSet<>();
        List<String> without = new ArrayList<>();
        meanings(RunConfig.Settings.class, seen, without);
        for (Family<?> family : Families.all()) {
            meanings(family.defaults().getClass(), seen, without);
            if (family.sampling() != null) meanings(family.sampling().getClass(), seen, without);
        }
        assertThat(without).isEmpty();
        assertThat(seen).contains(DataOptions.class, ImageSpec.class, VectorSpec.class, OptimizerSpec.Muon.class, Recipe.class,
            AutoencoderNet.Kl.class);
    }

    /** Every component of the records that can be reached from a type by components, kinds, lists and maps. */
    private static void meanings(Type type, Set<Class<?>> seen, List<String> without) {
        if (type instanceof ParameterizedType of) {
            for (Type argument : of.getActualTypeArguments()) meanings(argument, seen, without);
            return;
        }
        if (!(type instanceof Class<?> c) || c.isEnum() || !c.getName().startsWith("io.palitra.") || !seen.add(c)) return;
        if (c.isSealed()) for (Class<?> kind : c.getPermittedSubclasses()) meanings(kind, seen, without);
        for (Choices choices : ServiceLoader.load(Choices.class)) {
            if (choices.of() == c) for (Class<?> kind : choices.kinds()) meanings(kind, seen, without);
        }
        if (!c.isRecord()) return;
        for (RecordComponent component : c.getRecordComponents()) {
            Help help = component.getAnnotation(Help.class);
            boolean own = !c.getPackageName().equals("io.palitra.thirdkind");   // of the tests
            if (own && (help == null || help.value().isBlank())) without.add(c.getSimpleName() + "." + component.getName());
            meanings(component.getGenericType(), seen, without);
        }
    }

    @Test void aSpecIsToldInWords() {
        assertThat(new ImageSpec(3, 32, 32, 10)).hasToString("pictures of 3x32x32, 10 classes");
        assertThat(new ImageSpec(1, 28, 30, 0)).hasToString("pictures of 1x28x30 without classes");
        assertThat(new VectorSpec(2, 1)).hasToString("points of 2 numbers, 1 class");
        assertThat(new VectorSpec(1, 0, List.of("x"), List.of(0.0), List.of(1.0))).hasToString("rows of 1 column (x) without classes");
    }

    @Test void typedSettingsAndTextAreOneMechanism() {
        Dataset data = TinyRuns.data(Split.TRAIN);
        Ae.Config ae = new Ae.Config(new AutoencoderNet.Mlp(List.of(32)), 5, Ae.Distance.MSE, new Ae.Corruption.None(), 0, 0);
        Recipe recipe = Recipe.of(3, 16, new OptimizerSpec.Adam(1e-3, 0.9, 0.999, 1e-8));
        RunConfig typed = RunConfig.of(ae, "strokes", data).seed(7).training(recipe);
        List<String> text = new ArrayList<>();
        typed.flat().forEach((key, value) -> {
            if (key.matches("(net|loss|noise|train\\.optimizer|train\\.schedule).*") || Set.of("latent", "l1", "l2", "train.epochs",
                "train.batch", "train.clip", "train.ema").contains(key)) text.add(key.replace(".kind", "") + "="
                + value.replaceAll("[\\[\\]]", ""));
        });
        assertThat(RunConfig.of("ae", "strokes", data, DataOptions.DEFAULT, 7, text)).isEqualTo(typed);
        assertThatThrownBy(() -> RunConfig.of(new Ae.Corruption.None(), "strokes", data)).hasMessageContaining("no family has a config");
    }

    @Test void aRunOfAnEarlierFormIsRefusedInOneLine(@TempDir Path root) throws Exception {
        Path file = root.resolve("config.json");
        TinyRuns.config("vae").write(file);
        Files.writeString(file, Files.readString(file).replaceFirst("\"format\"\\s*:\\s*" + RunConfig.FORMAT, "\"format\": 1")
            .replace("\"latent\"", "\"old\""));
        assertThatThrownBy(() -> RunConfig.read(file)).isInstanceOf(ConfigException.class)
            .hasMessage(file
            + ": is of an earlier version of Palitra (form 1, this one reads " + RunConfig.FORMAT
            + "): what trained it reads it, or train it anew");
    }

    @Test void aFaultOfTheFileNamesItAndTheKeyInPlainWords(@TempDir Path root) throws Exception {
        Path file = root.resolve("config.json");
        ObjectNode whole = TinyRuns.config("vae").toJson(), json = whole.deepCopy();
        Json.write(file, json.put("seed", "x"));
        assertThatThrownBy(() -> RunConfig.read(file)).isInstanceOf(ConfigException.class)
            .hasMessage(file + ": seed wants a whole number, got the text \"x\"");
        json = whole.deepCopy();
        ((ObjectNode) json.get("model")).put("latent", 0.5);
        Json.write(file, json);
        assertThatThrownBy(() -> RunConfig.read(file)).hasMessage(file + ": model.latent wants a whole number, got the number 0.5");
        Json.write(file, whole.deepCopy().put("family", "vea"));
        assertThatThrownBy(() -> RunConfig.read(file)).isInstanceOf(ConfigException.class).hasMessageStartingWith(file + ": ")
            .hasMessageContaining("vea");
        Json.write(file, Json.read("t", "[1]"));
        assertThatThrownBy(() -> RunConfig.read(file)).hasMessage(file + ": is not the config of a run: wanted is an object, got a list");
    }

    @Test void aValueIsReplacedAloneAndANameThatIsNoneIsRefused() {
        RunConfig config = RunConfig.of("ae", "strokes", Datasets.open("strokes", Split.TEST, DataOptions.DEFAULT), DataOptions.DEFAULT, 0,
            List.of());
        RunConfig other = config.seed(7).saving(3, 5).on("cpu", RunConfig.Precision.BF16, 1).over("elsewhere");
        assertThat(other.settings().seed()).isEqualTo(7);
        assertThat(other.settings().logEvery()).isEqualTo(3);
        assertThat(other.settings().saveEvery()).isEqualTo(5);
        assertThat(other.settings().precision()).isEqualTo(RunConfig.Precision.BF16);
        assertThat(other.settings().data()).isEqualTo("elsewhere");
        RunConfig back = other.seed(0).saving(config.settings().logEvery(), config.settings().saveEvery())
            .on("cpu", config.settings().precision(), config.settings().threads()).over("strokes");
        assertThat(back).isEqualTo(config);
        assertThatThrownBy(() -> Config.replace(config.settings(), "sede", 1L)).hasMessageContaining("'sede' is no component");
    }
}
