package io.palitra.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.ImageSpec;
import io.palitra.data.Split;
import io.palitra.engine.Scope;
import io.palitra.family.ClipEmbedder;
import io.palitra.measure.Subject;
import io.palitra.metric.Inception;
import io.palitra.metric.Judge;
import io.palitra.metric.Preprocess;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Measure;
import io.palitra.report.Numbers;
import io.palitra.train.Evaluation;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.RunReport;
import io.palitra.train.SampleJudge;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "evaluate", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "The honest numbers of a run on the test split: what its family measures, and for labelled data what the project's own "
        + "classifier says of its samples (trained once for each content of data and kept).")
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

    @Option(names = "--inception", paramLabel = "FILE", description = "weights of the Inception network of FID (pytorch-fid's "
        + "pt_inception-2015-12-05-6726825d.pth, or the same as .safetensors): adds FID, KID and inception score of -n samples")
    private @Nullable Path inception;

    @Option(names = "--resize", paramLabel = "clean|pytorch", defaultValue = "clean",
        description = "how pictures become 299x299 for it: as clean-fid or as pytorch-fid; default: clean")
    private Preprocess resize = Preprocess.CLEAN;

    @Option(names = "--statistics", paramLabel = "FILE.npz",
        description = "mu and sigma by pytorch-fid or clean-fid to measure FID against, instead of the test split")
    private @Nullable Path statistics;

    @Option(names = "--write-statistics", paramLabel = "FILE.npz", description = "writes mu and sigma of the test split for those")
    private @Nullable Path writeStatistics;

    @Option(names = "--force", description = "overwrite the file of --write-statistics")
    private boolean force;

    @Option(names = "--set", paramLabel = "key=value", description = "sampling keys for the judged samples")
    private List<String> set = new ArrayList<>();

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--device", paramLabel = "auto|cpu|cuda[:n]", defaultValue = "auto", description = "where to compute; default: auto")
    private String device = "auto";

    @Option(names = "--threads", paramLabel = "N|auto", defaultValue = "auto", converter = Threads.class, description = Threads.ABOUT)
    private int threads;

    @Option(names = "--json", description = "as JSON on stdout")
    private boolean json;

    private BooleanSupplier stop = () -> false;
    /** Name of the data that each run was tested on. */
    private final Map<String, String> tested = new LinkedHashMap<>();
    /** Who judged the samples of each run. */
    private final Map<String, SampleJudge.Facts> judges = new LinkedHashMap<>();

    /** As the command line would make it, with these options. */
    static EvaluateCommand of(int n, @Nullable Path dataDir, String device, int threads) {
        EvaluateCommand command = new EvaluateCommand();
        command.n = n;
        command.dataDir = dataDir;
        command.device = device;
        command.threads = threads;
        return command;
    }

    @Override public Integer call() throws IOException {
        checkCount(n);
        if (inception == null && (statistics != null || writeStatistics != null)) {
            throw new IllegalArgumentException((statistics != null ? "--statistics" : "--write-statistics") + " wants --inception FILE");
        }
        if (writeStatistics != null) Common.free(writeStatistics, "--write-statistics", force);
        stop = Stop.onSignals();
        Terminal terminal = new Terminal("evaluate", false).until(stop);
        int last = names.size() - 1;
        boolean other = last > 0 && !Files.exists(Path.of(names.get(last)).resolve(Run.CONFIG));
        String data = other ? names.get(last) : null;
        Map<String, List<Measure>> all = new LinkedHashMap<>();
        for (String name : other ? names.subList(0, last) : names) all.put(name, measures(Path.of(name), data, terminal));
        if (json) Common.json(toJson(all, data));
        else if (all.size() == 1) all.values().forEach(EvaluateCommand::list);
        else sideBySide(all);
        return 0;
    }

    /** Measures, and keeps them in the run folder unless the data is another. */
    List<Measure> measures(Path run, @Nullable String data, Terminal terminal) throws IOException {
        try (Run opened = Common.open(run, device, threads, terminal); Scope scope = new Scope();
                Inception network = inception == null ? null : Inception.open(inception, resize);
                ClipEmbedder teller = clip == null ? null : ClipEmbedder.open(clip)) {
            Dataset test = Common.data(opened.config(), data, dataDir, Split.TEST, terminal);
            tested.put(run.toString(), test.name());
            Evaluation.Asked asked = new Evaluation.Asked(test, n).sampling(set);
            if (network != null) {
                network.to(opened.device());
                asked = asked.inception(new Subject.ByInception(network, statistics, writeStatistics));
            }
            if (teller != null) {
                teller.to(opened.device());
                asked = asked.clip(new Subject.ByClip(teller, teller.name()));
            }
            Evaluation.Result result;
            if (judged(opened, test, terminal)) {
                Dataset train = Common.data(opened.config(), null, dataDir, Split.TRAIN, terminal);
                try (SampleJudge judge = judge(opened, train, test, data, terminal)) {
                    judge.facts().weakness().ifPresent(terminal::note);
                    if (test.size() < n) {
                        terminal.note("-n " + n + ": as many samples are judged as there are test items, " + test.size());
                    }
                    judges.put(run.toString(), judge.facts());
                    result = Evaluation.of(opened, asked.judged(judge, data == null ? train : null), terminal);
                }
            } else {
                result = Evaluation.of(opened, asked, terminal);
            }
            List<Measure> measures = result.measures();
            terminal.done();
            terminal.checkStop();
            if (measures.isEmpty()) throw new IllegalArgumentException("nothing to measure: '" + opened.config().settings().family()
                + "' on '" + test.name() + "' has no measures of its own, and a judge needs classes");
            if (data == null) {
                RunReport.keep(run, result, command(RunReport.FOLDER, null));
                RunReport.write(run, terminal::note);
            }
            return measures;
        }
    }

    /** Whether a classifier can judge; where that is asked for and it cannot, a note says why. */
    private boolean judged(Run opened, Dataset test, Terminal terminal) {
        if (alone || !(opened.model() instanceof GenerativeModel) || !(test.spec() instanceof ImageSpec)) return false;
        String why = test.spec().classes() < 2 ? "has no classes to train a judge on" : test.size() <= Judge.NEIGHBOURS
            ? "has " + test.size() + " test items, a judge wants more than " + Judge.NEIGHBOURS : "";
        if (!why.isEmpty()) terminal.note("no classifier judges the samples: '" + test.name() + "' " + why);
        return why.isEmpty();
    }

    private SampleJudge judge(Run opened, Dataset train, Dataset test, @Nullable String data, Terminal terminal) throws IOException {
        if (classifier != null) return SampleJudge.of(classifier, dataDir, opened.device(), terminal);
        SampleJudge.refuseOtherClasses(train.classNames(), test);
        RunConfig.Settings s = opened.config().settings();
        DataOptions options = dataDir == null ? s.options() : Config.with(s.options(), "dir=" + dataDir);
        Dataset own = data == null ? test : SampleJudge.part(() -> Common.data(opened.config(), null, dataDir, Split.TEST, terminal));
        return SampleJudge.kept(train, s.data(), options, own, opened.device(), terminal);
    }

    /** Before anything is trained or drawn. */
    static void checkCount(int n) {
        if (n < 100 || n > 1_000_000) throw new IllegalArgumentException("illegal -n: " + n + ", must be between 100 and 1000000");
    }

    private String command(String run, @Nullable String data) {
        return "palitra evaluate " + run + (data == null ? "" : " " + data) + (n == 10_000 ? "" : " -n " + n)
            + (alone ? " --no-classifier" : "") + (clip == null ? "" : " --clip " + clip) + byInception()
            + String.join("", set.stream().map(s -> " --set " + s).toList());
    }

    private String byInception() {
        return inception == null ? "" : " --inception " + inception + (resize == Preprocess.CLEAN ? "" : " --resize pytorch")
            + (statistics == null ? "" : " --statistics " + statistics);
    }

    private JsonNode toJson(Map<String, List<Measure>> all, @Nullable String data) {
        ArrayNode array = new ObjectMapper().createArrayNode();
        all.forEach((run, measures) -> {
            ObjectNode node = array.addObject().put("run", run).put("data", tested.get(Path.of(run).toString()));
            node.put("command", command(run, data));
            SampleJudge.Facts judge = judges.get(Path.of(run).toString());
            if (judge != null) node.set("judge", judge.toJson());
            node.set("measures", RunReport.toJson(measures));
        });
        return all.size() == 1 ? array.get(0) : array;
    }

    private static void list(List<Measure> measures) {
        for (Measure m : measures) {
            Common.OUT.printf("%-36s %12s %-6s %s%n", m.name(), Numbers.shown(m.value()), m.unit(), m.about());
        }
    }

    /** A row for each measure, a column for each run; below, what each run's figures are. */
    private static void sideBySide(Map<String, List<Measure>> all) {
        Map<String, String> rows = new LinkedHashMap<>();
        all.values().forEach(list -> list.forEach(m -> rows.putIfAbsent(m.name(), m.unit())));
        StringBuilder head = new StringBuilder(String.format("%-36s %-10s", "", ""));
        all.keySet().forEach(run -> head.append(String.format(" %16s", last(run))));
        Common.OUT.println(head);
        rows.forEach((name, unit) -> {
            StringBuilder row = new StringBuilder(String.format("%-36s %-10s", name, unit));
            for (List<Measure> list : all.values()) {
                String value = list.stream().filter(m -> m.name().equals(name)).map(m -> Numbers.shown(m.value())).findFirst()
                    .orElse("");
                row.append(String.format(" %16s", value));
            }
            Common.OUT.println(row);
        });
        all.forEach((run, list) -> list.stream().filter(m -> m.name().startsWith("-log p") || m.name().equals("-ELBO")
            || m.name().equals(SampleJudge.ACCURACY))
            .forEach(m -> Common.OUT.println(last(run) + ", " + m.name() + ": " + m.about())));
    }

    private static String last(String run) {
        Path name = Path.of(run).toAbsolutePath().normalize().getFileName();
        return name == null ? run : name.toString();
    }
}
