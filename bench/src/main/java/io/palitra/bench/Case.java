package io.palitra.bench;

import io.palitra.config.Config;
import io.palitra.data.Alphabet;
import io.palitra.data.DataLoader;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.data.TextSpec;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.family.Families;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Recipe;
import io.palitra.model.Trainable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * A case of the race, by the name that bench/compare has for it too: a family with its defaults, save the options named, on pictures of
 * digits that the program draws.
 *
 * @param kind what is timed
 * @param options of the model
 * @param how options of sampling
 * @param side of the pictures
 * @param count items in a batch, 0 = the recipe's
 */
record Case(String name, Kind kind, String family, List<String> options, List<String> how, int side, int count) {
    private static final int KINDS = 65;

    enum Kind { TRAIN, TRAIN_BF16, EPOCH, LOAD, SAMPLE, JUDGE }

    private static final List<String> UNET = List.of("net.channels=64,128,128", "net.layers=2", "net.attention=2", "net.groups=32");
    private static final List<String> DDIM = List.of("sampler=ddim", "sampler.steps=20");

    static final List<Case> ALL = List.of(
        train("unet-train-fp32", Kind.TRAIN, "diffusion", UNET, 32),
        train("unet-train-bf16", Kind.TRAIN_BF16, "diffusion", UNET, 32),
        train("vae-train", Kind.TRAIN, "vae", List.of(), 28),
        train("gan-train", Kind.TRAIN, "gan", List.of(), 28),
        sample("unet-sample-1", "diffusion", UNET, DDIM, 32, 1),
        sample("unet-sample-16", "diffusion", UNET, DDIM, 32, 16),
        train("vae-epoch", Kind.EPOCH, "vae", List.of(), 28),
        new Case("mnist-load", Kind.LOAD, "vae", List.of(), List.of(), 28, 128),
        new Case("evaluate", Kind.JUDGE, "classifier", List.of(), List.of(), 28, 10_000),
        train("ae-train", Kind.TRAIN, "ae", List.of(), 28),
        train("pixelcnn-train", Kind.TRAIN, "pixelcnn", List.of(), 28),
        train("realnvp-train", Kind.TRAIN, "realnvp", List.of(), 28),
        train("ebm-train", Kind.TRAIN, "ebm", List.of(), 28),
        train("diffusion-train", Kind.TRAIN, "diffusion", List.of(), 28),
        // nanoGPT's setting for one processor, and a memory of the same context
        new Case("gpt-train", Kind.TRAIN, "gpt", List.of("width=128", "layers=4", "heads=4", "dropout=0"), List.of(), 64, 12),
        new Case("lstm-train", Kind.TRAIN, "lstm", List.of("table=64", "width=256", "layers=2", "dropout=0"), List.of(), 64, 12),
        sample("ae-sample", "ae", List.of(), List.of(), 28, 16),
        sample("vae-sample", "vae", List.of(), List.of(), 28, 16),
        sample("gan-sample", "gan", List.of(), List.of(), 28, 16),
        sample("pixelcnn-sample", "pixelcnn", List.of(), List.of(), 28, 16),
        sample("realnvp-sample", "realnvp", List.of(), List.of(), 28, 16),
        sample("ebm-sample", "ebm", List.of(), List.of(), 28, 16),
        sample("diffusion-sample", "diffusion", List.of(), DDIM, 28, 16));

    private static Case train(String name, Kind kind, String family, List<String> options, int side) {
        return new Case(name, kind, family, options, List.of(), side, 0);
    }

    private static Case sample(String name, String family, List<String> options, List<String> how, int side, int count) {
        return new Case(name, Kind.SAMPLE, family, options, how, side, count);
    }

    static Case named(String name) {
        for (Case c : ALL) if (c.name.equals(name)) return c;
        throw new IllegalArgumentException("no case '" + name + "'; there are " + ALL.stream().map(Case::name).toList());
    }

    /** The case, ready to run. */
    Work open() { return kind == Kind.LOAD ? new Loading(count) : open(Families.named(family)); }

    private boolean reads() { return family.equals("gpt") || family.equals("lstm"); }

