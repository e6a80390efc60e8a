package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.Batch;
import io.palitra.data.Captions;
import io.palitra.data.Condition;
import io.palitra.data.ImageSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Asked;
import io.palitra.model.Drawing;
import io.palitra.model.Losses;
import io.palitra.model.Measure;
import io.palitra.model.Step;
import io.palitra.stage.Builds;
import io.palitra.stage.CaptionPrefix;
import io.palitra.stage.FirstStage;
import io.palitra.stage.TinyFirstStage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DalleTest {
    private static final ImageSpec RGB = new ImageSpec(3, 16, 16, 0);
    private static final List<String> TEXTS = List.of("a red circle", "синий квадрат", "a blue square above a star", "красный круг");

    @TempDir private Path root;
    private String stage = "";

    @BeforeEach void save() { stage = TinyFirstStage.save(root.resolve("vq"), 3, 1).toString(); }

    private static Dalle dalle(String stage, String... more) {
        Dalle.Config small = Config.with(Dalle.FAMILY.defaults(), "stage=" + stage, "net.width=16", "net.layers=2", "net.heads=2",
            "text=16", "pairs=40", "dropText=0", "dropMerges=0");
        Dalle model = new Dalle(Config.with(small, more), Builds.of(RGB, new Rng(1)));
        model.prepare(new Captions(TEXTS));
        return model;
    }

    /** As {@link #dalle}, with weights so large that the text tells. */
    private static Dalle loud(String stage, String... more) {
        Dalle model = dalle(stage, more);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            model.net().parameters().values().forEach(p -> { if (p.dims() == 2) p.copyFrom(p.detach().mul(10)); });
        }
        return model;
    }

    private static Dalle.Sampling how(String... set) { return Config.with((Dalle.Sampling) Dalle.FAMILY.sampling(), set); }

    private static Losses loss(Dalle model, Batch batch) { return model.updates().get(0).objective().of(batch, new Step(0, new Rng(3))); }

    private static Batch batch() {
        return new Batch(new Rng(2).normal(4, 3, 16, 16).tanh(), Condition.ofTexts(TEXTS));
    }

    @Test void thePictureCountsSevenTimesTheText() {
        try (Scope scope = new Scope(); Dalle model = dalle(stage); Dalle even = dalle(stage, "imageWeight=1"); Guard g = Torch.noGrad()) {
            assertThat(Dalle.weighted(Torch.full(2, 1), Torch.full(3, 1), 7).item()).isEqualTo(2.875);
            Losses losses = loss(model, batch());
            double text = losses.parts().get("text").item(), image = losses.parts().get("bits per code").item() * Math.log(2);
            assertThat(losses.total().item()).isCloseTo((text + 7 * image) / 8, within(1e-5));
            assertThat(loss(even, batch()).total().item()).isCloseTo((text + image) / 2, within(1e-5));
            List<Measure> measures = model.evaluate(List.of(batch()), new Rng(0));
            assertThat(measures.get(0).value()).isCloseTo(16 * image, within(1e-3));
            assertThat(measures.get(2).value()).isCloseTo(15 * text, within(1e-3));
            assertThat(text).isCloseTo(Math.log(256 + 40 + 3 + 16), within(0.3));
        }
    }

    @Test void aDroppedTextIsTheEmptyOne() {
        try (Scope scope = new Scope(); Dalle always = dalle(stage, "dropText=1"); Dalle never = dalle(stage); Guard g = Torch.noGrad()) {
            Batch b = batch(), empty = new Batch(b.x(), Condition.ofTexts(Collections.nCopies(4, "")));
            assertThat(loss(always, b).total().item()).isEqualTo(loss(never, empty).total().item());
            assertThat(loss(always, b).total().item()).isNotEqualTo(loss(never, b).total().item());
        }
    }

    @Test void wordsComeInOtherPartsInLearningAlone() {
        try (Scope scope = new Scope(); Dalle parts = dalle(stage, "dropMerges=0.5", "text=64"); Dalle whole = dalle(stage, "text=64");
                Guard g = Torch.noGrad()) {
            assertThat(loss(parts, batch()).parts().get("text").item()).isNotEqualTo(loss(whole, batch()).parts().get("text").item());
            assertThat(parts.evaluate(List.of(batch()), new Rng(0))).isEqualTo(whole.evaluate(List.of(batch()), new Rng(0)));
        }
    }

    @Test void aPaddingHasATokenOfItsOwnAtEachPlace() {
        try (Scope scope = new Scope(); CaptionPrefix captions = new CaptionPrefix(40, 6); Guard g = Torch.noGrad()) {
            int v = captions.tokens().vocabulary();
            assertThat(captions.kinds()).isEqualTo(v + 6);
            int begin = captions.tokens().begin(), end = captions.tokens().end();
            assertThat(captions.none(1).longs()).containsExactly(begin, end, v + 2, v + 3, v + 4, v + 5);
            long[] a = captions.ids(List.of("a", "abcdefgh")).longs();
            assertThat(a[0]).isEqualTo(begin);
            assertThat(Arrays.stream(a, 0, 6).filter(t -> t >= v).boxed()).containsExactly(v + 4L, v + 5L);   // " a" is two
            assertThat(Arrays.stream(a, 6, 12).allMatch(t -> t < v)).isTrue();   // cut
        }
    }

    @Test void captionsToDrawFromAreSpreadOverTheData() {
        List<String> many = new ArrayList<>();
        for (int i = 0; i < 1000; i++) many.add("n" + i);
        try (Scope scope = new Scope(); CaptionPrefix captions = new CaptionPrefix(0, 8); Guard g = Torch.noGrad()) {
            captions.learn(many);
            long[] shown = captions.state().get("shown").longs();
            List<String> texts = new ArrayList<>();
            for (int k = 0; k < 64; k++) {
                long[] row = Arrays.stream(shown, 8 * k, 8 * k + 8).filter(t -> t < captions.tokens().vocabulary()).toArray();
                texts.add(captions.tokens().text(row));
            }
            assertThat(texts).doesNotHaveDuplicates().contains("n0", "n8", "n504");
            captions.learn(List.of("x", "y"));
            Tensor two = captions.any(50, new Rng(1));
            assertThat(Arrays.stream(two.longs()).filter(t -> t == 'x' || t == 'y').distinct().count()).isEqualTo(2);
        }
    }

    @Test void guidanceGoesFromTheEmptyTextToThisOne() {
        try (Scope scope = new Scope(); Dalle model = loud(stage); Guard g = Torch.noGrad()) {
            Tensor plain = Drawing.of(model, List.of("prompt=a red circle", "guidance=1")).sample(2, new Rng(4));
            Tensor far = Drawing.of(model, List.of("prompt=a red circle", "guidance=8")).sample(2, new Rng(4));
            assertThat(plain.sub(far).abs().max().item()).isPositive();
            // at 0 nothing is left of the text
            Tensor zero = Drawing.of(model, List.of("prompt=a red circle", "guidance=0")).sample(2, new Rng(4));
            assertThat(zero.floats()).isEqualTo(Drawing.of(model, List.of("prompt=a star", "guidance=0")).sample(2, new Rng(4)).floats());
            assertThat(zero.floats()).isEqualTo(Drawing.of(model, List.of("guidance=1")).draw(List.of("", ""), new Rng(4)).floats());
        }
    }

    @Test void eachTextIsDrawnAsIfAlone() {
        try (Scope scope = new Scope(); Dalle model = loud(stage, "text=24"); Guard g = Torch.noGrad()) {
            Tensor all = Drawing.of(model, List.of()).draw(TEXTS, new Rng(4));
            Tensor one = Drawing.of(model, List.of("prompt=" + TEXTS.get(2))).sample(1, new Rng(4).at(2));
            assertThat(one.sub(all.rows(2, 1)).abs().max().item()).isLessThan(1e-5);
            assertThat(all.rows(0, 1).sub(Drawing.of(model, List.of()).draw(TEXTS.subList(1, 2), new Rng(4))).abs().max().item())
                .isPositive();
        }
    }

    @Test void theUpperRowsOfAPictureMayBeGivenWithTheText() {
        try (Scope scope = new Scope(); Dalle model = loud(stage); FirstStage vq = FirstStage.open(stage); Guard g = Torch.noGrad()) {
            Tensor x = batch().x();
            assertThat(Drawing.of(model, List.of("prompt=a star")).complete(x.narrow(2, 0, 16), new Rng(4)).floats())
                .isEqualTo(vq.decode(vq.encode(x)).floats());
            assertThat(Drawing.of(model, List.of("prompt=a star")).complete(x.narrow(2, 0, 0), new Rng(4)).floats())
                .isEqualTo(Drawing.of(model, List.of("prompt=a star")).sample(4, new Rng(4)).floats());
            assertThatThrownBy(() -> Drawing.of(model, List.of()).complete(x.narrow(2, 0, 3), new Rng(4)))
                .hasMessageContaining("in multiples of 4, got 3");
        }
    }

    @Test void aWordThatNoCaptionHadIsNamedWithThoseThatThereAre() {
        try (Scope scope = new Scope(); Dalle model = dalle(stage); Guard g = Torch.noGrad()) {
            model.prepare(new Captions(List.of("a red circle", "a blue square", "красный круг")));
            assertThat(model.notes(Asked.ofText("A RED Square"))).isEmpty();
            assertThat(model.notes(Asked.ANY)).isEmpty();
            assertThat(model.notes(Asked.ofText("a red cat")))
                .containsExactly("'cat' stands in no caption that this model learned from: it "
                + "cannot be drawn. Words that it knows: blue, circle, red, square");
            assertThat(model.notes(Asked.ofText("a rat circel"))).containsExactly("'rat', 'circel' stand in no caption that this model "
                + "learned from: they cannot be drawn; near to that: circle. Words that it knows: blue, circle, red, square");
            assertThat(model.notes(Asked.ofText("зелёный кот"))).containsExactly("'зелёный', 'кот' stand in no caption that this model "
                + "learned from: they cannot be drawn. Words that it knows: красный, круг");
            Tensor drawn = Drawing.of(model, List.of("prompt=a red cat")).sample(1, new Rng(1));
            assertThat(drawn.size(0)).as("it is drawn all the same").isOne();
        }
    }

    @Test void promptsThatSayNothingOrTooMuchAreRefusedInOneLine() {
        try (Scope scope = new Scope(); Dalle model = dalle(stage); Guard g = Torch.noGrad()) {
            for (String blank : new String[] {"", "  ", "\t"}) {
                assertThatThrownBy(() -> Drawing.of(model, List.of("prompt=" + blank)).sample(1, new Rng(4)))
                    .isInstanceOf(ConfigException.class)
                    .hasMessageContaining("which text? prompt=TEXT says what to draw; prompt=* draws captions of the training data");
            }
            assertThatThrownBy(() -> Drawing.of(model, List.of("prompt=" + "word ".repeat(10_000))).sample(1, new Rng(4)))
                .isInstanceOf(ConfigException.class).hasMessageMatching("the text is of \\d+ tokens, this model reads 16: shorten it");
        }
    }

    @Test void theTokenizerLiesBesideTheRun() {
        try (Scope scope = new Scope(); Dalle model = dalle(stage)) {
            assertThat(model.publish(root)).contains(root.resolve("tokenizer.json")).allMatch(Files::isRegularFile);
        }
    }

    @Test void picturesWithoutCaptionsAreRefused() {
        try (Scope scope = new Scope(); Dalle model = dalle(stage)) {
            Batch silent = new Batch(Torch.zeros(DType.F32, 1, 3, 16, 16));
            assertThatThrownBy(() -> loss(model, silent)).hasMessage("dalle wants pictures with captions, got items without");
        }
    }
}
