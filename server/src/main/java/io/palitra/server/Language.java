package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.javalin.http.Context;
import io.palitra.config.Words;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The language in which a person is told what a server says: language= of the query, else the first of Accept-Language that it has. */
final class Language {
    private static final String ENGLISH = "en";
    /** By language; read when somebody asks. */
    private static final Map<String, Words> WORDS = new ConcurrentHashMap<>();

    private Language() {}

    /** @throws Refused for one in the query that there is not */
    static String of(Context ctx) {
        String asked = ctx.queryParam("language");
        if (asked == null) return accepted(ctx.header("Accept-Language"));
        if (has(asked)) return asked;
        throw new Refused(422, "bad_request", "language", "language must be en, " + String.join(", ", Words.LANGUAGES));
    }

    private static boolean has(String language) { return language.equals(ENGLISH) || Words.LANGUAGES.contains(language); }

    /** The one that is wanted most of those that there are; English where none is. @param header null where there is none */
    static String accepted(@Nullable String header) {
        String best = ENGLISH;
        double most = 0;
        for (String range : header == null ? new String[0] : header.toLowerCase(Locale.ROOT).split(",", 50)) {
            String[] parts = range.strip().split("\\s*;\\s*q\\s*=\\s*", 2);
            String name = parts[0].split("-", 2)[0];
            double weight = parts.length == 1 ? 1 : parts[1].matches("[01](\\.\\d{0,3})?") ? Double.parseDouble(parts[1]) : 0;
            if (!has(name) || weight <= most) continue;
            best = name;
            most = weight;
        }
        return best;
    }

    /** Of the language that is wanted. */
    static Words words(Context ctx) { return WORDS.computeIfAbsent(of(ctx), Words::in); }

    /** The same for what is told of a fault, also of that the language itself is none. */
    static Fault said(Context ctx, Fault fault) {
        try {
            return new Fault(fault.http(), fault.code(), fault.field(), words(ctx).say(fault.message()));
        } catch (Refused e) {
            return fault;
        }
    }

    /** A job as callers see it, or what an event tells of one, in these words: its fault, its notes and what was measured. */
    static ObjectNode said(ObjectNode told, Words words) {
        if (words == Words.ENGLISH) return told;
        ObjectNode job = told.deepCopy();
        if (job.path("error") instanceof ObjectNode error) say(error, "message", words);
        if (!job.has("kind")) say(job, "line", words);   // of an event
        if (job.path("notes") instanceof ArrayNode notes) {
            for (int i = 0; i < notes.size(); i++) notes.set(i, TextNode.valueOf(words.say(notes.get(i).asText())));
        }
        Answers.said(job.path("result"), words);
        return job;
    }

    private static void say(ObjectNode node, String key, Words words) {
        JsonNode text = node.get(key);
        if (text != null && text.isTextual()) node.put(key, words.say(text.textValue()));
    }
}
