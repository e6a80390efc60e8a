package io.palitra.family;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.config.InWords;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.ImageSpec;
import io.palitra.diffusion.Bounded;
import io.palitra.diffusion.Denoiser;
import io.palitra.diffusion.Level;
import io.palitra.diffusion.NoiseSchedule;
import io.palitra.diffusion.NoiseTable;
import io.palitra.diffusion.Prediction;
import io.palitra.diffusion.Predictor;
import io.palitra.diffusion.Sampler;
import io.palitra.diffusion.Spacing;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Asked;
import io.palitra.model.Build;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.ModelRef;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Tiny;
import io.palitra.model.Update;
import io.palitra.model.Varies;
import io.palitra.net.UnetCondition2d;
import io.palitra.nn.Module;
import io.palitra.stage.FrozenVectors;
import io.palitra.stage.VectorPrior;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The decoder of DALL-E 2: a diffusion model of pictures that is given a picture's CLIP vector, as a term of the embedded time and as
 * tokens to attend to. Ramesh et al. 2022, arXiv:2204.06125, section 2.1. Some vectors are dropped in training, for guidance (Ho and
 * Salimans 2022, arXiv:2207.12598, eq. 6). With a prior it draws from words; without one a text's own vector stands in for a picture's. The
 * CLIP and the prior are frozen.
 */
public final class Unclip implements GenerativeModel<Unclip.Sampling>, Varies, Evaluates {
    public record Config(
            @Help(value = "the CLIP: a run of clip, a folder of transformers' CLIP, or org/name of the hub", place = Help.Place.MODEL)
            String clip,
            @Help(value = "what makes pictures' vectors of texts: a run of prior upon the same CLIP, or a folder of diffusers' "
                + "PriorTransformer; empty = a text's own vector stands in", place = Help.Place.MODEL) String prior,
            @Help(value = "channels of each level, from the full resolution down; each level halves it", min = 4, max = 4096)
            List<Integer> channels,
            @Help(value = "residual blocks in a level", min = 1, max = 16) int layers,
            @Help(value = "levels with attention, 0 = full resolution; the middle always has it", min = 0) List<Integer> attention,
            @Help(value = "groups of channels that are normalised together; must divide channels", min = 1, max = 4096) int groups,
            @Help(value = "width of the tokens that a vector becomes", min = 1, max = 4096) int width,
            @Help("how much noise each of the T steps adds") NoiseSchedule schedule,
            @Help(value = "chance that a vector is dropped in training, for guidance", min = 0, max = 1) double dropVector) {
        public Config {
            channels = List.copyOf(channels);
            attention = List.copyOf(attention);
            if (channels.isEmpty() || channels.size() > 8 || channels.stream().anyMatch(c -> groups < 1 || c % groups != 0)) {
                throw new ArgumentException("illegal channels: " + InWords.list(channels) + ", must be 1 to 8 multiples of groups "
                    + groups);
            }
            for (int level : attention) {
                if (level < 0 || level >= channels.size()) {
                    throw new ArgumentException("illegal attention: " + level + ", must be a level from 0 to " + (channels.size() - 1));
                }
            }
        }
    }

    /** How samples are drawn. */
    public record Sampling(
            @Help("the way from noise to pictures") Sampler sampler,
            @Help(value = "how much more the vector counts than in the data: 1 = as much, 0 = not at all", min = 0, max = 100)
            double guidance,
            @Help("whether what the network expects is held in the range of pictures, -1 to 1") boolean clip,
            @Help("how the prior draws vectors") VectorPrior.Drawing prior) {}

    private static final Sampling SAMPLING = new Sampling(new Sampler.DpmPlusPlus2M(), 2, true, new VectorPrior.Drawing());

    public static final Family<Config> FAMILY = new Family<>("unclip",
        "pictures from CLIP vectors, of pictures or by a prior of words: variations, mixtures, changes by words",
        "Ramesh, Dhariwal, Nichol, Chu and Chen 2022, arXiv:2204.06125",
        new Config("", "", List.of(24, 48, 96), 1, List.of(1, 2), 8, 64, new NoiseSchedule.Cosine(), 0.1),
        Recipe.of(5, 64, new OptimizerSpec.Adam(1e-3, 0.9, 0.999, 1e-8)).withSchedule(new LrSchedule.Cosine(500)).withClip(1)
            .withEma(0.999), SAMPLING, "scenes", Family.Builder.of(Unclip.class, Unclip::new)).learns(Family.Kind.PICTURES)
        .tiny(new Tiny(Family.USUAL, List.of("data.captions=true", "channels=8,8", "attention=1", "groups=4", "width=8"),
            Map.of("clip", "clip")).upon("prior", "prior")).takes(Condition.Kind.TEXT);

