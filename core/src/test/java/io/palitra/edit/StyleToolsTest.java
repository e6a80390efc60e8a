package io.palitra.edit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.ConfigException;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.metric.Psnr;
import io.palitra.model.LatentModel;
import io.palitra.model.Watcher;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

/** Projection, mixing and directions of a generator whose layers read a style each. */
class StyleToolsTest {
    private static double psnr(Tensor a, Tensor b) { return Psnr.decibels(a, b, 2).item(); }

    private static Projection.Result project(TinyStyles model, Tensor picture, Projection.Space space, boolean noise, int steps) {
        return Projection.of(model, picture, new Projection.How(space, noise, steps), null, 0, null, new Rng(7), (i, of, x) -> { });
    }

    @Test void aPictureOfTheModelIsFoundInWAndAnyOfItsLayersInWPlus() {
        try (Scope scope = new Scope()) {
            TinyStyles model = new TinyStyles();
            Tensor one, each;
            try (Guard g = Torch.noGrad()) {
                Tensor styles = model.styles(new Rng(5).normal(2, 6), null, 1, 0);
                one = model.draw(styles.rows(0, 1), model.noise());
                each = model.draw(StyleMixing.mixed(styles.rows(0, 1), styles.rows(1, 1), new StyleMixing.Layers(2, 3)), model.noise());
            }
            Projection.Result found = project(model, one, Projection.Space.W, false, 300);
            assertThat(psnr(found.picture(), one)).isGreaterThan(30);
            assertThat(found.styles().shape()).containsExactly(1, 4, 6);
            assertThat(found.styles().select(1, 0).floats()).isEqualTo(found.styles().select(1, 3).floats());
            assertThat(psnr(project(model, each, Projection.Space.W, false, 300).picture(), each)).isLessThan(20);
            assertThat(psnr(project(model, each, Projection.Space.W_PLUS, false, 300).picture(), each)).isGreaterThan(27);
        }
    }

    @Test void itBeginsAtTheMeanStyleAndTheSameSeedGivesTheSameBits() {
        try (Scope scope = new Scope()) {
            TinyStyles model = new TinyStyles();
            Tensor target = new Rng(5).uniform(1, 1, 16, 16);
            List<Tensor> seen = new ArrayList<>();
            Projection.How how = new Projection.How(Projection.Space.W, false, 3);
            Tensor first = Projection.of(model, target, how, null, 0, null, new Rng(7), (i, of, x) -> seen.add(scope.keep(x.copy())))
                .styles();
            Tensor again = Projection.of(model, target, how, null, 0, null, new Rng(7), (i, of, x) -> { }).styles();
            assertThat(first.floats()).isEqualTo(again.floats());
            assertThat(seen).hasSize(4);
            Tensor mean = model.draw(Torch.zeros(1, 4, 6), model.noise());
            assertThat(psnr(seen.get(0), mean)).as("shaken a little").isGreaterThan(15);
            double own = project(model, target, Projection.Space.W, false, 1).styles().abs().max().item();
            assertThat(own).as("one step at the foot of the ramp").isLessThan(0.01);
        }
    }

    @Test void noiseThatMovesStaysNoiseOfMean0AndVariance1() {
        try (Scope scope = new Scope()) {
            TinyStyles model = new TinyStyles();
            Projection.Result found = project(model, new Rng(5).uniform(1, 1, 16, 16), Projection.Space.W, true, 50);
            Tensor noise = found.noise().get(0);
            assertThat(noise.mean().item()).isCloseTo(0, within(1e-5));
            assertThat(noise.square().mean().item()).isCloseTo(1, within(1e-4));
            assertThat(noise.floats()).isNotEqualTo(model.noise().get(0).floats());
            Tensor smooth = Torch.arange(0, 256).reshape(16, 16).sub(127.5).div(74);
            assertThat(Projection.correlation(List.of(noise)).item()).isLessThan(Projection.correlation(List.of(smooth)).item() / 10);
            assertThat(project(model, new Rng(5).uniform(1, 1, 16, 16), Projection.Space.W, false, 5).noise().get(0).floats())
                .isEqualTo(model.noise().get(0).floats());
        }
    }

    @Test void featuresCountBesideThePixelsAndAClassGivesTheStart() {
        try (Scope scope = new Scope()) {
            TinyStyles model = new TinyStyles();
            Tensor target = new Rng(5).uniform(1, 1, 16, 16);
            Projection.How how = new Projection.How(Projection.Space.W, false, 1);
            int[] asked = {0};
            Projection.Result found = Projection.of(model, target, how, 2, 3, (x, y) -> {
                asked[0]++;
                return x.sub(y).abs().mean();
            }, new Rng(7), (i, of, x) -> { });
            assertThat(asked[0]).isEqualTo(1);
            assertThat(found.styles().select(1, 0).sub(model.shifts.rows(2, 1)).abs().max().item()).isLessThan(0.2);
        }
    }

    @Test void itEndsWhenItIsStopped() {
        try (Scope scope = new Scope()) {
            assertThatThrownBy(() -> Projection.of(new TinyStyles(), Torch.zeros(1, 1, 16, 16),
                new Projection.How(Projection.Space.W, false,
                100), null, 0, null, new Rng(1), (i, of, x) -> {
                    if (i == 2) throw new CancellationException("stopped");
                })).isInstanceOf(CancellationException.class);
        }
    }

