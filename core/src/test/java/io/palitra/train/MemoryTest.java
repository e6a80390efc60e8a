package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataLoader;
import io.palitra.data.Split;
import io.palitra.data.Strokes;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Optimizer;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Step;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.nn.Module;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Native memory is flat over thousands of steps and samples. */
class MemoryTest {
    private static final long MIB = 1 << 20;

    private static long resident() throws Exception {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        }
        throw new IllegalStateException("no VmRSS");
    }

    @ParameterizedTest @ValueSource(strings = {"vae latent=8 net=conv net.width=8", "gan width=4 latent=8"})
    void threeThousandStepsAndAThousandSamplesLeaveMemoryFlat(String what) throws Exception {
        Assumptions.assumeTrue(Files.exists(Path.of("/proc/self/status")), "resident memory is read from /proc, which this system has not");
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xms96m",
            "-Xmx96m",
            "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC", "-Dorg.bytedeco.javacpp.nopointergc=false",
            "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0", "-cp",
                System.getProperty("java.class.path"),
            MemoryTest.class.getName()));
        command.addAll(List.of(what.split(" ")));
        Process child = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String out = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(child.waitFor()).isZero();
        long[] seen = Arrays.stream(out.trim().split(" ")).mapToLong(Long::parseLong).toArray();
        assertThat(seen[1]).as("native pointers").isEqualTo(seen[0]);
        assertThat((seen[3] - seen[2]) / MIB).as("MiB from step 500 to the last sample").isLessThan(32);
    }

    /** Trains and samples in a JVM whose heap does not grow; prints live pointers and resident bytes at step 500 and at the end. */
    public static void main(String[] words) throws Exception {
        Strokes data = new Strokes(Split.TRAIN, 28);
        RunConfig config = RunConfig.of(words[0], "strokes", data, io.palitra.data.DataOptions.DEFAULT, 1,
            List.of(words).subList(1, words.length));
        Device.threads(1);
        Trainable model = Run.build(config, Device.CPU, line -> { }).model();
        Map<Module, Optimizer> optimizers = new IdentityHashMap<>();
        for (Update u : model.updates()) {
            optimizers.computeIfAbsent(u.moves(), m -> new Optimizer(config.settings().train().optimizer(), m.parameters()));
        }
        long pointers = 0, memory = 0;
        try (DataLoader loader = new DataLoader(data, 8, 1, 0, Device.CPU)) {
            for (int step = 0; step < 3000; step++) {
                if (step == 500) {
                    pointers = Scope.livePointers();
                    memory = resident();
                }
                try (Scope scope = new Scope()) {
                    Batch batch = loader.next();
                    for (Update u : model.updates()) {
                        Optimizer o = optimizers.get(u.moves());
                        model.net().trainable(false);
                        u.moves().trainable(true);
                        o.zeroGrad();
                        u.objective().of(batch, new Step(0, new Rng(step))).total().backward();
                        o.step(1e-4);
                    }
                }
            }
        }
        model.net().training(false);
        for (int i = 0; i < 1000; i++) {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                sample((GenerativeModel<?>) model, i);
            }
        }
        System.out.println(pointers + " " + Scope.livePointers() + " " + memory + " " + resident());
    }

    private static <S extends Record> void sample(GenerativeModel<S> model, long seed) {
        model.sample(model.samplingDefaults(), Condition.NONE, 1, new Rng(seed)).sum().item();
    }
}
