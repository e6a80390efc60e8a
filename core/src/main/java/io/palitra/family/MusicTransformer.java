package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.ScoreSpec;
import io.palitra.engine.Allowance;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Tiny;
import io.palitra.model.Update;
import io.palitra.net.ScoreTransformer;
import io.palitra.net.TokenSampling;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Music by a transformer of relative attention: Huang et al. 2019, "Music Transformer", arXiv:1809.04281. A score is told sixteenth by
 * sixteenth, and within each from the highest voice to the lowest, log p(x) = sum_t sum_v log p(x_tv | x_(1..t-1), x_t(1..v-1)), which is
 * exact. Unlike the paper's, the transformer's places are whole sixteenths, of which a small network then tells the voices.
 *
 * <p>One model continues, harmonises and fills: in training some notes of some items are known beforehand, as a voice or some, all but a
 * few bars, or both at once, and a second transformer reads them from both sides; the loss is that of the others,
 * log p(x_unknown | x_known), each note from those before it and from all that is known. Where nothing is known, it is the likelihood.
 */
public final class MusicTransformer implements GenerativeModel<MusicTransformer.Sampling>, Likelihood, Evaluates {
    public record Config(
            @Help(value = "numbers to a sixteenth; a multiple of heads", min = 8, max = 8192) int width,
            @Help(value = "blocks that read the sixteenths before", min = 1, max = 64) int layers,
            @Help(value = "blocks that read known notes", min = 1, max = 64) int knownLayers,
            @Help(value = "heads of attention", min = 1, max = 128) int heads,
            @Help(value = "distances that are told apart, in sixteenths", min = 1, max = 4096) int reach,
            @Help(value = "chance that a number is zeroed in training", min = 0, max = 0.9) double dropout,
            @Help(value = "share of training items of which some notes are known", min = 0, max = 1) double given) {
        public Config {
            if (heads < 1 || width % heads != 0) {
                throw new ArgumentException("illegal width: " + width + ", must be a multiple of heads " + heads);
            }
        }
    }

    /** How samples are drawn. */
    public record Sampling(
            @Help(value = "divisor of the logits: below 1 likelier notes, fewer kinds; 0 = the likeliest always", min = 0, max = 100)
                double temperature,
            @Help(value = "only so many likeliest notes; 0 = all", min = 0) int topK,
            @Help(value = "of these only the likeliest whose chances sum to this; 1 = all", min = 0, max = 1) double topP,
            @Help("whether a voice may move in fifths or octaves with another; false draws no such note, whatever the model says")
                boolean parallels) {
        public Sampling { new TokenSampling(temperature, topK, topP); }

        ScoreTransformer.Drawing notes() { return new ScoreTransformer.Drawing(new TokenSampling(temperature, topK, topP), parallels); }
    }

    /** Matrices of attention that a block keeps for its gradient: distances, their sum with what fits, and the chances. */
    private static final int KEPT = 3;

    private static final Sampling SAMPLING = new Sampling(0.95, 0, 0.98, true);

    public static final Family<Config> FAMILY = new Family<>("musictransformer",
        "Music in voices, sixteenth by sixteenth, by relative attention; continues, harmonises and fills",
        "Huang, Vaswani, Uszkoreit, Shazeer, Simon, Hawthorne, Dai, Hoffman, Dinculescu and Eck 2019, arXiv:1809.04281",
        new Config(192, 4, 2, 6, 64, 0.15, 0.35),
        Recipe.of(5, 32, new OptimizerSpec.Muon(3e-3, 0.95, 0.9, 0.99, 0.01)).withSchedule(new LrSchedule.Cosine(100)).withClip(1)
            .withEma(0.998),
        SAMPLING, "parts", Family.Builder.of(MusicTransformer.class, MusicTransformer::new)).learns(Family.Kind.MUSIC)
        .tiny(new Tiny("parts", List.of("data.steps=16", "width=16", "layers=1", "knownLayers=1", "heads=2", "reach=8", "given=0.8"),
            Map.of()))
        .takes(Condition.Kind.PREFIX, Condition.Kind.KNOWN);

    private final Config config;
    private final ScoreSpec spec;
    private final ScoreTransformer net;

    MusicTransformer(Config config, Build with) {
        this.config = config;
        spec = ScoreSpec.of("musictransformer", with.data());
        net = new ScoreTransformer(new ScoreTransformer.Config(spec.symbols(), spec.voices(), ScoreSpec.BAR, config.width, config.layers,
            config.knownLayers, config.heads, config.reach, config.dropout), with.init());
    }

    @Override public Module net() { return net; }

    /** Of each block of a training step three matrices of attention are kept, F32 [B,H,T,T]; known notes are a share of the items. */
    @Override public void refuseTooMany(int items) {
        double steps = spec.steps(), matrix = Float.BYTES * (double) config.heads * steps * steps * items;
        Allowance.refuseWork(KEPT * matrix * (config.layers + config.given * config.knownLayers), "attention over the " + spec.steps()
            + " sixteenths of " + items + (items == 1 ? " item" : " items") + " at once", "data.steps makes items shorter, train.accumulate"
            + " parts a batch of train.batch");
    }

