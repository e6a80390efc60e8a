package io.palitra.config;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Records as JSON Schema (2020-12): what {@link Config#fromJson} takes. */
final class JsonSchema {
    private final UnaryOperator<String> said;
    /** Types that are being written around this one: to write them again would not end. */
    private final Set<Class<?>> open = new LinkedHashSet<>();

    /** @param said what a person reads for an English text */
    JsonSchema(UnaryOperator<String> said) { this.said = said; }

    /** @param value whose components are the defaults; null where there is none */
    ObjectNode record(Class<?> type, @Nullable Object value) {
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("type", "object");
        if (!open.add(type)) return node;
        ObjectNode properties = node.putObject("properties");
        for (Shape.Field field : Shape.fields(type)) {
            Object own = value == null ? null : field.in(value);
            ObjectNode one = shape(field.shape(), field, own);
            if (!field.meaning().isEmpty()) one.put("description", said.apply(field.meaning()));
            if (own != null) one.set("default", RecordJson.write(field.shape(), own));
            if (field.place() != Help.Place.NONE) one.put("x-place", field.place().name().toLowerCase(Locale.ROOT));
            properties.set(field.name(), one);
        }
        open.remove(type);
        return node.put("additionalProperties", false);
    }

    private ObjectNode shape(Shape shape, Shape.Field field, @Nullable Object value) {
        if (shape instanceof Shape.Scalar scalar) return scalar(scalar, field);
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        if (shape instanceof Shape.Items items) {
            node.put("type", "array").set("items", scalar(items.of(), field));
        } else if (shape instanceof Shape.Fields fields) {
            return record(fields.type(), value != null ? value : own(fields.type()));
        } else if (shape instanceof Shape.Entries entries) {
            node.put("type", "object").set("additionalProperties", shape(entries.of(), field, null));
        } else if (shape instanceof Shape.Kinds kinds) {
            if (!open.add(kinds.type())) return node.put("type", "object");
            ArrayNode all = node.putArray("oneOf");
            for (Map.Entry<String, Class<?>> kind : kinds.byName().entrySet()) {
                boolean usual = value != null && value.getClass() == kind.getValue();
                all.add(kind(kind.getKey(), record(kind.getValue(), usual ? value : own(kind.getValue())), usual));
            }
            open.remove(kinds.type());
        }
        return node;
    }

    /** Of a kind that is not the default all components are to be there. */
    private static ObjectNode kind(String name, ObjectNode record, boolean usual) {
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("title", name).put("type", "object");
        ObjectNode properties = node.putObject("properties");
        properties.putObject("kind").put("const", name);
        properties.setAll((ObjectNode) record.path("properties"));
        ArrayNode required = node.putArray("required").add("kind");
        if (!usual) record.path("properties").fieldNames().forEachRemaining(required::add);
        return node.put("additionalProperties", false);
    }

    private static @Nullable Object own(Class<?> record) {
        try {
            return Shape.defaults(record).orElse(null);
        } catch (IllegalArgumentException e) {
            return null;   // it has none that it takes
        }
    }

    private static ObjectNode scalar(Shape.Scalar scalar, Shape.Field field) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        Class<?> type = scalar.type();
        boolean whole = type == int.class || type == long.class;
        node.put("type", whole ? "integer" : type == double.class ? "number" : type == boolean.class ? "boolean" : "string");
        if (type.isEnum()) for (String name : scalar.typeName().split("\\|")) node.withArray("enum").add(name);
        Help help = field.help();
        if (help == null || !scalar.isNumber()) return node;
        if (!Double.isNaN(help.min())) bound(node, "minimum", help.min(), whole);
        if (!Double.isNaN(help.max())) bound(node, "maximum", help.max(), whole);
        return node;
    }

    private static void bound(ObjectNode node, String key, double value, boolean whole) {
        if (whole) node.put(key, (long) value);
        else node.put(key, value);
    }
}
