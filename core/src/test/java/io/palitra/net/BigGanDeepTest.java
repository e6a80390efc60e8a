package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.config.ConfigException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class BigGanDeepTest {
    private static final String SMALL = """
        {"z_dim": 4, "class_embed_dim": 4, "channel_width": 2, "num_classes": 3, "output_dim": 8, "eps": 1e-4, "n_stats": 3,
        "attention_layer_position": 1, "layers": [[true, 16, 8], [false, 8, 4], [false, 4, 2], [false, 2, 1]]}""";

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    private static BigGanDeep.Config config(String text) { return BigGanDeep.Config.fromJson(json(text), note -> { }); }

    @Test void theConfigurationOfTheLibraryIsThatOfPicturesOf128() {
        BigGanDeep.Config c = config("{}");
        assertThat(c.side()).isEqualTo(128);
        assertThat(c.layers()).hasSize(10);
        assertThat(BigGanDeep.Config.is(c.toJson())).isTrue();
        assertThat(BigGanDeep.Config.is(json("{\"channel_width\": 4}"))).isFalse();
    }

    @Test void whatChangesNothingIsNamed() {
        List<String> notes = new ArrayList<>();
        BigGanDeep.Config.fromJson(json(SMALL.replace("\"output_dim\": 8", "\"output_dim\": 64").replace("\"class_embed_dim\": 4",
            "\"class_embed_dim\": 9, \"colour\": 1")), notes::add);
        assertThat(notes).containsExactly("passed over, BigGANConfig has no such keys: colour",
            "output_dim 64 is passed over: the layers make pictures of a side of 8",
            "class_embed_dim 9 is passed over: a class has as many numbers as z, 4");
    }

    @Test void layersThatDoNotFitEachOtherAreRefusedInALine() {
        refused("[[true, 16, 8], [false, 4, 1]]", "illegal layers: layer 1 begins with 4, must be 8, with which the one before ends");
        refused("[[true, 16, 4]]", "illegal layers: layer 0 ends with 4, must be as many as it begins with, 16, or half of them");
        refused("[[true, 16, 8]]", "illegal layers: the last layer ends with 8, must be 1");
        refused("[[true, 8, 1]]", "illegal layers: layer 0 begins with 8, must be 16, as the first");
        refused("[[1, 16, 8]]", "illegal layers: [1,16,8], must be a list of [true or false, whole number, whole number]");
        refused("[]", "illegal layers: of 0, must be 1 to 256");
    }

    private static void refused(String layers, String message) {
        String text = SMALL.replaceFirst("\"layers\": .*]]", "\"layers\": " + layers);
        assertThatThrownBy(() -> config(text)).isInstanceOf(ConfigException.class).hasMessage(message);
    }

    @Test void attentionStandsBeforeTheLayerOfItsNumberAndBeyondAllNowhere() {
        try (BigGanDeep with = new BigGanDeep(config(SMALL), Rng.silent());
                BigGanDeep without = new BigGanDeep(config(SMALL.replace("position\": 1", "position\": 9")), Rng.silent())) {
            assertThat(with.state()).containsKeys("generator.layers.1.gamma", "generator.layers.4.conv_0.weight_u");
            assertThat(without.state().keySet()).noneMatch(k -> k.endsWith("gamma"));
        }
    }

    @Test void betweenTwoRowsOfStatisticsEachHasTheWeightOfTheOther() {
        try (Scope scope = new Scope(); BigGanDeep net = new BigGanDeep(config(SMALL), new Rng(1))) {
            Tensor means = Objects.requireNonNull(net.state().get("generator.bn.running_means"));
            means.copyFrom(new Rng(2).normal(means.shape()));
            Tensor z = new Rng(3).normal(2, 4), classes = Torch.oneHot(Torch.of(new long[] {0, 2}, 2), 3);
            float[] at = net.forward(z, classes, 0.6).floats();   // a fifth of the way from row 1 to row 2
            Tensor blend = means.select(0, 1).mul(0.2).add(means.select(0, 2).mul(0.8));
            means.copyFrom(Torch.stack(0, List.of(blend, blend, blend)));
            float[] wanted = net.forward(z, classes, 1).floats();
            for (int i = 0; i < at.length; i++) assertThat(at[i]).isCloseTo(wanted[i], org.assertj.core.api.Assertions.within(1e-5f));
        }
    }

    @Test void whatItCannotDrawIsRefused() {
        try (Scope scope = new Scope(); BigGanDeep net = new BigGanDeep(config(SMALL), new Rng(1))) {
            Tensor z = Torch.zeros(2, 4), classes = Torch.zeros(2, 3);
            assertThatThrownBy(() -> net.forward(z, classes, 0)).hasMessage("illegal truncation: 0.0, must be above 0 and at most 1");
            assertThatThrownBy(() -> net.forward(z, Torch.zeros(2, 4), 1))
                .hasMessage("BigGanDeep wants z [B,4] and classes [B,3], got 2×4 and 2×4");
        }
    }
}
