package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reads the keys of a network's {@code config.json}, as diffusers writes it, remembering which; a key left over is refused or reported. A
 * missing key has the default given; keys that begin with _ do not describe the network. Every method throws {@link ConfigException} for a
 * value of another kind.
 */
final class DiffusersConfigReader {
    private final JsonNode json;
    private final String className;
    private final @Nullable Consumer<String> warn;
    private final Set<String> read = new LinkedHashSet<>();

    /** @throws ConfigException if this is no object, or one of another class of networks */
    DiffusersConfigReader(JsonNode json, String className) { this(json, className, null); }

    /** @param warn receives the names of unknown keys, which are then ignored */
    DiffusersConfigReader(JsonNode json, String className, @Nullable Consumer<String> warn) {
        this.warn = warn;
        if (!json.isObject()) throw new ConfigException("", "a network's configuration wants an object, got " + InWords.json(json));
        this.json = json;
        this.className = className;
        JsonNode name = json.path("_class_name");
        if (!name.isMissingNode() && !name.asText().equals(className)) throw refused("_class_name", name, className);
    }

    /** The refusal of a value that breaks a rule between keys. */
    static void check(boolean holds, String key, Object value, String allowed) {
        if (!holds) throw new ConfigException(key, "illegal " + key + ": " + value + ", must be " + allowed);
    }

    /** What {@link DiffusersConfigReader} reads as a network of that class. */
    static ObjectNode object(String className) { return JsonNodeFactory.instance.objectNode().put("_class_name", className); }

    static String lower(Enum<?> e) { return e.name().toLowerCase(Locale.ROOT); }

    static @Nullable Integer orNull(int n) { return n == 0 ? null : n; }

    /** Python writes 0 where its default is, and 0.5 where it is not. */
    static JsonNode wholeIfItIs(double x) {
        JsonNodeFactory make = JsonNodeFactory.instance;
        return x == Math.rint(x) ? make.numberNode((long) x) : make.numberNode(x);
    }

    /** A list of one as that one, an empty one as null. */
    static JsonNode oneOrList(List<Integer> list) {
        JsonNodeFactory make = JsonNodeFactory.instance;
        if (list.size() == 1) return make.numberNode(list.get(0));
        if (list.isEmpty()) return make.nullNode();
        ArrayNode array = make.arrayNode();
        list.forEach(array::add);
        return array;
    }

    static JsonNode listOrNull(List<Double> list) {
        if (list.isEmpty()) return JsonNodeFactory.instance.nullNode();
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        list.forEach(array::add);
        return array;
    }

    /** The value, or null where the key is missing. */
    private @Nullable JsonNode at(String key) {
        read.add(key);
        return json.get(key);
    }

    /** A network within this one: its object, empty where the key is missing. */
    JsonNode within(String key) {
        JsonNode v = at(key);
        if (v == null) return JsonNodeFactory.instance.objectNode();
        if (!v.isObject()) throw refused(key, v, "an object");
        return v;
    }

    private static ConfigException refused(String key, JsonNode got, String allowed) {
        return new ConfigException(key, "illegal " + key + ": " + got + ", must be " + allowed);
    }

    private static int whole(String key, JsonNode v) {
        if (v.isIntegralNumber() && v.canConvertToInt()) return v.intValue();
        throw refused(key, v, "a whole number");
    }

    int whole(String key, int missing) {
        JsonNode v = at(key);
        return v == null || v.isNull() && missing == 0 ? missing : whole(key, v);
    }

    /** 0 for null. */
    int wholeOr0(String key, int missing) {
        JsonNode v = at(key);
        if (v == null) return missing;
        int n = v.isNull() ? 0 : whole(key, v);
        if (n == 0 && !v.isNull()) throw refused(key, v, "at least 1, or null");
        return n;
    }

    private static double number(String key, JsonNode v) {
        if (v.isNumber() && Double.isFinite(v.doubleValue())) return v.doubleValue();
        throw refused(key, v, "a finite number");
    }

    double number(String key, double missing) {
        JsonNode v = at(key);
        return v == null ? missing : number(key, v);
    }

    @Nullable Double numberOrNull(String key) {
        JsonNode v = at(key);
        return v == null || v.isNull() ? null : (Double) number(key, v);
    }

    /** Empty for null. */
    List<Double> numbers(String key) {
        JsonNode v = at(key);
        if (v == null || v.isNull()) return List.of();
        return each(key, v, n -> number(key, n));
    }

    private static boolean yes(String key, JsonNode v) {
        if (v.isBoolean()) return v.booleanValue();
        throw refused(key, v, "true or false");
    }

    boolean yes(String key, boolean missing) {
        JsonNode v = at(key);
        return v == null ? missing : yes(key, v);
    }

    @Nullable Boolean yesOrNull(String key) {
        JsonNode v = at(key);
        return v == null || v.isNull() ? null : (Boolean) yes(key, v);
    }

    /** One truth value for all levels, or one for each. */
    List<Boolean> yesses(String key, boolean missing) {
        JsonNode v = at(key);
        if (v == null) return List.of(missing);
        return v.isArray() ? each(key, v, n -> yes(key, n)) : List.of(yes(key, v));
    }

    private static <T> List<T> each(String key, JsonNode v, Function<JsonNode, T> one) {
        if (!v.isArray()) throw refused(key, v, "a list");
        List<T> list = new ArrayList<>();
        v.forEach(n -> list.add(one.apply(n)));
        return list;
    }

