package io.palitra.engine;

import io.palitra.config.Help;

/** Which optimiser moves the parameters, and how fast. */
public sealed interface OptimizerSpec permits OptimizerSpec.AdamW, OptimizerSpec.Adam, OptimizerSpec.RmsProp, OptimizerSpec.Sgd,
        OptimizerSpec.Muon {
    /** Learning rate before any schedule. */
    double lr();

    /** Loshchilov and Hutter 2019, arXiv:1711.05101: decay apart from the gradient. */
    record AdamW(
            @Help(value = "learning rate before any schedule", min = 0) double lr,
            @Help(value = "decay of the mean of gradients", min = 0, max = 1) double beta1,
            @Help(value = "decay of the mean of squared gradients", min = 0, max = 1) double beta2,
            @Help(value = "added to the root, against division by 0", min = 0) double eps,
            @Help(value = "share of a weight taken away in a step, times the learning rate",
                min = 0) double weightDecay) implements OptimizerSpec {
        public AdamW() { this(1e-3, 0.9, 0.999, 1e-8, 0.01); }
    }

    /** Kingma and Ba 2015, arXiv:1412.6980. */
    record Adam(
            @Help(value = "learning rate before any schedule", min = 0) double lr,
            @Help(value = "decay of the mean of gradients", min = 0, max = 1) double beta1,
            @Help(value = "decay of the mean of squared gradients", min = 0, max = 1) double beta2,
            @Help(value = "added to the root, against division by 0", min = 0) double eps) implements OptimizerSpec {
        public Adam() { this(1e-3, 0.9, 0.999, 1e-8); }
    }

    /** Tieleman and Hinton 2012. */
    record RmsProp(
            @Help(value = "learning rate before any schedule", min = 0) double lr,
            @Help(value = "decay of the mean of squared gradients", min = 0, max = 1) double alpha,
            @Help(value = "added to the root, against division by 0", min = 0) double eps) implements OptimizerSpec {
        public RmsProp() { this(1e-3, 0.99, 1e-8); }
    }

    /** Stochastic gradient descent; momentum as in PyTorch: buffer = momentum * buffer + gradient. */
    record Sgd(
            @Help(value = "learning rate before any schedule", min = 0) double lr,
            @Help(value = "decay of the sum of gradients; 0 = plain descent", min = 0, max = 1) double momentum) implements OptimizerSpec {
        public Sgd() { this(0.1, 0.9); }
    }

    /**
     * Jordan et al. 2024, kellerjordan.github.io/posts/muon: the mean of a matrix's gradients, its singular values made equal. Moves are as
     * long as AdamW's (Liu et al. 2025, arXiv:2502.16982), whose learning rates serve. Filters [out,in,h,w] are matrices [out,in h w];
     * AdamW moves parameters that are no matrices, and tables of tokens.
     */
    record Muon(
            @Help(value = "learning rate before any schedule", min = 0) double lr,
            @Help(value = "decay of the mean of gradients, for matrices", min = 0, max = 1) double momentum,
            @Help(value = "decay of the mean of gradients, for all else", min = 0, max = 1) double beta1,
            @Help(value = "decay of the mean of squared gradients, for all else", min = 0, max = 1) double beta2,
            @Help(value = "share of a weight taken away in a step, times the learning rate",
                min = 0) double weightDecay) implements OptimizerSpec {
        public Muon() { this(1e-3, 0.95, 0.9, 0.95, 0.01); }
    }
}
