package io.palitra.stage;

import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.model.Evaluates;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Likelihood;
import io.palitra.model.Losses;
import io.palitra.model.Measure;
import io.palitra.model.Update;
import io.palitra.model.Writes;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A model that writes texts from the left: all that follows from what predicts the next token. */
public interface TextWriter extends GenerativeModel<TextSampling>, Likelihood, Evaluates, Writes {
    TextPredictor predictor();

    @Override default List<Update> updates() {
        return List.of(new Update("nll", net(), (batch, step) -> Losses.of(predictor().loss(batch.x(), step.rng()))));
    }

    @Override default Optional<Update> tested() { return Optional.of(updates().get(0)); }

    @Override default boolean exact() { return true; }

    @Override default Tensor logProb(Tensor x, Rng rng) { return predictor().nats(x).sum(false, 1).neg(); }

    @Override default List<Measure> evaluate(Iterable<Batch> test, Rng rng) { return predictor().evaluate(test); }

    @Override default TextSampling samplingDefaults() { return TextSampling.DEFAULT; }

    @Override default Set<Condition.Kind> takes() { return EnumSet.of(Condition.Kind.PREFIX); }

    @Override default Tensor sample(TextSampling how, Condition given, int count, Rng rng) {
        return predictor().sample(how, given, count, rng, device());
    }

    @Override default void write(Record how, int[] beginning, int count, int length, Rng rng, Listener each) {
        predictor().write((TextSampling) how, beginning, count, length, rng, each, device());
    }

    private Device device() { return net().parameters().values().iterator().next().device(); }
}
