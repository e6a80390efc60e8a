package io.palitra.data;

import java.util.List;

/** Pictures that come with captions. */
public interface CaptionedDataset extends ImageDataset {
    /** What may be said of picture i: at least one caption, none blank, all of the same truth. */
    List<String> captions(int i);

    /**
     * Of the captions of picture i the one to show, a pure function of (i, seed, epoch). From epoch to epoch it is the next one, so that
     * all are shown equally often; where each picture begins is drawn by the seed.
     */
    default String caption(int i, long seed, long epoch) {
        List<String> all = captions(i);
        long z = (seed * 0x9E3779B97F4A7C15L ^ i + 1L) * 0xD1342543DE82EF95L;
        z = (z ^ (z >>> 32)) * 0x94D049BB133111EBL;
        return all.get((int) Math.floorMod((z >>> 33) + epoch, (long) all.size()));
    }
}
