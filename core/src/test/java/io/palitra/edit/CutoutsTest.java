package io.palitra.edit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.edit.DreamRequest.Augment;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.junit.jupiter.api.Test;

class CutoutsTest {
    private static final Augment STRONG = new Augment(40, 0.2, 0.3, 0.5, 0.3, 0.2);

    private static double most(Tensor x) { return x.abs().max().item(); }

    @Test void aPictureOfClipsSizeIsItsOwnOnlyPart() {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(1).normal(1, 3, 8, 8);
            Tensor parts = new Cutouts(8, 1, Augment.NONE).of(x, 0, 5, new Rng(2));
            assertThat(parts.shape()).containsExactly(5, 3, 8, 8);
            assertThat(most(parts.sub(x))).isLessThan(1e-6);
        }
    }

    @Test void aPartIsThatOfThePictureResizedLikeAnyPicture() {
        try (Scope scope = new Scope()) {
            byte[] bytes = new Rng(1).integers(256, 3 * 20 * 20).to(DType.U8).bytes();
            Picture small = Pictures.resize(new Picture(3, 20, 20, bytes), 8, 8);
            Tensor x = Torch.of(bytes, 1, 3, 20, 20).to(DType.F32);
            // a power of nearly 0 takes all of the picture
            for (Tensor part : new Tensor[] {new Cutouts(8, 0.01, Augment.NONE).of(x, 0, 1, new Rng(4)),
                new Cutouts(8, 1, Augment.NONE).whole(x)}) {
                assertThat(most(part.clamp(0, 255).sub(Torch.of(small.pixels(), 1, 3, 8, 8).to(DType.F32)))).isLessThan(2);   // it rounds
            }
            // of the middle of a wide one
            Tensor wide = Torch.cat(3, Torch.zeros(1, 3, 20, 6), x, Torch.zeros(1, 3, 20, 6));
            Cutouts cutouts = new Cutouts(8, 1, Augment.NONE);
            assertThat(most(cutouts.whole(wide).sub(cutouts.whole(x)))).isLessThan(1e-4);
        }
    }

    @Test void sizesReachFromClipsSideToThePictureAndPlacesToEveryEdge() {
        try (Scope scope = new Scope()) {
            // the place as a colour: of a part without resizing noise the mean is its middle, the slope its size
            float[] row = new float[32 * 40];
            for (int i = 0; i < row.length; i++) row[i] = i % 40;
            Tensor x = Torch.of(row, 1, 1, 32, 40);
            Tensor parts = new Cutouts(8, 1, Augment.NONE).of(x, 0, 400, new Rng(3)).select(1, 0).select(1, 4);   // [400,8]
            double[] left = parts.select(1, 2).doubles(), right = parts.select(1, 5).doubles();
            double least = 99, most = 0, first = 99, last = 0;
            for (int i = 0; i < left.length; i++) {
                double size = (right[i] - left[i]) * 8 / 3, middle = (right[i] + left[i]) / 2 + 0.5;
                least = Math.min(least, size);
                most = Math.max(most, size);
                first = Math.min(first, middle - size / 2);
                last = Math.max(last, middle + size / 2);
            }
            assertThat(least).isBetween(7.5, 8.6);
            assertThat(most).isBetween(31.0, 32.5);
            assertThat(first).isBetween(-0.7, 1.0);
            assertThat(last).isBetween(39.0, 40.7);
        }
    }

    @Test void partIOfAStreamIsTheSameAloneAndAmongOthers() {
        try (Scope scope = new Scope()) {
            Tensor x = new Rng(1).normal(1, 3, 16, 12);
            Cutouts cutouts = new Cutouts(8, 1, STRONG);
            Tensor all = cutouts.of(x, 0, 7, new Rng(5)), some = cutouts.of(x, 4, 3, new Rng(5));
            assertThat(most(all.rows(4, 3).sub(some))).isLessThan(1e-6);
            assertThat(most(all.rows(0, 1).sub(all.rows(1, 1)))).isGreaterThan(0.1);
            assertThat(most(cutouts.of(x, 0, 7, new Rng(6)).sub(all))).isGreaterThan(0.1);
        }
    }

    /** The map of pictures to parts is affine, so that differences of any size are its derivative. */
    @Test void theGradientPassesThroughCutsAndChanges() {
        try (Scope scope = new Scope()) {
            Tensor at = new Rng(1).normal(1, 3, 12, 16), by = new Rng(2).normal(1, 3, 12, 16), weight = new Rng(3).normal(6, 3, 8, 8);
            Cutouts cutouts = new Cutouts(8, 1.5, STRONG);
            Tensor x = at.copy().requiresGrad(true);
            Tensor loss = cutouts.of(x, 0, 6, new Rng(4)).mul(weight).sum();
            loss.backward();
            double slope = x.grad().mul(by).sum().item();
            double rise = cutouts.of(at.add(by), 0, 6, new Rng(4)).mul(weight).sum().item() - loss.item();
            assertThat(rise).isCloseTo(slope, within(2e-3 * Math.max(1, Math.abs(slope))));
            assertThat(Math.abs(slope)).isGreaterThan(0.5);   // something passed
        }
    }

    @Test void eachChangeAloneDoesWhatItSays() {
        try (Scope scope = new Scope()) {
            float[] values = new float[64];
            for (int i = 0; i < 64; i++) values[i] = i % 8 < 4 ? -1 : 1;   // dark left, bright right
            Tensor x = Torch.of(values, 1, 1, 8, 8);
            Rng rng = new Rng(7);
            Tensor flipped = new Cutouts(8, 1, new Augment(0, 0, 0, 1, 0, 0)).of(x, 0, 3, rng.split(1));
            assertThat(most(flipped.add(x))).isLessThan(1e-5);
            Tensor upside = new Cutouts(8, 1, new Augment(180, 0, 0, 0, 0, 0)).of(x, 0, 64, rng.split(2));
            // by half of them the bright side is on the other one
            assertThat(upside.narrow(3, 0, 4).mean(false, 1, 2, 3).gt(0).to(DType.F32).mean().item()).isBetween(0.3, 0.7);
            Tensor noisy = new Cutouts(8, 1, new Augment(0, 0, 0, 0, 0, 0.5)).of(x, 0, 200, rng.split(3)).sub(x);
            double deviation = Math.sqrt(noisy.square().mean().item());
            assertThat(deviation).isCloseTo(0.5 / Math.sqrt(3), within(0.02));   // uniform up to 0.5: a third of its square in the mean
            Tensor lit = new Cutouts(8, 1, new Augment(0, 0, 0, 0, 0.1, 0)).of(Torch.zeros(1, 3, 8, 8), 0, 50, rng.split(4));
            assertThat(most(lit)).isBetween(0.08, 0.1001);
            Tensor moved = new Cutouts(8, 1, new Augment(0, 0.25, 0, 0, 0, 0)).of(x, 0, 200, rng.split(5));
            assertThat(most(moved.select(3, 0).add(1))).as("the edge goes on").isLessThan(1e-5);
            Tensor tilted = new Cutouts(8, 1, new Augment(0, 0, 0.3, 0, 0, 0)).of(x, 0, 20, rng.split(6));
            assertThat(most(tilted.sub(x))).isGreaterThan(0.1);
        }
    }
}
