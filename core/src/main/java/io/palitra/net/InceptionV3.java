package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Inception v3, Szegedy et al. 2016, arXiv:1512.00567, as TensorFlow's file of December 2015 has it, which is the network of the Fréchet
 * Inception distance: 1008 classes, average pools that do not count what lies outside the picture, and a maximum pool where the paper has
 * the last average pool. Names of tensors are those of torchvision's {@code inception_v3}, whose own weights are of 1000 classes and do not
 * fit. Dropout and the classifier at the side are not built.
 */
public final class InceptionV3 extends Module {
    /** Height and width of a picture. */
    public static final int SIZE = 299;
    /** Width of the {@link #features}. */
    public static final int FEATURES = 2048;
    public static final int CLASSES = 1008;
    private static final int SMALLEST = 75;   // a pixel is left of it in the last blocks
    private static final double EPS = 1e-3;

    /** Convolution, norm, relu. Without a stride the padding keeps the size. */
    private static final class Conv extends Module {
        private final Conv2d conv;
        private final Norm.Batch norm;

        Conv(int in, int out, int height, int width, int stride, boolean padded, Rng rng) {
            int[] padding = padded ? new int[] {height / 2, width / 2} : new int[] {0, 0};
            conv = child("conv", new Conv2d(in, out, new int[] {height, width}, stride, padding, Init.DEFAULT, false, rng));
            norm = child("bn", new Norm.Batch(out, EPS));
        }

        Tensor forward(Tensor x) { return Scope.run(() -> norm.forward(conv.forward(x)).reluOver()); }
    }

    /** Branches side by side, whose channels are joined in their order. */
    private static final class Mixed extends Module {
        private final int in;
        private final Rng rng;
        private final List<Branch> branches = new ArrayList<>();

        Mixed(int in, Rng rng) {
            this.in = in;
            this.rng = rng;
        }

        Branch branch() {
            Branch made = new Branch();
            branches.add(made);
            return made;
        }

        int width() { return branches.stream().mapToInt(b -> b.width).sum(); }

        Tensor forward(Tensor x) { return Scope.run(() -> Torch.cat(1, branches.stream().map(b -> b.forward(x)).toList())); }

        /** Steps one after another; {@code width} counts the channels after the last so far. */
        private final class Branch {
            private final List<UnaryOperator<Tensor>> steps = new ArrayList<>();
            private int width = in;

            private Conv made(String name, int out, int rows, int columns, int stride) {
                return child(name, new Conv(width, out, rows, columns, stride, stride == 1, rng));
            }

            Branch conv(String name, int out, int kernel) { return conv(name, out, kernel, kernel); }

            Branch conv(String name, int out, int rows, int columns) {
                steps.add(made(name, out, rows, columns, 1)::forward);
                width = out;
                return this;
            }

            /** 3x3, to half the size. */
            Branch halved(String name, int out) {
                steps.add(made(name, out, 3, 3, 2)::forward);
                width = out;
                return this;
            }

            /** 1x3 and 3x1 of the same input, side by side. */
            Branch fork(String name, int out) {
                Conv flat = made(name + "a", out, 1, 3, 1), tall = made(name + "b", out, 3, 1, 1);
                steps.add(x -> Torch.cat(1, flat.forward(x), tall.forward(x)));
                width = 2 * out;
                return this;
            }

            Branch then(UnaryOperator<Tensor> pool) {
                steps.add(pool);
                return this;
            }

            Tensor forward(Tensor x) { return through(steps, x); }
        }
    }

    private final List<UnaryOperator<Tensor>> body = new ArrayList<>();
    private final Linear fc;
    private final Rng rng;
    private int width = 3;

    /** A network of fresh weights. */
    public InceptionV3(Rng rng) {
        this.rng = rng;
        // [B,3,299,299]
        stem("Conv2d_1a_3x3", 32, 3, 2, false);
        stem("Conv2d_2a_3x3", 32, 3, 1, false);
        stem("Conv2d_2b_3x3", 64, 3, 1, true);
        body.add(InceptionV3::halved);
        stem("Conv2d_3b_1x1", 80, 1, 1, false);
        stem("Conv2d_4a_3x3", 192, 3, 1, false);
        body.add(InceptionV3::halved);                 // [B,192,35,35]
        for (String name : List.of("Mixed_5b", "Mixed_5c", "Mixed_5d")) square(name, name.equals("Mixed_5b") ? 32 : 64);

        Mixed a = new Mixed(width, rng);               // [B,288,35,35]
        a.branch().halved("branch3x3", 384);
        a.branch().conv("branch3x3dbl_1", 64, 1).conv("branch3x3dbl_2", 96, 3).halved("branch3x3dbl_3", 96);
        a.branch().then(InceptionV3::halved);
        add("Mixed_6a", a);                            // [B,768,17,17]
        crossed("Mixed_6b", 128);
        crossed("Mixed_6c", 160);
        crossed("Mixed_6d", 160);
        crossed("Mixed_6e", 192);

        Mixed b = new Mixed(width, rng);
        b.branch().conv("branch3x3_1", 192, 1).halved("branch3x3_2", 320);
        b.branch().conv("branch7x7x3_1", 192, 1).conv("branch7x7x3_2", 192, 1, 7).conv("branch7x7x3_3", 192, 7, 1)
            .halved("branch7x7x3_4", 192);
        b.branch().then(InceptionV3::halved);
        add("Mixed_7a", b);                            // [B,1280,8,8]
        forked("Mixed_7b", InceptionV3::average);      // [B,2048,8,8]
        forked("Mixed_7c", InceptionV3::highest);
        fc = child("fc", new Linear(width, CLASSES, rng));
    }

