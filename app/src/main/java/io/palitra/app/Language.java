package io.palitra.app;

import io.palitra.config.Words;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ResourceBundle;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** The language that a person is spoken to in: that of the locale, or of PALITRA_LANG. What programs read, as --json, is English always. */
final class Language {
    static final String VARIABLE = "PALITRA_LANG";
    /** By precedence. */
    private static final List<String> LOCALE = List.of("LC_ALL", "LC_MESSAGES", "LANG");
    private static final String SAMPLE = "Привет, ёж";
    private static volatile Words words = Words.ENGLISH;

    private Language() {}

    static void speak(Words chosen) { words = chosen; }

    /** Takes the language of this process. */
    static void choose() {
        String asked = asked(System::getenv, System.getProperty("user.language", ""));
        boolean shown = shows(charset("out")) && shows(charset("err"));
        String language = Words.LANGUAGES.contains(asked) && shown ? asked : "en";
        if (!language.equals("en")) speak(Words.in(language));
    }

    /** What is wrong with PALITRA_LANG; empty where nothing is. */
    static String fault(UnaryOperator<@Nullable String> environment) {
        String asked = environment.apply(VARIABLE);
        if (asked == null || asked.isEmpty()) return "";
        String language = language(asked);
        return language.equals("en") || Words.LANGUAGES.contains(language) ? ""
            : VARIABLE + "=" + Terminal.plain(asked) + " is ignored: the languages are en, " + String.join(", ", Words.LANGUAGES);
    }

    /** The two letters of the language that is asked for. @param java of the JVM, which counts where the environment names no locale */
    static String asked(UnaryOperator<@Nullable String> environment, String java) {
        String own = environment.apply(VARIABLE);
        if (own != null && !own.isEmpty() && fault(environment).isEmpty()) return language(own);
        for (String name : LOCALE) {
            String locale = environment.apply(name);
            if (locale != null && !locale.isEmpty()) return language(locale);
        }
        return language(java);
    }

    /** "ru" of "ru_RU.UTF-8"; English of "C" and "POSIX". */
    private static String language(String locale) {
        String first = locale.split("[_.@-]", 2)[0].toLowerCase(java.util.Locale.ROOT);
        return first.equals("c") || first.equals("posix") ? "en" : first;
    }

    /** Of a stream: Java 18 names it, 17 does on a terminal alone and takes the locale's elsewhere. */
    private static Charset charset(String stream) {
        String other = Runtime.version().feature() < 18 ? "file.encoding" : "native.encoding";
        for (String name : List.of("std" + stream + ".encoding", "sun.std" + stream + ".encoding", other)) {
            String charset = System.getProperty(name, "");
            if (!charset.isEmpty() && Charset.isSupported(charset)) return Charset.forName(charset);
        }
        return Charset.defaultCharset();
    }

    /** What results are written in: a terminal wants its own map, where that has the letters. */
    static Charset ofResults() {
        Charset out = charset("out");
        return System.console() != null && shows(out) ? out : StandardCharsets.UTF_8;
    }

    /** Whether letters can be written in it: question marks in their place would be worse than English. */
    static boolean shows(Charset charset) { return charset.canEncode() && charset.newEncoder().canEncode(SAMPLE); }

    /** A line for a person. */
    static String say(String english) { return words.say(english); }

    /** The help of a command, and of those below it. */
    static void translate(CommandLine line) {
        if (words == Words.ENGLISH) return;
        CommandSpec spec = line.getCommandSpec();
        UsageMessageSpec usage = spec.usageMessage();
        Map<String, String> texts = new HashMap<>();
        for (ArgSpec a : spec.args()) {
            if (a.description().length == 0) continue;
            String text = escaped(say(joined(a.description())));
            if (a instanceof OptionSpec o) texts.put(o.longestName().replaceFirst("^-+", ""), text);
            else texts.put(a.paramLabel() + "[" + ((PositionalParamSpec) a).index() + "]", text);
        }
        String about = escaped(say(joined(usage.description())));
        List<String> footer = new ArrayList<>();
        for (String text : usage.footer()) footer.add(text.startsWith("  ") ? text : escaped(say(text.replace("%%", "%"))));
        spec.resourceBundle(new Texts(texts));
        String[] header = Stream.of(usage.header()).map(h -> escaped(say(joined(new String[] {h})))).toArray(String[]::new);
        usage.header(header).description(about).footer(footer.toArray(String[]::new)).synopsisHeading(say("Usage:") + " ")
            .commandListHeading(say("Commands:") + "%n");
        line.getSubcommands().values().forEach(Language::translate);
    }

    /** A text of picocli, whose lines are parts of it and whose percent signs are doubled. */
    static String joined(String[] lines) {
        return String.join(" ", lines).replace("%n", " ").replace("%%", "%").replaceAll("\\s+", " ").strip();
    }

    private static String escaped(String text) { return text.replace("%", "%%"); }

    /** The descriptions of options and parameters, by their names. */
    private static final class Texts extends ResourceBundle {
        private final Map<String, String> texts;

        Texts(Map<String, String> texts) { this.texts = texts; }

        @Override protected @Nullable Object handleGetObject(String key) { return texts.get(key); }

        @Override public Enumeration<String> getKeys() { return Collections.enumeration(texts.keySet()); }

        @Override protected Set<String> handleKeySet() { return texts.keySet(); }
    }
}
