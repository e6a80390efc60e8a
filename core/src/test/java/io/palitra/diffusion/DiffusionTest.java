package io.palitra.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Schedules, levels, predictions and what wraps a denoiser. */
class DiffusionTest {
    private final Scope scope = new Scope();

    @AfterEach void close() { scope.close(); }

    @Test void schedulesHaveThePublishedTables() {
        assertTable(new NoiseSchedule.Linear().table(), 0.9999, 0.0785872, 4.03583e-5);
        assertTable(new NoiseSchedule.ScaledLinear().table(), 0.99915, 0.2776697, 0.00466010);
        assertTable(new NoiseSchedule.Cosine().table(), 1 - 4.12842e-5, 0.4938436, 2.42877e-9);
        assertThat(new NoiseSchedule.Linear().table().at(999).ratio()).isCloseTo(157.407, within(1e-3));
        assertThat(new NoiseSchedule.ScaledLinear().table().at(0).ratio()).isCloseTo(0.0291672, within(1e-7));
        double[] sigmoid = new NoiseSchedule.Sigmoid().betas();
        assertThat(sigmoid[0]).isCloseTo(1e-4 + 0.0199 / (1 + Math.exp(6)), within(1e-12));
        assertThat(sigmoid[0] + sigmoid[999]).isCloseTo(0.0201, within(1e-12));
    }

    @Test void zeroTerminalSnrEndsInNoiseAndKeepsTheStart() {
        NoiseTable table = new NoiseSchedule.ScaledLinear().table(), zero = table.zeroTerminalSnr();
        assertThat(zero.alphaBar(999)).isZero();
        assertThat(zero.alphaBar(0)).isCloseTo(table.alphaBar(0), within(1e-12));
    }

    @Test void spacingsOfTenStepsLieWhereLinEtAlPutThem() {
        NoiseTable table = new NoiseSchedule.Linear().table();
        assertThat(times(new Spacing.Leading().levels(table, 10))).startsWith(900, 800).endsWith(0, 0);
        assertThat(times(new Spacing.Trailing().levels(table, 10))).startsWith(999, 899).endsWith(99, 0);
        assertThat(times(new Spacing.Linspace().levels(table, 10))).startsWith(999, 888).endsWith(0, 0);
    }

    @Test void everyNumberOfStepsVisitsAsManyDifferentLevels() {
        NoiseTable table = new NoiseSchedule.Linear().table();
        for (Spacing spacing : List.of(new Spacing.Leading(), new Spacing.Trailing(), new Spacing.Linspace())) {
            for (int n = 1; n <= 1000; n++) {
                assertThat(spacing.levels(table, n).subList(0, n).stream().mapToDouble(Level::t).distinct().count()).isEqualTo(n);
            }
        }
    }

    @ParameterizedTest @ValueSource(ints = {-1, 0, 1001}) void moreStepsThanLevelsAreRefused(int n) {
        NoiseTable table = new NoiseSchedule.Linear().table();
        assertThatThrownBy(() -> new Spacing.Trailing().levels(table, n)).isInstanceOf(IllegalArgumentException.class)
            .hasMessage("illegal steps: " + n + ", must be from 1 to the schedule's 1000");
    }

    @Test void karrasSigmasAreThoseOfThePaper() {
        double[] want = {10, 4.070104, 1.450732, 0.432453, 0.1};
        assertThat(new Spacing.Karras().sigmas(5, 0.1, 10)).containsExactly(want, within(1e-6));
    }

    @Test void aRatioOfTheTableIsFoundAtItsTime() {
        NoiseTable table = new NoiseSchedule.Linear().table();
        for (int t : new int[] {0, 1, 500, 998, 999}) assertThat(table.ofRatio(table.at(t).ratio()).t()).isCloseTo(t, within(1e-6));
        double between = Math.sqrt(table.at(500).ratio() * table.at(501).ratio());
        assertThat(table.ofRatio(between).t()).isCloseTo(500.5, within(1e-6));
        assertThat(table.ofRatio(1e9).t()).isEqualTo(999);
    }

