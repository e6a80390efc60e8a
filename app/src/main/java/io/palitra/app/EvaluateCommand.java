package io.palitra.app;

import io.palitra.job.EvaluateRequest;
import io.palitra.model.Measure;
import io.palitra.report.Numbers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "evaluate", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "The honest numbers of a run on the test split: what its family measures, and for labelled data measures of its "
        + "samples by the project's own classifier (trained once for each content of data and kept).")
final class EvaluateCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "RUN… [DATA]", description = "run folders; several are set side by side; and, last, other "
        + "data than each run's own")
    private List<String> names = new ArrayList<>();

    @Option(names = "-n", paramLabel = "N", defaultValue = "10000", description = "samples for the classifier to judge; default: 10000")
    private int n;

    @Option(names = "--classifier", paramLabel = "RUN", description = "the run that judges, instead of the kept one")
    private @Nullable Path classifier;

    @Option(names = "--no-classifier", description = "only what the family measures itself")
    private boolean alone;

    @Option(names = "--clip", paramLabel = "WHERE", description = "of a model that draws from texts: CLIP score by a run of family clip, a "
        + "folder of transformers' CLIP, or an org/name that was pulled")
    private @Nullable String clip;

    @Option(names = "--judge", paramLabel = "RUN", description = "of a run of texts: a run of gpt or lstm that scores the texts it writes, "
        + "in nats a character")
    private @Nullable String judge;

    @Option(names = "--inception", paramLabel = "FILE", description = "weights of the Inception network of FID (pytorch-fid's "
        + "pt_inception-2015-12-05-6726825d.pth, or the same as .safetensors): adds FID, KID and inception score of -n samples")
    private @Nullable Path inception;

    @Option(names = "--resize", paramLabel = "clean|pytorch", defaultValue = "clean",
        description = "how pictures become 299x299 for it: as clean-fid or as pytorch-fid; default: clean")
    private EvaluateRequest.Resize resize = EvaluateRequest.Resize.CLEAN;

    @Option(names = "--statistics", paramLabel = "FILE.npz",
        description = "mu and sigma by pytorch-fid or clean-fid to measure FID against, instead of the test split")
    private @Nullable Path statistics;

    @Option(names = "--write-statistics", paramLabel = "FILE.npz", description = "writes mu and sigma of the test split for those")
    private @Nullable Path writeStatistics;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Option(names = "--set", paramLabel = "key=value", description = "sampling keys for the judged samples")
    private List<String> set = new ArrayList<>();

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Mixin private Computing computing = new Computing();

    @Option(names = "--json", description = "as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        int last = names.size() - 1;
        boolean other = last > 0 && !EvaluateRequest.isRun(Path.of(names.get(last)));
        EvaluateRequest request = new EvaluateRequest(other ? names.subList(0, last) : names, other ? names.get(last) : "", n,
            Common.text(classifier), alone, Common.name(clip, "--clip"), Common.name(judge, "--judge"),
            Common.text(inception), resize, Common.text(statistics),
            Common.text(writeStatistics), overwriting.force, set, Common.text(dataDir), computing.device, computing.threads);
        Terminal terminal = new Terminal("evaluate", false).until(Stop.onSignals());
        EvaluateRequest.Result result = request.run(terminal);
        terminal.done();
        if (json) Common.json(result.toJson());
        else if (result.runs().size() == 1) Common.OUT.print(list(result.runs().get(0).measures()));
        else sideBySide(result.runs());
        return 0;
    }

    /** Characters of the column of names, unless one is longer. */
    private static final int NAME = 36;

    /** A row for each measure; columns are as wide as what stands in them. */
    static String list(List<Measure> measures) {
        StringBuilder all = new StringBuilder();
        String row = "%-" + widest(measures.stream().map(Measure::name), NAME) + "s %12s %-" + widest(measures.stream().map(Measure::unit),
            6) + "s %s%n";
        for (Measure m : measures) {
            all.append(String.format(row, Language.say(m.name()), Numbers.shown(m.value()), Language.say(m.unit()),
                Language.say(m.about())));
        }
        return all.toString();
    }

    /** Characters of the longest, as it is printed. @param least of a column of short ones */
    private static int widest(Stream<String> words, int least) {
        return Math.max(least, words.mapToInt(w -> Language.say(w).length()).max().orElse(0));
    }

    /** A row for each measure, a column for each run; below, what each run's figures are. */
    private static void sideBySide(List<EvaluateRequest.Measured> all) {
        Map<String, String> rows = new LinkedHashMap<>();
        all.forEach(run -> run.measures().forEach(m -> rows.putIfAbsent(m.name(), m.unit())));
        String first = "%-" + widest(rows.keySet().stream(), NAME) + "s %-" + widest(rows.values().stream(), 10) + "s";
        StringBuilder head = new StringBuilder(String.format(first, "", ""));
        all.forEach(run -> head.append(String.format(" %16s", last(run.run()))));
        Common.OUT.println(head);
        rows.forEach((name, unit) -> {
            StringBuilder row = new StringBuilder(String.format(first, Language.say(name), Language.say(unit)));
            for (EvaluateRequest.Measured run : all) {
                String value = run.measures().stream().filter(m -> m.name().equals(name)).map(m -> Numbers.shown(m.value())).findFirst()
                    .orElse("");
                row.append(String.format(" %16s", value));
            }
            Common.OUT.println(row);
        });
        all.forEach(run -> run.explained().forEach(m -> Common.OUT.println(last(run.run()) + ", " + Language.say(m.name()) + ": "
            + Language.say(m.about()))));
    }

    private static String last(String run) {
        Path name = Path.of(run).toAbsolutePath().normalize().getFileName();
        return name == null ? run : name.toString();
    }
}
