package io.palitra.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.engine.LivePointers;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What holds for every sampler. On normal data of deviation DATA the best denoiser is known, D(x) = x alpha s² / (alpha² s² + sigma²), and
 * the ODE keeps x over the deviation of its level, so that the exact end of every path is known.
 */
class SamplerContractTest {
    private static final double DATA = 0.5;
    private static final Denoiser GAUSSIAN = (x, at) -> x.mul(at.alpha() * DATA * DATA / square(deviation(at)));
    private static final Noise NONE = x -> {
        throw new AssertionError("a deterministic sampler asked for noise");
    };

    private final Scope scope = new Scope();

    @AfterEach void close() { scope.close(); }

    static Stream<Sampler> everySampler() {
        Spacing trailing = new Spacing.Trailing();
        return Stream.of(new Sampler.Ddpm(50, trailing, Sampler.Ddpm.Variance.SMALL), new Sampler.Ddim(50, trailing, 0),
            new Sampler.Ddim(50, trailing, 0.5), new Sampler.Euler(50, trailing), new Sampler.EulerAncestral(50, trailing),
            new Sampler.Heun(50, trailing), new Sampler.DpmPlusPlus2M(50, trailing, Dpm.Solver.MIDPOINT, true),
            new Sampler.DpmPlusPlus2M(50, trailing, Dpm.Solver.HEUN, false), new Sampler.Dpm2(50, trailing, false),
            new Sampler.Dpm2(50, trailing, true), new Lms(50, trailing, 4), new Deis(50, trailing, 3, Dpm.Ending.FALLING),
            new DpmMultistep(50, trailing, 3, Dpm.Form.DATA, Dpm.Solver.MIDPOINT, Dpm.Ending.FALLING),
            new DpmMultistep(50, trailing, 2, Dpm.Form.EPS, Dpm.Solver.HEUN, Dpm.Ending.FULL),
            new DpmMultistep(50, trailing, 2, Dpm.Form.SDE_DATA, Dpm.Solver.HEUN, Dpm.Ending.EULER),
            new DpmMultistep(50, trailing, 1, Dpm.Form.SDE_EPS, Dpm.Solver.HEUN, Dpm.Ending.EULER),
            new DpmSinglestep(50, trailing, 3, Dpm.Form.DATA, Dpm.Solver.HEUN, false),
            new DpmSinglestep(50, trailing, 2, Dpm.Form.EPS, Dpm.Solver.MIDPOINT, true),
            new UniPc(50, trailing, 2, UniPc.B.BH2, true, true, List.of()),
            new UniPc(50, trailing, 3, UniPc.B.BH1, false, false, List.of(0)),
            new Pndm(50, trailing, false, Prediction.V), new Pndm(50, trailing, true, Prediction.X0),
            new Ipndm(50, trailing), new SaSolver(50, trailing, 2, 2, true, true), new SaSolver(50, trailing, 3, 3, false, false),
            new ChurnedEuler(50, trailing, new Churn(20, 0.05, 50, 1), 0.5),
            new FlowHeun(50, trailing, new Churn(0, 0, 1, 1)), new RePaint(50, trailing, 10, 2, 0), new RePaint(50, trailing, 3, 2, 1));
    }

    @Test void doublingTheStepsHalvesTheErrorOfEuler() {
        assertOrder(new Sampler.Euler(), 2);
        assertOrder(new Sampler.Ddim(50, new Spacing.Leading(), 0), 2);
    }

    @Test void doublingTheStepsQuartersTheErrorOfHeun() { assertOrder(new Sampler.Heun(), 4); }

    @Test void doublingTheStepsQuartersTheErrorOfDpmPlusPlus2M() {
        assertOrder(new Sampler.DpmPlusPlus2M(20, new Spacing.Karras(), Dpm.Solver.MIDPOINT, false), 4);
        assertOrder(new Sampler.DpmPlusPlus2M(20, new Spacing.Karras(), Dpm.Solver.HEUN, false), 4);
    }

