package io.palitra.app;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Stream;

/** What came of a command typed in this process: its exit code, and all that went to stderr. */
record Typed(int code, String err) {
    /** An array among the words stands for its own. */
    static Typed palitra(Object... words) {
        PrintStream before = System.err;
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            return new Typed(Main.execute(Arrays.stream(words).flatMap(w -> w instanceof Object[] more ? Arrays.stream(more) : Stream.of(w))
                .map(Object::toString).toArray(String[]::new)),
                err.toString(StandardCharsets.UTF_8));
        } finally {
            System.setErr(before);
        }
    }
}
