package io.palitra.nn;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/**
 * Self-attention of pictures, x + gamma o(a(x)), where gamma begins at 0: the layer then changes nothing. Every pixel attends to every
 * window of 2 x 2 pixels, whose keys and values are the largest in it; scores are not scaled. Zhang et al. 2019, arXiv:1805.08318,
 * section 3; the windows: Brock et al. 2019, arXiv:1809.11096, appendix B.
 */
public final class PooledAttention extends Module {
    private final SpectralFilter query;
    private final SpectralFilter key;
    private final SpectralFilter value;
    private final SpectralFilter out;
    private final Tensor gamma;

    /** @param channels at least 2; an eighth of them, or one, are of a query and a key, half of them of a value */
    public PooledAttention(int channels, boolean spectralNorm, Init init, Rng rng) {
        if (channels < 2) throw new ArgumentException("attention wants at least 2 channels, got " + channels);
        int narrow = Math.max(1, channels / 8), half = channels / 2;
        query = child("query", filter(spectralNorm, init, rng.split(0), narrow, channels));
        key = child("key", filter(spectralNorm, init, rng.split(1), narrow, channels));
        value = child("value", filter(spectralNorm, init, rng.split(2), half, channels));
        out = child("out", filter(spectralNorm, init, rng.split(3), channels, half));
        gamma = parameter("gamma", Torch.zeros(1));
    }

    private static SpectralFilter filter(boolean spectralNorm, Init init, Rng rng, int out, int in) {
        return new SpectralFilter(spectralNorm, init, false, 1, 0, rng, out, in, 1, 1);
    }

    /** [B,C,H,W] to the same, H and W at least 2. */
    public Tensor forward(Tensor x) {
        Tensor attended = attend(query.forward(x), key.forward(x), value.forward(x));
        return x.add(out.forward(attended).mul(gamma));
    }

    /** Moves the estimates of the largest singular values. */
    public void iterate() {
        for (SpectralFilter f : new SpectralFilter[] {query, key, value, out}) f.iterate();
    }

    /** Of each pixel the values [B,V,H,W] of all windows, by how well its query [B,K,H,W] fits their keys [B,K,H,W]: [B,V,H,W]. */
    public static Tensor attend(Tensor query, Tensor key, Tensor value) {
        Tensor keys = Torch.maxPool(key, 2).flatten(2), values = Torch.maxPool(value, 2).flatten(2);   // [B,K,S], [B,V,S]
        Tensor shares = query.flatten(2).transpose(1, 2).matmul(keys).softmax(2);                      // [B,H*W,S]
        Tensor sums = values.to(shares.dtype()).matmul(shares.transpose(1, 2));                        // [B,V,H*W]
        return sums.reshape(value.size(0), value.size(1), value.size(2), value.size(3));
    }
}
