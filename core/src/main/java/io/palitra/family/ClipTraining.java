package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.config.Json;
import io.palitra.config.Reason;
import io.palitra.data.Batch;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.ImageSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.model.Build;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.TextImage;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.net.CaptionTokenizer;
import io.palitra.net.ClipNet;
import io.palitra.net.ClipText;
import io.palitra.net.ClipVision;
import io.palitra.net.HiddenActivation;
import io.palitra.nn.Module;
import io.palitra.stage.ClipEmbedder;
import io.palitra.stage.PictureInput;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Two transformers, one for pictures and one for texts, that learn to put a picture and its caption on the same point of a sphere: among
 * the captions of a batch each picture is to find its own, and each caption its picture. Radford et al. 2021, arXiv:2103.00020, figure 3. A
 * caption that is equal to the own one is left out of the choice. A caption that another picture happens to fit as well stays a wrong one,
 * as in the paper.
 */
public final class ClipTraining implements Trainable, TextImage, Evaluates {
    public static final Family<Config> FAMILY = new Family<>("clip",
        "texts and pictures as points of one sphere, near where they belong together: for 'classify', 'search', ranking, guidance by words",
        "Radford, Kim, Hallacy, Ramesh, Goh, Agarwal, Sastry, Askell, Mishkin, Clark, Krueger and Sutskever 2021, arXiv:2103.00020",
        new Config(128, 0, new Tower(128, 4, 4), new Tower(128, 3, 4), 1024, 64, 0),
        Recipe.of(4, 128, new OptimizerSpec.AdamW(1e-3, 0.9, 0.98, 1e-6, 0.01)).withSchedule(new LrSchedule.Cosine(100)).withClip(1),
        null, "scenes", Family.Builder.of(ClipTraining.class, ClipTraining::new)).learns(Family.Kind.PICTURES)
        .tiny("data.captions=true", "points=8", "picture.width=16", "picture.layers=1", "text.width=8", "text.layers=1", "pairs=4");

    public record Tower(
            @Help(value = "numbers to a token", min = 8, max = 4096) int width,
            @Help(value = "blocks of attention and two layers", min = 1, max = 64) int layers,
            @Help(value = "heads of the attention; must divide width", min = 1, max = 256) int heads) {
        public Tower {
            if (heads < 1 || width % heads != 0) {
                throw new ArgumentException("illegal heads: " + heads + ", must divide width " + width);
            }
        }
    }

    public record Config(
            @Help(value = "numbers of a point", min = 2, max = 4096) int points,
            @Help(value = "height and width of a patch of a picture; 0 = as many pixels as leave 7 patches a side at least", min = 0,
                    max = 16384) int patch,
            @Help("the tower of pictures") Tower picture,
            @Help("the tower of texts") Tower text,
            @Help(value = "pairs of bytes and tokens that are learnt from the captions", min = 0, max = 65536) int pairs,
            @Help(value = "tokens of a text, with those that begin and end it; in training a longer caption is cut", min = 3, max = 4096)
            int length,
            @Help(value = "greatest deviation of noise upon a picture in training, of values in [-1,1]: who sees through noise leads "
                + "'dream' to things, and not to specks", min = 0, max = 2) double noise) {}

    /** ln(1 / 0.07), as the factor of the cosines begins, and ln 100, which it never passes. */
    private static final double FIRST = Math.log(1 / 0.07), MOST = Math.log(100);
    /** Pictures of a test choice. */
    private static final int CHOICE = 100;
    private static final String CONFIG = "config.json", WEIGHTS = "model.safetensors", PICTURES = "preprocessor_config.json";

    /** What a checkpoint holds. */
    private static final class Weights extends Module {
        private final ClipNet clip;
        private final CaptionTokenizer tokens;

        Weights(ClipNet.Config config, int pairs, Rng rng) {
            clip = child("clip", new ClipNet(config, rng));
            tokens = child("tokens", new CaptionTokenizer(pairs));
        }
    }

