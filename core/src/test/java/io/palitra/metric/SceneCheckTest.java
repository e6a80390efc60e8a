package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.DataLoader;
import io.palitra.data.Scene;
import io.palitra.data.Scene.Background;
import io.palitra.data.Scene.Colour;
import io.palitra.data.Scene.Fact;
import io.palitra.data.Scene.Relation;
import io.palitra.data.Scene.Shape;
import io.palitra.data.Scene.Size;
import io.palitra.data.Scene.Thing;
import io.palitra.data.Scenes;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class SceneCheckTest {
    /** Share of test scenes of which all things, colours and relations are read right, of pictures blurred and with noise. */
    private static double right(int side, int n, double blur, double noise) {
        Scenes scenes = new Scenes(Split.TEST, side);
        byte[] picture = new byte[3 * side * side];
        int exact = 0;
        for (int i = 0; i < n; i++) {
            scenes.pixels(i, picture, 0);
            byte[] seen = blur + noise == 0 ? picture : spoilt(picture, side, blur, noise, i);
            if (SceneCheck.score(scenes.scene(i), SceneCheck.read(seen, side)).exact()) exact++;
        }
        return exact / (double) n;
    }

    private static byte[] spoilt(byte[] picture, int side, double blur, double noise, int item) {
        float[] kernel = new float[7], once = new float[picture.length], twice = new float[picture.length];
        for (int k = -3; k <= 3; k++) kernel[k + 3] = (float) (Math.exp(-k * k / (2 * blur * blur)) / (blur * Math.sqrt(2 * Math.PI)));
        float[] drawn;
        try (Scope scope = new Scope()) { drawn = new Rng(1).at(item).normal(1, picture.length).floats(); }
        byte[] out = new byte[picture.length];
        for (int pass = 0; pass < 2; pass++) {
            for (int p = 0; p < picture.length; p++) {
                int x = p % side, y = p / side % side, c = p / (side * side);
                float sum = 0;
                for (int k = -3; k <= 3; k++) {
                    int across = pass == 0 ? k : 0, down = pass == 0 ? 0 : k;
                    int nx = Math.max(0, Math.min(side - 1, x + across)), ny = Math.max(0, Math.min(side - 1, y + down));
                    int q = (c * side + ny) * side + nx;
                    sum += kernel[k + 3] * (pass == 0 ? picture[q] & 255 : once[q]);
                }
                (pass == 0 ? once : twice)[p] = sum;
            }
        }
        for (int p = 0; p < out.length; p++) out[p] = (byte) Math.max(0, Math.min(255, Math.round(twice[p] + noise * drawn[p])));
        return out;
    }

    @Test void ofAThousandTestScenes98PercentAreReadRight() { assertThat(right(64, 1000, 0, 0)).isGreaterThanOrEqualTo(0.98); }

    @Test void softAndNoisyScenesAreReadRight() { assertThat(right(64, 300, 1, 8)).isGreaterThanOrEqualTo(0.97); }

    @Test void smallScenesAreReadRight() { assertThat(right(32, 400, 0, 0)).isGreaterThanOrEqualTo(0.98); }

    @Test void backgroundsSizesAndPlacesAreRead() {
        Scenes scenes = new Scenes(Split.TEST, 64);
        byte[] picture = new byte[3 * 64 * 64];
        int backgrounds = 0, sizes = 0, things = 0;
        for (int i = 0; i < 200; i++) {
            scenes.pixels(i, picture, 0);
            Scene truth = scenes.scene(i), seen = SceneCheck.read(picture, 64);
            if (truth.background() == seen.background()) backgrounds++;
            for (Thing t : truth.things()) {
                things++;
                for (Thing s : seen.things()) {
                    if (s.colour() == t.colour() && s.size() == t.size() && Math.hypot(s.x() - t.x(), s.y() - t.y()) < 0.03) sizes++;
                }
            }
        }
        assertThat(backgrounds / 200.0).isGreaterThan(0.98);
        assertThat(sizes / (double) things).isGreaterThan(0.98);
    }

    @Test void aPictureOfAnotherSceneScoresLow() {
        Scenes scenes = new Scenes(Split.TEST, 64);
        byte[] picture = new byte[3 * 64 * 64];
        int found = 0, things = 0, exact = 0;
        for (int i = 0; i < 200; i++) {
            scenes.pixels(i, picture, 0);
            SceneCheck.Score score = SceneCheck.score(scenes.scene(i + 1), SceneCheck.read(picture, 64));
            found += score.found();
            things += score.things();
            if (score.exact()) exact++;
        }
        assertThat(found / (double) things).isLessThan(0.1);
        assertThat(exact).isLessThan(5);
    }

    private static Thing thing(Shape shape, Colour colour, double x) { return new Thing(shape, colour, Size.SMALL, x, 0.5, 0.13); }

    private static Scene scene(List<Thing> things, Fact... facts) { return new Scene(Background.PLAIN, things, List.of(facts)); }

    @Test void scoresCountThingsAndRelations() {
        Thing circle = thing(Shape.CIRCLE, Colour.RED, 0.2), square = thing(Shape.SQUARE, Colour.BLUE, 0.8);
        Scene wanted = scene(List.of(circle, square), new Fact(0, Relation.LEFT_OF, 1));
        assertThat(SceneCheck.score(wanted, wanted)).isEqualTo(new SceneCheck.Score(2, 2, 1, 1, true));
        assertThat(SceneCheck.score(wanted, scene(List.of(square, circle)))).isEqualTo(new SceneCheck.Score(2, 2, 1, 1, true));
        Scene swapped = scene(List.of(thing(Shape.CIRCLE, Colour.RED, 0.8), thing(Shape.SQUARE, Colour.BLUE, 0.2)));
        assertThat(SceneCheck.score(wanted, swapped)).isEqualTo(new SceneCheck.Score(2, 2, 0, 1, false));
        Scene otherColour = scene(List.of(circle, thing(Shape.SQUARE, Colour.GREEN, 0.8)));
        assertThat(SceneCheck.score(wanted, otherColour)).isEqualTo(new SceneCheck.Score(1, 2, 0, 1, false));
        Scene more = scene(List.of(circle, square, thing(Shape.STAR, Colour.WHITE, 0.5)));
        assertThat(SceneCheck.score(wanted, more)).isEqualTo(new SceneCheck.Score(2, 2, 1, 1, false));
        assertThat(SceneCheck.score(wanted, scene(List.of()))).isEqualTo(new SceneCheck.Score(0, 2, 0, 1, false));
        Scene twice = scene(List.of(circle, circle), new Fact(0, Relation.LEFT_OF, 1));
        assertThat(SceneCheck.score(twice, scene(List.of(circle))).found()).isEqualTo(1);
    }

    @Test void batchesAreReadAsTheirPictures() {
        Scenes scenes = new Scenes(Split.TEST, 32);
        byte[] picture = new byte[3 * 32 * 32];
        try (Scope scope = new Scope()) {
            Tensor x = DataLoader.of(scenes, new int[] {4, 7, 9}, Device.CPU).x();
            List<Scene> read = SceneCheck.read(x);
            for (int k = 0; k < 3; k++) {
                scenes.pixels(new int[] {4, 7, 9}[k], picture, 0);
                assertThat(read.get(k)).isEqualTo(SceneCheck.read(picture, 32));
            }
            assertThatThrownBy(() -> SceneCheck.read(x.narrow(1, 0, 1))).hasMessageContaining("[B,3,S,S]");
        }
        assertThatThrownBy(() -> SceneCheck.read(picture, 64)).hasMessageContaining("illegal picture: 3072 bytes for a side of 64");
    }

    @Test void picturesOfNothingAreRead() {
        assertThat(SceneCheck.read(new byte[3 * 64 * 64], 64).things()).isEmpty();
        byte[] noise = new byte[3 * 64 * 64];
        try (Scope scope = new Scope()) {
            long[] drawn = new Rng(3).integers(256, 1, noise.length).longs();
            for (int k = 0; k < noise.length; k++) noise[k] = (byte) drawn[k];
        }
        assertThat(SceneCheck.read(noise, 64).things()).isEmpty();
    }
}
