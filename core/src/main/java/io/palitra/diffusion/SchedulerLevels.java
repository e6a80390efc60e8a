package io.palitra.diffusion;

import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.diffusion.DiffusersScheduler.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/** The levels of the network calls of a run and the levels where its steps end, with the numbers of the diffusers library. */
final class SchedulerLevels {
    enum Place { LEADING, TRAILING, LINSPACE }

    private enum Spread { TIMES, KARRAS, EXPONENTIAL, BETA, LU, FLOW }

    private enum End { ZERO, SIGMA_MIN }

    private enum Interpolation { LINEAR, LOG_LINEAR }

    private enum Clock { DISCRETE, CONTINUOUS }

    /** What was picked: times are those of sigmas, the run ends at the last sigma, which has no time. */
    private record Picked(double[] times, double[] sigmas) {}

    private final SchedulerConfig config;
    private final SchedulerTable table;
    private final Kind kind;
    private final Place place;
    private final Spread spread;
    private final End end;
    private final Interpolation interpolation;
    private final Clock clock;
    private final FlowShift flow;

    SchedulerLevels(SchedulerConfig config, SchedulerTable table) {
        this.config = config;
        this.table = table;
        kind = config.kind();
        boolean fixed = kind == Kind.DPM_SINGLESTEP || !kind.tabled() || kind.distilled() || kind == Kind.UNCLIP
            || kind == Kind.REPAINT;   // has no such option
        place = fixed ? Place.LINSPACE : config.choice("timestep_spacing", kind.byTime() ? Place.LEADING : Place.LINSPACE);
        boolean ends = kind == Kind.EULER || kind == Kind.DPM || kind == Kind.DPM_SINGLESTEP || kind == Kind.UNIPC;
        end = ends ? config.choice("final_sigmas_type", End.ZERO) : End.ZERO;
        interpolation = kind == Kind.EULER ? config.choice("interpolation_type", Interpolation.LINEAR) : Interpolation.LINEAR;
        clock = kind == Kind.EULER ? config.choice("timestep_type", Clock.DISCRETE) : Clock.DISCRETE;
        flow = new FlowShift(config);
        spread = spread();
    }

    Place place() { return place; }

    /** Whether levels lie on straight paths, alpha = 1 - sigma. */
    boolean straight() { return kind.flow() || kind.preserving() && config.flag("use_flow_sigmas", false); }

    /** The legs of n steps at trained times: the times of the network calls and, in DDPM, the times where steps end. */
    List<SolverStage> byTime(int n, PlanArguments asked, Sampler sampler) {
        if (sampler instanceof RePaint repaint) return repainted(n, repaint);
        double[] times = asked.times().orElseGet(() -> kind.distilled() ? taughtTimes(n, asked)
            : kind == Kind.UNCLIP ? between(n) : times(n));
        if (kind == Kind.PNDM) return pseudo(n, times);
        if (kind.distilled()) times = strongest(times, asked);
        if (sampler instanceof Tcd tcd) return below(times, tcd.eta());
        List<SolverStage> legs = new ArrayList<>();
        for (int i = 0; i < times.length; i++) {
            Level from = trained(n, times[i]);
            if (kind == Kind.DDIM) legs.add(new SolverStage(from, end((int) times[i] - table.size() / n, true)));
            else legs.add(new SolverStage(from, i + 1 < times.length ? trained(n, times[i + 1]) : Level.CLEAN));
        }
        return legs;
    }

    /** Where steps that go by sigma lie: the levels, the last where the run ends. */
    List<Level> bySigma(int n, PlanArguments asked) {
        Picked picked = spread == Spread.FLOW ? straight(n, asked) : spread(n);
        double[] times = picked.times, sigmas = picked.sigmas;
        List<Level> levels = new ArrayList<>();
        for (int i = 0; i < times.length; i++) levels.add(level(sigmas[i], times[i]));
        levels.add(level(sigmas[times.length], 0));
        return levels;
    }

    /** Deviation of the x that such a run starts from. */
    double initialSigma(List<Level> levels) {
        if (straight() || kind.preserving()) return 1;
        double max = levels.stream().mapToDouble(Level::sigma).max().orElseThrow();
        return place == Place.LEADING ? Math.sqrt(max * max + 1) : max;
    }

