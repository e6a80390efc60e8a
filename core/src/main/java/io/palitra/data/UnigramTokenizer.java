package io.palitra.data;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Json;
import io.palitra.config.Reason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * The pieces of a text that are likeliest together by a table of pieces and their log chances (Kudo 2018, arXiv:1804.10959): the tokenizer
 * of T5, read from the {@code tokenizer.json} of Python's tokenizers, whose ids it gives.
 */
public final class UnigramTokenizer {
    private static final String WHOLE = "tokenizer.json";
    /** How much less likely than the least likely piece a character is that no piece has. */
    private static final double UNKNOWN = 10;
    private static final Pattern CLUSTERS = Pattern.compile("\\X");

    /** Parts of a text between spaces as the pieces have them, a mark in front. @param split at each mark */
    private record Marks(String mark, String prepend, boolean split) {}

    private final String file;
    private final Map<String, Integer> pieces = new LinkedHashMap<>();
    private final double[] scores;
    private final int longest;
    private final int unknown;
    private final double unknownScore;
    private final boolean bytes;
    private final Map<String, Integer> added = new LinkedHashMap<>();
    private final Pattern addedIn;
    private final List<UnaryOperator<String>> normalizers = new ArrayList<>();
    private boolean words;
    private Marks marks = new Marks("▁", "never", false);
    private final List<Long> before = new ArrayList<>();
    private final List<Long> after = new ArrayList<>();

    /**
     * Reads a tokenizer.json, or that of a folder.
     *
     * @throws FormatException for what is missing or broken, and for a tokenizer of other parts than T5's and its relatives'
     */
    public static UnigramTokenizer open(Path at) {
        Path file = Files.isDirectory(at) ? at.resolve(WHOLE) : at;
        try {
            return new UnigramTokenizer(file.toString(), Json.read(file));
        } catch (ConfigException e) {
            throw FormatException.of(e);
        } catch (IOException e) {
            throw new FormatException(file.toString(), -1, "cannot be read: " + Reason.of(e), e);
        }
    }

    private UnigramTokenizer(String file, JsonNode json) {
        this.file = file;
        JsonNode model = json.path("model"), vocabulary = model.path("vocab");
        if (!model.path("type").asText().equals("Unigram")) throw refused("model.type", model.path("type"), "Unigram");
        if (!vocabulary.isArray() || vocabulary.isEmpty()) throw refused("model.vocab", vocabulary, "a list of pieces");
        scores = new double[vocabulary.size()];
        for (int i = 0; i < scores.length; i++) {
            JsonNode entry = vocabulary.get(i);
            if (entry.size() != 2 || !entry.get(0).isTextual() || !entry.get(1).isNumber()) {
                throw refused("model.vocab[" + i + "]", entry, "a piece and its log chance");
            }
            pieces.putIfAbsent(entry.get(0).textValue(), i);
            scores[i] = entry.get(1).doubleValue();
        }
        longest = pieces.keySet().stream().mapToInt(String::length).max().orElse(1);
        unknown = model.path("unk_id").asInt(-1);
        if (unknown < 0 || unknown >= scores.length) throw refused("model.unk_id", model.path("unk_id"), "the id of a piece");
        unknownScore = Arrays.stream(scores).min().orElse(0) - UNKNOWN;
        bytes = model.path("byte_fallback").asBoolean(false);
        for (JsonNode token : json.path("added_tokens")) added.put(token.path("content").asText(), token.path("id").asInt());
        added.remove("");
        addedIn = Pattern.compile(added.keySet().stream().sorted(Comparator.comparingInt(String::length).reversed()).map(Pattern::quote)
            .collect(Collectors.joining("|")));
        normalize("normalizer", json.path("normalizer"));
        part("pre_tokenizer", json.path("pre_tokenizer"));
        template(json.path("post_processor"));
    }

    private FormatException refused(String key, JsonNode got, String wanted) {
        return new FormatException(file, -1, key + " wants " + wanted + ", got " + InWords.json(got));
    }

    private void normalize(String key, JsonNode json) {
        if (json.isMissingNode() || json.isNull()) return;
        String type = json.path("type").asText();
        switch (type) {
            case "Sequence" -> {
                for (JsonNode part : json.path("normalizers")) normalize(key, part);
            }
            case "Precompiled" -> {
                CharacterMap map = CharacterMap.of(file, json.path("precompiled_charsmap").asText());
                normalizers.add(text -> CLUSTERS.matcher(text).replaceAll(m -> Matcher.quoteReplacement(map.of(m.group()))));
            }
            case "Replace" -> normalizers.add(replacement(key, json));
            case "Strip" -> {
                boolean left = json.path("strip_left").asBoolean(true), right = json.path("strip_right").asBoolean(true);
                normalizers.add(text -> left ? right ? text.strip() : text.stripLeading() : right ? text.stripTrailing() : text);
            }
            case "Lowercase" -> normalizers.add(text -> text.toLowerCase(Locale.ROOT));
            case "NFC", "NFD", "NFKC", "NFKD" -> {
                Normalizer.Form form = Normalizer.Form.valueOf(type);
                normalizers.add(text -> Normalizer.normalize(text, form));
            }
            default -> throw refused(key + ".type", json.path("type"), "Sequence, Precompiled, Replace, Strip, Lowercase, NFC, NFD, NFKC "
                + "or NFKD");
        }
    }

