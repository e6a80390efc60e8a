package io.palitra.app;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import io.palitra.job.Program;
import io.palitra.server.Server;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine;

/** palitra: train, sample, judge and look into generative models. */
@Command(name = "palitra", mixinStandardHelpOptions = true, versionProvider = Main.Version.class, usageHelpAutoWidth = true,
    description = "Generative modelling for the JVM: trains, samples, edits and evaluates every family of generative model.",
    footer = {"", "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C, 143 by SIGTERM (a training saves first).",
        "Begin with: palitra train vae"})
public final class Main implements Runnable {
    /** Stopped by the user, after saving; {@link #execute} makes it 143 where it was SIGTERM. */
    static final int STOPPED = 130;
    /** Those that begin with the engine. */
    private static final List<Class<?>> COMPUTE = List.of(TrainCommand.class, ResumeCommand.class, SampleCommand.class, DrawCommand.class,
        EvaluateCommand.class, ReconstructCommand.class, VaryCommand.class, CompleteCommand.class, WriteCommand.class,
        AnomaliesCommand.class, BalanceCommand.class, InterpolateCommand.class, MapCommand.class, ProjectCommand.class, MixCommand.class,
        DirectionsCommand.class, PaintCommand.class, DreamCommand.class, ClassifyCommand.class, SearchCommand.class,
        CaptionCommand.class);
    private static final List<Class<?>> SERVE = List.of(ServeCommand.class, StudioCommand.class);
    private static final List<Class<?>> OTHERS = List.of(CompareCommand.class, FamiliesCommand.class, DataCommand.class,
        ModelsCommand.class, PackCommand.class, PullCommand.class,
        ImportCommand.class, ExportCommand.class, InspectCommand.class, DoctorCommand.class, Completion.class,
        CommandLine.HelpCommand.class);
    @CommandLine.Spec private CommandLine.Model.@Nullable CommandSpec spec;

    static final class Version implements IVersionProvider {
        @Override public String[] getVersion() {
            return new String[] {"palitra " + Program.version() + ", Java " + System.getProperty("java.version")};
        }
    }

    @Override public void run() {
        throw new CommandLine.ParameterException(java.util.Objects.requireNonNull(spec).commandLine(), "which command?");
    }

    public static void main(String[] args) throws InterruptedException, IOException {
        Stop.listen();
        Language.choose();
        String language = Language.fault(System::getenv);
        if (!language.isEmpty()) Terminal.print(language);
        Plugins.load();
        String unread = Arguments.fault(args);
        if (!unread.isEmpty()) {
            Terminal.error(System.err, unread);
            System.exit(CommandLine.ExitCode.USAGE);
        }
        String lacks = Launcher.note(List.of(args));
        if (!lacks.isEmpty()) Terminal.print(lacks);
        List<String> words = List.of(args);
        String command = words.isEmpty() || words.contains("--help") || words.contains("-h") ? "" : words.get(0);
        Thread ahead = named(SERVE, command).isEmpty() ? Program.engineAhead() : Server.ahead();   // while the command line is read
        if (!named(SERVE, command).isEmpty() || !named(COMPUTE, command).isEmpty()) ahead.start();
        int code = execute(args);
        ahead.join();   // to leave while libraries are being loaded could crash
        String unwritten = Common.unwritten();
        if (!unwritten.isEmpty()) {
            Terminal.error(System.err, unwritten);
            if (code == CommandLine.ExitCode.OK) code = CommandLine.ExitCode.SOFTWARE;
        }
        System.exit(code);
    }

    /** The exit code of one command line. */
    static int execute(String... args) {
        Notes.sendTo(Terminal::print);
        CommandLine line = commands(args.length == 0 ? "" : args[0]);
        Language.translate(line);
        boolean json = List.of(args).contains("--json");
        line.setExecutionExceptionHandler((e, command, parsed) -> {
            if (e instanceof CancellationException) {
                fault(command.getErr(), json, Program.message(e), STOPPED);
                return STOPPED;
            }
            String fault = e instanceof ConfigException c ? Terminal.plain(AsTyped.message(c, parsed))
                : e instanceof ArgumentException ? AsTyped.message(Program.message(e), parsed) : Program.message(e);
            int code = e instanceof ArgumentException ? CommandLine.ExitCode.USAGE : CommandLine.ExitCode.SOFTWARE;
            fault(command.getErr(), json, fault, code);
            if (System.getenv("PALITRA_DEBUG") != null) e.printStackTrace(command.getErr());
            return code;
        });
        line.setParameterExceptionHandler((e, parsed) -> {
            CommandLine command = e.getCommandLine();
            fault(command.getErr(), json, Terminal.plain(fault(e)), CommandLine.ExitCode.USAGE);
            return CommandLine.ExitCode.USAGE;
        });
        try {
            int code = line.execute(args);
            return code == STOPPED ? Stop.code() : code;
        } catch (OutOfMemoryError | LinkageError e) {   // picocli hands on exceptions alone
            fault(line.getErr(), json, Program.message(e), CommandLine.ExitCode.SOFTWARE);
            return CommandLine.ExitCode.SOFTWARE;
        }
    }

