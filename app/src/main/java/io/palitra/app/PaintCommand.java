package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import io.palitra.diffusion.NamedSampler;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.hub.Hub;
import io.palitra.hub.LoraFile;
import io.palitra.hub.ModelParts;
import io.palitra.paint.PaintRequest;
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
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "paint", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Pictures from words by a model of the Stable Diffusion kind; or a picture changed, filled in or widened by words.",
    footer = {"", "(word) weighs 1.1, [word] 1/1.1, (word:1.3) 1.3; 'a castle:50 | snow:25' are two texts of these weights.",
        "BREAK, in capitals, begins a window of 75 tokens. <lora:NAME:0.8> in the text adds NAME.safetensors, found beside the model,",
        "here, or in --lora-dir.",
        "Noise: gaussian is what models are trained on; offset makes pictures darker or brighter as a whole; pyramid makes shapes larger.",
        "Each PNG carries its settings, and of files names and hashes; 'palitra paint --like F.png' paints it again, and finds the files",
        "here, beside the picture, or in the hub's cache. Pictures of AUTOMATIC1111's web UI serve as well: --like F.png --model M."})
final class PaintCommand implements Callable<Integer> {
    private static final List<String> PLAIN = List.of(""), MODELS = List.of("", ".safetensors", ".ckpt");
    private final Origins origins = new Origins();
    /** The model of the picture to be like, where another was named for it. */
    private Origins.Named wanted = Origins.Named.NONE;

    /** For the help and for completion. */
    static final class Samplers implements Iterable<String> {
        @Override public Iterator<String> iterator() { return Arrays.stream(NamedSampler.values()).map(NamedSampler::label).iterator(); }
    }

