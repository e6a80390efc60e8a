package io.palitra.net;

import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Arrays;

/**
 * A GPT-2 that reads on for ever. Where its positions are used up it begins a new window, of the token that begins texts and the last
 * tokens, half as many as there are positions: what a token is predicted from depends on its place alone.
 */
public final class GptReader implements Continuation.Reader {
    private final Gpt2 net;
    private final int first;
    private final boolean cached;
    private final int batch;
    private final KvCache cache;
    private long[][] window;   // tokens that the cache holds, or would

    /**
     * @param batch texts that are read side by side
     * @param first token that begins a text
     * @param cached whether keys and values of the tokens before are kept; else all of a window is computed for each token
     */
    public GptReader(Gpt2 net, int batch, int first, boolean cached) {
        this.net = net;
        this.first = first;
        this.cached = cached;
        this.batch = batch;
        cache = net.cache(batch, net.config().nPositions());
        window = new long[batch][0];
    }

    @Override public Tensor next(Tensor ids) {
        int n = (int) ids.size(1), most = net.config().nPositions(), before = window[0].length;
        long[] fresh = ids.longs();   // waits for the device
        for (int b = 0; b < batch; b++) {
            window[b] = Arrays.copyOf(window[b], before + n);
            System.arraycopy(fresh, b * n, window[b], before, n);
        }
        if (before + n <= most && cached) return net.last(ids, cache);
        if (before + n > most) {
            int kept = Math.max(1, most / 2), begin = most > 1 ? 1 : 0;
            for (int b = 0; b < batch; b++) {
                long[] last = new long[begin + kept];
                last[0] = first;
                System.arraycopy(window[b], before + n - kept, last, begin, kept);
                window[b] = last;
            }
        }
        cache.rewind(0);
        return net.last(Torch.of(Arrays.stream(window).flatMapToLong(Arrays::stream).toArray(), batch, window[0].length).to(ids.device()),
            cache);
    }

    @Override public void close() { cache.close(); }
}
