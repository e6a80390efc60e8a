package io.palitra.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Records to JSON and back, every value written and every value wanted. */
final class RecordJson {
    /** The key that names the record of a closed choice. */
    static final String KIND = "kind";

    private RecordJson() {}

    static ObjectNode write(Object record) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        writeFields(record, json);
        return json;
    }

    private static void writeFields(Object record, ObjectNode json) {
        for (Shape.Field field : Shape.fields(record.getClass())) json.set(field.name(), write(field.shape(), field.in(record)));
    }

    static JsonNode write(Shape shape, @Nullable Object value) {
        JsonNodeFactory json = JsonNodeFactory.instance;
        if (value instanceof Integer i) return json.numberNode(i.intValue());
        if (value instanceof Long l) return json.numberNode(l.longValue());
        if (value instanceof Double d) return json.numberNode(d.doubleValue());
        if (value instanceof Boolean b) return json.booleanNode(b);
        if (shape instanceof Shape.Scalar scalar && value != null) return json.textNode(scalar.text(value));
        if (shape instanceof Shape.Items items && value instanceof List<?> list) {
            ArrayNode array = json.arrayNode();
            list.forEach(item -> array.add(write(items.of(), item)));
            return array;
        }
        ObjectNode object = json.objectNode();
        if (shape instanceof Shape.Entries entries && value instanceof Map<?, ?> map) {
            map.forEach((name, entry) -> object.set((String) name, write(entries.of(), entry)));
            return object;
        }
        if (value == null) throw new IllegalStateException("null passed the check of " + shape);
        if (shape instanceof Shape.Kinds) object.put(KIND, Shape.Kinds.written(value.getClass()));
        writeFields(value, object);
        return object;
    }

    /** @param path of the record in the whole, empty for the whole itself */
    static Object read(Class<?> record, JsonNode json, String path, int depth, boolean kind) {
        List<Shape.Field> fields = Shape.fields(record);
        List<String> known = fields.stream().map(Shape.Field::name).toList();
        object("", json, path, depth);
        for (String name : (Iterable<String>) json::fieldNames) {
            if (!known.contains(name) && !(kind && name.equals(KIND))) {
                String at = Shape.join(path, ConfigException.shown(name));
                throw new ConfigException(Shape.join(path, name), at + ": " + Change.unknown(path, name, known));
            }
        }
        Object[] values = new Object[fields.size()];
        for (int i = 0; i < values.length; i++) {
            Shape.Field field = fields.get(i);
            String at = Shape.join(path, field.name());
            JsonNode value = json.get(field.name());
            if (value == null) {
                throw new ConfigException(at, at + " is missing; there are " + String.join(", ", known));
            }
            Object read = read(field.shape(), value, at, depth + 1);
            field.outOfRange(at, read).ifPresent(message -> {
                throw new ConfigException(at, message);
            });
            values[i] = read;
        }
        try {
            return Shape.construct(record, values);
        } catch (ConfigException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            throw new ConfigException(path, (path.isEmpty() ? "" : path + ": ") + e.getMessage(), e);
        }
    }

    private static Object read(Shape shape, JsonNode json, String path, int depth) {
        try {
            if (shape instanceof Shape.Scalar scalar) return scalar(scalar, json, path);
            if (shape instanceof Shape.Fields fields) return read(fields.type(), json, path, depth, false);
            if (shape instanceof Shape.Kinds kinds) {
                object(kinds.typeName(), json, path, depth);
                JsonNode kind = json.get(KIND);
                if (kind == null || !kind.isTextual()) {
                    String at = Shape.join(path, KIND);
                    String got = kind == null ? "nothing" : InWords.json(kind);
                    throw new ConfigException(at, at + " must be one of " + InWords.list(kinds.byName().keySet()) + ", got " + got);
                }
                return read(kinds.named(kind.textValue()), json, path, depth, true);
            }
            if (shape instanceof Shape.Items items) {
                if (!json.isArray()) throw wants("a list of which each is " + items.of().wanted(), json, path);
                List<Object> list = new ArrayList<>();
                for (JsonNode item : json) list.add(scalar(items.of(), item, path));
                return List.copyOf(list);
            }
            object("entries by name", json, path, depth);
            Map<String, Object> entries = new LinkedHashMap<>();
            for (Map.Entry<String, JsonNode> e : json.properties()) {
                String at = Shape.join(path, ConfigException.shown(e.getKey()));
                entries.put(e.getKey(), read(((Shape.Entries) shape).of(), e.getValue(), at, depth + 1));
            }
            return Collections.unmodifiableMap(entries);
        } catch (ConfigException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            throw new ConfigException(path, path + ": " + e.getMessage(), e);
        }
    }

    private static Object scalar(Shape.Scalar shape, JsonNode json, String path) {
        Class<?> type = shape.type();
        if (type == boolean.class && json.isBoolean()) return json.booleanValue();
        if (type == String.class && json.isTextual()) return json.textValue();
        if (type.isEnum() && json.isTextual()) return shape.parse(json.textValue());
        // a whole number by its digits, so that one beyond the type is refused in the same words as in an override
        boolean whole = type == int.class || type == long.class;
        if (whole && json.isIntegralNumber() || type == double.class && json.isNumber()) return shape.parse(json.asText());
        throw wants(shape.wanted(), json, path);
    }

    private static void object(String wanted, JsonNode json, String path, int depth) {
        if (!json.isObject()) throw wants(wanted.isEmpty() ? "an object" : "an object (" + wanted + ")", json, path);
        if (depth > Json.DEPTH) {
            throw new ConfigException(path, "nested deeper than " + Json.DEPTH + " objects: " + ConfigException.shown(path));
        }
    }

    private static ConfigException wants(String wanted, JsonNode json, String path) {
        String at = path.isEmpty() ? "the configuration" : path;
        return new ConfigException(path, at + " wants " + wanted + ", got " + InWords.json(json));
    }
}
