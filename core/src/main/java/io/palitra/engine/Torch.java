package io.palitra.engine;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.LayoutOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;

/** Functions that make, join or transform tensors, and the settings of the current thread. */
public final class Torch {
    static { Natives.load(); }

    private static final Pattern TOO_MUCH = Pattern.compile("you tried to allocate (\\d+) bytes");
    private static final TensorOptional NONE = Tensor.forever(new TensorOptional());
    private static final DoubleOptional NO_DOUBLE = Tensor.forever(new DoubleOptional());
    private static final LongOptional NO_LONG = Tensor.forever(new LongOptional());

    private Torch() {}

    /** Loads the engine's libraries, which takes half a second; otherwise the first tensor loads them. */
    public static void load() { Natives.load(); }

    /** Nothing is recorded for autograd until the guard closes. */
    public static Guard noGrad() {
        NoGradGuard g = new NoGradGuard();
        return g::deallocate;
    }

    /**
     * As {@link #noGrad}, and operations cost a little less: tensors made until the guard closes are never recorded, not even later. For
     * loops that hand out numbers.
     */
    public static Guard inference() {
        InferenceMode g = new InferenceMode(true);
        return g::deallocate;
    }

    /** Turns recording back on inside a {@link #noGrad} region, for samplers that follow a gradient. */
    public static Guard withGrad() {
        AutoGradMode g = new AutoGradMode(true);
        return g::deallocate;
    }

    /** Matrix products and convolutions run in bf16 (Micikevicius et al. 2018, arXiv:1710.03740), sums and norms in fp32. */
    public static Guard autocast(Device device, DType type) {
        DeviceType d = device.type();
        boolean before = torch.is_autocast_enabled(d);
        ScalarType beforeType = torch.get_autocast_dtype(d);
        torch.set_autocast_enabled(d, true);
        torch.set_autocast_dtype(d, type.type);
        torch.increment_nesting();
        return () -> {
            if (torch.decrement_nesting() == 0) torch.clear_cache();
            torch.set_autocast_enabled(d, before);
            torch.set_autocast_dtype(d, beforeType);
        };
    }

    /** Matrix products in full again within a region of {@link #autocast}. */
    public static Guard uncast(Device device) {
        DeviceType d = device.type();
        boolean before = torch.is_autocast_enabled(d);
        torch.set_autocast_enabled(d, false);
        return () -> torch.set_autocast_enabled(d, before);
    }

    /** Attention by the plain kernels, whose backward can itself be differentiated; the fused one cannot. */
    public static Guard plainAttention() {
        torch.globalContext().setSDPUseFlash(false);
        return () -> torch.globalContext().setSDPUseFlash(true);
    }

    /** Product of extents, at most 2^31-1. */
    public static int numel(long... shape) {
        long n = 1;
        for (long s : shape) {
            if (s < 0) throw new ArgumentException("illegal extent: " + s + ", must be at least 0");
            n = s > 0 && n > Integer.MAX_VALUE / s ? 1L << 31 : n * s;
        }
        if (n > Integer.MAX_VALUE) {
            throw new ArgumentException("a tensor of " + InWords.shape(shape) + " has more than " + Integer.MAX_VALUE
                + " numbers");
        }
        return (int) n;
    }

    /** Of any values. */
    public static Tensor empty(DType type, long... shape) {
        Allowance.take(type.bytes(), shape);
        return new Tensor(torch.empty(shape, new ScalarTypeOptional(type.type), new LayoutOptional(), new DeviceOptional(),
            new BoolOptional(), new MemoryFormatOptional()));
    }

    /** F32 zeros. */
    public static Tensor zeros(long... shape) { return zeros(DType.F32, shape); }

    /** Zeros of a type. */
    public static Tensor zeros(DType type, long... shape) { return new Tensor(empty(type, shape).handle().zero_()); }

    /** F32 ones. */
    public static Tensor ones(long... shape) { return full(1, shape); }

    /** F32, every element {@code value}. */
    public static Tensor full(double value, long... shape) { return new Tensor(empty(DType.F32, shape).handle().fill_(new Scalar(value))); }

    /** The identity [n,n]. */
    public static Tensor eye(long n) { return new Tensor(torch.eye(n)); }

    /** Zeros of x's shape and type, on its device. */
    public static Tensor zerosLike(Tensor x) { return new Tensor(torch.zeros_like(x.handle())); }

