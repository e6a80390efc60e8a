package io.palitra.net;

import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Embedding;
import io.palitra.nn.Module;
import org.jspecify.annotations.Nullable;

/**
 * A {@link PixelNet} over codes in place of pixels, as the prior of van den Oord et al. 2017, arXiv:1711.00937: each code is predicted from
 * those above it and to its left, by the row of a learned table for each of them. Being convolutions, it draws grids of any size.
 */
public final class CodePixelCnn extends Module {
    private final int codes;
    private final int classes;
    private final Embedding table;
    private final PixelNet net;

    /** @param width numbers to a code @param classes 0 = none is given */
    public CodePixelCnn(PixelNet.Config config, int width, int codes, int classes, Rng rng) {
        this.codes = codes;
        this.classes = classes;
        table = child("table", new Embedding(codes, width, rng.split(0)));
        net = child("net", config.build(width, codes, 1, classes, rng.split(1)));
    }

    /** Logits of each code of I64 [B,h,w] from those before it, [B,h w,K]. @param label I64 [B], ignored by a network without classes */
    public Tensor logits(Tensor grid, Tensor label) {
        return Scope.run(() -> {
            Tensor x = table.forward(grid).permute(0, 3, 1, 2).contiguous();   // [B,D,h,w]
            return net.forward(x, classes == 0 ? null : Torch.oneHot(label, classes)).flatten(2).transpose(1, 2);
        });
    }

    /**
     * Codes I64 [B,rows,columns]. Row b draws from item b of rng. Not recorded.
     *
     * @param labels one for each picture, ignored by a network without classes
     * @param known codes of the first rows in raster order, I64 [B,n], n a multiple of columns; null for none
     */
    public Tensor draw(long[] labels, int rows, int columns, @Nullable Tensor known, TokenSampling how, Rng rng) {
        int batch = labels.length, cells = rows * columns, given = known == null ? 0 : (int) known.size(1);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor weight = java.util.Objects.requireNonNull(table.parameters().get("weight"));
            long[] first = known == null ? new long[0] : known.longs();
            rng.skip(given);
            float[] all = weight.to(DType.F32).floats();
            PixelNet.PixelByPixel fast = net.pixelByPixel();
            PixelNet.Raster[] rasters = new PixelNet.Raster[batch];
            for (int b = 0; b < batch; b++) rasters[b] = fast.raster(columns, (int) labels[b]);
            long[] drawn = new long[batch * cells];
            int width = all.length / codes;
            float[] own = new float[width];
            double[] logits = new double[batch * codes];
            Scope.fold(weight, cells, (x, cell) -> {
                int row = cell / columns, column = cell % columns;
                for (int b = 0; b < batch; b++) {
                    if (column == 0) rasters[b].startRow(row);
                    float[] predicted = rasters[b].at(row, column);   // for known codes, too: later cells use it
                    for (int k = 0; k < codes; k++) logits[b * codes + k] = predicted[k];
                }
                int[] next = cell < given ? new int[0] : how.draw(logits, batch, rng);
                for (int b = 0; b < batch; b++) {
                    int code = cell < given ? (int) first[b * given + cell] : next[b];
                    drawn[b * cells + cell] = code;
                    System.arraycopy(all, code * width, own, 0, width);
                    rasters[b].put(row, column, own);
                }
                return x;
            });
            return scope.keep(Torch.of(drawn, batch, rows, columns).to(weight.device()));
        }
    }
}
