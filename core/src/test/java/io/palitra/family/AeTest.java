package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Losses;
import io.palitra.model.Measure;
import io.palitra.model.Step;
import io.palitra.stage.GaussianMixture;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class AeTest {
    private static final ImageSpec SMALL = new ImageSpec(1, 8, 8, 0);

    private static Ae ae(DataSpec data, String... overrides) {
        return (Ae) Ae.FAMILY.build(Config.with(Ae.FAMILY.defaults(), overrides), data, new Rng(1));
    }

    private static Tensor grey(long... shape) { return new Rng(3).uniform(shape).mul(2).sub(1); }

    private static Losses loss(Ae ae, Tensor x) { return ae.updates().get(0).objective().of(new Batch(x), new Step(0, new Rng(4))); }

    @Test void theLossIsTakenAgainstTheCleanItem() {
        for (String noise : List.of("noise=gaussian", "noise=dropout")) {
            try (Scope scope = new Scope()) {
                Ae ae = ae(SMALL, noise);
                Tensor x = grey(6, 1, 8, 8), spoilt = ae.corrupt(x, new Rng(4)), restored = ae.reconstruct(spoilt);
                double againstClean = restored.sub(x).square().mean().item() / 4;   // range 0..1
                double againstSpoilt = restored.sub(spoilt).square().mean().item() / 4;
                assertThat(loss(ae, x).total().item()).isCloseTo(againstClean, within(1e-6));
                assertThat(againstSpoilt).isGreaterThan(againstClean + 0.01);
                ae.close();
            }
        }
    }

    @Test void spoiltItemsKeepTheRangeAndLoseTheShareAskedFor() {
        try (Scope scope = new Scope()) {
            Ae noisy = ae(SMALL, "noise=gaussian", "noise.sigma=0.2"), masked = ae(SMALL, "noise=dropout", "noise.p=0.3");
            Tensor x = Torch.zeros(2000, 1, 8, 8);
            Tensor a = noisy.corrupt(x, new Rng(1)), b = masked.corrupt(x, new Rng(1));
            assertThat(a.abs().max().item()).isLessThanOrEqualTo(1);
            assertThat(Math.sqrt(a.square().mean().item())).isCloseTo(0.4, within(0.01));   // 0.2 of 0..1 is 0.4 of -1..1
            assertThat(b.eq(-1).to(DType.F32).mean().item()).isCloseTo(0.3, within(0.01));
            Ae plain = ae(SMALL);
            assertThat(plain.corrupts()).isFalse();
            assertThat(plain.corrupt(x, new Rng(1))).isSameAs(x);
            noisy.close();
            masked.close();
            plain.close();
        }
    }

    @Test void bothPenaltiesAreTermsOfTheLoss() {
        try (Scope scope = new Scope()) {
            Tensor x = grey(6, 1, 8, 8);
            Ae plain = ae(SMALL), penal = ae(SMALL, "l1=0.5", "l2=0.25");
            double l1 = 0.5 * plain.encode(x).abs().mean().item(), l2 = 0;
            for (String key : List.of("encoder.0", "encoder.1", "encoder.2", "decoder.0", "decoder.1", "decoder.2")) {
                l2 += 0.25 * Objects.requireNonNull(plain.parameters().get(key + ".weight")).square().sum().item();
            }
            double before = loss(plain, x).total().item();
            assertThat(loss(penal, x).total().item()).isCloseTo(before + l1 + l2, within(1e-5 * l2));
            plain.close();
            penal.close();
        }
    }

    @Test void samplesOfTheMixtureHaveTheMomentsOfItsCodes() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            int n = 6000;
            Tensor noise = new Rng(1).normal(n, 2), which = new Rng(2).uniform(n, 1);
            Tensor left = noise.matmul(Torch.of(new float[] {1, 0.8f, 0, 0.6f}, 2, 2)).sub(4), right = noise.mul(0.3f).add(3);
            Tensor codes = left.where(which.lt(0.3), right);
            GaussianMixture mixture = new GaussianMixture(2);
            mixture.fit(codes, new Rng(5));
            Tensor z = mixture.sample(20_000, 1, new Rng(6));
            assertThat(z.select(1, 0).lt(0).to(DType.F32).mean().item()).isCloseTo(0.3, within(0.02));
            for (Tensor[] moments : List.of(moments(z, -1), moments(z, 1))) {
                Tensor[] wanted = moments(codes, moments[2].item());
                assertThat(moments[0].sub(wanted[0]).abs().max().item()).isLessThan(0.06);
                assertThat(moments[1].sub(wanted[1]).abs().max().item()).isLessThan(0.08);
            }
            Tensor again = Objects.requireNonNull(mixture.state().get("factors")).copy();
            mixture.fit(codes, new Rng(5));
            assertThat(again.eq(Objects.requireNonNull(mixture.state().get("factors"))).all().item()).isEqualTo(1);
            mixture.close();
        }
    }

    /** Mean and covariance of the points whose first number has that sign, and the sign. */
    private static Tensor[] moments(Tensor z, double sign) {
        Tensor in = z.select(1, 0).mul(sign).gt(0).to(DType.F32).unsqueeze(1);
        double n = in.sum().item();
        Tensor mean = z.mul(in).sum(true, 0).div(n), d = z.sub(mean).mul(in);
        return new Tensor[] {mean, d.t().matmul(d).div(n), Torch.full(sign)};
    }

    @Test void theMixtureIsStandardNormalUntilCodesSettleIt() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Ae ae = ae(new VectorSpec(3, 0), "latent=2", "net.hidden=8");
            Tensor z = ae.prior(20_000, new Rng(1));
            assertThat(z.mean(true, 0).abs().max().item()).isLessThan(0.03);
            assertThat(z.var(true, false, 0).sub(1).abs().max().item()).isLessThan(0.05);
            Tensor x = new Rng(2).normal(3000, 3).mul(0.1).add(2);
            ae.settle(List.of(new Batch(x.rows(0, 2000)), new Batch(x.rows(2000, 1000))), new Rng(3));
            Tensor codes = ae.encode(x), drawn = ae.prior(20_000, new Rng(1));
            assertThat(drawn.mean(true, 0).sub(codes.mean(true, 0)).abs().max().item()).isLessThan(0.01);
            Tensor ratio = drawn.var(true, false, 0).div(codes.var(true, false, 0));
            assertThat(ratio.sub(1).abs().max().item()).isLessThan(0.1);
            ae.close();
        }
    }

    @Test void fewCodesOrOnesThatNeverMoveStillLeaveADensity() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            GaussianMixture mixture = new GaussianMixture(5);
            Tensor few = new Rng(1).normal(3, 5).mul(Torch.of(new float[] {1, 1, 0, 1e-3f, 1e3f}, 5));
            for (Tensor codes : List.of(few, few.rows(0, 1), Torch.zeros(50, 5))) {
                mixture.fit(codes, new Rng(2));
                Tensor z = mixture.sample(100, 1, new Rng(3));
                assertThat(z.isFinite().all().item()).isEqualTo(1);
                assertThat(z.abs().max().item()).isLessThan(5e3);
            }
            mixture.close();
        }
    }

    @Test void everyNetTakesPicturesOfEverySize() {
        for (int size : new int[] {28, 32, 64}) {
            for (int channels : new int[] {1, 3}) {
                try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                    Ae ae = ae(new ImageSpec(channels, size, size, 0), "net=conv", "net.width=8", "loss=bce");
                    assertThat(ae.sample(ae.samplingDefaults(), Condition.NONE, 2, new Rng(1)).shape())
                        .containsExactly(2, channels, size, size);
                    ae.close();
                }
            }
        }
    }

    @Test void denoisingReportsWhatItGains() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Ae ae = ae(SMALL, "noise=gaussian");
            Tensor x = grey(40, 1, 8, 8);
            List<Measure> m = ae.evaluate(List.of(new Batch(x.rows(0, 30)), new Batch(x.rows(30, 10))), new Rng(1));
            assertThat(m.stream().map(Measure::name)).containsExactly("MSE", "PSNR", "PSNR spoilt", "PSNR gain");
            Tensor spoilt = ae.corrupt(x, new Rng(1));
            Tensor mse = spoilt.sub(x).square().meanPerItem().mul(0.25);
            assertThat(m.get(2).value()).isCloseTo(-10 * mse.log().mean().item() / Math.log(10), within(1e-3));
            assertThat(m.get(3).value()).isCloseTo(m.get(1).value() - m.get(2).value(), within(1e-9));
            ae.close();
        }
    }

    @Test void crossEntropyOfPointsIsRefused() {
        assertThatThrownBy(() -> ae(new VectorSpec(2, 0), "loss=bce"))
            .hasMessage("ae with loss=bce wants pictures, got points of 2 numbers without classes; loss=mse takes points");
    }

    @Test void theAutoencoderOfLatentDiffusionIsLeftToTheVae() {
        assertThatThrownBy(() -> ae(SMALL, "net=kl")).hasMessage("ae takes net=mlp or net=conv; net=kl is for a vae");
    }
}
