package io.palitra.app;

import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What the launcher sets before the JVM starts, and what a program lacks that was started without it, as by {@code java -jar}.
 * ({@code doctor} of {@code io.palitra.job} tells of letters, waiting and malloc.)
 */
final class Launcher {
    private static final List<String> QUIET = List.of("doctor", "generate-completion", "--help", "-h", "--version", "-V", "--quiet");

    private Launcher() {}

    /** Whether it is the jar that runs, and no launcher started it. */
    static boolean missing() {
        try {
            return System.getProperty(Plugins.FOLDER) == null
                && Launcher.class.getProtectionDomain().getCodeSource().getLocation().toURI().getPath().endsWith(".jar");
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The line for a start of the jar alone; empty where nothing is lacking that matters, or the words want no such line. */
    static String note(List<String> words) {
        if (!missing() || words.isEmpty() || words.stream().anyMatch(QUIET::contains)) return "";
        return note(System::getenv, System.getProperty("sun.jnu.encoding", ""), System.getProperty("os.name"));
    }

    static String note(UnaryOperator<@Nullable String> environment, String letters, String system) {
        List<String> lacks = new ArrayList<>();
        if (!letters.equals("UTF-8")) lacks.add("letters of every alphabet (LC_ALL)");
        if (system.equals("Linux")) {
            if (environment.apply("GOMP_SPINCOUNT") == null && environment.apply("OMP_WAIT_POLICY") == null) {
                lacks.add("threads that sleep when they wait (GOMP_SPINCOUNT)");
            }
            if (environment.apply("MALLOC_ARENA_MAX") == null) lacks.add("malloc fit for tensors (MALLOC_ARENA_MAX and others)");
        }
        if (environment.apply("LRU_CACHE_CAPACITY") == null) lacks.add("a bound on kept kernels (LRU_CACHE_CAPACITY)");
        return lacks.isEmpty() ? "" : "started without the launcher (bin/palitra), and so without " + String.join(", ", lacks)
            + "; 'doctor' explains";
    }

    /** For {@code doctor}: by what it is about. */
    static Map<String, String> findings() { return findings(missing(), System::getenv); }

    static Map<String, String> findings(boolean missing, UnaryOperator<@Nullable String> environment) {
        Map<String, String> all = new LinkedHashMap<>();
        String capacity = environment.apply("LRU_CACHE_CAPACITY"), kernels = environment.apply("ONEDNN_PRIMITIVE_CACHE_CAPACITY");
        all.put("launcher", !missing ? "the settings are its own"
            : "none: it sets what 'letters', 'waiting', 'malloc' and 'kernels' tell of, and keeps an archive of classes, with which"
                + " the program starts in two thirds of the time");
        all.put("kernels", capacity != null && kernels != null ? "at most " + capacity + " and " + kernels + " are kept"
            : "1,024 are kept: a process that sees many shapes grows; LRU_CACHE_CAPACITY=256 and ONEDNN_PRIMITIVE_CACHE_CAPACITY=256");
        return all;
    }
}
