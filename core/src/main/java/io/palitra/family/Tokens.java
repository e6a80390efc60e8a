package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
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
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Tiny;
import io.palitra.model.Update;
import io.palitra.net.CodePixelCnn;
import io.palitra.net.CodeTransformer;
import io.palitra.net.TokenSampling;
import io.palitra.nn.Module;
import io.palitra.stage.CaptionPrefix;
import io.palitra.stage.CodeNet;
import io.palitra.stage.FrozenCodes;
import io.palitra.stage.Transformer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The second stage of VQGAN and VQ-VAE: a transformer, or a PixelCNN, that predicts the codes of a picture one after the other, rows from
 * the top, codes from the left, log p(c) = sum_i log p(c_i | c_1, ..., c_(i-1), y). Esser, Rombach and Ommer 2021, arXiv:2012.09841,
 * section 3.2; van den Oord, Vinyals and Kavukcuoglu 2017, arXiv:1711.00937, section 3.3. The first stage, which makes codes of pictures
 * and pictures of codes, is frozen.
 *
 * <p>Of a size other than the training's, the transformer predicts a code from those in a window of the training's size around it, as in
 * section 3.2 of the former.
 */
public final class Tokens implements GenerativeModel<Tokens.Sampling>, Evaluates {
    /** What is given to the network before the codes: nothing, the class, which needs labelled data, or the caption. */
    public enum Given { NONE, LABEL, TEXT }

    public record Config(
            @Help(value = "the first stage: a run of vqgan or vqvae, a folder of diffusers, or org/name of the hub",
                place = Help.Place.MODEL)
                String stage,
            @Help("who tells the codes, each from those before it") CodeNet net,
            @Help("what is given to the network before the codes; label needs labelled data, text captions") Given condition,
            @Help(value = "tokens of a text, with those that begin and end it; longer ones are cut", min = 2, max = 1024) int text,
            @Help(value = "pairs that the tokenizer learns from the captions", min = 0, max = 1 << 16) int pairs) {}

    /** How samples are drawn. */
    public record Sampling(
            @Help(value = "divisor of the logits: below 1 likelier pictures, fewer kinds", min = 0, max = 100) double temperature,
            @Help(value = "only so many likeliest codes; 0 = all", min = 0) int topK,
            @Help(value = "of these only the likeliest whose chances sum to this; 1 = all", min = 0, max = 1) double topP,
            @Help("WIDTHxHEIGHT in pixels; empty = as in training") String size) {
        public Sampling { new TokenSampling(temperature, topK, topP); }

        TokenSampling tokens() { return new TokenSampling(temperature, topK, topP); }
    }

    private static final Sampling SAMPLING = new Sampling(1, 0, 1, "");

    public static final Family<Config> FAMILY = new Family<>("tokens",
        "Codes of a frozen first stage one after the other, by a transformer or a PixelCNN",
        "Esser, Rombach and Ommer 2021, arXiv:2012.09841; van den Oord, Vinyals and Kavukcuoglu 2017, arXiv:1711.00937",
        new Config("", new Transformer(), Given.NONE, 32, 512),
        Recipe.of(5, 64, new OptimizerSpec.Muon(2e-3, 0.95, 0.9, 0.95, 0.01)).withSchedule(new LrSchedule.Cosine(200)).withClip(1),
        SAMPLING, Family.Builder.of(Tokens.class, Tokens::new)).learns(Family.Kind.PICTURES).tiny(new Tiny(
        Family.USUAL, List.of("net.width=16", "net.layers=1", "net.heads=2", "condition=label"), Map.of("stage", "vqvae")))
        .takes(Condition.Kind.LABEL, Condition.Kind.TEXT, Condition.Kind.PREFIX);

    private static final Pattern SIZE = Pattern.compile("(\\d{1,5})x(\\d{1,5})");
    private static final int LONGEST = 4096;

    /** What this family wants of either kind of network. */
    private sealed interface CodePrior {
        Module net();

        /** Logits of codes I64 [B,h w] in raster order, each from those before it, [B,h w,K]. @param given I64 [B,G] */
        Tensor logits(Tensor given, Tensor c);

