package io.palitra.app;

import java.util.function.BooleanSupplier;
import sun.misc.Signal;

/** Ctrl-C and SIGTERM: the first asks the loop to save and end, the second leaves at once. */
final class Stop implements BooleanSupplier {
    private volatile boolean asked;

    private Stop() {}

    static Stop onSignals() {
        Stop stop = new Stop();
        for (String name : new String[] {"INT", "TERM"}) {
            Signal.handle(new Signal(name), signal -> {
                if (stop.asked) Runtime.getRuntime().halt(Main.STOPPED);
                stop.asked = true;
            });
        }
        return stop;
    }

    @Override public boolean getAsBoolean() { return asked; }
}
