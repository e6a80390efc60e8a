package io.palitra.diffusion;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads a scheduler_config.json of the diffusers library: a schedule, noise levels and a sampler with the library's numbers. The library
 * computes its tables in single precision, and so does this class, since the largest sigmas differ otherwise. An option of a scheduler
 * class that is not implemented here is refused; keys that a class does not have are ignored, as in the library.
 */
public final class DiffusersScheduler {
    /** The classes that are known. */
    public enum Kind {
        DDPM("DDPMScheduler"), DDIM("DDIMScheduler"), PNDM("PNDMScheduler"), LMS("LMSDiscreteScheduler"), EULER("EulerDiscreteScheduler"),
        EULER_ANCESTRAL("EulerAncestralDiscreteScheduler"), HEUN("HeunDiscreteScheduler"), DPM2("KDPM2DiscreteScheduler"),
        DPM2_ANCESTRAL("KDPM2AncestralDiscreteScheduler"), DPM("DPMSolverMultistepScheduler"),
        DPM_SINGLESTEP("DPMSolverSinglestepScheduler"), DEIS("DEISMultistepScheduler"), UNIPC("UniPCMultistepScheduler"),
        SA_SOLVER("SASolverScheduler"), LCM("LCMScheduler"), TCD("TCDScheduler"), UNCLIP("UnCLIPScheduler"), REPAINT("RePaintScheduler"),
        IPNDM("IPNDMScheduler"), EDM_EULER("EDMEulerScheduler"), EDM_DPM("EDMDPMSolverMultistepScheduler"),
        CM("CMStochasticIterativeScheduler"), FLOW_EULER("FlowMatchEulerDiscreteScheduler"),
        FLOW_HEUN("FlowMatchHeunDiscreteScheduler");

        private final String className;

        Kind(String className) { this.className = className; }

        /** The library's name. */
        public String className() { return className; }

        public static Optional<Kind> of(String className) {
            return Arrays.stream(values()).filter(k -> k.className.equals(className)).findFirst();
        }

        /** Whether the levels are trained ones; otherwise they are picked by sigma. */
        boolean byTime() {
            return this == DDPM || this == DDIM || this == PNDM || distilled() || this == UNCLIP || this == REPAINT;
        }

        /** Whether times are picked from those of a distillation. */
        boolean distilled() { return this == LCM || this == TCD; }

        /** Whether levels lie on straight paths always. */
        boolean flow() { return this == FLOW_EULER || this == FLOW_HEUN; }

        /** Whether levels are of {@link OwnLevels}. */
        boolean own() { return this == EDM_EULER || this == EDM_DPM || this == CM || this == IPNDM; }

        /** Whether there is a table of trained levels: networks of such classes take each other's samplers. */
        public boolean tabled() { return !flow() && !own(); }

        /** How many trained times there are by default. */
        int trainedTimes() { return this == CM ? 40 : 1000; }

        /** Whether levels picked by sigma keep the variance. */
        boolean preserving() { return this == DPM || this == DPM_SINGLESTEP || this == DEIS || this == UNIPC || this == SA_SOLVER; }

        /** Whether betas are by default those of latent diffusion. */
        boolean latentBetas() { return this == HEUN || this == DPM2 || this == DPM2_ANCESTRAL || distilled(); }

        /** Whether the schedule can be stretched to end in pure noise. */
        boolean mayEndInNoise() {
            return this == DDPM || this == DDIM || this == EULER || this == EULER_ANCESTRAL || this == DPM || this == UNIPC
                || distilled();
        }
    }

    /**
     * A run.
     *
     * @param legs         its network calls; a step may end elsewhere than where the next begins
     * @param initialSigma deviation of the x to start from
     */
    public record Plan(Sampler sampler, List<SolverStage> legs, double initialSigma) {
        public Plan { legs = List.copyOf(legs); }

