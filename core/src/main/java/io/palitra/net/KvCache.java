package io.palitra.net;

import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.List;

/** Keys and values of the tokens that a transformer has seen, so that the next one is computed alone. Outlives every scope. */
public final class KvCache implements AutoCloseable {
    private final List<Tensor> layers = new ArrayList<>();
    private long length;

    /** Room for {@code capacity} tokens: keys and values [2,B,heads,capacity,d] a layer. */
    KvCache(int layers, long batch, int heads, long capacity, int headDim, DType type, Device device) {
        for (int i = 0; i < layers; i++) {
            this.layers.add(Torch.zeros(type, 2, batch, heads, capacity, headDim).to(device).retain());
        }
    }

    /** Number of tokens seen. */
    public long length() { return length; }

    long capacity() { return layers.get(0).size(3); }

    long batch() { return layers.get(0).size(1); }

    /** Writes keys and values [2,B,heads,L,d] of new tokens of a layer and gives all [2,B,heads,length + L,d]; {@link #advance} follows the
     * last layer. */
    Tensor with(int layer, Tensor fresh) {
        Tensor all = layers.get(layer);
        all.narrow(3, length, fresh.size(3)).copyFrom(fresh);
        return all.narrow(3, 0, length + fresh.size(3));
    }

    void advance(long tokens) { length += tokens; }

    /** Forgets all but the first {@code tokens}. */
    void rewind(long tokens) {
        if (tokens < 0 || tokens > length) throw new IllegalArgumentException("illegal tokens: " + tokens + ", must be 0 to " + length);
        length = tokens;
    }

    @Override public void close() { layers.forEach(Tensor::free); }
}