    @Test void karrasSpacingRefusesAScheduleWithoutALargestSigma() {
        NoiseTable table = new NoiseSchedule.Linear().table().zeroTerminalSnr();
        assertThatThrownBy(() -> new Spacing.Karras().levels(table, 10)).isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("ends at alpha = 0; there are trailing, linspace");
    }

    @ParameterizedTest @EnumSource(Prediction.class) void whatANetworkIsTrainedTowardsGivesBackDataAndNoise(Prediction prediction) {
        NoiseTable table = new NoiseSchedule.Linear().table();
        Tensor x0 = new Rng(1).normal(2, 1, 3, 3), eps = new Rng(2).normal(2, 1, 3, 3), t = Torch.of(new long[] {400, 400}, 2);
        Tensor alpha = table.alpha(t, 4), sigma = table.sigma(t, 4);
        Tensor out = prediction.target(x0, eps, alpha, sigma);
        Tensor x = table.at(400).noised(x0, eps);
        assertSame(prediction.x0(out, x, alpha, sigma), x0);
        assertSame(prediction.eps(out, x, alpha, sigma), eps);
        for (double scale : new double[] {1, 3}) {   // the same answer of the network, whatever the scale of x
            Level at = new Level(table.at(400).alpha() * scale, table.at(400).sigma() * scale, 400);
            Denoiser.Estimate estimate = new Predictor(prediction, (y, time) -> {
                assertSame(y, x);
                return out;
            }).estimate(x.mul(scale), at);
            assertSame(estimate.x0(), x0);
            assertSame(estimate.eps(), eps);
        }
    }

    @ParameterizedTest @EnumSource(Prediction.class) void minSnrMakesEveryLossTheWeightedLossOfX0(Prediction prediction) {
        NoiseTable table = new NoiseSchedule.Linear().table();
        Tensor t = Torch.of(new long[] {10, 300, 900}, 3), alpha = table.alpha(t, 2), sigma = table.sigma(t, 2);
        Tensor x = new Rng(1).normal(3, 1), out = new Rng(2).normal(3, 1), off = out.add(1);
        Tensor error = prediction.x0(off, x, alpha, sigma).sub(prediction.x0(out, x, alpha, sigma)).square();   // of x0, for an error of 1
        Tensor snr = alpha.square().div(sigma.square());
        float[] want = error.mul(snr.clampMax(5)).floats(), got = prediction.minSnr(alpha, sigma, 5).floats();
        for (int i = 0; i < 3; i++) assertThat(got[i]).isCloseTo(want[i], within(1e-4f * want[i]));
    }

    @Test void noiseSaysNothingOfTheDataAtAlphaZero() {
        Denoiser model = new Predictor(Prediction.EPS, (x, t) -> x);
        assertThatThrownBy(() -> model.denoise(Torch.ones(1), new Level(0, 1, 999))).isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("use V or X0");
    }

    @Test void guidanceGoesBeyondTheConditionAndOneIsTheConditionItself() {
        Denoiser with = (x, at) -> Torch.full(3, 1, 2), without = (x, at) -> Torch.full(1, 1, 2);
        Tensor x = Torch.zeros(1, 2);
        Level at = Level.exploding(1, 0);
        assertThat(new Guidance(with, without, 2.5, 0).denoise(x, at).floats()).containsExactly(6, 6);
        assertThat(new Guidance(with, without, 0, 0).denoise(x, at).floats()).containsExactly(1, 1);
        Denoiser never = (y, level) -> {
            throw new AssertionError("the unconditional model is not needed");
        };
        assertThat(new Guidance(with, never, 1, 0.7).denoise(x, at).floats()).containsExactly(3, 3);
    }

    @Test void rescaledGuidanceHasTheDeviationOfTheConditionItemByItem() {
        Tensor c = new Rng(1).normal(2, 50), u = new Rng(2).normal(2, 50);
        Tensor guided = new Guidance((x, at) -> c, (x, at) -> u, 7.5, 1).denoise(c, Level.exploding(1, 0));
        assertThat(guided.var(true, false, 1).floats()).containsExactly(c.var(true, false, 1).floats(), within(1e-4f));
        Tensor raw = new Guidance((x, at) -> c, (x, at) -> u, 7.5, 0).denoise(c, Level.exploding(1, 0));
        assertThat(raw.var(true, false, 1).min().item()).isGreaterThan(10);
    }

