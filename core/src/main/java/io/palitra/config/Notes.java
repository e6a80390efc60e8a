package io.palitra.config;

import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Consumer;

/** Takes notes about what was read otherwise than a user may think, and passes on each of them once. */
public final class Notes implements Consumer<String> {
    private static final int MOST = 10, REMEMBERED = 1000;
    private static volatile Consumer<String> common = line -> { };
    private static final Notes COMMON = new Notes(line -> common.accept(line));

    private final Consumer<String> to;
    private final Set<String> passed = new LinkedHashSet<>();

    public Notes(Consumer<String> to) { this.to = to; }

    /** Of the whole program, for code without a receiver of notes. They are dropped until {@link #sendTo} sets a receiver. */
    public static Notes common() { return COMMON; }

    /** Sets the receiver of {@link #common} notes: the command line prints them on stderr. */
    public static void sendTo(Consumer<String> receiver) { common = receiver; }

    @Override public synchronized void accept(String line) {
        if (passed.size() >= REMEMBERED) passed.clear();
        if (passed.add(line)) to.accept(line);
    }

    /** Names in one line: ten, then a count. */
    public static String some(Collection<String> names) { return some(names, MOST); }

    /** Names in one line: so many, then a count. */
    public static String some(Collection<String> names, int most) {
        String first = String.join(", ", names.stream().limit(most).map(n -> n.length() > 100 ? n.substring(0, 100) + "..." : n).toList());
        return names.size() > most ? first + " and " + (names.size() - most) + " more" : first;
    }
}
