package io.palitra.paint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.ConfigException;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.hub.ModelParts;
import io.palitra.paint.PaintRequest.Edit;
import io.palitra.paint.PaintRequest.Margin;
import io.palitra.parity.References;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
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

    private static List<Picture> paint(PaintRequest request) { return painter.paint(request, PaintWatcher.NONE).pictures(); }

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
            assertThat(furthest(low.paint(REQUEST, PaintWatcher.NONE).pictures().get(0), one)).isLessThanOrEqualTo(1);
            assertThat(furthest(half.paint(REQUEST, PaintWatcher.NONE).pictures().get(0), one)).isLessThan(30);
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
        PaintWatcher stops = new PaintWatcher() {
            @Override public void step(int done, int of, Supplier<Picture> preview) {
                seen.add(done);
                assertThat(of).isEqualTo(4);
                assertThat(preview.get().width()).isEqualTo(16);
            }

            @Override public boolean stop() { return seen.size() == 3; }
        };
        assertThatThrownBy(() -> painter.paint(REQUEST, stops)).isInstanceOf(CancellationException.class).hasMessageContaining("3 of 4");
        assertThat(seen).containsExactly(1, 2, 3);
        assertThat(paint(REQUEST)).hasSize(1);
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
