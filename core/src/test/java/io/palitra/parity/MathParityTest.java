package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.config.Ordered;
import io.palitra.diffusion.MaskedDiffusion;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
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
import io.palitra.nn.Lstm;
import io.palitra.nn.RelativeAttention;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
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

    private static final Map<String, Case> CASES = Ordered.map(Map.entry("metrics", MathParityTest::metrics),
        Map.entry("gradient-penalty", MathParityTest::gradientPenalty), Map.entry("adamw-ema", MathParityTest::adamW),
        Map.entry("mixture-of-logistics", MathParityTest::mixtureOfLogistics), Map.entry("lstm", MathParityTest::lstm),
        Map.entry("mdlm", MathParityTest::mdlm), Map.entry("relative-attention", MathParityTest::relativeAttention),
        Map.entry("relative-attention-long", MathParityTest::relativeAttention), Map.entry("upfirdn", StyleMath::upfirdn),
        Map.entry("modulated-conv", StyleMath::modulatedConv), Map.entry("path-length", StyleMath::pathLength));

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
        Ordered.map(Map.entry("q", q), Map.entry("k", k), Map.entry("v", v), Map.entry("relative", relative))
            .forEach((name, t) -> assertThat(difference(t.grad(), get(given, name
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

    /** torch.nn.LSTM: sequences first, two layers; output, states and every gradient. */
    private static void lstm(Map<String, Tensor> given, Path json) throws IOException {
        JsonNode config = new ObjectMapper().readTree(json.toFile());
        int in = config.required("input_size").asInt(), hidden = config.required("hidden_size").asInt(),
            layers = config.required("num_layers").asInt();
        try (Lstm net = new Lstm(in, hidden, layers, 0, new Rng(0))) {
            net.to(get(given, "input").dtype());
            Map<String, Tensor> weights = new LinkedHashMap<>();
            net.state().keySet().forEach(name -> weights.put(name, get(given, name)));
            net.load(weights);
            Tensor x = get(given, "input").copy().requiresGrad(true);
            Tensor h0 = get(given, "h0").copy().requiresGrad(true), c0 = get(given, "c0").copy().requiresGrad(true);
            Lstm.Result zero = net.forward(x.transpose(0, 1), null, null);
            assertThat(difference(zero.output().transpose(0, 1), get(given, "output_from_zeros"))).isLessThan(1e-8);
            assertThat(difference(zero.state().h(), get(given, "h_n_from_zeros"))).isLessThan(1e-8);
            assertThat(difference(zero.state().c(), get(given, "c_n_from_zeros"))).isLessThan(1e-8);
            Lstm.Result out = net.forward(x.transpose(0, 1), new Lstm.State(h0, c0), null);
            assertThat(difference(out.output().transpose(0, 1), get(given, "output"))).isLessThan(1e-8);
            assertThat(difference(out.state().h(), get(given, "h_n"))).isLessThan(1e-8);
            assertThat(difference(out.state().c(), get(given, "c_n"))).isLessThan(1e-8);
            Tensor loss = out.output().transpose(0, 1).mul(get(given, "output_weight")).sum()
                .add(out.state().h().mul(get(given, "h_n_weight")).sum()).add(out.state().c().mul(get(given, "c_n_weight")).sum());
            assertThat(loss.item()).isCloseTo(get(given, "loss").item(), within(1e-8));
            loss.backward();
            net.parameters().forEach((name, p) -> assertThat(difference(p.grad(), get(given, name + "_grad"))).as(name).isLessThan(1e-8));
            assertThat(difference(x.grad(), get(given, "input_grad"))).isLessThan(1e-8);
            assertThat(difference(h0.grad(), get(given, "h0_grad"))).isLessThan(1e-8);
            assertThat(difference(c0.grad(), get(given, "c0_grad"))).isLessThan(1e-8);
        }
    }

    /** SUBS, both noises, the losses of continuous time and of T steps, the posterior. */
    private static void mdlm(Map<String, Tensor> given, Path json) throws IOException {
        JsonNode config = new ObjectMapper().readTree(json.toFile());
        int mask = config.required("mask_index").asInt(), steps = config.required("steps").asInt();
        Tensor t = get(given, "t"), x0 = get(given, "x0"), x = get(given, "xt"), counts = get(given, "attention_mask");
        for (MaskedDiffusion.Noise noise : MaskedDiffusion.Noise.values()) {
            String name = noise.name().toLowerCase(Locale.ROOT);
            assertThat(difference(noise.sigma(t), get(given, name + "_sigma"))).isLessThan(1e-8);
            assertThat(difference(noise.rate(t), get(given, name + "_dsigma"))).isLessThan(1e-8);
            assertThat(difference(noise.hidden(t), get(given, name + "_move_chance"))).isLessThan(1e-8);
            assertThat(noise.hidden(t.select(0, 0).item())).isCloseTo(get(given, name + "_move_chance").select(0, 0).item(), within(1e-8));
            Tensor logits = get(given, "logits").copy().requiresGrad(true);
            Tensor losses = MaskedDiffusion.losses(noise, MaskedDiffusion.logP(logits, x, mask), x0, t);
            assertThat(difference(losses, get(given, name + "_losses"))).isLessThan(1e-8);
            Tensor loss = losses.mul(counts).sum().div(counts.sum());
            assertThat(loss.item()).isCloseTo(get(given, name + "_loss").item(), within(1e-8));
            loss.backward();
            assertThat(difference(logits.grad(), get(given, name + "_logits_grad"))).isLessThan(1e-8);
        }
        Tensor logP = MaskedDiffusion.logP(get(given, "logits"), x, mask);
        assertThat(difference(logP, get(given, "log_p"))).isLessThan(1e-8);
        assertThat(difference(MaskedDiffusion.stepLosses(logP, x0, x, mask, get(given, "discrete_t"), steps),
            get(given, "discrete_losses"))).isLessThan(1e-8);
        Tensor s = t.sub(config.required("posterior_dt").asDouble()), hidden = x.eq(mask).to(t.dtype()).unsqueeze(2);
        Tensor posterior = MaskedDiffusion.posterior(MaskedDiffusion.Noise.LOGLINEAR, logP, mask, s, t);
        assertThat(difference(posterior.mul(hidden), get(given, "posterior").mul(hidden))).isLessThan(1e-8);
    }
}
