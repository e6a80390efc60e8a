package io.palitra.bench;

import io.palitra.config.Ordered;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.train.Run;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Answers each line of stdin by one of stdout:
 *
 * <pre>open CASE    writes FOLDER/CASE.safetensors for the other side; the numbers that it must come to
 * run CASE N   seconds of N iterations
 * peak         the most memory this process had, kB
 * matrix       GFLOP/s of 2048^3 products, fp32 and bf16
 * cold RUN     writes a sample of that run, and its code, to FOLDER/cold.safetensors; its mean square
 * about        versions, and the vector instructions of the kernels</pre>
 */
final class Worker {
    private static final int SIDE = 2048;

    private final Path folder;
    private final Map<String, Work> open = new LinkedHashMap<>();

    private Worker(Path folder) { this.folder = folder; }

    /** Arguments: the folder of the files that both sides read, threads. */
    public static void main(String[] args) throws IOException {
        Device.threads(Integer.parseInt(args[1]));
        Worker worker = new Worker(Path.of(args[0]));
        BufferedReader asked = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = asked.readLine(); line != null; line = asked.readLine()) {
            String answer;
            try {
                answer = worker.answer(line.split(" "));
            } catch (RuntimeException e) {
                answer = "error " + Torch.message(e);
            }
            System.out.println(answer);
        }
        worker.open.values().forEach(Work::close);
    }

    private String answer(String[] words) throws IOException {
        return switch (words[0]) {
            case "open" -> open(words[1]);
            case "run" -> run(words[1], Integer.parseInt(words[2]));
            case "peak" -> peak();
            case "matrix" -> gigaflops(DType.F32) + " " + gigaflops(DType.BF16);
            case "cold" -> cold(Path.of(words[1]));
            case "about" -> "JDK " + Runtime.version() + ", libtorch " + Device.libtorch() + ", " + Device.blas() + ", "
                + Device.capability();
            default -> throw new IllegalArgumentException("no command '" + words[0] + "'; there are open, run, peak, matrix, cold, about");
        };
    }

    private String open(String name) {
        Work work = Case.named(name).open();
        open.put(name, work);
        try (Scope scope = new Scope()) {
            Safetensors.write(folder.resolve(name + ".safetensors"), work.given(), Map.of());
        }
        return Arrays.stream(work.check()).mapToObj(Double::toString).collect(Collectors.joining(" "));
    }

    private String run(String name, int times) {
        Work work = open.get(name);
        if (work == null) throw new IllegalArgumentException("case '" + name + "' is not open");
        long start = System.nanoTime();
        for (int i = 0; i < times; i++) work.once();
        return Double.toString((System.nanoTime() - start) * 1e-9);
    }

    private static String peak() throws IOException {
        try (var lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(l -> l.startsWith("VmHWM")).findFirst().orElseThrow().replaceAll("\\D+", "");
        }
    }

    /** Of the fastest of ten. */
    private static double gigaflops(DType type) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor a = new Rng(0).normal(SIDE, SIDE).to(type), b = new Rng(1).normal(SIDE, SIDE).to(type);
            double best = Double.POSITIVE_INFINITY;
            for (int i = 0; i < 10; i++) {
                try (Scope turn = new Scope()) {
                    long start = System.nanoTime();
                    a.matmul(b);
                    best = Math.min(best, (System.nanoTime() - start) * 1e-9);
                }
            }
            return 2.0 * SIDE * SIDE * SIDE / best * 1e-9;
        }
    }

    private String cold(Path run) throws IOException {
        try (Run opened = Run.open(run, "cpu", System.err::println); Scope scope = new Scope()) {
            Tensor picture = opened.sample(1, 0, List.of());
            Safetensors.write(folder.resolve("cold.safetensors"), Ordered.map(Map.entry("z", new Rng(0).normal(1, 20)),
                Map.entry("picture", picture)), Map.of());
            return Double.toString(picture.square().mean().item());
        }
    }
}