        /** Data from x where the first leg starts. */
        public Tensor sample(Denoiser model, Tensor x, Noise noise) { return sampler.run(model, x, legs, noise); }

        /** The level of each network call. */
        public List<Level> levels() { return legs.stream().map(SolverStage::at).toList(); }

        /** The same run without its first i steps; all of them gone, x is left as it is. */
        public Plan from(int i) {
            boolean cut = i > 0 && i < steps();
            if (cut && sampler instanceof RePaint) {
                throw new ConfigException("sampler", "RePaint goes back and forth and cannot begin or change in the middle (strength=1)");
            }
            List<SolverStage> left = new ArrayList<>(legs.subList(first(i), legs.size()));
            for (int k = 0; k < left.size() && !left.get(k).begins(); k++) {   // stages of a step whose beginning is gone
                SolverStage leg = left.get(k);
                left.set(k, new SolverStage(leg.at(), left.get(0).at(), leg.to()));
            }
            return new Plan(sampler, left, initialSigma);
        }

        /** The first i steps alone. */
        public Plan until(int i) { return new Plan(sampler, legs.subList(0, first(i)), initialSigma); }

        /** How many steps begin at this time or above it. */
        public int stepsAbove(double time) {
            int n = 0;
            while (n < steps() && legs.get(first(n)).from().t() >= time) n++;
            return n;
        }

        /** Heun's and DPM2's steps have two legs but the last. */
        private boolean pairs() {
            return sampler instanceof Sampler.Heun || sampler instanceof Sampler.Dpm2 || sampler instanceof FlowHeun;
        }

        private int steps() { return pairs() ? (legs.size() + 1) / 2 : legs.size(); }

        private int first(int i) {
            if (i < 0 || i > steps()) throw new ArgumentException("illegal step: " + i + ", must be from 0 to " + steps());
            return Math.min(pairs() ? 2 * i : i, legs.size());
        }
    }

    /** The library's one cosine. */
    private static final double COSINE_S = 0.008;
    /** Below this number of steps the last ones are of lower order. */
    private static final int STEADY = 15;

    private final SchedulerConfig config;
    private final Kind kind;
    private final Optional<Prediction> prediction;
    private final SchedulerTable table;
    private final SchedulerLevels levels;
    private final @Nullable OwnLevels own;
    private final Optional<Bounded.Bound> bound;
    private final StepArguments arguments;

    /** @throws ConfigException that names the key if the class, or an option of it, is not known */
    public DiffusersScheduler(JsonNode config) { this(config, MissingNode.getInstance()); }

    /**
     * @param stepArguments what the library's {@code step} is called with: {@code eta} of DDIM and TCD, {@code use_clipped_model_output}
     *                      of DDIM, {@code order} of LMS, {@code s_churn} and its like of EDM's Euler and of flow matching's Heun
     * @throws ConfigException that names the key if the class, an option of it, or an argument is not known
     */
    public DiffusersScheduler(JsonNode config, JsonNode stepArguments) { this(config, stepArguments, line -> { }); }

    /** @param warn receives a line for an option that has no effect here, nor in the library */
    public DiffusersScheduler(JsonNode config, JsonNode stepArguments, Consumer<String> warn) {
        this.config = new SchedulerConfig(config);
        kind = this.config.kind();
        arguments = StepArguments.of(kind, stepArguments, warn);
        table = new SchedulerTable(this.config);
        levels = new SchedulerLevels(this.config, table);
        own = kind.own() ? new OwnLevels(this.config) : null;
        prediction = predictionAsked(warn);
        bound = bound();
        sampler(1, 1, PlanArguments.NONE);   // refuses options before a run needs them
    }

    public Kind kind() { return kind; }

