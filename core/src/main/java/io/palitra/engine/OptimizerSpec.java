package io.palitra.engine;

/** Which optimiser moves the parameters, and how fast. */
public sealed interface OptimizerSpec {
    /** Learning rate before any schedule. */
    double lr();

    /** Loshchilov and Hutter 2019, arXiv:1711.05101: decay apart from the gradient. */
    record AdamW(double lr, double beta1, double beta2, double eps, double weightDecay) implements OptimizerSpec {
        public AdamW() { this(1e-3, 0.9, 0.999, 1e-8, 0.01); }
    }

    /** Kingma and Ba 2015, arXiv:1412.6980. */
    record Adam(double lr, double beta1, double beta2, double eps) implements OptimizerSpec {
        public Adam() { this(1e-3, 0.9, 0.999, 1e-8); }
    }

    /** Tieleman and Hinton 2012. */
    record RmsProp(double lr, double alpha, double eps) implements OptimizerSpec {
        public RmsProp() { this(1e-3, 0.99, 1e-8); }
    }

    /** Stochastic gradient descent; momentum as in PyTorch: buffer = momentum * buffer + gradient. */
    record Sgd(double lr, double momentum) implements OptimizerSpec {
        public Sgd() { this(0.1, 0.9); }
    }
}
