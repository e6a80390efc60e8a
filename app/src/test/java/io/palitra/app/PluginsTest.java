package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A jar beside the program adds a family, its kind of items, its data set and its display. */
class PluginsTest {
    private static final List<String> SERVICES = List.of("io.palitra.config.Choices", "io.palitra.data.DataProvider",
        "io.palitra.model.FamilyProvider", "io.palitra.report.Display");

    @TempDir Path root;

    /** The third kind of item of core's tests, in a package that no class path has. */
    private void jar(Path file) throws Exception {
        Path source = Stream.of("../core/src/test/java", "core/src/test/java").map(p -> Path.of(p, "io/palitra/thirdkind/Letters.java"))
            .filter(Files::exists).findFirst().orElseThrow();
        Path own = Files.createDirectories(root.resolve("source/outside")).resolve("Letters.java"), classes = root.resolve("classes");
        Files.writeString(own, Files.readString(source).replace("package io.palitra.thirdkind;", "package outside;"));
        assertThat(ToolProvider.getSystemJavaCompiler().run(null, OutputStream.nullOutputStream(), null, "-proc:none", "-parameters", "-cp",
            System.getProperty("java.class.path"), "-d", classes.toString(), own.toString())).isZero();
        Files.createDirectories(file.getParent());
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(file)); Stream<Path> all = Files.walk(classes)) {
            for (Path p : all.filter(Files::isRegularFile).toList()) {
                out.putNextEntry(new JarEntry(classes.relativize(p).toString().replace('\\', '/')));
                out.write(Files.readAllBytes(p));
            }
            for (String service : SERVICES) {
                out.putNextEntry(new JarEntry("META-INF/services/" + service));
                out.write("outside.Letters\n".getBytes(StandardCharsets.UTF_8));
            }
        }
    }

    private String palitra(int code, String... args) throws Exception {
        List<String> line = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1", "-D" + Plugins.FOLDER + "=" + root.resolve("plugins"), "-cp", System.getProperty("java.class.path"),
            Main.class.getName()));
        line.addAll(List.of(args));
        Path out = root.resolve("out");
        Process p = new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(out.toFile()).start();
        assertThat(p.waitFor(120, TimeUnit.SECONDS)).isTrue();
        assertThat(p.exitValue()).as(Files.readString(out)).isEqualTo(code);
        return Files.readString(out);
    }

    @Test void aJarBesideTheProgramAddsAFamily() throws Exception {
        String run = root.resolve("run").toString();
        assertThat(palitra(2, "train", "bigram", "words", "--out", run)).contains("no family 'bigram'");
        jar(root.resolve("plugins/letters.jar"));
        assertThat(palitra(0, "families")).contains("bigram", "vae");
        palitra(0, "train", "bigram", "words", "--steps", "20", "--out", run);
        palitra(0, "resume", run, "--steps", "60");
        palitra(0, "sample", run, "-n", "5", "--out", root.resolve("five.txt").toString());
        assertThat(Files.readAllLines(root.resolve("five.txt"))).hasSize(5).allMatch(w -> w.matches("[a-f]{8}"));
        assertThat(palitra(0, "evaluate", run, "-n", "100")).contains("-log p");
        assertThat(Path.of(run, "report.html")).content().contains("bigram on words", "<pre>");
    }
}