    /** A line of words, or an object for who asked for JSON. */
    private static void fault(PrintWriter err, boolean json, String message, int code) {
        if (!json) {
            Terminal.error(err, message);
            return;
        }
        err.println(JsonNodeFactory.instance.objectNode().put("error", message).put("exit", code));
        err.flush();
    }

    private static List<Class<?>> named(List<Class<?>> commands, String name) {
        return commands.stream().filter(c -> c.getAnnotation(Command.class).name().equals(name)).toList();
    }

    /** With the command of that name alone, since options of others take time to build, or with all where there is none. */
    static CommandLine commands(String name) {
        List<Class<?>> all = Stream.of(COMPUTE, SERVE, OTHERS).flatMap(List::stream).toList(), own = named(all, name);
        boolean every = own.isEmpty() || own.contains(Completion.class) || own.contains(CommandLine.HelpCommand.class);
        CommandLine line = new CommandLine(new Main());
        for (Class<?> command : every ? all : own) line.addSubcommand(command);
        line.getSubcommands().forEach((command, sub) -> examples(command, sub.getCommandSpec().usageMessage()));
        line.registerConverter(Path.class, Main::path);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.getHelpSectionMap().put(CommandLine.Model.UsageMessageSpec.SECTION_KEY_COMMAND_LIST,
            help -> CommandGroups.listed(help.subcommands().keySet()));
        return line;
    }

    private static void examples(String command, CommandLine.Model.UsageMessageSpec usage) {
        List<String> lines = Examples.of(command);
        if (lines.isEmpty()) return;
        List<String> footer = new ArrayList<>(List.of(usage.footer()));
        footer.add("");
        footer.add("Examples:");
        lines.forEach(l -> footer.add("  " + l.replace("%", "%%")));
        usage.footer(footer.toArray(String[]::new));
    }

    /** An empty name would be the folder where one stands. */
    private static Path path(String given) {
        if (given.isEmpty()) throw new CommandLine.TypeConversionException("an empty name is none of a file or a folder");
        try {
            return Path.of(given);
        } catch (InvalidPathException e) {
            throw new CommandLine.TypeConversionException("'" + given + "' is no name of a file: " + e.getReason());
        }
    }

    /** A fault of the command line in one line: what was typed, and the option or command that was perhaps meant, or where to look. */
    private static String fault(CommandLine.ParameterException e) {
        CommandLine.Model.CommandSpec of = e.getCommandLine().getCommandSpec();
        String help = "; try '" + of.qualifiedName() + " --help'";
        String message = inWords(String.valueOf(e.getMessage()));
        Matcher command = Pattern.compile("Unknown subcommand '(.*)'\\.?", Pattern.DOTALL).matcher(message);
        if (command.matches()) {   // of help
            String near = InWords.didYouMean(command.group(1), of.root().subcommands().keySet());
            return "no command '" + command.group(1) + "'" + (near.isEmpty() ? "; try 'palitra --help'" : near);
        }
        if (!(e instanceof CommandLine.UnmatchedArgumentException u)) return message + help;
        String typed = u.getUnmatched().get(0);
        if (!u.isUnknownOption()) {
            String near = InWords.didYouMean(typed, of.subcommands().keySet());
            return message + (near.isEmpty() ? help : near);
        }
        String name = typed.split("=", 2)[0];
        List<String> names = of.options().stream().filter(o -> !o.hidden()).flatMap(o -> Stream.of(o.names())).toList();
        String near = InWords.didYouMean(name, names), begun = names.stream().filter(n -> name.length() > 3 && n.startsWith(name))
            .findFirst().map(n -> "; did you mean " + n + "?").orElse(near);
        return "unknown option '" + typed + "'" + (begun.isEmpty() ? help : begun);
    }

    /** A message of the parser of options, without what only who writes programs understands. */
    private static String inWords(String fault) {
        Matcher choice = Pattern.compile("expected one of \\[([A-Z0-9_, ]+)](?: \\(case-insensitive\\))? but was '(.*)'", Pattern.DOTALL)
            .matcher(fault);
        if (choice.find()) {
            return fault.substring(0, choice.start()) + "must be one of " + choice.group(1).toLowerCase(Locale.ROOT) + ", got '"
                + choice.group(2) + "'";
        }
        return fault.replaceFirst("^Error: ", "").replaceAll("is not an? (long|int|short)\\b", "is not a whole number")
            .replaceAll("is not an? (double|float)\\b", "is not a number").replace(" (case-insensitive)", "")
            .replaceAll("^Unmatched arguments? (at|from) index \\d+:", "not understood:")
            .replaceAll("^expected only one match but got (.*?)=\\{.*", "only one of $1 can be given, once");
    }
}
