package io.palitra.report;

import io.palitra.data.DataSpec;
import io.palitra.data.TableFile;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Points [N,D]: a scatter of their first two numbers, and a table of all. */
public final class PointDisplay implements Display {
    @Override public boolean shows(DataSpec spec) { return spec instanceof VectorSpec; }

    @Override public String items() { return "points"; }

    @Override public String caption() { return "Points drawn by the model."; }

    @Override public int fills(int columns) { return columns < 8 ? 1000 : 2000; }

    @Override public Sheet sheet(DataSpec spec, Tensor x, int columns, String title) { return new Sheet.Drawn(Plot.scatter(x, title)); }

    /** The four that are farthest from the mean, in deviations. */
    @Override public String describe(DataSpec spec, Tensor x) {
        VectorSpec points = (VectorSpec) spec;
        float[] v = x.floats();
        boolean named = !points.columns().isEmpty();
        return IntStream.range(0, v.length).boxed().sorted(Comparator.comparingDouble((Integer c) -> -Math.abs(v[c]))).limit(4)
            .map(c -> named ? String.format(Locale.ROOT, "%s %s (%+.1f deviations)", points.columns().get(c),
                Numbers.shown(v[c] * points.deviations().get(c) + points.means().get(c)), v[c])
                : String.format(Locale.ROOT, "x%d %s", c + 1, Numbers.shown(v[c])))
            .collect(Collectors.joining("; "));
    }

    @Override public Optional<String> tableSuffix() { return Optional.of(".csv"); }

    @Override public void table(DataSpec spec, Tensor x, Path file, String label, List<String> classes) throws IOException {
        TableFile.write(file, (VectorSpec) spec, x.floats(), label, classes);
    }
}
