package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.family.Families;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import io.palitra.train.RunConfig;
import io.palitra.train.TinyRuns;
import io.palitra.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CaptionRequestTest {
    @TempDir private static Path root;

    private static final DataOptions OPTIONS = Config.with(DataOptions.DEFAULT, List.of("size=20", "captions=true"));

    private static Dataset data(Split split) { return Datasets.open("strokes", split, OPTIONS); }

    private static Path run(String name, List<String> overrides) throws IOException {
        List<String> all = new ArrayList<>(overrides);
        all.addAll(List.of("train.steps=2", "train.batch=8"));
        Path folder = root.resolve(name);
        RunConfig config = RunConfig.of("flamingo", "strokes", data(Split.TRAIN), OPTIONS, 3, all).on("cpu", RunConfig.Precision.FP32, 1);
        Trainer.start(folder, config, data(Split.TRAIN), data(Split.TEST), Watcher.SILENT);
        return folder;
    }

    @BeforeAll static void aRunOfFlamingo() throws IOException {
        run("flamingo", TinyRuns.tiny(Families.named("flamingo"), root).overrides());
        Path shots = Files.createDirectories(root.resolve("shots"));
        for (int i = 0; i < 3; i++) {
            byte[] grey = new byte[30 * 30];
            for (int k = 0; k < grey.length; k++) grey[k] = (byte) (k * (i + 1));
            Png.write(shots.resolve("p" + i + ".png"), new Picture(1, 30, 30, grey), Map.of());
            Files.writeString(shots.resolve("p" + i + ".txt"), "a picture");
        }
    }

    private static CaptionRequest caption(String shots, String ask) {
        return new CaptionRequest(root.resolve("flamingo").toString(), List.of(root.resolve("shots/p0.png").toString()), shots, 2, ask, 6,
            0, 0,
            "cpu", 1);
    }

    @Test void picturesGetTextsWithExamplesAndQuestionsOrWithout() throws IOException {
        for (String shots : new String[] {"", root.resolve("shots").toString()}) {
            for (String ask : new String[] {"", "how many circles?"}) {
                CaptionRequest.Result result = caption(shots, ask).run(Watcher.SILENT);
                assertThat(result.texts()).hasSize(1);
                assertThat(result.texts()).isEqualTo(caption(shots, ask).run(Watcher.SILENT).texts());
            }
        }
    }

    @Test void whatCannotBeCaptionedIsRefusedInALine() throws IOException {
        assertThatThrownBy(() -> new CaptionRequest(root.resolve("flamingo").toString(), List.of()).run(Watcher.SILENT))
            .hasMessage("caption wants a picture at least, got none");
        assertThatThrownBy(() -> new CaptionRequest(root.resolve("upon/clip").toString(), List.of("p.png")).run(Watcher.SILENT))
            .hasMessage("'clip' writes nothing of pictures; flamingo does");
        Path idefics = Files.createDirectories(root.resolve("idefics"));
        Files.writeString(idefics.resolve("config.json"), "{\"model_type\": \"idefics\"}");
        assertThatThrownBy(() -> new CaptionRequest(idefics.toString(), List.of("p.png")).run(Watcher.SILENT))
            .hasMessageContaining("is an IDEFICS: its network can be read, its tokenizer, LLaMA's, cannot yet");
        assertThatThrownBy(() -> caption("", "a".repeat(4000)).run(Watcher.SILENT)).hasMessageContaining("fewer examples fit");
        assertThatThrownBy(() -> run("none", List.of("clip=" + root.resolve("upon/clip")))).hasMessageStartingWith("which language model?");
        assertThatThrownBy(() -> run("odd", List.of("clip=" + root.resolve("upon/clip"), "lm=" + root.resolve("upon/gpt"), "every=2")))
            .hasMessageContaining("illegal every: 2, must divide the 1 blocks");
    }
}
