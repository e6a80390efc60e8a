package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import org.jspecify.annotations.Nullable;

/** What a token may attend to: itself, the tokens before it, and no padding. */
final class CausalMask {
    private CausalMask() {}

    /**
     * Attention bias of {@code length} tokens after {@code past} others: 0 where a token may attend, -infinity elsewhere. [1 or B,1,L,S],
     * S = past + length.
     *
     * @param mask [B,S], 0 = padding; null for none
     */
    static Tensor bias(long length, long past, @Nullable Tensor mask, Device device) {
        return Scope.run(() -> {
            Tensor query = Torch.arange(past, past + length).to(device).unsqueeze(1);   // [L,1]
            Tensor key = Torch.arange(0, past + length).to(device).unsqueeze(0);        // [1,S]
            Tensor later = query.lt(key).unsqueeze(0).unsqueeze(0);                     // [1,1,L,S]
            Tensor causal = Torch.zeros(1, 1, length, past + length).to(device).maskedFill(later, Double.NEGATIVE_INFINITY);
            if (mask == null) return causal;
            Tensor padding = mask.eq(0).unsqueeze(1).unsqueeze(1);                      // [B,1,1,S]
            return causal.expand(mask.size(0), 1, length, past + length).maskedFill(padding, Double.NEGATIVE_INFINITY);
        });
    }

    /** Refuses ids that are not [B,L] with L in 1..most, and masks that do not fit them. */
    static void check(String network, Tensor ids, long past, long most, @Nullable Tensor mask) {
        if (ids.dims() != 2 || ids.size(1) < 1 || past + ids.size(1) > most) {
            throw new ArgumentException(network + " wants tokens [B,L] with L from 1 to " + (most - past) + ", got " + ids);
        }
        if (mask != null && (mask.dims() != 2 || mask.size(0) != ids.size(0) || mask.size(1) != past + ids.size(1))) {
            throw new ArgumentException(network + " wants a mask [" + ids.size(0) + "," + (past + ids.size(1)) + "], got " + mask);
        }
    }
}
