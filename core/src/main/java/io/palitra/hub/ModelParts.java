package io.palitra.hub;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Notes;
import io.palitra.data.ClipTokenizer;
import io.palitra.engine.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;

/** A pipeline in files: the parts it is made of by diffusers' names (unet, vae, text_encoder, ...), however they are stored. */
public interface ModelParts {
    /** As {@link #open(Path, Consumer)}; notes go to {@link Notes#common}. */
    static ModelParts open(Path model) { return open(model, Notes.common()); }

    /**
     * A folder of diffusers, or a Stable Diffusion in one file.
     *
     * @param warn receives a line about each thing in it that is ignored, as by the public libraries
     * @throws io.palitra.data.FormatException when it is neither
     */
    static ModelParts open(Path model, Consumer<String> warn) {
        return Files.isRegularFile(model) && Weights.named(model) ? ModelFile.open(model, warn) : ModelFolder.open(model, warn);
    }

    /** Where readers of a part report what they ignore. */
    Notes notes();

    /** Its name, as the user gave it. */
    String name();

    /** The library's class of the whole, such as StableDiffusionPipeline. */
    String pipeline();

    /** An entry of the whole model's index; a missing node where there is none. */
    JsonNode option(String key);

    /** The library's class of each part that is there. */
    Map<String, String> classes();

    default boolean has(String part) { return classes().containsKey(part); }

    /** The configuration of a part. @throws io.palitra.data.FormatException where it is missing or no JSON */
    JsonNode config(String part);

    /** The weights of a part; they belong to the innermost scope. */
    Map<String, Tensor> weights(String part);

    /** Where the weights of a part lie: a file, or the index of several. */
    Path file(String part);

    /** The tokenizer that is a part. @throws io.palitra.data.FormatException where it is missing or broken */
    ClipTokenizer tokenizer(String part);

    /** Where a part lies, for messages: its folder, or the file that holds all. */
    Path place(String part);
}
