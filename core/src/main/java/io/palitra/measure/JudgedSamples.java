package io.palitra.measure;

import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.metric.Copies;
import io.palitra.metric.Judge;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Measure;
import io.palitra.report.Display;
import io.palitra.report.Sheet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** What a classifier of the data's classes says of samples, what those cost, and whether they are copies of training items. */
public final class JudgedSamples implements Measurement {
    /** Samples, test items and training items that are looked up in the training data. */
    private static final int COPIES = 500;

    @Override public boolean fits(Subject of) { return of.judge() != null && of.as(GenerativeModel.class).isPresent(); }

    @Override public Measured of(Subject of) {
        Subject.ByClassifier judge = Objects.requireNonNull(of.judge());
        int n = Math.min(of.samples(), of.test().size());
        Samples source = new Samples(of, n, of.sameClasses());
        Iterable<Batch> real = of.tested("test items for the judge", n);
        List<Measure> all = new ArrayList<>(new Judge(judge.network(), judge.name(), judge.about()).measure(real, source, n, Subject.DRAWN,
            judge.store()));
        judge.store().forget();
        if (judge.accuracy() != null) all.add(judge.accuracy());
        all.addAll(source.cost());
        if (of.train() == null || of.train().size() < Copies.LEAST) return new Measured(all);
        Tensor drawn = source.first(Math.min(COPIES, n));
        Copies copies = copies(judge, drawn, of, of.train());
        for (Measure m : copies.measures()) {
            boolean byJudge = m.about().contains(judge.name()) || m.name().contains(judge.name());
            all.add(byJudge ? new Measure(m.name(), m.value(), m.unit(), m.about() + "; " + judge.about()) : m);
        }
        Map<String, Sheet> sheets = new LinkedHashMap<>();
        pairs(copies, drawn, of.train(), of.device()).ifPresent(sheet -> sheets.put(Measurements.CLOSEST, sheet));
        return new Measured(all, sheets);
    }

    private static Copies copies(Subject.ByClassifier judge, Tensor drawn, Subject of, Dataset train) {
        Iterable<Batch> all = DataLoader.inOrder(train, Subject.BATCH, train.size(), of.device());
        return Copies.of(judge.network(), judge.name(), drawn, some(of.test(), of.device()).x(), some(train, of.device()),
            of.course().through("copies of training items", all, train.size()));
    }

    private static Batch some(Dataset data, Device device) {
        int[] order = new Rng(Subject.SEED).permutation(data.size());
        return DataLoader.of(data, Arrays.copyOf(order, Math.min(COPIES, data.size())), device);
    }

    private static Optional<Sheet> pairs(Copies copies, Tensor drawn, Dataset train, Device device) {
        long[] samples = Arrays.stream(copies.samples()).asLongStream().toArray();
        Map<String, Tensor> rows = new LinkedHashMap<>();
        rows.put("sample", drawn.indexSelect(0, Torch.of(samples, samples.length).to(drawn.device())));
        rows.put("nearest training item", DataLoader.of(train, copies.items(), device).x());
        return Display.of(train.spec()).rows(train.spec(), rows);
    }
}