    @Test void clippingMovesTheDataAndTheNoiseOnlyIfAsked() {
        Tensor x = Torch.full(2, 1, 4);
        Level at = new Level(0.6, 0.8, 0);
        Denoiser model = (y, level) -> Torch.full(3, 1, 4);
        Denoiser.Estimate kept = new Bounded(model, new Bounded.Range(1), true).estimate(x, at);
        Denoiser.Estimate moved = new Bounded(model, new Bounded.Range(1), false).estimate(x, at);
        assertThat(kept.x0().floats()).containsOnly(1);
        assertThat(moved.x0().floats()).containsOnly(1);
        assertThat(kept.eps().floats()).containsOnly(new float[] {(2 - 0.6f * 3) / 0.8f}, within(1e-6f));
        assertThat(moved.eps().floats()).containsOnly(new float[] {(2 - 0.6f) / 0.8f}, within(1e-6f));
    }

    @Test void dynamicThresholdingDividesByAQuantileOfEachItem() {
        Tensor x0 = Torch.of(new float[] {-4, 1, 2, 3, 0, 0.1f, -0.5f, 0.2f}, 2, 1, 2, 2);
        float[] got = new Bounded.Dynamic(1, 10).apply(x0).floats();
        assertThat(got).containsExactly(new float[] {-1, 0.25f, 0.5f, 0.75f, 0, 0.1f, -0.5f, 0.2f}, within(1e-6f));
        float[] held = new Bounded.Dynamic(2 / 3.0, 10).apply(x0).floats();   // the third of four sorted values: 3
        assertThat(held).startsWith(new float[] {-1, 1 / 3f, 2 / 3f, 1}, within(1e-6f));
        assertThat(new Bounded.Dynamic(1, 2).apply(x0).floats()).startsWith(new float[] {-1, 0.5f, 1, 1}, within(1e-6f));
    }

    @Test void theLibrarysOwnTestsGiveTheirNumbers() {
        // sum of absolute values after ten steps with the model x t / (t + 1), from the tests of the diffusers library
        assertThat(tenSteps(0, "DDIM")).isCloseTo(172.0067, within(1e-2));
        assertThat(tenSteps(0, "DDIM, 'prediction_type': 'v_prediction'")).isCloseTo(52.5302, within(1e-2));
        assertThat(tenSteps(0, "DDIM, 'beta_start': 0.01")).isCloseTo(149.8295, within(1e-2));
        assertThat(tenSteps(0, "DDIM, 'beta_start': 0.01, 'set_alpha_to_one': false")).isCloseTo(149.0784, within(1e-2));
        assertThat(tenSteps(8, "DDIM")).isCloseTo(354.5418, within(1e-2));
        String dpm = "DPMSolverMultistep, 'lower_order_final': false, 'final_sigmas_type': 'sigma_min'";
        assertThat(tenSteps(0, dpm) / 768).isCloseTo(0.3301, within(1e-3));
        assertThat(tenSteps(0, dpm + ", 'prediction_type': 'v_prediction'") / 768).isCloseTo(0.2251, within(1e-3));
        assertThat(tenSteps(5, dpm)).isCloseTo(318.4111, within(1e-2));
        assertThat(tenSteps(0, "PNDM")).isCloseTo(198.1318, within(1e-2));
        assertThat(tenSteps(0, "UniPCMultistep, 'final_sigmas_type': 'sigma_min'") / 768).isCloseTo(0.2464, within(1e-3));
        // where those tests scale the input twice, the numbers of scaling it once
        assertThat(tenSteps(0, "EulerDiscrete, 'num_train_timesteps': 1100")).isCloseTo(168.0516, within(1e-2));
        String heun = "HeunDiscrete, 'num_train_timesteps': 1100, 'beta_start': 0.0001, 'beta_end': 0.02";
        assertThat(tenSteps(0, heun)).isCloseTo(244.6025, within(1e-2));
    }

