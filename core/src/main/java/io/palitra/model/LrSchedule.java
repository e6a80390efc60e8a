package io.palitra.model;

import io.palitra.config.Help;

/** The learning rate's share of its full value at a step. */
public sealed interface LrSchedule permits LrSchedule.Constant, LrSchedule.Cosine, LrSchedule.Linear {
    /** Factor in [0,1] at {@code step} (from 0) of {@code steps}. */
    double at(long step, long steps);

    /** Linear over the first {@code warmup} steps, then 1. */
    record Constant(@Help(value = "steps over which the rate rises from 0", min = 0) int warmup) implements LrSchedule {
        public Constant() { this(0); }

        @Override public double at(long step, long steps) { return rise(step, warmup); }
    }

    /** Linear over {@code warmup} steps, then half a cosine down to {@code floor}. Loshchilov and Hutter 2017, arXiv:1608.03983. */
    record Cosine(@Help(value = "steps over which the rate rises from 0", min = 0) int warmup,
            @Help(value = "share of the rate at the end", min = 0, max = 1) double floor) implements LrSchedule {
        public Cosine() { this(0); }

        /** Down to 0. */
        public Cosine(int warmup) { this(warmup, 0); }

        @Override public double at(long step, long steps) {
            if (step < warmup) return rise(step, warmup);
            double t = (step - warmup) / (double) Math.max(1, steps - warmup);
            return floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, t)));
        }
    }

    /** Linear over {@code warmup} steps, then linear down to 0 at the end. */
    record Linear(@Help(value = "steps over which the rate rises from 0", min = 0) int warmup) implements LrSchedule {
        public Linear() { this(0); }

        @Override public double at(long step, long steps) {
            if (step < warmup) return rise(step, warmup);
            return Math.max(0, 1 - (step - warmup) / (double) Math.max(1, steps - warmup));
        }
    }

    private static double rise(long step, int warmup) { return step < warmup ? (step + 1) / (double) warmup : 1; }
}
