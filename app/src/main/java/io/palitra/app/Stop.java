package io.palitra.app;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * Ctrl-C and SIGTERM: the first asks the loop to save and end, the second leaves at once; so does the first where nobody would save. The
 * exit code is 128 and the signal's number.
 */
final class Stop implements BooleanSupplier {
    private static @Nullable Stop watching;   // the command that looks whether it is to stop
    private static boolean listens;

    /** Signals closer than this are one: `timeout` sends one to its child and another to its group. */
    private static final long TOGETHER_NANOS = 1_000_000_000L;

    private volatile @Nullable Signal asked;
    private long since;

    private Stop() {}

    /** From here on signals are ours. */
    static synchronized void listen() {
        if (listens) return;
        listens = true;
        for (String name : new String[] {"INT", "TERM"}) Signal.handle(new Signal(name), Stop::came);
    }

    /** From here on the caller looks whether it is to stop. */
    static synchronized Stop onSignals() {
        listen();
        Stop stop = new Stop();
        watching = stop;
        return stop;
    }

    /** As {@link #onSignals}, from the first question on: until then a signal leaves at once. */
    static BooleanSupplier whenAsked() {
        AtomicReference<@Nullable Stop> stop = new AtomicReference<>();
        return () -> {
            Stop now = stop.get();
            if (now == null) stop.set(now = onSignals());
            return now.getAsBoolean();
        };
    }

    private static synchronized void came(Signal signal) {
        Stop stop = watching;
        if (stop == null) leave(signal);
        else if (stop.asked == null) {
            stop.asked = signal;
            stop.since = System.nanoTime();
            Terminal.print("stopping after this step; a second signal leaves at once");
        } else if (System.nanoTime() - stop.since > TOGETHER_NANOS) {
            Terminal.print("left at once: what was not saved yet is lost");
            leave(signal);
        }
    }

    /**
     * As a program without a handler does, by the signal itself: an exit would tear down libraries that are at work around their threads.
     * Java raises no signal that it does not handle, so a shell does.
     */
    private static void leave(Signal signal) {
        Signal.handle(signal, SignalHandler.SIG_DFL);
        try {
            new ProcessBuilder("sh", "-c", "kill -s " + signal.getName() + " " + ProcessHandle.current().pid()).start()
                .waitFor(1, TimeUnit.SECONDS);
        } catch (IOException | InterruptedException e) {
            // no shell
        }
        Runtime.getRuntime().halt(code(signal));   // process 1 of a container is not ended by signals
    }

    private static int code(Signal signal) { return 128 + signal.getNumber(); }

    /** What a command that was stopped ends with: 143 for SIGTERM, 130 for Ctrl-C. */
    static synchronized int code() {
        Signal by = watching == null ? null : watching.asked;
        return by == null ? Main.STOPPED : code(by);
    }

    @Override public boolean getAsBoolean() { return asked != null; }
}
