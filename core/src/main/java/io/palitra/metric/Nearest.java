package io.palitra.metric;

import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Arrays;

/** For each of some points the nearest item of a stream, which may be long: memory does not grow with it. Euclidean distance. */
final class Nearest implements AutoCloseable {
    private final Tensor points;     // [N,D], F64
    private final long[] own;
    final double[] distance;
    final long[] item;

    /**
     * @param points [N,D]
     * @param own    for each point its number in the stream, which is not its own neighbour; -1 for a point that is not of the stream
     */
    Nearest(Tensor points, long[] own) {
        this.points = Scope.run(() -> points.to(Device.CPU).to(DType.F64).copy()).retain();
        this.own = own.clone();
        distance = new double[own.length];
        item = new long[own.length];
        Arrays.fill(distance, Double.POSITIVE_INFINITY);
        Arrays.fill(item, -1);
    }

    /** Items [B,D], the first of which has the number {@code first}. */
    void add(Tensor items, long first) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor apart = Torch.cdist(points, items.to(Device.CPU).to(DType.F64));    // [N,B]
            for (int i = 0; i < own.length; i++) {
                long at = own[i] - first;
                if (own[i] >= 0 && at >= 0 && at < items.size(0)) apart.select(0, i).narrow(0, at, 1).fill(Double.POSITIVE_INFINITY);
            }
            double[] least = apart.amin(false, 1).doubles();
            long[] where = apart.argmin(1).longs();
            for (int i = 0; i < least.length; i++) {
                if (least[i] < distance[i]) {
                    distance[i] = least[i];
                    item[i] = first + where[i];
                }
            }
        }
    }

    @Override public void close() { points.free(); }
}
