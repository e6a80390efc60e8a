package io.palitra.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Json;
import io.palitra.data.FormatException;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.model.ModelRef;
import io.palitra.net.PriorTransformer;
import io.palitra.train.RunModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VectorPriorTest {
    @TempDir private Path root;

    /** A public prior of vectors of that many numbers, without a text's tokens. */
    private Path prior(Path folder, int width) throws IOException {
        Files.createDirectories(folder);
        String json = ("{'_class_name': 'PriorTransformer', 'num_attention_heads': 2, 'attention_head_dim': 8, 'num_layers': 1,"
            + "'embedding_dim': " + width + ", 'num_embeddings': 0, 'encoder_hid_proj_type': null}").replace('\'', '"');
        Files.writeString(folder.resolve("config.json"), json);
        try (Scope scope = new Scope(); PriorTransformer net = new PriorTransformer(PriorTransformer.Config.fromJson(Json.read("test",
            json)),
                new Rng(1))) {
            net.statistics(Torch.full(0.1, width), Torch.full(0.5, width));
            Safetensors.write(folder.resolve("diffusion_pytorch_model.safetensors"), net.state(), Map.of("format", "pt"));
        }
        return folder;
    }

    @Test void aPublicPriorAloneOrInAPipelineDrawsVectorsOfLengthOne() throws IOException {
        prior(root.resolve("pipeline/prior"), 8);
        String alone = prior(root.resolve("alone"), 8).toString(), clip = TinyClip.write(root.resolve("clip")).toString();
        for (String where : List.of(alone, root.resolve("pipeline").toString())) {
            try (RunModels models = Builds.models(); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                VectorPrior prior = models.open(new ModelRef(where), VectorPrior.class);
                ClipEmbedder embedder = models.open(new ModelRef(clip), ClipEmbedder.class);
                prior.check(embedder, clip);
                Tensor drawn = prior.draw(embedder, List.of("a", "b"), new VectorPrior.Drawing(3, 2, 2), new Rng(1));
                assertThat(drawn.shape()).containsExactly(2, 8);
                assertThat(drawn.square().sum(false, 1).floats()).containsExactly(new float[] {1, 1}, within(1e-4f));
                Tensor alike = prior.draw(embedder, List.of("b"), new VectorPrior.Drawing(3, 2, 2), new Rng(1).at(1));
                assertThat(alike.sub(drawn.rows(1, 1)).abs().max().item()).isLessThan(1e-4);
            }
        }
    }

    @Test void ofMoreVectorsTheNearestToTheTextIsKept() throws IOException {
        String where = prior(root.resolve("alone"), 8).toString(), clip = TinyClip.write(root.resolve("clip")).toString();
        try (RunModels models = Builds.models(); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            VectorPrior prior = models.open(new ModelRef(where), VectorPrior.class);
            ClipEmbedder embedder = models.open(new ModelRef(clip), ClipEmbedder.class);
            Tensor point = embedder.embedText(List.of("a"));
            double one = prior.draw(embedder, List.of("a"), new VectorPrior.Drawing(3, 1, 1), new Rng(2)).mul(point).sum().item();
            double eight = prior.draw(embedder, List.of("a"), new VectorPrior.Drawing(3, 1, 8), new Rng(2)).mul(point).sum().item();
            assertThat(eight).isGreaterThanOrEqualTo(one);
        }
    }

    @Test void aPriorOfOtherVectorsIsRefusedAndABrokenOneNamed() throws IOException {
        Path other = prior(root.resolve("other"), 12);
        String clip = TinyClip.write(root.resolve("clip")).toString();
        try (RunModels models = Builds.models()) {
            VectorPrior prior = models.open(new ModelRef(other.toString()), VectorPrior.class);
            ClipEmbedder embedder = models.open(new ModelRef(clip), ClipEmbedder.class);
            assertThatThrownBy(() -> prior.check(embedder, clip)).hasMessage("the prior '" + other
                + "' is of vectors of 12 numbers, the CLIP '"
                + clip + "' gives 8");
        }
        Files.delete(other.resolve("diffusion_pytorch_model.safetensors"));
        try (RunModels models = Builds.models()) {
            assertThatThrownBy(() -> models.open(new ModelRef(other.toString()), VectorPrior.class)).isInstanceOf(FormatException.class);
            assertThatThrownBy(() -> models.open(new ModelRef(clip), VectorPrior.class)).hasMessage("'" + clip + "' is no run");
        }
    }
}
