package io.palitra.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Json;
import io.palitra.config.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An alphabet as the public libraries keep it: {@code tokenizer.json}, which Python's tokenizers and transformers' AutoTokenizer open and
 * which gives the same ids there, but for a text that holds the name of the end token; and the folders of public GPT-2 models.
 */
public final class TextTokenizerFile {
    private static final String WHOLE = "tokenizer.json", CONFIG = "tokenizer_config.json";
    private static final String VOCABULARY = "vocab.json", MERGES = "merges.txt";
    private static final int LONGEST = 64 << 20;

    private TextTokenizerFile() {}

    /** Writes {@code tokenizer.json} and {@code tokenizer_config.json} into a folder that is there; the files. */
    public static List<Path> write(Path folder, TextSpec spec) throws IOException {
        List<Path> files = List.of(folder.resolve(WHOLE), folder.resolve(CONFIG));
        Json.write(files.get(0), json(spec.alphabet()));
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.put("tokenizer_class", "PreTrainedTokenizerFast").put("bos_token", Alphabet.END).put("eos_token", Alphabet.END);
        config.put("pad_token", Alphabet.END).put("clean_up_tokenization_spaces", false).put("model_max_length", spec.length());
        Json.write(files.get(1), config);
        return files;
    }

    private static ObjectNode json(Alphabet alphabet) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("version", "1.0").putNull("truncation").putNull("padding");
        json.putArray("added_tokens").addObject().put("id", alphabet.end()).put("content", Alphabet.END).put("single_word", false)
            .put("lstrip", false).put("rstrip", false).put("normalized", false).put("special", true);
        json.putNull("normalizer");
        if (alphabet instanceof Alphabet.Characters) {
            json.putNull("pre_tokenizer").putNull("post_processor").putObject("decoder").put("type", "Fuse");
        } else {
            bytes(json.putObject("pre_tokenizer"), alphabet instanceof Alphabet.Pairs);
            json.putNull("post_processor");
            bytes(json.putObject("decoder"), true);
        }
        ObjectNode model = json.putObject("model").put("type", "BPE").putNull("dropout").putNull("unk_token");
        model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix").put("fuse_unk", false).put("byte_fallback", false);
        model.put("ignore_merges", false);
        ObjectNode vocabulary = model.putObject("vocab");
        tokens(alphabet).forEach(vocabulary::put);
        vocabulary.put(Alphabet.END, alphabet.end());
        ArrayNode merges = model.putArray("merges");
        // as pairs: a text in their place is read, too, but parted at each space
        if (alphabet instanceof Alphabet.Pairs pairs) {
            for (String merge : pairs.merges()) {
                int space = merge.indexOf(' ');
                merges.addArray().add(merge.substring(0, space)).add(merge.substring(space + 1));
            }
        }
        return json;
    }

    private static void bytes(ObjectNode json, boolean words) {
        json.put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", true).put("use_regex", words);
    }

    /** Ids of all tokens but the end, in order. */
    private static Map<String, Integer> tokens(Alphabet alphabet) {
        Map<String, Integer> tokens = new LinkedHashMap<>();
        if (alphabet instanceof Alphabet.Characters c) {
            c.letters().codePoints().forEach(letter -> tokens.put(Character.toString(letter), tokens.size()));
        } else if (alphabet instanceof Alphabet.Pairs pairs) {
            for (int id = 0; id < pairs.end(); id++) tokens.put(pairs.token(id), id);
        } else {
            for (int b = 0; b < 256; b++) tokens.put(String.valueOf(ByteAlphabet.letter(b)), b);
        }
        return tokens;
    }

    /**
     * Reads byte-level byte pairs: {@code tokenizer.json}, else {@code vocab.json} and {@code merges.txt}.
     *
     * @param at a folder, or a tokenizer.json
     * @throws FormatException for what is missing, broken or beyond the limits, and for a tokenizer of other rules or ids than GPT-2's: 256
     *     bytes, the merges, {@value Alphabet#END}
     */
    public static Alphabet.Pairs read(Path at) {
        try {
            Path whole = Files.isDirectory(at) ? at.resolve(WHOLE) : at;
            if (Files.exists(whole)) return whole(whole, Json.read(whole));
            Path vocabulary = at.resolve(VOCABULARY), merges = at.resolve(MERGES);
            if (Files.exists(vocabulary) && Files.exists(merges)) {
                return pairs(vocabulary, Json.read(vocabulary), merges, merges(merges));
            }
            throw new FormatException(at.toString(), -1, "holds no tokenizer: wants " + WHOLE + ", or " + VOCABULARY + " and " + MERGES);
        } catch (ConfigException e) {
            throw FormatException.of(e);
        } catch (IOException e) {
            throw new FormatException(at.toString(), -1, "cannot be read: " + Reason.of(e), e);
        }
    }

    /** As {@link #read} of a tokenizer.json with these bytes. @param file names it in errors */
    static Alphabet.Pairs parse(Path file, byte[] json) {
        try {
            return whole(file, Json.read(file.toString(), json));
        } catch (ConfigException e) {
            throw FormatException.of(e);
        }
    }

    private static Alphabet.Pairs whole(Path file, JsonNode json) {
        JsonNode model = json.path("model"), words = json.path("pre_tokenizer");
        wants(file, "model.type", model.path("type"), "BPE", true);
        wants(file, "model.end_of_word_suffix", model.path("end_of_word_suffix"), "", true);
        wants(file, "model.continuing_subword_prefix", model.path("continuing_subword_prefix"), "", true);
        wants(file, "model.byte_fallback", model.path("byte_fallback"), "false", true);
        wants(file, "normalizer", json.path("normalizer"), "null", true);
        wants(file, "pre_tokenizer.type", words.path("type"), "ByteLevel", false);
        wants(file, "pre_tokenizer.add_prefix_space", words.path("add_prefix_space"), "false", true);
        wants(file, "pre_tokenizer.use_regex", words.path("use_regex"), "true", true);
        Map<String, JsonNode> added = new LinkedHashMap<>();
        for (JsonNode token : json.path("added_tokens")) added.put(token.path("content").asText(), token.path("id"));
        List<String> merges = new ArrayList<>();
        for (JsonNode merge : model.path("merges")) {
            boolean two = merge.isArray() && merge.size() == 2 && merge.get(0).isTextual() && merge.get(1).isTextual();
            if (!two && !merge.isTextual()) {
                throw new FormatException(file.toString(), -1, "merge " + merges.size() + " wants two texts, got " + InWords.json(merge));
            }
            merges.add(two ? merge.get(0).textValue() + " " + merge.get(1).textValue() : merge.textValue());
        }
        if (!(model.path("vocab") instanceof ObjectNode vocabulary)) {
            throw new FormatException(file.toString(), -1, "model.vocab wants an object, got " + InWords.json(model.path("vocab")));
        }
        ObjectNode all = vocabulary.deepCopy();
        for (Map.Entry<String, JsonNode> token : added.entrySet()) {
            JsonNode there = all.get(token.getKey());
            if (!token.getKey().equals(Alphabet.END) || there != null && !there.equals(token.getValue())) {
                throw new FormatException(file.toString(), -1, "the added token '" + shown(token.getKey()) + "' with id "
                    + shown(token.getValue().toString()) + " is none of GPT-2's, which has " + Alphabet.END + " alone");
            }
            all.set(token.getKey(), token.getValue());
        }
        return pairs(file, all, file, merges);
    }

    /** @param missing whether it may be missing, or null, which is the same */
    private static void wants(Path file, String key, JsonNode value, String wanted, boolean missing) {
        if (missing && (value.isMissingNode() || value.isNull()) || !value.isContainerNode() && value.asText().equals(wanted)) return;
        throw new FormatException(file.toString(), -1, key + " wants " + (wanted.isEmpty() ? "nothing" : wanted) + ", as GPT-2 has it, got "
            + InWords.json(value));
    }

    private static String shown(String text) {
        return text.substring(0, Math.min(40, text.length())).replaceAll("[\\p{Cntrl}\\u2028\\u2029\\x{85}]", "?");
    }

    private static List<String> merges(Path file) throws IOException {
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file)) { bytes = in.readNBytes(LONGEST + 1); }
        if (bytes.length > LONGEST) throw new FormatException(file.toString(), -1, "longer than " + LONGEST + " bytes");
        List<String> merges = new ArrayList<>(new String(bytes, StandardCharsets.UTF_8).lines().toList());
        // only the first: "# #" is a merge
        if (!merges.isEmpty() && merges.get(0).startsWith("#version")) merges.remove(0);
        merges.removeIf(String::isEmpty);
        return merges;
    }

    /** The ids must be those that follow from the merges. */
    private static Alphabet.Pairs pairs(Path file, JsonNode vocabulary, Path mergesFile, List<String> merges) {
        Alphabet.Pairs pairs;
        try {
            pairs = new Alphabet.Pairs(merges);
        } catch (ArgumentException e) {
            throw new FormatException(mergesFile.toString(), -1, String.valueOf(e.getMessage()), e);
        }
        if (!vocabulary.isObject()) throw new FormatException(file.toString(), -1, "wants an object, got " + InWords.json(vocabulary));
        for (int id = 0; id <= pairs.end(); id++) {
            String token = id == pairs.end() ? Alphabet.END : pairs.token(id);
            JsonNode seen = vocabulary.path(token);
            if (!seen.isInt() || seen.intValue() != id) {
                throw new FormatException(file.toString(), -1, "the id of '" + shown(token) + "' is "
                    + (seen.isMissingNode() ? "missing" : shown(seen.toString())) + ", in GPT-2's order it is " + id);
            }
        }
        if (vocabulary.size() != pairs.size()) {
            throw new FormatException(file.toString(), -1, "has " + vocabulary.size() + " tokens, of which " + pairs.size()
                + " follow from the bytes, the merges and the end");
        }
        return pairs;
    }
}