    private final ClipNet.Config config;
    private final double noise;
    private final Weights net;
    private final PictureInput input;
    private final ClipEmbedder model;

    private ClipTraining(Config c, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        if (!(data instanceof ImageSpec image)) throw new ArgumentException("clip wants square pictures, got " + data);
        if (image.height() != image.width()) {
            throw new ArgumentException("clip wants square pictures, got " + data + "; " + image.sizes(1, 1));
        }
        int side = image.height(), patch = c.patch == 0 ? patch(side) : c.patch, vocabulary, end;
        if (side % patch != 0) {
            throw new ArgumentException("illegal patch: " + patch + ", must divide the side " + side + "; " + image.sizes(patch, patch));
        }
        try (CaptionTokenizer tokens = new CaptionTokenizer(c.pairs)) {
            vocabulary = tokens.vocabulary();
            end = tokens.end();
        }
        Tower t = c.text, p = c.picture;
        config = new ClipNet.Config(
            new ClipText.Config(true, vocabulary, t.width, 4 * t.width, c.points, t.layers, t.heads, c.length, HiddenActivation.GELU,
                1e-5, end),
            new ClipVision.Config(true, p.width, 4 * p.width, c.points, p.layers, p.heads, image.channels(), side, patch,
                HiddenActivation.GELU, 1e-5), FIRST);
        noise = c.noise;
        net = new Weights(config, c.pairs, init.split(0));
        draw(net.clip.text(), t, init.split(1));
        draw(net.clip.vision(), p, init.split(2));
        input = PictureInput.plain(side, image.channels());
        model = new ClipEmbedder(ClipEmbedder.FOLDER, net.clip, input, ClipEmbedder.TokenSource.of(net.tokens));
    }

    private static int patch(int side) {
        for (int p = side / 7; p > 1; p--) if (side % p == 0) return p;
        return 1;
    }

    /** Weights of towers as in the paper's code: small enough that a block changes little of what passes by it. */
    private static void draw(Module tower, Tower size, Rng rng) {
        if (rng.isSilent()) return;
        double width = 1 / Math.sqrt(size.width), deep = width / Math.sqrt(2.0 * size.layers);
        int i = 0;
        for (Map.Entry<String, Tensor> e : tower.parameters().entrySet()) {
            String key = e.getKey();
            double deviation = key.endsWith("token_embedding.weight") ? 0.02 : key.endsWith("position_embedding.weight") ? 0.01
                : key.endsWith("class_embedding") || key.endsWith("out_proj.weight") || key.endsWith("projection.weight") ? width
                : key.endsWith("_proj.weight") || key.endsWith("fc2.weight") ? deep : key.endsWith("fc1.weight") ? width / Math.sqrt(2) : 0;
            Rng own = rng.split(i++);
            if (deviation > 0) e.getValue().copyFrom(Scope.run(() -> own.normal(e.getValue().shape()).mul(deviation)));
            else if (key.endsWith("proj.bias") || key.endsWith("fc1.bias") || key.endsWith("fc2.bias")) e.getValue().fill(0);
        }
    }

    @Override public Module net() { return net; }

    @Override public List<Update> updates() { return List.of(new Update("clip", net, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    @Override public boolean wantsCaptions() { return true; }

    @Override public void prepare(Dataset data) { net.tokens.learn(data.everyCaption()); }

    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        hold();
        Choice choice = choice(noisy(batch.x(), rng), batch.given().texts("clip"));
        return Losses.of(choice.loss).with("accuracy", choice.hits.mean());
    }

    /** With noise of a deviation from 0 up, another for each picture. */
    private Tensor noisy(Tensor x, Rng rng) {
        if (noise == 0) return x;
        return x.add(rng.normalLike(x).mul(rng.uniform(x.size(0), 1, 1, 1).mul(noise).to(x.device())));
    }

    /** The factor of the cosines is at most 100: beyond, single pairs would rule the gradient. */
    private void hold() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            net.clip.logitScale().copyFrom(net.clip.logitScale().clampMax(MOST));
        }
    }

