package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Init;
import io.palitra.nn.MaskedConv2d.Taps;
import io.palitra.nn.MaskedConv2d;
import io.palitra.nn.Module;
import io.palitra.nn.PixelConv;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A network over pictures whose output at a pixel depends only on what comes before it in raster order: whole pictures at once in training,
 * pixel by pixel in sampling. There each new pixel costs one column of the network, not all of it; what the layers made of earlier pixels
 * is kept.
 */
public abstract sealed class PixelNet extends Module {
    /** The layers of a network. */
    public sealed interface Config permits Config.Plain, Config.Gated {
        /** @param outputs numbers to each pixel; turns and classes: see {@link PixelNet} */
        PixelNet build(int channels, int outputs, int turns, int classes, Rng init);

        /** One stack: a square kernel of 7, residual blocks with a square kernel of 3, two layers over the pixel. */
        record Plain(@Help(value = "channels", min = 2, max = 1024) int width,
                @Help(value = "residual blocks", min = 0, max = 64) int blocks) implements Config {
            public Plain() { this(128, 5); }

            @Override public PixelNet build(int channels, int outputs, int turns, int classes, Rng init) {
                return new PlainNet(this, channels, outputs, turns, classes, init);
            }
        }

        /** Two stacks, of the rows above and of the own row, so that no pixel before is missed; gates tanh(a) sigmoid(b). */
        record Gated(@Help(value = "channels", min = 1, max = 1024) int width,
                @Help(value = "layers, by how far apart the taps of their kernels of 3 lie", min = 1, max = 64) List<Integer> dilations)
                implements Config {
            public Gated() { this(32, List.of(1, 2, 1, 4, 1, 2, 1)); }

            public Gated { dilations = List.copyOf(dilations); }

            @Override public PixelNet build(int channels, int outputs, int turns, int classes, Rng init) {
                return new GatedNet(this, channels, outputs, turns, classes, init);
            }
        }
    }

    /** One picture while it is drawn, from the top left. */
    public interface Raster {
        /** Called before the first pixel of a row, when all rows above are complete. */
        void startRow(int row);

        /** Sets a pixel to x [C]. */
        void put(int row, int column, float[] x);

        /** The network's outputs at a pixel [outputs], valid until the next call; all pixels before it are put. Called for each in turn. */
        float[] at(int row, int column);
    }

    /** Makes rasters that share the weights as they were. Safe for several threads at once; each raster belongs to one. */
    public interface PixelByPixel {
        /** For an empty picture of that width; {@code label} is its class, ignored by a network without classes. */
        Raster raster(int width, int label);
    }

    /** x [B,C,H,W] and perhaps one-hot classes [B,classes] to [B,outputs,H,W]. */
    public abstract Tensor forward(Tensor x, @Nullable Tensor label);

    /** The same, one pixel at a time, without tensors: a number is the same in whatever batch, by however many threads. */
    public abstract PixelByPixel pixelByPixel();

    /**
     * The network, whose inputs are each number and the row of a learned table for the number's level.
     *
     * @param net  over {@code 1 + size} channels for each of the picture's: the numbers, then the first of all rows, and so on
     * @param size numbers of a row
     */
    public static PixelNet withTable(PixelNet net, int levels, int size) { return new WithTable(net, levels, size); }

    private static void check(int width, int turns) {
        if (width % turns != 0) {
            throw new ArgumentException("illegal net.width: " + width + ", must be a multiple of the " + turns
                + " channels of a pixel with head=categorical");
        }
    }

    /** Adds a class's row of a table, 0 at first, to the channels of a layer. */
    private static final class ClassShift extends Module {
        private final Tensor weight;

        ClassShift(int classes, int channels) { weight = parameter("weight", Init.ZERO.draw(new Rng(0), classes, classes, channels)); }

        /** One-hot [B,classes] to [B,channels]. */
        Tensor of(Tensor label) { return label.matmul(weight); }

        /** Row for row. */
        static float[][] rows(@Nullable ClassShift shift) {
            if (shift == null) return new float[0][];
            float[][] rows = new float[(int) shift.weight.size(0)][];
            for (int i = 0; i < rows.length; i++) rows[i] = shift.weight.detach().select(0, i).to(DType.F32).floats();
            return rows;
        }

        /** y += the class's row, if there are rows. */
        static void add(float[][] rows, int label, float[] y) { if (rows.length > 0) PixelNet.add(rows[label], y); }
    }

    private static void add(float[] x, float[] y) { for (int i = 0; i < y.length; i++) y[i] += x[i]; }

    private static void relu(float[] x) { for (int i = 0; i < x.length; i++) x[i] = Math.max(0, x[i]); }