    @ParameterizedTest @ValueSource(strings = {"ScoreSdeVe", "DDIM, 'prediction_type': 'flow'", "DDIM, 'prediction_type': 3",
        "DDIM, 'beta_schedule': 'laplace'", "DDIM, 'beta_start': 2", "DDIM, 'num_train_timesteps': 1e99",
        "DDIM, 'num_train_timesteps': 2000000000", "DDIM, 'clip_sample_range': -1", "DDPM, 'variance_type': 'guessed'",
        "DDPM, 'trained_betas': [0.1]", "DPMSolverMultistep, 'solver_order': 4", "DPMSolverMultistep, 'algorithm_type': 'sde-dpmsolver'",
        "EulerDiscrete, 'timestep_spacing': 'uniform'", "EulerDiscrete, 'use_karras_sigmas': 1"})
    void aSchedulerThatIsNotKnownIsRefused(String config) {
        assertThatThrownBy(() -> scheduler(config)).isInstanceOf(ConfigException.class).hasMessageMatching(".+");
    }

    @Test void theRefusalSaysWhatThereIs() {
        assertThatThrownBy(() -> scheduler("DPMSolverMultistep, 'solver_type': 'euler'"))
            .hasMessage("DPMSolverMultistepScheduler with solver_type=\"euler\" is not known; there are midpoint, heun");
    }