    /**
     * The DDPMScheduler of a schedule: the keys that {@link #DiffusersScheduler(JsonNode)} and the library read, for pictures in
     * [-1,1]. Its steps are {@link Spacing.Trailing}, as those of {@link Sampler.Ddim} are: a scheduler of fewer steps made of it keeps
     * them.
     */
    public static ObjectNode ddpm(NoiseSchedule schedule, Prediction prediction) {
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("_class_name", Kind.DDPM.className());
        json.put("num_train_timesteps", schedule.levels());
        if (schedule instanceof NoiseSchedule.Linear s) {
            json.put("beta_schedule", "linear").put("beta_start", s.betaStart()).put("beta_end", s.betaEnd());
        } else if (schedule instanceof NoiseSchedule.ScaledLinear s) {
            json.put("beta_schedule", "scaled_linear").put("beta_start", s.betaStart()).put("beta_end", s.betaEnd());
        } else if (schedule instanceof NoiseSchedule.Sigmoid s) {
            json.put("beta_schedule", "sigmoid").put("beta_start", s.betaStart()).put("beta_end", s.betaEnd());
        } else if (schedule.equals(new NoiseSchedule.Cosine(schedule.levels(), COSINE_S))) {
            json.put("beta_schedule", "squaredcos_cap_v2");
        } else {
            ArrayNode betas = json.putArray("trained_betas");
            for (double beta : schedule.betas()) betas.add(beta);
        }
        return json.put("prediction_type", switch (prediction) {
            case EPS -> "epsilon";
            case X0 -> "sample";
            case V -> "v_prediction";
        }).put("variance_type", "fixed_small").put("clip_sample", true).put("clip_sample_range", 1.0).put("timestep_spacing", "trailing");
    }

    /** Whether the network predicts eps, x0 or v at trained levels; otherwise it predicts a velocity, or has no such levels. */
    public boolean denoises() { return prediction.isPresent() && kind.tabled(); }

    /** What the network predicts. @throws IllegalStateException for flow matching and EDM, which have another: see {@link #denoiser} */
    public Prediction prediction() {
        return prediction.orElseThrow(() -> new IllegalStateException(kind.className()
            + " is of a network that predicts neither eps nor x0 nor v"));
    }

    /** The trained levels, rounded as the library rounds them. @throws IllegalStateException of flow matching and EDM, which have none */
    public NoiseTable noiseTable() {
        if (!kind.tabled()) throw new IllegalStateException(kind.className() + " has no table of trained levels");
        return table.noise();
    }

    /** A network as this scheduler uses it: its output interpreted as configured, x0 bounded if configured. */
    public Denoiser denoiser(Predictor.Net net) { return bounded(read(net)); }

    /** A network with its output interpreted as configured: what guidance combines, before {@link #bounded}. */
    public Denoiser read(Predictor.Net net) {
        if (own != null) return preconditioned(own, net);
        if (prediction.isEmpty()) return new Velocity(config.flag("invert_sigmas", false) ? (x, t) -> net.forward(x, t).neg() : net);
        Prediction target = prediction.get();
        if (target == Prediction.EPS && bound.isPresent() && kind.byTime()) {
            return new PureNoise.Finite(new Predictor(target, net, learnsVariance()));
        }
        // on straight paths x has another scale than where such a network was trained, and the library leaves it so
        return levels.straight() ? (x, at) -> target.x0(net.forward(x, at.t()), x, at) : new Predictor(target, net, learnsVariance());
    }

    /** Networks of levels of their own. */
    private Denoiser preconditioned(OwnLevels levels, Predictor.Net net) {
        if (kind == Kind.IPNDM) return new PureNoise.Nothing(new Predictor(Prediction.V, net));
        return new Preconditioned(net, levels.data(), kind == Kind.CM ? levels.least() : 0,
            config.text("prediction_type", "").equals("v_prediction"));
    }

    /** Whether the network's output has a variance beside its prediction. */
    private boolean learnsVariance() {
        boolean can = kind == Kind.DDPM || kind == Kind.UNCLIP || kind == Kind.SA_SOLVER;
        return can && config.text("variance_type", "").startsWith("learned");
    }

