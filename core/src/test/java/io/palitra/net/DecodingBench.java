package io.palitra.net;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/**
 * Seconds to draw 256 tokens one after the other. No test by name, so that no build waits for it:
 *
 * <pre>mvn -q -pl core test -Dtest=DecodingBench -Dthreads=2 "-Dtest.jvm=-XX:+UseSerialGC -Xms32m -XX:-UsePerfData"</pre>
 *
 * <p>First codes of a picture, with what the layers made of earlier ones kept and with the whole pass for each; all must be the same. Then
 * GPT-2, whose weights, configuration and tokens go to target/decoding, for bench/decoding.py to draw the same with transformers'
 * {@code generate}. With {@code -Dpairs=N}, N times each.
 */
class DecodingBench {
    private static final int TOKENS = 256, PROMPT = 4, WARM = 30;
    private static final Path FOLDER = Path.of("target", "decoding");

    /** A shape of GPT-2: of the size that a {@code dalle} has by default, of a larger one, and the published small one. */
    record Shape(String name, int vocabulary, int width, int layers, int heads) {}

    @Test void cacheAgainstWholePass() {
        Device.threads(Integer.getInteger("threads", 2));
        System.out.printf("codes of 16x16, width 256, 6 layers, %d threads%n%6s %14s %14s %8s%n", Device.threads(), "batch",
            "whole pass, s", "cache, s", "ratio");
        int drawn = 0, other = 0;
        for (int batch : new int[] {1, 2, 4, 8}) {
            CodeTransformer.Config config = new CodeTransformer.Config(1024, 16, 16, 10, 1, false, 256, 6, 8, false);
            try (Scope scope = new Scope(); CodeTransformer net = new CodeTransformer(config, new Rng(1)); Guard g = Torch.noGrad()) {
                louder(net.parameters());
                Tensor given = Torch.zeros(DType.I64, batch, 1);
                CodeTransformer.Drawing what = new CodeTransformer.Drawing(given, null, 1, 16, 16, null);
                TokenSampling how = new TokenSampling(1, 0, 1);
                List<Double> whole = new ArrayList<>(), cached = new ArrayList<>();
                for (int i = 0; i < WARM; i++) seconds(() -> net.draw(what, how, new Rng(0), true));   // until the JVM has compiled it
                for (int pair = 0; pair < Integer.getInteger("pairs", 3); pair++) {
                    Rng rng = new Rng(pair);
                    Timed a = seconds(() -> net.draw(what, how, rng.at(0), false)), b = seconds(() -> net.draw(what, how, rng.at(0), true));
                    for (int i = 0; i < batch; i++) {
                        drawn++;
                        if (!Arrays.equals(a.tokens, i * TOKENS, (i + 1) * TOKENS, b.tokens, i * TOKENS, (i + 1) * TOKENS)) other++;
                    }
                    whole.add(a.seconds);
                    cached.add(b.seconds);
                }
                System.out.printf("%6d %14.3f %14.3f %8.1f%n", batch, median(whole), median(cached), median(whole) / median(cached));
            }
        }
        System.out.printf("%d of %d pictures the same%n", drawn - other, drawn);
        assertThat(other).as("pictures whose codes differ").isZero();
    }

    /** 256 tokens of a GPT-2 of 257 positions, by whole passes and by what is kept; the same numbers draw both. */
    @Test void gptAgainstWholePass() {
        Device.threads(Integer.getInteger("threads", 2));
        System.out.printf("GPT-2 of width 192, 6 layers, %d threads%n%6s %14s %14s %8s%n", Device.threads(), "batch", "whole pass, s",
            "cache, s", "ratio");
        try (Scope scope = new Scope(); Gpt2 net = new Gpt2(Gpt2.Config.of(66, TOKENS + 1, 192, 6, 6, 65), new Rng(1));
            Guard g = Torch.noGrad()) {
            louder(net.parameters());
            for (int batch : new int[] {1, 2, 8}) {
                List<Double> whole = new ArrayList<>(), cached = new ArrayList<>();
                for (int i = 0; i < WARM / 3; i++) seconds(() -> written(net, batch, true));
                for (int pair = 0; pair < Integer.getInteger("pairs", 3); pair++) {
                    Timed a = seconds(() -> written(net, batch, false)), b = seconds(() -> written(net, batch, true));
                    assertThat(b.tokens).isEqualTo(a.tokens);
                    whole.add(a.seconds);
                    cached.add(b.seconds);
                }
                System.out.printf("%6d %14.3f %14.3f %8.1f%n", batch, median(whole), median(cached), median(whole) / median(cached));
            }
        }
    }

