package io.palitra.measure;

import io.palitra.data.Dataset;
import io.palitra.data.TextSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Measure;
import io.palitra.report.Sheet;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** All that is measured of a run, in the order in which it is shown. */
public final class Measurements {
    /** Names of the measures of cost. */
    public static final String SECONDS = "seconds a sample";
    public static final String MEMORY = "memory";
    /** The sheet of samples beside the training items that lie nearest to them, two rows. */
    public static final String CLOSEST = "closest";

    private static final List<Measurement> ALL = List.of(new OwnNumbers(), new MusicOfSamples(), new MotionOfSamples(), new CaptionRetrieval(),
        new ReconstructionSimilarity(), new ScenesKept(), new KnownDensity(), new ScenesFromCaptions(), new WordsOfScenes(),
        new EnergyOfNoise(), new GaussianModes(), new JudgedSamples(), new InceptionDistance(), new ClipScores(), new WrittenTexts());

    private Measurements() {}

    /** Whether samples are looked for in what the model was trained on, though nobody judges them. */
    public static boolean wantsTraining(Dataset test) { return test.spec() instanceof TextSpec; }

    /**
     * Refuses what cannot be measured, before anything is: a measurement may take minutes.
     *
     * @throws IllegalArgumentException for what was asked of a model or of data that cannot be measured so
     */
    public static void refuseUnfit(Subject subject) {
        try (Scope scope = new Scope()) {
            if (!subject.sampling().isEmpty() && subject.as(GenerativeModel.class).isPresent()) subject.drawing();
            for (Measurement m : ALL) if (m.fits(subject)) m.refuseUnfit(subject);
        }
    }

    /**
     * Everything that fits.
     *
     * @throws IllegalArgumentException for what was asked of a model or of data that cannot be judged so
     */
    public static Measurement.Measured of(Subject subject) {
        refuseUnfit(subject);
        List<Measure> measures = new ArrayList<>();
        Map<String, Sheet> sheets = new LinkedHashMap<>();
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Guard watch = Scope.watch(subject.course())) {
            for (Measurement m : ALL) {
                if (!m.fits(subject)) continue;
                Measurement.Measured measured = m.of(subject);
                measures.addAll(measured.measures());
                sheets.putAll(measured.sheets());
            }
        }
        return new Measurement.Measured(measures, sheets);
    }
}
