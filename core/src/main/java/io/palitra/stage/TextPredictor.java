package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.data.Alphabet;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.TextSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Measure;
import io.palitra.model.Writes;
import io.palitra.net.Continuation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What families share that predict a text from the left, log p(x) = sum_i log p(x_i | end, x_0 ... x_(i-1)): the end token stands before
 * each text. An end that follows an end is what fills up a short text, and counts nothing.
 */
public final class TextPredictor {
    /** A target that counts nothing, as PyTorch's cross entropy has it. */
    private static final double NONE = -100;
    /** Most bytes that a character has in UTF-8. */
    private static final int WIDEST = 4;

    /** Texts that are scored at once. */
    private static final int AT_ONCE = 64;

    /** A network: logits of the token after each of ids I64 [B,L], [B L,V]. @param rng of training; null elsewhere */
    @FunctionalInterface public interface Network { Tensor rows(Tensor ids, @Nullable Rng rng); }

    /** Opens a reader of B texts side by side. */
    @FunctionalInterface public interface Opening { Continuation.Reader of(int batch); }

    private final TextSpec spec;
    private final Network network;
    private final Opening opening;

    /** @param opening of the same network */
    public TextPredictor(TextSpec spec, Network network, Opening opening) {
        this.spec = spec;
        this.network = network;
        this.opening = opening;
    }

    /** The texts that a family learns from. @throws IllegalArgumentException for other data */
    public static TextSpec texts(String family, DataSpec data) {
        if (data instanceof TextSpec text) return text;
        throw new ArgumentException(family + " wants texts, got " + data);
    }

    /** What the network is given for texts x I64 [B,L]: the end token, and all but the last of x. */
    private Tensor inputs(Tensor x) {
        return Torch.cat(1, begin((int) x.size(0)).to(x.device()), x.narrow(1, 0, x.size(1) - 1));
    }

    /** What stands before each text, I64 [B,1]. */
    private Tensor begin(int batch) {
        long[] ends = new long[batch];
        Arrays.fill(ends, spec.end());
        return Torch.of(ends, batch, 1);
    }

    /** BOOL [B,L]: ends that follow an end. */
    private Tensor padding(Tensor inputs, Tensor x) { return inputs.eq(spec.end()).to(DType.U8).mul(x.eq(spec.end()).to(DType.U8)).gt(0); }

    /** Mean of -log p of the tokens of x I64 [B,L] that count, in nats. */
    public Tensor loss(Tensor x, Rng rng) {
        Tensor inputs = inputs(x);
        return Torch.crossEntropy(network.rows(inputs, rng).to(DType.F32), x.maskedFill(padding(inputs, x), NONE).reshape(-1));
    }

    /** -log p of each token of x I64 [B,L] in nats, 0 where it counts nothing. */
    public Tensor nats(Tensor x) {
        Tensor inputs = inputs(x), logits = network.rows(inputs, null);
        Tensor each = logits.to(DType.F32).logSoftmax(1).gather(1, x.reshape(-1, 1)).neg().reshape(x.shape());
        return each.maskedFill(padding(inputs, x), 0);
    }

    /** Nats and bits a character, perplexity of a token. One pass over all batches; waits for the device. */
    public List<Measure> evaluate(Iterable<Batch> test) {
        double nats = 0, later = 0;
        long items = 0, tokens = 0, characters = 0, laterTokens = 0;
        int half = spec.length() / 2;
        for (Batch batch : test) {
            try (Scope scope = new Scope()) {
                for (long from = 0; from < batch.size(); from += AT_ONCE) {
                    Tensor x = batch.x().rows(from, Math.min(AT_ONCE, batch.size() - from));
                    try (Scope part = new Scope()) {
                        Tensor each = nats(x);
                        Tensor counts = padding(inputs(x), x).to(DType.F32).rsub(1);
                        nats += each.to(DType.F64).sum().item();
                        tokens += (long) counts.to(DType.F64).sum().item();
                        if (half > 0) {
                            later += each.narrow(1, half, spec.length() - half).to(DType.F64).sum().item();
                            laterTokens += (long) counts.narrow(1, half, spec.length() - half).to(DType.F64).sum().item();
                        }
                    }
                    characters += characters(spec, x);
                    items += x.size(0);
                }
            }
        }
        String windows = "exact, in windows of " + spec.length() + " " + spec.alphabet().tokens(), of = items + " items";
        List<Measure> all = new ArrayList<>(measures(windows, nats, characters, tokens, of));
        if (laterTokens > 0) {
            all.add(new Measure("nats a token after half a window", later / laterTokens, "nats",
                "exact, of tokens with at least " + half + " before them; " + of));
        }
        return all;
    }

