package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.diffusion.NoiseSchedule;
import io.palitra.diffusion.NoiseTable;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Tiny;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.net.Activation;
import io.palitra.net.PriorTransformer;
import io.palitra.nn.Module;
import io.palitra.stage.ClipEmbedder;
import io.palitra.stage.FrozenVectors;
import io.palitra.stage.VectorPrior;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The prior of DALL-E 2: from a caption's CLIP vector and tokens to the vector of a picture of it, by diffusion of vectors; a causal
 * transformer estimates x0. Ramesh et al. 2022, arXiv:2204.06125, section 2.2. Some captions are dropped in training, so that vectors can
 * be guided by theirs (Ho and Salimans 2022, arXiv:2207.12598, eq. 6). The CLIP is frozen. Of itself it draws no pictures: {@link Unclip}
 * does from its vectors.
 */
public final class Prior implements Trainable, Evaluates {
    public record Config(
            @Help(value = "the CLIP: a run of clip, a folder of transformers' CLIP, or org/name of the hub", place = Help.Place.MODEL)
            String clip,
            @Help("whether the tokens of a caption are read beside its vector; wants a CLIP whose texts are as wide as its points")
            boolean tokens,
            @Help(value = "numbers to a token; a multiple of heads", min = 8, max = 8192) int width,
            @Help(value = "blocks", min = 1, max = 128) int layers,
            @Help(value = "heads of attention", min = 1, max = 128) int heads,
            @Help("how much noise each of the T steps adds") NoiseSchedule schedule,
            @Help(value = "chance that a caption is dropped in training, for guidance", min = 0, max = 1) double dropText) {
        public Config {
            if (heads < 1 || width % heads != 0) {
                throw new ArgumentException("illegal width: " + width + ", must be a multiple of heads " + heads);
            }
        }
    }

    public static final Family<Config> FAMILY = new Family<>("prior",
        "from a caption's CLIP vector to a picture's: what 'unclip' draws pictures from",
        "Ramesh, Dhariwal, Nichol, Chu and Chen 2022, arXiv:2204.06125",
        new Config("", true, 192, 4, 6, new NoiseSchedule.Cosine(), 0.1),
        Recipe.of(5, 128, new OptimizerSpec.AdamW(1e-3, 0.9, 0.96, 1e-6, 0.06)).withSchedule(new LrSchedule.Cosine(200)).withClip(1)
            .withEma(0.999), null, "scenes", Family.Builder.of(Prior.class, Prior::new)).learns(Family.Kind.PICTURES)
        .tiny(new Tiny(Family.USUAL, List.of("data.captions=true", "width=8", "layers=1", "heads=2"), Map.of("clip", "clip")));

    /** Training pictures whose vectors give the mean and deviation. */
    private static final int MEASURED = 2048, AT_ONCE = 128;
    /** Captions of a test choice, and choices that are measured. */
    private static final int CHOICE = 100, CHOICES = 10;

    private final Config config;
    private final FrozenVectors vectors;
    private final NoiseTable table;
    private final PriorTransformer net;
    private final VectorPrior prior;

    Prior(Config config, Build with) {
        this.config = config;
        vectors = new FrozenVectors("prior", config.clip, with);
        ClipEmbedder clip = vectors.clip();
        int points = clip.points(), text = clip.net().text().config().hiddenSize();
        if (config.tokens && text != points) {
            throw new ConfigException("tokens", "'" + config.clip + "' has points of " + points + " numbers and texts of " + text
                + ", tokens=true wants them equal; tokens=false reads a caption's vector alone");
        }
        table = config.schedule.table();
        net = new PriorTransformer(new PriorTransformer.Config(config.heads, config.width / config.heads, config.layers, points,
            config.tokens ? clip.net().text().config().maxPositionEmbeddings() : 0, 4, 0, Activation.SILU, false, false, config.tokens,
            PriorTransformer.AddedToken.PRD, 0, 0, 0), with.init());
        prior = new VectorPrior(config.clip, net, table, clip.sha256());
    }

