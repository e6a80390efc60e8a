package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.Notes;
import io.palitra.data.DataSpec;
import io.palitra.data.Picture;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.DrawsTexts;
import io.palitra.model.TextImage;
import io.palitra.report.Display;
import io.palitra.report.Gif;
import io.palitra.report.Sheet;
import io.palitra.stage.ClipEmbedder;
import io.palitra.train.PngProvenance;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "sample", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Draw samples of a run: a grid, or one PNG an item. Item i of a seed has the same noise whatever -n is.")
final class SampleCommand implements Callable<Integer> {
    /** Pictures of an animation, and how many times its last one is shown again. */
    private static final int FRAMES = 60;
    private static final int REST = 15;
    /** Pictures that are ranked at once. */
    private static final int RANKED = 64;

    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Option(names = "-n", paramLabel = "N", defaultValue = "64", description = "how many; default: 64")
    private int n;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "decides the noise; default: 0")
    private long seed;

    @Option(names = "--class", paramLabel = "K", description = "number or name of the class, for class-conditional runs")
    private @Nullable String label;

    @Option(names = "--size", paramLabel = "WxH", description = "in pixels, for families that draw pictures larger than their training's")
    private @Nullable String size;

    @Option(names = "--keep", paramLabel = "K", description = "of the samples only the K that --clip finds nearest to the prompt, the best "
        + "first")
    private @Nullable Integer keep;

    @Option(names = "--clip", paramLabel = "RUN|FOLDER|org/name", description = "the CLIP that ranks for --keep")
    private @Nullable String clip;

    @Option(names = "--set", paramLabel = "key=value", description = "sampling keys of the family, see 'palitra families FAMILY'")
    private List<String> set = new ArrayList<>();

    @Option(names = "--out", paramLabel = "FILE.png|FILE.csv|DIR", description = "default: RUN/seed-S.png; with --each: RUN/seed-S/; "
        + "of a run of a table or of points FILE.csv holds all columns in the table's own units, the .png two of them")
    private @Nullable Path out;

    @Option(names = "--each", description = "one PNG an item, in a folder")
    private boolean each;

    @Option(names = "--animation", paramLabel = "FILE.gif", description = "also how the samples came to be, from the first noise on; for "
        + "families that draw step by step")
    private @Nullable Path animation;

    @Option(names = "--force", description = "overwrite what is there")
    private boolean force;

    @Option(names = "--device", paramLabel = "auto|cpu|cuda[:n]", defaultValue = "auto", description = "where to compute; default: auto")
    private String device = "auto";

    @Option(names = "--threads", paramLabel = "N|auto", defaultValue = "auto", converter = Threads.class, description = Threads.ABOUT)
    private int threads;

    @Option(names = "--json", description = "the files written, as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        if (n < 1 || n > 100_000) throw new IllegalArgumentException("illegal -n: " + n + ", must be between 1 and 100000");
        if (animation != null && n > Run.AT_ONCE) {
            throw new IllegalArgumentException("illegal -n: " + n + ", must be at most " + Run.AT_ONCE + " with --animation");
        }
        Path target = out != null ? out : RunFolder.own(run, each ? "seed-" + seed : "seed-" + seed + ".png");
        Terminal terminal = new Terminal("sample", false);
        try (Run opened = Common.open(run, device, threads, terminal); Scope scope = new Scope()) {
            DataSpec spec = opened.config().settings().spec();
            Display display = Display.of(spec);
            String name = target.toString().toLowerCase(Locale.ROOT);
            boolean table = display.tableSuffix().filter(name::endsWith).isPresent();
            if (!table && name.endsWith(".csv")) {
                throw new IllegalArgumentException("illegal --out: '" + target + "', this run draws " + display.items()
                    + ": a .png is allowed; .csv is for runs of tables and points");
            }
            if (each) Files.createDirectories(Common.folder(target, true));
            for (int i = 0; i < (each ? n : 0); i++) Common.free(item(target, i), force);
            if (!each && table) Common.free(target, force);
            else if (!each) Common.picture(target, force);
            if (animation != null) Common.free(animation, "--animation", force);
            List<String> overrides = new ArrayList<>(set);
            int asked = label == null ? -1 : number(opened, label);
            if (size != null) overrides.add("size=" + Common.size(size)[0] + "x" + Common.size(size)[1]);
            Record how = opened.sampling(overrides, asked);
            String prompt = keep == null ? "" : ranked(opened, overrides);
            if (table) {
                if (each || animation != null) {
                    throw new IllegalArgumentException("--out '" + target + "' is a table: " + (each ? "--each" : "--animation")
                        + " does not go with it");
                }
                table(opened, target, overrides, asked, terminal);
                told(List.of(target), target);
                return 0;
            }
            String weights = opened.weights();
            int item = 1 + opened.config().settings().spec().shape().length;
            List<Picture> frames = new ArrayList<>();
            Tensor x = Scope.run(() -> {
                try (var watch = Scope.watch((i, of, t) -> {
                    terminal.doing("sample: step " + (i + 1) + "/" + of);
                    boolean frame = i == 0 || i + 1 == of || (i + 1) * FRAMES / of > i * FRAMES / of;
                    if (animation != null && t.dims() == item && frame) sheet(display, spec, t).drawn().ifPresent(frames::add);
                })) {
                    return Common.finite(opened.sample(n, 0, seed, overrides, asked), run);
                }
            });
            terminal.done();
            if (animation != null) {
                if (frames.isEmpty()) {
                    throw new IllegalArgumentException("--animation is for families that draw step by step; '"
                        + opened.config().settings().family() + "' draws in one");
                }
                for (int i = 0; i < REST; i++) frames.add(frames.get(frames.size() - 1));
                Gif.write(animation, frames, 80);
            }
            List<Path> written = new ArrayList<>();
            long[] best = keep == null ? LongStream.range(0, n).toArray() : best(x.to(Device.CPU), prompt);
            Tensor shown = keep == null ? x : x.indexSelect(0, Torch.of(best, best.length).to(x.device()));
            if (each) {
                List<Sheet> items = display.each(spec, shown);
                if (items.isEmpty()) {
                    throw new IllegalArgumentException("--each is for items that are seen one by one; '"
                        + opened.config().settings().data() + "' holds " + display.items());
                }
                for (int i = 0; i < items.size(); i++) {
                    Path file = item(target, (int) best[i]);
                    items.get(i).write(file, signature(opened, weights, how, (int) best[i], 1));
                    written.add(file);
                }
            } else {
                sheet(display, spec, shown).write(target, signature(opened, weights, how, 0, n));
                written.add(target);
            }
            told(written, each ? target : written.get(0));
            return 0;
        }
    }

    private static Path item(Path folder, int i) { return folder.resolve(String.format("%05d.png", i)); }

    private void told(List<Path> written, Path target) throws IOException {
        if (!json) {
            Common.OUT.println(target);
            return;
        }
        ObjectNode node = new ObjectMapper().createObjectNode();
        node.put("seed", seed).put("count", n);
        ArrayNode files = node.putArray("files");
        written.forEach(f -> files.add(f.toString()));
        Common.json(node);
    }

    /** All columns, and the class where the run draws by classes: the one asked for, else each in turn. */
    private void table(Run opened, Path file, List<String> overrides, int asked, Terminal terminal) throws IOException {
        RunConfig.Settings s = opened.config().settings();
        int classes = opened.generative().classes(), always = asked >= 0 ? asked : opened.classOf(overrides);
        String column = s.options().label();
        if (classes == 0 && !column.isEmpty()) {
            terminal.note("the samples have no column '" + column + "': this run was trained without classes");
        }
        List<String> names = new ArrayList<>();
        List<Tensor> drawn = new ArrayList<>();   // of each class asked for, all n: an item's noise is its own
        for (int c = 0; c < Math.max(1, always >= 0 ? 1 : classes); c++) {
            drawn.add(opened.sample(n, 0, seed, overrides, classes == 0 ? -1 : always >= 0 ? always : c));
        }
        List<Tensor> rows = new ArrayList<>();
        for (int i = 0; i < n; i++) rows.add(drawn.get(i % drawn.size()).rows(i, 1));
        for (int i = 0; i < n && classes > 0; i++) names.add(s.classes().get(always >= 0 ? always : i % classes));
        Display.of(s.spec()).table(s.spec(), Torch.cat(0, rows), file, column.isEmpty() ? "class" : column, names);
    }

    /** The text that pictures are ranked by. */
    private String ranked(Run opened, List<String> overrides) {
        if (clip == null) throw new IllegalArgumentException("--keep wants --clip: a run of clip, or a public one, that ranks");
        if (keep != null && (keep < 1 || keep > n)) {
            throw new IllegalArgumentException("illegal --keep: " + keep + ", must be between 1 and the " + n + " of -n");
        }
        DrawsTexts<?> drawer = opened.model().as(DrawsTexts.class).orElse(null);
        Optional<String> text = drawer == null ? Optional.empty() : text(drawer, overrides);
        return text.orElseThrow(() -> new IllegalArgumentException("--keep ranks by one text: --set prompt=TEXT, of a run that is given "
            + "texts"));
    }

    private static <S extends Record> Optional<String> text(DrawsTexts<S> model, List<String> overrides) {
        return model.textOf(Config.with(model.samplingDefaults(), overrides));
    }

    /** Items by how near CLIP finds them to the prompt. Waits for the device. */
    private long[] best(Tensor x, String prompt) {
        try (TextImage ranks = ClipEmbedder.open(Objects.requireNonNull(clip)); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor text = ranks.embedText(List.of(prompt));
            double[] near = new double[n];
            for (int i = 0; i < n; i += RANKED) {
                int from = i, count = Math.min(RANKED, n - i);
                double[] part = Scope.run(() -> ranks.embedImage(x.rows(from, count)).matmul(text.t())).doubles();
                System.arraycopy(part, 0, near, i, count);
            }
            return IntStream.range(0, n).boxed().sorted(Comparator.comparingDouble(i -> -near[i]))
                .limit(Objects.requireNonNull(keep)).mapToLong(i -> i).toArray();
        }
    }

    private Sheet sheet(Display display, DataSpec spec, Tensor x) {
        return display.sheet(spec, x, (int) Math.ceil(Math.sqrt(x.size(0))), n + " samples, seed " + seed);
    }

    private Map<String, String> signature(Run opened, String weights, Record how, int first, int count) {
        return PngProvenance.of(opened.config(), run.toAbsolutePath().normalize().getFileName().toString(), weights, how, seed, first,
            count);
    }

    private static int number(Run opened, String label) {
        if (opened.generative().classes() == 0) {
            throw new IllegalArgumentException("illegal --class: '" + label + "', this run draws by no classes");
        }
        List<String> names = opened.config().settings().classes();
        int named = names.indexOf(label);
        if (named >= 0) return named;
        int k = label.matches("\\d{1,6}") ? Integer.parseInt(label) : -1;
        if (k < 0 || k >= names.size()) throw new IllegalArgumentException("no class '" + label + "'; there are " + Notes.some(names));
        return k;
    }
}