    @Test void doublingTheStepsQuartersTheErrorOfMethodsOfSecondOrder() {
        Spacing any = new Spacing.Karras();
        assertOrder(new Sampler.Dpm2(20, any, false), 4);
        assertOrder(new Lms(20, any, 2), 4);
        assertOrder(new Deis(20, any, 2, Dpm.Ending.FULL), 4);
        for (Dpm.Form form : List.of(Dpm.Form.EPS, Dpm.Form.DATA)) {
            for (Dpm.Solver solver : Dpm.Solver.values()) {
                assertOrder(new DpmMultistep(20, any, 2, form, solver, Dpm.Ending.FULL), 4);
                assertOrder(new DpmSinglestep(20, any, 2, form, solver, false), 4);
            }
        }
        for (UniPc.B b : UniPc.B.values()) assertOrder(new UniPc(20, any, 1, b, true, false, List.of()), 4);
    }

    @Test void aCorrectorRaisesTheOrderOfItsPredictorByOne() {
        Spacing any = new Spacing.Karras();
        assertOrder(new UniPc(20, any, 1, UniPc.B.BH2, true, false, List.of()), 4);
        List<Integer> all = IntStream.range(0, 160).boxed().toList();
        assertOrder(new UniPc(20, any, 1, UniPc.B.BH2, true, false, all), 2);
        assertOrder(new UniPc(20, any, 2, UniPc.B.BH2, true, false, all), 4);
    }

    @Test void whatWasSaidIsRememberedForOneRunOnly() {
        for (Sampler sampler : everySampler().filter(s -> s.memory() > 0).toList()) {
            List<Level> levels = sampler.spacing().levels(new NoiseSchedule.Linear().table(), 12);
            Tensor x = new Rng(1).normal(2, 3);
            float[] first = sampler.sample(GAUSSIAN, x, levels, new Rng(2)::normalLike).floats();
            assertThat(sampler.sample(GAUSSIAN, x, levels, new Rng(2)::normalLike).floats()).containsExactly(first);
        }
    }

    /** DPM++ 2M stands whole in Sampler for the reader; the general solver of its kind draws the same bits. */
    @Test void dpmPlusPlus2MIsTheMultistepSolverOfSecondOrderToTheBit() {
        for (NoiseTable table : List.of(new NoiseSchedule.Linear().table(), new NoiseSchedule.ScaledLinear().table().zeroTerminalSnr())) {
            List<Level> levels = new ArrayList<>(new Spacing.Trailing().levels(table, 12));
            levels.add(5, levels.get(5));   // a step of no width
            Tensor x = new Rng(1).normal(2, 3);
            for (Dpm.Solver solver : Dpm.Solver.values()) {
                for (boolean eulerLast : new boolean[] {false, true}) {
                    Sampler whole = new Sampler.DpmPlusPlus2M(12, new Spacing.Trailing(), solver, eulerLast);
                    Sampler general = new DpmMultistep(12, new Spacing.Trailing(), 2, Dpm.Form.DATA, solver,
                        eulerLast ? Dpm.Ending.EULER : Dpm.Ending.FULL);
                    assertThat(whole.sample(GAUSSIAN, x, levels, NONE).floats())
                        .containsExactly(general.sample(GAUSSIAN, x, levels, NONE).floats());
                    List<Level> part = levels.subList(0, 9);   // ends in noise: the last step may be of second order
                    assertThat(whole.sample(GAUSSIAN, x, part, NONE).floats())
                        .containsExactly(general.sample(GAUSSIAN, x, part, NONE).floats());
                }
            }
        }
    }

    @Test void consistencyNoisesTheExpectedDataAgain() {
        Tensor one = Torch.ones(1);
        Sampler sampler = new Sampler.Consistency();
        Tensor next = sampler.step((x, at) -> x.mul(0).add(3), one, new Level(0.6, 0.8, 500), new Level(0.8, 0.6, 200), y -> one);
        assertThat(next.item()).isCloseTo(0.8 * 3 + 0.6, within(1e-6));
        assertThat(sampler.step((x, at) -> x.mul(0).add(3), one, new Level(0.6, 0.8, 500), Level.CLEAN, NONE).item()).isEqualTo(3);
    }

