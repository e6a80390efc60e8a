package io.palitra.paint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.ConfigException;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.ModelParts;
import io.palitra.hub.Safetensors;
import io.palitra.model.Watcher;
import io.palitra.net.ClipText;
import io.palitra.net.UnetCondition2d;
import io.palitra.paint.PaintRequest.Edit;
import io.palitra.paint.PaintRequest.Margin;
import io.palitra.parity.References;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Laws of painting, on a tiny model of random weights. */
class PainterTest {
    private static final String TINY = "pipelines/stable-diffusion-tiny";
    private static final Path MODEL = References.first(TINY).orElse(Path.of("nowhere"));
    private static final PaintRequest REQUEST = PaintRequest.of("a castle").with("steps=4", "guidance=3");
    private static Painter painter;

    @BeforeAll static void open() {
        painter = Painter.open(ModelParts.open(References.find(TINY)), Painter.Options.DEFAULT);
    }

    @AfterAll static void close() {
        if (painter != null) painter.close();
    }

    private static List<Picture> paint(PaintRequest request) { return painter.paint(request, Watcher.SILENT).pictures(); }

    private static Picture gradient(int channels, int height, int width) {
        byte[] p = new byte[channels * height * width];
        for (int i = 0; i < p.length; i++) p[i] = (byte) (7 * i);
        return new Picture(channels, height, width, p);
    }

    /** White on the right half. */
    private static Picture rightHalf(int height, int width) {
        byte[] p = new byte[height * width];
        for (int i = 0; i < p.length; i++) p[i] = (byte) (i % width >= width / 2 ? 255 : 0);
        return new Picture(1, height, width, p);
    }

    private static int furthest(Picture a, Picture b) {
        int most = 0;
        for (int i = 0; i < a.pixels().length; i++) most = Math.max(most, Math.abs((a.pixels()[i] & 0xff) - (b.pixels()[i] & 0xff)));
        return most;
    }

    @Test void aPictureIsThatOfItsSeedAloneOrAmongOthers() {
        List<Picture> three = paint(REQUEST.with("n=3", "seed=5"));
        assertThat(three).hasSize(3);
        assertThat(furthest(three.get(2), paint(REQUEST.with("seed=7")).get(0))).isLessThanOrEqualTo(1);
        assertThat(furthest(three.get(0), three.get(1))).isGreaterThan(10);
        assertThat(paint(REQUEST.with("seed=7")).get(0).pixels()).isEqualTo(paint(REQUEST.with("seed=7")).get(0).pixels());
    }

    @Test void withoutStrengthAPictureIsLeftAsItIs() {
        Picture of = gradient(3, 16, 16);
        assertThat(paint(REQUEST.with(new Edit(of, 0, null, 0, Margin.NONE))).get(0).pixels()).isEqualTo(of.pixels());
        assertThat(paint(REQUEST.with(new Edit(of, 0.5, null, 0, Margin.NONE))).get(0).pixels()).isNotEqualTo(of.pixels());
    }

    @Test void whatAMaskLeavesOutStaysBitForBit() {
        Picture of = gradient(3, 16, 32), got = paint(REQUEST.with(new Edit(of, 1, rightHalf(16, 32), 0, Margin.NONE))).get(0);
        int changed = 0;
        for (int i = 0; i < got.pixels().length; i++) {
            if (i % 32 < 16) assertThat(got.pixels()[i]).isEqualTo(of.pixels()[i]);
            else if (got.pixels()[i] != of.pixels()[i]) changed++;
        }
        assertThat(changed).isGreaterThan(3 * 16 * 16 / 2);
    }

    @Test void rePaintFillsInByGoingBackAndForthFromPureNoiseAlone() {
        Picture of = gradient(3, 16, 32);
        PaintRequest request = REQUEST.with("sampler=RePaint", "steps=12");
        Picture got = paint(request.with(new Edit(of, 1, rightHalf(16, 32), 0, Margin.NONE))).get(0);
        Picture straight = paint(REQUEST.with("steps=12").with(new Edit(of, 1, rightHalf(16, 32), 0, Margin.NONE))).get(0);
        for (int i = 0; i < got.pixels().length; i++) if (i % 32 < 16) assertThat(got.pixels()[i]).isEqualTo(of.pixels()[i]);
        assertThat(got.pixels()).isNotEqualTo(straight.pixels());
        assertThatThrownBy(() -> paint(request.with(new Edit(of, 0.5, rightHalf(16, 32), 0, Margin.NONE))))
            .hasMessage("RePaint goes back and forth and cannot begin or change in the middle (strength=1)");
    }

