package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.Picture;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PlotTest {
    private static final Plot PLOT = new Plot("points", "x", "y", 640, 480);

    private static int at(Picture p, int y, int x) {
        int area = p.height() * p.width();
        int rgb = 0;
        for (int k = 0; k < 3; k++) rgb = rgb << 8 | p.pixels()[k * area + y * p.width() + x] & 0xff;
        return rgb;
    }

    @Test void pointsLieWhereTheAxesSay() {
        double[] x = {-3, 7, 2.5};
        double[] y = {10, 90, 35};
        Plot.Frame frame = PLOT.frame(x, y, List.of("a", "b", "c"));
        assertThat(frame.x().ticks()).startsWith(-4.0, -2.0, 0.0).endsWith(8.0);
        assertThat(frame.column(frame.x().low())).isEqualTo(frame.left());
        assertThat(frame.row(frame.y().high())).isEqualTo(frame.top());
        Picture without = PLOT.scatter(new double[] {-3, 7}, new double[] {10, 90}, new int[] {0, 1}, List.of("a", "b", "c"));
        Picture with = PLOT.scatter(x, y, new int[] {0, 1, 2}, List.of("a", "b", "c"));
        double sumX = 0;
        double sumY = 0;
        int count = 0;
        for (int v = 0; v < with.height(); v++) {
            for (int u = 0; u < with.width(); u++) {
                if (at(with, v, u) == at(without, v, u)) continue;
                sumX += u;
                sumY += v;
                count++;
            }
        }
        assertThat(count).isBetween(50, 200);
        assertThat(sumX / count).isCloseTo(frame.column(2.5), within(0.6));
        assertThat(sumY / count).isCloseTo(frame.row(35), within(0.6));
    }

    @Test void aPointHasTheColourOfItsClass() {
        Picture plot = PLOT.scatter(new double[] {0, 1}, new double[] {0, 1}, new int[] {1, 0}, List.of("a", "b"));
        Plot.Frame frame = PLOT.frame(new double[] {0, 1}, new double[] {0, 1}, List.of("a", "b"));
        int seen = at(plot, (int) Math.round(frame.row(0)) - 2, (int) Math.round(frame.column(0)) + 2);
        for (int k = 0; k < 24; k += 8) {
            double full = Plot.COLOURS[1] >> k & 0xff;
            assertThat((double) (seen >> k & 0xff)).isCloseTo(255 + 0.75 * (full - 255), within(1.0));
        }
    }

    @Test void oddDataStillMakesAPlot() {
        for (double[] x : new double[][] {{0}, {5, 5, 5}, {1e-300, 2e-300}, {-1e300, 1e300}, {1e16, 1e16 + 2}}) {
            double[] y = x.clone();
            Picture plot = PLOT.scatter(x, y);
            assertThat(plot.width()).isEqualTo(640);
            Plot.Frame frame = PLOT.frame(x, y, List.of());
            for (double v : x) assertThat(frame.column(v)).isBetween((double) frame.left(), (double) frame.right());
            assertThat(frame.x().ticks().size()).isBetween(2, 20);
        }
    }

    private static final double[][] AWKWARD = {{1e-9, 1e9}, {-1e9, 1e9}, {-5e-7, -1e-9}, {0, 28}, {1, 1 + 28e-7}, {1e9, 1e9 + 28},
        {123_456_789.25, 123_456_791.5}, {-1e16, -1e16 + 28}, {0, 0}, {1e-300, 2e-300}, {-1e300, 1e300}, {99_999, 100_001},
        {-0.001, 28_000}};

    private static void free(List<Labels.Box> boxes, double width, double height, String as) {
        for (int i = 0; i < boxes.size(); i++) {
            Labels.Box a = boxes.get(i);
            assertThat(a.x()).as(as + " " + a).isGreaterThanOrEqualTo(0);
            assertThat(a.x() + a.width()).as(as + " " + a).isLessThanOrEqualTo(width);
            assertThat(a.y() + a.height()).as(as + " " + a).isBetween(0.0, height);
            for (int k = 0; k < i; k++) assertThat(a.near(boxes.get(k), 1)).as(as + ": " + a + " on " + boxes.get(k)).isFalse();
        }
    }

    @Test void noLabelLiesOnAnotherNorOutsideThePicture() {
        for (double[] x : AWKWARD) {
            for (double[] y : AWKWARD) {
                for (Plot plot : List.of(new Plot("", "x", "y", 320, 240), PLOT, new Plot("t", "", "", 2000, 240))) {
                    Plot.Frame f = plot.frame(x, y, List.of("a", "b"));
                    free(plot.labels(f), plot.width(), plot.height(), Arrays.toString(x) + Arrays.toString(y));
                    assertThat(f.right() - f.left()).isGreaterThan(60);
                }
            }
        }
    }

    @Test void noLabelOfAChartLiesOnAnother() {
        for (double[] x : AWKWARD) {
            for (double[] y : AWKWARD) {
                Axis up = Axis.linear(y[0], y[1], 5), across = Axis.linear(x[0], x[1], 7);
                double left = 10 + 6.7 * up.ticks().stream().mapToInt(t -> up.label(t).length()).max().orElse(0);
                Chart chart = new Chart("c", "step", "y", false, List.of());
                free(chart.labels(across, up, left), 600, 260, Arrays.toString(x) + Arrays.toString(y));
            }
        }
    }

    @Test void neighbouringTicksHaveOtherLabels() {
        for (double[] r : AWKWARD) {
            for (int about : new int[] {4, 7, 28}) {
                Axis axis = Axis.linear(r[0], r[1], about);
                assertThat(axis.ticks().stream().map(axis::label)).as(Arrays.toString(r) + about).doesNotHaveDuplicates();
            }
            if (r[0] <= 0) continue;
            Axis log = Axis.logarithmic(r[0], Math.max(r[0], r[1]));
            assertThat(log.ticks().stream().map(log::label)).as("log " + Arrays.toString(r)).doesNotHaveDuplicates();
        }
        Axis narrow = Axis.logarithmic(1, 1.05);
        assertThat(narrow.ticks().stream().map(narrow::label)).contains("1", "1.02", "1.04");
        Axis large = Axis.linear(1e9, 1e9 + 20, 4);
        assertThat(large.ticks().stream().map(large::label)).contains("1e+09", "1.000000005e+09");
    }

    @Test void nonsenseIsRefused() {
        assertThatThrownBy(() -> PLOT.scatter(new double[] {1, Double.NaN}, new double[2]))
                .hasMessage("illegal point 1: (NaN, 0.0), must be finite");
        assertThatThrownBy(() -> PLOT.scatter(new double[0], new double[0])).hasMessageContaining("at least one");
        assertThatThrownBy(() -> PLOT.scatter(new double[1], new double[1], new int[] {2}, List.of("a", "b")))
                .hasMessage("illegal class of point 0: 2, there are 2 names");
        assertThatThrownBy(() -> new Plot("", "", "", 10, 10)).hasMessageContaining("illegal size of a plot: 10x10");
    }

    @Test void ticksAreRoundAndCoverTheRange() {
        assertThat(Axis.linear(0, 97, 5).ticks()).containsExactly(0.0, 20.0, 40.0, 60.0, 80.0, 100.0);
        Axis fine = Axis.linear(0.11, 0.52, 5);
        assertThat(fine.ticks().stream().map(fine::label)).containsExactly("0.1", "0.2", "0.3", "0.4", "0.5", "0.6");
        Axis steps = Axis.linear(0, 30_000, 6);
        assertThat(steps.ticks().stream().map(steps::label)).containsExactly("0", "5k", "10k", "15k", "20k", "25k", "30k");
        Axis tiny = Axis.linear(-2e-5, 2e-5, 4);
        assertThat(tiny.ticks().stream().map(tiny::label)).containsExactly("-2e-05", "-1e-05", "0", "1e-05", "2e-05");
        Axis decades = Axis.logarithmic(0.5, 5000);
        assertThat(decades.ticks().stream().map(decades::label)).containsExactly("1", "10", "100", "1000");
        assertThat(decades.at(50)).isEqualTo(0.5);
    }

    @Test void everyPrintableLetterIsDrawnAndNoTwoAreAlike() {
        Set<String> drawn = new HashSet<>();
        for (char c = '!'; c <= '~'; c++) {
            Picture paper = Grid.paper(1, 9, 6);
            Lettering.draw(paper, String.valueOf(c), 0, 0, 1, 0);
            drawn.add(Arrays.toString(paper.pixels()));
            assertThat(Lettering.width(String.valueOf(c), 3)).isBetween(3, 15);
        }
        assertThat(drawn.size()).isEqualTo(94);
        assertThat(drawn.contains(Arrays.toString(Grid.paper(1, 9, 6).pixels()))).isFalse();
        Picture small = Grid.paper(3, 4, 4);
        Lettering.draw(small, "cut off \u0416", -3, -2, 5, 0);
        assertThat(Lettering.width("\ud83c\udfa8", 1)).as("one box, not two").isEqualTo(5);
    }
}
