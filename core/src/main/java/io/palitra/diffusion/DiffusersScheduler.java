package io.palitra.diffusion;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.palitra.config.ConfigException;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;

/**
 * A scheduler_config.json of the diffusers library in our terms: a schedule, noise levels and a sampler that go where the library goes,
 * number by number. It computes its tables in single precision; so does this, since the largest sigmas show it. An option that a class of
 * scheduler has and this lacks is refused, never guessed; keys that a class does not have are passed over, as the library does.
 */
public final class DiffusersScheduler {
    /** The classes that are known. */
    public enum Kind {
        DDPM("DDPMScheduler"), DDIM("DDIMScheduler"), EULER("EulerDiscreteScheduler"), EULER_ANCESTRAL("EulerAncestralDiscreteScheduler"),
        HEUN("HeunDiscreteScheduler"), DPM("DPMSolverMultistepScheduler");

        private final String className;

        Kind(String className) { this.className = className; }

        /** The library's name. */
        public String className() { return className; }

        public static Optional<Kind> of(String className) {
            return Arrays.stream(values()).filter(k -> k.className.equals(className)).findFirst();
        }

        /** Whether the levels are picked by sigma / alpha; otherwise they are trained levels. */
        private boolean bySigma() { return this != DDPM && this != DDIM; }
    }

    /**
     * A run: step i goes from levels[i] to ends[i].
     *
     * @param levels       where the network is asked
     * @param ends         where the steps end: the next level, save in DDIM, which goes T/n trained levels down whatever its spacing
     * @param initialSigma deviation of the x to start from
     */
    public record Plan(Sampler sampler, List<Level> levels, List<Level> ends, double initialSigma) {
        public Plan {
            levels = List.copyOf(levels);
            ends = List.copyOf(ends);
        }

        /** Data from x at the first level. */
        public Tensor sample(Denoiser model, Tensor x, Noise noise) {
            int n = levels.size();
            if (n > 0 && levels.subList(1, n).equals(ends.subList(0, n - 1))) {
                List<Level> all = new ArrayList<>(levels);
                all.add(ends.get(n - 1));
                return sampler.sample(model, x, all, noise);
            }
            return Scope.fold(x, n, (xi, i) -> sampler.step(model, xi, levels.get(i), ends.get(i), noise));
        }

        /** The same run without its first i steps; all of them gone, x is left as it is. */
        public Plan from(int i) {
            int n = levels.size();
            if (i < 0 || i > n) throw new IllegalArgumentException("illegal first step: " + i + ", must be from 0 to " + n);
            return new Plan(sampler, levels.subList(i, n), ends.subList(i, n), initialSigma);
        }
    }

    private enum Place { LEADING, TRAILING, LINSPACE }

    private enum Spread { TIMES, KARRAS, EXPONENTIAL, BETA, LU }

    private enum End { ZERO, SIGMA_MIN }

    private enum Interpolation { LINEAR, LOG_LINEAR }

    private enum Clock { DISCRETE, CONTINUOUS }

    /** Stands for alphaBar = 0 where sigma / alpha must be finite. */
    private static final float ALMOST_NOISE = 0x1p-24f;
    /** A file is not trusted: its table is made at once. */
    private static final int MOST_LEVELS = 1_000_000;
    /** Below this number of steps the last one is of first order. */
    private static final int STEADY = 15;

    private final JsonNode config;
    private final Kind kind;
    private final Prediction prediction;
    private final NoiseTable table;
    /** sigma / alpha of the trained levels, and its logarithms, rounded to single precision. */
    private final double[] ratios;
    private final double[] logs;
    private final Optional<Clip.Bound> bound;
    private final Place place;
    private final Spread spread;
    private final End end;
    private final Interpolation interpolation;
    private final Clock clock;
    private final Sampler.Ddpm.Variance variance;
    private final Sampler.DpmPlusPlus2M.Solver solver;
    private final double eta;
    private final boolean keepEps;

    /** @throws ConfigException that names the key if the class, or an option of it, is not known */
    public DiffusersScheduler(JsonNode config) { this(config, MissingNode.getInstance()); }

