package io.palitra;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The picture of the rooms in ARCHITECTURE.md is made from the code; kinds of settings stand in an order that is written. */
class RoomsTest {
    private static final String BEGIN = "```mermaid\n", END = "```\n";

    @Test void thePictureOfTheRoomsIsThatOfTheCode() throws Exception {
        Path page = Stream.of("../ARCHITECTURE.md", "ARCHITECTURE.md").map(Path::of).filter(Files::exists).findFirst().orElseThrow();
        String text = Files.readString(page);
        int begin = text.indexOf(BEGIN) + BEGIN.length(), end = text.indexOf(END, begin);
        assertThat(text.substring(begin, end)).as("the picture in %s; what stands below \"actual\" is to be replaced by the code's", page)
            .isEqualTo(picture());
    }

    /** Without the clause a compiler lists kinds in the order in which it meets them, and help, errors and the reference follow. */
    @Test void everySealedInterfaceThatOthersSeeNamesItsKindsInOrder() throws Exception {
        Path sources = Stream.of("core/src/main/java", "src/main/java").map(Path::of).filter(Files::exists).findFirst().orElseThrow();
        Pattern sealed = Pattern.compile("^ *(public )?sealed interface (\\w+)[^{]*", Pattern.MULTILINE);
        Set<String> unordered = new TreeSet<>();
        int seen = 0;
        try (Stream<Path> files = Files.walk(sources)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
                for (Matcher m = sealed.matcher(Files.readString(file)); m.find(); seen++) {
                    if (!m.group().contains(" permits ")) unordered.add(file.getFileName() + ": " + m.group(2));
                }
            }
        }
        assertThat(seen).isGreaterThan(15);
        assertThat(unordered).isEmpty();
    }

    /** An arrow from each room to those that it uses, without those that it reaches by way of others. */
    private static String picture() {
        Map<String, Set<String>> uses = new TreeMap<>();
        for (JavaClass c : new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("io.palitra")) {
            String from = room(c);
            if (from.isEmpty()) continue;
            Set<String> of = uses.computeIfAbsent(from, k -> new TreeSet<>());
            for (Dependency d : c.getDirectDependenciesFromSelf()) {
                String to = room(d.getTargetClass());
                if (!to.isEmpty() && !to.equals(from)) of.add(to);
            }
        }
        StringBuilder out = new StringBuilder("graph TD\n");
        uses.forEach((from, of) -> of.stream().filter(to -> of.stream().noneMatch(by -> !by.equals(to) && reaches(uses, by, to)))
            .forEach(to -> out.append("    ").append(from).append(" --> ").append(to).append('\n')));
        return out.toString();
    }

    private static boolean reaches(Map<String, Set<String>> uses, String from, String to) {
        Set<String> of = uses.getOrDefault(from, Set.of());
        return of.contains(to) || of.stream().anyMatch(by -> reaches(uses, by, to));
    }

    private static String room(JavaClass c) {
        String p = c.getPackageName();
        return p.startsWith("io.palitra.") ? p.substring("io.palitra.".length()).replaceAll("\\..*", "") : "";
    }
}
