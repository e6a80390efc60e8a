package io.palitra.report;

import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.Picture;
import io.palitra.engine.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Pictures [N,C,H,W] side by side, 2 pixels between. */
public final class PictureDisplay implements Display {
    private static final int GAP = 2;

    @Override public boolean shows(DataSpec spec) { return spec instanceof ImageSpec; }

    @Override public String items() { return "pictures"; }

    @Override public Sheet sheet(DataSpec spec, Tensor x, int columns, String title) {
        List<Picture> all = Grid.pictures(x);
        return new Sheet.Drawn(all.size() == 1 ? all.get(0) : Grid.of(all, columns, GAP));
    }

    @Override public Optional<Sheet> rows(DataSpec spec, Map<String, Tensor> rows) {
        Map<String, List<Picture>> shown = new LinkedHashMap<>();
        rows.forEach((title, x) -> shown.put(title, Grid.pictures(x).stream().map(p -> p.width() < 48 ? Grid.enlarge(p, 2) : p).toList()));
        return Optional.of(new Sheet.Drawn(Grid.titled(shown, GAP)));
    }

    @Override public List<Sheet> each(DataSpec spec, Tensor x) {
        return Grid.pictures(x).stream().map(p -> (Sheet) new Sheet.Drawn(p)).toList();
    }
}
