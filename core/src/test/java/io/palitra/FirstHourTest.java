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
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The first hour in English and in Russian says the same, and its service is compiled and run. */
class FirstHourTest {
    private static final Pattern NUMBER = Pattern.compile("\\d+(?:[.,]\\d+)*"), LINK = Pattern.compile("]\\(([^)#]+)");
    private static final Pattern QUOTED = Pattern.compile("`([^`]+)`");

    @TempDir Path root;

    /** What stands under a heading. */
    private record Section(String heading, List<String> code, List<String> numbers, List<String> links, List<String> quoted) {}

    @Test void bothLanguagesHaveTheSameHeadingsCommandsAndNumbers() throws Exception {
        List<Section> english = sections("docs/first-hour.md"), russian = sections("docs/first-hour.ru.md");
        assertThat(russian).extracting(s -> level(s.heading)).as("levels of headings").isEqualTo(english.stream().map(s -> level(s.heading))
            .toList());
        for (int i = 0; i < english.size(); i++) {
            Section a = english.get(i), b = russian.get(i);
            String where = "under '" + a.heading + "' and '" + b.heading + "'";
            assertThat(b.code).as("commands and code " + where).isEqualTo(a.code);
            assertThat(b.numbers).as("numbers " + where).containsExactlyInAnyOrderElementsOf(a.numbers);
            assertThat(b.links).as("links " + where).containsExactlyInAnyOrderElementsOf(a.links);
            assertThat(b.quoted).as("words in backticks " + where).containsExactlyInAnyOrderElementsOf(a.quoted);
        }
    }

    private static String level(String heading) { return heading.replaceAll("[^#].*", ""); }

    private static List<Section> sections(String page) throws Exception {
        List<Section> all = new ArrayList<>();
        StringBuilder prose = new StringBuilder(), code = new StringBuilder();
        List<String> blocks = new ArrayList<>();
        String heading = "";
        boolean inside = false;
        for (String line : Files.readAllLines(BookTest.page(page))) {
            if (line.startsWith("```")) {
                if (inside) {
                    blocks.add(code.toString());
                    code.setLength(0);
                }
                inside = !inside;
            } else if (inside) {
                code.append(line).append('\n');
            } else if (line.startsWith("#")) {
                all.add(section(heading, blocks, prose.toString()));
                blocks = new ArrayList<>();
                prose.setLength(0);
                heading = line;
            } else {
                prose.append(line).append('\n');
            }
        }
        all.add(section(heading, blocks, prose.toString()));
        return all;
    }

    private static Section section(String heading, List<String> code, String prose) {
        String plain = prose.replaceAll("\\.ru\\.md", ".md");
        String words = LINK.matcher(plain).replaceAll("](");
        return new Section(heading, code, found(NUMBER, heading + "\n" + words, 0).stream().map(n -> n.replace(',', '.')).toList(),
            found(LINK, plain, 1), found(QUOTED, plain, 1));
    }

    private static List<String> found(Pattern pattern, String text, int group) {
        List<String> all = new ArrayList<>();
        for (Matcher m = pattern.matcher(text); m.find();) all.add(m.group(group));
        return all;
    }

    @Test void theServiceCompilesDrawsAndCloses() throws Exception {
        String page = Files.readString(BookTest.page("docs/first-hour.md"));
        int begin = page.indexOf("```java\n") + "```java\n".length();
        Path source = root.resolve("Drawer.java"), classes = root.resolve("classes");
        Files.writeString(source, page.substring(begin, page.indexOf("```\n", begin)));
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        int code = ToolProvider.getSystemJavaCompiler().run(null, said, said, "-proc:none", "-cp", System.getProperty("java.class.path"),
            "-d", classes.toString(), source.toString());
        assertThat(code).as(said.toString(StandardCharsets.UTF_8)).isZero();
        Dataset data = Datasets.open("strokes", Split.TEST, DataOptions.DEFAULT);
        RunConfig config = RunConfig.of("vae", "strokes", data, DataOptions.DEFAULT, 1, List.of("latent=4", "net.hidden=32",
            "train.steps=3"));
        assertThat(Trainer.start(root.resolve("run"), config, data, data, Watcher.SILENT)).isTrue();
        try (URLClassLoader jar = new URLClassLoader(new URL[] {classes.toUri().toURL()}, getClass().getClassLoader())) {
            Class<?> type = jar.loadClass("Drawer");
            Constructor<?> made = type.getDeclaredConstructor(Path.class);
            made.setAccessible(true);
            Method draw = type.getDeclaredMethod("draw", int.class, long.class);
            draw.setAccessible(true);
            try (AutoCloseable drawer = (AutoCloseable) made.newInstance(root.resolve("run"))) {
                float[] first = (float[]) ((Future<?>) draw.invoke(drawer, 3, 5L)).get();
                assertThat(first).hasSize(3 * 28 * 28).isEqualTo(((Future<?>) draw.invoke(drawer, 3, 5L)).get());
            }
        }
    }
}
