package io.palitra.app;

import io.palitra.config.Config;
import io.palitra.config.Key;
import io.palitra.data.DataOptions;
import io.palitra.edit.DreamRequest;
import io.palitra.family.Families;
import io.palitra.job.FamiliesRequest;
import io.palitra.model.Watcher;
import io.palitra.paint.PaintRequest;
import io.palitra.report.Film;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** docs/reference.md: every key of every family and every option of every command, from their records and from picocli. */
final class Reference {
    /** Of the options that every command has. */
    private static final Set<String> USUAL = Set.of("--help", "--version");
    private final StringBuilder out = new StringBuilder();

    private Reference() {}

    static String text() throws IOException {
        Reference page = new Reference();
        page.families();
        page.commands();
        return page.out.toString();
    }

    private void families() throws IOException {
        List<FamiliesRequest.Entry> all = new FamiliesRequest("").run(Watcher.SILENT).families().stream().filter(Reference::own).toList();
        line("# Reference", "", "Made from the records and options of the program by `ReferenceTest`; not to be edited by hand. The",
            "same in the terminal: `palitra families FAMILY`, `palitra COMMAND --help`.", "",
            "Keys are set by `--set key=value` of `palitra train`, those of sampling by that of",
            "`palitra sample` and others. A key with a choice in the column `where` exists where that is chosen.", "");
        line("- [How a family is trained](#how-a-family-is-trained), [how data is read](#how-data-is-read)",
            "- Families: " + all.stream().map(f -> "[" + f.name() + "](#" + f.name() + ")").collect(Collectors.joining(", ")),
            "- [Keys of paint](#keys-of-paint), [keys of dream](#keys-of-dream)",
            "- Commands: " + commandNames().stream().map(c -> "[" + c + "](#palitra-" + c.replace(' ', '-') + ")")
                .collect(Collectors.joining(", ")), "");
        line("## How a family is trained", "", "The defaults are a family's own and stand there.", "");
        table(prefixed(all.get(0).recipe(), "train."), false);
        line("## How data is read", "", "In `--set` of `palitra train`.", "");
        table(prefixed(Config.describe(DataOptions.DEFAULT), "data."), true);
        for (FamiliesRequest.Entry f : all) family(f);
        line("## Keys of paint", "", "`palitra paint --set key=value`; most are options, too.", "");
        table(Config.describe(PaintRequest.How.DEFAULT), true);
        line("## Keys of dream", "", "`palitra dream --set key=value`; some are options, too.", "");
        table(Config.describe(DreamRequest.How.DEFAULT), true);
        line("Its film:", "");
        table(prefixed(Config.describe(Film.DEFAULT), "film."), true);
    }

    /** Whether the program itself has a family, and no jar of the tests. */
    private static boolean own(FamiliesRequest.Entry entry) {
        return Families.named(entry.name()).defaults().getClass().getPackageName().equals(Families.class.getPackageName());
    }

    private void family(FamiliesRequest.Entry f) {
        line("## " + f.name(), "", f.about() + ". " + f.paper() + ". [Page](families/" + f.name() + ".md).", "",
            f.data().isEmpty() ? "Learns from the DATA that is asked for."
            : "Learns from `" + f.data() + "` unless other DATA is asked for.", "");
        for (FamiliesRequest.Fitting fit : f.fits()) {
            line("On " + fit.data() + " the defaults are " + fit.keys().stream().map(Reference::code).collect(Collectors.joining(", "))
                + ".", "");
        }
        line("What it is:", "");
        table(f.config(), true);
        line("How it is trained: " + chosen(f.recipe()).stream().map(k -> "`train." + k.path() + "=" + k.defaultValue() + "`")
            .collect(Collectors.joining(", ")) + ".", "");
        if (!f.draws()) {
            line("It draws no samples.", "");
            return;
        }
        line("How it is sampled:", "");
        table(f.sampling(), true);
    }

    /** Keys that exist where nothing else is chosen. */
    private static List<Key> chosen(List<Key> keys) {
        Map<String, String> values = new HashMap<>();
        keys.forEach(k -> values.putIfAbsent(k.path(), k.defaultValue()));
        return keys.stream().filter(k -> !k.path().contains("NAME") && Arrays.stream(k.when().split(", ")).allMatch(w -> w.isEmpty()
            || w.substring(w.indexOf('=') + 1).equals(values.get(w.substring(0, w.indexOf('=')))))).toList();
    }

