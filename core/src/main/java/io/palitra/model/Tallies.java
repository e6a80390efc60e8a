package io.palitra.model;

import java.util.Map;

/** A model that counts over a whole epoch what a batch says little of. What it has counted so far is in its buffers. */
public interface Tallies {
    /** The figures of the epoch that ends, by name as in metrics.jsonl, and counting begins anew. Waits for the device. */
    Map<String, Double> tally();
}
