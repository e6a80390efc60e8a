package io.palitra.data;

import io.palitra.config.Ordered;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A small program as it is read: a subset of Python 3 of whole numbers, assignments, arithmetic ({@code + - * // %}), conditions, loops
 * ({@code while}, {@code for NAME in range(N)}), functions and {@code print} of one number. A line is a statement; blocks are indented by
 * blanks; {@code #} begins a comment.
 *
 * @param body statements, each with its line
 * @param said what the comment {@code # prints ...} says: its numbers; empty where there is no such comment, or more than one
 */
public record Program(List<Statement> body, List<List<Long>> said) {
    /** A number: a constant, a name, an operation, a call. */
    public sealed interface Expression permits Expression.Constant, Expression.Name, Expression.Negative, Expression.Operation,
            Expression.Call {
        record Constant(long value) implements Expression {}

        record Name(String name) implements Expression {}

        record Negative(Expression of) implements Expression {}

        /** @param operator one of + - * / %, where / is // */
        record Operation(char operator, Expression left, Expression right) implements Expression {}

        record Call(String name, List<Expression> arguments) implements Expression {}
    }

    /** {@code left < right}, and the other comparisons. */
    public record Condition(Expression left, String comparison, Expression right) {}

    /** A statement. */
    public sealed interface Statement permits Statement.Assignment, Statement.Print, Statement.Branch, Statement.While, Statement.For,
            Statement.Function, Statement.Return, Statement.Evaluation {
        /** Of its first line, from 1. */
        int line();

        record Assignment(int line, String name, Expression value) implements Statement {}

        record Print(int line, Expression value) implements Statement {}

        record Branch(int line, Condition condition, List<Statement> then, List<Statement> otherwise) implements Statement {}

        record While(int line, Condition condition, List<Statement> body) implements Statement {}

        record For(int line, String name, Expression times, List<Statement> body) implements Statement {}

        /** @param locals names that the body gives a value, and the parameters */
        record Function(int line, String name, List<String> parameters, List<Statement> body, Set<String> locals) implements Statement {}

        record Return(int line, Expression value) implements Statement {}

        /** A call whose value is dropped. */
        record Evaluation(int line, Expression.Call call) implements Statement {}
    }

    /** Words that are no names. */
    private static final Set<String> WORDS = Ordered.set("def", "return", "if", "else", "elif", "while", "for", "in", "range", "print",
        "and", "or", "not", "is", "as", "assert", "async", "await", "break", "class", "continue", "del", "except", "finally", "from",
        "global", "import", "lambda", "nonlocal", "pass", "raise", "try", "with", "yield");
    private static final List<String> COMPARISONS = List.of("<=", ">=", "==", "!=", "<", ">");
    private static final String SAYS = "# prints ";
    private static final int DEEPEST = 20, DIGITS = 12, LONGEST = 1000;

    /** @throws ProgramFault of kind {@link ProgramFault.Kind#GRAMMAR} for anything else */
    public static Program read(String text) { return new Reader(text).program(); }

    private record Line(int number, int indent, String text) {}

    private static final class Reader {
        private final List<Line> lines = new ArrayList<>();
        private final List<List<Long>> said = new ArrayList<>();
        private int next;
        /** Names that the function that is read gives a value, or the program outside of one. */
        private Set<String> locals = new LinkedHashSet<>();
        private boolean inside;
        private Line line = new Line(1, 0, "");
        private int at;

        Reader(String text) {
            String[] all = text.split("\n", -1);
            int comments = 0;
            for (int i = 0; i < all.length; i++) {
                String whole = all[i];
                if (whole.startsWith(SAYS)) {
                    comments++;
                    List<Long> numbers = numbers(whole.substring(SAYS.length()));
                    if (numbers != null) said.add(numbers);
                }
                int mark = whole.indexOf('#');
                String code = mark < 0 ? whole : whole.substring(0, mark);
                int indent = 0;
                while (indent < code.length() && code.charAt(indent) == ' ') indent++;
                if (code.length() > LONGEST) {
                    throw new ProgramFault(ProgramFault.Kind.GRAMMAR, i + 1, "is longer than " + LONGEST + " characters");
                }
                if (indent < code.length()) lines.add(new Line(i + 1, indent, code.substring(indent).stripTrailing()));
            }
            if (comments != said.size() || comments > 1) said.clear();
        }

        private static @Nullable List<Long> numbers(String text) {
            List<Long> numbers = new ArrayList<>();
            for (String word : text.split(" ", -1)) {
                if (!word.matches("0|-?[1-9][0-9]{0,14}")) return null;
                numbers.add(Long.parseLong(word));
            }
            return numbers;
        }

        Program program() {
            if (lines.isEmpty()) throw new ProgramFault(ProgramFault.Kind.GRAMMAR, 1, "there is no statement");
            List<Statement> body = block(0, 0);
            if (next < lines.size()) {
                line = lines.get(next);
                throw fault("is indented without a reason");
            }
            return new Program(body, List.copyOf(said));
        }

        private ProgramFault fault(String message) { return new ProgramFault(ProgramFault.Kind.GRAMMAR, line.number, message); }

        /** Statements of one indent, at least one. */
        private List<Statement> block(int indent, int depth) {
            if (depth > DEEPEST) throw fault("more than " + DEEPEST + " blocks within each other");
            List<Statement> body = new ArrayList<>();
            while (next < lines.size() && lines.get(next).indent == indent) {
                line = lines.get(next++);
                at = 0;
                body.add(statement(depth));
            }
            if (body.isEmpty()) {
                line = lines.get(Math.min(next, lines.size() - 1));
                throw fault("is indented without a reason");
            }
            if (next < lines.size() && lines.get(next).indent > indent) {
                line = lines.get(next);
                throw fault("is indented without a reason");
            }
            return List.copyOf(body);
        }

        private List<Statement> inner(Line head, int depth) {
            want(":");
            end();
            if (next == lines.size() || lines.get(next).indent <= head.indent) throw fault("wants an indented block");
            return block(lines.get(next).indent, depth + 1);
        }

        private Statement statement(int depth) {
            Line head = line;
            String word = word();
            switch (word) {
                case "def": return function(head, depth);
                case "return": {
                    if (!inside) throw fault("return stands outside of a function");
                    Expression value = expression(0);
                    end();
                    return new Statement.Return(head.number, value);
                }
                case "if": {
                    Condition condition = condition();
                    List<Statement> then = inner(head, depth), otherwise = List.of();
                    if (next < lines.size() && lines.get(next).indent == head.indent && lines.get(next).text.matches("else *:")) {
                        line = lines.get(next++);
                        at = 4;
                        otherwise = inner(line, depth);
                    }
                    return new Statement.Branch(head.number, condition, then, otherwise);
                }
                case "while": return new Statement.While(head.number, condition(), inner(head, depth));
                case "for": {
                    String name = name(word());
                    locals.add(name);
                    if (!word().equals("in") || !word().equals("range")) throw fault("for wants NAME in range(...)");
                    want("(");
                    Expression times = expression(0);
                    want(")");
                    return new Statement.For(head.number, name, times, inner(head, depth));
                }
                case "print": {
                    want("(");
                    Expression value = expression(0);
                    want(")");
                    end();
                    return new Statement.Print(head.number, value);
                }
                default: {
                    String name = name(word);
                    if (is("(")) {
                        Expression.Call call = call(name, 0);
                        end();
                        return new Statement.Evaluation(head.number, call);
                    }
                    if (is("==")) throw fault("wants a statement");
                    want("=");
                    Expression value = expression(0);
                    end();
                    locals.add(name);
                    return new Statement.Assignment(head.number, name, value);
                }
            }
        }

        private Statement function(Line head, int depth) {
            if (inside || depth > 0) throw fault("a function stands in a block");
            String name = name(word());
            List<String> parameters = new ArrayList<>();
            want("(");
            if (!is(")")) {
                do {
                    String parameter = name(word());
                    if (parameters.contains(parameter)) throw fault("two parameters are called " + parameter);
                    parameters.add(parameter);
                } while (take(","));
            }
            want(")");
            Set<String> outer = locals;
            locals = new LinkedHashSet<>(parameters);
            inside = true;
            List<Statement> body = inner(head, depth);
            Set<String> own = locals;
            inside = false;
            locals = outer;
            return new Statement.Function(head.number, name, List.copyOf(parameters), body, Ordered.set(own));
        }

        private Condition condition() {
            Expression left = expression(0);
            for (String c : COMPARISONS) if (take(c)) return new Condition(left, c, expression(0));
            throw fault("wants a comparison");
        }

        private Expression expression(int depth) {
            if (depth > DEEPEST) throw fault("more than " + DEEPEST + " parentheses within each other");
            Expression left = product(depth);
            while (true) {
                if (take("+")) left = new Expression.Operation('+', left, product(depth));
                else if (take("-")) left = new Expression.Operation('-', left, product(depth));
                else return left;
            }
        }

        private Expression product(int depth) {
            Expression left = factor(depth);
            while (true) {
                if (take("//")) left = new Expression.Operation('/', left, factor(depth));
                else if (take("*")) left = new Expression.Operation('*', left, factor(depth));
                else if (take("%")) left = new Expression.Operation('%', left, factor(depth));
                else return left;
            }
        }

        private Expression factor(int depth) {
            if (depth > DEEPEST) throw fault("more than " + DEEPEST + " signs before a number");
            if (take("-")) return new Expression.Negative(factor(depth + 1));
            if (take("(")) {
                Expression within = expression(depth + 1);
                want(")");
                return within;
            }
            blanks();
            int from = at;
            while (at < line.text.length() && digit(line.text.charAt(at))) at++;
            if (at > from) {
                String digits = line.text.substring(from, at);
                if (digits.length() > DIGITS || digits.length() > 1 && digits.charAt(0) == '0') throw fault("no number: " + cut(digits));
                if (at < line.text.length() && letter(line.text.charAt(at))) throw fault("a number runs into a name");
                return new Expression.Constant(Long.parseLong(digits));
            }
            String name = name(word());
            return is("(") ? call(name, depth) : new Expression.Name(name);
        }

        private Expression.Call call(String name, int depth) {
            want("(");
            List<Expression> arguments = new ArrayList<>();
            if (!is(")")) {
                do {
                    arguments.add(expression(depth + 1));
                } while (take(","));
            }
            want(")");
            return new Expression.Call(name, List.copyOf(arguments));
        }

        private static boolean digit(char c) { return c >= '0' && c <= '9'; }

        private static boolean letter(char c) { return c >= 'a' && c <= 'z' || c == '_'; }

        private void blanks() { while (at < line.text.length() && line.text.charAt(at) == ' ') at++; }

        /** The letters that follow, perhaps none. */
        private String word() {
            blanks();
            int from = at;
            if (at < line.text.length() && letter(line.text.charAt(at))) {
                while (at < line.text.length() && (letter(line.text.charAt(at)) || digit(line.text.charAt(at)))) at++;
            }
            return line.text.substring(from, at);
        }

        private String name(String word) {
            if (word.isEmpty()) throw fault(at < line.text.length() ? "wants a name" + got() : "is not complete");
            if (WORDS.contains(word)) throw fault("'" + word + "' is no name");
            return word;
        }

        private static String cut(String text) { return text.substring(0, Math.min(10, text.length())).replaceAll("\\p{Cntrl}", "?"); }

        private String got() { return at < line.text.length() ? ", got '" + cut(line.text.substring(at)) + "'" : ""; }

        private boolean is(String sign) {
            blanks();
            return line.text.startsWith(sign, at);
        }

        private boolean take(String sign) {
            if (!is(sign)) return false;
            at += sign.length();
            return true;
        }

        private void want(String sign) {
            if (!take(sign)) throw fault("wants '" + sign + "'" + got());
        }

        private void end() {
            blanks();
            if (at < line.text.length()) throw fault("goes on with '" + cut(line.text.substring(at)) + "'");
        }
    }
}
