package io.palitra.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * How a picture was made, as the text that image viewers and model sites read under the PNG key {@value #KEY} (the form of AUTOMATIC1111's
 * web UI): the prompt, {@code Negative prompt: ...}, and a last line {@code Steps: 20, Sampler: Euler, Seed: 7, ...}.
 * The form has no escapes for prompts: a line of a prompt that begins with "Negative prompt:" is read as one, and lines lose outer blanks.
 */
public record Parameters(String prompt, String negativePrompt, Map<String, String> values) {
    public static final String KEY = "parameters";
    private static final String NEGATIVE = "Negative prompt:";
    private static final int FEWEST = 3;
    private static final JsonMapper JSON = new JsonMapper();

    public Parameters {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /**
     * The text; values with a comma, colon, line break, quote or outer blank are written as JSON strings.
     *
     * @throws IllegalArgumentException for one or two values, which readers would take for a line of the prompt, and for keys that are not
     *     two or more letters, digits, {@code _ - /} and blanks, the first a letter, digit or {@code _}
     */
    public String format() {
        if (!values.isEmpty() && values.size() < FEWEST) {
            throw new ArgumentException("illegal values: " + InWords.list(values.keySet()) + ", must be none or at least " + FEWEST);
        }
        String last = values.entrySet().stream().map(e -> key(e.getKey()) + ": " + quoted(e.getValue())).collect(Collectors.joining(", "));
        String negative = negativePrompt.isBlank() ? "" : "\n" + NEGATIVE + " " + negativePrompt;
        return (prompt + negative + "\n" + last).strip();
    }

    /** Reads any text: the last line counts as values when it holds at least 3 pairs. Time is linear in the length of the text. */
    public static Parameters parse(String text) {
        List<String> lines = new ArrayList<>(List.of(text.strip().split("\n", -1)));
        Map<String, String> values = new LinkedHashMap<>();
        if (pairs(lines.get(lines.size() - 1), values) >= FEWEST) {
            lines.remove(lines.size() - 1);
        } else {
            values.clear();
        }
        List<String> prompt = new ArrayList<>();
        List<String> negative = new ArrayList<>();
        List<String> to = prompt;
        for (String line : lines) {
            String words = line.strip();
            if (words.startsWith(NEGATIVE)) {
                to = negative;
                words = words.substring(NEGATIVE.length()).strip();
            }
            to.add(words);
        }
        return new Parameters(String.join("\n", prompt).strip(), String.join("\n", negative).strip(), values);
    }

    /**
     * Finds what the regular expression {@code \s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)} finds, without its backtracking: a key
     * begins at the first word character of a run of key characters that ends in a colon.
     */
    private static int pairs(String line, Map<String, String> values) {
        int count = 0;
        int at = 0;
        int n = line.length();
        while (at < n) {
            int start = at;
            while (start < n && !word(line.charAt(start))) start++;
            int colon = start;
            while (colon < n && inKey(line.charAt(colon))) colon++;
            if (colon == n) break;
            if (line.charAt(colon) != ':' || colon - start < 2) {
                at = colon + 1;
                continue;
            }
            int value = colon + 1;
            while (value < n && Character.isWhitespace(line.charAt(value))) value++;
            int end = quoteEnd(line, value);
            if (end < 0) end = line.indexOf(',', value);
            if (end < 0) end = n;
            values.put(line.substring(start, colon), unquoted(line.substring(value, end)));
            count++;
            at = end + 1;
        }
        return count;
    }

    /** Where the quoted value that begins at {@code from} ends; -1 where none does, or something other than a comma follows. */
    private static int quoteEnd(String line, int from) {
        int n = line.length();
        if (from >= n || line.charAt(from) != '"') return -1;
        int at = from + 1;
        while (at < n && line.charAt(at) != '"') at += line.charAt(at) == '\\' ? 2 : 1;
        boolean closed = at < n && (at + 1 == n || line.charAt(at + 1) == ',');
        return closed ? at + 1 : -1;
    }

    private static boolean word(char c) {
        return Character.isLetterOrDigit(c) || c == '_';
    }

    private static boolean inKey(char c) {
        return word(c) || c == ' ' || c == '-' || c == '/';
    }

    private static String key(String key) {
        if (key.length() >= 2 && word(key.charAt(0)) && key.chars().allMatch(c -> inKey((char) c))) return key;
        throw new ArgumentException("illegal key: '" + key + "', must be two or more letters, digits, '_', '-', '/' and blanks, "
                + "the first a letter, digit or '_'");
    }

    private static String quoted(String value) {
        boolean plain = !value.isEmpty() && value.equals(value.strip()) && value.chars().noneMatch(c -> c < 32 || ",:\"".indexOf(c) >= 0);
        if (plain) return value;
        try {
            return JSON.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new ArgumentException("illegal value: not text", e);
        }
    }

    private static String unquoted(String value) {
        if (value.length() < 2 || !value.startsWith("\"") || !value.endsWith("\"")) return value;
        try {
            return JSON.readValue(value, String.class);
        } catch (JsonProcessingException e) {
            return value;                                          // quotes that are not JSON are part of the value, as the web UI has it
        }
    }
}
