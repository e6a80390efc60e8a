package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;

/**
 * LLaMA's layers after the attention: one multiplied by the nonlinearity of another (Shazeer 2020, arXiv:2002.05202). [...,D] to [...,D].
 */
final class GatedMlp extends Module {
    private final HiddenActivation act;
    private final Linear gate;
    private final Linear up;
    private final Linear down;

    GatedMlp(int width, int inner, HiddenActivation act, Rng rng) {
        this.act = act;
        gate = child("gate_proj", new Linear(width, inner, false, rng));
        up = child("up_proj", new Linear(width, inner, false, rng));
        down = child("down_proj", new Linear(inner, width, false, rng));
    }

    Tensor forward(Tensor x) { return down.forward(act.of(gate.forward(x)).mul(up.forward(x))); }
}
