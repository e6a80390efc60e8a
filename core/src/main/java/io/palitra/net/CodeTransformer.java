package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Embedding;
import io.palitra.nn.Init;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A causal transformer over tokens that are given - a start, a class, a text - and then the codes of a picture in raster order, each with
 * the places of its row and column (Esser, Rombach and Ommer 2021, arXiv:2012.09841; Ramesh et al. 2021, arXiv:2102.12092). Names of
 * tensors are GPT-2's where it has them.
 *
 * <p>Pictures larger than those of its training are drawn through a window: a code is predicted from those of a grid of the training's size
 * around it.
 */
public final class CodeTransformer extends Module {
    private static final double EPS = 1e-5;

    /**
     * @param codes in the codebook
     * @param rows of the grid of codes
     * @param givenKinds different tokens that may be given
     * @param given tokens before the codes, G
     * @param tellsGiven whether the given tokens are predicted, too, each from those before it
     * @param sparse whether layers attend to rows, columns and neighbourhoods in turn, and not to all codes
     */
    public record Config(int codes, int rows, int columns, int givenKinds, int given, boolean tellsGiven, int width, int layers, int heads,
            boolean sparse) {
        public Config {
            if (width % heads != 0) {
                throw new ArgumentException("illegal width: " + width + ", must be a multiple of heads " + heads);
            }
        }

        int cells() { return rows * columns; }
    }

    private final Config config;
    private final Embedding codes;
    private final Embedding given;
    private final Embedding givenPlaces;
    private final Tensor rows;
    private final Tensor columns;
    private final List<GptBlock> blocks = new ArrayList<>();
    private final Norm.Layer norm;
    private final Tensor head;
    private final @Nullable Tensor givenHead;

    /** A network of fresh weights. */
    public CodeTransformer(Config config, Rng rng) {
        this.config = config;
        int d = config.width;
        codes = child("transformer.wte", new Embedding(config.codes, d, Init.DCGAN, rng));
        given = child("transformer.given", new Embedding(config.givenKinds, d, Init.DCGAN, rng));
        givenPlaces = child("transformer.wpe", new Embedding(config.given, d, Init.DCGAN, rng));
        rows = table("transformer.rows", config.rows, rng);
        columns = table("transformer.columns", config.columns, rng);
        for (int i = 0; i < config.layers; i++) {
            blocks.add(child("transformer.h." + i,
                new GptBlock(i, d, config.heads, 4 * d, 1, HiddenActivation.GELU_NEW, EPS, config.layers, rng)));
        }
        norm = child("transformer.ln_f", new Norm.Layer(d, EPS));
        head = table("lm_head", config.codes, rng);
        givenHead = config.tellsGiven ? table("given_head", config.givenKinds, rng) : null;
    }

    private Tensor table(String name, int rows, Rng rng) {
        return Objects.requireNonNull(child(name, new Embedding(rows, config.width, Init.DCGAN, rng)).parameters().get("weight"));
    }

    public Config config() { return config; }

    /**
     * Hidden states [B,G + n,D] of given tokens I64 [B,G] and of codes I64 [B,n] in raster order; each depends on the tokens up to its
     * own. That of the last given token predicts the first code, that of a code the next one.
     */
    public Tensor forward(Tensor given, Tensor codes) {
        return Scope.run(() -> texts(given.size(0), hidden(given, codes, config.columns, places(config.columns), null)));
    }

    private Tensor texts(long batch, Tensor rows) { return rows.reshape(batch, -1, config.width); }

    /** Logits of codes [B,L,K] from hidden states [B,L,D]. */
    public Tensor codeLogits(Tensor hidden) { return Torch.linear(hidden, head, null); }

    /** Logits of given tokens [B,L,kinds] from hidden states [B,L,D]; for a network that predicts them. */
    public Tensor givenLogits(Tensor hidden) { return Torch.linear(hidden, Objects.requireNonNull(givenHead), null); }

