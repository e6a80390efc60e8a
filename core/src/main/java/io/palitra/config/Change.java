package io.palitra.config;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The overrides of one key and of the keys below it, as a tree, so that a record is built once from all of them. */
final class Change {
    private final String path;
    private final Map<String, Change> below = new LinkedHashMap<>();
    private @Nullable String value;

    private Change(String path) { this.path = path; }

    /** @throws ConfigException if one is not {@code key=value}, or a key is given twice */
    static Change of(Collection<String> overrides) {
        Change root = new Change("");
        for (String override : overrides) {
            int equals = override.indexOf('=');
            String key = equals < 0 ? override : override.substring(0, equals);
            String[] names = key.split("\\.", -1);
            if (equals < 0 || List.of(names).contains("")) {
                throw new ConfigException(key, "'" + ConfigException.shown(override) + "' is not key=value, such as a=1 or a.b=1");
            }
            if (names.length > Json.DEPTH) {
                throw new ConfigException(key, "'" + ConfigException.shown(key) + "' has " + names.length
                    + " parts, must have at most " + Json.DEPTH);
            }
            Change change = root;
            for (String name : names) {
                String path = Shape.join(change.path, name);
                change = change.below.computeIfAbsent(name, n -> new Change(path));
            }
            String value = override.substring(equals + 1);
            if (change.value != null) throw change.wrong("given twice, also as '" + ConfigException.shown(value) + "'");
            change.value = value;
        }
        return root;
    }

    /** A copy of a record with the changes below. */
    Object fields(Object base) {
        List<Shape.Field> fields = Shape.fields(base.getClass());
        List<String> known = fields.stream().map(Shape.Field::name).toList();
        for (String name : below.keySet()) {
            if (known.contains(name)) continue;
            Change change = java.util.Objects.requireNonNull(below.get(name));
            throw new ConfigException(change.path, change.asked() + ": " + unknown(path, name, known));
        }
        Object[] values = new Object[fields.size()];
        for (int i = 0; i < values.length; i++) {
            Shape.Field field = fields.get(i);
            Object old = field.in(base);
            Change change = below.get(field.name());
            values[i] = change == null ? old : change.applied(field, old);
        }
        try {
            return Shape.construct(base.getClass(), values);
        } catch (ConfigException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            throw wrong(e);
        }
    }

    /** "no such key 'latnt'; there are latent, width; did you mean latent?", with the path if the record is not the whole. */
    static String unknown(String path, String name, List<String> known) {
        return "no such key '" + ConfigException.shown(name) + "'" + (path.isEmpty() ? "" : " below " + ConfigException.shown(path))
            + "; there are "
            + (known.isEmpty() ? "none" : String.join(", ", known)) + InWords.didYouMean(name, known);
    }

    private Object applied(Shape.Field field, @Nullable Object old) {
        Object applied = applied(field.shape(), old);
        Optional<String> outOfRange = field.outOfRange(field.name(), applied);
        if (outOfRange.isPresent()) throw wrong(outOfRange.get());
        return applied;
    }

    private Object applied(Shape shape, @Nullable Object old) {
        try {
            if (shape instanceof Shape.Scalar scalar) return scalar.parse(only(scalar.typeName()));
            if (shape instanceof Shape.Items items) return items.parse(only("list"));
            if (shape instanceof Shape.Kinds kinds) return kind(kinds, old);
            if (value != null) throw wrong("set the keys below " + path + ", such as " + path + ".NAME=VALUE");
            if (shape instanceof Shape.Entries entries) return entries(entries, old);
            Class<?> type = ((Shape.Fields) shape).type();
            return fields(old != null ? old : Shape.defaults(type)
                .orElseThrow(() -> wrong("there is no such entry, and none to start one from")));
        } catch (ConfigException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            throw wrong(e);
        }
    }

    /** The text given to a key that has no keys below it. */
    private String only(String type) {
        if (value != null && below.isEmpty()) return value;
        throw wrong(path + " is one value (" + type + ") and has no keys below it");
    }

    /**
     * Naming a kind starts from that kind's own defaults, also where the old value is of that kind: the result depends on the override
     * alone.
     */
    private Object kind(Shape.Kinds kinds, @Nullable Object old) {
        Object start = old;
        if (value != null) {
            Class<?> kind = kinds.named(value);
            start = Shape.defaults(kind).orElseThrow(() -> wrong("it has no defaults to start from"));
        }
        if (start == null) throw wrong("there is no such entry; start it by " + path + "=" + kinds.typeName());
        return below.isEmpty() ? start : fields(start);
    }

    private Map<String, Object> entries(Shape.Entries shape, @Nullable Object old) {
        Map<String, Object> entries = new LinkedHashMap<>();
        if (old instanceof Map<?, ?> map) map.forEach((name, entry) -> entries.put((String) name, entry));
        below.forEach((name, change) -> entries.put(name, change.applied(shape.of(), entries.get(name))));
        return Collections.unmodifiableMap(entries);
    }

    private ConfigException wrong(IllegalArgumentException e) {
        return new ConfigException(path, asked() + ": " + e.getMessage(), e);
    }

    private ConfigException wrong(String message) { return new ConfigException(path, asked() + ": " + message); }

    /** The overrides that meet here, as given: {@code sampler=heun, sampler.steps=0}. */
    private String asked() {
        List<String> asked = new ArrayList<>();
        if (value != null) asked.add(ConfigException.shown(path) + "=" + ConfigException.shown(value));
        below.values().forEach(change -> asked.add(change.asked()));
        return asked.isEmpty() ? "no override" : String.join(", ", asked);
    }
}
