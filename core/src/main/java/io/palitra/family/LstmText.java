package io.palitra.family;

import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.TextSpec;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Tiny;
import io.palitra.model.Update;
import io.palitra.model.Writes;
import io.palitra.net.Continuation;
import io.palitra.nn.Embedding;
import io.palitra.nn.Linear;
import io.palitra.nn.Lstm;
import io.palitra.nn.Module;
import io.palitra.stage.TextPredictor;
import io.palitra.stage.TextSampling;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Texts token by token, log p(x) = sum_i log p(x_i | x_0 ... x_(i-1)), by layers of long short-term memory, whose state is carried from
 * token to token, as far as a text goes. The likelihood is exact. Hochreiter and Schmidhuber 1997; for texts Graves 2013, arXiv:1308.0850.
 */
public final class LstmText implements GenerativeModel<TextSampling>, Likelihood, Evaluates, Writes {
    public record Config(
            @Help(value = "numbers to a token", min = 1, max = 8192) int table,
            @Help(value = "numbers of the state of a layer", min = 1, max = 8192) int width,
            @Help(value = "layers", min = 1, max = 32) int layers,
            @Help(value = "chance that a number between two layers, and before the last, is zeroed in training", min = 0, max = 0.9)
                double dropout) {}

    public static final Family<Config> FAMILY = new Family<>("lstm", "Texts token by token, by long short-term memory",
        "Hochreiter and Schmidhuber 1997, Long short-term memory; Graves 2013, arXiv:1308.0850", new Config(64, 256, 2, 0.1),
        Recipe.of(3, 32, new OptimizerSpec.AdamW(3e-3, 0.9, 0.99, 1e-8, 0.01)).withSchedule(new LrSchedule.Cosine(100)).withClip(1),
        TextSampling.DEFAULT, "programs", LstmText::new).tiny(new Tiny("programs", List.of("data.length=160", "table=8", "width=16"),
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
            return io.palitra.engine.Scope.run(() -> {
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
        predictor = new TextPredictor(text, batch -> new Carried());
    }

    @Override public Module net() { return net; }

    @Override public List<Update> updates() { return List.of(new Update("nll", net, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    private Losses loss(Batch batch, Step step) {
        Tensor inputs = predictor.inputs(batch.x());
        return Losses.of(predictor.loss(net.rows(inputs, step.rng()), inputs, batch.x()));
    }

    /** -log p of each token of x I64 [B,L], in nats. */
    private Tensor nats(Tensor x) {
        Tensor inputs = predictor.inputs(x);
        return predictor.nats(net.rows(inputs, null), inputs, x);
    }

    @Override public boolean exact() { return true; }

    @Override public Tensor logProb(Tensor x, Rng rng) { return nats(x).sum(false, 1).neg(); }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) { return predictor.evaluate(this::nats, test); }

    @Override public TextSampling samplingDefaults() { return TextSampling.DEFAULT; }

    @Override public Set<Condition.Kind> takes() { return EnumSet.of(Condition.Kind.PREFIX); }

    @Override public Tensor sample(TextSampling how, Condition given, int count, Rng rng) {
        return predictor.sample(how, given, count, rng, device());
    }

    @Override public void write(Record how, int[] beginning, int count, int length, Rng rng, Listener each) {
        predictor.write((TextSampling) how, beginning, count, length, rng, each, device());
    }

    private Device device() { return net.parameters().values().iterator().next().device(); }
}
