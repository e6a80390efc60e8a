package io.palitra.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.data.Condition;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.List;

/**
 * A model, how it draws its samples and what is asked of them: what a gallery, a measurement or a command asks for items.
 *
 * @throws IllegalArgumentException for a class or a text that the model does not draw
 */
public record Drawing<S extends Record>(GenerativeModel<S> model, S how, Asked asked) {
    /** Samples drawn in one batch; more are drawn in several. */
    public static final int AT_ONCE = 256;

    public Drawing {
        Config.check(asked);
        model.check(asked);
    }

    /** With overrides of the model's sampling keys and of those of {@link Asked}, such as {@code temperature=0.8} and {@code label=3}. */
    public static <S extends Record> Drawing<S> of(GenerativeModel<S> model, List<String> overrides) {
        List<String> how = new ArrayList<>(), asked = new ArrayList<>();
        for (String o : overrides) (Asked.keys().contains(o.split("=", 2)[0]) ? asked : how).add(o);
        return new Drawing<>(model, Config.with(model.samplingDefaults(), how), Config.with(Asked.ANY, asked));
    }

    /**
     * The same, of one class.
     *
     * @param label -1 for what it draws already
     * @throws IllegalArgumentException for a class that the model does not draw
     */
    public Drawing<S> ofLabel(int label) {
        return label < 0 ? this : new Drawing<>(model, how, new Asked(label, asked.prompt()));
    }

    /** Samples [count, ...data shape] of what is asked for; item i of them uses only row i of what rng draws. */
    public Tensor sample(int count, Rng rng) { return sample(asked.condition(count), count, rng); }

    /** An item for each text, whatever else is asked for. */
    public Tensor draw(List<String> texts, Rng rng) { return sample(Condition.ofTexts(texts), texts.size(), rng); }

    /** An item for each first part, which it keeps; otherwise as is asked for. Of pictures upper rows [B,C,rows,W] in [-1,1]. */
    public Tensor complete(Tensor prefix, Rng rng) {
        int count = (int) prefix.size(0);
        return sample(asked.condition(count).withPrefix(prefix), count, rng);
    }

    /** An item for each that is known in part, I64 [count, ...data shape], which it keeps; -1 is drawn. */
    public Tensor fill(Tensor known, Rng rng) {
        int count = (int) known.size(0);
        return sample(asked.condition(count).withKnown(known), count, rng);
    }

    /**
     * Samples [count, ...data shape], given this.
     *
     * @throws IllegalArgumentException for a count below 1, and for what the model does not take
     */
    public Tensor sample(Condition given, int count, Rng rng) {
        if (count < 1) throw new ArgumentException("illegal count: " + count + ", must be at least 1");
        takes(given);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            List<Tensor> parts = new ArrayList<>();
            for (int i = 0; i < count; i += AT_ONCE) {
                int n = Math.min(AT_ONCE, count - i);
                Rng from = rng.at(i);
                Condition own = given.rows(i, n);
                if (i > 0) Scope.part();
                parts.add(Scope.run(() -> model.sample(how, own, n, from)));
            }
            return scope.keep(parts.size() == 1 ? parts.get(0) : Torch.cat(0, parts));
        }
    }

    private void takes(Condition given) {
        Tensor labels = given.labels();
        int classes = model.classes();
        if (labels != null && classes == 0) throw new ArgumentException("this model draws by no classes");
        if (labels != null && (labels.min().item() < 0 || labels.max().item() >= classes)) {   // waits for the device
            throw new ArgumentException("illegal label among those given, all must be a class in 0.." + (classes - 1));
        }
        if (!given.texts().isEmpty() && !model.takes().contains(Condition.Kind.TEXT)) {
            throw new ArgumentException("this model draws nothing from texts");
        }
        if (given.prefix() != null && !model.takes().contains(Condition.Kind.PREFIX)) {
            throw new ArgumentException("this model completes nothing");
        }
        if (given.known() != null && !model.takes().contains(Condition.Kind.KNOWN)) {
            throw new ArgumentException("this model fills no holes");
        }
    }

    /** How, with those keys of what is asked for that the model takes. */
    public ObjectNode toJson() {
        ObjectNode json = Config.toJson(how), all = Config.toJson(asked);
        for (Condition.Kind kind : Condition.Kind.values()) {
            if (model.takes().contains(kind)) Asked.key(kind).ifPresent(key -> json.set(key, all.get(key)));
        }
        return json;
    }
}
