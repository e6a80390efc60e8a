package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;

/** Films [T,C,H,W] of bytes; batches hold them as floats in [-1,1]. */
public record VideoSpec(
        @Help("frames of an item") int frames,
        @Help("1 = grey, 3 = colour") int channels,
        @Help("pixels from top to bottom") int height,
        @Help("pixels from left to right") int width,
        @Help("classes, 0 = the films have no labels") int classes) implements VideoItems {
    /** Most frames of an item. */
    public static final int MOST = 1024;

    public VideoSpec {
        if (frames < 2 || frames > MOST) throw new ArgumentException("illegal frames: " + frames + ", must be 2 to " + MOST);
        new ImageSpec(channels, height, width, classes);   // refuses what is no picture
        if ((long) frames * channels * height * width > Limits.DEFAULT.arrayBytes()) {
            throw new ArgumentException("illegal size: " + frames + " frames of " + channels + "x" + height + "x" + width
                + " are more than " + Limits.DEFAULT.arrayBytes() + " bytes");
        }
    }

    /** Data of a family that learns films alone. @throws IllegalArgumentException for what is none */
    public static VideoSpec of(String family, DataSpec data) {
        if (data instanceof VideoSpec v) return v;
        throw new ArgumentException(family + " wants video, got " + data + "; the set moving is, and so is a folder of .gif or of "
            + "folders of frames");
    }

    @Override public VideoSpec withClasses(int classes) { return new VideoSpec(frames, channels, height, width, classes); }

    /** "video of 16 frames of 1x32x32, 10 classes". */
    @Override public String toString() {
        return "video of " + frames + " frames of " + channels + "x" + height + "x" + width + DataSpec.classesInWords(classes);
    }
}
