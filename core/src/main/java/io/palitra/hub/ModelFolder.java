package io.palitra.hub;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.ClipTokenizer;
import io.palitra.data.FormatException;
import io.palitra.engine.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A folder as diffusers saves pipelines: {@code model_index.json} names the class of each part, which lies in a folder of its name with a
 * {@code config.json} and weights. Weights are safetensors, whole or in shards, or PyTorch's {@code .bin}; where only a variant such as
 * fp16 is there, that is read.
 */
public final class ModelFolder implements ModelParts {
    private static final String INDEX = "model_index.json";
    /** Stems of weights' names, diffusers' and transformers'. */
    private static final List<String> STEMS = List.of("diffusion_pytorch_model", "model", "pytorch_model");
    private static final Pattern PART = Pattern.compile("[A-Za-z0-9_-]{1,64}");

    private final Path folder;
    private final JsonNode index;
    private final Map<String, String> classes;

    private ModelFolder(Path folder, JsonNode index) {
        this.folder = folder;
        this.index = index;
        classes = classes(index, folder.resolve(INDEX));
    }

    /** The classes of the parts that an index names. @param file it is from, for errors */
    static Map<String, String> classes(JsonNode index, Path file) {
        Map<String, String> classes = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> e : index.properties()) {
            JsonNode v = e.getValue();
            if (!v.isArray() || v.size() != 2 || !v.path(0).isTextual() || !v.path(1).isTextual()) continue;
            if (v.path(1).asText().equals("null")) continue;   // written by some converters for a part that is not there
            if (!PART.matcher(e.getKey()).matches()) throw wrong(file, "names a part '" + e.getKey() + "'");
            classes.put(e.getKey(), v.path(1).asText());
        }
        return classes;
    }

    /** @throws FormatException when there is no such index, or it is not one */
    public static ModelFolder open(Path folder) {
        Path file = folder.resolve(INDEX);
        if (!Files.isRegularFile(file)) throw wrong(folder, "is no folder of a diffusers pipeline: it has no " + INDEX);
        JsonNode index = json(file);
        if (!index.path("_class_name").isTextual()) throw wrong(file, "names no pipeline under _class_name");
        return new ModelFolder(folder, index);
    }

    /** Whether a folder says that it is one. */
    public static boolean is(Path folder) { return Files.isRegularFile(folder.resolve(INDEX)); }

    private static JsonNode json(Path file) {
        try {
            return Json.read(file);
        } catch (ConfigException e) {
            // the message begins with the file, too
            String why = String.valueOf(e.getMessage()), name = file + ": ";
            throw new FormatException(file.toString(), -1, "is no JSON: " + (why.startsWith(name) ? why.substring(name.length()) : why), e);
        } catch (IOException e) {
            throw Safetensors.unreadable(file.toString(), e);
        }
    }

    private static FormatException wrong(Path file, String what) { return new FormatException(file.toString(), -1, what); }

    @Override public String name() { return String.valueOf(folder.toAbsolutePath().normalize().getFileName()); }

    @Override public String pipeline() { return index.path("_class_name").asText(); }

    @Override public JsonNode option(String key) { return index.path(key); }

    @Override public Map<String, String> classes() { return Collections.unmodifiableMap(classes); }

    @Override public JsonNode config(String part) {
        Path own = folder.resolve(part);
        Path scheduler = own.resolve("scheduler_config.json");
        return json(Files.isRegularFile(scheduler) ? scheduler : own.resolve("config.json"));
    }

    /** The configuration of a network in a folder of its own. @throws FormatException where it is missing or no JSON */
    public static JsonNode config(Path network) { return json(network.resolve("config.json")); }

    @Override public Path place(String part) { return folder.resolve(part); }

    @Override public ClipTokenizer tokenizer(String part) { return ClipTokenizer.open(folder.resolve(part)); }

    @Override public Map<String, Tensor> weights(String part) { return Weights.read(file(folder.resolve(part))); }

    @Override public Path file(String part) { return file(folder.resolve(part)); }

    /**
     * The file, or index of shards, that holds the weights in a network's folder: safetensors before .bin, without a variant before with
     * one.
     *
     * @throws FormatException when there is none, or there are several variants and no plain one
     */
    public static Path file(Path part) {
        List<String> names;
        try (Stream<Path> files = Files.list(part)) {
            names = files.map(f -> String.valueOf(f.getFileName())).sorted().toList();
        } catch (IOException e) {
            throw Safetensors.unreadable(part.toString(), e);
        }
        for (String stem : STEMS) {
            for (String ending : List.of(".safetensors", ".safetensors.index.json", ".bin")) {
                if (names.contains(stem + ending)) return part.resolve(stem + ending);
            }
            for (boolean safe : new boolean[] {true, false}) {
                List<String> variants = variants(names, stem, safe ? "safetensors" : "bin");
                if (variants.size() == 1) return part.resolve(variants.get(0));
                if (variants.size() > 1) throw wrong(part, "holds several variants of its weights and no plain one: " + variants);
            }
        }
        throw wrong(part, "holds no weights; looked for " + STEMS.get(0) + ".safetensors, " + STEMS.get(1)
            + ".safetensors, their shards, variants and .bin twins");
    }

    /** {@code stem.fp16.safetensors}, and {@code stem.safetensors.index.fp16.json} of shards. */
    private static List<String> variants(List<String> names, String stem, String ending) {
        List<String> found = new ArrayList<>();
        Pattern whole = Pattern.compile(Pattern.quote(stem) + "\\.([a-z0-9_]{1,32})\\." + ending);
        Pattern index = Pattern.compile(Pattern.quote(stem) + "\\." + ending + "\\.index\\.([a-z0-9_]{1,32})\\.json");
        for (String n : names) if (whole.matcher(n).matches() || index.matcher(n).matches()) found.add(n);
        return found;
    }
}