    /** @param hits [B], 1 where a picture's own caption is the likeliest */
    private record Choice(Tensor loss, Tensor hits) {}

    private Choice choice(Tensor x, List<String> captions) {
        int longest = captions.stream().mapToInt(net.tokens::length).max().orElseThrow();
        Tensor ids = net.tokens.ids(captions, Math.min(longest, config.text().maxPositionEmbeddings()));
        Tensor text = net.clip.embedText(ids, null), image = net.clip.embedImage(input.of(x));
        try (Guard g = Torch.uncast(image.device())) {
            Tensor open = unless(image.matmul(text.t()).mul(net.clip.logitScale().exp()), captions);
            return new Choice(contrast(open), open.detach().argmax(1).eq(own(open)).to(DType.F32));
        }
    }

    private static Tensor own(Tensor logits) { return Torch.arange(0, logits.size(0)).to(DType.I64).to(logits.device()); }

    /**
     * Mean over the batch of -log of the chance by which a picture chooses its caption, and a caption its picture, half each, in nats.
     * Row i of logits [B,B] is of picture i.
     */
    static Tensor contrast(Tensor logits) {
        Tensor own = own(logits);
        return Torch.crossEntropy(logits, own).add(Torch.crossEntropy(logits.t(), own)).mul(0.5);
    }

    /** -inf where the caption of another picture is equal to the own one: there is nothing to choose. */
    static Tensor unless(Tensor logits, List<String> captions) {
        int n = captions.size();
        float[] same = new float[n * n];
        boolean any = false;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < i; j++) {
                if (!captions.get(i).equals(captions.get(j))) continue;
                same[i * n + j] = same[j * n + i] = 1;
                any = true;
            }
        }
        return any ? logits.maskedFill(Torch.of(same, n, n).to(logits.device()).gt(0), Double.NEGATIVE_INFINITY) : logits;
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double nats = 0;
        long n = 0;
        for (Batch batch : test) {
            for (long from = 0; from + CHOICE <= batch.size(); from += CHOICE) {
                try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                    Batch part = batch.part(from, CHOICE);
                    nats += choice(part.x(), part.given().texts("clip")).loss.item() * CHOICE;   // waits for the device
                    n += CHOICE;
                }
            }
        }
        if (n == 0) throw new ArgumentException("clip wants " + CHOICE + " test pictures to be evaluated on, got fewer");
        return List.of(new Measure("contrast", nats / n, "nats", String.format(Locale.ROOT,
            "the loss among %d pictures and their captions, chance is %.2f; mean over %,d", CHOICE, Math.log(CHOICE), n)));
    }

    @Override public Tensor embedText(List<String> texts) { return model.embedText(texts); }

    @Override public Tensor embedImage(Tensor x) { return model.embedImage(x); }

    @Override public int side() { return model.side(); }

    @Override public double scale() { return model.scale(); }

    /** The same as a CLIPModel of transformers with tokenizer and preprocessing, in a folder of the run. */
    @Override public List<Path> publish(Path run) {
        hold();
        Path folder = run.resolve(ClipEmbedder.FOLDER);
        try {
            Files.createDirectories(folder);
            Json.write(folder.resolve(CONFIG), config.toJson(net.tokens.begin(), net.tokens.pad()));
            Json.write(folder.resolve(PICTURES), input.toJson());
            net.tokens.save(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(Reason.told(e), e);
        }
        Safetensors.write(folder.resolve(WEIGHTS), net.clip.state(), Map.of("format", "pt"));
        return List.of(folder.resolve(CONFIG), folder.resolve(WEIGHTS));
    }

    @Override public void close() { net.close(); }
}
