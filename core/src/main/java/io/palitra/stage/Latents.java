package io.palitra.stage;

import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.GridSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Codec;
import io.palitra.model.ModelRef;
import io.palitra.nn.Module;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Pictures as latents of a frozen autoencoder, multiplied by a factor that makes their standard deviation 1: Rombach et al. 2022,
 * arXiv:2112.10752, appendix G. Those of training items are computed once and kept in a file.
 */
public final class Latents extends Module {
    /** The file in a run folder. */
    public static final String FILE = "latents.bin";

    /** Items that the factor is measured on. */
    private static final int MEASURED = 1000, AT_ONCE = 50;

    private final Codec codec;
    private final GridSpec spec;
    private final Tensor scale;   // 0-d
    private @Nullable LatentFile file;

    /** @param where of config key {@code stage}; it is not empty */
    public Latents(String where, Build with) {
        codec = with.models().open(new ModelRef(where), Codec.class);
        spec = codec.latent(with.data());
        scale = buffer("scale", Torch.full(1));
    }

    public Codec codec() { return codec; }

    /** What a latent is. */
    public GridSpec spec() { return spec; }

    /** What latents are multiplied by. Waits for the device. */
    public double factor() { return scale.item(); }

    /** Measures the factor. */
    public void measure(Dataset data) {
        double sum = 0, squares = 0;
        long n = 0;
        for (Batch batch : DataLoader.drawn(data, AT_ONCE, MEASURED, 0, scale.device())) {
            try (Scope scope = new Scope()) {
                Tensor z = raw(batch.x()).to(DType.F64);
                sum += z.sum().item();   // waits for the device
                squares += z.square().sum().item();
                n += z.numel();
            }
        }
        double variance = squares / n - sum / n * (sum / n);
        try (Scope scope = new Scope()) { this.scale.copyFrom(Torch.full(variance > 0 ? 1 / Math.sqrt(variance) : 1)); }
    }

    /** Keeps what is computed of these items from now on in a file of that folder, and takes it from there. */
    public void keep(Dataset data, Path folder) {
        release();
        file = new LatentFile(folder.resolve(FILE), data.fingerprint().key() + " " + codec.sha256(), Math.toIntExact(spec.dims()));
    }

    /** Gives the file back. */
    public void release() {
        if (file != null) file.close();
        file = null;
    }

    /** Of training items, [B,C,h,w]. */
    public Tensor of(Batch batch) {
        int[] items = batch.items();
        if (items.length == 0 || file == null) return encode(batch.x());
        int n = Math.toIntExact(spec.dims());
        float[] all = new float[items.length * n];
        boolean kept = true;
        for (int b = 0; b < items.length && kept; b++) kept = file.read(items[b], all, b * n);
        if (kept) {
            Device device = batch.x().device();
            return Torch.of(all, items.length, spec.channels(), spec.height(), spec.width()).to(device).mul(scale);
        }
        Tensor z = raw(batch.x());
        float[] fresh = z.floats();   // waits for the device
        for (int b = 0; b < items.length; b++) file.write(items[b], fresh, b * n);
        return z.mul(scale);
    }

    /** Pictures [B,C,H,W] in [-1,1] to latents [B,c,h,w]. */
    public Tensor encode(Tensor x) { return raw(x).mul(scale); }

    /** In full precision always: what is kept is what would be computed. */
    private Tensor raw(Tensor x) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Guard full = Torch.autocast(x.device(), DType.F32)) {
            return scope.keep(codec.encode(x));
        }
    }

    /** Latents to pictures in [-1,1]. */
    public Tensor decode(Tensor z) { return codec.decode(z.div(scale)); }
}