    /** Ones of x's shape and type, on its device. */
    public static Tensor onesLike(Tensor x) { return new Tensor(torch.ones_like(x.handle())); }

    /** from, from+1, ... to-1 as F32. */
    public static Tensor arange(long from, long to) {
        float[] v = new float[Math.toIntExact(to - from)];
        for (int i = 0; i < v.length; i++) v[i] = from + i;
        return of(v, v.length);
    }

    /** F32 on the processor, from a copy of data in row-major order. Refused unless the shape has as many elements. */
    public static Tensor of(float[] data, long... shape) {
        Tensor t = emptyFor(data.length, DType.F32, shape);
        t.memory().asFloatBuffer().put(data);
        return t;
    }

    /** F64 on the processor, from a copy of data in row-major order. Refused unless the shape has as many elements. */
    public static Tensor of(double[] data, long... shape) {
        Tensor t = emptyFor(data.length, DType.F64, shape);
        t.memory().asDoubleBuffer().put(data);
        return t;
    }

    /** I64 on the processor, from a copy of data in row-major order. Refused unless the shape has as many elements. */
    public static Tensor of(long[] data, long... shape) {
        Tensor t = emptyFor(data.length, DType.I64, shape);
        t.memory().asLongBuffer().put(data);
        return t;
    }

    /** Unsigned bytes. */
    public static Tensor of(byte[] data, long... shape) {
        Tensor t = emptyFor(data.length, DType.U8, shape);
        t.memory().put(data);
        return t;
    }

    /** From raw little-endian bytes in row-major order, as files hold them. */
    public static Tensor ofRaw(ByteBuffer raw, DType type, long... shape) {
        Tensor t = empty(type, shape);
        if (raw.remaining() != Math.multiplyExact(t.numel(), type.bytes())) {
            throw new ArgumentException("a tensor of " + t + " of " + type + " wants " + t.numel() * type.bytes() + " bytes, got "
                + raw.remaining());
        }
        t.memory().put(raw.duplicate());
        return t;
    }

    private static Tensor emptyFor(int length, DType type, long... shape) {
        if (numel(shape) != length) {
            throw new ArgumentException("shape " + InWords.shape(shape) + " wants " + numel(shape) + " values, got " + length);
        }
        return empty(type, shape);
    }

    /** Parts one after the other along a dimension; the other extents are equal. */
    public static Tensor cat(int dim, Tensor... parts) { return cat(dim, List.of(parts)); }

    /** Parts one after the other along a dimension; the other extents are equal. */
    public static Tensor cat(int dim, Collection<Tensor> parts) { return new Tensor(torch.cat(vector(parts), dim)); }

    /** Parts of one shape beside each other along a new dimension. */
    public static Tensor stack(int dim, Collection<Tensor> parts) { return new Tensor(torch.stack(vector(parts), dim)); }

    static TensorVector vector(Collection<Tensor> parts) {
        TensorVector v = new TensorVector();
        for (Tensor p : parts) v.push_back(p.handle());
        return v;
    }

    /** x W^T + b. x [...,in], w [out,in], b [out]. */
    public static Tensor linear(Tensor x, Tensor w, @Nullable Tensor b) {
        return new Tensor(torch.linear(x.handle(), w.handle(), optional(b)));
    }

    /** x W + b in one operation. x [N,in], w [in,out], b [out]. */
    public static Tensor addmm(Tensor b, Tensor x, Tensor w) { return new Tensor(torch.addmm(b.handle(), x.handle(), w.handle())); }

    /** beta b + alpha x y of many matrices at once. x [N,R,K], y [N,K,C], b [N,R,C]. */
    static Tensor baddbmm(double beta, Tensor b, double alpha, Tensor x, Tensor y) {
        return new Tensor(torch.baddbmm(b.handle(), x.handle(), y.handle(), new Scalar(beta), new Scalar(alpha)));
    }

    /** x [B,I,H,W], w [O,I/groups,k,k]. */
    public static Tensor conv2d(Tensor x, Tensor w, @Nullable Tensor b, int stride, int padding) {
        return conv2d(x, w, b, stride, new long[] {padding, padding});
    }

