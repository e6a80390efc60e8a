package io.palitra.hub;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Json;
import io.palitra.data.FormatException;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Tensors spread over several files, the shards, of safetensors or of torch.save, as an index lists them: {@code {"metadata": ...,
 * "weight_map": {tensor: shard}}},
 * usually {@code model.safetensors.index.json} beside {@code model-00001-of-00002.safetensors} and so on; of a variant {@code
 * model.safetensors.index.fp16.json} or, older, {@code model.fp16.safetensors.index.json}, and the index names the shards; of torch.save
 * {@code pytorch_model.bin.index.json} beside {@code pytorch_model-00001-of-00002.bin}, which are read as {@link TorchFile} does. Index and
 * shards must agree: each tensor is in the shard named for it and in no other, and no shard holds more. A shard may be a link, as in
 * Hugging Face's cache: links are made by whoever owns the folder, not by the index.
 */
public final class Shards {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}");

    private Shards() {}

    /** Reads all shards, each within {@link Safetensors.Limits#DEFAULT}. */
    public static Map<String, Tensor> read(Path index) { return read(index, Safetensors.Limits.DEFAULT); }

    /**
     * All tensors, those of one shard after another. They belong to the innermost scope. Every shard must be there, and every header of
     * safetensors agree with the index, before the first value is read.
     *
     * @param limits of each shard of safetensors, and of all tensors together
     * @throws FormatException when the index or a shard breaks a rule, a shard is missing, or they disagree
     */
    public static Map<String, Tensor> read(Path index, Safetensors.Limits limits) {
        Map<String, Set<String>> shards = shards(index, limits);
        shards.forEach((shard, names) -> {
            Path file = index.resolveSibling(shard);
            if (!Files.exists(file)) throw wrong(index, "shard '" + shard + "' is missing, it should be " + file);
            if (!torch(shard)) compare(file, names, Safetensors.header(file, limits).entries().keySet(), index);
        });
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        try (Scope scope = new Scope()) {
            shards.forEach((shard, names) -> {
                Path file = index.resolveSibling(shard);
                Map<String, Tensor> read = torch(shard) ? TorchFile.read(file) : Safetensors.read(file, limits, null).tensors();
                compare(file, names, read.keySet(), index);   // it may have changed since
                tensors.putAll(read);
            });
            tensors.values().forEach(scope::keep);
        }
        return tensors;
    }

    private static boolean torch(String shard) { return shard.toLowerCase(Locale.ROOT).endsWith(".bin"); }

    private static FormatException wrong(Path file, String message) { return new FormatException(file.toString(), -1, message); }

    /** Names of tensors by shard. */
    private static Map<String, Set<String>> shards(Path index, Safetensors.Limits limits) {
        JsonNode json;
        try {
            json = Json.read(index);
        } catch (ConfigException e) {
            throw new FormatException(index.toString(), -1, "is no index of shards: " + e.getMessage(), e);
        } catch (IOException e) {
            throw Safetensors.unreadable(index.toString(), e);
        }
        JsonNode map = json.path("weight_map");
        if (!map.isObject() || map.isEmpty()) throw wrong(index, "an index of shards wants a weight_map with a tensor, got " + kind(map));
        if (map.size() > limits.tensors()) throw wrong(index, "names " + map.size() + " tensors, allowed are " + limits.tensors());
        Map<String, Set<String>> shards = new TreeMap<>();
        for (Map.Entry<String, JsonNode> e : map.properties()) {
            String name = Safetensors.printable(e.getKey());
            if (!e.getValue().isTextual()) {
                throw wrong(index, "the shard of tensor '" + name + "' must be a text, got " + kind(e.getValue()));
            }
            String shard = e.getValue().textValue();
            // nothing that could lead out of the folder
            if (!NAME.matcher(shard).matches()) {
                throw wrong(index, "the shard of tensor '" + name + "' is '" + Safetensors.printable(shard)
                    + "'; allowed are names in the same folder, of letters, digits, '_', '-' and '.', not first a '.'");
            }
            shards.computeIfAbsent(shard, s -> new TreeSet<>()).add(e.getKey());
        }
        return shards;
    }

    private static String kind(JsonNode node) {
        return InWords.json(node);
    }

    private static void compare(Path shard, Set<String> wanted, Set<String> got, Path index) {
        for (String name : wanted) {
            if (!got.contains(name)) {
                throw wrong(shard, "has no tensor '" + Safetensors.printable(name) + "', which " + index + " lists there");
            }
        }
        for (String name : got) {
            if (!wanted.contains(name)) throw wrong(shard, "has tensor '" + name + "', which " + index + " does not list there");
        }
    }
}
