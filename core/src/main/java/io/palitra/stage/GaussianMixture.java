package io.palitra.stage;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * sum_k w_k N(m_k, L_k L_k^T): ten normals of full covariance, the distribution of an autoencoder's codes (Ghosh et al. 2020,
 * arXiv:1903.12436). Standard normal until it is fitted.
 */
public final class GaussianMixture extends Module {
    private static final int COMPONENTS = 10;
    private static final int MOST_TURNS = 50;
    /** Share of the data's variance added to every component's, so that few points or a latent that is always 0 leave it a density. */
    private static final double RIDGE = 1e-3;

    private final Tensor weights;   // [K]
    private final Tensor means;     // [K,Z]
    private final Tensor factors;   // [K,Z,Z]
    private final int size;

    public GaussianMixture(int size) {
        this.size = size;
        weights = buffer("weights", Torch.full(1.0 / COMPONENTS, COMPONENTS));
        means = buffer("means", Torch.zeros(COMPONENTS, size));
        factors = buffer("factors", Torch.eye(size).unsqueeze(0).expand(COMPONENTS, size, size));
    }

    /** [n,Z]; temperature is the factor of each component's deviations. */
    public Tensor sample(int n, double temperature, Rng rng) {
        Tensor u = rng.uniform(n, 1), eps = rng.normal(n, size).mul(temperature);
        Tensor pick = weights.cumsum(0).le(u).to(DType.F32).sum(true, 1).clampMax(COMPONENTS - 1);   // [n,1]
        Tensor z = eps;
        for (int k = 0; k < COMPONENTS; k++) {
            z = eps.matmul(factors.select(0, k).t()).add(means.select(0, k)).where(pick.eq(k), z);
        }
        return z;
    }

    /** What expectation-maximisation moves, in float64: log w [K], m [K,Z] and L [Z,Z] of each component. */
    private record State(Tensor logWeights, Tensor means, List<Tensor> factors) {
        State kept(Scope scope) {
            scope.keep(logWeights);
            scope.keep(means);
            factors.forEach(scope::keep);
            return this;
        }

        void free() {
            logWeights.free();
            means.free();
            factors.forEach(Tensor::free);
        }
    }

    /**
     * Fits the mixture to codes [N,Z], on the processor, by expectation-maximisation in float64 (Dempster et al. 1977) from centres far
     * apart (Arthur and Vassilvitskii 2007) and the covariance of all: at most 50 turns, until log p rises by less than 1e-3 nats an item.
     */
    public void fit(Tensor codes, Rng rng) {
        try (Scope scope = new Scope()) {
            Tensor x = codes.detach().to(DType.F64);
            long n = x.size(0);
            Tensor spread = x.sub(x.mean(true, 0));
            Tensor ridge = spread.square().mean(false, 0).mul(RIDGE).add(1e-10);   // [Z]
            Tensor whole = factor(spread.t().matmul(spread).div(n), ridge);
            List<Tensor> start = new ArrayList<>();
            for (int k = 0; k < COMPONENTS; k++) start.add(whole.copy());
            State state = new State(Torch.zeros(DType.F64, COMPONENTS).sub(Math.log(COMPONENTS)), centres(x, rng), start);
            double before = Double.NEGATIVE_INFINITY;
            for (int turn = 0; turn < MOST_TURNS; turn++) {
                State old = state;
                double logP;
                try (Scope inner = new Scope()) {
                    Tensor joint = joint(x, state);   // [N,K]
                    Tensor total = joint.logSumExp(1);
                    logP = total.mean().item();
                    state = moved(x, joint.sub(total.unsqueeze(1)).exp(), ridge).kept(inner);
                }
                old.free();
                if (logP - before < 1e-3) break;
                before = logP;
            }
            weights.copyFrom(state.logWeights.exp());
            means.copyFrom(state.means);
            factors.copyFrom(Torch.stack(0, state.factors));
        }
    }

    private static Tensor factor(Tensor covariance, Tensor ridge) {
        return Torch.cholesky(covariance.add(Torch.eye(ridge.numel()).to(DType.F64).mul(ridge)));
    }

    /** Items of x, each drawn with a probability that rises with the square of its distance from those drawn before: [K,Z]. */
    private static Tensor centres(Tensor x, Rng rng) {
        float[] u = rng.uniform(1, COMPONENTS).floats();
        int n = (int) x.size(0), next = (int) (u[0] * n);
        double[] nearest = new double[n];
        Arrays.fill(nearest, Double.POSITIVE_INFINITY);
        List<Tensor> centres = new ArrayList<>();
        for (int k = 0; k < COMPONENTS; k++) {
            Tensor centre = x.select(0, next);
            centres.add(centre);
            double[] d = x.sub(centre).square().sum(false, 1).doubles();
            double sum = 0;
            for (int i = 0; i < n; i++) sum += nearest[i] = Math.min(nearest[i], d[i]);
            double left = k + 1 < COMPONENTS ? u[k + 1] * sum : 0;
            next = 0;
            while (next < n - 1 && left >= nearest[next]) left -= nearest[next++];
        }
        return Torch.stack(0, centres);
    }

    /** log w_k N(x_n; m_k, L_k L_k^T): [N,K]. */
    private static Tensor joint(Tensor x, State s) {
        List<Tensor> columns = new ArrayList<>();
        for (int k = 0; k < COMPONENTS; k++) {
            Tensor l = s.factors.get(k);
            Tensor inverse = Torch.solveLower(l, Torch.eye(l.size(0)).to(DType.F64));
            Tensor y = x.sub(s.means.select(0, k)).matmul(inverse.t());   // [N,Z], white
            columns.add(y.square().sum(false, 1).mul(-0.5).sub(l.diagonal().log().sum()));
        }
        return Torch.stack(1, columns).add(s.logWeights).sub(0.5 * x.size(1) * Math.log(2 * Math.PI));
    }

    /** The mixture of highest likelihood where x_n belongs to k with share r [N,K]. */
    private static State moved(Tensor x, Tensor r, Tensor ridge) {
        Tensor counts = r.sum(false, 0).add(1e-12);   // [K]
        Tensor means = r.t().matmul(x).div(counts.unsqueeze(1));
        List<Tensor> factors = new ArrayList<>();
        for (int k = 0; k < COMPONENTS; k++) {
            Tensor d = x.sub(means.select(0, k));
            Tensor covariance = d.mul(r.narrow(1, k, 1)).t().matmul(d).div(counts.narrow(0, k, 1));
            factors.add(factor(covariance, ridge));
        }
        return new State(counts.div(x.size(0)).log(), means, factors);
    }
}
