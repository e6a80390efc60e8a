package io.palitra.config;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.StringJoiner;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a component of a configuration record may hold, and all reflection there is.
 * Methods that meet a value they must refuse throw IllegalArgumentException; who knows the key makes a {@link ConfigException} of it.
 */
sealed interface Shape permits Shape.Scalar, Shape.Items, Shape.Fields, Shape.Kinds, Shape.Entries {

    /** The shape of a component declared with {@code type}; {@code where} names the component in errors. */
    static Shape of(Type type, String where) {
        if (type instanceof Class<?> c) {
            if (Scalar.allows(c)) return new Scalar(c);
            if (c.isRecord()) return new Fields(c);
            if (c.isSealed() && c.isInterface()) return new Kinds(c, kinds(c, List.of(c.getPermittedSubclasses())));
            List<Class<?>> chosen = c.isInterface() ? chosen(c) : List.of();
            if (!chosen.isEmpty()) return new Kinds(c, kinds(c, chosen));
        }
        if (type instanceof ParameterizedType p) {
            Type[] of = p.getActualTypeArguments();
            if (p.getRawType() == List.class && of[0] instanceof Class<?> c && Scalar.allows(primitive(c))) {
                return new Items(new Scalar(primitive(c)));
            }
            if (p.getRawType() == Map.class && of[0] == String.class && of[1] instanceof Class<?>) {
                Shape value = of(of[1], where);
                if (value instanceof Fields || value instanceof Kinds) return new Entries(value);
            }
        }
        throw new ConfigException(where, where + " is declared " + type.getTypeName()
            + "; a configuration holds int, long, double, boolean, String, enums, records, "
            + "sealed interfaces of records, List of the simple ones, and Map from String to records");
    }

    /** The shapes of all components of a record, in order. */
    static List<Field> fields(Class<?> record) {
        List<Field> fields = new ArrayList<>();
        for (RecordComponent c : record.getRecordComponents()) {
            String where = name(record) + "." + c.getName();
            Shape shape = of(c.getGenericType(), where);
            Help help = c.getAnnotation(Help.class);
            if (c.getAnnotatedType().isAnnotationPresent(Nullable.class)) {
                throw new ConfigException(where, where + " is @Nullable; a configuration value is never absent");
            }
            boolean ranged = help != null && !(Double.isNaN(help.min()) && Double.isNaN(help.max()));
            if (ranged && !(shape instanceof Scalar s && s.isNumber()) && !(shape instanceof Items i && i.of.isNumber())) {
                throw new ConfigException(where, where + " has a range, but is not a number");
            }
            boolean text = shape instanceof Scalar s && s.type() == String.class || shape instanceof Items i && i.of.type() == String.class;
            if (help != null && help.place() != Help.Place.NONE && !text) {
                throw new ConfigException(where, where + " is a place, but is not a text");
            }
            c.getAccessor().setAccessible(true);
            fields.add(new Field(c.getName(), shape, help, c.getAccessor()));
        }
        return fields;
    }

