package io.palitra.nn;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.List;

/**
 * Changes of pictures that a discriminator is shown, real and made ones alike, so that a few pictures serve it longer. All are
 * differentiable. Square pictures [B,C,S,S] in [-1,1].
 */
public final class Augment {
    private static final double GREY = 1 / Math.sqrt(3);

    private Augment() {}

    /**
     * Each change with probability p for itself, so that for p below about 0.8 the changes do not show in what is made: flips, turns by 90
     * degrees, shifts by whole pixels, scaling, rotation, stretching, shifts by parts of pixels, brightness, contrast, and of colours
     * inversion of brightness, hue and saturation. Karras et al. 2020, arXiv:2006.06676, section 2 and appendix B; pixels between pixels
     * are taken on a line between the four around, and the edge goes on beyond the edge.
     *
     * @param p probability, a scalar tensor
     */
    public static Tensor adaptive(Tensor x, Tensor p, Rng rng) {
        square(x);
        return coloured(moved(x, p, rng), p, rng);
    }

    private static void square(Tensor x) {
        if (x.dims() != 4 || x.size(2) != x.size(3) || x.size(1) != 1 && x.size(1) != 3) {
            throw new ArgumentException("augmentation wants square pictures [B,1,S,S] or [B,3,S,S], got " + x);
        }
    }

    /** Gate of each item, [B]: 1 with probability p, else 0. */
    private static Tensor gate(long items, Tensor p, Rng rng) { return rng.uniform(items).lt(p.to(DType.F32)).to(DType.F32); }

    private static Tensor moved(Tensor x, Tensor p, Rng rng) {
        long n = x.size(0), side = x.size(2);
        Tensor none = rng.uniform(n).mul(0), one = none.add(1);
        Tensor turns = p.to(DType.F32).clampMax(1).rsub(1).sqrt().rsub(1);   // so that of two turns one or both come with probability p
        // of places in the changed picture to places in the given one
        Tensor flip = gate(n, p, rng).mul(rng.uniform(n).mul(2).floor()).mul(-2).add(1);
        Tensor m = matrix(flip, none, none, none, one, none);
        Tensor quarter = gate(n, p, rng).mul(rng.uniform(n).mul(4).floor()).mul(Math.PI / 2);
        m = m.matmul(rotation(quarter.cos().round(), quarter.sin().round(), none));
        Tensor shifted = gate(n, p, rng), right = whole(shifted, rng, n, side), down = whole(shifted, rng, n, side);
        m = m.matmul(matrix(one, none, right, none, one, down));
        Tensor size = gate(n, p, rng).mul(rng.normal(n)).mul(0.2 * Math.log(2)).exp();
        m = m.matmul(matrix(size, none, none, none, size, none));
        Tensor before = gate(n, turns, rng).mul(rng.uniform(n).sub(0.5)).mul(2 * Math.PI);
        m = m.matmul(rotation(before.cos(), before.sin(), none));
        Tensor wide = gate(n, p, rng).mul(rng.normal(n)).mul(0.2 * Math.log(2));
        m = m.matmul(matrix(wide.exp(), none, none, none, wide.neg().exp(), none));
        Tensor after = gate(n, turns, rng).mul(rng.uniform(n).sub(0.5)).mul(2 * Math.PI);
        m = m.matmul(rotation(after.cos(), after.sin(), none));
        Tensor shift = gate(n, p, rng).mul(0.25);   // an eighth of the picture, whose coordinates go from -1 to 1
        m = m.matmul(matrix(one, none, shift.mul(rng.normal(n)), none, one, shift.mul(rng.normal(n))));
        Tensor middle = Torch.arange(0, side).to(DType.F32).to(none.device()).mul(2).add(1).div(side).sub(1);   // of each pixel
        Tensor columns = middle.reshape(1, side).expand(side, side), rows = middle.reshape(side, 1).expand(side, side);
        Tensor places = Torch.stack(2, List.of(columns, rows, columns.mul(0).add(1))).reshape(1, side * side, 3);
        Tensor from = places.matmul(m.transpose(1, 2)).narrow(2, 0, 2).reshape(n, side, side, 2);
        return Torch.at(x, from.to(x.dtype()));
    }

    /** A shift by whole pixels of up to an eighth of the side, where the gate is 1. */
    private static Tensor whole(Tensor gate, Rng rng, long n, long side) {
        return gate.mul(rng.uniform(n).sub(0.5).mul(0.25 * side).round()).mul(2.0 / side);
    }

