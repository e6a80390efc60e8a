package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.ClassifierFeatures;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A network whose features are the points themselves. */
class CopiesTest {
    private static final ClassifierFeatures SAME = new ClassifierFeatures() {
        @Override public Tensor features(Tensor x) { return x; }

        @Override public Tensor logits(Tensor x) { return x; }
    };

    private static Tensor points(long seed, int n) { return new Rng(seed).normal(n, 6); }

    private static List<Batch> stream(Tensor x, int batch) {
        List<Batch> batches = new ArrayList<>();
        for (long at = 0; at < x.size(0); at += batch) batches.add(new Batch(x.rows(at, Math.min(batch, x.size(0) - at))));
        return batches;
    }

    private static Copies of(Tensor samples, Tensor train, int batch) {
        int[] items = new Rng(4).permutation((int) train.size(0));
        items = java.util.Arrays.copyOf(items, 400);
        long[] rows = java.util.Arrays.stream(items).asLongStream().toArray();
        Batch some = new Batch(train.indexSelect(0, Torch.of(rows, rows.length)), Condition.NONE, items);
        return Copies.of(SAME, "points", samples, points(3, 400), some, stream(train, batch));
    }

    @Test void freshItemsAreHardlyEverTakenForCopiesAndCopiesAlways() {
        try (Scope scope = new Scope()) {
            Tensor train = points(1, 3000);
            Copies fresh = of(points(2, 400), train, 700), copied = of(train.rows(100, 300).add(1e-4), train, 700);
            assertThat(fresh.measures()).extracting(m -> m.name()).containsExactly("copies", "copies by pixels");
            assertThat(fresh.measures()).allMatch(m -> m.value() < 5 && m.about().contains("of 3,000 training items"));
            assertThat(copied.measures()).allMatch(m -> m.value() == 100);
            for (int i = 0; i < copied.samples().length; i++) assertThat(copied.items()[i]).isEqualTo(copied.samples()[i] + 100);
        }
    }

    @Test void howTheStreamIsCutIntoBatchesChangesNothing() {
        try (Scope scope = new Scope()) {
            Tensor train = points(1, 1000), samples = Torch.cat(0, points(2, 50), train.rows(7, 3));
            Copies one = of(samples, train, 1000), many = of(samples, train, 33);
            assertThat(many.measures()).isEqualTo(one.measures());
            assertThat(many.samples()).isEqualTo(one.samples());
            assertThat(many.items()).isEqualTo(one.items()).startsWith(one.items()[0]);
            assertThat(one.samples()).containsSequence(one.samples()[0]).contains(50, 51, 52);
        }
    }

    @Test void tooFewTrainingItemsAreRefused() {
        try (Scope scope = new Scope()) {
            Tensor x = points(1, 10);
            Batch few = new Batch(x, Condition.NONE, new int[10]);
            assertThatThrownBy(() -> Copies.of(SAME, "points", x, x, few, stream(x, 10)))
                .hasMessage("the search for copies wants at least 100 training items, got 10");
        }
    }
}
