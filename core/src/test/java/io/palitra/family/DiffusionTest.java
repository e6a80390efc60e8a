package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.data.VideoSpec;
import io.palitra.diffusion.Churn;
import io.palitra.diffusion.ChurnedEuler;
import io.palitra.diffusion.Denoiser;
import io.palitra.diffusion.Level;
import io.palitra.diffusion.Sampler;
import io.palitra.diffusion.Spacing;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Asked;
import io.palitra.model.Drawing;
import io.palitra.model.Evaluates;
import io.palitra.model.LatentModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Step;
import io.palitra.nn.Loss;
import io.palitra.stage.Given;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class DiffusionTest {
    private static final ImageSpec GREY = new ImageSpec(1, 8, 8, 3);
    private static final List<String> CAPTIONS = List.of("a red circle", "красный круг", "a blue square above a star");

    private static Diffusion tiny(ImageSpec image, String... more) {
        Diffusion.Config small = Config.with(Diffusion.FAMILY.defaults(), "net.channels=8,16", "net.attention=1", "net.groups=4");
        return (Diffusion) Diffusion.FAMILY.build(Config.with(small, more), image, new Rng(1));
    }

    private static Diffusion.Sampling how(String... overrides) {
        return Config.with((Diffusion.Sampling) Objects.requireNonNull(Diffusion.FAMILY.sampling()), overrides);
    }

    private static Denoiser denoiser(Diffusion model, Tensor x, Tensor labels, double guidance) {
        return model.denoiser(how("guidance=" + guidance, "clip=false"), Given.classes(labels), x.size(0), x.device());
    }

    private static double loss(Diffusion model, Batch batch, Rng rng) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            return model.updates().get(0).objective().of(batch, new Step(0, rng)).total().item();
        }
    }

    /** Gives every parameter a value, so that an untrained network answers something. */
    private static void stir(Diffusion model) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Rng rng = new Rng(9);
            model.net().parameters().values().forEach(p -> p.copyFrom(p.add(rng.normalLike(p).mul(0.1))));
            model.net().training(false);
        }
    }

    @Test void everySamplerIsChosenByItsNameAndTakesItsKeys() {
        Diffusion.Sampling defaults = (Diffusion.Sampling) Objects.requireNonNull(Diffusion.FAMILY.sampling());
        for (Class<?> kind : Sampler.class.getPermittedSubclasses()) {
            String name = kind.getSimpleName().toLowerCase(Locale.ROOT);
            Diffusion.Sampling chosen = Config.with(defaults, "sampler=" + name, "sampler.steps=7");
            assertThat(chosen.sampler()).isInstanceOf(kind);
            assertThat(chosen.sampler().steps()).isEqualTo(7);
        }
        assertThat(Config.with(defaults, "sampler=churnedeuler", "sampler.churn.amount=7").sampler())
            .isEqualTo(new ChurnedEuler(40, new Spacing.Karras(),
                new Churn(7, 0.05, 50, 1), 0.5));
    }

    @Test void theFirstLossIsTheVarianceOfTheNoise() {
        try (Scope scope = new Scope()) {
            Diffusion model = (Diffusion) Diffusion.FAMILY.build(Config.with(Diffusion.FAMILY.defaults(), "objective=eps"),
                new ImageSpec(1, 28, 28, 10), new Rng(1));
            Batch batch = new Batch(new Rng(2).uniform(128, 1, 28, 28).mul(2).sub(1));
            assertThat(loss(model, batch, new Rng(3))).isCloseTo(1, within(0.01));
            model.net().close();
        }
    }

    /** A network that says x0 = 0 whatever it sees: the sum over times telescopes to 1/2 (SNR(0) - SNR(T-1)) |x0|^2. */
    @Test void theBoundIsThatOfANetworkThatKnowsNothing() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Diffusion model = tiny(GREY, "objective=x0", "schedule=linear");
            model.net().training(false);
            Tensor x = new Rng(2).uniform(6, 1, 8, 8).mul(1.9).sub(0.95);
            double first = Math.pow(model.model().table().at(0).ratio(), -2), last = Math.pow(model.model().table().at(999).ratio(), -2);
            double[] want = x.square().sumPerItem().mul(0.5 * (first - last)).doubles();
            double[] cut = Loss.discretizedGaussianNll(x, Torch.zerosLike(x), 0.0074).doubles();
            double[] mean = new double[6];
            for (int k = 0; k < 40; k++) {
                double[] got = model.logProb(x, new Rng(k)).doubles();
                for (int i = 0; i < 6; i++) mean[i] -= got[i] / 40;
            }
            for (int i = 0; i < 6; i++) assertThat(mean[i]).isCloseTo(want[i] + cut[i], withinPercentage(3));
            assertThat(model.exact()).isFalse();
        }
    }

    @Test void picturesOfAllCommonShapesAreTrainedAndSampled() {
        for (int size : new int[] {28, 32, 64}) {
            for (int channels : new int[] {1, 3}) {
                try (Scope scope = new Scope()) {
                    Diffusion model = tiny(new ImageSpec(channels, size, size, 0), "net.channels=4,4,8", "net.attention=2");
                    Batch batch = new Batch(new Rng(2).normal(2, channels, size, size));
                    assertThat(loss(model, batch, new Rng(3))).isCloseTo(1, within(0.15));
                    model.net().training(false);
                    try (Guard g = Torch.noGrad()) {
                        Tensor x = Drawing.of(model, List.of("sampler.steps=2")).sample(2, new Rng(4));
                        assertThat(x.shape()).containsExactly(2, channels, size, size);
                        assertThat(x.abs().max().item()).isLessThanOrEqualTo(1);
                        assertThat(model.decode(model.prior(1, new Rng(1))).shape()).containsExactly(1, channels, size, size);
                    }
                    model.net().close();
                }
            }
        }
    }

    @Test void eightFlatPicturesAreLearnedByEachObjective() {
        for (String objective : List.of("eps", "x0", "v", "flow")) {
            try (Scope scope = new Scope()) {
                Diffusion model = tiny(GREY, "objective=" + objective, objective.equals("flow") ? "objective.shift=2" : "minSnr=5");
                Batch batch = new Batch(new Rng(2).normal(8, 1, 1, 1).tanh().expand(8, 1, 8, 8));   // flat
                double before = loss(model, batch, new Rng(3));
                Optimizer optimizer = new Optimizer(new OptimizerSpec.Adam(3e-3, 0.9, 0.999, 1e-8), model.net().parameters());
                for (int i = 0; i < 40; i++) {
                    try (Scope step = new Scope()) {
                        optimizer.zeroGrad();
                        model.updates().get(0).objective().of(batch, new Step(0, new Rng(100 + i))).total().backward();
                        optimizer.step(3e-3);
                    }
                }
                optimizer.close();
                assertThat(loss(model, batch, new Rng(3))).as(objective).isLessThan(0.7 * before);
                model.net().close();
            }
        }
    }

    @Test void aSampleDoesNotDependOnHowManyAreDrawn() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Diffusion model = tiny(GREY, "condition=label");
            stir(model);
            for (String sampler : List.of("dpmplusplus2m", "ddpm")) {
                Diffusion.Sampling how = how("sampler=" + sampler, "sampler.steps=5", "guidance=2");
                Tensor three = model.sample(how, Condition.NONE, 3, new Rng(7)), last = model.sample(how, Condition.NONE, 1, new Rng(7)
                    .at(2));
                assertThat(three.rows(2, 1).sub(last).abs().max().item()).as(sampler).isLessThan(1e-4);
                assertThat(three.rows(0, 1).sub(last).abs().max().item()).isGreaterThan(1e-2);
            }
            model.net().close();
        }
    }

    @Test void guidanceOneIsTheConditionalModelAndZeroTheUnconditional() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Diffusion model = tiny(GREY, "condition=label");
            stir(model);
            Tensor x = model.prior(2, new Rng(1)), labels = Torch.of(new long[] {0, 2}, 2);
            Level at = model.model().table().at(500);
            Tensor with = denoiser(model, x, labels, 1).denoise(x, at);
            Tensor without = denoiser(model, x, labels, 0).denoise(x, at);
            assertThat(with.sub(without).abs().max().item()).isGreaterThan(1e-3);
            Tensor none = denoiser(model, x, Torch.of(new long[] {3, 3}, 2), 1).denoise(x, at);
            assertThat(none.sub(without).abs().max().item()).isZero();
            Tensor nearly = denoiser(model, x, labels, 1 + 1e-7).denoise(x, at);   // by the doubled batch
            assertThat(nearly.sub(with).abs().max().item()).isLessThan(1e-4);
            Tensor three = denoiser(model, x, labels, 3).denoise(x, at);
            assertThat(three.sub(without.lerp(with, 3)).abs().max().item()).isLessThan(1e-4);
            model.net().close();
        }
    }

    @Test void aSampleIsOfTheClassThatWasAskedFor() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Diffusion model = tiny(GREY, "condition=label");
            stir(model);
            Tensor z = model.prior(2, new Rng(5)), labels = Torch.of(new long[] {2, 2}, 2);
            Diffusion.Sampling how = how("guidance=3", "sampler.steps=3", "clip=false");
            Tensor byHand = how.sampler()
                .sample(denoiser(model, z, labels, 3), z, how.sampler().levels(model.model().table()), new Rng(1)::normalLike);
            Tensor asked = new Drawing<>(model, how, Asked.ofLabel(2)).sample(2, new Rng(5));
            Tensor other = new Drawing<>(model, how, Asked.ofLabel(0)).sample(2, new Rng(5));
            assertThat(asked.sub(byHand.clamp(-1, 1)).abs().max().item()).isZero();
            assertThat(asked.sub(other).abs().max().item()).isGreaterThan(1e-3);
            model.net().close();
        }
    }

    @Test void hiddenLabelsAreTheNullClassInTheGivenShare() {
        try (Scope scope = new Scope()) {
            Diffusion model = tiny(GREY, "condition=label", "dropCondition=0.25");
            Tensor labels = new Rng(1).integers(3, 10_000), hidden = model.model().conditioning().hidden(labels, new Rng(2));
            assertThat(hidden.eq(3).to(DType.F32).mean().item()).isCloseTo(0.25, within(0.02));   // standard error 0.004
            assertThat(hidden.eq(labels).to(DType.F32).mean().item()).isCloseTo(0.75, within(0.02));
            assertThat(model.net().parameters().get("class_embedding.weight").shape()).containsExactly(4, 32);
            model.net().close();
        }
    }

    @Test void theDefaultSamplerIsTheDecoderOfItsNoise() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Diffusion model = tiny(GREY);
            stir(model);
            Tensor sampled = model.sample(model.samplingDefaults(), Condition.NONE, 2, new Rng(5)),
                decoded = model.decode(model.prior(2, new Rng(5)));
            assertThat(sampled.sub(decoded).abs().max().item()).isZero();
            model.net().close();
        }
    }

    @Test void aTransformerSaysNothingAtFirstAndTakesPatchesThatFit() {
        Diffusion.Config dit = Config.with(Diffusion.FAMILY.defaults(), "net=dit", "net.width=16", "net.heads=2", "net.layers=2",
            "condition=label");
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Diffusion model = (Diffusion) Diffusion.FAMILY.build(dit, new ImageSpec(1, 8, 12, 3), new Rng(1));
            Tensor x = new Rng(2).normal(2, 1, 8, 12);
            Level level = model.model().table().at(500);
            // its first prediction of v is 0, and so that of x0 = alpha x - sigma v is alpha x, whatever the class
            Tensor first = denoiser(model, x, Torch.of(new long[] {0, 2}, 2), 1).denoise(x, level);
            assertThat(first.sub(x.mul(level.alpha())).abs().max().item()).isLessThan(1e-6);
            model.net().close();
        }
        assertThatThrownBy(() -> Diffusion.FAMILY.build(dit, new ImageSpec(1, 9, 8, 3), new Rng(1)))
            .hasMessageContaining("patches 2x2 wants sides that are multiples of 2, got");
        assertThatThrownBy(() -> Config.with(dit, "net.heads=3")).hasMessageContaining("must be a multiple of 4 and of the 3 heads");
    }

    @Test void aFlowIsDrawnByEulersStepsAndHasNoBound() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Diffusion model = tiny(GREY, "objective=flow");
            stir(model);
            assertThat(model.samplingDefaults().sampler()).isInstanceOf(Sampler.Euler.class);
            assertThat(model.as(Likelihood.class)).isEmpty();
            assertThat(model.as(Evaluates.class)).isEmpty();
            assertThat(model.as(LatentModel.class)).isPresent();
            assertThat(tiny(GREY).as(Likelihood.class)).isPresent();
            Drawing<?> heun = Drawing.of(model, List.of("sampler=heun", "sampler.spacing=trailing", "sampler.steps=3"));
            assertThat(heun.sample(2, new Rng(1)).isFinite().all().item()).isEqualTo(1);
            model.net().close();
        }
        assertThatThrownBy(() -> tiny(GREY, "objective=flow", "schedule=linear")).hasMessageContaining("takes no schedule");
        assertThatThrownBy(() -> tiny(GREY, "objective=flow", "minSnr=5")).hasMessageContaining("takes no minSnr");
    }

    private static Dataset captioned() {
        return new Dataset() {
            @Override public String name() { return "captioned"; }

            @Override public DataSpec spec() { return GREY; }

            @Override public int size() { return CAPTIONS.size(); }

            @Override public int label(int i) { return 0; }

            @Override public List<String> classNames() { return List.of("a", "b", "c"); }

            @Override public void read(int i, ByteBuffer into) { into.put(new byte[64]); }

            @Override public List<String> captions(int i) { return CAPTIONS.subList(i, i + 1); }

            @Override public boolean captioned() { return true; }
        };
    }

    @Test void textsAreReadByBothNetworksAndGuideAwayFromOthers() {
        for (String net
            : List.of("net=unet net.channels=8,16 net.attention=1 net.groups=4", "net=dit net.width=16 net.heads=2 net.layers=2")) {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                Diffusion.Config config = Config.with(Config.with(Diffusion.FAMILY.defaults(), net.split(" ")), "condition=text",
                    "text.width=16", "text.heads=2", "text.length=24", "text.pairs=20");
                Diffusion model = (Diffusion) Diffusion.FAMILY.build(config, GREY, new Rng(1));
                model.model().conditioning().learn(captioned());
                Tensor z = model.prior(2, new Rng(2));
                Condition given = Condition.ofTexts(List.of("a red circle", "a blue square"));
                double first = loss(model, new Batch(z, given), new Rng(3));
                assertThat(first).as(net).isCloseTo(1, within(0.3));   // its first output is 0, and v is of variance 1
                stir(model);
                Drawing<?> plain = Drawing.of(model, List.of("sampler.steps=2"));
                Tensor one = plain.draw(List.of("a red circle"), new Rng(5)), other = plain.draw(List.of("a blue square"), new Rng(5));
                assertThat(one.sub(other).abs().max().item()).as(net).isGreaterThan(1e-4);
                Tensor both = plain.draw(List.of("a red circle", "a blue square"), new Rng(5));
                assertThat(both.rows(0, 1).sub(one).abs().max().item()).isLessThan(1e-4);
                Tensor away = Drawing.of(model, List.of("sampler.steps=2", "guidance=3", "negative=a star", "prompt=a red circle"))
                    .sample(1, new Rng(5));
                Tensor guided = Drawing.of(model, List.of("sampler.steps=2", "guidance=3", "prompt=a red circle")).sample(1, new Rng(5));
                assertThat(away.sub(guided).abs().max().item()).as(net).isGreaterThan(1e-5);
                assertThat(model.takes()).containsExactlyInAnyOrder(Condition.Kind.TEXT, Condition.Kind.PREFIX);
                assertThat(plain.sample(3, new Rng(1)).shape()).containsExactly(3, 1, 8, 8);   // by captions of the data
                assertThat(model.notes(Asked.ofText("a red elephant"))).singleElement().asString().contains("elephant");
                assertThatThrownBy(() -> Drawing.of(model, List.of("prompt=" + "a red circle ".repeat(20))))
                    .hasMessageContaining("shorten it");
                assertThatThrownBy(() -> Drawing.of(model, List.of("negative=a star")).sample(1, new Rng(1)))
                    .hasMessageContaining("wants guidance above 1");
                model.close();
            }
        }
        assertThatThrownBy(() -> tiny(GREY, "text.length=9")).hasMessageContaining("for condition=text alone");
    }

    @Test void upperRowsThatAreKeptAreKeptToTheBit() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Diffusion model = tiny(GREY, "condition=label");
            stir(model);
            Tensor rows = new Rng(3).uniform(2, 1, 3, 8).mul(2).sub(1);
            Drawing<?> how = Drawing.of(model, List.of("sampler.steps=3", "guidance=2", "label=1"));
            Tensor x = how.complete(rows, new Rng(1));
            assertThat(x.narrow(2, 0, 3).floats()).isEqualTo(rows.floats());
            assertThat(x.sub(how.sample(2, new Rng(1))).narrow(2, 3, 5).abs().max().item()).isPositive();
            assertThatThrownBy(() -> how.complete(Torch.zeros(1, 1, 3, 9), new Rng(1))).hasMessageContaining("upper rows of a picture");
            model.close();
        }
    }

    @Test void filmsAreDrawnByLatteAndGoOnFromTheirFirstFrame() {
        VideoSpec film = new VideoSpec(4, 1, 8, 8, 3);
        for (String by : List.of("none", "label", "text")) {
            List<String> keys = new java.util.ArrayList<>(List.of("net=latte", "net.width=16", "net.heads=2", "net.layers=1",
                "condition=" + by));
            if (by.equals("text")) keys.addAll(List.of("text.width=8", "text.heads=2", "text.length=24", "text.pairs=20"));
            try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                Diffusion model = (Diffusion) Diffusion.FAMILY.build(Config.with(Diffusion.FAMILY.defaults(), keys), film, new Rng(1));
                model.model().conditioning().learn(captioned());
                Tensor z = model.prior(2, new Rng(1));
                assertThat(z.shape()).containsExactly(2, 4, 1, 8, 8);
                Batch batch = new Batch(z, new Condition(new Rng(1).integers(3, 2), List.of("a red circle", "a star"), Map.of()));
                assertThat(loss(model, batch, new Rng(3))).as(by).isCloseTo(1, within(0.3));   // its first output is 0
                stir(model);
                Drawing<?> how = Drawing.of(model, List.of("sampler.steps=2"));
                assertThat(how.sample(2, new Rng(1)).shape()).containsExactly(2, 4, 1, 8, 8);
                Tensor first = new Rng(4).uniform(2, 1, 1, 8, 8);
                assertThat(how.complete(first, new Rng(1)).narrow(1, 0, 1).floats()).isEqualTo(first.floats());
                assertThatThrownBy(() -> how.complete(Torch.zeros(1, 1, 1, 8, 4), new Rng(1)))
                    .hasMessageContaining("first frames of a film");
                model.close();
            }
        }
        assertThatThrownBy(() -> tiny(GREY, "net=latte")).hasMessageStartingWith("diffusion with net=latte wants video, got pictures");
        assertThatThrownBy(() -> Diffusion.FAMILY.build(Diffusion.FAMILY.defaults(), film, new Rng(1)))
            .hasMessageContaining("net=latte learns films");
    }

    @Test void whatTheModelCannotDoIsRefused() {
        assertThatThrownBy(() -> Diffusion.FAMILY.build(Diffusion.FAMILY.defaults(), new VectorSpec(2, 0), new Rng(1)))
            .hasMessageStartingWith("diffusion wants pictures, got points");
        assertThatThrownBy(() -> tiny(new ImageSpec(1, 9, 8, 0))).hasMessageContaining("multiples of 2, got");
        assertThatThrownBy(() -> tiny(new ImageSpec(1, 8, 8, 0), "condition=label")).hasMessageContaining("wants labelled data");
        assertThatThrownBy(() -> tiny(GREY, "net.groups=3")).hasMessageContaining("must be multiples of groups 3");
        assertThatThrownBy(() -> tiny(GREY, "net.attention=2")).hasMessageContaining("illegal attention: 2, must be a level from 0 to 1");
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Diffusion plain = tiny(GREY), told = tiny(GREY, "condition=label", "dropCondition=0");
            assertThatThrownBy(() -> Drawing.of(plain, List.of("label=1")).sample(1, new Rng(1)))
                .hasMessageContaining("trained without classes");
            assertThatThrownBy(() -> Drawing.of(plain, List.of("guidance=2")).sample(1, new Rng(1)))
                .hasMessageContaining("illegal guidance: 2.0");
            assertThatThrownBy(() -> Drawing.of(told, List.of("label=3")).sample(1, new Rng(1))).hasMessageContaining("a class in 0..2");
            assertThatThrownBy(() -> told.decode(told.prior(1, new Rng(1)))).hasMessageContaining("wants labels");
            Batch bare = new Batch(Torch.zeros(1, 1, 8, 8));
            assertThatThrownBy(() -> loss(told, bare, new Rng(1))).hasMessageContaining("wants labelled data");
            plain.net().close();
            told.net().close();
        }
    }
}
