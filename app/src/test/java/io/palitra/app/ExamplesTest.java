package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** What the help says a person can type is understood. */
class ExamplesTest {
    private static List<String> words(String line) {
        List<String> words = new ArrayList<>();
        Matcher m = Pattern.compile("\"([^\"]*)\"|(\\S+)").matcher(line);
        while (m.find()) words.add(m.group(1) != null ? m.group(1) : m.group(2));
        return words;
    }

    @Test void everyCommandHasExamplesAndAllOfThemAreUnderstood() {
        CommandLine line = Main.commands("");
        assertThat(Examples.commands()).containsExactlyInAnyOrderElementsOf(line.getSubcommands().keySet());
        for (String command : Examples.commands()) {
            assertThat(Examples.of(command)).isNotEmpty();
            for (String example : Examples.of(command)) {
                List<String> words = words(example.replaceFirst(" > .*", ""));
                assertThat(words).as(example).startsWith("palitra", command);
                Main.commands("").parseArgs(words.subList(1, words.size()).toArray(String[]::new));   // throws where it is not understood
            }
        }
    }

    @Test void theHelpListsEveryCommandInItsGroup() {
        String help = Main.commands("").getUsageMessage();
        for (String command : Examples.commands()) assertThat(help).containsPattern("(?m)^    " + command + " +\\S");
        assertThat(help).contains("  Draw\n").contains("  Train\n").contains("  The program\n");
        assertThat(help.lines()).allMatch(l -> l.length() <= 80);
    }

    @Test void helpOfACommandIsThatCommandsHelp() {
        String one = shown("help", "train"), other = shown("train", "--help");
        assertThat(one).isEqualTo(other).contains("Examples:").contains("  palitra train vae\n");
    }

    static String shown(String... words) {
        PrintStream before = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            assertThat(Main.execute(words)).isZero();
            return out.toString(StandardCharsets.UTF_8);
        } finally {
            System.setOut(before);
        }
    }

    @Test void aFaultIsAnObjectForWhoAskedForJson() {
        Typed usage = Typed.palitra("evaluate", "nowhere", "--json"), option = Typed.palitra("families", "--json", "--stepz");
        assertThat(usage.code()).isEqualTo(2);
        assertThat(usage.err()).startsWith("{\"error\":\"").contains("nowhere").endsWith("\"exit\":2}\n");
        assertThat(option.err()).startsWith("{\"error\":\"unknown option '--stepz'").endsWith("\"exit\":2}\n");
        assertThat(Typed.palitra("evaluate", "nowhere").err()).startsWith("palitra: ");
    }
}
