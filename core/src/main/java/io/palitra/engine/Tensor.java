package io.palitra.engine;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * A dense array on one device, recorded by autograd. Operations follow PyTorch's names, shapes and broadcasting: each makes a new tensor
 * and leaves this one as it is, but for those that end in {@code Over}, {@link #fill}, {@link #copyFrom} and the like, which say so. A view
 * shares its elements with the tensor that it is of.
 *
 * <p>Memory is native. It is freed when the innermost {@link Scope} of the thread that made the tensor closes, where the tensor is not
 * {@linkplain #retain retained}; without a scope, by {@link #free} alone. Several threads may read a tensor at once; whoever writes to one
 * must be alone with it, and a scope is of one thread.
 *
 * <p>Every operation throws {@link FreedTensorException} for a tensor that was freed. Shapes that do not fit are refused with libtorch's
 * message, from which {@link Torch#message} makes a line.
 */
public final class Tensor {
    static { Natives.load(); }

    private static final LongOptional NO_BOUND = forever(new LongOptional());
    private static final ScalarTypeOptional SAME_TYPE = forever(new ScalarTypeOptional());

    private final org.bytedeco.pytorch.Tensor pointer;

    Tensor(org.bytedeco.pytorch.Tensor pointer) { this.pointer = pointer; }

    /** @throws FreedTensorException when it was freed */
    org.bytedeco.pytorch.Tensor handle() {
        if (pointer.isNull()) throw new FreedTensorException();
        return pointer;
    }

    /** Constants of the binding must outlive the scope in which their class is first used. */
    static <P extends Pointer> P forever(P p) {
        p.retainReference();
        return p;
    }


    /** Extents of the dimensions, empty for a number. */
    public long[] shape() { return handle().shape(); }

    /** Extent of a dimension; negative counts from the last. */
    public long size(int dim) { return handle().size(dim); }

    /** Number of dimensions. */
    public int dims() { return (int) handle().dim(); }

    /** Number of elements. */
    public long numel() { return handle().numel(); }

    /** Type of the elements. */
    public DType dtype() { return DType.of(handle().scalar_type()); }

    /** Where the elements lie. */
    public Device device() {
        return handle().is_cuda() ? new Device(Device.Kind.CUDA, handle().device().index()) : Device.CPU;
    }

    @Override public String toString() { return pointer.isNull() ? "a freed tensor" : InWords.shape(shape()); }


    /** this + o, element by element; shapes are broadcast. */
    public Tensor add(Tensor o) { return new Tensor(handle().add(o.handle())); }

    /**
     * The same in this tensor's own memory, where that can be: not of another type, nor of a parameter or a part of another tensor that a
     * gradient passes. For a tensor that is not used again, nor by the gradient of the operation that made it.
     */
    public Tensor addOver(Tensor o) {
        boolean recorded = requiresGrad() || o.requiresGrad();
        if (dtype() != o.dtype() || recorded && (handle().is_leaf() && requiresGrad() || handle().is_view())) return add(o);
        handle().add_(o.handle());
        return this;
    }

    /** this + s. */
    public Tensor add(double s) { return new Tensor(handle().add(new Scalar(s))); }

    /** this - o; shapes are broadcast. */
    public Tensor sub(Tensor o) { return new Tensor(handle().sub(o.handle())); }

    /** this - s. */
    public Tensor sub(double s) { return new Tensor(handle().sub(new Scalar(s))); }

    /** this o, element by element; shapes are broadcast. */
    public Tensor mul(Tensor o) { return new Tensor(handle().mul(o.handle())); }

    /** s this. */
    public Tensor mul(double s) { return new Tensor(handle().mul(new Scalar(s))); }

    /** this / o, element by element; shapes are broadcast. By zero: infinite or NaN. */
    public Tensor div(Tensor o) { return new Tensor(handle().div(o.handle())); }

    /** this / s. */
    public Tensor div(double s) { return new Tensor(handle().div(new Scalar(s))); }

    /** s - this. */
    public Tensor rsub(double s) { return new Tensor(torch.rsub(handle(), new Scalar(s))); }

    /** -this. */
    public Tensor neg() { return new Tensor(handle().neg()); }

    /** e^x of each element x. */
    public Tensor exp() { return new Tensor(handle().exp()); }

    /** e^x - 1, exact near x = 0. */
    public Tensor expm1() { return new Tensor(handle().expm1()); }

    /** Natural logarithm; -infinite at 0, NaN below. */
    public Tensor log() { return new Tensor(handle().log()); }

    /** log(1 + x), exact near x = 0. */
    public Tensor log1p() { return new Tensor(handle().log1p()); }

    /** Square root; NaN below 0. */
    public Tensor sqrt() { return new Tensor(handle().sqrt()); }

    /** 1 / sqrt(x). */
    public Tensor rsqrt() { return new Tensor(handle().rsqrt()); }

    /** x^2. */
    public Tensor square() { return new Tensor(handle().square()); }

    /** x^p. */
    public Tensor pow(double p) { return new Tensor(handle().pow(new Scalar(p))); }

    /** |x|. */
    public Tensor abs() { return new Tensor(handle().abs()); }

    /** sin x, x in radians. */
    public Tensor sin() { return new Tensor(handle().sin()); }

    /** cos x, x in radians. */
    public Tensor cos() { return new Tensor(handle().cos()); }

    /** The angle of the point (o, this), in (-pi,pi]. */
    public Tensor atan2(Tensor o) { return new Tensor(handle().atan2(o.handle())); }

    /** tanh x, in (-1,1). */
    public Tensor tanh() { return new Tensor(handle().tanh()); }

    /** 1 / (1 + e^-x), in (0,1). */
    public Tensor sigmoid() { return new Tensor(handle().sigmoid()); }

    /** max(x, 0). */
    public Tensor relu() { return new Tensor(handle().relu()); }

    /** The same in this tensor's own memory, as {@link #addOver}; its gradient reads the result. */
    public Tensor reluOver() {
        handle().relu_();
        return this;
    }

    /** 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
    public Tensor erf() { return new Tensor(handle().erf()); }

    /** The x of erf(x) = this; infinite at -1 and 1. */
    public Tensor erfinv() { return new Tensor(handle().erfinv()); }

    /** In [0,s), of the sign of s. */
    public Tensor remainder(double s) { return new Tensor(handle().remainder(new Scalar(s))); }

    /** The greatest whole number that is at most x. */
    public Tensor floor() { return new Tensor(handle().floor()); }

    /** The nearest whole number; of two the even one. */
    public Tensor round() { return new Tensor(handle().round()); }

    /** x sigmoid(x). Elfwing et al. 2018, arXiv:1702.03118. */
    public Tensor silu() { return new Tensor(torch.silu(handle())); }

    /** The same in this tensor's own memory, unless a gradient passes; for a tensor that is not used again. */
    public Tensor siluOver() {
        if (requiresGrad()) return silu();
        torch.silu_(handle());
        return this;
    }

    /** x Phi(x), Phi the distribution function of N(0,1). Hendrycks and Gimpel 2016, arXiv:1606.08415. */
    public Tensor gelu() { return new Tensor(torch.gelu(handle())); }

    /** x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), which is nearly gelu. */
    public Tensor geluTanh() { return new Tensor(torch.gelu(handle(), "tanh")); }

    /** x tanh(softplus(x)). Misra 2019, arXiv:1908.08681. */
    public Tensor mish() { return new Tensor(torch.mish(handle())); }

    /** log(1 + e^x); x itself above 20. */
    public Tensor softplus() { return new Tensor(torch.softplus(handle())); }

    /** log sigmoid(x). */
    public Tensor logSigmoid() { return new Tensor(torch.log_sigmoid(handle())); }

    /** x where x > 0, else slope x. */
    public Tensor leakyRelu(double slope) { return new Tensor(torch.leaky_relu(handle(), new Scalar(slope))); }

    /** The same in this tensor's own memory, as {@link #addOver}; its gradient reads the result. */
    public Tensor leakyReluOver(double slope) {
        torch.leaky_relu_(handle(), new Scalar(slope));
        return this;
    }

    /** Each element moved into [lo,hi]. */
    public Tensor clamp(double lo, double hi) {
        return new Tensor(handle().clamp(new ScalarOptional(new Scalar(lo)), new ScalarOptional(new Scalar(hi))));
    }

    /** max(x, lo). */
    public Tensor clampMin(double lo) { return new Tensor(handle().clamp_min(new Scalar(lo))); }

    /** min(x, hi). */
    public Tensor clampMax(double hi) { return new Tensor(handle().clamp_max(new Scalar(hi))); }

    /** The smaller of both, element by element. */
    public Tensor minimum(Tensor o) { return new Tensor(handle().minimum(o.handle())); }

    /** The larger of both, element by element. */
    public Tensor maximum(Tensor o) { return new Tensor(handle().maximum(o.handle())); }

    /** this + w (o - this). */
    public Tensor lerp(Tensor o, double w) { return new Tensor(handle().lerp(o.handle(), new Scalar(w))); }


    /** BOOL: this = o. */
    public Tensor eq(Tensor o) { return new Tensor(handle().eq(o.handle())); }

    /** BOOL: this = s. */
    public Tensor eq(double s) { return new Tensor(handle().eq(new Scalar(s))); }

    /** BOOL: this < o. */
    public Tensor lt(Tensor o) { return new Tensor(handle().lt(o.handle())); }

    /** BOOL: this < s. */
    public Tensor lt(double s) { return new Tensor(handle().lt(new Scalar(s))); }

    /** BOOL: this <= o. */
    public Tensor le(Tensor o) { return new Tensor(handle().le(o.handle())); }

    /** BOOL: this > s. */
    public Tensor gt(double s) { return new Tensor(handle().gt(new Scalar(s))); }

    /** BOOL: this >= s. */
    public Tensor ge(double s) { return new Tensor(handle().ge(new Scalar(s))); }

    /** BOOL: neither infinite nor NaN. */
    public Tensor isFinite() { return new Tensor(handle().isfinite()); }

    /** Any element true (or non-zero), as a 0-d BOOL tensor. */
    public Tensor any() { return new Tensor(handle().any()); }

    /** All elements true (or non-zero), as a 0-d BOOL tensor. */
    public Tensor all() { return new Tensor(handle().all()); }

    /** Any true along a dimension. */
    public Tensor any(int dim) { return new Tensor(handle().any(dim, false)); }

    /** this where mask, else o. */
    public Tensor where(Tensor mask, Tensor o) { return new Tensor(torch.where(mask.handle(), handle(), o.handle())); }

    /** s where mask, which is BOOL and broadcast, else this. */
    public Tensor maskedFill(Tensor mask, double s) { return new Tensor(handle().masked_fill(mask.handle(), new Scalar(s))); }


    /** Sum of all elements, a 0-d tensor. */
    public Tensor sum() { return new Tensor(handle().sum()); }

    /** Mean of all elements, a 0-d tensor. */
    public Tensor mean() { return new Tensor(handle().mean()); }

    /** Sum over dimensions, which keep extent 1 or go. */
    public Tensor sum(boolean keep, long... dims) { return new Tensor(handle().sum(dims, keep, SAME_TYPE)); }

    /** Mean over dimensions, which keep extent 1 or go. */
    public Tensor mean(boolean keep, long... dims) { return new Tensor(handle().mean(dims, keep, SAME_TYPE)); }

    /** Sum over every dim but the first: [B,...] to [B]. */
    public Tensor sumPerItem() { return reshape(size(0), -1).sum(false, 1); }

    /** Mean over every dim but the first: [B,...] to [B]. */
    public Tensor meanPerItem() { return reshape(size(0), -1).mean(false, 1); }

    /** Variance; {@code unbiased} divides by n - 1. */
    public Tensor var(boolean unbiased, boolean keep, long... dims) { return new Tensor(handle().var(dims, unbiased, keep)); }

    /** Largest element, a 0-d tensor. */
    public Tensor max() { return new Tensor(handle().max()); }

    /** Smallest element, a 0-d tensor. */
    public Tensor min() { return new Tensor(handle().min()); }

    /** Largest over dimensions, which keep extent 1 or go. */
    public Tensor amax(boolean keep, long... dims) { return new Tensor(handle().amax(dims, keep)); }

    /** Smallest over dimensions, which keep extent 1 or go. */
    public Tensor amin(boolean keep, long... dims) { return new Tensor(handle().amin(dims, keep)); }

    /** I64: index of the smallest along a dimension, which goes. */
    public Tensor argmin(int dim) { return new Tensor(handle().argmin(new LongOptional(dim), false)); }

    /** I64: index of the largest along a dimension, which goes. */
    public Tensor argmax(int dim) { return new Tensor(handle().argmax(new LongOptional(dim), false)); }

    /** Smallest {@code k} values of the last dimension, ascending. */
    public Tensor smallest(int k) { return new Tensor(new org.bytedeco.pytorch.Tensor(torch.topk(handle(), k, -1, false, true).get0())); }

    /** Quantile q in [0,1] along a dimension, on a line between neighbours. */
    public Tensor quantile(double q, int dim) { return new Tensor(handle().quantile(q, new LongOptional(dim), false, "linear")); }

    /** log of the sum of e^x along a dimension, which goes; no overflow. */
    public Tensor logSumExp(int dim) { return new Tensor(handle().logsumexp(new long[] {dim}, false)); }

    /** e^x over its sum along a dimension. */
    public Tensor softmax(int dim) { return new Tensor(handle().softmax(dim)); }

    /** log softmax along a dimension, in nats. */
    public Tensor logSoftmax(int dim) { return new Tensor(handle().log_softmax(dim)); }

    /** Sums of the elements up to each along a dimension. */
    public Tensor cumsum(int dim) { return new Tensor(handle().cumsum(dim)); }


    /** The same elements in row-major order, in another shape; one extent may be -1, which is then computed. A view where it can be. */
    public Tensor reshape(long... shape) { return new Tensor(handle().reshape(shape)); }

    /** Joins the dims from {@code from} on. */
    public Tensor flatten(int from) { return new Tensor(handle().flatten(from, -1)); }

    /** Dimensions in another order; a view. */
    public Tensor permute(long... dims) { return new Tensor(handle().permute(dims)); }

    /** Two dimensions exchanged; a view. */
    public Tensor transpose(int a, int b) { return new Tensor(handle().transpose(a, b)); }

    /** A new dimension of extent 1 at {@code dim}; a view. */
    public Tensor unsqueeze(int dim) { return new Tensor(handle().unsqueeze(dim)); }

    /** Without a dimension of extent 1; a view. */
    public Tensor squeeze(int dim) { return new Tensor(handle().squeeze((long) dim)); }

    /** A view with dims of extent 1 repeated. */
    public Tensor expand(long... shape) { return new Tensor(handle().expand(shape)); }

    /** Trailing dims of extent 1, so that [B] broadcasts against [B,...] of {@code dims} dims. */
    public Tensor broadcastTo(int dims) {
        long[] shape = new long[dims];
        Arrays.fill(shape, 1);
        shape[0] = numel();
        return reshape(shape);
    }

    /** Elements from..from+n-1 of a dimension; a view. */
    public Tensor narrow(int dim, long from, long n) { return new Tensor(handle().narrow(dim, from, n)); }

    /** Writes rows x [n,...] over those of index I64 [n], each named once; not recorded. */
    public void putRows(Tensor index, Tensor x) { try (Guard g = Torch.noGrad()) { handle().index_copy_(0, index.handle(), x.handle()); } }

    /** Adds rows x [n,...] to those of index I64 [n], as often as each is named; not recorded. */
    public void addRows(Tensor index, Tensor x) { try (Guard g = Torch.noGrad()) { handle().index_add_(0, index.handle(), x.handle()); } }

    /** Every step-th along a dim, from the first on; a view. */
    public Tensor every(int dim, long step) { return new Tensor(handle().slice(dim, NO_BOUND, NO_BOUND, step)); }

    /** Items from..from+n-1 of the first dim. */
    public Tensor rows(long from, long n) { return narrow(0, from, n); }

    /** The slice at i, without that dim. */
    public Tensor select(int dim, long i) { return new Tensor(handle().select(dim, i)); }

    /** The elements of a dimension that index, I64 [n], names. */
    public Tensor indexSelect(int dim, Tensor index) { return new Tensor(handle().index_select(dim, index.handle())); }

    /** Along a dimension the elements that index, I64 of the result's shape, names. */
    public Tensor gather(int dim, Tensor index) { return new Tensor(handle().gather(dim, index.handle())); }

    /** Dimensions backwards; a copy. */
    public Tensor flip(long... dims) { return new Tensor(handle().flip(dims)); }

    /** n parts along a dimension, as equal as can be; views. */
    public Tensor[] chunk(int n, int dim) {
        TensorVector v = handle().chunk(n, dim);
        Tensor[] out = new Tensor[(int) v.size()];
        // get(i) points into the vector's memory, which dies with v: copy the handle() (not the data)
        for (int i = 0; i < out.length; i++) out[i] = new Tensor(new org.bytedeco.pytorch.Tensor(v.get(i)));
        return out;
    }

    /** Element [i,j,...] is this contiguous tensor's element {@code from} + i strides[0] + j strides[1] + ..., which must be there. */
    public Tensor strided(long from, long[] shape, long[] strides) {
        return new Tensor(handle().as_strided(shape, strides, new LongOptional(from)));
    }

    /** This, or a copy whose elements lie in row-major order. */
    public Tensor contiguous() { return new Tensor(handle().contiguous()); }

    /** The same numbers, those of a pixel side by side in memory: convolutions without norms are faster so. This is [B,C,H,W]. */
    public Tensor channelsLast() {
        if (size(1) > 1) return new Tensor(handle().contiguous(torch.MemoryFormat.ChannelsLast));
        return reshape(size(0), size(2), size(3), 1).permute(0, 3, 1, 2);   // the strides, too, must show which of the two it is
    }


    /** Product of matrices [...,R,K] and [...,K,C]: [...,R,C]; the dimensions before are broadcast. */
    public Tensor matmul(Tensor o) { return new Tensor(handle().matmul(o.handle())); }

    /** Transpose of a matrix. */
    public Tensor t() { return new Tensor(handle().t()); }

    /** The diagonal of a matrix; a view. */
    public Tensor diagonal() { return new Tensor(handle().diagonal()); }


    /** The same values outside the graph. */
    public Tensor detach() { return new Tensor(handle().detach()); }

    /** The same elements in memory of their own; a gradient passes. */
    public Tensor copy() { return new Tensor(handle().clone()); }

    /** Whether autograd records what is computed from this. */
    public boolean requiresGrad() { return handle().requires_grad(); }

    /** Sets whether autograd records what is computed from this leaf. */
    public Tensor requiresGrad(boolean on) {
        handle().set_requires_grad(on);
        return this;
    }

    /** Adds d(this)/dp to the gradient of every leaf p that requires one. This is a scalar. */
    public void backward() { handle().backward(); }

    /** Whether backward left a gradient. */
    public boolean hasGrad() { return handle().grad().defined(); }

    /** The gradient that backward left. */
    public Tensor grad() {
        org.bytedeco.pytorch.Tensor g = handle().grad();
        if (!g.defined()) throw new IllegalStateException("no gradient: backward has not reached this tensor of " + this);
        return new Tensor(g);
    }

    /** Forgets the gradient. */
    public void clearGrad() { handle().mutable_grad().reset(); }


    /** this = o, element by element, converting the type. */
    public void copyFrom(Tensor o) { try (Guard g = Torch.noGrad()) { handle().copy_(o.handle()); } }

    /** Sets every element to s, unrecorded. */
    public void fill(double s) { try (Guard g = Torch.noGrad()) { handle().fill_(new Scalar(s)); } }


    /** With elements of another type; itself where it is of that type. */
    public Tensor to(DType type) { return dtype() == type ? this : new Tensor(handle().to(type.type)); }

    /** On another device; itself where it lies there. */
    public Tensor to(Device device) {
        if (device.equals(device())) return this;
        return new Tensor(handle().to(device.handle(), handle().scalar_type().intern()));
    }

    /** This very tensor, a leaf, on another device. */
    public void moveTo(Device device) { handle().set_data(to(device).handle()); }

    /** This very tensor, a leaf, with another type. */
    public void convertTo(DType type) { handle().set_data(to(type).handle()); }

    /** Whether one element stands for all, so that there is no room for values: {@link #become} gives it. */
    public boolean hollow() { return !handle().is_non_overlapping_and_dense(); }

    /** This tensor, wherever it is held, is from now on that one: its values are shared, not copied. */
    public void become(Tensor o) { handle().set_data(o.handle()); }

    /** The one element. Waits for the device. */
    public double item() {
        if (numel() != 1) throw new ArgumentException("item wants one element, got " + this);
        return handle().item_double();
    }

    /** All elements in row-major order, as floats. Waits for the device. */
    public float[] floats() {
        try (Scope scope = new Scope()) {
            float[] out = new float[Math.toIntExact(numel())];
            host(DType.F32).asFloatBuffer().get(out);
            return out;
        }
    }

    /** All elements in row-major order, as doubles. Waits for the device. */
    public double[] doubles() {
        try (Scope scope = new Scope()) {
            double[] out = new double[Math.toIntExact(numel())];
            host(DType.F64).asDoubleBuffer().get(out);
            return out;
        }
    }

    /** All elements in row-major order, as longs, cut towards 0. Waits for the device. */
    public long[] longs() {
        try (Scope scope = new Scope()) {
            long[] out = new long[Math.toIntExact(numel())];
            host(DType.I64).asLongBuffer().get(out);
            return out;
        }
    }

    /** Values cast to unsigned bytes. */
    public byte[] bytes() {
        try (Scope scope = new Scope()) {
            byte[] out = new byte[Math.toIntExact(numel())];
            host(DType.U8).get(out);
            return out;
        }
    }

    private ByteBuffer host(DType type) { return new Tensor(to(Device.CPU).to(type).detach().contiguous().handle()).memory(); }

    /** The memory of a contiguous tensor of at most 2 GiB on the processor; valid while the tensor lives. */
    ByteBuffer memory() {
        long bytes = Math.multiplyExact(numel(), dtype().bytes());
        if (bytes == 0) return ByteBuffer.allocate(0).order(ByteOrder.nativeOrder());
        return new BytePointer(handle().data_ptr()).capacity(bytes).asByteBuffer().order(ByteOrder.nativeOrder());
    }

    /** A copy of elements as raw little-endian bytes in row-major order, for files. Waits for the device. */
    public ByteBuffer rawBytes() {
        try (Scope scope = new Scope()) {
            ByteBuffer from = new Tensor(to(Device.CPU).detach().contiguous().handle()).memory();
            ByteBuffer out = ByteBuffer.allocate(from.remaining()).order(ByteOrder.LITTLE_ENDIAN);
            out.put(from).flip();
            return out;
        }
    }


    /** Fills {@code into} with raw bytes from byte {@code at} on. This is contiguous, on the processor, and may exceed 2 GiB. */
    public void readRaw(long at, ByteBuffer into) { into.put(window(at, into.remaining())); }

    /** Overwrites raw bytes from byte {@code at} on with all of {@code from}, unseen by autograd. This is as for {@link #readRaw}. */
    public void writeRaw(long at, ByteBuffer from) { window(at, from.remaining()).put(from); }

    private ByteBuffer window(long at, int n) {
        long bytes = Math.multiplyExact(numel(), dtype().bytes());
        if (at < 0 || n > bytes - at) throw new ArgumentException("a tensor of " + this + " has " + bytes + " bytes, asked for "
            + n + " at " + at);
        if (handle().is_cuda() || !handle().is_contiguous()) {
            throw new ArgumentException("raw bytes want a contiguous tensor on cpu, got one of " + this);
        }
        return n == 0 ? ByteBuffer.allocate(0) : new BytePointer(handle().data_ptr()).getPointer(at).capacity(n).asByteBuffer();
    }


    /** Keeps this tensor beyond every scope, until {@link #free}. */
    public Tensor retain() {
        handle().retainReference();
        Scope.retained(this);
        return this;
    }

    /** Frees the handle() at once; any later use is an error. */
    public void free() { pointer.deallocate(); }
}
