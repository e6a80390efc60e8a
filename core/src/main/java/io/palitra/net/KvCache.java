package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.List;

/** Keys and values of earlier tokens, so that only the next token is computed. Outlives every scope. */
public final class KvCache implements AutoCloseable {
    /** Queries of new tokens [B,heads,L,d]; keys and values of all [B,heads,S,d]. */
    record Heads(Tensor q, Tensor k, Tensor v) {}

    private final List<Tensor> layers = new ArrayList<>();   // keys, then values, [2,B,heads,capacity,d]
    private final long batch;
    private final long heads;
    private final long capacity;
    private final long d;
    private long length;

    /** Room for {@code capacity} tokens in each layer. @param d width of a head */
    KvCache(int layers, long batch, int heads, long capacity, int d, DType type, Device device) {
        this.batch = batch;
        this.heads = heads;
        this.capacity = capacity;
        this.d = d;
        for (int i = 0; i < layers; i++) this.layers.add(Torch.zeros(type, 2, batch, heads, capacity, d).to(device).retain());
    }

    /** Number of tokens held. */
    public long length() { return length; }

    long capacity() { return capacity; }

    long batch() { return batch; }

    /**
     * Writes keys and values of new tokens of a layer; {@link #advance} follows the last layer. By strides, in six operations: of a single
     * token the small ones take most of the time. No gradient flows to keys and values.
     *
     * @param qkv queries, keys and values side by side, [B L,3 heads d]
     */
    Heads with(int layer, Tensor qkv) {
        Tensor all = layers.get(layer);
        long n = qkv.size(0) / batch, width = heads * d, of = capacity * d;
        Tensor fresh = qkv.strided(width, new long[] {2, batch, heads, n, d}, new long[] {width, 3 * n * width, d, 3 * width, 1});
        all.strided(length * d, new long[] {2, batch, heads, n, d}, new long[] {batch * heads * of, heads * of, of, d, 1}).copyFrom(fresh);
        long[] shape = {batch, heads, length + n, d}, strides = {heads * of, of, d, 1};
        return new Heads(qkv.strided(0, new long[] {batch, heads, n, d}, new long[] {3 * n * width, d, 3 * width, 1}),
            all.strided(0, shape, strides), all.strided(batch * heads * of, shape, strides));
    }

    void advance(long tokens) { length += tokens; }

    /** Drops all but the first {@code tokens}. */
    void rewind(long tokens) {
        if (tokens < 0 || tokens > length) throw new ArgumentException("illegal tokens: " + tokens + ", must be 0 to " + length);
        length = tokens;
    }

    @Override public void close() { layers.forEach(Tensor::free); }
}
