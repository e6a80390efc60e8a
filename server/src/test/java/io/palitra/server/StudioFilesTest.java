package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The studio's files, read as text: no engine of JavaScript is needed. */
class StudioFilesTest {
    private static final Pattern IMPORT = Pattern.compile("(?:\\b(?:import|export)\\b[\\w*{}\\s,$]*?\\bfrom\\s*"
        + "|\\bimport\\s*\\(\\s*|^import\\s*)(['\"])([^'\"]+)\\1", Pattern.MULTILINE);
    private static final Pattern KEY = Pattern.compile("(['\"])([\\w.-]+)\\1:\\s*(?=['\"{])");
    private static final Pattern USED = Pattern.compile("\\bt\\(\\s*'([\\w.-]+)'");
    private static final Pattern CHOSEN = Pattern.compile(
        "\\bt\\([^'`()]*(?:\\([^()]*\\)[^'`()]*)*\\?\\s*'([\\w.-]+)'\\s*:\\s*'([\\w.-]+)'");
    private static final Pattern MADE = Pattern.compile("\\bt\\(`([\\w.-]*)\\$\\{");
    private static final Pattern FORM = Pattern.compile("\\b(?:one|few|many|other): ");

    private static Path folder() throws Exception {
        URL index = StudioRoutes.class.getResource("studio/index.html");
        return Path.of(Objects.requireNonNull(index).toURI()).getParent();
    }