    /** [B,3,3] of two rows of numbers [B]. */
    private static Tensor matrix(Tensor a, Tensor b, Tensor c, Tensor d, Tensor e, Tensor f) {
        Tensor none = a.mul(0);
        return Torch.stack(1, List.of(a, b, c, d, e, f, none, none, none.add(1))).reshape(a.size(0), 3, 3);
    }

    private static Tensor rotation(Tensor cos, Tensor sin, Tensor none) { return matrix(cos, sin.neg(), none, sin, cos, none); }

    private static Tensor coloured(Tensor x, Tensor p, Rng rng) {
        long n = x.size(0);
        Tensor brightness = gate(n, p, rng).mul(rng.normal(n)).mul(0.2);
        Tensor contrast = gate(n, p, rng).mul(rng.normal(n)).mul(0.5 * Math.log(2)).exp();
        Tensor y = x.add(each(brightness, x)).mul(each(contrast, x));
        if (x.size(1) == 1) return y;
        Tensor grey = Torch.full(GREY * GREY, 3, 3).to(brightness.device()), same = Torch.eye(3).to(brightness.device());
        Tensor inverted = gate(n, p, rng).mul(rng.uniform(n).mul(2).floor()).mul(2).reshape(n, 1, 1);
        Tensor angle = gate(n, p, rng).mul(rng.uniform(n).sub(0.5)).mul(2 * Math.PI).reshape(n, 1, 1);
        Tensor vivid = gate(n, p, rng).mul(rng.normal(n)).mul(Math.log(2)).exp().reshape(n, 1, 1);
        Tensor across = Torch.of(new double[] {0, -GREY, GREY, GREY, 0, -GREY, -GREY, GREY, 0}, 3, 3).to(DType.F32)
            .to(brightness.device());
        Tensor colours = same.sub(grey);
        Tensor m = same.sub(grey.mul(inverted));
        m = grey.add(colours.mul(angle.cos())).add(across.mul(angle.sin())).matmul(m);   // hue: a turn about the grey axis
        m = grey.add(colours.mul(vivid)).matmul(m);
        return m.to(y.dtype()).matmul(y.reshape(n, 3, -1)).reshape(y.shape());
    }

    private static Tensor each(Tensor t, Tensor like) { return t.to(like.dtype()).broadcastTo(4); }

    /**
     * Always: brightness, saturation and contrast, a shift of up to an eighth of the side, which zeros fill, and a square of half the side
     * set to 0. Zhao et al. 2020, arXiv:2006.10738, section 4.
     */
    public static Tensor differentiable(Tensor x, Rng rng) {
        square(x);
        long n = x.size(0), side = x.size(2);
        Tensor y = x.add(each(rng.uniform(n).sub(0.5), x));
        Tensor grey = y.mean(true, 1);
        y = y.sub(grey).mul(each(rng.uniform(n).mul(2), x)).add(grey);
        Tensor mean = y.mean(true, 1, 2, 3);
        y = y.sub(mean).mul(each(rng.uniform(n).add(0.5), x)).add(mean);
        Tensor pixels = Torch.arange(0, side).to(DType.F32).to(x.device()).reshape(1, side);
        long most = side / 8;
        Tensor right = rng.integers(2 * most + 1, n).sub(most).to(DType.F32), down = rng.integers(2 * most + 1, n).sub(most).to(DType.F32);
        Tensor columns = ringed(pixels.add(right.reshape(n, 1)), side), rows = ringed(pixels.add(down.reshape(n, 1)), side);
        Tensor places = Torch.stack(3, List.of(columns.unsqueeze(1).expand(n, side, side), rows.unsqueeze(2).expand(n, side, side)));
        y = Torch.at(Torch.pad(y, 1, 1, 1, 1), places.to(y.dtype()));
        long half = side / 2;
        Tensor left = rng.integers(side + 1, n).sub(half / 2.0 + 0.5), above = rng.integers(side + 1, n).sub(half / 2.0 + 0.5);
        Tensor kept = within(pixels, left, half).unsqueeze(1).mul(within(pixels, above, half).unsqueeze(2)).rsub(1);   // [B,S,S]
        return y.mul(kept.unsqueeze(1).to(y.dtype()));
    }

    /** Coordinates from -1 to 1 of pixels in a picture with a ring of zeros around. */
    private static Tensor ringed(Tensor pixels, long side) { return pixels.add(1).mul(2).add(1).div(side + 2).sub(1); }

    /** 1 for pixels from..from+length-1, [B,S]. */
    private static Tensor within(Tensor pixels, Tensor from, long length) {
        Tensor at = pixels.sub(from.to(DType.F32).reshape(-1, 1));
        return at.ge(0).to(DType.F32).mul(at.lt(length).to(DType.F32));
    }
}
