package io.palitra.net;

import io.palitra.config.Help;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Init;
import io.palitra.nn.MaskedConv2d;
import io.palitra.nn.MaskedConv2d.Taps;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A network over pictures whose output at a pixel depends only on what comes before it in raster order: whole pictures at once in training,
 * pixel by pixel in sampling. There each new pixel costs one column of the network, not all of it; what the layers made of earlier pixels
 * is kept.
 */
public abstract sealed class PixelNet extends Module {
    /** What a network is made of. */
    public sealed interface Config {
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

    /** A batch of pictures as they come to be, from the top left. Its tensors belong to the scope it was made in. */
    public interface Raster {
        /** Called before the first pixel of a row, when all above are put. */
        void startRow(int row);

        /** The pixel is now x [B,C]. */
        void put(int row, int column, Tensor x);

        /** What the network says of a pixel [B,outputs]; all before it are put. Called for every pixel in turn. */
        Tensor at(int row, int column);
    }

    /** x [B,C,H,W] and perhaps one-hot classes [B,classes] to [B,outputs,H,W]. */
    public abstract Tensor forward(Tensor x, @Nullable Tensor label);

    /** For B pictures of that size of which nothing is known yet; {@code label} one-hot [B,classes] or null. */
    public abstract Raster raster(long batch, int height, int width, @Nullable Tensor label);

    /**
     * The network, given each number and beside it what a learned table says of its level.
     *
     * @param net  over {@code 1 + size} channels for each of the picture's: the numbers, then the first of all rows, and so on
     * @param size numbers of a row
     */
    public static PixelNet withTable(PixelNet net, int levels, int size) { return new WithTable(net, levels, size); }

    private static void check(int width, int turns) {
        if (width % turns != 0) {
            throw new IllegalArgumentException("illegal net.width: " + width + ", must be a multiple of the " + turns
                + " channels of a pixel with head=categorical");
        }
    }

    /** What a class adds to the channels of a layer: a row of a table, 0 at first. */
    private static final class ClassShift extends Module {
        private final Tensor weight;

        ClassShift(int classes, int channels) { weight = parameter("weight", Init.ZERO.draw(new Rng(0), classes, classes, channels)); }

        /** One-hot [B,classes] to [B,channels]. */
        Tensor of(Tensor label) { return label.matmul(weight); }
    }

    private static Tensor overSpace(Tensor shift) { return shift.unsqueeze(2).unsqueeze(3); }

    /** What a byte tells of its neighbours is not smooth in it: of anti-aliased edges each value has a meaning of its own. */
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

        @Override public Raster raster(long batch, int height, int width, @Nullable Tensor label) {
            Raster inner = net.raster(batch, height, width, label);
            return new Raster() {
                @Override public void startRow(int row) { inner.startRow(row); }

                @Override public void put(int row, int column, Tensor x) { inner.put(row, column, looked(x)); }

                @Override public Tensor at(int row, int column) { return inner.at(row, column); }
            };
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
            Tensor h = first.forward(x).relu();
            for (Block b : blocks) {
                Tensor mid = b.mid.forward(b.in.forward(h).relu());
                if (b.shift != null && label != null) mid = mid.add(overSpace(b.shift.of(label)));
                h = h.add(b.out.forward(mid.relu()).relu());
            }
            return last.forward(head2.forward(head1.forward(h).relu()).relu());
        }

        @Override public Raster raster(long batch, int height, int width, @Nullable Tensor label) {
            MaskedConv2d.Pixels start = first.pixels(batch, height, width);
            List<MaskedConv2d.Pixels[]> layers = new ArrayList<>();
            List<Tensor> shifts = new ArrayList<>();
            for (Block b : blocks) {
                layers.add(new MaskedConv2d.Pixels[] {b.in.pixels(batch, height, width), b.mid.pixels(batch, height, width),
                    b.out.pixels(batch, height, width)});
                shifts.add(b.shift == null || label == null ? Torch.zeros(1) : b.shift.of(label));
            }
            MaskedConv2d.Pixels[] ends = {head1.pixels(batch, height, width), head2.pixels(batch, height, width),
                last.pixels(batch, height, width)};
            return new Raster() {
                @Override public void startRow(int row) {}

                @Override public void put(int row, int column, Tensor x) { start.put(row, column, x); }

                @Override public Tensor at(int row, int column) {
                    Tensor h = start.at(row, column).relu();
                    for (int i = 0; i < layers.size(); i++) {
                        MaskedConv2d.Pixels[] b = layers.get(i);
                        Tensor mid = b[1].next(row, column, b[0].next(row, column, h).relu()).add(shifts.get(i));
                        h = h.add(b[2].next(row, column, mid.relu()).relu());
                    }
                    return ends[2].next(row, column, ends[1].next(row, column, ends[0].next(row, column, h).relu()).relu());
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
            Tensor v = firstAbove.forward(x), h = firstRow.forward(x).add(v);
            for (Layer l : layers) {
                Tensor above = l.above.forward(v);                                        // [B,2D,H,W]
                Tensor both = l.row.forward(h).add(l.link.forward(above));
                if (l.shift != null && label != null) both = both.add(overSpace(l.shift.of(label)));
                h = h.add(l.out.forward(gate(both)));
                v = gate(above);
            }
            return last.forward(hidden.forward(h.relu()).relu());
        }

        @Override public Raster raster(long batch, int height, int columns, @Nullable Tensor label) {
            record Known(MaskedConv2d.Pixels above, MaskedConv2d.Pixels row, MaskedConv2d.Pixels link, MaskedConv2d.Pixels out,
                    Tensor shift) {}
            MaskedConv2d.Pixels startAbove = firstAbove.pixels(batch, height, columns), startRow = firstRow.pixels(batch, height, columns);
            List<Known> known = new ArrayList<>();
            for (Layer l : layers) {
                known.add(new Known(l.above.pixels(batch, height, columns), l.row.pixels(batch, height, columns),
                    l.link.pixels(batch, height, columns), l.out.pixels(batch, height, columns),
                    l.shift == null || label == null ? Torch.zeros(1) : l.shift.of(label)));
            }
            MaskedConv2d.Pixels end0 = hidden.pixels(batch, height, columns), end1 = last.pixels(batch, height, columns);
            List<Tensor> fromAbove = new ArrayList<>();   // of the row: what h takes from v, first [B,D,W], then in each layer [B,2D,W]
            return new Raster() {
                @Override public void startRow(int row) {
                    fromAbove.clear();
                    Tensor v = startAbove.row(row);
                    fromAbove.add(v);
                    for (Known k : known) {
                        k.above.putRow(row, v);
                        Tensor above = k.above.row(row);
                        fromAbove.add(k.link.through(above));
                        v = gate(above);
                    }
                }

                @Override public void put(int row, int column, Tensor x) {
                    startAbove.put(row, column, x);
                    startRow.put(row, column, x);
                }

                @Override public Tensor at(int row, int column) {
                    Tensor h = startRow.at(row, column).add(fromAbove.get(0).select(2, column));
                    for (int i = 0; i < known.size(); i++) {
                        Known k = known.get(i);
                        Tensor both = k.row.next(row, column, h).add(fromAbove.get(i + 1).select(2, column)).add(k.shift);
                        h = h.add(k.out.next(row, column, gate(both)));
                    }
                    return end1.next(row, column, end0.next(row, column, h.relu()).relu());
                }
            };
        }
    }
}
