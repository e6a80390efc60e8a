package io.palitra.hub;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.data.FormatException;
import io.palitra.engine.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** A pipeline in files: the parts it is made of by diffusers' names (unet, vae, text_encoder, ...), however they are stored. */
public interface ModelParts {
    /** A folder of diffusers. @throws FormatException when it is none */
    static ModelParts open(Path model) {
        if (Files.isRegularFile(model) && Weights.named(model)) {
            throw new FormatException(model.toString(), -1, "is a single file, which holds no tokenizer; `palitra import " + model
                + " DIR` makes a folder of it that can be opened");
        }
        return ModelFolder.open(model);
    }

    /** What a user calls it. */
    String name();

    /** The library's class of the whole, such as StableDiffusionPipeline. */
    String pipeline();

    /** What the whole says of itself under a key; missing where it says nothing. */
    JsonNode option(String key);

    /** The library's class of each part that is there. */
    Map<String, String> classes();

    default boolean has(String part) { return classes().containsKey(part); }

    /** The configuration of a part. @throws FormatException where it is missing or no JSON */
    JsonNode config(String part);

    /** The weights of a part; they belong to the innermost scope. */
    Map<String, Tensor> weights(String part);

    /** Where the weights of a part lie: a file, or the index of several. */
    Path file(String part);

    /** Where the files of a part that has no weights lie, a tokenizer's for instance. */
    Path folder(String part);
}
