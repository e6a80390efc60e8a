package io.palitra.diffusion;

import io.palitra.config.ConfigException;
import io.palitra.diffusion.DiffusersScheduler.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Levels of the schedulers that know no betas: those of Karras et al. 2022, arXiv:2206.00364, whose times are logarithms of sigma, of
 * consistency models, and of IPNDM, which has a sine. In the single precision of the diffusers library where it shows.
 */
final class OwnLevels {
    private enum Ramp { KARRAS, EXPONENTIAL }

    private enum End { ZERO, SIGMA_MIN }

    /** Keeps the logarithm of 0 finite. */
    private static final double TINY = 1e-44;

    private final SchedulerConfig config;
    private final Kind kind;

    /** @throws ConfigException for numbers that make no levels */
    OwnLevels(SchedulerConfig config) {
        this.config = config;
        kind = config.kind();
        if (kind == Kind.IPNDM) return;
        if (!(least() > 0 && most() > least())) {
            throw new ConfigException("sigma_min", "illegal sigmas: from " + most() + " to " + least() + ", must be above 0 and fall");
        }
        if (!(config.number("rho", 7) > 0)) throw config.refused("rho", "numbers above 0");
        if (kind != Kind.CM) {
            ramp();
            end();
        }
    }

    /** Deviation of the x that a run starts from. */
    double initialSigma() { return kind == Kind.IPNDM ? 1 : kind == Kind.CM ? most() : Math.sqrt(most() * most() + 1); }

    double data() { return config.number("sigma_data", 0.5); }

    double least() { return config.number("sigma_min", 0.002); }

    private double most() { return config.number("sigma_max", 80); }

    private Ramp ramp() { return config.choice("sigma_schedule", Ramp.KARRAS); }

    private End end() { return config.choice("final_sigmas_type", End.ZERO); }

    /** n levels of network calls, and the one where the run ends. */
    List<Level> levels(int n, PlanArguments asked) {
        if (kind == Kind.IPNDM) return sine(n);
        double[] sigmas = kind == Kind.CM ? taught(n, asked) : spread(n, asked);
        List<Level> levels = new ArrayList<>();
        for (double s : sigmas) {
            levels.add(Level.exploding((float) s, kind == Kind.CM ? 250 * Math.log(s + TINY) : 0.25 * Math.log((float) s)));
        }
        double last = kind == Kind.CM ? least() : end() == End.ZERO ? 0 : kind == Kind.EDM_EULER ? sigmas[n - 1] : least();
        levels.add(last == 0 ? Level.CLEAN : Level.exploding((float) last, 0));
        return List.copyOf(levels);
    }

    private double[] spread(int n, PlanArguments asked) {
        double[] ramp = asked.sigmas().orElse(line(n));   // the library takes sigmas that are given for the ramp
        if (ramp() == Ramp.KARRAS) return karras(ramp);
        double a = Math.log(least()), b = Math.log(most());
        double[] out = line(n);
        for (int i = 0; i < n; i++) out[n - 1 - i] = Math.exp(a + i * (n == 1 ? 0 : (b - a) / (n - 1)));
        return out;
    }

    private double[] taught(int n, PlanArguments asked) {
        int size = config.integer("num_train_timesteps", kind.trainedTimes(), 2, SchedulerTable.MOST_LEVELS);
        double[] ramp = new double[n];
        for (int i = 0; i < n; i++) ramp[i] = i * (size / n);
        asked.times().ifPresent(t -> Arrays.setAll(ramp, i -> t[n - 1 - i]));
        for (int i = 0; i < n; i++) ramp[i] /= size - 1;
        return karras(ramp);
    }

    private static double[] line(int n) {
        double[] out = new double[n];
        for (int i = 0; i < n; i++) out[i] = n == 1 ? 0 : i / (n - 1.0);
        return out;
    }

    /** Karras et al. 2022, eq. 5, along a ramp from 0 to 1. */
    private double[] karras(double[] ramp) {
        double rho = config.number("rho", 7), a = Math.pow(most(), 1 / rho), b = Math.pow(least(), 1 / rho);
        return Arrays.stream(ramp).map(u -> Math.pow(a + u * (b - a), rho)).toArray();
    }

    /** sigma = sin²(pi u / 2), or the given betas, with the angle of (alpha, sigma) in right angles as time. */
    private List<Level> sine(int n) {
        double[] betas = config.numbers("trained_betas").orElseGet(() -> {
            double[] out = new double[n + 1];
            for (int i = 0; i < n; i++) {
                float u = 1 - (float) i / n, sine = (float) Math.sin((float) (u * Math.PI / 2));
                out[i] = sine * sine;
            }
            return out;
        });
        if (betas.length != n + 1) {
            throw new ConfigException("trained_betas", "trained_betas of " + kind.className() + " has " + betas.length
                + " numbers, which are " + (betas.length - 1) + " steps, got steps=" + n);
        }
        List<Level> levels = new ArrayList<>();
        for (double beta : betas) {
            if (!(beta >= 0 && beta <= 1)) throw new ConfigException("trained_betas", "illegal beta: " + beta + ", must be from 0 to 1");
            float sigma = (float) beta, alpha = (float) Math.sqrt(1 - sigma * sigma);
            levels.add(new Level(alpha, sigma, (float) (Math.atan2(sigma, alpha) / Math.PI * 2)));
        }
        return List.copyOf(levels);
    }
}