    private static List<Key> prefixed(List<Key> keys, String prefix) {
        return keys.stream().filter(k -> !k.path().contains("NAME."))
            .map(k -> new Key(prefix + k.path(), k.type(), k.defaultValue(), k.range(), k.help(), k.when().isEmpty() ? "" : prefix
                + k.when().replace(", ", ", " + prefix))).toList();
    }

    private void table(List<Key> keys, boolean defaults) {
        boolean choices = keys.stream().anyMatch(k -> !k.when().isEmpty());
        List<String> head = new ArrayList<>(List.of("key", "meaning", "allowed"));
        if (defaults) head.add(1, "default");
        if (choices) head.add("where");
        row(head);
        row(head.stream().map(h -> "---").toList());
        for (Key k : keys) {
            if (k.path().contains("NAME.")) continue;   // the keys of an optimiser, as above
            List<String> cells = new ArrayList<>(List.of(code(k.path()), prose(k.help()),
                prose(k.type() + (k.range().isEmpty() ? "" : ", " + k.range()))));
            if (defaults) cells.add(1, code(k.defaultValue()));
            if (choices) cells.add(code(k.when()));
            row(cells);
        }
        line("");
    }

    private void row(List<String> cells) { line("| " + String.join(" | ", cells) + " |"); }

    private static List<CommandLine> all(CommandLine root) {
        List<CommandLine> all = new ArrayList<>();
        for (CommandLine c : root.getSubcommands().values()) {
            all.add(c);
            all.addAll(c.getSubcommands().values());
        }
        return all;
    }

    private static List<String> commandNames() {
        return all(Main.commands("")).stream().map(c -> name(c).substring("palitra ".length())).toList();
    }

    private static String name(CommandLine command) { return command.getCommandSpec().qualifiedName(); }

    private void commands() throws IOException {
        line("# Commands", "", "Every command has `--help`; `palitra generate-completion` writes completion for bash and zsh.", "");
        for (CommandLine c : all(Main.commands(""))) command(c);
    }

    private void command(CommandLine c) {
        CommandSpec spec = c.getCommandSpec();
        line("## " + name(c), "", prose(ManPages.text(spec.usageMessage().description())), "");
        List<? extends ArgSpec> parameters = spec.positionalParameters().stream().filter(a -> !a.hidden()).toList();
        List<OptionSpec> options = spec.options().stream().filter(o -> !o.hidden() && !USUAL.contains(o.longestName())).toList();
        if (!parameters.isEmpty() || !options.isEmpty()) {
            row(List.of("option", "meaning"));
            row(List.of("---", "---"));
            for (ArgSpec p : parameters) row(List.of(code(p.paramLabel()), prose(ManPages.text(p.description()))));
            for (OptionSpec o : options) {
                String value = o.arity().max() == 0 ? "" : " " + o.paramLabel();
                row(List.of(code(String.join(", ", o.names()) + value), prose(ManPages.text(o.description()))
                    + (o.required() && o.group() == null ? "; must be given" : "")));
            }
            line("");
        }
        List<String> footer = Arrays.stream(spec.usageMessage().footer()).map(l -> Ansi.OFF.string(l).strip()).toList();
        List<String> examples = footer.stream().filter(l -> l.startsWith("palitra ")).toList();
        String notes = ManPages.text(footer.stream().filter(l -> !examples.contains(l) && !l.equals("Examples:")).toArray(String[]::new));
        if (!notes.isEmpty()) line(prose(notes), "");
        if (!examples.isEmpty()) line("```", String.join("\n", examples), "```", "");
    }

    private void line(String... lines) {
        for (String l : lines) out.append(l).append('\n');
    }

    /** In a cell of a table; a bar would end it. */
    private static String code(String text) { return text.isEmpty() ? "" : "`" + Ansi.OFF.string(text).replace("|", "\\|") + "`"; }

    /** What Markdown would read as its own. */
    private static String prose(String text) {
        return text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;").replace("_", "\\_");
    }
}
