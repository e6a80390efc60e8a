package io.palitra.net;

/**
 * Which codes of a picture, in raster order, a code attends to, beside itself and the tokens before the picture: three masks of ruDALL-E
 * (Sber AI 2021), and no mask. None attends to a code after it.
 */
enum AttentionMask {
    /** Attends to all codes before it. */
    FULL,
    /** Attends to as many codes before it as a row has. */
    ROW,
    /** Attends to the codes above it in its column. */
    COLUMN,
    /** Attends to the codes at most {@code reach} rows and columns away. */
    NEAR;

    boolean of(int query, int key, int columns, int reach) {
        if (key > query) return false;
        int down = query / columns - key / columns, right = query % columns - key % columns;
        return switch (this) {
            case FULL -> true;
            case ROW -> query - key <= columns;
            case COLUMN -> right == 0;
            case NEAR -> down <= reach && Math.abs(right) <= reach;
        };
    }

    /** The mask of a layer of {@code layers}: rows, but columns in every fourth from the second on, and the neighbourhood in the last. */
    static AttentionMask sparse(int layer, int layers) {
        return layer == layers - 1 ? NEAR : (layer - 1) % 4 == 0 ? COLUMN : ROW;
    }

    /** Half a kernel of 11 for pictures of 32x32 codes, and of smaller ones in proportion. */
    static int reach(int columns) { return Math.max(1, Math.round(columns * 5 / 32f)); }
}
