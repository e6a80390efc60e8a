package io.palitra.train;

import io.palitra.config.Config;
import io.palitra.config.Reason;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.FormatException;
import io.palitra.data.ImageSpec;
import io.palitra.data.Scenes;
import io.palitra.data.Toy;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Resident;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.metric.ClipScore;
import io.palitra.metric.Copies;
import io.palitra.metric.Frechet;
import io.palitra.metric.Inception;
import io.palitra.metric.InceptionScore;
import io.palitra.metric.Judge;
import io.palitra.metric.KernelDistance;
import io.palitra.metric.Modes;
import io.palitra.metric.Moments;
import io.palitra.metric.Ranking;
import io.palitra.metric.Retrieval;
import io.palitra.metric.SceneReconstruction;
import io.palitra.metric.SceneTexts;
import io.palitra.metric.Ssim;
import io.palitra.metric.Statistics;
import io.palitra.model.ClassifierFeatures;
import io.palitra.model.Denoising;
import io.palitra.model.DrawsTexts;
import io.palitra.model.Energy;
import io.palitra.model.Evaluates;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Measure;
import io.palitra.model.Reconstructs;
import io.palitra.model.TextImage;
import io.palitra.report.Display;
import io.palitra.report.Sheet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** The honest numbers of a run on test data: what its family measures of itself, and what a trained classifier says of its samples. */
public final class Evaluation {
    private static final long SEED = 12345;
    /** Scenes that are read back, or whose captions are drawn in each language. */
    private static final int SCENES = 1000;
    private static final int BATCH = 500;
    private static final int JUDGED = 100;
    /** Items whose reconstruction is compared with them. */
    private static final int SIMILAR = 1000;
    /** Samples, test items and training items that are looked up in the training data. */
    private static final int COPIES = 500;
    /** Items of either side whose features are kept for the kernel distance. */
    private static final int KERNEL_OF = 2000;
    /** Beginning of the SHA-256 of the weights with which alone the distance is called FID. */
    private static final String PUBLISHED = "6726825d";
    /** Captions that a sample is drawn from for a CLIP. */
    private static final int TOLD = 200;
    /** Names of the measures of cost. */
    public static final String SECONDS = "seconds a sample";
    public static final String MEMORY = "memory";

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
     * A judgement that was cut off goes on where it was when all is as before.
     *
     * @param train what the run was trained on, to look for copies in; null to leave that out, as it is for fewer than
     *     {@link Copies#LEAST} items
     * @param judge of the classes of the test data, or null to leave its measures out
     * @param samples drawn for the judge
     * @param progress is told how far each long measurement is, and may end it
     * @throws IllegalArgumentException for a judge of other classes, or of items of another shape
     */
    public static Result of(Run run, Dataset test, @Nullable Dataset train, @Nullable SampleJudge judge, int samples,
            List<String> sampling, Progress progress) {
        if (judge != null) judge.refuseOthersThan(test);
        List<Measure> measures = new ArrayList<>();
        Sheet closest = null;
        Course course = new Course(progress);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Guard watch = Scope.watch(course)) {
            if (run.model() instanceof Evaluates e) {
                measures.addAll(e.evaluate(all("what " + run.config().settings().family() + " measures", test, run, course),
                    new Rng(SEED).on(run.device())));
            }
            if (run.model() instanceof TextImage model && test.captioned()) {
                measures.addAll(Retrieval.of(model, test, run.device()));
            }
            if (run.model() instanceof Reconstructs r && !r.lossless() && Ssim.fits(test.spec())) {
                measures.add(similarity(r, test, run, course));
            }
            if (test instanceof Scenes scenes && run.model() instanceof Reconstructs r && !r.lossless()) {
                int n = Math.min(SCENES, scenes.size());
                measures.addAll(SceneReconstruction.measure(r, scenes, course.through("scenes that come back", DataLoader.inOrder(scenes,
                    JUDGED, n, run.device()), n)));
            }
            if (test instanceof Toy toy && run.model() instanceof Likelihood l) measures.addAll(besideTheTruth(l, toy, run, course));
            if (test instanceof Scenes scenes && run.model() instanceof DrawsTexts<?> teller) {
                measures.addAll(told(teller, scenes, samples, run, sampling, course));
            }
            if (run.model() instanceof Energy e) measures.addAll(energies(e, test, run, course));
            if (test instanceof Toy toy && toy.kind() == Toy.Kind.GAUSSIANS && run.model() instanceof GenerativeModel<?> model) {
                course.at("points", 0, samples, samples);
                Tensor points = Run.sample(model, samples, new Rng(SEED).on(run.device()), sampling);
                measures.addAll(Modes.of(points, Toy.centres(), toy.kind().deviation(), 4).measures(samples));
            }
            if (judge != null && run.model() instanceof GenerativeModel<?>) {
                ClassifierFeatures network = judge.network();
                String name = judge.name();
                int n = Math.min(samples, test.size());
                Samples source = new Samples(run, sampling, run.config().settings().classes().equals(test.classNames()), n, course);
                Kept kept = new Kept(run, test, judge.run(), n, sampling);
                measures.addAll(new Judge(network, name, judge.facts().about()).measure(course.through("test items for the judge",
                    DataLoader.inOrder(test, BATCH, n, run.device()), n), source, n, JUDGED, kept));
                kept.forget();
                judge.facts().measure().ifPresent(measures::add);
                measures.addAll(source.cost());
                if (train != null && train.size() >= Copies.LEAST) {
                    Tensor drawn = source.first(Math.min(COPIES, n));
                    Copies copies = copies(network, name, drawn, test, train, run, course);
                    for (Measure m : copies.measures()) {
                        boolean byJudge = m.about().contains(name) || m.name().contains(name);
                        measures.add(byJudge ? judge.facts().said(m) : m);
                    }
                    closest = pairs(copies, drawn, train, run);
                }
            }
        }
        return new Result(measures, closest, judge == null ? null : judge.facts());
    }

