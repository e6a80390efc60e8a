package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.model.Losses;
import io.palitra.model.Measure;
import io.palitra.model.Step;
import io.palitra.nn.Loss;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class VaeTest {
    private static final ImageSpec SMALL = new ImageSpec(1, 8, 8, 3);
    private static final VectorSpec POINTS = new VectorSpec(3, 0);

    private static Vae vae(DataSpec data, String... overrides) {
        return (Vae) Vae.FAMILY.build(Config.with(Vae.FAMILY.defaults(), overrides), data, new Rng(1));
    }

    private static Tensor grey(long... shape) { return new Rng(3).uniform(shape).mul(2).sub(1); }

    private static Losses loss(Vae vae, Tensor x, long step) {
        return vae.updates().get(0).objective().of(new Batch(x), new Step(step, new Rng(4)));
    }

    private static double part(Losses losses, String name) { return Objects.requireNonNull(losses.parts().get(name)).item(); }

    @Test void theClosedFormOfTheKlAgreesWithMonteCarlo() {
        try (Scope scope = new Scope()) {
            Tensor mu = Torch.of(new double[] {1, -0.5}, 1, 2), logVar = Torch.of(new double[] {0.2, -1}, 1, 2);
            int n = 200_000;
            Tensor eps = new Rng(1).normal(n, 2).to(DType.F64);
            Tensor z = mu.add(logVar.mul(0.5).exp().mul(eps));
            Tensor ratio = z.square().sub(eps.square()).sub(logVar).sum(false, 1).mul(0.5);   // log q - log p
            double error = Math.sqrt(ratio.var(true, false, 0).item() / n);
            assertThat(Loss.gaussianKl(mu, logVar).item()).isCloseTo(ratio.mean().item(), within(4 * error));
        }
    }

    /** x = W z + s n with orthogonal columns in W: p(x) = N(0, W W^T + s^2 I), and q(z|x) can be the posterior itself. */
    @Test void theImportanceSampledBoundRisesWithItsDrawsToTheKnownLikelihood() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Vae vae = vae(POINTS, "net.hidden=", "latent=2", "decoder=gaussian", "decoder.learned=false", "decoder.deviation=0.5");
            double[] w = {1, 0.5}, x = {0.3, -0.8, 0.5};
            set(vae, "decoder.0.weight", 1, 0, 0, 0.5f, 0, 0);
            set(vae, "decoder.0.bias", 0, 0, 0);
            double exact = 0;
            for (int i = 0; i < 3; i++) {
                double variance = (i < 2 ? w[i] * w[i] : 0) + 0.25;
                exact -= 0.5 * (x[i] * x[i] / variance + Math.log(2 * Math.PI * variance));
            }
            // the posterior: variance 1 / (1 + w^2 / s^2), mean variance w x / s^2
            double[] variance = {1 / (1 + 4 * w[0] * w[0]), 1 / (1 + 4 * w[1] * w[1])};
            float a = (float) (variance[0] * 4 * w[0]), b = (float) (variance[1] * 4 * w[1]);
            set(vae, "encoder.0.weight", a, 0, 0, 0, b, 0, 0, 0, 0, 0, 0, 0);
            set(vae, "encoder.0.bias", 0, 0, (float) Math.log(variance[0]), (float) Math.log(variance[1]));
            Tensor many = Torch.of(x, 1, 3).to(DType.F32).expand(4000, 3).contiguous();
            assertThat(vae.importance(many, null, 1, new Rng(9)).sub(exact).abs().max().item()).isLessThan(1e-4);

            set(vae, "encoder.0.weight", 0.5f * a, 0, 0, 0, b, 0, 0, 0, 0, 0, 0, 0);   // a worse q
            double last = Double.NEGATIVE_INFINITY;
            for (int k : new int[] {1, 3, 10, 100}) {   // k = 1 is the ELBO
                double bound = vae.importance(many, null, k, new Rng(9)).mean().item();
                assertThat(bound).as("K = %s", k).isGreaterThan(last).isLessThan(exact + 0.003);
                last = bound;
            }
            assertThat(last).isCloseTo(exact, within(0.01));
            vae.close();
        }
    }

    private static void set(Vae vae, String key, float... values) {
        Tensor t = Objects.requireNonNull(vae.state().get(key));
        t.copyFrom(Torch.of(values, t.shape()));
    }

    @Test void aDivergenceBelowTheFreeBitsIsNotLowered() {
        try (Scope scope = new Scope()) {
            Vae vae = vae(SMALL, "latent=4", "freeBits=100");
            Losses losses = loss(vae, grey(6, 1, 8, 8), 0);
            assertThat(losses.total().item() - part(losses, "recon")).isCloseTo(400, within(1e-3));
            assertThat(part(losses, "kl")).isBetween(0.0, 100.0);
            Vae plain = vae(SMALL, "latent=4");
            Losses without = loss(plain, grey(6, 1, 8, 8), 0);
            assertThat(without.total().item() - part(without, "recon")).isCloseTo(part(without, "kl"), within(1e-4));
            vae.close();
            plain.close();
        }
    }

    @Test void theWeightOfTheDivergenceRisesOverTheWarmUp() {
        try (Scope scope = new Scope()) {
            Vae vae = vae(SMALL, "klWarmup=10", "beta=2", "divergence=gjs", "divergence.alpha=0.3");
            long[] steps = {0, 4, 9, 1000};
            double[] share = {0.1, 0.5, 1, 1};
            for (int i = 0; i < steps.length; i++) {
                Losses losses = loss(vae, grey(6, 1, 8, 8), steps[i]);
                double weighed = losses.total().item() - part(losses, "recon");
                assertThat(weighed).isCloseTo(2 * share[i] * part(losses, "gjs"), within(1e-4));
            }
            vae.close();
        }
    }

    @Test void pixelsAreDrawnBlackOrWhiteByTheirGreyValue() {
        try (Scope scope = new Scope()) {
            Vae vae = vae(SMALL);
            Tensor x = grey(1, 1, 8, 8), many = x.expand(20_000, 1, 8, 8).contiguous();
            Tensor drawn = vae.target(many, new Rng(2));
            assertThat(drawn.mul(drawn.rsub(1)).abs().max().item()).isZero();
            Tensor difference = drawn.mean(true, 0).sub(x.add(1).mul(0.5));
            assertThat(difference.abs().max().item()).isLessThan(5 * 0.5 / Math.sqrt(20_000));
            vae.close();
        }
    }

    @Test void everyNetTakesPicturesOfEverySizeAndDecoder() {
        for (int size : new int[] {28, 32, 64}) {
            for (int channels : new int[] {1, 3}) {
                for (String decoder : List.of("bernoulli", "gaussian", "logistic")) {
                    try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                        Vae vae = vae(new ImageSpec(channels, size, size, 0), "net=conv", "net.width=8", "decoder=" + decoder);
                        Tensor x = grey(2, channels, size, size);
                        Tensor y = vae.reconstruct(x);
                        assertThat(y.shape()).containsExactly(x.shape());
                        assertThat(y.abs().max().item()).isLessThanOrEqualTo(1);
                        assertThat(vae.logProb(x, new Rng(1)).shape()).containsExactly(2);
                        vae.close();
                    }
                }
            }
        }
    }

    @Test void aConditionalModelDrawsTheClassAskedForAndSumsOverClassesItIsNotTold() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Vae vae = vae(SMALL, "conditional=true", "latent=4");
            Tensor a = Drawing.of(vae, List.of("label=0")).sample(5, new Rng(7)), b = Drawing.of(vae, List.of("label=2"))
                .sample(5, new Rng(7));
            assertThat(a.sub(b).abs().max().item()).isGreaterThan(0);
            Tensor code = vae.encode(grey(5, 1, 8, 8));
            assertThat(code.shape()).containsExactly(5, 7);
            assertThat(code.narrow(1, 4, 3).sum(false, 1).doubles()).containsOnly(1);
            assertThat(vae.decode(vae.prior(5, new Rng(1))).shape()).containsExactly(5, 1, 8, 8);
            assertThat(vae.logProb(grey(5, 1, 8, 8), new Rng(1)).shape()).containsExactly(5);
            assertThatThrownBy(() -> Drawing.of(vae, List.of("label=3")).sample(5, new Rng(7)))
                .hasMessage("illegal label: 3, must be -1 (any) or a class in 0..2");
            assertThatThrownBy(() -> vae.updates().get(0).objective().of(new Batch(grey(2, 1, 8, 8)), new Step(0, new Rng(1))))
                .hasMessage("vae with conditional=true wants labelled data, got items without classes");
            vae.close();
        }
    }

    @Test void evaluationDoesNotDependOnTheSizeOfBatches() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Vae vae = vae(SMALL, "latent=2");
            Tensor x = grey(12, 1, 8, 8);
            List<Measure> whole = vae.evaluate(List.of(new Batch(x)), new Rng(1));
            List<Measure> parts = vae.evaluate(List.of(new Batch(x.rows(0, 5)), new Batch(x.rows(5, 7))), new Rng(1));
            for (int i = 0; i < whole.size(); i++) {
                assertThat(parts.get(i).value()).as(whole.get(i).name()).isCloseTo(whole.get(i).value(), within(1e-3));
            }
            assertThat(whole.stream().map(Measure::name)).containsExactly("-ELBO", "-log p", "KL", "reconstruction error");
            vae.close();
        }
    }

    @Test void crossEntropyOnGreyPixelsIsNotReportedAsALikelihood() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Vae vae = vae(SMALL, "decoder.binarise=none");
            List<Measure> measures = vae.evaluate(List.of(new Batch(grey(4, 1, 8, 8))), new Rng(1));
            assertThat(measures.stream().map(Measure::name)).containsExactly("KL", "reconstruction error");
            assertThat(measures.get(1).about()).contains("which is no likelihood");
            assertThatThrownBy(() -> vae.logProb(grey(4, 1, 8, 8), new Rng(1)))
                .hasMessageContaining("decoder.binarise=none has no likelihood");
            vae.close();
        }
    }

    @Test void theCodeOfAnAutoencoderKlIsASmallPictureInARow() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Vae vae = vae(SMALL, "net=kl", "net.channels=4,4", "net.groups=2", "decoder=gaussian", "latent=3");
            Tensor x = grey(2, 1, 8, 8);
            assertThat(vae.encode(x).shape()).containsExactly(2, 3 * 4 * 4);
            assertThat(vae.prior(5, new Rng(1)).shape()).containsExactly(5, 48);
            assertThat(vae.reconstruct(x).shape()).isEqualTo(x.shape());
            assertThat(vae.state().keySet()).contains("logDeviation", "autoencoder.quant_conv.weight", "autoencoder.decoder.conv_out.bias");
            assertThatThrownBy(() -> vae.decode(grey(5, 3))).hasMessage("vae decoder wants B×48, got 5×3");
            vae.close();
        }
    }

    @Test void whatCannotBeIsRefusedInOneLine() {
        assertThatThrownBy(() -> vae(POINTS)).hasMessage(
            "vae with decoder=bernoulli wants pictures, got points of 3 numbers without classes; decoder=gaussian takes points");
        assertThatThrownBy(() -> vae(POINTS, "decoder=gaussian", "net=conv")).hasMessage(
            "vae with net=conv wants pictures, got points of 3 numbers without classes; net=mlp takes points");
        assertThatThrownBy(() -> vae(new ImageSpec(1, 30, 30, 0), "net=conv")).hasMessage("vae with net=conv wants pictures whose sides "
            + "can be halved twice, such as 28, 32 or 64, got 30x30; data.size=28 or data.size=32 fits, or net=mlp, which takes any size");
        assertThatThrownBy(() -> vae(new ImageSpec(1, 8, 8, 0), "conditional=true"))
            .hasMessageContaining("wants labelled data, got pictures");
        assertThatThrownBy(() -> vae(SMALL, "net=kl")).hasMessage("vae with net=kl wants decoder=gaussian, got decoder=bernoulli");
        assertThatThrownBy(() -> vae(POINTS, "net=kl", "decoder=gaussian")).hasMessageContaining("vae with net=kl wants pictures, got");
        assertThatThrownBy(() -> vae(SMALL, "net=kl", "decoder=gaussian", "conditional=true"))
            .hasMessage("vae with net=kl takes no conditional=true; net=conv does");
        assertThatThrownBy(() -> vae(new ImageSpec(1, 30, 28, 0), "net=kl", "decoder=gaussian"))
            .hasMessageStartingWith("vae with net=kl and 3 levels of channels wants sides that are multiples of 4, got ");
        assertThatThrownBy(() -> vae(SMALL, "net=kl", "net.groups=5", "decoder=gaussian"))
            .hasMessageContaining("must be multiples of groups 5");
        assertThatThrownBy(() -> vae(SMALL, "latent=0")).hasMessageContaining("illegal latent: 0");
        try (Scope scope = new Scope()) {
            Vae vae = vae(SMALL);
            assertThatThrownBy(() -> vae.encode(grey(8, 8))).hasMessage("vae encoder wants [B,1,8,8], got [8,8]");
            assertThatThrownBy(() -> vae.decode(grey(5, 3))).hasMessage("vae decoder wants [B,20], got [5,3]");
            assertThatThrownBy(() -> Drawing.of(vae, List.of("label=0")).sample(1, new Rng(1)))
                .hasMessage("illegal label: 0, must be -1 (any): this model was trained without classes");
            vae.close();
        }
    }
}
