package io.palitra.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.List;
import org.junit.jupiter.api.Test;

class ObjectiveTest {
    private static final NoiseSchedule COSINE = new NoiseSchedule.Cosine();

    @Test void levelsOfAFlowAreStraightAndEndInPureNoise() {
        LevelTable even = new FlowTable(1000, 1), late = new FlowTable(1000, 3);
        for (int t : new int[] {0, 250, 999}) {
            assertThat(even.at(t).alpha() + even.at(t).sigma()).isCloseTo(1, within(1e-12));
            assertThat(late.at(t).t()).isCloseTo(1000 * late.at(t).sigma(), within(1e-9));
        }
        assertThat(even.at(499).sigma()).isCloseTo(0.5, within(1e-12));
        assertThat(late.at(499).sigma()).isCloseTo(0.75, within(1e-12));   // eq. 23: 3 / 2 / (1 + 2 / 2)
        assertThat(even.at(999).alpha()).isZero();
        assertThat(even.ofRatio(1).sigma()).isCloseTo(0.5, within(1e-12));
        assertThat(even.ofRatio(0).sigma()).isCloseTo(0.001, within(1e-12));
        assertThatThrownBy(() -> even.at(1000)).hasMessageContaining("must be from 0 to 999");
    }

    @Test void noisyItemsOfAFlowLieOnTheStraightPathAtTheTimesThatTheNetworkGets() {
        try (Scope scope = new Scope()) {
            for (Objective.Flow.Times times : Objective.Flow.Times.values()) {
                Objective flow = new Objective.Flow(times, 2);
                Tensor x0 = new Rng(1).normal(500, 1, 2, 2);
                Objective.Noised at = flow.noised(flow.table(COSINE), x0, new Rng(2));
                Tensor s = at.t().div(1000).reshape(-1, 1, 1, 1);
                assertThat(at.x().sub(x0.add(s.mul(at.eps().sub(x0)))).abs().max().item()).isLessThan(1e-5);
                assertThat(flow.target(x0, at).sub(at.eps().sub(x0)).abs().max().item()).isZero();
                // shifted by 2, the middle of either way of drawing lies at 2/3
                assertThat(s.lt(2.0 / 3).to(x0.dtype()).mean().item()).as(times.name()).isCloseTo(0.5, within(0.07));
            }
        }
    }

    /** Of data that is one point, the velocity (x - c) / s is known, and every solver must end in the point. */
    @Test void everySamplerFollowsAFlowToTheData() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Objective flow = new Objective.Flow();
            Spacing spacing = new Spacing.Trailing();
            Denoiser denoiser = flow.denoiser((x, t) -> x.sub(0.5).div(t / 1000));
            for (Sampler sampler : List.of(new Sampler.Euler(7, spacing), new Sampler.Ddim(7, spacing, 0.5), new Sampler.Heun(7, spacing),
                new Sampler.Dpm2(7, spacing, false), new Sampler.Dpm2(7, spacing, true), new Sampler.EulerAncestral(7, spacing),
                new Sampler.DpmPlusPlus2M(7, spacing, Dpm.Solver.MIDPOINT, true), new Sampler.Consistency(3, spacing),
                new Sampler.Ddpm(7, spacing, Sampler.Ddpm.Variance.SMALL))) {
                Tensor x = sampler.sample(denoiser, new Rng(1).normal(2, 1, 2, 2), sampler.levels(flow.table(COSINE)),
                    new Rng(2)::normalLike);
                assertThat(x.sub(0.5).abs().max().item()).as(sampler.toString()).isLessThan(1e-4);
            }
        }
    }

    @Test void aNetworkOfAFlowGetsTheTimeOfTheShareOfNoiseOnAnyScale() {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            double[] seen = new double[1];
            Denoiser denoiser = new Objective.Flow().denoiser((x, t) -> {
                seen[0] = t;
                return x;
            });
            denoiser.denoise(Torch.zeros(1, 1), Level.exploding(3, 17));
            assertThat(seen[0]).isCloseTo(750, within(1e-9));
        }
    }

    @Test void whatAFlowDoesNotHaveIsRefused() {
        assertThatThrownBy(() -> new Objective.Flow().check(true, 0)).hasMessageContaining("takes no schedule");
        assertThatThrownBy(() -> new Objective.Flow().check(false, 5)).hasMessageContaining("takes no minSnr");
        assertThatThrownBy(() -> new Spacing.Karras().levels(new Objective.Flow().table(COSINE), 4))
            .hasMessageContaining("there are trailing, linspace");
        new Objective.V().check(true, 5);
    }
}
