package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.ByteAlphabet;
import io.palitra.data.BytePairs;
import io.palitra.data.FormatException;
import io.palitra.data.SplitMix;
import io.palitra.data.WordSplitter;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Module;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Tokens of captions in any language: the bytes of a cleaned text, merged in pairs word by word; Sennrich et al. 2016,
 * arXiv:1508.07909, over bytes as in Radford et al. 2019. The pairs are a buffer [M,2] that is learnt from captions, so that the checkpoint
 * of a model holds its own tokenizer. Of M pairs there are the tokens 0 to 255, which are bytes; 256 to 255 + M, the wholes of the pairs in
 * order; 256 + M, padding; 257 + M, which begins a text; and 258 + M, which ends it and is the largest. Where captions held fewer pairs
 * the last rows are -1 and their tokens never come.
 */
public final class CaptionTokenizer extends Module {
    private static final String PAD = "<|pad|>", BEGIN = "<|begin|>", END = "<|end|>";
    private static final int MOST = 1 << 20;
    /** Words whose tokens are remembered, and the longest of them. */
    private static final int REMEMBERED = 1 << 16, SHORT = 64;
    /** Bytes for the words of the captions that were learnt from. */
    private static final int LIST = 1 << 14;
    private static final char YO = '\u0451', YE = '\u0435';

    private final int most;
    private final Tensor pairs;   // I64 [M,2]
    private final Tensor words;   // U8 [16384]: words of captions, the most frequent first, one a line; only zeros where they were more
    private volatile @Nullable Table table;

    /** No pairs yet: every byte is a token of its own. */
    public CaptionTokenizer(int most) {
        if (most < 0 || most > MOST) throw new ArgumentException("illegal pairs: " + most + ", must be 0 to " + MOST);
        this.most = most;
        pairs = buffer("pairs", Torch.full(-1, most, 2).to(DType.I64));
        words = buffer("words", Torch.zeros(DType.U8, LIST));
    }

    /** The pairs of the buffer, ready for use. */
    private static final class Table {
        private final long[] rows;
        private final List<byte[]> bytes = new ArrayList<>();   // by token, without the special ones
        private final BytePairs merges = new BytePairs();
        private final Map<String, int[]> words = new ConcurrentHashMap<>();
        private final Map<String, String> dotted = new LinkedHashMap<>();   // words with yo, by themselves with e

        Table(long[] rows, List<String> known) {
            this.rows = rows;
            for (String word : known) if (word.indexOf(YO) >= 0) dotted.put(word.replace(YO, YE), word);
            known.forEach(dotted::remove);   // a word of its own
            for (int b = 0; b < 256; b++) bytes.add(new byte[] {(byte) b});
            for (int k = 0; k < rows.length && rows[k] >= 0; k += 2) {
                int next = bytes.size();
                if (rows[k] >= next || rows[k + 1] < 0 || rows[k + 1] >= next) {
                    throw new ArgumentException("pair " + k / 2 + " of the tokenizer is of tokens " + rows[k] + " and " + rows[k + 1]
                        + ", must be 0 to " + (next - 1));
                }
                int left = (int) rows[k], right = (int) rows[k + 1];
                merges.add(left, right, next);
                byte[] whole = Arrays.copyOf(bytes.get(left), bytes.get(left).length + bytes.get(right).length);
                System.arraycopy(bytes.get(right), 0, whole, bytes.get(left).length, bytes.get(right).length);
                bytes.add(whole);
            }
        }

        int[] word(String spelt) {
            String word = dotted(spelt);
            int[] known = words.get(word);
            if (known != null) return known;
            int[] tokens = bytes(word), merged = Arrays.copyOf(tokens, merges.merge(tokens, tokens.length));
            if (word.length() <= SHORT && words.size() < REMEMBERED) words.put(word, merged);
            return merged;
        }

        int[] word(String word, double drop, SplitMix noise) {
            if (word.length() > SHORT) return word(word);
            int[] tokens = bytes(word);
            return Arrays.copyOf(tokens, merges.merge(tokens, tokens.length, drop, noise));
        }

        /** A word, with the space before it if there is one, as the captions write it. */
        private String dotted(String word) {
            String bare = word.strip(), written = dotted.get(bare);
            return written == null ? word : word.substring(0, word.length() - bare.length()) + written;
        }