        /** I64 [B,rows,columns]. @param known see {@link CodeTransformer.Drawing} */
        Tensor draw(Tensor given, int rows, int columns, @Nullable Tensor known, TokenSampling how, Rng rng);
    }

    private record ByTransformer(CodeTransformer net) implements CodePrior {
        @Override public Tensor logits(Tensor given, Tensor c) {
            long n = c.size(1);
            return net.codeLogits(net.forward(given, c.narrow(1, 0, n - 1)).narrow(1, given.size(1) - 1, n));
        }

        @Override public Tensor draw(Tensor given, int rows, int columns, @Nullable Tensor known, TokenSampling how, Rng rng) {
            return net.draw(new CodeTransformer.Drawing(given, null, 1, rows, columns, known), how, rng);
        }
    }

    private record ByPixelCnn(CodePixelCnn net, int columns) implements CodePrior {
        @Override public Tensor logits(Tensor given, Tensor c) {
            return net.logits(c.reshape(c.size(0), -1, columns), given.select(1, 0));
        }

        @Override public Tensor draw(Tensor given, int rows, int columns, @Nullable Tensor known, TokenSampling how, Rng rng) {
            return net.draw(given.select(1, 0).longs(), rows, columns, known, how, rng);
        }
    }

    private static final class Weights extends Module {
        Weights(CodePrior prior, @Nullable CaptionPrefix captions) {
            child(prior instanceof ByTransformer ? "gpt" : "pixelcnn", prior.net());
            if (captions != null) child("captions", captions);
        }
    }

    private final FrozenCodes codes;
    private final int classes;   // 0 where none is given
    private final @Nullable CaptionPrefix captions;
    private final CodePrior prior;
    private final Weights net;

    Tokens(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        if (config.condition == Given.LABEL && data.classes() == 0) {
            throw new ArgumentException("tokens with condition=label wants labelled data, got " + data);
        }
        if (config.condition == Given.TEXT && !(config.net instanceof Transformer)) {
            throw new ConfigException("condition", "text is read by net=transformer alone; net=pixelcnn takes condition=none or label");
        }
        codes = new FrozenCodes(config.stage, with);
        classes = config.condition == Given.LABEL ? data.classes() : 0;
        captions = config.condition == Given.TEXT ? new CaptionPrefix(config.pairs, config.text) : null;
        int kinds = captions == null ? Math.max(1, classes) : captions.kinds(), given = captions == null ? 1 : captions.length();
        if (config.net instanceof Transformer t) {
            prior = new ByTransformer(new CodeTransformer(new CodeTransformer.Config(codes.stage().codes(), codes.rows(), codes.columns(),
                kinds, given,
                false, t.width(), t.layers(), t.heads(), false), init));
        } else {
            CodeNet.Pixelcnn p = (CodeNet.Pixelcnn) config.net;
            prior = new ByPixelCnn(new CodePixelCnn(p.net(), p.table(), codes.stage().codes(), classes, init), codes.columns());
        }
        net = new Weights(prior, captions);
    }

    @Override public boolean wantsCaptions() { return captions != null; }

    /** Takes the vocabulary from the captions. */
    @Override public void prepare(Dataset data) {
        if (captions != null) captions.learn(data.everyCaption());
    }

    /** The tokenizer, as transformers reads it. */
    @Override public List<Path> publish(Path folder) { return captions == null ? List.of() : captions.publish(folder); }

    @Override public Module net() { return net; }

