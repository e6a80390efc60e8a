package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.data.Picture;
import io.palitra.diffusion.NamedSampler;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.hub.Hub;
import io.palitra.hub.ModelParts;
import io.palitra.paint.PaintRequest;
import io.palitra.paint.PaintResult;
import io.palitra.paint.PaintWatcher;
import io.palitra.paint.Painter;
import io.palitra.report.Grid;
import io.palitra.report.Png;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "paint", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Pictures from words by a model of the Stable Diffusion kind; or a picture changed, filled in or widened by words.",
    footer = {"", "(word) weighs 1.1, [word] 1/1.1, (word:1.3) 1.3; 'a castle:50 | snow:25' are two texts of these weights.",
        "Noise: gaussian is what models are trained on; offset makes pictures darker or brighter as a whole; pyramid makes shapes larger.",
        "Each PNG carries its settings; 'palitra paint --like F.png' paints it again."})
final class PaintCommand implements Callable<Integer> {
    /** For the help and for completion. */
    static final class Samplers implements Iterable<String> {
        @Override public Iterator<String> iterator() { return Arrays.stream(NamedSampler.values()).map(NamedSampler::label).iterator(); }
    }

    @Parameters(index = "0", arity = "0..1", paramLabel = "TEXT", description = "what the picture is to show")
    private @Nullable String prompt;

    @Option(names = "--model", paramLabel = "M", description = "a folder, a file, or org/name of the hub ('palitra pull' brings it)")
    private @Nullable String model;

    @Option(names = "--negative", paramLabel = "TEXT", description = "what it is led away from")
    private @Nullable String negative;

    @Option(names = "-n", paramLabel = "N", description = "how many; default: 1")
    private @Nullable Integer n;

    @Option(names = "--size", paramLabel = "WxH", description = "pixels; default: the model's own")
    private @Nullable String size;

    @Option(names = "--steps", paramLabel = "N", description = "of the sampler; default: 30")
    private @Nullable Integer steps;

    @Option(names = "--guidance", paramLabel = "G", description = "how much the text counts, 1 = as trained; default: 7.5")
    private @Nullable Double guidance;

    @Option(names = "--guidance-rescale", paramLabel = "0..1", description = "softens a large guidance; default: 0")
    private @Nullable Double rescale;

    @Option(names = "--sampler", paramLabel = "NAME", completionCandidates = Samplers.class,
        description = "default: the model's own; there are ${COMPLETION-CANDIDATES}, most also with Karras, Exponential or Beta behind")
    private @Nullable String sampler;

    @Option(names = "--seed", paramLabel = "S", description = "of the first picture, the next has S + 1; default: 0")
    private @Nullable Long seed;

    @Option(names = "--noise", paramLabel = "gaussian|offset|pyramid", description = "to start from; default: gaussian")
    private @Nullable String noise;

    @Option(names = "--set", paramLabel = "key=value", description = "other keys, as eta=0.5 or noise.strength=0.05")
    private List<String> set = new ArrayList<>();

    @Option(names = "--lora", paramLabel = "FILE[:WEIGHT]", description = "a small change of the model, may be repeated")
    private List<String> loras = new ArrayList<>();

    @Option(names = "--image", paramLabel = "FILE", description = "a picture to change")
    private @Nullable Path image;

    @Option(names = "--strength", paramLabel = "0..1", description = "how much of it: 0 nothing; default: 0.8, with a mask 1")
    private @Nullable Double strength;

    @Option(names = "--mask", paramLabel = "FILE", description = "white is painted, black stays bit for bit")
    private @Nullable Path mask;

    @Option(names = "--mask-blur", paramLabel = "PX", description = "softens the mask's edge; default: 0")
    private @Nullable Integer blur;

    @Option(names = "--outpaint", paramLabel = "L,T,R,B", description = "pixels to add on the left, top, right and bottom")
    private @Nullable String outpaint;

    @Option(names = "--switch-to", paramLabel = "MODEL@T", description = "another model goes on from training time T (999 = noise) down")
    private @Nullable String switchTo;

    @Option(names = "--like", paramLabel = "F.png", description = "the settings of that picture, where none are given here")
    private @Nullable Path like;

