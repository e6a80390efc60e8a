package io.palitra.app;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;

/** How many letters a line of the terminal holds: a line that is redrawn must not wrap. Asked anew every few seconds, for it can change. */
final class TerminalWidth {
    private static final long ASKED_NANOS = 5_000_000_000L;
    /** Taken where the terminal does not say. */
    private static final int USUAL = 80, LEAST = 20;

    private final IntSupplier ask;
    private long asked;
    private int width;

    TerminalWidth() { this(TerminalWidth::asked); }

    /** @param ask columns, 0 = not known */
    TerminalWidth(IntSupplier ask) { this.ask = ask; }

    private int columns() {
        long now = System.nanoTime();
        if (width == 0 || now - asked > ASKED_NANOS) {
            int columns = ask.getAsInt();
            width = columns <= 0 ? USUAL : Math.max(LEAST, columns);
            asked = now;
        }
        return width;
    }

    /** Whether the cursor stays in the line. */
    boolean fits(String line) { return cut(line).length() == line.length(); }

    /** The line, cut so that the cursor stays in it. */
    String cut(String line) {
        int columns = columns() - 1, used = 0;
        for (int i = 0; i < line.length(); i += Character.charCount(line.codePointAt(i))) {
            used += wide(line.codePointAt(i)) ? 2 : 1;
            if (used > columns) return line.substring(0, i);
        }
        return line;
    }

    /** Signs of East Asia take two places. */
    private static boolean wide(int c) { return Character.isIdeographic(c) || c >= 0x3040 && c <= 0x30FF || c >= 0xAC00 && c <= 0xD7A3; }

    /** What {@code stty} says of the terminal; 0 where there is none. */
    private static int asked() {
        try {
            Process stty = new ProcessBuilder("stty", "size").redirectInput(Path.of("/dev/tty").toFile())
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
            String[] said = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip().split(" ");
            boolean done = stty.waitFor(1, TimeUnit.SECONDS) && stty.exitValue() == 0;
            return done && said.length == 2 && said[1].matches("\\d{1,5}") ? Integer.parseInt(said[1]) : 0;
        } catch (IOException e) {
            return 0;   // no stty, no terminal
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 0;
        }
    }
}
