package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.Arrays;

/** Peak signal-to-noise ratio: 10 log10(peak^2 / mean squared error). */
public final class Psnr {
    private Psnr() {}

    /**
     * In dB, one value an item [B], infinite for equal pictures. x and y [B,...].
     *
     * @param peak width of the range of values: 2 for [-1,1]
     */
    public static Tensor decibels(Tensor x, Tensor y, double peak) {
        if (!(peak > 0)) throw new ArgumentException("illegal peak: " + peak + ", must be above 0");
        if (!Arrays.equals(x.shape(), y.shape())) throw new ArgumentException("PSNR wants equal shapes, got " + x + ", " + y);
        return Scope.run(() -> x.to(DType.F64).sub(y.to(DType.F64)).square().meanPerItem().div(peak * peak).log().mul(-10 / Math.log(10)));
    }
}
