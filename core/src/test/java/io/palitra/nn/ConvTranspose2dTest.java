package io.palitra.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import org.junit.jupiter.api.Test;

class ConvTranspose2dTest {
    @Test void picturesOfOnePixelAreAProductOfMatrices() {
        try (Scope scope = new Scope(); ConvTranspose2d layer = new ConvTranspose2d(7, 5, 4, 1, 0, Init.DCGAN, false, new Rng(1))) {
            Tensor x = new Rng(2).normal(3, 7);
            Tensor y = layer.ofPoints(x), same = layer.forward(x.reshape(3, 7, 1, 1));
            assertThat(y.shape()).containsExactly(3, 5, 4, 4);
            assertThat(y.sub(same).abs().max().item()).isLessThan(1e-6);
        }
        try (Scope scope = new Scope(); ConvTranspose2d padded = new ConvTranspose2d(7, 5, 4, 2, 1, Init.DCGAN, true, new Rng(1))) {
            Tensor x = new Rng(2).normal(3, 7);
            assertThatThrownBy(() -> padded.ofPoints(x)).isInstanceOf(IllegalStateException.class);
        }
    }
}
