package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.data.Batch;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.ImageSpec;
import io.palitra.diffusion.Denoiser;
import io.palitra.diffusion.LevelTable;
import io.palitra.diffusion.NoiseSchedule;
import io.palitra.diffusion.Objective;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.nn.Module;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A network that estimates clean pictures from noisy ones, with what it is given beside them. A family trains it by a loss of its own, and
 * draws by the {@link Denoiser} that it is.
 */
public final class DenoisingModel {
    /**
     * What it is.
     *
     * @param stage an autoencoder whose latents it learns in place of pictures; empty = pictures themselves
     * @param condition what it is given
     * @param drop share of training items whose condition is hidden
     * @param text what reads texts
     */
    public record Parts(String stage, Objective objective, NoiseSchedule schedule, Conditioning.By condition, double drop, TextReader text,
            DenoisingNet net) {}

    private final Parts parts;
    private final ImageSpec pictures;
    private final @Nullable Latents latents;
    private final DataSpec items;
    private final LevelTable table;
    private final Conditioning conditioning;
    private final DenoisingNet.Built net;
    private final Module module;

    /** The network, and what else a checkpoint holds. */
    private static final class Weights extends Module {
        Weights(Module net, @Nullable Module condition, @Nullable Latents latents) {
            child("net", net);
            if (condition != null) child("condition", condition);
            if (latents != null) child("latents", latents);
        }
    }

    /**
     * @param family is named in refusals
     * @throws IllegalArgumentException for data that it cannot learn
     */
    public DenoisingModel(String family, Parts parts, Build with) {
        if (!(with.data() instanceof ImageSpec image)) throw new ArgumentException(family + " wants pictures, got " + with.data());
        this.parts = parts;
        pictures = image;
        table = parts.objective.table(parts.schedule);
        conditioning = new Conditioning(family, parts.condition, parts.drop, parts.text, with);
        latents = parts.stage.isEmpty() ? null : new Latents(parts.stage, with);
        items = latents == null ? image : latents.spec();
        net = parts.net.build(items, new DenoisingNet.Inputs(conditioning.classes(), conditioning.textWidth(), 0), with.init());
        Module condition = conditioning.module();
        module = latents == null && condition == null ? net.module() : new Weights(net.module(), condition, latents);
    }

    public Parts parts() { return parts; }

    /** What it draws. */
    public ImageSpec pictures() { return pictures; }

    /** What it learns: pictures, or latents. */
    public DataSpec items() { return items; }

    public Conditioning conditioning() { return conditioning; }

    public DenoisingNet.Built built() { return net; }

    /** All that a checkpoint holds. */
    public Module module() { return module; }

    /** The latents that it learns; null where it learns pictures. */
    public @Nullable Latents latents() { return latents; }

    /** Measures what it must know of the data. */
    public void prepare(Dataset data) {
        conditioning.learn(data);
        if (latents != null) latents.measure(data);
    }

    /** See {@link io.palitra.model.Trainable#keep}. */
    public void keep(Dataset data, Path folder) {
        if (latents != null) latents.keep(data, folder);
    }

    /** Frees all. */
    public void close() {
        if (latents != null) latents.release();
        module.close();
    }

    /** The trained noise levels. */
    public LevelTable table() { return table; }

    /** Noise [n,C,H,W] that sampling starts from. */
    public Tensor noise(int n, Rng rng) { return rng.normal(n, items.shape()[0], items.shape()[1], items.shape()[2]); }

    /** Clean items of a training batch, pictures or latents, [B,C,H,W]. */
    public Tensor clean(Batch batch) { return latents == null ? batch.x() : latents.of(batch); }

    /** Pictures [B,C,H,W] in [-1,1] of clean items. */
    public Tensor pictures(Tensor x0) { return latents == null ? x0.clamp(-1, 1) : latents.decode(x0); }

    /** The network's output for noisy items at levels of their own. @param rng draws the dropout of training */
    public Tensor predict(Objective.Noised at, Given given, Rng rng) { return net.forward(at.x(), at.t(), given, rng); }

    /** E[x0 | x], of items that are given this. */
    public Denoiser denoiser(Given given) {
        return parts.objective.denoiser((x, t) -> net.forward(x, Torch.full(t, x.size(0)).to(x.device()), given, null));
    }

    /** The same, guided: without + guidance (with - without), Ho and Salimans 2022, eq. 6, both in one batch. */
    public Denoiser denoiser(Given with, Given without, double guidance) {
        conditioning.checkGuidance(guidance);
        if (guidance == 1) return denoiser(with);
        if (guidance == 0) return denoiser(without);
        Given both = without.and(with);
        return parts.objective.denoiser((x, t) -> {
            Tensor times = Torch.full(t, 2 * x.size(0)).to(x.device());
            Tensor[] out = net.forward(Torch.cat(0, x, x), times, both, null).chunk(2, 0);
            return out[0].lerp(out[1], guidance);
        });
    }
}
