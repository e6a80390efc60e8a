package io.palitra.nn;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Layers of long short-term memory: gates i, f, g, o of a step, c' = f c + i g, h' = o tanh c'. Hochreiter and Schmidhuber 1997; two biases
 * and names of tensors as {@code torch.nn.LSTM} has them, and its numbers. x [B,T,in] to [B,T,hidden].
 */
public final class Lstm extends Module {
    /** What is carried from a step to the next: h and c, [layers,B,hidden] each. */
    public record State(Tensor h, Tensor c) {}

    /** h of the last layer after each step [B,T,hidden], and the state after the last one. */
    public record Result(Tensor output, State state) {}

    private final int hidden;
    private final double dropout;
    private final List<List<Tensor>> layers = new ArrayList<>();   // weight_ih [4H,in], weight_hh [4H,H], bias_ih, bias_hh [4H]

    /** @param dropout chance that a number between two layers is zeroed in training, in [0,1) */
    public Lstm(int in, int hidden, int layers, double dropout, Rng rng) {
        if (!(dropout >= 0 && dropout < 1)) throw new ArgumentException("illegal dropout: " + dropout + ", must be at least 0, below 1");
        this.hidden = hidden;
        this.dropout = dropout;
        long gates = 4L * hidden;
        for (int i = 0; i < layers; i++) {
            long width = i == 0 ? in : hidden;
            this.layers.add(List.of(parameter("weight_ih_l" + i, Init.DEFAULT.draw(rng, hidden, gates, width)),
                parameter("weight_hh_l" + i, Init.DEFAULT.draw(rng, hidden, gates, hidden)),
                parameter("bias_ih_l" + i, Init.DEFAULT.draw(rng, hidden, gates)),
                parameter("bias_hh_l" + i, Init.DEFAULT.draw(rng, hidden, gates))));
        }
    }

    /** The state before the first step of B texts: zeros. */
    public State zeros(long batch) {
        Tensor like = layers.get(0).get(0);
        Tensor zero = Torch.zeros(like.dtype(), layers.size(), batch, hidden).to(like.device());
        return new State(zero, zero);
    }

    /**
     * @param before null for zeros
     * @param rng draws what is zeroed in training; null where nothing is
     */
    public Result forward(Tensor x, @Nullable State before, @Nullable Rng rng) {
        State from = before == null ? zeros(x.size(0)) : before;
        Tensor h = x;
        List<Tensor> hs = new ArrayList<>(), cs = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            if (i > 0 && training() && dropout > 0) {
                if (rng == null) throw new IllegalStateException("training with dropout " + dropout + " wants an Rng, got none");
                h = Torch.dropout(h, dropout, rng);
            }
            Tensor[] out = Torch.lstm(h, from.h.narrow(0, i, 1).contiguous(), from.c.narrow(0, i, 1).contiguous(), layers.get(i));
            h = out[0];
            hs.add(out[1]);
            cs.add(out[2]);
        }
        boolean one = hs.size() == 1;
        return new Result(h, new State(one ? hs.get(0) : Torch.cat(0, hs), one ? cs.get(0) : Torch.cat(0, cs)));
    }

    /** Hidden states alone, from the zero state, in a scope of their own. */
    public Tensor forward(Tensor x, @Nullable Rng rng) { return Scope.run(() -> forward(x, null, rng).output); }
}
