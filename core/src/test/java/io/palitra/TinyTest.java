package io.palitra;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.api.Test;

/** What a broken machine fails first. */
class TinyTest {
    @Test void nativesLoadTwoTensorsAddAndOneBackwardRuns() {
        try (Scope scope = new Scope()) {
            Tensor x = Torch.of(new float[] {1, 2}, 2).requiresGrad(true);
            Tensor y = x.add(Torch.of(new float[] {10, 20}, 2)).square().sum();
            y.backward();
            assertThat(y.item()).isEqualTo(11 * 11 + 22 * 22);
            assertThat(x.grad().floats()).containsExactly(22, 44);
        }
    }
}