    private UnaryOperator<String> replacement(String key, JsonNode json) {
        JsonNode regex = json.path("pattern").path("Regex"), literal = json.path("pattern").path("String");
        if (!regex.isTextual() && !literal.isTextual()) throw refused(key + ".pattern", json.path("pattern"), "a String or a Regex");
        String content = Matcher.quoteReplacement(json.path("content").asText());
        try {
            Pattern pattern = regex.isTextual() ? Pattern.compile(regex.textValue()) : Pattern.compile(Pattern.quote(literal.textValue()));
            return text -> pattern.matcher(text).replaceAll(content);
        } catch (PatternSyntaxException e) {
            throw new FormatException(file, -1, key + ".pattern is no regular expression: " + e.getDescription(), e);
        }
    }

    private void part(String key, JsonNode json) {
        if (json.isMissingNode() || json.isNull()) return;
        switch (json.path("type").asText()) {
            case "Sequence" -> {
                for (JsonNode part : json.path("pretokenizers")) part(key, part);
            }
            case "WhitespaceSplit" -> words = true;
            case "Metaspace" -> {
                boolean old = json.path("add_prefix_space").asBoolean(true);
                String prepend = json.path("prepend_scheme").asText(old ? "always" : "never");
                if (!List.of("always", "first", "never").contains(prepend)) {
                    throw refused(key + ".prepend_scheme", json.path("prepend_scheme"), "always, first or never");
                }
                marks = new Marks(json.path("replacement").asText("▁"), prepend, json.path("split").asBoolean(true));
            }
            default -> throw refused(key + ".type", json.path("type"), "Sequence, WhitespaceSplit or Metaspace");
        }
    }

    /** Tokens before and after a text. */
    private void template(JsonNode json) {
        if (json.isMissingNode() || json.isNull()) return;
        if (!json.path("type").asText().equals("TemplateProcessing")) {
            throw refused("post_processor.type", json.path("type"), "TemplateProcessing");
        }
        List<Long> side = before;
        for (JsonNode part : json.path("single")) {
            if (part.has("Sequence")) {
                side = after;
                continue;
            }
            String name = part.path("SpecialToken").path("id").asText();
            for (JsonNode id : json.path("special_tokens").path(name).path("ids")) side.add(id.asLong());
        }
    }

    /** Ids of a text, with those that the tokenizer puts around it: T5's end. */
    public long[] ids(String text) {
        List<Long> ids = new ArrayList<>(before);
        int from = 0;
        if (!added.isEmpty()) {
            var found = addedIn.matcher(text);
            while (found.find()) {
                plain(text.substring(from, found.start()), from == 0, ids);
                ids.add((long) Objects.requireNonNull(added.get(found.group())));
                from = found.end();
            }
        }
        plain(text.substring(from), from == 0, ids);
        ids.addAll(after);
        return ids.stream().flatMapToLong(LongStream::of).toArray();
    }

    /** The id that stands for what no piece has. */
    public int unknown() { return unknown; }

    /** The id of a piece or added token; -1 where there is none. */
    public int id(String piece) { return added.getOrDefault(piece, pieces.getOrDefault(piece, -1)); }

    private void plain(String text, boolean first, List<Long> ids) {
        String normal = text;
        for (UnaryOperator<String> n : normalizers) normal = n.apply(normal);
        if (normal.isEmpty()) return;
        List<String> parts = words ? Arrays.stream(normal.split("\\s+")).filter(w -> !w.isEmpty()).toList() : List.of(normal);
        boolean start = first;
        for (String part : parts) {
            String marked = part.replace(" ", marks.mark);
            boolean prepends = marks.prepend.equals("always") || marks.prepend.equals("first") && start;
            if (prepends && !marked.startsWith(marks.mark)) marked = marks.mark + marked;
            start = false;
            if (!marks.split) {
                best(marked, ids);
                continue;
            }
            int from = 0;
            for (int at = marked.indexOf(marks.mark, 1); at > 0; at = marked.indexOf(marks.mark, at + 1)) {
                best(marked.substring(from, at), ids);
                from = at;
            }
            best(marked.substring(from), ids);
        }
    }

    /** Viterbi's way through the pieces; of equals the one found first. */
    private void best(String text, List<Long> ids) {
        int n = text.length();
        double[] score = new double[n + 1];
        int[] from = new int[n + 1], piece = new int[n + 1];
        Arrays.fill(from, -1);
        for (int start = 0; start < n; start += Character.charCount(text.codePointAt(start))) {
            int one = Character.charCount(text.codePointAt(start));
            boolean known = false;
            for (int end = start + one; end <= n && end - start <= longest; end++) {
                Integer id = pieces.get(text.substring(start, end));
                if (id == null) continue;
                known |= end == start + one;
                reach(score, from, piece, start, end, id, score[start] + scores[id]);
            }
            if (!known) reach(score, from, piece, start, start + one, unknown, score[start] + unknownScore);
        }
        List<int[]> way = new ArrayList<>();   // start, end, id
        for (int end = n; end > 0; end = from[end]) way.add(0, new int[] {from[end], end, piece[end]});
        boolean wasUnknown = false;
        for (int[] step : way) {
            boolean lacks = step[2] == unknown;
            if (lacks && bytes && fallback(text.substring(step[0], step[1]), ids)) continue;
            if (!lacks || !wasUnknown) ids.add((long) step[2]);   // several in a row are one
            wasUnknown = lacks;
        }
    }

    private static void reach(double[] score, int[] from, int[] piece, int start, int end, int id, double candidate) {
        if (from[end] >= 0 && candidate <= score[end]) return;
        score[end] = candidate;
        from[end] = start;
        piece[end] = id;
    }

    private boolean fallback(String text, List<Long> ids) {
        List<Long> each = new ArrayList<>();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            Integer id = pieces.get(String.format(Locale.ROOT, "<0x%02X>", b & 0xff));
            if (id == null) return false;
            each.add((long) id);
        }
        ids.addAll(each);
        return true;
    }
}
