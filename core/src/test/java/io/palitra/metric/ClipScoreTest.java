package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.stage.ClipEmbedder;
import io.palitra.stage.TinyClip;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClipScoreTest {
    @Test void itIsTwoAndAHalfCosinesAndNeverBelowZero() {
        try (Scope scope = new Scope()) {
            Tensor pictures = Torch.of(new float[] {1, 0, 0.6f, 0.8f, 1, 0, 0, 1}, 4, 2);
            Tensor texts = Torch.of(new float[] {1, 0, 0.8f, 0.6f, -1, 0, 1, 0}, 4, 2);
            assertThat(ClipScore.of(pictures, texts).floats()).containsExactly(new float[] {2.5f, 2.4f, 0, 0}, within(1e-6f));
        }
    }

    @Test void aPictureIsScoredWithItsOwnText(@TempDir Path folder) throws Exception {
        TinyClip.write(folder);
        try (Scope scope = new Scope(); ClipEmbedder clip = ClipEmbedder.open(folder.toString()); Guard g = Torch.noGrad()) {
            Tensor x = new Rng(1).normal(2, 3, 16, 16).tanh();
            List<String> texts = List.of("a cat", "a dog");
            double[] cosines = clip.embedImage(x).matmul(clip.embedText(texts).t()).diagonal().doubles();
            float[] scores = ClipScore.of(clip, x, texts).floats();
            for (int i = 0; i < 2; i++) assertThat((double) scores[i]).isCloseTo(2.5 * Math.max(0, cosines[i]), within(1e-5));
            assertThatThrownBy(() -> ClipScore.of(clip, x, List.of("a cat"))).hasMessage("1 texts for 2 pictures");
        }
    }
}
