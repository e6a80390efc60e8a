package io.palitra.family;

import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.Dataset;
import io.palitra.engine.DType;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
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
import io.palitra.net.CodeTransformer;
import io.palitra.net.TokenSampling;
import io.palitra.nn.Module;
import io.palitra.stage.CaptionPrefix;
import io.palitra.stage.FrozenCodes;
import io.palitra.stage.Transformer;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One transformer over the tokens of a text and then the codes of its picture. Ramesh et al. 2021, arXiv:2102.12092, section 2.2; the
 * masks of its attention, a padding for each place and the weights of the losses are ruDALL-E's (Sber AI 2021). Some texts are dropped in
 * training, so that pictures can be guided by theirs (Ho and Salimans 2022, arXiv:2207.12598, eq. 6). The first stage, which makes codes
 * of pictures and pictures of codes, is frozen.
 */
public final class Dalle implements GenerativeModel<Dalle.Sampling>, Evaluates {
    /** Whether all before is seen in every layer, or rows, columns and neighbours in turn. */
    public enum Attention { FULL, SPARSE }

    public record Config(
            @Help(value = "the first stage: a run of vqgan or vqvae, a folder of diffusers, or org/name of the hub",
                place = Help.Place.MODEL)
                String stage,
            @Help("the transformer") Transformer net,
            @Help("what codes see of those before them; the text all of them see") Attention attention,
            @Help(value = "tokens of a text, with those that begin and end it; longer ones are cut", min = 2, max = 1024) int text,
            @Help(value = "pairs that the tokenizer learns from the captions", min = 0, max = 1 << 16) int pairs,
            @Help(value = "weight of the picture's loss beside the text's 1", min = 0) double imageWeight,
            @Help(value = "chance that a text is dropped", min = 0, max = 1) double dropText,
            @Help(value = "chance that a pair of a word's tokens does not merge: forms of words never read are understood by their parts",
                min = 0, max = 1) double dropMerges) {}

    /** How samples are drawn. */
    public record Sampling(
            @Help(value = "divisor of the logits: below 1 likelier pictures, fewer kinds", min = 0, max = 100) double temperature,
            @Help(value = "only so many likeliest codes; 0 = all", min = 0) int topK,
            @Help(value = "of these only the likeliest whose chances sum to this; 1 = all", min = 0, max = 1) double topP,
            @Help(value = "how far to go from what no text says to what this one says; 1 = no further", min = 0, max = 100)
            double guidance) {
        public Sampling { new TokenSampling(temperature, topK, topP); }

        TokenSampling tokens() { return new TokenSampling(temperature, topK, topP); }
    }

    private static final Sampling SAMPLING = new Sampling(1, 0, 1, 2);

    public static final Family<Config> FAMILY = new Family<>("dalle", "Pictures from texts: tokens of both one after the other",
        "Ramesh, Pavlov, Goh, Gray, Voss, Radford, Chen and Sutskever 2021, arXiv:2102.12092",
        new Config("", new Transformer(), Attention.FULL, 32, 512, 7, 0.1, 0.1),
        Recipe.of(5, 64, new OptimizerSpec.Muon(2e-3, 0.95, 0.9, 0.95, 0.01)).withSchedule(new LrSchedule.Cosine(200)).withClip(1),
        SAMPLING, "scenes", Family.Builder.of(Dalle.class, Dalle::new)).learns(Family.Kind.PICTURES).tiny(new Tiny(
        Family.USUAL, List.of("data.captions=true", "net.width=16", "net.layers=2", "net.heads=2",
            "attention=sparse", "text=12", "pairs=20", "dropText=0.3"), Map.of("stage", "vqvae")))
            .takes(Condition.Kind.TEXT, Condition.Kind.PREFIX);

    private static final class Weights extends Module {
        private final CodeTransformer gpt;

        Weights(CodeTransformer gpt, CaptionPrefix captions) {
            this.gpt = child("gpt", gpt);
            child("captions", captions);
        }
    }

    private final Config config;
    private final FrozenCodes codes;
    private final CaptionPrefix captions;
    private final CodeTransformer gpt;
    private final Weights net;