    @Test void tcdWithoutFreshNoiseIsDdimAndWithNothingElseIsConsistencySampling() {
        List<Level> levels = new Spacing.Trailing().levels(new NoiseSchedule.Linear().table(), 8);
        Tensor x = new Rng(1).normal(2, 3);
        float[] ddim = new Sampler.Ddim().sample(GAUSSIAN, x, levels, NONE).floats();
        assertThat(new Tcd(8, new Spacing.Trailing(), 0).sample(GAUSSIAN, x, levels, NONE).floats()).containsExactly(ddim, within(1e-6f));
        float[] consistency = new Sampler.Consistency().sample(GAUSSIAN, x, levels, new Rng(2)::normalLike).floats();
        assertThat(new Tcd(8, new Spacing.Trailing(), 1).sample(GAUSSIAN, x, levels, new Rng(2)::normalLike).floats())
            .containsExactly(consistency, within(1e-6f));
    }

    @Test void rePaintEndsInTheKnownDataAndGoesBackAsOftenAsItSays() {
        Tensor known = Torch.of(new double[] {0.5, -0.5, 0.25}, 1, 3), drawn = Torch.of(new double[] {0, 0, 1}, 1, 3);
        List<Level> levels = new Spacing.Trailing().levels(new NoiseSchedule.Linear().table(), 9);
        RePaint sampler = new RePaint(9, new Spacing.Trailing(), 3, 2, 0);
        assertThat(sampler.course(9)).containsExactly(8, 7, 6, 5, 4, 3, 4, 5, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0);
        int[] calls = {0};
        Denoiser counted = (x, at) -> {
            calls[0]++;
            return GAUSSIAN.denoise(x, at);
        };
        Tensor end = sampler.sample(new Inpainting(counted, known, drawn), new Rng(1).normal(4, 3), levels, new Rng(2)::normalLike);
        assertThat(calls[0]).isEqualTo(9 + 3 + 3);
        for (int b = 0; b < 4; b++) assertThat(end.select(0, b).rows(0, 2).floats()).containsExactly(0.5f, -0.5f);
        assertThat(end.select(1, 2).floats()).isNotEqualTo(new float[] {0.25f, 0.25f, 0.25f, 0.25f});
    }

    @Test void aModelThatIsXItselfAtALittleNoiseIsNoisedByTheRest() {
        Sampler sampler = new StochasticIterative(2, new Spacing.Karras(), 0.3, 1);
        Tensor one = Torch.ones(1);
        Denoiser three = (x, at) -> x.mul(0).add(3);
        assertThat(sampler.step(three, one, Level.exploding(2, 1), Level.exploding(0.5, 0), y -> one).item())
            .isCloseTo(3 + Math.sqrt(0.25 - 0.09), within(1e-6));
        assertThat(sampler.step(three, one, Level.exploding(2, 1), Level.exploding(0.3, 0), NONE).item()).isEqualTo(3);
    }

    @Test void aPreconditionedNetworkOfZerosShrinksXAndAConsistencyModelKeepsItAtItsLeastNoise() {
        Denoiser edm = new Preconditioned((x, t) -> x.mul(0), 0.5, 0, false);
        assertThat(edm.denoise(Torch.ones(1), Level.exploding(0.5, 0)).item()).isCloseTo(0.5, within(1e-6));
        Denoiser consistency = new Preconditioned((x, t) -> x.add(7), 0.5, 0.1, false);
        assertThat(consistency.denoise(Torch.ones(1), Level.exploding(0.1, 0)).item()).isCloseTo(1, within(1e-6));
    }

