package io.palitra.paint;

import io.palitra.data.Picture;
import java.util.List;

/**
 * What came of a request.
 *
 * @param model    the model's name
 * @param sampler  the name under which it was drawn
 * @param pictures picture i has seed + i
 * @param seconds  without loading
 */
public record PaintResult(PaintRequest request, String model, String sampler, List<Picture> pictures, double seconds) {
    public PaintResult { pictures = List.copyOf(pictures); }
}