    private static Tensor written(Gpt2 net, int batch, boolean cached) {
        long[] all = new long[batch * TOKENS], begin = new long[batch];
        int[] at = new int[batch];
        Arrays.fill(begin, 65);
        try (GptReader reader = new GptReader(net, batch, 65, cached)) {
            Continuation.write(reader, Torch.of(begin, batch, 1), TOKENS, new Continuation.How(new TokenSampling(1, 0, 1), 1), new Rng(3),
                (b, token) -> {
                    all[b * TOKENS + at[b]++] = token;
                    return true;
                });
        }
        return Torch.of(all, batch, TOKENS);
    }

    @Test void generate() throws Exception {
        Device.threads(Integer.getInteger("threads", 2));
        System.out.printf("GPT-2, %d tokens after %d, %d threads%n%10s %6s %14s%n", TOKENS, PROMPT, Device.threads(), "shape", "batch",
            "ours, s");
        for (Shape shape : List.of(new Shape("tokens", 1024, 256, 6, 8), new Shape("middle", 8192, 512, 8, 8),
            new Shape("gpt2", 50257, 768, 12, 12))) {
            Path folder = FOLDER.resolve(shape.name);
            Files.createDirectories(folder);
            ObjectNode json = (ObjectNode) Json.read("bench", "{\"architectures\": [\"GPT2LMHeadModel\"], \"model_type\": \"gpt2\"}");
            json.put("vocab_size", shape.vocabulary).put("n_positions", 512).put("n_embd", shape.width).put("n_layer", shape.layers);
            json.put("n_head", shape.heads).putNull("eos_token_id").putNull("bos_token_id");
            Json.write(folder.resolve("config.json"), json);
            try (Scope scope = new Scope(); Gpt2 net = new Gpt2(Gpt2.Config.fromJson(json), new Rng(1)); Guard g = Torch.noGrad()) {
                quieter(net.parameters());
                for (int batch : new int[] {1, 8}) {
                    Tensor prompt = new Rng(3).integers(shape.vocabulary, batch, PROMPT);
                    Supplier<Tensor> run = () -> net.generate(prompt, TOKENS, TokenSampling.GREEDY, new Rng(0));
                    seconds(run);
                    List<Double> ours = new ArrayList<>();
                    for (int i = 0; i < Integer.getInteger("pairs", 3); i++) ours.add(seconds(run).seconds);
                    System.out.printf("%10s %6d %14.3f%n", shape.name, batch, median(ours));
                    Map<String, Tensor> all = new HashMap<>(Map.of("prompt", prompt, "tokens", run.get()));
                    Safetensors.write(folder.resolve("tokens-" + batch + ".st"), all, Map.of());
                }
                Safetensors.write(folder.resolve("model.safetensors"), net.state(), Map.of("format", "pt"));
            }
        }
    }

    private record Timed(double seconds, long[] tokens) {}

    private static Timed seconds(Supplier<Tensor> run) {
        long start = System.nanoTime();
        try (Scope own = new Scope()) {
            long[] tokens = run.get().longs();
            return new Timed((System.nanoTime() - start) * 1e-9, tokens);
        }
    }

    /** So large that tokens depend on those before them. */
    private static void louder(Map<String, Tensor> weights) {
        weights.values().forEach(p -> { if (p.dims() == 2) p.copyFrom(p.detach().mul(4)); });
    }

    /** Tables as small as GPT-2's: drawn from N(0,1) one token would follow for ever. */
    private static void quieter(Map<String, Tensor> weights) {
        weights.forEach((k, p) -> { if (k.contains("wte") || k.contains("wpe")) p.copyFrom(p.detach().mul(0.2)); });
    }

    private static double median(List<Double> of) {
        double[] sorted = of.stream().mapToDouble(d -> d).sorted().toArray();
        return sorted[sorted.length / 2];
    }
}
