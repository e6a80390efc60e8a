package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.palitra.diffusion.Denoiser;
import io.palitra.diffusion.DiffusersScheduler;
import io.palitra.diffusion.Inpainting;
import io.palitra.diffusion.SolverStage;
import io.palitra.diffusion.Level;
import io.palitra.diffusion.Noise;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every case of {@code samplers/index.json} whose scheduler is known here, against the numbers of the diffusers library. */
class SamplerParityTest {
    private static final double TRAJECTORY = 2e-4;
    private static final double TABLE = 1e-6;
    /** Of a trained step: the library finds the times of sigmas in a table of logarithms in single precision. */
    private static final double TIME = 1e-3;
    /** Of a trained step: it squares sigmas in single precision to find a middle, which shows where they fall far in one step. */
    private static final double MIDDLE = 0x1p-16;
    /** Of a run from sigma / alpha = 1: the library takes the data from differences of x and noise, which are as much larger in others. */
    private static final double ROUNDING = 0x1p-22;
    /** Of alphaBar: the library stretches a schedule by roots in single precision, which are rounded otherwise on other machines. */
    private static final double ULPS = 0x1p-22;

    @TestFactory Stream<DynamicTest> everyCaseGoesWhereDiffusersGoes() throws IOException {
        References.find("samplers/index.json");
        JsonMapper mapper = JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();   // holds -Infinity
        List<DynamicTest> tests = new ArrayList<>();
        for (Path index : References.all("samplers/index.json")) {
            JsonNode cases = mapper.readTree(index.toFile()).get("cases");
            assertThat(cases).isNotEmpty();
            for (JsonNode c : cases) tests.add(DynamicTest.dynamicTest(c.get("name").asText(), () -> agrees(index.getParent(), c)));
        }
        return tests.stream();
    }

