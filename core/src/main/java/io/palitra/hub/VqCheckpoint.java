package io.palitra.hub;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Notes;
import io.palitra.data.FormatException;
import io.palitra.engine.Tensor;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * A VQGAN as the taming transformers and latent diffusion publish it (Esser et al. 2021, arXiv:2012.09841), under the names of diffusers'
 * {@code VQModel}. What the {@code .yaml} beside such a file states of the network follows from its tensors, too, so it is not needed.
 *
 * @param config {@code config.json}
 * @param tensors those of the checkpoint or views of them, in the innermost scope
 */
public record VqCheckpoint(ObjectNode config, Map<String, Tensor> tensors) {
    private static final String CODES = "quantize.embedding.weight", GUMBEL = "quantize.embed.weight", STAGE = "first_stage_model.";
    /** Of training: the discriminator, the network of features, averages. */
    private static final Pattern PASSED_OVER = Pattern.compile("(loss|model_ema)\\..*|colorize");

    private static final Pattern WITHIN = Pattern.compile("(encoder|decoder|quantize|quant_conv|post_quant_conv)\\..*");

    /**
     * The network in a checkpoint, alone or as the first stage of another model.
     *
     * @param file where the tensors are from, for errors
     * @param warn receives a line about tensors that belong to no part of the network, which are ignored
     * @throws FormatException that names a tensor that is missing, of a shape that cannot be, or not known within the network
     */
    public static VqCheckpoint of(String file, Map<String, Tensor> tensors, Consumer<String> warn) {
        String prefix = tensors.containsKey(STAGE + CODES) || tensors.containsKey(STAGE + GUMBEL) ? STAGE : "";
        if (tensors.containsKey(prefix + GUMBEL)) {
            throw new FormatException(file, -1, "is a VQGAN of Gumbel's kind, whose codes are not the nearest ones: VQModel cannot be it");
        }
        if (!tensors.containsKey(prefix + CODES)) throw new FormatException(file, -1, "is no VQGAN: it has no tensor '" + CODES + "'");
        NavigableMap<String, Tensor> left = new TreeMap<>();
        tensors.forEach((name, t) -> {
            boolean passed = !name.startsWith(prefix) || PASSED_OVER.matcher(name.substring(prefix.length())).matches();
            if (!passed) left.put(name, t);
        });
        LdmPart network = new LdmPart(file, prefix, left);
        ObjectNode config = network.quantised();
        left.keySet().stream().filter(name -> WITHIN.matcher(name.substring(prefix.length())).matches()).findFirst().ifPresent(name -> {
            throw new FormatException(file, -1, "tensor '" + name + "' is none of a VQGAN");
        });
        if (!left.isEmpty()) warn.accept(file + ": passed over, a VQGAN has no such tensors: " + Notes.some(left.keySet()));
        return new VqCheckpoint(config, network.tensors());
    }
}
