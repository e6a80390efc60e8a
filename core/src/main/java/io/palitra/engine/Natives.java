package io.palitra.engine;

/** Loads libtorch with the right BLAS and threading; every class of this package that touches it asks here first. */
final class Natives {
    private Natives() {}

    /** Which BLAS was chosen: "mkl" or "openblas". */
    static final String BLAS;

    /** What computes convolutions: "onednn", or "plain" where that computes wrong ones. */
    static final String CONVOLUTIONS;

    static {
        // scopes free what they own; without the collector's phantom references an operation costs half
        // (tests set it back: only then are native objects counted, so that leaks show)
        if (System.getProperty("org.bytedeco.javacpp.nopointergc") == null) System.setProperty("org.bytedeco.javacpp.nopointergc", "true");
        FoundLibraries found = FoundLibraries.ofThisClassPath();
        boolean known = found != null && found.recall();
        boolean mkl = present("org.bytedeco.mkl.global.mkl_rt");
        if (mkl) {
            System.setProperty("org.bytedeco.openblas.load", "mkl_rt");   // before any class of pytorch or openblas
            if (!"GNU".equals(System.getenv("MKL_THREADING_LAYER"))) Mkl.useGnuThreads();
        }
        BLAS = mkl ? "mkl" : "openblas";
        org.bytedeco.javacpp.Loader.load(org.bytedeco.pytorch.global.torch.class);
        if (found != null && !known) found.remember();
        org.bytedeco.pytorch.Context context = org.bytedeco.pytorch.global.torch.globalContext();
        context.setUserEnabledNNPACK(false);   // on processors it does not know it warns on stderr of every convolution
        boolean sound = OneDnn.sound();
        if (!sound) context.setUserEnabledMkldnn(false);
        CONVOLUTIONS = sound ? "onednn" : "plain";
    }

    /** Runs the static block. */
    static void load() {}

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
