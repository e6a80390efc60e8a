package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Embedding;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Scores one sixteenth after the other, and within a sixteenth one voice after the other from the highest down:
 * p(x) = prod_t prod_v p(x_tv | x_(1..t-1), x_t(1..v-1), known). A causal transformer of relative attention (Huang et al. 2019,
 * arXiv:1809.04281) reads whole sixteenths; from its state of the sixteenths before, a small network tells the voices of the next one. So
 * the long sequence is four times as short as that of single notes, and nothing of the chain rule is lost.
 *
 * <p>Notes that are known, wherever they stand, are read by a second transformer that sees to both sides, and whose states are added to the
 * first one's: so a voice can be told from a melody that goes on. It reads nothing of the others, and where nothing is known it adds
 * nothing.
 */
public final class ScoreTransformer extends Module {
    private static final double EPS = 1e-5;
    private static final int HEAD_LAYERS = 2;

    /**
     * @param symbols of a voice in a sixteenth
     * @param bar sixteenths of a bar, whose places are told apart
     * @param layers of the transformer of sixteenths before
     * @param knownLayers of that of known notes
     * @param reach distances in sixteenths that are told apart
     */
    public record Config(int symbols, int voices, int bar, int width, int layers, int knownLayers, int heads, int reach, double dropout) {
        public Config {
            if (width % heads != 0) throw new ArgumentException("illegal width: " + width + ", must be a multiple of heads " + heads);
        }
    }

    /** Two layers over each voice. */
    private static final class VoiceBlock extends Module {
        private final Norm.Layer norm;
        private final Linear up;
        private final Linear down;

        VoiceBlock(int width, Rng rng) {
            norm = child("norm", new Norm.Layer(width, EPS));
            up = child("up", new Linear(width, 2 * width, Init.DCGAN, Init.ZERO, rng));
            down = child("down", new Linear(2 * width, width, Init.DCGAN, Init.ZERO, rng));
        }

        Tensor forward(Tensor x) { return x.add(down.forward(up.forward(norm.forward(x)).geluTanh())); }
    }

    private final Config config;
    private final Embedding before;
    private final Embedding known;
    private final Embedding beats;
    private final Embedding knownBeats;
    private final Embedding own;
    private final Embedding now;
    private final Tensor voice;
    private final List<RelativeBlock> blocks = new ArrayList<>();
    private final List<RelativeBlock> knownBlocks = new ArrayList<>();
    private final Norm.Layer knownNorm;
    private final Norm.Layer norm;
    private final Linear state;
    private final List<VoiceBlock> voiceBlocks = new ArrayList<>();
    private final Norm.Layer last;
    private final Tensor head;
    private final Tensor headBias;

    /** A network of fresh weights. */
    public ScoreTransformer(Config config, Rng rng) {
        this.config = config;
        int d = config.width, rows = config.voices * (config.symbols + 1);
        before = child("before", new Embedding(rows, d, Init.DCGAN, rng));
        known = child("known", new Embedding(rows, d, Init.DCGAN, rng));
        own = child("own", new Embedding(rows, d, Init.DCGAN, rng));
        now = child("now", new Embedding(rows, d, Init.DCGAN, rng));
        beats = child("beats", new Embedding(config.bar, d, Init.DCGAN, rng));
        knownBeats = child("known_beats", new Embedding(config.bar, d, Init.DCGAN, rng));
        voice = weight("voice", new Embedding(config.voices, d, Init.DCGAN, rng));
        for (int i = 0; i < config.layers; i++) {
            blocks.add(child("blocks." + i, new RelativeBlock(i, d, config.heads, config.reach, true, config.dropout, config.layers, rng)));
        }
        for (int i = 0; i < config.knownLayers; i++) {
            knownBlocks.add(child("known_blocks." + i,
                new RelativeBlock(i, d, config.heads, config.reach, false, config.dropout, config.knownLayers, rng)));
        }
        knownNorm = child("known_norm", new Norm.Layer(d, EPS));
        norm = child("norm", new Norm.Layer(d, EPS));
        state = child("state", new Linear(d, d, Init.DCGAN, Init.ZERO, rng));
        for (int i = 0; i < HEAD_LAYERS; i++) voiceBlocks.add(child("voices." + i, new VoiceBlock(d, rng)));
        last = child("last", new Norm.Layer(d, EPS));
        head = weight("head", new Embedding(config.symbols, d, Init.DCGAN, rng));
        headBias = weight("head_bias", new Embedding(config.voices, config.symbols, Init.ZERO, rng));
    }

    private Tensor weight(String name, Embedding table) { return Objects.requireNonNull(child(name, table).parameters().get("weight")); }

    /** Rows of the tables for symbols I64 [B,n,V]; the symbol after the last stands for none. */
    private Tensor rows(Tensor x) {
        long[] offsets = new long[config.voices];
        for (int v = 0; v < offsets.length; v++) offsets[v] = (long) v * (config.symbols + 1);
        return x.add(Torch.of(offsets, offsets.length).to(x.device()));
    }

