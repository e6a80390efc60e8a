package io.palitra.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** Options that many commands have are the same in all of them; a command that has not all five says why, so that a new one decides. */
class SharedOptionsTest {
    private static final List<String> FIVE = List.of("--device", "--threads", "--out", "--force", "--seed");
    private static final String NO_CHANCE = "--seed: nothing is drawn at random", PRINTS = "--out, --force: it prints, and writes no file",
        LISTS = "--device, --threads, --out, --force, --seed: it prints what is known, and computes nothing",
        NEW_FOLDER = "--out, --force: the folder it makes is a parameter, and must not be there", COPIES = "--device, --threads: it copies"
            + " numbers, and computes next to nothing";
    /** Why a command lacks which of the five; one that is not here has all. */
    private static final Map<String, List<String>> LACKS = new TreeMap<>(Map.ofEntries(
        Map.entry("train", List.of("--force: a run is never overwritten; --resume goes on with it")),
        Map.entry("resume", List.of("--out, --force, --seed: it goes on with a run, which has them")),
        Map.entry("evaluate", List.of("--out: the figures are kept in the run", "--seed: runs are compared, all by the same draws")),
        Map.entry("reconstruct", List.of(NO_CHANCE)),
        Map.entry("map", List.of(NO_CHANCE)),
        Map.entry("anomalies", List.of("--seed: scores of items are compared, all by the same draws")),
        Map.entry("balance", List.of("--force: the folder holds trained runs, and none is overwritten")),
        Map.entry("classify", List.of(PRINTS, NO_CHANCE)),
        Map.entry("search", List.of(NO_CHANCE)),
        Map.entry("write", List.of(PRINTS)),
        Map.entry("caption", List.of(PRINTS)),
        Map.entry("compare", List.of("--seed: runs are compared, all by the same draws")),
        Map.entry("serve", List.of("--out, --force, --seed: jobs say them")),
        Map.entry("studio", List.of("--out, --force, --seed: jobs say them")),
        Map.entry("families", List.of(LISTS)),
        Map.entry("data", List.of(LISTS)),
        Map.entry("data get", List.of("--device, --threads, --seed: it computes nothing", "--out: --data-dir says where sets lie",
            "--force: what is there and whole is not fetched again")),
        Map.entry("models", List.of(LISTS)),
        Map.entry("pack", List.of(COPIES, NEW_FOLDER, NO_CHANCE)),
        Map.entry("pull", List.of("--device, --threads, --seed: it computes nothing", "--out, --force: the cache is Python's")),
        Map.entry("import", List.of(COPIES, NEW_FOLDER, NO_CHANCE)),
        Map.entry("export", List.of("--device, --threads: it computes the scale of codes, on the processor", NEW_FOLDER, NO_CHANCE)),
        Map.entry("inspect", List.of(LISTS)),
        Map.entry("doctor", List.of("--device, --threads: it tries what there is", PRINTS, NO_CHANCE)),
        Map.entry("generate-completion", List.of(LISTS)),
        Map.entry("help", List.of(LISTS))));

    private static Map<String, CommandLine> all() {
        Map<String, CommandLine> all = new TreeMap<>();
        Main.commands("").getSubcommands().forEach((name, command) -> {
            all.put(name, command);
            command.getSubcommands().forEach((below, c) -> all.put(name + " " + below, c));
        });
        return all;
    }

    @Test void everyCommandHasTheFiveOptionsOrSaysWhyNot() {
        Map<String, CommandLine> all = all();
        assertThat(all.keySet()).containsAll(LACKS.keySet());
        all.forEach((name, command) -> {
            Set<String> lacks = new TreeSet<>(FIVE), told = new TreeSet<>();
            lacks.removeIf(option -> command.getCommandSpec().findOption(option) != null);
            for (String why : LACKS.getOrDefault(name, List.of())) {
                told.addAll(List.of(why.substring(0, why.indexOf(':')).split(", ")));
            }
            assertThat(told).as(name).isEqualTo(lacks);
        });
    }

    @Test void anOptionThatCommandsShareIsWrittenTheSameWayInAll() {
        for (String option : FIVE) {
            if (option.equals("--out")) continue;   // a file or a folder, each of its own
            Set<String> labels = new TreeSet<>(), meanings = new TreeSet<>();
            all().forEach((name, command) -> {
                OptionSpec spec = command.getCommandSpec().findOption(option);
                if (spec == null) return;
                labels.add(spec.paramLabel());
                boolean own = name.equals("resume") || option.equals("--seed") && List.of("paint", "dream").contains(name);
                if (!own) meanings.add(String.join(" ", spec.description()));   // as before; of a picture that it is to be like
            });
            assertThat(labels).as(option).hasSize(1);
            assertThat(meanings).as(option).hasSize(1);
        }
    }
}
