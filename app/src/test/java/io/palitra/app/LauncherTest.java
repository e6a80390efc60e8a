package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The launcher beside a Maven and a Java that only tell how they were called. */
@DisabledOnOs(OS.WINDOWS)
class LauncherTest {
    /** A jar's end: the directory of its entries. */
    private static final String END = "PK\\005\\006" + "\\000".repeat(18);
    private static final List<String> TOOLS = List.of("readlink", "dirname", "find", "head", "tail", "tr", "cat", "mkdir", "rm", "mv",
        "touch", "sleep", "nproc", "cksum", "cut", "grep", "printf", "printenv");

    @TempDir Path root;
    private Path bin = Path.of("");

    @BeforeEach void lay() throws IOException {
        Path launcher = Path.of("palitra").toAbsolutePath();   // tests run in the folder above all modules
        Files.copy(Files.exists(launcher) ? launcher : launcher.resolveSibling("../palitra"), root.resolve("palitra"));
        for (String module : List.of("core", "app")) {
            Files.createDirectories(root.resolve(module + "/src/main"));
            Files.writeString(root.resolve(module + "/pom.xml"), "");
        }
        Files.writeString(root.resolve("pom.xml"), "");
        try (Stream<Path> all = Files.walk(root)) {
            for (Path p : all.toList()) Files.setLastModifiedTime(p, FileTime.fromMillis(System.currentTimeMillis() - 100_000));
        }
        bin = Files.createDirectory(root.resolve("bin"));
        for (String tool : TOOLS) lend(tool);
        lend("flock");
        lend("locale");
        script("mvn", "echo built >>'" + root + "/builds'", "echo \"$*\" >'" + root + "/asked'",
            "rm -f app/target/palitra.jar", "mkdir -p app/target",
            "printf half >app/target/palitra.jar", "sleep 0.5", "printf 'the rest" + END + "' >>app/target/palitra.jar");
        script("java", "for word; do case $word in -XX:ArchiveClassesAtExit=*)",
            "    echo archived >>'" + root + "/archives'", "    file=${word#*=}; printf half >\"$file\"; sleep 0.5",
            "    printf whole >>\"$file\"; exit 0",
            "esac; done", "for word; do case $word in -XX:SharedArchiveFile=*)",
            "    [ \"$(cat \"${word#*=}\")\" = halfwhole ] || echo torn >>'" + root + "/torn'", "esac; done",
            "printenv LC_ALL || echo none; printenv GOMP_SPINCOUNT || echo none; for word; do last=$word; done; printf '%s\\n' \"$last\"");
    }

    private void lend(String tool) throws IOException {
        for (String folder : List.of("/usr/bin", "/bin", "/usr/sbin", "/sbin")) {
            Path there = Path.of(folder, tool);
            if (!Files.exists(there)) continue;
            script(tool, "exec " + there + " \"$@\"");
            return;
        }
    }

