package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.config.Words;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LanguageTest {
    /** Lines that are typed wrongly, DIR = a folder with a broken picture and a broken table. */
    private static final List<String> FAULTS = List.of("", "train", "trian vae", "train vea", "train vae nowhere",
        "train vae --set latnt=3", "train vae --set latent=0", "train vae --set latent=x", "train vae --set latent",
        "train vae --set decoder=foo", "train vae --batch 0", "train vae --batch x", "train vae --stepz 3", "train vae --steps",
        "train vae --steps 1 --epochs 2", "train vae DIR/pics --steps 1", "train vae DIR/t.csv --steps 1", "train vae --device tpu",
        "train vae --threads 9999", "train vae --precision fp8", "train vae --resume", "train vae --changed-data",
        "train vae --save-every -1", "train lora", "train vae --set data.size=5000", "train vae --set latent=3 --set latent=4",
        "sample DIR/nowhere", "sample", "sample DIR/nowhere -n x", "evaluate DIR/nowhere", "compare a", "compare DIR/a DIR/b",
        "resume DIR/nowhere", "anomalies DIR/nowhere DIR/pics", "classify DIR/pics/a.png --labels cat,dog --clip DIR/nowhere",
        "paint circle", "paint circle --model DIR/nowhere", "paint --model DIR/nowhere", "paint circle --model DIR/pics",
        "paint circle --size 7 --model DIR/pics", "dream circle", "pull a/b/c", "import DIR/nowhere DIR/out", "inspect DIR/nowhere",
        "inspect DIR/pics/a.png", "families vea", "families --foo", "data foo", "data get strokes", "draw circle --candidates 0",
        "help foo");
    /** Names in what is said about these lines. */
    private static final Set<String> NAMES = Set.of("palitra", "a", "b", "x", "dir", "epochs", "steps", "org", "name", "auto", "cpu",
        "cuda", "n", "config.json", "model_index.json", "diffusers", "merges.txt", "on", "vqgan", "like", "vae", "latent", "clip",
        "ae", "zip", "csv", "html", "png", "mnist", "strokes", "scenes", "true", "false", "fp", "bf", "file", "help", "train", "paint",
        "json", "model");

    /** Java 17 writes what it prints by the locale's map. */
    private static void russian() {
        assumeTrue(Language.shows(Charset.defaultCharset()), "this locale has no Russian letters");
        Language.speak(Words.in("ru"));
    }

    @AfterEach void english() { Language.speak(Words.ENGLISH); }

    @Test void everyTextOfTheHelpIsInTheCatalogue() throws Exception {
        Set<String> texts = new TreeSet<>(HelpTexts.ofCommands());
        texts.addAll(HelpTexts.ofKeys());
        Map<String, String> russian = Words.all("ru");
        assertThat(texts.stream().filter(t -> !russian.containsKey(t)))
            .as("texts of options and keys without Russian; it stands in core/src/main/resources/io/palitra/words/ru.json")
            .isEmpty();
    }

    @Test void nothingInTheCatalogueIsLeftFromBefore() throws Exception {
        Set<String> texts = new HashSet<>(HelpTexts.ofCommands());
        texts.addAll(HelpTexts.ofKeys());
        String sources = sources();
        JsonNode catalogue = new ObjectMapper().readTree(Words.class.getResource("/io/palitra/words/ru.json"));
        List<String> dead = new ArrayList<>();
        for (String section : List.of("help", "keys")) catalogue.get(section).fieldNames().forEachRemaining(t -> {
            if (!texts.contains(t) && !sources.contains(t)) dead.add(t);
        });
        catalogue.get("messages").fieldNames().forEachRemaining(t -> {
            for (String part : t.split("\\{\\d#?}")) if (!stands(part.strip(), sources, 4)) dead.add(t + "   <- " + part);
        });
        assertThat(dead).as("sentences that no source says any more").isEmpty();
    }

    /** Whether a text stands in the sources, whole or in a few pieces, as a choice within a sentence makes them. */
    private static boolean stands(String part, String sources, int pieces) {
        if (part.isEmpty() || sources.contains(part)) return true;
        if (pieces == 1) return false;
        for (int end = part.length() - 1; end > 0; end--) {
            if (sources.contains(part.substring(0, end))) return stands(part.substring(end).strip(), sources, pieces - 1);
        }
        return false;
    }

    /** All code, texts over several lines as one, and the cards of the models. */
    private static String sources() throws IOException {
        Path root = Stream.of("core", "../core").map(Path::of).filter(Files::isDirectory).findFirst().orElseThrow().toAbsolutePath()
            .normalize().getParent();
        StringBuilder all = new StringBuilder();
        for (String module : List.of("core", "app", "server", "video")) {
            try (Stream<Path> files = Files.walk(root.resolve(module + "/src/main/java"))) {
                for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
                    all.append(Files.readString(file).replace("\\\"", "\u0001").replaceAll("\"\\s*\\+\\s*\"", "").replace('\u0001', '"'));
                }
            }
        }
        all.append(Files.readString(root.resolve("models/src/main/resources/palitra-models/index.json")));
        return all.toString().replace("%%", "%").replaceAll("\\s+", " ");
    }

    @Test void theLocaleDecides() {
        assertThat(asked(Map.of(), "en")).isEqualTo("en");
        assertThat(asked(Map.of(), "ru")).isEqualTo("ru");
        assertThat(asked(Map.of("LANG", "ru_RU.UTF-8"), "en")).isEqualTo("ru");
        assertThat(asked(Map.of("LANG", "ru_RU.UTF-8", "LC_MESSAGES", "en_US.UTF-8"), "ru")).isEqualTo("en");
        assertThat(asked(Map.of("LANG", "en_US.UTF-8", "LC_MESSAGES", "en_US", "LC_ALL", "ru"), "en")).isEqualTo("ru");
        assertThat(asked(Map.of("LANG", "ru_RU.UTF-8", "LC_ALL", "C"), "ru")).isEqualTo("en");
        assertThat(asked(Map.of("LANG", "ru_RU.UTF-8", "LC_ALL", ""), "en")).isEqualTo("ru");
        assertThat(asked(Map.of("LANG", "ru_RU.UTF-8", "PALITRA_LANG", "en"), "ru")).isEqualTo("en");
        assertThat(asked(Map.of("LANG", "C", "PALITRA_LANG", "ru"), "en")).isEqualTo("ru");
        assertThat(asked(Map.of("LANG", "ru_RU", "PALITRA_LANG", "de"), "en")).isEqualTo("ru");
        assertThat(Language.fault(name -> Map.of("PALITRA_LANG", "de").get(name)))
            .isEqualTo("PALITRA_LANG=de is ignored: the languages are en, ru");
    }

    private static String asked(Map<String, String> environment, String java) { return Language.asked(environment::get, java); }

    @Test void aTerminalWithoutRussianLettersIsSpokenToInEnglish() {
        assertThat(Language.shows(StandardCharsets.UTF_8)).isTrue();
        assertThat(Language.shows(StandardCharsets.US_ASCII)).isFalse();
        assertThat(Language.shows(StandardCharsets.ISO_8859_1)).isFalse();
    }

    @Test void faultsAreSaidInRussian(@TempDir Path dir) throws Exception {
        Files.createDirectories(dir.resolve("pics"));
        Files.writeString(dir.resolve("pics/a.png"), "x");
        Files.writeString(dir.resolve("t.csv"), "a,b\n1,2\n3\n");
        russian();
        List<String> english = new ArrayList<>();
        for (String line : FAULTS) {
            String[] words = line.isEmpty() ? new String[0] : line.replace("DIR", dir.toString()).split(" ");
            Typed typed = Typed.palitra((Object[]) words);
            assertThat(typed.code()).as(line).isNotZero();
            assertThat(typed.err()).as(line).startsWith("palitra: ");
            Set<String> foreign = foreign(typed.err().replace(dir.toString(), ""), words);
            if (!foreign.isEmpty()) english.add(line + " -> " + typed.err().strip() + " " + foreign);
        }
        assertThat(english).isEmpty();
    }

    /** Words of Latin letters that are no name: not in quotation marks, not typed, without a sign or a capital, not in a list. */
    private static Set<String> foreign(String text, String[] typed) {
        Set<String> names = new HashSet<>(NAMES);
        for (String word : typed) names.addAll(Arrays.asList(word.toLowerCase(Locale.ROOT).split("[^a-z]+")));
        String plain = text.replaceAll("'[^']*'|\"[^\"]*\"|`[^`]*`", "").replaceAll("(есть|известны) [a-zA-Z][^;\n]*", "")
            .replaceAll("\\S*[A-Z/=.]\\S*|--?[a-z-]+", "");
        Set<String> foreign = new TreeSet<>();
        Matcher m = Pattern.compile("(?<![\\w])[a-z]+").matcher(plain);
        while (m.find()) if (!names.contains(m.group())) foreign.add(m.group());
        return foreign;
    }

    @Test void theHelpIsInRussian() {
        russian();
        String all = ExamplesTest.shown("--help"), train = ExamplesTest.shown("train", "--help");
        assertThat(all).startsWith("Вызов: palitra").contains("\nКоманды:\n", "\n  Обучение\n", "Коды возврата: 0 сделано")
            .containsPattern("(?m)^    train +семейство");
        assertThat(all.lines()).allMatch(l -> l.length() <= 80);
        assertThat(train).startsWith("Вызов: palitra train").containsPattern("--batch=N +примеров в одном шаге")
            .containsPattern("-h, --help +Показать")
            .containsPattern("\\[DATA] +набор данных").contains("\nПримеры:\n  palitra train vae\n");
        assertThat(ExamplesTest.shown("help", "train")).isEqualTo(train);
        assertThat(foreignLines(train)).isEmpty();
        for (String command : Examples.commands()) {
            if (command.equals("generate-completion")) continue;
            assertThat(foreignLines(ExamplesTest.shown(command, "--help"))).as(command).isEmpty();
        }
    }

    /** Lines with three English words, one after the other. */
    private static List<String> foreignLines(String help) {
        return help.lines().filter(l -> !l.startsWith("  palitra ") && l.matches(".*\\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\\b.*")
            && !l.matches(".*(Вызов|fp32).*|.*DPM.*|.*pt_inception.*")).toList();
    }

    @Test void underJsonAFaultIsAnEnglishObject() {
        Language.speak(Words.in("ru"));
        Typed typed = Typed.palitra("families", "--json", "--stepz");
        assertThat(typed.err()).startsWith("{\"error\":\"unknown option '--stepz'").endsWith("\"exit\":2}\n");
    }

    @Test void manPagesAndTheReferenceAreEnglish(@TempDir Path dir) throws Exception {
        String reference = Reference.text();
        Language.speak(Words.in("ru"));
        ManPages.main(new String[] {dir.toString(), "1"});
        assertThat(Reference.text()).isEqualTo(reference);
        assertThat(Files.readString(dir.resolve("man/man1/palitra-train.1"))).contains("items in a step").doesNotContainPattern("[а-яё]");
    }

    @Test void progressIsSaidInRussianAndFitsItsTerminal() {
        Language.speak(Words.in("ru"));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Terminal terminal = new Terminal(new PrintStream(bytes, true, StandardCharsets.UTF_8), "evaluate", false, true, "1",
            new TerminalWidth(() -> 40));
        terminal.tick("vae on strokes", 5, 10, Map.of("steps/s", 2.0, "items/s", 64.0, "elbo", 100.0), java.util.Optional::empty);
        terminal.note("stopping after this step; a second signal leaves at once");
        String text = bytes.toString(StandardCharsets.UTF_8);
        String bar = text.substring(1, text.indexOf("\u001b"));
        assertThat(bar).startsWith("evaluate: vae на strokes:  50%|");
        assertThat(bar).hasSize(39);
        assertThat(text).endsWith("остановка после этого шага; второй сигнал завершает сразу\n");
    }
}
