package io.palitra.bench;

import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Training steps by JMH: {@code OMP_NUM_THREADS=2 java -jar bench/target/bench.jar}; {@code -p name=gan-train} for another case of
 * {@link Case}. The memory settings are those of the environment: the launcher's are not set here.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(value = 1, jvmArgsAppend = {"-XX:+UseSerialGC", "-Xms32m"})
public class StepBench {
    @Param({"vae-train", "ae-train"})
    public String name = "";

    private @Nullable Work work;

    @Setup(Level.Trial) public void open() { work = Case.named(name).open(); }

    @Benchmark public void step() { work().once(); }

    @TearDown(Level.Trial) public void close() { work().close(); }

    private Work work() { return Objects.requireNonNull(work); }
}
