package io.palitra.net;

import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Module;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Moves the codebook of a {@link VqModel} without a gradient: a code is the running mean of the latents that were nearest to it,
 * e_k = m_k / N_k, with N = 0.99 N + 0.01 n and m = 0.99 m + 0.01 sum z over a batch, and N smoothed by 1e-5 (van den Oord et al. 2017,
 * arXiv:1711.00937, appendix A.1). The codes begin as latents of the first batch. One that is hardly ever the nearest begins again at a
 * latent of the batch, far ones first: drawn with the squared distance to their code (Arthur and Vassilvitskii 2007).
 */
public final class EmaCodebook extends Module {
    private static final double DECAY = 0.99, EPS = 1e-5;

    /**
     * How a codebook is used.
     *
     * @param used codes that were the nearest at least once
     * @param perplexity exp of the entropy of the codes' shares: the number of equally used codes with the same entropy
     */
    public record Use(long used, double perplexity) {
        /** @param counts how often each code was used */
        public static Use of(double[] counts) {
            double total = Arrays.stream(counts).sum(), entropy = 0;
            for (double n : counts) if (n > 0) entropy -= n / total * Math.log(n / total);
            return new Use(Arrays.stream(counts).filter(n -> n > 0).count(), total > 0 ? Math.exp(entropy) : 0);
        }
    }

    private final VqModel net;
    private final int codes;
    private final double restart;
    private final Tensor count;       // N, [K]
    private final Tensor sum;         // m, [K,D]
    private final Tensor seen;        // uses in this epoch, [K]
    private final Tensor restarted;   // codes begun again in this epoch

    /**
     * @param net whose codebook {@link VqModel.Learned#BY_OWNER} moves
     * @param restart a code begins again when its N falls below this share of the mean of all; 0 = never
     */
    public EmaCodebook(VqModel net, double restart) {
        this.net = net;
        this.restart = restart;
        codes = net.config().numVqEmbeddings();
        count = buffer("count", Torch.zeros(codes));
        sum = buffer("sum", Torch.zeros(codes, net.config().width()));
        seen = buffer("seen", Torch.zeros(DType.I64, codes));
        restarted = buffer("restarted", Torch.zeros(DType.I64, 1));
    }

    /** Latents [B,D,h,w] to the values of their nearest codes, without gradient; in training this moves the codebook, too. */
    public Tensor nearest(Tensor latents, Rng rng) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor z = latents.detach().to(DType.F32), rows = z.permute(0, 2, 3, 1).reshape(-1, net.config().width());   // [n,D]
            if (training() && count.max().item() == 0) begin(rows, rng.split(0));   // waits for the device
            Tensor codes = net.codes(z), values = net.lookup(codes);
            if (training()) move(rows, codes.reshape(-1), rng.split(1));
            return scope.keep(values);
        }
    }

    private void begin(Tensor rows, Rng rng) {
        int[] order = rng.permutation((int) rows.size(0));
        long[] first = IntStream.range(0, codes).mapToLong(k -> order[k % order.length]).toArray();
        count.fill((double) order.length / codes);
        net.codebook().copyFrom(rows.indexSelect(0, index(first)));
        sum.copyFrom(net.codebook().mul((double) order.length / codes));
    }

    private void move(Tensor rows, Tensor nearest, Rng rng) {
        Tensor n = Torch.zerosLike(count), z = Torch.zerosLike(sum);
        n.addRows(nearest, Torch.onesLike(nearest).to(DType.F32));
        z.addRows(nearest, rows);
        seen.addRows(nearest, Torch.onesLike(nearest));
        Tensor far = restart > 0 ? rows.sub(net.codebook().indexSelect(0, nearest)).square().sum(false, 1) : count;   // [n]
        count.copyFrom(count.lerp(n, 1 - DECAY));
        sum.copyFrom(sum.lerp(z, 1 - DECAY));
        Tensor total = count.sum(), smoothed = count.add(EPS).div(total.add(codes * EPS)).mul(total);
        net.codebook().copyFrom(sum.div(smoothed.unsqueeze(1)));
        if (restart > 0) wake(rows, far, rng);
    }

    /** Codes of too small an N begin again. With the new N they have about 100 steps to find latents of their own. */
    private void wake(Tensor rows, Tensor far, Rng rng) {
        float[] counts = count.floats();   // waits for the device
        double least = 0;
        for (float c : counts) least += restart * c / codes;
        double below = least;
        long[] dead = IntStream.range(0, codes).filter(k -> counts[k] < below).asLongStream().toArray();
        if (dead.length == 0) return;
        float[] square = far.floats(), u = rng.uniform(far.numel()).floats();
        // the smallest of exponential times with rates square are draws without replacement; a latent on its code is none
        long[] taken = IntStream.range(0, u.length).filter(i -> square[i] > 0).boxed()
            .sorted(Comparator.comparingDouble(i -> -Math.log1p(-u[i]) / square[i])).limit(dead.length).mapToLong(i -> i).toArray();
        if (taken.length == 0) return;
        Tensor which = index(Arrays.copyOf(dead, taken.length)), fresh = rows.indexSelect(0, index(taken));
        net.codebook().putRows(which, fresh);
        count.putRows(which, Torch.full(Math.E * below, taken.length).to(count.device()));
        sum.putRows(which, fresh.mul(Math.E * below));
        restarted.copyFrom(restarted.add(taken.length));
    }

    private Tensor index(long[] rows) { return Torch.of(rows, rows.length).to(count.device()); }

    /** Codes used in this epoch's training batches, their perplexity, and how often one began again, in codes; then anew from 0. */
    public Map<String, Double> tally() {
        try (Scope scope = new Scope()) {
            Use use = Use.of(seen.doubles());
            Map<String, Double> values = new LinkedHashMap<>();
            values.put("codebook/used", (double) use.used());
            values.put("codebook/perplexity", use.perplexity());
            values.put("codebook/restarted", restarted.item());
            for (Tensor t : List.of(seen, restarted)) t.fill(0);
            return values;
        }
    }
}
