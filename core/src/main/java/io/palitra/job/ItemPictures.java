package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.data.DataSpec;
import io.palitra.data.Picture;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.report.Display;
import io.palitra.report.Sheet;
import io.palitra.train.RunConfig;
import java.util.List;
import java.util.stream.Stream;

/** The items of a run as pictures, for requests that lay them out themselves. */
final class ItemPictures {
    private final DataSpec spec;
    private final Display display;

    /**
     * Of the items of a run.
     *
     * @param request its name, for the message
     * @throws IllegalArgumentException for items that are no pictures
     */
    ItemPictures(String request, RunConfig.Settings run) {
        spec = run.spec();
        display = Display.of(spec);
        try (Scope scope = new Scope()) {
            long[] one = Stream.of(new long[] {1}, spec.shape()).flatMapToLong(java.util.Arrays::stream).toArray();
            List<Sheet> sheets = display.each(spec, spec.toModel(Torch.zeros(one).to(spec.stored())));
            if (!sheets.isEmpty() && sheets.get(0).drawn().isPresent()) return;
        }
        throw new ArgumentException(request + " shows pictures; '" + run.data() + "' holds " + display.items());
    }

    /** Of x [N, ...shape] one each. Waits for the device. */
    List<Picture> of(Tensor x) { return display.each(spec, x).stream().map(s -> s.drawn().orElseThrow()).toList(); }
}