    /** x [B,I,H,W], w [O,I,kh,kw]; so many zeros above and below, so many at the left and the right. */
    public static Tensor conv2d(Tensor x, Tensor w, @Nullable Tensor b, int stride, long[] padding) {
        return new Tensor(torch.conv2d(x.handle(), w.handle(), optional(b), new long[] {stride, stride}, padding, new long[] {1, 1}, 1));
    }

    /**
     * x [B,I,H,W], w [O,I/groups,kh,kw]: each of so many groups of channels by kernels of its own; every {@code down[0]}-th row and
     * {@code down[1]}-th column, no padding.
     */
    public static Tensor conv2d(Tensor x, Tensor w, long[] down, int groups) {
        return new Tensor(torch.conv2d(x.handle(), w.handle(), NONE, down, new long[] {0, 0}, new long[] {1, 1}, groups));
    }

    /** x [B,I,H,W], w [O,I,kh,kw] with taps that far apart in rows and columns; no padding. */
    public static Tensor conv2d(Tensor x, Tensor w, @Nullable Tensor b, long[] dilation) {
        return new Tensor(torch.conv2d(x.handle(), w.handle(), optional(b), new long[] {1, 1}, new long[] {0, 0}, dilation, 1));
    }

    /** x [B,I,H,W], w [I,O,kh,kw]; {@code padding} rows and columns are left out at each edge of (H-1) stride + kh by (W-1) stride + kw. */
    public static Tensor convTranspose2d(Tensor x, Tensor w, int stride, long[] padding) {
        return new Tensor(torch.conv_transpose2d(x.handle(), w.handle(), NONE, new long[] {stride, stride}, padding, new long[] {0, 0}, 1,
            new long[] {1, 1}));
    }

    /** x [B,I,H,W], w [I,O,k,k]; the result has (H-1) stride - 2 padding + k + outputPadding rows. */
    public static Tensor convTranspose2d(Tensor x, Tensor w, @Nullable Tensor b, int stride, int padding, int outputPadding) {
        return new Tensor(torch.conv_transpose2d(x.handle(), w.handle(), optional(b), new long[] {stride, stride},
            new long[] {padding, padding}, new long[] {outputPadding, outputPadding}, 1, 1, 1));
    }

    /** Groups of channels to mean 0 and variance 1, then w x + b. x [B,C,...], w and b [C]. Wu and He 2018, arXiv:1803.08494. */
    public static Tensor groupNorm(Tensor x, int groups, Tensor w, Tensor b, double eps) {
        return new Tensor(torch.group_norm(x.handle(), groups, optional(w), optional(b), eps, true));
    }

    /** Over the last dim. */
    public static Tensor layerNorm(Tensor x, @Nullable Tensor w, @Nullable Tensor b, double eps) {
        return new Tensor(torch.layer_norm(x.handle(), new long[] {x.size(-1)}, optional(w), optional(b), eps, true));
    }

    /** In training the running statistics move by {@code momentum}. */
    public static Tensor batchNorm(Tensor x, @Nullable Tensor w, @Nullable Tensor b, Tensor mean, Tensor var, boolean training,
            double momentum, double eps) {
        return new Tensor(torch.batch_norm(x.handle(), optional(w), optional(b), optional(mean), optional(var), training, momentum, eps,
            true));
    }

    /** softmax(q k^T / sqrt(d)) v. Each [B,heads,L,d]. */
    public static Tensor attention(Tensor q, Tensor k, Tensor v, boolean causal) {
        return attention(q, k, v, NONE, causal);
    }

    /** softmax(q k^T / sqrt(d) + bias) v. q [B,heads,L,d], k and v [B,heads,S,d]; bias is stretched to [B,heads,L,S]. */
    public static Tensor attention(Tensor q, Tensor k, Tensor v, @Nullable Tensor bias) {
        return attention(q, k, v, bias == null ? NONE : new TensorOptional(bias.to(wide(q)).handle()), false);
    }

    /** In F32 on the processor: this engine's kernel for BF16 does without the processor's instructions and takes twenty times as long. */
    private static Tensor attention(Tensor q, Tensor k, Tensor v, TensorOptional bias, boolean causal) {
        boolean cpu = q.device().kind() == Device.Kind.CPU, cast = cpu && torch.is_autocast_enabled(DeviceType.CPU);
        DType type = wide(q);
        if (cast) torch.set_autocast_enabled(DeviceType.CPU, false);
        try {
            return new Tensor(torch.scaled_dot_product_attention(q.to(type).handle(), k.to(type).handle(), v.to(type).handle(), bias, 0,
                causal,
                NO_DOUBLE, false)).to(q.dtype());
        } finally {
            if (cast) torch.set_autocast_enabled(DeviceType.CPU, true);
        }
    }