    private static <S extends Record> List<Measure> told(DrawsTexts<S> model, Scenes test, int samples, Run run, List<String> sampling,
            Course course) {
        S how = Config.with(model.samplingDefaults(), sampling);
        return SceneTexts.captionScores(model, how, test, Math.min(samples, SCENES), new Rng(SEED).on(run.device()),
            (first, count, of) -> course.at("pictures of captions", first, count, of));
    }

    /**
     * What the Inception network of the FID papers says: the Fréchet distance, the score, and beside data, not statistics, the kernel
     * distance. Memory does not grow with the number of samples.
     *
     * @param reference statistics that others computed with the same network and resizing, to measure against; null for the test data
     * @param samples as many are drawn
     * @param write where to write the statistics of the test data; null for nowhere
     * @param progress is told how far it is, and may end it
     */
    public static List<Measure> byInception(Run run, Dataset test, Inception network, @Nullable Path reference, int samples,
            List<String> sampling, @Nullable Path write, Progress progress) {
        Course course = new Course(progress);
        if (!(test.spec() instanceof ImageSpec)) throw new IllegalArgumentException("Inception wants pictures, got " + test.spec());
        List<Tensor> some = new ArrayList<>(), others = new ArrayList<>();
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Guard watch = Scope.watch(course);
                Moments data = new Moments(); Moments drawn = new Moments()) {
            InceptionScore score = new InceptionScore();
            long items = 0;
            if (reference == null || write != null) {
                Iterable<Batch> batches = DataLoader.inOrder(test, JUDGED, test.size(), run.device());
                for (Batch batch : course.through("test items for Inception", batches, test.size())) {
                    try (Scope turn = new Scope()) { items = keep(network.features(batch.x()), data, others, items); }
                }
            }
            Statistics of = reference == null ? Statistics.of(data) : Statistics.read(reference);
            if (write != null) Statistics.of(data).write(write);
            Samples source = new Samples(run, sampling, true, samples, course);
            for (int first = 0; first < samples; first += JUDGED) {
                try (Scope turn = new Scope()) {
                    Tensor features = network.features(source.draw(first, Math.min(JUDGED, samples - first)).x());
                    score.add(network.scores(features));
                    keep(features, drawn, some, first);
                }
            }
            Tensor mean = drawn.mean();
            if (of.mean().size(0) != mean.size(0)) {
                throw new IllegalArgumentException(reference + " has statistics of " + of.mean().size(0) + " features, " + network.name()
                    + " has " + mean.size(0));
            }
            String against = reference == null ? items + " test items" : reference.getFileName() + ", which says nothing of its network, "
                + "resizing and count";
            String name = (network.name().endsWith(PUBLISHED) ? "FID" : "FD") + "-" + network.name() + ", n = " + samples;
            List<Measure> measures = new ArrayList<>();
            measures.add(new Measure(name, Frechet.distance(of.mean(), of.covariance(), mean, drawn.covariance()), "",
                "Fréchet distance of " + mean.size(0) + " features, against " + against));
            if (reference == null) {
                KernelDistance.Subsets k = KernelDistance.subsets(Torch.cat(0, others), Torch.cat(0, some), 100, new Rng(SEED));
                measures.add(new Measure("KID-" + network.name(), k.mean(), "", String.format(Locale.ROOT, "mean of 100 pairs of subsets "
                    + "of %,d, standard deviation %.3g", k.size(), k.deviation())));
            }
            measures.add(new Measure("inception score-" + network.name(), score.score(), "", "of " + samples + " samples as one set"));
            return measures;
        } finally {
            some.forEach(Tensor::free);
            others.forEach(Tensor::free);
        }
    }

    /**
     * How well samples fit the captions they are drawn from, and how well the test pictures do that these captions are of.
     *
     * @param model the judge, and how it is named in the measures
     * @param samples as many captions, but no more than {@value #TOLD}
     * @param progress is told how far it is, and may end it
     */
    public static List<Measure> byClip(Run run, Dataset test, TextImage model, String name, int samples, List<String> sampling,
            Progress progress) {
        if (!(run.model() instanceof DrawsTexts<?> drawer)) {
            throw new IllegalArgumentException("'" + run.config().settings().family() + "' draws nothing from texts; a CLIP judges models "
                + "that do");
        }
        if (!test.captioned()) {
            throw new IllegalArgumentException("'" + test.name() + "' is read without captions; a CLIP wants some to judge by");
        }
        int n = Math.min(Math.min(samples, TOLD), test.size());
        double drawn = 0, real = 0;
        Course course = new Course(progress);
        for (Batch batch : course.through("captions for CLIP", DataLoader.inOrder(test, 1, n, run.device()), n)) {
            try (Scope scope = new Scope(); Guard off = Torch.noGrad(); Guard watch = Scope.watch(course)) {
                Tensor x = told(drawer, batch.captions(), new Rng(SEED).at(batch.step()).on(run.device()), sampling);
                drawn += ClipScore.of(model, x, batch.captions()).item();   // waits for the device
                real += ClipScore.of(model, batch.x(), batch.captions()).item();
            }
        }
        String of = "2.5 max(cos, 0) by " + name + ", mean over " + n + " test captions, ";
        List<Measure> measures = new ArrayList<>();
        measures.add(new Measure("CLIP score", drawn / n, "", of + "a sample of each"));
        measures.add(new Measure("CLIP score of the data", real / n, "", of + "with the pictures they are of"));
        if (test instanceof Scenes scenes && run.model() instanceof DrawsTexts<?> teller) {
            measures.addAll(chosen(teller, scenes, n, model, name, run, sampling, course));
        }
        return measures;
    }

    private static <S extends Record> Tensor told(DrawsTexts<S> model, List<String> captions, Rng rng, List<String> sampling) {
        return model.draw(Config.with(model.samplingDefaults(), sampling), captions, rng);
    }

    private static <S extends Record> List<Measure> chosen(DrawsTexts<S> teller, Scenes test, int n, TextImage judge, String name, Run run,
            List<String> sampling, Course course) {
        S how = Config.with(teller.samplingDefaults(), sampling);
        try (Scope scope = new Scope(); Guard off = Torch.noGrad(); Guard watch = Scope.watch(course)) {
            return SceneTexts.bestOfK(teller, how, test, n, judge, name, new Rng(SEED).on(run.device()),
                (first, count, of) -> course.at("pictures that CLIP chooses from", first, count, of));
        }
    }

    /** Adds features to the moments, and to some where there are few yet. @return items so far */
    private static long keep(Tensor features, Moments moments, List<Tensor> some, long items) {
        Tensor f = features.to(Device.CPU);
        moments.add(f);
        if (items < KERNEL_OF) some.add(Scope.run(() -> f.copy()).retain());
        return items + f.size(0);
    }

    /** Of what comes back from the code, beside what went in; of what was spoilt beside the clean item. */
    private static Measure similarity(Reconstructs model, Dataset test, Run run, Course course) {
        double sum = 0;
        long items = 0;
        Iterable<Batch> batches = DataLoader.inOrder(test, BATCH, SIMILAR, run.device());
        for (Batch batch : course.through("reconstructions", batches, Math.min(SIMILAR, test.size()))) {
            try (Scope scope = new Scope()) {
                Tensor seen = model instanceof Denoising c && c.corrupts() ? c.corrupt(batch.x(), new Rng(SEED).at(items)
                    .on(run.device())) : batch.x();
                sum += Ssim.of(model.reconstruct(seen), batch.x(), 2).sum().item();   // waits for the device
                items += batch.size();
            }
        }
        return new Measure("SSIM", sum / items, "", "structural similarity of the reconstruction, 1 for no difference; " + items
            + " items");
    }

    /** All items of a set, told as they are asked for. */
    private static Iterable<Batch> all(String what, Dataset data, Run run, Course course) {
        return course.through(what, DataLoader.inOrder(data, BATCH, data.size(), run.device()), data.size());
    }

    private static Copies copies(ClassifierFeatures network, String name, Tensor drawn, Dataset test, Dataset train, Run run,
        Course course) {
        return Copies.of(network, name, drawn, some(test, run).x(), some(train, run),
            all("copies of training items", train, run, course));
    }

    private static Batch some(Dataset data, Run run) {
        return DataLoader.of(data, Arrays.copyOf(new Rng(SEED).permutation(data.size()), Math.min(COPIES, data.size())), run.device());
    }

    private static @Nullable Sheet pairs(Copies copies, Tensor drawn, Dataset train, Run run) {
        long[] samples = Arrays.stream(copies.samples()).asLongStream().toArray();
        Map<String, Tensor> rows = new LinkedHashMap<>();
        rows.put("sample", drawn.indexSelect(0, Torch.of(samples, samples.length).to(drawn.device())));
        rows.put("nearest training item", DataLoader.of(train, copies.items(), run.device()).x());
        return Display.of(train.spec()).rows(train.spec(), rows).orElse(null);
    }

    /** Samples by their place, a class a batch in turn where the model wants one; counts what they cost. */
    private static final class Samples implements Judge.Source {
        private final Run run;
        private final int classes;
        private final List<String> sampling;
        /** The class of all, or -1. */
        private final int always;
        private final boolean asks;
        private final Rng rng;
        private final int of;
        private final Course course;
        private double seconds;
        private long timed;
        private OptionalLong peak = OptionalLong.empty();
        private boolean warm;

        /** @param known whether the classes of the model are those of the data */
        Samples(Run run, List<String> sampling, boolean known, int of, Course course) {
            this.of = of;
            this.course = course;
            this.run = run;
            this.sampling = sampling;
            classes = run.generative().classes();
            always = run.classOf(sampling);
            rng = new Rng(SEED).on(run.device());
            asks = known && classes > 0;
        }

        @Override public Batch draw(int first, int count) {
            course.at("samples", first, count, of);
            if (!warm) Resident.watch();
            long start = System.nanoTime();
            Batch batch = batch(first, count);
            batch.x().reshape(-1).rows(0, 1).item();   // waits for the device
            if (warm) {
                seconds += (System.nanoTime() - start) / 1e9;
                timed += count;
            } else {
                peak = Resident.peak();
            }
            warm = true;
            return batch;
        }

        private Batch batch(int first, int count) {
            if (!asks) return new Batch(Run.sample(run.generative(), count, rng.at(first), sampling), null, 0);
            int label = always >= 0 ? always : first / JUDGED % classes;
            long[] labels = new long[count];
            Arrays.fill(labels, label);
            return new Batch(Run.sample(run.generative(), count, rng.at(first), sampling, label), Torch.of(labels, count), 0);
        }

        Tensor first(int n) {
            List<Tensor> parts = new ArrayList<>();
            for (int at = 0; at < n; at += JUDGED) parts.add(draw(at, Math.min(JUDGED, n - at)).x());
            return Torch.cat(0, parts);
        }

        /** Of the batches after the first, which warms up; memory of the first. */
        List<Measure> cost() {
            List<Measure> cost = new ArrayList<>();
            boolean cpu = run.device().kind() == Device.Kind.CPU;
            String how = JUDGED + " at once, " + run.device() + (cpu ? ", threads " + Device.threads() : "");
            if (timed > 0) cost.add(new Measure(SECONDS, seconds / timed, "s", "to draw a sample, " + how + "; mean of " + timed));
            if (peak.isPresent()) {
                cost.add(new Measure(MEMORY, peak.getAsLong() / (double) (1 << 20), "MiB", "most physical memory of the whole process "
                    + "while it drew " + how));
            }
            return cost;
        }
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

        /** What was not cut off is not wanted any more. */
        void forget() {
            try {
                if (saved) Files.deleteIfExists(file);
            } catch (IOException e) {
                throw new UncheckedIOException(Reason.told(e), e);
            }
        }
    }

    /** What is measured of a known density, in units of its coordinates' deviations, and the same of that density itself. */
    private static List<Measure> besideTheTruth(Likelihood model, Toy test, Run run, Course course) {
        double nats = 0, truth = 0;
        double[] sum = new double[2], square = new double[2];
        for (Batch batch : all("densities", test, run, course)) {
            try (Scope scope = new Scope()) {
                nats -= model.logProb(batch.x(), new Rng(SEED).on(run.device())).sum().item();   // waits for the device
                double[] v = batch.x().to(DType.F64).doubles();
                for (int i = 0; i < v.length; i += 2) {
                    truth -= test.logDensity(v[i], v[i + 1]);
                    for (int c = 0; c < 2; c++) {
                        sum[c] += v[i + c];
                        square[c] += v[i + c] * v[i + c];
                    }
                }
            }
        }
        int n = test.size();
        double unit = 0;   // log of the product of the deviations
        for (int c = 0; c < 2; c++) unit += 0.5 * Math.log(square[c] / n - sum[c] / n * sum[c] / n);
        String of = "in units of the coordinates' deviations; " + n + " items";
        return List.of(new Measure("-log p, standardised", nats / n - unit, "nats", of),
            new Measure("-log p, standardised, of the truth", truth / n - unit, "nats", of));
    }

    /** Of data and of uniform noise: a model of energies must tell the one from the other. */
    private static List<Measure> energies(Energy model, Dataset test, Run run, Course course) {
        List<Double> data = new ArrayList<>(), noise = new ArrayList<>();
        for (Batch batch : all("energies", test, run, course)) {
            try (Scope scope = new Scope()) {
                Tensor fresh = new Rng(SEED).at(noise.size()).uniform(batch.x().shape()).mul(2).sub(1).to(run.device());
                for (double e : model.energy(batch.x()).to(DType.F64).doubles()) data.add(e);   // waits for the device
                for (double e : model.energy(fresh).to(DType.F64).doubles()) noise.add(e);
            }
        }
        String of = data.size() + " items";
        return List.of(new Measure("energy", data.stream().mapToDouble(e -> e).average().orElse(Double.NaN), "nats",
            "up to a constant; mean of " + of),
            new Measure("energy of noise", noise.stream().mapToDouble(e -> e).average().orElse(Double.NaN), "nats",
                "uniform over the range; mean of as many"),
            new Measure("AUROC of noise", Ranking.auroc(data, noise), "", "chance that noise has more energy than an item; " + of));
    }
}