    private static Tensor overSpace(Tensor shift) { return shift.unsqueeze(2).unsqueeze(3); }

    /** A pixel's neighbours do not depend smoothly on its byte: at anti-aliased edges each value has a meaning of its own. */
    private static final class WithTable extends PixelNet {
        private final PixelNet net;
        private final Tensor table;   // [levels,size]

        WithTable(PixelNet net, int levels, int size) {
            this.net = child("net", net);
            float[] hats = new float[levels * size];   // to begin with, level l is near one or two of size knots over the range
            for (int l = 0; l < levels; l++) {
                double at = l * (size - 1.0) / (levels - 1);
                for (int k = 0; k < size; k++) hats[l * size + k] = (float) Math.max(0, 1 - Math.abs(at - k));
            }
            table = parameter("table", Torch.of(hats, levels, size));
        }

        /** [B,C,...] to [B,(1 + size) C,...]. */
        private Tensor looked(Tensor x) {
            long levels = table.size(0);
            Tensor level = x.add(1).mul((levels - 1) / 2.0).round().clamp(0, levels - 1).to(DType.I64);
            long[] shape = x.shape();
            shape[1] *= table.size(1);
            Tensor rows = Torch.embedding(table, level).flatten(2);                                    // [B,C,H W size]
            rows = rows.reshape(x.size(0), x.size(1), -1, table.size(1)).permute(0, 3, 1, 2).reshape(shape);
            return Torch.cat(1, x, rows.to(x.dtype()));
        }

        @Override public Tensor forward(Tensor x, @Nullable Tensor label) { return net.forward(looked(x), label); }

        @Override public PixelByPixel pixelByPixel() {
            PixelByPixel inner = net.pixelByPixel();
            int levels = (int) table.size(0), size = (int) table.size(1);
            float[] rows = table.detach().to(DType.F32).floats();
            return (width, label) -> new Looking(inner.raster(width, label), rows, levels, size);
        }

        /** @param rows [levels,size] */
        private record Looking(Raster inner, float[] rows, int levels, int size) implements Raster {
            @Override public void startRow(int row) { inner.startRow(row); }

            @Override public void put(int row, int column, float[] x) {
                float[] looked = java.util.Arrays.copyOf(x, x.length * (1 + size));
                for (int c = 0; c < x.length; c++) {
                    int level = (int) Math.max(0, Math.min(levels - 1, Math.rint((x[c] + 1) * ((levels - 1) / 2.0))));
                    for (int k = 0; k < size; k++) looked[(1 + k) * x.length + c] = rows[level * size + k];
                }
                inner.put(row, column, looked);
            }

            @Override public float[] at(int row, int column) { return inner.at(row, column); }
        }
    }

    private static final class PlainNet extends PixelNet {
        private record Block(MaskedConv2d in, MaskedConv2d mid, MaskedConv2d out, @Nullable ClassShift shift) {}

        private final MaskedConv2d first;
        private final List<Block> blocks = new ArrayList<>();
        private final MaskedConv2d head1;
        private final MaskedConv2d head2;
        private final MaskedConv2d last;

        PlainNet(Config.Plain config, int channels, int outputs, int turns, int classes, Rng init) {
            int width = config.width, half = width / 2;
            check(width, turns);
            check(half, turns);
            first = child("first", new MaskedConv2d(channels, width, Taps.SQUARE, 7, false, turns, 1, init.split(0)));
            for (int i = 0; i < config.blocks; i++) {
                String key = "blocks." + i + ".";
                Rng own = init.split(10 + i);
                blocks.add(new Block(child(key + "in", new MaskedConv2d(width, half, Taps.SQUARE, 1, true, turns, 1, own.split(0))),
                    child(key + "mid", new MaskedConv2d(half, half, Taps.SQUARE, 3, true, turns, 1, own.split(1))),
                    child(key + "out", new MaskedConv2d(half, width, Taps.SQUARE, 1, true, turns, 1, own.split(2))),
                    classes == 0 ? null : child(key + "shift", new ClassShift(classes, half))));
            }
            head1 = child("head.0", new MaskedConv2d(width, width, Taps.SQUARE, 1, true, turns, 1, init.split(1)));
            head2 = child("head.1", new MaskedConv2d(width, width, Taps.SQUARE, 1, true, turns, 1, init.split(2)));
            last = child("head.2", new MaskedConv2d(width, outputs, Taps.SQUARE, 1, true, turns, 1, init.split(3)));
        }

