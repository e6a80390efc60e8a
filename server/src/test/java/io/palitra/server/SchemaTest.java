package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.job.Request;
import io.palitra.job.Requests;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SchemaTest {
    @TempDir private Path root;

    @Test void defaultsAndWhatIsRequiredAreARequestOfEachKind() {
        for (String kind : Jobs.SERVED) {
            JsonNode schema = Places.schema(kind, "en");
            ObjectNode asked = Asking.JSON.createObjectNode();
            for (Map.Entry<String, JsonNode> e : schema.path("properties").properties()) {
                if (e.getValue().has("default")) asked.set(e.getKey(), e.getValue().path("default"));
            }
            schema.path("required").forEach(name -> asked.set(name.asText(), value(schema.path("properties").path(name.asText()))));
            Places places = places();
            Request<?> made = Requests.of(kind, places.asked(kind, asked));
            assertThat(Config.toJson((Record) made).properties()).as(kind).isNotEmpty();
            asked.fieldNames().forEachRemaining(name -> assertThat(schema.path("required").toString().contains('"' + name + '"')
                || schema.path("properties").path(name).has("default")).as(kind + "." + name).isTrue());
        }
    }

    private Places places() {
        ServerConfig config = Config.with(ServerConfig.DEFAULT, "runs=" + root.resolve("runs"), "jobs=" + root.resolve("jobs"));
        return new Places(config, new Registry(config), new DataSets(""), id -> java.util.Optional.empty());
    }

    private static JsonNode value(JsonNode property) {
        return switch (property.path("type").asText()) {
            case "integer" -> Asking.JSON.getNodeFactory().numberNode(1);
            case "array" -> Asking.JSON.createArrayNode().add("a").add("b");
            default -> Asking.JSON.getNodeFactory().textNode("a");
        };
    }

    @Test void eachComponentIsDescribedInBothLanguages() {
        List<String> without = new ArrayList<>(), same = new ArrayList<>();
        for (String kind : Jobs.SERVED) {
            described(kind, Places.schema(kind, "en"), Places.schema(kind, "ru"), without, same);
        }
        assertThat(without).as("without a description").isEmpty();
        assertThat(same).as("not said in Russian").isEmpty();
    }

    private static void described(String at, JsonNode english, JsonNode russian, List<String> without, List<String> same) {
        for (Map.Entry<String, JsonNode> e : english.path("properties").properties()) {
            JsonNode one = e.getValue(), other = russian.path("properties").path(e.getKey());
            String path = at + "." + e.getKey(), text = one.path("description").asText();
            if (!one.has("const") && text.isEmpty()) without.add(path);
            if (!text.isEmpty() && other.path("description").asText().equals(text)) same.add(path + ": " + text);
            described(path, one, other, without, same);
            for (int i = 0; i < one.path("oneOf").size(); i++) {
                described(path, one.path("oneOf").path(i), other.path("oneOf").path(i), without, same);
            }
        }
    }

    @Test void rangesWordsPlacesAndKindsAreThere() {
        JsonNode sample = Places.schema("sample", "en").path("properties"), paint = Places.schema("paint", "en").path("properties");
        assertThat(sample.path("n").toString())
            .isEqualTo(text("{'type':'integer','minimum':1,'maximum':100000,'description':'samples','default':64}"));
        assertThat(sample.path("run").path("x-place").asText()).isEqualTo("model");
        assertThat(sample.has("device") || sample.has("threads") || sample.has("out") || sample.has("force")).isFalse();
        assertThat(sample.path("animation").path("enum")).isEqualTo(json("['','animation.gif']"));
        assertThat(Places.schema("sample", "en").path("required")).isEqualTo(json("['run']"));
        assertThat(paint.path("how").path("properties").path("steps").path("default").asInt()).isEqualTo(30);
        assertThat(paint.path("how").path("properties").path("noise").path("oneOf")).isNotEmpty()
            .allMatch(kind -> kind.path("properties").path("kind").path("const").isTextual());
        assertThat(paint.path("lora").path("x-place").asText()).isEqualTo("file");
        assertThat(Places.schema("train", "en").path("properties").path("precision").path("enum")).isEqualTo(json("['fp32','bf16']"));
        assertThat(Places.schema("import", "en").path("required")).isEqualTo(json("['source']"));
    }

    private static String text(String json) { return json.replace('\'', '"'); }

    private static JsonNode json(String text) {
        try {
            return Asking.JSON.readTree(text.replace('\'', '"'));
        } catch (java.io.IOException e) {
            throw new IllegalArgumentException(e);
        }
    }
}