    /** Tokens of 65 kinds, as many as tinyshakespeare has characters, and AdamW as nanoGPT has it. */
    private <C extends Record> Work text(Family<C> of) {
        StringBuilder letters = new StringBuilder();
        for (int i = 0; i < KINDS; i++) letters.append((char) ('0' + i));
        TextSpec spec = new TextSpec(side, new Alphabet.Characters(letters.toString()));
        Trainable model = of.build(Config.with(of.defaults(), options), spec, new Rng(0).split(0));
        Recipe recipe = Config.with(of.recipe(), "optimizer=adamw", "optimizer.lr=1e-3", "optimizer.beta2=0.99",
            "optimizer.weightDecay=0.1", "clip=1");
        try (Scope scope = new Scope()) {
            return new Training(model, recipe, false, new Rng(7).integers(KINDS, count, side).retain(), rng -> Map.of());
        }
    }

    private <C extends Record> Work open(Family<C> of) {
        if (reads()) return text(of);
        Dataset data = Datasets.open("strokes", Split.TRAIN, new DataOptions("", side, 0, false));
        Trainable model = of.build(Config.with(of.defaults(), options), data.spec(), new Rng(0).split(0));
        if (kind == Kind.SAMPLE) {
            GenerativeModel<?> g = model.as(GenerativeModel.class).orElseThrow(() -> new IllegalArgumentException("'" + family
                + "' draws no samples"));
            return new Drawing(g, how, count, rng -> drawn(rng, count));
        }
        if (kind == Kind.JUDGE) {
            return new Judging(model, pictures(data, count), pictures(Datasets.open("strokes", Split.TEST,
                new DataOptions("", side, 0, false)), count));
        }
        int n = count > 0 ? count : of.recipe().batch();
        Tensor x = pictures(data, n);
        Training training = new Training(model, of.recipe(), kind == Kind.TRAIN_BF16, x, rng -> needed(rng, n));
        return kind == Kind.EPOCH ? new Epoch(training, n) : training;
    }

    /** The first n, retained. */
    private static Tensor pictures(Dataset data, int n) {
        try (Scope scope = new Scope()) { return DataLoader.of(data, IntStream.range(0, n).toArray(), Device.CPU).x().retain(); }
    }

    /** What a training step draws, in its order. */
    private Map<String, Tensor> needed(Rng step, int n) {
        Rng rng = step.split(0);
        Map<String, Tensor> all = new LinkedHashMap<>();
        switch (family) {
            case "ae" -> { }
            case "vae" -> {
                all.put("u", rng.uniform(n, 1, side, side));
                all.put("eps", rng.normal(n, 20));
            }
            case "gan" -> {
                all.put("z", rng.normal(n, 100));
                all.put("z2", step.split(1).normal(n, 100));
            }
            case "pixelcnn" -> all.put("u", rng.uniform(n, 1, side, side));
            case "realnvp" -> all.put("eps", rng.normal(n, 1, side, side));
            case "ebm" -> {
                all.put("first", rng.uniform(1));
                all.put("again", rng.uniform(n, 1, 1, 1));
                all.put("fresh", rng.uniform(n, 1, side, side));
                all.put("walk", walk(rng, n, 20));
                all.put("eps", rng.normal(n, 1, side, side));
            }
            case "diffusion" -> {
                all.put("t", rng.integers(1000, n));
                all.put("eps", rng.normal(n, 1, side, side));
            }
            default -> throw new IllegalArgumentException("what a step of '" + family + "' draws is not known here");
        }
        return all;
    }

    /** What sampling draws, in its order. */
    private Map<String, Tensor> drawn(Rng rng, int n) {
        Map<String, Tensor> all = new LinkedHashMap<>();
        switch (family) {
            case "ae" -> {
                all.put("u", rng.uniform(n, 1));
                all.put("z", rng.normal(n, 32));
            }
            case "vae" -> all.put("z", rng.normal(n, 20));
            case "gan" -> all.put("z", rng.normal(n, 100));
            case "pixelcnn" -> all.put("u", rng.uniform(n, 1, side, side));
            case "realnvp" -> all.put("z", rng.normal(n, (long) side * side));
            case "ebm" -> {
                all.put("start", rng.uniform(n, 1, side, side));
                all.put("walk", walk(rng, n, 256));
            }
            case "diffusion" -> all.put("z", rng.normal(n, 1, side, side));
            default -> throw new IllegalArgumentException("what a sample of '" + family + "' draws is not known here");
        }
        return all;
    }

    /** [moves,n,1,side,side]: draw after draw. */
    private Tensor walk(Rng rng, int n, int moves) {
        return Torch.stack(0, IntStream.range(0, moves).mapToObj(i -> rng.normal(n, 1, side, side)).toList());
    }
}
