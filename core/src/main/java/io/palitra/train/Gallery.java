package io.palitra.train;

import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.metric.Collapse;
import io.palitra.model.Denoising;
import io.palitra.model.Drawing;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Recipe;
import io.palitra.model.Reconstructs;
import io.palitra.model.Step;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.model.Watcher;
import io.palitra.report.Display;
import io.palitra.report.EventFile;
import io.palitra.report.Gif;
import io.palitra.report.Grid;
import io.palitra.report.Sheet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The pictures of a run while it trains: the same noise drawn again and again by the averaged weights, reconstructions of the same test
 * items, and from them the animation. Nothing here changes what the training computes.
 */
final class Gallery implements AutoCloseable {
    static final String SAMPLES = "samples";
    static final String GRID = "samples";
    static final String RECONSTRUCTIONS = "reconstructions";
    static final String ANIMATION = "training.gif";
    private static final long SEED = 1;
    private static final int SIDE = 8;
    /** Items that are kept to be heard. */
    static final int HEARD = 3;
    private static final int POINTS = 2000;
    private static final int WATCHED = 512;
    private static final int SETTLED = 10_000;
    private static final int FRAMES = 24;
    private static final int APART = 50;
    private static final int MOST = 200;
    private static final int FRAME_MILLIS = 150;
    private static final int TESTED = 128;

    private final Path folder;
    private final RunConfig config;
    private final Trainable model;
    private final Dataset data;
    private final @Nullable Dataset test;
    private final Watcher watcher;
    private final Device device;
    private final Display display;
    private long next;
    private @Nullable EventFile events;
    private boolean unwatched;
    private boolean alarmed;

    Gallery(Path folder, RunConfig config, Trainable model, Dataset data, @Nullable Dataset test, Watcher watcher, Device device) {
        this.folder = folder;
        this.config = config;
        this.model = model;
        this.data = data;
        this.test = test;
        this.watcher = watcher;
        this.device = device;
        display = Display.of(data.spec());
        RunFolder.folder(folder, SAMPLES);
    }

    /** @param step the first that this session will log; what event files of earlier sessions have of it and later is then void */
    void begin(long step) { next = step; }

    /** This session's event file, made when there is something to write: a run that is finished gets no empty one. */
    private EventFile events() {
        if (events == null) events = EventFile.open(folder, next);
        return events;
    }

    /**
     * Every epoch, and in runs of few epochs more often, so that the animation has about 24 frames; at least 50 steps apart, so that
     * a set of few items is not drawn more than trained, and at most 200 of them. A function of the step alone.
     */
    static boolean due(long step, long steps, long perEpoch) {
        long epochs = Math.max((APART + perEpoch - 1) / perEpoch, steps / perEpoch / MOST + 1);
        if (step == steps || step % (epochs * perEpoch) == 0) return true;
        long parts = Math.max(1, Math.round(FRAMES / Math.max(1.0, steps / (double) perEpoch)));
        long every = Math.max(APART, Math.min(perEpoch, steps) / parts);
        return epochs == 1 && step % perEpoch % every == 0 && step % perEpoch != 0 && perEpoch - step % perEpoch >= every;
    }

    void log(long step, Map<String, Double> losses, double stepsPerSecond) {
        events().scalars(step, losses);
        events().scalar("steps per second", step, stepsPerSecond);
    }

    void log(long step, Map<String, Double> values) { events().scalars(step, values); }

