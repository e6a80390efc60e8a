package io.palitra.diffusion;

import io.palitra.config.ConfigException;
import java.util.Optional;
import java.util.function.DoubleUnaryOperator;

/** The trained levels of a scheduler_config.json, in single precision as the diffusers library computes them. */
final class SchedulerTable {
    /** Stands for alphaBar = 0 where sigma / alpha must be finite. */
    private static final float ALMOST_NOISE = 0x1p-24f;
    /** A file is not trusted: its table is made at once. */
    static final int MOST_LEVELS = 1_000_000;
    private static final double LARGEST_BETA = 0.999;

    private final SchedulerConfig config;
    private final NoiseTable table;
    private final float[] betas;
    private final double[] ratios;
    private final double[] logs;

    SchedulerTable(SchedulerConfig config) {
        this.config = config;
        betas = config.kind().tabled() ? betas()
            : new float[config.integer("num_train_timesteps", config.kind().trainedTimes(), 2, MOST_LEVELS)];
        table = table();
        ratios = new double[table.size()];
        logs = new double[table.size()];
        for (int t = 0; t < ratios.length; t++) {
            float a = (float) table.alphaBar(t);
            ratios[t] = (float) Math.sqrt((1 - a) / a);
            logs[t] = (float) Math.log(ratios[t]);
        }
    }

    NoiseTable noise() { return table; }

    int size() { return table.size(); }

    /** Variance of the noise of step t, before any stretch to end in noise. */
    double beta(int t) { return betas[t]; }

    double least() { return ratios[0]; }

    double most() { return ratios[ratios.length - 1]; }

    /** Logarithms of sigma / alpha, rising. */
    double[] logs() { return logs; }

    /** The time, between trained ones, of a ratio sigma / alpha. */
    double time(double ratio) {
        double log = Math.log(Math.max(ratio, 1e-10));
        int low = 0;
        for (int t = 0; t < logs.length; t++) if (logs[t] <= log) low = Math.min(t, logs.length - 2);
        double w = (logs[low] - log) / (float) (logs[low] - logs[low + 1]);   // the last of a table that is not quite rising counts
        return (1 - Math.max(0, Math.min(1, w))) * low + Math.max(0, Math.min(1, w)) * (low + 1);
    }

    /** sigma / alpha at a time between the trained ones, on a line, held at the ends. */
    double ratio(double t) {
        if (t <= 0) return ratios[0];
        if (t >= ratios.length - 1) return most();
        int low = (int) t;
        return ratios[low] + (t - low) * (ratios[low + 1] - ratios[low]);
    }

    /** How many of the noisiest levels have log(alpha / sigma) below the configuration's bound. */
    int clipped() {
        double least = config.number("lambda_min_clipped", Double.NEGATIVE_INFINITY);
        int n = 0;
        for (int t = 0; t < size(); t++) {
            float a = (float) table.alphaBar(t);
            if ((float) Math.log((float) Math.sqrt(a)) - (float) Math.log((float) Math.sqrt(1 - a)) < least) n++;
        }
        if (n == size()) throw new ConfigException("lambda_min_clipped", "illegal lambda_min_clipped: " + least + " leaves no level");
        return n;
    }

    private NoiseTable table() {
        float[] alpha = new float[betas.length];
        for (int t = 0; t < alpha.length; t++) alpha[t] = 1 - betas[t];
        float[] alphaBar = product(alpha);
        if (config.kind().mayEndInNoise() && config.flag("rescale_betas_zero_snr", false)) {
            alphaBar = zeroTerminalSnr(alphaBar);
            if (!config.kind().byTime()) alphaBar[alphaBar.length - 1] = ALMOST_NOISE;
        }
        double[] out = new double[alphaBar.length];
        for (int t = 0; t < out.length; t++) out[t] = alphaBar[t];
        return new NoiseTable(out);
    }

