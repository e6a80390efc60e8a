package io.palitra.parity;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Folders of right answers from the field's reference software: those that PALITRA_PARITY names, with the system's path separator between
 * them, else {@code ../shared/parity} and {@code ../shared/parity-next}.
 */
public final class References {
    private static final String BOTH = "../shared/parity" + File.pathSeparator + "../shared/parity-next";

    private References() {}

    private static List<Path> folders() {
        String named = Optional.ofNullable(System.getenv("PALITRA_PARITY")).filter(s -> !s.isBlank()).orElse(BOTH);
        return Arrays.stream(named.split(File.pathSeparator)).filter(s -> !s.isBlank()).map(Path::of).toList();
    }

    /** A file or folder below each of the folders, where it is there. */
    public static List<Path> all(String below) {
        List<Path> found = new ArrayList<>();
        for (Path folder : folders()) if (Files.exists(folder.resolve(below))) found.add(folder.resolve(below));
        return found;
    }

    /** The first of {@link #all}, or empty. */
    public static Optional<Path> first(String below) { return all(below).stream().findFirst(); }

    /** The first of {@link #all}; where there is none the test is skipped and says so. */
    public static Path find(String below) { return first(below).orElseGet(() -> abort(none(below))); }

    /** Skips a case of what is not built yet, by name, also in the output of a run that shows no skipped tests. */
    static void skip(String why) {
        System.out.println("skipped: " + why);
        abort(why);
    }

    /** Why there is nothing to compare with. */
    static String none(String below) {
        return "no reference numbers: no '" + below + "' in " + folders() + "; PALITRA_PARITY names their folders";
    }
}
