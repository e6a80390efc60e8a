package io.palitra.hub;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Json;
import io.palitra.config.Notes;
import io.palitra.data.ClipTokenizer;
import io.palitra.data.FormatException;
import io.palitra.engine.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A folder as diffusers saves pipelines: {@code model_index.json} names the class of each part, which lies in a folder of its name with a
 * {@code config.json} and weights. Weights are safetensors, or PyTorch's {@code .bin}, whole or in shards; where only a variant such as
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
    private final Notes notes;

    private ModelFolder(Path folder, JsonNode index, Notes notes) {
        this.notes = notes;
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
    public static ModelFolder open(Path folder) { return open(folder, Notes.common()); }

    static ModelFolder open(Path folder, Consumer<String> warn) {
        Path file = folder.resolve(INDEX);
        if (!Files.isRegularFile(file)) throw wrong(folder, "is no folder of a diffusers pipeline: it has no " + INDEX);
        JsonNode index = json(file);
        if (!index.path("_class_name").isTextual()) throw wrong(file, "names no pipeline under _class_name");
        return new ModelFolder(folder, index, new Notes(warn));
    }

    /** Whether a folder is one, by its index. */
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

    @Override public Notes notes() { return notes; }

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
     * one, in one file before in shards.
     *
     * @throws FormatException when there is none, or there are several variants and no plain one
     */
    public static Path file(Path part) {
        return find(part).orElseThrow(() -> wrong(part, "holds no weights; looked for " + STEMS.get(0) + ".safetensors, " + STEMS.get(1)
            + ".safetensors, their shards, variants and .bin twins"));
    }

    /** As {@link #file}, but empty when there is none. */
    public static Optional<Path> find(Path part) {
        List<String> names;
        try (Stream<Path> files = Files.list(part)) {
            names = files.map(f -> String.valueOf(f.getFileName())).sorted().toList();
        } catch (IOException e) {
            throw Safetensors.unreadable(part.toString(), e);
        }
        for (String stem : STEMS) {
            for (String ending : List.of(".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json")) {
                if (names.contains(stem + ending)) return Optional.of(part.resolve(stem + ending));
            }
            for (String ending : List.of("safetensors", "bin")) {
                Map<String, String> variants = variants(names, stem, ending);
                if (variants.size() == 1) return Optional.of(part.resolve(variants.values().iterator().next()));
                if (variants.size() > 1) {
                    throw wrong(part, "holds several variants of its weights and no plain one: " + InWords.list(variants.values()));
                }
            }
        }
        return Optional.empty();
    }

    /**
     * The file of each variant: {@code stem.fp16.safetensors}; of shards {@code stem.safetensors.index.fp16.json}, and before 2025
     * {@code stem.fp16.safetensors.index.json}.
     */
    private static Map<String, String> variants(List<String> names, String stem, String ending) {
        String variant = "\\.([A-Za-z0-9_]{1,32})", begin = Pattern.quote(stem), end = "\\." + ending;
        List<String> forms = List.of(begin + variant + end, begin + end + "\\.index" + variant + "\\.json", begin + variant + end
            + "\\.index\\.json");
        Map<String, String> found = new TreeMap<>();
        for (String form : forms) {
            Pattern pattern = Pattern.compile(form);
            for (String n : names) {
                Matcher m = pattern.matcher(n);
                if (m.matches()) found.putIfAbsent(m.group(1), n);
            }
        }
        return found;
    }
}
