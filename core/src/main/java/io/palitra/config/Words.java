package io.palitra.config;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the program says to people, in another language. All code says it in English; who shows it to a person puts the finished line
 * through {@link #say}. The catalogue of a language, {@code words/ru.json}, has the English sentences as keys, {@code {0}}, {@code {1}}
 * standing for values, {@code {0#}} for a number alone; a value that is a known sentence itself, as the reason of a fault, is said in
 * that language, too, unless it stands in quotation marks. {@code {0|образец|образца|образцов}} chooses the form of a Russian noun by a
 * number. What the catalogue does not have stays English.
 */
public final class Words {
    public static final Words ENGLISH = new Words(Map.of());
    /** The languages that there are beside English. */
    public static final List<String> LANGUAGES = List.of("ru");
    private static final Pattern HOLE = Pattern.compile("\\{(\\d)#?(?:\\|([^|{}]*)\\|([^|{}]*)\\|([^|{}]*))?}");
    private static final Pattern KEY = Pattern.compile("(?<![\\w.-])([A-Za-z]\\w*)=(true\\b)?(?=(\\W?))");
    private static final Pattern NUMBER = Pattern.compile("[-+]?\\d[\\d.,]*");
    /** What no value in quotation marks holds, but a sentence behind it. */
    private static final Pattern ENDED = Pattern.compile("['\"][;:,] ");
    /** Signs between sentences that a line may have for its sentences to be looked at one by one. */
    private static final int MOST_SIGNS = 16;
    /** Signs between two sentences of a line. */
    private static final List<String> BETWEEN = List.of(": ", "; ", ". ", ", ");

    private final Map<String, String> whole = new LinkedHashMap<>();
    private final List<Template> templates = new ArrayList<>();

    private Words(Map<String, String> catalogue) {
        catalogue.forEach((english, other) -> {
            add(english, other);
            String typed = options(english);
            if (!typed.equals(english)) add(typed, options(other));
        });
        templates.sort(Comparator.comparingInt(Template::said).reversed());   // what says more of a line is tried first
    }

    private void add(String english, String other) {
        if (HOLE.matcher(english).find()) templates.add(new Template(english, other));
        else whole.putIfAbsent(english, other);
    }

    /** A sentence about keys of a request, as the command line says it: "--model names ..." for "model= names ...". */
    private static String options(String sentence) {
        return KEY.matcher(sentence).replaceAll(key -> {
            String option = "--" + key.group(1).replaceAll("[A-Z]", "-$0").toLowerCase(Locale.ROOT);
            boolean alone = key.group(2) != null || key.group(3).matches("[ ,;:]") || key.end() == sentence.length();
            return alone ? option : option + " ";
        });
    }

    /** @throws IllegalArgumentException if there is no such language */
    public static Words in(String language) { return language.equals("en") ? ENGLISH : new Words(all(language)); }

    /**
     * All of a catalogue: English sentences and what they are in that language, as {@link #say} reads them.
     *
     * @throws IllegalArgumentException if there is no such language
     */
    public static Map<String, String> all(String language) {
        if (language.equals("en")) return Map.of();
        if (!LANGUAGES.contains(language)) {
            throw new ArgumentException("no language '" + ConfigException.shown(language) + "'; there are en, "
                + String.join(", ", LANGUAGES));
        }
        Map<String, String> all = new LinkedHashMap<>();
        sections(language).values().forEach(all::putAll);
        return Collections.unmodifiableMap(all);
    }

    /** The catalogue as its file has it: by what it is about. */
    static Map<String, Map<String, String>> sections(String language) {
        try (InputStream file = Words.class.getResourceAsStream("/io/palitra/words/" + language + ".json")) {
            ObjectMapper json = new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
            return json.readValue(file, new TypeReference<LinkedHashMap<String, Map<String, String>>>() { });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A finished line in this language; all that the catalogue does not have stays as it is. */
    public String say(String english) {
        if (whole.isEmpty() || english.isBlank()) return english;
        String line = english.strip();
        int from = english.indexOf(line);
        String same = whole.get(line), said = same != null ? same : new Line().known(line).orElse(line);
        return english.substring(0, from) + said + english.substring(from + line.length());
    }

    private static int signs(String line, String sign) { return line.split(Pattern.quote(sign), -1).length - 1; }

    /** One line, whose sentences are looked up once each. */
    private final class Line {
        private final Map<String, Optional<String>> seen = new LinkedHashMap<>();

        /** A sentence within the line, or all of it. */
        Optional<String> known(String sentence) {
            Optional<String> before = seen.get(sentence);
            if (before != null) return before;
            seen.put(sentence, Optional.empty());
            Optional<String> found = found(sentence);
            seen.put(sentence, found);
            return found;
        }

        private Optional<String> found(String sentence) {
            if (sentence.indexOf(' ') <= 0) return Optional.empty();   // a single word may be a name
            String same = whole.get(sentence);
            if (same != null) return Optional.of(same);
            int signs = BETWEEN.stream().filter(sign -> !sign.equals(", ")).mapToInt(sign -> signs(sentence, sign)).sum();
            return template(sentence, false).or(() -> parts(sentence, signs, List.of("; "), true)).or(() -> template(sentence, true))
                .or(() -> parts(sentence, signs, BETWEEN, true)).or(() -> parts(sentence, signs, BETWEEN, false));
        }

        /** @param wide whether a value may be of several sentences */
        private Optional<String> template(String sentence, boolean wide) {
            for (Template t : templates) {
                String[] values = new String[10];
                if (t.reads(sentence, values, wide)) return Optional.of(t.filled(values, this));
            }
            return Optional.empty();
        }

        /**
         * Of several sentences. In front of a colon may stand a name.
         *
         * @param all whether all else must be known; at a comma it must, since a list of names has commas, too
         */
        private Optional<String> parts(String line, int signs, List<String> between, boolean all) {
            if (signs > MOST_SIGNS) return Optional.empty();
            for (String sign : between) {
                if (sign.equals(", ") && signs(line, sign) > MOST_SIGNS) continue;
                boolean both = sign.equals(", ") || all && !sign.equals(": ");
                for (int at = line.indexOf(sign); at >= 0; at = line.indexOf(sign, at + 1)) {
                    String left = line.substring(0, at), right = line.substring(at + sign.length());
                    Optional<String> second = known(right);
                    if (second.isEmpty() && (both || all)) continue;
                    Optional<String> first = known(left);
                    if (both ? first.isPresent() : first.isPresent() || second.isPresent()) {
                        return Optional.of(first.orElse(left) + sign + second.orElse(right));
                    }
                }
            }
            return Optional.empty();
        }
    }

    /** A sentence with values: what stands between them, and the value that stands behind each piece. */
    private final class Template {
        private final List<String> pieces = new ArrayList<>();
        private final List<Integer> holes = new ArrayList<>();
        private final boolean[] numbers = new boolean[10];
        private final String other;

        Template(String english, String other) {
            this.other = other;
            Matcher m = HOLE.matcher(english);
            int from = 0;
            while (m.find()) {
                pieces.add(english.substring(from, m.start()));
                int hole = Integer.parseInt(m.group(1));
                holes.add(hole);
                numbers[hole] = m.group().contains("#");
                from = m.end();
            }
            pieces.add(english.substring(from));
        }

        /** Letters that are no value's. */
        int said() { return pieces.stream().mapToInt(String::length).sum(); }

        /** Whether a line is this sentence; then its values are set. */
        boolean reads(String line, String[] values, boolean wide) {
            String last = pieces.get(pieces.size() - 1);
            if (!line.startsWith(pieces.get(0)) || !line.endsWith(last)) return false;
            int at = pieces.get(0).length(), end = line.length() - last.length();
            for (int i = 0; i < holes.size(); i++) {
                boolean closes = i == holes.size() - 1;
                int next = closes ? end : line.indexOf(pieces.get(i + 1), at);
                if (next < at || next > end) return false;
                String value = line.substring(at, next);
                if (numbers[holes.get(i)] && !NUMBER.matcher(value).matches()) return false;
                if (!wide && value.contains("; ") || quoted(i) && ENDED.matcher(value).find()) return false;
                values[holes.get(i)] = value;
                at = next + (closes ? 0 : pieces.get(i + 1).length());
            }
            return true;
        }

        /** Whether quotation marks stand around a value: it is as somebody typed it. */
        private boolean quoted(int i) { return pieces.get(i).endsWith("'") || pieces.get(i).endsWith("\""); }

        String filled(String[] values, Line line) {
            return HOLE.matcher(other).replaceAll(hole -> {
                int number = Integer.parseInt(hole.group(1)), at = holes.indexOf(number);
                String value = values[number];
                if (hole.group(2) != null) return Matcher.quoteReplacement(hole.group(2 + form(value)));
                return Matcher.quoteReplacement(quoted(at) ? value : line.known(value).orElse(value));
            });
        }
    }

    /** Which of three forms a Russian noun has behind a number: 0 as behind 1, 1 as behind 2, 2 as behind 5. */
    private static int form(String number) {
        String digits = number.replaceAll("\\D", "");
        if (digits.isEmpty()) return 2;
        int n = Integer.parseInt(digits.substring(Math.max(0, digits.length() - 2)));
        if (n / 10 == 1 || n % 10 == 0 || n % 10 > 4) return 2;
        return n % 10 == 1 ? 0 : 1;
    }
}