    /**
     * @param stepArguments what the library's {@code step} is called with: {@code eta} and {@code use_clipped_model_output} of DDIM
     * @throws ConfigException that names the key if the class, an option of it, or an argument is not known
     */
    public DiffusersScheduler(JsonNode config, JsonNode stepArguments) {
        this.config = config;
        String name = text("_class_name", "");
        kind = Kind.of(name).orElseThrow(() -> new ConfigException("_class_name", "no scheduler '" + name + "'; there are "
            + Arrays.stream(Kind.values()).map(Kind::className).collect(Collectors.joining(", ", "[", "]"))));
        refuseWhatIsMissing();
        prediction = switch (text("prediction_type", "epsilon")) {
            case "epsilon" -> Prediction.EPS;
            case "sample" -> Prediction.X0;
            case "v_prediction" -> Prediction.V;
            default -> throw refused("prediction_type", "epsilon", "sample", "v_prediction");
        };
        place = choice("timestep_spacing", kind.bySigma() ? Place.LINSPACE : Place.LEADING);
        spread = spread();
        end = kind == Kind.EULER || kind == Kind.DPM ? choice("final_sigmas_type", End.ZERO) : End.ZERO;
        interpolation = kind == Kind.EULER ? choice("interpolation_type", Interpolation.LINEAR) : Interpolation.LINEAR;
        clock = kind == Kind.EULER ? choice("timestep_type", Clock.DISCRETE) : Clock.DISCRETE;
        variance = kind == Kind.DDPM ? variance() : Sampler.Ddpm.Variance.SMALL;
        solver = kind == Kind.DPM ? choice("solver_type", Sampler.DpmPlusPlus2M.Solver.MIDPOINT) : Sampler.DpmPlusPlus2M.Solver.MIDPOINT;
        bound = bound();
        table = table();
        ratios = new double[table.size()];
        logs = new double[table.size()];
        for (int t = 0; t < ratios.length; t++) {
            float a = (float) table.alphaBar(t);
            ratios[t] = (float) Math.sqrt((1 - a) / a);
            logs[t] = (float) Math.log(ratios[t]);
        }
        double drawn = 0;
        boolean kept = kind == Kind.DDIM;
        for (Iterator<String> names = stepArguments.fieldNames(); names.hasNext();) {
            String argument = names.next();
            JsonNode value = stepArguments.get(argument);
            if (kind == Kind.DDIM && argument.equals("eta") && value.isNumber()) drawn = value.asDouble();
            else if (kind == Kind.DDIM && argument.equals("use_clipped_model_output") && value.isBoolean()) kept = !value.asBoolean();
            else throw new ConfigException(argument, kind.className() + " takes no step argument " + argument + "=" + value
                + (kind == Kind.DDIM ? "; there are [eta, use_clipped_model_output]" : ""));
        }
        if (!(drawn >= 0 && drawn <= 1)) throw new ConfigException("eta", "illegal eta: " + drawn + ", must be from 0 to 1");
        eta = drawn;
        keepEps = kept;
    }

    public Kind kind() { return kind; }

    /** What the network says. */
    public Prediction prediction() { return prediction; }

    /** The trained levels, rounded as the library rounds them. */
    public NoiseTable noiseTable() { return table; }

    /** A network as this scheduler uses it: its answer read by {@link #prediction}, the data bounded if the configuration says so. */
    public Denoiser denoiser(Predictor.Net net) { return bounded(new Predictor(prediction, net)); }

    /** A denoiser, guided for instance, with its data bounded if the configuration says so. */
    public Denoiser bounded(Denoiser model) {
        return bound.<Denoiser>map(b -> new Clip(model, b, keepEps)).orElse(model);
    }

    /** The run of n steps. @throws ConfigException if the schedule has no such run */
    public Plan plan(int n) {
        if (n < 1 || n > table.size()) {
            throw new ConfigException("steps", "illegal steps: " + n + ", must be from 1 to the schedule's " + table.size());
        }
        return kind.bySigma() ? planBySigma(n) : planByTime(n);
    }

    private Plan planByTime(int n) {
        double[] times = times(n);
        List<Level> levels = new ArrayList<>(), ends = new ArrayList<>();
        for (double t : times) levels.add(trained(n, t));
        for (int i = 0; i < times.length; i++) {
            int ddim = (int) times[i] - table.size() / n;
            if (kind == Kind.DDIM && ddim >= 0) ends.add(table.at(ddim));
            else if (kind == Kind.DDPM && i + 1 < times.length) ends.add(levels.get(i + 1));
            else ends.add(kind == Kind.DDPM || flag("set_alpha_to_one", true) ? Level.CLEAN : table.at(0));
        }
        return new Plan(sampler(times.length), levels, ends, 1);
    }

