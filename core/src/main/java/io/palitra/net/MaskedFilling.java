package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;

/**
 * Uncovers hidden tokens, some in each step, by a network that predicts them from those that are seen. A token is drawn from its chances in
 * double precision by 48 random bits: of fewer the rarest tokens never come, and texts look better than the model is (Zheng et al. 2024,
 * arXiv:2409.02908, section 4).
 */
public final class MaskedFilling {
    private MaskedFilling() {}

    /** In which order tokens are uncovered. */
    public enum Order {
        /** As the noise says: in each step each with a chance. */
        ANCESTRAL,
        /** In any order, evenly many in a step: with as many steps as tokens as infinitely many of the noise. Zheng et al. 2024. */
        FIRST_HITTING,
        /** The most certain first: fewer steps, fewer kinds of texts. Chang et al. 2022, arXiv:2202.04200. */
        CONFIDENT
    }

    /**
     * How tokens are uncovered.
     *
     * @param steps passes of the network at most
     * @param hidden of the noise: the chance that a token is hidden at a time in [0,1]
     */
    public record How(int steps, Order order, TokenSampling tokens, DoubleUnaryOperator hidden) {}

    /**
     * Texts I64 [B,L], on the device of known. Text b draws from item b of rng. Waits for the device in every step.
     *
     * @param known I64 [B,L] tokens that are kept, -1 where one is to be drawn
     * @param end of texts: none is drawn before a token that is kept and is none; stands for hidden tokens where others watch the texts
     */
    public static Tensor fill(MaskedTransformer net, Tensor known, int end, How how, Rng rng) {
        int mask = net.config().vocabulary(), batch = (int) known.size(0), length = (int) known.size(1);
        try (Scope scope = new Scope(); Guard g = Torch.inference()) {
            long[] x = known.longs();
            for (int i = 0; i < x.length; i++) {
                if (x[i] < -1 || x[i] >= mask) throw new ArgumentException("there is no token " + x[i] + ", known are 0 to " + (mask - 1));
                if (x[i] < 0) x[i] = mask;
            }
            int[] all = new int[batch];   // hidden tokens of each text at the beginning
            boolean[] within = within(x, batch, mask, end);
            for (int i = 0; i < x.length; i++) if (x[i] == mask) all[i / length]++;
            double[] places = how.order == Order.FIRST_HITTING ? rng.uniform(batch, length).doubles() : new double[0];
            Scope.fold(known, how.steps, (was, step) -> {
                int[][] next = switch (how.order) {
                    case ANCESTRAL -> byChance(x, mask, batch, how, step, rng);
                    case FIRST_HITTING -> byPlaces(x, mask, batch, all, how.steps, step, places);
                    case CONFIDENT -> hidden(x, mask, batch);
                };
                if (Arrays.stream(next).mapToInt(n -> n.length).sum() > 0) uncover(net, x, next, all, how, step, rng, known.device(),
                    within, end);
                return Torch.of(Arrays.stream(x).map(t -> t == mask ? end : t).toArray(), batch, length);
            });
            return scope.keep(Torch.of(x, batch, length).to(known.device()));
        }
    }

    /** Of each place whether a kept token of the text, and no end, stands behind it. */
    private static boolean[] within(long[] x, int batch, int mask, int end) {
        boolean[] within = new boolean[x.length];
        int length = x.length / batch;
        for (int b = 0; b < batch; b++) {
            for (int i = length - 2; i >= 0; i--) {
                int at = b * length + i;
                within[at] = within[at + 1] || x[at + 1] != mask && x[at + 1] != end;
            }
        }
        return within;
    }

    /** Places of hidden tokens of each text. */
    private static int[][] hidden(long[] x, int mask, int batch) {
        int length = x.length / batch;
        return IntStream.range(0, batch).mapToObj(b -> IntStream.range(0, length).filter(i -> x[b * length + i] == mask).toArray())
            .toArray(int[][]::new);
    }

    private static int[][] byChance(long[] x, int mask, int batch, How how, int step, Rng rng) {
        int length = x.length / batch;
        double t = how.hidden.applyAsDouble(1 - step / (double) how.steps), s = how.hidden.applyAsDouble(1 - (step + 1.0) / how.steps);
        boolean last = step == how.steps - 1;
        float[] u;
        try (Scope scope = new Scope()) { u = rng.uniform(batch, length).floats(); }
        int[][] hidden = hidden(x, mask, batch);
        for (int b = 0; b < batch; b++) {
            int row = b * length;
            if (!last) hidden[b] = Arrays.stream(hidden[b]).filter(i -> u[row + i] * t < t - s).toArray();
        }
        return hidden;
    }

