package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.metric.Frechet;
import io.palitra.metric.InceptionScore;
import io.palitra.metric.KernelDistance;
import io.palitra.metric.Moments;
import io.palitra.metric.PrecisionRecall;
import io.palitra.model.LrSchedule;
import io.palitra.nn.Loss;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Our numbers against those of the field's reference software, in double precision. */
class MathParityTest {
    private static Path file(String name) {
        Path folder = Path.of(Objects.requireNonNullElse(System.getenv("PALITRA_PARITY"), "../shared/parity"), "math");
        assumeTrue(Files.isDirectory(folder), () -> "skipped: no reference numbers in " + folder.toAbsolutePath()
            + "; set PALITRA_PARITY to their folder");
        return folder.resolve(name);
    }

    private static Map<String, Tensor> tensors(String name) { return Safetensors.read(file(name + ".safetensors")).tensors(); }

    private static Tensor get(Map<String, Tensor> tensors, String name) { return Objects.requireNonNull(tensors.get(name), name); }

    private static double difference(Tensor a, Tensor b) {
        assertThat(a.shape()).isEqualTo(b.shape());
        return a.detach().sub(b).abs().max().item();
    }

    @Test void theMetricsOfGivenFeaturesAreThoseOfTheReference() throws IOException {
        try (Scope scope = new Scope(); Moments real = new Moments(); Moments fake = new Moments()) {
            Map<String, Tensor> given = tensors("metrics");
            JsonNode want = new ObjectMapper().readTree(file("metrics.json").toFile());
            Tensor x = get(given, "real"), y = get(given, "fake");
            for (int at = 0; at < x.size(0); at += 125) real.add(x.rows(at, 125));
            for (int at = 0; at < y.size(0); at += 80) fake.add(y.rows(at, 80));
            assertThat(Frechet.distance(real, fake)).isCloseTo(want.required("fid").asDouble(), within(1e-6));
            assertThat(KernelDistance.squared(x, y)).isCloseTo(want.required("kid").asDouble(), within(1e-6));
            PrecisionRecall p = PrecisionRecall.of(x, y, want.required("nearest_k").asInt());
            assertThat(p.precision()).isCloseTo(want.required("precision").asDouble(), within(1e-8));
            assertThat(p.recall()).isCloseTo(want.required("recall").asDouble(), within(1e-8));
            assertThat(p.density()).isCloseTo(want.required("density").asDouble(), within(1e-8));
            assertThat(p.coverage()).isCloseTo(want.required("coverage").asDouble(), within(1e-8));
            assertThat(InceptionScore.of(get(given, "logits"))).isCloseTo(want.required("inception_score").asDouble(), within(1e-8));
        }
    }

    /** The critic is a 4x4 convolution of stride 2, leaky ReLU 0.2 and a linear layer, none with a bias; the penalty's weight is 10. */
    @Test void theGradientPenaltyAndItsOwnGradientsAreThoseOfTheReference() {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> given = tensors("gradient-penalty");
            Tensor conv = get(given, "conv_weight").requiresGrad(true), linear = get(given, "linear_weight").requiresGrad(true);
            Tensor alpha = get(given, "alpha");
            Tensor x = get(given, "real").mul(alpha).add(get(given, "fake").mul(alpha.from(1))).requiresGrad(true);
            Tensor critic = Torch.linear(Torch.conv2d(x, conv, null, 2, 1).leakyRelu(0.2).flatten(1), linear, null);
            Tensor slope = Torch.grad(critic, x, true).square().sumPerItem().sqrt();
            Tensor penalty = slope.sub(1).square().mean().mul(10);
            penalty.backward();
            assertThat(penalty.item()).isCloseTo(get(given, "penalty").item(), within(1e-8));
            assertThat(difference(conv.grad(), get(given, "conv_weight_grad"))).isLessThan(1e-8);
            assertThat(difference(linear.grad(), get(given, "linear_weight_grad"))).isLessThan(1e-8);
        }
    }

    /** 40 steps: norm clipped to 1, rate 0.05 with 5 steps of warm-up and a cosine, betas 0.9 and 0.95, decay 0.1, averages of 0.99. */
    @Test void clippingScheduleAdamWAndAveragesFollowTheReferenceForFortySteps() {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> given = tensors("adamw-ema");
            Tensor w = get(given, "w0").copy().requiresGrad(true), b = get(given, "b0").copy().requiresGrad(true);
            Tensor emaW = w.detach().copy(), emaB = b.detach().copy();
            Map<String, Tensor> parameters = new LinkedHashMap<>();
            parameters.put("w", w);
            parameters.put("b", b);
            Tensor x = get(given, "x"), y = get(given, "y");
            double[] want = get(given, "losses").doubles();
            double[] losses = new double[want.length];
            LrSchedule schedule = new LrSchedule.Cosine(5);
            try (Optimizer adamW = new Optimizer(new OptimizerSpec.AdamW(0.05, 0.9, 0.95, 1e-8, 0.1), parameters)) {
                for (int step = 0; step < want.length; step++) {
                    try (Scope turn = new Scope()) {
                        adamW.zeroGrad();
                        Tensor loss = x.matmul(w).add(b).sub(y).square().mean();
                        loss.backward();
                        adamW.clip(1);
                        adamW.step(0.05 * schedule.at(step, want.length));
                        Optimizer.lerp(List.of(emaW, emaB), List.of(w.detach(), b.detach()), 1 - 0.99);
                        losses[step] = loss.item();
                    }
                }
            }
            assertThat(losses).containsExactly(want, within(1e-8));
            assertThat(difference(w, get(given, "w"))).isLessThan(1e-8);
            assertThat(difference(b, get(given, "b"))).isLessThan(1e-8);
            assertThat(difference(emaW, get(given, "ema_w"))).isLessThan(1e-8);
            assertThat(difference(emaB, get(given, "ema_b"))).isLessThan(1e-8);
        }
    }

    @Test void theMixtureOfLogisticsHasTheReferencesLikelihood() {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> given = tensors("mixture-of-logistics");
            Tensor nll = Loss.logisticMixtureNll(get(given, "x"), get(given, "mixture_logits"), get(given, "means"),
                get(given, "log_scales"), get(given, "coefficients"));
            assertThat(difference(nll, get(given, "nll_nats"))).isLessThan(1e-8);
        }
    }
}
