package io.palitra.nn;

import io.palitra.config.ArgumentException;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;

/** Normalisations with a learned scale and shift for each channel. */
public final class Norm {
    /** Share of a batch's statistics in the running statistics of a batch norm. */
    public static final double MOMENTUM = 0.1;

    /** Ends of the keys of running statistics. */
    public static final String RUNNING_MEAN = "running_mean", RUNNING_VAR = "running_var";

    private Norm() {}

    /** Over groups of channels of one item. Wu and He 2018, arXiv:1803.08494. x [B,C,...]. */
    public static final class Group extends Module {
        private final Tensor weight;
        private final Tensor bias;
        private final int groups;
        private final double eps;

        public Group(int groups, int channels, double eps) {
            if (groups < 1 || channels % groups != 0) {
                throw new ArgumentException("illegal groups: " + groups + ", must divide the " + channels + " channels");
            }
            weight = parameter("weight", Torch.ones(channels));
            bias = parameter("bias", Torch.zeros(channels));
            this.groups = groups;
            this.eps = eps;
        }

        public Tensor forward(Tensor x) { return Torch.groupNorm(x, groups, weight, bias, eps); }
    }

    /** Over the last dimension, whose extent is that width. Ba et al. 2016, arXiv:1607.06450. x [...,D]. */
    public static final class Layer extends Module {
        private final Tensor weight;
        private final Tensor bias;
        private final double eps;

        public Layer(int width, double eps) {
            weight = parameter("weight", Torch.ones(width));
            bias = parameter("bias", Torch.zeros(width));
            this.eps = eps;
        }

        public Tensor forward(Tensor x) { return Torch.layerNorm(x, weight, bias, eps); }
    }

    /** x / sqrt(mean x^2 + eps) with a scale, over the last dimension. Zhang and Sennrich 2019, arXiv:1910.07467. x [...,D]. */
    public static final class Rms extends Module {
        private final Tensor weight;
        private final double eps;

        public Rms(int width, double eps) {
            weight = parameter("weight", Torch.ones(width));
            this.eps = eps;
        }

        public Tensor forward(Tensor x) {
            Tensor wide = x.to(DType.F32);
            return wide.mul(wide.square().mean(true, -1).add(eps).rsqrt()).to(x.dtype()).mul(weight);
        }
    }

    /** Over the batch and space; running statistics serve in evaluation. Ioffe and Szegedy 2015, arXiv:1502.03167. x [B,C,H,W]. */
    public static final class Batch extends Module {
        private final Tensor weight;
        private final Tensor bias;
        private final Tensor mean;
        private final Tensor var;
        private final double eps;

        public Batch(int channels) { this(channels, 1e-5); }

        public Batch(int channels, double eps) {
            this.eps = eps;
            weight = parameter("weight", Torch.ones(channels));
            bias = parameter("bias", Torch.zeros(channels));
            mean = buffer(RUNNING_MEAN, Torch.zeros(channels));
            var = buffer(RUNNING_VAR, Torch.ones(channels));
        }

        public Tensor forward(Tensor x) { return Torch.batchNorm(x, weight, bias, mean, var, training(), MOMENTUM, eps); }

        /** What this makes of a convolution's output; in evaluation the two are one convolution. x [B,in,H,W]. */
        public Tensor after(Conv2d conv, Tensor x) {
            if (training()) return forward(conv.forward(x));
            Tensor factor = weight.div(var.add(eps).sqrt());
            return conv.forward(x, factor, bias.sub(mean.mul(factor)));
        }
    }

    /**
     * Batch norm whose scale and shift are rows of a table, one for each class. de Vries et al. 2017, arXiv:1707.00683.
     * x [B,C,H,W]; y [B,classes] is one-hot, or shares of classes that sum to 1.
     */
    public static final class ConditionalBatch extends Module {
        private final Tensor scale;
        private final Tensor shift;
        private final Tensor mean;
        private final Tensor var;

        public ConditionalBatch(int channels, int classes, Rng rng) {
            scale = parameter("weight", rng.normal(classes, channels).mul(0.02).add(1));
            shift = parameter("bias", Torch.zeros(classes, channels));
            mean = buffer(RUNNING_MEAN, Torch.zeros(channels));
            var = buffer(RUNNING_VAR, Torch.ones(channels));
        }

        public Tensor forward(Tensor x, Tensor y) {
            long c = x.size(1);
            Tensor normal = Torch.batchNorm(x, null, null, mean, var, training(), MOMENTUM, 1e-5);
            return normal.mul(y.matmul(scale).reshape(-1, c, 1, 1)).add(y.matmul(shift).reshape(-1, c, 1, 1));   // [B,C] -> [B,C,1,1]
        }
    }

    /**
     * Batch norm whose scale, 1 + A g, and shift, B g,
         are linear in a vector g; A and B are divided by their largest singular values. Brock
     * et al. 2019, arXiv:1809.11096, appendix B. x [B,C,H,W], g [B,G].
     */
    public static final class CodeBatch extends Module {
        private final SpectralFilter scale;
        private final SpectralFilter shift;
        private final Tensor mean;
        private final Tensor var;

        public CodeBatch(int channels, int width, Init init, Rng rng) {
            scale = child("scale", new SpectralFilter(true, init, false, 1, 0, rng.split(0), channels, width));
            shift = child("shift", new SpectralFilter(true, init, false, 1, 0, rng.split(1), channels, width));
            mean = buffer(RUNNING_MEAN, Torch.zeros(channels));
            var = buffer(RUNNING_VAR, Torch.ones(channels));
        }

        public Tensor forward(Tensor x, Tensor g) {
            long c = x.size(1);
            Tensor normal = Torch.batchNorm(x, null, null, mean, var, training(), MOMENTUM, 1e-5);
            return normal.mul(scale.forward(g).add(1).reshape(-1, c, 1, 1)).add(shift.forward(g).reshape(-1, c, 1, 1));
        }
    }
}
