package io.palitra.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.junit.jupiter.api.Test;

class DiffusersSchedulerTest {
    @Test void aScheduleThatIsWrittenIsReadAsItself() {
        List<NoiseSchedule> schedules = List.of(new NoiseSchedule.Linear(), new NoiseSchedule.Linear(200, 1e-3, 0.05),
            new NoiseSchedule.ScaledLinear(), new NoiseSchedule.Cosine(), new NoiseSchedule.Cosine(300, 0.008),
            new NoiseSchedule.Cosine(1000, 0.02), new NoiseSchedule.Sigmoid());
        for (NoiseSchedule schedule : schedules) {
            for (Prediction prediction : Prediction.values()) {
                ObjectNode json = DiffusersScheduler.ddpm(schedule, prediction);
                DiffusersScheduler read = new DiffusersScheduler(json);
                assertThat(read.prediction()).isEqualTo(prediction);
                NoiseTable own = schedule.table(), theirs = read.noiseTable();
                assertThat(theirs.size()).isEqualTo(own.size());
                double worst = 0;
                for (int t = 0; t < own.size(); t++) worst = Math.max(worst, Math.abs(theirs.alphaBar(t) / own.alphaBar(t) - 1));
                // in single precision 1 - beta is off by 3e-8 at each of T steps, and at beta = 0.999 by 3e-5 of itself
                assertThat(worst).as(schedule.toString()).isLessThan(1e-4);
                Sampler sampler = read.plan(own.size()).sampler();
                assertThat(sampler).isEqualTo(new Sampler.Ddpm(own.size(), new Spacing.Trailing(), Sampler.Ddpm.Variance.SMALL));
                assertThat(json.has("trained_betas")).isEqualTo(schedule.equals(new NoiseSchedule.Cosine(1000, 0.02)));
            }
        }
    }
}
