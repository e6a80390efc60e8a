package io.palitra.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Files of a byte-level tokenizer as GPT-2's makers and Hugging Face's libraries write them: {@code vocab.json} and {@code merges.txt}, or
 * {@code tokenizer.json}.
 */
public final class PairsFiles {
    private static final int LONGEST = 64 << 20;
    private static final String WHOLE = "tokenizer.json", VOCABULARY = "vocab.json", MERGES = "merges.txt";

    private PairsFiles() {}

    /** Whether a folder holds one. */
    public static boolean is(Path folder) {
        return Files.exists(folder.resolve(WHOLE)) || Files.exists(folder.resolve(VOCABULARY)) && Files.exists(folder.resolve(MERGES));
    }

    /** @throws FormatException for files that are broken, or whose ids are others than those of GPT-2's rules */
    public static Alphabet.Pairs read(Path folder) {
        try {
            boolean two = Files.exists(folder.resolve(VOCABULARY)) && Files.exists(folder.resolve(MERGES));
            JsonNode vocabulary;
            List<String> merges = new ArrayList<>();
            if (two) {
                vocabulary = Json.read(folder.resolve(VOCABULARY));
                text(folder.resolve(MERGES)).lines().filter(l -> !l.isEmpty() && !l.startsWith("#version")).forEach(merges::add);
            } else {
                JsonNode json = Json.read(folder.resolve(WHOLE)), model = json.path("model");
                if (!model.path("type").asText("BPE").equals("BPE") || !json.path("pre_tokenizer").path("type").asText().equals("ByteLevel")) {
                    throw wrong(folder, "tokenizer.json: wanted is a model of type BPE over bytes (pre_tokenizer ByteLevel)");
                }
                vocabulary = model.path("vocab").deepCopy();
                for (JsonNode m : model.path("merges")) {
                    merges.add(m.isArray() ? m.path(0).asText() + " " + m.path(1).asText() : m.asText());
                }
                if (vocabulary instanceof ObjectNode all) {
                    for (JsonNode t : json.path("added_tokens")) all.putIfAbsent(t.path("content").asText(), t.path("id"));
                }
            }
            return checked(folder, new Alphabet.Pairs(merges), vocabulary);
        } catch (ArgumentException e) {
            throw new FormatException(folder.toString(), -1, String.valueOf(e.getMessage()), e);
        } catch (IOException e) {
            throw new FormatException(folder.toString(), -1, "cannot be read: " + e.getMessage(), e);
        }
    }

    private static String text(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(LONGEST + 1);
            if (bytes.length > LONGEST) throw wrong(file, "is longer than " + LONGEST + " bytes");
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    private static Alphabet.Pairs checked(Path folder, Alphabet.Pairs pairs, JsonNode vocabulary) {
        if (vocabulary.size() != pairs.size()) {
            throw wrong(folder, "its vocabulary has " + vocabulary.size() + " tokens, wanted are " + pairs.size() + ": 256 bytes, "
                + pairs.merges().size() + " merges and " + Alphabet.END);
        }
        for (int id = 0; id < pairs.size(); id++) {
            String token = id == pairs.end() ? Alphabet.END : pairs.token(id);
            if (vocabulary.path(token).asInt(-1) != id) {
                throw wrong(folder, "the id of '" + token + "' is " + vocabulary.path(token) + ", by GPT-2's rules it is " + id);
            }
        }
        return pairs;
    }

    private static FormatException wrong(Path where, String what) { return new FormatException(where.toString(), -1, what); }

    /** Writes {@code tokenizer.json} into a folder, as Python's tokenizers read it. */
    public static Path write(Path folder, Alphabet.Pairs pairs) throws IOException {
        JsonNodeFactory f = JsonNodeFactory.instance;
        ObjectNode json = f.objectNode().put("version", "1.0");
        json.putNull("truncation").putNull("padding");
        json.putArray("added_tokens").addObject().put("id", pairs.end()).put("content", Alphabet.END).put("single_word", false)
            .put("lstrip", false).put("rstrip", false).put("normalized", false).put("special", true);
        json.putNull("normalizer");
        for (String part : List.of("pre_tokenizer", "post_processor", "decoder")) {
            json.putObject(part).put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", part.equals("pre_tokenizer"))
                .put("use_regex", true);
        }
        ObjectNode model = json.putObject("model").put("type", "BPE").putNull("dropout").putNull("unk_token")
            .put("continuing_subword_prefix", "").put("end_of_word_suffix", "").put("fuse_unk", false).put("byte_fallback", false);
        ObjectNode vocabulary = model.putObject("vocab");
        for (int id = 0; id < pairs.end(); id++) vocabulary.put(pairs.token(id), id);
        vocabulary.put(Alphabet.END, pairs.end());
        pairs.merges().forEach(model.putArray("merges")::add);
        Path file = folder.resolve(WHOLE);
        Json.write(file, json);
        return file;
    }
}
