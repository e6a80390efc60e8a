package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.Captions;
import io.palitra.data.Condition;
import io.palitra.data.ImageSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.model.Losses;
import io.palitra.model.Measure;
import io.palitra.model.Step;
import io.palitra.stage.Builds;
import io.palitra.stage.FirstStage;
import io.palitra.stage.TinyFirstStage;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokensTest {
    private static final ImageSpec RGB = new ImageSpec(3, 16, 16, 5);

    @TempDir private Path root;
    private String stage = "";

    @BeforeEach void save() { stage = TinyFirstStage.save(root.resolve("vq"), 3, 1).toString(); }

    private static Tokens tokens(String stage, String... more) {
        Tokens.Config small = Config.with(Tokens.FAMILY.defaults(), "stage=" + stage, "net.width=16", "net.layers=2", "net.heads=2");
        return new Tokens(Config.with(small, more), Builds.of(RGB, new Rng(1)));
    }

    private static Tokens.Sampling how(String... set) { return Config.with((Tokens.Sampling) Tokens.FAMILY.sampling(), set); }

    private static Losses loss(Tokens model, Batch batch) { return model.updates().get(0).objective().of(batch, new Step(0, new Rng(3))); }

    private static Tensor pictures(int n) { return new Rng(2).normal(n, 3, 16, 16).tanh(); }

    @Test void knownRowsAreTheFirstStagesAndTheRestIsDrawn() {
        try (Scope scope = new Scope(); Tokens model = tokens(stage); FirstStage vq = FirstStage.open(stage); Guard g = Torch.noGrad()) {
            Tensor x = pictures(3);
            assertThat(Drawing.of(model, List.of()).complete(x.narrow(2, 0, 16), new Rng(4)).floats())
                .isEqualTo(vq.decode(vq.encode(x)).floats());
            assertThat(Drawing.of(model, List.of()).complete(x.narrow(2, 0, 0), new Rng(4)).floats())
                .isEqualTo(Drawing.of(model, List.of()).sample(3, new Rng(4)).floats());
            assertThatThrownBy(() -> Drawing.of(model, List.of()).complete(x.narrow(2, 0, 6), new Rng(4)))
                .hasMessage("whole rows of codes are kept: 0 to 16 rows of pixels in multiples of 4, got 6");
            assertThatThrownBy(() -> Drawing.of(model, List.of("size=32x16")).complete(x.narrow(2, 0, 8), new Rng(4)))
                .hasMessage("illegal size: 32x16, must be empty where a picture is completed");
        }
    }

    @Test void aPictureMayBeLargerOrSmallerThanThoseOfTheTraining() {
        try (Scope scope = new Scope(); Tokens model = tokens(stage); Guard g = Torch.noGrad()) {
            assertThat(Drawing.of(model, List.of("size=40x24")).sample(2, new Rng(4)).shape()).containsExactly(2, 3, 24, 40);
            assertThat(Drawing.of(model, List.of("size=8x4")).sample(2, new Rng(4)).shape()).containsExactly(2, 3, 4, 8);
            assertThat(Drawing.of(model, List.of("size=16x16")).sample(2, new Rng(4)).floats())
                .isEqualTo(Drawing.of(model, List.of()).sample(2, new Rng(4)).floats());
            assertThatThrownBy(() -> Drawing.of(model, List.of("size=big")).sample(1, new Rng(4)))
                .hasMessage("illegal size: 'big', must be WIDTHxHEIGHT in pixels, as 128x96");
            assertThatThrownBy(() -> Drawing.of(model, List.of("size=18x16")).sample(1, new Rng(4)))
                .hasMessageContaining("a code of 4x4 pixels, which does not divide a width of 18; 20 is near");
            assertThatThrownBy(() -> Drawing.of(model, List.of("size=8000x16")).sample(1, new Rng(4)))
                .hasMessageContaining("must be at most 4096");
        }
    }

    @Test void theClassChangesWhatIsDrawn() {
        try (Scope scope = new Scope(); Tokens model = tokens(stage, "condition=label"); Tokens none = tokens(stage);
                Guard g = Torch.noGrad()) {
            model.net().parameters().values().forEach(p -> { if (p.dims() == 2) p.copyFrom(p.detach().mul(10)); });
            Tensor a = Drawing.of(model, List.of("label=1")).sample(2, new Rng(4)), b = Drawing.of(model, List.of("label=2"))
                .sample(2, new Rng(4));
            assertThat(a.sub(b).abs().max().item()).isPositive();
            assertThatThrownBy(() -> Drawing.of(model, List.of("label=5")).sample(1, new Rng(4)))
                .hasMessage("illegal label: 5, must be -1 (any) or a class in 0..4");
            assertThatThrownBy(() -> Drawing.of(none, List.of("label=0")).sample(1, new Rng(4)))
                .hasMessage("illegal label: 0, must be -1 (any): this model was trained without classes");
        }
    }

    @Test void aTextChangesWhatIsDrawn() {
        Tokens.Config config = Config.with(Tokens.FAMILY.defaults(), "stage=" + stage, "net.width=16", "net.layers=2", "net.heads=2",
            "condition=text", "text=24", "pairs=20");
        try (Scope scope = new Scope(); Tokens model = (Tokens) Tokens.FAMILY.build(config, Builds.of(RGB,
            new Rng(1))); Tokens none = tokens(stage);
                Guard g = Torch.noGrad()) {
            model.prepare(new Captions(List.of("a red circle", "синий квадрат")));
            model.net().parameters().values().forEach(p -> { if (p.dims() == 2) p.copyFrom(p.detach().mul(10)); });
            Tensor a = Drawing.of(model, List.of("prompt=a red circle")).sample(2, new Rng(4));
            Tensor b = Drawing.of(model, List.of("prompt=синий квадрат")).sample(2, new Rng(4));
            assertThat(a.sub(b).abs().max().item()).isPositive();
            assertThatThrownBy(() -> Drawing.of(model, List.of("prompt=")).sample(1, new Rng(4))).hasMessageContaining("which text?");
            assertThatThrownBy(() -> Drawing.of(none, List.of("prompt=a red circle")).sample(1, new Rng(4)))
                .hasMessage("this model is given no text: it was trained without captions");
            assertThat(model.wantsCaptions()).isTrue();
            assertThat(none.wantsCaptions()).isFalse();
            assertThat(model.takes()).contains(Condition.Kind.TEXT);
            assertThat(none.takes()).as("it was given no texts").doesNotContain(Condition.Kind.TEXT);
        }
    }

    private static Tokens pixelcnn(String stage, String... more) {
        Tokens.Config small = Config.with(Tokens.FAMILY.defaults(), "stage=" + stage, "net=pixelcnn", "net.table=6", "net.net.width=8",
            "net.net.dilations=1,2");
        return new Tokens(Config.with(small, more), Builds.of(RGB, new Rng(1)));
    }

    @Test void aPixelCnnTellsCodesToo() {
        try (Scope scope = new Scope(); Tokens model = pixelcnn(stage, "condition=label"); FirstStage vq = FirstStage.open(stage);
                Guard g = Torch.noGrad()) {
            model.net().parameters().values().forEach(p -> p.copyFrom(new Rng(p.numel()).normal(p.shape()).mul(0.5)));
            Tensor a = Drawing.of(model, List.of("label=1")).sample(2, new Rng(4)), b = Drawing.of(model, List.of("label=2"))
                .sample(2, new Rng(4));
            assertThat(a.sub(b).abs().max().item()).isPositive();
            assertThat(Drawing.of(model, List.of("label=1", "size=40x24")).sample(1, new Rng(4)).shape()).containsExactly(1, 3, 24, 40);
            Tensor x = pictures(3);
            assertThat(Drawing.of(model, List.of()).complete(x.narrow(2, 0, 16), new Rng(4)).floats())
                .isEqualTo(vq.decode(vq.encode(x)).floats());
            Tensor half = Drawing.of(model, List.of()).complete(x.narrow(2, 0, 8), new Rng(4));
            assertThat(vq.encode(half).shape()).isEqualTo(vq.encode(x).shape());
            assertThatThrownBy(() -> pixelcnn(stage, "condition=text"))
                .hasMessage("text is read by net=transformer alone; net=pixelcnn takes condition=none or label");
        }
    }

    @Test void picturesAreEncodedOnce() {
        try (Scope scope = new Scope(); Tokens model = tokens(stage); Tokens fresh = tokens(stage); Guard g = Torch.noGrad()) {
            Tensor x = pictures(4);
            double plain = loss(fresh, new Batch(x)).total().item();
            assertThat(loss(model, new Batch(x, Condition.NONE, new int[] {7, 3, 9, 1})).total().item()).isEqualTo(plain);
            Tensor turned = Torch.cat(0, x.rows(2, 2), x.rows(0, 2));
            Batch known = new Batch(Torch.zerosLike(turned), Condition.NONE, new int[] {9, 1, 7, 3});   // not looked at
            assertThat(loss(model, known).total().item()).isCloseTo(plain, within(1e-5));
        }
    }

    @Test void bitsPerCodeAreThoseOfTheLossAndAnUntrainedModelKnowsNothing() {
        try (Scope scope = new Scope(); Tokens model = tokens(stage); Guard g = Torch.noGrad()) {
            Batch batch = new Batch(pictures(6));
            List<Measure> measures = model.evaluate(List.of(batch.part(0, 4), batch.part(4, 2)), new Rng(0));
            double bits = measures.get(1).value();
            assertThat(loss(model, batch).total().item() / Math.log(2)).isCloseTo(bits, within(1e-5));
            assertThat(bits).isCloseTo(Math.log(11) / Math.log(2), within(0.2));
            assertThat(measures.get(0).value()).isCloseTo(bits * Math.log(2) * 16, within(1e-4));
        }
    }

    @Test void whatCannotBeIsRefused() {
        assertThatThrownBy(() -> tokens("")).hasMessage("which first stage? stage=W names a run of vqgan or vqvae, or a model");
        assertThatThrownBy(() -> new Tokens(Config.with(Tokens.FAMILY.defaults(), "stage=" + stage), Builds.of(new ImageSpec(1, 16, 16, 0),
            new Rng(0)))).hasMessageContaining("takes pictures of 3 channels");
        assertThatThrownBy(() -> new Tokens(Config.with(Tokens.FAMILY.defaults(), "stage=" + stage), Builds.of(new ImageSpec(3, 18, 16, 0),
            new Rng(0)))).hasMessageEndingWith("wants sides that are multiples of 4, got pictures of 3x18x16 without classes; data.size=16 "
            + "or data.size=20 fits");
        assertThatThrownBy(() -> tokens(stage, "net.heads=3")).hasMessageContaining("illegal width: 16, must be a multiple of heads 3");
    }
}
