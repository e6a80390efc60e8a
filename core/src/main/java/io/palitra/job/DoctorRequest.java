package io.palitra.job;

import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Watcher;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** What this machine offers, and a self-test: versions, processor, BLAS, devices, memory. */
public record DoctorRequest() implements Request<DoctorRequest.Result> {
    private static final long LOOK_MILLIS = 500;
    /** Processors that others may use before it is said. */
    private static final double BUSY = 0.3;

    /** @param findings in words, by what they are about, in their order @param sound whether the self-test passed */
    public record Result(Map<String, String> findings, boolean sound) {}

    /** Looks at this machine, this JVM and the libraries. */
    @Override public Result run(Watcher watcher) throws IOException {
        Map<String, String> all = new LinkedHashMap<>();
        Runtime runtime = Runtime.getRuntime();
        all.put("palitra", RunConfig.version());
        all.put("java", System.getProperty("java.version") + ", " + System.getProperty("java.vm.name"));
        all.put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        all.put("letters", System.getProperty("sun.jnu.encoding") + (System.getProperty("sun.jnu.encoding", "").equals("UTF-8") ? ""
            : ": not of every alphabet; LC_ALL=C.UTF-8 has them all"));
        String fault = "";
        try {
            all.put("libtorch", Device.libtorch());
            all.put("libraries", Device.libraries() + ", which nobody but this user and root can write to");
            all.put("processor", Device.capability() + ", " + runtime.availableProcessors() + " cores, " + Device.threads() + " threads");
            all.put("blas", Device.blas());
            all.put("convolutions", Device.convolutions().equals("onednn") ? "onednn"
                : "plain, slower: oneDNN of this libtorch computes wrong ones on this processor");
            all.put("cuda", Device.cudaAvailable() ? "available" : "none");
        } catch (LinkageError e) {
            fault = "failed: " + Program.message(e);
        }
        all.put("waiting", waiting());
        all.put("java heap", (runtime.maxMemory() >> 20) + " MiB at most");
        all.put("memory", memory());
        all.put("others", others());
        all.put("malloc", System.getenv("MALLOC_ARENA_MAX") == null ? "untuned: the launcher tunes it (palitra)" : "tuned by the launcher");
        if (fault.isEmpty()) fault = selfTest();
        all.put("self-test", fault.isEmpty() ? "passed" : fault);
        return new Result(all, fault.isEmpty());
    }

    /** How long threads that wait for work look for it before they sleep. */
    private static String waiting() {
        String policy = System.getenv("OMP_WAIT_POLICY"), turns = System.getenv("GOMP_SPINCOUNT");
        return turns != null ? turns + " turns (GOMP_SPINCOUNT)" : policy != null ? policy + " (OMP_WAIT_POLICY)"
            : "long: on a busy machine steps may take many times as long; start the launcher (palitra), or set GOMP_SPINCOUNT=1000";
    }

    /** What other programs take of the processors, looked at for a moment. */
    private static String others() {
        if (!(java.lang.management.ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean os)) {
            return "unknown";
        }
        os.getCpuLoad();   // begins to count
        os.getProcessCpuLoad();
        try {
            Thread.sleep(LOOK_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        double all = os.getCpuLoad(), own = os.getProcessCpuLoad();
        if (!(all >= 0) || !(own >= 0)) return "unknown";
        int processors = os.getAvailableProcessors();
        double busy = Math.max(0, all - own) * processors;
        return busy < BUSY ? "no other program works"
            : String.format(Locale.ROOT, "other programs keep %.1f of %d processors busy: steps take longer, and times that are measured "
                + "now mislead", busy, processors);
    }

    private static String memory() {
        if (java.lang.management.ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean os) {
            return (os.getTotalMemorySize() >> 20) + " MiB, " + (os.getFreeMemorySize() >> 20) + " MiB free";
        }
        return "unknown";
    }

    /** A convolution, its gradient against a difference quotient, and noise that is the same twice; empty when all holds. */
    private static String selfTest() {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(1).normal(1, 2, 8, 8), w = new Rng(2).normal(3, 2, 3, 3).requiresGrad(true);
            Torch.conv2d(x, w, null, 1, 1).square().sum().backward();
            double slope = w.grad().select(0, 0).select(0, 0).select(0, 0).select(0, 0).item();
            float[] moved = w.detach().floats();
            double eps = 1e-2;
            moved[0] += eps;
            double up = Torch.conv2d(x, Torch.of(moved, 3, 2, 3, 3), null, 1, 1).square().sum().item();
            moved[0] -= 2 * eps;
            double down = Torch.conv2d(x, Torch.of(moved, 3, 2, 3, 3), null, 1, 1).square().sum().item();
            double quotient = (up - down) / (2 * eps);
            if (Math.abs(slope - quotient) > 0.02 * Math.abs(quotient) + 0.05) return "failed: gradient " + slope + ", expected "
                + quotient;
            if (new Rng(1).normal(1, 2, 8, 8).sub(x).abs().max().item() != 0) return "failed: the same seed gave other noise";
            return "";
        }
    }
}
