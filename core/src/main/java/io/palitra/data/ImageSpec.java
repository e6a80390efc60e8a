package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.DType;
import io.palitra.engine.Tensor;

/** Pictures [C,H,W] of bytes; batches hold them as floats in [-1,1]. */
public record ImageSpec(
        @Help("1 = grey, 3 = colour") int channels,
        @Help("pixels from top to bottom") int height,
        @Help("pixels from left to right") int width,
        @Help("classes, 0 = the pictures have no labels") int classes) implements PictureItems {
    public ImageSpec {
        if (channels != 1 && channels != 3)
            throw new ArgumentException("illegal channels: " + channels + ", must be 1 (grey) or 3 (RGB)");
        int side = Limits.DEFAULT.side();
        if (height < 1 || width < 1 || height > side || width > side || (long) height * width > Limits.DEFAULT.pixels()) {
            throw new ArgumentException("illegal size: " + height + "x" + width + ", must be at least 1x1, a side at most " + side
                + ", and at most " + Limits.DEFAULT.pixels() + " pixels");
        }
        DataSpec.checkClasses(classes);
    }

    /** "pictures of 3x32x32, 10 classes". */
    @Override public String toString() { return "pictures of " + channels + "x" + height + "x" + width + DataSpec.classesInWords(classes); }

    /**
     * Sizes that the reader can bring pictures to, for the refusal of these: "data.size=28 or data.size=32 fits". Pictures are square then.
     *
     * @param step  that divides the sides of what fits
     * @param least the shortest side that fits
     */
    public String sizes(int step, int least) {
        int from = (Math.max(1, least) + step - 1) / step * step;
        int below = Math.max(from, Math.min(height, width) / step * step), above = (Math.max(height, width) + step - 1) / step * step;
        boolean two = above > below && above <= DataOptions.MOST;
        return "data.size=" + below + (two ? " or data.size=" + above : "") + " fits";
    }

    @Override public long[] shape() { return new long[] {channels, height, width}; }

    @Override public ImageSpec withClasses(int classes) { return new ImageSpec(channels, height, width, classes); }

    @Override public DType stored() { return DType.U8; }

    /** Bytes 0..255 to floats in [-1,1]. */
    @Override public Tensor toModel(Tensor stored) { return DataLoader.fromBytes(stored); }

    @Override public Tensor toStored(Tensor x) { return x.add(1).mul(127.5).clamp(0, 255).round().to(DType.U8); }
}
