package io.palitra.engine;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** How {@link OptimizerSpec.Muon} moves matrices. */
final class Muon {
    /** Of the polynomial a x + b x^3 + c x^5, which takes singular values of (0,1] towards 1, the smallest most steeply, and its turns. */
    private static final double A = 3.4445, B = -4.7750, C = 2.0315;
    private static final int TURNS = 5;
    /** What AdamW moves a weight by in a step of length 1, as a root mean square. */
    private static final double ADAM = 0.2;

    private Muon() {}

    /** Whether a tensor is a matrix, or filters. */
    static boolean isMatrix(Tensor p) { return p.dims() >= 2 && p.size(0) > 1 && p.numel() > p.size(0); }

    /** One move; {@code means} are the running means of the gradients. Products are in bf16 within a region of autocast. */
    static void step(OptimizerSpec.Muon how, double lr, List<Tensor> muonParameters, List<Tensor> means) {
        if (muonParameters.isEmpty()) return;
        List<Tensor> grads = muonParameters.stream().map(Tensor::grad).toList();
        Dispatch.call("_foreach_lerp_", "Scalar", Torch.vector(means), Torch.vector(grads), new Scalar(1 - how.momentum()));
        if (how.weightDecay() > 0) Dispatch.call("_foreach_mul_", "Scalar", Torch.vector(muonParameters),
            new Scalar(1 - lr * how.weightDecay()));
        Map<List<Long>, List<Integer>> alike = new LinkedHashMap<>();   // those of one shape go together
        for (int i = 0; i < muonParameters.size(); i++) {
            Tensor p = muonParameters.get(i);
            alike.computeIfAbsent(List.of(p.size(0), p.numel() / p.size(0)), shape -> new ArrayList<>()).add(i);
        }
        boolean cast = torch.is_autocast_enabled(muonParameters.get(0).device().type());
        alike.forEach((shape, some) -> {
            try (Scope scope = new Scope()) {
                long r = shape.get(0), c = shape.get(1);
                Tensor g = stack(grads, some, r, c), m = stack(means, some, r, c);
                Tensor ahead = g.mul(1 - how.momentum()).add(m.mul(how.momentum()));   // where the mean will be: Nesterov's
                Tensor move = orthogonal(cast ? ahead.to(DType.BF16) : ahead);
                TensorVector moved = new TensorVector(), by = new TensorVector();
                for (int k = 0; k < some.size(); k++) {
                    Tensor p = muonParameters.get(some.get(k));
                    moved.push_back(p.handle());
                    by.push_back(move.narrow(0, k, 1).reshape(p.shape()).to(p.dtype()).handle());
                }
                Dispatch.call("_foreach_add_", "List", moved, by, new Scalar(-lr * ADAM * Math.sqrt(Math.max(r, c))));
            }
        });
    }

    private static Tensor stack(List<Tensor> all, List<Integer> some, long r, long c) {
        return Torch.stack(0, some.stream().map(i -> all.get(i).reshape(r, c)).toList());
    }

    /** Matrices [N,R,C] to nearly U V^T of each one's U S V^T, in its type. */
    static Tensor orthogonal(Tensor g) {
        boolean tall = g.size(1) > g.size(2);
        Tensor x = tall ? g.transpose(1, 2) : g;
        x = x.div(x.square().sum(true, 1, 2).sqrt().clampMin(1e-7)).contiguous();
        for (int i = 0; i < TURNS; i++) {
            Tensor s = x.matmul(x.transpose(1, 2));
            x = Torch.baddbmm(A, x, 1, Torch.baddbmm(B, s, C, s, s), x);
        }
        return tall ? x.transpose(1, 2) : x;
    }
}
