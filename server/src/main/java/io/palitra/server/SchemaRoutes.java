package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.palitra.job.FamiliesRequest;
import io.palitra.model.Watcher;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What can be asked: all of it as OpenAPI has it, the schemas of the jobs, and the families with their keys. */
final class SchemaRoutes implements Routes {
    /** By language. */
    private final Map<String, ObjectNode> schemas = new ConcurrentHashMap<>();
    private final Map<String, JsonNode> families = new ConcurrentHashMap<>();
    private final Jobs jobs;
    private final String description = StudioRoutes.text("openapi.yaml");

    SchemaRoutes(Jobs jobs) { this.jobs = jobs; }

    @Override public void add(RoutesConfig to) {
        to.get("/openapi.yaml", ctx -> ctx.contentType("application/yaml").result(description));
        to.get("/v1/schema", this::schema);
        to.get("/v1/families", ctx -> Reply.json(ctx, families.computeIfAbsent(Language.of(ctx), language ->
            Answers.said(new FamiliesRequest().run(Watcher.SILENT).toJson(), Language.words(ctx)))));
    }

    private void schema(Context ctx) { Reply.json(ctx, schemas.computeIfAbsent(Language.of(ctx), this::all)); }

    private ObjectNode all(String language) {
        ObjectNode all = Job.JSON.createObjectNode().put("$schema", "https://json-schema.org/draft/2020-12/schema");
        ObjectNode kinds = all.putObject("kinds");
        jobs.served().forEach(kind -> kinds.set(kind, Places.schema(kind, language)));
        return all;
    }
}
