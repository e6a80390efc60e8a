package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.DataOptions;
import io.palitra.data.Datasets;
import io.palitra.data.ImageSpec;
import io.palitra.data.Split;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.model.Losses;
import io.palitra.model.Step;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.net.PatchDiscriminator;
import io.palitra.net.Vgg16;
import io.palitra.stage.Builds;
import io.palitra.stage.FeatureDistance;
import io.palitra.stage.VqAutoencoder;
import io.palitra.train.Checkpoint;
import io.palitra.train.RunConfig;
import io.palitra.train.RunModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VqGanTest {
    private static final ImageSpec RGB = new ImageSpec(3, 16, 16, 0);

    private static VqGan vqgan(String... more) {
        VqGan.Config small = Config.with(VqGan.FAMILY.defaults(), List.of("net.channels=4,8", "net.groups=2", "net.codes=8", "net.width=3",
            "codesFrom=0", "adversary.width=8", "adversary.weight=0.8", "adversary.from=0", "adversary.generatorFrom=0",
            "adversary.ramp=0"));
        return (VqGan) VqGan.FAMILY.build(Config.with(small, Arrays.asList(more)), Builds.of(RGB, new Rng(1)));
    }

    private static Batch batch() { return new Batch(new Rng(11).normal(4, 3, 16, 16).tanh()); }

    /** The gradients of an update as the trainer takes them, by the keys of the module that it moves. */
    private static Map<String, double[]> gradients(Trainable model, Update update, long step, Map<String, Tensor> parts) {
        model.net().parameters().values().forEach(Tensor::clearGrad);
        model.net().trainable(false);
        update.moves().trainable(true);
        Losses losses = update.objective().of(batch(), new Step(step, new Rng(2)));
        losses.total().backward();
        parts.putAll(losses.parts());
        parts.put("total", losses.total());
        return gradients(model);
    }

    private static Map<String, double[]> gradients(Trainable model) {
        Map<String, double[]> all = new LinkedHashMap<>();
        model.net().parameters().forEach((k, p) -> {
            if (p.hasGrad()) all.put(k, p.grad().doubles());
        });
        return all;
    }

    @Test void theAutoencoderDescendsTheLossOfThePaperWhoseAdversaryIsAsLoudAsItSays() {
        try (Scope scope = new Scope(); VqGan model = vqgan(); VqGan plain = vqgan()) {
            Map<String, Tensor> parts = new LinkedHashMap<>();
            Map<String, double[]> got = gradients(model, model.updates().get(0), 0, parts);
            double lambda = parts.get("lambda").item();
            assertThat(lambda).isPositive();

            VqAutoencoder coder = (VqAutoencoder) plain.net().modules().get("autoencoder");
            PatchDiscriminator d = (PatchDiscriminator) plain.net().modules().get("discriminator");
            d.trainable(false);
            VqAutoencoder.Seen seen = coder.forward(batch().x(), 0, new Rng(2));
            Tensor mse = seen.picture().sub(batch().x()).square().mean(), generatorLoss = d.forward(seen.picture()).mean().neg();
            Tensor total = mse.add(generatorLoss.mul(lambda)).add(seen.commitment().mul(0.25));
            assertThat(parts.get("total").item()).isCloseTo(total.item(), within(1e-5));
            Tensor last = coder.vq().parameters().get("decoder.conv_out.weight");
            double near = norm(Torch.slope(mse, last)), flatter = norm(Torch.slope(generatorLoss, last));
            assertThat(lambda).isCloseTo(0.8 * near / (flatter + 1e-4), within(1e-4 * lambda));   // eq. 7
            total.backward();
            Map<String, double[]> wanted = gradients(plain);
            assertThat(got.keySet()).isEqualTo(wanted.keySet()).allMatch(k -> k.startsWith("autoencoder."));
            wanted.forEach((k, g) -> assertThat(got.get(k)).as(k).containsExactly(g, within(2e-5)));
        }
    }

    private static double norm(Tensor t) { return Math.sqrt(t.square().sum().item()); }

    @Test void theBalanceOfTwoVoicesIsTheRatioOfTheirGradientsAtTheLastLayer() {
        try (Scope scope = new Scope()) {
            Tensor h = Torch.of(new double[] {1, 2, 3, 4}, 1, 1, 2, 2).to(io.palitra.engine.DType.F32);
            Tensor w = Torch.full(0.5, 1, 1, 1, 1).requiresGrad(true);
            Tensor picture = Torch.conv2d(h, w, null, 1, 0), one = Torch.onesLike(h);   // w h: d/dw sum g w h = sum g h = 10 g
            assertThat(VqGan.balance(picture, w, one.mul(3), one.mul(0.5)).item()).isCloseTo(30 / (5 + 1e-4), within(1e-5));
            assertThat(VqGan.balance(picture, w, one.mul(3), one.mul(-0.5)).item()).as("of lengths")
                .isCloseTo(30 / (5 + 1e-4), within(1e-5));
            assertThat(VqGan.balance(picture, w, one.mul(3), one.mul(0)).item()).as("clamped").isEqualTo(1e4);
            assertThat(VqGan.balance(picture, w, one, one).requiresGrad()).isFalse();
        }
    }

    @Test void theDiscriminatorLearnsAloneBeforeItIsHeardAndItsVoiceRises() {
        VqGan.Adversary adversary = new VqGan.Adversary(8, 2, 0.8, 2, 5, 4);
        assertThat(List.of(adversary.ganWeight(4), adversary.ganWeight(5), adversary.ganWeight(7), adversary.ganWeight(8),
            adversary.ganWeight(100)))
            .containsExactly(0.0, 0.25, 0.75, 1.0, 1.0);
        try (Scope scope = new Scope(); VqGan model = vqgan("adversary.from=2", "adversary.generatorFrom=5", "adversary.ramp=4")) {
            Update discriminator = model.updates().get(1);
            assertThat(discriminator.due(1)).isFalse();
            assertThat(discriminator.due(2)).isTrue();
            Map<String, Tensor> parts = new LinkedHashMap<>();
            gradients(model, model.updates().get(0), 4, parts);
            assertThat(parts).containsOnlyKeys("mse", "commitment", "total");
            gradients(model, model.updates().get(0), 5, parts);
            double quarter = parts.get("lambda").item();
            gradients(model, model.updates().get(0), 50, parts);
            assertThat(quarter).isBetween(0.15 * parts.get("lambda").item(), 0.4 * parts.get("lambda").item());   // the codebook has moved
        }
        assertThatThrownBy(() -> new VqGan.Adversary(8, 2, 0.8, 6, 5, 4)).hasMessage("illegal generatorFrom: 5, must be at least from, 6");
    }

    @Test void beforeItsStepTheCodebookRestsAndThePictureIsThatOfTheAutoencoderAlone() {
        try (Scope scope = new Scope(); VqGan model = vqgan("codesFrom=3", "adversary.weight=0")) {
            VqAutoencoder coder = (VqAutoencoder) model.net().modules().get("autoencoder");
            double[] codebook = coder.vq().codebook().doubles();
            Map<String, Tensor> parts = new LinkedHashMap<>();
            gradients(model, model.updates().get(0), 2, parts);
            assertThat(coder.vq().codebook().doubles()).isEqualTo(codebook);
            assertThat(parts.get("commitment").item()).isZero();
            Tensor x = batch().x(), plain = coder.vq().decodeQuantized(coder.vq().encode(x));
            assertThat(parts.get("total").item()).isCloseTo(plain.sub(x).square().mean().item(), within(1e-6));
            gradients(model, model.updates().get(0), 3, parts);
            assertThat(coder.vq().codebook().doubles()).isNotEqualTo(codebook);
            assertThat(parts.get("commitment").item()).isPositive();
        }
    }

    @Test void theDiscriminatorsTurnMovesNeitherTheCodebookNorItsCounts() {
        try (Scope scope = new Scope(); VqGan model = vqgan()) {
            gradients(model, model.updates().get(0), 0, new LinkedHashMap<>());
            Map<String, double[]> before = new LinkedHashMap<>();
            model.net().buffers().forEach((k, t) -> before.put(k, t.doubles()));
            Map<String, Tensor> parts = new LinkedHashMap<>();
            Map<String, double[]> got = gradients(model, model.updates().get(1), 0, parts);
            assertThat(got.keySet()).allMatch(k -> k.startsWith("discriminator."));
            model.net().buffers().forEach((k, t) -> assertThat(t.doubles()).as(k).isEqualTo(before.get(k)));
            assertThat(parts.get("total").item()).isCloseTo(1, within(0.3));   // nothing learned: each hinge is about 1, halved
        }
    }

    /** What a run of a fresh classifier leaves. */
    private static Path classifier(Path folder, long seed) throws IOException {
        Files.createDirectories(folder);
        RunConfig config = RunConfig.of("classifier", "strokes", Datasets.open("strokes", Split.TRAIN, DataOptions.DEFAULT),
            DataOptions.DEFAULT, seed, List.of("width=4"));
        config.write(folder.resolve("config.json"));
        try (Scope scope = new Scope();
                Trainable model = Classifier.FAMILY.build((Classifier.Config) config.model(), config.settings().spec(), new Rng(seed))) {
            Checkpoint.writeModel(folder.resolve("model.safetensors"), model.net().state(), Map.of());
        }
        return folder;
    }

    @Test void featuresAreThoseOfAClassifiersRun(@TempDir Path root) throws IOException {
        Path run = classifier(root.resolve("judge"), 1);
        ImageSpec grey = new ImageSpec(1, 16, 16, 0);
        VqGan.Config config = Config.with(VqGan.FAMILY.defaults(), List.of("net.channels=4,8", "net.groups=2", "net.codes=8", "net.width=3",
            "pixels=absolute", "codesFrom=0", "adversary.weight=0", "perceptual=features",
            "perceptual.run=" + run, "perceptual.weight=0.5"));
        Batch batch = new Batch(new Rng(3).normal(4, 1, 16, 16).tanh());
        try (Scope scope = new Scope(); Trainable model = VqGan.FAMILY.build(config, Builds.of(grey, new Rng(1)))) {
            Losses losses = model.updates().get(0).objective().of(batch, new Step(0, new Rng(1)));
            Map<String, Tensor> p = losses.parts();
            assertThat(p.get("features").item()).isPositive();
            assertThat(losses.total().item()).isCloseTo(p.get("l1").item() + 0.5 * p.get("features").item()
                + 0.25 * p.get("commitment").item(), within(1e-5));
            losses.total().backward();
            assertThat(model.net().parameters().keySet()).as("the classifier is no part of it").noneMatch(k -> k.contains("convs"));
        }
        assertThatThrownBy(() -> FeatureDistance.classifier(run.toString(), RGB, Builds.models()))
            .hasMessageContaining("its features of pictures with 3 channels");
        Path vae = root.resolve("vae");
        RunConfig other = RunConfig.of("vae", "strokes", Datasets.open("strokes", Split.TRAIN, DataOptions.DEFAULT), DataOptions.DEFAULT, 1,
            List.of("latent=2", "net.hidden=4"));
        Files.createDirectories(vae);
        other.write(vae.resolve("config.json"));
        try (Trainable model = Vae.FAMILY.build((Vae.Config) other.model(), other.settings().spec(), new Rng(1))) {
            Checkpoint.writeModel(vae.resolve("model.safetensors"), model.net().state(), Map.of());
        }
        assertThatThrownBy(() -> FeatureDistance.classifier(vae.toString(), grey, Builds.models()))
            .hasMessage("'" + vae + "' is a run of family vae; perceptual.run wants a run of classifier on pictures with 1 channel");
    }

    @Test void theDistanceOfFeaturesIsZeroForEqualPicturesAndHasAGradientForOthers(@TempDir Path root) throws IOException {
        Path run = classifier(root.resolve("judge"), 1);
        try (Scope scope = new Scope(); RunModels models = Builds.models();
                FeatureDistance d = FeatureDistance.classifier(run.toString(), new ImageSpec(1, 16, 16, 0), models)) {
            Tensor x = new Rng(3).normal(2, 1, 16, 16).tanh(), y = new Rng(4).normal(2, 1, 16, 16).tanh().requiresGrad(true);
            assertThat(d.of(x, x).item()).isZero();
            double there = d.of(y, x).item();
            assertThat(d.of(x, y).item()).isCloseTo(there, within(1e-6));
            d.of(y, x).backward();
            try (Guard g = Torch.noGrad()) {
                assertThat(d.of(y.sub(y.grad().mul(0.5)), x).item()).isLessThan(there);
            }
        }
    }

    @Test void lpipsTakesVggAndTheWeightsOfItsChannels(@TempDir Path root) {
        Path vgg = root.resolve("vgg.safetensors"), lin = root.resolve("lin.safetensors");
        try (Scope scope = new Scope(); Vgg16 net = new Vgg16(new Rng(1))) {
            Map<String, Tensor> all = new LinkedHashMap<>(net.state());
            all.put("classifier.0.weight", Torch.zeros(3));   // is in the file, too
            Safetensors.write(vgg, all, Map.of());
            Map<String, Tensor> twice = new LinkedHashMap<>();
            int[] widths = {64, 128, 256, 512, 512};
            for (int i = 0; i < 5; i++) twice.put("lin" + i + ".model.1.weight", Torch.full(2, 1, widths[i], 1, 1));
            Safetensors.write(lin, twice, Map.of());
        }
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); FeatureDistance same = FeatureDistance.lpips(vgg.toString(), "", RGB);
                FeatureDistance twice = FeatureDistance.lpips(vgg.toString(), lin.toString(), RGB)) {
            Tensor x = new Rng(3).normal(2, 3, 16, 16).tanh(), y = new Rng(4).normal(2, 3, 16, 16).tanh();
            assertThat(same.of(x, x).item()).isZero();
            assertThat(twice.of(x, y).item()).isCloseTo(2 * same.of(x, y).item(), within(1e-5)).isPositive();
        }
        assertThatThrownBy(() -> FeatureDistance.lpips(lin.toString(), "", RGB)).hasMessageContaining("missing features.0.weight");
        assertThatThrownBy(() -> FeatureDistance.lpips(vgg.toString(), vgg.toString(), RGB))
            .hasMessageContaining("wants lin0.model.1.weight");
        assertThatThrownBy(() -> FeatureDistance.lpips(vgg.toString(), "", new ImageSpec(1, 16, 16, 0))).hasMessageContaining("in colour");
    }

    @Test void theDiscriminatorScoresPatchesOnTheirOwn() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); PatchDiscriminator d = new PatchDiscriminator(3, 8, 2, new Rng(1))) {
            Tensor x = new Rng(2).normal(3, 3, 32, 32);
            assertThat(d.forward(x).shape()).containsExactly(3, 1, 6, 6);
            assertThat(d.forward(x.rows(1, 1)).sub(d.forward(x).rows(1, 1)).abs().max().item()).isLessThan(1e-5);
        }
    }

    @Test void whatItCannotTakeIsRefusedInOneLine() {
        VqGan.Config config = VqGan.FAMILY.defaults();
        assertThatThrownBy(() -> VqGan.FAMILY.build(config, new VectorSpec(2, 0), new Rng(1))).hasMessageContaining("vqgan wants pictures");
        assertThatThrownBy(() -> VqGan.FAMILY.build(config, new ImageSpec(1, 28, 28, 0), new Rng(1)))
            .hasMessageContaining("vqgan with 4 levels of channels wants sides that are multiples of 8, got 28x28");
        assertThatThrownBy(() -> VqGan.FAMILY.build(config, new ImageSpec(3, 8, 8, 0), new Rng(1)))
            .hasMessageContaining("vqgan with adversary.layers=2 wants sides of at least 12, got 8x8");
        assertThatThrownBy(() -> FeatureDistance.classifier("", RGB, Builds.models()))
            .hasMessageContaining("perceptual.run=RUN names a run");
        assertThatThrownBy(() -> FeatureDistance.lpips("", "", RGB)).hasMessageContaining("perceptual.vgg=FILE names");
        assertThatThrownBy(() -> Config.with(config, List.of("adversary.width=12"))).hasMessageContaining("multiple of 8");
    }
}
