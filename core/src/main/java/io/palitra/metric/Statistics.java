package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Npz;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.report.WholeFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Mean and covariance of features, in the files that pytorch-fid and clean-fid write and read: {@code .npz} with {@code mu} and
 * {@code sigma}. A file holds neither the network and the resizing, nor the number of items.
 *
 * @param mean F64 [D]
 * @param covariance F64 [D,D], divided by n - 1
 */
public record Statistics(Tensor mean, Tensor covariance) {
    private static final String MU = "mu", SIGMA = "sigma";
    private static final double ASYMMETRY = 1e-4;   // of the largest value; what is left by sums in single precision

    public Statistics {
        if (mean.dims() != 1 || mean.size(0) < 1 || covariance.dims() != 2 || covariance.size(0) != mean.size(0)
            || covariance.size(1) != mean.size(0)) {
            throw new ArgumentException("statistics want a mean [D] and a covariance [D,D], got " + mean + " and " + covariance);
        }
    }

    /** Of at least two items; a copy. */
    public static Statistics of(Moments moments) { return new Statistics(moments.mean(), moments.covariance()); }

    /**
     * The tensors belong to the innermost scope.
     *
     * @throws FormatException when the file is no such zip of arrays, or they are no mean and covariance of finite numbers
     */
    public static Statistics read(Path file) {
        Map<String, Npz.Array> arrays = Npz.read(file, Limits.DEFAULT, List.of(MU, SIGMA));
        Npz.Array mu = Objects.requireNonNull(arrays.get(MU)), sigma = Objects.requireNonNull(arrays.get(SIGMA));
        int d = mu.values().length;
        if (mu.shape().length != 1 || d < 1 || sigma.shape().length != 2 || sigma.shape()[0] != d || sigma.shape()[1] != d) {
            throw new FormatException(file.toString(), -1, "wanted are mu [D] and sigma [D,D], got "
                + InWords.shape(mu.shape()) + " and " + InWords.shape(sigma.shape()));
        }
        check(file, d, mu.values(), sigma.values());
        return new Statistics(Torch.of(mu.values(), d), Torch.of(sigma.values(), d, d));
    }

    private static void check(Path file, int d, double[] mu, double[] sigma) {
        double largest = 0;
        for (double v : sigma) largest = Math.max(largest, Math.abs(v));   // NaN if one is
        for (double v : mu) if (!Double.isFinite(v)) throw new FormatException(file.toString(), -1, "mu is not all finite");
        if (!Double.isFinite(largest)) throw new FormatException(file.toString(), -1, "sigma is not all finite");
        for (int i = 0; i < d; i++) {
            if (sigma[i * d + i] < 0) throw new FormatException(file.toString(), -1, "sigma has a variance below 0, that of feature " + i);
            for (int j = 0; j < i; j++) {
                if (Math.abs(sigma[i * d + j] - sigma[j * d + i]) > ASYMMETRY * largest) {
                    throw new FormatException(file.toString(), -1, "sigma is not symmetric at " + i + ", " + j);
                }
            }
        }
    }

    /** Replaces {@code file} in one stroke. @throws java.io.UncheckedIOException when it cannot be written */
    public void write(Path file) {
        Map<String, Npz.Array> arrays = new LinkedHashMap<>();
        arrays.put(MU, new Npz.Array(mean.shape(), mean.doubles()));   // waits for the device
        arrays.put(SIGMA, new Npz.Array(covariance.shape(), covariance.doubles()));
        WholeFile.write(file, Npz.bytes(arrays));
    }
}