    private float[] betas() {
        int n = config.integer("num_train_timesteps", 1000, 2, MOST_LEVELS);
        Optional<double[]> trained = config.numbers("trained_betas");
        if (trained.isPresent()) return trained(trained.get(), n);
        boolean latent = config.kind().latentBetas();
        float start = beta("beta_start", latent ? 0.00085 : 1e-4), end = beta("beta_end", latent ? 0.012 : 0.02);
        String known = config.kind().distilled() ? "scaled_linear"
            : config.kind() == DiffusersScheduler.Kind.UNCLIP ? "squaredcos_cap_v2" : "linear";
        String asked = config.text("beta_schedule", known);
        if (config.kind() == DiffusersScheduler.Kind.UNCLIP && !asked.equals(known)) throw config.refused("beta_schedule", known);
        switch (asked) {
            case "linear" -> {
                return line(n, start, end);
            }
            case "scaled_linear" -> {
                float[] roots = line(n, (float) Math.sqrt(config.number("beta_start", latent ? 0.00085 : 1e-4)),
                    (float) Math.sqrt(config.number("beta_end", latent ? 0.012 : 0.02)));
                for (int t = 0; t < n; t++) roots[t] *= roots[t];
                return roots;
            }
            case "sigmoid" -> {
                float[] u = line(n, -6, 6);
                for (int t = 0; t < n; t++) u[t] = (float) (1 / (1 + Math.exp(-u[t]))) * (end - start) + start;
                return u;
            }
            case "squaredcos_cap_v2" -> {
                return singles(new NoiseSchedule.Cosine(n, 0.008).betas());
            }
            case "laplace" -> {
                if (config.kind() == DiffusersScheduler.Kind.DDPM) return ofAlphaBar(n, SchedulerTable::laplace);
            }
            case "exp" -> {
                if (config.kind() == DiffusersScheduler.Kind.HEUN) return ofAlphaBar(n, u -> Math.exp(-12 * u));
            }
            default -> { }
        }
        throw config.refused("beta_schedule", "linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace of DDPM", "exp of Heun");
    }

    private static float[] trained(double[] betas, int n) {
        if (betas.length != n) {
            throw new ConfigException("trained_betas", "trained_betas wants num_train_timesteps=" + n + " numbers, got " + betas.length);
        }
        for (double b : betas) {
            if (!(b >= 0 && b < 1)) throw new ConfigException("trained_betas", "illegal beta: " + b + ", must be from 0 to below 1");
        }
        return singles(betas);
    }

    /** Levels of a Laplace distribution in log SNR, Hang et al. 2024, arXiv:2407.03297; the library takes the root of their alphaBar. */
    private static double laplace(double u) {
        double lambda = -0.5 * Math.copySign(1, 0.5 - u) * Math.log(1 - 2 * Math.abs(0.5 - u) + 1e-6), snr = Math.exp(lambda);
        return Math.sqrt(snr / (1 + snr));
    }

    private static float[] ofAlphaBar(int n, DoubleUnaryOperator alphaBar) {
        double[] betas = new double[n];
        for (int t = 0; t < n; t++) {
            double ratio = alphaBar.applyAsDouble((t + 1.0) / n) / alphaBar.applyAsDouble((double) t / n);
            betas[t] = Math.min(1 - ratio, LARGEST_BETA);
        }
        return singles(betas);
    }

    private static float[] singles(double[] values) {
        float[] out = new float[values.length];
        for (int i = 0; i < out.length; i++) out[i] = (float) values[i];
        return out;
    }

    private float beta(String key, double otherwise) {
        double beta = config.number(key, otherwise);
        if (!(beta > 0 && beta < 1)) throw new ConfigException(key, "illegal " + key + ": " + beta + ", must be between 0 and 1");
        return (float) beta;
    }

    /** A line in single precision, drawn from both ends to its middle, each point rounded once. */
    private static float[] line(int n, float from, float to) {
        float step = (to - from) / (n - 1);
        float[] out = new float[n];
        for (int i = 0; i < n; i++) out[i] = i < n / 2 ? Math.fma(step, i, from) : Math.fma(-step, n - 1 - i, to);
        return out;
    }

    private static float[] product(float[] alpha) {
        float[] out = new float[alpha.length];
        double product = 1;
        for (int t = 0; t < out.length; t++) {
            product *= alpha[t];
            out[t] = (float) product;
        }
        return out;
    }

    /** {@link NoiseTable#zeroTerminalSnr} by way of the betas, in single precision. */
    private static float[] zeroTerminalSnr(float[] alphaBar) {
        int n = alphaBar.length;
        float[] root = new float[n];
        for (int t = 0; t < n; t++) root[t] = (float) Math.sqrt(alphaBar[t]);
        float first = root[0], last = root[n - 1], stretch = first / (first - last);
        float[] alpha = new float[n];
        float before = 1;
        for (int t = 0; t < n; t++) {
            float shifted = (root[t] - last) * stretch;
            float square = shifted * shifted;
            alpha[t] = 1 - (1 - square / before);
            before = square;
        }
        return product(alpha);
    }
}