    @ParameterizedTest @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "DPMSolverMultistep, 'algorithm_type': 'dpmsolver' | final_sigmas_type",
        "DPMSolverMultistep, 'use_flow_sigmas': true, 'prediction_type': 'v_prediction' | prediction_type",
        "DPMSolverMultistep, 'use_karras_sigmas': true, 'use_beta_sigmas': true | use_karras_sigmas",
        "DEISMultistep, 'use_flow_sigmas': true, 'use_karras_sigmas': true | use_flow_sigmas",
        "UniPCMultistep, 'solver_p': 'ddim' | solver_p", "UniPCMultistep, 'solver_type': 'bh3' | solver_type",
        "UniPCMultistep, 'disable_corrector': [0.5] | disable_corrector", "PNDM, 'prediction_type': 'sample' | prediction_type",
        "FlowMatchEulerDiscrete, 'invert_sigmas': true, 'stochastic_sampling': true | stochastic_sampling",
        "FlowMatchEulerDiscrete, 'shift': 0 | shift", "LMSDiscrete, 'trained_betas': [0.1, 2] | trained_betas"})
    void whatCannotBeGoneTogetherIsRefusedByItsName(String config, String key) {
        assertThatThrownBy(() -> scheduler(config)).isInstanceOf(ConfigException.class).hasMessageContaining(key)
            .satisfies(e -> assertThat(((ConfigException) e).key()).isEqualTo(key));
    }

    @Test void aRunMayBeginLaterWhateverItsStepsAreMadeOf() {
        DiffusersScheduler.Plan heun = scheduler("HeunDiscrete").plan(6).from(2);
        assertThat(heun.legs().get(0).begins()).isTrue();
        assertThat(heun.legs()).hasSize(7).isEqualTo(scheduler("HeunDiscrete").plan(6).legs().subList(4, 11));
        List<SolverStage> singlestep = scheduler("DPMSolverSinglestep, 'solver_order': 3").plan(9).from(1).legs();
        assertThat(singlestep).hasSize(8);
        assertThat(singlestep.get(1).from()).isEqualTo(singlestep.get(0).at());
        assertThat(scheduler("LMSDiscrete").plan(5).from(5).legs()).isEmpty();
    }

    @Test void aShiftForThePictureIsAskedForWhereTheConfigurationLeavesItOpen() {
        DiffusersScheduler flow = scheduler("FlowMatchEulerDiscrete, 'use_dynamic_shifting': true");
        assertThatThrownBy(() -> flow.plan(4)).isInstanceOf(ConfigException.class).hasMessageContaining("wants mu, got none");
        assertThat(flow.mu(256)).isCloseTo(0.5, within(1e-12));
        assertThat(flow.mu(4096)).isCloseTo(1.15, within(1e-12));
        double s = flow.plan(3, 1.15).levels().get(1).sigma(), u = (1 + 0.001) / 2, e = Math.exp(1.15);
        assertThat(s).isCloseTo(e / (e + 1 / u - 1), within(1e-6));
        assertThatThrownBy(() -> scheduler("FlowMatchEulerDiscrete").plan(4, 1)).hasMessageContaining("use_dynamic_shifting=true only");
    }

    @Test void anOffsetBeyondTheScheduleIsRefused() {
        DiffusersScheduler scheduler = scheduler("DDIM, 'steps_offset': 1");
        assertThatThrownBy(() -> scheduler.plan(1000)).isInstanceOf(ConfigException.class)
            .hasMessageContaining("asks for time 1000 of 1000");
        assertThatThrownBy(() -> scheduler.plan(0)).hasMessageContaining("must be from 1 to the schedule's 1000");
    }

    @Test void aFileFromPythonMayHoldInfinities() {
        assertThat(scheduler("DPMSolverMultistep, 'lambda_min_clipped': -Infinity").plan(10))
            .isEqualTo(scheduler("DPMSolverMultistep").plan(10));
        for (String wrong : List.of("NaN", "Infinity", "-Infinity", "'1'")) {
            assertThatThrownBy(() -> scheduler("DDIM, 'beta_start': " + wrong)).isInstanceOf(ConfigException.class)
                .hasMessageContaining("beta_start").hasMessageContaining("finite");
        }
    }

    record How(Sampler sampler, NoiseSchedule schedule) {}

    @Test void samplersAndSchedulesAreChosenByText() {
        How how = new How(new Sampler.Ddim(), new NoiseSchedule.Linear());
        How heun = Config.with(how, "sampler=heun", "sampler.steps=32", "sampler.spacing=trailing", "schedule=cosine");
        assertThat(heun).isEqualTo(new How(new Sampler.Heun(32, new Spacing.Trailing()), new NoiseSchedule.Cosine()));
        assertThatThrownBy(() -> Config.with(how, "sampler.steps=0")).isInstanceOf(ConfigException.class);
    }

    @Test void theBetaQuantileIsThatOfSymmetry() {
        assertThat(BetaQuantile.at(0)).isZero();
        assertThat(BetaQuantile.at(1)).isEqualTo(1);
        assertThat(BetaQuantile.at(0.5)).isCloseTo(0.5, within(1e-12));
        assertThat(BetaQuantile.at(0.2) + BetaQuantile.at(0.8)).isCloseTo(1, within(1e-12));
    }

    private static double tenSteps(int first, String config) {
        DiffusersScheduler scheduler = scheduler(config);
        DiffusersScheduler.Plan plan = scheduler.plan(10).from(first);
        Tensor ramp = Torch.arange(0, 768).reshape(3, 8, 8, 4).div(768).permute(3, 0, 1, 2);
        Tensor reversed = Torch.arange(0, 768).flip(0).reshape(3, 8, 8, 4).div(768).permute(3, 0, 1, 2);
        Tensor x = first == 0 ? ramp.mul(plan.initialSigma()) : plan.levels().get(0).noised(ramp, reversed);
        return plan.sample(scheduler.denoiser((y, t) -> y.mul(t / (t + 1))), x, Torch::zerosLike).abs().sum().item();
    }

    /** From the class's name without "Scheduler", and further keys between single quotes. */
    private static DiffusersScheduler scheduler(String config) {
        String name = config.split(",", 2)[0];
        String json = "{'_class_name': '" + name + "Scheduler'" + config.substring(name.length()) + "}";
        return new DiffusersScheduler(Json.read("scheduler", json.replace('\'', '"')));
    }

    private static double[] times(List<Level> levels) { return levels.stream().mapToDouble(Level::t).toArray(); }

    private static void assertTable(NoiseTable table, double first, double middle, double last) {
        assertThat(table.alphaBar(0)).isCloseTo(first, within(1e-6 * first));
        assertThat(table.alphaBar(499)).isCloseTo(middle, within(1e-6));
        assertThat(table.alphaBar(999)).isCloseTo(last, within(1e-5 * last));
    }

    private static void assertSame(Tensor got, Tensor want) { assertThat(got.sub(want).abs().max().item()).isLessThan(1e-5); }
}
