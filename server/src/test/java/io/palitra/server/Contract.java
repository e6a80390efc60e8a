package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Whether answers are as openapi.yaml says. */
final class Contract {
    static final ObjectNode API = read();

    private static final JsonSchemaFactory SCHEMAS = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012);
    private static final Map<String, JsonSchema> READY = new ConcurrentHashMap<>();
    /** Those with fewer variables first; behind all of them again, so that the last variable may have slashes, the longest first. */
    private static final List<Map.Entry<String, Pattern>> PATHS = Stream.concat(
        paths().sorted(Comparator.comparing((String path) -> path.chars().filter(c -> c == '{').count()))
            .map(path -> Map.entry(path, pattern(path, "[^/]+"))),
        paths().sorted(Comparator.comparing(String::length).reversed()).map(path -> Map.entry(path, pattern(path, ".+")))).toList();

    private Contract() {}

    private static ObjectNode read() {
        try (var in = Contract.class.getResourceAsStream("openapi.yaml")) {
            return (ObjectNode) new YAMLMapper().readTree(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Stream<String> paths() { return API.path("paths").propertyStream().map(Map.Entry::getKey); }

    private static Pattern pattern(String path, String last) {
        String[] parts = path.split("/", -1);
        for (int i = 0; i < parts.length; i++) {
            if (parts[i].startsWith("{")) parts[i] = i == parts.length - 1 ? last : "[^/]+";
            else parts[i] = Pattern.quote(parts[i]);
        }
        return Pattern.compile(String.join("/", parts));
    }

    /** Each thing that can be asked: method and path. */
    static Set<String> operations() {
        Set<String> all = new TreeSet<>();
        API.path("paths").properties().forEach(path -> path.getValue().fieldNames().forEachRemaining(method -> {
            if (!method.equals("parameters")) all.add(method.toUpperCase(Locale.ROOT) + " " + path.getKey());
        }));
        return all;
    }

    /** @throws AssertionError where it says otherwise, or nothing of such an answer */
    static void check(HttpResponse<?> answer) {
        Object body = answer.body();
        String text = body instanceof byte[] bytes ? new String(bytes, StandardCharsets.UTF_8) : body instanceof String s ? s : null;
        check(answer.request().method(), answer.request().uri(), answer.statusCode(),
            answer.headers().firstValue("Content-Type").orElse(""), text);
    }

    /** @param body null where it is not known */
    static void check(String method, URI asked, int status, String type, String body) {
        String what = method + " " + asked.getRawPath() + " " + status;
        JsonNode operation = operation(method, asked);
        if (operation == null) {   // of what there is not, a fault alone
            assertThat(status).as(what).isIn(400, 403, 404, 405);
            if (body != null && !method.equals("HEAD")) fits(what, "/components/schemas/AnyFault", json(what, type, body));
            return;
        }
        String at = "/paths/" + name(path(asked)) + "/" + method.toLowerCase(Locale.ROOT);
        JsonNode answers = operation.path("responses");
        boolean told = answers.has(String.valueOf(status));
        if (!told) assertThat(status).as(what + ": openapi.yaml has only " + answers.properties()).isBetween(400, 599);
        if (status < 400) asksWhatIsTold(what, at, operation, asked);
        at += "/responses/" + (told ? String.valueOf(status) : "default");
        if (API.at(at).has("$ref")) at = API.at(at).path("$ref").asText().substring(1);
        JsonNode content = API.at(at).path("content");
        if (content.isMissingNode()) {
            if (body != null) assertThat(body).as(what).isEmpty();
            return;
        }
        String media = type.replaceFirst(";.*", "");
        assertThat(content.has(media)).as(what + " " + media + " " + content).isTrue();
        at += "/content/" + name(media);
        if (body == null || media.startsWith("image/")) return;
        if (media.equals("text/event-stream")) events(what, at + "/x-events", body);
        else if (media.equals("application/json") && API.at(at).has("schema")) fits(what, at + "/schema", json(what, type, body));
    }

    private static JsonNode operation(String method, URI asked) {
        String path = path(asked);
        return path == null ? null : API.path("paths").path(path).get(method.toLowerCase(Locale.ROOT));
    }

    private static String path(URI asked) {
        return PATHS.stream().filter(p -> p.getValue().matcher(asked.getRawPath()).matches()).map(Map.Entry::getKey).findFirst()
            .orElse(null);
    }

    /** What a query asks by and gets an answer to is a parameter there. */
    private static void asksWhatIsTold(String what, String at, JsonNode operation, URI asked) {
        if (asked.getRawQuery() == null) return;
        Set<String> names = new TreeSet<>();
        JsonNode common = API.at(at.substring(0, at.lastIndexOf('/'))).path("parameters");
        Stream.concat(common.valueStream(), operation.path("parameters").valueStream()).forEach(parameter -> {
            JsonNode told = parameter.has("$ref") ? API.at(parameter.path("$ref").asText().substring(1)) : parameter;
            if (told.path("in").asText().equals("query")) names.add(told.path("name").asText());
        });
        for (String pair : asked.getRawQuery().split("&")) {
            assertThat(names).as(what).contains(URLDecoder.decode(pair.split("=", 2)[0], StandardCharsets.UTF_8));
        }
    }

    private static JsonNode json(String what, String type, String body) {
        assertThat(type).as(what).startsWith("application/json");
        try {
            return Job.JSON.readTree(body);
        } catch (IOException e) {
            throw new AssertionError(what + " is no JSON: " + body, e);
        }
    }

    private static void events(String what, String at, String body) {
        for (String event : body.split("\n\n")) {
            String name = "", data = "";
            for (String line : event.split("\n")) {
                if (line.startsWith("event: ")) name = line.substring(7);
                if (line.startsWith("data: ")) data = line.substring(6);
            }
            if (name.isEmpty()) continue;   // a sign of life
            fits(what + " event " + name, at + "/" + name, json(what, "application/json", data));
        }
    }

    private static String name(String part) { return part.replace("~", "~0").replace("/", "~1"); }

    private static void fits(String what, String at, JsonNode json) {
        assertThat(API.at(at).isMissingNode()).as(what + ": openapi.yaml has no " + at).isFalse();
        JsonSchema schema = READY.computeIfAbsent(at, place -> {
            ObjectNode whole = Job.JSON.createObjectNode().put("$ref", "#" + place);
            whole.set("components", API.get("components"));
            whole.set("paths", API.get("paths"));
            return SCHEMAS.getSchema(whole);
        });
        List<String> wrong = new ArrayList<>();
        schema.validate(json).forEach(message -> wrong.add(message.toString()));
        String told = json.toString();
        assertThat(wrong).as(what + ": " + told.substring(0, Math.min(2000, told.length()))).isEmpty();
    }
}