    private static void agrees(Path folder, JsonNode reference) {
        JsonNode config = reference.get("scheduler");
        String name = config.get("_class_name").asText();
        Optional<DiffusersScheduler.Kind> kind = DiffusersScheduler.Kind.of(name);
        if (kind.isEmpty()) References.skip("samplers/" + reference.get("name").asText() + ": " + name + " is not built yet");
        DiffusersScheduler scheduler = new DiffusersScheduler(config, reference.get("step_args"));
        int steps = reference.get("steps").asInt();
        DiffusersScheduler.Plan plan = scheduler.plan(steps, reference.path("set_timesteps_args"));
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Map<String, Tensor> want = Safetensors.read(folder.resolve(reference.get("name").asText() + ".safetensors")).tensors();
            Tensor alphaBars = want.get("alphas_cumprod");
            if (alphaBars != null) agree("alphas_cumprod", alphaBars.doubles(), alphaBars(scheduler), a -> TABLE);
            agreeTimes(plan.legs(), want.get("timesteps").doubles());
            if (want.containsKey("sigmas")) agreeSigmas(kind.get(), config, plan, want.get("sigmas").doubles());
            double initial = reference.get("init_noise_sigma").asDouble();
            assertThat(plan.initialSigma()).isCloseTo(initial, within(sigmaTolerance(config).applyAsDouble(initial)));
            noised(scheduler, plan, want);
            trajectory(scheduler, plan, want, reference.has("variance_model"));
        }
    }

    private static void trajectory(DiffusersScheduler scheduler, DiffusersScheduler.Plan plan, Map<String, Tensor> want, boolean variance) {
        Denoiser whole = scheduler.denoiser((x, t) -> {
            Tensor out = x.mul(0.7).add(0.3 * Math.cos(t / 100)).tanh();
            return variance ? Torch.cat(1, out, x.mul(0.5).add(t / 200).sin()) : out;
        });
        Denoiser model = !want.containsKey("mask") ? whole
            : new Inpainting(whole, want.get("original_image"), want.get("mask").mul(-1).add(1));
        int[] drawn = {0};
        Noise noise = x -> want.get("noises").select(0, drawn[0]++);
        Tensor all = want.get("trajectory");
        double largest = all.abs().max().item();
        List<Double> errors = new ArrayList<>();
        Tensor start = want.get("init").mul(plan.initialSigma());
        try (Guard g = Scope.watch((i, of, x) -> errors.add(x.sub(all.select(0, i)).abs().max().item() / largest))) {
            plan.sample(model, start, noise);
        }
        assertThat(errors).hasSize((int) all.size(0));
        double ratio = plan.levels().stream().filter(l -> l.alpha() > 0).mapToDouble(Level::ratio).max().orElse(0);
        assertThat(errors).allSatisfy(e -> assertThat(e).isLessThan(Math.max(TRAJECTORY, ratio * ROUNDING)));
    }

    private static void noised(DiffusersScheduler scheduler, DiffusersScheduler.Plan plan, Map<String, Tensor> want) {
        if (!want.containsKey("add_noise_out")) return;
        double[] times = want.get("add_noise_timesteps").doubles();
        for (int b = 0; b < times.length; b++) {
            Tensor out = want.get("add_noise_out").select(0, b);
            Tensor got = level(scheduler, plan, times[b])
                .noised(want.get("add_noise_x0").select(0, b), want.get("add_noise_noise").select(0, b));
            assertThat(got.sub(out).abs().max().item() / out.abs().max().item()).isLessThan(TRAJECTORY);
        }
    }

    /** The level of a time; of two calls with the same time that of the second, and of a middle that of its end, as the library has it. */
    private static Level level(DiffusersScheduler scheduler, DiffusersScheduler.Plan plan, double time) {
        switch (scheduler.kind()) {
            case DDPM, DDIM, PNDM, LCM, TCD, UNCLIP, SA_SOLVER -> {
                return scheduler.noiseTable().at((int) time);
            }
            default -> { }
        }
        List<SolverStage> there = plan.legs().stream().filter(l -> Math.abs(l.at().t() - time) < 1e-3).toList();
        assertThat(there).as("calls at time " + time).isNotEmpty();
        SolverStage leg = there.get(Math.min(1, there.size() - 1));
        boolean middle = scheduler.kind() == DiffusersScheduler.Kind.DPM2 || scheduler.kind() == DiffusersScheduler.Kind.DPM2_ANCESTRAL;
        return middle && !leg.begins() ? leg.to() : leg.at();
    }

    private static double[] alphaBars(DiffusersScheduler scheduler) {
        double[] out = new double[scheduler.noiseTable().size()];
        for (int t = 0; t < out.length; t++) out[t] = scheduler.noiseTable().alphaBar(t);
        return out;
    }

    /** Methods of two calls list sigmas twice: a value that follows itself counts once. */
    private static void agreeSigmas(DiffusersScheduler.Kind kind, JsonNode config, DiffusersScheduler.Plan plan, double[] want) {
        ToDoubleFunction<Level> sigma = config.path("invert_sigmas").asBoolean() ? Level::alpha
            : kind.name().startsWith("FLOW") || config.path("use_flow_sigmas").asBoolean() ? Level::sigma : Level::ratio;
        List<SolverStage> legs = plan.legs();
        boolean middles = kind == DiffusersScheduler.Kind.DPM2 || kind == DiffusersScheduler.Kind.DPM2_ANCESTRAL;
        DoubleStream at = legs.stream().filter(l -> !middles || l.begins()).map(SolverStage::at).mapToDouble(sigma);
        double[] got = once(DoubleStream.concat(at, DoubleStream.of(sigma.applyAsDouble(legs.get(legs.size() - 1).to()))).toArray());
        double[] listed = once(want);   // Euler with log-linear sigmas lists one more than it comes to
        agree("sigmas", Arrays.copyOf(listed, Math.min(listed.length, got.length)), got, sigmaTolerance(config));
    }

    private static DoubleUnaryOperator sigmaTolerance(JsonNode config) {
        boolean stretched = config.path("rescale_betas_zero_snr").asBoolean();
        return s -> TABLE * Math.max(1, s) + (stretched && s > 0 ? ULPS * (1 + s * s) / (2 * s) : 0);
    }

    private static void agreeTimes(List<SolverStage> legs, double[] want) {
        assertThat(want).hasSize(legs.size());
        for (int i = 0; i < want.length; i++) {
            SolverStage leg = legs.get(i);
            double fall = leg.begins() || leg.to().sigma() == 0 ? 0 : leg.from().ratio() / leg.to().ratio();
            assertThat(leg.at().t()).as("timesteps[" + i + "]").isCloseTo(want[i], within(TIME + fall * fall * MIDDLE));
        }
    }

    private static double[] once(double[] values) {
        return IntStream.range(0, values.length).filter(i -> i == 0 || Math.abs(values[i] - values[i - 1]) > TABLE * values[i])
            .mapToDouble(i -> values[i]).toArray();
    }

    private static void agree(String name, double[] want, double[] got, DoubleUnaryOperator tolerance) {
        assertThat(got).as(name).hasSameSizeAs(want);
        for (int i = 0; i < got.length; i++) {
            assertThat(got[i]).as(name + "[" + i + "]").isCloseTo(want[i], within(tolerance.applyAsDouble(want[i])));
        }
    }
}
