package io.palitra.app;

import io.palitra.config.ConfigException;
import io.palitra.config.Notes;
import io.palitra.data.FormatException;
import io.palitra.engine.Torch;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.stream.Stream;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** palitra: train, sample, judge and look into generative models. */
@Command(name = "palitra", mixinStandardHelpOptions = true, versionProvider = Main.Version.class, usageHelpAutoWidth = true,
    description = "Generative modelling for the JVM: trains, samples, edits and evaluates every family of generative model.",
    footer = {"", "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C (a checkpoint was saved).",
        "Begin with: palitra train vae"})
public final class Main implements Runnable {
    /** Stopped by the user; a checkpoint was saved. */
    static final int STOPPED = 130;
    private static final int LONGEST = 1000;
    private static final List<Class<?>> COMPUTE = List.of(TrainCommand.class, ResumeCommand.class, SampleCommand.class,
        EvaluateCommand.class, ReconstructCommand.class, CompleteCommand.class, AnomaliesCommand.class, BalanceCommand.class,
        InterpolateCommand.class, MapCommand.class, PaintCommand.class, DreamCommand.class, ClassifyCommand.class, SearchCommand.class);
    private static final List<Class<?>> TELL = List.of(CompareCommand.class, FamiliesCommand.class, DataCommand.class, PullCommand.class,
        ImportCommand.class, ExportCommand.class, InspectCommand.class, DoctorCommand.class, AutoComplete.GenerateCompletion.class);

    @CommandLine.Spec private CommandLine.Model.@org.jspecify.annotations.Nullable CommandSpec spec;

    static final class Version implements IVersionProvider {
        @Override public String[] getVersion() {
            return new String[] {"palitra " + RunConfig.version() + ", Java " + System.getProperty("java.version")};
        }
    }

    @Override public void run() {
        throw new CommandLine.ParameterException(java.util.Objects.requireNonNull(spec).commandLine(), "which command?");
    }

    public static void main(String[] args) throws InterruptedException {
        Thread ahead = new Thread(Torch::load, "palitra-ahead");   // while the command line is read
        ahead.setUncaughtExceptionHandler((t, e) -> { });         // who needs the engine meets the same fault again
        List<String> words = List.of(args);
        boolean help = words.isEmpty() || words.contains("--help") || words.contains("-h");
        if (!help && !named(COMPUTE, words.get(0)).isEmpty()) ahead.start();
        int code = execute(args);
        ahead.join();   // to leave while libraries are being loaded could crash
        System.exit(code);
    }

    /** The exit code of one command line. */
    static int execute(String... args) {
        Notes.toHear(note -> System.err.println(Terminal.plain(note)));
        CommandLine line = commands(args.length == 0 ? "" : args[0]);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler((e, command, parsed) -> {
            command.getErr().println("palitra: " + shortened(message(e)));
            command.getErr().flush();
            if (System.getenv("PALITRA_DEBUG") != null) e.printStackTrace(command.getErr());
            return e instanceof IllegalArgumentException || e instanceof ConfigException ? CommandLine.ExitCode.USAGE
                : CommandLine.ExitCode.SOFTWARE;
        });
        line.setParameterExceptionHandler((e, parsed) -> {
            CommandLine command = e.getCommandLine();
            command.getErr().println("palitra: " + shortened(Terminal.plain(e.getMessage())));
            if (!CommandLine.UnmatchedArgumentException.printSuggestions(e, command.getErr())) {
                command.getErr().println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
            }
            command.getErr().flush();
            return CommandLine.ExitCode.USAGE;
        });
        try {
            return line.execute(args);
        } catch (OutOfMemoryError e) {   // picocli hands on exceptions alone
            line.getErr().println("palitra: " + message(e));
            line.getErr().flush();
            return CommandLine.ExitCode.SOFTWARE;
        }
    }

    private static List<Class<?>> named(List<Class<?>> commands, String name) {
        return commands.stream().filter(c -> c.getAnnotation(Command.class).name().equals(name)).toList();
    }

    /** With the command of that name alone, since options of others take time to build, or with all where there is none. */
    private static CommandLine commands(String name) {
        List<Class<?>> all = Stream.concat(COMPUTE.stream(), TELL.stream()).toList(), own = named(all, name);
        boolean tellsOfOthers = own.isEmpty() || own.contains(AutoComplete.GenerateCompletion.class);
        CommandLine line = new CommandLine(new Main());
        for (Class<?> command : tellsOfOthers ? all : own) line.addSubcommand(command);
        return line;
    }

    /** A line can be read: who asks for a name of a million letters is not told all of them. */
    private static String shortened(String line) { return line.length() <= LONGEST ? line : line.substring(0, LONGEST) + "..."; }

    /** One line for a user. */
    private static String message(Throwable e) {
        if (e instanceof OutOfMemoryError) return "out of memory: " + e.getMessage() + " (PALITRA_JAVA_OPTS=-Xmx4g gives the JVM more)";
        if (e instanceof java.nio.file.NoSuchFileException) return "no such file: " + Terminal.plain(e.getMessage());
        if (e instanceof java.nio.file.AccessDeniedException) return "access denied: " + Terminal.plain(e.getMessage());
        if (e instanceof FormatException || e instanceof ConfigException
            || e instanceof UncheckedIOException) return Terminal.plain(e.getMessage());
        if (e instanceof IOException) return Terminal.plain(e.getClass().getSimpleName() + ": " + e.getMessage());
        if (e instanceof RuntimeException r) return Terminal.plain(Torch.message(r));
        return Terminal.plain(e.toString());
    }
}