    /** How many of {@code all} are uncovered in a step. */
    private static int share(int all, int steps, int step) { return (int) ((long) all * (step + 1) / steps - (long) all * step / steps); }

    private static int[][] byPlaces(long[] x, int mask, int batch, int[] all, int steps, int step, double[] places) {
        int length = x.length / batch;
        int[][] hidden = hidden(x, mask, batch);
        for (int b = 0; b < batch; b++) {
            int row = b * length;
            hidden[b] = best(hidden[b], share(all[b], steps, step), i -> -places[row + i]);
        }
        return hidden;
    }

    /** Those n of the greatest values, in order of their places. */
    private static int[] best(int[] of, int n, java.util.function.IntToDoubleFunction value) {
        return Arrays.stream(of).boxed().sorted(Comparator.comparingDouble((Integer i) -> -value.applyAsDouble(i))).limit(n)
            .mapToInt(i -> i).sorted().toArray();
    }

    /** Draws the tokens of places, or of the most certain of them. */
    private static void uncover(MaskedTransformer net, long[] x, int[][] next, int[] all, How how, int step, Rng rng, Device device,
            boolean[] within, int end) {
        int batch = next.length, length = x.length / batch, v = net.config().vocabulary();
        List<Integer> rows = new ArrayList<>();
        for (int b = 0; b < batch; b++) for (int i : next[b]) rows.add(b * length + i);
        double[] logits;
        try (Scope scope = new Scope()) {
            Tensor hidden = net.hidden(Torch.of(x, batch, length).to(device), null);
            Tensor at = Torch.of(rows.stream().mapToLong(r -> r).toArray(), rows.size()).to(device);
            logits = net.logits(hidden.indexSelect(0, at)).doubles();   // waits for the device
        }
        for (int r = 0; r < rows.size(); r++) if (within[rows.get(r)]) logits[r * v + end] = Double.NEGATIVE_INFINITY;
        if (how.order == Order.CONFIDENT) {
            int from = 0;
            List<Integer> kept = new ArrayList<>();   // rows of logits
            for (int b = 0; b < batch; b++) {
                int first = from, n = next[b].length, own = b;
                int[] certain = best(IntStream.range(0, n).toArray(), share(all[own], how.steps, step),
                    k -> certainty(logits, (first + k) * v, v));
                for (int k : certain) kept.add(first + k);
                next[b] = Arrays.stream(certain).map(k -> next[own][k]).toArray();
                from += n;
            }
            double[] some = new double[kept.size() * v];
            for (int r = 0; r < kept.size(); r++) System.arraycopy(logits, kept.get(r) * v, some, r * v, v);
            draw(x, next, some, v, how, rng);
        } else {
            draw(x, next, logits, v, how, rng);
        }
    }

    /** log of the greatest chance. */
    private static double certainty(double[] logits, int from, int n) {
        double most = Double.NEGATIVE_INFINITY, sum = 0;
        for (int i = from; i < from + n; i++) most = Math.max(most, logits[i]);
        for (int i = from; i < from + n; i++) sum += Math.exp(logits[i] - most);
        return -Math.log(sum);
    }

    private static void draw(long[] x, int[][] places, double[] logits, int v, How how, Rng rng) {
        int batch = places.length, length = x.length / batch, rows = logits.length / v;
        int most = Arrays.stream(places).mapToInt(p -> p.length).max().orElse(0);
        if (most == 0) return;
        double[] u = new double[logits.length];
        if (how.tokens.temperature() > 0) {
            float[] high, low;
            try (Scope scope = new Scope()) {
                high = rng.uniform(batch, most, v).floats();   // a text uses the first of its row, however many others use
                low = rng.uniform(batch, most, v).floats();
            }
            int row = 0;
            for (int b = 0; b < batch; b++) {
                for (int k = 0; k < places[b].length; k++, row++) {
                    for (int i = 0; i < v; i++) {
                        int from = (b * most + k) * v + i;
                        u[row * v + i] = high[from] + low[from] * 0x1p-24;
                    }
                }
            }
        }
        int[] tokens = how.tokens.draw(logits, rows, u);
        int row = 0;
        for (int b = 0; b < batch; b++) for (int i : places[b]) x[b * length + i] = tokens[row++];
    }
}