    private static DType wide(Tensor q) { return q.device().kind() == Device.Kind.CPU && q.dtype() == DType.BF16 ? DType.F32 : q.dtype(); }

    /** Each pixel repeated {@code factor} times in both directions. */
    public static Tensor upsampleNearest(Tensor x, int factor) {
        return new Tensor(torch.upsample_nearest2d(x.handle(), new long[] {x.size(2) * factor, x.size(3) * factor}, NO_DOUBLE, NO_DOUBLE));
    }

    /** Of each pixel of the result the one of x that lies over it. x [B,C,H,W] to [B,C,height,width]. */
    public static Tensor nearest(Tensor x, long height, long width) {
        return new Tensor(torch.upsample_nearest2d(x.handle(), new long[] {height, width}, NO_DOUBLE, NO_DOUBLE));
    }

    /**
     * Each pixel of the result from the four of x around it; corners of pictures, not middles of pixels, lie on each other, and a picture
     * made smaller is not smoothed first. x [B,C,H,W] to [B,C,height,width].
     */
    public static Tensor bilinear(Tensor x, long height, long width) {
        return new Tensor(torch.upsample_bilinear2d(x.handle(), new long[] {height, width}, false, NO_DOUBLE, NO_DOUBLE));
    }

    /**
     * Of each place the four pixels of x around it, on a line between them; the outermost pixels go on beyond the edge. Places (x, y) are
     * counted from -1 at the left and upper edge to 1 at the right and lower one. x [B,C,H,W], places [B,h,w,2]: [B,C,h,w].
     */
    public static Tensor at(Tensor x, Tensor places) { return new Tensor(torch.grid_sampler(x.handle(), places.handle(), 0, 1, false)); }

    /** Rows and columns of zeros around pictures [...,H,W]. */
    public static Tensor pad(Tensor x, int left, int right, int top, int bottom) {
        return new Tensor(torch.constant_pad_nd(x.handle(), new long[] {left, right, top, bottom}, new Scalar(0)));
    }

    /** Zeros before and after each of the last dims, from the last on: [before, after, before, after, ...]; below 0 so many are cut off. */
    public static Tensor pad(Tensor x, long... around) { return new Tensor(torch.constant_pad_nd(x.handle(), around, new Scalar(0))); }

    /** Means of windows of kernel x kernel pixels side by side. x [B,C,H,W]. */
    public static Tensor avgPool(Tensor x, int kernel) { return new Tensor(torch.avg_pool2d(x.handle(), kernel, kernel)); }

    /** Windows that may overlap, of which the part outside the picture, {@code padding} pixels at most, does not count. */
    public static Tensor avgPool(Tensor x, int kernel, int stride, int padding) {
        return new Tensor(torch.avg_pool2d(x.handle(), new long[] {kernel, kernel}, new long[] {stride, stride},
            new long[] {padding, padding}, false, false, NO_LONG));
    }

    /** Largest of windows of kernel x kernel pixels side by side. x [B,C,H,W]. */
    public static Tensor maxPool(Tensor x, int kernel) { return new Tensor(torch.max_pool2d(x.handle(), kernel, kernel)); }

    /** Windows as for {@link #avgPool(Tensor, int, int, int)}. */
    public static Tensor maxPool(Tensor x, int kernel, int stride, int padding) {
        return new Tensor(torch.max_pool2d(x.handle(), new long[] {kernel, kernel}, new long[] {stride, stride},
            new long[] {padding, padding}, new long[] {1, 1}, false));
    }

    /** x with each element zeroed by chance p, in [0,1), and the rest divided by 1 - p. Srivastava et al. 2014. */
    public static Tensor dropout(Tensor x, double p, Rng rng) {
        GeneratorOptional chance = new GeneratorOptional(torch.createCPUGenerator(rng.integers(1L << 31, 1).longs()[0]));
        Tensor kept = new Tensor(empty(DType.F32, x.shape()).handle().bernoulli_(1 - p, chance));
        return x.mul(kept.div(1 - p).to(x.device()).to(x.dtype()));
    }

