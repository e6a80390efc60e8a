package io.palitra.model;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A model and how it draws its samples: what a gallery, a measurement or a command asks for items. */
public record Drawing<S extends Record>(GenerativeModel<S> model, S how) {
    /** Samples drawn in one batch; more are drawn in several. */
    public static final int AT_ONCE = 256;

    /** With overrides of the model's sampling keys, such as {@code temperature=0.8}. */
    public static <S extends Record> Drawing<S> of(GenerativeModel<S> model, List<String> overrides) {
        return new Drawing<>(model, Config.with(model.samplingDefaults(), overrides));
    }

    /**
     * The same, of one class.
     *
     * @param label -1 for what it draws already
     * @throws IllegalArgumentException for a class that the model does not draw
     */
    public Drawing<S> ofClass(int label) { return label < 0 ? this : new Drawing<>(model, model.ofClass(how, label)); }

    /** The class that is drawn, -1 for any. */
    public int label() { return model.classOf(how); }

    /** The text that is drawn; empty where that is any text of the training data, or the model draws nothing from texts. */
    public Optional<String> text() { return texts().flatMap(t -> t.textOf(how)); }

    @SuppressWarnings("unchecked")   // a model is asked in its own way of sampling, whatever it draws from
    private Optional<DrawsTexts<S>> texts() { return model.as(DrawsTexts.class).map(t -> (DrawsTexts<S>) t); }

    /**
     * Samples [count, ...data shape]; item i of them uses only row i of what rng draws.
     *
     * @throws IllegalArgumentException for a count below 1
     */
    public Tensor sample(int count, Rng rng) {
        if (count < 1) throw new ArgumentException("illegal count: " + count + ", must be at least 1");
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            List<Tensor> parts = new ArrayList<>();
            for (int i = 0; i < count; i += AT_ONCE) {
                int n = Math.min(AT_ONCE, count - i);
                Rng from = rng.at(i);
                parts.add(Scope.run(() -> model.sample(how, n, from)));
            }
            return scope.keep(parts.size() == 1 ? parts.get(0) : Torch.cat(0, parts));
        }
    }

    /** An item for each text. @throws IllegalArgumentException for a model that draws nothing from texts */
    public Tensor draw(List<String> texts, Rng rng) {
        return texts().orElseThrow(() -> new ArgumentException("this model draws nothing from texts")).draw(how, texts, rng);
    }
}