    /**
     * Hidden states, a row for each token, [B L,D].
     *
     * @param columns of the grid of the codes; codes in the cache are of the same grid
     * @param places position embeddings of that grid
     */
    private Tensor hidden(@Nullable Tensor before, @Nullable Tensor cells, int columns, Tensor places, @Nullable KvCache cache) {
        return Scope.run(() -> {
            int past = cache == null ? 0 : (int) cache.length();
            List<Tensor> parts = new ArrayList<>();
            if (before != null) parts.add(given.forward(before).add(Objects.requireNonNull(givenPlaces.parameters().get("weight"))));
            if (cells != null) parts.add(codes.forward(cells).add(places.narrow(0, Math.max(0, past - config.given), cells.size(1))));
            Tensor all = parts.size() == 1 ? parts.get(0) : Torch.cat(1, parts);
            long batch = all.size(0), length = all.size(1);
            Map<AttentionMask, Tensor> biases = new EnumMap<>(AttentionMask.class);
            Tensor x = all.reshape(-1, config.width);
            for (int i = 0; i < blocks.size(); i++) {
                AttentionMask sight = config.sparse ? AttentionMask.sparse(i, config.layers) : AttentionMask.FULL;
                boolean plain = sight == AttentionMask.FULL && (length == 1 || cache == null);
                Tensor bias = plain ? null : biases.computeIfAbsent(sight, s -> bias(s, past, (int) length, columns).to(head.device()));
                x = blocks.get(i).forward(x, batch, bias, cache);
            }
            if (cache != null) cache.advance(length);
            return norm.forward(x);
        });
    }

    /** Position embeddings of every cell of a grid of that width, row plus column, [cells,D]. */
    private Tensor places(int wide) {
        return rows.unsqueeze(1).add(columns.narrow(0, 0, wide).unsqueeze(0)).reshape(-1, config.width);   // [rows,1,D] + [1,wide,D]
    }

    /** Attention bias [1,1,L,past + L]: 0 where a token is attended to, else -infinity. */
    private Tensor bias(AttentionMask sight, int past, int length, int wide) {
        int keys = past + length, g = config.given;
        float[] bias = new float[length * keys];
        for (int q = past; q < keys; q++) {
            for (int k = 0; k < keys; k++) {
                boolean seen = k <= q && (k < g || sight.of(q - g, k - g, wide, AttentionMask.reach(config.columns)));
                if (!seen) bias[(q - past) * keys + k] = Float.NEGATIVE_INFINITY;
            }
        }
        return Torch.of(bias, 1, 1, length, keys);
    }

    /**
     * A picture to draw.
     *
     * @param given I64 [B,G]
     * @param without given tokens of the unconditional prediction, I64 [B,G]; null for no guidance
     * @param guidance logits = those without + guidance (those with - those without); 1 = none
     * @param rows of the grid
     * @param known codes of its first rows in raster order, I64 [B,n], n a multiple of columns; null for none
     */
    public record Drawing(Tensor given, @Nullable Tensor without, double guidance, int rows, int columns, @Nullable Tensor known) {}

    /**
     * Codes I64 [B,rows,columns]. Row b draws from item b of rng. Not recorded. Waits for the device at every code.
     */
    public Tensor draw(Drawing what, TokenSampling how, Rng rng) { return draw(what, how, rng, true); }

    /** @param cached whether keys and values of earlier codes are kept; the codes are the same either way */
    Tensor draw(Drawing what, TokenSampling how, Rng rng, boolean cached) {
        int batch = (int) what.given.size(0), cells = what.rows * what.columns;
        int known = what.known == null ? 0 : (int) what.known.size(1);
        if (config.sparse && (what.rows > config.rows || what.columns != config.columns)) {
            throw new ArgumentException("a network of sparse attention draws grids of " + config.rows + "x" + config.columns
                + ", not " + what.rows + "x" + what.columns);
        }
        long[] drawn = new long[batch * cells];
        try (Scope scope = new Scope(); Guard g = Torch.inference()) {
            rng.skip(known);   // a cell uses the same random numbers however many codes are known
            if (what.known != null) {
                long[] from = what.known.longs();
                for (int b = 0; b < batch; b++) System.arraycopy(from, b * known, drawn, b * cells, known);
            }
            try (Window window = new Window(what, drawn, cached)) {
                Scope.fold(what.given, cells - known, (x, i) -> {
                    int cell = known + i;
                    int[] codes = how.draw(window.logits(cell), rng);   // waits for the device
                    for (int b = 0; b < batch; b++) drawn[b * cells + cell] = codes[b];
                    return x;
                });
            }
        }
        return Torch.of(drawn, batch, what.rows, what.columns).to(what.given.device());
    }

