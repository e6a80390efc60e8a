package io.palitra.config;

import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Consumer;

/** Takes lines for a person about what was read otherwise than one may think, and says each of them once. */
public final class Notes implements Consumer<String> {
    private static final int MOST = 10, REMEMBERED = 1000;
    private static volatile Consumer<String> common = line -> { };
    private static final Notes COMMON = new Notes(line -> common.accept(line));

    private final Consumer<String> to;
    private final Set<String> said = new LinkedHashSet<>();

    public Notes(Consumer<String> to) { this.to = to; }

    /** Of the whole program, for those who were given nobody to tell. Nobody hears it until {@link #toHear} says who does. */
    public static Notes common() { return COMMON; }

    /** Who hears {@link #common} notes from now on: the command line prints them on stderr. */
    public static void toHear(Consumer<String> who) { common = who; }

    @Override public synchronized void accept(String line) {
        if (said.size() >= REMEMBERED) said.clear();
        if (said.add(line)) to.accept(line);
    }

    /** Names in one line: ten, then a count. */
    public static String some(Collection<String> names) { return some(names, MOST); }

    /** Names in one line: so many, then a count. */
    public static String some(Collection<String> names, int most) {
        String first = String.join(", ", names.stream().limit(most).map(n -> n.length() > 100 ? n.substring(0, 100) + "..." : n).toList());
        return names.size() > most ? first + " and " + (names.size() - most) + " more" : first;
    }
}
