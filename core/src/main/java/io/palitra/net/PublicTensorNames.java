package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Names that versions of public libraries gave the same tensor. */
final class PublicTensorNames {
    private PublicTensorNames() {}

    /**
     * Our name for each tensor, by {@code name}; empty for what is no weight, such as position ids in old files.
     *
     * @throws IllegalArgumentException if two tensors get one name
     */
    static Map<String, Tensor> renamed(Map<String, Tensor> values, Function<String, Optional<String>> name) {
        Map<String, Tensor> named = new LinkedHashMap<>();
        values.forEach((key, t) -> name.apply(key).ifPresent(own -> {
            if (named.put(own, t) != null) throw new ArgumentException("the weights hold " + own + " twice, also as " + key);
        }));
        return named;
    }
}