        private static int[] bytes(String word) {
            byte[] from = word.getBytes(StandardCharsets.UTF_8);
            int[] tokens = new int[from.length];
            for (int i = 0; i < tokens.length; i++) tokens[i] = from[i] & 255;
            return tokens;
        }
    }

    /** Of the buffer as it is now: a checkpoint may have been loaded into it. Waits for the device. */
    private Table table() {
        long[] rows = pairs.longs();
        Table t = table;
        if (t == null || !Arrays.equals(t.rows, rows)) {
            t = new Table(rows, words());
            table = t;
        }
        return t;
    }

    /** Number of ids, V = M + 259. */
    public int vocabulary() { return 256 + most + 3; }

    public int pad() { return 256 + most; }

    public int begin() { return 257 + most; }

    public int end() { return 258 + most; }

    /** Pairs there are, at most M. */
    public int learnt() { return table().bytes.size() - 256; }

    /** Learns the pairs from captions, in place of those it had. A function of how often each word occurs in them. */
    public void learn(Iterable<String> captions) {
        Map<String, Long> counts = new LinkedHashMap<>();
        for (String caption : captions) for (String word : WordSplitter.of(caption)) counts.merge(word, 1L, Long::sum);
        if (counts.isEmpty()) throw new ArgumentException("no captions to learn a vocabulary from");
        long[] rows = new long[2 * most];
        Arrays.fill(rows, -1);
        List<int[]> learnt = BytePairs.learn(counts, most);
        for (int k = 0; k < learnt.size(); k++) {
            rows[2 * k] = learnt.get(k)[0];
            rows[2 * k + 1] = learnt.get(k)[1];
        }
        fill(rows);
        list(counts);
    }

    private void list(Map<String, Long> counts) {
        Map<String, Long> spelt = new TreeMap<>();   // without the space that a word may have before it
        counts.forEach((word, n) -> {
            if (Character.isLetter(word.strip().codePointAt(0))) spelt.merge(word.strip(), n, Long::sum);
        });
        byte[] all = spelt.entrySet().stream().sorted(Map.Entry.<String, Long>comparingByValue().reversed()).map(Map.Entry::getKey)
            .collect(Collectors.joining("\n")).getBytes(StandardCharsets.UTF_8);
        try (Scope scope = new Scope()) {
            words.copyFrom(Torch.of(all.length > LIST ? new byte[LIST] : Arrays.copyOf(all, LIST), LIST));
        }
    }

    /**
     * The words of the captions that were learnt from, the most frequent first; empty where they were too many to be kept, 16 KiB, and of
     * a tokenizer that was read from {@code tokenizer.json}. Waits for the device.
     */
    public List<String> words() {
        String all = new String(words.bytes(), StandardCharsets.UTF_8).replaceFirst("\u0000+$", "");
        return all.isEmpty() ? List.of() : List.of(all.split("\n"));
    }

    /** Takes {@link #words}, for which {@code tokenizer.json} has no place, from the buffer of a checkpoint, U8 [16384]. */
    public void knows(Tensor checkpoint) {
        words.copyFrom(checkpoint);
        table = null;
    }

    /**
     * The words of a text that stand in none of the captions that were learnt from, as far as {@link #words} are known. A word written
     * with the Russian letter e for yo is the word with yo, where the captions have only that one; {@link #tokens} reads it so, too.
     */
    public List<String> unknown(String text) {
        Set<String> known = new LinkedHashSet<>(words());
        if (known.isEmpty()) return List.of();
        Map<String, String> dotted = table().dotted;
        return WordSplitter.of(text).stream().map(String::strip)
            .filter(w -> Character.isLetter(w.codePointAt(0)) && !known.contains(w) && !dotted.containsKey(w)).distinct().toList();
    }

    private void fill(long[] rows) {
        try (Scope scope = new Scope()) { pairs.copyFrom(Torch.of(rows, most, 2)); }
    }

    /** Tokens of a whole text, without those that begin and end it. What looks like a special token is text, too. */
    public int[] tokens(String text) { return tokens(text, table()::word); }

    private static int[] tokens(String text, Function<String, int[]> tokens) {
        int[] all = new int[32];
        int n = 0;
        for (String word : WordSplitter.of(text)) {
            int[] more = tokens.apply(word);
            if (n + more.length > all.length) all = Arrays.copyOf(all, 2 * (n + more.length));
            System.arraycopy(more, 0, all, n, more.length);
            n += more.length;
        }
        return Arrays.copyOf(all, n);
    }

