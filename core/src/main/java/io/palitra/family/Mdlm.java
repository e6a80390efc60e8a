package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.TextSpec;
import io.palitra.diffusion.MaskedDiffusion;
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
import io.palitra.model.GenerativeModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Tiny;
import io.palitra.model.Update;
import io.palitra.net.MaskedFilling;
import io.palitra.net.MaskedTransformer;
import io.palitra.net.TokenSampling;
import io.palitra.nn.Module;
import io.palitra.stage.TextPredictor;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Texts out of hidden tokens: at time t each token of x0 is hidden with the chance m(t), a network predicts the hidden ones from the
 * others, and a text is drawn by uncovering one that is all hidden. The bound -log p(x0) <= E_t[sigma'(t) / (e^sigma(t) - 1) sum of -log
 * p(x0_i | x_t) over hidden i] does not depend on the noise. Sahoo et al. 2024, arXiv:2406.07524, eqs. 8 and 10. What the network sees
 * tells the time, so it is not given to it (section 3.3 there).
 */
public final class Mdlm implements GenerativeModel<Mdlm.Sampling>, Likelihood, Evaluates {
    public record Config(
            @Help(value = "numbers to a token; an even multiple of heads", min = 8, max = 8192) int width,
            @Help(value = "blocks", min = 1, max = 128) int layers,
            @Help(value = "heads of attention", min = 1, max = 128) int heads,
            @Help(value = "chance that a number is zeroed in training", min = 0, max = 0.9) double dropout,
            @Help("how the share of hidden tokens grows with time; the bound is the same, what is seen often is not")
                MaskedDiffusion.Noise noise) {
        public Config {
            if (heads < 1 || width % (2 * heads) != 0) {
                throw new ArgumentException("illegal width: " + width + ", must be an even multiple of heads " + heads);
            }
        }
    }

    /** How samples are drawn. */
    public record Sampling(
            @Help(value = "passes of the network at most", min = 1, max = 1 << 16) int steps,
            @Help("ancestral: as the noise says; first_hitting: evenly, in any order; confident: the most certain first, which draws fewer "
                + "kinds of texts than the model knows") MaskedFilling.Order order,
            @Help(value = "divisor of the logits: below 1 likelier texts, fewer kinds; 0 = the likeliest token always", min = 0, max = 100)
                double temperature,
            @Help(value = "only the likeliest tokens whose chances sum to this; 1 = all", min = 0, max = 1) double topP) {
        public Sampling { new TokenSampling(temperature, 0, topP); }
    }

    private static final Sampling SAMPLING = new Sampling(64, MaskedFilling.Order.FIRST_HITTING, 1, 1);

    public static final Family<Config> FAMILY = new Family<>("mdlm", "Texts out of hidden tokens, which are uncovered in any order",
        "Sahoo, Arriola, Schiff, Gokaslan, Marroquin, Chiu, Rush and Kuleshov 2024, arXiv:2406.07524",
        new Config(192, 4, 6, 0, MaskedDiffusion.Noise.LOGLINEAR),
        Recipe.of(3, 32, new OptimizerSpec.Muon(2e-3, 0.95, 0.9, 0.99, 0.01)).withSchedule(new LrSchedule.Cosine(100)).withClip(1),
        SAMPLING, "programs", Family.Builder.of(Mdlm.class, Mdlm::new))
        .learns(Family.Kind.TEXTS).tiny(new Tiny("programs", List.of("data.length=160", "width=16", "layers=1", "heads=2"), Map.of()))
            .takes(Condition.Kind.PREFIX, Condition.Kind.KNOWN);

    /** Sets of hidden tokens of an item that the bound is measured by; their sizes are spread evenly. */
    private static final int DRAWS = 16;
    /** Items that are measured by as many sets. */
    private static final int MEASURED = 512;
    /** Texts of which the network predicts hidden tokens at once. */
    private static final int AT_ONCE = 64;

    private final Config config;
    private final TextSpec text;
    private final int mask;
    private final MaskedTransformer net;

    Mdlm(Config config, Build with) {
        this.config = config;
        text = TextPredictor.texts("mdlm", with.data());
        mask = text.vocabulary();
        net = new MaskedTransformer(new MaskedTransformer.Config(text.vocabulary(), text.length(), config.width, config.layers,
            config.heads, config.dropout), with.init());
    }

    @Override public Module net() { return net; }