    @Test void aVarianceThatIsLearnedWantsANetworkThatPredictsIt() {
        Sampler sampler = new Sampler.Ddpm(10, new Spacing.Leading(), Sampler.Ddpm.Variance.LEARNED_RANGE);
        List<Level> levels = sampler.levels(new NoiseSchedule.Linear().table());
        assertThatThrownBy(() -> sampler.sample(GAUSSIAN, Torch.ones(1), levels, new Rng(1)::normalLike))
            .hasMessage("variance=LEARNED_RANGE wants a network that predicts a variance");
        Denoiser narrow = new Predictor(Prediction.EPS, (x, t) -> x, true);
        assertThatThrownBy(() -> sampler.sample(narrow, Torch.ones(1, 2), levels, new Rng(1)::normalLike))
            .hasMessage("a learned variance wants a network of 4 output channels, got 2");
    }

    @Test void aConsistencyModelIsXItselfWhereThereIsNoNoise() {
        Denoiser model = new ConsistencyModel((x, at) -> x.mul(0).add(3), 10);
        assertThat(model.denoise(Torch.ones(1), new Level(1, 0.01, 0)).item()).isEqualTo(1);
        assertThat(model.denoise(Torch.ones(1), new Level(0, 1, 999)).item()).isCloseTo(3, within(1e-3));
        assertThatThrownBy(() -> new ConsistencyModel(model, 0)).hasMessage("illegal scaling: 0.0, must be finite and above 0");
    }

    @Test void straightPathsOfAConstantVelocityAreFollowedInOneStep() {
        Tensor x0 = new Rng(1).normal(3), eps = new Rng(2).normal(3);
        Denoiser model = new Velocity((x, t) -> eps.sub(x0));
        for (Level from : List.of(new Level(0, 1, 999), new Level(0.25, 0.75, 750), new Level(0.6, 0.8, 500))) {
            Tensor end = new Sampler.Euler().step(model, from.noised(x0, eps), from, Level.CLEAN, NONE);
            assertThat(end.floats()).containsExactly(x0.floats(), within(1e-5f));
        }
    }

    @ParameterizedTest @MethodSource("everySampler") void theDataDoNotDependOnTheScaleOfTheLevels(Sampler sampler) {
        List<Level> preserving = sampler.levels(new NoiseSchedule.Linear().table());
        List<Level> exploding = preserving.stream().map(l -> new Level(1, l.ratio(), l.t())).toList();
        Tensor x = new Rng(1).normal(2, 3);
        float[] one = sampler.sample(GAUSSIAN, x, preserving, new Rng(2)::normalLike).floats();
        float[] other = sampler.sample(GAUSSIAN, x.div(preserving.get(0).alpha()), exploding, new Rng(2)::normalLike).floats();
        for (int i = 0; i < one.length; i++) assertThat(one[i]).isCloseTo(other[i], within(1e-4f));
    }

    @ParameterizedTest @MethodSource("everySampler") void manyStepsGiveTheVarianceOfTheData(Sampler sampler) {
        List<Level> levels = new Spacing.Trailing().levels(new NoiseSchedule.Linear().table(), 500);
        Tensor end = sampler.sample(GAUSSIAN, new Rng(3).normal(5000), levels, new Rng(4)::normalLike);
        assertThat(end.var(true, false, 0).sqrt().item()).isCloseTo(DATA, within(0.04 * DATA));
        assertThat(end.mean().item()).isCloseTo(0, within(0.025));
    }

    @Test void theLargeVarianceIsExactForNormalDataOfUnitVariance() {
        Sampler ddpm = new Sampler.Ddpm(50, new Spacing.Leading(), Sampler.Ddpm.Variance.LARGE);
        Tensor x = new Rng(5).normal(20_000);
        Level from = new NoiseSchedule.Linear().table().at(900), to = new NoiseSchedule.Linear().table().at(300);
        Tensor next = ddpm.step((y, at) -> y.mul(at.alpha()), x, from, to, new Rng(6)::normalLike);
        double mean = Math.pow(from.alpha() / to.alpha(), 2);   // x0 = alpha x gives the mean (alpha / alpha') x: its variance
        assertThat(next.var(true, false, 0).item()).isCloseTo(mean + square(from.sigma()) - mean * square(to.sigma()), within(0.03));
        assertThat(next.var(true, false, 0).item()).isCloseTo(1, within(0.03));
    }

