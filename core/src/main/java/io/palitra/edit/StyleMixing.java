package io.palitra.edit;

import io.palitra.config.ConfigException;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Styles;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Some layers of one picture's styles in the place of another's. Karras et al. 2019, arXiv:1812.04948, section 3.1. */
public final class StyleMixing {
    private static final Pattern RANGE = Pattern.compile("(\\d{1,4})(?:-(\\d{1,4}))?");

    private StyleMixing() {}

    /** Layers from the first to the last one, both included. */
    public record Layers(int from, int to) {
        /**
         * Reads {@code 0-3} or {@code 2}.
         *
         * @param of layers that the model has
         * @throws ConfigException for another form, and for layers that there are not
         */
        public static Layers of(String text, int of) {
            Matcher m = RANGE.matcher(text.strip());
            if (!m.matches()) {
                throw new ConfigException("layers", "illegal layers: '" + text + "', must be A-B, such as 0-3, or one");
            }
            int from = Integer.parseInt(m.group(1)), to = m.group(2) == null ? from : Integer.parseInt(m.group(2));
            if (from > to || to >= of) {
                throw new ConfigException("layers", "illegal layers: " + text.strip() + ", must lie within 0-" + (of - 1)
                    + ", the lower one "
                    + "first: this run has " + of + " layers that read a style, 0 the coarsest");
            }
            return new Layers(from, to);
        }
    }

    /** Styles [B,L,W] of {@code rest}, those of {@code layers} taken from {@code taken} [B,L,W]. */
    public static Tensor mixed(Tensor rest, Tensor taken, Layers layers) {
        int n = layers.to - layers.from + 1;
        return Torch.cat(1, rest.narrow(1, 0, layers.from), taken.narrow(1, layers.from, n),
            rest.narrow(1, layers.to + 1, rest.size(1) - layers.to - 1));
    }

    /**
     * Pictures [R * C,C',H,W], row by row: that of row i and column j has the styles of the row's source, but in {@code layers} those of
     * the column's.
     *
     * @param rows styles [R,L,W] @param columns styles [C,L,W]
     */
    public static Tensor table(Styles model, Tensor rows, Tensor columns, Layers layers) {
        List<Tensor> drawn = new ArrayList<>();
        for (long i = 0; i < rows.size(0); i++) {
            Tensor row = rows.rows(i, 1).expand(columns.size(0), rows.size(1), rows.size(2));
            drawn.add(Scope.run(() -> model.draw(mixed(row, columns, layers).contiguous(), model.noise()).clamp(-1, 1)));
            Scope.part();
        }
        return Torch.cat(0, drawn);
    }
}
