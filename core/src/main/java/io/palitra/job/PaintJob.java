package io.palitra.job;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import io.palitra.diffusion.NamedSampler;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.hub.Hub;
import io.palitra.hub.LoraFile;
import io.palitra.hub.ModelParts;
import io.palitra.model.Watcher;
import io.palitra.paint.PaintRequest;
import io.palitra.paint.Painter;
import io.palitra.report.Png;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Pictures from words, or a picture changed by words, as files: a {@link PaintRequest} with a model, and where its pictures go. Each PNG
 * carries its settings, and {@link #like} reads them.
 */
public record PaintJob(
        @Help("what the picture is to show") String prompt,
        @Help("what it is led away from") String negative,
        @Help(value = "a folder, a file, or org/name of the hub; empty = that of like", place = Help.Place.MODEL) String model,
        @Help("numbers and names") PaintRequest.How how,
        @Help(value = "files of low-rank changes, as FILE or FILE:WEIGHT; none = those of like", place = Help.Place.FILE) List<String> lora,
        @Help(value = "where <lora:NAME:0.8> in a text is looked for, with its folders; empty = beside the model and here",
            place = Help.Place.DATA)
        String loraDir,
        @Help(value = "file of a picture to change; empty = that of like", place = Help.Place.PICTURE) String image,
        @Help("how much of it, 0 to 1; -1 = 0.8, with a mask or a margin 1") double strength,
        @Help(value = "file of a mask, white is painted; empty = that of like", place = Help.Place.PICTURE) String mask,
        @Help("pixels that the mask's edge is softened over") int maskBlur,
        @Help("pixels to add on each side") PaintRequest.Margin outpaint,
        @Help(value = "MODEL@T, a model that goes on from training time T down; empty = none", place = Help.Place.MODEL) String switchTo,
        @Help(value = "file of a picture whose files serve where none are given here; empty = none",
            place = Help.Place.PICTURE) String like,
        @Help(value = "a .png, or a folder; empty = paint-SEED.png here", place = Help.Place.OUT) String out,
        @Help(value = "a .png that is rewritten at every step, empty = none", place = Help.Place.OUT) String preview,
        @Help("whether files that are there are replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda, cuda:1") String device,
        @Help("of weights and arithmetic: fp32, bf16 or fp16") String precision,
        @Help("whether one part of the model at a time is held") boolean lowMemory,
        @Help(value = "threads of one operation, 0 = as it is", min = 0) int threads) implements Request<PaintJob.Result> {
    /** Of strength: 0.8, with a mask or a margin 1. */
    public static final double USUAL = -1;
    private static final double MOST_WEIGHT = 10;
    private static final List<String> PLAIN = List.of(""), MODELS = List.of("", ".safetensors", ".ckpt");
    /** Files of pictures that are no PNG. */
    private static final Pattern OTHER_PICTURES = Pattern.compile("(?i).*\\.(jpe?g|jfif|gif|webp|bmp|tiff?|avif|heic|pdf|svg|mp4)");

    public PaintJob {
        lora = List.copyOf(lora);
    }

    /** What a sampler can be called. */
    public static List<String> samplers() { return Arrays.stream(NamedSampler.values()).map(NamedSampler::label).toList(); }

    /** One picture of a text by a model, and all else as users of Stable Diffusion expect it. */
    public PaintJob(String prompt, String model) {
        this(prompt, "", model, PaintRequest.How.DEFAULT, List.of(), "", "", USUAL, "", 0, PaintRequest.Margin.NONE, "", "", "", "", false,
            "auto", "fp32", false, 0);
    }

    /**
     * A job that paints a picture again: with its words and numbers, and with its files where no others are given.
     *
     * @param png the file of the picture
     * @throws FormatException where it carries no settings of a painted picture
     */
    public static PaintJob like(Path png) {
        PaintSettings.Read read = PaintSettings.read(png, Png.text(png));
        PaintSettings s = read.settings();
        return new PaintJob(s.prompt(), s.negative(), "", s.how(), List.of(), "", "", s.strength(), "", s.blur(), s.margin(),
            read.switchTo().name(), png.toString(), "", "", false, "auto", "fp32", false, 0);
    }

    /** As {@link Request#placed}; a LoRA that a tag of the prompt names becomes one of {@code lora}, and the tag goes. */
    @Override public PaintJob placed(Config.Move move) {
        LoraTags tags = LoraTags.of(prompt);
        PaintJob plain = this;
        if (!tags.tags().isEmpty()) {
            List<String> all = new ArrayList<>(lora);
            for (LoraTags.Tag t : tags.tags()) all.add(t.name() + ":" + weight(t));
            String words = (tags.prompt() + " " + String.join(" ", tags.unread())).strip();
            plain = Config.replace(Config.replace(this, "lora", all), "prompt", words);
        }
        return Config.moved(plain, (key, place, text) -> {
            int end = key.equals("lora") ? weighed(text) : key.equals("switchTo") ? text.lastIndexOf('@') : -1;
            return end < 1 ? move.to(key, place, text) : move.to(key, place, text.substring(0, end)) + text.substring(end);
        });
    }

    private static String weight(LoraTags.Tag tag) {
        if (Math.abs(tag.weight()) > MOST_WEIGHT) {
            throw new ConfigException("prompt", "illegal weight in " + tag.written() + ", must be from -10 to 10");
        }
        return BigDecimal.valueOf(tag.weight()).setScale(6, RoundingMode.HALF_UP).stripTrailingZeros().toPlainString();
    }

    /**
     * What was painted.
     *
     * @param files   the pictures' files
     * @param seed    of the first
     * @param seconds without loading, 0 where it was stopped
     * @param stopped whether it was; then the files hold what was finished
     */
    public record Result(List<Path> files, long seed, double seconds, boolean stopped) {}

    /**
     * Paints, and writes each picture as soon as it is there. A tick "step" for each call of the network.
     *
     * @throws ConfigException for a request that does not fit the model, and for files that are not found or are there
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs.threads(threads);
        Origins origins = new Origins();
        PaintSettings.Read read = like.isEmpty() ? null : PaintSettings.read(Path.of(like), Png.text(Path.of(like)));
        PaintSettings settings = settings(read, origins, watcher);
        PaintRequest request = settings.request(Hub::resolve, watcher::note);
        List<Path> files = files(settings.how());
        for (Path f : files) Outputs.free(f, "out", force);
        if (!preview.isEmpty()) {
            if (lowMemory) throw new ConfigException("preview", "there are no previews with lowMemory=true: the decoder is not loaded");
            if (files.contains(Outputs.free(Path.of(preview), "preview", force))) {
                throw new ConfigException("preview", "preview=" + preview + " is where the picture goes");
            }
        }
        Device where = Device.named(device);
        request.edit().ifPresent(edit -> {
            if (paintsNothing(edit)) {
                watcher.note("mask=" + settings.mask() + " has no pixel that is both opaque and lighter than black: nothing is painted");
            }
            cut(settings, edit.picture(), request.how().width(), request.how().height(), watcher);
        });
        watcher.checkStop();
        try (OpenModels.Lease<Painter> lease = painter(settings.model(), where, watcher); Scope scope = new Scope()) {
            Painter painter = lease.model();
            watcher.note("'" + settings.model() + "': its weights take " + InWords.bytes(painter.weightBytes()) + " of memory"
                + (lowMemory ? " at most at a time" : ""));
            PaintedFiles painted = new PaintedFiles(settings, files, painter.name(), painter.sampler(request), origins, watcher);
            boolean stopped = false;
            double seconds = 0;
            try {
                seconds = painter.paint(request, watching(watcher, painted)).seconds();
            } catch (CancellationException e) {
                watcher.note(String.valueOf(e.getMessage()));
                stopped = true;
            }
            List<Path> done = painted.end();
            if (!done.isEmpty()) compare(read, painter.name(), painted, watcher);
            return new Result(List.copyOf(done), settings.how().seed(), seconds, stopped);
        }
    }

    private OpenModels.Lease<Painter> painter(String named, Device where, Watcher watcher) throws IOException {
        Path place = Hub.resolve(named);
        Painter painter = Painter.open(ModelParts.open(place, watcher::note), new Painter.Options(where, type(where), lowMemory));
        boolean keeps = OpenModels.keeps();
        OpenModels.Wanted wanted = new OpenModels.Wanted(painter.name(), List.of(Painter.class, place.toAbsolutePath().normalize(), where,
            type(where), lowMemory), List.of(Files.getLastModifiedTime(place)), keeps ? painter.weightBytes() : 0);
        OpenModels.Lease<Painter> lease = OpenModels.lease(wanted, () -> painter);
        if (lease.model() != painter) painter.close();   // one that has its weights is there
        return lease;
    }

    /** Notes that another model than that of the picture to be like has painted. */
    private void compare(PaintSettings.@Nullable Read read, String name, PaintedFiles painted, Watcher watcher) {
        // what like names is found by its hash, so only a model that was named can be another
        if (read == null || model.isEmpty() || read.model().none()) return;
        Origins.Named wanted = read.model();
        if (painted.hash().startsWith(wanted.hash())) return;
        watcher.note("painted with '" + name + "' of hash " + painted.hash() + "; " + like + " was made with '" + wanted.name()
            + "' of hash " + wanted.hash());
    }

    private Watcher watching(Watcher watcher, PaintedFiles painted) {
        return new Watcher() {
            @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> picture) {
                watcher.tick(what, done, of, figures, picture);
                if (preview.isEmpty()) return;
                try {
                    picture.get().ifPresent(p -> Png.write(Path.of(preview), p, Map.of()));
                } catch (RuntimeException e) {
                    throw new IllegalStateException("the preview cannot be written: " + e.getMessage(), e);
                }
            }

            @Override public void finished(int i, Picture picture) {
                painted.add(i, picture);
                watcher.finished(i, picture);
            }

            @Override public boolean stop() { return watcher.stop(); }
        };
    }

    private static boolean paintsNothing(PaintRequest.Edit edit) {
        if (edit.mask() == null || !edit.margin().none()) return false;
        for (byte b : edit.mask().pixels()) if (b != 0) return false;
        return true;
    }

    /** Notes that a picture to change is cut, where it is not of the shape of the result. */
    private static void cut(PaintSettings settings, Picture given, int width, int height, Watcher watcher) {
        int w = width > 0 ? width : given.width(), h = height > 0 ? height : given.height();
        if ((long) w * given.height() == (long) h * given.width()) return;
        watcher.note("image=" + settings.image() + " has " + given.width() + "x" + given.height() + " pixels: it is resized to "
            + "cover " + w + "x" + h + " and cut around its middle");
    }

    /** The fields, with the files of the picture to be like where they name none. */
    private PaintSettings settings(PaintSettings.@Nullable Read read, Origins origins, Watcher watcher) {
        String named = !model.isEmpty() || read == null ? model : found(origins, "model", "model", read.model(), MODELS);
        if (named.isEmpty()) throw new ConfigException("model", "which model? model= names a folder, a file, or org/name of the hub");
        String of = !image.isEmpty() || read == null ? image : found(origins, "picture", "image", read.image(), PLAIN);
        String white = !mask.isEmpty() || read == null ? mask : found(origins, "mask", "mask", read.mask(), PLAIN);
        double much = strength != USUAL ? strength : white.isEmpty() && outpaint.none() ? 0.8 : 1;
        if (of.isEmpty() && strength != USUAL && (read == null || strength != read.settings().strength())) {
            throw new ConfigException("strength", "strength= wants the picture to change, image=FILE");
        }
        List<PaintRequest.Lora> changes = new ArrayList<>(lora.stream().map(PaintJob::lora).toList());
        for (int i = 0; read != null && lora.isEmpty() && i < read.loras().size(); i++) {
            String file = found(origins, "LoRA", "lora", read.loras().get(i), PLAIN);
            changes.add(new PaintRequest.Lora(Path.of(file), read.settings().loras().get(i).weight()));
        }
        if (read != null && !read.lacks().isEmpty() && prompt.equals(read.settings().prompt())) {
            throw new ConfigException("like", "like=" + like + ": " + read.program() + " wrote it, and its prompt cannot be read: "
                + read.lacks() + "; give the text");
        }
        LoraTags tags = LoraTags.of(prompt), away = LoraTags.of(negative);
        changes.addAll(tagged(tags, named, watcher));
        List<String> unused = new ArrayList<>(tags.unread());
        away.tags().forEach(t -> unused.add(t.written()));
        unused.addAll(away.unread());
        if (!unused.isEmpty()) watcher.note("not used: " + Notes.some(unused) + "; only <lora:NAME:WEIGHT> in the text itself is");
        if (read != null && read.theirs()) {
            List<String> not = new ArrayList<>(read.not());
            if (read.settings().strength() >= 0 && of.isEmpty()) not.add("Denoising strength (it wants image=, and no Hires)");
            watcher.note(like + " is of " + read.program() + ": the noise of a seed is another here"
                + (not.isEmpty() ? "" : "; not done here: " + Notes.some(not)));
        }
        String next = read != null && switchTo.equals(read.switchTo().name()) ? next(origins, read.switchTo()) : switchTo;
        return new PaintSettings(named, tags.prompt(), away.prompt(), how, changes, of, much, white, maskBlur, outpaint, next);
    }

    private String found(Origins origins, String what, String key, Origins.Named wanted, List<String> endings) {
        return wanted.none() ? "" : origins.find(what, key, wanted, beside(Path.of(like)), endings);
    }

    private String next(Origins origins, Origins.Named to) {
        int at = to.name().lastIndexOf('@');
        if (at < 1) return to.name();
        Origins.Named next = new Origins.Named(to.name().substring(0, at), to.hash());
        return found(origins, "model", "switchTo", next, MODELS) + to.name().substring(at);
    }

    private static List<Path> beside(Path file) {
        Path folder = file.toAbsolutePath().normalize().getParent();
        return folder == null ? List.of() : List.of(folder);
    }

    /** The files that a prompt names; those that are not there are noted in one line. */
    private List<PaintRequest.Lora> tagged(LoraTags tags, String named, Watcher watcher) {
        if (tags.tags().isEmpty()) return List.of();
        Path place = Hub.resolve(named), deep = loraDir.isEmpty() ? null : Path.of(loraDir);
        List<Path> folders = new ArrayList<>();
        if (Files.isDirectory(place)) folders.add(place);
        folders.addAll(beside(place));
        if (!like.isEmpty()) folders.addAll(beside(Path.of(like)));
        folders.add(Path.of(""));
        List<PaintRequest.Lora> found = new ArrayList<>();
        List<String> missing = new ArrayList<>(), uneven = new ArrayList<>();
        for (LoraTags.Tag t : tags.tags()) {
            Origins.weights(t.name(), deep, folders).ifPresentOrElse(f -> {
                found.add(new PaintRequest.Lora(f, t.weight()));
                if (t.uneven()) uneven.add(t.written());
            }, () -> missing.add(t.written()));
        }
        if (!missing.isEmpty()) {
            watcher.note("not found and not used: " + Notes.some(missing) + "; looked beside the model and here"
                + (deep == null ? ", and there is no loraDir=" : ", and in loraDir=" + loraDir));
        }
        if (!uneven.isEmpty()) watcher.note("text encoder and U-Net get one weight, that of the U-Net: " + Notes.some(uneven));
        return found;
    }

    private static PaintRequest.Lora lora(String given) {
        int colon = weighed(given);
        Path place = Path.of(colon > 0 ? given.substring(0, colon) : given), file;
        try {
            file = LoraFile.file(place);
        } catch (FormatException e) {
            throw new ConfigException("lora", "lora=" + e.getMessage(), e);
        }
        return new PaintRequest.Lora(file, colon > 0 ? Double.parseDouble(given.substring(colon + 1)) : 1);
    }

    /** Where the colon before the weight of FILE:WEIGHT stands; below 1 where there is no weight. */
    private static int weighed(String given) {
        int colon = given.lastIndexOf(':');
        boolean weighs = colon > 0 && given.substring(colon + 1).matches("-?(\\d{1,3}(\\.\\d{1,6})?|\\.\\d{1,6})");
        return weighs ? colon : -1;
    }

    private DType type(Device where) {
        return switch (precision) {
            case "fp32" -> DType.F32;
            case "bf16" -> DType.BF16;
            case "fp16" -> {
                if (where.equals(Device.CPU)) throw new ConfigException("precision",
                    "illegal precision: fp16, must be fp32 or bf16 on the CPU; fp16 is for CUDA");
                yield DType.F16;
            }
            default -> throw new ConfigException("precision", "illegal precision: " + precision + ", must be fp32, bf16 or fp16");
        };
    }

    private List<Path> files(PaintRequest.How of) throws IOException {
        Path target = Path.of(out);
        if (out.toLowerCase(Locale.ROOT).endsWith(".png")) return List.of(target);
        if (!out.isEmpty() && !Files.isDirectory(target) && OTHER_PICTURES.matcher(out).matches()) {
            throw new ConfigException("out", "illegal out: '" + out + "', must be a FILE.png or a folder: pictures are written as PNG");
        }
        if (!out.isEmpty()) Files.createDirectories(Outputs.folder(target, "out", true));
        List<Path> files = new ArrayList<>();
        for (int i = 0; i < of.n(); i++) {
            String name = "paint-" + (of.seed() + i) + ".png";
            files.add(out.isEmpty() ? Path.of(name) : target.resolve(name));
        }
        return files;
    }
}
