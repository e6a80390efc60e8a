package io.palitra.nn;

import io.palitra.config.ArgumentException;
import io.palitra.config.Notes;
import io.palitra.config.Ordered;
import io.palitra.data.FormatException;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.LoraFile;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * LoRA files added to the weights of networks: W' = W + sum_i w_i s_i B_i A_i, summed in F32 (F64 where W is that) and rounded once to
 * W's type. Sampling takes no longer than without. The weights as they were are kept, and close puts them back bit for bit. Where
 * networks are merged twice, the later merge is to be closed first.
 */
public final class MergedLora implements AutoCloseable {
    /** A file and how much of it: 0 = none, 1 = as it was trained; more, or below 0, goes beyond or against it. */
    public record Weighted(LoraFile file, double weight) {
        public Weighted {
            if (!Double.isFinite(weight)) throw new ArgumentException("illegal weight of a LoRA: " + weight + ", must be a number");
        }
    }

    private record Term(LoraFile.Change change, double weight) {}

    /** By tensor: no two of ours are equal. */
    private final Map<Tensor, Tensor> originals = new LinkedHashMap<>();

    private MergedLora() {}

    /** As {@link #of(Map, List, Consumer)}; warnings go to {@link Notes#common}. */
    public static MergedLora of(Map<LoraFile.Network, ? extends Module> nets, List<Weighted> files) {
        return of(nets, files, Notes.common());
    }

    /**
     * Adds files to networks. A weight of 0 leaves every bit as it is, but the file must fit.
     *
     * @param nets every network that a file may change
     * @param warn receives a line for changes of layers that were cut off a text encoder, which are ignored
     * @throws FormatException where a file changes what is not in these networks or has another shape there; nothing is changed then
     */
    public static MergedLora of(Map<LoraFile.Network, ? extends Module> nets, List<Weighted> files,
            Consumer<String> warn) {
        Map<Tensor, List<Term>> sums = new LinkedHashMap<>();
        for (Weighted w : files) {
            for (Lora.Placed p : Lora.placed(Ordered.copy(nets), w.file, warn)) {
                if (w.weight != 0) sums.computeIfAbsent(p.weight(), t -> new ArrayList<>()).add(new Term(p.change(), w.weight));
            }
        }
        MergedLora merged = new MergedLora();
        try (Guard g = Torch.noGrad()) {
            sums.forEach((weight, terms) -> {
                merged.originals.put(weight, Scope.run(() -> weight.detach().copy()).retain());
                try (Scope scope = new Scope()) { weight.copyFrom(sum(weight, terms)); }
            });
        } catch (RuntimeException noMemory) {
            merged.close();
            throw noMemory;
        }
        return merged;
    }

    private static Tensor sum(Tensor weight, List<Term> terms) {
        DType type = weight.dtype() == DType.F64 ? DType.F64 : DType.F32;
        Tensor sum = weight.detach().to(type);
        for (Term t : terms) {
            Tensor b = t.change.b().detach().to(weight.device()).to(type).flatten(1);   // [out,r]
            Tensor a = t.change.a().detach().to(weight.device()).to(type).flatten(1);   // [r,in k k]
            sum = sum.add(b.matmul(a).mul(t.weight * t.change.scale()).reshape(weight.shape()));
        }
        return sum;
    }

    /** Puts back the weights as they were. */
    @Override public void close() {
        originals.forEach((weight, original) -> {
            weight.copyFrom(original);
            original.free();
        });
        originals.clear();
    }
}