    /** Vectors of training pictures that are drawn from where nothing is asked for. */
    private static final int SHOWN = 64;
    /** Captions of a test choice. */
    private static final int CHOICE = 100;
    /** Steps of the way back from a picture to its noise. */
    private static final int BACK = 50;

    private static final class Weights extends Module {
        private final UnetCondition2d unet;
        private final Tensor shown;   // [64,P]

        Weights(UnetCondition2d unet, Tensor shown) {
            this.unet = child("unet", unet);
            this.shown = buffer("shown", shown);
        }
    }

    private final Config config;
    private final ImageSpec image;
    private final FrozenVectors vectors;
    private final @Nullable VectorPrior prior;
    private final NoiseTable table;
    private final Weights net;

    Unclip(Config config, Build with) {
        this.config = config;
        vectors = new FrozenVectors("unclip", config.clip, with);
        image = (ImageSpec) with.data();
        int step = 1 << config.channels.size() - 1;
        if (image.height() % step != 0 || image.width() % step != 0) {
            throw new ArgumentException("a U-Net with " + config.channels.size() + " levels of channels wants sides that are multiples of "
                + step + ", got " + image + "; " + image.sizes(step, step));
        }
        prior = config.prior.isEmpty() ? null : with.models().open(new ModelRef(config.prior), VectorPrior.class);
        if (prior != null) prior.check(vectors.clip(), config.clip);
        table = config.schedule.table();
        UnetCondition2d unet = new UnetCondition2d(unet(config, image, vectors.width()), with.init());
        if (!with.init().isSilent()) {   // every residual branch begins as nothing and the prediction as 0
            unet.parameters().forEach((key, p) -> {
                if (key.startsWith("conv_out.") || key.matches(".*\\.(conv2|to_out\\.0)\\.(weight|bias)")) p.fill(0);
            });
        }
        Tensor shown = with.init().split(1).normal(SHOWN, vectors.width());
        net = new Weights(unet, shown.div(shown.square().sum(true, 1).sqrt().clampMin(1e-12)));
    }

