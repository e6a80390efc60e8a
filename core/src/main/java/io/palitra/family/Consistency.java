package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.Dataset;
import io.palitra.diffusion.Bounded;
import io.palitra.diffusion.ConsistencyModel;
import io.palitra.diffusion.Denoiser;
import io.palitra.diffusion.Level;
import io.palitra.diffusion.Objective;
import io.palitra.diffusion.Sampler;
import io.palitra.diffusion.Spacing;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Asked;
import io.palitra.model.Build;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.ModelRef;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Tiny;
import io.palitra.model.Update;
import io.palitra.nn.Module;
import io.palitra.stage.ByDenoising;
import io.palitra.stage.Conditioning;
import io.palitra.stage.DenoisingModel;
import io.palitra.stage.Given;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A diffusion run in a few steps: its network is taught that all points of a path from noise to data lead to the same data,
 *
 * <pre>
 * L = E d(f(x_t, t), f(x_s, s)),   x_s a step of the teacher's ODE from x_t,   f(x, t) = c_skip(t) x + c_out(t) x0(x, t)</pre>
 *
 * Consistency distillation, Song et al. 2023, arXiv:2303.01469, algorithm 2, with the student itself, held still, in the place of its
 * average (section 4 of Song and Dhariwal 2023, arXiv:2310.14189). Guided steps of the teacher and the distance: latent consistency models,
 * Luo et al. 2023, arXiv:2310.04378, algorithm 1. What the teacher is given and draws, latents or the next stage of a cascade, its student
 * is given and draws, too.
 */
public final class Consistency implements GenerativeModel<Consistency.Sampling>, ByDenoising<Consistency.Sampling> {
    /** What the model is. */
    public record Config(
            @Help(value = "the run of diffusion whose network is taught to draw in few steps", place = Help.Place.MODEL) String teacher,
            @Help(value = "steps of the teacher's path from noise to data, of which one is taught at a time", min = 2,
                max = 1000) int steps,
            @Help(value = "guidance of the teacher that the student learns; it is then drawn with no more", min = 0, max = 100)
            double guidance,
            @Help(value = "distances far below this count by their squares, larger ones as they are", min = 1e-6,
            max = 100) double huber) {}

    /** How samples are drawn. */
    public record Sampling(
            @Help("the way from noise to pictures") Sampler sampler,
            @Help("whether what the network expects is held in the range of pictures, -1 to 1") boolean clip,
            @Help(value = "noise added to the picture of the stage below, from 0 to 1, with a teacher above another", min = 0, max = 1)
            double augment,
            @Help("sampling keys of the stage below, as guidance=3,sampler.steps=10") List<String> below) {
        public Sampling { below = List.copyOf(below); }
    }

    private static final Sampling SAMPLING = new Sampling(new Sampler.Consistency(4, new Spacing.Trailing()), true, 0.2, List.of());

    public static final Family<Config> FAMILY = new Family<>("consistency", "A diffusion run taught to draw in a few steps",
        "Song, Dhariwal, Chen and Sutskever 2023, arXiv:2303.01469; Luo, Tan, Huang, Li and Zhao 2023, arXiv:2310.04378",
        new Config("", 40, 1, 0.03), Recipe.of(5, 64, new OptimizerSpec.Adam(3e-4, 0.9, 0.999, 1e-8))
        .withSchedule(new LrSchedule.Cosine(100))
            .withClip(1).withEma(0.995), SAMPLING,
            Family.Builder.of(Consistency.class, Consistency::new)).takes(Condition.Kind.LABEL, Condition.Kind.TEXT)
        .tiny(new Tiny(Family.USUAL, List.of("steps=5"), Map.of("teacher", "diffusion")));

    /** What times are multiplied by in f: at the first of 1000 it is nearly x0. */
    private static final double SCALING = 10;

    private final Config config;
    private final DenoisingModel teacher;
    private final DenoisingModel model;
    private final List<Level> levels;

    Consistency(Config config, Build with) {
        if (config.teacher.isEmpty()) throw new ConfigException("teacher", "which run? teacher=RUN names a run of diffusion");
        this.config = config;
        teacher = with.models().open(new ModelRef(config.teacher), DenoisingModel.class);
        boolean classes = teacher.conditioning().classes() > 0;   // of a teacher without them others may be
        if (!(classes ? teacher.data().equals(with.data()) : teacher.data().withClasses(0).equals(with.data().withClasses(0)))) {
            throw new ArgumentException("'" + config.teacher + "' draws " + teacher.data() + ", and its student learns from the same, got "
                + with.data());
        }
        teacher.conditioning().checkGuidance(config.guidance);
        model = new DenoisingModel("consistency", teacher.parts(), with);
        if (!with.init().isSilent()) model.module().load(teacher.module().state());
        levels = new Spacing.Trailing().levels(model.table(), Math.min(config.steps, model.table().size()));
    }

