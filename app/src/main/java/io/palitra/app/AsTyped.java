package io.palitra.app;

import io.palitra.config.ConfigException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** The faults of a configuration in the words of the command line: who typed {@code --batch 0} has never seen {@code train.batch=0}. */
final class AsTyped {
    /** Letters of a value that are repeated. */
    private static final int LONGEST = 100;
    /** key= or key=true, and the letter behind. */
    private static final Pattern KEY = Pattern.compile("(?<![\\w.])([A-Za-z]\\w*)=(true\\b)?(?=(\\W?))");
    /** "illegal latent: -3, must be between 1 and 4096". */
    private static final Pattern RANGE = Pattern.compile("illegal ([\\w.]+): ([^ ,]+), (must be .*)");
    /** "--batch 0", "--set net.width=0": one option, the key of an override, and the value. */
    private static final Pattern ONE = Pattern.compile("(--?[a-z-]+) (?:([\\w.]+)=)?([^ ,]*(?:,[^ ,]+)*)");
    /** Where files go: of commands without that option, too, which write into the run. */
    private static final String OUT = "out";

    private AsTyped() {}

    /** The message of a fault, whose overrides {@code key=value} are replaced by the options that set them. */
    static String message(ConfigException fault, ParseResult parsed) {
        ParseResult command = parsed;
        while (command.subcommand() != null) command = command.subcommand();
        String message = asked(String.valueOf(fault.getMessage()), command);
        int end = message.indexOf(": ");
        String head = end < 0 ? "" : message.substring(0, end);
        List<String> asked = new ArrayList<>();
        boolean known = false;
        for (String override : head.split(", ")) {
            String option = override.contains("=") ? option(override, command) : "";
            known |= !option.isEmpty();
            asked.add(option.isEmpty() ? override : option);
        }
        if (known) return behind(String.join(", ", asked), message.substring(end + 2));
        String named = named(fault.key(), message, command);
        if (!named.equals(message)) return named;
        if (!fault.key().isEmpty()) {
            String typed = typed(fault.key(), message, command);
            if (!typed.isEmpty()) return typed;
        }
        for (OptionSpec option : command.matchedOptions()) {
            for (String value : option.originalStringValues()) {   // one that is no key=value
                if (!fault.key().isEmpty() && value.equals(fault.key())) return option.longestName() + " " + value + ": " + message;
            }
        }
        return message;
    }

    /**
     * A fault behind what was typed, without the key and the value that stand there already: "illegal --batch: 0, must be ..." and "--set
     * latent=0: must be ...".
     *
     * @param typed an option with its value, or several
     */
    private static String behind(String typed, String fault) {
        Matcher range = RANGE.matcher(fault), option = ONE.matcher(typed);
        if (!range.matches() || !option.matches()) return typed + ": " + fault;
        String key = option.group(2) == null ? "" : option.group(2).substring(option.group(2).lastIndexOf('.') + 1);
        boolean sameValue = same(range.group(2), option.group(3));
        if (key.isEmpty()) return sameValue ? "illegal " + option.group(1) + ": " + range.group(2) + ", " + range.group(3)
            : typed + ": " + fault;
        if (!key.equals(range.group(1).substring(range.group(1).lastIndexOf('.') + 1))) return typed + ": " + fault;
        return typed + ": " + (sameValue ? "" : "illegal: " + range.group(2) + ", ") + range.group(3);   // else one of a list
    }

    /** Whether two texts are one value: "-1" is "-1.0". */
    private static boolean same(String a, String b) {
        try {
            return a.equals(b) || Double.parseDouble(a) == Double.parseDouble(b);
        } catch (NumberFormatException e) {
            return false;
        }
    }

    /** The message about a key of a request, such as "choose another out=, or force=true", with the options that set those keys. */
    private static String named(String key, String message, ParseResult command) {
        boolean own = key.equals(OUT) || command.commandSpec().options().stream().anyMatch(o -> names(o, key));
        // an override that was not typed is of a file, as a picture to be like
        boolean elsewhere = message.startsWith(key + "=") && command.matchedOptions().stream().noneMatch(o -> names(o, key));
        if (key.isEmpty() || !own || elsewhere) return message;
        String line = options(message, command.commandSpec());
        return command.matchedOptions().stream().filter(o -> !line.equals(message) && names(o, key)).findFirst()
            .map(o -> line.replace("illegal " + key + ":", "illegal " + o.longestName() + ":")).orElse(line);
    }

