package io.palitra.hub;

import io.palitra.data.FormatException;
import io.palitra.engine.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** Named tensors of a file of any kind that is read; the kind follows from the file's name. */
public final class Weights {
    private static final String INDEX = ".safetensors.index.json", TORCH_INDEX = ".bin.index.json", SAFETENSORS = ".safetensors",
        STATE = "state_dict.";
    /** Of shards; a variant such as fp16 is named before the last word, as today, or after the stem, where {@code INDEX} is the end. */
    private static final Pattern INDEXES = Pattern.compile(".*\\.(safetensors|bin)\\.index(\\.[a-z0-9_-]{1,32})?\\.json", Pattern.DOTALL);
    private static final List<String> TORCH = List.of(".ckpt", ".pt", ".pth", ".bin");

    private Weights() {}

    /** Whether a file of this name can be read. */
    public static boolean named(Path file) {
        return index(file) || ends(file, SAFETENSORS) || TORCH.stream().anyMatch(end -> ends(file, end));
    }

    private static boolean index(Path file) { return INDEXES.matcher(file.toString().toLowerCase(Locale.ROOT)).matches(); }

    private static boolean ends(Path file, String end) { return file.toString().toLowerCase(Locale.ROOT).endsWith(end); }

    /**
     * All tensors, in the innermost scope. Of a file of training that has a {@code state_dict} only that, without the word: optimisers and
     * counters stay behind.
     *
     * @throws FormatException when the file is of another kind, breaks a rule of its format, or holds no tensor
     */
    public static Map<String, Tensor> read(Path file) {
        if (!named(file)) {
            throw new FormatException(file.toString(), -1, "is of no kind that is read; there are " + INDEX + ", " + TORCH_INDEX + ", "
                + SAFETENSORS + ", "
                + String.join(", ", TORCH));
        }
        Map<String, Tensor> all = index(file) ? Shards.read(file) : ends(file, SAFETENSORS) ? Safetensors.read(file).tensors()
            : TorchFile.read(file);
        if (all.isEmpty()) throw new FormatException(file.toString(), -1, "holds no tensors");
        Map<String, Tensor> state = new LinkedHashMap<>();
        all.forEach((name, t) -> {
            if (name.startsWith(STATE)) state.put(name.substring(STATE.length()), t);
        });
        return state.isEmpty() ? all : state;
    }
}
