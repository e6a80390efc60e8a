package io.palitra.net;

import io.palitra.config.Ordered;
import io.palitra.engine.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Files from before 2023 have other names for the tensors of attention; diffusers still reads them, and so does Palitra. */
public final class LegacyTensorNames {
    private static final Pattern OLD = Pattern.compile("(.*\\battentions\\.\\d+\\.)(query|key|value|proj_attn)\\.(weight|bias)");
    private static final Map<String, String> NEW = Ordered.map(Map.entry("query", "to_q"), Map.entry("key", "to_k"),
        Map.entry("value", "to_v"), Map.entry("proj_attn", "to_out.0"));

    private LegacyTensorNames() {}

    /** The same tensors under the names of today; a name that is taken already is kept, so that loading refuses it. */
    public static Map<String, Tensor> renewed(Map<String, Tensor> tensors) {
        Map<String, Tensor> renewed = new LinkedHashMap<>();
        tensors.forEach((key, t) -> {
            Matcher old = OLD.matcher(key);
            String name = old.matches() ? old.group(1) + NEW.get(old.group(2)) + "." + old.group(3) : key;
            renewed.put(tensors.containsKey(name) ? key : name, t);
        });
        return renewed;
    }
}
