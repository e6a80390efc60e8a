package io.palitra.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.FormatException;
import io.palitra.data.Npz;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StatisticsTest {
    // numpy 2.4.6: np.savez_compressed(mu=[1.5, -2, 0.25], sigma=[[2, 0.5, -0.25], [0.5, 1, 0], [-0.25, 0, 3]]) of float32
    private static final String SHORT =
        "UEsDBC0AAAAIAAAAIQAwmluC//////////8GABQAbXUubnB5AQAQAIwAAAAAAAAATwAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKU"
        + "mBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOpo6CrUKFAAuBoYD9gxAgoGhwQ4AUEsDBC0AAAAIAAAAIQCMhQRu//////////8JABQAc2lnbWEubnB5AQAQAKQA"
        + "AAAAAAAAWgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgrGmjoKtQpkAy4GBgYHILZn"
        + "YGjYB6WBGATAfJC0AwBQSwECLQMtAAAACAAAACEAMJpbgk8AAACMAAAABgAAAAAAAAAAAAAAgAEAAAAAbXUubnB5UEsBAi0DLQAAAAgAAAAhAIyFBG5aAAAA"
        + "pAAAAAkAAAAAAAAAAAAAAIABhwAAAHNpZ21hLm5weVBLBQYAAAAAAgACAGsAAAAcAQAAAAA=";

    @TempDir private static Path folder;

    private static Path written(byte[] bytes) {
        try {
            return Files.write(folder.resolve("s.npz"), bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Statistics read(double[] mu, long[] shape, double... sigma) {
        return Statistics.read(written(Npz.bytes(Map.of("mu", new Npz.Array(new long[] {mu.length}, mu),
            "sigma", new Npz.Array(shape, sigma)))));
    }

    @Test void theDistanceIsTheSameByWayOfAFile() {
        try (Scope scope = new Scope(); Moments a = new Moments(); Moments b = new Moments()) {
            a.add(new Rng(1).normal(50, 8));
            b.add(new Rng(2).normal(60, 8).mul(2).add(0.5));
            Path file = folder.resolve("a.npz");
            Statistics.of(a).write(file);
            Statistics back = Statistics.read(file);
            assertThat(Frechet.distance(back.mean(), back.covariance(), b.mean(), b.covariance())).isEqualTo(Frechet.distance(a, b))
                .isGreaterThan(2);
        }
    }

    @Test void floatsOf4BytesAreRead() {
        try (Scope scope = new Scope()) {
            Statistics s = Statistics.read(written(Base64.getDecoder().decode(SHORT)));
            assertThat(s.mean().dtype()).isEqualTo(DType.F64);
            assertThat(s.mean().doubles()).containsExactly(1.5, -2, 0.25);
            assertThat(s.covariance().shape()).containsExactly(3, 3);
            assertThat(s.covariance().doubles()).containsExactly(2, 0.5, -0.25, 0.5, 1, 0, -0.25, 0, 3);
        }
    }

    @Test void whatIsNoMeanAndCovarianceIsRefused() {
        try (Scope scope = new Scope()) {
            long[] square = {2, 2};
            double[] mu = {0, 1};
            refused("wanted are mu [D] and sigma [D,D], got 2 and 4", mu, new long[] {4}, 1, 0, 0, 1);
            refused("wanted are mu [D] and sigma [D,D], got 1 and 2×2", new double[] {0}, square, 1, 0, 0, 1);
            refused("mu is not all finite", new double[] {0, Double.NaN}, square, 1, 0, 0, 1);
            refused("sigma is not all finite", mu, square, 1, Double.NaN, 0, 1);
            refused("sigma is not all finite", mu, square, 1, 0, 0, Double.POSITIVE_INFINITY);
            refused("sigma is not symmetric at 1, 0", mu, square, 1, 0.5, 0, 1);
            refused("sigma has a variance below 0, that of feature 1", mu, square, 1, 0, 0, -1);
            assertThat(read(mu, square, 1, 0.5, 0.50001, 1).covariance().doubles()[1]).isCloseTo(0.5, within(1e-12));
            assertThatThrownBy(() -> new Statistics(Torch.zeros(2), Torch.zeros(3, 3)))
                .hasMessage("statistics want a mean [D] and a covariance [D,D], got 2 and 3×3");
        }
    }

    private static void refused(String message, double[] mu, long[] shape, double... sigma) {
        assertThatThrownBy(() -> read(mu, shape, sigma)).isInstanceOf(FormatException.class).hasMessageEndingWith(message);
    }
}