    private Plan planBySigma(int n) {
        double[] times = times(n);
        double[] sigmas = new double[times.length];
        for (int i = 0; i < sigmas.length; i++) sigmas[i] = ratio(times[i]);
        if (interpolation == Interpolation.LOG_LINEAR) {
            double from = Math.log(ratios[ratios.length - 1]), to = Math.log(ratios[0]);
            sigmas = line(n + 1, from, to, s -> (float) Math.exp((float) s));
        }
        if (spread != Spread.TIMES) {
            sigmas = spread(n, sigmas);
            times = Arrays.stream(sigmas).map(s -> NoiseTable.time(s, logs)).toArray();
            boolean rounded = kind == Kind.DPM && spread != Spread.EXPONENTIAL && spread != Spread.BETA
                && !text("beta_schedule", "linear").equals("squaredcos_cap_v2");
            if (rounded) times = Arrays.stream(times).map(Math::rint).toArray();
            if (kind == Kind.DPM) times = Arrays.stream(times).map(Math::floor).toArray();
        }
        if (prediction == Prediction.V && clock == Clock.CONTINUOUS) {
            times = Arrays.stream(sigmas).limit(n).map(s -> 0.25 * Math.log((float) s)).toArray();
        }
        boolean endsSelf = sigmas.length > times.length;   // the log-linear form makes its own end
        double last = end == End.ZERO ? 0 : ratios[0];
        List<Level> levels = new ArrayList<>(), ends = new ArrayList<>();
        for (int i = 0; i < times.length; i++) levels.add(level(sigmas[i], times[i]));
        for (int i = 1; i < times.length; i++) ends.add(levels.get(i));
        ends.add(level(endsSelf ? sigmas[times.length] : last, 0));
        double max = (float) Arrays.stream(sigmas).max().orElseThrow();
        double initial = kind == Kind.DPM ? 1 : place == Place.LEADING ? Math.sqrt(max * max + 1) : max;
        return new Plan(sampler(times.length), levels, ends, initial);
    }

    private Sampler sampler(int n) {
        Spacing spacing = switch (place) {
            case LEADING -> new Spacing.Leading();
            case TRAILING -> new Spacing.Trailing();
            case LINSPACE -> new Spacing.Linspace();
        };
        return switch (kind) {
            case DDPM -> new Sampler.Ddpm(n, spacing, variance);
            case DDIM -> new Sampler.Ddim(n, spacing, eta);
            case EULER -> new Sampler.Euler(n, spacing);
            case EULER_ANCESTRAL -> new Sampler.EulerAncestral(n, spacing);
            case HEUN -> new Sampler.Heun(n, spacing);
            case DPM -> integer("solver_order", 2) == 1 ? new Sampler.Euler(n, spacing)
                : new Sampler.DpmPlusPlus2M(n, spacing, solver,
                    flag("euler_at_final", false) || flag("lower_order_final", true) && n < STEADY);
        };
    }

    /** The times of a run, falling, before any spread over sigmas. */
    private double[] times(int n) {
        int size = table.size();
        int last = kind == Kind.DPM ? size - clipped() : size;
        int points = kind == Kind.DPM ? n + 1 : n;   // DPM takes one point more and leaves out the last
        double[] times = new double[n];
        if (place == Place.TRAILING) {
            double every = (double) size / n;
            times = new double[Math.min(n, (int) Math.ceil(last / every))];
            for (int i = 0; i < times.length; i++) times[i] = Math.rint(last - i * every) - 1;
        }
        double offset = number("steps_offset", 0);
        for (int i = 0; i < n && place != Place.TRAILING; i++) {
            int up = points - 1 - i;
            double linspace = points == 1 ? 0 : up * ((last - 1.0) / (points - 1));
            boolean between = kind.bySigma() && kind != Kind.DPM;
            times[i] = place == Place.LEADING ? (double) up * (last / points) + offset : between ? (float) linspace : Math.rint(linspace);
        }
        return times;
    }

    /** How many of the noisiest levels have log(alpha / sigma) below the configuration's bound. */
    private int clipped() {
        double least = number("lambda_min_clipped", Double.NEGATIVE_INFINITY);
        int n = 0;
        for (int t = 0; t < table.size(); t++) {
            float a = (float) table.alphaBar(t);
            if ((float) Math.log((float) Math.sqrt(a)) - (float) Math.log((float) Math.sqrt(1 - a)) < least) n++;
        }
        if (n == table.size()) throw new ConfigException("lambda_min_clipped", "illegal lambda_min_clipped: " + least + " leaves no level");
        return n;
    }

    private Level trained(int n, double t) {
        if (t < 0 || t >= table.size()) {
            throw new ConfigException("steps_offset", "illegal steps_offset: " + (int) number("steps_offset", 0) + ", with " + n
                + " steps it asks for time " + (int) t + " of " + table.size());
        }
        return table.at((int) t);
    }

