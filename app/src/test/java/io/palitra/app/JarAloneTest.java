package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

/** {@code java -jar} says in one line what it lacks, and doctor explains. */
class JarAloneTest {
    private static String note(Map<String, String> environment, String letters) {
        return Launcher.note(environment::get, letters, "Linux");
    }

    @Test void whatTheLauncherWouldHaveSetIsNamed() {
        assertThat(note(Map.of(), "ANSI_X3.4-1968")).doesNotContain("\n").contains("without the launcher", "LC_ALL", "GOMP_SPINCOUNT",
            "MALLOC_ARENA_MAX", "LRU_CACHE_CAPACITY", "doctor");
        assertThat(note(Map.of("OMP_WAIT_POLICY", "passive"), "UTF-8")).contains("MALLOC_ARENA_MAX").doesNotContain("GOMP", "LC_ALL");
        Map<String, String> set = Map.of("GOMP_SPINCOUNT", "1000", "MALLOC_ARENA_MAX", "1", "LRU_CACHE_CAPACITY", "256");
        assertThat(note(set, "UTF-8")).isEmpty();
        assertThat(Launcher.note(Map.<String, String>of()::get, "UTF-8", "Mac OS X")).as("no glibc there").contains("LRU_CACHE")
            .doesNotContain("MALLOC", "GOMP");
    }

    @Test void doctorExplains() {
        assertThat(Launcher.findings(true, Map.<String, String>of()::get)).containsOnlyKeys("launcher", "kernels")
            .hasEntrySatisfying("launcher", t -> assertThat(t).startsWith("none"))
            .hasEntrySatisfying("kernels", t -> assertThat(t).contains("LRU_CACHE_CAPACITY=256"));
        assertThat(Launcher.findings(false, Map.of("LRU_CACHE_CAPACITY", "9", "ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8")::get).values())
            .containsExactly("the settings are its own", "at most 9 and 8 are kept");
    }

    @Test void classesOfADeveloperAreNoJar() { assertThat(Launcher.missing()).isFalse(); }
}
