package io.palitra.edit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.Batch;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.family.Families;
import io.palitra.model.Family;
import io.palitra.model.Trainable;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class AnomaliesTest {
    @Test void theThresholdLeavesTheAskedShareOfNormalItemsBelow() {
        double[] normal = new double[1000];
        for (int i = 0; i < 1000; i++) normal[(i * 7) % 1000] = i;
        assertThat(Anomalies.threshold(normal, 0.95)).isEqualTo(949);
        assertThat(Arrays.stream(normal).filter(v -> v > 949).count()).isEqualTo(50);
        assertThat(Anomalies.threshold(normal, 1)).isEqualTo(999);
        assertThat(Anomalies.threshold(normal, 0)).isEqualTo(0);
        assertThat(normal[0]).isEqualTo(0);
        assertThatThrownBy(() -> Anomalies.threshold(normal, 1.1)).hasMessageContaining("must be between 0 and 1");
        assertThatThrownBy(() -> Anomalies.threshold(new double[0], 0.5)).hasMessageContaining("got none");
    }

    @Test void everyFamilyThatCanScoresItemsTheSameHoweverTheyAreBatched() {
        for (String name : List.of("ae", "realnvp", "ebm")) {
            try (Scope scope = new Scope()) {
                Trainable model = build(Families.named(name));
                model.net().training(false);
                Tensor x = new Rng(2).normal(10, 2).mul(0.5);
                double[] all = Anomalies.scores(model, List.of(new Batch(x)), new Rng(1));
                double[] parts = Anomalies.scores(model, List.of(new Batch(x.rows(0, 6)), new Batch(x.rows(6, 4))),
                    new Rng(1));
                assertThat(all).hasSize(10).containsExactly(parts, org.assertj.core.data.Offset.offset(1e-4));
                double[] far = Anomalies.scores(model, List.of(new Batch(Torch.full(30, 3, 2))), new Rng(1));
                if (!name.equals("ebm")) assertThat(far[0]).isGreaterThan(Arrays.stream(all).max().orElseThrow());
                assertThat(Anomalies.score(model).name()).isNotBlank();
            }
        }
        try (Scope scope = new Scope()) {
            Trainable gan = build(Families.named("gan"));
            assertThatThrownBy(() -> Anomalies.score(gan)).hasMessageContaining("no likelihood, no energy and no reconstruction");
        }
    }

    private static <C extends Record> Trainable build(Family<C> family) {
        return family.build(family.defaults(), new VectorSpec(2, 0), new Rng(1));
    }
}
