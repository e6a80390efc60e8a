package io.palitra.app;

import io.palitra.data.Picture;
import io.palitra.model.Watcher;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;

/**
 * Shows work whose progress is one line in the words of a command: redrawn on a terminal, silent elsewhere. Notes that name keys of a
 * request show the options that set them.
 *
 * @param until whether the work is to end
 * @param spec the command whose options stand for keys, null = notes as they are
 */
record OneLine(Terminal terminal, BooleanSupplier until, Words words, @Nullable CommandSpec spec) implements Watcher {
    /** No line at all. */
    static final Words NOTHING = (what, done, of, figures) -> "";

    OneLine(Terminal terminal, BooleanSupplier until, Words words) { this(terminal, until, words, null); }

    /** The line of a tick. */
    interface Words {
        String of(String what, long done, long of, Map<String, Double> figures);
    }

    @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {
        String line = words.of(what, done, of, figures);
        if (!line.isEmpty()) terminal.doing(line);
    }

    @Override public void note(String line) { terminal.note(spec == null ? line : AsTyped.options(line, spec)); }

    @Override public boolean stop() { return until.getAsBoolean(); }
}
