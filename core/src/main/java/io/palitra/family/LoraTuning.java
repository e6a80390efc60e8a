package io.palitra.family;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.Ordered;
import io.palitra.data.Batch;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.diffusion.DiffusersScheduler;
import io.palitra.diffusion.NoiseTable;
import io.palitra.diffusion.Prediction;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Hub;
import io.palitra.hub.LoraFile;
import io.palitra.hub.LoraFile.Network;
import io.palitra.hub.ModelParts;
import io.palitra.hub.Safetensors;
import io.palitra.model.Build;
import io.palitra.model.Family;
import io.palitra.model.Losses;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Tiny;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.net.ClipText;
import io.palitra.net.UnetCondition2d;
import io.palitra.nn.Lora;
import io.palitra.nn.Module;
import io.palitra.paint.PaintRequest;
import io.palitra.paint.Painter;
import io.palitra.paint.TextEncoders;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A low-rank change of a model of the Stable Diffusion kind, learned from pictures with captions: the U-Net predicts the noise of their
 * latents at times drawn evenly, in the model's own prediction type (Hu et al. 2021, arXiv:2106.09685; the loss: Ho et al. 2020,
 * arXiv:2006.11239, eq. 14). The model's own weights are frozen. Targets, initial scale and defaults are those of the diffusers library's
 * training of text to image, A is drawn as kohya-ss does. SDXL is told that each picture was of this size and not cut.
 */
public final class LoraTuning implements Trainable {
    public static final Family<Config> FAMILY = new Family<>("lora",
        "a low-rank change of a model that paints, learned from pictures with captions; 'palitra paint --lora' takes it",
        "Hu, Shen, Wallis, Allen-Zhu, Li, Wang, Wang and Chen 2021, arXiv:2106.09685", new Config("", 4, 0, false),
        Recipe.of(100, 1, new OptimizerSpec.AdamW(1e-4, 0.9, 0.999, 1e-8, 0.01)).withClip(1), null, "",
        Family.Builder.of(LoraTuning.class, LoraTuning::new))
        .learns(Family.Kind.PICTURES).tiny(new Tiny(
        Family.USUAL, List.of("data.captions=true", "data.channels=3", "data.size=32", "rank=2"), Map.of("model", Tiny.PAINTER)));

    /** What a run's folder holds for others: PEFT's names, and kohya's. */
    public static final String DIFFUSERS = "lora.safetensors";
    public static final String KOHYA = "lora-kohya.safetensors";

    public record Config(
            @Help(value = "the model that is changed: a folder, or org/name of the hub", place = Help.Place.MODEL) String model,
            @Help(value = "r of the change B A of a layer", min = 1, max = 1024) int rank,
            @Help(value = "the change counts alpha / r; 0 = r", min = 0) double alpha,
            @Help("whether the text encoders change, too") boolean textEncoder) {}

    /** The changes of each network, by its name. */
    private static final class Changes extends Module {
        private final Map<Network, Lora> of = new TreeMap<>();

        void put(Network network, Lora lora) { of.put(network, child(network.key(), lora)); }
    }

    private final Painter base;
    private final boolean textEncoder;
    private final UnetCondition2d unet;
    private final NoiseTable table;
    private final Prediction prediction;
    private final String scheduler;   // SHA-256 of what the model says of its noise
    private final Changes changes = new Changes();
    private final Map<Integer, Tensor> moments = new LinkedHashMap<>();   // of each picture, by its place in the data set
    private final Map<String, TextEncoders.Encoded> texts = new LinkedHashMap<>();   // of captions, while their encoders rest