    /** Layer after layer, each output freed after the next. Not by {@link Scope#fold}, whose watchers count the steps of a sampler. */
    private static Tensor through(List<UnaryOperator<Tensor>> steps, Tensor x) {
        Tensor y = x;
        for (UnaryOperator<Tensor> step : steps) {
            Tensor before = y;
            y = Scope.run(() -> step.apply(before));
            if (before != x) before.free();
        }
        return y;
    }

    private static Tensor halved(Tensor x) { return Torch.maxPool(x, 3, 2, 0); }

    private static Tensor average(Tensor x) { return Torch.avgPool(x, 3, 1, 1); }

    private static Tensor highest(Tensor x) { return Torch.maxPool(x, 3, 1, 1); }

    private void stem(String name, int out, int kernel, int stride, boolean padded) {
        body.add(child(name, new Conv(width, out, kernel, kernel, stride, padded, rng))::forward);
        width = out;
    }

    private void add(String name, Mixed block) {
        body.add(child(name, block)::forward);
        width = block.width();
    }

    /** Fig. 5 of the paper, with the 5x5 that it replaces in one branch. */
    private void square(String name, int pooled) {
        Mixed m = new Mixed(width, rng);
        m.branch().conv("branch1x1", 64, 1);
        m.branch().conv("branch5x5_1", 48, 1).conv("branch5x5_2", 64, 5);
        m.branch().conv("branch3x3dbl_1", 64, 1).conv("branch3x3dbl_2", 96, 3).conv("branch3x3dbl_3", 96, 3);
        m.branch().then(InceptionV3::average).conv("branch_pool", pooled, 1);
        add(name, m);
    }

    /** Fig. 6 of the paper, n = 7. */
    private void crossed(String name, int inner) {
        Mixed m = new Mixed(width, rng);
        m.branch().conv("branch1x1", 192, 1);
        m.branch().conv("branch7x7_1", inner, 1).conv("branch7x7_2", inner, 1, 7).conv("branch7x7_3", 192, 7, 1);
        m.branch().conv("branch7x7dbl_1", inner, 1).conv("branch7x7dbl_2", inner, 7, 1).conv("branch7x7dbl_3", inner, 1, 7)
            .conv("branch7x7dbl_4", inner, 7, 1).conv("branch7x7dbl_5", 192, 1, 7);
        m.branch().then(InceptionV3::average).conv("branch_pool", 192, 1);
        add(name, m);
    }

    /** Fig. 7 of the paper. */
    private void forked(String name, UnaryOperator<Tensor> pool) {
        Mixed m = new Mixed(width, rng);
        m.branch().conv("branch1x1", 320, 1);
        m.branch().conv("branch3x3_1", 384, 1).fork("branch3x3_2", 384);
        m.branch().conv("branch3x3dbl_1", 448, 1).conv("branch3x3dbl_2", 384, 3).fork("branch3x3dbl_3", 384);
        m.branch().then(pool).conv("branch_pool", 192, 1);
        add(name, m);
    }

    /** {@link #load} of a public file: the auxiliary classifier and counters of batches are ignored. */
    public void loadPublic(Map<String, Tensor> values) {
        load(PublicTensorNames.renamed(values, key -> key.startsWith("AuxLogits.") || key.endsWith(".num_batches_tracked")
            ? Optional.empty()
            : Optional.of(key)));
    }

    /** Means of the last maps. x [B,3,299,299], pixels in [-1,1]; to [B,2048]. @throws IllegalArgumentException for another shape */
    public Tensor features(Tensor x) {
        if (x.dims() != 4 || x.size(1) != 3 || x.size(2) < SMALLEST || x.size(3) < SMALLEST) {
            throw new ArgumentException("InceptionV3 wants [B,3," + SIZE + "," + SIZE + "], or at least " + SMALLEST
                + " pixels to a side, got " + x);
        }
        return Scope.run(() -> through(body, x).mean(false, 2, 3));
    }

    /** Of features [B,2048] the scores of the classes [B,1008]. */
    public Tensor logits(Tensor features) { return fc.forward(features); }
}