    @Test void aSoftMaskBlendsBetweenThePicturesConvexly() {
        Canvas canvas = Canvas.of(new Edit(gradient(3, 16, 32), 1, rightHalf(16, 32), 2, Margin.NONE), 0, 0);
        Picture drawn = new Picture(3, 16, 32, new byte[3 * 16 * 32]), got = canvas.upon(drawn);
        for (int i = 0; i < got.pixels().length; i++) {
            assertThat(got.pixels()[i] & 0xff).isBetween(0, canvas.picture().pixels()[i] & 0xff);
            if (i % 32 < 10) assertThat(got.pixels()[i]).isEqualTo(canvas.picture().pixels()[i]);
        }
        assertThat(canvas.mask()[16] & 0xff).isBetween(100, 200);   // half way
    }

    @Test void outpaintingAddsMarginsAndKeepsTheMiddle() {
        Picture of = gradient(3, 16, 16), got = paint(REQUEST.with(new Edit(of, 1, null, 0, new Margin(8, 0, 16, 4 + 4)))).get(0);
        assertThat(List.of(got.width(), got.height())).containsExactly(40, 24);
        for (int c = 0; c < 3; c++) {
            for (int y = 0; y < 16; y++) {
                for (int x = 0; x < 16; x++) {
                    assertThat(got.pixels()[(c * 24 + y) * 40 + x + 8]).isEqualTo(of.pixels()[(c * 16 + y) * 16 + x]);
                }
            }
        }
    }

    @Test void theSameModelGoesOnAsIfItHadNeverChanged() {
        Picture one = paint(REQUEST).get(0);
        assertThat(paint(REQUEST.with(new PaintRequest.Switch(MODEL, 400))).get(0).pixels()).isEqualTo(one.pixels());
    }

    @Test void lowMemoryAndHalfPrecisionPaintTheSame() {
        Picture one = paint(REQUEST).get(0);
        try (Painter low = Painter.open(ModelParts.open(MODEL), new Painter.Options(Device.CPU, DType.F32, true));
                Painter half = Painter.open(ModelParts.open(MODEL), new Painter.Options(Device.CPU, DType.BF16, false))) {
            assertThat(furthest(low.paint(REQUEST, Watcher.SILENT).pictures().get(0), one)).isLessThanOrEqualTo(1);
            assertThat(furthest(half.paint(REQUEST, Watcher.SILENT).pictures().get(0), one)).isLessThan(30);
            assertThat(low.weightBytes()).isLessThan(painter.weightBytes());
            assertThat(2 * half.weightBytes()).isEqualTo(painter.weightBytes());
        }
    }

    @ParameterizedTest @ValueSource(strings = {"Euler a", "DPM++ 2M SDE Karras", "DDPM", "PLMS", "LCM", "dpm2 a", "HeunDiscreteScheduler"})
    void everyNameOfASamplerPaints(String name) {
        assertThat(paint(REQUEST.with("sampler=" + name, "steps=3"))).hasSize(1);
    }

    @Test void noiseOfEveryKindHasTheDeviationItSays() {
        try (Scope scope = new Scope()) {
            for (StartNoise kind : List.of(new StartNoise.Gaussian(), new StartNoise.Pyramid(0.5))) {
                double sum = 0;
                for (int i = 0; i < 400; i++) sum += kind.draw(new Rng(i), 4, 8, 8).square().mean().item();
                assertThat(sum / 400).isCloseTo(1, within(0.05));
            }
            double mean = 0;
            for (int i = 0; i < 400; i++) {
                Tensor x = new StartNoise.Offset(0.5).draw(new Rng(i), 4, 8, 8);
                mean += x.mean(false, 2, 3).square().mean().item();
            }
            assertThat(mean / 400).isCloseTo(0.25 + 1.0 / 64, within(0.05));
        }
    }

    @Test void aWatcherSeesEveryStepAndMayStop() {
        List<Integer> seen = new ArrayList<>();
        Watcher stops = new Watcher() {
            @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {
                seen.add((int) done);
                assertThat(of).isEqualTo(4);
                assertThat(preview.get().orElseThrow().width()).isEqualTo(16);
            }

            @Override public boolean stop() { return seen.size() == 3; }
        };
        assertThatThrownBy(() -> painter.paint(REQUEST, stops)).isInstanceOf(CancellationException.class).hasMessageContaining("3 of 4");
        assertThat(seen).containsExactly(1, 2, 3);
        assertThat(paint(REQUEST)).hasSize(1);
    }

