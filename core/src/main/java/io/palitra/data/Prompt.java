package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A prompt as artists write it. {@code (word)} weighs 1.1, {@code [word]} 1/1.1, each pair of brackets once more; {@code (word:1.3)} weighs
 * 1.3. {@code desert:50 | in snow:-1} are two parts with weights of their own. {@code \} before one of {@code ()[]|:\} makes it text, and
 * so are brackets without a partner and a colon before anything but a number. Between two whole numbers a colon is a time or a ratio, and
 * between {@code ://} and the next / it stands before a port: 12:30, 16:9 and http://host:80 are text; {@code sd 2 :50} weighs 50. A number
 * is of decimal digits alone. {@code BREAK}, in capitals and a word of its own, lets what is behind it begin a window of tokens.
 *
 * @param parts at least one
 */
public record Prompt(List<Part> parts) {
    /** Greatest weight of words in brackets, all brackets around them multiplied. */
    public static final double HEAVIEST = 1000;
    private static final double EMPHASIS = 1.1;
    private static final String BRACKETS = "()[]";
    private static final String ESCAPED = BRACKETS + "|:\\";
    private static final Pattern WEIGHT = Pattern.compile("\\s*([+-]?(?:\\d{1,18}(?:\\.\\d{0,18})?|\\.\\d{1,18}))\\s*");

    private static final Pattern BREAK = Pattern.compile("\\bBREAK\\b");

    /**
     * A stretch of text whose tokens weigh the same.
     *
     * @param breaks whether it begins a window of tokens; the window before is filled up with padding, also where it has no words
     */
    public record Span(String text, double weight, boolean breaks) {
        public Span(String text, double weight) { this(text, weight, false); }
    }

    /** @param weight of the whole part, 1 where none is given; negative = away from it */
    public record Part(List<Span> spans, double weight) {
        public Part { spans = List.copyOf(spans); }

        /** The words alone. */
        public String text() {
            StringBuilder words = new StringBuilder();
            for (Span s : spans) words.append(s.breaks ? " " : "").append(s.text);
            return words.toString().strip();
        }
    }

    public Prompt {
        parts = List.copyOf(parts);
        if (parts.isEmpty()) throw new ArgumentException("illegal parts: [], must be at least one");
    }

    /**
     * Reads a prompt; its time is linear in its length.
     *
     * @throws ConfigException where brackets give a negative weight, or one above {@link #HEAVIEST}
     */
    public static Prompt parse(String prompt) { return new Parser(prompt).parse(); }

    private static final class Parser {
        private final String text;
        /** Of each bracket that has a partner the place of that, -1 of all else. */
        private final int[] partner;
        /** Of each colon before a weight the place where the weight ends, 0 of all else. */
        private final int[] weightEnd;
        /** Weights, at the place of their colon and, of brackets, of the opening one. */
        private final double[] weights;
        private final List<Part> parts = new ArrayList<>();
        private final List<Span> spans = new ArrayList<>();
        private final StringBuilder run = new StringBuilder();
        private double weight = 1;
        /** Whether a BREAK stands before what is read next. */
        private boolean broken;

        Parser(String text) {
            this.text = text;
            partner = new int[text.length()];
            weightEnd = new int[text.length()];
            weights = new double[text.length()];
            Arrays.fill(partner, -1);
        }

        Prompt parse() {
            findBrackets();
            findParts();
            Deque<Double> outer = new ArrayDeque<>();
            double part = 1;
            for (int i = 0; i < text.length(); i++) {
                char c = text.charAt(i);
                if (escape(i)) {
                    run.append(text.charAt(++i));
                } else if (partner[i] > i) {
                    outer.push(weight);
                    flush();
                    weight = inner(i);
                } else if (partner[i] >= 0) {
                    flush();
                    weight = outer.pop();
                } else if (weightEnd[i] > 0) {
                    if (outer.isEmpty()) part = weights[i];
                    i = weightEnd[i] - 1;
                } else if (c == '|' && outer.isEmpty()) {
                    end(part);
                    part = 1;
                } else {
                    run.append(c);
                }
            }
            end(part);
            return new Prompt(parts.isEmpty() ? List.of(new Part(List.of(), 1)) : parts);
        }

        private boolean escape(int i) {
            return text.charAt(i) == '\\' && i + 1 < text.length() && ESCAPED.indexOf(text.charAt(i + 1)) >= 0;
        }

        /** Partners, and the weights of round brackets: what follows the last colon within. */
        private void findBrackets() {
            Deque<Integer> open = new ArrayDeque<>();
            int colon = -1;   // the last one since the last bracket
            for (int i = 0; i < text.length(); i++) {
                char c = text.charAt(i);
                if (escape(i)) {
                    i++;
                } else if (c == ':') {
                    colon = i;
                } else if (BRACKETS.indexOf(c) >= 0) {
                    if (c == '(' || c == '[') {
                        open.push(i);
                    } else if (!open.isEmpty() && text.charAt(open.peek()) == (c == ')' ? '(' : '[')) {
                        int from = open.pop();
                        partner[from] = i;
                        partner[i] = from;
                        weights[from] = c == ']' ? 1 / EMPHASIS : weighs(from + 1, colon, i) ? weights[colon] : EMPHASIS;
                    }
                    colon = -1;
                }
            }
        }

        /** Weights of parts: what follows the last colon outside brackets. */
        private void findParts() {
            int from = 0, colon = -1;
            for (int i = 0; i <= text.length(); i++) {
                if (i == text.length() || text.charAt(i) == '|') {
                    weighs(from, colon, i);
                    from = i + 1;
                    colon = -1;
                } else if (escape(i)) {
                    i++;
                } else if (partner[i] > i) {
                    i = partner[i];
                    colon = -1;
                } else if (text.charAt(i) == ':') {
                    colon = i;
                }
            }
        }

        /** Whether a weight stands between the colon and {@code to}, for words from {@code from} on; it is noted at the colon. */
        private boolean weighs(int from, int colon, int to) {
            if (colon < 0 || blank(from, colon)) return false;
            Matcher number = WEIGHT.matcher(text).region(colon + 1, to);
            if (!number.matches()) return false;
            String digits = number.group(1);
            boolean whole = digits.chars().allMatch(Character::isDigit);
            if (whole && Character.isDigit(text.charAt(colon - 1)) || port(from, colon)) return false;
            weightEnd[colon] = to;
            weights[colon] = Double.parseDouble(digits);
            return true;
        }

        private boolean blank(int from, int to) {
            int i = from;
            while (i < to && Character.isWhitespace(text.charAt(i))) i++;
            return i == to;
        }

        /** Whether the word before a colon is an address as far as its host. */
        private boolean port(int from, int colon) {
            int word = colon;
            while (word > from && !Character.isWhitespace(text.charAt(word - 1)) && BRACKETS.indexOf(text.charAt(word - 1)) < 0) word--;
            String address = text.substring(word, colon);
            int host = address.indexOf("://");
            return host >= 0 && address.indexOf('/', host + 3) < 0;
        }

        /** The weight within the bracket that opens there. */
        private double inner(int at) {
            double own = weights[at], w = weight * own;
            if (own < 0) {
                throw new ConfigException("prompt", "illegal weight in brackets: " + own
                    + ", must be at least 0; a part after | may weigh less");
            }
            if (w > HEAVIEST) {
                throw new ConfigException("prompt", String.format(Locale.ROOT,
                    "illegal brackets at character %d: with those around them they weigh %.4g, must be at most %.0f", at, w, HEAVIEST));
            }
            return w;
        }

        /** What was read since the weight changed becomes a span, or several with breaks between. */
        private void flush() {
            if (run.length() == 0) return;
            Matcher breaks = BREAK.matcher(run);
            int from = 0;
            while (breaks.find()) {
                String before = words(from, breaks.start()).stripTrailing();
                if (broken || !before.isEmpty() || spans.isEmpty()) add(before);
                broken = true;
                from = breaks.end();
            }
            String rest = words(from, run.length());
            if (!rest.isEmpty()) add(rest);
            run.setLength(0);
        }

        /** Spaces behind a break are none of the words. */
        private String words(int from, int to) { return broken ? run.substring(from, to).stripLeading() : run.substring(from, to); }

        private void add(String words) {
            spans.add(new Span(words, weight, broken));
            broken = false;
        }

        /** A part of words alone counts; spaces at its ends do not, nor does a break behind which nothing stands. */
        private void end(double part) {
            flush();
            broken = false;
            boolean words = spans.stream().anyMatch(s -> !s.text.isBlank());
            int first = 0, last = spans.size() - 1;
            while (first < last && spans.get(first).text.isBlank() && !spans.get(first + 1).breaks) first++;
            while (last > first && spans.get(last).text.isBlank() && !spans.get(last).breaks) last--;
            if (words) {
                spans.set(first, stripped(spans.get(first), spans.get(first).text.stripLeading()));
                spans.set(last, stripped(spans.get(last), spans.get(last).text.stripTrailing()));
                parts.add(new Part(spans.subList(first, last + 1), part));
            }
            spans.clear();
        }

        private static Span stripped(Span span, String text) { return new Span(text, span.weight, span.breaks); }
    }
}