    @Override public Module net() { return model.module(); }

    @Override public boolean wantsCaptions() { return model.conditioning().by() == Conditioning.By.TEXT; }

    @Override public void keep(Dataset data, Path folder) { model.keep(data, folder); }

    @Override public List<Path> publish(Path folder) { return model.conditioning().publish(folder); }

    @Override public List<Update> updates() { return List.of(new Update("distil", net(), this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        Tensor x0 = model.clean(batch), eps = rng.normalLike(x0);
        long[] i = rng.integers(levels.size() - 1, batch.size()).longs();   // waits for the device
        Objective.Noised from = at(i, 0, x0, eps);
        Given given = model.learned(batch, rng);
        Tensor target;
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Given none = config.guidance == 1 ? given : teacher.conditioning().none(x0.size(0), x0.device());
            Tensor clean = teacher.parts().objective().x0(teacher.predict(from, given, none, config.guidance), from);
            if (model.latents() == null) clean = clean.clamp(-1, 1);
            Tensor noise = from.x().sub(clean.mul(from.alpha())).div(from.sigma());
            Objective.Noised to = at(i, 1, clean, noise);                 // DDIM's step, Song et al. 2021, eq. 12
            target = scope.keep(expected(to, model.predict(to, given, given, 1)));   // x_s itself where s is clean
        }
        double c = config.huber;
        return Losses.of(expected(from, model.predict(from, given, rng)).sub(target).square().add(c * c).sqrt().sub(c).mean());
    }

    /** alpha x0 + sigma eps, items each at its place of the path, or as many places on. */
    private Objective.Noised at(long[] places, int on, Tensor x0, Tensor eps) {
        double[] alpha = new double[places.length], sigma = new double[places.length], t = new double[places.length];
        for (int b = 0; b < places.length; b++) {
            Level level = levels.get((int) places[b] + on);
            alpha[b] = level.alpha();
            sigma[b] = level.sigma();
            t[b] = level.t();
        }
        Tensor a = tensor(alpha, x0), s = tensor(sigma, x0);
        return new Objective.Noised(x0.mul(a.broadcastTo(x0.dims())).add(eps.mul(s.broadcastTo(x0.dims()))), tensor(t, x0), eps,
            a.broadcastTo(x0.dims()), s.broadcastTo(x0.dims()));
    }

    private static Tensor tensor(double[] values, Tensor like) {
        return Torch.of(values, values.length).to(DType.F32).to(like.device());
    }

    /** f(x, t) of the network's output. */
    private Tensor expected(Objective.Noised at, Tensor out) {
        return ConsistencyModel.at(at.x(), model.parts().objective().x0(out, at), at.t(), SCALING);
    }

    @Override public Sampling samplingDefaults() {
        return new Sampling(SAMPLING.sampler, model.latents() == null, SAMPLING.augment, SAMPLING.below);
    }

    @Override public int classes() { return model.conditioning().classes(); }

    @Override public Set<Condition.Kind> takes() { return model.conditioning().takes(); }

    @Override public void check(Asked asked) {
        GenerativeModel.super.check(asked);
        asked.text().ifPresent(model.conditioning()::check);
    }

    @Override public List<String> notes(Asked asked) { return asked.text().map(model.conditioning()::notes).orElse(List.of()); }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        Tensor z = model.noise(count, rng);
        Denoiser f = denoiser(how, given, count, rng);
        return model.pictures(how.sampler.sample(f, z, how.sampler.levels(model.table()), rng::normalLike));
    }

    @Override public DenoisingModel denoising() { return model; }

    @Override public Sampler sampler(Sampling how) { return how.sampler; }

    @Override public Denoiser denoiser(Sampling how, Condition given, int count, Rng rng) {
        Condition asked = model.conditioning().asked(given, count, rng);
        Given own = model.given(asked, count, how.below, how.augment, rng.device(), rng.split(3));
        Denoiser f = new ConsistencyModel(model.denoiser(own), SCALING);
        return how.clip ? new Bounded(f, model.range(1), false) : f;
    }

    /** What is enlarged begins at a picture of the stage below, not at one that is given. */
    @Override public <T> Optional<T> as(Class<T> capability) {
        return capability == ByDenoising.class && model.lower() != null ? Optional.empty() : GenerativeModel.super.as(capability);
    }

    @Override public void close() { model.close(); }
}
