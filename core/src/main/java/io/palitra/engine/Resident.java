package io.palitra.engine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** Physical memory of this process, as Linux counts it: the JVM, libtorch, the model and what it makes. Elsewhere it is not known. */
public final class Resident {
    private static final Path SELF = Path.of("/proc/self");

    private Resident() {}

    /** Gives freed memory back and begins to watch for the peak anew. */
    public static void watch() {
        Scope.trim();
        try {
            Files.write(SELF.resolve("clear_refs"), "5".getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            // not Linux, or not allowed: the peak is that of the process so far
        }
    }

    /** The most bytes since {@link #watch}, of the whole process. */
    public static OptionalLong peak() {
        try {
            for (String line : Files.readAllLines(SELF.resolve("status"))) {
                if (line.startsWith("VmHWM:")) return OptionalLong.of(Long.parseLong(line.replaceAll("\\D", "")) * 1024);
            }
        } catch (IOException e) {
            // not Linux
        }
        return OptionalLong.empty();
    }
}
