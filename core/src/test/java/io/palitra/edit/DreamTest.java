package io.palitra.edit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.ConfigException;
import io.palitra.data.Picture;
import io.palitra.edit.DreamRequest.Journey;
import io.palitra.edit.DreamRequest.NoisePrompt;
import io.palitra.edit.DreamRequest.Target;
import io.palitra.engine.DType;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.model.TextImage;
import io.palitra.model.Watcher;
import io.palitra.stage.FirstStage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DreamTest {
    @TempDir private static Path root;
    private static FirstStage stage;
    private static Projection clip;
    private static Dream dream;

    /** Texts are points of their own, pictures of 8x8 a linear map of their pixels: what a CLIP is to a dream. */
    private static final class Projection implements TextImage {
        private final Tensor map = new Rng(8).normal(3 * 8 * 8, 6).retain();

        private static Tensor unit(Tensor x) { return x.div(x.square().sum(true, 1).sqrt()); }

        @Override public Tensor embedText(List<String> texts) {
            return Scope.run(() -> Torch.cat(0, texts.stream().map(t -> unit(new Rng(t.hashCode()).normal(1, 6))).toList()));
        }

        @Override public Tensor embedImage(Tensor x) { return Scope.run(() -> unit(x.reshape(x.size(0), -1).matmul(map))); }

        @Override public int side() { return 8; }

        @Override public double scale() { return 1; }

        @Override public void close() { map.free(); }
    }

    @BeforeAll static void open() {
        stage = FirstStage.open(TinyVq.write(root.resolve("vq"), "").toString());
        clip = new Projection();
        dream = new Dream(stage, clip);
    }

    @AfterAll static void close() {
        stage.close();
        clip.close();
    }

    private static DreamRequest of(String texts, String... more) {
        return DreamRequest.of(texts).with("iterations=12", "cutouts=6", "batch=6").with(more);
    }

    private static DreamResult paint(DreamRequest request) { return dream.paint(request, Watcher.SILENT); }

    private static byte[] pixels(DreamRequest request) { return paint(request).picture().pixels(); }

    private static double cosine(String text, Picture p) {
        try (Scope scope = new Scope()) {
            Tensor x = Torch.of(p.pixels(), 1, 3, p.height(), p.width()).to(DType.F32).div(127.5).sub(1);
            Tensor whole = new Cutouts(8, 1, DreamRequest.Augment.NONE).whole(x);
            return clip.embedText(List.of(text)).matmul(clip.embedImage(whole).t()).item();
        }
    }

    @Test void theDistanceOfEqualOrthogonalAndOppositePoints() {
        try (Scope scope = new Scope()) {
            Tensor a = Torch.of(new float[] {1, 0, 0}, 1, 3).requiresGrad(true);
            Tensor b = Torch.of(new float[] {1, 0, 0, 0, 1, 0, -1, 0, 0}, 3, 3);
            Tensor d = Dream.distance(a, b);
            assertThat(d.shape()).containsExactly(1, 3);
            double[] values = d.doubles();
            assertThat(values[0]).isCloseTo(0, within(1e-6));
            assertThat(values[1]).isCloseTo(2 * Math.pow(Math.PI / 4, 2), within(1e-6)).isCloseTo(1.2337, within(1e-4));
            assertThat(values[2]).isCloseTo(2 * Math.pow(Math.PI / 2, 2), within(1e-6)).isCloseTo(4.9348, within(1e-4));
            d.sum().backward();
            assertThat(a.grad().isFinite().all().item()).isEqualTo(1);
        }
    }

    @Test void theDistanceIsThatOfTheArcSineAndItsSlopeToo() {
        try (Scope scope = new Scope()) {
            Tensor a = Projection.unit(new Rng(1).normal(4, 6)), b = Projection.unit(new Rng(2).normal(3, 6));
            double[] d = Dream.distance(a, b).doubles();
            for (int i = 0; i < 4; i++) {
                for (int j = 0; j < 3; j++) {
                    double gap = Math.sqrt(a.select(0, i).sub(b.select(0, j)).square().sum().item());
                    assertThat(d[3 * i + j]).isCloseTo(2 * Math.pow(Math.asin(gap / 2), 2), within(1e-5));
                }
            }
            Tensor x = a.to(DType.F64).requiresGrad(true), by = new Rng(3).normal(4, 6).to(DType.F64).mul(1e-5);
            Tensor y = b.to(DType.F64);
            Dream.distance(x, y).sum().backward();
            double slope = x.grad().mul(by).sum().item();
            double rise = (Dream.distance(x.detach().add(by), y).sum().item() - Dream.distance(x.detach().sub(by), y).sum().item()) / 2;
            assertThat(rise).isCloseTo(slope, within(1e-5 * Math.abs(slope)));
        }
    }

    @Test void theGradientOfAClampedPixelPassesWhenItLeadsBack() {
        try (Scope scope = new Scope()) {
            Tensor x = Torch.of(new float[] {0.5f, 2, 2, -3, -3}, 5), g = Torch.of(new float[] {1, 1, -1, 1, -1}, 5);
            assertThat(Dream.clamped(g, x, x.clamp(-1, 1)).add(0).floats()).containsExactly(1, 1, 0, 0, -1);
        }
    }

    @Test void thePictureComesNearerToItsTextAndAwayFromOthers() {
        DreamRequest request = of("a castle", "iterations=60", "optimizer.lr=0.3");
        DreamResult near = paint(request);
        assertThat(near.iterations()).isEqualTo(60);
        assertThat(near.stopped()).isFalse();
        assertThat(near.last().get(0)).isGreaterThan(near.first().get(0) + 0.2).isCloseTo(cosine("a castle", near.picture()), within(0.02));
        DreamResult far = paint(of("a castle:-1", "iterations=60", "optimizer.lr=0.3"));
        assertThat(far.last().get(0)).isLessThan(far.first().get(0) - 0.2);
        assertThat(far.first()).isEqualTo(near.first());
        assertThat(List.of(near.picture().width(), near.picture().height())).as("twice the model's own").containsExactly(16, 16);
    }

    @Test void theSeedDecidesEverything() {
        DreamRequest request = of("a castle", "seed=3", "width=20", "height=12");
        DreamResult once = paint(request);
        assertThat(List.of(once.picture().width(), once.picture().height())).containsExactly(20, 12);
        paint(of("something else", "seed=9"));   // nothing is left over from it
        DreamResult again = paint(request);
        assertThat(again.picture().pixels()).isEqualTo(once.picture().pixels());
        assertThat(again.last()).isEqualTo(once.last());
        assertThat(pixels(request.with("iterations=1"))).isNotEqualTo(pixels(request.with("iterations=1", "seed=4")));
        DreamRequest other = request.with("optimizer.lr=0", "augment.noise=0");   // nothing moves: what the seed began with
        assertThat(pixels(other)).isNotEqualTo(pixels(other.with("seed=4")));
    }

    @Test void lookingOnChangesNothingAndEveryPictureIsThatOfFewerIterations() {
        DreamRequest request = of("a castle", "seed=5");
        List<byte[]> seen = new ArrayList<>();
        List<Integer> done = new ArrayList<>();
        DreamResult watched = dream.paint(request, new Watcher() {
            @Override public void tick(String what, long i, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {
                assertThat(of).isEqualTo(12);
                assertThat(figures.get("loss")).isFinite().isPositive();
                done.add((int) i);
                seen.add(i % 3 == 0 ? preview.get().orElseThrow().pixels() : new byte[0]);
            }
        });
        assertThat(done).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
        assertThat(seen.get(12)).isEqualTo(watched.picture().pixels()).isEqualTo(pixels(request));
        assertThat(seen.get(6)).isEqualTo(pixels(request.with("iterations=6"))).isNotEqualTo(seen.get(12));
    }

    @Test void stoppedItKeepsWhatThereIs() {
        for (int iterations : new int[] {12, 0}) {
            DreamRequest request = of("a castle", "seed=5", "iterations=" + iterations);
            int[] asked = new int[1];
            DreamResult stopped = dream.paint(request, new Watcher() {
                @Override public boolean stop() { return ++asked[0] == 4; }
            });
            assertThat(stopped.stopped()).isTrue();
            assertThat(stopped.iterations()).isEqualTo(4);
            assertThat(stopped.picture().pixels()).isEqualTo(pixels(request.with("iterations=4")));
        }
    }

    @Test void partsMayBeSeenInShares() {
        // the loss of the first iteration is the same sum; the codes then part by rounding alone
        double[] losses = new double[2];
        for (int i = 0; i < 2; i++) {
            int at = i;
            DreamRequest request = of("a castle | snow:0.5:0.7", "iterations=1", "batch=" + (i == 0 ? 6 : 4));
            dream.paint(request, new Watcher() {
                @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> p) {
                    losses[at] = figures.get("loss");
                }
            });
        }
        assertThat(losses[1]).isCloseTo(losses[0], within(1e-5));
    }

    @Test void whatIsNearEnoughPullsNoMore() {
        byte[] start = pixels(of("a castle", "optimizer.lr=0"));
        assertThat(pixels(of("a castle:1:4.9"))).isEqualTo(start);
        assertThat(pixels(of("a castle:1:0.01"))).isNotEqualTo(start).isEqualTo(pixels(of("a castle")));
        // a negative weight turns the distance round: away, until it is that far
        assertThat(pixels(of("a castle:-1:0"))).isEqualTo(start);
        assertThat(pixels(of("a castle:-1:-4.9"))).isNotEqualTo(start);
    }

    @Test void aPictureToBeginWithIsHeldByItsWeight() {
        Picture given = paint(of("snow", "seed=7", "iterations=3")).picture();
        DreamRequest from = of("a castle", "seed=1", "iterations=30", "optimizer.lr=0.2").from(given);
        byte[] start = pixels(from.with("optimizer.lr=0"));
        assertThat(pixels(from.with("optimizer.lr=0", "seed=2"))).as("no code is drawn").isEqualTo(start);
        int free = apart(pixels(from), start), held = apart(pixels(from.with("initWeight=100000")), start);
        assertThat(held).isLessThan(free / 2);
        assertThat(List.of(paint(from).picture().width(), given.width())).as("its own size").containsExactly(16, 16);
        Picture odd = new Picture(1, 9, 13, new byte[9 * 13]);
        assertThat(paint(of("a castle").from(odd)).picture()).matches(p -> p.width() == 12 && p.height() == 8, "cut to whole codes");
    }

    private static int apart(byte[] a, byte[] b) {
        int sum = 0;
        for (int i = 0; i < a.length; i++) sum += Math.abs((a[i] & 0xff) - (b[i] & 0xff));
        return sum;
    }

    @Test void targetsAndNoiseAreHeadedForToo() {
        Picture target = paint(of("snow", "seed=7", "iterations=30", "optimizer.lr=0.3")).picture();
        DreamRequest.How how = of("a castle", "seed=1", "iterations=60", "optimizer.lr=0.3", "cutPower=0.01").how();
        DreamRequest towards = new DreamRequest("", Optional.empty(), List.of(new Target(target, 1, -9)), List.of(), how);
        DreamResult got = paint(towards);
        assertThat(cosine("snow", got.picture())).isGreaterThan(cosine("snow", paint(towards.with("iterations=1")).picture()) + 0.1);
        assertThat(got.last()).isEmpty();
        byte[][] points = new byte[3][];
        for (int i = 0; i < 3; i++) {
            List<NoisePrompt> noise = List.of(new NoisePrompt(1 + i % 2, i == 2 ? -1 : 1));
            points[i] = pixels(new DreamRequest("", Optional.empty(), List.of(), noise, of("a castle").how()));
        }
        assertThat(points[0]).isNotEqualTo(points[1]).isNotEqualTo(points[2]);
        assertThat(pixels(of("a castle").towards(new NoisePrompt(1, 0.5)))).isNotEqualTo(pixels(of("a castle")));
    }

    @Test void aStoryHasItsPhasesInTurn() {
        DreamRequest story = of("spring ^ summer | sun:2 ^ autumn", "iterations=9");
        int[] phases = new int[9];
        for (int i = 0; i < 9; i++) phases[i] = story.phase(i, 3);
        assertThat(phases).containsExactly(0, 0, 0, 1, 1, 1, 2, 2, 2);
        assertThat(story.with("phase=2").phase(3, 3)).isEqualTo(1);
        assertThat(story.with("phase=2", "iterations=0").phase(100_000, 3)).as("the last goes on").isEqualTo(2);
        assertThat(pixels(story.with("iterations=3"))).as("one iteration each").isNotEqualTo(pixels(of("spring", "iterations=3")));
        assertThat(pixels(of("spring ^ summer", "phase=5", "iterations=5"))).isEqualTo(pixels(of("spring", "iterations=5")));
        DreamResult told = paint(of("spring ^ summer", "iterations=80", "optimizer.lr=0.3"));
        assertThat(told.last().get(0)).as("of the last phase").isCloseTo(cosine("summer", told.picture()), within(0.02));
        Picture spring = paint(of("spring ^ summer", "iterations=40", "phase=40", "optimizer.lr=0.3")).picture();
        assertThat(cosine("summer", told.picture())).isGreaterThan(cosine("summer", spring) + 0.1);
        assertThat(cosine("spring", spring)).isGreaterThan(cosine("spring", told.picture()) + 0.1);
    }

    @Test void aJourneyMovesThePictureBetweenIterations() {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(1).normal(1, 3, 6, 8);
            Tensor right = Dream.seen(x, new Journey(1, 2, -1, 1));
            assertThat(right.narrow(3, 2, 6).narrow(2, 0, 5).sub(x.narrow(3, 0, 6).narrow(2, 1, 5)).abs().max().item()).isLessThan(1e-5);
            assertThat(right.select(3, 0).sub(right.select(3, 2)).abs().max().item()).as("the edge goes on").isLessThan(1e-5);
            assertThat(Dream.seen(x, Journey.NONE).sub(x).abs().max().item()).isLessThan(1e-5);
            // twice as large: the middle four pixels lie around the middle of 2x2
            Tensor twice = Dream.seen(x, new Journey(2, 0, 0, 1));
            Tensor corner = x.narrow(2, 2, 2).narrow(3, 3, 2).mean(false, 2, 3);
            Tensor middle = twice.narrow(2, 2, 2).narrow(3, 3, 2).mean(false, 2, 3);
            assertThat(middle.sub(corner).abs().max().item()).isLessThan(1e-5);
        }
        byte[] still = pixels(of("a castle")), zoomed = pixels(of("a castle", "journey.zoom=1.1", "journey.every=4"));
        assertThat(zoomed).isNotEqualTo(still);
        assertThat(pixels(of("a castle", "journey.zoom=1.1", "journey.every=12"))).as("between iterations alone").isEqualTo(still);
    }

    @Test void coarserGridsMoveNeighboursTogether() {
        byte[] start = pixels(of("a castle", "optimizer.lr=0"));
        assertThat(pixels(of("a castle", "optimizer.lr=0", "coarser=3"))).isEqualTo(start);
        assertThat(pixels(of("a castle", "coarser=2"))).isNotEqualTo(pixels(of("a castle", "coarser=0")));
        assertThat(pixels(of("a castle", "average=0"))).isNotEqualTo(pixels(of("a castle")));
        assertThat(pixels(of("a castle", "coarser=12"))).as("no more than there is room for")
            .isEqualTo(pixels(of("a castle", "coarser=11")));
        try (Scope scope = new Scope()) {
            Tensor z = new Rng(1).normal(1, 2, 5, 4), wanted = new Rng(2).normal(1, 2, 5, 4), pull = wanted.sub(z);
            Tensor least = Torch.full(-100), greatest = Torch.full(100);
            double[] rough = new double[2];
            for (int coarser = 0; coarser < 2; coarser++) {
                try (Grids grids = new Grids(z, 9 * coarser, 0.5, new OptimizerSpec.Sgd(1, 0))) {
                    assertThat(grids.z().sub(z).abs().max().item()).isZero();
                    grids.z().mul(pull).sum().neg().backward();
                    grids.step(1, least, greatest);
                    Tensor moved = grids.z().detach().sub(z);
                    rough[coarser] = moved.narrow(3, 1, 3).sub(moved.narrow(3, 0, 3)).square().mean().item() / moved.square().mean().item();
                    grids.step(1, Torch.full(0), Torch.full(0.5));
                    assertThat(grids.z().abs().max().item()).as("held").isBetween(0.0, 0.5 + 1e-6);
                    // kept of the mean: none of the start, then a half
                    assertThat(grids.mean().sub(grids.z().add(z).add(moved).div(2)).abs().max().item()).isLessThan(1e-5);
                    grids.begin(wanted);
                    assertThat(grids.mean().sub(wanted).abs().max().item()).isZero();
                    assertThat(grids.z().sub(wanted).abs().max().item()).isLessThan(1e-6);
                }
            }
            assertThat(rough[1]).isLessThan(0.7 * rough[0]);
        }
    }

    @Test void everyOptimiserPaints() {
        for (String optimizer : List.of("adam", "adamw", "rms-prop", "sgd")) {
            assertThat(pixels(of("a castle", "optimizer=" + optimizer, "optimizer.lr=0.2"))).as(optimizer)
                .isNotEqualTo(pixels(of("a castle", "optimizer.lr=0")));
        }
    }

    @Test void memoryDoesNotGrowWithTheIterations() {
        long[] live = new long[40];
        dream.paint(of("a castle | snow:-1", "iterations=39", "journey.zoom=1.1", "batch=4"), new Watcher() {
            @Override public void tick(String what, long done, long of, Map<String, Double> figures, Supplier<Optional<Picture>> preview) {
                live[(int) done] = Scope.livePointers();
            }
        });
        assertThat(live[1]).isPositive();
        assertThat(Arrays.stream(live, 11, 39).max().getAsLong()).isLessThanOrEqualTo(Arrays.stream(live, 1, 11).max().getAsLong() + 4);
    }

    @Test void numbersThatAreNoneAreToldByTheModelThatGivesThem() throws IOException {
        Path broken = TinyVq.write(root.resolve("broken"), "");
        Path file = broken.resolve("diffusion_pytorch_model.safetensors");
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = new TreeMap<>(Safetensors.read(file).tensors());
            all.put("decoder.conv_out.bias", Torch.full(Double.NaN, all.get("decoder.conv_out.bias").shape()));
            Safetensors.write(file, all, Map.of());
        }
        try (FirstStage stage = FirstStage.open(broken.toString())) {
            assertThatThrownBy(() -> new Dream(stage, clip).paint(of("a"), Watcher.SILENT)).isInstanceOf(ArithmeticException.class)
                .hasMessageMatching("the VQGAN '.*broken' gives numbers that are not finite at iteration 0 .*");
        }
    }

    @Test void whatCannotBeIsRefusedInOneLine() {
        assertThatThrownBy(() -> of("")).isInstanceOf(ConfigException.class).hasMessageStartingWith("dream of what?");
        assertThatThrownBy(() -> of(" | ^ ")).hasMessageStartingWith("dream of what?");
        assertThatThrownBy(() -> of("a castle:0")).hasMessageContaining("every weight of 'a castle'");
        assertThatThrownBy(() -> of("word ".repeat(10_000))).hasMessage("the texts have 50000 characters, at most 20000 are read");
        assertThatThrownBy(() -> of("a\0b")).hasMessageContaining("U+0000");
        assertThatThrownBy(() -> of("a:1000001")).hasMessageContaining("illegal weight of 'a'");
        assertThatThrownBy(() -> of("a ^ b", "iterations=0")).hasMessageContaining("a story of 2 phases");
        assertThatThrownBy(() -> of("a", "cutouts=0")).hasMessageContaining("illegal cutouts: 0, must be between 1 and 4096");
        assertThatThrownBy(() -> paint(of("a", "width=31"))).hasMessageContaining("which does not divide a width of 31; 32 is near");
        assertThatThrownBy(() -> NoisePrompt.parse("7:heavy"))
            .hasMessage("illegal noise: '7:heavy', must be a seed, or seed:weight as 7:0.5");
        assertThat(NoisePrompt.parse("7:0.5 | 8")).containsExactly(new NoisePrompt(7, 0.5), new NoisePrompt(8, 1));
        try (FirstStage depth = FirstStage.open(TinyVq.write(root.resolve("depth"), "'in_channels': 4, 'out_channels': 4").toString())) {
            assertThatThrownBy(() -> new Dream(depth, clip)).hasMessageContaining("makes 4 channels of 4; a CLIP sees pictures");
        }
    }
}