    private void script(String name, String... lines) throws IOException {
        Path file = Files.writeString(bin.resolve(name), "#!/bin/sh\nset -e\n" + String.join("\n", lines) + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private Process begin(Map<String, String> environment, String... words) throws IOException {
        List<String> line = new ArrayList<>(List.of("/bin/sh", root.resolve("palitra").toString()));
        line.addAll(List.of(words));
        ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().put("PATH", bin.toString());
        builder.environment().putAll(environment);
        return builder.start();
    }

    /** All that one start said: what the fake Java prints stands last. */
    private List<String> start(Map<String, String> environment, String... words) throws Exception {
        Process p = begin(environment, words);
        List<String> said = new String(p.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8).lines().toList();
        assertThat(p.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(p.exitValue()).as(said.toString()).isZero();
        return said;
    }

    private long lines(String file) throws IOException {
        return Files.exists(root.resolve(file)) ? Files.readAllLines(root.resolve(file)).size() : 0;
    }

    private void threeAtOnce() throws Exception {
        List<Process> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) all.add(begin(Map.of(), "families"));
        for (Process p : all) {
            String said = new String(p.getInputStream().readAllBytes());
            assertThat(p.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(p.exitValue()).as(said).isZero();
            assertThat(said).endsWith("families\n");
        }
    }

    private List<Path> archives() throws IOException {
        try (Stream<Path> all = Files.list(root.resolve("target"))) { return all.filter(f -> f.toString().endsWith(".jsa")).toList(); }
    }

    @Test void threeLaunchersBuildOnceAndMakeOneArchive() throws Exception {
        threeAtOnce();
        assertThat(lines("builds")).isEqualTo(1);
        assertThat(lines("archives")).isEqualTo(1);
        assertThat(lines("torn")).isZero();
        assertThat(archives()).singleElement().satisfies(f -> assertThat(f).hasContent("halfwhole"));
        try (Stream<Path> left = Files.list(root.resolve("target"))) {
            assertThat(left.map(f -> f.getFileName().toString())).noneMatch(n -> n.endsWith(".part") || n.startsWith("began"));
        }
        start(Map.of(), "families");
        assertThat(lines("builds")).as("built already").isEqualTo(1);
        Files.setLastModifiedTime(Files.writeString(root.resolve("core/src/main/New.java"), ""),
            FileTime.fromMillis(System.currentTimeMillis() + 1000));
        start(Map.of(), "families");
        assertThat(lines("builds")).as("newer sources").isEqualTo(2);
    }

    @Test void otherArgumentsOfMavenBuildAnewAndAreKept() throws Exception {
        start(Map.of(), "families");
        Map<String, String> cuda = Map.of("PALITRA_MAVEN_ARGS", "-Pcuda");
        assertThat(start(cuda, "families")).contains("palitra: it was built with PALITRA_MAVEN_ARGS='', now it is '-Pcuda'")
            .anyMatch(l -> l.startsWith("palitra: building with -Pcuda, once"));
        assertThat(lines("builds")).isEqualTo(2);
        assertThat(root.resolve("asked")).content().contains(" -Pcuda package");
        assertThat(start(cuda, "families")).noneMatch(l -> l.startsWith("palitra: "));
        assertThat(start(Map.of(), "families")).as("who gives nothing wants what there is").noneMatch(l -> l.startsWith("palitra: "));
        assertThat(lines("builds")).isEqualTo(2);
        Files.setLastModifiedTime(Files.writeString(root.resolve("core/src/main/New.java"), ""),
            FileTime.fromMillis(System.currentTimeMillis() + 1000));
        start(Map.of(), "families");
        assertThat(root.resolve("asked")).as("newer sources, the same arguments").content().contains(" -Pcuda package");
        Files.delete(root.resolve("core/src/main/New.java"));
        assertThat(start(Map.of("PALITRA_MAVEN_ARGS", ""), "families")).contains("palitra: it was built with PALITRA_MAVEN_ARGS='-Pcuda', "
            + "now it is ''");
        assertThat(lines("builds")).isEqualTo(4);
        assertThat(root.resolve("asked")).content().doesNotContain("cuda");
    }

    @Test void soDoTheyWithoutTheProgramFlock() throws Exception {
        Files.delete(bin.resolve("flock"));
        threeAtOnce();
        assertThat(lines("builds")).isEqualTo(1);
        assertThat(lines("archives")).isEqualTo(1);
        assertThat(lines("torn")).isZero();
        Path left = Files.createDirectories(root.resolve("target/build.lock.d"));   // of a launcher that was killed
        Files.writeString(left.resolve("pid"), "999999999");
        Files.delete(root.resolve("app/target/palitra.jar"));
        start(Map.of(), "families");
        assertThat(lines("builds")).isEqualTo(2);
        assertThat(left).doesNotExist();
    }

    @Test void aJarOfABuildThatWasKilledIsBuiltAnew() throws Exception {
        start(Map.of(), "families");
        Files.writeString(root.resolve("app/target/palitra.jar"), "half");
        start(Map.of(), "families");
        assertThat(lines("builds")).isEqualTo(2);
        assertThat(root.resolve("app/target/palitra.jar")).content().contains("the rest");
    }

    @Test void everyLetterIsReadWithoutALocaleToo() throws Exception {
        start(Map.of(), "families");
        Map<Map<String, String>, String> locales = new LinkedHashMap<>();
        locales.put(Map.of(), "C.UTF-8");
        locales.put(Map.of("LC_ALL", "C"), "C.UTF-8");
        locales.put(Map.of("LANG", "POSIX"), "C.UTF-8");
        locales.put(Map.of("LC_ALL", "xx_XX.UTF-8"), "C.UTF-8");   // not installed
        locales.put(Map.of("LC_CTYPE", "C.UTF-8"), "none");
        if (!Files.exists(bin.resolve("locale"))) locales.clear();
        for (Map.Entry<Map<String, String>, String> e : locales.entrySet()) {
            assertThat(start(e.getKey(), "a red cat")).as(e.getKey().toString()).contains(e.getValue()).endsWith("a red cat");
        }
        Files.deleteIfExists(bin.resolve("locale"));
        assertThat(start(Map.of(), "families")).contains("C.UTF-8");
    }

    @Test void waitingThreadsSpinShortlyUnlessToldOtherwise() throws Exception {
        assertThat(start(Map.of(), "families")).contains("1000");
        assertThat(start(Map.of("GOMP_SPINCOUNT", "7"), "families")).contains("7");
        assertThat(start(Map.of("OMP_WAIT_POLICY", "active"), "families")).contains("none").doesNotContain("1000");
    }

    @Test void aDistributionStartsWithoutABuildAndKeepsItsClassesInTheCache() throws Exception {
        Path home = Files.createDirectories(root.resolve("dist/bin")).getParent();
        Files.copy(root.resolve("palitra"), home.resolve("bin/palitra"));
        Path link = Files.createSymbolicLink(Files.createDirectory(root.resolve("links")).resolve("palitra"), home.resolve("bin/palitra"));
        assertThat(run(link, Map.of(), "families")).as("half a distribution").containsExactly("exit 1");
        Files.writeString(home.resolve("palitra.jar"), "whole");
        Path cache = root.resolve("cache");
        assertThat(run(link, Map.of("XDG_CACHE_HOME", cache.toString()), "families")).contains("1000").endsWith("families", "exit 0");
        assertThat(run(link, Map.of("XDG_CACHE_HOME", cache.toString()), "families")).endsWith("families", "exit 0");
        assertThat(lines("builds")).isZero();
        assertThat(lines("archives")).isEqualTo(1);
        try (Stream<Path> kept = Files.list(cache.resolve("palitra"))) {
            assertThat(kept.map(f -> f.getFileName().toString())).anyMatch(n -> n.endsWith(".jsa"));
        }
        try (Stream<Path> all = Files.list(home)) { assertThat(all).hasSize(2); }
        assertThat(run(link, Map.of("PALITRA_CACHE", "/proc/none"), "families")).as("nowhere to keep them").endsWith("families", "exit 0");
    }

    /** What a start said on stdout, and how it ended. */
    private List<String> run(Path launcher, Map<String, String> environment, String... words) throws Exception {
        List<String> line = new ArrayList<>(List.of("/bin/sh", launcher.toString()));
        line.addAll(List.of(words));
        ProcessBuilder builder = new ProcessBuilder(line).redirectError(root.resolve("err").toFile());
        builder.environment().clear();
        builder.environment().put("PATH", bin.toString());
        builder.environment().putAll(environment);
        Process p = builder.start();
        List<String> said = new ArrayList<>(new String(p.getInputStream().readAllBytes()).lines().toList());
        assertThat(p.waitFor(60, TimeUnit.SECONDS)).isTrue();
        said.add("exit " + p.exitValue());
        return said;
    }

    private Path java(String folder, String version) throws IOException {
        Path home = root.resolve(folder);
        Files.createDirectories(home.resolve("bin"));
        Files.copy(bin.resolve("java"), home.resolve("bin/java"), java.nio.file.StandardCopyOption.COPY_ATTRIBUTES);
        Files.writeString(home.resolve("release"), "IMPLEMENTOR=\"Some\"\nJAVA_VERSION=\"" + version + "\"\nMODULES=\"a b\"\n");
        return home;
    }

    @Test void anOldJavaIsRefusedInALine() throws Exception {
        start(Map.of(), "families");
        Path launcher = root.resolve("palitra");
        for (String fits : List.of("17.0.15", "25", "17-ea")) {
            Path home = java("jdk-" + fits, fits);
            assertThat(run(launcher, Map.of("JAVA_HOME", home.toString()), "families")).as(fits).endsWith("families", "exit 0");
        }
        for (String old : List.of("1.8.0_412", "11.0.2")) {
            Path home = java("jdk-" + old, old);
            assertThat(run(launcher, Map.of("JAVA_HOME", home.toString()), "families")).as(old).containsExactly("exit 1");
            assertThat(root.resolve("err")).hasContent("palitra: needs Java 17 or newer; JAVA_HOME=" + home + " has "
                + old.substring(0, old.indexOf('.')));
        }
        assertThat(run(launcher, Map.of("JAVA_HOME", "/nowhere"), "families")).containsExactly("exit 1");
        assertThat(root.resolve("err")).hasContent("palitra: needs Java 17 or newer; JAVA_HOME=/nowhere has none");
    }
}