    /**
     * Nats and bits a character and perplexity of a token.
     *
     * @param how the likelihood is known: exact, or by a bound
     * @param nats -log p of all items
     */
    public static List<Measure> measures(String how, double nats, long characters, long tokens, String about) {
        double each = nats / Math.max(1, characters);
        return List.of(new Measure("nats a character, " + how, each, "nats", "-log p by the number of characters; " + about),
            new Measure("bits a character, " + how, each / Math.log(2), "bits", "-log p by the number of characters; " + about),
            new Measure("perplexity, " + how, Math.exp(nats / Math.max(1, tokens)), "tokens", "exp of -log p a token; " + about));
    }

    /** Characters of texts I64 [B,L], the end token aside. Waits for the device. */
    public static long characters(TextSpec spec, Tensor x) {
        int length = (int) x.size(1);
        int[] ids = Arrays.stream(x.longs()).mapToInt(t -> (int) t).toArray();
        if (spec.alphabet() instanceof Alphabet.Characters) return Arrays.stream(ids).filter(t -> t != spec.end()).count();
        long all = 0;
        for (int at = 0; at < ids.length; at += length) {
            String text = spec.alphabet().decode(Arrays.copyOfRange(ids, at, at + length));
            all += text.codePointCount(0, text.length());
        }
        return all;
    }

    /** Texts I64 [count,L]; after its end a text is filled up. */
    public Tensor sample(TextSampling how, Condition given, int count, Rng rng, Device device) {
        @Nullable Tensor prefix = given.prefix();
        int length = spec.length(), known = prefix == null ? 0 : prefix(prefix, count);
        long[] drawn = new long[count * length];
        Arrays.fill(drawn, spec.end());
        return Scope.run(() -> {
            Tensor begin = begin(count);
            if (prefix != null && known > 0) {
                Tensor ids = prefix.to(DType.I64).to(Device.CPU);
                long[] own = ids.longs();
                for (int b = 0; b < count; b++) System.arraycopy(own, b * known, drawn, b * length, known);
                begin = Torch.cat(1, begin, ids);
            }
            int[] at = new int[count];
            Arrays.fill(at, known);
            rng.skip(known);   // a token uses the same random numbers however many are known
            write(how, begin.to(device), length - known, rng, (b, token) -> {
                drawn[b * length + at[b]++] = token;
                return true;
            });
            return Torch.of(drawn, count, length).to(device);
        });
    }

    private int prefix(Tensor prefix, int count) {
        if (prefix.dims() == 2 && prefix.size(0) == count && prefix.size(1) <= spec.length()) return (int) prefix.size(1);
        throw new ArgumentException("the first tokens of " + count + " texts are [" + count + ",0 to " + spec.length() + "], got "
            + prefix);
    }

    /** As {@link Writes#write}. */
    public void write(TextSampling how, int[] beginning, int count, int length, Rng rng, Writes.Listener each, Device device) {
        long[] ids = new long[count * (1 + beginning.length)];
        for (int i = 0; i < ids.length; i++) {
            int at = i % (1 + beginning.length);
            ids[i] = at == 0 ? spec.end() : beginning[at - 1];
        }
        try (Scope scope = new Scope()) {
            write(how, Torch.of(ids, count, 1 + beginning.length).to(device), length, rng, each);
        }
    }

    private void write(TextSampling how, Tensor begin, int tokens, Rng rng, Writes.Listener each) {
        int batch = (int) begin.size(0);
        Ends ends = new Ends(how.ends(), batch);
        try (Continuation.Reader reader = opening.of(batch)) {
            Continuation.write(reader, begin, tokens, how.how(), rng,
                (b, token) -> each.token(b, token) && token != spec.end() && !ends.reached(b, token));
        }
    }

    /** The texts that end one, looked for at the end of what is drawn. */
    private final class Ends {
        private final List<String> ends;
        private final int[][] last;   // tokens, as many as the longest end can have
        private final int most;

        Ends(List<String> ends, int batch) {
            this.ends = ends;
            most = ends.stream().mapToInt(s -> WIDEST * s.length()).max().orElse(0);
            last = new int[batch][0];
        }

        boolean reached(int text, int token) {
            if (ends.isEmpty()) return false;
            int[] was = last[text], from = was.length < most ? was : Arrays.copyOfRange(was, 1, was.length);
            int[] now = Arrays.copyOf(from, from.length + 1);
            now[from.length] = token;
            last[text] = now;
            String said = spec.alphabet().decode(now);
            return ends.stream().anyMatch(said::contains);
        }
    }
}