    private LoraTuning(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        if (config.model.isEmpty()) throw new ConfigException("model", "which model? model=M names a folder, or org/name of the hub");
        ModelParts parts = ModelParts.open(Hub.resolve(config.model));
        base = Painter.open(parts, Painter.Options.DEFAULT);
        textEncoder = config.textEncoder;
        try {
            DiffusersScheduler scheduler = new DiffusersScheduler(parts.config("scheduler"));
            check(parts, scheduler, UnetCondition2d.Config.fromJson(parts.config("unet"), line -> { }), data);   // told by the painter
            this.scheduler = sha256(parts.config("scheduler"));
            table = scheduler.noiseTable();
            prediction = scheduler.prediction();
            unet = base.unet();
            float alpha = config.alpha == 0 ? config.rank : (float) config.alpha;
            changes.put(Network.UNET, Lora.fresh(unet, Lora.ATTENTION, config.rank, alpha, init.split(0)));
            List<ClipText> encoders = base.texts().encoders();
            for (int i = 0; textEncoder && i < encoders.size(); i++) {
                Network network = i == 0 ? Network.TEXT_ENCODER : Network.TEXT_ENCODER_2;
                changes.put(network, Lora.fresh(encoders.get(i), Lora.TEXT_ATTENTION, config.rank, alpha, init.split(1 + i)));
            }
        } catch (RuntimeException e) {
            changes.close();
            base.close();
            throw e;
        }
    }

