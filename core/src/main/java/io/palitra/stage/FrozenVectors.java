package io.palitra.stage;

import io.palitra.config.ConfigException;
import io.palitra.data.ImageSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.ModelRef;

/** Pictures as the vectors of a frozen CLIP, of length 1. */
public final class FrozenVectors {
    private final ClipEmbedder clip;

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

    /** Vectors of pictures [B,C,H,W], [B,P], in full precision always; without a gradient. Not kept: a run goes on by the same bits. */
    public Tensor encode(Tensor x) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Guard full = Torch.autocast(x.device(), DType.F32)) {
            return scope.keep(clip.embedImage(x));
        }
    }
}
