package io.palitra.diffusion;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The values of a scheduler_config.json, each by its key and of its type; null is an absent key. An unknown value is refused by name. */
final class SchedulerConfig {
    private final JsonNode config;
    private final DiffusersScheduler.Kind kind;

    /** @throws ConfigException if its {@code _class_name} is not known */
    SchedulerConfig(JsonNode config) {
        this.config = config;
        String name = config.path("_class_name").asText();
        kind = DiffusersScheduler.Kind.of(name).orElseThrow(() -> new ConfigException("_class_name", "no scheduler '" + name
            + "'; there are " + Arrays.stream(DiffusersScheduler.Kind.values()).map(DiffusersScheduler.Kind::className)
                .collect(Collectors.joining(", "))));
    }

    /** Other values of the same class. */
    SchedulerConfig with(JsonNode values) { return new SchedulerConfig(values, kind); }

    private SchedulerConfig(JsonNode config, DiffusersScheduler.Kind kind) {
        this.config = config;
        this.kind = kind;
    }

    DiffusersScheduler.Kind kind() { return kind; }

    boolean given(String key) { return config.hasNonNull(key); }

    ConfigException refused(String key, String... allowed) {
        return new ConfigException(key, kind.className() + " with " + key + "=" + config.path(key) + " is not known; there are "
            + InWords.list((Object[]) allowed));
    }

    String text(String key, String otherwise) {
        if (!config.hasNonNull(key)) return otherwise;
        if (!config.get(key).isTextual()) throw wrong(key, "a text");
        return config.get(key).asText();
    }

    boolean flag(String key, boolean otherwise) {
        if (!config.hasNonNull(key)) return otherwise;
        if (!config.get(key).isBoolean()) throw wrong(key, "true or false");
        return config.get(key).asBoolean();
    }

    double number(String key, double otherwise) {
        if (!config.hasNonNull(key)) return otherwise;
        double value = config.get(key).isNumber() ? config.get(key).asDouble() : Double.NaN;
        if (value == otherwise || Double.isFinite(value)) return value;   // a default may be -Infinity
        throw wrong(key, "a finite number");
    }

    Optional<Double> number(String key) { return config.hasNonNull(key) ? Optional.of(number(key, 0)) : Optional.empty(); }

    int integer(String key, int otherwise) {
        if (!config.hasNonNull(key)) return otherwise;
        if (!config.get(key).canConvertToExactIntegral() || !config.get(key).canConvertToInt()) throw wrong(key, "a whole number");
        return config.get(key).asInt();
    }

    int integer(String key, int otherwise, int least, int most) {
        int value = integer(key, otherwise);
        if (value >= least && value <= most) return value;
        throw new ConfigException(key, "illegal " + key + ": " + value + ", must be from " + least + " to " + most);
    }

    Optional<double[]> numbers(String key) {
        if (!config.hasNonNull(key)) return Optional.empty();
        JsonNode list = config.get(key);
        double[] out = new double[list.size()];
        for (int i = 0; i < out.length; i++) out[i] = list.path(i).isNumber() ? list.get(i).asDouble() : Double.NaN;
        if (!list.isArray() || !Arrays.stream(out).allMatch(Double::isFinite)) throw wrong(key, "a list of numbers");
        return Optional.of(out);
    }

    List<Integer> integers(String key) {
        double[] values = numbers(key).orElse(new double[0]);
        if (Arrays.stream(values).anyMatch(v -> v != Math.rint(v) || Math.abs(v) > Integer.MAX_VALUE)) throw wrong(key, "whole numbers");
        return Arrays.stream(values).mapToObj(v -> (int) v).toList();
    }

    /** A constant of an enum by its name in lower case. */
    <E extends Enum<E>> E choice(String key, E otherwise) {
        String asked = text(key, otherwise.name().toLowerCase(Locale.ROOT));
        List<String> names = new ArrayList<>();
        for (E e : otherwise.getDeclaringClass().getEnumConstants()) {
            if (e.name().toLowerCase(Locale.ROOT).equals(asked)) return e;
            names.add(e.name().toLowerCase(Locale.ROOT));
        }
        throw refused(key, names.toArray(String[]::new));
    }

    private ConfigException wrong(String key, String wanted) {
        return new ConfigException(key, key + " wants " + wanted + ", got " + config.path(key));
    }
}
