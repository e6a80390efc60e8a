package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.ImageSpec;
import io.palitra.data.VideoSpec;
import io.palitra.diffusion.Bounded;
import io.palitra.diffusion.Denoiser;
import io.palitra.diffusion.LevelTable;
import io.palitra.diffusion.NoiseSchedule;
import io.palitra.diffusion.Objective;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.nn.Module;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
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
     * @param above a run whose pictures it enlarges; empty for none
     * @param condition what it is given
     * @param drop share of training items whose condition is hidden
     * @param text what reads texts
     */
    public record Parts(String stage, String above, Objective objective, NoiseSchedule schedule, Conditioning.By condition, double drop,
        TextReader text,
            DenoisingNet net) {}

    /** A quantile above this, as of a network that diverges, is cut. */
    private static final double MOST = 100;

    private final Parts parts;
    private final DataSpec data;
    private final @Nullable Latents latents;
    private final @Nullable LowerStage lower;
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
        this.parts = parts;
        data = with.data();
        boolean films = parts.net instanceof DenoisingNet.Latte;
        ImageSpec image = data instanceof ImageSpec i && !films ? i : null;
        if (films) VideoSpec.of(family + " with net=latte", data);
        else if (image == null) throw new ArgumentException(family + " wants pictures, got " + data + "; net=latte learns films");
        if (films && !(parts.stage + parts.above).isEmpty()) {
            throw new ConfigException(parts.stage.isEmpty() ? "above" : "stage", "net=latte draws films themselves: stage and above are of"
                + " pictures");
        }
        table = parts.objective.table(parts.schedule);
        conditioning = new Conditioning(family, parts.condition, parts.drop, parts.text, with);
        if (!parts.stage.isEmpty() && !parts.above.isEmpty()) {
            throw new ConfigException("above",
                "a stage above another draws pictures; stage makes latents of them: one of both is to be empty");
        }
        latents = image == null || parts.stage.isEmpty() ? null : new Latents(parts.stage, with);
        lower = image == null || parts.above.isEmpty() ? null : new LowerStage(parts.above, image, with);
        items = latents == null ? data : latents.spec();
        net = parts.net.build(items, new DenoisingNet.Inputs(conditioning.classes(), conditioning.textWidth(), lower == null ? 0
            : lower.channels()),
            with.init());
        Module condition = conditioning.module();
        module = latents == null && condition == null ? net.module() : new Weights(net.module(), condition, latents);
    }

    public Parts parts() { return parts; }

    /** What it draws. */
    public DataSpec data() { return data; }

    /** What it learns: pictures, or latents. */
    public DataSpec items() { return items; }

    public Conditioning conditioning() { return conditioning; }

    public DenoisingNet.Built built() { return net; }

    /** All that a checkpoint holds. */
    public Module module() { return module; }

    /** The latents that it learns; null where it learns pictures. */
    public @Nullable Latents latents() { return latents; }

    /** The run whose pictures it enlarges; null for none. */
    public @Nullable LowerStage lower() { return lower; }

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

    /** Noise [n, ...item] that sampling starts from. */
    public Tensor noise(int n, Rng rng) { return rng.normal(LongStream.concat(LongStream.of(n), LongStream.of(items.shape())).toArray()); }

    /** Clean items of a training batch, pictures or latents, [B,C,H,W]. */
    public Tensor clean(Batch batch) { return latents == null ? batch.x() : latents.of(batch); }

    /** The same of pictures [B,C,H,W] in [-1,1]. */
    public Tensor clean(Tensor x) { return latents == null ? x : latents.encode(x); }

    /** Pictures [B,C,H,W] in [-1,1] of clean items. */
    public Tensor pictures(Tensor x0) { return latents == null ? x0.clamp(-1, 1) : latents.decode(x0); }

    /** What training items are given, some of it hidden. */
    public Given learned(Batch batch, Rng rng) {
        Given given = conditioning.learned(batch.given(), batch.x().device(), rng);
        return lower == null ? given : given.with(lower.learned(batch.x(), rng));
    }

    /**
     * What samples are given.
     *
     * @param asked with a class or a text for each, where it is given such
     * @param below sampling keys of the stage below
     * @param augment noise of its pictures, from 0 to 1
     */
    public Given given(Condition asked, int count, List<String> below, double augment, Device device, Rng rng) {
        Given given = conditioning.of(asked, device);
        if (lower != null) return given.with(lower.drawn(below, asked, count, augment, rng));
        if (!below.isEmpty()) throw new ConfigException("below", "this run stands above no other: it has no stage below");
        return given;
    }

    /**
     * What holds expected pictures in their range.
     *
     * @param threshold quantile of a picture's numbers that is brought into it; 1 = what is outside is cut off
     * @throws IllegalArgumentException for latents
     */
    public Bounded.Bound range(double threshold) {
        if (latents != null) {
            throw new ArgumentException("illegal clip: true, must be false for a run that draws latents: they have no range");
        }
        return threshold < 1 ? new Bounded.Dynamic(threshold, MOST) : new Bounded.Range(1);
    }

    /** The network's output for noisy items at levels of their own. @param rng draws the dropout of training */
    public Tensor predict(Objective.Noised at, Given given, Rng rng) { return forward(at.x(), at.t(), given, rng); }

    /** The same, guided, without dropout. */
    public Tensor predict(Objective.Noised at, Given with, Given without, double guidance) {
        if (guidance == 1) return forward(at.x(), at.t(), with, null);
        Given both = without.with(with.beside()).and(with);
        Tensor[] out = forward(Torch.cat(0, at.x(), at.x()), Torch.cat(0, at.t(), at.t()), both, null).chunk(2, 0);
        return out[0].lerp(out[1], guidance);
    }

    private Tensor forward(Tensor x, Tensor t, Given given, @Nullable Rng rng) {
        Tensor beside = given.beside();
        return net.forward(beside == null ? x : Torch.cat(1, x, beside), t, given, rng);
    }

    /** E[x0 | x], of items that are given this. */
    public Denoiser denoiser(Given given) {
        return parts.objective.denoiser((x, t) -> forward(x, Torch.full(t, x.size(0)).to(x.device()), given, null));
    }

    /** The same, guided: without + guidance (with - without), Ho and Salimans 2022, eq. 6, both in one batch. */
    public Denoiser denoiser(Given with, Given without, double guidance) {
        conditioning.checkGuidance(guidance);
        if (guidance == 1) return denoiser(with);
        if (guidance == 0) return denoiser(without.with(with.beside()));
        Given both = without.with(with.beside()).and(with);
        return parts.objective.denoiser((x, t) -> {
            Tensor times = Torch.full(t, 2 * x.size(0)).to(x.device());
            Tensor[] out = forward(Torch.cat(0, x, x), times, both, null).chunk(2, 0);
            return out[0].lerp(out[1], guidance);
        });
    }
}
