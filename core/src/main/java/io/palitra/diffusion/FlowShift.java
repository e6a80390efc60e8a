package io.palitra.diffusion;

import io.palitra.config.ConfigException;
import io.palitra.diffusion.DiffusersScheduler.Kind;
import java.util.Arrays;
import java.util.Optional;

/**
 * Shares of noise of a run along straight paths. Those on a line are shifted towards noise for large pictures, whose pixels are more
 * alike: Esser et al. 2024, arXiv:2403.03206, section 5.3.2, eq. 23.
 */
final class FlowShift {
    private enum Curve { EXPONENTIAL, LINEAR }

    /** UniPC keeps this far from pure noise. */
    private static final double EPS = 1e-6;

    private final SchedulerConfig config;
    private final Kind kind;
    private final double shift;
    private final boolean dynamic;
    private final Curve curve;
    private final boolean inverted;
    private final double terminal;

    FlowShift(SchedulerConfig config) {
        this.config = config;
        kind = config.kind();
        boolean flow = kind.flow(), options = kind == Kind.FLOW_EULER;
        boolean straight = flow || kind.preserving();
        shift = straight ? config.number(flow ? "shift" : "flow_shift", 1) : 1;
        if (!(shift > 0)) throw new ConfigException("shift", "illegal shift: " + shift + ", must be above 0");
        dynamic = straight && kind != Kind.FLOW_HEUN && config.flag("use_dynamic_shifting", false);
        curve = straight ? config.choice("time_shift_type", Curve.EXPONENTIAL) : Curve.EXPONENTIAL;
        inverted = options && config.flag("invert_sigmas", false);
        terminal = options || kind == Kind.UNIPC ? config.number("shift_terminal", 0) : 0;
        if (!(terminal >= 0 && terminal < 1)) {
            throw new ConfigException("shift_terminal", "illegal shift_terminal: " + terminal + ", must be from 0 to below 1");
        }
    }

    /** Whether sigma is the share of the data and the network predicts the velocity towards the data. */
    boolean inverted() { return inverted; }

    /** mu on the configuration's line between two lengths of a picture's sequence. */
    double mu(int length) {
        double base = config.number("base_shift", 0.5), least = config.integer("base_image_seq_len", 256);
        double slope = (config.number("max_shift", 1.15) - base) / (config.integer("max_image_seq_len", 4096) - least);
        return base + slope * (length - least);
    }

    /** n falling shares; the one the run ends at is not among them. */
    double[] sigmas(int n, int size, PlanArguments asked) {
        Optional<Double> mu = asked.mu();
        if (mu.isPresent() && !dynamic) {
            throw new ConfigException("use_dynamic_shifting", kind.className() + " takes mu with use_dynamic_shifting=true only");
        }
        boolean needed = kind.flow() || kind == Kind.UNIPC;
        if (mu.isEmpty() && dynamic && needed) {
            throw new ConfigException("use_dynamic_shifting", kind.className() + " with use_dynamic_shifting=true wants mu, got none");
        }
        double[] sigmas = needed ? shifted(given(asked, size).orElseGet(() -> line(n, size)), mu)
            : fromClean(n, size, mu.map(Math::exp).orElse(shift));
        if (terminal > 0) {
            double scale = (1 - sigmas[n - 1]) / (1 - terminal);
            for (int i = 0; i < n; i++) sigmas[i] = 1 - (1 - sigmas[i]) / scale;
        }
        if (kind == Kind.UNIPC && Math.abs(sigmas[0] - 1) < EPS) sigmas[0] -= EPS;
        return sigmas;
    }

    private double[] line(int n, int size) {
        double last = 1.0 / size, points = n;   // UniPC takes one point more and leaves out the last
        if (kind.flow()) {
            float first = (float) last;
            last = dynamic ? first : (float) shift * first / (1 + (float) (shift - 1) * first);   // the library shifts this end twice
            points = n - 1;
        }
        double[] out = new double[n];
        for (int i = 0; i < n; i++) out[i] = i == 0 ? 1 : 1 + i * ((last - 1) / points);
        return out;
    }

    /** Shares of noise in place of the line, in single precision as the library takes them. */
    private static Optional<double[]> given(PlanArguments asked, int size) {
        if (asked.sigmas().isPresent()) return asked.sigmas().map(s -> Arrays.stream(s).map(v -> (float) v).toArray());
        return asked.times().map(t -> Arrays.stream(t).map(v -> (float) v / (float) size).toArray());
    }

    private double[] shifted(double[] sigmas, Optional<Double> mu) {
        double by = mu.map(m -> curve == Curve.EXPONENTIAL ? Math.exp(m) : m).orElse(shift);
        for (int i = 0; i < sigmas.length; i++) {
            sigmas[i] = mu.isPresent() ? by / (by + (1 / sigmas[i] - 1)) : by * sigmas[i] / (1 + (by - 1) * sigmas[i]);
        }
        return sigmas;
    }

    /** Counted from the clean end, as those take them that also run other schedules. */
    private static double[] fromClean(int n, int size, double by) {
        double[] out = new double[n];
        double step = (1.0 / size - 1) / n;
        for (int i = 0; i < n; i++) {
            double alpha = i == 0 ? 1.0 / size : (n - i) * step + 1, s = 1 - alpha;
            out[i] = by * s / (1 + (by - 1) * s);
        }
        return out;
    }
}
