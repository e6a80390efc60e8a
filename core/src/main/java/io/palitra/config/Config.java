package io.palitra.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Records as configuration: the defaults live in a record, overrides arrive as text, files as JSON.
 * Components are int, long, double (finite), boolean, String, enums, records, sealed interfaces whose kinds are records,
 * List of the simple ones, and Map from String to records or kinds; never null.
 * Numbers must lie in the range of their {@link Help}. Every fault is a {@link ConfigException}.
 */
public final class Config {
    private Config() {}

    /** {@link #with(Record, Collection)} of a few overrides. */
    public static <R extends Record> R with(R base, String... overrides) { return with(base, List.of(overrides)); }

    /**
     * A copy of {@code base} with overrides {@code key=value}, in any order: all that concern a record are collected and it is built once,
     * so two values that are only valid together may both be given.
     * <ul>
     * <li>{@code width=64}: a simple value; enums in any case, {@code -} and {@code _} alike; {@code widths=1,2,4}: a list.
     * <li>{@code net.width=64}: a key of a nested record.
     * <li>{@code sampler=heun}: a kind of a sealed interface, with that kind's defaults; {@code sampler.steps=32}: a key of the kind.
     * <li>{@code modules.encoder=adam}, {@code modules.encoder.lr=4e-4}: an entry of a map, new or old. Names hold no dot here.
     * </ul>
     *
     * @throws ConfigException "latent=0: illegal latent: 0, must be at least 1"
     */
    @SuppressWarnings("unchecked")
    public static <R extends Record> R with(R base, Collection<String> overrides) {
        R result = (R) Change.of(overrides).fields(base);
        check(result);
        return result;
    }

    /**
     * Checks ranges, and that nothing is null, NaN or infinite.
     * Constructors do not call this, since it is slow; who builds from a record does.
     */
    public static void check(Record record) { check(record, ""); }

    private static void check(Object record, String path) {
        for (Shape.Field field : Shape.fields(record.getClass())) {
            String at = Shape.join(path, field.name());
            Object value = field.in(record);
            check(field.shape(), value, at);
            Optional<String> outOfRange = value == null ? Optional.empty() : field.outOfRange(at, value);
            if (outOfRange.isPresent()) throw new ConfigException(at, outOfRange.get());
        }
    }

    private static void check(Shape shape, @Nullable Object value, String path) {
        if (shape instanceof Shape.Scalar scalar) {
            scalar.fault(value).ifPresent(fault -> {
                throw new ConfigException(path, path + " " + fault);
            });
        } else if (value == null) {
            throw new ConfigException(path, path + " is null; a configuration value is never absent");
        } else if (shape instanceof Shape.Items items && value instanceof List<?> list) {
            for (Object item : list) check(items.of(), item, path);
        } else if (shape instanceof Shape.Entries entries && value instanceof Map<?, ?> map) {
            for (Map.Entry<?, ?> e : map.entrySet()) {
                if (e.getKey() == null) throw new ConfigException(path, path + " has an entry whose name is null");
                check(new Shape.Scalar(String.class), e.getKey(), path);
                check(entries.of(), e.getValue(), Shape.join(path, e.getKey().toString()));
            }
        } else {
            check(value, path);
        }
    }

    /** Texts that name runs, folders and files ({@link Help#place}), by their keys; empty texts, too. Of a list each text, by one key. */
    public static Map<String, String> paths(Record record) {
        Map<String, String> paths = new LinkedHashMap<>();
        moved(record, (key, place, text) -> {
            paths.put(key, text);
            return text;
        });
        return paths;
    }

    /** What a text that says where something lies becomes. */
    @FunctionalInterface public interface Move { String to(String key, Help.Place place, String text); }

    /** The same record, in which each text with a {@link Help#place} is what {@code move} makes of it. */
    @SuppressWarnings("unchecked")
    public static <R extends Record> R moved(R record, Move move) { return (R) moved(record, "", move); }

    private static Record moved(Record record, String path, Move move) {
        List<Object> values = new ArrayList<>();
        for (Shape.Field field : Shape.fields(record.getClass())) {
            String at = Shape.join(path, field.name());
            Object value = Objects.requireNonNull(field.in(record));
            Help.Place place = field.place();
            if (place == Help.Place.NONE) values.add(within(value, at, move));
            else if (value instanceof List<?> list) values.add(list.stream().map(t -> move.to(at, place, String.valueOf(t))).toList());
            else values.add(move.to(at, place, String.valueOf(value)));
        }
        return (Record) Shape.construct(record.getClass(), values.toArray());
    }

    private static Object within(Object value, String path, Move move) {
        if (value instanceof Record nested) return moved(nested, path, move);
        if (!(value instanceof Map<?, ?> map)) return value;
        Map<Object, Object> made = new LinkedHashMap<>();
        map.forEach((name, entry) -> made.put(name, within(entry, Shape.join(path, name.toString()), move)));
        return made;
    }

    /**
     * The same record with another value of one component.
     *
     * @throws IllegalArgumentException where it has no such component, or its constructor refuses the value
     */
    public static <R extends Record> R replace(R record, String component, Object value) {
        List<Object> values = new ArrayList<>();
        boolean found = false;
        for (Shape.Field field : Shape.fields(record.getClass())) {
            boolean it = field.name().equals(component);
            values.add(it ? value : Objects.requireNonNull(field.in(record)));
            found |= it;
        }
        if (!found) throw new ArgumentException("'" + component + "' is no component of " + record.getClass().getSimpleName());
        @SuppressWarnings("unchecked") R made = (R) Shape.construct(record.getClass(), values.toArray());
        return made;
    }

