package io.palitra.data;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Writes small programs that {@link Program} reads: perhaps a function, some assignments, conditions and loops over them, and what is
 * printed, with a comment at the end that says it: {@code # prints 3 8}. Every number that a name gets or that is printed is 0 to 30.
 */
final class ProgramGrammar {
    /** Characters of a program, at most. */
    static final int LONGEST = 160;
    /** What programs are written in. */
    static final String LETTERS = "\n !#%()*+,-/0123456789:<=>abcdefghijklmnopqrstuvwxyz";

    private static final int GREATEST = 30, PRINTED = 4, SHORTEST = 5;
    private static final String[] NAMES = {"a", "b", "c", "d", "e", "k", "m", "n", "s", "t", "u", "v", "w", "x", "y", "z"};
    private static final String[] FUNCTIONS = {"f", "g", "h"}, PARAMETERS = {"p", "q"}, COUNTERS = {"i", "j"};
    private static final String[] COMPARISONS = {"<", ">", "<", ">", "==", "!=", "<=", ">="};
    private static final String STEP = "  ";

    private final SplitMix noise;
    private final List<String> lines = new ArrayList<>();
    private final List<String> names = new ArrayList<>();
    private String function = "";
    private int arguments;

    private ProgramGrammar(SplitMix noise) { this.noise = noise; }

    /** The next program that noise gives and that is of a part, the comment included. */
    static String draw(SplitMix noise, Split split) {
        while (true) {
            String program = new ProgramGrammar(noise).program();
            if (program == null || part(program) != split) continue;
            try {
                ProgramRun.Result result = ProgramRun.of(Program.read(program));
                int n = result.printed().size();
                if (n < 1 || n > PRINTED || result.least() < 0 || result.greatest() > GREATEST) continue;
                String whole = program + said(result.printed());
                if (whole.length() <= LONGEST) return whole;
            } catch (ProgramFault e) {
                continue;   // too many steps
            }
        }
    }

    /** The comment that says what is printed. */
    static String said(List<Long> printed) {
        return "# prints " + printed.stream().map(String::valueOf).collect(Collectors.joining(" ")) + "\n";
    }

    /** Which part a program is of, by its own letters: no program is of both. */
    static Split part(String program) { return program.hashCode() * 0x9E3779B1 >>> 26 == 0 ? Split.TEST : Split.TRAIN; }

    /** Null where its function is never called. */
    private @Nullable String program() {
        if (noise.uniform() < 0.35) function();
        for (int n = 1 + noise.below(2); n > 0; n--) assign("");
        int blocks = function.isEmpty() ? 1 + noise.below(2) : noise.below(2);
        for (int n = blocks; n > 0; n--) block();
        for (int n = noise.uniform() < 0.7 ? 1 : 2; n > 0; n--) print("");
        while (lines.size() < SHORTEST) lines.add(lines.size() - 1, fresh("", name()));
        boolean idle = !function.isEmpty() && lines.stream().noneMatch(l -> !l.startsWith("def ") && l.contains(function + "("));
        return idle ? null : String.join("\n", lines) + "\n";
    }

    private String one(String[] of) { return of[noise.below(of.length)]; }

    private int number() { return noise.below(10); }

    /** A name that has a value. */
    private String known() { return names.get(noise.below(names.size())); }

    /** A name, perhaps a new one. */
    private String name() {
        String name = one(NAMES);
        return names.size() > 2 ? known() : name;
    }

    private String fresh(String indent, String name) {
        String line = indent + name + " = " + (names.isEmpty() ? String.valueOf(number()) : value());
        if (!names.contains(name)) names.add(name);
        return line;
    }

    private void assign(String indent) { lines.add(fresh(indent, name())); }

    private void print(String indent) {
        String value = noise.uniform() < 0.6 || !function.isEmpty() && noise.uniform() < 0.5 ? value() : known();
        lines.add(indent + "print(" + value + ")");
    }

    /** An operation on what is known, or a number. */
    private String value() {
        if (!function.isEmpty() && noise.uniform() < 0.4) {
            String first = noise.below(2) == 0 ? known() : String.valueOf(number());
            return function + "(" + first + (arguments == 2 ? ", " + operand() : "") + ")";
        }
        return switch (noise.below(9)) {
            case 0 -> String.valueOf(number());
            case 1, 2 -> known() + " + " + operand();
            case 3 -> known() + " - " + operand();
            case 4 -> known() + " * " + (2 + noise.below(2));
            case 5 -> known() + " % " + (2 + noise.below(4));
            case 6 -> known() + " // 2";
            case 7 -> "(" + known() + " + " + operand() + ") * 2";
            default -> known() + " + " + known();
        };
    }

    private String operand() { return noise.below(3) == 0 ? known() : String.valueOf(1 + noise.below(9)); }

    private String condition() {
        String left = known(), right = operand();
        // with itself it would always hold, or never
        return left + " " + one(COMPARISONS) + " " + (right.equals(left) ? String.valueOf(number()) : right);
    }

    private void block() {
        switch (noise.below(5)) {
            case 0, 1 -> branch();
            case 2, 3 -> repeat();
            default -> whilst();
        }
    }

    /** Assigns to what is known, or prints. */
    private void simple(String indent) {
        if (noise.uniform() < 0.3) print(indent);
        else lines.add(indent + known() + " = " + value());
    }

    private void branch() {
        lines.add("if " + condition() + ":");
        simple(STEP);
        if (noise.uniform() < 0.6) {
            lines.add("else:");
            simple(STEP);
        }
    }

    private void repeat() {
        String counter = one(COUNTERS), sum = known();
        lines.add("for " + counter + " in range(" + (2 + noise.below(3)) + "):");
        switch (noise.below(5)) {
            case 0 -> lines.add(STEP + sum + " = " + sum + " + " + counter);
            case 1 -> lines.add(STEP + "print(" + counter + " + " + operand() + ")");
            case 2 -> {
                lines.add(STEP + "if " + counter + " " + one(COMPARISONS) + " " + noise.below(3) + ":");
                lines.add(STEP + STEP + sum + " = " + sum + " + " + (1 + number() / 2));
            }
            case 3 -> lines.add(STEP + sum + " = " + sum + " + " + operand());
            default -> lines.add(STEP + "print(" + sum + " * " + counter + ")");
        }
    }

    private void whilst() {
        String n = known();
        if (noise.below(2) == 0) {
            lines.add("while " + n + " > " + (1 + noise.below(5)) + ":");
            lines.add(STEP + n + " = " + n + (noise.below(3) == 0 ? " // 2" : " - " + (1 + noise.below(4))));
        } else {
            lines.add("while " + n + " < " + (4 + noise.below(9)) + ":");
            lines.add(STEP + n + " = " + n + " + " + (1 + noise.below(5)));
        }
        if (noise.below(3) == 0) lines.add(STEP + "print(" + n + ")");
    }

    private void function() {
        String name = one(FUNCTIONS);
        arguments = noise.uniform() < 0.3 ? 2 : 1;
        String p = PARAMETERS[0], q = arguments == 2 ? PARAMETERS[1] : String.valueOf(1 + noise.below(9));
        lines.add("def " + name + "(" + p + (arguments == 2 ? ", " + q : "") + "):");
        if (noise.uniform() < 0.3) {
            lines.add(STEP + "if " + p + " " + one(COMPARISONS) + " " + q + ":");
            lines.add(STEP + STEP + "return " + p + one(new String[] {" + ", " - ", " * "}) + (1 + noise.below(3)));
        }
        lines.add(STEP + "return " + switch (noise.below(5)) {
            case 0 -> p + " + " + q;
            case 1 -> p + " * 2 + " + q;
            case 2 -> p + " * " + (2 + noise.below(2));
            case 3 -> "(" + p + " + " + q + ") // 2";
            default -> p + " % " + (2 + noise.below(5)) + " + " + q;
        });
        function = name;
    }
}
