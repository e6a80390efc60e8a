package io.palitra.nn;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/** A table [V,D], rows drawn from N(0,1). Index I64 [...] to [...,D]. */
public final class Embedding extends Module {
    private final Tensor weight;

    public Embedding(int rows, int width, Rng rng) { weight = table("weight", rng.normal(rows, width)); }

    public Embedding(int rows, int width, Init init, Rng rng) { weight = table("weight", init.draw(rng, width, rows, width)); }

    public Tensor forward(Tensor index) { return Torch.embedding(weight, index); }
}
