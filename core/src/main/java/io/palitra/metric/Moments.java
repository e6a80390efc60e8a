package io.palitra.metric;

import io.palitra.config.ArgumentException;
import io.palitra.config.Ordered;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Mean and covariance of a stream of features, in double precision; memory is D x D however many items come. Batches are joined by their
 * means and scatter matrices, without cancellation: Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance".
 */
public final class Moments implements AutoCloseable {
    private @Nullable Tensor mean;      // [D]
    private @Nullable Tensor scatter;   // [D,D], sum of (x - mean)(x - mean)^T
    private long count;

    /** Adds the rows of x [B,D], finite. */
    public void add(Tensor x) {
        if (x.dims() != 2) throw new ArgumentException("moments want features [B,D], got " + x);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor rows = x.to(Device.CPU).to(DType.F64);
            if (rows.isFinite().all().item() == 0) throw new ArgumentException("features " + x + " are not all finite");
            long n = rows.size(0), d = rows.size(1);
            if (n == 0) return;
            if (mean == null || scatter == null) {
                mean = Torch.zeros(DType.F64, d).retain();
                scatter = Torch.zeros(DType.F64, d, d).retain();
            }
            if (mean.size(0) != d) throw new ArgumentException("moments want features [B," + mean.size(0) + "], got " + x);
            Tensor own = rows.mean(false, 0), centred = rows.sub(own), shift = own.sub(mean);
            double share = n / (double) (count + n);
            Tensor between = shift.unsqueeze(1).matmul(shift.unsqueeze(0)).mul(count * share);
            scatter.copyFrom(scatter.add(centred.t().matmul(centred)).add(between));
            mean.copyFrom(mean.add(shift.mul(share)));
            count += n;
        }
    }

    /** The state so far, for {@link #restore}; empty before the first item. */
    Map<String, Tensor> state() {
        if (mean == null || scatter == null) return Map.of();
        return Ordered.map(Map.entry("mean", mean.copy()), Map.entry("scatter", scatter.copy()),
            Map.entry("count", Torch.of(new long[] {count}, 1)));
    }

    void restore(Map<String, Tensor> state) {
        close();
        if (state.isEmpty()) return;
        mean = kept(state, "mean").copy().retain();
        scatter = kept(state, "scatter").copy().retain();
        count = kept(state, "count").longs()[0];
    }

    static Tensor kept(Map<String, Tensor> state, String name) {
        Tensor t = state.get(name);
        if (t == null) throw new ArgumentException("what was kept lacks '" + name + "'");
        return t;
    }

    /** Items so far. */
    public long count() { return count; }

    /** [D], F64, a copy. At least one item. */
    public Tensor mean() {
        if (mean == null) throw new IllegalStateException("no items, a mean wants at least 1");
        return mean.copy();
    }

    /** [D,D], F64, divided by n - 1. At least two items. */
    public Tensor covariance() {
        if (scatter == null || count < 2) throw new IllegalStateException(count + " items, a covariance wants at least 2");
        return scatter.div(count - 1.0);
    }

    @Override public void close() {
        if (mean != null) mean.free();
        if (scatter != null) scatter.free();
        mean = null;
        scatter = null;
        count = 0;
    }
}
