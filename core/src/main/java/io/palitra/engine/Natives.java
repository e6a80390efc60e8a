package io.palitra.engine;

import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Loads libtorch with the right BLAS and threading; every class of this package that uses it calls this first. */
final class Natives {
    private Natives() {}

    /** Which BLAS was chosen: "mkl" or "openblas". */
    static final String BLAS;
    /** Where the libraries are; null if there is no such folder. */
    static final @Nullable Path FOLDER;
    private static final @Nullable EngineError FAULT;

    /** What computes convolutions: "onednn", or "plain" where that computes wrong ones. */
    static final String CONVOLUTIONS;

    static {
        // scopes free what they own; without the collector's phantom references an operation costs half
        // (tests set it back: only then are native objects counted, so that leaks show)
        if (System.getProperty("org.bytedeco.javacpp.nopointergc") == null) System.setProperty("org.bytedeco.javacpp.nopointergc", "true");
        boolean mkl = present("org.bytedeco.mkl.global.mkl_rt");
        BLAS = mkl ? "mkl" : "openblas";
        Path folder = null;
        EngineError fault = null;
        String convolutions = "none";
        try {
            folder = LibraryFolder.open();
            start(folder, mkl);
            org.bytedeco.pytorch.Context context = org.bytedeco.pytorch.global.torch.globalContext();
            context.setUserEnabledNNPACK(false);   // on processors it does not know it warns on stderr of every convolution
            boolean sound = OneDnn.sound();
            if (!sound) context.setUserEnabledMkldnn(false);
            convolutions = sound ? "onednn" : "plain";
        } catch (EngineError e) {
            fault = e;
        } catch (LinkageError | RuntimeException e) {
            fault = EngineError.of(System.getProperty("os.name") + " " + System.getProperty("os.arch"), Objects.requireNonNull(folder), e);
        }
        CONVOLUTIONS = convolutions;
        FOLDER = folder;
        FAULT = fault;
    }

    /** Libraries that lie there already are loaded at once; to extract them is for one process at a time. */
    private static void start(Path folder, boolean mkl) {
        FoundLibraries found = FoundLibraries.ofThisClassPath();
        boolean known = found != null && found.recall();
        FileLock lock = known ? null : LibraryFolder.lock(folder);
        try {
            if (lock != null && found != null && found.recall()) {   // another process has extracted them since
                LibraryFolder.release(lock.acquiredBy());
                lock = null;
                known = true;
            }
            if (mkl) {
                System.setProperty("org.bytedeco.openblas.load", "mkl_rt");   // before any class of pytorch or openblas
                if (!"GNU".equals(System.getenv("MKL_THREADING_LAYER"))) Mkl.useGnuThreads();
            }
            org.bytedeco.javacpp.Loader.load(org.bytedeco.pytorch.global.torch.class);
            if (found != null && !known) found.remember();
        } catch (LinkageError | RuntimeException e) {
            if (found != null) found.forget();
            throw e;
        } finally {
            if (lock != null) LibraryFolder.release(lock.acquiredBy());
        }
        // OMP_NUM_THREADS may be more than a container was given
        int processors = Runtime.getRuntime().availableProcessors();
        if (org.bytedeco.pytorch.global.torch.get_num_threads() > processors) org.bytedeco.pytorch.global.torch.set_num_threads(processors);
    }

    /** Runs the static block. @throws EngineError each time where the libraries cannot be loaded */
    static void load() {
        if (FAULT != null) throw new EngineError(FAULT);
    }

    private static boolean present(String type) {
        try {
            Class.forName(type, false, Natives.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;   // no MKL for this platform: OpenBLAS or Accelerate serves
        }
    }

    /** Apart, so that platforms without MKL never resolve its classes. */
    private static final class Mkl {
        static void useGnuThreads() {
            // libtorch brings libgomp; with MKL's default, a second OpenMP runtime fights it for the cores
            org.bytedeco.mkl.global.mkl_rt.MKL_Set_Threading_Layer(org.bytedeco.mkl.global.mkl_rt.MKL_THREADING_GNU);
        }
    }
}
