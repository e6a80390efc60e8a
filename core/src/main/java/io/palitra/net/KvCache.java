package io.palitra.net;

import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.List;

/** Keys and values of the tokens that a transformer has seen, so that the next one is computed alone. Outlives every scope. */
public final class KvCache implements AutoCloseable {
    private final List<Tensor> keys = new ArrayList<>();
    private final List<Tensor> values = new ArrayList<>();
    private long length;

    /** Room for {@code capacity} tokens: two tensors [B,heads,capacity,d] a layer. */
    KvCache(int layers, long batch, int heads, long capacity, int headDim, DType type, Device device) {
        for (int i = 0; i < layers; i++) {
            keys.add(Torch.zeros(type, batch, heads, capacity, headDim).to(device).retain());
            values.add(Torch.zeros(type, batch, heads, capacity, headDim).to(device).retain());
        }
    }

    /** Number of tokens seen. */
    public long length() { return length; }

    long capacity() { return keys.get(0).size(2); }

    long batch() { return keys.get(0).size(0); }

    /** Writes k [B,heads,L,d] of new tokens of a layer and gives all [B,heads,length + L,d]; {@link #advance} follows the last layer. */
    Tensor keys(int layer, Tensor k) { return written(keys.get(layer), k); }

    Tensor values(int layer, Tensor v) { return written(values.get(layer), v); }

    private Tensor written(Tensor all, Tensor fresh) {
        all.narrow(2, length, fresh.size(2)).copyFrom(fresh);
        return all.narrow(2, 0, length + fresh.size(2));
    }

    void advance(long tokens) { length += tokens; }

    @Override public void close() {
        keys.forEach(Tensor::free);
        values.forEach(Tensor::free);
    }
}
