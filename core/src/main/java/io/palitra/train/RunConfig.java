package io.palitra.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.InWords;
import io.palitra.config.Json;
import io.palitra.data.DataOptions;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.family.Families;
import io.palitra.family.Gan;
import io.palitra.model.Family;
import io.palitra.model.Recipe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Everything that decides what a run becomes: config.json, every value, defaults too.
 *
 * @param model the family's own config
 */
public record RunConfig(Settings settings, Record model) {
    /** What all families share. */
    public record Settings(
            @Help("version of this file's form") int format,
            @Help("family, as in the catalogue") String family,
            @Help("data set, as in the catalogue, or a path") String data,
            @Help("how the data is read") DataOptions options,
            @Help("what an item is") DataSpec spec,
            @Help("names of the classes in order") List<String> classes,
            @Help("how it is trained") Recipe train,
            @Help("decides initial weights, noise and the order of the data") long seed,
            @Help("cpu, cuda or cuda:n") String device,
            @Help("element type of products and convolutions") Precision precision,
            @Help(value = "threads of one operation", min = 1) int threads,
            @Help(value = "steps between two lines of metrics.jsonl", min = 1) int logEvery,
            @Help(value = "steps between two checkpoints, 0 = by time and at the end of epochs", min = 0) int saveEvery,
            @Help("version of Palitra") String code) {}

    /** Element type of matrix products and convolutions; sums, norms and weights stay fp32. */
    public enum Precision { FP32, BF16 }

    static final int FORMAT = 3;
    private static final String TRAIN = "train.", DATA = "data.";

    /**
     * The family's defaults on such data with overrides: {@code latent=16} is the model's, {@code train.epochs=3} the recipe's.
     *
     * @param name of the data in the catalogue, or its path: how it is opened again
     * @throws ConfigException for a key that neither has, or a value that is not allowed
     */
    public static RunConfig of(String family, String name, Dataset data, DataOptions options, long seed, List<String> overrides) {
        Family<?> f = Families.named(family);
        List<String> model = new ArrayList<>(), train = new ArrayList<>();
        for (String o : overrides) {
            if (o.startsWith(TRAIN)) train.add(o.substring(TRAIN.length()));
            else model.add(o);
        }
        return of(Config.with(f.defaults(data.spec()), model), name, data).reading(options).seed(seed)
            .training(Config.with(f.recipe(), train));
    }

    /**
     * A run of the family that this config is of, with its recipe, seed 0, fp32, on the processor: {@code RunConfig.of(new Ae.Config(...),
     * "mnist", data).seed(3).training(recipe)}.
     *
     * @param model what the model is
     * @param name of the data in the catalogue, or its path: how it is opened again
     * @throws IllegalArgumentException for a record that is no family's config
     * @throws ConfigException for a value that is not allowed
     */
    public static RunConfig of(Record model, String name, Dataset data) {
        return imported(model, name, data.spec(), data.classNames());
    }

    /** As {@link #of(Record, String, Dataset)}, of weights that were trained elsewhere, on data that need not be here. */
    public static RunConfig imported(Record model, String name, DataSpec spec, List<String> classes) {
        Family<?> f = Families.of(model);
        Settings s = new Settings(FORMAT, f.name(), name, DataOptions.DEFAULT, spec, classes, f.recipe(), 0, "cpu",
            Precision.FP32, io.palitra.engine.Device.threads(), 20, 0, version());
        return new RunConfig(s, Config.absolute(model));
    }

    private RunConfig replace(String component, Object value) { return new RunConfig(Config.replace(settings, component, value), model); }

    /** @param options how the data is read: those that it was opened with */
    public RunConfig reading(DataOptions options) { return replace("options", Config.absolute(options)); }

    /** @param recipe such as {@code Vae.FAMILY.recipe()} with changes */
    public RunConfig training(Recipe recipe) {
        Config.check(recipe);
        return replace("train", recipe);
    }

    /** @param seed decides initial weights, noise and the order of the data; at least 0 */
    public RunConfig seed(long seed) {
        if (seed < 0) throw new ConfigException("seed", "illegal seed: " + seed + ", must be at least 0");
        return replace("seed", seed);
    }

    /** @param threads of one operation, 1 to {@link io.palitra.engine.Device#processors} */
    public RunConfig on(String device, Precision precision, int threads) {
        int most = io.palitra.engine.Device.processors();
        if (threads < 1 || threads > most) {
            throw new ArgumentException("illegal threads: " + threads + ", must be between 1 and " + most + ", the processors here");
        }
        return replace("device", device).replace("precision", precision).replace("threads", threads);
    }

    /**
     * @param logEvery steps between two lines of metrics.jsonl
     * @param saveEvery steps between two checkpoints, 0 = by time and at the end of epochs
     */
    public RunConfig saving(int logEvery, int saveEvery) { return replace("logEvery", logEvery).replace("saveEvery", saveEvery); }

