package io.palitra.paint;

import io.palitra.engine.Tensor;
import java.util.stream.LongStream;

/**
 * Classifier-free guidance on a network's predictions: without + scale * sum of weights (with - without). Ho and Salimans 2022,
 * arXiv:2207.12598; several texts: Liu et al. 2022, arXiv:2206.01714.
 *
 * @param weights of the texts, the magnitudes of which sum to 1
 * @param rescale share in which the result gets back the deviation of the prediction with the text, picture by picture: Lin et al. 2024,
 *                arXiv:2305.08891, section 3.4, as diffusers computes it
 */
record TextGuidance(double[] weights, double scale, double rescale) {
    /** Whether the prediction without a text is needed. */
    boolean needsNone() { return scale != 1 || weights.length != 1 || weights[0] != 1; }

    /** @param without [B,...] @param with a prediction [B,...] for each text */
    Tensor of(Tensor without, Tensor[] with) {
        Tensor toward = weighed(with[0].sub(without), weights[0]);
        for (int i = 1; i < with.length; i++) toward = toward.add(weighed(with[i].sub(without), weights[i]));
        Tensor guided = without.add(toward.mul(scale));
        if (rescale == 0) return guided;
        Tensor text = without.add(toward);
        long[] all = LongStream.range(1, guided.dims()).toArray();
        Tensor ratio = text.var(true, true, all).sqrt().div(guided.var(true, true, all).sqrt());   // [B,1,...]
        return guided.mul(ratio).mul(rescale).add(guided.mul(1 - rescale));
    }

    private static Tensor weighed(Tensor t, double weight) { return weight == 1 ? t : t.mul(weight); }
}
