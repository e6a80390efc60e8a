package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.palitra.config.Words;
import io.palitra.job.FamiliesRequest;
import io.palitra.model.Watcher;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What can be asked: the schemas of the jobs, and the families with their keys. */
final class SchemaRoutes implements Routes {
    /** By language. */
    private final Map<String, ObjectNode> schemas = new ConcurrentHashMap<>();
    private final Jobs jobs;

    SchemaRoutes(Jobs jobs) { this.jobs = jobs; }

    @Override public void add(RoutesConfig to) {
        to.get("/v1/schema", this::schema);
        to.get("/v1/families", ctx -> Reply.json(ctx, new FamiliesRequest().run(Watcher.SILENT).toJson()));
    }

    private void schema(Context ctx) {
        String asked = ctx.queryParam("language"), language = asked == null ? "en" : asked;
        if (!language.equals("en") && !Words.LANGUAGES.contains(language)) {
            throw new Refused(422, "bad_request", "language", "language must be en, " + String.join(", ", Words.LANGUAGES));
        }
        Reply.json(ctx, schemas.computeIfAbsent(language, this::all));
    }

    private ObjectNode all(String language) {
        ObjectNode all = Job.JSON.createObjectNode().put("$schema", "https://json-schema.org/draft/2020-12/schema");
        ObjectNode kinds = all.putObject("kinds");
        jobs.served().forEach(kind -> kinds.set(kind, Places.schema(kind, language)));
        return all;
    }
}
