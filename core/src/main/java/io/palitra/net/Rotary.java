package io.palitra.net;

import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/**
 * Positions as rotations: a query and a key are turned by angles that grow with their place, so that their product tells how far they are
 * from each other, wherever they stand. Su et al. 2021, "RoFormer", arXiv:2104.09864. Number i of the first half of a head is turned with
 * number i of the second.
 *
 * @param cos and sin of the angles, stretched to [B,heads,L,d]
 */
record Rotary(Tensor cos, Tensor sin) {
    static final double BASE = 10000;

    /** Of places [B,L]. @param d width of a head, even */
    static Rotary at(Tensor places, long d) {
        Tensor frequency = Torch.arange(0, d / 2).to(places.device()).mul(-2 * Math.log(BASE) / d).exp();
        Tensor angle = places.unsqueeze(2).mul(frequency);   // [B,L,d/2]
        Tensor both = Torch.cat(2, angle, angle).unsqueeze(1);
        return new Rotary(both.cos(), both.sin());
    }

    /** Of the places 0 to length - 1. */
    static Rotary of(long length, long d, Device device) { return at(Torch.arange(0, length).to(device).unsqueeze(0), d); }

    /** x [...,L,d] turned. */
    Tensor turn(Tensor x) {
        return Scope.run(() -> {
            int last = x.dims() - 1;
            Tensor[] halves = x.chunk(2, last);
            return x.mul(cos).add(Torch.cat(last, halves[1].neg(), halves[0]).mul(sin));
        });
    }
}