    @Test void whatIsFinishedWhenItIsStoppedHasBeenSeen() {
        for (boolean low : new boolean[] {false, true}) {
            try (Painter p = Painter.open(ModelParts.open(MODEL), new Painter.Options(Device.CPU, DType.F32, low))) {
                List<Picture> all = p.paint(REQUEST.with("n=3", "seed=5"), Watcher.SILENT).pictures(), seen = new ArrayList<>();
                int[] steps = {0};
                Watcher stops = new Watcher() {
                    @Override public void tick(String what, long done, long of, Map<String, Double> figures,
                            Supplier<Optional<Picture>> preview) {
                        assertThat(of).isEqualTo(12);
                        steps[0] = (int) done;
                        assertThat(preview.get().isPresent()).isEqualTo(!low);
                    }

                    @Override public void finished(int i, Picture picture) {
                        assertThat(i).isEqualTo(seen.size());
                        seen.add(picture);
                    }

                    @Override public boolean stop() { return steps[0] == 10; }
                };
                assertThatThrownBy(() -> p.paint(REQUEST.with("n=3", "seed=5"), stops)).isInstanceOf(CancellationException.class)
                    .hasMessage("stopped at step 10 of 12, 2 of 3 pictures are painted");
                assertThat(seen).hasSize(2);
                for (int i = 0; i < 2; i++) assertThat(seen.get(i).pixels()).isEqualTo(all.get(i).pixels());
            }
        }
    }