    /** Of a configuration without what only tells where it came from. */
    private static String sha256(JsonNode config) {
        TreeMap<String, String> said = new TreeMap<>();
        config.properties().forEach(e -> {
            if (!e.getKey().startsWith("_")) said.put(e.getKey(), e.getValue().toString());
        });
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(said.toString().getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);   // every Java has it
        }
    }

    private void check(ModelParts parts, DiffusersScheduler scheduler, UnetCondition2d.Config net, DataSpec data) {
        int channels = base.coder().channels(), factor = base.coder().factor();
        String why = net.inChannels() == 2 * channels + 1 ? "it is an inpainting model: its U-Net wants " + net.inChannels() + " channels"
            : net.inChannels() != channels ? "its U-Net wants " + net.inChannels() + " channels, its latents have " + channels
            : net.timeCondProjDim() > 0 ? "it is distilled: it is told the scale of the guidance"
            : !scheduler.denoises() ? "it says a velocity of flow matching" : "";
        if (!why.isEmpty()) throw new ConfigException("model", "'" + parts.name() + "' cannot be trained by lora: " + why);
        if (!(data instanceof ImageSpec s) || s.channels() != 3) {
            throw new ArgumentException("lora wants pictures in colour (data.channels=3), got " + data);
        }
        if (s.height() % factor != 0 || s.width() % factor != 0) {
            throw new ArgumentException("'" + parts.name() + "' wants pictures whose sides " + factor + " divides, got " + s.width()
                + "x" + s.height() + "; near it is data.size=" + Math.max(1, (s.height() + factor / 2) / factor) * factor);
        }
    }

    /**
     * Side in pixels that pictures are to have for a model unless something else is asked for: what it was trained on, of pictures that
     * were no squares the shorter side.
     */
    public static int side(Path model) {
        try (Painter painter = Painter.open(ModelParts.open(model), Painter.Options.DEFAULT)) { return painter.side(); }
    }

    @Override public Module net() { return changes; }

    @Override public boolean wantsCaptions() { return true; }

    @Override public List<Update> updates() { return List.of(new Update("lora", changes, this::loss)); }

    @Override public Map<String, String> underneath() {
        Map<String, String> all = new TreeMap<>(Ordered.map(Map.entry("model/unet", Safetensors.sha256(unet.state())),
            Map.entry("model/vae", Safetensors.sha256(base.coder().net().state())), Map.entry("model/scheduler", scheduler)));
        List<ClipText> encoders = base.texts().encoders();
        for (int i = 0; i < encoders.size(); i++) {
            all.put("model/text encoder" + (i == 0 ? "" : " " + (i + 1)), Safetensors.sha256(encoders.get(i).state()));
        }
        return all;
    }

    /** The model with the change as it is now, which it paints with. */
    public Painter painter() { return base; }

    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        List<String> captions = batch.given().texts("lora");
        Tensor x0 = base.coder().draw(moments(batch), rng), eps = rng.normalLike(x0);   // [B,C,h,w]
        Tensor t = rng.integers(table.size(), batch.size());
        Tensor alpha = table.alpha(t, x0.dims()), sigma = table.sigma(t, x0.dims());
        Tensor x = x0.mul(alpha).add(eps.mul(sigma));
        Tensor answer = unet.forward(x, t.to(DType.F32), told(captions, batch.x())).to(DType.F32);
        return Losses.of(answer.sub(prediction.target(x0, eps, alpha, sigma)).square().mean());
    }

    /** Of each picture; those of a data set are encoded once. */
    private Tensor moments(Batch batch) {
        if (batch.items().length == 0) {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                return scope.keep(base.coder().moments(batch.x()));
            }
        }
        List<Tensor> each = new ArrayList<>();
        for (int i = 0; i < batch.items().length; i++) {
            Tensor x = batch.x().rows(i, 1);
            each.add(moments.computeIfAbsent(batch.items()[i], k -> kept(() -> base.coder().moments(x))));
        }
        return Torch.cat(0, each);
    }

    private static Tensor kept(java.util.function.Supplier<Tensor> make) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            return make.get().retain();
        }
    }

    private UnetCondition2d.Given told(List<String> captions, Tensor pictures) {
        List<Tensor> context = new ArrayList<>(), pooled = new ArrayList<>();
        for (String caption : captions) {
            TextEncoders.Encoded e = textEncoder ? base.texts().encode(caption) : texts.computeIfAbsent(caption, this::encoded);
            context.add(e.context());
            if (base.wantsPooled() && e.pooled() != null) pooled.add(e.pooled());
        }
        UnetCondition2d.Given text = UnetCondition2d.Given.text(Torch.cat(0, context));
        if (pooled.isEmpty()) return text;
        Tensor ids = base.timeIds(pictures.size(2), pictures.size(3), captions.size(), PaintRequest.How.DEFAULT.aestheticScore());
        return text.adding(Torch.cat(0, pooled), ids.to(pictures.device()));
    }

    private TextEncoders.Encoded encoded(String caption) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            TextEncoders.Encoded e = base.texts().encode(caption);
            return new TextEncoders.Encoded(e.context().retain(), e.pooled() == null ? null : e.pooled().retain());
        }
    }

    /** {@link #DIFFUSERS} and {@link #KOHYA}, each the whole change. */
    @Override public List<Path> publish(Path folder) {
        List<LoraFile.Change> all = new ArrayList<>();
        changes.of.forEach((network, lora) -> all.addAll(lora.changes(network)));
        Map<String, String> words = new TreeMap<>(Map.of("modelspec.title", String.valueOf(folder.getFileName())));
        String version = switch (unet.config().textWidth()) {   // the words of kohya-ss
            case 768 -> "sd_v1";
            case 1024 -> prediction == Prediction.V ? "sd_v2_v" : "sd_v2";
            case 2048 -> "sdxl_base_v1-0";
            default -> "";
        };
        if (!version.isEmpty()) words.put("ss_base_model_version", version);
        LoraFile file = new LoraFile("lora", all, words);
        List<Path> files = List.of(folder.resolve(DIFFUSERS), folder.resolve(KOHYA));
        file.writeDiffusers(files.get(0));
        file.writeKohya(files.get(1));
        return files;
    }

    @Override public void to(Device device) {
        changes.to(device);
        unet.to(device);
        base.texts().encoders().forEach(e -> e.to(device));
        base.coder().net().to(device);
    }

    @Override public void close() {
        moments.values().forEach(Tensor::free);
        texts.values().forEach(e -> {
            e.context().free();
            if (e.pooled() != null) e.pooled().free();
        });
        changes.close();
        base.close();
    }
}