    /** Its tensors have diffusers' names. */
    @Override public Module net() { return net; }

    @Override public boolean wantsCaptions() { return true; }

    @Override public List<Update> updates() { return List.of(new Update("prior", net, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    /** The mean and deviation of the vectors of training pictures, by which they are scaled. */
    @Override public void prepare(Dataset data) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Device device = vectors.clip().net().logitScale().device();
            List<Tensor> parts = new ArrayList<>();
            int most = Math.min(MEASURED, data.size());
            for (int from = 0; from < most; from += AT_ONCE) {
                int[] items = new int[Math.min(AT_ONCE, most - from)];
                for (int i = 0; i < items.length; i++) items[i] = from + i;
                parts.add(Scope.run(() -> vectors.encode(DataLoader.of(data, items, device).x())));
            }
            Tensor all = Torch.cat(0, parts);
            net.statistics(all.mean(false, 0), all.var(false, false, 0).sqrt().clampMin(1e-4));
        }
    }

    /** Mean of (estimate - x0)^2 at times drawn uniformly, x0 the picture's vector in units of its deviation. */
    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        int n = (int) batch.size();
        Tensor x0 = net.scaled(vectors.encode(batch.x())).detach();
        Tensor t = rng.integers(table.size(), n).to(x0.device()), eps = rng.normalLike(x0);
        float[] drop = rng.uniform(n).floats();
        List<String> texts = batch.given().texts("prior"), kept = new ArrayList<>();
        for (int i = 0; i < n; i++) kept.add(drop[i] < config.dropText ? "" : texts.get(i));
        VectorPrior.Inputs in = inputs(kept);
        Tensor x = x0.mul(table.alpha(t, 2)).add(eps.mul(table.sigma(t, 2)));
        Tensor out = net.forward(x, t, in.vectors(), in.tokens(), in.mask(), rng);
        return Losses.of(out.to(DType.F32).sub(x0).square().mean());
    }

    private VectorPrior.Inputs inputs(List<String> texts) {
        try (Guard g = Torch.noGrad()) { return prior.inputs(vectors.clip(), texts); }
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double cosine = 0, hits = 0, by = 0;
        long n = 0;
        for (Batch batch : test) {
            for (long from = 0; from + CHOICE <= batch.size() && n < (long) CHOICE * CHOICES; from += CHOICE) {
                try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                    Batch part = batch.part(from, CHOICE);
                    List<String> texts = part.given().texts("prior");
                    Tensor drawn = prior.draw(vectors.clip(), texts, new VectorPrior.Drawing(), rng.at(n));
                    Tensor real = vectors.encode(part.x()), said = vectors.clip().texts(texts).points();
                    Tensor own = Torch.arange(0, CHOICE).to(DType.I64).to(drawn.device());
                    cosine += drawn.mul(real).sum().item();   // waits for the device
                    hits += drawn.matmul(said.t()).argmax(1).eq(own).to(DType.F32).sum().item();
                    by += real.matmul(said.t()).argmax(1).eq(own).to(DType.F32).sum().item();
                    n += CHOICE;
                }
            }
        }
        if (n == 0) throw new ArgumentException("prior wants " + CHOICE + " test pictures to be evaluated on, got fewer");
        String of = "mean over " + n + " captions";
        return List.of(new Measure("cosine of a drawn vector and the picture's", cosine / n, "", of),
            new Measure("caption found by a drawn vector", hits / n, "", "the own one of " + CHOICE + "; by the picture's own vector "
                + Math.round(1000 * by / n) / 10.0 + " %; " + of));
    }

    @Override public <T> Optional<T> as(Class<T> capability) {
        return capability == VectorPrior.class ? Optional.of(capability.cast(prior)) : Trainable.super.as(capability);
    }
}
