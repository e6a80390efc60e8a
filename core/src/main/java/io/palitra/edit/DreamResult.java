package io.palitra.edit;

import io.palitra.data.Picture;
import java.util.List;

/**
 * What came of a request.
 *
 * @param iterations fewer than asked for where it was stopped
 * @param stopped    whether it was
 * @param first      cosine of the picture at the start with each text of the last phase
 * @param last       the same of the picture
 * @param seconds    without loading
 */
public record DreamResult(Picture picture, int iterations, boolean stopped, List<Double> first, List<Double> last, double seconds) {
    public DreamResult {
        first = List.copyOf(first);
        last = List.copyOf(last);
    }
}
