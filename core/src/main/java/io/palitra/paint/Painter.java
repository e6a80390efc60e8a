package io.palitra.paint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.data.ClipTokenizer;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import io.palitra.diffusion.Denoiser;
import io.palitra.diffusion.DiffusersScheduler;
import io.palitra.diffusion.Inpainting;
import io.palitra.diffusion.Level;
import io.palitra.diffusion.NamedSampler;
import io.palitra.diffusion.Noise;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.LoraFile;
import io.palitra.hub.ModelParts;
import io.palitra.model.Watcher;
import io.palitra.net.ClipText;
import io.palitra.net.LegacyTensorNames;
import io.palitra.net.UnetCondition2d;
import io.palitra.nn.MergedLora;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Stable Diffusion 1, 2 and XL: text to pictures, pictures to pictures, inpainting and outpainting. Rombach et al. 2022, arXiv:2112.10752;
 * Podell et al. 2023, arXiv:2307.01952; from a middle step: Meng et al. 2022, arXiv:2108.01073. The numbers are those of the diffusers
 * library. Not for several threads at once.
 */
public final class Painter implements AutoCloseable {
    /**
     * How a model is held.
     *
     * @param type      of its weights and of most arithmetic; noise, steps and guidance are always F32
     * @param lowMemory each part is loaded when it is needed and freed after, one text at a time goes through the U-Net, pictures are
     *     decoded by tiles
     */
    public record Options(Device device, DType type, boolean lowMemory) {
        public static final Options DEFAULT = new Options(Device.CPU, DType.F32, false);
    }

    private static final List<String> PIPELINES = List.of("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline",
        "StableDiffusionInpaintPipeline", "StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline",
        "StableDiffusionXLInpaintPipeline", "LatentConsistencyModelPipeline");
    /** Numbers that condition the U-Net on the size of a picture: three pairs, or two pairs and a score. */
    private static final int SIZES = 6, SCORED = 5;
    private static final List<String> ENCODERS = List.of("text_encoder", "text_encoder_2");
    /** Pictures that a GPU paints at once; a processor is as fast with one after the other, and each is there sooner. */
    private static final int AT_ONCE = 4;
    /** Longest side of the latents that a preview is decoded from. */
    private static final int PREVIEW = 24;

    private final ModelParts parts;
    private final Options options;
    private final JsonNode schedule;
    private final UnetCondition2d.Config config;
    /** Numbers that condition the U-Net besides the pooled text: SDXL 6, its refiner 5, others 0. */
    private final int numbers;
    private @Nullable TextEncoders texts;
    private @Nullable UnetCondition2d unet;
    private @Nullable LatentCodec coder;

    private Painter(ModelParts parts, Options options) {
        this.parts = parts;
        this.options = options;
        schedule = parts.config("scheduler");
        config = configured(parts, "unet", json -> UnetCondition2d.Config.fromJson(json, notes(parts, "unet")));
        numbers = numbers();
    }

    /** Checks that the outputs of the text encoders fit the U-Net. @throws ConfigException where they do not fit */
    private int numbers() {
        int width = 0, pooled = 0;
        for (String part : ENCODERS) {
            if (!parts.has(part)) continue;
            ClipText.Config encoder = configured(parts, part, ClipText.Config::fromJson);
            width += encoder.hiddenSize();
            if (encoder.projected()) pooled = encoder.projectionDim();
        }
        String who = "the U-Net of '" + parts.name() + "' ";
        if (config.conditional()) throw new ConfigException("model", who + "wants labels of classes besides a text; none are given here");
        if (config.takesPicture()) throw new ConfigException("model", who + "wants the vector of a picture; painting has words alone");
        if (width > 0 && config.attendsToText() && width != config.textWidth()) {
            throw new ConfigException("model", who + "wants texts of width " + config.textWidth() + ", its text encoders give " + width);
        }
        if (!wantsPooled() || width == 0) return 0;
        int each = config.additionTimeEmbedDim(), left = config.projectionClassEmbeddingsInputDim() - pooled;
        if (pooled > 0 && left == SIZES * each) return SIZES;
        if (pooled > 0 && left == SCORED * each) return SCORED;
        throw new ConfigException("model", who + "is conditioned on " + config.projectionClassEmbeddingsInputDim()
            + " numbers besides the time; " + (pooled == 0 ? "its text encoders give no pooled text"
            : "with a pooled text of " + pooled + " they must be " + (pooled + SIZES * each) + ", or "
            + (pooled + SCORED * each) + " of a refiner"));
    }

