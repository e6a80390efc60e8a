package io.palitra;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.family.Families;
import io.palitra.model.Family;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The pages of the book: a page each family, links that lead somewhere, lines that a page can show, a headline that is its table's. */
class BookTest {
    private static final int COLUMNS = 100;
    private static final Pattern LINK = Pattern.compile("]\\(([^)\\s]+)\\)");
    private static final List<String> OUTSIDE = List.of("README.md", "README.ru.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md",
        "STYLE.md");

    /** A file of the tree, from wherever tests run. */
    static Path page(String name) {
        return Stream.of(Path.of(name), Path.of("..").resolve(name)).filter(Files::exists).findFirst()
            .orElseThrow(() -> new AssertionError("there is no " + name));
    }

    private static List<Path> pages() throws IOException {
        List<Path> all = new ArrayList<>(OUTSIDE.stream().map(BookTest::page).toList());
        try (Stream<Path> docs = Files.walk(page("docs"))) {
            docs.filter(p -> p.toString().endsWith(".md")).sorted().forEach(all::add);
        }
        return all;
    }

    private static List<Family<?>> families() {
        return Families.all().stream().filter(f -> f.defaults().getClass().getPackageName().equals("io.palitra.family")).toList();
    }

    @Test void eachFamilyHasItsPageAndStandsInTheTableOfContents() throws IOException {
        String contents = Files.readString(page("docs/README.md")), readme = Files.readString(page("README.md"));
        for (Family<?> f : families()) {
            String name = "families/" + f.name() + ".md";
            assertThat(contents).as("docs/README.md").contains("](" + name + ")");
            assertThat(readme).as("README.md").contains("](docs/" + name + ")");
            assertThat(Files.readString(page("README.ru.md"))).as("README.ru.md").contains("](docs/" + name + ")");
            String text = Files.readString(page("docs/" + name)), file = f.defaults().getClass().getEnclosingClass().getSimpleName();
            assertThat(text).as(name).startsWith("# " + f.name() + ": ").contains("```math", "## Commands", "## Measured",
                "## What goes wrong", "## Read", file + ".java", "reference.md#" + f.name(), "./palitra");
        }
    }

    @Test void eachPageStandsInTheTableOfContents() throws IOException {
        Path book = page("docs");
        String contents = Files.readString(book.resolve("README.md"));
        for (Path p : pages()) {
            if (!p.startsWith(book) || p.endsWith("README.md")) continue;
            assertThat(contents).contains("](" + book.relativize(p).toString().replace('\\', '/') + ")");
        }
    }

    @Test void linksLeadToFilesAndHeadings() throws IOException {
        TreeSet<String> lost = new TreeSet<>();
        for (Path p : pages()) {
            for (Matcher m = LINK.matcher(withoutCode(p)); m.find();) {
                String link = m.group(1);
                if (link.matches("[a-z]+:.*")) continue;
                String file = link.replaceFirst("#.*", "");
                Path to = file.isEmpty() ? p : p.resolveSibling(file);
                int anchor = link.indexOf('#');
                if (!Files.exists(to)) lost.add(p + ": " + link);
                else if (anchor >= 0 && !anchors(to).contains(link.substring(anchor + 1))) lost.add(p + ": no heading " + link);
            }
        }
        assertThat(lost).isEmpty();
    }

    /** As a forge makes them of headings. */
    private static List<String> anchors(Path page) throws IOException {
        return withoutCode(page).lines().filter(l -> l.startsWith("#")).map(l -> l.replaceFirst("^#+ ", "").toLowerCase(Locale.ROOT)
            .replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-')).toList();
    }

    @Test void linesOfProseFitAPage() throws IOException {
        List<String> wide = new ArrayList<>();
        for (Path p : pages()) {
            if (p.endsWith("reference.md")) continue;
            for (String line : withoutCode(p).lines().toList()) {
                boolean prose = !line.startsWith("|") && !line.startsWith("![") && line.contains(" ");
                if (prose && line.codePointCount(0, line.length()) > COLUMNS) wide.add(p + ": " + line);
            }
        }
        assertThat(wide).as("lines of more than " + COLUMNS + " columns").isEmpty();
    }

    private static String withoutCode(Path page) throws IOException {
        StringBuilder out = new StringBuilder();
        boolean code = false;
        for (String line : Files.readAllLines(page)) {
            if (line.startsWith("```")) code = !code;
            else if (!code) out.append(line).append('\n');
        }
        return out.toString();
    }

    /** The least and the greatest ratio of training steps to PyTorch's as it comes, in bench/RESULTS.md, stand at the head of README. */
    @Test void theHeadlineOfSpeedIsThatOfItsTable() throws IOException {
        List<Double> ratios = new ArrayList<>();
        for (String line : Files.readAllLines(page("bench/RESULTS.md"))) {
            if (line.startsWith("## ")) break;   // the first table alone is the race
            String[] cells = line.split("\\|", -1);
            if (cells.length > 3 && cells[1].matches(" \\w+-train(-\\w+)? ") && cells[3].matches(" \\d.*")) {
                ratios.add(Double.parseDouble(cells[3].strip().replaceFirst(" .*", "")));
            }
        }
        assertThat(ratios).isNotEmpty();
        String least = shown(ratios.stream().min(Double::compare).orElseThrow());
        String most = shown(ratios.stream().max(Double::compare).orElseThrow());
        assertThat(Files.readString(page("README.md"))).contains(least + " to " + most);
        assertThat(Files.readString(page("README.ru.md"))).contains("от " + least.replace('.', ',') + " до " + most.replace('.', ','));
    }

    private static String shown(double ratio) { return String.format(Locale.ROOT, "%.2f", ratio); }
}