    /** PNDM's times are T/n apart even where the times of the network calls are not. */
    private List<SolverStage> pseudo(int n, double[] times) {
        boolean skip = config.flag("skip_prk_steps", false);
        int staged = skip ? Math.min(1, times.length - 1) : 3, every = table.size() / n, half = every / 2;
        if (times.length <= staged && !skip) {
            throw new ConfigException("skip_prk_steps", "skip_prk_steps=false wants 4 steps at least, got " + n);
        }
        List<SolverStage> legs = new ArrayList<>();
        for (int i = 0; i < times.length; i++) {
            int t = (int) times[i];
            Level from = trained(n, t);
            if (i >= staged) {
                legs.add(new SolverStage(from, end(t - every, false)));
                continue;
            }
            int s = (int) times[i + 1];
            Level next = trained(n, s);
            if (skip) {
                legs.add(new SolverStage(from, end(t - every, false)));
                legs.add(new SolverStage(next, trained(n, s + every), next));
            } else {
                Level middle = trained(n, s + half);
                legs.addAll(List.of(new SolverStage(from, trained(n, t - half)), new SolverStage(middle, from, middle)));
                legs.addAll(List.of(new SolverStage(middle, from, next), new SolverStage(next, from, next)));
            }
        }
        return legs;
    }

    private Level end(int t, boolean cleanUnlessTold) {
        if (t >= 0) return table.noise().at(t);
        return config.flag("set_alpha_to_one", cleanUnlessTold) ? Level.CLEAN : table.noise().at(0);
    }

    /** n of the times that the model was distilled at, from the end; TCD asked for a number of them itself takes any trained times. */
    private double[] taughtTimes(int n, PlanArguments asked) {
        int taught = asked.taught().orElseGet(() -> config.integer("original_inference_steps", 50, 1, table.size()));
        boolean any = kind == Kind.TCD && asked.taught().isPresent();
        int count = (int) ((any ? table.size() : taught) * asked.strength()), every = any ? 1 : table.size() / taught;
        if (n > count || n > taught) {
            throw new ConfigException("steps", "illegal steps: " + n + ", must be at most original_inference_steps=" + taught
                + (asked.strength() < 1 ? " times strength=" + asked.strength() : ""));
        }
        double[] times = new double[n];
        for (int i = 0; i < n; i++) times[i] = (double) (count - (int) Math.floor(i * ((double) count / n))) * every - 1;
        return times;
    }

    /** The last of given times, as many as the strength leaves. */
    private static double[] strongest(double[] times, PlanArguments asked) {
        if (asked.times().isEmpty()) return times;
        int left = Math.min((int) (times.length * asked.strength()), times.length);
        return Arrays.copyOfRange(times, times.length - left, times.length);
    }

    /** n times on a line from the last to 0. */
    private double[] between(int n) {
        if (n < 2) throw new ConfigException("steps", "illegal steps: " + n + ", must be at least 2 with " + kind.className());
        double[] times = new double[n];
        double every = (table.size() - 1.0) / (n - 1);
        for (int i = 0; i < n; i++) times[i] = Math.rint((n - 1 - i) * every);
        return times;
    }

    /** From each time to the next, the last time 0, by way of a time below. */
    private List<SolverStage> below(double[] times, double eta) {
        List<SolverStage> legs = new ArrayList<>();
        for (int i = 0; i < times.length; i++) {
            int to = i + 1 < times.length ? (int) times[i + 1] : 0, under = (int) Math.floor((float) (1 - eta) * to);
            Level from = table.noise().at((int) times[i]);
            legs.add(new SolverStage(from, from, table.noise().at(to), List.of(table.noise().at(under))));
        }
        return legs;
    }

    /** Times T/n apart, gone through as the sampler says; on the way back up noise is added time by time. */
    private List<SolverStage> repainted(int n, RePaint sampler) {
        int every = table.size() / n, before = n;
        List<SolverStage> legs = new ArrayList<>();
        for (int k : sampler.course(n)) {
            Level at = table.noise().at(k * every);
            if (k < before) {
                legs.add(new SolverStage(at, end((k - 1) * every, true)));
            } else {
                Level from = end((before - 1) * every, true);
                List<Level> way = raised(from, before * every, every);
                legs.add(new SolverStage(at, from, way.get(every - 1), way.subList(0, every - 1)));
            }
            before = k;
        }
        return legs;
    }

