package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.config.Config;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.net.Gpt2;
import io.palitra.stage.Builds;
import io.palitra.stage.GptFolder;
import io.palitra.train.RunModels;
import io.palitra.train.TinyRuns;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FlamingoTest {
    @TempDir static Path root;

    private static Flamingo build(RunModels models) throws IOException {
        FamilyContract.Case c = TinyRuns.tiny(Families.named("flamingo"), root);
        return new Flamingo(Config.with(Flamingo.FAMILY.defaults(), c.overrides()), new Build(c.data(), new Rng(1), models));
    }

    @Test void atItsStartItIsTheLanguageModelBitForBit() throws IOException {
        try (RunModels models = Builds.models(); Flamingo flamingo = build(models); Scope scope = new Scope(); Guard g = Torch.noGrad();
                Gpt2 lm = GptFolder.of(root.resolve("upon/gpt").toString()).open(0)) {
            lm.training(false);
            Tensor ids = Torch.of(new long[] {299, 5, 60, 7, 299, 8, 9, 10}, 2, 4), shown = new Rng(2).normal(2, 4, 16);
            float[] alone = lm.forward(ids).floats();
            assertThat(flamingo.logits(ids, shown, Torch.ones(2, 4, 2)).floats()).isEqualTo(alone);
            flamingo.net().parameters().forEach((key, p) -> {
                if (key.contains("alpha_")) p.fill(0.5);
            });
            assertThat(flamingo.logits(ids, shown, Torch.ones(2, 4, 2)).floats()).isNotEqualTo(alone);
        }
    }

    @Test void aTextAttendsToItsOwnPictureAlone() throws IOException {
        try (RunModels models = Builds.models(); Flamingo flamingo = build(models); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            flamingo.net().parameters().forEach((key, p) -> {
                if (key.contains("alpha_")) p.fill(0.5);
            });
            Tensor ids = Torch.of(new long[] {299, 5, 299, 7}, 1, 4), shown = new Rng(2).normal(1, 4, 16), changed = shown.copy();
            changed.narrow(1, 2, 2).fill(2);   // the second picture
            Tensor sees = Torch.of(new float[] {1, 0, 1, 0, 0, 1, 0, 1}, 1, 4, 2);
            Tensor moved = flamingo.logits(ids, shown, sees).sub(flamingo.logits(ids, changed, sees)).abs();
            assertThat(moved.narrow(1, 0, 2).max().item()).isZero();
            assertThat(moved.narrow(1, 2, 2).max().item()).isPositive();
        }
    }
}