    @Override public List<Update> updates() { return List.of(new Update("bound", net, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    /** Nats a token: eq. 10, t spread evenly over the batch. */
    private Losses loss(Batch batch, Step step) {
        Tensor x0 = batch.x();
        int length = text.length();
        Tensor t = MaskedDiffusion.spread(step.rng().on(Device.CPU).uniform(batch.size()));
        double[] chance = config.noise.hidden(t).doubles(), weight = MaskedDiffusion.weight(config.noise, t).doubles();
        float[] u = step.rng().on(Device.CPU).uniform(batch.size(), length).floats();
        int[] hidden = IntStream.range(0, u.length).filter(i -> u[i] < chance[i / length]).toArray();
        if (hidden.length == 0) hidden = new int[] {(int) (u[0] * u.length)};   // a batch of one short text: its weight is finite
        double[] weights = Arrays.stream(hidden).mapToDouble(i -> weight[i / length]).toArray();
        Tensor nats = nats(x0, hidden, step.rng());
        Tensor w = Torch.of(weights, weights.length).to(DType.F32).to(x0.device());
        return Losses.of(nats.mul(w).sum().div((double) u.length));
    }

    /** -log p of those tokens of x0, counted through all texts, where they are hidden, [N] in nats. */
    private Tensor nats(Tensor x0, int[] hidden, @Nullable Rng rng) {
        Tensor at = Torch.of(Arrays.stream(hidden).asLongStream().toArray(), hidden.length).to(x0.device());
        Tensor flat = x0.reshape(-1), x = flat.copy();
        long[] masks = new long[hidden.length];
        Arrays.fill(masks, mask);
        x.putRows(at, Torch.of(masks, masks.length).to(x0.device()));
        Tensor logits = net.logits(net.hidden(x.reshape(x0.shape()), rng).indexSelect(0, at)).to(DType.F32);
        return logits.logSoftmax(1).gather(1, flat.indexSelect(0, at).unsqueeze(1)).squeeze(1).neg();
    }

    @Override public boolean exact() { return false; }

    /**
     * The bound by sets of hidden tokens of n = 1..L, each n as often: L/n times the sum of -log p of the n hidden ones is in the mean what
     * eq. 10 is, and varies less than by times. [B].
     */
    @Override public Tensor logProb(Tensor x, Rng rng) {
        return Scope.run(() -> {
            double[] nats = bound(x, DRAWS, rng);
            return Torch.of(nats, nats.length).neg().to(DType.F32).to(x.device());
        });
    }

    /** The bound of each text x I64 [B,L] in nats, a mean over so many sets of hidden tokens. */
    double[] bound(Tensor x, int draws, Rng rng) {
        int batch = (int) x.size(0), length = text.length();
        double[] all = new double[batch];
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            double[] u = rng.uniform(batch).doubles();
            for (int k = 0; k < draws; k++) {
                try (Scope turn = new Scope()) {
                    float[] places = rng.uniform(batch, length).floats();
                    for (int from = 0; from < batch; from += AT_ONCE) {
                        int n = Math.min(AT_ONCE, batch - from);
                        int[][] hidden = new int[n][];
                        for (int b = 0; b < n; b++) {
                            int size = 1 + (int) Math.min(length - 1, Math.floor(length * ((k + u[from + b]) / draws)));
                            hidden[b] = smallest(places, (from + b) * length, length, size);
                        }
                        add(all, from, x.rows(from, n), hidden, draws);
                    }
                }
            }
        }
        return all;
    }

    /** Adds the share that a draw has in the bound to those of the texts from {@code from} on. */
    private void add(double[] all, int from, Tensor x, int[][] hidden, int draws) {
        int length = text.length();
        int[] flat = IntStream.range(0, hidden.length).flatMap(b -> Arrays.stream(hidden[b]).map(i -> b * length + i)).toArray();
        double[] nats;
        try (Scope scope = new Scope()) { nats = nats(x, flat, null).doubles(); }   // waits for the device
        for (int i = 0; i < flat.length; i++) {
            int b = flat[i] / length;
            all[from + b] += nats[i] * length / hidden[b].length / draws;
        }
    }

    /** Places of the n smallest of {@code length} numbers. */
    private static int[] smallest(float[] of, int from, int length, int n) {
        return IntStream.range(0, length).boxed().sorted(Comparator.comparingDouble(i -> of[from + i])).limit(n).mapToInt(i -> i).toArray();
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double nats = 0;
        long items = 0, characters = 0, tokens = 0;
        for (Batch batch : test) {
            int many = (int) Math.max(0, Math.min(batch.size(), MEASURED - items)), rest = (int) batch.size() - many;
            if (many > 0) for (double each : bound(batch.x().rows(0, many), DRAWS, rng.at(items))) nats += each;
            if (rest > 0) for (double each : bound(batch.x().rows(many, rest), 1, rng.at(items + many))) nats += each;
            try (Scope scope = new Scope()) {
                characters += TextPredictor.characters(text, batch.x());
                tokens += (long) batch.x().lt(text.end()).to(DType.F64).sum().item();
            }
            items += batch.size();
        }
        return TextPredictor.measures("bound", nats, characters, tokens, "an upper bound, " + DRAWS + " sets of hidden tokens an item"
            + (items > MEASURED ? ", of the first " + MEASURED + ", one of each other; " : "; ") + items + " items of " + text.length()
            + " " + text.alphabet().tokens());
    }

    @Override public Sampling samplingDefaults() { return SAMPLING; }

    @Override public Set<Condition.Kind> takes() { return EnumSet.of(Condition.Kind.PREFIX, Condition.Kind.KNOWN); }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        MaskedFilling.How filling = new MaskedFilling.How(how.steps, how.order, new TokenSampling(how.temperature, 0, how.topP),
            config.noise::hidden);
        return Scope.run(() -> MaskedFilling.fill(net, known(given, count).to(device()), text.end(), filling, rng));
    }

    /** I64 [count,L], -1 where a token is to be drawn. */
    private Tensor known(Condition given, int count) {
        int length = text.length();
        long[] all = new long[count * length];
        Arrays.fill(all, -1);
        @Nullable Tensor known = given.known(), prefix = given.prefix();
        if (known != null) {
            if (!Arrays.equals(known.shape(), new long[] {count, length})) {
                throw new ArgumentException("what is known of " + count + " texts is [" + count + "," + length + "], got " + known);
            }
            all = known.longs();
        }
        if (prefix != null) {
            if (prefix.dims() != 2 || prefix.size(0) != count || prefix.size(1) > length) {
                throw new ArgumentException("the first tokens of " + count + " texts are [" + count + ",0 to " + length + "], got "
                    + prefix);
            }
            long[] first = prefix.longs();
            int n = (int) prefix.size(1);
            for (int b = 0; b < count; b++) System.arraycopy(first, b * n, all, b * length, n);
        }
        return Torch.of(all, count, length);
    }

    private Device device() { return net.parameters().values().iterator().next().device(); }
}