    @Test void ancestralStepsDdimWithEtaOneAndDdpmWithSmallVarianceAreOneMethod() {
        List<Level> levels = new Spacing.Trailing().levels(new NoiseSchedule.Linear().table(), 20);
        Tensor x = new Rng(1).normal(2, 3);
        float[] want = new Sampler.EulerAncestral().sample(GAUSSIAN, x, levels, new Rng(2)::normalLike).floats();
        Sampler ddpm = new Sampler.Ddpm(20, new Spacing.Trailing(), Sampler.Ddpm.Variance.SMALL);
        Sampler ddim = new Sampler.Ddim(20, new Spacing.Trailing(), 1);
        for (Sampler same : List.of(ddpm, ddim)) {
            assertThat(same.sample(GAUSSIAN, x, levels, new Rng(2)::normalLike).floats()).containsExactly(want, within(1e-5f));
        }
    }

    @Test void anAncestralStepFromFiveToThreeGoesDownToOnePointEightAndUpByTwoPointFour() {
        Tensor one = Torch.ones(1);
        Level from = Level.exploding(5, 0), to = Level.exploding(3, 0);
        Tensor x = new Sampler.EulerAncestral().step((y, at) -> y.mul(0), one.mul(5), from, to, y -> one);
        assertThat(x.item()).isCloseTo(1.8 + 2.4, within(1e-5));
    }

    @Test void theVarianceOfDdimAndDdpmIsThatOfTheirPapers() {
        NoiseTable table = new NoiseSchedule.Linear().table();
        Sampler ddim = new Sampler.Ddim(50, new Spacing.Leading(), 1);
        Sampler ddpm = new Sampler.Ddpm();
        // with x = 0 and x0 = 0 only the noise is left
        assertThat(square(fresh(ddim, table.at(420), table.at(400)))).isCloseTo(0.14771, within(1e-5));
        assertThat(square(fresh(ddim, table.at(980), table.at(960)))).isCloseTo(0.32460, within(1e-5));
        assertThat(square(fresh(ddpm, table.at(487), table.at(486)))).isCloseTo(0.00979, within(1e-5));
        assertThat(square(fresh(ddpm, table.at(999), table.at(998)))).isCloseTo(0.02, within(1e-5));
        assertThat(fresh(ddpm, table.at(0), Level.CLEAN)).isZero();
    }

    @ParameterizedTest @MethodSource("everySampler") void oneStepAndAThousandWork(Sampler sampler) {
        NoiseTable table = new NoiseSchedule.Cosine().table();
        for (Spacing spacing : List.of(new Spacing.Trailing(), new Spacing.Karras())) {
            for (int n : new int[] {1, 1000}) {
                List<Level> levels = spacing.levels(table, n);
                assertThat(levels).hasSize(n + 1).endsWith(Level.CLEAN);
                Tensor end = sampler.sample(GAUSSIAN, new Rng(1).normal(2, 3), levels, new Rng(2)::normalLike);
                assertThat(end.isFinite().all().item()).isEqualTo(1);
            }
        }
    }

    @ParameterizedTest @MethodSource("everySampler") void pureNoiseIsAStartWhereTheScheduleEndsInIt(Sampler sampler) {
        List<Level> levels = new Spacing.Trailing().levels(new NoiseSchedule.ScaledLinear().table().zeroTerminalSnr(), 100);
        assertThat(levels.get(0).alpha()).isZero();
        Tensor end = sampler.sample(GAUSSIAN, new Rng(7).normal(5000), levels, new Rng(8)::normalLike);
        assertThat(end.var(true, false, 0).sqrt().item()).isCloseTo(DATA, within(0.1 * DATA));
    }

