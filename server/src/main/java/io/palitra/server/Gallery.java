package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.palitra.job.DrawRequest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The pictures that ended jobs made: searched, marked, put into the bin. */
final class Gallery implements Routes {
    private static final int PAGE = 200, MOST = 1000, MOST_WORDS = 8;
    /** Kinds of jobs by which a person looks around, a job for each place: their pictures are not kept for show. */
    private static final List<String> LOOKS = List.of("walk", "map");
    private static final String COLUMNS = "n, job, name, kind, prompt, seed, model, created, width, height, favourite, binned";
    private static final Pattern PAINTED = Pattern.compile("paint-(\\d{1,18})\\.png");

    private final History history;
    private final Quota quota;

    Gallery(History history, Quota quota) {
        this.history = history;
        this.quota = quota;
    }

    @Override public void add(RoutesConfig to) {
        to.get("/v1/gallery", ctx -> Reply.json(ctx, page(ctx)));
        to.delete("/v1/gallery/bin", ctx -> Reply.json(ctx, Job.JSON.createObjectNode().put("deleted", emptyBin())));
        to.patch("/v1/gallery/{job}/<name>", this::mark);
    }

    /** What a search compares: lower case, and ё as е. */
    static String folded(String text) { return text.toLowerCase(Locale.ROOT).replace('ё', 'е'); }