    /**
     * A layer of {@code torch.nn.LSTM}: x [B,T,in], h and c [1,B,H] before the first step. Gives h after each step [B,T,H], and h and c
     * after the last one.
     *
     * @param weights [4H,in], [4H,H], and the two biases [4H]
     */
    public static Tensor[] lstm(Tensor x, Tensor h, Tensor c, List<Tensor> weights) {
        T_TensorTensorTensor_T r = torch.lstm(x.handle(), vector(List.of(h, c)), vector(weights), true, 1, 0, true, false, true);
        return new Tensor[] {new Tensor(new org.bytedeco.pytorch.Tensor(r.get0())),
            new Tensor(new org.bytedeco.pytorch.Tensor(r.get1())), new Tensor(new org.bytedeco.pytorch.Tensor(r.get2()))};
    }

    /** Rows of a table [V,D] by index I64 [...]: [...,D]. */
    public static Tensor embedding(Tensor table, Tensor index) { return new Tensor(torch.embedding(table.handle(), index.handle())); }

    /** I64 [...] to F32 [...,classes]. */
    public static Tensor oneHot(Tensor index, int classes) { return new Tensor(torch.one_hot(index.handle(), classes)).to(DType.F32); }

    /** Mean of -log softmax(logits)[target] in nats. logits [B,V], target I64 [B]. */
    public static Tensor crossEntropy(Tensor logits, Tensor target) {
        return new Tensor(torch.cross_entropy_loss(logits.handle(), target.handle()));
    }

    /** -[t log s(x) + (1-t) log(1-s(x))], element by element, in nats, from logits x. */
    public static Tensor bceWithLogits(Tensor x, Tensor t) {
        return new Tensor(torch.binary_cross_entropy_with_logits(x.handle(), t.handle(), NONE, NONE, 0));
    }

    /** Euclidean distances between rows: a [N,D], b [M,D] to [N,M]. */
    public static Tensor cdist(Tensor a, Tensor b) { return new Tensor(torch.cdist(a.handle(), b.handle())); }

    /** Eigenvalues, ascending, and eigenvectors in columns of a symmetric matrix. */
    public static Tensor[] eigh(Tensor a) {
        T_TensorTensor_T r = torch.linalg_eigh(a.handle());
        return new Tensor[] {new Tensor(new org.bytedeco.pytorch.Tensor(r.get0())), new Tensor(new org.bytedeco.pytorch.Tensor(r.get1()))};
    }

    /** Lower factor L of a symmetric positive definite matrix: L L^T. */
    public static Tensor cholesky(Tensor a) { return new Tensor(torch.linalg_cholesky(a.handle())); }

    /** The solution Y of L Y = B for a lower triangular L [n,n] and B [n,m]. */
    public static Tensor solveLower(Tensor l, Tensor b) {
        return new Tensor(torch.linalg_solve_triangular(l.handle(), b.handle(), false));
    }

    /** d(sum y)/dx, leaving every parameter's gradient alone. With {@code create} the result can itself be differentiated. */
    public static Tensor grad(Tensor y, Tensor x, boolean create) {
        TensorVector g = torch.grad(new TensorVector(y.sum().handle()), new TensorVector(x.handle()), new TensorVector(),
            new BoolOptional(create), create, false);
        return new Tensor(new org.bytedeco.pytorch.Tensor(g.get(0)));
    }

    /** d(sum y)/dx as {@link #grad} without {@code create}, after which y can be differentiated again. */
    public static Tensor slope(Tensor y, Tensor x) {
        TensorVector g = torch.grad(new TensorVector(y.sum().handle()), new TensorVector(x.handle()), new TensorVector(),
            new BoolOptional(true), false, false);
        return new Tensor(new org.bytedeco.pytorch.Tensor(g.get(0)));
    }

    private static TensorOptional optional(@Nullable Tensor t) { return t == null ? NONE : new TensorOptional(t.handle()); }

    /** The fault of an operation in words for users; libtorch's own message is the exception's cause. */
    public static String message(RuntimeException e) {
        String text = String.valueOf(e.getMessage());
        Matcher full = TOO_MUCH.matcher(text);
        if (full.find()) return "out of memory: " + full.group(1) + " bytes are wanted at once";
        if (e.getClass() != RuntimeException.class) return text;   // ours, or Java's
        return "the engine cannot carry out an operation on these numbers, which is a fault of Palitra; PALITRA_DEBUG=1 shows where";
    }
}
