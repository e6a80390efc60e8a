package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Arrays;

/**
 * Structural similarity, 1 for equal pictures: (2 mu_x mu_y + C1)(2 sigma_xy + C2) / ((mu_x^2 + mu_y^2 + C1)(sigma_x^2 + sigma_y^2 + C2)),
 * averaged over the windows that lie within the picture; a window is a Gaussian of deviation 1.5 on 11 x 11 pixels, C1 = (0.01 L)^2,
 * C2 = (0.03 L)^2. Wang, Bovik, Sheikh and Simoncelli 2004, doi:10.1109/TIP.2003.819861. Of colours the mean of the channels.
 */
public final class Ssim {
    private static final int WINDOW = 11;
    private static final double DEVIATION = 1.5;

    private Ssim() {}

    /** Whether the items are pictures with room for a window. */
    public static boolean fits(DataSpec data) { return data instanceof ImageSpec i && Math.min(i.height(), i.width()) >= WINDOW; }

    /**
     * One value an item [B]. x and y [B,C,H,W], sides of at least 11.
     *
     * @param range L, width of the range of values: 2 for [-1,1]
     */
    public static Tensor of(Tensor x, Tensor y, double range) {
        if (!(range > 0)) throw new ArgumentException("illegal range: " + range + ", must be above 0");
        if (x.dims() != 4 || !Arrays.equals(x.shape(), y.shape()) || x.size(2) < WINDOW || x.size(3) < WINDOW) {
            throw new ArgumentException("SSIM wants pictures [B,C,H,W], twice, of at least " + WINDOW + "x" + WINDOW + " pixels, "
                + "got " + x + " and " + y);
        }
        return Scope.run(() -> {
            double c1 = 0.01 * range * (0.01 * range), c2 = 0.03 * range * (0.03 * range);
            Tensor a = planes(x), b = planes(y), window = window();
            Tensor meanA = mean(a, window), meanB = mean(b, window);
            Tensor varA = mean(a.square(), window).sub(meanA.square()), varB = mean(b.square(), window).sub(meanB.square());
            Tensor both = mean(a.mul(b), window).sub(meanA.mul(meanB));
            Tensor above = meanA.mul(meanB).mul(2).add(c1).mul(both.mul(2).add(c2));
            Tensor below = meanA.square().add(meanB.square()).add(c1).mul(varA.add(varB).add(c2));
            return above.div(below).reshape(x.size(0), -1).mean(false, 1);
        });
    }

    private static Tensor planes(Tensor x) { return x.to(DType.F64).reshape(-1, 1, x.size(2), x.size(3)); }

    private static Tensor mean(Tensor planes, Tensor window) { return Torch.conv2d(planes, window, null, 1, 0); }

    private static Tensor window() {
        double[] w = new double[WINDOW * WINDOW];
        double sum = 0;
        for (int i = 0; i < w.length; i++) {
            double dy = i / WINDOW - WINDOW / 2, dx = i % WINDOW - WINDOW / 2;
            w[i] = Math.exp(-(dx * dx + dy * dy) / (2 * DEVIATION * DEVIATION));
            sum += w[i];
        }
        return Torch.of(w, 1, 1, WINDOW, WINDOW).div(sum);
    }
}
