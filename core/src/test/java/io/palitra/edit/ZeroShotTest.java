package io.palitra.edit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.PictureFiles;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.report.Png;
import io.palitra.stage.ClipEmbedder;
import io.palitra.stage.TinyClip;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Classes and searches by words, on a CLIP of random weights. */
class ZeroShotTest {
    @TempDir Path root;
    private Path clip;

    @BeforeEach void write() throws Exception { clip = TinyClip.write(root.resolve("clip")); }

    @Test void chancesAreTheSoftmaxOfTheCosinesAndFollowTheirLabels() {
        try (Scope scope = new Scope(); ClipEmbedder model = ClipEmbedder.open(clip.toString()); Guard g = Torch.noGrad()) {
            Tensor x = new Rng(1).normal(1, 3, 20, 16).tanh();
            List<ZeroShot.Guess> guesses = ZeroShot.classify(model, x, List.of("cat", "dog", "kite"), "a {}");
            double[] cosines = model.embedImage(x).matmul(model.embedText(List.of("a cat", "a dog", "a kite")).t()).doubles();
            double sum = 0, chances = 0;
            for (double c : cosines) sum += Math.exp(Math.exp(2) * c);
            for (int i = 0; i < 3; i++) {
                assertThat(guesses.get(i).cosine()).isCloseTo(cosines[i], within(1e-6));
                assertThat(guesses.get(i).probability()).isCloseTo(Math.exp(Math.exp(2) * cosines[i]) / sum, within(1e-5));
                chances += guesses.get(i).probability();
            }
            assertThat(chances).isCloseTo(1, within(1e-5));
            List<ZeroShot.Guess> turned = ZeroShot.classify(model, x, List.of("kite", "dog", "cat"), "a {}");
            assertThat(turned.get(2).probability()).isCloseTo(guesses.get(0).probability(), within(1e-6));
            assertThatThrownBy(() -> ZeroShot.classify(model, x, List.of("a", "b"), "a photo"))
                .hasMessage("the template 'a photo' has no {}");
        }
    }

    @Test void labelsStandBetweenCommas() {
        assertThat(ZeroShot.labels(" a cat,dog , красный круг")).containsExactly("a cat", "dog", "красный круг");
        assertThatThrownBy(() -> ZeroShot.labels("")).hasMessage("no labels; wanted are some as \"a, b, c\"");
        assertThatThrownBy(() -> ZeroShot.labels(" , ,")).hasMessage("no labels; wanted are some as \"a, b, c\"");
        assertThatThrownBy(() -> ZeroShot.labels("a")).hasMessage("one label is no choice: 'a'; wanted are some as \"a, b, c\"");
        assertThatThrownBy(() -> ZeroShot.labels("a,,b")).hasMessage("label 2 of 3 is empty");
        assertThatThrownBy(() -> ZeroShot.labels("a,b, a")).hasMessage("label 'a' is there twice");
    }

    @Test void theNearestComeFirstAndBrokenOnesAreNamed() throws Exception {
        Path folder = Files.createDirectories(root.resolve("pictures/deep")).getParent();
        for (int i = 0; i < 40; i++) {
            byte[] p = new byte[3 * 12 * (12 + i % 2)];
            for (int k = 0; k < p.length; k++) p[k] = (byte) (k * (i + 1) * 7);
            Png.write(folder.resolve(i < 20 ? "p" + i + ".png" : "deep/p" + i + ".png"), new Picture(3, 12, 12 + i % 2, p), Map.of());
        }
        Png.write(folder.resolve("grey.png"), new Picture(1, 5, 9, new byte[45]), Map.of());
        Files.writeString(folder.resolve("broken.png"), "no picture");
        Files.writeString(folder.resolve("notes.txt"), "passed over");
        List<Integer> seen = new ArrayList<>();
        try (Scope scope = new Scope(); ClipEmbedder model = ClipEmbedder.open(clip.toString()); Guard g = Torch.noGrad();
                PictureFiles files = PictureFiles.open(folder, Limits.DEFAULT)) {
            Tensor asked = model.embedText(List.of("a kite"));
            PictureSearch.Result result = PictureSearch.of(model, asked, files, Device.CPU, seen::add);
            assertThat(result.all()).hasSize(41);
            assertThat(result.skipped()).hasSize(1).first().asString()
                .endsWith("broken.png at byte 0: not a PNG, JPEG, GIF, BMP or WebP picture");
            assertThat(seen.get(seen.size() - 1)).isEqualTo(42);
            for (int i = 0; i < 41; i++) {
                PictureSearch.Found f = result.all().get(i);
                if (i > 0) assertThat(f.cosine()).isLessThanOrEqualTo(result.all().get(i - 1).cosine());
                Tensor alone = model.embedImage(PictureSearch.tensor(files.read(f.file()), Device.CPU));
                assertThat(f.cosine()).as(f.file()).isCloseTo(alone.matmul(asked.t()).item(), within(1e-5));
            }
            Tensor picture = model.embedImage(PictureSearch.tensor(files.read("deep/p33.png"), Device.CPU));
            PictureSearch.Found first = PictureSearch.of(model, picture, files, Device.CPU, k -> {}).all().get(0);
            assertThat(first.file()).isEqualTo("deep/p33.png");
            assertThat(first.cosine()).isCloseTo(1, within(1e-5));
        }
        assertThatThrownBy(() -> PictureFiles.open(Files.createDirectories(root.resolve("none")), Limits.DEFAULT))
            .isInstanceOf(FormatException.class).hasMessageEndingWith("no files of pictures");
    }
}
