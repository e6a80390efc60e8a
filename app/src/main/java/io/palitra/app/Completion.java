package io.palitra.app;

import io.palitra.config.Config;
import io.palitra.config.Key;
import io.palitra.data.DataOptions;
import io.palitra.edit.DreamRequest;
import io.palitra.job.FamiliesRequest;
import io.palitra.model.Watcher;
import io.palitra.paint.PaintRequest;
import io.palitra.report.Film;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;

/** The script by which bash, and zsh after bashcompinit, complete commands, options, families, data sets, runs and keys. */
@Command(name = "generate-completion", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "The script that completes commands, options, families, data sets, runs and keys of --set, for bash and zsh: source "
        + "<(palitra generate-completion)")
final class Completion implements Callable<Integer> {
    @Override public Integer call() {
        Common.OUT.print(script(Main.commands("")));
        return 0;
    }

    /** Picocli's own script, and around it what the files of the folder, or the words before, decide. */
    static String script(CommandLine all) {
        List<String> runs = new ArrayList<>(), many = new ArrayList<>();
        Set<String> options = new LinkedHashSet<>();
        for (CommandLine command : all.getSubcommands().values()) {
            CommandSpec spec = command.getCommandSpec();
            spec.positionalParameters().stream().filter(p -> p.paramLabel().contains("RUN"))
                .forEach(p -> (p.arity().max() > 1 ? many : runs).add(spec.name()));
            spec.options().stream().filter(o -> o.paramLabel().contains("RUN") || o.paramLabel().equals("WHERE"))
                .forEach(o -> options.add(o.longestName()));
        }
        StringBuilder keys = new StringBuilder();
        for (FamiliesRequest.Entry f : new FamiliesRequest("").run(Watcher.SILENT).families()) {
            keys.append(choice("train:" + f.name(), Stream.of(paths(f.config(), ""), paths(f.recipe(), "train."),
                paths(Config.describe(DataOptions.DEFAULT), "data.")).flatMap(s -> s)));
        }
        keys.append(choice("paint:*", paths(Config.describe(PaintRequest.How.DEFAULT), "")));
        keys.append(choice("dream:*", Stream.concat(paths(Config.describe(DreamRequest.How.DEFAULT), ""),
            paths(Config.describe(Film.DEFAULT), "film."))));
        String own = OWN.replace("@MODELS@", String.join(" ", Names.models())).replace("@KEYS@", keys)
            .replace("@RUNS@", String.join(" | ", runs)).replace("@MANY@", String.join(" | ", many))
            .replace("@OPTIONS@", String.join(" | ", options));
        return AutoComplete.bash("palitra", all) + own;
    }

    private static Stream<String> paths(List<Key> keys, String prefix) {
        return keys.stream().map(Key::path).filter(k -> !k.contains("NAME")).distinct().map(k -> prefix + k);
    }

    private static String choice(String pattern, Stream<String> words) {
        return "        " + pattern + ") echo \"" + words.distinct().collect(Collectors.joining(" ")) + "\" ;;\n";
    }

    /** Words come from names of folders: none of them is evaluated. */
    private static final String OWN = """

        # Runs: folders with a config.json, here and in runs/, and the models that come with the program.
        _palitra_runs() {
            { find . -maxdepth 2 -name config.json; find runs -mindepth 2 -maxdepth 2 -name config.json; } 2>/dev/null |
                sed -e 's,/config.json$,,' -e 's,^\\./,,' -e '/^\\.$/d' | sort -u
            for name in @MODELS@; do echo "$name"; done
        }

        # Keys of --set. $1: the command, a colon, and the word behind it.
        _palitra_keys() {
            case $1 in
        @KEYS@    esac
        }

        # Offers those of the lines of stdin that begin with $1; where none does, what is offered already.
        _palitra_offer() {
            local line found=()
            while IFS= read -r line; do
                case $line in "$1"*) found+=("$(printf %q "$line")") ;; esac
            done
            [ "${#found[@]}" -eq 0 ] && return 0
            COMPREPLY=("${found[@]}")
            compopt +o filenames 2>/dev/null   # they are quoted
            return 0
        }

        _palitra_complete() {
            _complete_palitra "$@"
            local word="${COMP_WORDS[COMP_CWORD]}" previous="" command="${COMP_WORDS[1]}" i
            [ "$COMP_CWORD" -ge 2 ] || return 0
            previous="${COMP_WORDS[COMP_CWORD-1]}"
            case $word in -*) return 0 ;; esac
            case $previous in
                --set)
                    _palitra_offer "$word" < <(_palitra_keys "$command:${COMP_WORDS[2]}" | tr ' ' '\\n' | sed '/./s/$/=/')
                    compopt -o nospace 2>/dev/null
                    return 0 ;;
                @OPTIONS@) _palitra_offer "$word" < <(_palitra_runs); return 0 ;;
                -*) return 0 ;;
            esac
            case $command in
                @MANY@) _palitra_offer "$word" < <(_palitra_runs) ;;
                @RUNS@)
                    for ((i = 2; i < COMP_CWORD; i++)); do
                        [ -f "${COMP_WORDS[i]}/config.json" ] && return 0   # it is there already
                    done
                    _palitra_offer "$word" < <(_palitra_runs) ;;
            esac
            return 0
        }
        complete -F _palitra_complete -o default palitra
        """;
}