    /** A denoiser, for instance a guided one, with x0 bounded and the boundary condition applied if configured. */
    public Denoiser bounded(Denoiser model) {
        Denoiser bounded = bound.<Denoiser>map(b -> new Bounded(model, b, keepsEps())).orElse(model);
        return kind == Kind.LCM ? new ConsistencyModel(bounded, config.number("timestep_scaling", 10)) : bounded;
    }

    /** Whether eps stays what the network predicts where x0 is bounded. */
    private boolean keepsEps() { return kind == Kind.DDIM && !arguments.clippedEps() || kind == Kind.REPAINT; }

    /** The run of n steps. @throws ConfigException if the schedule has no such run */
    public Plan plan(int n) { return plan(n, PlanArguments.NONE); }

    /**
     * The run of n steps.
     *
     * @param asked what the library's {@code set_timesteps} is called with besides n: {@code mu}, {@code sigmas}, {@code timesteps},
     *              {@code original_inference_steps}, {@code strength}, {@code jump_length}, {@code jump_n_sample}
     * @throws ConfigException that names an argument that the class does not take
     */
    public Plan plan(int n, JsonNode asked) { return plan(n, PlanArguments.of(config, asked, n)); }

    /** The run of n steps, shifted towards noise by mu: with {@code use_dynamic_shifting}. @throws ConfigException without it */
    public Plan plan(int n, double mu) { return plan(n, new PlanArguments(mu)); }

    /** mu for a picture that is a sequence of this length, on the line that the configuration draws. */
    public double mu(int length) { return new FlowShift(config).mu(length); }

    private Plan plan(int n, PlanArguments asked) {
        if (n < 1 || n > table.size()) {
            throw new ConfigException("steps", "illegal steps: " + n + ", must be from 1 to the schedule's " + table.size());
        }
        try {
            return run(n, asked);
        } catch (IllegalArgumentException e) {   // numbers that each may be, but together make no levels of noise
            throw new ConfigException("steps", "the schedule has no run of " + n + " steps: " + e.getMessage(), e);
        }
    }

    private Plan run(int n, PlanArguments asked) {
        if (kind.byTime()) {
            Sampler sampler = sampler(n, n, asked);
            return new Plan(sampler, levels.byTime(n, asked, sampler), 1);
        }
        if (own != null) {
            Sampler sampler = sampler(n, n, asked);
            return new Plan(sampler, sampler.legs(own.levels(n, asked)), own.initialSigma());
        }
        List<Level> all = levels.bySigma(n, asked);
        Sampler sampler = sampler(n, all.size() - 1, asked);
        return new Plan(sampler, sampler instanceof Sampler.Dpm2 dpm2 ? timed(dpm2, all) : sampler.legs(all), levels.initialSigma(all));
    }

    /** Legs whose middles have the times that the table gives them. */
    private List<SolverStage> timed(Sampler.Dpm2 sampler, List<Level> all) {
        List<SolverStage> legs = new ArrayList<>();
        for (SolverStage leg : SolverStage.between(all)) {
            if (leg.to().sigma() == 0) {
                legs.add(leg);
                continue;
            }
            float middle = middle(sampler, (float) leg.from().ratio(), (float) leg.to().ratio());
            Level at = Level.exploding(middle, table.time(middle));
            legs.addAll(List.of(new SolverStage(leg.from(), at), new SolverStage(at, leg.from(), leg.to())));
        }
        return legs;
    }

    /** In single precision, which shows where sigma falls to a small part of itself in one step. */
    private static float middle(Sampler.Dpm2 sampler, float from, float to) {
        float down = to;
        if (sampler.ancestral()) {
            float up = (float) Math.sqrt(to * to * (from * from - to * to) / (from * from));
            down = (float) Math.sqrt(to * to - up * up);
            if (!(down > 0)) return (float) sampler.middle(Level.exploding(from, 0), Level.exploding(to, 0));
        }
        float a = (float) Math.log(from), b = (float) Math.log(down);
        return (float) Math.exp(b - (b - a) * 0.5f);
    }