    @ParameterizedTest @MethodSource("everySampler") void fiveHundredStepsLeaveOnePointerBehind(Sampler sampler) {
        List<Level> levels = new Spacing.Trailing().levels(new NoiseSchedule.Linear().table(), 500);
        Tensor x = new Rng(1).normal(2, 3);
        Noise noise = new Rng(2)::normalLike;
        sampler.sample(GAUSSIAN, x, levels.subList(495, 501), noise);   // constants of the binding come to life
        long before = LivePointers.settled();
        sampler.sample(GAUSSIAN, x, levels, noise);
        assertThat(Scope.livePointers() - before).isEqualTo(1);
    }

    @Test void aCancelledMultistepRunLeavesNoPointerBehind() {
        Sampler sampler = new Sampler.DpmPlusPlus2M();
        List<Level> levels = sampler.levels(new NoiseSchedule.Linear().table());
        Tensor x = new Rng(1).normal(2, 3);
        Denoiser failing = (y, at) -> {
            if (at.equals(levels.get(5))) throw new IllegalStateException("enough");
            return GAUSSIAN.denoise(y, at);
        };
        long[] left = new long[2];
        for (int run = 0; run < 2; run++) {
            long before = LivePointers.settled();
            try (Scope inner = new Scope()) {
                assertThatThrownBy(() -> sampler.sample(failing, x, levels, NONE)).hasMessage("enough");
            }
            left[run] = Scope.livePointers() - before;
        }
        assertThat(left[1]).isZero();
    }

    @Test void aMultistepSamplerLeavesTheDenoisersTensorsAlone() {
        Tensor always = Torch.ones(3);
        Sampler sampler = new Sampler.DpmPlusPlus2M();
        Tensor end = sampler.sample((x, at) -> always, new Rng(1).normal(3), sampler.levels(new NoiseSchedule.Linear().table()), NONE);
        assertThat(end.floats()).containsExactly(new float[] {1, 1, 1}, within(1e-5f));
        assertThat(always.floats()).containsExactly(1, 1, 1);
    }

    @Test void oneLevelLeavesXAsItIs() {
        Tensor x = new Rng(1).normal(3);
        assertThat(everySampler().map(s -> s.sample(GAUSSIAN, x, List.of(Level.CLEAN), NONE))).allSatisfy(y -> assertThat(y).isSameAs(x));
    }

    @ParameterizedTest @MethodSource("everySampler") void noiseThatDoesNotFallIsRefused(Sampler sampler) {
        Tensor x = Torch.ones(1);
        Level low = Level.exploding(1, 1), high = Level.exploding(2, 2);
        for (List<Level> levels : List.of(List.of(low, high), List.of(Level.CLEAN, low), List.of(new Level(0, 1, 1), new Level(0, 1, 0)))) {
            assertThatThrownBy(() -> sampler.sample(GAUSSIAN, x, levels, new Rng(1)::normalLike))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("noise must fall from level to level: 0 is");
        }
        assertThatThrownBy(() -> sampler.sample(GAUSSIAN, x, List.of(), NONE)).hasMessageContaining("at least one noise level");
    }

    private static void assertOrder(Sampler sampler, double factor) {
        List<Double> errors = new ArrayList<>();
        for (int n : new int[] {40, 80, 160}) {
            List<Level> levels = new ArrayList<>();
            for (double s : new Spacing.Karras().sigmas(n + 1, 0.1, 20)) levels.add(Level.preserving(s, 0));
            Level from = levels.get(0), to = levels.get(n);
            Tensor x = Torch.of(new double[] {deviation(from)}, 1);
            errors.add(Math.abs(sampler.sample(GAUSSIAN, x, levels, NONE).item() / deviation(to) - 1));
        }
        assertThat(errors.get(0) / errors.get(1)).as("errors " + errors).isCloseTo(factor, within(0.15 * factor));
        assertThat(errors.get(1) / errors.get(2)).as("errors " + errors).isCloseTo(factor, within(0.1 * factor));
    }

    private static double fresh(Sampler sampler, Level from, Level to) {
        return sampler.step((x, at) -> x, Torch.zeros(1), from, to, Torch::onesLike).item();
    }

    private static double deviation(Level at) { return Math.hypot(at.alpha() * DATA, at.sigma()); }

    private static double square(double x) { return x * x; }
}
