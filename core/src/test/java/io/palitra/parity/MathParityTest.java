package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

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
import io.palitra.nn.RelativeAttention;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Our numbers against those of the field's reference software, in double precision. */
class MathParityTest {
    /** A case from the files of its name: tensors, and the numbers of a .json where there is one. */
    private interface Case {
        void compare(Map<String, Tensor> given, Path json) throws IOException;
    }

    private static final Map<String, Case> CASES = Map.of("metrics", MathParityTest::metrics, "gradient-penalty",
        MathParityTest::gradientPenalty, "adamw-ema", MathParityTest::adamW, "mixture-of-logistics", MathParityTest::mixtureOfLogistics,
        "relative-attention", MathParityTest::relativeAttention, "relative-attention-long", MathParityTest::relativeAttention);

    @TestFactory Stream<DynamicTest> aFormulaGivesTheReferencesNumbers() throws IOException {
        References.find("math");
        List<DynamicTest> tests = new ArrayList<>();
        for (Path folder : References.all("math")) {
            List<Path> files;
            try (Stream<Path> all = Files.list(folder)) {
                files = all.filter(file -> file.toString().endsWith(".safetensors")).sorted().toList();
            }
            assertThat(files).as("cases under " + folder).isNotEmpty();
            for (Path file : files) {
                String name = file.getFileName().toString().replace(".safetensors", "");
                tests.add(dynamicTest(name, () -> {
                    Case known = CASES.get(name);
                    if (known == null) References.skip("math/" + name + " is not built yet");
                    try (Scope scope = new Scope()) {
                        Objects.requireNonNull(known).compare(Safetensors.read(file).tensors(), folder.resolve(name + ".json"));
                    }
                }));
            }
        }
        return tests.stream();
    }

    private static Tensor get(Map<String, Tensor> tensors, String name) { return Objects.requireNonNull(tensors.get(name), name); }

    private static double difference(Tensor a, Tensor b) {
        assertThat(a.shape()).isEqualTo(b.shape());
        return a.detach().sub(b).abs().max().item();
    }

    private static void metrics(Map<String, Tensor> given, Path json) throws IOException {
        try (Moments real = new Moments(); Moments fake = new Moments()) {
            JsonNode want = new ObjectMapper().readTree(json.toFile());
            Tensor x = get(given, "real"), y = get(given, "fake");
            for (long at = 0; at < x.size(0); at += 125) real.add(x.rows(at, Math.min(125, x.size(0) - at)));
            for (long at = 0; at < y.size(0); at += 80) fake.add(y.rows(at, Math.min(80, y.size(0) - at)));
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

    /** Causal; where the sequence is longer than the rows reach, they count as zeros. */
    private static void relativeAttention(Map<String, Tensor> given, Path json) {
        Tensor q = get(given, "q").requiresGrad(true), k = get(given, "k").requiresGrad(true), v = get(given, "v").requiresGrad(true);
        Tensor relative = get(given, "relative").requiresGrad(true);
        int n = (int) q.size(2);
        double[] later = new double[n * n], seen = new double[n * n];
        for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) later[i * n + j] = j > i ? Double.NEGATIVE_INFINITY : 0;
        for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) seen[i * n + j] = j > i ? 0 : 1;
        Tensor mask = Torch.of(later, n, n), triangle = Torch.of(seen, n, n);
        Tensor s = RelativeAttention.before(q, relative);
        assertThat(difference(s.mul(triangle), get(given, "s_rel").mul(triangle))).isLessThan(1e-8);
        assertThat(difference(RelativeAttention.weights(q, k, s, mask), get(given, "attention"))).isLessThan(1e-8);
        Tensor output = RelativeAttention.attend(q, k, v, s, mask);
        assertThat(difference(output, get(given, "output"))).isLessThan(1e-8);
        Tensor loss = output.mul(get(given, "output_weight")).sum();
        loss.backward();
        assertThat(loss.item()).isCloseTo(get(given, "loss").item(), within(1e-8));
        Map.of("q", q, "k", k, "v", v, "relative", relative).forEach((name, t) -> assertThat(difference(t.grad(), get(given, name
            + "_grad"))).as(name).isLessThan(1e-8));
        for (int i = 0; i < n; i++) {   // one place at a time, as with a cache
            Tensor one = RelativeAttention.ofLast(q.narrow(2, i, 1), relative, i + 1);
            assertThat(difference(one, s.detach().narrow(2, i, 1).narrow(3, 0, i + 1))).isLessThan(1e-12);
        }
    }

    /** The critic is a 4x4 convolution of stride 2, leaky ReLU 0.2 and a linear layer, none with a bias; the penalty's weight is 10. */
    private static void gradientPenalty(Map<String, Tensor> given, Path json) {
        Tensor conv = get(given, "conv_weight").requiresGrad(true), linear = get(given, "linear_weight").requiresGrad(true);
        Tensor alpha = get(given, "alpha");
        Tensor x = get(given, "real").mul(alpha).add(get(given, "fake").mul(alpha.rsub(1))).requiresGrad(true);
        Tensor critic = Torch.linear(Torch.conv2d(x, conv, null, 2, 1).leakyRelu(0.2).flatten(1), linear, null);
        Tensor slope = Torch.grad(critic, x, true).square().sumPerItem().sqrt();
        Tensor penalty = slope.sub(1).square().mean().mul(10);
        penalty.backward();
        assertThat(penalty.item()).isCloseTo(get(given, "penalty").item(), within(1e-8));
        assertThat(difference(conv.grad(), get(given, "conv_weight_grad"))).isLessThan(1e-8);
        assertThat(difference(linear.grad(), get(given, "linear_weight_grad"))).isLessThan(1e-8);
    }

    /** 40 steps: norm clipped to 1, rate 0.05 with 5 steps of warm-up and a cosine, betas 0.9 and 0.95, decay 0.1, averages of 0.99. */
    private static void adamW(Map<String, Tensor> given, Path json) {
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

    private static void mixtureOfLogistics(Map<String, Tensor> given, Path json) {
        Tensor nll = Loss.logisticMixtureNll(get(given, "x"), get(given, "mixture_logits"), get(given, "means"),
            get(given, "log_scales"), get(given, "coefficients"));
        assertThat(difference(nll, get(given, "nll_nats"))).isLessThan(1e-8);
    }
}
