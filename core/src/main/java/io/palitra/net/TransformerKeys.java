package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads the keys of a {@code config.json} as transformers writes it. A missing key has the default given. Keys that do not describe the
 * network are many in these files, and passed over. Every method throws {@link ConfigException} for a value of another kind.
 */
final class TransformerKeys {
    private static final int WIDEST = 1 << 17;
    private static final int DEEPEST = 512;

    private final JsonNode json;

    TransformerKeys(JsonNode json) {
        if (!json.isObject()) throw new ConfigException("", "a network's configuration wants an object, got " + InWords.json(json));
        this.json = json;
    }

    /** The refusal of a value that breaks a rule. */
    static void check(boolean holds, String key, Object value, String allowed) {
        if (!holds) throw new ConfigException(key, "illegal " + key + ": " + value + ", must be " + allowed);
    }

    static void checkWidth(String key, int width) { check(width >= 1 && width <= WIDEST, key, width, "1 to " + WIDEST); }

    static void checkDepth(String key, int layers) { check(layers >= 1 && layers <= DEEPEST, key, layers, "1 to " + DEEPEST); }

    static void checkRows(String key, int rows) { check(rows >= 1 && rows <= 1 << 24, key, rows, "1 to 2^24"); }

    static void checkHeads(String key, int heads, int width) {
        check(heads >= 1 && width % heads == 0, key, heads, "a divisor of the width " + width);
    }

    static void checkEps(String key, double eps) { check(eps >= 0 && eps < 1, key, eps, "at least 0 and below 1"); }

    private static ConfigException refused(String key, JsonNode got, String allowed) {
        return new ConfigException(key, "illegal " + key + ": " + got + ", must be " + allowed);
    }

    /** The first of {@code architectures}; {@code missing} where there is none. @throws ConfigException if it is not one of known */
    String architecture(String missing, String... known) {
        JsonNode v = json.path("architectures").path(0);
        if (v.isMissingNode() || v.isNull()) return missing;
        if (v.isTextual() && List.of(known).contains(v.textValue())) return v.textValue();
        throw refused("architectures", json.path("architectures"), "one of " + InWords.list(List.of(known)));
    }

    /** An object below this one; empty where there is none. */
    Optional<JsonNode> part(String key) {
        JsonNode v = json.get(key);
        if (v == null || v.isNull()) return Optional.empty();
        if (!v.isObject()) throw refused(key, v, "an object");
        return Optional.of(v);
    }

    private static int whole(String key, JsonNode v) {
        if (v.isIntegralNumber() && v.canConvertToInt()) return v.intValue();
        throw refused(key, v, "a whole number");
    }

    int whole(String key, int missing) {
        JsonNode v = json.get(key);
        return v == null ? missing : whole(key, v);
    }

    @Nullable Integer wholeOrNull(String key) {
        JsonNode v = json.get(key);
        return v == null || v.isNull() ? null : Integer.valueOf(whole(key, v));
    }

    /** One number, or several, or for null none. */
    List<Integer> wholes(String key, List<Integer> missing) {
        JsonNode v = json.get(key);
        if (v == null) return missing;
        if (v.isNull()) return List.of();
        if (!v.isArray()) return List.of(whole(key, v));
        List<Integer> list = new ArrayList<>();
        v.forEach(n -> list.add(whole(key, n)));
        return list;
    }

    double number(String key, double missing) {
        JsonNode v = json.get(key);
        if (v == null) return missing;
        if (v.isNumber() && Double.isFinite(v.doubleValue())) return v.doubleValue();
        throw refused(key, v, "a finite number");
    }

    boolean yes(String key, boolean missing) {
        JsonNode v = json.get(key);
        if (v == null) return missing;
        if (v.isBoolean()) return v.booleanValue();
        throw refused(key, v, "true or false");
    }

    /** As the library writes it. */
    static String name(HiddenActivation act) { return act.name().toLowerCase(Locale.ROOT); }

    HiddenActivation activation(String key, HiddenActivation missing) {
        JsonNode v = json.get(key);
        if (v == null) return missing;
        List<String> names = Arrays.stream(HiddenActivation.values()).map(TransformerKeys::name).toList();
        int i = v.isTextual() ? names.indexOf(v.textValue()) : -1;
        if (i < 0) throw refused(key, v, "one of " + InWords.list(names));
        return HiddenActivation.values()[i];
    }
}
