package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Optimizer;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Losses;
import io.palitra.model.Step;
import io.palitra.model.Update;
import java.util.List;
import org.junit.jupiter.api.Test;

class ClassifierTest {
    private static final Classifier.Config SMALL = new Classifier.Config(4, 16, List.of());

    private static Classifier build(DataSpec data) { return (Classifier) Classifier.FAMILY.build(SMALL, data, new Rng(1)); }

    /** A bar across a noisy picture, of class 0 lying, of class 1 standing. */
    private static Batch bars(long seed, int n, int channels, int side) {
        long[] label = new Rng(seed).integers(2, n, 1).longs(), at = new Rng(seed + 1).integers(side, n, 1).longs();
        float[] x = new Rng(seed + 2).normal(n, channels, side, side).mul(0.2).floats();
        for (int i = 0; i < n * channels; i++) {
            int b = i / channels, where = (int) at[b];
            for (int k = 0; k < side; k++) x[i * side * side + (label[b] == 0 ? where * side + k : k * side + where)] += 2;
        }
        return new Batch(Torch.of(x, n, channels, side, side), Condition.ofLabels(Torch.of(label, n)));
    }

    private static double accuracyAfter(Classifier model, int steps, Batch train, Batch test) {
        Update update = model.updates().get(0);
        try (Optimizer optimizer = new Optimizer(Classifier.FAMILY.recipe().optimizer(), update.moves().parameters())) {
            for (int step = 0; step < steps; step++) {
                try (Scope turn = new Scope()) {
                    optimizer.zeroGrad();
                    update.objective().of(train, new Step(0, new Rng(step))).total().backward();
                    optimizer.step(2e-3);
                }
            }
        }
        model.net().training(false);
        return model.evaluate(List.of(test), new Rng(1)).get(0).value();
    }

    @Test void anItemCountsAsItsClassWeighs() {
        try (Scope scope = new Scope()) {
            VectorSpec points = new VectorSpec(2, 2);
            Classifier even = (Classifier) Classifier.FAMILY.build(SMALL, points, new Rng(1));
            Classifier one = (Classifier) Classifier.FAMILY.build(new Classifier.Config(4, 16, List.of(0.0, 3.0)), points, new Rng(1));
            Batch both = new Batch(new Rng(2).normal(4, 2), Condition.ofLabels(Torch.of(new long[] {0, 1, 0, 1}, 4)));
            Batch second = new Batch(both.x().rows(1, 3).every(0, 2), Condition.ofLabels(Torch.of(new long[] {1, 1}, 2)));
            double weighed = one.updates().get(0).objective().of(both, new Step(0, new Rng(3))).total().item();
            double alone = even.updates().get(0).objective().of(second, new Step(0, new Rng(3))).total().item();
            assertThat(weighed).isCloseTo(alone, within(1e-5));
        }
        assertThatThrownBy(() -> Classifier.FAMILY.build(new Classifier.Config(4, 8, List.of(1.0)), new VectorSpec(2, 2), new Rng(1)))
            .hasMessage("illegal weights: 1, must be one for each of the 2 classes");
    }

    @Test void itLearnsPicturesOfEverySizeAndColour() {
        int[][] shapes = {{1, 28}, {3, 32}, {1, 64}};
        for (int[] s : shapes) {
            try (Scope scope = new Scope()) {
                Classifier model = build(new ImageSpec(s[0], s[1], s[1], 2));
                assertThat(accuracyAfter(model, 40, bars(1, 32, s[0], s[1]), bars(9, 64, s[0], s[1]))).as(s[0] + "x" + s[1])
                    .isGreaterThan(90);
                assertThat(model.features(Torch.zeros(3, s[0], s[1], s[1])).shape()).containsExactly(3, 16);
                assertThat(model.logits(Torch.zeros(3, s[0], s[1], s[1])).shape()).containsExactly(3, 2);
                model.net().close();
            }
        }
    }

    @Test void itLearnsPointsThatNoLineParts() {
        try (Scope scope = new Scope()) {
            Classifier model = build(new VectorSpec(2, 2));
            Tensor x = new Rng(1).normal(256, 2), inside = x.square().sumPerItem().lt(1.4);
            Batch ring = new Batch(x, Condition.ofLabels(inside.to(DType.I64)));
            assertThat(accuracyAfter(model, 200, ring, ring)).isGreaterThan(95);
            model.net().close();
        }
    }

    @Test void aPictureTooSmallToHalveIsStillRead() {
        try (Scope scope = new Scope()) {
            Classifier model = build(new ImageSpec(3, 1, 5, 2));
            assertThat(model.logits(Torch.zeros(2, 3, 1, 5)).shape()).containsExactly(2, 2);
            model.net().close();
        }
    }

    @Test void aShiftMovesEachPictureByAtMostTwoPixelsAndIsAFunctionOfTheStream() {
        try (Scope scope = new Scope()) {
            float[] dot = new float[100 * 256];
            for (int i = 0; i < 100; i++) dot[i * 256 + 8 * 16 + 8] = 1;
            Tensor x = Torch.of(dot, 100, 1, 16, 16), y = Classifier.shifted(x, new Rng(3));
            assertThat(y.floats()).containsExactly(Classifier.shifted(x, new Rng(3)).floats());
            assertThat(y.narrow(2, 6, 5).narrow(3, 6, 5).sum().item()).isEqualTo(100);
            assertThat(y.sum(false, 0, 1, 3).gt(0).to(DType.F32).sum().item()).isEqualTo(5);
            assertThat(y.sum(false, 0, 1, 2).gt(0).to(DType.F32).sum().item()).isEqualTo(5);
        }
    }

    @Test void theLossBeforeTrainingIsThatOfAGuess() {
        try (Scope scope = new Scope()) {
            Classifier model = build(new ImageSpec(1, 16, 16, 2));
            Losses losses = model.updates().get(0).objective().of(bars(1, 64, 1, 16), new Step(0, new Rng(1)));
            assertThat(losses.total().item()).isBetween(0.5, 0.9);
            assertThat(losses.parts()).containsOnlyKeys("accuracy");
            model.net().close();
        }
    }

    @Test void dataWithoutClassesAndMisshapenItemsAreRefused() {
        try (Scope scope = new Scope()) {
            assertThatThrownBy(() -> build(new ImageSpec(1, 28, 28, 0))).hasMessage("classifier wants data of at least 2 classes, got "
                + "pictures of 1x28x28 without classes");
            Classifier model = build(new ImageSpec(1, 28, 28, 10));
            assertThatThrownBy(() -> model.features(Torch.zeros(1, 3, 28, 28)))
                .hasMessage("classifier wants [B,1,28,28], got 1×3×28×28");
            assertThatThrownBy(() -> model.evaluate(List.of(), new Rng(1)))
                .hasMessage("classifier wants test items to be evaluated on, got none");
            model.net().close();
        }
    }
}
