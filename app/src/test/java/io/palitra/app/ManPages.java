package io.palitra.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine;

/** Writes what a distribution holds beside the program: a man page a command, as picocli knows them, and completion. */
final class ManPages {
    private ManPages() {}

    /** @param args the folder for {@code man/man1} and {@code completion}, and the version */
    public static void main(String[] args) throws IOException {
        CommandLine all = Main.commands("");
        Path pages = Files.createDirectories(Path.of(args[0], "man", "man1"));
        for (CommandLine command : all.getSubcommands().values()) write(pages, all, command, args[1]);
        write(pages, all, all, args[1]);
        Path completion = Files.createDirectories(Path.of(args[0], "completion"));
        Files.writeString(completion.resolve("palitra"), Completion.script(all));   // for bash; zsh reads it after bashcompinit
    }

    private static void write(Path folder, CommandLine all, CommandLine command, String version) throws IOException {
        String name = name(command);
        Files.writeString(folder.resolve(name + ".1"), page(all, command, version));
        for (CommandLine below : command.getSubcommands().values()) write(folder, all, below, version);
    }

    private static String name(CommandLine command) { return command.getCommandSpec().qualifiedName("-"); }

    /** In the macros of man(7). */
    static String page(CommandLine all, CommandLine command, String version) {
        CommandSpec spec = command.getCommandSpec();
        UsageMessageSpec usage = spec.usageMessage();
        List<String> out = new ArrayList<>();
        String capitals = name(command).toUpperCase(java.util.Locale.ROOT);
        out.add(".TH \"" + roff(capitals) + "\" 1 \"\" \"palitra " + roff(version) + "\" \"Palitra\"");
        String about = text(usage.description());
        int first = about.indexOf(". ");
        String title = first < 0 ? about.replaceAll("\\.$", "") : about.substring(0, first);
        section(out, "NAME", List.of(roff(name(command)) + " \\- " + roff(title)));
        CommandLine.Help help = new CommandLine.Help(spec, CommandLine.Help.defaultColorScheme(Ansi.OFF));
        String synopsis = help.synopsis(0).strip().replaceAll("\\s+", " ");
        section(out, "SYNOPSIS", List.of(roff(synopsis)));
        section(out, "DESCRIPTION", List.of(roff(about)));
        if (!command.getSubcommands().isEmpty()) {
            out.add(".SH COMMANDS");
            command.getSubcommands().forEach((word, below) -> item(out, word, text(below.getCommandSpec().usageMessage().description())));
        }
        List<? extends ArgSpec> parameters = spec.positionalParameters().stream().filter(a -> !a.hidden()).toList();
        List<OptionSpec> options = spec.options().stream().filter(o -> !o.hidden()).toList();
        if (!parameters.isEmpty()) out.add(".SH PARAMETERS");
        for (ArgSpec parameter : parameters) item(out, parameter.paramLabel(), text(parameter.description()));
        if (!options.isEmpty()) out.add(".SH OPTIONS");
        for (OptionSpec option : options) {
            String value = option.arity().max() == 0 ? "" : "=" + option.paramLabel();
            item(out, String.join(", ", option.names()) + value, text(option.description()));
        }
        String footer = text(usage.footer());
        if (!footer.isEmpty()) section(out, "NOTES", List.of(roff(footer)));
        List<String> others = new ArrayList<>();
        for (CommandLine other : command == all ? all.getSubcommands().values() : List.of(all)) others.add(roff(name(other)) + "(1)");
        section(out, "SEE ALSO", List.of(String.join(", ", others)));
        return String.join("\n", out) + "\n";
    }

    private static void section(List<String> out, String title, List<String> lines) {
        out.add(".SH " + title);
        out.addAll(lines);
    }

    private static void item(List<String> out, String term, String description) {
        out.add(".TP");
        out.add("\\fB" + roff(term) + "\\fR");
        out.add(roff(description));
    }

    /** Lines of a help as one, without picocli's marks of colour. */
    static String text(String[] lines) {
        StringBuilder all = new StringBuilder();
        for (String line : lines) {
            String plain = Ansi.OFF.string(line.replace("%n", " ").replace("%%", "%")).strip();
            if (!plain.isEmpty()) all.append(all.length() == 0 ? "" : " ").append(plain);
        }
        return all.toString().replaceAll("\\s+", " ");
    }

    /** Nothing in it is a command of roff, and a hyphen stays one, so that an option can be copied. */
    static String roff(String text) {
        String safe = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha")
            .replace("~", "\\(ti");
        return safe.startsWith(".") ? "\\&" + safe : safe;
    }
}
