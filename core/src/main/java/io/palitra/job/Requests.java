package io.palitra.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Words;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Parameter;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Requests by the names of their commands, and from JSON, of which what may be left out has its default. */
public final class Requests {
    private static final Map<String, Class<? extends Record>> KINDS = kinds();

    private Requests() {}

    private static Map<String, Class<? extends Record>> kinds() {
        Map<String, Class<? extends Record>> kinds = new LinkedHashMap<>();
        kinds.put("draw", DrawRequest.class);
        kinds.put("sample", SampleRequest.class);
        kinds.put("paint", PaintJob.class);
        kinds.put("dream", DreamJob.class);
        kinds.put("complete", CompleteRequest.class);
        kinds.put("continue", ContinueRequest.class);
        kinds.put("write", WriteRequest.class);
        kinds.put("fill", FillRequest.class);
        kinds.put("harmonise", HarmoniseRequest.class);
        kinds.put("interpolate", InterpolateRequest.class);
        kinds.put("map", MapRequest.class);
        kinds.put("walk", WalkRequest.class);
        kinds.put("project", ProjectRequest.class);
        kinds.put("mix", MixRequest.class);
        kinds.put("directions", DirectionsRequest.class);
        kinds.put("reconstruct", ReconstructRequest.class);
        kinds.put("vary", VaryRequest.class);
        kinds.put("caption", CaptionRequest.class);
        kinds.put("classify", ClassifyRequest.class);
        kinds.put("search", SearchRequest.class);
        kinds.put("evaluate", EvaluateRequest.class);
        kinds.put("compare", CompareRequest.class);
        kinds.put("anomalies", AnomaliesRequest.class);
        kinds.put("balance", BalanceRequest.class);
        kinds.put("train", TrainRequest.class);
        kinds.put("resume", ResumeRequest.class);
        kinds.put("pull", PullRequest.class);
        kinds.put("import", ImportRequest.class);
        return kinds;
    }

    /** In the order of a person's interest. */
    public static List<String> names() { return List.copyOf(KINDS.keySet()); }

    /** What cannot be left out of a request, in order. */
    public static List<String> required(String kind) {
        return Arrays.stream(shortest(type(kind)).getParameters()).map(Parameter::getName).toList();
    }

    /**
     * A request of that kind.
     *
     * @param json values by component; those of {@link #required} must be there
     * @throws ConfigException for a value that cannot be, by its key
     * @throws IllegalArgumentException for a kind that there is not
     */
    public static Request<?> of(String kind, JsonNode json) {
        Class<? extends Record> type = type(kind);
        if (!json.isObject()) throw new ConfigException("request", "request must be an object, got " + InWords.json(json));
        Constructor<?> shortest = shortest(type);
        List<Object> given = new ArrayList<>();
        for (Parameter p : shortest.getParameters()) {
            JsonNode value = json.path(p.getName());
            boolean texts = p.getType() == List.class || p.getType() == String[].class;
            if (value.isMissingNode()) throw new ConfigException(p.getName(), p.getName() + " is missing");
            if (texts ? !value.isArray() : p.getType() == int.class ? !value.canConvertToInt() : !value.isTextual()) {
                throw new ConfigException(p.getName(), p.getName() + " must be " + (texts ? "a list of texts" : p.getType() == int.class
                    ? "a whole number" : "a text") + ", got " + InWords.json(value));
            }
            List<String> list = new ArrayList<>();
            value.forEach(item -> list.add(item.asText()));
            given.add(p.getType() == List.class ? list : texts ? list.toArray(String[]::new)
                : p.getType() == int.class ? (Object) value.intValue() : value.textValue());
        }
        ObjectNode all = Config.toJson(made(type, shortest, given));
        for (Map.Entry<String, JsonNode> e : json.properties()) merge(all, e.getKey(), e.getValue());
        return (Request<?>) Config.fromJson(type, all);
    }

    /**
     * JSON Schema (2020-12) of what {@link #of} takes; {@code required} lists what has no default.
     *
     * @param language that its descriptions are in, "en" or one of {@link Words#LANGUAGES}
     * @throws IllegalArgumentException for a kind or a language that there is not
     */
    public static ObjectNode schema(String kind, String language) {
        Class<? extends Record> type = type(kind);
        Constructor<?> shortest = shortest(type);
        List<Object> given = new ArrayList<>();
        for (Parameter p : shortest.getParameters()) {
            given.add(p.getType() == List.class ? List.of("a", "b") : p.getType() == String[].class ? new String[] {"a"}
                : p.getType() == int.class ? (Object) 1 : "a");
        }
        ObjectNode schema = Config.schema(made(type, shortest, given), Words.in(language)::say);
        ArrayNode required = schema.putArray("required");
        for (String name : required(kind)) {
            required.add(name);
            ((ObjectNode) schema.path("properties").path(name)).remove("default");
        }
        return schema;
    }

    /** The same request, computed there. @param threads of one operation, 0 = as the request says */
    public static Request<?> on(Request<?> request, String device, int threads) {
        Record record = (Record) request;
        List<String> names = Arrays.stream(record.getClass().getRecordComponents()).map(RecordComponent::getName).toList();
        if (names.contains("device")) record = Config.replace(record, "device", device);
        if (threads > 0 && names.contains("threads")) record = Config.replace(record, "threads", threads);
        return (Request<?>) record;
    }

    /** Objects are merged key by key, unless they name another kind; all else takes the place of what was there. */
    private static void merge(ObjectNode into, String key, JsonNode value) {
        JsonNode there = into.get(key);
        boolean sameKind = there != null && (!value.has("kind") || value.get("kind").equals(there.get("kind")));
        if (there instanceof ObjectNode object && value.isObject() && sameKind) {
            for (Map.Entry<String, JsonNode> e : value.properties()) merge(object, e.getKey(), e.getValue());
        } else {
            into.set(key, value);
        }
    }

    private static Class<? extends Record> type(String kind) {
        Class<? extends Record> type = KINDS.get(kind);
        if (type != null) return type;
        throw new ArgumentException("no kind of job '" + kind + "'; there are " + InWords.list(KINDS.keySet())
            + InWords.didYouMean(kind, KINDS.keySet()));
    }

    /** The constructor of what has no default. */
    private static Constructor<?> shortest(Class<?> type) {
        return Arrays.stream(type.getConstructors()).min(Comparator.comparingInt(Constructor::getParameterCount)).orElseThrow();
    }

    private static <R extends Record> R made(Class<R> type, Constructor<?> constructor, List<Object> given) {
        try {
            return type.cast(constructor.newInstance(given.toArray()));
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException fault) throw fault;
            throw new IllegalStateException(e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