        @Override public Tensor forward(Tensor x, @Nullable Tensor label) {
            Tensor h = first.forward(x).reluOver();
            for (Block b : blocks) {
                Tensor mid = b.mid.forward(b.in.forward(h).reluOver());
                if (b.shift != null && label != null) mid = mid.addOver(overSpace(b.shift.of(label)));
                h = b.out.forward(mid.reluOver()).reluOver().add(h);
            }
            return last.forward(head2.forward(head1.forward(h).reluOver()).reluOver());
        }

        @Override public PixelByPixel pixelByPixel() {
            record Weights(PixelConv in, PixelConv mid, PixelConv out, float[][] shift) {}
            List<Weights> weights = new ArrayList<>();
            for (Block b : blocks) {
                weights.add(new Weights(b.in.pixelByPixel(), b.mid.pixelByPixel(), b.out.pixelByPixel(), ClassShift.rows(b.shift)));
            }
            PixelConv start = first.pixelByPixel();
            List<PixelConv> head = List.of(head1.pixelByPixel(), head2.pixelByPixel(), last.pixelByPixel());
            return (width, label) -> new Raster() {
                private final PixelConv.Pixels picture = start.pixels(width);
                private final List<PixelConv.Pixels> mids = weights.stream().map(w -> w.mid.pixels(width)).toList();
                private final float[] h = new float[start.outputs()];
                private final float[] part = new float[start.outputs()];
                private final float[] half = new float[start.outputs() / 2];
                private final float[] other = new float[start.outputs() / 2];
                private final float[] outputs = new float[last().outputs()];

                private PixelConv last() { return head.get(2); }

                @Override public void startRow(int row) {
                    picture.startRow(row);
                    mids.forEach(m -> m.startRow(row));
                }

                @Override public void put(int row, int column, float[] x) { picture.put(row, column, x); }

                @Override public float[] at(int row, int column) {
                    picture.at(row, column, h);
                    relu(h);
                    for (int i = 0; i < weights.size(); i++) {
                        Weights w = weights.get(i);
                        w.in.of(h, half);
                        relu(half);
                        mids.get(i).put(row, column, half);
                        mids.get(i).at(row, column, other);
                        ClassShift.add(w.shift, label, other);
                        relu(other);
                        w.out.of(other, part);
                        relu(part);
                        add(part, h);
                    }
                    head.get(0).of(h, part);
                    relu(part);
                    head.get(1).of(part, h);
                    relu(h);
                    last().of(h, outputs);
                    return outputs;
                }
            };
        }
    }

    /**
     * v, of the rows above, and h, which adds the own row: v' = gate(V v), h' = h + gate(R h + L V v) U, after figure 2 of
     * arXiv:1606.05328. Of a turn's channels nothing is lost in gates: a and b take turns alike.
     */
    private static final class GatedNet extends PixelNet {
        private record Layer(MaskedConv2d above, MaskedConv2d row, MaskedConv2d link, MaskedConv2d out, @Nullable ClassShift shift) {}

        private final MaskedConv2d firstAbove;
        private final MaskedConv2d firstRow;
        private final List<Layer> layers = new ArrayList<>();
        private final MaskedConv2d hidden;
        private final MaskedConv2d last;
        private final int width;

        GatedNet(Config.Gated config, int channels, int outputs, int turns, int classes, Rng init) {
            width = config.width;
            check(width, turns);
            firstAbove = child("first.above", new MaskedConv2d(channels, width, Taps.ABOVE, 7, false, 1, 1, init.split(0)));
            firstRow = child("first.row", new MaskedConv2d(channels, width, Taps.ROW, 7, false, turns, 1, init.split(1)));
            for (int i = 0; i < config.dilations.size(); i++) {
                String key = "layers." + i + ".";
                Rng own = init.split(10 + i);
                int d = config.dilations.get(i);
                layers.add(new Layer(child(key + "above", new MaskedConv2d(width, 2 * width, Taps.ABOVE, 3, true, 1, d, own.split(0))),
                    child(key + "row", new MaskedConv2d(width, 2 * width, Taps.ROW, 3, true, turns, d, own.split(1))),
                    child(key + "link", new MaskedConv2d(2 * width, 2 * width, Taps.SQUARE, 1, true, 1, 1, own.split(2))),
                    child(key + "out", new MaskedConv2d(width, width, Taps.SQUARE, 1, true, turns, 1, own.split(3))),
                    classes == 0 ? null : child(key + "shift", new ClassShift(classes, 2 * width))));
            }
            hidden = child("head.0", new MaskedConv2d(width, 2 * width, Taps.SQUARE, 1, true, turns, 1, init.split(2)));
            last = child("head.1", new MaskedConv2d(2 * width, outputs, Taps.SQUARE, 1, true, turns, 1, init.split(3)));
        }

