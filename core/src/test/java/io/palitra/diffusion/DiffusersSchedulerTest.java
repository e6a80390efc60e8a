package io.palitra.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
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

    @Test void whatASchedulerClassDoesNotTakeIsRefusedByItsName() throws Exception {
        refused("EDMEulerScheduler", "'sigma_schedule':'linear'",
            "EDMEulerScheduler with sigma_schedule=\"linear\" is not known; there are karras, exponential");
        refused("EDMDPMSolverMultistepScheduler", "'prediction_type':'sample'",
            "EDMDPMSolverMultistepScheduler with prediction_type=\"sample\" is not known; there are epsilon, v_prediction");
        refused("EDMDPMSolverMultistepScheduler", "'algorithm_type':'sde-dpmsolver++','solver_order':3",
            "EDMDPMSolverMultistepScheduler with solver_order=3 is not known; there are 1, 2");
        refused("EDMEulerScheduler", "'sigma_min':2,'sigma_max':1", "illegal sigmas: from 1.0 to 2.0, must be above 0 and fall");
        refused("UnCLIPScheduler", "'variance_type':'fixed_large'",
            "UnCLIPScheduler with variance_type=\"fixed_large\" is not known; there are fixed_small_log, learned_range");
        refused("UnCLIPScheduler", "'beta_schedule':'linear'",
            "UnCLIPScheduler with beta_schedule=\"linear\" is not known; there are squaredcos_cap_v2");
        refused("SASolverScheduler", "'algorithm_type':'deis'",
            "SASolverScheduler with algorithm_type=\"deis\" is not known; there are data_prediction, noise_prediction");
        refused("SASolverScheduler", "'predictor_order':5", "illegal predictor_order: 5, must be from 1 to 4");
        refused("RePaintScheduler", "'eta':2", "illegal eta: 2.0, must be from 0 to 1");
    }

    @Test void argumentsOfARunAreRefusedByTheirName() throws Exception {
        DiffusersScheduler tcd = read("TCDScheduler", "");
        assertThatThrownBy(() -> tcd.plan(4, json("{'mu':1}")))
            .hasMessage("TCDScheduler takes no mu=1 with its steps; there are timesteps, original_inference_steps, strength");
        assertThatThrownBy(() -> tcd.plan(2, json("{'timesteps':[100,200]}")))
            .hasMessage("illegal timesteps: [100.0, 200.0], must be whole, below 1000, and fall");
        assertThatThrownBy(() -> tcd.plan(3, json("{'timesteps':[200,100]}")))
            .hasMessage("illegal timesteps: 2 of them, must be as many as steps=3");
        assertThatThrownBy(() -> tcd.plan(40, json("{'strength':0.5}")))
            .hasMessageEndingWith("illegal steps: 40, must be at most original_inference_steps=50 times strength=0.5");
        assertThatThrownBy(() -> read("UnCLIPScheduler", "").plan(1))
            .hasMessageEndingWith("illegal steps: 1, must be at least 2 with UnCLIPScheduler");
        assertThatThrownBy(() -> read("IPNDMScheduler", ",'trained_betas':[1,0.5,0]").plan(5))
            .hasMessageEndingWith("trained_betas of IPNDMScheduler has 3 numbers, which are 2 steps, got steps=5");
        assertThatThrownBy(() -> new DiffusersScheduler(json("{'_class_name':'EDMEulerScheduler'}"), json("{'eta':1}")))
            .hasMessage("EDMEulerScheduler takes no eta=1; there are s_churn, s_tmin, s_tmax, s_noise");
    }

    @Test void anOptionWithoutEffectIsSaid() throws Exception {
        List<String> said = new ArrayList<>();
        new DiffusersScheduler(json("{'_class_name':'TCDScheduler','clip_sample':true}"), json("{}"), said::add);
        new DiffusersScheduler(json("{'_class_name':'FlowMatchEulerDiscreteScheduler'}"), json("{'s_churn':1.5}"), said::add);
        assertThat(said).containsExactly("passed over, TCDScheduler does nothing with clip_sample=true",
            "passed over, FlowMatchEulerDiscreteScheduler does nothing with s_churn=1.5");
    }

    private static void refused(String kind, String options, String message) {
        assertThatThrownBy(() -> read(kind, "," + options)).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
    }

    private static DiffusersScheduler read(String kind, String options) throws JsonProcessingException {
        return new DiffusersScheduler(json("{'_class_name':'" + kind + "'" + options + "}"));
    }

    private static JsonNode json(String text) throws JsonProcessingException {
        return new ObjectMapper().readTree(text.replace('\'', '"'));
    }
}
