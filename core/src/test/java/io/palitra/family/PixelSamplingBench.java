package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.config.Config;
import io.palitra.data.Condition;
import io.palitra.data.ImageSpec;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.net.PixelNet;
import io.palitra.stage.Builds;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * How much faster a PixelCNN draws when only what a new pixel changes is computed. No test by name, so that no build waits for it:
 *
 * <pre>mvn -q -pl core test -Dtest=PixelSamplingBench</pre>
 *
 * <p>The full loop runs the whole network once for each pixel, and every such pass costs the same; some are timed, and their mean counted
 * for each pixel. The weights, an input and the network's answer go to target/pixel-sampling, for bench/pixel_sampling.py to time the
 * full loop of the same network in PyTorch.
 */
class PixelSamplingBench {
    private static final double LEAST_SECONDS = 2;
    private static final Path WEIGHTS = Path.of("target", "pixel-sampling");

    record Row(String net, int levels, int side, int batch) {}

    @Test void fullLoopAgainstIncrementalEvaluation() throws Exception {
        Device.threads(Integer.getInteger("threads", 2));
        Files.createDirectories(WEIGHTS);
        List<Row> rows = new ArrayList<>(List.of(new Row("plain", 4, 16, 1), new Row("plain", 4, 16, 64)));
        for (int side : new int[] {16, 28, 32, 64}) {
            rows.add(new Row("gated", 256, side, 1));
            rows.add(new Row("gated", 256, side, 64));
        }
        System.out.printf("%-6s %6s %5s %6s %14s %14s %8s   %d threads%n", "net", "levels", "side", "batch", "full loop, s", "ours, s",
            "ratio", Device.threads());
        for (Row r : rows) measure(r);
    }

    private static void measure(Row r) throws Exception {
        ImageSpec spec = new ImageSpec(1, r.side, r.side, 0);
        PixelCnn model = new PixelCnn(Config.with(PixelCnn.FAMILY.defaults(), List.of("net=" + r.net, "levels=" + r.levels)),
            Builds.of(spec, new Rng(1)));
        model.net().training(false);
        PixelNet net = (PixelNet) model.net();
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor x = new Rng(2).uniform(r.batch, 1, r.side, r.side).mul(2).sub(1);
            if (r.batch == 1) {
                Map<String, Tensor> all = new LinkedHashMap<>(net.state());
                all.put("bench.input", x);
                all.put("bench.output", net.forward(x, null));
                Safetensors.write(WEIGHTS.resolve(r.net + "-" + r.levels + "-" + r.side + ".safetensors"), all, Map.of());
            }
            List<Double> passes = new ArrayList<>(), ours = new ArrayList<>();
            for (int warm = 0; warm < 2; warm++) forward(net, x);
            for (int pair = 0; pair < 3; pair++) {   // in turn, so that a busy moment of the machine meets both
                passes.add(forward(net, x));
                long t = System.nanoTime();
                try (Scope own = new Scope()) { model.sample(model.samplingDefaults(), Condition.NONE, r.batch, new Rng(pair)).sum()
                    .item(); }
                ours.add((System.nanoTime() - t) * 1e-9);
            }
            double full = median(passes) * r.side * r.side, incremental = median(ours);
            System.out.printf("%-6s %6d %5d %6d %14.3f %14.3f %8.1f%n", r.net, r.levels, r.side, r.batch, full, incremental,
                full / incremental);
            assertThat(full).isGreaterThan(incremental);
        } finally {
            net.close();
        }
    }

    /** Mean seconds of a pass through the whole network. */
    private static double forward(PixelNet net, Tensor x) {
        long start = System.nanoTime();
        int n = 0;
        double seconds;
        do {
            try (Scope own = new Scope()) { net.forward(x, null).sum().item(); }
            seconds = (System.nanoTime() - start) * 1e-9;
            n++;
        } while (seconds < LEAST_SECONDS / 3 && n < 200);
        return seconds / n;
    }

    private static double median(List<Double> of) {
        double[] sorted = of.stream().mapToDouble(d -> d).toArray();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
