package io.palitra.measure;

import io.palitra.data.Batch;
import io.palitra.data.Dataset;
import io.palitra.data.Programs;
import io.palitra.data.TextSpec;
import io.palitra.data.Texts;
import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.metric.CommonRuns;
import io.palitra.metric.ProgramScores;
import io.palitra.metric.TextStatistics;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Measure;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Texts that a model writes, beside as many test items: how various they are, how their tokens are spread, what of them stands in the
 * training data; of programs, whether they are any.
 */
public final class WrittenTexts implements Measurement {
    private static final int MOST = 500, ROWS = 4;
    /** A run of as many characters is no accident of a language: some ten words. */
    private static final int RUN = 50;
    /** Training items that are looked through where they are no text of one piece. */
    private static final int ITEMS = 100_000;

    @Override public boolean fits(Subject of) { return of.test().spec() instanceof TextSpec && of.as(GenerativeModel.class).isPresent(); }

    @Override public Measured of(Subject of) {
        TextSpec spec = (TextSpec) of.test().spec();
        int n = Math.min(Math.min(MOST, of.samples()), of.test().size());
        Samples source = new Samples(of, n, false);
        List<int[]> drawn = tokens(spec, source.first(n)), data = new ArrayList<>();
        for (Batch batch : of.tested("test texts", n)) {
            try (Scope scope = new Scope()) { data.addAll(tokens(spec, batch.x())); }
        }
        List<String> written = texts(spec, drawn), read = texts(spec, data);
        List<Measure> all = new ArrayList<>();
        if (of.test() instanceof Programs) all.addAll(ProgramScores.measures(written));
        String how = "; of " + n + " samples", truth = "; of " + n + " test items";
        if (of.reader() != null) all.addAll(ReadTexts.measures(of.reader(), written, read, of.rng(), how, truth));
        all.add(new Measure("unigram entropy", TextStatistics.entropy(drawn), "nats", "of the " + spec.alphabet().tokens()
            + " of samples together" + how));
        all.add(new Measure("unigram entropy of the truth", TextStatistics.entropy(data), "nats", "the same" + truth));
        for (int k = 1; k <= ROWS; k++) {
            String name = "distinct " + k + "-grams", about = "rows of " + k + (k == 1 ? " word" : " words") + " that are no other's";
            add(all, name, TextStatistics.distinct(written, k), about + how);
            add(all, name + " of the truth", TextStatistics.distinct(read, k), about + truth);
        }
        if (of.train() != null) all.addAll(copies(of.train(), written, read, of.course()));
        all.addAll(source.cost());
        return new Measured(all);
    }

    private static void add(List<Measure> all, String name, double share, String about) {
        if (!Double.isNaN(share)) all.add(new Measure(name, 100 * share, "%", about));
    }

    /** Without the ends. Waits for the device. */
    private static List<int[]> tokens(TextSpec spec, Tensor x) {
        long[] ids = x.to(DType.I64).longs();
        List<int[]> rows = new ArrayList<>();
        for (int at = 0; at < ids.length; at += spec.length()) {
            rows.add(Arrays.stream(ids, at, at + spec.length()).mapToInt(Math::toIntExact).filter(id -> id != spec.end()).toArray());
        }
        return rows;
    }

    private static List<String> texts(TextSpec spec, List<int[]> rows) {
        return rows.stream().map(r -> spec.alphabet().decode(r)).toList();
    }

    private static List<Measure> copies(Dataset train, List<String> written, List<String> read, Course course) {
        List<String> both = new ArrayList<>(written);
        both.addAll(read);
        CommonRuns runs = new CommonRuns(both);
        String where = pass(train, runs, course);
        int[] longest = runs.longest();
        int n = written.size();
        int[] ours = Arrays.copyOf(longest, n), theirs = Arrays.copyOfRange(longest, n, longest.length);
        String how = "; of " + n + " samples, in " + where, truth = "; of " + read.size() + " test items, in " + where;
        String about = "samples of which half, and at least " + RUN + " characters, stand in the training text in one run";
        return List.of(
            new Measure("copies of training text", share(ours, written), "%", about + how),
            new Measure("copies of training text of the truth", share(theirs, read), "%", "the same" + truth),
            new Measure("longest common run", mean(ours), "characters", "of a sample with the training text, the mean; the longest of all "
                + "is " + Arrays.stream(ours).max().orElse(0) + how),
            new Measure("longest common run of the truth", mean(theirs), "characters", "the same; the longest of all is "
                + Arrays.stream(theirs).max().orElse(0) + truth));
    }

    private static double share(int[] longest, List<String> texts) {
        long copies = IntStream.range(0, longest.length).filter(i -> longest[i] >= RUN
            && 2 * longest[i] >= texts.get(i).codePointCount(0, texts.get(i).length())).count();
        return 100.0 * copies / longest.length;
    }

    private static double mean(int[] longest) { return Arrays.stream(longest).average().orElse(0); }

    /** What passed, in words. */
    private static String pass(Dataset train, CommonRuns runs, Course course) {
        TextSpec spec = (TextSpec) train.spec();
        if (train instanceof Texts text) {
            int[] tokens = text.tokens();
            course.at("copies of training text", 0, tokens.length, tokens.length);
            runs.pass(spec.alphabet().decode(tokens));
            return "the whole of it";
        }
        int n = Math.min(ITEMS, train.size());
        ByteBuffer item = ByteBuffer.allocate(spec.bytes());
        int[] ids = new int[spec.length()];
        for (int i = 0; i < n; i++) {
            if (i % 1000 == 0) course.at("copies of training text", i, 1000, n);
            train.read(i, item.clear());
            item.flip().asIntBuffer().get(ids);
            runs.pass(spec.alphabet().decode(ids));
        }
        return n == train.size() ? "all of it" : "the first " + n + " of its " + train.size() + " items";
    }
}
