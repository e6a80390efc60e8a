package io.palitra.data;

/** Pictures [C,H,W] of bytes; batches hold them as floats in [-1,1]. */
public record ImageSpec(int channels, int height, int width, int classes) implements DataSpec {
    public ImageSpec {
        if (channels != 1 && channels != 3)
            throw new IllegalArgumentException("illegal channels: " + channels + ", must be 1 (grey) or 3 (RGB)");
        int side = Limits.DEFAULT.side();
        if (height < 1 || width < 1 || height > side || width > side || (long) height * width > Limits.DEFAULT.pixels()) {
            throw new IllegalArgumentException("illegal size: " + height + "x" + width + ", must be at least 1x1, a side at most " + side
                + ", and at most " + Limits.DEFAULT.pixels() + " pixels");
        }
        DataSpec.checkClasses(classes);
    }

    /** "pictures of 3x32x32, 10 classes". */
    @Override public String toString() { return "pictures of " + channels + "x" + height + "x" + width + DataSpec.told(classes); }

    @Override public long[] shape() { return new long[] {channels, height, width}; }
}