    /** A list of what {@code one} reads; it gives null for what it does not. */
    <T> List<T> list(String key, List<T> missing, String allowed, Function<JsonNode, @Nullable T> one) {
        JsonNode v = at(key);
        if (v == null) return missing;
        return each(key, v, n -> {
            T read = one.apply(n);
            if (read == null) throw refused(key, n, allowed);
            return read;
        });
    }

    List<Integer> wholes(String key, List<Integer> missing) {
        JsonNode v = at(key);
        if (v == null) return missing;
        if (!v.isArray()) throw refused(key, v, "a list of whole numbers");
        return each(key, v, n -> whole(key, n));
    }

    /** One number for all levels, or one for each. */
    List<Integer> oneOrEach(String key, int missing) {
        JsonNode v = at(key);
        if (v == null) return List.of(missing);
        return v.isArray() ? wholes(key, List.of()) : List.of(whole(key, v));
    }

    /** One number for all levels, or for each level one number or one for each of its layers; empty for null. */
    List<List<Integer>> nested(String key, List<List<Integer>> missing) {
        JsonNode v = at(key);
        if (v == null) return missing;
        if (v.isNull()) return List.of();
        if (!v.isArray()) return List.of(List.of(whole(key, v)));
        return each(key, v, level -> level.isArray() ? each(key, level, n -> whole(key, n)) : List.of(whole(key, level)));
    }

    /** Height and width, or one number for both, or null. */
    List<Integer> size(String key, List<Integer> missing) {
        JsonNode v = at(key);
        if (v == null) return missing;
        if (v.isNull()) return List.of();
        return v.isArray() ? wholes(key, List.of()) : List.of(whole(key, v));
    }

    /** Null is the same as missing. */
    <E extends Enum<E>> E choice(String key, E missing) { return choice(key, missing, DiffusersConfigReader::lower); }

    <E extends Enum<E>> E choice(String key, E missing, Function<E, String> name) {
        JsonNode v = at(key);
        return v == null || v.isNull() ? missing : of(key, v, List.of(missing.getDeclaringClass().getEnumConstants()), name);
    }

    /** Null and missing are {@code nothing}, which has no name of its own. */
    <E extends Enum<E>> E choiceOrNull(String key, E nothing) {
        JsonNode v = at(key);
        if (v == null || v.isNull()) return nothing;
        List<E> named = new ArrayList<>(List.of(nothing.getDeclaringClass().getEnumConstants()));
        named.remove(nothing);
        return of(key, v, named, DiffusersConfigReader::lower);
    }

    /** A list of choices. */
    <E> List<E> choices(String key, List<E> missing, E[] all, Function<E, String> name) {
        JsonNode v = at(key);
        if (v == null) return missing;
        List<E> choices = List.of(all);
        if (!v.isArray()) throw refused(key, v, "a list of " + InWords.list(choices.stream().map(name).toList()));
        return each(key, v, n -> of(key, n, choices, name));
    }

    private static <E> E of(String key, JsonNode v, List<E> all, Function<E, String> name) {
        for (E e : all) if (v.isTextual() && v.textValue().equals(name.apply(e))) return e;
        throw refused(key, v, "one of " + InWords.list(all.stream().map(name).toList()));
    }

    Activation activation(String key) {
        Activation act = activationOrNull(key);
        return act == null ? Activation.SILU : act;
    }

    @Nullable Activation activationOrNull(String key) {
        JsonNode v = at(key);
        if (v == null || v.isNull()) return null;
        if (v.isTextual() && v.textValue().equalsIgnoreCase("swish")) return Activation.SILU;
        return of(key, v, List.of(Activation.values()), DiffusersConfigReader::lower);
    }

    /** The kind of the middle of a network; null for none. */
    @Nullable String middle(String key, String missing, List<String> allowed) {
        JsonNode v = at(key);
        if (v == null) return missing;
        if (v.isNull()) return null;
        if (v.isTextual() && allowed.contains(v.textValue())) return v.textValue();
        throw refused(key, v, String.join(", ", allowed) + " or null");
    }

    /** Whether the value is this one; null is none of it. */
    boolean oneOrNull(String key, boolean missing, String value) {
        JsonNode v = at(key);
        if (v == null) return missing;
        if (v.isNull()) return false;
        if (v.isTextual() && v.textValue().equals(value)) return true;
        throw refused(key, v, "\"" + value + "\" or null");
    }

    /** A key that has one value here: the others are of parts that are not built. */
    void only(String key, JsonNode value, @Nullable JsonNode orElse) {
        JsonNode v = at(key);
        if (v != null && !v.equals(value) && !v.equals(orElse)) throw refused(key, v, value.toString());
    }

    void only(String key, JsonNode value) { only(key, value, null); }

    /** Keys without an effect on any network here: diffusers reads them and does nothing. */
    void unused(String... keys) { read.addAll(List.of(keys)); }

    /** Keys that the class does not have, such as those of averaging, which diffusers ignores; refused where none receives warnings. */
    void others() { others(json, className, read, warn); }

    static void others(JsonNode json, String className, Set<String> known, @Nullable Consumer<String> warn) {
        List<String> others = new ArrayList<>();
        for (String key : (Iterable<String>) json::fieldNames) if (!key.startsWith("_") && !known.contains(key)) others.add(key);
        if (others.isEmpty()) return;
        if (warn == null) throw new ConfigException(others.get(0), className + " has no key '" + others.get(0) + "'");
        warn.accept("passed over, " + className + " has no such keys: " + Notes.some(others));
    }
}