    /** The length at which {@link #ids} cuts nothing off a text. */
    public int length(String text) { return tokens(text).length + 2; }

    /**
     * A row for each text: the beginning, its tokens, the end, padding. Of a text that is longer only the first {@code length} - 2 tokens
     * are taken. I64 [B,length].
     */
    public Tensor ids(List<String> texts, int length) {
        Table table = table();
        return rows(texts.stream().map(t -> tokens(t, table::word)).toList(), length);
    }

    /**
     * As {@link #ids(List, int)}, for training: at random some pairs of a word do not merge, so that the network also learns parts of
     * words that otherwise are one token. A text that this would make too long is tokenised as usual. Row b draws from item b of rng.
     * Provilkov et al. 2020, arXiv:1910.13267.
     *
     * @param drop probability that a pair does not merge
     */
    public Tensor ids(List<String> texts, int length, double drop, Rng rng) {
        if (drop == 0) return ids(texts, length);
        Table table = table();
        long[] seeds;
        try (Scope scope = new Scope()) { seeds = rng.integers(1L << 32, texts.size()).longs(); }
        List<int[]> rows = new ArrayList<>();
        for (int b = 0; b < seeds.length; b++) {
            SplitMix noise = new SplitMix(seeds[b]);
            int[] parts = tokens(texts.get(b), word -> table.word(word, drop, noise));
            rows.add(parts.length <= length - 2 ? parts : tokens(texts.get(b), table::word));
        }
        return rows(rows, length);
    }

    private Tensor rows(List<int[]> rows, int length) {
        if (length < 2) throw new ArgumentException("illegal length: " + length + ", must be at least 2");
        long[] ids = new long[Math.multiplyExact(rows.size(), length)];
        Arrays.fill(ids, pad());
        for (int b = 0; b < rows.size(); b++) {
            int[] tokens = rows.get(b);
            int n = Math.min(tokens.length, length - 2), at = b * length;
            ids[at] = begin();
            for (int i = 0; i < n; i++) ids[at + 1 + i] = tokens[i];
            ids[at + n + 1] = end();
        }
        return Torch.of(ids, rows.size(), length).to(pairs.device());
    }

    /** Tokens back to their cleaned text; special ones are left out. @throws IllegalArgumentException for an id that is no token */
    public String text(long... ids) {
        Table table = table();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (long id : ids) {
            if (id >= pad() && id <= end()) continue;
            if (id < 0 || id >= table.bytes.size()) {
                throw new ArgumentException("there is no token " + id + ", known are 0 to " + (table.bytes.size() - 1) + " and "
                    + pad() + " to " + end());
            }
            out.writeBytes(table.bytes.get((int) id));
        }
        String text = out.toString(StandardCharsets.UTF_8);
        return text.startsWith(" ") ? text.substring(1) : text;
    }

    /**
     * Writes {@code tokenizer.json} and {@code tokenizer_config.json}, which transformers' AutoTokenizer reads: the same ids there, but for
     * a text that holds the name of a special token.
     *
     * @return the files
     */
    public List<Path> save(Path folder) throws IOException {
        List<Path> files = List.of(folder.resolve("tokenizer.json"), folder.resolve("tokenizer_config.json"));
        Json.write(files.get(0), json());
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.put("tokenizer_class", "PreTrainedTokenizerFast").put("pad_token", PAD).put("bos_token", BEGIN).put("eos_token", END);
        config.put("clean_up_tokenization_spaces", false);
        Json.write(files.get(1), config);
        return files;
    }