    private static List<String> names(String end) throws Exception {
        Path folder = folder();
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(Files::isRegularFile).map(p -> folder.relativize(p).toString().replace('\\', '/'))
                .filter(n -> n.endsWith(end)).sorted().toList();
        }
    }

    private static String read(String name) throws Exception { return Files.readString(folder().resolve(name)); }

    @Test void theListNamesEveryFile() throws Exception {
        List<String> there = names("").stream().filter(n -> !n.equals(StudioRoutes.LIST)).toList();
        assertThat(read(StudioRoutes.LIST).lines().toList()).containsExactlyInAnyOrderElementsOf(there);
    }

    @Test void filesOfOthersAreWhatTheirListSays() throws Exception {
        JsonNode list = new ObjectMapper().readTree(read("vendor/vendor.json")).path("vendor");
        List<String> listed = new ArrayList<>();
        for (JsonNode one : list) {
            String file = one.path("file").asText();
            byte[] bytes = Files.readAllBytes(folder().resolve("vendor").resolve(file));
            String sum = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
            assertThat(sum).as(file).isEqualTo(one.path("sha256").asText());
            assertThat(file).as("its version is in its name, as it is kept for a year").contains("-" + one.path("version").asText() + ".");
            assertThat(read("vendor/" + one.path("licenceText").asText())).containsAnyOf("MIT License", "Apache License");
            assertThat(read("vendor/VENDOR.md"))
                .contains("| " + file + " |", sum, one.path("version").asText(), one.path("licence").asText());
            listed.add("vendor/" + file);
        }
        List<String> there = names("").stream().filter(n -> n.startsWith("vendor/") && (n.endsWith(".js") || n.endsWith(".css"))).toList();
        assertThat(listed).containsExactlyInAnyOrderElementsOf(there);
    }

    @Test void everyImportLeadsToAFile() throws Exception {
        String index = read("index.html");
        JsonNode map = new ObjectMapper().readTree(index.substring(index.indexOf("importmap\">") + 11, index.indexOf("</script>")))
            .path("imports");
        int seen = 0;
        for (String name : names(".js")) {
            Matcher m = IMPORT.matcher(read(name));
            while (m.find()) {
                String wanted = m.group(2);
                Path from = folder().resolve(name).getParent();
                Path to = wanted.startsWith(".") ? from.resolve(wanted)
                    : folder().resolve(map.path(wanted).asText("?").replace("/studio/", ""));
                if (name.startsWith("vendor/") && !map.has(wanted) && !wanted.startsWith(".")) continue;   // text within a file of others
                assertThat(Files.isRegularFile(to)).as(name + " imports " + wanted).isTrue();
                seen++;
            }
        }
        assertThat(seen).isGreaterThan(40);
        for (JsonNode file : map) assertThat(folder().resolve(file.asText().replace("/studio/", ""))).isRegularFile();
        for (String wanted : List.of("preact", "preact/hooks", "@preact/signals-core")) assertThat(map.has(wanted)).as(wanted).isTrue();
    }

    /** Words of a file of words: language -> key -> the words. */
    private static Map<String, Map<String, String>> words(String name) throws Exception {
        String text = read(name);
        int ru = text.indexOf("\n    ru: {");
        assertThat(ru).as(name + " has both languages").isPositive();
        Map<String, Map<String, String>> all = new TreeMap<>();
        all.put("en", keys(text.substring(0, ru)));
        all.put("ru", keys(text.substring(ru)));
        return all;
    }

    private static Map<String, String> keys(String text) {
        Map<String, String> keys = new TreeMap<>();
        Matcher m = KEY.matcher(text);
        String last = "";
        int from = 0;
        while (m.find()) {
            if (!last.isEmpty()) keys.put(last, text.substring(from, m.start()));
            last = m.group(2);
            from = m.end();
        }
        if (!last.isEmpty()) keys.put(last, text.substring(from));
        return keys;
    }

    @Test void bothLanguagesSayTheSameThings() throws Exception {
        for (String name : names(".js")) {
            if (!name.startsWith("words/")) continue;
            Map<String, Map<String, String>> words = words(name);
            Map<String, String> en = words.getOrDefault("en", Map.of()), ru = words.getOrDefault("ru", Map.of());
            assertThat(ru.keySet()).as(name).isEqualTo(en.keySet());
            assertThat(en).as(name).isNotEmpty();
            for (Map.Entry<String, String> e : en.entrySet()) {
                String key = e.getKey(), said = e.getValue(), other = ru.getOrDefault(key, "");
                assertThat(filled(other)).as(name + " " + key + ": what is filled in").isEqualTo(filled(said));
                boolean counts = FORM.matcher(said).find();
                assertThat(FORM.matcher(other).find()).as(name + " " + key + ": forms by number").isEqualTo(counts);
                if (counts) assertThat(other).as(key).contains("one: ", "few: ", "many: ", "other: ");
            }
        }
    }

    private static TreeSet<String> filled(String said) {
        TreeSet<String> found = new TreeSet<>();
        Matcher m = Pattern.compile("\\{(\\w+)}").matcher(said);
        while (m.find()) found.add(m.group(1));
        return found;
    }

    @Test void everyWordThatIsUsedIsThere() throws Exception {
        TreeSet<String> all = new TreeSet<>();
        for (String name : names(".js")) if (name.startsWith("words/"))
            all.addAll(words(name).getOrDefault("en", new LinkedHashMap<>()).keySet());
        int seen = 0;
        for (String name : names(".js")) {
            if (name.startsWith("words/") || name.startsWith("vendor/")) continue;
            String text = read(name);
            for (Matcher m = USED.matcher(text); m.find(); seen++) assertThat(all).as(name).contains(m.group(1));
            for (Matcher m = CHOSEN.matcher(text); m.find();) assertThat(all).as(name).contains(m.group(1), m.group(2));
            for (Matcher m = MADE.matcher(text); m.find();) {
                String start = m.group(1);
                assertThat(all.stream().anyMatch(k -> k.startsWith(start))).as(name + ": " + start).isTrue();
            }
        }
        assertThat(seen).isGreaterThan(150);
    }

    /** A policy that forbids code in the text would break them, and names that others chose must stay text. */
    @Test void nothingIsWrittenAsMarkup() throws Exception {
        for (String name : names(".js")) {
            if (name.startsWith("vendor/")) continue;
            assertThat(read(name)).as(name).doesNotContain("innerHTML", "outerHTML", "insertAdjacentHTML",
                "dangerouslySetInnerHTML", "document.write", "eval(", "new Function", " style=\"", "http://", "https://");
        }
        assertThat(read("studio.css")).doesNotContain("@import", "url(", "http");
        assertThat(read("index.html")).doesNotContain(" style=", " onload", " onclick", "http");
    }

    @Test void thePagesAreUtf8WithoutMarks() throws Exception {
        for (String name : names(".js")) {
            if (!name.startsWith("vendor/")) {
                assertThat(new String(Files.readAllBytes(folder().resolve(name)), StandardCharsets.UTF_8)).as(name)
                    .doesNotContain("\uFEFF", "\uFFFD", "\t");
            }
        }
    }
}
