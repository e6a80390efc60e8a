package io.palitra.hub;

import io.palitra.config.ArgumentException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * A regular expression as Python writes it, for the end of a module's path: what PEFT's {@code re.match("(.*\\.)?(KEY)$", path)} finds.
 * All alternatives are followed at once (Thompson 1968), so that no expression takes more steps than it has parts, for a letter of a path.
 * Not read are references back to groups, looks behind, and flags.
 */
final class PythonPattern {
    private static final int LONGEST = 1000, DEEPEST = 30, MOST_PARTS = 5000;

    /** Steps that all patterns of one file may take together. */
    static final class Budget {
        private long left;

        Budget(long steps) { left = steps; }

        private boolean take(int n) { return (left -= n) >= 0; }
    }

    private enum Place { BEGIN, END, WORD, NO_WORD }

    private sealed interface Node {}

    private record Letter(IntPredicate of) implements Node {}

    private record Row(List<Node> nodes) implements Node {}

    private record Either(List<Node> nodes) implements Node {}

    /** @param most -1 = any number */
    private record Repeat(Node node, int least, int most) implements Node {}

    private record At(Place place) implements Node {}

    private record Ahead(Node node, boolean not) implements Node {}

    /** A part: it reads a letter, branches to two parts, checks its position, looks ahead, or ends the match. */
    private sealed interface Part {}

    private record Reads(IntPredicate of) implements Part {}

    private record Forks(int a, int b) implements Part {}

    private record Asks(Place place) implements Part {}

    private record Looks(int next, boolean not) implements Part {}

    private record Arrived() implements Part {}

    private final String python;
    private final boolean plain;
    private final List<Part> parts = new ArrayList<>();
    private int at;
    private int depth;

    /** @throws IllegalArgumentException that names what of it is not supported */
    PythonPattern(String python) {
        this.python = python;
        if (python.isEmpty() || python.length() > LONGEST) {
            throw illegal("has " + python.length() + " letters, allowed are 1 to " + LONGEST);
        }
        plain = python.matches("[A-Za-z0-9_.-]+");
        if (plain) return;
        Node key = either();
        if (at < python.length()) throw illegal("closes a bracket that is not open");
        Node before = new Repeat(new Row(List.of(new Repeat(new Letter(PythonPattern::any), 0, -1), new Letter(c -> c == '.'))), 0, 1);
        emit(new Row(List.of(before, key, new At(Place.END))));
        parts.add(new Arrived());
    }

    private IllegalArgumentException illegal(String why) {
        return new ArgumentException("the pattern '" + Safetensors.printable(python) + "' " + why);
    }

    private static boolean any(int c) { return c != '\n'; }

    /** Whether it matches a path. @throws IllegalArgumentException when the budget does not suffice */
    boolean matches(String path, Budget budget) {
        if (!plain) return match(0, path, 0, budget);
        if (!budget.take(1)) throw illegal("comes after too many others");
        return ends(path);
    }

    /** Its size in memory, in parts of about 30 bytes. */
    int size() { return parts.size(); }

    /** Most patterns are paths, in which a dot matches any letter. */
    private boolean ends(String path) {
        int from = path.length() - python.length();
        if (from < 0 || from > 0 && path.charAt(from - 1) != '.') return false;
        for (int i = 0; i < python.length(); i++) {
            char c = python.charAt(i), got = path.charAt(from + i);
            if (c != got && c != '.') return false;
        }
        return true;
    }

    private boolean match(int first, String path, int from, Budget budget) {
        if (!budget.take(parts.size())) throw illegal("takes too many steps");
        int[] now = new int[parts.size()], next = new int[parts.size()];
        Reach reach = new Reach(path, budget);
        int n = reach.add(first, from, now, 0);
        for (int i = from; n >= 0 && i < path.length(); i++) {
            int m = 0;
            for (int k = 0; k < n && m >= 0; k++) {
                boolean goesOn = ((Reads) parts.get(now[k])).of.test(path.charAt(i));
                if (goesOn) m = reach.add(now[k] + 1, i + 1, next, m);
            }
            int[] swap = now;
            now = next;
            next = swap;
            n = m;
            if (n == 0) return false;
        }
        return n < 0;
    }

