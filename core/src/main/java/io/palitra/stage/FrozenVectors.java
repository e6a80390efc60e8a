package io.palitra.stage;

import io.palitra.config.ConfigException;
import io.palitra.data.Batch;
import io.palitra.data.ImageSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.ModelRef;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Pictures as the vectors of a frozen CLIP, of length 1, computed once. */
public final class FrozenVectors {
    /** Numbers that are kept in memory, so that a picture is encoded once. */
    private static final long REMEMBERED = 1L << 26;

    private final ClipEmbedder clip;
    private final Map<Integer, float[]> seen = new LinkedHashMap<>();   // by place in the data set

    /**
     * @param family that wants it, for the refusals
     * @param where of config key {@code clip}
     */
    public FrozenVectors(String family, String where, Build with) {
        if (where.isEmpty()) {
            throw new ConfigException("clip", "which CLIP? clip=W names a run of clip, a folder of transformers' CLIP, or org/name of one");
        }
        if (!(with.data() instanceof ImageSpec)) throw new ConfigException("data", family + " wants pictures, got " + with.data());
        clip = with.models().open(new ModelRef(where), ClipEmbedder.class);
    }

    public ClipEmbedder clip() { return clip; }

    /** Numbers of a vector, P. */
    public int width() { return clip.points(); }

    /** Vectors of training pictures [B,P]. */
    public Tensor of(Batch batch) {
        int n = width();
        int[] items = batch.items();
        boolean kept = items.length > 0 && (seen.size() + items.length) * (long) n <= REMEMBERED;
        if (items.length == 0 || !kept && !Arrays.stream(items).allMatch(seen::containsKey)) return encode(batch.x());
        if (!Arrays.stream(items).allMatch(seen::containsKey)) {
            float[] all = encode(batch.x()).floats();
            for (int b = 0; b < items.length; b++) seen.put(items[b], Arrays.copyOfRange(all, b * n, (b + 1) * n));
        }
        float[] vectors = new float[items.length * n];
        for (int b = 0; b < items.length; b++) System.arraycopy(seen.get(items[b]), 0, vectors, b * n, n);
        return Torch.of(vectors, items.length, n).to(batch.x().device());
    }

    /** As {@link #of}, of pictures of no data set, or of another than the others. */
    public Tensor encode(Tensor x) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Guard full = Torch.autocast(x.device(), DType.F32)) {
            return scope.keep(clip.embedImage(x));
        }
    }
}