    /** A copy of a tiny model in which one number of a part is NaN. */
    private static Path broken(Path folder, String part, String tensor) throws IOException {
        TinyPipeline.write(folder, 1);
        Path file = folder.resolve(part);
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = new TreeMap<>(Safetensors.read(file).tensors());
            all.put(tensor, Torch.full(Double.NaN, all.get(tensor).shape()));
            Safetensors.write(file, all, Map.of());
        }
        return folder;
    }

    @ParameterizedTest @CsvSource({
        "text_encoder/model.safetensors, text_model.final_layer_norm.bias, the text encoder gives",
        "unet/diffusion_pytorch_model.safetensors, conv_out.bias, 'the U-Net of ''broken'', at step 1 of 3, gives'",
        "vae/diffusion_pytorch_model.safetensors, decoder.conv_out.bias, the VAE of 'broken' gives",
    })
    void numbersThatAreNoneAreToldByThePartThatGivesThem(String part, String tensor, String line, @TempDir Path root) throws IOException {
        try (Painter p = Painter.open(ModelParts.open(broken(root.resolve("broken"), part, tensor)), Painter.Options.DEFAULT)) {
            assertThatThrownBy(() -> p.paint(PaintRequest.of("a cat").with("steps=3"), Watcher.SILENT))
                .isInstanceOf(ArithmeticException.class).hasMessageStartingWith(line)
                .hasMessageContaining("numbers that are not finite (NaN or Inf)");
        }
    }

    /** transformers' hidden_states[-N], and the final norm over it, as diffusers has it with clip_skip = N - 1. */
    @Test void clipSkipListensToALayerBeforeTheLast() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            ClipText net = painter.texts().encoders().get(0);
            long[] ids = painter.texts().tokenizers().get(0).window("a castle");
            ClipText.Output out = net.forward(Torch.of(ids, 1, ids.length), null);
            int layers = out.hidden().size() - 1;
            for (int n = 0; n <= layers; n++) {
                PromptEmbeddings said = painter.texts().encode("a castle", "", REQUEST.with("clipSkip=" + n).how());
                Tensor wanted = n == 0 ? out.last() : net.normed(out.hidden().get(out.hidden().size() - n));
                assertThat(said.context().get(1).floats()).as("clip skip " + n).isEqualTo(wanted.floats());
            }
            assertThatThrownBy(() -> paint(REQUEST.with("clipSkip=" + (layers + 1)))).isInstanceOf(ConfigException.class)
                .hasMessageContaining("must be at most " + layers);
        }
        assertThat(furthest(said("a castle"), paint(PaintRequest.of("a castle").with("steps=4", "guidance=90", "clipSkip=2")).get(0)))
            .isGreaterThan(0);
    }

    @Test void sdxlListensToTheLastLayerButOneUnlessAnEarlierOneIsNamed(@TempDir Path root) throws IOException {
        try (Painter xl = Painter.open(ModelParts.open(TinyPipeline.writeXl(root)), Painter.Options.DEFAULT);
                Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            float[] own = xl.texts().encode("ab", "", REQUEST.how()).context().get(1).floats();
            for (int n : new int[] {1, 2}) {
                assertThat(xl.texts().encode("ab", "", REQUEST.with("clipSkip=" + n).how()).context().get(1).floats()).isEqualTo(own);
            }
            assertThatThrownBy(() -> xl.texts().encode("ab", "", REQUEST.with("clipSkip=3").how())).hasMessageContaining("at most 2");
        }
    }

    @Test void aBreakFillsTheWindowUpAndTheChunksLieBehindEachOther() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            TextEncoders texts = painter.texts();
            Tensor both = texts.encode("a castle BREAK (snow:1.5)", "", REQUEST.how()).context().get(1);
            assertThat(both.size(1)).isEqualTo(2 * 77);
            float[] first = texts.encode("a castle", "", REQUEST.how()).context().get(1).floats();
            float[] second = texts.encode("snow", "", REQUEST.how()).context().get(1).floats();
            Tensor plain = texts.encode("a castle BREAK snow", "", REQUEST.how()).context().get(1);
            assertThat(plain.narrow(1, 0, 77).contiguous().floats()).containsExactly(first, within(1e-5f));
            assertThat(plain.narrow(1, 77, 77).contiguous().floats()).containsExactly(second, within(1e-5f));
            assertThat(both.sub(plain).abs().max().item()).as("weights count across a break").isGreaterThan(1e-3);
            assertThat(texts.encode("a BREAK b BREAK c", "d BREAK e", REQUEST.how()).context()).as("the negative text is as long")
                .allMatch(c -> c.size(1) == 3 * 77);
        }
    }

    @Test void theRefinerIsToldTwoSizesAndAScore(@TempDir Path root) throws IOException {
        Path xl = TinyPipeline.writeXl(root.resolve("xl")), refiner = TinyPipeline.writeRefiner(root.resolve("refiner"));
        PaintRequest request = PaintRequest.of("ab").awayFrom("cd").with("steps=4", "guidance=3");
        PaintRequest change = request.with(new Edit(gradient(3, 16, 16), 0.6, null, 0, Margin.NONE));
        try (Painter p = Painter.open(ModelParts.open(refiner), Painter.Options.DEFAULT); Scope scope = new Scope()) {
            // diffusers' _get_add_time_ids with requires_aesthetics_score: original size, crop, score
            assertThat(p.timeIds(16, 24, 2, 2.5).contiguous().floats()).containsExactly(16, 24, 0, 0, 2.5f, 16, 24, 0, 0, 2.5f);
            Picture own = p.paint(change, Watcher.SILENT).pictures().get(0);
            assertThat(furthest(own, p.paint(change.with("aestheticScore=6", "negativeAestheticScore=2.5"), Watcher.SILENT).pictures()
                .get(0))).isZero();
            assertThat(own.pixels()).isNotEqualTo(p.paint(change.with("aestheticScore=1"), Watcher.SILENT).pictures().get(0).pixels());
            assertThat(own.pixels()).isNotEqualTo(p.paint(change.with("negativeAestheticScore=9"), Watcher.SILENT).pictures().get(0)
                .pixels());
        }
        try (Painter p = Painter.open(ModelParts.open(xl), Painter.Options.DEFAULT); Scope scope = new Scope()) {
            assertThat(p.timeIds(16, 24, 1, 2.5).contiguous().floats()).containsExactly(16, 24, 0, 0, 16, 24);
            Picture base = p.paint(request, Watcher.SILENT).pictures().get(0);
            Picture refined = p.paint(request.with(new PaintRequest.Switch(refiner, 500)), Watcher.SILENT).pictures().get(0);
            assertThat(refined.pixels()).isNotEqualTo(base.pixels());
        }
    }

    /** As guidance asks it: the text to lead away from with the one score, the other text with the other. */
    @Test void aBatchOfTwoScoresIsAnsweredAsEachAlone(@TempDir Path root) throws IOException {
        try (Painter p = Painter.open(ModelParts.open(TinyPipeline.writeRefiner(root)), Painter.Options.DEFAULT); Scope scope = new Scope();
                Guard g = Torch.noGrad()) {
            Rng rng = new Rng(1);
            Tensor x = rng.normal(2, 4, 8, 8), text = rng.normal(2, 77, 16), pooled = rng.normal(2, 12), t = Torch.full(300, 2);
            Tensor ids = Torch.cat(0, p.timeIds(16, 16, 1, 2.5), p.timeIds(16, 16, 1, 6));
            Tensor got = p.unet().forward(x, t, UnetCondition2d.Given.text(text).adding(pooled, ids));
            for (int i = 0; i < 2; i++) {
                Tensor one = p.unet().forward(x.rows(i, 1), t.rows(i, 1), UnetCondition2d.Given.text(text.rows(i, 1))
                    .adding(pooled.rows(i, 1), Torch.of(new double[] {16, 16, 0, 0, i == 0 ? 2.5 : 6}, 1, 5).to(DType.F32)));
                assertThat(got.rows(i, 1).sub(one).abs().max().item()).isLessThan(1e-5);
            }
        }
    }

    @Test void aModelWhoseTextsAndUnetDoNotFitIsRefusedInOneLine(@TempDir Path root) throws IOException {
        Path wrong = TinyPipeline.writeXl(root.resolve("wrong")), unet = wrong.resolve("unet/config.json");
        Files.writeString(unet, Files.readString(unet).replaceAll("(\"projection_class_embeddings_input_dim\"\\s*:\\s*)36", "$135"));
        assertThatThrownBy(() -> Painter.open(ModelParts.open(wrong), Painter.Options.DEFAULT)).isInstanceOf(ConfigException.class)
            .hasMessage("the U-Net of 'wrong' is conditioned on 35 numbers besides the time; with a pooled text of 12 they must be 36, or "
                + "32 of a refiner");
        Path narrow = TinyPipeline.writeRefiner(root.resolve("narrow")), index = narrow.resolve("model_index.json");
        Files.writeString(index, Files.readString(TinyPipeline.writeXl(root.resolve("xl")).resolve("model_index.json")));
        Files.createDirectories(narrow.resolve("text_encoder"));
        Files.copy(root.resolve("xl/text_encoder/config.json"), narrow.resolve("text_encoder/config.json"));
        assertThatThrownBy(() -> Painter.open(ModelParts.open(narrow), Painter.Options.DEFAULT)).isInstanceOf(ConfigException.class)
            .hasMessage("the U-Net of 'narrow' wants texts of width 16, its text encoders give 32");
    }

    @Test void weightsOfWordsAndSeveralTextsChangeThePicture() {
        // the text of a model of random weights says little: a large guidance shows it
        Picture one = said("a castle");
        assertThat(furthest(said("a (castle:1.5)"), one)).isGreaterThan(3);
        assertThat(furthest(said("a castle:3 | snow:1"), one)).isGreaterThan(3);
        assertThat(furthest(said("a castle | snow:0"), one)).isLessThanOrEqualTo(1);
        assertThat(paint(PaintRequest.of("a castle and a tree ".repeat(60)).with("steps=2"))).hasSize(1);   // several windows
    }

    private static Picture said(String prompt) { return paint(PaintRequest.of(prompt).with("steps=4", "guidance=90")).get(0); }

    @Test void whatDoesNotFitIsRefusedInOneLine() {
        assertThatThrownBy(() -> paint(REQUEST.with("width=17", "height=16"))).isInstanceOf(ConfigException.class)
            .hasMessageContaining("17x16").hasMessageContaining("18x16");
        assertThatThrownBy(() -> new Edit(gradient(3, 16, 16), 1, rightHalf(8, 16), 0, Margin.NONE)).isInstanceOf(ConfigException.class)
            .hasMessageContaining("16x8").hasMessageContaining("16x16");
        assertThatThrownBy(() -> PaintRequest.of("x".repeat(1_000_000))).isInstanceOf(ConfigException.class)
            .hasMessageContaining("1000000");
        assertThatThrownBy(() -> paint(REQUEST.with("sampler=magic"))).isInstanceOf(ConfigException.class).hasMessageContaining("Euler a");
        assertThatThrownBy(() -> paint(REQUEST.with("eta=0.5", "sampler=Euler"))).isInstanceOf(ConfigException.class)
            .hasMessageContaining("DDIM");
        assertThatThrownBy(() -> paint(REQUEST.with("steps=1001"))).isInstanceOf(ConfigException.class);
        assertThatThrownBy(() -> ModelParts.open(Path.of("."))).isInstanceOf(FormatException.class)
            .hasMessageContaining("model_index.json");
    }
}