    private Tensor none(long batch, long steps) {
        long[] none = new long[Torch.numel(batch, steps, config.voices)];
        Arrays.fill(none, config.symbols);
        return Torch.of(none, batch, steps, config.voices).to(head.device());
    }

    private Tensor places(long from, long n) {
        long[] at = new long[(int) n];
        for (int i = 0; i < n; i++) at[i] = (from + i) % config.bar;
        return Torch.of(at, n).to(head.device());
    }

    /**
     * Logits [B,T,V,symbols] of every note of x.
     *
     * @param x I64 [B,T,V]
     * @param known of the first n items, I64 [n,T,V], -1 where a note is not known; null where none is
     * @param rng of the dropout, used in training alone
     */
    public Tensor forward(Tensor x, @Nullable Tensor known, Rng rng) {
        return Scope.run(() -> {
            long b = x.size(0), n = x.size(1);
            Tensor earlier = n == 1 ? none(b, 1) : Torch.cat(1, none(b, 1), x.narrow(1, 0, n - 1));   // x_(t-1)
            Tensor h = before.forward(rows(earlier)).sum(false, 2).add(beats.forward(places(0, n)));
            if (known != null) {
                long rest = b - known.size(0);
                Tensor told = told(known, rng);
                h = h.add(rest == 0 ? told : Torch.cat(0, told, Torch.zeros(rest, n, config.width).to(told.dtype()).to(told.device())));
            }
            Tensor mask = mask(n);
            for (RelativeBlock block : blocks) h = block.forward(h, mask, rng);
            return voices(h, x, earlier);
        });
    }

    private Tensor mask(long n) {
        float[] mask = new float[(int) (n * n)];
        for (int i = 0; i < n; i++) for (int j = i + 1; j < n; j++) mask[(int) (i * n) + j] = Float.NEGATIVE_INFINITY;
        return Torch.of(mask, n, n).to(head.device());
    }

    /** What known notes add, [B,T,D]; 0 in items where none is. */
    private Tensor told(Tensor known, Rng rng) {
        return Scope.run(() -> {
            Tensor hidden = known.lt(0);
            Tensor any = hidden.to(DType.F32).meanPerItem().lt(1).to(DType.F32).broadcastTo(3);
            Tensor h = this.known.forward(rows(known.maskedFill(hidden, config.symbols))).sum(false, 2)
                .add(knownBeats.forward(places(0, known.size(1))));
            for (RelativeBlock block : knownBlocks) h = block.forward(h, null, rng);
            return knownNorm.forward(h).mul(any);
        });
    }

    /** Logits of all voices from states [B,T,D]. */
    private Tensor voices(Tensor h, Tensor x, Tensor earlier) {
        Tensor each = now.forward(rows(x));                                                         // [B,T,V,D]
        Tensor above = each.cumsum(2).sub(each);
        Tensor u = state.forward(norm.forward(h)).unsqueeze(2).add(above).add(own.forward(rows(earlier))).add(voice);
        return logits(u).add(headBias);
    }

    /** u [...,D] to [...,symbols], without the bias of a voice. */
    private Tensor logits(Tensor u) {
        Tensor y = u;
        for (VoiceBlock block : voiceBlocks) y = block.forward(y);
        return Torch.linear(last.forward(y), head, null);
    }

    /**
     * Draws I64 [B,steps,V]; keys and values of earlier sixteenths are kept. Row b draws from item b of rng, the same numbers for a note
     * however many are known. Not recorded. Waits for the device at every note.
     *
     * @param first I64 [B,n,V], sixteenths that the score begins with; null for none
     * @param known I64 [B,steps,V], -1 where a note is to be drawn; null for none
     * @param how a note is drawn, and whether it may move in fifths or octaves with a voice that stands already
     */
    public Tensor draw(int batch, int steps, @Nullable Tensor first, @Nullable Tensor known, Drawing how, Rng rng) {
        return draw(batch, steps, first, known, how, rng, true);
    }

    /** @param parallels false: no note is drawn that moves the same way as another voice, a fifth or an octave from it before and after */
    public record Drawing(TokenSampling notes, boolean parallels) {}