    /** sigma / alpha at a time between the trained ones, on a line, held at the ends. */
    private double ratio(double t) {
        if (t <= 0) return ratios[0];
        if (t >= ratios.length - 1) return ratios[ratios.length - 1];
        int low = (int) t;
        return ratios[low] + (t - low) * (ratios[low + 1] - ratios[low]);
    }

    private Level level(double sigma, double t) {
        if (sigma == 0) return Level.CLEAN;
        return kind == Kind.DPM ? Level.preserving((float) sigma, t) : Level.exploding((float) sigma, (float) t);
    }

    /** n sigmas between the ends of those that the times gave; DPM takes the ends of the schedule. */
    private double[] spread(int n, double[] sigmas) {
        double max = kind == Kind.DPM ? ratios[ratios.length - 1] : sigmas[0];
        double min = kind == Kind.DPM ? ratios[0] : sigmas[sigmas.length - 1];
        if (kind == Kind.EULER) {
            max = number("sigma_max", max);
            min = number("sigma_min", min);
        }
        double from = min, over = max - min;
        return switch (spread) {
            case TIMES -> sigmas;
            case KARRAS -> new Spacing.Karras().sigmas(n, min, max);
            case EXPONENTIAL -> line(n, Math.log(max), Math.log(min), Math::exp);
            case LU -> line(n, logs[logs.length - 1], logs[0], Math::exp);
            case BETA -> line(n, 1, 0, u -> from + betaQuantile(u) * over);
        };
    }

    private static double[] line(int n, double from, double to, DoubleUnaryOperator f) {
        double[] out = new double[n];
        for (int i = 0; i < n; i++) out[i] = f.applyAsDouble(n == 1 ? from : from + i * (to - from) / (n - 1));
        return out;
    }

    /** The quantile u of the distribution Beta(0.6, 0.6), by bisection of its distribution function. */
    static double betaQuantile(double u) {
        if (u > 0.5) return 1 - betaQuantile(1 - u);
        double whole = 2 * betaSeries(0.5), low = 0, high = 0.5;
        for (int i = 0; i < 60; i++) {
            double middle = (low + high) / 2;
            if (betaSeries(middle) < u * whole) low = middle;
            else high = middle;
        }
        return u == 0 ? 0 : high;
    }

    /** Integral of y^(a-1) (1-y)^(a-1) from 0 to x, a = 0.6, term by term of the binomial series; x at most 1/2. */
    private static double betaSeries(double x) {
        double a = 0.6, binomial = 1, sum = 0;
        for (int k = 0; k < 60; k++) {
            sum += binomial / (a + k) * Math.pow(x, a + k);
            binomial *= (k + 1 - a) / (k + 1);
        }
        return sum;
    }

    private NoiseTable table() {
        float[] alpha = betas();
        for (int t = 0; t < alpha.length; t++) alpha[t] = 1 - alpha[t];
        float[] alphaBar = product(alpha);
        boolean zero = kind != Kind.HEUN && flag("rescale_betas_zero_snr", false);
        if (zero) alphaBar = zeroTerminalSnr(alphaBar);
        if (zero && kind.bySigma()) alphaBar[alphaBar.length - 1] = ALMOST_NOISE;
        double[] out = new double[alphaBar.length];
        for (int t = 0; t < out.length; t++) out[t] = alphaBar[t];
        return new NoiseTable(out);
    }

    private float[] betas() {
        int n = integer("num_train_timesteps", 1000);
        if (n < 2 || n > MOST_LEVELS) {
            throw new ConfigException("num_train_timesteps", "illegal num_train_timesteps: " + n + ", must be from 2 to " + MOST_LEVELS);
        }
        float start = beta("beta_start", kind == Kind.HEUN ? 0.00085 : 1e-4), end = beta("beta_end", kind == Kind.HEUN ? 0.012 : 0.02);
        switch (text("beta_schedule", "linear")) {
            case "linear" -> {
                return line(n, start, end);
            }
            case "scaled_linear" -> {
                float[] roots = line(n, (float) Math.sqrt(number("beta_start", start)), (float) Math.sqrt(number("beta_end", end)));
                for (int t = 0; t < n; t++) roots[t] *= roots[t];
                return roots;
            }
            case "sigmoid" -> {
                float[] u = line(n, -6, 6);
                for (int t = 0; t < n; t++) u[t] = (float) (1 / (1 + Math.exp(-u[t]))) * (end - start) + start;
                return u;
            }
            case "squaredcos_cap_v2" -> {
                double[] exact = new NoiseSchedule.Cosine(n, 0.008).betas();
                float[] betas = new float[n];
                for (int t = 0; t < n; t++) betas[t] = (float) exact[t];
                return betas;
            }
            default -> throw refused("beta_schedule", "linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid");
        }
    }