    private static UnetCondition2d.Config unet(Config c, ImageSpec image, int points) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.putArray("sample_size").add(image.height()).add(image.width());
        json.put("in_channels", image.channels()).put("out_channels", image.channels()).put("layers_per_block", c.layers);
        List<String> down = new ArrayList<>(), up = new ArrayList<>();
        for (int i = 0; i < c.channels.size(); i++) {
            boolean attends = c.attention.contains(i);
            down.add(attends ? "SimpleCrossAttnDownBlock2D" : "ResnetDownsampleBlock2D");
            up.add(attends ? "SimpleCrossAttnUpBlock2D" : "ResnetUpsampleBlock2D");
        }
        Collections.reverse(up);
        down.forEach(json.putArray("down_block_types")::add);
        up.forEach(json.putArray("up_block_types")::add);
        c.channels.forEach(json.putArray("block_out_channels")::add);
        json.put("mid_block_type", "UNetMidBlock2DSimpleCrossAttn").put("norm_num_groups", c.groups);
        json.put("attention_head_dim", Math.min(32, Collections.min(c.channels))).put("cross_attention_dim", c.width);
        json.put("encoder_hid_dim", points).put("encoder_hid_dim_type", "image_proj").put("addition_embed_type", "image");
        return UnetCondition2d.Config.fromJson(json.put("resnet_time_scale_shift", "scale_shift"));
    }

    @Override public Module net() { return net; }

    @Override public List<Update> updates() { return List.of(new Update("denoise", net, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    /** Keeps vectors of training pictures, evenly spread. */
    @Override public void prepare(Dataset data) {
        int[] items = new int[SHOWN];
        for (int i = 0; i < SHOWN; i++) items[i] = (int) ((long) i * data.size() / SHOWN);
        Device device = net.shown.device();
        try (Scope scope = new Scope()) { net.shown.copyFrom(vectors.encode(DataLoader.of(data, items, device).x())); }
    }

    /** Mean over all numbers of (prediction - v)^2 at times drawn uniformly. */
    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        Tensor x0 = batch.x(), vector = vectors.encode(batch.x());
        Tensor t = rng.integers(table.size(), batch.size()).to(x0.device()), eps = rng.normalLike(x0);
        Tensor alpha = table.alpha(t, 4), sigma = table.sigma(t, 4);   // [B,1,1,1] each
        Tensor kept = rng.uniform(batch.size(), 1).to(x0.device()).ge(config.dropVector).to(DType.F32);
        Tensor out = predicted(x0.mul(alpha).add(eps.mul(sigma)), t, vector.mul(kept), rng);
        return Losses.of(out.to(DType.F32).sub(Prediction.V.target(x0, eps, alpha, sigma)).square().mean());
    }

    /** @param vectors [B,P] of length 1; 0 = dropped */
    private Tensor predicted(Tensor x, Tensor t, Tensor vectors, @Nullable Rng rng) {
        Tensor scaled = vectors.mul(Math.sqrt(this.vectors.width()));   // numbers of deviation 1
        return net.unet.forward(x, t, UnetCondition2d.Given.text(null).adding(scaled, null), rng);
    }

    @Override public Sampling samplingDefaults() { return SAMPLING; }

    @Override public Set<Condition.Kind> takes() { return Set.of(Condition.Kind.TEXT); }

    @Override public List<String> notes(Asked asked) {
        if (asked.text().isEmpty()) return List.of();
        List<String> notes = new ArrayList<>(vectors.clip().notes(asked.text().get()));
        if (prior == null) notes.add("this decoder has no prior: the text's own vector stands in for a picture's; prior=RUN gives it one");
        return notes;
    }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        return Scope.run(() -> {
            Tensor point = given.beside().get(POINT), z = given.beside().get(NOISE);
            Tensor near = point != null ? point : given.texts().isEmpty()
                ? net.shown.indexSelect(0, rng.integers(SHOWN, count).to(net.shown.device()))
                : prior == null ? vectors.clip().embedText(given.texts()) : prior.draw(vectors.clip(), given.texts(), how.prior, rng);
            if (near.dims() != 2 || near.size(1) != vectors.width()) {
                throw new ArgumentException("unclip draws near points [B," + vectors.width() + "], got " + near);
            }
            Tensor from = z == null ? rng.normal(count, image.channels(), image.height(), image.width()) : z;
            Denoiser model = denoiser(near.to(net.shown.device()), how.guidance, how.clip);
            return how.sampler.sample(model, from.to(net.shown.device()), how.sampler.levels(table), rng::normalLike).clamp(-1, 1);
        });
    }

    private Denoiser denoiser(Tensor near, double guidance, boolean clip) {
        Tensor none = Torch.zerosLike(near);
        Denoiser of = new Predictor(Prediction.V, (x, t) -> {
            Tensor times = Torch.full(t, x.size(0)).to(x.device());
            if (guidance == 1) return predicted(x, times, near, null);
            Tensor[] out = predicted(Torch.cat(0, x, x), Torch.cat(0, times, times), Torch.cat(0, none, near), null).chunk(2, 0);
            return out[0].lerp(out[1], guidance);
        });
        return clip ? new Bounded(of, new Bounded.Range(1), false) : of;
    }

    @Override public Tensor points(Tensor pictures) { return vectors.encode(pictures); }

    @Override public Tensor pointsOf(List<String> texts) { return vectors.clip().embedText(texts); }

    /** DDIM's steps the other way, without guidance: Song et al. 2021, arXiv:2010.02502, section 4.3. */
    @Override public Tensor noise(Tensor pictures, Tensor points) {
        Denoiser model = denoiser(points, 1, false);
        List<Level> levels = new ArrayList<>(new Spacing.Linspace().levels(table, BACK));
        levels.remove(levels.size() - 1);   // the clean one
        Collections.reverse(levels);
        return Scope.fold(pictures.mul(levels.get(0).alpha()), levels.size() - 1, (x, i) -> {
            Denoiser.Estimate estimate = model.estimate(x, levels.get(i));
            return levels.get(i + 1).noised(estimate.x0(), estimate.eps());
        });
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double near = 0, found = -1;
        boolean done = false;
        int n = 0;
        for (Batch batch : test) {
            if (done) continue;   // to the end: the batches are freed by the next one
            done = true;
            try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                n = (int) Math.min(CHOICE, batch.size());
                Batch part = batch.part(0, n);
                Tensor real = vectors.encode(part.x());
                Condition given = new Condition(null, List.of(), Map.of(POINT, real));
                near = vectors.encode(sample(SAMPLING, given, n, rng)).mul(real).sum().item() / n;   // waits for the device
                if (part.given().texts().isEmpty()) continue;
                Tensor own = Torch.arange(0, n).to(DType.I64).to(real.device()), said = pointsOf(part.given().texts());
                Tensor drawn = vectors.encode(sample(SAMPLING, Condition.ofTexts(part.given().texts()), n, rng));
                found = drawn.matmul(said.t()).argmax(1).eq(own).to(DType.F32).mean().item();
            }
        }
        List<Measure> all = new ArrayList<>();
        all.add(new Measure("cosine of a variation and its picture", near, "", "by the CLIP that it is built upon; " + n + " pictures"));
        if (found >= 0) {
            all.add(new Measure("caption found by the drawn picture", found, "", "the own one of " + n + ", by the same CLIP; "
                + (prior == null ? "without a prior" : "vectors by the prior")));
        }
        return all;
    }
}
