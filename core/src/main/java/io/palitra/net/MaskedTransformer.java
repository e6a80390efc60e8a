package io.palitra.net;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Embedding;
import io.palitra.nn.Init;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A transformer whose tokens attend to all others, before and after: what stands in the place of a hidden token is predicted from those
 * that are seen. It is not given the share that is hidden: that is seen. Tokens tell their places by
 * rotation, as in the network of Sahoo et al. 2024: with a table of places it takes some hundred steps more until a token finds its
 * neighbours. Names of tensors are GPT-2's where it has them.
 */
public final class MaskedTransformer extends Module {
    private static final double EPS = 1e-5;

    /** @param vocabulary tokens that a text may have; the mask is one more, its id is vocabulary */
    public record Config(int vocabulary, int length, int width, int layers, int heads, double dropout) {
        public Config {
            if (heads < 1 || width % (2 * heads) != 0) {   // halves of a head are rotated
                throw new ArgumentException("illegal width: " + width + ", must be an even multiple of heads " + heads);
            }
        }
    }

    private final Config config;
    private final Embedding tokens;
    private final List<GptBlock> blocks = new ArrayList<>();
    private final Norm.Layer norm;
    private final Tensor head;

    public MaskedTransformer(Config config, Rng rng) {
        this.config = config;
        int d = config.width;
        tokens = child("transformer.wte", new Embedding(config.vocabulary + 1, d, Init.DCGAN, rng));
        for (int i = 0; i < config.layers; i++) {
            blocks.add(child("transformer.h." + i, new GptBlock(i, d, config.heads, 4 * d, 1, HiddenActivation.GELU_NEW, EPS, config.layers,
                GptBlock.Sight.ALL, config.dropout, rng)));
        }
        norm = child("transformer.ln_f", new Norm.Layer(d, EPS));
        Embedding out = child("lm_head", new Embedding(config.vocabulary, d, Init.DCGAN, rng));
        head = Objects.requireNonNull(out.parameters().get("weight"));
    }

    public Config config() { return config; }

    /** Hidden states of tokens I64 [B,L], a row for each, [B L,D]. @param rng draws what dropout zeroes in training */
    public Tensor hidden(Tensor ids, @Nullable Rng rng) {
        if (ids.dims() != 2 || ids.size(1) != config.length) {
            throw new ArgumentException("this network wants tokens [B," + config.length + "], got " + ids);
        }
        return Scope.run(() -> {
            Tensor x = FeedForward.dropped(this, tokens.forward(ids).reshape(-1, config.width), config.dropout, rng);
            Rotary places = Rotary.of(config.length, config.width / config.heads, ids.device());
            for (GptBlock block : blocks) x = block.forward(x, ids.size(0), places, rng);
            return norm.forward(x);
        });
    }

    /** Logits of tokens [N,V], never of the mask, from hidden states [N,D]. */
    public Tensor logits(Tensor hidden) { return Torch.linear(hidden, head, null); }
}
