package io.palitra.model;

import io.palitra.data.DataSpec;
import io.palitra.data.GridSpec;
import io.palitra.engine.Tensor;

/** A model that makes small grids of numbers of its items, and items of these: what another model may learn in their place. */
public interface Codec {
    /**
     * What it makes of such items.
     *
     * @throws IllegalArgumentException for items that it does not take
     */
    GridSpec latent(DataSpec items);

    /** x [B, ...item] to latents [B,C,h,w], the same for the same x. Without recording, in evaluation mode. */
    Tensor encode(Tensor x);

    /** Latents [B,C,h,w] to items, those of pictures held in [-1,1]. */
    Tensor decode(Tensor z);

    /** SHA-256 in hex of all values that it computes with. Waits for the device. */
    String sha256();
}