    Dalle(Config config, Build with) {
        Rng init = with.init();
        this.config = config;
        codes = new FrozenCodes(config.stage, with);
        captions = new CaptionPrefix(config.pairs, config.text);
        Transformer t = config.net;
        gpt = new CodeTransformer(new CodeTransformer.Config(codes.stage().codes(), codes.rows(), codes.columns(), captions.kinds(),
            config.text, true,
            t.width(), t.layers(), t.heads(), config.attention == Attention.SPARSE), init);
        net = new Weights(gpt, captions);
    }

    @Override public boolean wantsCaptions() { return true; }

    @Override public Module net() { return net; }

    @Override public List<Update> updates() { return List.of(new Update("loss", net, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    @Override public void prepare(Dataset data) { captions.learn(data.everyCaption()); }

    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        Tensor all = captions.ids(batch.given().texts("dalle"), config.dropMerges, rng).to(batch.x().device());
        Tensor dropped = rng.uniform(batch.size(), 1).to(all.device()).lt(config.dropText);
        Nats nats = nats(captions.none(1).to(all.device()).where(dropped, all), codes.of(batch));
        Tensor text = nats.text.mean(), image = nats.image.mean();
        return Losses.of(weighted(text, image, config.imageWeight)).with("text", text).with("bits per code", image.div(Math.log(2)));
    }

    /** (text + w image) / (1 + w). */
    static Tensor weighted(Tensor text, Tensor image, double w) { return text.add(image.mul(w)).div(1 + w); }

    /** -log p of each token of the text but the first [B,L-1], and of each code [B,n]. */
    private record Nats(Tensor text, Tensor image) {}

    private Nats nats(Tensor given, Tensor c) {
        int n = codes.perPicture(), length = config.text;
        Tensor hidden = gpt.forward(given, c.narrow(1, 0, n - 1));   // [B,L + n - 1,D]
        return new Nats(nll(gpt.givenLogits(hidden.narrow(1, 0, length - 1)), given.narrow(1, 1, length - 1)),
            nll(gpt.codeLogits(hidden.narrow(1, length - 1, n)), c));
    }

    private static Tensor nll(Tensor logits, Tensor target) {
        return logits.to(DType.F32).logSoftmax(2).gather(2, target.unsqueeze(2)).squeeze(2).neg();
    }

    @Override public Sampling samplingDefaults() { return SAMPLING; }

    @Override public Set<Condition.Kind> takes() { return EnumSet.of(Condition.Kind.TEXT, Condition.Kind.PREFIX); }

    @Override public void check(Asked asked) {
        GenerativeModel.super.check(asked);
        asked.text().ifPresent(captions::check);
    }

    @Override public List<String> notes(Asked asked) { return asked.text().map(captions::notes).orElse(List.of()); }

    /** Rows that are kept are whole rows of codes; there the picture is what the first stage makes of them. */
    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        @Nullable Tensor upper = given.prefix();
        return Scope.run(() -> draw(how, given.texts().isEmpty() ? captions.any(count, rng) : captions.ids(given.texts()),
            upper == null ? null : codes.upper(upper), rng));
    }

    private Tensor draw(Sampling how, Tensor given, @Nullable Tensor known, Rng rng) {
        Tensor without = how.guidance == 1 ? null : captions.none((int) given.size(0));
        CodeTransformer.Drawing what = new CodeTransformer.Drawing(given, without, how.guidance, codes.rows(), codes.columns(), known);
        return codes.decode(gpt.draw(what, how.tokens(), rng));
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double text = 0, image = 0;
        long items = 0;
        for (Batch batch : test) {
            try (Scope scope = new Scope()) {
                Tensor given = captions.ids(batch.given().texts("dalle")).to(batch.x().device());
                Nats nats = nats(given, codes.encode(batch.x()));
                text += nats.text.sum().item();   // waits for the device
                image += nats.image.sum().item();
                items += batch.size();
            }
        }
        String of = "exact; " + items + " items, ";
        return List.of(new Measure("-log p of codes", image / items, "nats", of + codes.perPicture() + " codes each, caption given"),
            new Measure("bits per code", image / items / codes.perPicture() / Math.log(2), "bits", of + "caption given"),
            new Measure("-log p of captions", text / items, "nats", of + "padding, too"));
    }

    /** The tokenizer, as transformers reads it. */
    @Override public List<Path> publish(Path folder) { return captions.publish(folder); }
}