    /** Takes notes about a part, and puts the part's place before each. */
    private static Consumer<String> notes(ModelParts parts, String part) {
        return line -> parts.notes().accept(parts.place(part) + ": " + line);
    }

    /** A part's configuration. @throws FormatException that names the part, for a configuration that is not valid */
    private static <T> T configured(ModelParts parts, String part, Function<JsonNode, T> read) {
        JsonNode json = parts.config(part);
        try {
            return read.apply(json);
        } catch (ConfigException e) {
            throw new FormatException(parts.place(part).toString(), -1, "its configuration is not understood: " + e.getMessage(), e);
        }
    }

    /**
     * Reads configurations; weights are read when they are first needed.
     *
     * @throws ConfigException when it is another kind of pipeline, or its parts do not fit
     * @throws FormatException when a file is missing or broken
     */
    public static Painter open(ModelParts parts, Options options) {
        if (!PIPELINES.contains(parts.pipeline())) {
            throw new ConfigException("model", "'" + parts.name() + "' is a " + parts.pipeline() + "; there are "
                + InWords.list(PIPELINES));
        }
        for (String part : List.of("unet", "vae", "scheduler")) {
            if (!parts.has(part)) throw new ConfigException("model", "'" + parts.name() + "' has no " + part);
        }
        Painter painter = new Painter(parts, options);
        configured(parts, "scheduler",
            json -> new DiffusersScheduler(json, JsonNodeFactory.instance.missingNode(), notes(parts, "scheduler")));
        return painter;
    }

    /** Bytes that the weights take in memory: all of them, or with {@code lowMemory} the largest part. What is worked with comes on top. */
    public long weightBytes() {
        List<Long> sizes = new ArrayList<>();
        try (Scope scope = new Scope()) {   // networks without weights take no room
            for (String part : ENCODERS) if (parts.has(part)) sizes.add(size(textEncoder(part)));
            sizes.add(size(new UnetCondition2d(config, Rng.silent())));
            sizes.add(size(emptyCoder().net()));
        }
        long sum = sizes.stream().mapToLong(n -> n).sum(), most = sizes.stream().mapToLong(n -> n).max().orElse(0);
        return (options.lowMemory ? most : sum) * options.type.bytes();
    }

    private static long size(Module net) {
        try (net) { return net.size(); }
    }

    private ClipText textEncoder(String part) { return new ClipText(configured(parts, part, ClipText.Config::fromJson), Rng.silent()); }

    private LatentCodec emptyCoder() {
        return configured(parts, "vae", json -> LatentCodec.of(parts.classes().getOrDefault("vae", ""), json, notes(parts, "vae")));
    }