    @Option(names = "--out", paramLabel = "FILE.png|DIR", description = "default: paint-SEED.png; several in one FILE.png are a grid")
    private @Nullable Path out;

    @Option(names = "--preview", paramLabel = "FILE.png", description = "rewritten at every step with what is to be seen so far")
    private @Nullable Path preview;

    @Option(names = "--force", description = "overwrite what is there")
    private boolean force;

    @Option(names = "--device", paramLabel = "auto|cpu|cuda[:n]", defaultValue = "auto", description = "where to compute; default: auto")
    private String device = "auto";

    @Option(names = "--precision", paramLabel = "fp32|bf16|fp16", defaultValue = "fp32",
        description = "of weights and arithmetic, fp16 on CUDA only; default: fp32")
    private String precision = "fp32";

    @Option(names = "--low-memory", description = "hold one part of the model at a time, decode by tiles")
    private boolean lowMemory;

    @Option(names = "--threads", paramLabel = "N", defaultValue = "0", description = "of one operation; default: all cores")
    private int threads;

    @Option(names = "--json", description = "the files written, as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        if (threads > 0) Device.threads(threads);
        PaintSettings settings = settings();
        PaintRequest request = settings.request(Hub::resolve);
        List<Path> files = files(settings.how());
        for (Path f : files) writable(Common.free(f, force), "--out");
        if (preview != null) {
            if (lowMemory) throw new IllegalArgumentException("there are no previews with --low-memory: the decoder is not loaded");
            writable(preview, "--preview");
        }
        Device where = Device.named(device);
        Terminal terminal = new Terminal("paint", false);
        Stop stop = Stop.onSignals();
        try (Painter painter = Painter.open(ModelParts.open(Hub.resolve(settings.model())),
                new Painter.Options(where, type(where), lowMemory))) {
            terminal.note(String.format(Locale.ROOT, "'%s': its weights take %.2f GiB of memory%s", settings.model(),
                painter.weightBytes() / (double) (1 << 30), lowMemory ? " at most at a time" : ""));
            PaintResult result = painter.paint(request, watcher(terminal, stop));
            terminal.done();
            write(settings, result, files);
            if (json) {
                ObjectNode node = new ObjectMapper().createObjectNode().put("seed", settings.how().seed()).put("seconds", result.seconds());
                ArrayNode list = node.putArray("files");
                files.forEach(f -> list.add(f.toString()));
                Common.json(node);
            } else {
                files.forEach(Common.OUT::println);
            }
            return 0;
        } catch (CancellationException e) {
            terminal.note("palitra: " + e.getMessage());
            return Main.STOPPED;
        }
    }

    /** What cannot be written is refused before the work, not after it. */
    private static void writable(Path file, String option) {
        Path folder = file.toAbsolutePath().getParent();
        if (folder != null && Files.isDirectory(folder) && Files.isWritable(folder) && !Files.isDirectory(file)) return;
        throw new IllegalArgumentException("cannot write " + option + " " + file + ": "
            + (Files.isDirectory(file) ? "it is a folder" : "its folder is not there, or not to be written to"));
    }

    private PaintWatcher watcher(Terminal terminal, Stop stop) {
        return new PaintWatcher() {
            @Override public void step(int done, int of, Supplier<Picture> picture) {
                terminal.doing("paint: step " + done + "/" + of);
                if (preview == null) return;
                try {
                    Png.write(preview, picture.get(), java.util.Map.of());
                } catch (RuntimeException e) {
                    throw new IllegalStateException("the preview cannot be written: " + e.getMessage(), e);
                }
            }

            @Override public boolean stop() { return stop.getAsBoolean(); }
        };
    }

