package io.palitra.app;

import io.palitra.data.Picture;
import io.palitra.model.Watcher;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a person sees on stderr while a run goes: one line that is redrawn on a terminal, plain lines elsewhere. */
final class Terminal implements Watcher {
    private static final long PLAIN_NANOS = 5_000_000_000L;
    private static final long REDRAW_NANOS = 100_000_000L;
    private static final int BAR = 20;
    /** Figures of a training. */
    private static final String STEPS = "steps/s", ITEMS = "items/s";
    private static final List<String> NO_LOSSES = List.of("lr", STEPS, ITEMS);
    /** Seconds of a training after which what is left can be estimated: the first steps are slow. */
    private static final double ESTIMATED = 3;
    /** A line can be read: a name of a million letters is cut. */
    private static final int LONGEST = 1000;

    private final PrintStream err;
    private final String title;
    private final boolean quiet;
    private final boolean redraws;
    private final boolean colour;
    private final long started = System.nanoTime();
    private BooleanSupplier stop = () -> false;
    private long shown;
    private long parted = System.nanoTime();
    private boolean open;
    private final TerminalWidth width;

    Terminal(String title, boolean quiet) { this(System.err, title, quiet, System.console() != null, System.getenv("NO_COLOR"),
        new TerminalWidth()); }

    /** @param width of what lines that are redrawn are cut to */
    Terminal(PrintStream err, String title, boolean quiet, boolean terminal, @Nullable String noColor, TerminalWidth width) {
        this.width = width;
        this.err = err;
        this.title = title;
        this.quiet = quiet;
        redraws = terminal;
        colour = terminal && (noColor == null || noColor.isEmpty());
    }

    /** From here on {@link #stop} is what that returns. */
    Terminal until(BooleanSupplier asked) {
        stop = asked;
        return this;
    }

    /** A note of no terminal's own: a line on stderr. */
    static void print(String line) { System.err.println(Language.say(plain(line))); }

    /** What went wrong, in one line: it alone begins with the program's name. */
    static void error(PrintStream err, String line) { error(new PrintWriter(err, true), line); }

    static void error(PrintWriter err, String english) {
        String line = Language.say(english);
        err.println("palitra: " + (line.length() <= LONGEST ? line : line.substring(0, LONGEST) + "..."));
        err.flush();
    }

    /** Without control characters: names from files must not steer a terminal. */
    static String plain(@Nullable String text) { return String.valueOf(text).replaceAll("\\p{Cntrl}", "?"); }

    /** Draws a bar; of an endless count, or of the steps of a single drawing, a line that is redrawn where it can be. */
    @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {
        if (figures.containsKey(STEPS)) steps((title.isEmpty() ? "" : title + ": ") + training(plain(what)), done, of, figures);
        else if (of == 0) doing(done == 0 ? what : Language.say(what) + " " + done);
        else if (what.equals("step")) doing(title + ": step " + done + "/" + of);
        else part(what, done / (double) of);
    }

    /** "vae on strokes". */
    private static String training(String what) {
        int on = what.indexOf(" on ");
        return on < 0 ? what : what.substring(0, on) + " " + Language.say("on") + what.substring(on + 3);
    }

    /** Of a training. */
    private void steps(String title, long step, long steps, Map<String, Double> figures) {
        if (quiet) return;
        long now = System.nanoTime();
        if (now - shown < (redraws ? REDRAW_NANOS : PLAIN_NANOS) && step < steps && shown != 0) return;
        shown = now;
        double seconds = (now - started) * 1e-9, left = (steps - step) / Math.max(1e-9, figures.getOrDefault(STEPS, 0.0));
        StringBuilder values = new StringBuilder();
        figures.forEach((name, v) -> {
            boolean loss = !NO_LOSSES.contains(name) && !name.endsWith("gradient norm");
            if (loss) values.append(", ").append(name).append('=').append(format(v));
        });
        String speed = String.format(Locale.ROOT, "%.1f %s", figures.getOrDefault(STEPS, 0.0), Language.say(STEPS));
        String items = String.format(Locale.ROOT, ", %.0f %s", figures.getOrDefault(ITEMS, 0.0), Language.say(ITEMS));
        IntFunction<String> begin = bar -> String.format(Locale.ROOT, "%s: %3d%%|%s| %d/%d [%s<%s, ", title, 100 * step / steps,
            bar(step / (double) steps, bar), step, steps, clock(seconds), seconds < ESTIMATED ? "?" : clock(left));
        String line = begin.apply(BAR) + speed + items + values + "]";
        if (redraws) {
            // on a narrow terminal what matters least goes first
            String cut = Stream.of(line, begin.apply(BAR) + speed + values + "]", begin.apply(BAR / 4) + speed + values + "]",
                begin.apply(BAR / 4) + speed + "]").filter(width::fits).findFirst().orElse(width.cut(begin.apply(BAR / 4) + speed + "]"));
            boolean whole = colour && cut.startsWith(title);
            err.print("\r" + (whole ? "\u001b[36m" + title + "\u001b[0m" + cut.substring(title.length()) : cut) + "\u001b[K");
            open = true;
        } else {
            err.println(line);
        }
        if (step == steps) endLine();
    }

    private void part(String what, double share) {
        long now = System.nanoTime();
        if (quiet || now - parted < (redraws ? REDRAW_NANOS : PLAIN_NANOS)) return;
        parted = now;
        String line = String.format(Locale.ROOT, "%s: %s %3.0f%%|%s| [%s]", title, Language.say(plain(what)), Math.floor(100 * share),
            bar(share, BAR), clock((now - started) * 1e-9));
        if (redraws) {
            err.print("\r" + width.cut(line) + "\u001b[K");
            open = true;
        } else {
            err.println(line);
        }
    }

    @Override public boolean stop() {
        boolean stops = stop.getAsBoolean();
        if (stops) endLine();
        return stops;
    }

    private static String bar(double share, int width) {
        int full = (int) (share * width);
        return "█".repeat(full) + " ".repeat(width - full);
    }

    static String clock(double seconds) {
        long t = Math.round(seconds);
        return t < 3600 ? String.format("%02d:%02d", t / 60, t % 60) : String.format("%d:%02d:%02d", t / 3600, t / 60 % 60, t % 60);
    }

    private static String format(double v) { return String.format(Locale.ROOT, Math.abs(v) >= 100 ? "%.1f" : "%.4g", v); }

    private void endLine() {
        if (open) err.println();
        open = false;
    }

    @Override public void begins(String line) {
        if (!quiet) note(line);
    }

    @Override public void note(String message) {
        endLine();
        err.println(Language.say(plain(message)));
    }

    /** A line of progress of something other than training; redrawn on a terminal, silent elsewhere. */
    void doing(String what) {
        if (quiet || !redraws) return;
        err.print("\r" + width.cut(Language.say(plain(what))) + "\u001b[K");
        open = true;
    }

    void done() { endLine(); }
}