    /** Parts that are reached without reading a letter. */
    private final class Reach {
        private final String path;
        private final Budget budget;
        private final int[] seen = new int[parts.size()];
        private final int[] stack = new int[2 * parts.size() + 1];   // each part is left once, for two others at most

        Reach(String path, Budget budget) {
            this.path = path;
            this.budget = budget;
            Arrays.fill(seen, -1);
        }

        /** Puts the parts that read a letter and are reached from one into {@code to}, behind n; -1 when the end is reached. */
        int add(int part, int i, int[] to, int n) {
            int size = 1, count = n;
            stack[0] = part;
            while (size > 0) {
                int p = stack[--size];
                if (seen[p] == i) continue;
                seen[p] = i;
                if (!budget.take(1)) throw illegal("takes too many steps");
                Part what = parts.get(p);
                if (what instanceof Arrived) return -1;
                if (what instanceof Reads) to[count++] = p;
                if (what instanceof Asks a && is(a.place, path, i)) stack[size++] = p + 1;
                if (what instanceof Looks l && match(p + 1, path, i, budget) != l.not) stack[size++] = l.next;
                if (what instanceof Forks f) {
                    if (f.b >= 0) stack[size++] = f.b;
                    stack[size++] = f.a;
                }
            }
            return count;
        }
    }

    private static boolean is(Place place, String path, int i) {
        if (place == Place.BEGIN) return i == 0;
        if (place == Place.END) return i == path.length();
        boolean border = i > 0 && word(path.charAt(i - 1)) != (i < path.length() && word(path.charAt(i)))
            || i == 0 && !path.isEmpty() && word(path.charAt(0));
        return border == (place == Place.WORD);
    }

    private static boolean word(int c) { return Character.isLetterOrDigit(c) || c == '_'; }

    private static boolean space(int c) { return c >= 9 && c <= 13 || c >= 0x1c && c <= 0x20 || c == 0x85 || Character.isSpaceChar(c); }

    private void emit(Node node) {
        if (parts.size() >= MOST_PARTS) throw illegal("has more than " + MOST_PARTS + " parts, each counted as often as it repeats");
        if (node instanceof Letter l) parts.add(new Reads(l.of));
        if (node instanceof At a) parts.add(new Asks(a.place));
        if (node instanceof Row r) r.nodes.forEach(this::emit);
        if (node instanceof Either e) either(e.nodes, 0);
        if (node instanceof Repeat r) repeat(r);
        if (node instanceof Ahead a) {
            int look = hole();
            emit(a.node);
            parts.add(new Arrived());
            parts.set(look, new Looks(parts.size(), a.not));
        }
    }

    /** A reference to a part that is known later. */
    private int hole() {
        parts.add(new Forks(parts.size() + 1, -1));
        return parts.size() - 1;
    }

    private void either(List<Node> nodes, int i) {
        if (i == nodes.size() - 1) {
            emit(nodes.get(i));
            return;
        }
        int fork = hole();
        emit(nodes.get(i));
        int end = hole();
        parts.set(fork, new Forks(fork + 1, parts.size()));
        either(nodes, i + 1);
        parts.set(end, new Forks(parts.size(), -1));
    }

    private void repeat(Repeat r) {
        for (int i = 0; i < r.least; i++) emit(r.node);
        if (r.most < 0) {
            int fork = hole();
            emit(r.node);
            parts.add(new Forks(fork, -1));
            parts.set(fork, new Forks(fork + 1, parts.size()));
        }
        List<Integer> forks = new ArrayList<>();
        for (int i = r.least; i < r.most; i++) {
            forks.add(hole());
            emit(r.node);
        }
        for (int fork : forks) parts.set(fork, new Forks(fork + 1, parts.size()));
    }

    private boolean sees(String text) { return python.startsWith(text, at); }

    private Node either() {
        if (++depth > DEEPEST) throw illegal("has brackets more than " + DEEPEST + " deep");
        List<Node> nodes = new ArrayList<>(List.of(row()));
        while (sees("|")) {
            at++;
            nodes.add(row());
        }
        depth--;
        return new Either(nodes);
    }

    private Node row() {
        List<Node> nodes = new ArrayList<>();
        while (at < python.length() && !sees("|") && !sees(")")) nodes.add(times(one()));
        return new Row(nodes);
    }