    /** Where the window of that extent around position {@code at} of n begins. */
    static int first(int at, int n, int extent) { return Math.max(0, Math.min(at - extent / 2, n - extent)); }

    /** Predictions of a cell from the cells before it in a window around it, which is as large as the grid of the training. */
    private final class Window implements AutoCloseable {
        private final Drawing what;
        private final long[] drawn;
        private final boolean cached;
        private final int high;
        private final int wide;
        private final int batch;
        private final boolean guided;
        private final Tensor places;
        private final Tensor tokens;   // the given ones, [B or 2B,G]
        private final Tensor before;   // hidden state of the last given token, [B or 2B,D]
        private final KvCache cache;
        private int top;
        private int left;

        Window(Drawing what, long[] drawn, boolean cached) {
            this.what = what;
            this.drawn = drawn;
            this.cached = cached;
            high = Math.min(what.rows, config.rows);
            wide = Math.min(what.columns, config.columns);
            batch = (int) what.given.size(0);
            guided = what.without != null && what.guidance != 1;
            places = places(wide);
            tokens = guided ? Torch.cat(0, what.given, Objects.requireNonNull(what.without)) : what.given;
            cache = new KvCache(config.layers, tokens.size(0), config.heads, config.given + (long) high * wide,
                config.width / config.heads, head.dtype(), head.device());
            before = last(hidden(tokens, null, wide, places, cache));
        }

        /** Logits of a cell's code, guided, [B,K]. */
        Tensor logits(int cell) {
            return Scope.run(() -> {
                Tensor all = Torch.linear(state(cell), head, null);
                if (!guided) return all;
                Tensor with = all.rows(0, batch), without = all.rows(batch, batch);
                return without.add(with.sub(without).mul(what.guidance));
            });
        }

        /** The hidden state that predicts a cell, [B or 2B,D]. */
        private Tensor state(int cell) {
            int row = cell / what.columns, column = cell % what.columns;
            int a = first(row, what.rows, config.rows), b = first(column, what.columns, config.columns);
            int own = (row - a) * wide + column - b;
            if (own == 0) return before;
            if (!cached) return last(hidden(tokens, cells(a, b, 0, own), wide, places, null));
            int seen = (int) cache.length() - config.given;
            if (a != top || b != left || seen >= own) seen = 0;
            cache.rewind(config.given + seen);
            top = a;
            left = b;
            return last(hidden(null, cells(a, b, seen, own), wide, places, cache));
        }

        private Tensor last(Tensor rows) {
            long length = rows.size(0) / tokens.size(0);
            return length == 1 ? rows : texts(tokens.size(0), rows).select(1, length - 1);
        }

        /** Cells from..to-1 of the window at (a,b), I64 [B or 2B,to - from]. */
        private Tensor cells(int a, int b, int from, int to) {
            int n = to - from, times = guided ? 2 : 1, all = what.rows * what.columns;
            long[] cells = new long[times * batch * n];
            for (int i = 0; i < cells.length; i++) {
                int item = i / n % batch, at = from + i % n;
                cells[i] = drawn[item * all + (a + at / wide) * what.columns + b + at % wide];
            }
            return Torch.of(cells, (long) times * batch, n).to(device());
        }

        private Device device() { return head.device(); }

        @Override public void close() { cache.close(); }
    }
}
