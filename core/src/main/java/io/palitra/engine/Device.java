package io.palitra.engine;

import io.palitra.config.ArgumentException;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.global.torch;

/** Where tensors live: the processor, or CUDA card {@code index}. */
public record Device(Kind kind, int index) {
    static { Natives.load(); }

    /** What computes. */
    public enum Kind { CPU, CUDA }

    /** The processor. */
    public static final Device CPU = new Device(Kind.CPU, 0);

    /** auto (CUDA where there is one), cpu, cuda or cuda:n. */
    public static Device named(String name) {
        if (name.equals("cpu")) return CPU;
        if (name.equals("auto")) return cudaAvailable() ? new Device(Kind.CUDA, 0) : CPU;
        if (name.equals("cuda") || name.matches("cuda:[0-9]{1,3}")) {
            if (!cudaAvailable()) {
                throw new ArgumentException("device '" + name + "' is not available: no CUDA device in this build or machine");
            }
            return new Device(Kind.CUDA, name.equals("cuda") ? 0 : Integer.parseInt(name.substring(5)));
        }
        throw new ArgumentException("no device '" + name + "'; there are auto, cpu, cuda, cuda:n");
    }

    /** Whether a GPU and its libraries are there. */
    public static boolean cudaAvailable() { return torch.cuda_is_available(); }

    org.bytedeco.pytorch.Device handle() {
        return kind == Kind.CPU ? new org.bytedeco.pytorch.Device(DeviceType.CPU, (byte) -1)
            : new org.bytedeco.pytorch.Device(DeviceType.CUDA, (byte) index);
    }

    DeviceType type() { return kind == Kind.CPU ? DeviceType.CPU : DeviceType.CUDA; }

    /** Threads that one operation may use. Results of convolutions' gradients and of sums depend on it. */
    public static int threads() { return torch.get_num_threads(); }

    /** Processors that this process may use; an operation takes no more threads. */
    public static int processors() { return Runtime.getRuntime().availableProcessors(); }

    /**
     * Sets {@link #threads}.
     *
     * @throws IllegalArgumentException unless it is 1 to {@link #processors}
     */
    public static void threads(int n) {
        if (n < 1 || n > processors()) {
            throw new ArgumentException("illegal threads: " + n + ", must be between 1 and " + processors()
                + ", the processors here");
        }
        torch.set_num_threads(n);
    }

    /** The folder from which the native libraries were loaded; nobody but this user and root can write there. */
    public static java.nio.file.Path libraries() { return java.util.Objects.requireNonNull(Natives.FOLDER); }

    /** Vector instructions that the kernels use, such as AVX512. */
    public static String capability() {
        try (BytePointer name = torch.get_cpu_capability()) { return name.getString(); }
    }

    /** mkl or openblas. */
    public static String blas() { return Natives.BLAS; }

    /**
     * What computes convolutions and products in bf16: onednn; or plain, libtorch's own and slower kernels, on a processor for which the
     * oneDNN in libtorch computes wrong ones. Looked at when the libraries load.
     */
    public static String convolutions() { return Natives.CONVOLUTIONS; }

    /** Version of libtorch and of its binding. */
    public static String libtorch() throws java.io.IOException { return org.bytedeco.javacpp.Loader.getVersion("org.bytedeco", "pytorch"); }

    @Override public String toString() { return kind == Kind.CPU ? "cpu" : "cuda:" + index; }
}
