package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.palitra.diffusion.Denoiser;
import io.palitra.diffusion.DiffusersScheduler;
import io.palitra.diffusion.Level;
import io.palitra.diffusion.Noise;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every case of {@code samplers/index.json} whose scheduler is known here, against the numbers of the diffusers library. */
class SamplerParityTest {
    private static final Path FOLDER = Path.of(Optional.ofNullable(System.getenv("PALITRA_PARITY")).orElse("../shared/parity"), "samplers");
    private static final double TRAJECTORY = 2e-4;
    private static final double TABLE = 1e-6;

    @TestFactory Stream<DynamicTest> everyCaseGoesWhereDiffusersGoes() throws IOException {
        Path index = FOLDER.resolve("index.json");
        Assumptions.assumeTrue(Files.exists(index), "no numerical references: there is no " + index
            + "; PALITRA_PARITY names the folder that holds samplers/");
        JsonMapper mapper = JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();   // holds -Infinity
        JsonNode cases = mapper.readTree(index.toFile()).get("cases");
        assertThat(cases).isNotEmpty();
        return StreamSupport.stream(cases.spliterator(), false)
            .map(c -> DynamicTest.dynamicTest(c.get("name").asText(), () -> agrees(c)));
    }

    private static void agrees(JsonNode reference) {
        JsonNode config = reference.get("scheduler");
        String name = config.get("_class_name").asText();
        Optional<DiffusersScheduler.Kind> kind = DiffusersScheduler.Kind.of(name);
        Assumptions.assumeTrue(kind.isPresent(), name + " is not among the schedulers that are known");
        String algorithm = config.path("algorithm_type").asText();
        Assumptions.assumeFalse(algorithm.startsWith("sde-"), name + " with algorithm_type " + algorithm + " is not known");
        DiffusersScheduler scheduler = new DiffusersScheduler(config, reference.get("step_args"));
        int steps = reference.get("steps").asInt();
        DiffusersScheduler.Plan plan = scheduler.plan(steps);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Map<String, Tensor> want = Safetensors.read(FOLDER.resolve(reference.get("name").asText() + ".safetensors")).tensors();
            boolean twice = kind.get() == DiffusersScheduler.Kind.HEUN;
            agree("alphas_cumprod", want, alphaBars(scheduler), TABLE);
            agree("timesteps", want, repeated(plan.levels().stream().map(Level::t).toList(), twice), TABLE);
            if (want.containsKey("sigmas")) agree("sigmas", want, sigmas(plan, twice), TABLE);
            assertThat(plan.initialSigma()).isCloseTo(reference.get("init_noise_sigma").asDouble(), within(TABLE * plan.initialSigma()));
            noised(plan, want);
            trajectory(scheduler, plan, want, twice);
        }
    }

    private static void trajectory(DiffusersScheduler scheduler, DiffusersScheduler.Plan plan, Map<String, Tensor> want, boolean twice) {
        Denoiser model = scheduler.denoiser((x, t) -> x.mul(0.7).add(0.3 * Math.cos(t / 100)).tanh());
        int[] drawn = {0};
        Noise noise = x -> want.get("noises").select(0, drawn[0]++);
        Tensor all = want.get("trajectory");
        double largest = all.abs().max().item();
        int evaluations = (int) all.size(0), n = plan.levels().size();
        List<Double> errors = new ArrayList<>();
        Tensor start = want.get("init").mul(plan.initialSigma());
        try (Guard g = Scope.watch((i, of, x) -> {
            int entry = twice ? Math.min(2 * i + 1, evaluations - 1) : i;   // the evaluation that ends step i
            errors.add(x.sub(all.select(0, entry)).abs().max().item() / largest);
        })) {
            plan.sample(model, start, noise);
        }
        assertThat(errors).hasSize(n);
        assertThat(evaluations).isEqualTo(twice ? 2 * n - 1 : n);
        assertThat(errors).allSatisfy(e -> assertThat(e).isLessThan(TRAJECTORY));
    }

    private static void noised(DiffusersScheduler.Plan plan, Map<String, Tensor> want) {
        if (!want.containsKey("add_noise_out")) return;
        double[] times = want.get("add_noise_timesteps").doubles();
        for (int b = 0; b < times.length; b++) {
            Tensor out = want.get("add_noise_out").select(0, b);
            Tensor got = level(plan, times[b]).noised(want.get("add_noise_x0").select(0, b), want.get("add_noise_noise").select(0, b));
            assertThat(got.sub(out).abs().max().item() / out.abs().max().item()).isLessThan(TRAJECTORY);
        }
    }

    /** The level of a time; of two with the same time the second, as the library takes it. */
    private static Level level(DiffusersScheduler.Plan plan, double time) {
        List<Level> there = plan.levels().stream().filter(l -> Math.abs(l.t() - time) < 1e-3).toList();
        assertThat(there).as("levels at time " + time).isNotEmpty();
        return there.get(Math.min(1, there.size() - 1));
    }

    private static double[] alphaBars(DiffusersScheduler scheduler) {
        double[] out = new double[scheduler.noiseTable().size()];
        for (int t = 0; t < out.length; t++) out[t] = scheduler.noiseTable().alphaBar(t);
        return out;
    }

    private static double[] sigmas(DiffusersScheduler.Plan plan, boolean twice) {
        double[] at = repeated(plan.levels().stream().map(Level::ratio).toList(), twice);
        double[] out = Arrays.copyOf(at, at.length + 1);
        out[at.length] = plan.ends().get(plan.ends().size() - 1).ratio();
        return out;
    }

    /** Heun's lists hold every value but the first twice: once for each evaluation. */
    private static double[] repeated(List<Double> values, boolean twice) {
        List<Double> out = new ArrayList<>();
        for (int i = 0; i < values.size(); i++) {
            out.add(values.get(i));
            if (twice && i > 0) out.add(values.get(i));
        }
        return out.stream().mapToDouble(Double::doubleValue).toArray();
    }

    /** To {@code tolerance} of a value, or of 1 where it is smaller. */
    private static void agree(String name, Map<String, Tensor> want, double[] got, double tolerance) {
        double[] values = want.get(name).doubles();
        assertThat(values).as(name).hasSizeGreaterThanOrEqualTo(got.length);
        for (int i = 0; i < got.length; i++) {
            assertThat(got[i]).as(name + "[" + i + "]").isCloseTo(values[i], within(tolerance * Math.max(1, Math.abs(values[i]))));
        }
    }
}