    /** @param steps that were asked for; {@code n} are left of them where the noisiest levels are clipped */
    private Sampler sampler(int steps, int n, PlanArguments asked) {
        Spacing spacing = switch (levels.place()) {
            case LEADING -> new Spacing.Leading();
            case TRAILING -> new Spacing.Trailing();
            case LINSPACE -> new Spacing.Linspace();
        };
        boolean falls = config.flag("lower_order_final", kind != Kind.DPM_SINGLESTEP);
        Dpm.Ending ending = falls && n < STEADY ? Dpm.Ending.FALLING
            : (kind == Kind.DPM || kind == Kind.EDM_DPM) && config.flag("euler_at_final", false) ? Dpm.Ending.EULER : Dpm.Ending.FULL;
        return switch (kind) {
            case DDPM, UNCLIP -> new Sampler.Ddpm(steps, spacing, variance());
            case DDIM -> new Sampler.Ddim(steps, spacing, arguments.eta());
            case PNDM -> new Pndm(steps, spacing, !config.flag("skip_prk_steps", false), prediction());
            case LMS -> new Lms(steps, spacing, arguments.order());
            case EULER -> new Sampler.Euler(steps, spacing);
            case EULER_ANCESTRAL -> new Sampler.EulerAncestral(steps, spacing);
            case HEUN -> new Sampler.Heun(steps, spacing);
            case DPM2, DPM2_ANCESTRAL -> new Sampler.Dpm2(steps, spacing, kind == Kind.DPM2_ANCESTRAL);
            case DPM, EDM_DPM -> new DpmMultistep(steps, spacing, order(), form(), solver(), ending);
            case DPM_SINGLESTEP -> new DpmSinglestep(steps, spacing, order(), form(), solver(), falls);
            case DEIS -> new Deis(steps, spacing, deisOrder(), ending);
            case UNIPC -> unified(steps, spacing, falls);
            case LCM -> new Sampler.Consistency(steps, spacing);
            case SA_SOLVER -> new SaSolver(steps, spacing, config.integer("predictor_order", 2, 1, 4),
                config.integer("corrector_order", 2, 1, 4), interpolatesData(), falls);
            case TCD -> new Tcd(steps, spacing, arguments.eta());
            case REPAINT -> new RePaint(steps, spacing, asked.jump(), asked.resample(), eta());
            case IPNDM -> new Ipndm(steps, spacing);
            case EDM_EULER -> arguments.churn().amount() > 0
                ? new ChurnedEuler(steps, spacing, arguments.churn(), config.number("sigma_data", 0.5)) : new Sampler.Euler(steps, spacing);
            case CM -> new StochasticIterative(steps, spacing, (float) config.number("sigma_min", 0.002), config.number("s_noise", 1));
            case FLOW_EULER -> flow(steps, spacing);
            case FLOW_HEUN -> new FlowHeun(steps, spacing, arguments.churn());
        };
    }

    private double eta() {
        double eta = config.number("eta", 0);
        if (!(eta >= 0 && eta <= 1)) throw new ConfigException("eta", "illegal eta: " + eta + ", must be from 0 to 1");
        return eta;
    }

    private boolean interpolatesData() {
        return switch (config.text("algorithm_type", "data_prediction")) {
            case "data_prediction" -> true;
            case "noise_prediction" -> false;
            default -> throw config.refused("algorithm_type", "data_prediction", "noise_prediction");
        };
    }

    private Sampler flow(int steps, Spacing spacing) {
        if (!config.flag("stochastic_sampling", false)) return new Sampler.Euler(steps, spacing);
        if (config.flag("invert_sigmas", false)) throw config.refused("stochastic_sampling", "false, where invert_sigmas is true");
        return new Sampler.Consistency(steps, spacing);
    }