    @Test void aMixtureHasTheLayersOfItsColumnAndElseItsRow() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            TinyStyles model = new TinyStyles();
            Tensor styles = model.styles(new Rng(5).normal(5, 6), null, 1, 0), rows = styles.rows(0, 2), columns = styles.rows(2, 3);
            StyleMixing.Layers layers = StyleMixing.Layers.of("1-2", 4);
            Tensor table = StyleMixing.table(model, rows, columns, layers);
            assertThat(table.shape()).containsExactly(6, 1, 16, 16);
            Tensor mixed = Torch.cat(1, rows.rows(1, 1).narrow(1, 0, 1), columns.rows(2, 1).narrow(1, 1, 2), rows.rows(1, 1)
                .narrow(1, 3, 1));
            assertThat(psnr(table.rows(5, 1), model.draw(mixed, model.noise()))).isGreaterThan(80);
            Tensor all = StyleMixing.table(model, rows, columns, new StyleMixing.Layers(0, 3));
            assertThat(psnr(all.rows(1, 1), model.draw(columns.rows(1, 1), model.noise()))).isGreaterThan(80);
        }
    }

    @Test void layersAndSpacesThatThereAreNotAreRefused() {
        assertThat(StyleMixing.Layers.of("3", 4)).isEqualTo(new StyleMixing.Layers(3, 3));
        for (String wrong : List.of("2-4", "3-1", "9")) {
            assertThatThrownBy(() -> StyleMixing.Layers.of(wrong, 4)).isInstanceOf(ConfigException.class)
                .hasMessage("illegal layers: " + wrong
                + ", must lie within 0-3, the lower one first: this run has 4 layers that read a style, 0 the coarsest");
        }
        for (String wrong : List.of("", "a-b", "-1", "1-2-3")) {
            assertThatThrownBy(() -> StyleMixing.Layers.of(wrong, 4)).isInstanceOf(ConfigException.class)
                .hasMessage("illegal layers: '" + wrong + "', must be A-B, such as 0-3, or one");
        }
        assertThat(Projection.Space.of("W+")).isEqualTo(Projection.Space.W_PLUS);
        assertThatThrownBy(() -> Projection.Space.of("z")).hasMessage("illegal space: 'z', must be w or w+");
    }

    @Test void principalDirectionsAreThoseOfTheMapping() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            TinyStyles model = new TinyStyles();
            List<LatentDirections.Direction> found = LatentDirections.principal(new StyleSpace(model, 0, -1), 9, new Rng(1),
                Watcher.SILENT);
            assertThat(found).hasSize(6);   // as many as a style has numbers
            assertThat(found.stream().mapToDouble(LatentDirections.Direction::share).sum()).isCloseTo(1, within(1e-9));
            Tensor[] eig = Torch.eigh(model.map.t().matmul(model.map));   // the covariance of M z
            Tensor first = eig[1].select(1, 5), axis = Torch.of(found.get(0).axis(), 6);
            assertThat(Math.abs(first.mul(axis).sum().item())).isGreaterThan(0.99);
            assertThat(found.get(0).spread()).isCloseTo(Math.sqrt(eig[0].select(0, 5).item()), within(0.1));
        }
    }

    @Test void aMeasuredDirectionIsTheSlopeOfWhatIsMeasured() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            TinyStyles model = new TinyStyles();
            StyleSpace space = new StyleSpace(model, 0, -1);
            Tensor pattern = new Rng(8).normal(1, 1, 16, 16);
            List<LatentDirections.Direction> found = LatentDirections.measured(space, Map.of(List.of("pattern"), x -> x.mul(pattern)
                .sumPerItem(),
                List.of("a", "b"), x -> Torch.stack(1, List.of(x.meanPerItem(), x.meanPerItem().neg()))), 600, new Rng(1), Watcher.SILENT);
            assertThat(found).extracting(LatentDirections.Direction::name).containsExactlyInAnyOrder("pattern", "a", "b");
            for (LatentDirections.Direction d : found) {
                assertThat(d.share()).as(d.name()).isGreaterThan(0.8);
                Tensor axis = Torch.of(d.axis(), 1, 6), start = Torch.zeros(1, 6), there = start.add(axis.mul(d.spread()));
                Tensor change = space.decode(there).sub(space.decode(start));
                double grows = switch (d.name()) {
                    case "pattern" -> change.mul(pattern).sum().item();
                    case "a" -> change.mean().item();
                    default -> -change.mean().item();
                };
                assertThat(grows).as(d.name()).isPositive();
            }
        }
    }

    @Test void stylesAsCodesAreStraightAndOfTheClassAskedFor() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            TinyStyles model = new TinyStyles();
            LatentModel space = new StyleSpace(model, 3, 1);
            Tensor w = space.prior(400, new Rng(1));
            assertThat(w.shape()).containsExactly(400, 6);
            assertThat(w.mean(false, 0).sub(model.shifts.select(0, 1)).abs().max().item()).isLessThan(0.6);
            assertThat(space.normalPrior()).isFalse();
            assertThat(space.decode(w).shape()).containsExactly(400, 1, 16, 16);
            assertThat(new StyleSpace(model, 3, -1).middle(10, new Rng(1)).floats()).containsOnly(0);
        }
    }
}
