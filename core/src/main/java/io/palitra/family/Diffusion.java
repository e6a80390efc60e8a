package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.Dataset;
import io.palitra.diffusion.Bounded;
import io.palitra.diffusion.Denoiser;
import io.palitra.diffusion.Level;
import io.palitra.diffusion.NoiseSchedule;
import io.palitra.diffusion.NoiseTable;
import io.palitra.diffusion.Objective;
import io.palitra.diffusion.Sampler;
import io.palitra.diffusion.Spacing;
import io.palitra.engine.Device;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.FolderDraft;
import io.palitra.model.Asked;
import io.palitra.model.Build;
import io.palitra.model.DiffusersExport;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.LatentModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Update;
import io.palitra.nn.Loss;
import io.palitra.nn.Module;
import io.palitra.stage.ByDenoising;
import io.palitra.stage.Conditioning;
import io.palitra.stage.DenoisingModel;
import io.palitra.stage.DenoisingNet;
import io.palitra.stage.DiffusionFolder;
import io.palitra.stage.Given;
import io.palitra.stage.TextReader;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Denoising diffusion of pictures: noise is added in T steps, x_t = sqrt(alphaBar_t) x0 + sqrt(1 - alphaBar_t) eps (eq. 4), and a network
 * learns to predict it (eq. 14). Ho, Jain and Abbeel 2020, arXiv:2006.11239; v and x0 predictions: Salimans and Ho 2022, arXiv:2202.00512,
 * section 4; min-SNR weights: Hang et al. 2023, arXiv:2303.09556, section 3.4; classifier-free guidance: Ho and Salimans 2022,
 * arXiv:2207.12598, eq. 6.
 *
 * <p>Its code z is the noise that sampling starts from: by a sampler without fresh noise every z has one picture (Song et al. 2021,
 * arXiv:2010.02502, section 5.3).
 */
