package io.palitra.metric;

import io.palitra.engine.Tensor;
import io.palitra.model.Measure;
import java.util.List;
import java.util.Locale;

/**
 * Samples of a mixture of Gaussians of known centres: how many centres are found, and how many samples lie near one. As Lin et al. 2018
 * (PacGAN, arXiv:1712.04086) count, but a centre needs a tenth of its fair share of samples, not one.
 *
 * @param found centres with at least a tenth of their fair share of samples within {@code reach} deviations
 * @param near share of samples within {@code reach} deviations of some centre
 */
public record Modes(int found, int centres, double near, double reach) {
    /** points [N,2]. Waits for the device. */
    public static Modes of(Tensor points, double[][] centres, double deviation, double reach) {
        double[] p = points.doubles();
        int n = p.length / 2;
        int[] counts = new int[centres.length];
        int near = 0;
        for (int i = 0; i < n; i++) {
            int best = 0;
            double least = Double.POSITIVE_INFINITY;
            for (int c = 0; c < centres.length; c++) {
                double dx = p[2 * i] - centres[c][0], dy = p[2 * i + 1] - centres[c][1], d = dx * dx + dy * dy;
                if (d < least) {
                    least = d;
                    best = c;
                }
            }
            if (least <= reach * reach * deviation * deviation) {
                near++;
                counts[best]++;
            }
        }
        int found = 0;
        for (int c : counts) if (c * 10.0 * centres.length >= n) found++;
        return new Modes(found, centres.length, near / (double) n, reach);
    }

    public List<Measure> measures(int n) {
        return List.of(new Measure("modes found", found, "of " + centres,
                String.format(Locale.ROOT, "centres with at least a tenth of their share of %,d samples within %.0f deviations", n, reach)),
            new Measure("near a mode", 100 * near, "%", String.format(Locale.ROOT, "of %,d samples within %.0f deviations of a centre", n,
                reach)));
    }
}
