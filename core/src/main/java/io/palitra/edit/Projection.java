package io.palitra.edit;

import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.engine.Guard;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Styles;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The styles by which a generator draws a given picture, found by descent from the mean style: Karras et al. 2020, arXiv:1912.04958,
 * appendix D. One style for all layers is the space W; one for each layer, W+: Abdal, Qin and Wonka 2019, arXiv:1904.03189.
 */
public final class Projection {
    /** Styles by which a space is measured. */
    private static final int DRAWS = 10_000, AT_ONCE = 1000;
    /** The learning rate, the share of steps in which it rises and in which it falls, and in which styles are shaken, and how much. */
    private static final double RATE = 0.1, RISES = 0.05, FALLS = 0.25, SHAKEN = 0.75, SHAKE = 0.05;
    /** Weight of what keeps noise from carrying the picture, and the side down to which it looks. */
    private static final double NOISE_WEIGHT = 1e5;
    private static final int COARSEST = 8;

    /** What is moved. */
    public enum Space {
        /** One style, which every layer reads. */
        W,
        /** A style for each layer: comes nearer, and stays less within what the model draws by itself. */
        W_PLUS;

        /** "w" or "w+". @throws ConfigException for anything else */
        public static Space of(String text) {
            if (text.equalsIgnoreCase("w")) return W;
            if (text.equalsIgnoreCase("w+")) return W_PLUS;
            throw new ConfigException("space", "illegal space: '" + text + "', must be w or w+");
        }
    }

    /** How it is found. */
    public record How(
            @Help("one style for all layers, or one for each") Space space,
            @Help("whether the fixed noise of the layers is moved, too") boolean noise,
            @Help(value = "steps down", min = 1) int steps) {}

    /**
     * What was found.
     *
     * @param styles [1,L,W]
     * @param noise of each layer, as the model draws the picture by it
     * @param picture [1,C,H,W]
     */
    public record Result(Tensor styles, List<Tensor> noise, Tensor picture) {}

    /** Sees the picture [1,C,H,W] before step i, and after the last one; may end it by an exception. */
    @FunctionalInterface public interface Turn { void at(int i, int of, Tensor picture); }

    private Projection() {}

    /**
     * The styles of a picture, in the caller's scope.
     *
     * @param picture [1,C,H,W] in [-1,1], of the model's size
     * @param label class that the search begins at; null for the mean of all, or a model without classes
     * @param classes of the model, 0 = none
     * @param features how unlike two pictures [1,C,H,W] are, beside the mean square of pixels; null = pixels alone
     */
    public static Result of(Styles model, Tensor picture, How how, @Nullable Integer label, int classes,
            @Nullable BinaryOperator<Tensor> features, Rng rng, Turn turn) {
        try (Scope scope = new Scope()) {
            Tensor mean;
            double spread;
            try (Guard g = Torch.noGrad()) {
                Tensor styles = styles(model, label, classes, rng.split(0));
                mean = label == null ? model.meanStyle() : styles.mean(false, 0);
                spread = Math.sqrt(styles.sub(mean).square().sum(false, 1).mean().item());
            }
            long layers = how.space == Space.W ? 1 : model.layers();
            Tensor w = mean.reshape(1, 1, -1).expand(1, layers, model.width()).copy().requiresGrad(true);
            List<Tensor> noise = model.noise().stream().map(n -> how.noise ? n.copy().requiresGrad(true) : n).toList();
            Map<String, Tensor> moved = new LinkedHashMap<>(Map.of("w", w));
            for (int i = 0; how.noise && i < noise.size(); i++) moved.put("noise" + i, noise.get(i));
            Rng shakes = rng.split(1);
            try (Optimizer optimizer = new Optimizer(new OptimizerSpec.Adam(RATE, 0.9, 0.999, 1e-8), moved); Guard g = Torch.withGrad()) {
                for (int i = 0; i < how.steps; i++) {
                    double t = i / (double) how.steps;
                    double shake = SHAKE * spread * Math.pow(Math.max(0, 1 - t / SHAKEN), 2);
                    try (Scope step = new Scope()) {
                        Tensor at = w.add(shakes.normal(1, layers, model.width()).to(w.device()).mul(shake));
                        Tensor drawn = model.draw(each(at, model), noise);
                        turn.at(i, how.steps, drawn.detach().clamp(-1, 1));
                        Tensor loss = drawn.sub(picture).square().mean();
                        if (features != null) loss = loss.add(features.apply(drawn, picture));
                        if (how.noise) loss = loss.add(correlation(noise).mul(NOISE_WEIGHT));
                        optimizer.zeroGrad();
                        loss.backward();
                        optimizer.step(RATE * ramp(t));
                        if (how.noise) noise.forEach(Projection::normalise);
                    }
                }
            }
            try (Guard g = Torch.noGrad()) {
                Tensor found = each(w.detach(), model).contiguous();
                List<Tensor> kept = noise.stream().map(Tensor::detach).toList();
                Tensor drawn = model.draw(found, kept).clamp(-1, 1);
                turn.at(how.steps, how.steps, drawn);
                kept.forEach(scope::keep);
                return new Result(scope.keep(found), kept, scope.keep(drawn));
            }
        }
    }

    /** Rises on a line, stays, falls as a cosine. @param t share of the steps, in [0,1) */
    private static double ramp(double t) {
        double down = Math.min(1, (1 - t) / FALLS);
        return (0.5 - 0.5 * Math.cos(Math.PI * down)) * Math.min(1, (t + 1e-3) / RISES);
    }

    private static Tensor each(Tensor w, Styles model) { return w.expand(1, model.layers(), model.width()); }

    /** [DRAWS,W]. */
    private static Tensor styles(Styles model, @Nullable Integer label, int classes, Rng rng) {
        StyleSpace space = new StyleSpace(model, classes, label == null ? -1 : label);
        List<Tensor> parts = new ArrayList<>();
        for (int i = 0; i < DRAWS; i += AT_ONCE) {
            Rng from = rng.at(i);
            parts.add(Scope.run(() -> space.prior(AT_ONCE, from)));
        }
        return Torch.cat(0, parts);
    }

    /**
     * How much noise resembles itself moved by one pixel, at each of its scales: the square of the mean product with its neighbours to the
     * right and below, the noise itself and its means of 2 x 2 pixels, at the variance of noise, down to a side of 8.
     */
    static Tensor correlation(List<Tensor> noise) {
        List<Tensor> sums = new ArrayList<>();
        for (Tensor own : noise) {
            Tensor n = own.reshape(1, 1, own.size(-2), own.size(-1));
            while (true) {
                for (int dim : new int[] {2, 3}) sums.add(n.mul(rolled(n, dim)).mean().square());
                if (Math.min(n.size(2), n.size(3)) <= COARSEST) break;
                n = Torch.avgPool(n, 2).mul(2);
            }
        }
        return sums.isEmpty() ? Torch.zeros(1).squeeze(0) : Torch.stack(0, sums).sum();
    }

    private static Tensor rolled(Tensor n, int dim) {
        long size = n.size(dim);
        return size < 2 ? n : Torch.cat(dim, n.narrow(dim, size - 1, 1), n.narrow(dim, 0, size - 1));
    }

    /** To mean 0 and variance 1, in place. */
    private static void normalise(Tensor noise) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor centred = noise.detach().sub(noise.detach().mean());
            noise.copyFrom(centred.mul(centred.square().mean().add(1e-12).rsqrt()));
        }
    }

}