    private Sampler unified(int steps, Spacing spacing, boolean falls) {
        if (config.given("solver_p")) throw config.refused("solver_p", "null");
        UniPc.B b = switch (config.text("solver_type", "bh2")) {
            case "bh1" -> UniPc.B.BH1;
            case "bh2", "midpoint", "heun", "logrho" -> UniPc.B.BH2;   // the library reads other solvers' names so
            default -> throw config.refused("solver_type", "bh1", "bh2");
        };
        return new UniPc(steps, spacing, config.integer("solver_order", 2, 1, 9), b, config.flag("predict_x0", true), falls,
            config.integers("disable_corrector"));
    }

    private int order() {
        int order = config.integer("solver_order", 2, 1, 3);
        boolean none = form() == Dpm.Form.SDE_EPS || form() == Dpm.Form.SDE_DATA && kind == Kind.EDM_DPM;
        if (order == 3 && none) throw config.refused("solver_order", "1", "2");
        return order;
    }

    private int deisOrder() {
        switch (config.text("algorithm_type", "deis")) {
            case "deis", "dpmsolver", "dpmsolver++" -> { }   // the library reads other solvers' names so
            default -> throw config.refused("algorithm_type", "deis");
        }
        switch (config.text("solver_type", "logrho")) {
            case "logrho", "midpoint", "heun", "bh1", "bh2" -> { }
            default -> throw config.refused("solver_type", "logrho");
        }
        return config.integer("solver_order", 2, 1, 3);
    }

    private Dpm.Form form() {
        Dpm.Form form = switch (config.text("algorithm_type", "dpmsolver++")) {
            case "dpmsolver" -> Dpm.Form.EPS;
            case "dpmsolver++", "deis" -> Dpm.Form.DATA;   // the library reads other solvers' names so
            case "sde-dpmsolver" -> Dpm.Form.SDE_EPS;
            case "sde-dpmsolver++" -> Dpm.Form.SDE_DATA;
            default -> throw config.refused("algorithm_type", "dpmsolver", "dpmsolver++", "sde-dpmsolver", "sde-dpmsolver++");
        };
        boolean eps = form == Dpm.Form.EPS || form == Dpm.Form.SDE_EPS;
        if (eps && kind == Kind.EDM_DPM) throw config.refused("algorithm_type", "dpmsolver++", "sde-dpmsolver++");
        if (eps && config.text("final_sigmas_type", "zero").equals("zero")) throw config.refused("final_sigmas_type", "sigma_min");
        if (form == Dpm.Form.SDE_EPS && kind == Kind.DPM_SINGLESTEP) {
            throw config.refused("algorithm_type", "dpmsolver", "dpmsolver++", "sde-dpmsolver++");
        }
        return form;
    }

    private Dpm.Solver solver() {
        return switch (config.text("solver_type", "midpoint")) {
            case "midpoint", "logrho", "bh1", "bh2" -> Dpm.Solver.MIDPOINT;   // the library reads other solvers' names so
            case "heun" -> Dpm.Solver.HEUN;
            default -> throw config.refused("solver_type", "midpoint", "heun");
        };
    }

    private Sampler.Ddpm.Variance variance() {
        boolean all = kind == Kind.DDPM;
        return switch (config.text("variance_type", "fixed_small_log")) {
            case "fixed_small_log" -> Sampler.Ddpm.Variance.SMALL;
            case "learned_range" -> Sampler.Ddpm.Variance.LEARNED_RANGE;
            case "fixed_small" -> unless(all, Sampler.Ddpm.Variance.SMALL);
            case "fixed_large", "fixed_large_log" -> unless(all, Sampler.Ddpm.Variance.LARGE);
            case "learned" -> unless(all, Sampler.Ddpm.Variance.LEARNED);
            default -> unless(false, Sampler.Ddpm.Variance.SMALL);
        };
    }

