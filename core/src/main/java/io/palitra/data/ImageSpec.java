package io.palitra.data;

/** Pictures [C,H,W] of bytes; batches hold them as floats in [-1,1]. */
public record ImageSpec(int channels, int height, int width, int classes) implements DataSpec {
    public ImageSpec {
        if (channels != 1 && channels != 3)
            throw new IllegalArgumentException("illegal channels: " + channels + ", must be 1 (grey) or 3 (RGB)");
        if (height < 1 || width < 1) throw new IllegalArgumentException("illegal size: " + height + "x" + width + ", must be at least 1x1");
        if (classes < 0) throw new IllegalArgumentException("illegal classes: " + classes + ", must be at least 0");
    }

    @Override public long[] shape() { return new long[] {channels, height, width}; }
}
