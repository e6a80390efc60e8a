package io.palitra;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.model.Watcher;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.io.ByteArrayOutputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The recipe for a family in CONTRIBUTING.md compiles and trains as it is printed. */
class RecipeTest {
    private static final String PROVIDER = """
        package outside;
        public final class Provider implements io.palitra.model.FamilyProvider {
            @Override public java.util.List<io.palitra.model.Family<?>> families() { return java.util.List.of(Linearly.FAMILY); }
        }
        """;

    @TempDir Path root;

    @Test void theRecipeCompilesAndTrains() throws Exception {
        String page = Files.readString(Stream.of("../CONTRIBUTING.md", "CONTRIBUTING.md").map(Path::of).filter(Files::exists).findFirst()
            .orElseThrow());
        int begin = page.indexOf("```java\n") + "```java\n".length();
        Path family = Files.createDirectories(root.resolve("outside")).resolve("Linearly.java");
        Path provider = family.resolveSibling("Provider.java");
        Files.writeString(family, page.substring(begin, page.indexOf("```\n", begin)));
        Files.writeString(provider, PROVIDER);
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        int code = ToolProvider.getSystemJavaCompiler().run(null, said, said, "-proc:none", "-parameters", "-cp",
            System.getProperty("java.class.path"), "-d", root.resolve("classes").toString(), family.toString(), provider.toString());
        assertThat(code).as(said.toString(StandardCharsets.UTF_8)).isZero();
        Path services = Files.createDirectories(root.resolve("classes/META-INF/services"));
        Files.writeString(services.resolve("io.palitra.model.FamilyProvider"), "outside.Provider\n");
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (URLClassLoader jar = new URLClassLoader(new URL[] {root.resolve("classes").toUri().toURL()}, before)) {
            thread.setContextClassLoader(jar);
            Dataset data = Datasets.open("strokes", Split.TEST, DataOptions.DEFAULT);
            RunConfig config = RunConfig.of("linearly", "strokes", data, DataOptions.DEFAULT, 1, List.of("latent=8", "train.steps=40"));
            Path run = root.resolve("run");
            assertThat(Trainer.start(run, config, data, data, Watcher.SILENT)).isTrue();
            assertThat(run.resolve("samples.png")).isNotEmptyFile();
            assertThat(run.resolve("reconstructions.png")).isNotEmptyFile();
            assertThat(run.resolve("report.html")).content().contains("linearly on strokes");
        } finally {
            thread.setContextClassLoader(before);
        }
    }
}
