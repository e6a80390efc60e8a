package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import io.palitra.data.DataSpec;
import io.palitra.data.Picture;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.family.Families;
import io.palitra.model.Asked;
import io.palitra.model.Drawing;
import io.palitra.model.Watcher;
import io.palitra.report.Display;
import io.palitra.report.Gif;
import io.palitra.report.Sheet;
import io.palitra.train.PngProvenance;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;

/** Samples of a run, as files. Item i of a seed has the same noise whatever n is. */
public record SampleRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help(value = "samples", min = 1, max = 100_000) int n,
        @Help(value = "decides the noise", min = 0) long seed,
        @Help("number or name of the class, empty = as the sampling keys say") String label,
        @Help("text to draw, empty = as the sampling keys say") String prompt,
        @Help("WIDTHxHEIGHT in pixels, for families that draw larger than their training's pictures; empty = as trained") String size,
        @Help(value = "samples to keep, those nearest to the prompt by clip; 0 = all", min = 0) int keep,
        @Help(value = "the CLIP that ranks: a run of clip, a folder, or org/name", place = Help.Place.MODEL) String clip,
        @Help("sampling keys of the family, key=value") List<String> sampling,
        @Help(value = "a .png, or a .csv for a run of a table; of each a folder; empty = seed-S in the run folder",
            place = Help.Place.OUT) String out,
        @Help("whether each item is a file of its own, of its own size") boolean each,
        @Help(value = "how many times as wide the sheet is as its items; 0 = so that a person sees it", min = 0, max = 64) int scale,
        @Help(value = "a .gif of how the samples came to be, empty = none", place = Help.Place.OUT) String animation,
        @Help("whether files that are there are replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Together.Draws<SampleRequest.Result> {
    /** Pictures of an animation, and how many times its last one is shown again. */
    private static final int FRAMES = 60, REST = 15;
    private static final String SIZE = "[1-9]\\d{0,4}x[1-9]\\d{0,4}";

    /** A sheet of 64 in the run folder. */
    public SampleRequest(String run) { this(run, 64, 0, "", "", "", 0, "", List.of(), "", false, 0, "", false, "auto", 0); }

    public SampleRequest {
        sampling = List.copyOf(sampling);
        if (!size.isEmpty() && !size.matches(SIZE)) {
            throw new ConfigException("size", "illegal size: " + size + ", must be WIDTHxHEIGHT in pixels, each at least 1, as 512x768");
        }
        if (!animation.isEmpty() && n > Run.AT_ONCE) {
            throw new ConfigException("n", "illegal n: " + n + ", must be at most " + Run.AT_ONCE + " with animation=");
        }
        if (scale > 0 && each) throw new ConfigException("scale", "scale= enlarges a sheet; with each= items keep their own size");
    }

    /** How the file of all samples of a run ends: as a table, where its items have one, else as a sheet. */
    public static String suffix(String run) throws IOException {
        Display display = Display.of(Inputs.config(run).settings().spec());
        return display.tableSuffix().orElse(display.suffix());
    }

    /**
     * What was written.
     *
     * @param files all of them, the animation aside
     * @param shown the one file, or the folder of many
     */
    public record Result(long seed, int count, List<Path> files, Path shown) {
        /** As {@code --json} prints it. */
        public ObjectNode toJson() {
            ObjectNode node = new ObjectMapper().createObjectNode().put("seed", seed).put("count", count);
            ArrayNode list = node.putArray("files");
            files.forEach(f -> list.add(f.toString()));
            return node;
        }
    }

    /**
     * Draws and writes; ticks by the steps of a sampler.
     *
     * @throws ConfigException for a key that cannot be, a file that is there, a class or sampling key that the run does not have
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs inputs = new Inputs(watcher);
        try (Run opened = open(inputs); Scope scope = new Scope()) {
            Display display = Display.of(opened.config().settings().spec());
            Path target = target(display);
            Drawing<?> drawing = prepared(opened, inputs);
            if (table(display, target)) {
                writeTable(opened, drawing, target, watcher);
                watcher.wrote(target);
                return new Result(seed, n, List.of(target), target);
            }
            List<Picture> frames = new ArrayList<>();
            Tensor x = drawn(opened, drawing, display, frames, watcher);
            if (!animation.isEmpty()) {
                if (frames.isEmpty()) {
                    throw new ConfigException("animation", "animation= is for families that draw step by step; '"
                        + opened.config().settings().family() + "' draws in one");
                }
                for (int i = 0; i < REST; i++) frames.add(frames.get(frames.size() - 1));
                Gif.write(Path.of(animation), frames, 80);
                watcher.wrote(Path.of(animation));
            }
            return written(opened, drawing, x, watcher);
        }
    }

    @Override public Optional<List<Object>> alike() {
        if (!animation.isEmpty() || out.toLowerCase(Locale.ROOT).endsWith(".csv") || n > Run.AT_ONCE) return Optional.empty();
        List<String> how = sampling.stream().filter(key -> Asked.keys().stream().noneMatch(asked -> key.startsWith(asked + "="))).toList();
        boolean labels = !label.isEmpty() || sampling.stream().anyMatch(key -> key.startsWith("label="));
        boolean texts = !prompt.isEmpty() || sampling.stream().anyMatch(key -> key.startsWith("prompt="));
        return Optional.of(List.of(run, how, size, labels, texts, device, threads));
    }

    @Override public int count() { return n; }

    @Override public Run open(Inputs inputs) throws IOException { return inputs.open(run, device, threads); }

    @Override public Drawing<?> prepared(Run opened, Inputs inputs) throws IOException {
        Config.check(this);
        Display display = Display.of(opened.config().settings().spec());
        Path target = target(display);
        free(target, table(display, target), display);
        List<String> overrides = new ArrayList<>(sampling);
        if (!label.isEmpty()) overrides.add("label=" + number(opened, label));
        if (!prompt.isEmpty()) overrides.add("prompt=" + prompt);
        if (!size.isEmpty()) overrides.add("size=" + fitting(opened));
        Drawing<?> drawing = inputs.drawing(opened, overrides);
        if (keep > 0) ranked(drawing);
        return drawing;
    }

    @Override public Result written(Run opened, Drawing<?> drawing, Tensor x, Watcher watcher) throws IOException {
        Outputs.finite(x, run);
        DataSpec spec = opened.config().settings().spec();
        Display display = Display.of(spec);
        Path target = target(display);
        List<Path> written = new ArrayList<>();
        long[] best = keep == 0 ? LongStream.range(0, n).toArray()
            : Arrays.copyOf(ByClip.order(clip, x.to(Device.CPU), ranked(drawing), watcher), keep);
        Tensor shown = keep == 0 ? x : x.indexSelect(0, Torch.of(best, best.length).to(x.device()));
        if (apart(display)) {
            List<List<Sheet>> items = display.forms(spec, shown);
            if (items.isEmpty()) {
                throw new ConfigException("each", "each= is for items that are seen one by one; '"
                    + opened.config().settings().data() + "' holds " + display.items());
            }
            for (int i = 0; i < items.size(); i++) {
                for (Sheet form : items.get(i)) {
                    Path file = item(target, (int) best[i], form.suffix());
                    form.write(file, signature(opened, drawing, (int) best[i], 1));
                    written.add(file);
                }
            }
        } else {
            Sheet all = film(target, display).map(suffix -> display.film(spec, shown, columns(shown), suffix))
                .orElseGet(() -> sheet(display, spec, shown).enlarged(scale));
            all.write(target, signature(opened, drawing, 0, n));
            written.add(target);
        }
        written.forEach(watcher::wrote);
        return new Result(seed, n, List.copyOf(written), target);
    }

    /** Of texts, and of items in several forms, a place without the suffix of a sheet is a folder. */
    private boolean apart(Display display) {
        boolean folders = display.endings().size() > 1 || !display.suffix().equals(".png");
        boolean file = out.toLowerCase(Locale.ROOT).endsWith(display.suffix()) || film(Path.of(out), display).isPresent();
        return each || !out.isEmpty() && folders && !file;
    }

    /** The suffix of a target in which all samples move side by side. */
    private static Optional<String> film(Path target, Display display) {
        String name = target.toString().toLowerCase(Locale.ROOT);
        return display.moving().stream().filter(name::endsWith).findFirst();
    }

    private Path target(Display display) {
        return !out.isEmpty() ? Path.of(out) : Outputs.own(run, each ? "seed-" + seed : "seed-" + seed + display.suffix());
    }

    /** Whether the target is a table. @throws ConfigException for one of items that have none */
    private boolean table(Display display, Path target) {
        String name = target.toString().toLowerCase(Locale.ROOT);
        boolean table = display.tableSuffix().filter(name::endsWith).isPresent();
        if (!table && name.endsWith(".csv")) {
            throw new ConfigException("out", "illegal out: '" + target + "', this run draws " + display.items()
                + ": a .png is allowed; .csv is for runs of tables and points");
        }
        if (table && (each || !animation.isEmpty())) {
            throw new ConfigException("out", "out='" + target + "' is a table: " + (each ? "each=" : "animation=")
                + " does not go with it");
        }
        return table;
    }

    private void free(Path target, boolean table, Display display) throws IOException {
        boolean apart = apart(display);
        if (apart) Files.createDirectories(Outputs.folder(target, "out", true));
        for (int i = 0; i < (apart ? n : 0); i++) {
            for (String ending : display.endings()) Outputs.free(item(target, i, ending), "out", force);
        }
        if (!apart && table) Outputs.free(target, "out", force);
        else if (!apart) Outputs.named(target, film(target, display).orElse(display.suffix()), "out", force);
        if (!animation.isEmpty()) Outputs.free(Path.of(animation), "animation", force);
    }

    /** The size, for a family that draws others than it was trained on. */
    private String fitting(Run opened) {
        String family = opened.config().settings().family();
        Record how = Families.named(family).sampling();
        if (how != null && Config.describe(how).stream().anyMatch(key -> key.path().equals("size"))) return size;
        throw new ConfigException("size", "'" + family + "' draws what it was trained on, " + opened.config().settings().spec()
            + ", and no other size; scale= enlarges a sheet");
    }

    /** @param frames get pictures of what a sampler has so far, where an animation is asked for */
    private Tensor drawn(Run opened, Drawing<?> drawing, Display display, List<Picture> frames, Watcher watcher) {
        DataSpec spec = opened.config().settings().spec();
        Steps steps = new Steps(watcher, spec, t -> sheet(display, spec, t).drawn()) {
            @Override public void turn(int i, int of, Tensor t) {
                super.turn(i, of, t);
                boolean frame = i == 0 || i + 1 == of || (i + 1) * FRAMES / of > i * FRAMES / of;
                if (!animation.isEmpty() && items(t) && frame) SampleRequest.this.sheet(display, spec, t).drawn().ifPresent(frames::add);
            }
        };
        return Scope.run(() -> {
            try (var watch = Scope.watch(steps)) {
                return drawing.sample(n, new Rng(seed).on(opened.device()));
            }
        });
    }

    private static Path item(Path folder, int i, String suffix) { return folder.resolve(String.format("%05d", i) + suffix); }

    /** All columns, and the class where the run draws by classes: the one asked for, else each in turn. */
    private void writeTable(Run opened, Drawing<?> drawing, Path file, Watcher watcher) throws IOException {
        RunConfig.Settings s = opened.config().settings();
        int classes = drawing.model().classes(), always = drawing.asked().label();
        String column = s.options().label();
        if (classes == 0 && !column.isEmpty()) {
            watcher.note("the samples have no column '" + column + "': this run was trained without classes");
        }
        List<String> names = new ArrayList<>();
        List<Tensor> drawn = new ArrayList<>();   // of each class asked for, all n: an item's noise is its own
        for (int c = 0; c < Math.max(1, always >= 0 ? 1 : classes); c++) {
            watcher.checkStop();
            try (var watch = Steps.of(watcher, s.spec())) {
                drawn.add(drawing.ofLabel(classes == 0 || always >= 0 ? -1 : c).sample(n, new Rng(seed).on(opened.device())));
            }
        }
        List<Tensor> rows = new ArrayList<>();
        for (int i = 0; i < n; i++) rows.add(drawn.get(i % drawn.size()).rows(i, 1));
        for (int i = 0; i < n && classes > 0; i++) names.add(s.classes().get(always >= 0 ? always : i % classes));
        Display.of(s.spec()).table(s.spec(), Torch.cat(0, rows), file, column.isEmpty() ? "class" : column, names);
    }

    /** The text that pictures are ranked by. */
    private String ranked(Drawing<?> drawing) {
        if (clip.isEmpty()) throw new ConfigException("keep", "keep= wants clip=: a run of clip, or a public one, that ranks");
        if (keep > n) throw new ConfigException("keep", "illegal keep: " + keep + ", must be between 1 and the " + n + " of n");
        ByClip.refuseMissing(clip);
        return drawing.asked().text().orElseThrow(() -> new ConfigException("keep", "keep= ranks by one text: prompt=TEXT, of a run that "
            + "is given texts"));
    }

    private Sheet sheet(Display display, DataSpec spec, Tensor x) {
        return display.sheet(spec, x, columns(x), n + " samples, seed " + seed);
    }

    private static int columns(Tensor x) { return (int) Math.ceil(Math.sqrt(x.size(0))); }

    private Map<String, String> signature(Run opened, Drawing<?> drawing, int first, int count) {
        return PngProvenance.of(opened.config(), Inputs.name(run), opened.weights(), drawing, seed, first, count);
    }

    /** The class of that name or number. @throws IllegalArgumentException for one that the run does not draw by */
    static int number(Run opened, String label) {
        if (opened.generative().classes() == 0) {
            throw new ConfigException("label", "illegal label: '" + label + "', this run draws by no classes");
        }
        List<String> names = opened.config().settings().classes();
        int named = names.indexOf(label);
        if (named >= 0) return named;
        int k = label.matches("\\d{1,6}") ? Integer.parseInt(label) : -1;
        if (k < 0 || k >= names.size()) {
            throw new ArgumentException("no class '" + label + "'; there are " + Notes.some(names) + InWords.didYouMean(label, names));
        }
        return k;
    }
}
