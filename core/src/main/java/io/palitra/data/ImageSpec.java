package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Tensor;

/** Pictures [C,H,W] of bytes; batches hold them as floats in [-1,1]. */
public record ImageSpec(int channels, int height, int width, int classes) implements DataSpec {
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

    @Override public long[] shape() { return new long[] {channels, height, width}; }

    @Override public ImageSpec withClasses(int classes) { return new ImageSpec(channels, height, width, classes); }

    @Override public DType stored() { return DType.U8; }

    /** Bytes 0..255 to floats in [-1,1]. */
    @Override public Tensor toModel(Tensor stored) { return DataLoader.fromBytes(stored); }

    @Override public Tensor toStored(Tensor x) { return x.add(1).mul(127.5).clamp(0, 255).round().to(DType.U8); }
}
