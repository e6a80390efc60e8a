package io.palitra.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.function.Predicate;

/** The models and files that jobs may name. */
final class ModelRoutes implements Routes {
    private final Registry registry;
    private final Predicate<String> loaded;

    /** @param loaded whether the model of a name is in memory */
    ModelRoutes(Registry registry, Predicate<String> loaded) {
        this.registry = registry;
        this.loaded = loaded;
    }

    @Override public void add(RoutesConfig to) {
        to.get("/v1/models", this::models);
        to.get("/v1/files", this::files);
    }

    private void models(Context ctx) {
        ObjectNode node = OpenAiModels.list(registry);
        ArrayNode all = node.putArray("models");
        registry.all().stream().filter(Registry.Entry::model)
            .forEach(e -> all.add(Registry.toJson(e).deepCopy().put("loaded", loaded.test(e.name()))));
        Answers.said(all, Language.words(ctx));
        Reply.json(ctx, node);
    }

    private void files(Context ctx) {
        ObjectNode node = Job.JSON.createObjectNode();
        ArrayNode all = node.putArray("files");
        registry.all().stream().filter(Registry.Entry::file)
            .forEach(e -> all.addObject().put("name", e.name()).put("bytes", e.facts().bytes()));
        Reply.json(ctx, node);
    }
}