    /** The levels after each of the n steps of noise from time t on: the library adds those of the times above, not of the same. */
    private List<Level> raised(Level from, int t, int n) {
        List<Level> way = new ArrayList<>();
        double alphaBar = from.alpha() * from.alpha();
        for (int i = 0; i < n; i++) {
            alphaBar *= 1 - table.beta(t + i);
            way.add(new Level(Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar), t + i));
        }
        return way;
    }

    /** The times of a run, falling, before any spread over sigmas. */
    private double[] times(int n) {
        int size = table.size();
        int last = kind == Kind.DPM || kind == Kind.DPM_SINGLESTEP || kind == Kind.SA_SOLVER ? size - table.clipped() : size;
        int points = kind.preserving() ? n + 1 : n;   // one point more, of which the last is left out
        double[] times = new double[n];
        if (place == Place.TRAILING) {
            double every = (double) size / n;
            times = new double[Math.min(n, (int) Math.ceil(last / every))];
            double step = (last - every) - last;   // as the library's ranges step: it decides halves
            for (int i = 0; i < times.length; i++) times[i] = Math.rint(last + i * step) - 1;
        }
        double offset = config.integer("steps_offset", 0);
        boolean between = !kind.byTime() && !kind.preserving();
        for (int i = 0; i < n && place != Place.TRAILING; i++) {
            int up = points - 1 - i;
            double linspace = points == 1 ? 0 : up * ((last - 1.0) / (points - 1));
            times[i] = place == Place.LEADING ? (double) up * (last / points) + offset : between ? (float) linspace : Math.rint(linspace);
        }
        return times;
    }

    private Level trained(int n, double t) {
        if (t < 0 || t >= table.size()) {
            throw new ConfigException("steps_offset", "illegal steps_offset: " + config.integer("steps_offset", 0) + ", with " + n
                + " steps it asks for time " + (int) t + " of " + table.size());
        }
        return table.noise().at((int) t);
    }

    private Level level(double sigma, double t) {
        float s = (float) sigma;
        if (straight()) {
            if (flow.inverted()) return new Level(1 - s, s, (1 - s) * (float) table.size());
            return s == 0 ? Level.CLEAN : new Level(1 - s, s, t);
        }
        if (s == 0) return Level.CLEAN;
        return kind.preserving() ? Level.preserving(s, t) : Level.exploding(s, (float) t);
    }

    private Picked straight(int n, PlanArguments asked) {
        double[] sigmas = flow.sigmas(n, table.size(), asked);
        double[] times = new double[n];
        if (kind.flow()) {
            sigmas = spread(flowSpread(), n, sigmas, sigmas[0], sigmas[n - 1]);
            for (int i = 0; i < n; i++) times[i] = (float) sigmas[i] * (float) table.size();
            return new Picked(times, Arrays.copyOf(sigmas, n + 1));
        }
        if (kind == Kind.UNIPC && config.flag("use_karras_sigmas", false)) {
            sigmas = Arrays.stream(spread(Spread.KARRAS, n, sigmas, most(), least())).map(s -> s / (s + 1)).toArray();
        }
        for (int i = 0; i < n; i++) times[i] = Math.floor(sigmas[i] * table.size());
        double last = endsInNoise() || kind == Kind.UNIPC ? sigmas[n - 1] : table.least();
        sigmas = Arrays.copyOf(sigmas, n + 1);
        sigmas[n] = !endsInNoise() && end == End.ZERO ? 0 : last;
        return new Picked(times, sigmas);
    }

    private Picked spread(int n) {
        double[] times = times(n);
        double[] sigmas = Arrays.stream(times).map(table::ratio).toArray();
        if (interpolation == Interpolation.LOG_LINEAR) {
            sigmas = line(n + 1, Math.log(table.most()), Math.log(table.least()), s -> (float) Math.exp((float) s));
        }
        boolean own = interpolation == Interpolation.LOG_LINEAR && spread == Spread.TIMES;   // which makes its own end
        if (spread != Spread.TIMES) {
            double max = kind.preserving() ? table.most() : sigmas[0];
            double min = kind.preserving() ? table.least() : sigmas[sigmas.length - 1];
            boolean bounds = kind == Kind.EULER || kind == Kind.UNIPC;
            if (bounds) max = config.number("sigma_max", max);
            if (bounds) min = config.number("sigma_min", min);
            sigmas = spread(spread, n, sigmas, max, min);
            times = Arrays.stream(sigmas).map(table::time).map(t -> rounded() ? Math.rint(t) : t).toArray();
            if (kind.preserving()) times = Arrays.stream(times).map(Math::floor).toArray();
        }
        boolean continuous = clock == Clock.CONTINUOUS && config.text("prediction_type", "").equals("v_prediction");
        if (continuous) times = Arrays.stream(sigmas).map(s -> 0.25 * Math.log((float) s)).toArray();
        if (!own || continuous) {
            double last = sigmas[sigmas.length - 1];
            sigmas = Arrays.copyOf(sigmas, times.length + 1);
            boolean repeats = spread != Spread.TIMES && (endsInNoise() || kind == Kind.UNIPC && end == End.SIGMA_MIN);
            sigmas[times.length] = repeats ? last : end == End.ZERO && !endsInNoise() ? 0 : table.least();
        }
        return new Picked(times, sigmas);
    }

    /** Whether a run ends at the least trained noise. */
    private boolean endsInNoise() { return kind == Kind.DEIS || kind == Kind.SA_SOLVER; }

    /** Whether the times of sigmas are made whole by rounding; where else the library needs whole ones, it truncates. */
    private boolean rounded() {
        return switch (kind) {
            case DPM -> (spread == Spread.KARRAS || spread == Spread.LU)
                && !config.text("beta_schedule", "linear").equals("squaredcos_cap_v2");
            case DPM_SINGLESTEP, DEIS, UNIPC, SA_SOLVER, DPM2, DPM2_ANCESTRAL -> spread == Spread.KARRAS;
            default -> false;
        };
    }

    private double most() { return config.number("sigma_max", table.most()); }

    private double least() { return config.number("sigma_min", table.least()); }

    /** n sigmas from max down to min. */
    private double[] spread(Spread how, int n, double[] sigmas, double max, double min) {
        if (how == Spread.TIMES || how == Spread.FLOW) return sigmas;
        if (n == 1 && how != Spread.LU) return new double[] {max};
        if (!(min > 0 && min <= max)) {
            throw new ConfigException("sigma_min", "illegal sigmas: from " + max + " to " + min + ", must be above 0 and fall");
        }
        return switch (how) {
            case KARRAS -> new Spacing.Karras().sigmas(n, min, max);
            case EXPONENTIAL -> line(n, Math.log(max), Math.log(min), Math::exp);
            case LU -> line(n, table.logs()[table.size() - 1], table.logs()[0], Math::exp);
            default -> line(n, 1, 0, u -> min + BetaQuantile.at(u) * (max - min));
        };
    }

    private static double[] line(int n, double from, double to, DoubleUnaryOperator f) {
        double[] out = new double[n];
        for (int i = 0; i < n; i++) out[i] = f.applyAsDouble(n == 1 ? from : from + i * (to - from) / (n - 1));
        return out;
    }

    private Spread spread() {
        if (kind.byTime() || kind.own() || kind == Kind.EULER_ANCESTRAL) return Spread.TIMES;
        Spread asked = flowSpread();
        if (!straight()) return asked;
        if (!kind.flow() && asked != Spread.TIMES && !(kind == Kind.UNIPC && asked == Spread.KARRAS)) {
            throw new ConfigException("use_flow_sigmas", kind.className() + " with use_flow_sigmas=true and sigmas spread otherwise is not"
                + " known; they are ratios to alpha, not shares of noise");
        }
        return Spread.FLOW;
    }

    private Spread flowSpread() {
        if (kind == Kind.FLOW_HEUN) return Spread.TIMES;   // has no such option
        List<Spread> asked = new ArrayList<>();
        if (config.flag("use_karras_sigmas", false)) asked.add(Spread.KARRAS);
        if (kind == Kind.DPM && asked.isEmpty() && config.flag("use_lu_lambdas", false)) return Spread.LU;
        if (config.flag("use_exponential_sigmas", false)) asked.add(Spread.EXPONENTIAL);
        if (config.flag("use_beta_sigmas", false)) asked.add(Spread.BETA);
        if (asked.size() > 1) {
            throw new ConfigException("use_karras_sigmas", "at most one of use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas"
                + " may be true, got " + InWords.list(asked));
        }
        return asked.isEmpty() ? Spread.TIMES : asked.get(0);
    }
}