    @Override public List<Update> updates() { return List.of(new Update("nats", net, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    /** Nats a note that is not known. On test items, in evaluation mode, nothing is known. */
    private Losses loss(Batch batch, Step step) {
        Tensor x = batch.x();
        @Nullable Tensor known = net.training() ? known(x, step.rng()) : null;
        Tensor nats = nll(x, known, step.rng());                                  // [B,T,V]
        if (known == null) return Losses.of(nats.mean());
        Tensor told = known.lt(0).to(DType.F32);
        long rest = x.size(0) - known.size(0);
        Tensor open = rest == 0 ? told : Torch.cat(0, told, Torch.onesLike(nats.rows(known.size(0), rest)));
        return Losses.of(nats.mul(open).sum().div(open.sum()));
    }

    private Tensor nll(Tensor x, @Nullable Tensor known, Rng rng) {
        return net.forward(x, known, rng).to(DType.F32).logSoftmax(3).gather(3, x.unsqueeze(3)).squeeze(3).neg();
    }

    /**
     * What is known of the first items of a training batch, which are any of the data's, I64 [n,T,V], -1 elsewhere; null where n, the share
     * of them that the configuration says, comes to 0.
     */
    private @Nullable Tensor known(Tensor x, Rng rng) {
        int batch = (int) x.size(0), steps = spec.steps(), voices = spec.voices(), draws = 5 + voices;
        float[] u = rng.on(Device.CPU).uniform(batch, draws).floats();
        int n = (int) Math.min(batch, Math.floor(config.given * batch + u[0]));
        if (n == 0) return null;
        long[] known = x.rows(0, n).longs();                                      // waits for the device
        for (int b = 0; b < n; b++) {
            boolean[] shown = shown(Arrays.copyOfRange(u, b * draws, (b + 1) * draws));
            boolean all = true;
            for (boolean s : shown) all &= s;
            for (int k = 0; k < steps * voices; k++) if (all || !shown[k]) known[b * steps * voices + k] = -1;
        }
        return Torch.of(known, n, steps, voices).to(x.device());
    }

    /** Which notes of an item are known, by uniform numbers: voices, all but a few bars, or both. */
    private boolean[] shown(float[] u) {
        int steps = spec.steps(), voices = spec.voices();
        boolean[] shown = new boolean[steps * voices];
        boolean[] whole = new boolean[voices];
        boolean byVoice = u[1] < 0.75, hole = u[1] >= 0.6;
        if (u[2] < 0.5) whole[0] = true;                                          // a melody
        else if (u[2] < 0.7) whole[(int) (u[3] * voices)] = true;
        else for (int v = 0; v < voices; v++) whole[v] = u[5 + v] < 0.5;
        int bars = Math.max(1, (steps + ScoreSpec.BAR - 1) / ScoreSpec.BAR), of = 1 + (int) (u[3] * bars);
        int from = (int) (u[4] * (bars - of + 1));
        for (int t = 0; t < steps; t++) {
            boolean outside = hole && (t / ScoreSpec.BAR < from || t / ScoreSpec.BAR >= from + of);
            for (int v = 0; v < voices; v++) shown[t * voices + v] = outside || byVoice && whole[v];
        }
        return shown;
    }

    @Override public boolean exact() { return true; }

    /** Of a window by itself: nothing of the piece before it is known. */
    @Override public Tensor logProb(Tensor x, Rng rng) { return Scope.run(() -> nll(x, null, rng).sumPerItem().neg()); }

    @Override public Sampling samplingDefaults() { return SAMPLING; }

    @Override public Set<Condition.Kind> takes() { return EnumSet.of(Condition.Kind.PREFIX, Condition.Kind.KNOWN); }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        @Nullable Tensor first = given.prefix(), known = given.known();
        return net.draw(count, spec.steps(), first == null ? null : first.to(DType.I64), known, how.notes(), rng);
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double nats = 0, lower = 0;
        long items = 0;
        for (Batch batch : test) {
            try (Scope scope = new Scope()) {
                List<Tensor> melody = new ArrayList<>();
                for (int v = 0; v < spec.voices(); v++) {
                    Tensor one = batch.x().narrow(2, v, 1);
                    melody.add(v == 0 ? one : Torch.zerosLike(one).sub(Torch.onesLike(one)));
                }
                nats += nll(batch.x(), null, rng).sum().item();                   // waits for the device
                if (spec.voices() > 1) {
                    lower += nll(batch.x(), Torch.cat(2, melody), rng).narrow(2, 1, spec.voices() - 1).sum().item();
                }
                items += batch.size();
            }
        }
        double notes = items * (double) spec.steps() * spec.voices();
        String of = "exact, in windows of " + spec.steps() + " sixteenths, each begun without what is before it; " + items + " windows";
        List<Measure> all = new ArrayList<>(List.of(new Measure("nats per voice and sixteenth", nats / notes, "nats", of),
            new Measure("-log p", nats / items, "nats", of)));
        if (spec.voices() > 1) {
            all.add(new Measure("nats per voice and sixteenth, highest voice known", lower / notes * spec.voices() / (spec.voices() - 1),
                "nats", "of the other voices; " + of));
        }
        return all;
    }
}
