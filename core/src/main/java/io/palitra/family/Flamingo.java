package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Alphabet;
import io.palitra.data.Batch;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Captions;
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
import io.palitra.net.GatedCrossAttention;
import io.palitra.net.Gpt2;
import io.palitra.net.HiddenActivation;
import io.palitra.net.PerceiverResampler;
import io.palitra.nn.Module;
import io.palitra.stage.ClipEmbedder;
import io.palitra.stage.FrozenVectors;
import io.palitra.stage.GptFolder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A frozen language model that sees: between its blocks gated ones attend to the latest picture, as a frozen vision tower and a learned
 * resampler show it. Alayrac et al. 2022, arXiv:2204.14198. The gates begin at 0, where it is the language model bit for bit. A sequence is
 * texts with their pictures one after the other; before each text stands the language model's end token.
 */
public final class Flamingo implements Trainable, Captions, Evaluates {
    public record Config(
            @Help(value = "the CLIP whose picture tower sees: a run of clip, a folder of transformers' CLIP, or org/name of the hub",
                place = Help.Place.MODEL) String clip,
            @Help(value = "the language model: a run of gpt, a folder of transformers' GPT-2, or org/name of the hub",
                place = Help.Place.MODEL) String lm,
            @Help(value = "vectors that a picture becomes", min = 1, max = 1024) int latents,
            @Help(value = "blocks of the resampler", min = 1, max = 64) int depth,
            @Help(value = "a gated block stands before each so many of the language model's", min = 1, max = 128) int every,
            @Help(value = "pictures with their texts in a sequence of training", min = 1, max = 64) int shots) {}

    public static final Family<Config> FAMILY = new Family<>("flamingo",
        "a frozen language model that sees pictures: captions, and answers to questions, with examples before them",
        "Alayrac, Donahue, Luc, Miech et al. 2022, arXiv:2204.14198", new Config("", "", 8, 2, 1, 4),
        Recipe.of(2, 64, new OptimizerSpec.AdamW(1e-3, 0.9, 0.99, 1e-8, 0.01)).withSchedule(new LrSchedule.Cosine(200)).withClip(1),
        null, "questions", Family.Builder.of(Flamingo.class, Flamingo::new)).learns(Family.Kind.PICTURES)
        .tiny(new Tiny(Family.USUAL, List.of("data.captions=true", "latents=2", "depth=1", "shots=2"), Map.of("clip", "clip"))
            .upon("lm", "gpt"));

    /** A target that counts nothing, as PyTorch's cross entropy has it. */
    private static final double NONE = -100;
    /** Width of a head of the resampler, at most. */
    private static final int HEAD = 32;

    private static final class Weights extends Module {
        private final PerceiverResampler resampler;
        private final List<GatedCrossAttention> crosses = new ArrayList<>();

        Weights(PerceiverResampler.Size size, GatedCrossAttention.Size cross, int blocks, Rng rng) {
            resampler = child("resampler", new PerceiverResampler(size, rng));
            for (int i = 0; i < blocks; i++) crosses.add(child("cross." + i, new GatedCrossAttention(cross, rng)));
        }
    }

    private final Config config;
    private final ClipEmbedder clip;
    private final GptFolder folder;
    private final Gpt2 lm;
    private final Alphabet alphabet;
    private final Weights net;

    Flamingo(Config config, Build with) {
        this.config = config;
        clip = new FrozenVectors("flamingo", config.clip, with).clip();
        if (config.lm.isEmpty()) {
            throw new ConfigException("lm", "which language model? lm=W names a run of gpt, a folder of transformers' GPT-2, or org/name "
                + "of one");
        }
        folder = GptFolder.of(config.lm);
        alphabet = folder.alphabet();
        Gpt2.Config text = folder.config();
        if (text.nLayer() % config.every != 0) {
            throw new ConfigException("every", "illegal every: " + config.every + ", must divide the " + text.nLayer() + " blocks of '"
                + config.lm + "'");
        }
        lm = folder.open(0);
        lm.trainable(false);
        lm.training(false);
        int seen = clip.net().vision().config().hiddenSize(), head = Math.min(HEAD, seen);
        net = new Weights(new PerceiverResampler.Size(seen, config.depth, Math.max(1, seen / head), head, config.latents, true),
            new GatedCrossAttention.Size(text.nEmbd(), seen, text.nHead(), 4 * text.nEmbd(), HiddenActivation.SILU, 1e-6, false, false),
            text.nLayer() / config.every, with.init());
    }

    /** What learns: the resampler and the gated blocks. */
    @Override public Module net() { return net; }

    @Override public boolean wantsCaptions() { return true; }

    @Override public Map<String, String> underneath() { return Map.of("lm", folder.sha256()); }

    @Override public void to(Device device) {
        net.to(device);
        lm.to(device);
    }

    @Override public void close() {
        net.close();
        lm.close();
    }