    private float beta(String key, double otherwise) {
        double beta = number(key, otherwise);
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

    private Sampler.Ddpm.Variance variance() {
        return switch (text("variance_type", "fixed_small")) {
            case "fixed_small", "fixed_small_log" -> Sampler.Ddpm.Variance.SMALL;
            case "fixed_large", "fixed_large_log" -> Sampler.Ddpm.Variance.LARGE;
            default -> throw refused("variance_type", "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log");
        };
    }

    private Optional<Clip.Bound> bound() {
        try {
            return boundAsked();
        } catch (IllegalArgumentException e) {
            throw new ConfigException("thresholding", "the data cannot be bounded: " + e.getMessage(), e);
        }
    }

    private Optional<Clip.Bound> boundAsked() {
        boolean thresholds = kind == Kind.DDPM || kind == Kind.DDIM || kind == Kind.DPM;
        if (thresholds && flag("thresholding", false)) {
            return Optional.of(new Clip.Dynamic(number("dynamic_thresholding_ratio", 0.995), number("sample_max_value", 1)));
        }
        boolean clips = kind == Kind.DDPM || kind == Kind.DDIM || kind == Kind.HEUN;
        if (clips && flag("clip_sample", kind != Kind.HEUN)) return Optional.of(new Clip.Range(number("clip_sample_range", 1)));
        return Optional.empty();
    }

    private Spread spread() {
        if (!kind.bySigma() || kind == Kind.EULER_ANCESTRAL) return Spread.TIMES;
        if (flag("use_karras_sigmas", false)) return Spread.KARRAS;
        if (kind == Kind.DPM && flag("use_lu_lambdas", false)) return Spread.LU;
        if (flag("use_exponential_sigmas", false)) return Spread.EXPONENTIAL;
        return flag("use_beta_sigmas", false) ? Spread.BETA : Spread.TIMES;
    }

    private void refuseWhatIsMissing() {
        if (config.hasNonNull("trained_betas")) throw refused("trained_betas", "null");
        if (kind != Kind.DPM) return;
        if (!text("algorithm_type", "dpmsolver++").equals("dpmsolver++")) throw refused("algorithm_type", "dpmsolver++");
        int order = integer("solver_order", 2);
        if (order != 1 && order != 2) throw refused("solver_order", "1", "2");
        if (config.hasNonNull("variance_type")) throw refused("variance_type", "null");
        if (flag("use_flow_sigmas", false)) throw refused("use_flow_sigmas", "false");
        if (flag("use_dynamic_shifting", false)) throw refused("use_dynamic_shifting", "false");
    }

    private ConfigException refused(String key, String... allowed) {
        return new ConfigException(key, kind.className() + " with " + key + "=" + config.path(key) + " is not known; there are "
            + Arrays.toString(allowed));
    }

    private ConfigException wrong(String key, String wanted) {
        return new ConfigException(key, key + " wants " + wanted + ", got " + config.path(key));
    }

    private String text(String key, String otherwise) {
        if (!config.hasNonNull(key)) return otherwise;
        if (!config.get(key).isTextual()) throw wrong(key, "a text");
        return config.get(key).asText();
    }

    private boolean flag(String key, boolean otherwise) {
        if (!config.hasNonNull(key)) return otherwise;
        if (!config.get(key).isBoolean()) throw wrong(key, "true or false");
        return config.get(key).asBoolean();
    }

    private double number(String key, double otherwise) {
        if (!config.hasNonNull(key)) return otherwise;
        double value = config.get(key).isNumber() ? config.get(key).asDouble() : Double.NaN;
        if (value == otherwise || Double.isFinite(value)) return value;   // a default may be -Infinity
        throw wrong(key, "a finite number");
    }

    private int integer(String key, int otherwise) {
        if (!config.hasNonNull(key)) return otherwise;
        if (!config.get(key).canConvertToExactIntegral() || !config.get(key).canConvertToInt()) throw wrong(key, "a whole number");
        return config.get(key).asInt();
    }

    /** A constant of an enum by its name in lower case. */
    private <E extends Enum<E>> E choice(String key, E otherwise) {
        String asked = text(key, otherwise.name().toLowerCase(Locale.ROOT));
        List<String> names = new ArrayList<>();
        for (E e : otherwise.getDeclaringClass().getEnumConstants()) {
            if (e.name().toLowerCase(Locale.ROOT).equals(asked)) return e;
            names.add(e.name().toLowerCase(Locale.ROOT));
        }
        throw refused(key, names.toArray(String[]::new));
    }
}
