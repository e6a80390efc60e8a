package io.palitra.data;

import io.palitra.data.Program.Condition;
import io.palitra.data.Program.Expression;
import io.palitra.data.Program.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Runs a {@link Program}, with Python's rules of names, floor division and remainder. Numbers lie within 10^12; a program that takes
 * too many steps is ended.
 */
public final class ProgramRun {
    /** Steps that a program may take: statements, and operations in them. */
    public static final int STEPS = 10_000;
    private static final long GREATEST = 1_000_000_000_000L;
    private static final int DEEPEST = 50;

    /**
     * What came of it.
     *
     * @param printed in order
     * @param least of all numbers that names were given, and that were printed
     * @param greatest of these
     */
    public record Result(List<Long> printed, long least, long greatest) {}

    private final List<Long> printed = new ArrayList<>();
    /** Numbers, and functions. */
    private final Map<String, Object> globals = new LinkedHashMap<>();
    private final int most;
    private int steps, depth;
    private long least = Long.MAX_VALUE, greatest = Long.MIN_VALUE;

    private ProgramRun(int most) { this.most = most; }

    /** @throws ProgramFault of kind RUN or STEPS */
    public static Result of(Program program) { return of(program, STEPS); }

    static Result of(Program program, int steps) {
        ProgramRun run = new ProgramRun(steps);
        run.all(program.body(), null);
        return new Result(List.copyOf(run.printed), run.least, run.greatest);
    }

    /** Of a call: its names, and which there are. */
    private record Frame(Map<String, Object> names, Statement.Function of) {}

    private static ProgramFault fault(int line, String message) { return new ProgramFault(ProgramFault.Kind.RUN, line, message); }

    private void step(int line) {
        if (++steps > most) throw new ProgramFault(ProgramFault.Kind.STEPS, line, "it has not ended after " + most + " steps");
    }

    /** The value of a return that was met; null where there was none. */
    private @Nullable Long all(List<Statement> body, @Nullable Frame frame) {
        for (Statement s : body) {
            step(s.line());
            Long back = one(s, frame);
            if (back != null) return back;
        }
        return null;
    }

    private @Nullable Long one(Statement s, @Nullable Frame frame) {
        int line = s.line();
        if (s instanceof Statement.Assignment a) {
            set(a.name(), value(a.value(), line, frame), frame);
        } else if (s instanceof Statement.Print p) {
            printed.add(seen(value(p.value(), line, frame)));
        } else if (s instanceof Statement.Branch b) {
            return all(holds(b.condition(), line, frame) ? b.then() : b.otherwise(), frame);
        } else if (s instanceof Statement.While w) {
            while (holds(w.condition(), line, frame)) {
                Long back = all(w.body(), frame);
                if (back != null) return back;
            }
        } else if (s instanceof Statement.For f) {
            long times = value(f.times(), line, frame);
            for (long i = 0; i < times; i++) {
                step(line);
                set(f.name(), i, frame);
                Long back = all(f.body(), frame);
                if (back != null) return back;
            }
        } else if (s instanceof Statement.Function f) {
            globals.put(f.name(), f);
        } else if (s instanceof Statement.Return r) {
            return value(r.value(), line, frame);
        } else if (s instanceof Statement.Evaluation e) {
            call(e.call(), line, frame);
        }
        return null;
    }

    private long seen(long value) {
        least = Math.min(least, value);
        greatest = Math.max(greatest, value);
        return value;
    }

    private void set(String name, long value, @Nullable Frame frame) { (frame == null ? globals : frame.names).put(name, seen(value)); }

    private Object named(String name, int line, @Nullable Frame frame) {
        Object value = frame != null && frame.of.locals().contains(name) ? frame.names.get(name) : globals.get(name);
        if (value == null) throw fault(line, name + " has no value");
        return value;
    }

    private boolean holds(Condition c, int line, @Nullable Frame frame) {
        int order = Long.compare(value(c.left(), line, frame), value(c.right(), line, frame));
        return switch (c.comparison()) {
            case "<" -> order < 0;
            case ">" -> order > 0;
            case "<=" -> order <= 0;
            case ">=" -> order >= 0;
            case "==" -> order == 0;
            default -> order != 0;
        };
    }

    private long value(Expression e, int line, @Nullable Frame frame) {
        step(line);
        long value;
        if (e instanceof Expression.Constant c) {
            value = c.value();
        } else if (e instanceof Expression.Name n) {
            if (!(named(n.name(), line, frame) instanceof Long number)) throw fault(line, n.name() + " is a function");
            value = number;
        } else if (e instanceof Expression.Negative n) {
            value = -value(n.of(), line, frame);
        } else if (e instanceof Expression.Operation o) {
            value = operation(o.operator(), value(o.left(), line, frame), value(o.right(), line, frame), line);
        } else {
            Expression.Call call = (Expression.Call) e;
            Long back = call(call, line, frame);
            if (back == null) throw fault(line, call.name() + " returns nothing");
            value = back;
        }
        if (Math.abs(value) > GREATEST) throw fault(line, "a number beyond " + GREATEST);
        return value;
    }

    private static long operation(char operator, long left, long right, int line) {
        if ((operator == '/' || operator == '%') && right == 0) throw fault(line, "a division by 0");
        return switch (operator) {
            case '+' -> left + right;
            case '-' -> left - right;
            case '*' -> Math.abs(left) > 1 && Math.abs(right) > 2 * GREATEST / Math.abs(left) ? 2 * GREATEST : left * right;
            case '/' -> Math.floorDiv(left, right);
            default -> Math.floorMod(left, right);
        };
    }

    private @Nullable Long call(Expression.Call call, int line, @Nullable Frame frame) {
        if (!(named(call.name(), line, frame) instanceof Statement.Function f)) throw fault(line, call.name() + " is a number");
        int wanted = f.parameters().size(), given = call.arguments().size();
        if (wanted != given) {
            throw fault(line, call.name() + " takes " + wanted + (wanted == 1 ? " number" : " numbers") + ", got " + given);
        }
        if (++depth > DEEPEST) throw fault(line, "more than " + DEEPEST + " calls within each other");
        Frame own = new Frame(new LinkedHashMap<>(), f);
        for (int i = 0; i < given; i++) own.names.put(f.parameters().get(i), value(call.arguments().get(i), line, frame));
        Long back = all(f.body(), own);
        depth--;
        return back;
    }
}