    /** Files of pictures that are no PNG. */
    private static final Pattern OTHER_PICTURES = Pattern.compile("(?i).*\\.(jpe?g|jfif|gif|webp|bmp|tiff?|avif|heic|pdf|svg|mp4)");

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
        description = "default: the model's own; there are ${COMPLETION-CANDIDATES}, most also with Karras, Exponential, Beta, SGM "
            + "Uniform, Simple, Normal, Uniform or DDIM behind")
    private @Nullable String sampler;

    @Option(names = "--seed", paramLabel = "S", description = "of the first picture, the next has S + 1; default: 0")
    private @Nullable Long seed;

    @Option(names = "--noise", paramLabel = "gaussian|offset|pyramid", description = "to start from; default: gaussian")
    private @Nullable String noise;

    @Option(names = "--set", paramLabel = "key=value", description = "other keys, as eta=0.5 or noise.strength=0.05")
    private List<String> set = new ArrayList<>();

    @Option(names = "--lora", paramLabel = "FILE[:WEIGHT]", description = "a small change of the model, may be repeated")
    private List<String> loras = new ArrayList<>();

    @Option(names = "--lora-dir", paramLabel = "DIR", description = "where <lora:NAME:0.8> in a text is looked for, with its folders")
    private @Nullable Path loraDir;

    @Option(names = "--clip-skip", paramLabel = "N",
        description = "layer of the text encoder from the end: 1 the last, 2 the one before; default: the model's own")
    private @Nullable Integer clipSkip;

    @Option(names = "--image", paramLabel = "FILE", description = "a picture to change")
    private @Nullable Path image;

    @Option(names = "--strength", paramLabel = "0..1", description = "how much of it: 0 nothing; default: 0.8, with a mask 1")
    private @Nullable Double strength;

    @Option(names = "--mask", paramLabel = "FILE",
        description = "what is white and opaque is painted, black and transparent stays bit for bit")
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

    @Option(names = "--threads", paramLabel = "N|auto", defaultValue = "auto", converter = Threads.class, description = Threads.ABOUT)
    private int threads;

    @Option(names = "--json", description = "the files written, as JSON on stdout")
    private boolean json;

    @Override public Integer call() throws IOException {
        Threads.set(threads);
        Terminal terminal = new Terminal("paint", false);
        PaintSettings settings = settings(terminal);
        PaintRequest request = settings.request(Hub::resolve);
        List<Path> files = files(settings.how());
        for (Path f : files) Common.free(f, force);
        if (preview != null) {
            if (lowMemory) throw new IllegalArgumentException("there are no previews with --low-memory: the decoder is not loaded");
            if (files.contains(Common.free(preview, "--preview", force))) {
                throw new IllegalArgumentException("--preview " + preview + " is where the picture goes");
            }
        }
        Device where = Device.named(device);
        if (request.edit().isPresent() && paintsNothing(request.edit().get())) {
            terminal.note("--mask " + settings.mask() + " has no pixel that is both opaque and lighter than black: nothing is "
                + "painted");
        }
        request.edit().ifPresent(edit -> cut(settings, edit.picture(), request.how().width(), request.how().height(), terminal));
        Stop stop = Stop.onSignals();
        try (Painter painter = Painter.open(ModelParts.open(Hub.resolve(settings.model()), terminal::note),
                new Painter.Options(where, type(where), lowMemory))) {
            terminal.note("'" + settings.model() + "': its weights take " + InWords.bytes(painter.weightBytes()) + " of memory"
                + (lowMemory ? " at most at a time" : ""));
            Hashing hashing = new Hashing(settings.model());
            Written written = new Written(settings, files, painter.name(), painter.sampler(request), hashing);
            int code = 0;
            double seconds = 0;
            try {
                seconds = painter.paint(request, watcher(terminal, stop, written)).seconds();
                terminal.done();
            } catch (CancellationException e) {
                terminal.note(e.getMessage());
                code = Main.STOPPED;
            }
            List<Path> done = written.end();
            if (!wanted.none() && !done.isEmpty() && !hashing.hash().startsWith(wanted.hash())) {
                terminal.note("painted with '" + painter.name() + "' of hash " + hashing.hash() + "; " + like + " was made with '"
                    + wanted.name() + "' of hash " + wanted.hash());
            }
            if (json && code == 0) {
                ObjectNode node = new ObjectMapper().createObjectNode().put("seed", settings.how().seed()).put("seconds", seconds);
                ArrayNode list = node.putArray("files");
                done.forEach(f -> list.add(f.toString()));
                Common.json(node);
            } else {
                done.forEach(Common.OUT::println);
            }
            return code;
        }
    }

    private static boolean paintsNothing(PaintRequest.Edit edit) {
        if (edit.mask() == null || !edit.margin().none()) return false;
        for (byte b : edit.mask().pixels()) if (b != 0) return false;
        return true;
    }

    /** The model's hash, taken while the first picture is painted: its files are as long as the memory that they fill. */
    private final class Hashing {
        private final FutureTask<String> task;

        Hashing(String model) {
            task = new FutureTask<>(() -> origins.hash(model));
            Thread thread = new Thread(task, "palitra-hash");
            thread.setDaemon(true);
            thread.start();
        }

        /** Waits for it. */
        String hash() {
            try {
                return task.get();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancellationException("interrupted while the model's hash was taken");
            } catch (ExecutionException e) {
                if (e.getCause() instanceof RuntimeException fault) throw fault;
                throw new IllegalStateException(e.getCause());
            }
        }
    }

    /** The pictures as they come: one file each as soon as it is painted, or all in one grid at the end. */
    private final class Written {
        private final PaintSettings settings;
        private final List<Path> files;
        private final String model;
        private final String sampler;
        private final Hashing hashing;
        private final List<Picture> pictures = new ArrayList<>();
        private final List<Path> done = new ArrayList<>();

        Written(PaintSettings settings, List<Path> files, String model, String sampler, Hashing hashing) {
            this.settings = settings;
            this.files = files;
            this.model = model;
            this.sampler = sampler;
            this.hashing = hashing;
        }

        private boolean grid() { return files.size() < settings.how().n(); }

        void add(int i, Picture p) {
            pictures.add(p);
            if (!grid()) write(files.get(i), p, p, i, 1);
        }

        private void write(Path file, Picture shown, Picture first, int i, int count) {
            hashing.hash();
            Png.write(file, shown, settings.text(model, sampler, first, i, count, origins));
            done.add(file);
        }

        /** What was written. */
        List<Path> end() {
            int n = pictures.size();
            if (grid() && n > 0) {
                write(files.get(0), n == 1 ? pictures.get(0) : Grid.of(pictures, (int) Math.ceil(Math.sqrt(n)), 2), pictures.get(0), 0, n);
            }
            return done;
        }
    }

    private PaintWatcher watcher(Terminal terminal, Stop stop, Written written) {
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

            @Override public void painted(int i, Picture picture) { written.add(i, picture); }

            @Override public boolean stop() { return stop.getAsBoolean(); }
        };
    }

    /** What is given here, over what the picture to be alike says, over the defaults. */
    private PaintSettings settings(Terminal terminal) throws IOException {
        PaintSettings.Read read = like == null ? null : PaintSettings.read(like, Png.text(like));
        PaintSettings base = read == null ? PaintSettings.NONE : read.settings();
        List<String> values = new ArrayList<>(set);
        if (n != null) values.add("n=" + n);
        if (steps != null) values.add("steps=" + steps);
        if (guidance != null) values.add("guidance=" + guidance);
        if (rescale != null) values.add("guidanceRescale=" + rescale);
        if (sampler != null) values.add("sampler=" + sampler);
        if (seed != null) values.add("seed=" + seed);
        if (clipSkip != null) values.add("clipSkip=" + clipSkip);
        if (noise != null) values.add(0, "noise=" + noise);
        if (size != null) {
            int[] sides = Common.size(size);
            values.addAll(List.of("width=" + sides[0], "height=" + sides[1]));
        }
        String named = model != null ? model : read == null || read.model().none() ? "" : found("model", "--model", read.model(), MODELS);
        if (named.isEmpty()) throw new IllegalArgumentException("which model? --model names a folder, a file, or org/name of the hub");
        String words = prompt != null ? prompt : base.prompt();
        if (prompt == null && like == null) throw new IllegalArgumentException("paint what? give a text, or --like F.png");
        String of = image != null ? image.toString() : read == null ? "" : found("picture", "--image", read.image(), PLAIN);
        String white = mask != null ? mask.toString() : read == null ? "" : found("mask", "--mask", read.mask(), PLAIN);
        PaintRequest.Margin margin = outpaint != null ? margin(outpaint) : base.margin();
        double much = strength != null ? strength : base.strength() >= 0 ? base.strength() : white.isEmpty() && margin.none() ? 0.8 : 1;
        if (of.isEmpty() && strength != null) throw new IllegalArgumentException("--strength wants the picture to change, --image FILE");
        List<PaintRequest.Lora> changes = new ArrayList<>(loras.stream().map(PaintCommand::lora).toList());
        for (int i = 0; loras.isEmpty() && i < base.loras().size(); i++) {
            String file = found("LoRA", "--lora", java.util.Objects.requireNonNull(read).loras().get(i), PLAIN);
            changes.add(new PaintRequest.Lora(Path.of(file), base.loras().get(i).weight()));
        }
        if (read != null && prompt == null && !read.lacks().isEmpty()) {
            throw new IllegalArgumentException("--like " + like + ": " + read.program() + " wrote it, and its prompt cannot be read: "
                + read.lacks() + "; give the text");
        }
        LoraTags tags = LoraTags.of(words), away = LoraTags.of(negative != null ? negative : base.negative());
        List<String> not = new ArrayList<>(read == null ? List.of() : read.not());
        changes.addAll(tagged(tags, named, terminal));
        List<String> unused = new ArrayList<>(tags.unread());
        away.tags().forEach(t -> unused.add(t.written()));
        unused.addAll(away.unread());
        if (!unused.isEmpty()) terminal.note("not used: " + Notes.some(unused) + "; only <lora:NAME:WEIGHT> in the text itself is");
        if (read != null && read.theirs()) {
            if (base.strength() >= 0 && of.isEmpty()) not.add("Denoising strength (it wants --image, and no Hires)");
            terminal.note(like + " is of " + read.program() + ": the noise of a seed is another here"
                + (not.isEmpty() ? "" : "; not done here: " + Notes.some(not)));
            wanted = model == null ? Origins.Named.NONE : read.model();
        } else if (read != null && model != null) {
            wanted = read.model();
        }
        String next = switchTo != null || base.switchTo().isEmpty() ? java.util.Objects.requireNonNullElse(switchTo, "")
            : next(java.util.Objects.requireNonNull(read).switchTo());
        return new PaintSettings(named, tags.prompt(), away.prompt(), Config.with(base.how(), values), changes, of, much, white,
            blur != null ? blur : base.blur(), margin, next);
    }

    private String found(String what, String option, Origins.Named wanted, List<String> endings) {
        return wanted.none() ? "" : origins.find(what, option, wanted, beside(like), endings);
    }

    private String next(Origins.Named to) {
        int at = to.name().lastIndexOf('@');
        if (at < 1) return to.name();
        return found("model", "--switch-to", new Origins.Named(to.name().substring(0, at), to.hash()), MODELS) + to.name().substring(at);
    }

    private static List<Path> beside(@Nullable Path file) {
        Path folder = file == null ? null : file.toAbsolutePath().normalize().getParent();
        return folder == null ? List.of() : List.of(folder);
    }

    /** The files that a prompt names; of those that are not there one line tells. */
    private List<PaintRequest.Lora> tagged(LoraTags tags, String model, Terminal terminal) {
        if (tags.tags().isEmpty()) return List.of();
        Path place = Hub.resolve(model);
        List<Path> folders = new ArrayList<>();
        if (Files.isDirectory(place)) folders.add(place);
        folders.addAll(beside(place));
        folders.addAll(beside(like));
        folders.add(Path.of(""));
        List<PaintRequest.Lora> found = new ArrayList<>();
        List<String> missing = new ArrayList<>(), uneven = new ArrayList<>();
        for (LoraTags.Tag t : tags.tags()) {
            Origins.weights(t.name(), loraDir, folders).ifPresentOrElse(f -> {
                found.add(new PaintRequest.Lora(f, t.weight()));
                if (t.uneven()) uneven.add(t.written());
            }, () -> missing.add(t.written()));
        }
        if (!missing.isEmpty()) {
            terminal.note("not found and not used: " + Notes.some(missing) + "; looked beside the model and here"
                + (loraDir == null ? ", and there is no --lora-dir" : ", and in --lora-dir " + loraDir));
        }
        if (!uneven.isEmpty()) terminal.note("text encoder and U-Net get one weight, that of the U-Net: " + Notes.some(uneven));
        return found;
    }

    private static PaintRequest.Lora lora(String given) {
        int colon = given.lastIndexOf(':');
        boolean weighs = colon > 0 && given.substring(colon + 1).matches("-?\\d{0,3}(\\.\\d{1,6})?") && colon + 1 < given.length();
        Path place = Path.of(weighs ? given.substring(0, colon) : given), file;
        try {
            file = LoraFile.file(place);
        } catch (FormatException e) {
            throw new IllegalArgumentException("--lora " + e.getMessage(), e);
        }
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
                if (where.equals(Device.CPU)) throw new IllegalArgumentException(
                    "illegal --precision: fp16, must be fp32 or bf16 on the CPU; fp16 is for CUDA");
                yield DType.F16;
            }
            default -> throw new IllegalArgumentException("illegal --precision: " + precision + ", must be fp32, bf16 or fp16");
        };
    }

    /** Says that a picture to change is cut, where it is not of the shape that was asked for. */
    private static void cut(PaintSettings settings, Picture given, int width, int height, Terminal terminal) {
        int w = width > 0 ? width : given.width(), h = height > 0 ? height : given.height();
        if ((long) w * given.height() == (long) h * given.width()) return;
        terminal.note("--image " + settings.image() + " has " + given.width() + "x" + given.height() + " pixels: it is resized to "
            + "cover " + w + "x" + h + " and cut around its middle");
    }

    private List<Path> files(PaintRequest.How how) throws IOException {
        if (out != null && out.toString().toLowerCase(Locale.ROOT).endsWith(".png")) return List.of(out);
        if (out != null && !Files.isDirectory(out) && OTHER_PICTURES.matcher(out.toString()).matches()) {
            throw new IllegalArgumentException("illegal --out: '" + out + "', must be a FILE.png or a folder: pictures are written as PNG");
        }
        if (out != null) Files.createDirectories(Common.folder(out, true));
        List<Path> files = new ArrayList<>();
        for (int i = 0; i < how.n(); i++) {
            String name = "paint-" + (how.seed() + i) + ".png";
            files.add(out == null ? Path.of(name) : out.resolve(name));
        }
        return files;
    }
}