    /**
     * The same record, in which each {@link #paths path} at which something lies is absolute, so that it means the same from any folder.
     * What is not on the disk, such as org/name of the hub, stays as it is.
     */
    public static <R extends Record> R absolute(R record) {
        return moved(record, (key, place, text) -> {
            try {
                Path path = Path.of(text);
                return !text.isBlank() && Files.exists(path) ? path.toAbsolutePath().normalize().toString() : text;
            } catch (InvalidPathException e) {
                return text;   // no path: who opens it says so
            }
        });
    }

    /**
     * Every value, defaults too. Enums and kinds in lower case, a kind as {@code {"kind": "heun", "steps": 18}}, maps as objects.
     *
     * @throws ConfigException if {@link #check} refuses the record
     */
    public static ObjectNode toJson(Record record) {
        check(record);
        return RecordJson.write(record);
    }

    /**
     * The record that {@link #toJson} wrote, equal to it.
     *
     * @throws ConfigException that names the path of an unknown or missing key, a wrong JSON type, a value out of range
     */
    public static <R extends Record> R fromJson(Class<R> type, JsonNode json) { return fromJson(type, json, ""); }

    /** As {@link #fromJson(Class, JsonNode)} of an object within another. @param at its path there, which errors name */
    public static <R extends Record> R fromJson(Class<R> type, JsonNode json, String at) {
        R result = type.cast(RecordJson.read(type, json, at, 1, false));
        check(result, at);
        return result;
    }

    /**
     * JSON Schema (2020-12) of such records: types, ranges, words, choices, {@code description}, {@code default}, and as {@code x-place}
     * what lies where a text says. Kinds of a choice stand under {@code oneOf}; objects lack {@code required} where a default is known.
     *
     * @param said what a person reads for an English text
     */
    public static ObjectNode schema(Record defaults, UnaryOperator<String> said) {
        check(defaults);
        return new JsonSchema(said).record(defaults.getClass(), defaults);
    }

    /** Every key of {@code defaults}, also those of the kinds that are not the default, with the words for a help page or a schema. */
    public static List<Key> describe(Record defaults) {
        check(defaults);
        List<Key> keys = new ArrayList<>();
        describe(defaults.getClass(), defaults, "", "", Set.of(), keys);
        return List.copyOf(keys);
    }

    private static void describe(Class<?> record, @Nullable Object value, String path, String when, Set<Class<?>> open, List<Key> keys) {
        for (Shape.Field field : Shape.fields(record)) {
            describe(field, field.shape(), value == null ? null : field.in(value), Shape.join(path, field.name()), when, open, keys);
        }
    }

    /** @param open types that are being listed around this key: to list all of them again would not end */
    private static void describe(
            Shape.Field field, Shape shape, @Nullable Object value, String path, String when, Set<Class<?>> open, List<Key> keys) {
        if (shape instanceof Shape.Scalar scalar) {
            keys.add(new Key(path, scalar.typeName(), value == null ? "" : scalar.text(value), field.range(), field.meaning(), when));
        } else if (shape instanceof Shape.Items items) {
            String text = value instanceof List<?> list ? items.text(list) : "";
            keys.add(new Key(path, "list of " + items.of().typeName(), text, field.range(), field.meaning(), when));
        } else if (shape instanceof Shape.Fields fields) {
            if (value == null && open.contains(fields.type())) return;
            Object instance = value == null ? defaults(fields.type(), path) : value;
            describe(fields.type(), instance, path, when, and(open, fields.type()), keys);
        } else if (shape instanceof Shape.Entries entries) {
            if (value instanceof Map<?, ?> map) {
                map.forEach((name, entry) -> describe(field, entries.of(), entry, Shape.join(path, (String) name), when, open, keys));
            }
            describe(field, entries.of(), null, Shape.join(path, "NAME"), when, open, keys);
        } else if (shape instanceof Shape.Kinds kinds) {
            describe(field, kinds, value, path, when, open, keys);
        }
    }

    private static void describe(
            Shape.Field field, Shape.Kinds kinds, @Nullable Object value, String path, String when, Set<Class<?>> open, List<Key> keys) {
        String own = value == null ? "" : Shape.Kinds.written(value.getClass());
        keys.add(new Key(path, kinds.typeName(), own, "", field.meaning(), when));
        // the default kind first: its keys are the ones that are there
        Set<String> names = open.contains(kinds.type()) ? Set.of() : kinds.byName().keySet();
        Stream<String> others = names.stream().filter(name -> !name.equals(own));
        Set<Class<?>> within = and(open, kinds.type());
        for (String name : Stream.concat(Stream.of(own).filter(n -> !n.isEmpty()), others).toList()) {
            Class<?> kind = kinds.named(name);
            Object instance = name.equals(own) ? value : defaults(kind, path);
            String choice = path + "=" + name;
            describe(kind, instance, path, when.isEmpty() ? choice : when + ", " + choice, within, keys);
        }
    }

    private static @Nullable Object defaults(Class<?> record, String path) {
        try {
            return Shape.defaults(record).orElse(null);
        } catch (ConfigException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            throw new ConfigException(path, Shape.name(record) + " refuses its own defaults: " + e.getMessage(), e);
        }
    }

    private static Set<Class<?>> and(Set<Class<?>> open, Class<?> type) {
        return Stream.concat(open.stream(), Stream.of(type)).collect(Collectors.toUnmodifiableSet());
    }
}