    /** Adds the pictures of a job that has ended, unless it only looked at a model. @param own its folder */
    static void add(Connection c, String id, ObjectNode job, Path own) throws SQLException {
        if (LOOKS.contains(job.path("kind").asText())) return;
        List<String> names = new ArrayList<>();
        job.path("files").forEach(f -> names.add(0, f.asText()));   // the newest are shown first, and of one job the first file
        JsonNode asked = job.path("request");
        String prompt = asked.path("prompt").asText(asked.path("texts").asText());
        long seed = asked.path("seed").asLong(asked.path("how").path("seed").asLong());
        String usual = job.path("kind").asText().equals("draw") ? DrawRequest.MODEL : "";
        String model = asked.path("model").asText(asked.path("run").asText(asked.path("vqgan").asText(usual)));
        try (PreparedStatement s = c.prepareStatement("INSERT OR IGNORE INTO pictures (job, name, kind, prompt, folded, seed, model, "
                + "created, width, height) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
            for (String name : names) {
                int[] size = size(own.resolve(name));
                if (size.length == 0) continue;
                Matcher painted = PAINTED.matcher(own.resolve(name).getFileName().toString());
                s.setString(1, id);
                s.setString(2, name);
                s.setString(3, job.path("kind").asText());
                s.setString(4, prompt);
                s.setString(5, folded(prompt));
                s.setLong(6, painted.matches() ? Long.parseLong(painted.group(1)) : seed);
                s.setString(7, model);
                s.setLong(8, job.path("ended").decimalValue().movePointRight(3).longValue());
                s.setInt(9, size[0]);
                s.setInt(10, size[1]);
                s.addBatch();
            }
            boolean one = c.getAutoCommit();
            c.setAutoCommit(false);
            try {
                s.executeBatch();
                c.commit();
            } catch (SQLException e) {
                c.rollback();
                throw e;
            } finally {
                c.setAutoCommit(one);
            }
        }
    }

    /** Width and height of a PNG or GIF by its first bytes; empty for any other file. */
    private static int[] size(Path file) {
        String name = file.toString();
        if (!name.endsWith(".png") && !name.endsWith(".gif") || !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) return new int[0];
        byte[] head;
        try (InputStream in = Files.newInputStream(file)) {
            head = in.readNBytes(24);
        } catch (IOException e) {
            return new int[0];
        }
        ByteBuffer b = ByteBuffer.wrap(head);
        if (head.length == 24 && b.getInt(0) == 0x89504e47) return new int[] {b.getInt(16), b.getInt(20)};
        if (head.length < 10 || head[0] != 'G' || head[1] != 'I') return new int[0];
        b.order(ByteOrder.LITTLE_ENDIAN);
        return new int[] {Short.toUnsignedInt(b.getShort(6)), Short.toUnsignedInt(b.getShort(8))};
    }

    private static boolean flag(Context ctx, String name, String text) {
        if (text.equals("true") || text.equals("false")) return text.equals("true");
        throw new Refused(422, "bad_request", name, name + " must be true or false");
    }

    private ObjectNode page(Context ctx) {
        int limit = Reply.number(ctx, "limit", PAGE, 1, MOST);
        String before = ctx.queryParam("before"), favourite = ctx.queryParam("favourite"), binned = ctx.queryParam("binned");
        if (before != null && !before.matches("\\d{1,18}")) {
            throw new Refused(422, "bad_request", "before", "before must be what an answer had as next");
        }
        String query = ctx.queryParam("query");
        Set<String> words = new LinkedHashSet<>(List.of(folded(query == null ? "" : query).strip().split("\\s+")));
        words.remove("");
        if (words.size() > MOST_WORDS) throw new Refused(422, "bad_request", "query", "query must be at most " + MOST_WORDS + " words");
        StringBuilder where = new StringBuilder(" FROM pictures WHERE binned = ")
            .append(binned != null && !binned.isEmpty() && flag(ctx, "binned", binned) ? 1 : 0);
        if (favourite != null && !favourite.isEmpty()) {
            where.append(" AND favourite = ").append(flag(ctx, "favourite", favourite) ? 1 : 0);
        }
        where.append(" AND instr(folded, ?) > 0".repeat(words.size()));
        long from = before == null ? Long.MAX_VALUE : Long.parseLong(before);
        return history.ask(c -> page(c, where.toString(), words, from, limit));
    }

    private static ObjectNode page(Connection c, String where, Set<String> words, long from, int limit) throws SQLException {
        ObjectNode node = Job.JSON.createObjectNode();
        ArrayNode list = node.putArray("pictures");
        long last = 0;
        boolean more = false;
        try (PreparedStatement s = c.prepareStatement("SELECT " + COLUMNS + where + " AND n < ? ORDER BY n DESC LIMIT ?")) {
            int at = 1;
            for (String word : words) s.setString(at++, word);
            s.setLong(at++, from);
            s.setInt(at, limit + 1);
            try (ResultSet r = s.executeQuery()) {
                while (r.next()) {
                    more = list.size() == limit;
                    if (more) break;
                    list.add(entry(r));
                    last = r.getLong(1);
                }
            }
        }
        if (more) node.put("next", String.valueOf(last));
        try (PreparedStatement s = c.prepareStatement("SELECT count(*)" + where)) {
            int at = 1;
            for (String word : words) s.setString(at++, word);
            try (ResultSet r = s.executeQuery()) { return node.put("total", r.next() ? r.getLong(1) : 0); }
        }
    }

    private static ObjectNode entry(ResultSet r) throws SQLException {
        String job = r.getString(2), name = r.getString(3);
        return Job.JSON.createObjectNode().put("id", job + "/" + name).put("job", job).put("name", name).put("kind", r.getString(4))
            .put("prompt", r.getString(5)).put("seed", r.getLong(6)).put("model", r.getString(7))
            .put("created", Job.seconds(r.getLong(8))).put("width", r.getInt(9)).put("height", r.getInt(10))
            .put("favourite", r.getBoolean(11)).put("binned", r.getBoolean(12));
    }

    private void mark(Context ctx) {
        JsonNode body = Reply.body(ctx);
        List<String> known = List.of("favourite", "binned");
        if (!body.isObject() || body.isEmpty()) {
            throw new Refused(422, "bad_request", "", "the request must have favourite or binned, each true or false");
        }
        for (Map.Entry<String, JsonNode> e : body.properties()) {
            if (!known.contains(e.getKey())) throw new Refused(422, "bad_request", "", "a picture has no such mark; there are " + known);
            if (!e.getValue().isBoolean()) throw new Refused(422, "bad_request", e.getKey(), e.getKey() + " must be true or false");
        }
        String job = ctx.pathParam("job"), name = ctx.pathParam("name");
        Reply.json(ctx, history.ask(c -> {
            for (Map.Entry<String, JsonNode> e : body.properties()) {
                String set = e.getKey().equals("favourite") ? "favourite" : "binned";
                try (PreparedStatement s = c.prepareStatement("UPDATE pictures SET " + set + " = ? WHERE job = ? AND name = ?")) {
                    s.setInt(1, e.getValue().booleanValue() ? 1 : 0);
                    s.setString(2, job);
                    s.setString(3, name);
                    s.executeUpdate();
                }
            }
            try (PreparedStatement s = c.prepareStatement("SELECT " + COLUMNS
                    + " FROM pictures WHERE job = ? AND name = ?")) {
                s.setString(1, job);
                s.setString(2, name);
                try (ResultSet r = s.executeQuery()) {
                    if (r.next()) return entry(r);
                    throw new Refused(404, "no_such_picture", "", "there is no such picture");
                }
            }
        }));
    }

    private int emptyBin() {
        return history.ask(c -> {
            Map<String, Set<String>> binned = new LinkedHashMap<>();
            try (PreparedStatement s = c.prepareStatement("SELECT job, name FROM pictures WHERE binned = 1");
                    ResultSet r = s.executeQuery()) {
                while (r.next()) binned.computeIfAbsent(r.getString(1), j -> new LinkedHashSet<>()).add(r.getString(2));
            }
            int deleted = 0;
            for (Map.Entry<String, Set<String>> e : binned.entrySet()) deleted += e.getValue().size();
            for (Map.Entry<String, Set<String>> e : binned.entrySet()) quota.remove(c, e.getKey(), e.getValue());
            return deleted;
        });
    }
}