public final class Diffusion implements GenerativeModel<Diffusion.Sampling>, LatentModel, Likelihood, Evaluates,
        ByDenoising<Diffusion.Sampling>, DiffusersExport {
    /** What the model is. */
    public record Config(
            @Help(value = "the first stage, whose latents are learned in place of pictures: a run of vae with net=kl, of vqgan or vqvae, a"
                + " folder of diffusers, or org/name of the hub; empty = pictures themselves", place = Help.Place.MODEL) String stage,
            @Help(value = "a run whose pictures this one enlarges: the stage below in a cascade; empty = none", place = Help.Place.MODEL)
            String above,
            @Help("what the network predicts of a noisy picture: eps, its noise; x0, its data; v = alpha eps - sigma x0; or flow, the"
                + " velocity eps - x0 of a straight path") Objective objective,
            @Help("how much noise each of the T steps adds; objective=flow has none") NoiseSchedule schedule,
            @Help(value = "gamma of the loss weight min(SNR, gamma), 5 in the paper; 0 = no weight: the plain error of the prediction",
                min = 0, max = 1e6) double minSnr,
            @Help("what is given to the network: none, nothing; label, the class, which needs labelled data; text, the caption")
                Conditioning.By condition,
            @Help(value = "share of training items whose condition is hidden, for guidance", min = 0, max = 1) double dropCondition,
            @Help("what reads captions, for condition=text") TextReader text,
            @Help("the network") DenoisingNet net) {}

    /** How samples are drawn. */
    public record Sampling(
            @Help("the way from noise to pictures") Sampler sampler,
            @Help(value = "how much more the condition counts than in the data: 1 = as much, 0 = not at all", min = 0, max = 100)
            double guidance,
            @Help("a text that pictures are guided away from, with condition=text and guidance above 1; empty = none") String negative,
            @Help("whether what the network expects is held in the range of pictures, -1 to 1") boolean clip,
            @Help(value = "quantile of a picture's numbers that is brought into the range with clip=true, 0.995 in Imagen; 1 = what is "
                + "outside is cut off", min = 0.5, max = 1) double threshold,
            @Help(value = "noise added to the picture of the stage below, from 0 to 1, with above", min = 0, max = 1) double augment,
            @Help("sampling keys of the stage below, as guidance=3,sampler.steps=10") List<String> below) {
        public Sampling { below = List.copyOf(below); }
    }

    private static final NoiseSchedule SCHEDULE = new NoiseSchedule.Cosine();
    private static final Sampling SAMPLING = new Sampling(new Sampler.DpmPlusPlus2M(), 1, "", true, 1, 0.2, List.of());

    public static final Family<Config> FAMILY = new Family<>("diffusion", "Denoising diffusion: noise to pictures, little by little",
        "Ho, Jain and Abbeel 2020, arXiv:2006.11239",
        new Config("", "", new Objective.V(), SCHEDULE, 0, Conditioning.By.NONE, 0.1, new TextReader.Own(), new DenoisingNet.Unet()),
        Recipe.of(10, 64, new OptimizerSpec.Adam(1e-3, 0.9, 0.999, 1e-8)).withSchedule(new LrSchedule.Cosine(500)).withClip(1)
            .withEma(0.999),
        SAMPLING, Family.Builder.of(Diffusion.class, Diffusion::new))
            .takes(Condition.Kind.LABEL, Condition.Kind.TEXT, Condition.Kind.PREFIX)
        .tiny("net.channels=8,8", "net.attention=1", "net.groups=4");

    /** Times at which the bound is asked for, of the T there are: one drawn from each of so many stretches, short where noise is low. */
    private static final int STRETCHES = 40;
    /** Items whose bound is measured, since each costs so many passes of the network. */
    private static final int SCORED = 2000;

    private final Config config;
    private final DenoisingModel model;

    Diffusion(Config config, Build with) {
        config.objective.check(!config.schedule.equals(SCHEDULE), config.minSnr);
        this.config = config;
        model = new DenoisingModel("diffusion", new DenoisingModel.Parts(config.stage, config.above, config.objective,
            config.schedule, config.condition, config.dropCondition, config.text, config.net), with);
    }

    /** What it learns: the network, and what it is given. */
    DenoisingModel model() { return model; }

    /** Its tensors have the names that diffusers gives them. */
    @Override public Module net() { return model.module(); }

    @Override public void prepare(Dataset data) { model.prepare(data); }

    /** The tokenizer, as transformers reads it. */
    @Override public List<Path> publish(Path folder) { return model.conditioning().publish(folder); }

    @Override public void keep(Dataset data, Path folder) { model.keep(data, folder); }

    @Override public List<Update> updates() { return List.of(new Update("denoise", net(), this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    /** Mean over all numbers of w_t (prediction - target)^2 at levels drawn for each item: eq. 14, with weights. */
    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        Tensor x0 = model.clean(batch);
        Objective.Noised at = config.objective.noised(model.table(), x0, rng);
        Tensor out = model.predict(at, model.learned(batch, rng), rng);
        Tensor error = out.sub(config.objective.target(x0, at)).square();
        if (config.minSnr > 0) error = error.mul(config.objective.prediction().minSnr(at.alpha(), at.sigma(), config.minSnr));
        return Losses.of(error.mean());
    }

    /** Of straight paths, whose first level is pure noise, Euler's steps; latents have no range that they could be held in. */
    @Override public Sampling samplingDefaults() {
        boolean flow = config.objective instanceof Objective.Flow;
        return new Sampling(flow ? new Sampler.Euler(20, new Spacing.Trailing()) : SAMPLING.sampler, SAMPLING.guidance,
            SAMPLING.negative, model.latents() == null, SAMPLING.threshold, SAMPLING.augment, SAMPLING.below);
    }

    @Override public int classes() { return model.conditioning().classes(); }

    @Override public boolean wantsCaptions() { return config.condition == Conditioning.By.TEXT; }

    @Override public void check(Asked asked) {
        GenerativeModel.super.check(asked);
        asked.text().ifPresent(model.conditioning()::check);
    }

    @Override public List<String> notes(Asked asked) { return asked.text().map(model.conditioning()::notes).orElse(List.of()); }

    /** Upper rows of a picture, or the first frames of a film, are kept where pixels are drawn. */
    @Override public Set<Condition.Kind> takes() {
        Set<Condition.Kind> all = model.conditioning().takes();
        if (model.latents() == null && model.lower() == null) all.add(Condition.Kind.PREFIX);
        return all;
    }

    /** Flow matching and latents have no bound of the likelihood of pictures; what is enlarged has no code of its own. */
    @Override public <T> Optional<T> as(Class<T> capability) {
        if (capability == DenoisingModel.class) return Optional.of(capability.cast(model));
        boolean bound = capability == Likelihood.class || capability == Evaluates.class;
        boolean has = model.latents() == null && !(config.objective instanceof Objective.Flow);
        boolean alone = bound || capability == LatentModel.class || capability == ByDenoising.class;
        if (alone && (model.lower() != null)) return Optional.empty();
        return bound && !has ? Optional.empty() : GenerativeModel.super.as(capability);
    }

    /** @throws IllegalArgumentException for guidance of a model that cannot be guided */
    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        Tensor z = prior(count, rng), prefix = given.prefix();
        Denoiser denoiser = denoiser(how, given, count, rng);
        return prefix == null ? draw(how, z, denoiser, rng) : completed(how, z, denoiser, prefix.to(z.device()), rng);
    }

    private Tensor draw(Sampling how, Tensor z, Denoiser denoiser, Rng rng) {
        return model.pictures(how.sampler.sample(denoiser, z, how.sampler.levels(model.table()), rng::normalLike));
    }

    /** The same, of which the first part is known: it stands in the place of what is expected there, and in the result as it is. */
    private Tensor completed(Sampling how, Tensor z, Denoiser free, Tensor prefix, Rng rng) {
        int along = z.dims() == 5 ? 1 : 2;   // frames, or rows
        long[] whole = z.shape(), part = prefix.shape();
        boolean fits = part.length == whole.length && part[along] <= whole[along];
        for (int i = 0; fits && i < whole.length; i++) fits = i == along || part[i] == whole[i];
        if (!fits) {
            throw new ArgumentException("what is kept must be " + (along == 1 ? "the first frames of a film, at most " : "upper rows of a "
                + "picture, at most ") + whole[along] + " of [" + model.data() + "], got " + Arrays.toString(part));
        }
        long known = part[along], rest = whole[along] - known;
        if (known == 0) return draw(how, z, free, rng);
        if (rest == 0) return prefix;
        Denoiser kept = (x, at) -> Torch.cat(along, prefix, free.denoise(x, at).narrow(along, known, rest));
        Tensor x = model.pictures(how.sampler.sample(kept, z, how.sampler.levels(model.table()), rng::normalLike));
        return Torch.cat(along, prefix, x.narrow(along, known, rest));
    }

    @Override public DenoisingModel denoising() { return model; }

    @Override public Sampler sampler(Sampling how) { return how.sampler; }

    /** @throws IllegalArgumentException for guidance of a model that cannot be guided */
    @Override public Denoiser denoiser(Sampling how, Condition given, int count, Rng rng) {
        Condition asked = model.conditioning().asked(given, count, rng);
        return denoiser(how, model.given(asked, count, how.below, how.augment, rng.device(), rng.split(3)), count, rng.device());
    }

    /** The same, of what the network is given for each item. */
    Denoiser denoiser(Sampling how, Given given, long count, Device device) {
        Conditioning conditioning = model.conditioning();
        conditioning.checkGuidance(how.guidance);
        if (!how.clip && how.threshold < 1) {
            throw new ConfigException("threshold", "threshold brings pictures into their range with clip=true");
        }
        if (!how.negative.isEmpty() && how.guidance == 1) {
            throw new ConfigException("negative", "negative is guided away from, which wants guidance above 1");
        }
        Denoiser of = how.guidance == 1 ? model.denoiser(given)
            : model.denoiser(given, conditioning.instead(how.negative, count, device), how.guidance);
        return how.clip ? new Bounded(of, model.range(how.threshold), false) : of;
    }

    /** The trained noise levels of a schedule. */
    private NoiseTable times() { return (NoiseTable) model.table(); }

    /** False: the variational bound, an estimate by times and noise that rng draws. A model of classes gets the null class. */
    @Override public boolean exact() { return false; }

    /**
     * The bound -(L_0 + sum_t L_t + L_T) in nats, [B], eq. 5, with the variances of the true posterior: L_t = 1/2 (SNR(t-1) - SNR(t))
     * |x0 - x0hat|^2, and x0 given x_1 a normal distribution cut at the middles between bytes.
     */
    @Override public Tensor logProb(Tensor x, Rng rng) {
        return bound(x, model.conditioning().none(x.size(0), x.device()), rng).neg();
    }

    private Tensor bound(Tensor x0, Given given, Rng rng) {
        Denoiser model = new Bounded(this.model.denoiser(given), new Bounded.Range(1), false);
        NoiseTable table = times();
        int last = table.size() - 1;
        double[] u = rng.split(1).uniform(STRETCHES).doubles();   // times are the same for all items: their scores compare
        Level end = table.at(last);
        double s2 = end.sigma() * end.sigma();
        Tensor nats = x0.square().mul(end.alpha() * end.alpha()).add(s2 - 1 - Math.log(s2)).mul(0.5).sumPerItem();
        for (int k = 0; k < STRETCHES; k++) {
            int from = (int) Math.round(last * Math.pow(k / (double) STRETCHES, 3));
            int to = (int) Math.round(last * Math.pow((k + 1.0) / STRETCHES, 3));
            if (to == from) continue;
            int t = 1 + from + (int) (u[k] * (to - from));
            Level level = table.at(t), before = table.at(t - 1);
            double weight = 0.5 * (1 / (before.ratio() * before.ratio()) - 1 / (level.ratio() * level.ratio())) * (to - from);
            Tensor eps = rng.normalLike(x0);
            nats = nats.add(Scope.run(() -> model.denoise(level.noised(x0, eps), level).sub(x0).square().sumPerItem().mul(weight)));
        }
        Level first = table.at(0), second = table.at(1);
        double beta = 1 - second.alpha() * second.alpha() / (first.alpha() * first.alpha());
        double deviation = Math.sqrt(beta) * first.sigma() / second.sigma();
        Tensor mean = model.denoise(first.noised(x0, rng.normalLike(x0)), first);
        return nats.add(Loss.discretizedGaussianNll(x0, mean, deviation));
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double nats = 0;
        long items = 0;
        for (Batch batch : test) {
            try (Scope scope = new Scope()) {
                long n = Math.min(batch.size(), SCORED - items);
                if (n < 1) continue;   // to the end: the batches are freed by the next one
                Given given = model.conditioning().of(batch.given().rows(0, n), batch.x().device());
                nats += bound(batch.x().rows(0, n), given, rng.at(items)).sum().item();   // waits for the device
                items += n;
            }
        }
        String of = "a bound, one noise at " + STRETCHES + " of " + times().size() + " times; the first " + items + " items"
            + (classes() > 0 ? ", class given" : wantsCaptions() ? ", caption given" : "");
        return List.of(new Measure("-log p", nats / items, "nats", of),
            new Measure("bits/dim", nats / items / model.data().dims() / Math.log(2), "bits/dim", of));
    }

    /** z [n,C,H,W]: the noise at the last of the T steps. */
    @Override public Tensor prior(int n, Rng rng) { return model.noise(n, rng); }

    /** The picture of each z, by the default sampler, which adds no noise; a conditional model is told the null class. */
    @Override public Tensor decode(Tensor z) {
        Sampling how = samplingDefaults();
        return draw(how, z, denoiser(how, model.conditioning().none(z.size(0), z.device()), z.size(0), z.device()), new Rng(0));
    }

    @Override public boolean normalPrior() { return true; }

    /** See {@link DiffusionFolder}. */
    @Override public String export(FolderDraft folder, Iterable<Batch> train, Rng rng) { return DiffusionFolder.write(model, folder); }

    @Override public void close() { model.close(); }
}
