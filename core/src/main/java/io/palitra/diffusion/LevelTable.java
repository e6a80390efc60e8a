package io.palitra.diffusion;

/** The noise levels that a network was trained at, from nearly clean to noise: what {@link Spacing} chooses from. */
public interface LevelTable {
    /** T, the number of levels. */
    int size();

    /** Level t of 0..T-1, of rising noise. */
    Level at(int t);

    /** The level with a given sigma / alpha, on the same scale; held within the table. */
    Level ofRatio(double s);
}
