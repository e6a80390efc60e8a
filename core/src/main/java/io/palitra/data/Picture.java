package io.palitra.data;

import io.palitra.config.ArgumentException;

/** One picture in memory: C*H*W bytes in 0..255, channel by channel, row by row; 1 channel is grey, 3 are RGB. The array is not copied. */
public record Picture(int channels, int height, int width, byte[] pixels) {
    public Picture {
        if (channels != 1 && channels != 3) throw new ArgumentException("illegal channels: " + channels + ", must be 1 or 3");
        if (height < 1 || width < 1) throw new ArgumentException("illegal size: " + height + "x" + width + ", must be at least 1x1");
        if (pixels.length != (long) channels * height * width) {
            throw new ArgumentException("a picture wants " + (long) channels * height * width + " bytes, got " + pixels.length);
        }
    }
}