    /** What is given here, over what the picture to be alike says, over the defaults. */
    private PaintSettings settings() throws IOException {
        PaintSettings base = like != null ? PaintSettings.read(like, Png.text(like))
            : new PaintSettings("", "", "", PaintRequest.How.DEFAULT, List.of(), "", -1, "", 0, PaintRequest.Margin.NONE, "");
        List<String> values = new ArrayList<>(set);
        if (n != null) values.add("n=" + n);
        if (steps != null) values.add("steps=" + steps);
        if (guidance != null) values.add("guidance=" + guidance);
        if (rescale != null) values.add("guidanceRescale=" + rescale);
        if (sampler != null) values.add("sampler=" + sampler);
        if (seed != null) values.add("seed=" + seed);
        if (noise != null) values.add(0, "noise=" + noise);
        if (size != null) {
            if (!size.matches("\\d{1,5}x\\d{1,5}")) throw new IllegalArgumentException("illegal --size: " + size + ", must be as 512x768");
            values.addAll(List.of("width=" + size.split("x")[0], "height=" + size.split("x")[1]));
        }
        String named = model != null ? model : base.model();
        if (named.isEmpty()) throw new IllegalArgumentException("which model? --model names a folder, a file, or org/name of the hub");
        String words = prompt != null ? prompt : base.prompt();
        if (prompt == null && like == null) throw new IllegalArgumentException("paint what? give a text, or --like F.png");
        String of = image != null ? absolute(image) : base.image(), white = mask != null ? absolute(mask) : base.mask();
        PaintRequest.Margin margin = outpaint != null ? margin(outpaint) : base.margin();
        double much = strength != null ? strength : base.strength() >= 0 ? base.strength() : white.isEmpty() && margin.none() ? 0.8 : 1;
        if (of.isEmpty() && strength != null) throw new IllegalArgumentException("--strength wants the picture to change, --image FILE");
        List<PaintRequest.Lora> changes = loras.isEmpty() ? base.loras() : loras.stream().map(PaintCommand::lora).toList();
        return new PaintSettings(named, words, negative != null ? negative : base.negative(), Config.with(base.how(), values), changes, of,
            much, white, blur != null ? blur : base.blur(), margin, switchTo != null ? switchTo : base.switchTo());
    }

    private static String absolute(Path file) { return file.toAbsolutePath().normalize().toString(); }

    private static PaintRequest.Lora lora(String given) {
        int colon = given.lastIndexOf(':');
        boolean weighs = colon > 0 && given.substring(colon + 1).matches("-?\\d{0,3}(\\.\\d{1,6})?") && colon + 1 < given.length();
        Path file = Path.of(weighs ? given.substring(0, colon) : given).toAbsolutePath().normalize();
        return new PaintRequest.Lora(file, weighs ? Double.parseDouble(given.substring(colon + 1)) : 1);
    }

    private static PaintRequest.Margin margin(String given) {
        if (!given.matches("\\d{1,5}(,\\d{1,5}){3}")) {
            throw new IllegalArgumentException("illegal --outpaint: " + given + ", must be four numbers of pixels as 0,0,64,0");
        }
        String[] m = given.split(",");
        return new PaintRequest.Margin(Integer.parseInt(m[0]), Integer.parseInt(m[1]), Integer.parseInt(m[2]), Integer.parseInt(m[3]));
    }

    private DType type(Device where) {
        return switch (precision) {
            case "fp32" -> DType.F32;
            case "bf16" -> DType.BF16;
            case "fp16" -> {
                if (where.equals(Device.CPU)) throw new IllegalArgumentException("fp16 is for CUDA; on the CPU there are fp32 and bf16");
                yield DType.F16;
            }
            default -> throw new IllegalArgumentException("illegal --precision: " + precision + ", must be fp32, bf16 or fp16");
        };
    }

    private List<Path> files(PaintRequest.How how) throws IOException {
        if (out != null && out.toString().endsWith(".png")) return List.of(out);
        if (out != null) Files.createDirectories(out);
        List<Path> files = new ArrayList<>();
        for (int i = 0; i < how.n(); i++) {
            String name = "paint-" + (how.seed() + i) + ".png";
            files.add(out == null ? Path.of(name) : out.resolve(name));
        }
        return files;
    }

    private static void write(PaintSettings settings, PaintResult result, List<Path> files) {
        List<Picture> pictures = result.pictures();
        if (files.size() == pictures.size()) {
            for (int i = 0; i < files.size(); i++) Png.write(files.get(i), pictures.get(i), settings.text(result, i, 1));
        } else {
            int columns = (int) Math.ceil(Math.sqrt(pictures.size()));
            Png.write(files.get(0), Grid.of(pictures, columns, 2), settings.text(result, 0, pictures.size()));
        }
    }
}