    /** A line with the options of a command in the place of keys: "choose another out=, or force=true" names --out and --force. */
    static String options(String line, CommandSpec command) {
        return KEY.matcher(line).replaceAll(found -> {
            String option = command.options().stream().filter(o -> names(o, found.group(1))).map(OptionSpec::longestName).findFirst()
                .orElse(found.group(1).equals(OUT) ? "--" + OUT : "");
            boolean alone = found.group(2) != null || found.group(3).matches("[ ,;:]") || found.end() == line.length();
            return Matcher.quoteReplacement(option.isEmpty() ? found.group() : alone ? option : option + " ");
        });
    }

    /** "the run has train.batch=4, train.batch=8 was asked" with the option of what was asked. */
    private static String asked(String message, ParseResult command) {
        return Pattern.compile("(?<=, )([\\w.]+)=((?:(?!, |; ).)*)(?= was asked)").matcher(message).replaceAll(found -> {
            String option = option(found.group(), command), last = found.group(1).substring(found.group(1).lastIndexOf('.') + 1);
            String other = command.matchedOptions().stream().filter(o -> names(o, last)).findFirst().map(o -> o.longestName()
                + (o.arity().max() == 0 ? "" : " " + o.originalStringValues().get(0))).orElse(found.group());
            return Matcher.quoteReplacement(option.isEmpty() ? other : option);
        });
    }

    /** The message about a key by the option that set it, or by the picture of --like that has it; empty where none did. */
    private static String typed(String key, String message, ParseResult command) {
        String last = key.substring(key.lastIndexOf('.') + 1);
        for (OptionSpec option : command.matchedOptions()) {
            if (!names(option, last)) continue;
            String name = option.longestName(), field = "illegal " + key + ":";
            if (message.contains(name)) return message;
            boolean same = message.contains(field) && (!name.equals("--size") || last.equals("size"));   // else it is two
            return same ? message.replace(field, "illegal " + name + ":") : name + " " + shown(value(option, message)) + ": " + message;
        }
        for (OptionSpec option : command.matchedOptions()) {
            for (String given : option.originalStringValues()) {
                if (given.startsWith(key + "=")) return behind(option.longestName() + " " + given, message);
            }
        }
        OptionSpec like = command.matchedOption("--like");
        return like == null || message.contains("--like") || message.contains("palitra ") ? "" : "--like "
            + like.originalStringValues().get(0)
            + ": " + message;
    }

    private static String shown(String value) { return value.length() <= LONGEST ? value : value.substring(0, LONGEST) + "..."; }

    /** Of the values of an option the one that a message is about. */
    private static String value(OptionSpec option, String message) {
        List<String> all = option.originalStringValues();
        return all.stream().filter(v -> message.contains(v.replaceFirst(":[^:]*$", ""))).findFirst().orElse(all.get(all.size() - 1));
    }

    /** A refusal such as "no device 'x'; there are ..." behind the option whose value that is. */
    static String message(String refusal, ParseResult parsed) {
        ParseResult command = parsed;
        while (command.subcommand() != null) command = command.subcommand();
        for (OptionSpec option : command.matchedOptions()) {
            for (String given : option.originalStringValues()) {
                if (!refusal.matches("(?s)no [a-z ]+ '" + Pattern.quote(given) + "'.*") || refusal.contains(option.longestName())) continue;
                return option.longestName() + " " + shown(given) + ": " + refusal;
            }
        }
        return refusal;
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
                if (names(option, last) && (given.equals(value) || option.longestName().equals("--size"))) return option.longestName() + " "
                    + given;
            }
        }
        return "";
    }

    /** Whether an option sets a key of that name: {@code --guidance-rescale} is {@code guidanceRescale}, {@code --class} a label, {@code
     * --size} a width and a height. */
    private static boolean names(OptionSpec option, String key) {
        for (String name : option.names()) {
            String plain = name.replace("-", "").toLowerCase(Locale.ROOT), asked = key.replace("-", "").toLowerCase(Locale.ROOT);
            boolean other = plain.equals("class") && asked.equals("label") || plain.equals("set") && asked.equals("sampling")
                || plain.equals("listen") && asked.equals("host")
                || plain.equals("size") && (asked.equals("width") || asked.equals("height"));
            if (other || plain.equals(asked)) return true;
        }
        return false;
    }
}
