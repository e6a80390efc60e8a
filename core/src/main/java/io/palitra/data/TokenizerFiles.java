package io.palitra.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Json;
import io.palitra.config.Ordered;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The files of a CLIP tokenizer in a folder: {@code vocab.json} and {@code merges.txt}, or {@code tokenizer.json}; and where they are,
 * {@code tokenizer_config.json}, {@code special_tokens_map.json} and {@code added_tokens.json}, which names words that were learned later.
 *
 * @param vocabulary ids by text
 * @param merges pairs of texts in the order in which they merge
 * @param added texts that are one token, wherever they stand: special ones and learned words
 * @param roles texts of the tokens that start, end and fill up a window, and of what is unknown
 * @param positions of a window
 */
record TokenizerFiles(Map<String, Integer> vocabulary, List<Pair> merges, Map<String, Added> added, Map<String, String> roles,
        int positions) {
    record Pair(String left, String right) {}

    /**
     * How a text is looked for. That one takes the spaces beside it, as others may, shows in no id: words have none.
     *
     * @param normalized in the composed lower-case text, otherwise in the text as it came
     * @param alone not as a part of a longer word
     * @param special of no word: left out where tokens become a text
     */
    record Added(boolean normalized, boolean alone, boolean special) {}

    static final String WORD_END = "</w>";
    private static final String START = "<|startoftext|>", END = "<|endoftext|>";
    private static final int LONGEST_FILE = 64 << 20, LONGEST_ADDED = 1024;
    private static final int MOST_TOKENS = 1 << 22;
    private static final int USUAL_POSITIONS = 77, MOST_POSITIONS = 1 << 16;

    /** @param pad fills up windows, null = the one of the files. @throws FormatException if one is missing, broken, or beyond the limits */
    static TokenizerFiles read(Path folder, @Nullable String pad) {
        try {
            return new Reader(folder, pad).read();
        } catch (ConfigException e) {
            throw new FormatException(folder.toString(), -1, String.valueOf(e.getMessage()), e);
        } catch (IOException e) {
            throw new FormatException(folder.toString(), -1, e instanceof java.nio.file.AccessDeniedException
                ? "permission to read it is denied" : "cannot be read: " + e.getMessage(), e);
        }
    }

    private static final class Reader {
        private final Path folder;
        private final @Nullable String pad;
        private final Map<String, Integer> vocabulary = new LinkedHashMap<>();
        private final List<Pair> merges = new ArrayList<>();
        private final Map<String, Added> added = new LinkedHashMap<>();
        private final Map<String, String> roles = new TreeMap<>(Ordered.map(Map.entry("bos_token", START), Map.entry("eos_token", END),
            Map.entry("pad_token", END), Map.entry("unk_token", END)));

        Reader(Path folder, @Nullable String pad) {
            this.folder = folder;
            this.pad = pad;
        }

        TokenizerFiles read() throws IOException {
            JsonNode config = optional("tokenizer_config.json");
            JsonNode decoder = config.path("added_tokens_decoder");
            decoder.fields().forEachRemaining(e -> added(e.getValue(), e.getKey()));
            boolean two = Files.exists(folder.resolve("vocab.json")) && Files.exists(folder.resolve("merges.txt"));
            if (two) {
                vocabulary("vocab.json", Json.read(folder.resolve("vocab.json")));
                mergesFile(folder.resolve("merges.txt"));
            } else if (Files.exists(folder.resolve("tokenizer.json"))) {
                whole(Json.read(folder.resolve("tokenizer.json")));
            } else {
                throw new FormatException(folder.toString(), -1, "holds no tokenizer: wants vocab.json and merges.txt, or tokenizer.json");
            }
            roles(config);
            if (decoder.isMissingNode()) {   // as in the public library: newer configurations hold all added tokens
                roles(optional("special_tokens_map.json"));
                learned(optional("added_tokens.json"));
                JsonNode beside = two ? optional("tokenizer.json") : JsonNodeFactory.instance.objectNode();
                for (JsonNode token : beside.path("added_tokens")) added(token, token.path("id").asText());
            }
            if (pad != null) roles.put("pad_token", pad);
            roles.values().forEach(text -> added.putIfAbsent(text, new Added(false, false, true)));
            for (String text : added.keySet()) {
                if (!vocabulary.containsKey(text)) throw wrong("special token '" + shown(text) + "' is not in the vocabulary");
            }
            return new TokenizerFiles(vocabulary, merges, added, roles, positions(config.path("model_max_length")));
        }

        private JsonNode optional(String name) throws IOException {
            Path file = folder.resolve(name);
            return Files.exists(file) ? Json.read(file) : JsonNodeFactory.instance.objectNode();
        }

        private FormatException wrong(String message) { return new FormatException(folder.toString(), -1, message); }

        private static String shown(String text) {
            return text.substring(0, Math.min(40, text.length())).replaceAll("\\p{Cntrl}", "?");
        }

        private void vocabulary(String file, JsonNode json) {
            if (!json.isObject()) throw wrong(file + ": the vocabulary wants an object, got " + InWords.json(json));
            json.fields().forEachRemaining(e -> token(file, e.getKey(), e.getValue()));
        }

        private void token(String file, String text, JsonNode id) {
            if (!id.isInt() || id.intValue() < 0 || id.intValue() >= MOST_TOKENS) {
                throw wrong(file + ": illegal id of '" + shown(text) + "': " + shown(id.toString()) + ", must be 0 to "
                    + (MOST_TOKENS - 1));
            }
            Integer before = vocabulary.putIfAbsent(text, id.intValue());
            if (before != null && before != id.intValue()) {
                throw wrong(file + ": '" + shown(text) + "' has ids " + before + " and " + id.intValue());
            }
        }

        /** A line is two texts and a space between; the first line may be a version instead. */
        private void mergesFile(Path file) throws IOException {
            byte[] bytes;
            try (InputStream in = Files.newInputStream(file)) { bytes = in.readNBytes(LONGEST_FILE + 1); }
            if (bytes.length > LONGEST_FILE) throw wrong("merges.txt is longer than " + LONGEST_FILE + " bytes");
            List<String> lines = new String(bytes, StandardCharsets.UTF_8).lines().toList();
            for (int i = 0; i < lines.size(); i++) {
                String line = lines.get(i);
                if (!line.isEmpty() && !line.startsWith("#version")) merge("merges.txt line " + (i + 1), line);
            }
        }

        private void merge(String where, String line) {
            int space = line.indexOf(' ');
            if (space < 1 || space == line.length() - 1 || line.indexOf(' ', space + 1) >= 0) {
                throw wrong(where + ": wants two texts with a space between, got '" + shown(line) + "'");
            }
            merge(where, line.substring(0, space), line.substring(space + 1));
        }

        private void merge(String where, String left, String right) {
            for (String text : List.of(left, right, left + right)) {
                if (!vocabulary.containsKey(text)) throw wrong(where + ": '" + shown(text) + "' is not in the vocabulary");
            }
            merges.add(new Pair(left, right));
        }

        /** tokenizer.json: the same in one file, with other tokenizers' rules possible. */
        private void whole(JsonNode json) {
            JsonNode model = json.path("model");
            if (!model.path("type").asText("BPE").equals("BPE") || !model.path("end_of_word_suffix").asText().equals(WORD_END)) {
                throw wrong("tokenizer.json: model wants type BPE and end_of_word_suffix " + WORD_END + ", got "
                    + shown(model.path("type").asText("none")) + " and '" + shown(model.path("end_of_word_suffix").asText()) + "'");
            }
            vocabulary("tokenizer.json", model.path("vocab"));
            for (JsonNode token : json.path("added_tokens")) added(token, token.path("id").asText());
            int i = 0;
            for (JsonNode merge : model.path("merges")) {
                String where = "tokenizer.json merge " + i++;
                if (merge.isTextual()) merge(where, merge.textValue());
                else merge(where, merge.path(0).asText(), merge.path(1).asText());
            }
            JsonNode pad = json.path("padding").path("pad_token");
            if (pad.isTextual()) roles.put("pad_token", pad.textValue());
        }

        private void added(JsonNode token, String id) {
            String text = added(token, false);
            if (!id.matches("\\d{1,9}")) throw wrong("added token '" + shown(text) + "' has id '" + shown(id) + "', must be a number");
            token("added tokens", text, JsonNodeFactory.instance.numberNode(Integer.parseInt(id)));
        }

        /** Words and their ids; those that have a role are special and others, as the library has it, found in whatever case. */
        private void learned(JsonNode ids) {
            if (!ids.isObject()) throw wrong("added_tokens.json wants an object, got " + InWords.json(ids));
            for (Map.Entry<String, JsonNode> e : ids.properties()) {
                boolean special = roles.containsValue(e.getKey());
                checked(e.getKey());
                added.putIfAbsent(e.getKey(), new Added(!special, false, special));
                token("added_tokens.json", e.getKey(), e.getValue());
            }
        }

        private void checked(String text) {
            if (text.isEmpty() || text.length() > LONGEST_ADDED) {
                throw wrong("an added token of " + text.length() + " letters, '" + shown(text) + "', allowed are 1 to " + LONGEST_ADDED);
            }
        }

        /** A text, or an object with one. @param role whether it stands for one, which makes it special */
        private String added(JsonNode token, boolean role) {
            JsonNode text = token.isObject() ? token.path("content") : token;
            if (!text.isTextual()) throw wrong("an added token wants a text, got " + shown(token.toString()));
            checked(text.textValue());
            boolean special = role || token.path("special").asBoolean();
            added.putIfAbsent(text.textValue(), new Added(token.path("normalized").asBoolean(!special && token.isObject()),
                token.path("single_word").asBoolean(), special));
            return text.textValue();
        }

        private void roles(JsonNode json) {
            for (String role : List.copyOf(roles.keySet())) {
                JsonNode token = json.path(role);
                if (!token.isMissingNode() && !token.isNull()) roles.put(role, added(token, true));
            }
            json.path("additional_special_tokens").forEach(token -> added(token, true));
        }

        /** A file without a limit has a huge number in its place. */
        private int positions(JsonNode length) {
            if (length.isMissingNode() || length.isNull() || length.isNumber() && length.doubleValue() > MOST_POSITIONS) {
                return USUAL_POSITIONS;
            }
            if (length.isInt() && length.intValue() >= 3) return length.intValue();
            throw wrong("illegal model_max_length: " + shown(length.toString()) + ", must be at least 3");
        }
    }
}
