package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.data.Scene.Colour;
import io.palitra.data.Scene.Composition;
import io.palitra.data.Scene.Fact;
import io.palitra.data.Scene.Relation;
import io.palitra.data.Scene.Shape;
import io.palitra.data.Scene.Size;
import io.palitra.data.Scene.Thing;
import io.palitra.data.SceneGrammar.Language;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ScenesTest {
    private final Scenes train = new Scenes(Split.TRAIN, 64);
    private final Scenes test = new Scenes(Split.TEST, 64);

    private static byte[] pixels(ImageDataset data, int i) {
        byte[] out = new byte[(int) data.spec().dims() + 5];
        data.pixels(i, out, 5);
        return out;
    }

    @Test void anItemIsAFunctionOfItsPartAndNumber() {
        Scenes again = new Scenes(Split.TRAIN, 64);
        for (int i = 40; i >= 0; i--) {
            assertThat(pixels(again, i)).isEqualTo(pixels(train, i)).isNotEqualTo(pixels(test, i)).isNotEqualTo(pixels(train, i + 1));
            assertThat(again.captions(i)).isEqualTo(train.captions(i));
            assertThat(new Scenes(Split.TRAIN, 32).scene(i)).isEqualTo(train.scene(i));
        }
    }

    @Test void aSmallPictureIsTheLargeOneSeenFromAfar() {
        Scenes small = new Scenes(Split.TRAIN, 32);
        for (int i = 0; i < 50; i++) {
            byte[] fine = pixels(train, i), coarse = pixels(small, i);
            double difference = 0;
            for (int p = 0; p < 3 * 32 * 32; p++) {
                int c = p / 1024, y = p / 32 % 32, x = p % 32, at = 5 + c * 4096 + 128 * y + 2 * x;
                double mean = ((fine[at] & 255) + (fine[at + 1] & 255) + (fine[at + 64] & 255) + (fine[at + 65] & 255)) / 4.0;
                difference += Math.abs(mean - (coarse[5 + p] & 255)) / 3072;
            }
            assertThat(difference).as("item " + i).isLessThan(6);
        }
    }

    @Test void heldOutPairsAreOneForEachShapeAndColour() {
        for (Shape s : Shape.values()) assertThat(Arrays.stream(Colour.values()).filter(c -> Scene.heldOut(s, c))).hasSize(1);
        for (Colour c : Colour.values()) assertThat(Arrays.stream(Shape.values()).filter(s -> Scene.heldOut(s, c))).hasSize(1);
    }

    @Test void heldOutRelationsAreTheSameSeenFromTheOtherSide() {
        int[] held = new int[6];
        for (Relation r : Relation.values()) {
            for (Shape a : Shape.values()) {
                for (Shape b : Shape.values()) {
                    assertThat(Scene.heldOut(a, r, b)).isEqualTo(Scene.heldOut(b, r.inverse(), a));
                    if (Scene.heldOut(a, r, b)) held[r.ordinal()]++;
                }
            }
        }
        assertThat(held).containsExactly(8, 8, 8, 8, 3, 3);
    }

    @Test void noTrainingItemHasAHeldOutPairOrRelation() {
        Set<String> pairs = new HashSet<>(), beside = new HashSet<>();
        for (int i = 0; i < train.size(); i++) {
            Scene scene = train.scene(i);
            for (Thing t : scene.things()) pairs.add(t.shape() + " " + t.colour());
            for (int a = 0; a < scene.things().size(); a++) {
                for (int b = 0; b < scene.things().size(); b++) {
                    int other = b;
                    Shape x = scene.things().get(a).shape(), y = scene.things().get(b).shape();
                    if (a != b) scene.relation(a, other).ifPresent(r -> beside.add(x + " " + r + " " + y));
                }
            }
        }
        // every other pair and relation is there
        assertThat(pairs).hasSize(64 - 8).noneMatch(p -> Scene.heldOut(Shape.valueOf(p.split(" ")[0]), Colour.valueOf(p.split(" ")[1])));
        assertThat(beside).hasSize(4 * (64 - 8) + 2 * (24 - 3)).noneMatch(f -> Scene.heldOut(Shape.valueOf(f.split(" ")[0]),
            Relation.valueOf(f.split(" ")[1]), Shape.valueOf(f.split(" ")[2])));
    }

    @Test void testItemsAreOfTheCompositionTheySay() {
        int[] count = new int[3];
        for (int i = 0; i < 2000; i++) {
            assertThat(test.scene(i).composition()).isEqualTo(test.composition(i));
            count[test.composition(i).ordinal()]++;
        }
        assertThat(count).containsExactly(1000, 500, 500);
        assertThat(train.composition(3)).isEqualTo(Composition.SEEN);
    }

    @Test void thingsAreInThePictureDifferInColourAndHideNoOther() {
        for (int i = 0; i < 4000; i++) {
            for (Scenes set : List.of(train, test)) {
                Scene scene = set.scene(i);
                Set<Colour> colours = EnumSet.noneOf(Colour.class);
                for (Thing t : scene.things()) {
                    assertThat(Math.min(Math.min(t.x(), t.y()), Math.min(1 - t.x(), 1 - t.y()))).isGreaterThanOrEqualTo(t.radius());
                    assertThat(t.size()).isEqualTo(t.radius() > 0.175 ? Size.LARGE : Size.SMALL);
                    assertThat(colours.add(t.colour())).isTrue();
                    assertThat(scene.background().hides(t.colour())).isFalse();
                    for (Thing o : scene.things()) {
                        double apart = Math.hypot(t.x() - o.x(), t.y() - o.y());
                        if (o == t || apart >= t.radius() + o.radius()) continue;
                        Thing outer = t.radius() > o.radius() ? t : o, inner = outer == t ? o : t;
                        assertThat(outer.shape().holds()).isTrue();
                        assertThat(apart + 1.1 * inner.radius()).isLessThan((outer.shape() == Shape.RING ? 0.62 : 0.82) * outer.radius());
                    }
                }
            }
        }
    }

    @Test void factsRelateAllOtherThingsToOneAndAreTrue() {
        for (int i = 0; i < 4000; i++) {
            Scene scene = train.scene(i);
            assertThat(scene.facts()).hasSize(scene.things().size() - 1);
            assertThat(new HashSet<>(scene.facts().stream().map(Fact::object).toList())).hasSizeLessThanOrEqualTo(1);
            for (Fact f : scene.facts()) assertThat(scene.relation(f.subject(), f.object())).contains(f.relation());
        }
    }

    @Test void theClassIsTheShapeOfTheLargestThingOrTheUpperLeftOne() {
        int[] count = new int[8];
        for (int i = 0; i < 4000; i++) {
            Scene scene = train.scene(i);
            Thing first = scene.things().get(0);
            assertThat(train.label(i)).isEqualTo(first.shape().ordinal());
            count[train.label(i)]++;
            for (Thing t : scene.things()) {
                assertThat(first.size() == Size.LARGE || t.size() == Size.SMALL).isTrue();
                if (t.size() == first.size()) assertThat(t.x() + t.y()).isGreaterThanOrEqualTo(first.x() + first.y());
            }
        }
        assertThat(Arrays.stream(count).min().orElseThrow()).isGreaterThan(4000 / 14);
        assertThat(train.classNames()).containsExactly("circle", "square", "triangle", "star", "heart", "cross", "ring", "crescent");
    }

    @Test void bothLanguagesAreShownEquallyOften() {
        int english = 0;
        for (int i = 0; i < 2000; i++) {
            List<String> all = train.captions(i);
            assertThat(all).hasSize(8);
            for (int k = 0; k < 8; k++) assertThat(all.get(k).matches("[a-z, ]+")).isEqualTo(k % 2 == 0);
            assertThat(train.captions(i, Language.RUSSIAN)).containsExactly(all.get(1), all.get(3), all.get(5), all.get(7));
            assertThat(all.get(0)).isEqualTo(SceneGrammar.caption(train.scene(i), Language.ENGLISH));
            if (train.caption(i, 3, 0).matches("[a-z, ]+")) english++;
        }
        assertThat(english).isBetween(900, 1100);
    }

    @Test void theCatalogueHasThemWithCaptions() {
        Dataset set = Datasets.open("scenes", Split.TRAIN, DataOptions.DEFAULT);
        assertThat(set.captioned()).isTrue();
        assertThat(set.spec()).isEqualTo(new ImageSpec(3, 64, 64, 8));
        DataOptions small = Config.with(DataOptions.DEFAULT, "size=32", "captions=true", "except=star");
        Dataset without = Datasets.open("scenes", Split.TEST, small);
        assertThat(without.spec()).isEqualTo(new ImageSpec(3, 32, 32, 7));
        assertThat(without.classNames()).doesNotContain("star");
        int last = without.size() - 1;
        String first = without.captions(last).get(0);
        assertThat(first).contains(without.classNames().get(without.label(last)));
        assertThatThrownBy(() -> new Scenes(Split.TRAIN, 16)).hasMessageContaining("scenes are drawn from 32 to 256 pixels");
        assertThatThrownBy(() -> train.scene(50_000)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test void setsOfClassesAreCaptionedByThemWhereAsked() {
        DataOptions told = Config.with(DataOptions.DEFAULT, "captions=true");
        Dataset strokes = Datasets.open("strokes", Split.TEST, told);
        int seven = 0;
        while (strokes.label(seven) != 7) seven++;
        assertThat(strokes.captions(seven)).contains("a handwritten 7", "the number seven");
        assertThat(Datasets.open("strokes", Split.TEST, DataOptions.DEFAULT).captioned()).isFalse();
        Dataset cifar = new Named("cifar10", strokes, List.of("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse",
            "ship", "truck"));
        assertThat(WithCaptions.byClass(cifar).captions(seven)).contains("a photo of a horse");
        assertThatThrownBy(() -> Datasets.open("toy", Split.TRAIN, told)).hasMessage("toy-gaussians has points, not pictures, and so no "
            + "captions");
    }

    private record Named(String name, Dataset of, List<String> classNames) implements Dataset {
        @Override public DataSpec spec() { return of.spec(); }

        @Override public int size() { return of.size(); }

        @Override public int label(int i) { return of.label(i); }

        @Override public void read(int i, java.nio.ByteBuffer into) { of.read(i, into); }
    }
}