    @Override public List<Update> updates() { return List.of(new Update("nll", net, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    private Losses loss(Batch batch, Step step) {
        Tensor c = codes.of(batch);
        Tensor nats = nll(batch, c).mean();
        return Losses.of(nats).with("bits per code", nats.div(Math.log(2)));
    }

    /** -log p of each code I64 [B,n], given those before it, in nats. */
    private Tensor nll(Batch batch, Tensor c) {
        Tensor given = captions != null ? captions.ids(batch.given().texts("tokens with condition=text"))
            : classes > 0 ? batch.given().labels("tokens with condition=label").unsqueeze(1) : Torch.zeros(DType.I64, batch.size(), 1);
        Tensor logits = prior.logits(given.to(c.device()), c).to(DType.F32);   // [B,n,K]
        return logits.logSoftmax(2).gather(2, c.unsqueeze(2)).squeeze(2).neg();
    }

    @Override public Sampling samplingDefaults() { return SAMPLING; }

    @Override public int classes() { return classes; }

    @Override public Set<Condition.Kind> takes() {
        EnumSet<Condition.Kind> kinds = EnumSet.of(Condition.Kind.PREFIX);
        if (classes > 0) kinds.add(Condition.Kind.LABEL);
        if (captions != null) kinds.add(Condition.Kind.TEXT);
        return kinds;
    }

    @Override public void check(Asked asked) {
        GenerativeModel.super.check(asked);
        if (captions != null) asked.text().ifPresent(captions::check);
    }

    @Override public List<String> notes(Asked asked) {
        return captions == null ? List.of() : asked.text().map(captions::notes).orElse(List.of());
    }

    /** Rows that are kept are whole rows of codes; there the picture is what the first stage makes of them. */
    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        int[] size = size(how.size);
        @Nullable Tensor upper = given.prefix();
        if (upper != null && !Arrays.equals(size, new int[] {codes.rows(), codes.columns()})) {
            throw new ArgumentException("illegal size: " + how.size + ", must be empty where a picture is completed");
        }
        return Scope.run(() -> drawn(how, begin(given, count, rng), size, upper == null ? null : codes.upper(upper), rng));
    }

    /** Rows and columns of codes. */
    private int[] size(String size) {
        if (size.isEmpty()) return new int[] {codes.rows(), codes.columns()};
        Matcher m = SIZE.matcher(size);
        if (!m.matches()) throw new ArgumentException("illegal size: '" + size + "', must be WIDTHxHEIGHT in pixels, as 128x96");
        int width = Integer.parseInt(m.group(1)), height = Integer.parseInt(m.group(2));
        if (Math.max(width, height) > LONGEST) {
            throw new ArgumentException("illegal size: " + size + ", must be at most " + LONGEST + " in width and height");
        }
        return new int[] {codes.stage().along("height", height), codes.stage().along("width", width)};
    }

    /** What stands before the codes, I64 [count,G]. */
    private Tensor begin(Condition given, int count, Rng rng) {
        if (captions != null) return given.texts().isEmpty() ? captions.any(count, rng) : captions.ids(given.texts());
        if (classes == 0) return Torch.zeros(DType.I64, count, 1);
        return given.labels() == null ? rng.integers(classes, count, 1) : given.labels().unsqueeze(1);
    }

    /** @param size rows and columns of codes */
    private Tensor drawn(Sampling how, Tensor given, int[] size, @Nullable Tensor known, Rng rng) {
        Device device = net.parameters().values().iterator().next().device();
        return codes.decode(prior.draw(given.to(device), size[0], size[1], known, how.tokens(), rng));
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double nats = 0;
        long items = 0;
        double[] seen = new double[codes.stage().codes()];
        for (Batch batch : test) {
            try (Scope scope = new Scope()) {
                Tensor c = codes.encode(batch.x());
                nats += nll(batch, c).sum().item();   // waits for the device
                for (long k : c.longs()) seen[(int) k]++;
                items += batch.size();
            }
        }
        double all = items * (double) codes.perPicture(), entropy = 0;
        for (double k : seen) if (k > 0) entropy -= k * Math.log(k / all);
        String given = classes > 0 ? ", class given" : captions != null ? ", caption given" : "";
        String of = items + " items, " + codes.perPicture() + " codes each" + given;
        return List.of(new Measure("-log p of codes", nats / items, "nats", "exact; " + of),
            new Measure("bits per code", nats / all / Math.log(2), "bits", "exact; " + of),
            new Measure("histogram's bits per code", entropy / all / Math.log(2), "bits",
                "of how often each code comes in these very items"));
    }
}