    /** @param cached false computes every state from the beginning, for tests */
    Tensor draw(int batch, int steps, @Nullable Tensor first, @Nullable Tensor known, Drawing how, Rng rng,
            boolean cached) {
        int voices = config.voices;
        long[] drawn = new long[batch * steps * voices], fixed = fixed(batch, steps, first, known);
        try (Scope scope = new Scope(); Guard g = Torch.inference();
                KvCache cache = new KvCache(config.layers, batch, config.heads, steps, config.width / config.heads, head.dtype(),
                    head.device())) {
            Tensor told = known == null ? Torch.zeros(batch, steps, config.width).to(head.device()) : told(known, rng);
            Scope.fold(none(batch, 1), steps, (earlier, t) -> {
                Tensor h = cached ? next(earlier, told.narrow(1, t, 1), t, cache, rng) : whole(drawn, batch, t, told, steps, rng);
                Tensor base = state.forward(norm.forward(h)).select(1, 0);                      // [B,D]
                Tensor mine = own.forward(rows(earlier)).select(1, 0);                          // [B,V,D]
                Tensor above = Torch.zerosLike(base);
                for (int v = 0; v < voices; v++) {
                    Tensor u = base.add(above).add(mine.select(1, v)).add(voice.select(0, v));
                    double[] likely = logits(u).add(headBias.select(0, v)).doubles();           // waits for the device
                    for (int b = 0; b < batch && !how.parallels && t > 0; b++) {
                        forbid(likely, drawn, fixed, (b * steps + t) * voices, v, b);
                    }
                    int[] notes = how.notes.draw(likely, batch, rng);
                    long[] own = new long[batch];
                    for (int b = 0; b < batch; b++) {
                        int at = (b * steps + t) * voices + v;
                        drawn[at] = fixed[at] >= 0 ? fixed[at] : notes[b];
                        own[b] = drawn[at] + (long) v * (config.symbols + 1);
                    }
                    above = above.add(now.forward(Torch.of(own, batch).to(head.device())));
                }
                long[] step = new long[batch * voices];
                for (int b = 0; b < batch; b++) System.arraycopy(drawn, (b * steps + t) * voices, step, b * voices, voices);
                return Torch.of(step, batch, 1, voices).to(head.device());
            });
        }
        return Torch.of(drawn, batch, steps, voices).to(head.device());
    }

    /** Takes the chance of notes of voice v that move in fifths or octaves with another. @param at of the first voice of the step */
    private void forbid(double[] likely, long[] drawn, long[] fixed, int at, int v, int item) {
        long before = drawn[at - config.voices + v];
        if (before == 0) return;
        for (int w = 0; w < config.voices; w++) {
            long other = w < v ? drawn[at + w] : fixed[at + w], otherBefore = drawn[at - config.voices + w];
            long by = Math.floorMod(Math.abs(before - otherBefore), 12L);
            if (w == v || other <= 0 || otherBefore <= 0 || other == otherBefore || by != 0 && by != 7) continue;
            for (int k = 1; k < config.symbols; k++) {
                boolean same = Long.signum(k - before) == Long.signum(other - otherBefore);
                boolean kept = Math.floorMod(Math.abs(k - other), 12L) == by
                    && Long.signum(k - other) * Long.signum(before - otherBefore) >= 0;
                if (same && kept) likely[item * config.symbols + k] = Double.NEGATIVE_INFINITY;
            }
        }
    }

    private Tensor next(Tensor earlier, Tensor told, int t, KvCache cache, Rng rng) {
        Tensor h = before.forward(rows(earlier)).sum(false, 2).add(beats.forward(places(t, 1))).add(told);
        for (RelativeBlock block : blocks) h = block.next(h, cache, rng);
        cache.advance(1);
        return h;
    }

    /** The state of sixteenth t, from the beginning. */
    private Tensor whole(long[] drawn, int batch, int t, Tensor told, int steps, Rng rng) {
        long[] all = new long[batch * (t + 1) * config.voices];
        for (int b = 0; b < batch; b++) {
            for (int k = 0; k < (t + 1) * config.voices; k++) {
                int into = b * (t + 1) * config.voices + k;
                all[into] = k < config.voices ? config.symbols : drawn[b * steps * config.voices + k - config.voices];
            }
        }
        Tensor h = before.forward(rows(Torch.of(all, batch, t + 1, config.voices).to(head.device()))).sum(false, 2)
            .add(beats.forward(places(0, t + 1))).add(told.narrow(1, 0, t + 1));
        Tensor mask = mask(t + 1);
        for (RelativeBlock block : blocks) h = block.forward(h, mask, rng);
        return h.narrow(1, t, 1);
    }

    /** Of each note the symbol that is given, or -1. */
    private long[] fixed(int batch, int steps, @Nullable Tensor first, @Nullable Tensor known) {
        long[] fixed = new long[batch * steps * config.voices];
        Arrays.fill(fixed, -1);
        if (known != null) {
            if (known.dims() != 3 || known.size(0) != batch || known.size(1) != steps || known.size(2) != config.voices) {
                throw new ArgumentException("known notes want [" + batch + "," + steps + "," + config.voices + "], got " + known);
            }
            System.arraycopy(known.longs(), 0, fixed, 0, fixed.length);
        }
        if (first != null) {
            if (first.dims() != 3 || first.size(0) != batch || first.size(1) > steps || first.size(2) != config.voices) {
                throw new ArgumentException("a beginning wants [" + batch + ",up to " + steps + "," + config.voices + "], got " + first);
            }
            long[] given = first.longs();
            int per = (int) first.size(1) * config.voices;
            for (int b = 0; b < batch; b++) System.arraycopy(given, b * per, fixed, b * steps * config.voices, per);
        }
        for (long k : fixed) {
            if (k >= config.symbols) throw new ArgumentException("illegal note: " + k + ", must be below " + config.symbols);
        }
        return fixed;
    }
}
