package io.palitra.edit;

import io.palitra.data.Pictures;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/**
 * Squares out of a picture, as inputs of CLIP: of random sizes and at random places, resized to CLIP's size by the bicubic weights of
 * {@link Pictures#resize}, then turned, moved, tilted, coloured and covered with noise. Crowson et al. 2022, arXiv:2204.08583. The gradient
 * passes through all of it.
 *
 * @param side  height and width of a part
 * @param power of the uniform number that gives its size in the picture, from the smaller of the picture and {@code side} to the picture
 */
record Cutouts(int side, double power, DreamRequest.Augment augment) {
    /** Uniform numbers for a part: size, row, column, angle, two shifts, two tilts, flip, three of colour, noise. */
    private static final int NUMBERS = 13;

    /** Parts from..from+n-1 of x [1,C,H,W]: [n,C,side,side]. Part i is a function of the stream and i. */
    Tensor of(Tensor x, int from, int n, Rng rng) {
        return Scope.run(() -> {
            Rng own = rng.at(from);
            float[] u = own.uniform(n, NUMBERS).floats();
            Tensor y = warped(coloured(parts(x, n, u), u), u);
            if (augment.noise() == 0) return y;
            float[] deviation = new float[n];
            for (int i = 0; i < n; i++) deviation[i] = (float) (augment.noise() * u[NUMBERS * i + 12]);
            return y.add(own.normalLike(y).mul(factors(deviation, y)));
        });
    }

    /** The whole of x [1,C,H,W], as far as a square in its middle goes: [1,C,side,side]. */
    Tensor whole(Tensor x) {
        int h = (int) x.size(2), w = (int) x.size(3), square = Math.min(h, w);
        return Scope.run(() -> weights(new int[] {square}, new int[] {(h - square) / 2}, h, x).matmul(x)
            .matmul(weights(new int[] {square}, new int[] {(w - square) / 2}, w, x).transpose(2, 3)));
    }

    private Tensor parts(Tensor x, int n, float[] u) {
        int h = (int) x.size(2), w = (int) x.size(3), most = Math.min(h, w), least = Math.min(most, side);
        int[] size = new int[n], top = new int[n], left = new int[n];
        for (int i = 0; i < n; i++) {
            size[i] = least + (int) (Math.pow(u[NUMBERS * i], power) * (most - least + 1));
            size[i] = Math.min(most, size[i]);
            top[i] = (int) (u[NUMBERS * i + 1] * (h - size[i] + 1));
            left[i] = (int) (u[NUMBERS * i + 2] * (w - size[i] + 1));
        }
        return weights(size, top, h, x).matmul(x).matmul(weights(size, left, w, x).transpose(2, 3));   // [n,C,side,side]
    }

    /** Matrices [n,1,side,from] that cut and resize along one direction. */
    private Tensor weights(int[] size, int[] at, int from, Tensor like) {
        float[] all = new float[Math.multiplyExact(Math.multiplyExact(size.length, side), from)];
        for (int i = 0; i < size.length; i++) {
            float[] one = Pictures.bicubic(size[i], side);
            for (int o = 0; o < side; o++) System.arraycopy(one, o * size[i], all, (i * side + o) * from + at[i], size[i]);
        }
        return Torch.of(all, size.length, 1, side, from).to(like.device());
    }

    private static double either(float u) { return 2 * u - 1; }

    private Tensor coloured(Tensor x, float[] u) {
        if (augment.jitter() == 0) return x;
        int n = (int) x.size(0);
        float[] brighter = new float[n], contrast = new float[n], saturation = new float[n];
        for (int i = 0; i < n; i++) {
            brighter[i] = (float) (augment.jitter() * either(u[NUMBERS * i + 9]));
            contrast[i] = (float) (1 + augment.jitter() * either(u[NUMBERS * i + 10]));
            saturation[i] = (float) (1 + augment.jitter() * either(u[NUMBERS * i + 11]));
        }
        Tensor grey = x.mean(true, 1);
        Tensor y = x.sub(grey).mul(factors(saturation, x)).add(grey);
        Tensor mean = y.mean(true, 1, 2, 3);
        return y.sub(mean).mul(factors(contrast, x)).add(mean).add(factors(brighter, x));
    }

    /** Turn, shift, tilt and flip in one look-up: the place of each pixel by a projective map. */
    private Tensor warped(Tensor x, float[] u) {
        if (augment.turn() == 0 && augment.shift() == 0 && augment.perspective() == 0 && augment.flip() == 0) return x;
        int n = (int) x.size(0);
        float[] maps = new float[9 * n];
        for (int i = 0; i < n; i++) {
            int at = NUMBERS * i;
            double angle = Math.toRadians(augment.turn() * either(u[at + 3])), cos = Math.cos(angle), sin = Math.sin(angle);
            double tx = 2 * augment.shift() * either(u[at + 4]), ty = 2 * augment.shift() * either(u[at + 5]);
            double px = augment.perspective() * either(u[at + 6]), py = augment.perspective() * either(u[at + 7]);
            double mirror = u[at + 8] < augment.flip() ? -1 : 1;
            // rows of the map (x, y, w) of (x, y, 1): first the tilt, then turn and shift
            double[] m = {mirror * cos + tx * px, -sin + tx * py, tx, mirror * sin + ty * px, cos + ty * py, ty, px, py, 1};
            for (int k = 0; k < 9; k++) maps[9 * i + k] = (float) m[k];
        }
        float[] square = new float[3 * side * side];
        for (int y = 0, k = 0; y < side; y++) {
            for (int c = 0; c < side; c++) {
                square[k++] = (2 * c + 1f) / side - 1;
                square[k++] = (2 * y + 1f) / side - 1;
                square[k++] = 1;
            }
        }
        Tensor places = Torch.of(square, 1, (long) side * side, 3).matmul(Torch.of(maps, n, 3, 3).transpose(1, 2));
        Tensor flat = places.narrow(2, 0, 2).div(places.narrow(2, 2, 1)).reshape(n, side, side, 2);
        return Torch.at(x, flat.to(x.device()));
    }

    private static Tensor factors(float[] each, Tensor like) { return Torch.of(each, each.length, 1, 1, 1).to(like.device()); }
}
