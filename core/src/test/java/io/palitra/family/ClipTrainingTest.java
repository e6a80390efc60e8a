package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.Captions;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Measure;
import io.palitra.model.Step;
import io.palitra.stage.ClipEmbedder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Laws of family clip. */
class ClipTrainingTest {
    private static final ImageSpec SPEC = new ImageSpec(3, 16, 16, 0);
    private static final List<String> FOUR = List.of("a red ring", "a big cross", "кольцо", "a red ring on snow");

    private static ClipTraining towers(DataSpec data, String... overrides) {
        ClipTraining.Config small = Config.with(ClipTraining.FAMILY.defaults(), "points=8", "patch=4", "picture.width=16",
            "picture.layers=1",
            "text.width=16", "text.layers=1", "pairs=12", "length=23");
        return (ClipTraining) ClipTraining.FAMILY.build(Config.with(small, overrides), data, new Rng(1));
    }

    private static Batch batch(List<String> captions) {
        return new Batch(new Rng(2).normal(captions.size(), 3, 16, 16).tanh(), Condition.ofTexts(captions));
    }

    private static double loss(ClipTraining t, Batch batch) { return t.updates().get(0).objective().of(batch, new Step(0, new Rng(3)))
        .total().item(); }

    private static double far(Tensor a, Tensor b) { return a.sub(b).abs().max().item(); }

    @Test void theLossIsTheMeanOfBothChoicesByHand() {
        double[][] l = {{2, 0.5, -1}, {0, 1, 3}, {-2, 0.25, 0}};
        double nats = 0;
        for (int i = 0; i < 3; i++) {
            double row = 0, column = 0;
            for (int j = 0; j < 3; j++) {
                row += Math.exp(l[i][j]);
                column += Math.exp(l[j][i]);
            }
            nats += (Math.log(row) - l[i][i] + Math.log(column) - l[i][i]) / 6;
        }
        try (Scope scope = new Scope()) {
            Tensor logits = Torch.of(new float[] {2, 0.5f, -1, 0, 1, 3, -2, 0.25f, 0}, 3, 3);
            assertThat(ClipTraining.contrast(logits).item()).isCloseTo(nats, within(1e-6));
        }
    }

    @Test void aLossOfTheModelIsThatOfItsPointsAndDoesNotDependOnTheOrder() {
        try (Scope scope = new Scope(); ClipTraining t = towers(SPEC); Guard g = Torch.noGrad()) {
            Batch b = batch(FOUR);
            Tensor logits = t.embedImage(b.x()).matmul(t.embedText(FOUR).t()).mul(1 / 0.07);
            assertThat(loss(t, b)).isCloseTo(ClipTraining.contrast(logits).item(), within(1e-4));
            assertThat(t.scale()).isCloseTo(1 / 0.07, within(1e-4));
            Batch turned = new Batch(b.x().flip(0), Condition.ofTexts(List.of(FOUR.get(3), FOUR.get(2), FOUR.get(1), FOUR.get(0))));
            assertThat(loss(t, turned)).isCloseTo(loss(t, b), within(1e-5));
        }
    }