    private ObjectNode json() {
        Table table = table();
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("version", "1.0").putNull("truncation").putNull("padding");
        ArrayNode added = json.putArray("added_tokens");
        for (String special : List.of(PAD, BEGIN, END)) {
            added.addObject().put("id", special(special)).put("content", special).put("single_word", false).put("lstrip", false)
                .put("rstrip", false).put("normalized", false).put("special", true);
        }
        ArrayNode clean = json.putObject("normalizer").put("type", "Sequence").putArray("normalizers");
        clean.addObject().put("type", "NFC");
        clean.addObject().put("type", "Lowercase");
        clean.addObject().put("type", "Replace").put("content", " ").putObject("pattern").put("Regex", "\\s+");
        clean.addObject().put("type", "Strip").put("strip_left", true).put("strip_right", true);
        bytes(json.putObject("pre_tokenizer"));
        template(json.putObject("post_processor"));
        ArrayNode decoders = json.putObject("decoder").put("type", "Sequence").putArray("decoders");
        bytes(decoders.addObject());
        decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
        ObjectNode model = json.putObject("model").put("type", "BPE").putNull("dropout").putNull("unk_token");
        model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix").put("fuse_unk", false).put("byte_fallback", false);
        model.put("ignore_merges", false);
        ObjectNode vocabulary = model.putObject("vocab");
        for (int k = 0; k < table.bytes.size(); k++) vocabulary.put(ByteAlphabet.of(table.bytes.get(k)), k);
        for (String special : List.of(PAD, BEGIN, END)) vocabulary.put(special, special(special));
        ArrayNode merges = model.putArray("merges");
        for (int k = 0; k < table.bytes.size() - 256; k++) {
            merges.addArray().add(ByteAlphabet.of(table.bytes.get((int) table.rows[2 * k])))
                .add(ByteAlphabet.of(table.bytes.get((int) table.rows[2 * k + 1])));
        }
        return json;
    }

    private int special(String text) { return text.equals(PAD) ? pad() : text.equals(BEGIN) ? begin() : end(); }

    private static void bytes(ObjectNode json) {
        json.put("type", "ByteLevel").put("add_prefix_space", true).put("trim_offsets", true).put("use_regex", true);
    }

    private void template(ObjectNode json) {
        json.put("type", "TemplateProcessing");
        for (String kind : List.of("single", "pair")) {
            ArrayNode row = json.putArray(kind);
            row.addObject().putObject("SpecialToken").put("id", BEGIN).put("type_id", 0);
            row.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
            row.addObject().putObject("SpecialToken").put("id", END).put("type_id", 0);
            if (kind.equals("pair")) row.addObject().putObject("Sequence").put("id", "B").put("type_id", 1);
        }
        ObjectNode specials = json.putObject("special_tokens");
        for (String special : List.of(BEGIN, END)) {
            ObjectNode one = specials.putObject(special).put("id", special);
            one.putArray("ids").add(special(special));
            one.putArray("tokens").add(special);
        }
    }

    /** Whether a folder holds a tokenizer whose configuration names this class. */
    public static boolean is(Path folder) {
        Path file = folder.resolve("tokenizer.json");
        try {
            return Files.isRegularFile(file) && Json.read(file).path("model").path("vocab").has(PAD);
        } catch (ConfigException | IOException e) {
            return false;   // opening it reports the fault
        }
    }

    /**
     * Reads what {@link #save} wrote; {@code tokenizer.json} alone is read.
     *
     * @throws FormatException for any other tokenizer
     */
    public static CaptionTokenizer open(Path folder) {
        Path file = folder.resolve("tokenizer.json");
        try {
            JsonNode json = Json.read(file), vocabulary = json.path("model").path("vocab"), merges = json.path("model").path("merges");
            JsonNode pad = vocabulary.path(PAD);
            if (!pad.isInt() || pad.intValue() < 256 || pad.intValue() - 256 > MOST || merges.size() > pad.intValue() - 256) {
                throw new FormatException(file.toString(), -1, "is no tokenizer of captions: has no token " + PAD + " after its bytes and "
                    + "pairs");
            }
            CaptionTokenizer read = new CaptionTokenizer(pad.intValue() - 256);
            long[] rows = new long[2 * read.most];
            Arrays.fill(rows, -1);
            for (int k = 0; k < merges.size(); k++) {
                for (int side = 0; side < 2; side++) rows[2 * k + side] = vocabulary.path(merges.path(k).path(side).asText()).asLong(-1);
            }
            read.fill(rows);
            // all else in the file must follow from these pairs
            if (!read.sound() || !read.json().equals(json)) {
                read.close();
                throw new FormatException(file.toString(), -1, "is no tokenizer of captions, or has been changed");
            }
            return read;
        } catch (ConfigException e) {
            throw new FormatException(file.toString(), -1, String.valueOf(e.getMessage()), e);
        } catch (IOException e) {
            throw new FormatException(file.toString(), -1, "cannot be read: " + e.getMessage(), e);
        }
    }

    private boolean sound() {
        try {
            return learnt() >= 0;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }
}