    /** Called with the averaged weights. Leaves the model in evaluation mode. */
    void snapshot(long step, double epoch, Metrics metrics) {
        model.net().training(false);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            if (step > 0) model.settle(DataLoader.inOrder(data, 500, SETTLED, device), new Rng(SEED).on(device));
            GenerativeModel<?> generative = model.as(GenerativeModel.class).orElse(null);
            Reconstructs restores = model.as(Reconstructs.class).orElse(null);
            if (generative != null) draw(generative, step);
            if (restores != null && test != null) reconstruct(restores, test);
            if (test != null) model.tested().ifPresent(update -> test(update, test, step, epoch, metrics));
            if (generative != null && model.mayCollapse()) watch(generative, step, epoch, metrics);
        }
    }

    private void draw(GenerativeModel<?> generative, long step) {
        int n = display.fills(SIDE);
        Drawing<?> drawing = Drawing.of(generative, List.of());
        Tensor x = drawing.sample(n, new Rng(SEED).on(device));
        Sheet sheet = display.sheet(data.spec(), x, SIDE, "step " + step);
        Map<String, String> text = PngProvenance.of(config, "", "step " + step, drawing, SEED, 0, n);
        Path frame = folder.resolve(SAMPLES).resolve(String.format("step-%08d", step) + sheet.suffix());
        sheet.write(frame, text);
        sheet.enlarged().write(folder.resolve(GRID + sheet.suffix()), text);
        sheet.drawn().ifPresent(p -> events().image("samples", step, p));
        watcher.wrote(frame);
        heard(x.rows(0, Math.min(HEARD, n)));
        if (!display.moving().isEmpty()) {
            String suffix = display.moving().get(0);
            display.film(data.spec(), x, (int) Math.ceil(Math.sqrt(n)), suffix).write(RunFolder.own(folder, GRID + suffix), Map.of());
        }
    }

    /** The first items in those forms that no sheet has, such as a sound: samples-1.wav. The newest are kept. */
    private void heard(Tensor x) {
        List<List<Sheet>> forms = display.forms(data.spec(), x);
        for (int i = 0; i < forms.size(); i++) {
            for (Sheet form : forms.get(i)) {
                boolean sound = form instanceof Sheet.Of && !display.moving().contains(form.suffix());
                if (sound) form.write(RunFolder.own(folder, GRID + "-" + (i + 1) + form.suffix()), Map.of());
            }
        }
    }

    /**
     * The mean loss of the first test items, with the same noise each time, so many at once as in training: of a clip the loss is that of
     * a choice among them. Waits for the device.
     */
    private void test(Update update, Dataset test, long step, double epoch, Metrics metrics) {
        Recipe recipe = config.settings().train();
        int atOnce = Math.max(1, recipe.batch() / recipe.accumulate()), n = Math.min(Math.max(TESTED, atOnce), test.size());
        double sum = 0;
        for (int from = 0; from < n; from += atOnce) {
            int[] items = IntStream.range(from, Math.min(n, from + atOnce)).toArray();
            try (Scope scope = new Scope()) {
                Batch of = DataLoader.of(test, items, device);
                Batch batch = new Batch(of.x(), of.given());   // what remembers training items by their place must not take these for them
                sum += items.length * update.objective().of(batch, new Step(step, new Rng(SEED).split(from).on(device))).total().item();
            }
        }
        Map<String, Double> values = Map.of(Metrics.TEST + update.name(), sum / n);
        if (!Double.isFinite(sum)) return;   // training has its own word on that
        metrics.append(step, epoch, values);
        events().scalars(step, values);
    }

    private void reconstruct(Reconstructs it, Dataset test) {
        int[] items = new int[Math.min(16, test.size())];
        for (int i = 0; i < items.length; i++) items[i] = i;
        Batch batch = DataLoader.of(test, items, device);
        Map<String, Tensor> rows = new LinkedHashMap<>();
        rows.put("original", batch.x());
        Tensor seen = batch.x();
        Denoising c = model.as(Denoising.class).filter(Denoising::corrupts).orElse(null);
        if (c != null) {
            seen = c.corrupt(seen, new Rng(SEED).on(device));
            rows.put("corrupted", seen);
        }
        rows.put("reconstruction", it.reconstruct(seen));
        display.rows(test.spec(), rows).ifPresent(sheet -> sheet.write(folder.resolve(RECONSTRUCTIONS + sheet.suffix()), Map.of()));
    }

    /**
     * The collapse alarm: logged with its two figures, and said when it begins and when it ends, from the first
     * epoch's end on: before, samples are not yet anything.
     */
    private void watch(GenerativeModel<?> generative, long step, double epoch, Metrics metrics) {
        if (data.size() < Collapse.LEAST) {
            if (!unwatched) {
                watcher.note("samples are not watched for collapse: that takes " + Collapse.LEAST + " training items, there are "
                    + data.size());
            }
            unwatched = true;
            return;
        }
        int[] items = new int[Math.min(WATCHED, data.size())];
        for (int i = 0; i < items.length; i++) items[i] = i;
        Tensor real = DataLoader.of(data, items, device).x();
        Tensor samples = Drawing.of(generative, List.of()).sample(items.length, new Rng(SEED).on(device));
        Collapse seen = Collapse.check(samples, real);
        Map<String, Double> values = new LinkedHashMap<>();
        values.put("collapse/coverage", seen.coverage());
        values.put("collapse/spread", seen.spread());
        values.put("collapse/alarm", seen.alarm() ? 1.0 : 0.0);
        metrics.append(step, epoch, values);
        events().scalars(step, values);
        if (epoch < 1 || seen.alarm() == alarmed) return;
        alarmed = seen.alarm();
        watcher.note(String.format("collapse alarm %s step %d: samples cover %.0f %% of %d training items and spread %.2f of theirs",
            alarmed ? "at" : "is over at", step, 100 * seen.coverage(), items.length, seen.spread()));
    }

    /** Pictures of {@link #SAMPLES} up to a step, of one size; what was damaged since, or is no file, is passed over, and that is said. */
    private List<Picture> frames(long step) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.list(folder.resolve(SAMPLES))) {
            files = all.filter(p -> p.getFileName().toString().matches("step-\\d{8,18}\\.png"))
                .sorted(Comparator.comparingLong(Gallery::step))
                .filter(p -> step(p) <= step).toList();
        }
        List<Picture> frames = new ArrayList<>();
        List<String> faults = new ArrayList<>();
        for (int i = files.size() - 1; i >= 0; i--) {   // from the last on, which this session drew
            String name = SAMPLES + "/" + files.get(i).getFileName();
            Optional<byte[]> bytes = RunFolder.bytes(files.get(i), faults::add);
            if (bytes.isEmpty()) continue;
            try {
                Picture p = Pictures.read(bytes.get(), name, Limits.DEFAULT);
                boolean alike = frames.isEmpty() || p.width() == frames.get(0).width() && p.height() == frames.get(0).height()
                    && p.channels() == frames.get(0).channels();
                if (alike) frames.add(p);
                else faults.add(name + " is of another size");
            } catch (FormatException e) {
                faults.add(e.getMessage());
            }
        }
        if (!faults.isEmpty()) {
            watcher.note(ANIMATION + " lacks " + (faults.size() == 1 ? "a picture" : faults.size() + " pictures") + " of " + SAMPLES + ": "
                + faults.get(0) + (faults.size() == 1 ? "" : "; and " + (faults.size() - 1) + " more"));
        }
        Collections.reverse(frames);
        return frames;
    }

    private static long step(Path frame) {
        String name = frame.getFileName().toString();
        return Long.parseLong(name.substring(5, name.length() - 4));
    }

    /** The animation and the page. */
    void finish(long step) throws IOException {
        if (model.as(GenerativeModel.class).isPresent()) {
            List<Picture> frames = frames(step);
            if (!frames.isEmpty()) {
                boolean small = frames.get(0).width() < 400;
                Gif.write(folder.resolve(ANIMATION), small ? frames.stream().map(f -> Grid.enlarge(f, 2)).toList() : frames, FRAME_MILLIS);
                watcher.wrote(folder.resolve(ANIMATION));
            }
        }
        RunReport.write(folder, watcher::note, said -> {});   // the animation said it
        watcher.wrote(folder.resolve(io.palitra.report.Report.NAME));
    }

    @Override public void close() {
        if (events != null) events.close();
    }
}
