package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.ImageSpec;
import io.palitra.data.Split;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Losses;
import io.palitra.model.Measure;
import io.palitra.model.Step;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.stage.FirstStage;
import io.palitra.stage.VqAutoencoder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VqVaeTest {
    private static final ImageSpec GREY = new ImageSpec(1, 28, 28, 10);
    private static final String BIAS = "coder.vq.quant_conv.bias";

    private static VqVae vqvae(String... more) {
        VqVae.Config config = Config.with(VqVae.FAMILY.defaults(), List.of("net.channels=8,8", "net.codes=16", "net.width=4",
            "codesFrom=0"));
        return (VqVae) VqVae.FAMILY.build(Config.with(config, Arrays.asList(more)), GREY, new Rng(1));
    }

    private static Batch strokes(int n) {
        Dataset data = Datasets.open("strokes", Split.TRAIN, DataOptions.DEFAULT);
        int[] items = new int[n];
        for (int i = 0; i < n; i++) items[i] = i;
        return DataLoader.of(data, items, Device.CPU);
    }

    /** The one loss of a fresh network, and the gradients it leaves. */
    private static Losses descended(Trainable model, Batch batch) {
        Update update = model.updates().get(0);
        model.net().trainable(true);
        Losses losses = update.objective().of(batch, new Step(0, new Rng(2)));
        losses.total().backward();
        return losses;
    }

    @Test void theGradientAtTheLatentsIsThatAtTheirCodes() {
        try (Scope scope = new Scope(); VqVae model = vqvae("beta=0")) {
            Batch batch = strokes(4);
            descended(model, batch);
            double[] atLatents = model.net().parameters().get(BIAS).grad().doubles();   // summed over places
            try (VqVae same = vqvae("beta=0")) {
                VqAutoencoder coder = (VqAutoencoder) same.net().modules().get("coder");
                Tensor variance = batch.x().sub(batch.x().mean()).square().mean();
                Tensor e = coder.book().nearest(coder.vq().encode(batch.x()), new Rng(2)).requiresGrad(true);
                coder.vq().decodeQuantized(e).sub(batch.x()).square().mean().div(variance).backward();
                double[] atCodes = e.grad().sum(false, 0, 2, 3).doubles();
                assertThat(atLatents).containsExactly(atCodes, within(1e-6));
                assertThat(Arrays.stream(atCodes).map(Math::abs).max().orElse(0)).isGreaterThan(1e-3);
            }
        }
    }

    @Test void betaWeighsTheDistanceOfLatentsToTheirCodesAndNotThatOfCodes() {
        try (Scope scope = new Scope(); VqVae none = vqvae("beta=0"); VqVae twice = vqvae("beta=2")) {
            Batch batch = strokes(4);
            VqAutoencoder coder = (VqAutoencoder) twice.net().modules().get("coder");
            Losses without = descended(none, batch), with = descended(twice, batch);
            double commitment = with.parts().get("commitment").item();
            assertThat(commitment).isPositive();
            assertThat(with.total().item() - without.total().item()).isCloseTo(2 * commitment, within(1e-5));
            assertThat(coder.vq().codebook().hasGrad()).as("the codebook is moved by no gradient").isFalse();
        }
        try (Scope scope = new Scope(); VqVae none = vqvae("beta=0"); VqVae twice = vqvae("beta=2"); VqVae third = vqvae()) {
            Batch batch = strokes(4);
            descended(none, batch);
            descended(twice, batch);
            VqAutoencoder coder = (VqAutoencoder) third.net().modules().get("coder");
            Tensor z = coder.vq().encode(batch.x()).detach(), e = coder.book().nearest(z, new Rng(2));
            double[] wanted = z.sub(e).mul(2 * 2.0 / z.numel()).sum(false, 0, 2, 3).doubles();   // 2 d/dz mean (z - sg e)^2
            Tensor own = twice.net().parameters().get(BIAS).grad().sub(none.net().parameters().get(BIAS).grad());
            assertThat(own.doubles()).containsExactly(wanted, within(1e-6));
        }
    }

    @Test void decodingTheCodesOfAPictureIsItsReconstruction() {
        try (Scope scope = new Scope(); VqVae model = vqvae()) {
            Batch batch = strokes(4);
            descended(model, batch);
            model.net().training(false);
            VqAutoencoder coder = (VqAutoencoder) model.net().modules().get("coder");
            try (Guard g = Torch.noGrad()) {
                Tensor codes = coder.vq().codes(coder.vq().encode(batch.x()));
                assertThat(coder.vq().decodeCodes(codes).clamp(-1, 1).sub(model.reconstruct(batch.x())).abs().max().item())
                    .isLessThan(1e-5);
            }
        }
    }

    @Test void whatARunPublishesIsAFirstStageThatReconstructsTheSame(@TempDir Path run) {
        try (Scope scope = new Scope(); VqVae model = vqvae()) {
            Batch batch = strokes(4);
            descended(model, batch);
            model.publish(run);
            model.net().training(false);
            assertThat(model.publish(run)).as("in the place of the older ones").allMatch(p -> p.startsWith(run.resolve("vqmodel")));
            try (Guard g = Torch.noGrad(); FirstStage first = FirstStage.open(run.toString())) {
                assertThat(first.codes()).isEqualTo(16);
                assertThat(first.grid(GREY)).containsExactly(14, 14);
                assertThat(first.decode(first.encode(batch.x())).sub(model.reconstruct(batch.x())).abs().max().item()).isLessThan(1e-5);
                assertThat(first.net().state()).as("no statistics of training").hasSameSizeAs(
                    ((VqAutoencoder) model.net().modules().get("coder")).vq().state());
            }
        }
    }

    @Test void trainedForAMomentItShowsStrokesAndMostCodesAreInUse() {
        try (Scope scope = new Scope(); VqVae model = vqvae(); Optimizer adam = new Optimizer(new OptimizerSpec.Adam(3e-3, 0.9, 0.99, 1e-8),
                model.net().parameters())) {
            for (int step = 0; step < 60; step++) {
                try (Scope turn = new Scope()) {
                    adam.zeroGrad();
                    model.updates().get(0).objective().of(strokes(16), new Step(0, new Rng(step))).total().backward();
                    adam.step(adam.spec().lr());
                }
            }
            model.net().training(false);
            try (Guard g = Torch.noGrad()) {
                Map<String, Double> of = model.evaluate(List.of(strokes(64)), new Rng(1)).stream().collect(Collectors.toMap(Measure::name,
                    Measure::value));
                assertThat(of.get("PSNR")).isGreaterThan(15);
                assertThat(of.get("codebook use")).isGreaterThan(60);
                assertThat(of.get("perplexity")).isBetween(3.0, 16.0);
                assertThat(of.get("size")).isCloseTo(14 * 14 * 4 / 8.0, within(1e-9));
            }
            assertThat(model.tally()).containsKeys("codebook/used", "codebook/perplexity", "codebook/restarted");
        }
    }

    @Test void whatItCannotTakeIsRefusedInOneLine() {
        VqVae.Config config = VqVae.FAMILY.defaults();
        assertThatThrownBy(() -> VqVae.FAMILY.build(config, new VectorSpec(2, 0), new Rng(1))).hasMessageContaining("vqvae wants pictures");
        assertThatThrownBy(() -> VqVae.FAMILY.build(config, new ImageSpec(1, 28, 30, 0), new Rng(1)))
            .hasMessage("vqvae with 3 levels of channels wants sides that are multiples of 4, got 28x30; data.size=28 or "
                + "data.size=32 fits, or net.channels of fewer levels");
        assertThatThrownBy(() -> Config.with(config, List.of("net.channels=10,16"))).hasMessageContaining("multiples of groups 8");
        assertThatThrownBy(() -> Config.with(config, List.of("net.codes=1"))).hasMessageContaining("codes");
    }
}