    private Sampler.Ddpm.Variance unless(boolean known, Sampler.Ddpm.Variance variance) {
        if (known) return variance;
        if (kind == Kind.UNCLIP) throw config.refused("variance_type", "fixed_small_log", "learned_range");
        throw config.refused("variance_type", "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned",
            "learned_range");
    }

    private Optional<Prediction> predictionAsked(Consumer<String> warn) {
        boolean straight = levels.straight();
        boolean solver = kind == Kind.DPM || kind == Kind.DPM_SINGLESTEP;
        if (solver && config.given("variance_type")) {
            // learned ones double the network's output; the library checks for no other
            String variance = config.text("variance_type", "");
            if (variance.startsWith("learned")) throw config.refused("variance_type", "null");
            warn.accept("passed over, " + kind.className() + " does nothing with variance_type=" + variance);
        }
        if (kind == Kind.TCD) {
            for (String key : new String[] {"clip_sample", "thresholding"}) {
                if (config.flag(key, false)) warn.accept("passed over, " + kind.className() + " does nothing with " + key + "=true");
            }
        }
        if (kind.flow() || kind == Kind.CM || kind == Kind.IPNDM) return Optional.empty();
        String asked = config.text("prediction_type", "epsilon");
        if (kind == Kind.EDM_EULER || kind == Kind.EDM_DPM) {
            if (asked.equals("epsilon") || asked.equals("v_prediction")) return Optional.empty();
            throw config.refused("prediction_type", "epsilon", "v_prediction");
        }
        if (asked.equals("epsilon")) return Optional.of(Prediction.EPS);
        if (kind == Kind.UNCLIP && !asked.equals("sample")) throw config.refused("prediction_type", "epsilon", "sample");
        if (asked.equals("sample") && kind != Kind.PNDM || asked.equals("original_sample") && kind == Kind.EULER) {
            return Optional.of(Prediction.X0);
        }
        if (asked.equals("v_prediction") && !straight) return Optional.of(Prediction.V);
        if (asked.equals("flow_prediction") && straight) return Optional.empty();
        if (straight) throw config.refused("prediction_type", "epsilon", "sample", "flow_prediction");
        if (kind == Kind.PNDM) throw config.refused("prediction_type", "epsilon", "v_prediction");
        throw config.refused("prediction_type", "epsilon", "sample", "v_prediction");
    }

    private Optional<Bounded.Bound> bound() {
        try {
            return boundAsked();
        } catch (IllegalArgumentException e) {
            throw new ConfigException("thresholding", "the data cannot be bounded: " + e.getMessage(), e);
        }
    }

    private Optional<Bounded.Bound> boundAsked() {
        boolean noise = kind == Kind.UNIPC && !config.flag("predict_x0", true);   // there the library computes no x0
        boolean thresholds = kind == Kind.DDPM || kind == Kind.DDIM || kind == Kind.LCM || kind == Kind.EDM_DPM
            || kind.preserving() && !noise;
        if (thresholds && config.flag("thresholding", false)) {
            if (kind == Kind.SA_SOLVER && !interpolatesData()) throw config.refused("thresholding", "false, where noise is interpolated");
            return Optional.of(new Bounded.Dynamic(config.number("dynamic_thresholding_ratio", 0.995),
                config.number("sample_max_value", 1)));
        }
        if (kind == Kind.CM) return config.flag("clip_denoised", true) ? Optional.of(new Bounded.Range(1)) : Optional.empty();
        if (kind == Kind.REPAINT) return config.flag("clip_sample", true) ? Optional.of(new Bounded.Range(1)) : Optional.empty();
        boolean byDefault = kind == Kind.DDPM || kind == Kind.DDIM || kind == Kind.UNCLIP;
        boolean clips = byDefault || kind == Kind.HEUN || kind == Kind.LCM;
        if (clips && config.flag("clip_sample", byDefault)) return Optional.of(new Bounded.Range(config.number("clip_sample_range", 1)));
        return Optional.empty();
    }
}