    private Node one() {
        char c = python.charAt(at++);
        return switch (c) {
            case '.' -> new Letter(PythonPattern::any);
            case '^' -> new At(Place.BEGIN);
            case '$' -> new At(Place.END);
            case '[' -> new Letter(set());
            case '(' -> group();
            case '*', '+', '?' -> throw illegal("repeats nothing");
            case '\\' -> escape();
            default -> new Letter(x -> x == c);
        };
    }

    private Node group() {
        boolean ahead = sees("?=") || sees("?!"), not = sees("?!");
        if (sees("?:")) at += 2;
        else if (sees("?P<") && python.indexOf('>', at) > 0) at = python.indexOf('>', at) + 1;
        else if (ahead) at += 2;
        else if (sees("?")) throw illegal("has a group of a kind that is not read; there are ( ), (?: ), (?P<name> ), (?= ) and (?! )");
        Node inner = either();
        if (!sees(")")) throw illegal("has a bracket that is not closed");
        at++;
        return ahead ? new Ahead(inner, not) : inner;
    }

    private Node times(Node node) {
        int least = 1, most = 1;
        if (sees("*") || sees("+") || sees("?")) {
            char c = python.charAt(at++);
            least = c == '+' ? 1 : 0;
            most = c == '?' ? 1 : -1;
        } else {
            int end = sees("{") ? python.indexOf('}', at) : -1;
            String inner = end < 0 ? "" : python.substring(at + 1, end);
            // other brackets are meant as they stand
            if (!inner.matches("\\d{1,5}(,\\d{0,5})?|,\\d{1,5}")) return node;
            at = end + 1;
            int comma = inner.indexOf(',');
            String first = comma < 0 ? inner : inner.substring(0, comma), last = comma < 0 ? inner : inner.substring(comma + 1);
            least = first.isEmpty() ? 0 : Integer.parseInt(first);
            most = last.isEmpty() ? -1 : Integer.parseInt(last);
            if (most >= 0 && most < least) throw illegal("repeats " + least + " to " + most + " times");
            if (least > MOST_PARTS || most > MOST_PARTS) throw illegal("repeats more than " + MOST_PARTS + " times");
        }
        if (sees("?")) at++;   // as few as can be: whether it is found is the same
        if (sees("*") || sees("+")) throw illegal("repeats what is repeated");
        return new Repeat(node, least, most);
    }

    private Node escape() {
        if (sees("b") || sees("B") || sees("A") || sees("Z")) {
            char c = python.charAt(at++);
            return new At(c == 'b' ? Place.WORD : c == 'B' ? Place.NO_WORD : c == 'A' ? Place.BEGIN : Place.END);
        }
        return new Letter(escaped());
    }

    /** The letters that stand behind a backslash. */
    private IntPredicate escaped() {
        if (at >= python.length()) throw illegal("ends in a backslash");
        char c = python.charAt(at++);
        switch (c) {
            case 'd': return Character::isDigit;
            case 'D': return x -> !Character.isDigit(x);
            case 'w': return PythonPattern::word;
            case 'W': return x -> !word(x);
            case 's': return PythonPattern::space;
            case 'S': return x -> !space(x);
            default:
                if (c < 0x80 && Character.isLetterOrDigit(c)) throw illegal("has '\\" + c + "', which is not read");
                return x -> x == c;
        }
    }

    private IntPredicate set() {
        boolean not = sees("^");
        if (not) at++;
        IntPredicate all = x -> false;
        for (boolean first = true; first || !sees("]"); first = false) {
            if (at >= python.length()) throw illegal("has a [ that is not closed");
            boolean several = sees("\\") && at + 1 < python.length() && "dDwWsS".indexOf(python.charAt(at + 1)) >= 0;
            int from = at;
            IntPredicate one = member();
            if (!several && sees("-") && at + 1 < python.length() && python.charAt(at + 1) != ']') {
                char low = python.charAt(at - 1);
                at++;
                member();
                char high = python.charAt(at - 1);
                if (high < low) throw illegal("has a range from behind: " + Safetensors.printable(python.substring(from, at)));
                one = x -> x >= low && x <= high;
            }
            all = all.or(one);
        }
        at++;
        return not ? all.negate() : all;
    }

    private IntPredicate member() {
        char c = python.charAt(at++);
        return c == '\\' ? escaped() : x -> x == c;
    }
}
