package io.palitra.family;

import io.palitra.config.Help;
import io.palitra.data.Condition;
import io.palitra.data.TextSpec;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Family;
import io.palitra.model.LrSchedule;
import io.palitra.model.Recipe;
import io.palitra.model.Tiny;
import io.palitra.net.Continuation;
import io.palitra.nn.Embedding;
import io.palitra.nn.Linear;
import io.palitra.nn.Lstm;
import io.palitra.nn.Module;
import io.palitra.stage.TextPredictor;
import io.palitra.stage.TextSampling;
import io.palitra.stage.TextWriter;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Texts token by token, log p(x) = sum_i log p(x_i | x_0 ... x_(i-1)), by layers of long short-term memory, whose state is carried from
 * token to token, as far as a text goes. The likelihood is exact. Hochreiter and Schmidhuber 1997; for texts Graves 2013, arXiv:1308.0850.
 */
public final class LstmText implements TextWriter {
    public record Config(
            @Help(value = "numbers to a token", min = 1, max = 8192) int table,
            @Help(value = "numbers of the state of a layer", min = 1, max = 8192) int width,
            @Help(value = "layers", min = 1, max = 32) int layers,
            @Help(value = "chance that a number between two layers, and before the last, is zeroed in training", min = 0, max = 0.9)
                double dropout) {}

    public static final Family<Config> FAMILY = new Family<>("lstm", "Texts token by token, by long short-term memory",
        "Hochreiter and Schmidhuber 1997, Long short-term memory; Graves 2013, arXiv:1308.0850", new Config(64, 256, 2, 0.1),
        Recipe.of(3, 32, new OptimizerSpec.AdamW(3e-3, 0.9, 0.99, 1e-8, 0.01)).withSchedule(new LrSchedule.Cosine(100)).withClip(1),
        TextSampling.DEFAULT, "programs", Family.Builder.of(LstmText.class, LstmText::new))
        .learns(Family.Kind.TEXTS).tiny(new Tiny("programs", List.of("data.length=160", "table=8", "width=16"),
        Map.of())).takes(Condition.Kind.PREFIX);

    /** Tokens to logits. */
    private static final class Net extends Module {
        private final double dropout;
        private final Embedding table;
        private final Lstm lstm;
        private final Linear head;

        Net(Config config, int vocabulary, Rng rng) {
            dropout = config.dropout;
            table = child("table", new Embedding(vocabulary, config.table, rng));
            lstm = child("lstm", new Lstm(config.table, config.width, config.layers, config.dropout, rng));
            head = child("head", new Linear(config.width, vocabulary, rng));
        }

        /** Logits of the token after each of ids I64 [B,L], [B L,V]. */
        Tensor rows(Tensor ids, @Nullable Rng rng) {
            return Scope.run(() -> {
                Tensor h = hidden(ids, null, rng).output();
                h = h.reshape(-1, h.size(2));
                return head.forward(training() && dropout > 0 && rng != null ? Torch.dropout(h, dropout, rng) : h);
            });
        }

        /** In full precision: the layer has no other on the processor. */
        Lstm.Result hidden(Tensor ids, Lstm.@Nullable State before, @Nullable Rng rng) {
            try (Guard full = Torch.uncast(ids.device())) { return lstm.forward(table.forward(ids), before, rng); }
        }
    }

    /** The state of texts side by side, carried on. */
    private final class Carried implements Continuation.Reader {
        private Lstm.@Nullable State state;

        @Override public Tensor next(Tensor ids) {
            Lstm.State before = state;
            Lstm.Result out = net.hidden(ids, before, null);
            state = new Lstm.State(out.state().h().copy().retain(), out.state().c().copy().retain());
            free(before);
            return net.head.forward(out.output().select(1, ids.size(1) - 1));
        }

        private static void free(Lstm.@Nullable State s) {
            if (s == null) return;
            s.h().free();
            s.c().free();
        }

        @Override public void close() { free(state); }
    }

    private final Net net;
    private final TextPredictor predictor;

    LstmText(Config config, Build with) {
        TextSpec text = TextPredictor.texts("lstm", with.data());
        net = new Net(config, text.vocabulary(), with.init());
        predictor = new TextPredictor(text, net::rows, batch -> new Carried());
    }

    @Override public Module net() { return net; }

    @Override public TextPredictor predictor() { return predictor; }
}