    /**
     * With other values: {@code latent=16} is the model's, {@code train.steps=90} the recipe's, {@code data.dir=DIR} the reader's. Paths
     * become absolute.
     *
     * @throws ConfigException for a key that none has, or a value that is not allowed
     */
    public RunConfig with(List<String> overrides) {
        List<String> own = new ArrayList<>(), train = new ArrayList<>(), data = new ArrayList<>();
        for (String o : overrides) {
            if (o.startsWith(TRAIN)) train.add(o.substring(TRAIN.length()));
            else if (o.startsWith(DATA)) data.add(o.substring(DATA.length()));
            else own.add(o);
        }
        return new RunConfig(settings, Config.absolute(Config.with(model, own)))
            .replace("options", Config.absolute(Config.with(settings.options, data))).replace("train", Config.with(settings.train, train));
    }

    /** On data that lies elsewhere. @param name in the catalogue, or the path */
    public RunConfig over(String name) { return over(name, settings.classes); }

    RunConfig over(String name, List<String> classes) { return replace("data", name).replace("classes", classes); }

    /**
     * Every value as text by its key as an override writes it, {@code data.size} for one of the reader's; {@code net.kind} names a kind.
     */
    public Map<String, String> flat() { return flat(toJson()); }

    static Map<String, String> flat(ObjectNode json) {
        Map<String, String> read = new LinkedHashMap<>(), flat = new LinkedHashMap<>();
        RunReport.flatten("", json, read);
        read.forEach((key, value) -> flat.put(key.startsWith("model.") ? key.substring("model.".length())
            : key.startsWith("options.") ? DATA + key.substring("options.".length()) : key, value));
        return flat;
    }

    /**
     * Keys of {@link #flat} that say where things lie. What lies there decides what a run becomes, and is compared by itself: see {@link
     * Dataset#fingerprint} and {@link io.palitra.model.Trainable#underneath}.
     */
    public Set<String> places() {
        Set<String> keys = new LinkedHashSet<>(Config.paths(model).keySet());
        keys.add("data");
        Config.paths(settings.options).keySet().forEach(k -> keys.add(DATA + k));
        return keys;
    }

    /** Steps of the whole run over a data set of {@code size} items. */
    public long steps(int size) { return steps(settings.train, size); }

    static long steps(Recipe r, int size) {
        return r.steps() > 0 ? r.steps() : r.epochs() * Math.max(1L, size / r.batch());
    }

    /** Palitra's own version; "development" when run from classes. */
    public static String version() {
        String v = RunConfig.class.getPackage().getImplementationVersion();
        return v == null ? "development" : v;
    }

    /** As config.json holds it. */
    public ObjectNode toJson() {
        ObjectNode json = Config.toJson(settings);
        json.set("model", Config.toJson(model));
        return json;
    }

    /** Writes config.json, whole. */
    public void write(Path file) throws IOException { Json.write(file, toJson()); }

    /** @throws ConfigException when the file is not one of ours, naming the file and the key */
    public static RunConfig read(Path file) throws IOException {
        JsonNode read = Json.read(file);
        try {
            if (read instanceof ObjectNode json) return read(json);
            throw new ConfigException("", "is not the config of a run: wanted is an object, got " + InWords.json(read));
        } catch (ConfigException e) {
            throw new ConfigException(e.key(), file + ": " + e.getMessage(), e);
        } catch (IllegalArgumentException e) {
            throw new ConfigException("", file + ": " + e.getMessage(), e);
        }
    }

    private static RunConfig read(ObjectNode json) {
        JsonNode format = json.path("format");
        if (format.isIntegralNumber() && format.asLong() != FORMAT) {
            throw new ConfigException("format", format.asLong() < FORMAT
                ? "is of an earlier version of Palitra (form " + format.asLong() + ", this one reads " + FORMAT
                    + "): what trained it reads it, or train it anew"
                : "is of a later version of Palitra (form " + format.asLong() + ", this one reads " + FORMAT + ")");
        }
        JsonNode model = json.remove("model");
        if (model == null) throw new ConfigException("model", "model is missing");
        renew(json);
        if (json.path("family").asText().equals("gan") && model instanceof ObjectNode gan) {
            gan.putIfAbsent("net", Config.toJson(Gan.FAMILY.defaults()).get("net"));
        }
        Settings s = Config.fromJson(Settings.class, json);
        return new RunConfig(s, Config.fromJson(Families.named(s.family).defaults().getClass(), model, "model"));
    }

    /** An option that came later was, in runs before it, what its default is now. */
    static void renew(ObjectNode json) {
        if (json.path("train").path("schedule") instanceof ObjectNode schedule && schedule.path("kind").asText().equals("cosine")) {
            schedule.putIfAbsent("floor", DoubleNode.valueOf(0));
        }
        if (!(json.get("options") instanceof ObjectNode options)) return;
        Config.toJson(DataOptions.DEFAULT).properties().forEach(e -> options.putIfAbsent(e.getKey(), e.getValue()));
    }
}