        private static Tensor gate(Tensor x) {
            Tensor[] half = x.chunk(2, 1);   // [B,2D,...] -> 2 x [B,D,...]
            return half[0].tanh().mul(half[1].sigmoid());
        }

        @Override public Tensor forward(Tensor x, @Nullable Tensor label) {
            return Scope.run(() -> {
                Tensor v = firstAbove.forward(x), h = firstRow.forward(x).addOver(v);
                for (Layer l : layers) {
                    Tensor before = h, vBefore = v;
                    try (Scope layer = new Scope()) {
                        Tensor above = l.above.forward(v);                                        // [B,2D,H,W]
                        Tensor both = l.row.forward(h).addOver(l.link.forward(above));
                        if (l.shift != null && label != null) both = both.addOver(overSpace(l.shift.of(label)));
                        h = layer.keep(l.out.forward(gate(both)).addOver(h));
                        v = layer.keep(gate(above));
                    }
                    before.free();
                    vBefore.free();
                }
                return last.forward(hidden.forward(h.reluOver()).reluOver());
            });
        }

        /** tanh(a) sigmoid(b) of x = (a,b), in two exponentials. Beyond 20, tanh of a float is 1; at -80, sigmoid is 0 to all digits. */
        private static void gate(float[] x, float[] y) {
            for (int i = 0; i < y.length; i++) {
                double p = Math.exp(-2 * Math.max(-20, Math.min(20, x[i]))), q = Math.exp(-Math.max(-80, x[y.length + i]));
                y[i] = (float) ((1 - p) / ((1 + p) * (1 + q)));
            }
        }

        @Override public PixelByPixel pixelByPixel() {
            record Weights(PixelConv above, PixelConv row, PixelConv link, PixelConv out, float[][] shift) {}
            List<Weights> weights = new ArrayList<>();
            for (Layer l : layers) {
                weights.add(new Weights(l.above.pixelByPixel(), l.row.pixelByPixel(), l.link.pixelByPixel(), l.out.pixelByPixel(),
                    ClassShift.rows(l.shift)));
            }
            PixelConv startAbove = firstAbove.pixelByPixel(), startRow = firstRow.pixelByPixel();
            PixelConv end0 = hidden.pixelByPixel(), end1 = last.pixelByPixel();
            int d = width;
            return (columns, label) -> new Raster() {
                private final PixelConv.Pixels pictureAbove = startAbove.pixels(columns);
                private final PixelConv.Pixels pictureRow = startRow.pixels(columns);
                private final List<PixelConv.Pixels> above = weights.stream().map(w -> w.above.pixels(columns)).toList();
                private final List<PixelConv.Pixels> own = weights.stream().map(w -> w.row.pixels(columns)).toList();
                private final float[][] v = new float[columns][d];
                private final float[][][] fromAbove = new float[weights.size()][columns][2 * d];   // inputs of h from v in each layer
                private final float[][] first = new float[columns][d];                             // and before the first
                private final float[] h = new float[d];
                private final float[] part = new float[d];
                private final float[] wide = new float[2 * d];
                private final float[] outputs = new float[end1.outputs()];

                @Override public void startRow(int row) {
                    pictureAbove.startRow(row);
                    pictureRow.startRow(row);
                    for (int c = 0; c < columns; c++) {
                        pictureAbove.at(row, c, v[c]);
                        System.arraycopy(v[c], 0, first[c], 0, d);
                    }
                    for (int i = 0; i < weights.size(); i++) {
                        Weights w = weights.get(i);
                        own.get(i).startRow(row);
                        above.get(i).startRow(row);
                        for (int c = 0; c < columns; c++) above.get(i).put(row, c, v[c]);
                        for (int c = 0; c < columns; c++) {
                            above.get(i).at(row, c, wide);
                            gate(wide, v[c]);
                            w.link.of(wide, fromAbove[i][c]);
                            ClassShift.add(w.shift, label, fromAbove[i][c]);
                        }
                    }
                }

                @Override public void put(int row, int column, float[] x) {
                    pictureAbove.put(row, column, x);
                    pictureRow.put(row, column, x);
                }

                @Override public float[] at(int row, int column) {
                    pictureRow.at(row, column, h);
                    add(first[column], h);
                    for (int i = 0; i < weights.size(); i++) {
                        own.get(i).put(row, column, h);
                        own.get(i).at(row, column, wide);
                        add(fromAbove[i][column], wide);
                        gate(wide, part);
                        weights.get(i).out.of(part, wide);   // of which there are D numbers
                        for (int k = 0; k < d; k++) h[k] += wide[k];
                    }
                    relu(h);
                    end0.of(h, wide);
                    relu(wide);
                    end1.of(wide, outputs);
                    return outputs;
                }
            };
        }
    }
}
