package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.Arrays;

/** Texts that go on, token by token, by a network that predicts from the left. */
public final class Continuation {
    private Continuation() {}

    /** What a network knows of the tokens that it was given so far. */
    public interface Reader extends AutoCloseable {
        /** Takes tokens I64 [B,n] in, after those before; logits of the next one [B,V]. Not recorded. */
        Tensor next(Tensor ids);

        @Override void close();
    }

    /**
     * How a token is drawn.
     *
     * @param repetition divides the logits above 0 of tokens that stand in the text already, and multiplies those below; 1 = does nothing.
     *     Keskar et al. 2019, "CTRL", arXiv:1909.05858, section 4.1
     */
    public record How(TokenSampling tokens, double repetition) {
        public How {
            if (!(repetition >= 1) || !Double.isFinite(repetition)) {
                throw new ArgumentException("illegal repetition: " + repetition + ", must be at least 1");
            }
        }
    }

    /** Gets each token; says whether its text is to go on. */
    @FunctionalInterface public interface Listener { boolean token(int text, int token); }

    /**
     * Draws at most that many tokens for each text. Text b draws from item b of rng. Waits for the device at every token.
     *
     * @param before tokens that the texts begin with, I64 [B,n], n at least 1
     */
    public static void write(Reader reader, Tensor before, int tokens, How how, Rng rng, Listener each) {
        int batch = (int) before.size(0);
        boolean[] ended = new boolean[batch];
        int[][] said = new int[batch][];   // sorted tokens that repetition counts, by text; none where it does nothing
        try (Scope scope = new Scope(); Guard g = Torch.inference()) {
            long[] begin = before.longs();
            int n = begin.length / batch;
            for (int b = 0; b < batch; b++) {
                said[b] = how.repetition == 1 ? new int[0] : Arrays.stream(begin, b * n, (b + 1) * n).mapToInt(t -> (int) t)
                    .distinct().sorted().toArray();
            }
            Scope.fold(before.select(1, n - 1), tokens, (x, i) -> {
                if (all(ended)) return x;
                Tensor logits = reader.next(i == 0 ? before : x.unsqueeze(1));
                double[] l = logits.doubles();   // waits for the device
                if (how.repetition > 1) for (int b = 0; b < batch; b++) penalise(l, l.length / batch * b, said[b], how.repetition);
                int[] next = how.tokens.draw(l, batch, rng);
                long[] ids = new long[batch];
                for (int b = 0; b < batch; b++) {
                    ids[b] = next[b];
                    if (ended[b]) continue;
                    ended[b] = !each.token(b, next[b]);
                    if (how.repetition > 1) said[b] = with(said[b], next[b]);
                }
                return Torch.of(ids, batch).to(before.device());
            });
        }
    }

    private static void penalise(double[] logits, int from, int[] said, double by) {
        for (int token : said) {
            double l = logits[from + token];
            logits[from + token] = l > 0 ? l / by : l * by;
        }
    }

    /** The sorted set with one more. */
    private static int[] with(int[] said, int token) {
        if (Arrays.binarySearch(said, token) >= 0) return said;
        int[] more = Arrays.copyOf(said, said.length + 1);
        more[said.length] = token;
        Arrays.sort(more);
        return more;
    }

    private static boolean all(boolean[] ended) {
        for (boolean e : ended) if (!e) return false;
        return true;
    }
}