    @Override public List<Update> updates() { return List.of(new Update("text", net, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    /** Mean of -log p of the tokens of all texts, each text after its picture and the pictures and texts before it, in nats. */
    private Losses loss(Batch batch, Step step) {
        List<List<Integer>> rows = new ArrayList<>();   // places in the batch
        for (int from = 0; from < batch.size(); from += config.shots) {
            List<Integer> row = new ArrayList<>();
            for (int i = from; i < Math.min(batch.size(), from + config.shots); i++) row.add(i);
            rows.add(row);
        }
        List<String> texts = batch.given().texts("flamingo");
        List<int[]> tokens = texts.stream().map(this::encoded).toList();
        int most = lm.config().nPositions();
        int length = rows.stream().mapToInt(r -> r.stream().mapToInt(i -> 1 + tokens.get(i).length).sum()).max().orElseThrow();
        int cut = Math.min(most, length);   // what the language model does not read is left out
        long[] ids = new long[rows.size() * cut];
        float[] targets = new float[ids.length], sees = new float[ids.length * config.shots];
        Arrays.fill(ids, alphabet.end());
        Arrays.fill(targets, (float) NONE);
        for (int r = 0; r < rows.size(); r++) {
            int at = 0;
            for (int k = 0; k < rows.get(r).size(); k++) {
                int[] own = tokens.get(rows.get(r).get(k));
                for (int j = 0; j <= own.length && at < cut; j++, at++) {
                    ids[r * cut + at] = j == 0 ? alphabet.end() : own[j - 1];
                    targets[r * cut + at] = j == own.length ? alphabet.end() : own[j];
                    sees[(r * cut + at) * config.shots + k] = 1;
                }
            }
        }
        Device device = batch.x().device();
        Tensor shown = pictures(batch.x());   // [B,K,D]
        int lacking = rows.size() * config.shots - (int) batch.size();
        if (lacking > 0) shown = Torch.cat(0, shown, Torch.zeros(lacking, shown.size(1), shown.size(2)).to(device));
        Tensor logits = logits(Torch.of(ids, rows.size(), cut).to(device), shown.reshape(rows.size(), -1, shown.size(2)),
            Torch.of(sees, rows.size(), cut, config.shots).to(device));
        Tensor wanted = Torch.of(targets, targets.length).to(DType.I64).to(device);
        return Losses.of(Torch.crossEntropy(logits.reshape(targets.length, -1).to(DType.F32), wanted));
    }

    private int[] encoded(String text) {
        try {
            return alphabet.encode(text);
        } catch (ArgumentException e) {
            throw new ArgumentException("the language model '" + config.lm + "' cannot read '" + text + "': " + e.getMessage(), e);
        }
    }

    /** x [B,C,H,W] to the vectors that texts attend to, [B,latents,D]. */
    private Tensor pictures(Tensor x) {
        Tensor patches;
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Guard full = Torch.autocast(x.device(), DType.F32)) {
            patches = scope.keep(clip.patches(x));
        }
        return net.resampler.forward(patches);
    }

    /** Logits [B,L,V] of the tokens after ids I64 [B,L]; sees [B,L,N] which pictures of shown [B,N latents,D] a token attends to. */
    Tensor logits(Tensor ids, Tensor shown, Tensor sees) {
        return lm.forward(ids, (i, x) -> i % config.every == 0 ? net.crosses.get(i / config.every).forward(x, shown, sees) : x);
    }

    @Override public String caption(List<Shot> shots, Tensor picture, String beginning, int tokens, double temperature, Rng rng) {
        List<Integer> ids = new ArrayList<>(), of = new ArrayList<>();
        for (int k = 0; k < shots.size(); k++) add(ids, of, encoded(shots.get(k).text()), k);
        boolean blind = picture.size(0) == 0;
        int own = blind ? -1 : shots.size(), most = lm.config().nPositions();
        add(ids, of, encoded(beginning), own);
        int first = ids.size();
        if (first >= most) {
            throw new ArgumentException("the examples and the beginning have " + first + " tokens, the language model reads " + most
                + ": fewer examples fit");
        }
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Device device = net.parameters().values().iterator().next().device();
            List<Tensor> all = new ArrayList<>(shots.stream().map(Shot::picture).toList());
            if (!blind) all.add(picture);
            int n = Math.max(1, all.size());
            Tensor shown = all.isEmpty() ? Torch.zeros(1, config.latents, clip.net().vision().config().hiddenSize()).to(device)
                : pictures(Torch.cat(0, all).to(device));
            Tensor keys = shown.reshape(1, -1, shown.size(2));
            for (int i = 0; i < Math.min(tokens, most - first); i++) {
                int token;
                try (Scope turn = new Scope()) { token = next(ids, of, keys, n, temperature, rng); }
                if (token == alphabet.end()) break;
                ids.add(token);
                of.add(own);
            }
        }
        return alphabet.decode(ids.subList(first, ids.size()).stream().mapToInt(t -> t).toArray());
    }

    private void add(List<Integer> ids, List<Integer> of, int[] text, int picture) {
        ids.add(alphabet.end());
        of.add(picture);
        for (int token : text) {
            ids.add(token);
            of.add(picture);
        }
    }

    /** @param of the picture that each token attends to, of n; -1 = none */
    private int next(List<Integer> ids, List<Integer> of, Tensor shown, int n, double temperature, Rng rng) {
        int length = ids.size();
        float[] sees = new float[length * n];
        for (int i = 0; i < length; i++) if (of.get(i) >= 0) sees[i * n + of.get(i)] = 1;
        Tensor row = Torch.of(ids.stream().mapToLong(t -> t).toArray(), 1, length).to(shown.device());
        Tensor last = logits(row, shown, Torch.of(sees, 1, length, n).to(shown.device())).select(1, length - 1).to(DType.F32);   // [1,V]
        if (temperature == 0) return (int) last.argmax(1).longs()[0];   // waits for the device
        Tensor gumbel = rng.uniform(1, last.size(1)).clampMin(1e-20).log().neg().log().neg().to(last.device());
        return (int) last.div(temperature).add(gumbel).argmax(1).longs()[0];
    }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        double nats = 0;
        long n = 0;
        for (Batch batch : test) {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                nats += loss(batch, new Step(0, rng)).total().item() * batch.size();   // waits for the device
                n += batch.size();
            }
        }
        return List.of(new Measure("-log p of a text's token", nats / n, "nats", "in sequences of " + config.shots + " pictures; mean over "
            + n + " texts"));
    }
}
