package io.palitra.hub;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import io.palitra.data.ClipTokenizer;
import io.palitra.data.FormatException;
import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Stable Diffusion in one file, as it is: the configurations follow from the shapes of its tensors, and a part is read when it is wanted.
 * Such a file holds no tokenizer: that of a folder {@code tokenizer} beside it is taken, else CLIP's of the hub's cache.
 */
final class ModelFile implements ModelParts {
    private final Path file;
    private final Path words;
    private final LdmCheckpoint checkpoint;
    private final Map<String, String> classes;
    private final Notes notes;

    private ModelFile(Path file, Path words, Notes notes) {
        this.notes = notes;
        this.file = file;
        this.words = words;
        try (Scope scope = new Scope()) { checkpoint = checkpoint(shapes()); }
        classes = ModelFolder.classes(checkpoint.index(), file);
    }

    /** @throws FormatException when it is no such file, or there is no tokenizer */
    static ModelFile open(Path file, Consumer<String> warn) { return new ModelFile(file, tokenizer(file, Hub::resolve), new Notes(warn)); }

    private static Path tokenizer(Path file, Function<String, Path> hub) {
        Path beside = file.resolveSibling("tokenizer");
        if (Files.isDirectory(beside)) return beside;
        try {
            return hub.apply(LdmCheckpoint.TOKENIZER);
        } catch (IllegalArgumentException e) {
            throw new FormatException(file.toString(), -1, "is a model in one file, which holds no tokenizer; there is none in " + beside
                + " nor in the cache; `" + LdmCheckpoint.TOKENIZER_PULL + "` brings it", e);
        }
    }

    private LdmCheckpoint checkpoint(Map<String, Tensor> tensors) {
        if (LdmCheckpoint.recognises(tensors)) return LdmCheckpoint.of(file.toString(), tensors, false, Optional.empty(), notes);
        throw new FormatException(file.toString(), -1, "is no checkpoint of Stable Diffusion in one file");
    }

    /** All names, with tensors that have a type and a shape and take no room. */
    private Map<String, Tensor> shapes() {
        Map<String, Tensor> shapes = new LinkedHashMap<>();
        if (safe()) {
            Safetensors.header(file).entries().forEach((name, e) -> shapes.put(name, hollow(e.dtype(), e.shape())));
            return shapes;
        }
        try (Scope scope = new Scope()) {
            Weights.read(file).forEach((name, t) -> shapes.put(name, scope.keep(hollow(t.dtype(), t.shape()))));
        }
        return shapes;
    }

    private static Tensor hollow(DType type, long[] shape) {
        Tensor one = Torch.zeros(1).to(type);
        return shape.length == 0 ? one.reshape() : one.expand(shape);
    }

    private boolean safe() { return file.toString().toLowerCase(Locale.ROOT).endsWith(".safetensors"); }

    @Override public Notes notes() { return notes; }

    @Override public String name() { return String.valueOf(file.getFileName()).replaceFirst("\\.[A-Za-z]+$", ""); }

    @Override public String pipeline() { return checkpoint.index().path("_class_name").asText(); }

    @Override public JsonNode option(String key) { return checkpoint.index().path(key); }

    @Override public Map<String, String> classes() { return Collections.unmodifiableMap(classes); }

    @Override public JsonNode config(String part) {
        return part.equals("scheduler") ? checkpoint.scheduler() : part(checkpoint, part).config();
    }

    private LdmCheckpoint.Part part(LdmCheckpoint checkpoint, String part) {
        LdmCheckpoint.Part found = checkpoint.parts().get(part);
        if (found == null) throw new FormatException(file.toString(), -1, "holds no " + part + ", but "
            + InWords.list(checkpoint.parts().keySet()));
        return found;
    }

    @Override public Map<String, Tensor> weights(String part) {
        Map<String, Tensor> all = shapes();
        if (safe()) {
            all.putAll(Safetensors.read(file, name -> LdmCheckpoint.goesInto(part, name)));
        } else {
            try (Scope scope = new Scope()) {
                Weights.read(file).forEach((name, t) -> {
                    if (LdmCheckpoint.goesInto(part, name)) all.put(name, scope.keep(t));
                });
            }
        }
        return part(checkpoint(all), part).tensors();
    }

    @Override public Path file(String part) { return file; }

    @Override public Path place(String part) { return file; }

    @Override public ClipTokenizer tokenizer(String part) {
        String pad = checkpoint.tokenizers().get(part);
        if (pad == null) throw new FormatException(file.toString(), -1, "wants no " + part + ", but "
            + InWords.list(checkpoint.tokenizers().keySet()));
        Path own = words.resolve("tokenizer");
        return ClipTokenizer.open(Files.isDirectory(own) ? own : words, pad);
    }
}
