package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Arrays;
import java.util.TreeSet;

/**
 * Whether a generator has shrunk to a few modes, from one batch of samples and one of data: pixels or points, no network needed. Both
 * numbers are about 1 for data against data.
 * <p>
 * A sample is counted for the real item nearest to it, however far, rather than for those within a radius: young generators draw noisy
 * pictures, which lie far from all data and yet are spread over it. A single class drawn in all its variety may pass: of the ten digits of
 * MNIST, 0, 1, 6 and 7 alone are flagged at N = 256, the others seldom. {@link Judge} shows the classes.
 *
 * @param coverage distinct real items that are nearest to some sample, over those that are nearest to some other real item
 * @param spread mean distance between two samples, over that between two real items
 * @param alarm coverage below 0.35 or spread below 0.3
 */
public record Collapse(double coverage, double spread, boolean alarm) {
    /** Fewest items for the check. */
    public static final int LEAST = 64;

    private static final double LEAST_COVERAGE = 0.35;
    private static final double LEAST_SPREAD = 0.3;

    /** samples and real, [N,...] each, of one shape, N at least {@link #LEAST}; 256 are a sharp check. Waits for the device. */
    public static Collapse check(Tensor samples, Tensor real) {
        if (!Arrays.equals(samples.shape(), real.shape()) || real.dims() < 2 || real.size(0) < LEAST) {
            throw new ArgumentException("the collapse watch wants samples and data of one shape [N,...], N at least " + LEAST
                + ", got " + samples + " and " + real);
        }
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor x = samples.flatten(1).to(Device.CPU).to(DType.F64), y = real.flatten(1).to(Device.CPU).to(DType.F64);
            if (x.isFinite().all().item() == 0) throw new ArgumentException("samples " + samples + " are not all finite");
            long n = y.size(0);
            Tensor within = Torch.cdist(y, y);
            Tensor self = Torch.zeros(DType.F64, n, n);
            self.diagonal().fill(Double.POSITIVE_INFINITY);
            double coverage = distinct(Torch.cdist(y, x)) / distinct(within.add(self));
            double width = within.sum().item();
            double spread = width == 0 ? 1 : Torch.cdist(x, x).sum().item() / width;   // data that are all one cannot be shrunk
            return new Collapse(coverage, spread, coverage < LEAST_COVERAGE || spread < LEAST_SPREAD);
        }
    }

    /** Rows that are the nearest of some column. */
    private static double distinct(Tensor distance) {
        TreeSet<Long> rows = new TreeSet<>();
        for (long row : distance.neg().argmax(0).longs()) rows.add(row);
        return rows.size();
    }
}
