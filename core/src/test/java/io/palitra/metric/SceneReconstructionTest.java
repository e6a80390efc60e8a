package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.DataLoader;
import io.palitra.data.Scenes;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.model.Measure;
import io.palitra.model.Reconstructs;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class SceneReconstructionTest {
    private static final Scenes TEST = new Scenes(Split.TEST, 64);

    private static Map<String, Double> measured(Reconstructs way) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            return SceneReconstruction.measure(way, TEST,
                DataLoader.inOrder(TEST, 100, 120, Device.CPU)).stream()
                .collect(Collectors.toMap(Measure::name, Measure::value));
        }
    }

    @Test void whatComesBackIsReadBesideWhatWentIn() {
        assertThat(measured(x -> x)).allSatisfy((name, value) -> assertThat(value).as(name).isGreaterThan(95));
        assertThat(measured(Torch::zerosLike)).allSatisfy((name, value) -> assertThat(value).as(name).isZero());
        assertThat(measured(x -> Torch.cat(0, List.of(x.narrow(0, 1, x.size(0) - 1), x.narrow(0, 0, 1)))))
            .as("the pictures of others").allSatisfy((name, value) -> assertThat(value).as(name).isLessThan(30));
    }
}
