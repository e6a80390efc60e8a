package io.palitra.net;

import io.palitra.engine.DType;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/** Positions as sines and cosines of the frequencies 10000^(-k / (width/2)), sines first. Vaswani et al. 2017, arXiv:1706.03762. */
final class SinePositions {
    private SinePositions() {}

    /** Of 0, step, 2 step, …: [n,width] F64, width even. */
    static Tensor of(int n, double step, int width) {
        int half = width / 2;
        Tensor place = Torch.arange(0, n).to(DType.F64).mul(step).unsqueeze(1);
        Tensor frequency = Torch.arange(0, half).to(DType.F64).mul(-Math.log(10000) / half).exp();
        Tensor angle = place.mul(frequency);   // [n,width/2]
        return Torch.cat(1, angle.sin(), angle.cos());
    }

    /** Of the cells of a grid in raster order [1,rows columns,width] F32: half of the width from the column, then half from the row. */
    static Tensor grid(int rows, double down, int columns, double across, int width) {
        int half = width / 2;
        Tensor column = of(columns, across, half).unsqueeze(0).expand(rows, columns, half);
        Tensor row = of(rows, down, half).unsqueeze(1).expand(rows, columns, half);
        return Torch.cat(2, column, row).reshape(1, (long) rows * columns, width).to(DType.F32);
    }
}
