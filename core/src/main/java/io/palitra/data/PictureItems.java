package io.palitra.data;

/** Items that are pictures: what a request asks for that reads and draws them. */
public interface PictureItems extends DataSpec {
    /** 1 = grey, 3 = colour. */
    int channels();

    /** Pixels from top to bottom. */
    int height();

    /** Pixels from left to right. */
    int width();

    /** Pictures of so many pixels. @param classes 0 = they have no labels */
    static PictureItems of(int channels, int height, int width, int classes) { return new ImageSpec(channels, height, width, classes); }
}