    /** Calls the canonical constructor. Whatever it throws becomes an IllegalArgumentException with its message. */
    static Object construct(Class<?> record, Object[] values) {
        Class<?>[] types = Arrays.stream(record.getRecordComponents()).map(RecordComponent::getType).toArray(Class<?>[]::new);
        try {
            return call(record.getDeclaredConstructor(types), values);
        } catch (NoSuchMethodException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What the constructor without arguments makes: a record's own defaults. Empty where it has no such constructor. */
    static Optional<Object> defaults(Class<?> record) {
        Constructor<?> constructor;
        try {
            constructor = record.getDeclaredConstructor();
        } catch (NoSuchMethodException e) {
            return Optional.empty();
        }
        return Optional.of(call(constructor));
    }

    private static Object call(Constructor<?> constructor, Object... values) {
        constructor.setAccessible(true);
        try {
            return constructor.newInstance(values);
        } catch (InvocationTargetException e) {
            throw refused(e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static IllegalArgumentException refused(InvocationTargetException e) {
        Throwable cause = e.getCause();
        if (cause instanceof Error error) throw error;
        String message = cause == null ? null : cause.getMessage();
        return new ArgumentException(message != null ? message : String.valueOf(cause), cause);
    }

    /** {@code Vae.Config} for a record in a class, {@code Heun} for one that stands alone. */
    static String name(Class<?> type) {
        Class<?> outer = type.getDeclaringClass();
        return outer == null ? type.getSimpleName() : outer.getSimpleName() + "." + type.getSimpleName();
    }

    static String join(String path, String name) { return path.isEmpty() ? name : path + "." + name; }

    /** Kinds of an open choice. */
    private static List<Class<?>> chosen(Class<?> open) {
        List<Class<?>> kinds = new ArrayList<>();
        for (Choices choices : ServiceLoader.load(Choices.class)) if (choices.of() == open) kinds.addAll(choices.kinds());
        return kinds;
    }

    private static Map<String, Class<?>> kinds(Class<?> choice, List<Class<?>> all) {
        Map<String, Class<?>> kinds = new LinkedHashMap<>();
        for (Class<?> kind : all) {
            if (!kind.isRecord()) throw new ConfigException("", name(choice) + " permits " + name(kind) + ", which is not a record");
            if (Arrays.stream(kind.getRecordComponents()).anyMatch(c -> c.getName().equals(RecordJson.KIND))) {
                throw new ConfigException("", name(kind) + " has a component '" + RecordJson.KIND
                    + "'; JSON needs that key to tell kinds apart");
            }
            Class<?> same = kinds.put(Kinds.written(kind), kind);
            if (same != null) {
                throw new ConfigException("", name(choice) + " permits two kinds of one name: " + name(same) + ", " + name(kind));
            }
        }
        return kinds;
    }

    private static Class<?> primitive(Class<?> c) {
        if (c == Integer.class) return int.class;
        if (c == Long.class) return long.class;
        return c == Double.class ? double.class : c;
    }

    /** A number with no needless decimals: 1, 0.5. */
    private static String written(double d) {
        return d == Math.rint(d) && Math.abs(d) < 1e15 ? Long.toString((long) d) : Double.toString(d);
    }

    /** int, long, double, boolean, String or an enum. */
    record Scalar(Class<?> type) implements Shape {
        private static final Pattern WHOLE = Pattern.compile("[+-]?[0-9]++");
        private static final Pattern DECIMAL = Pattern.compile("[+-]?([0-9]++(\\.[0-9]*+)?|\\.[0-9]++)([eE][+-]?[0-9]++)?");

        static boolean allows(Class<?> c) {
            return c == int.class || c == long.class || c == double.class || c == boolean.class || c == String.class || c.isEnum();
        }

        boolean isNumber() { return type == int.class || type == long.class || type == double.class; }

        /** What a JSON file must hold, in plain words. */
        String wanted() {
            if (type.isEnum()) return "one of " + String.join(", ", constants().keySet());
            if (type == boolean.class) return "true or false";
            return type == String.class ? "a text" : type == double.class ? "a number" : "a whole number";
        }

        String typeName() { return type.isEnum() ? String.join("|", constants().keySet()) : type.getSimpleName().toLowerCase(Locale.ROOT); }

        Object parse(String text) {
            if (type == int.class || type == long.class) return whole(text);
            if (type == double.class) return decimal(text);
            if (type.isEnum()) return constant(text);
            if (type == String.class) return text;
            if (text.equals("true")) return true;
            if (text.equals("false")) return false;
            throw new ArgumentException("'" + ConfigException.shown(text) + "' is not true or false");
        }

        /** As {@link #parse} reads it; for an enum the lower-case name. */
        String text(Object value) { return value instanceof Enum<?> e ? e.name().toLowerCase(Locale.ROOT) : value.toString(); }

        /** What is wrong with a value of this type, whatever its range. */
        Optional<String> fault(@Nullable Object value) {
            if (value == null) return Optional.of("is null; a configuration value is never absent");
            if (value instanceof Double d && !Double.isFinite(d)) return Optional.of("is " + d + "; it must be a finite number");
            // half of a surrogate pair has no bytes in UTF-8: it would come back as a question mark
            boolean text = !(value instanceof String s) || StandardCharsets.UTF_8.newEncoder().canEncode(s);
            return text ? Optional.empty() : Optional.of("holds half a surrogate pair, which is not text");
        }

        private Object whole(String text) {
            String shown = ConfigException.shown(text);
            if (!WHOLE.matcher(text).matches()) throw new ArgumentException("'" + shown + "' is not a whole number");
            try {
                if (type == int.class) return Integer.parseInt(text);
                return Long.parseLong(text);
            } catch (NumberFormatException e) {
                throw new ArgumentException(shown + " is too large or too small, must be between "
                    + (type == int.class ? Integer.MIN_VALUE + " and " + Integer.MAX_VALUE : Long.MIN_VALUE + " and " + Long.MAX_VALUE), e);
            }
        }

        private static double decimal(String text) {
            String shown = ConfigException.shown(text);
            if (!DECIMAL.matcher(text).matches()) throw new ArgumentException("'" + shown + "' is not a number");
            double value = Double.parseDouble(text);
            if (Double.isInfinite(value)) {
                throw new ArgumentException(
                    shown + " is too large or too small, must be between " + -Double.MAX_VALUE + " and " + Double.MAX_VALUE);
            }
            return value;
        }

        private Object constant(String text) {
            Object constant = constants().get(text.toLowerCase(Locale.ROOT).replace('-', '_'));
            if (constant != null) return constant;
            throw new ArgumentException("no such choice '" + ConfigException.shown(text) + "'; there are "
                + String.join(", ", constants().keySet()) + InWords.didYouMean(text.toLowerCase(Locale.ROOT), constants().keySet()));
        }

        private Map<String, Object> constants() {
            Map<String, Object> constants = new LinkedHashMap<>();
            for (Object c : type.getEnumConstants()) {
                if (constants.put(text(c), c) != null) throw new ConfigException("", name(type) + " has two constants named " + text(c));
            }
            return constants;
        }
    }

    /** A list of simple values. */
    record Items(Scalar of) implements Shape {
        /** Written {@code 1,2,4}; nothing at all is the empty list. Blanks around an item do not count. */
        List<Object> parse(String text) {
            List<Object> items = new ArrayList<>();
            for (String item : text.isEmpty() ? new String[0] : text.split(",", -1)) items.add(of.parse(item.strip()));
            return List.copyOf(items);
        }

        String text(List<?> items) {
            StringJoiner text = new StringJoiner(",");
            for (Object item : items) text.add(of.text(item));
            return text.toString();
        }
    }

    /** A nested record. */
    record Fields(Class<?> type) implements Shape {}

    /** A closed choice between records; the names are in lower case and in the order of {@code permits}. */
    record Kinds(Class<?> type, Map<String, Class<?>> byName) implements Shape {
        static String written(Class<?> kind) { return kind.getSimpleName().toLowerCase(Locale.ROOT).replace("_", ""); }

        String typeName() { return String.join("|", byName.keySet()); }

        Class<?> named(String text) {
            String name = text.toLowerCase(Locale.ROOT).replace("-", "").replace("_", "");
            Class<?> kind = byName.get(name);
            if (kind != null) return kind;
            throw new ArgumentException("no such choice '" + ConfigException.shown(text) + "'; there are "
                + String.join(", ", byName.keySet()) + InWords.didYouMean(name, byName.keySet()));
        }
    }

    /** Named records, or named choices between records. */
    record Entries(Shape of) implements Shape {}

    /** One component of a record. */
    record Field(String name, Shape shape, @Nullable Help help, Method accessor) {
        /** The value in a record. @throws ConfigException if the accessor throws */
        @Nullable Object in(Object record) {
            try {
                return accessor.invoke(record);
            } catch (InvocationTargetException e) {
                throw new ConfigException(name, name + " cannot be read: " + refused(e).getMessage(), e);
            } catch (IllegalAccessException e) {
                throw new IllegalStateException(e);
            }
        }

        Help.Place place() { return help == null ? Help.Place.NONE : help.place(); }

        String meaning() { return help == null ? "" : help.value(); }

        /** "at least 1", "at most 1", "between 0 and 1"; empty for no range. */
        String range() {
            if (help == null) return "";
            boolean below = !Double.isNaN(help.min());
            boolean above = !Double.isNaN(help.max());
            if (below && above) return "between " + written(help.min()) + " and " + written(help.max());
            if (below) return "at least " + written(help.min());
            return above ? "at most " + written(help.max()) : "";
        }

        /** "illegal latent: 0, must be at least 1" if {@code value}, a number or a list of numbers, is out of range. */
        Optional<String> outOfRange(String as, Object value) {
            if (help == null) return Optional.empty();
            for (Object item : value instanceof List<?> items ? items : List.of(value)) {
                if (item instanceof Number n && (n.doubleValue() < help.min() || n.doubleValue() > help.max())) {
                    return Optional.of("illegal " + as + ": " + n + ", must be " + range());
                }
            }
            return Optional.empty();
        }
    }
}