    /**
     * Draws the pictures of a request. The watcher gets a tick "step" after each call of the network, counted over all pictures, some of
     * which are painted at once, and {@link Watcher#finished} of each picture before the work goes on.
     *
     * @throws ConfigException when the request does not fit the model
     * @throws FormatException when a file of low-rank changes is broken, or for other networks
     * @throws CancellationException when the watcher stops it; it has the pictures that were finished
     * @throws ArithmeticException that names the part of the model that gives NaN or Inf
     */
    public PaintResult paint(PaintRequest request, Watcher watcher) {
        long began = System.nanoTime();
        PaintRequest.How how = request.how();
        Canvas canvas = request.edit().map(e -> Canvas.of(e, how.width(), how.height())).orElse(null);
        int factor = coder().factor();
        int width = canvas != null ? canvas.width() : how.width() > 0 ? how.width() : width();
        int height = canvas != null ? canvas.height() : how.height() > 0 ? how.height() : height();
        if (width % factor != 0 || height % factor != 0) {
            throw new ConfigException("size", "a size of " + width + "x" + height + " is not divisible by " + factor + "; near it is "
                + near(width, factor) + "x" + near(height, factor));
        }
        Course course = course(request);
        List<Picture> pictures = new ArrayList<>();
        if (course.plan.legs().isEmpty() && canvas != null) {
            for (int i = 0; i < how.n(); i++) {
                pictures.add(canvas.picture());
                watcher.finished(i, canvas.picture());
            }
        } else {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Guard changed = merged(request)) {
                PromptEmbeddings prompts = encode(request);
                if (request.loras().isEmpty()) freeTexts();
                Tensor known = canvas == null ? null : Finite.check(encoded(canvas, how), "the VAE" + of(), options.type);
                List<Group> groups = groups(how, known, height / factor, width / factor);
                boolean after = options.lowMemory;   // the decoder is loaded after the U-Net is freed
                Consumer<Group> paint = group -> {
                    for (int i = 0; i < group.n; i++) {   // one by one: decoding takes the most memory
                        Picture p = decoded(group.z, i);
                        pictures.add(canvas == null ? p : canvas.upon(p));
                        watcher.finished(pictures.size() - 1, pictures.get(pictures.size() - 1));
                    }
                };
                Watch watch = new Watch(watcher, course.plan.legs().size() * groups.size(), after ? null : coder(), options, of());
                try {
                    sampleAll(request, course, prompts, canvas, groups, watch, after ? one -> { } : paint);
                    if (after && request.loras().isEmpty()) freeUnet();
                    if (after) groups.forEach(paint);
                } catch (CancellationException e) {
                    if (how.n() == 1) throw e;
                    for (Group one : groups) if (after && one.sampled) paint.accept(one);
                    throw new CancellationException(e.getMessage() + ", " + pictures.size() + " of " + how.n() + " pictures are painted");
                }
            }
        }
        freeTexts();
        freeUnet();
        freeCoder();
        return new PaintResult(request, parts.name(), course.label, pictures, (System.nanoTime() - began) / 1e9);
    }

    /** The model's name, for errors. */
    private String of() { return " of '" + parts.name() + "'"; }

    /** The i-th of latents [n,C,h,w]. @throws ArithmeticException where the VAE gives NaN or Inf */
    private Picture decoded(Tensor z, int i) {
        try (Scope scope = new Scope()) {
            return picture(Finite.check(coder().decode(z.rows(i, 1), options.lowMemory), "the VAE" + of(), options.type));
        }
    }

    /** Pictures that are painted at once. */
    private static final class Group {
        private final int first;
        private final int n;
        private final @Nullable Tensor known;   // [n,C,h,w], or one for all
        private final Noise fresh;
        private Tensor z;                       // [n,C,h,w], at first noise of standard deviation 1
        private boolean sampled;

        Group(int first, Tensor noise, @Nullable Tensor known, Noise fresh) {
            this.first = first;
            this.known = known;
            this.fresh = fresh;
            n = (int) noise.size(0);
            z = noise;
        }
    }

    private List<Group> groups(PaintRequest.How how, @Nullable Tensor known, int h, int w) {
        List<Group> groups = new ArrayList<>();
        int most = options.device.equals(Device.CPU) || options.lowMemory ? 1 : AT_ONCE;
        for (int first = 0; first < how.n(); first += most) {
            int n = Math.min(most, how.n() - first);
            List<Tensor> noise = new ArrayList<>();
            for (int i = first; i < first + n; i++) noise.add(how.noise().draw(item(how, i).split(0), coder().channels(), h, w));
            groups.add(new Group(first, Torch.cat(0, noise).to(options.device), known == null ? null : known.rows(first, n),
                fresh(how, first, n)));
        }
        return groups;
    }

    /** The model's name. */
    public String name() { return parts.name(); }

    /** The name of the sampler that a request uses. @throws ConfigException for an unknown one */
    public String sampler(PaintRequest request) { return course(request).label; }

    private static int near(int pixels, int factor) { return Math.max(1, (pixels + factor / 2) / factor) * factor; }

    /**
     * Latents [n,C,h,w] of a text, from noise that the caller gives; they belong to the innermost scope.
     *
     * @param request the strength of its edit decides at which step sampling from {@code known} begins; the edit's picture is not used
     * @param noise   of deviation 1, [n,C,h,w]
     * @param known   latents of pictures to begin with, [n,C,h,w] or one for all; null = none
     * @param fresh   for samplers that add noise on the way
     */
    public Tensor latents(PaintRequest request, Tensor noise, @Nullable Tensor known, Noise fresh) {
        return Scope.run(() -> {
            try (Guard g = Torch.noGrad(); Guard changed = merged(request)) {
                Group all = new Group(0, noise, known, fresh);
                Course course = course(request);
                Watch watch = new Watch(Watcher.SILENT, course.plan.legs().size(), null, options, of());
                sampleAll(request, course, encode(request), null, List.of(all), watch, one -> { });
                return all.z;
            }
        });
    }

    /** The embedding of a text that conditions the U-Net, [1,S,D]; it belongs to the innermost scope. */
    public Tensor context(String prompt) {
        try (Guard g = Torch.noGrad()) { return texts().encode(prompt, "", PaintRequest.How.DEFAULT).context().get(1); }
    }

    /** Height of the pictures that the model was trained on, in pixels. */
    public int height() { return (config.sampleSize().isEmpty() ? 64 : config.sampleSize().get(0)) * coder().factor(); }

    /** Width of the pictures that the model was trained on, in pixels. */
    public int width() {
        List<Integer> size = config.sampleSize();
        return (size.isEmpty() ? 64 : size.get(size.size() - 1)) * coder().factor();
    }

    /** Side of squares to train it further on: the shorter side of the pictures that it was trained on, in pixels. */
    public int side() { return Math.min(height(), width()); }

    /** Latents [1,C,h,w] as a picture. */
    public Picture decode(Tensor z) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            return decoded(z, 0);
        }
    }

    /** Sampler and steps of a request, and whether they begin at pure noise. */
    private record Course(DiffusersScheduler scheduler, DiffusersScheduler.Plan plan, boolean fromNoise, String label) {}

    private Course course(PaintRequest request) {
        PaintRequest.How how = request.how();
        JsonNode named = NamedSampler.config(how.sampler(), schedule);
        JsonNode arguments = JsonNodeFactory.instance.missingNode();
        if (how.eta() > 0) {
            if (!named.path("_class_name").asText().equals(DiffusersScheduler.Kind.DDIM.className())) {
                throw new ConfigException("eta", "illegal eta: " + how.eta() + ", must be 0: only DDIM takes it");
            }
            arguments = JsonNodeFactory.instance.objectNode().put("eta", how.eta());
        }
        DiffusersScheduler scheduler = new DiffusersScheduler(named, arguments);
        double strength = request.edit().map(PaintRequest.Edit::strength).orElse(1.0);
        int skipped = how.steps() - (int) Math.min(how.steps() * strength, how.steps());
        return new Course(scheduler, scheduler.plan(how.steps()).from(skipped), skipped == 0,
            how.sampler().isEmpty() ? scheduler.kind().className() : how.sampler());
    }

    /** Samples the latents of each group. @param sampled takes a finished group, where possible before the next one begins */
    private void sampleAll(PaintRequest request, Course course, PromptEmbeddings prompts, @Nullable Canvas canvas, List<Group> groups,
            Watch watch, Consumer<Group> sampled) {
        DiffusersScheduler.Plan plan = course.plan;
        PaintRequest.Switch to = request.next().orElse(null);
        if (to == null) {
            for (Group g : groups) {
                begin(g, course, canvas);
                g.z = Scope.run(() -> watch.sample(plan, model(request, course, prompts, canvas, g), g.z, g.fresh));
                g.sampled = true;
                sampled.accept(g);
            }
            return;
        }
        int steps = plan.stepsAbove(to.time());
        try (Painter next = open(ModelParts.open(to.model(), parts.notes()), options)) {
            next.checkGoesOn(this, course.scheduler);
            for (Group g : groups) {
                begin(g, course, canvas);
                g.z = Scope.run(() -> watch.sample(plan.until(steps), model(request, course, prompts, canvas, g), g.z, g.fresh));
            }
            if (request.loras().isEmpty()) freeUnet();
            PromptEmbeddings again = next.encode(request);
            next.freeTexts();
            Course theirs = new Course(next.course(request).scheduler, plan, course.fromNoise, course.label);
            watch.of = next.of();
            for (Group g : groups) {
                g.z = Scope.run(() -> watch.sample(plan.from(steps), next.model(request, theirs, again, canvas, g), g.z, g.fresh));
                g.sampled = true;
                sampled.accept(g);
            }
        }
    }

    /** Sets the latents at which the first step starts. */
    private static void begin(Group g, Course course, @Nullable Canvas canvas) {
        boolean anew = g.known == null || canvas != null && canvas.mask() != null && course.fromNoise;
        g.z = anew || g.known == null ? g.z.mul(course.plan.initialSigma()) : course.plan.legs().get(0).from().noised(g.known, g.z);
    }

    /** Refuses latents of another model that this one cannot continue from. */
    private void checkGoesOn(Painter first, DiffusersScheduler theirs) {
        DiffusersScheduler ours = new DiffusersScheduler(schedule);
        String why = coder().channels() != first.coder().channels() || coder().scale() != first.coder().scale()
            ? "their latents differ: " + first.coder().channels() + " channels of scale " + first.coder().scale() + " and "
                + coder().channels() + " of " + coder().scale()
            : !same(ours, theirs) ? "they were trained on different noise schedules" : "";
        if (!why.isEmpty()) {
            throw new ConfigException("switch-to", "'" + parts.name() + "' cannot go on from '" + first.parts.name() + "': " + why);
        }
    }

    private static boolean same(DiffusersScheduler a, DiffusersScheduler b) {
        if (!a.kind().tabled() || !b.kind().tabled()) return a.kind() == b.kind();
        boolean same = a.noiseTable().size() == b.noiseTable().size();
        for (int i = 0; same && i < a.noiseTable().size(); i++) same = a.noiseTable().at(i).equals(b.noiseTable().at(i));
        return same;
    }

    private Denoiser model(PaintRequest request, Course course, PromptEmbeddings prompts, @Nullable Canvas canvas, Group g) {
        Tensor more = canvas == null ? null : more(canvas, request.how(), g);
        Denoiser model = denoiser(course.scheduler, prompts, more);
        if (more != null || canvas == null || canvas.mask() == null || g.known == null) return model;
        return new Inpainting(model, g.known, canvas.drawn(coder().factor()).to(options.device));
    }

    private static Noise fresh(PaintRequest.How how, int first, int n) {
        List<Rng> items = new ArrayList<>();
        for (int i = first; i < first + n; i++) items.add(item(how, i).split(1));
        return x -> {
            List<Tensor> each = new ArrayList<>();
            for (Rng r : items) each.add(r.normal(1, x.size(1), x.size(2), x.size(3)));
            return Torch.cat(0, each).to(x.device());
        };
    }

    private static Rng item(PaintRequest.How how, int i) { return new Rng(how.seed() + i); }

    /** Latents of the canvas, for each picture with its own noise. */
    private Tensor encoded(Canvas canvas, PaintRequest.How how) {
        List<Tensor> each = new ArrayList<>();
        Tensor pixels = canvas.pixels().to(options.device);
        for (int i = 0; i < how.n(); i++) each.add(coder().encode(pixels, item(how, i).split(2)));
        return Torch.cat(0, each);
    }

    /** Further input channels of an inpainting model: the mask and the latents of what stays, [n,1+C,h,w]; null for other models. */
    private @Nullable Tensor more(Canvas canvas, PaintRequest.How how, Group g) {
        int c = coder().channels();
        if (config.inChannels() != 2 * c + 1) return null;
        List<Tensor> each = new ArrayList<>();
        Tensor seen = canvas.seen().to(options.device), mask = canvas.drawn(coder().factor()).to(options.device);
        for (int i = g.first; i < g.first + g.n; i++) each.add(Torch.cat(1, mask, coder().encode(seen, item(how, i).split(3))));
        return Torch.cat(0, each);
    }

    /** The request's low-rank changes, added to the networks until the guard closes. */
    private Guard merged(PaintRequest request) {
        if (request.loras().isEmpty()) return () -> { };
        Map<LoraFile.Network, Module> nets = new EnumMap<>(LoraFile.Network.class);
        nets.put(LoraFile.Network.UNET, unet());
        List<ClipText> encoders = texts().encoders();
        int k = 0;
        for (String part : ENCODERS) {   // the refiner of SDXL has the second alone
            LoraFile.Network network = part.equals(ENCODERS.get(0)) ? LoraFile.Network.TEXT_ENCODER : LoraFile.Network.TEXT_ENCODER_2;
            if (parts.has(part)) nets.put(network, encoders.get(k++));
        }
        try (Scope scope = new Scope()) {
            MergedLora merged = MergedLora.of(nets, request.loras().stream()
                .map(l -> new MergedLora.Weighted(LoraFile.read(l.file()), l.weight())).toList(), parts.notes());
            return merged::close;
        }
    }

    private PromptEmbeddings encode(PaintRequest request) {
        try {
            return texts().encode(request.prompt(), request.negative(), request.how());
        } catch (ArithmeticException e) {
            throw new ArithmeticException(e.getMessage() + " (of '" + parts.name() + "')");
        }
    }

    /**
     * The U-Net with its texts as a denoiser of latents [B,C,h,w].
     *
     * @param more further input channels of an inpainting model, [B,M,h,w]; null for others
     */
    private Denoiser denoiser(DiffusersScheduler scheduler, PromptEmbeddings prompts, @Nullable Tensor more) {
        int wanted = coder().channels() + (more == null ? 0 : (int) more.size(1));
        if (config.inChannels() != wanted) {
            throw new ConfigException("model", "the U-Net of '" + parts.name() + "' wants " + config.inChannels() + " channels, here are "
                + wanted + (config.inChannels() == 2 * coder().channels() + 1 ? "; it paints into a picture: give one" : ""));
        }
        UnetCondition2d net = unet();
        return scheduler.denoiser((x, t) -> {
            Tensor in = more == null ? x : Torch.cat(1, x, more);
            return predict(net, in.to(options.type), t, prompts);
        });
    }

    private Tensor predict(UnetCondition2d net, Tensor x, double t, PromptEmbeddings prompts) {
        TextGuidance guidance = prompts.guidance();
        boolean distilled = config.timeCondProjDim() > 0;   // a distilled model has the scale of the guidance as an input
        int from = distilled || !guidance.needsNone() ? 1 : 0, n = prompts.context().size() - from;
        if (distilled && n != 1) throw new ConfigException("prompt", "this model takes one text, got " + n + " parts");
        long b = x.size(0);
        Tensor[] predictions;
        if (options.lowMemory || n == 1) {
            predictions = new Tensor[n];
            for (int i = 0; i < n; i++) predictions[i] = one(net, x, t, prompts, from + i, 1);
        } else {
            predictions = one(net, x, t, prompts, from, n).chunk(n, 0);
        }
        if (from == 1) return predictions[0];
        Tensor[] with = new Tensor[n - 1];
        System.arraycopy(predictions, 1, with, 0, n - 1);
        Tensor guided = guidance.of(predictions[0], with);
        assert guided.size(0) == b;
        return guided;
    }

    /** Predictions [n B,C,h,w] for n texts, from that number on. */
    private Tensor one(UnetCondition2d net, Tensor x, double t, PromptEmbeddings prompts, int from, int n) {
        return Scope.run(() -> {
            long b = x.size(0);
            List<Tensor> inputs = new ArrayList<>(), context = new ArrayList<>(), pooled = new ArrayList<>();
            for (int i = from; i < from + n; i++) {
                Tensor c = prompts.context().get(i), p = prompts.pooled().get(i);
                inputs.add(x);
                context.add(c.expand(b, c.size(1), c.size(2)));
                if (p != null && wantsPooled()) pooled.add(p.expand(b, p.size(1)));
            }
            Tensor text = Torch.cat(0, context).to(options.type), all = n == 1 ? x : Torch.cat(0, inputs);
            Tensor whole = pooled.isEmpty() ? null : Torch.cat(0, pooled).to(options.type);
            Tensor times = Torch.full(t, n * b).to(options.device);
            Tensor guidance = config.timeCondProjDim() > 0 ? scale(prompts.guidance().scale(), n * b).to(options.type) : null;
            double factor = coder().factor();
            List<Tensor> ids = new ArrayList<>();
            for (int i = from; i < from + n && whole != null; i++) {
                ids.add(timeIds(x.size(2) * factor, x.size(3) * factor, b, prompts.score(i)));
            }
            Tensor sizes = whole == null ? null : Torch.cat(0, ids).to(options.device);
            return net.forward(all, times, new UnetCondition2d.Given(text, null, null, guidance, whole, sizes)).to(DType.F32);
        });
    }

    public boolean wantsPooled() { return config.additionEmbedType() == UnetCondition2d.Addition.TEXT_TIME; }

    /**
     * Height and width of an original of this size, the corner of a cut that there is not, and the size again: SDXL, section 2.2. Its
     * refiner has a score in place of the last pair. [n,6] or [n,5]
     */
    public Tensor timeIds(double h, double w, long n, double score) {
        double[] ids = numbers == SCORED ? new double[] {h, w, 0, 0, score} : new double[] {h, w, 0, 0, h, w};
        return Torch.of(ids, 1, ids.length).to(DType.F32).expand(n, ids.length);
    }

    /** Waves of a thousand times the scale less one: Luo et al. 2023, arXiv:2310.04378, as their public code has it. [n,D] */
    private Tensor scale(double guidance, long n) {
        int half = config.timeCondProjDim() / 2;
        Tensor frequency = Torch.arange(0, half).mul(-Math.log(10000) / (half - 1)).exp();
        Tensor angle = frequency.mul((guidance - 1) * 1000);
        Tensor waves = Torch.cat(0, angle.sin(), angle.cos());
        return waves.reshape(1, 2L * half).expand(n, 2L * half).to(options.device);
    }

    public TextEncoders texts() {
        if (texts != null) return texts;
        List<ClipTokenizer> tokenizers = new ArrayList<>();
        List<ClipText> encoders = new ArrayList<>();
        for (String part : ENCODERS) {
            if (!parts.has(part)) continue;
            ClipTokenizer tokenizer = parts.tokenizer(part.replace("text_encoder", "tokenizer"));
            tokenizers.add(tokenizer);
            ClipText net = textEncoder(part);
            int rows = net.config().vocabSize();
            if (rows > tokenizer.size()) {
                notes(parts, part).accept("has " + rows + " rows of tokens, its tokenizer knows " + tokenizer.size()
                    + ": no text leads to the rest");
            }
            take(net, part, ClipText::publicNames);
            encoders.add(net);
        }
        if (encoders.isEmpty()) throw new ConfigException("model", "'" + parts.name() + "' has no text_encoder");
        return texts = new TextEncoders(List.copyOf(tokenizers), List.copyOf(encoders),
            parts.option("force_zeros_for_empty_prompt").asBoolean(false));
    }

    public UnetCondition2d unet() {
        if (unet != null) return unet;
        UnetCondition2d net = new UnetCondition2d(config, Rng.silent());
        take(net, "unet", LegacyTensorNames::renewed);
        return unet = net;
    }

    public LatentCodec coder() {
        if (coder != null) return coder;
        LatentCodec c = emptyCoder();
        take(c.net(), "vae", LegacyTensorNames::renewed);
        return coder = c;
    }

    /** Loads the weights of a part into a network. @param names maps the names in the file to those of the network */
    private void take(Module net, String part, UnaryOperator<Map<String, Tensor>> names) {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> weights = net.known(names.apply(parts.weights(part)),
                line -> parts.notes().accept(parts.file(part) + ": " + line));
            net.to(options.device);
            net.take(weights, options.type);
        } catch (IllegalArgumentException e) {
            net.close();
            throw new FormatException(parts.file(part).toString(), -1, String.valueOf(e.getMessage()), e);
        } catch (RuntimeException e) {
            net.close();
            throw e;
        }
        net.trainable(false);
        net.training(false);
    }

    private void freeTexts() {
        if (!options.lowMemory || texts == null) return;
        texts.encoders().forEach(Module::close);
        texts = null;
    }

    private void freeUnet() {
        if (!options.lowMemory || unet == null) return;
        unet.close();
        unet = null;
    }

    private void freeCoder() {
        if (!options.lowMemory || coder == null) return;
        coder.net().close();
        coder = null;
    }

    /** x [1,3,H,W] in -1 to 1. */
    private static Picture picture(Tensor x) {
        Tensor bytes = x.squeeze(0).add(1).mul(127.5).clamp(0, 255).round().to(DType.U8);
        return new Picture(3, (int) x.size(2), (int) x.size(3), bytes.contiguous().bytes());
    }

    @Override public void close() {
        if (texts != null) texts.encoders().forEach(Module::close);
        if (unet != null) unet.close();
        if (coder != null) coder.net().close();
    }

    /** Runs samplers and reports their steps, with the model's estimate of x0 for a preview. */
    private static final class Watch {
        private final Watcher watcher;
        private final @Nullable LatentCodec coder;
        private final Options options;
        private final int all;
        private String of;
        private @Nullable Tensor expected;
        private int done;

        Watch(Watcher watcher, int all, @Nullable LatentCodec coder, Options options, String of) {
            this.watcher = watcher;
            this.all = all;
            this.coder = coder;
            this.options = options;
            this.of = of;
        }

        Tensor sample(DiffusersScheduler.Plan plan, Denoiser model, Tensor x, Noise fresh) {
            Denoiser seen = new Denoiser() {
                @Override public Tensor denoise(Tensor x, Level at) { return expected = model.denoise(x, at); }

                @Override public Estimate estimate(Tensor x, Level at) {
                    Estimate e = model.estimate(x, at);
                    expected = e.x0();
                    return e;
                }
            };
            try (Guard g = Scope.watch(this::turn)) { return finite(plan.sample(seen, x, fresh), ""); }
        }

        private void turn(int i, int n, Tensor x) {
            // on a processor this takes no waiting; a GPU would be waited for at each step, so it is checked at the end
            if (options.device.equals(Device.CPU)) finite(x, ", at step " + (i + 1) + " of " + n + ",");
            watcher.tick("step", ++done, all, Map.of(), () -> preview(x));
            expected = null;
            if (watcher.stop()) throw new CancellationException("stopped at step " + done + " of " + all);
        }

        /** The text embeddings were finite, so other values come from the network. */
        private Tensor finite(Tensor z, String where) { return Finite.check(z, "the U-Net" + of + where, options.type); }

        /** A small picture of the estimate of x0, of the first picture painted now; none with low memory: no decoder is loaded. */
        private Optional<Picture> preview(Tensor x) {
            if (coder == null) return Optional.empty();
            try (Scope scope = new Scope()) {
                Tensor z = finite((expected == null ? x : expected).rows(0, 1), "");
                long shrink = (Math.max(z.size(2), z.size(3)) + PREVIEW - 1) / PREVIEW;
                int k = (int) Math.max(1, Math.min(shrink, Math.min(z.size(2), z.size(3))));
                return Optional.of(picture(coder.decode(k == 1 ? z : Torch.avgPool(z, k), false)));
            }
        }
    }
}
