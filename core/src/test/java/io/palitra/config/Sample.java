package io.palitra.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** A record with a component of every shape, for the tests of this package. */
record Sample(
        @Help(value = "size of the latent, numbers", min = 1) int latent,
        long steps,
        @Help(value = "weight of the KL term", min = 0, max = 10) double beta,
        boolean fast,
        String name,
        Target target,
        Net net,
        @Help("how noise is taken away") Sampler sampler,
        @Help(value = "channels per level", min = 1) List<Integer> widths,
        List<Double> weights,
        List<String> tags,
        Map<String, Optimizer> modules,
        Map<String, Net> nets) {

    static final Sample DEFAULTS = new Sample(2, 100, 1, false, "vae", Target.EPS, new Net(64, 0.1), new Sampler.Heun(18, 0), List.of(1, 2),
        List.of(0.5), List.of("a"), Map.of("encoder", new Optimizer.Sgd(0.1)), Map.of("head", new Net(8, 0)));

    enum Target { EPS, X0, V_WITH_SIGN }

    record Net(@Help(value = "channels", min = 1) int width, @Help(value = "share dropped", min = 0, max = 1) double dropout) {
        private Net() { this(16, 0.5); }
    }

    sealed interface Sampler {
        record Euler(int steps) implements Sampler {
            Euler() { this(50); }
        }

        record Heun(@Help(value = "moves from noise to data", min = 1) int steps, @Help(value = "first move, steps", min = 0) int from)
                implements Sampler {
            Heun() { this(18, 0); }

            public Heun {
                if (from >= steps) throw new IllegalArgumentException("illegal from: " + from + ", must be less than steps, " + steps);
            }
        }

        record DpmPlusPlus2M(Sampler then, Target target) implements Sampler {
            DpmPlusPlus2M() { this(new Euler(), Target.X0); }
        }

        record None() implements Sampler {}
    }

    sealed interface Optimizer {
        record Adam(double lr, double momentum) implements Optimizer {
            Adam() { this(1e-3, 0.9); }
        }

        record Sgd(double lr) implements Optimizer {
            Sgd() { this(0.1); }
        }
    }

    static Sample random(SplittableRandom rng) {
        List<Integer> widths = new ArrayList<>();
        List<Double> weights = new ArrayList<>();
        List<String> tags = new ArrayList<>();
        Map<String, Optimizer> modules = new LinkedHashMap<>();
        Map<String, Net> nets = new LinkedHashMap<>();
        for (int i = rng.nextInt(4); i > 0; i--) {
            widths.add(1 + rng.nextInt(Integer.MAX_VALUE - 1));
            weights.add(anyFinite(rng));
            tags.add(text(rng));
            modules.put(text(rng), rng.nextBoolean()
                ? new Optimizer.Sgd(anyFinite(rng))
                : new Optimizer.Adam(anyFinite(rng), anyFinite(rng)));
            nets.put(text(rng), new Net(1 + rng.nextInt(100), rng.nextDouble()));
        }
        return new Sample(1 + rng.nextInt(1000), rng.nextLong(), 10 * rng.nextDouble(), rng.nextBoolean(), text(rng),
            Target.values()[rng.nextInt(3)], new Net(1 + rng.nextInt(100), rng.nextDouble()), sampler(rng), widths, weights,
            tags, modules, nets);
    }

    private static Sampler sampler(SplittableRandom rng) {
        return switch (rng.nextInt(4)) {
            case 0 -> new Sampler.Euler(rng.nextInt());
            case 1 -> new Sampler.Heun(10 + rng.nextInt(10), rng.nextInt(10));
            case 2 -> new Sampler.DpmPlusPlus2M(sampler(rng), Target.values()[rng.nextInt(3)]);
            default -> new Sampler.None();
        };
    }

    /** Any bits that are a finite number: also the smallest, and both zeros. */
    private static double anyFinite(SplittableRandom rng) {
        double d = Double.longBitsToDouble(rng.nextLong());
        return Double.isFinite(d) ? d : rng.nextBoolean() ? -0.0 : Double.MIN_VALUE;
    }

    private static String text(SplittableRandom rng) {
        String letters = "ab.\"\\\n\t\u0000\u2028\u044f/{}=,";
        StringBuilder text = new StringBuilder();
        for (int i = rng.nextInt(8); i > 0; i--) text.append(letters.charAt(rng.nextInt(letters.length())));
        return text.append(rng.nextBoolean() ? "\uD83D\uDE00" : "").toString();
    }
}
