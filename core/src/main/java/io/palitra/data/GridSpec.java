package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;

/** Grids [C,H,W] of numbers of any size: latents of pictures, which no data set holds. */
public record GridSpec(int channels, int height, int width, int classes) implements DataSpec {
    public GridSpec {
        if (channels < 1 || height < 1 || width < 1) {
            throw new ArgumentException("illegal grid: " + channels + "x" + height + "x" + width + ", must be at least 1x1x1");
        }
        DataSpec.checkClasses(classes);
    }

    /** "latents of 4x8x8, 10 classes". */
    @Override public String toString() { return "latents of " + channels + "x" + height + "x" + width + DataSpec.classesInWords(classes); }

    @Override public long[] shape() { return new long[] {channels, height, width}; }

    @Override public GridSpec withClasses(int classes) { return new GridSpec(channels, height, width, classes); }

    @Override public DType stored() { return DType.F32; }
}
