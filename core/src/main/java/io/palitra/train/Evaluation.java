package io.palitra.train;

import io.palitra.config.Reason;
import io.palitra.data.Dataset;
import io.palitra.data.FormatException;
import io.palitra.engine.Tensor;
import io.palitra.hub.Safetensors;
import io.palitra.measure.Course;
import io.palitra.measure.Measurement;
import io.palitra.measure.Measurements;
import io.palitra.measure.Subject;
import io.palitra.metric.Judge;
import io.palitra.model.Measure;
import io.palitra.model.Watcher;
import io.palitra.report.Sheet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The honest numbers of a run on test data: {@link Measurements} of it, with what a run folder keeps between two tries. */
public final class Evaluation {
    private Evaluation() {}

    /**
     * What is measured.
     *
     * @param measures each with what it is
     * @param closest samples beside the training items that lie nearest to them, two rows; null where none were drawn
     * @param judge who judged the samples; null where nobody did
     */
    public record Result(List<Measure> measures, @Nullable Sheet closest, SampleJudge.@Nullable Facts judge) {}

    /**
     * What is asked.
     *
     * @param train what the run was trained on, to look for copies in; null to leave that out, as it is for fewer than
     *     {@link io.palitra.metric.Copies#LEAST} items
     * @param judge of the classes of the test data, or null to leave its measures out
     * @param inception for the Fréchet distance of the papers; null to leave it out
     * @param clip for scores of captions; null to leave them out
     * @param reader a model of texts that scores written ones; null to leave its measures out
     * @param samples drawn for the judges
     * @param sampling overrides of the model's sampling keys
     */
    public record Asked(Dataset test, @Nullable Dataset train, @Nullable SampleJudge judge, Subject.@Nullable ByInception inception,
            Subject.@Nullable ByClip clip, Subject.@Nullable ByReader reader, int samples, List<String> sampling) {
        public Asked(Dataset test, int samples) { this(test, null, null, null, null, null, samples, List.of()); }

        public Asked sampling(List<String> overrides) { return new Asked(test, train, judge, inception, clip, reader, samples, overrides); }

        public Asked judged(SampleJudge by, @Nullable Dataset trained) {
            return new Asked(test, trained, by, inception, clip, reader, samples, sampling);
        }

        public Asked trained(Dataset on) { return new Asked(test, on, judge, inception, clip, reader, samples, sampling); }

        public Asked inception(Subject.ByInception by) { return new Asked(test, train, judge, by, clip, reader, samples, sampling); }

        public Asked clip(Subject.ByClip by) { return new Asked(test, train, judge, inception, by, reader, samples, sampling); }

        public Asked reader(Subject.ByReader by) { return new Asked(test, train, judge, inception, clip, by, samples, sampling); }
    }

    /**
     * A judgement that was cut off goes on where it was when all is as before.
     *
     * @param watcher may end it
     * @throws IllegalArgumentException for a judge of other classes, or of items of another shape
     */
    public static Result of(Run run, Asked asked, Watcher watcher) {
        SampleJudge judge = asked.judge;
        if (judge != null) judge.refuseOthersThan(asked.test);
        Measurement.Measured measured = Measurements.of(subject(run, asked, watcher));
        return new Result(measured.measures(), measured.sheets().get(Measurements.CLOSEST), judge == null ? null : judge.facts());
    }

    /**
     * Refuses what cannot be measured, before anything is: {@link #of} does so too, but by then a judge may have been trained.
     *
     * @throws IllegalArgumentException for an Inception network, a CLIP or a sampling key that does not fit the run or the data
     */
    public static void refuseUnfit(Run run, Asked asked) { Measurements.refuseUnfit(subject(run, asked, Watcher.SILENT)); }

    private static Subject subject(Run run, Asked asked, Watcher watcher) {
        SampleJudge judge = asked.judge;
        RunConfig.Settings s = run.config().settings();
        int n = Math.min(asked.samples, asked.test.size());
        Subject.ByClassifier by = judge == null ? null : new Subject.ByClassifier(judge.network(), judge.name(), judge.facts().about(),
            judge.facts().measure().orElse(null), new Kept(run, asked.test, judge.run(), n, asked.sampling));
        return new Subject(run.model(), s.family(), run.device(), asked.test, asked.train, s.classes().equals(asked.test.classNames()),
            asked.samples, asked.sampling, by, asked.inception, asked.clip, asked.reader, new Course(watcher));
    }

    /** The judgement so far, in the run folder; of another request it is not used. */
    private static final class Kept implements Judge.Store {
        private final Path file;
        private final Map<String, String> request;
        private boolean saved;

        Kept(Run run, Dataset test, Run judge, int n, List<String> sampling) {
            file = RunFolder.own(run.folder(), RunFolder.JUDGED);
            request = Map.of("request", String.join("\n", run.weights(), judge.weights(), test.name(), String.valueOf(test.size()),
                String.valueOf(n), String.join(" ", sampling), RunConfig.version()));
        }

        @Override public Map<String, Tensor> load() {
            if (!Files.isRegularFile(file)) return Map.of();
            saved = true;
            try {
                Safetensors read = Safetensors.read(file);
                return read.metadata().equals(request) ? read.tensors() : Map.of();
            } catch (FormatException e) {
                return Map.of();   // judged anew, with the same result
            }
        }

        @Override public void save(Map<String, Tensor> state) {
            Safetensors.write(file, state, request);
            saved = true;
        }

        @Override public void forget() {
            try {
                if (saved) Files.deleteIfExists(file);
            } catch (IOException e) {
                throw new UncheckedIOException(Reason.told(e), e);
            }
        }
    }
}
