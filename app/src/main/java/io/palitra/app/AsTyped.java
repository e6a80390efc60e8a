package io.palitra.app;

import io.palitra.config.ConfigException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** The faults of a configuration in the words of the command line: who typed {@code --batch 0} has never seen {@code train.batch=0}. */
final class AsTyped {
    private AsTyped() {}

    /** The message of a fault, whose overrides {@code key=value} are replaced by the options that set them. */
    static String told(ConfigException fault, ParseResult parsed) {
        String message = String.valueOf(fault.getMessage());
        ParseResult command = parsed;
        while (command.subcommand() != null) command = command.subcommand();
        int end = message.indexOf(": ");
        String head = end < 0 ? "" : message.substring(0, end);
        List<String> told = new ArrayList<>();
        boolean known = false;
        for (String override : head.split(", ")) {
            String option = override.contains("=") ? option(override, command) : "";
            known |= !option.isEmpty();
            told.add(option.isEmpty() ? override : option);
        }
        if (known) return String.join(", ", told) + message.substring(end);
        for (OptionSpec option : command.matchedOptions()) {
            for (String value : option.originalStringValues()) {   // one that is no key=value
                if (!fault.key().isEmpty() && value.equals(fault.key())) return option.longestName() + " " + value + ": " + message;
            }
        }
        return message;
    }

    /** "--set latnt=3" or "--batch 0" for an override, "" where no option asked for it. */
    private static String option(String override, ParseResult command) {
        String key = override.substring(0, override.indexOf('=')), value = override.substring(key.length() + 1);
        String last = key.substring(key.lastIndexOf('.') + 1);
        for (OptionSpec option : command.matchedOptions()) {
            for (String given : option.originalStringValues()) {
                boolean cut = override.endsWith("...");
                String whole = cut ? override.substring(0, override.length() - 3) : override;
                boolean same = cut ? given.contains(whole) : given.equals(whole) || given.endsWith("." + whole);
                if (same && given.contains("=")) return option.longestName() + " " + (cut ? override : given);
                if (given.equals(value) && names(option, last)) return option.longestName() + " " + given;
            }
        }
        return "";
    }

    /** Whether an option sets a key of that name: {@code --guidance-rescale} is {@code guidanceRescale}, {@code --class} a label. */
    private static boolean names(OptionSpec option, String key) {
        for (String name : option.names()) {
            String plain = name.replace("-", "").toLowerCase(Locale.ROOT);
            if (plain.equals(key.toLowerCase(Locale.ROOT)) || plain.equals("class") && key.equals("label")) return true;
        }
        return false;
    }
}
