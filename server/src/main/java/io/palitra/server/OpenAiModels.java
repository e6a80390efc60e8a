package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.job.DrawRequest;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The server's models as clients of OpenAI's API see them: a list of ids, and what serves a request that names one, or names none. */
final class OpenAiModels {
    /** What such clients ask for where nobody chose a model. */
    static final Set<String> USUAL = Set.of("", "dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5",
        "chatgpt-image-latest");

    /**
     * What serves a request.
     *
     * @param kind of the job
     * @param classes that it draws, by name; empty where it draws by none
     * @param width pixels of a picture, 0 where the job decides
     * @param height likewise
     * @param keys of how a run is sampled, with those of the parts they have
     */
    record Served(String name, String kind, List<String> classes, int width, int height, List<String> keys) {
        /** The key of that name, such as sampler.steps of steps. */
        Optional<String> key(String called) {
            return keys.stream().filter(key -> key.substring(key.lastIndexOf('.') + 1).equals(called)).findFirst();
        }
    }

    private final Registry registry;

    OpenAiModels(Registry registry) { this.registry = registry; }

    /** The list as such clients read it. Others add to the answer: {@code GET /v1/models} serves clients of both APIs. */
    static ObjectNode list(Registry registry) {
        ObjectNode node = Job.JSON.createObjectNode().put("object", "list");
        ArrayNode data = node.putArray("data");
        registry.all().stream().filter(Registry.Entry::model).forEach(e -> data.add(entry(e)));
        return node;
    }

    /** @throws Refused for an id of none */
    ObjectNode one(String id) { return entry(known(id)); }

    private static ObjectNode entry(Registry.Entry e) {
        return Job.JSON.createObjectNode().put("id", e.name()).put("object", "model").put("created", created(e)).put("owned_by", "palitra");
    }

    /** When it was written, in seconds since 1970; 0 where nobody knows, as of those that come with the program. */
    private static long created(Registry.Entry e) {
        Path place = Path.of(e.place()), config = place.resolve(Run.CONFIG);
        try {
            return e.source() == Registry.Source.INCLUDED ? 0
                : Files.getLastModifiedTime(Files.exists(config) ? config : place).toMillis() / 1000;
        } catch (IOException gone) {
            return 0;
        }
    }

    private List<Registry.Entry> all() { return registry.all().stream().filter(Registry.Entry::model).toList(); }

    private boolean has(String name) { return all().stream().anyMatch(e -> e.name().equals(name)); }

    private Registry.Entry known(String name) {
        return all().stream().filter(e -> e.name().equals(name)).findFirst().orElseThrow(() -> new Refused(404, "model_not_found", "model",
            "there is no model of that name; there are " + String.join(", ", Registry.names(all()))));
    }

    /** What draws from words. @throws Refused for a model that there is not, or that draws no pictures */
    Served drawing(String asked) {
        if (!USUAL.contains(asked) || has(asked)) return served(known(asked));
        if (has(DrawRequest.MODEL)) return served(known(DrawRequest.MODEL));
        throw new Refused(404, "model_not_found", "model", "this build comes with no model; name one of " + String.join(", ",
            Registry.names(all())));
    }

    /** What changes a picture by words. @throws Refused where there is none, or where the one that was asked for does not */
    Served editing(String asked) {
        String needed = "; a public model that paints is needed, such as a folder of Stable Diffusion: palitra serve --models FOLDER";
        if (!USUAL.contains(asked) || has(asked)) {
            Registry.Entry e = known(asked);
            if (paints(e)) return served(e);
            throw new Refused(422, "model_cannot_edit", "model", "'" + asked + "' changes no pictures" + needed);
        }
        return all().stream().filter(OpenAiModels::paints).findFirst().map(OpenAiModels::served)
            .orElseThrow(() -> new Refused(422, "model_cannot_edit", "model", "no model here changes pictures" + needed));
    }

    private static boolean paints(Registry.Entry e) { return e.facts().kind() == ModelFacts.Kind.PAINT; }

    private static Served served(Registry.Entry e) {
        if (paints(e)) return new Served(e.name(), "paint", List.of(), 0, 0, List.of());
        JsonNode about = e.facts().about(), size = about.path("size");
        if (!about.path("draws").asBoolean() || size.size() != 3) {
            throw new Refused(422, "model_draws_nothing", "model", "'" + e.name() + "' draws no pictures");
        }
        List<String> takes = texts(about.path("takes"));
        boolean words = takes.contains("text");
        return new Served(e.name(), words ? "draw" : "sample", takes.contains("label") ? texts(about.path("classes")) : List.of(),
            size.path(2).asInt(), size.path(1).asInt(), about.path("sampling").findValuesAsText("key"));
    }

    private static List<String> texts(JsonNode list) {
        List<String> texts = new ArrayList<>();
        list.forEach(item -> texts.add(item.asText()));
        return texts;
    }
}