    @Test void noiseIsUponThePicturesOfTrainingAlone() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad();
                ClipTraining plain = towers(SPEC); ClipTraining noisy = towers(SPEC, "noise=1")) {
            Batch b = batch(FOUR);
            assertThat(loss(noisy, b)).isEqualTo(loss(noisy, b)).isNotCloseTo(loss(plain, b), within(1e-4));
            assertThat(far(noisy.embedImage(b.x()), plain.embedImage(b.x()))).isZero();
        }
    }

    @Test void anEqualCaptionIsNoMistake() {
        try (Scope scope = new Scope(); ClipTraining t = towers(SPEC)) {
            Tensor logits = new Rng(4).normal(4, 4);
            List<String> captions = List.of("a", "b", "a", "c");
            Tensor open = ClipTraining.unless(logits, captions);
            for (int i = 0; i < 4; i++) {
                for (int j = 0; j < 4; j++) {
                    boolean out = i != j && captions.get(i).equals(captions.get(j));
                    double wanted = out ? Double.NEGATIVE_INFINITY : logits.select(0, i).select(0, j).item();
                    assertThat(open.select(0, i).select(0, j).item()).as(i + "," + j).isEqualTo(wanted);
                }
            }
            // nothing to choose from: no loss, and no gradient that is not a number
            Tensor none = t.updates().get(0).objective().of(batch(Collections.nCopies(4, "a ring")), new Step(0, new Rng(3))).total();
            assertThat(none.item()).isCloseTo(0, within(1e-6));
            none.backward();
            t.net().parameters().values().stream().filter(Tensor::hasGrad)
                .forEach(p -> assertThat(p.grad().isFinite().all().item()).isEqualTo(1));
        }
    }

    @Test void theFactorOfTheCosinesNeverPassesAHundred(@TempDir Path run) {
        try (Scope scope = new Scope(); ClipTraining t = towers(SPEC); Guard g = Torch.noGrad()) {
            Tensor factor = t.net().parameters().get("clip.logit_scale");
            factor.fill(4);
            loss(t, batch(FOUR));
            assertThat(factor.item()).isEqualTo(4);
            factor.fill(9);
            loss(t, batch(FOUR));
            assertThat(factor.item()).isCloseTo(Math.log(100), within(1e-6));
            factor.fill(9);
            t.publish(run);
            try (ClipEmbedder read = ClipEmbedder.open(run.toString())) { assertThat(read.scale()).isCloseTo(100, within(1e-3)); }
        }
    }

    @Test void theRunIsAPublicClipToo(@TempDir Path run) {
        try (Scope scope = new Scope(); ClipTraining t = towers(SPEC); Guard g = Torch.noGrad()) {
            t.prepare(new Captions(FOUR));
            assertThat(t.publish(run)).allMatch(Files::isRegularFile);
            try (ClipEmbedder read = ClipEmbedder.open(run.toString())) {
                Tensor x = new Rng(5).normal(2, 3, 20, 31).tanh();
                assertThat(far(read.embedImage(x), t.embedImage(x))).isLessThan(1e-6);
                assertThat(far(read.embedText(FOUR), t.embedText(FOUR))).isLessThan(1e-6);
                assertThat(read.side()).isEqualTo(16);
                assertThat(read.name()).matches(run.getFileName() + "-[0-9a-f]{8}");
            }
            t.publish(run);   // again and again while it learns
        }
        try (Scope scope = new Scope(); ClipTraining grey = towers(new ImageSpec(1, 28, 28, 10)); Guard g = Torch.noGrad()) {
            grey.publish(run);
            try (ClipEmbedder read = ClipEmbedder.open(run.toString())) {
                Tensor x = new Rng(5).normal(2, 1, 28, 28).tanh();
                assertThat(far(read.embedImage(x), grey.embedImage(x))).isLessThan(1e-6);
                assertThat(far(read.embedImage(x.expand(2, 3, 28, 28)), grey.embedImage(x))).isLessThan(1e-5);
            }
        }
    }

    @Test void aCaptionTooLongIsCutInTrainingAndRefusedAfterwards() {
        try (Scope scope = new Scope(); ClipTraining t = towers(SPEC); Guard g = Torch.noGrad()) {
            String cut = "a ring a ring a ring";   // 21 bytes with the space before each word
            assertThat(loss(t, batch(List.of(cut + " of nine", "b", "c", "d")))).isCloseTo(loss(t, batch(List.of(cut, "b", "c", "d"))),
                within(1e-5));
            assertThatThrownBy(() -> t.embedText(List.of("word ".repeat(10_000)))).hasMessageStartingWith("a text of 50000 tokens is too "
                + "long, this CLIP reads 21 at most: 'word word ");
        }
    }

    @Test void theLossIsToldOfWholeHundreds() {
        try (Scope scope = new Scope(); ClipTraining t = towers(SPEC); Guard g = Torch.noGrad()) {
            List<String> captions = IntStream.range(0, 250).mapToObj(i -> "number " + i).toList();
            List<Measure> untrained = t.evaluate(List.of(batch(captions)), new Rng(0));
            assertThat(untrained.get(0).name()).isEqualTo("contrast");
            assertThat(untrained.get(0).value()).isBetween(3.0, 8.0);
            assertThat(untrained.get(0).about()).isEqualTo("the loss among 100 pictures and their captions, chance is 4.61; mean over 200");
            assertThatThrownBy(() -> t.evaluate(List.of(batch(FOUR)), new Rng(0)))
                .hasMessage("clip wants 100 test pictures to be evaluated on, got fewer");
        }
    }

    @Test void whatItCannotLearnIsRefused() {
        assertThatThrownBy(() -> towers(new VectorSpec(2, 0))).hasMessageStartingWith("clip wants pictures, got points");
        assertThatThrownBy(() -> towers(new ImageSpec(3, 16, 20, 0))).hasMessageStartingWith("clip wants square pictures, got pictures");
        assertThatThrownBy(() -> towers(SPEC, "patch=5"))
            .hasMessage("illegal patch: 5, must divide the side 16; data.size=15 or data.size=20 fits");
        assertThatThrownBy(() -> towers(SPEC, "text.heads=3")).hasMessageContaining("illegal heads: 3, must divide width 16");
        try (Scope scope = new Scope(); ClipTraining t = towers(SPEC)) {
            Batch without = new Batch(Torch.zeros(4, 3, 16, 16));
            assertThatThrownBy(() -> loss(t, without)).hasMessage("clip wants pictures with captions, got items without");
        }
    }
}
