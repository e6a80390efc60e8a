package io.palitra.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Split;
import io.palitra.data.TextItems;
import io.palitra.engine.Scope;
import io.palitra.measure.Measurements;
import io.palitra.measure.Subject;
import io.palitra.metric.Inception;
import io.palitra.metric.Judge;
import io.palitra.metric.Preprocess;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Measure;
import io.palitra.model.Watcher;
import io.palitra.report.Places;
import io.palitra.stage.ClipEmbedder;
import io.palitra.train.Evaluation;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.RunReport;
import io.palitra.train.SampleJudge;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Runs measured on their test split, or on other data; measures of a run on its own data are kept in its folder. */
public record EvaluateRequest(
        @Help(value = "run folders", place = Help.Place.MODEL) List<String> runs,
        @Help(value = "name or path of other data, empty = each run's own", place = Help.Place.DATA) String data,
        @Help(value = "samples for the classifier to judge", min = 100, max = 1_000_000) int n,
        @Help(value = "the run that judges, empty = the kept one", place = Help.Place.MODEL) String classifier,
        @Help("whether no classifier judges") boolean noClassifier,
        @Help(value = "the CLIP that scores pictures of texts: a run, a folder, or org/name; empty = none",
            place = Help.Place.MODEL) String clip,
        @Help(value = "a run of gpt or lstm that scores the texts that a run writes, empty = none", place = Help.Place.MODEL) String judge,
        @Help(value = "weights of the Inception network of FID, empty = none", place = Help.Place.FILE) String inception,
        @Help("how pictures become 299x299 for it") Resize resize,
        @Help(value = "mu and sigma to measure FID against, empty = of the test split", place = Help.Place.FILE) String statistics,
        @Help(value = "file to write mu and sigma of the test split to, empty = none", place = Help.Place.OUT) String writeStatistics,
        @Help("whether that file is replaced") boolean force,
        @Help("sampling keys for the judged samples, key=value") List<String> sampling,
        @Help(value = "where data sets lie, empty = where they lay", place = Help.Place.DATA) String dataDir,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<EvaluateRequest.Result> {
    /** As clean-fid or as pytorch-fid do it. */
    public enum Resize { CLEAN, PYTORCH }

    private static final int USUAL = 10_000;

    /** On their own data, judged by the kept classifier. */
    public EvaluateRequest(String... runs) {
        this(List.of(runs), "", USUAL, "", false, "", "", "", Resize.CLEAN, "", "", false, List.of(), "", "auto", 0);
    }

    public EvaluateRequest {
        runs = List.copyOf(runs);
        sampling = List.copyOf(sampling);
        if (inception.isEmpty() && !(statistics + writeStatistics).isEmpty()) {
            String key = statistics.isEmpty() ? "writeStatistics" : "statistics";
            throw new ConfigException(key, key + "= wants inception=FILE");
        }
    }

    /** Whether a run lies there. */
    public static boolean isRun(Path folder) { return Files.exists(folder.resolve(Run.CONFIG)); }

    /** In the order of the request. */
    public record Result(List<Measured> runs) {
        /** An object, or a list of them for several runs. */
        public JsonNode toJson() {
            ArrayNode all = new ObjectMapper().createArrayNode();
            runs.forEach(r -> all.add(r.toJson()));
            return all.size() == 1 ? all.get(0) : all;
        }
    }

    /**
     * A run's measures.
     *
     * @param data    name of what it was tested on
     * @param command that measures the same again
     * @param judge   who judged its samples
     */
    public record Measured(String run, String data, String command, Optional<SampleJudge.Facts> judge, List<Measure> measures) {
        private ObjectNode toJson() {
            ObjectNode node = new ObjectMapper().createObjectNode().put("run", run).put("data", data).put("command", command);
            judge.ifPresent(j -> node.set("judge", j.toJson()));
            node.set("measures", RunReport.toJson(measures));
            return node;
        }

        /** Those whose figures mean little without the words about them. */
        public List<Measure> explained() {
            return measures.stream().filter(m -> m.name().startsWith("-log p") || m.name().equals("-ELBO")
                || m.name().equals(SampleJudge.ACCURACY)).toList();
        }
    }

    /**
     * Measures one run after the other.
     *
     * @throws ConfigException for a key that cannot be
     * @throws IllegalArgumentException for a run of which nothing can be measured
     * @throws java.util.concurrent.CancellationException when it was stopped; a judgement goes on there the next time
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        if (runs.isEmpty()) throw new ConfigException("runs", "illegal runs: none, must be one at least");
        if (!writeStatistics.isEmpty()) Outputs.free(Path.of(writeStatistics), "writeStatistics", force);
        Inputs inputs = new Inputs(watcher);
        List<Measured> all = new ArrayList<>();
        try (Inception network = inception.isEmpty() ? null : Inception.open(Path.of(inception), Preprocess.valueOf(resize.name()));
                ClipEmbedder embedder = clip.isEmpty() ? null : ClipEmbedder.open(clip);
                Run reads = judge.isEmpty() ? null : inputs.open(judge, device, threads)) {
            Subject.ByReader reader = reads == null ? null : reader(reads);
            if (runs.size() > 1) for (String run : runs) refuseUnfit(run, network, embedder, reader);
            for (String run : runs) all.add(measured(run, network, embedder, reader, inputs, watcher));
        }
        return new Result(List.copyOf(all));
    }

    private Subject.ByReader reader(Run opened) {
        Optional<Likelihood> model = opened.model().as(Likelihood.class);
        if (model.isEmpty() || !(opened.config().settings().spec() instanceof TextItems text)) {
            throw new ConfigException("judge", "'" + judge + "' is a run of " + opened.config().settings().family()
                + ", which scores no texts; gpt, lstm and mdlm do");
        }
        return new Subject.ByReader(model.get(), text, Inputs.name(judge));
    }

    /** Refuses a run for which the networks or the sampling keys do not fit, before the first run is measured. */
    private void refuseUnfit(String run, @Nullable Inception network, @Nullable ClipEmbedder embedder,
            Subject.@Nullable ByReader reader) throws IOException {
        if (network == null && embedder == null && reader == null && sampling.isEmpty()) return;
        Inputs inputs = new Inputs(Watcher.SILENT);   // its notes follow when the run is measured
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope()) {
            Dataset test = inputs.data(opened.config(), data, dataDir, Split.TEST);
            Evaluation.refuseUnfit(opened, asked(opened, test, network, embedder, reader));
        }
    }

    private Evaluation.Asked asked(Run opened, Dataset test, @Nullable Inception network, @Nullable ClipEmbedder embedder,
            Subject.@Nullable ByReader reader) {
        Evaluation.Asked asked = new Evaluation.Asked(test, n).sampling(sampling);
        if (reader != null) {
            if (!(test.spec() instanceof TextItems) || !(opened.model() instanceof GenerativeModel)) {
                throw new ConfigException("judge", "judge= scores texts that a run writes; '" + opened.config().settings().family()
                    + "' on '" + test.name() + "' writes none");
            }
            asked = asked.reader(reader);
        }
        if (network != null) {
            network.to(opened.device());
            asked = asked.inception(new Subject.ByInception(network, path(statistics), path(writeStatistics)));
        }
        if (embedder != null) {
            embedder.to(opened.device());
            asked = asked.clip(new Subject.ByClip(embedder, embedder.name()));
        }
        return asked;
    }

    private Measured measured(String run, @Nullable Inception network, @Nullable ClipEmbedder embedder, Subject.@Nullable ByReader reader,
            Inputs inputs, Watcher watcher) throws IOException {
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope()) {
            Dataset test = inputs.data(opened.config(), data, dataDir, Split.TEST);
            Evaluation.Asked asked = asked(opened, test, network, embedder, reader);
            Evaluation.refuseUnfit(opened, asked);   // before a judge is trained
            Evaluation.Result result;
            if (judged(opened, test, watcher)) {
                Dataset train = inputs.data(opened.config(), "", dataDir, Split.TRAIN);
                try (SampleJudge by = judge(opened, train, test, inputs, watcher)) {
                    by.facts().weakness().ifPresent(watcher::note);
                    if (test.size() < n) {
                        watcher.note("-n " + n + ": as many samples are judged as there are test items, " + test.size());
                    }
                    result = Evaluation.of(opened, asked.judged(by, data.isEmpty() ? train : null), watcher);
                }
            } else {
                boolean copies = data.isEmpty() && Measurements.wantsTraining(test) && opened.model() instanceof GenerativeModel;
                if (copies) asked = asked.trained(inputs.data(opened.config(), "", dataDir, Split.TRAIN));
                result = Evaluation.of(opened, asked, watcher);
            }
            watcher.checkStop();
            if (result.measures().isEmpty()) throw new ArgumentException("nothing to measure: '"
                + opened.config().settings().family() + "' on '" + test.name()
                + "' has no measures of its own, and a judge needs classes");
            if (data.isEmpty() && Files.exists(Path.of(run))) {
                RunReport.keep(Path.of(run), result, command(RunReport.FOLDER));
                RunReport.write(Path.of(run), watcher::note);
            } else if (data.isEmpty()) {
                watcher.note("'" + run + "' comes with the program: its numbers are kept nowhere");
            }
            return new Measured(run, test.name(), command(run), Optional.ofNullable(result.judge()), result.measures());
        }
    }

    private static @Nullable Path path(String text) { return text.isEmpty() ? null : Path.of(text); }

    /** Whether a classifier can judge; where it could and the data does not allow it, a note says why. */
    private boolean judged(Run opened, Dataset test, Watcher watcher) {
        if (noClassifier || !(opened.model() instanceof GenerativeModel) || !Judge.takes(test.spec())) return false;
        String why = test.spec().classes() < 2 ? "has no classes to train a judge on" : test.size() <= Judge.NEIGHBOURS
            ? "has " + test.size() + " test items, a judge wants more than " + Judge.NEIGHBOURS : "";
        if (!why.isEmpty()) watcher.note("no classifier judges the samples: '" + test.name() + "' " + why);
        return why.isEmpty();
    }

    private SampleJudge judge(Run opened, Dataset train, Dataset test, Inputs inputs, Watcher watcher) throws IOException {
        if (!classifier.isEmpty()) return SampleJudge.of(Path.of(classifier), path(dataDir), opened.device(), watcher);
        SampleJudge.refuseOtherClasses(train.classNames(), test);
        RunConfig.Settings s = opened.config().settings();
        DataOptions options = dataDir.isEmpty() ? s.options() : Config.with(s.options(), "dir=" + dataDir);
        Dataset own = data.isEmpty() ? test : SampleJudge.part(() -> inputs.data(opened.config(), "", dataDir, Split.TEST));
        return SampleJudge.kept(train, s.data(), options, own, opened.device(), watcher);
    }

    private String command(String run) {
        return "palitra evaluate " + run + (data.isEmpty() ? "" : " " + Places.word(data)) + (n == USUAL ? "" : " -n " + n)
            + (noClassifier ? " --no-classifier" : "") + (clip.isEmpty() ? "" : " --clip " + Places.word(clip))
            + (judge.isEmpty() ? "" : " --judge " + Places.word(judge)) + byInception()
            + String.join("", sampling.stream().map(s -> " --set " + Places.word(s)).toList());
    }

    private String byInception() {
        return inception.isEmpty() ? "" : " --inception " + Places.word(inception) + (resize == Resize.CLEAN ? "" : " --resize pytorch")
            + (statistics.isEmpty() ? "" : " --statistics " + Places.word(statistics));
    }
}
