package io.palitra.model;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.ScoreSpec;
import io.palitra.data.TextSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.Allowance;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A row of the catalogue.
 *
 * @param name as typed: "vae"
 * @param about one sentence
 * @param paper authors, year, arXiv number
 * @param defaults what the model is unless something else is asked for
 * @param recipe how it is trained unless something else is asked for
 * @param sampling how samples are drawn unless something else is asked for; null for what draws none
 * @param data the set of the catalogue that it learns from unless another is asked for; empty where none of them does
 * @param kinds of items that it learns from, in whatever its configuration is; none where its builder alone knows
 * @param takes what samples can be given, where the configuration and the data have it
 * @param fits its defaults on data of some kinds, where they are others
 * @param tiny what tests train; its defaults unless {@link #tiny(String...)} says otherwise
 */
public record Family<C extends Record>(String name, String about, String paper, C defaults, Recipe recipe, @Nullable Record sampling,
        String data, Tiny tiny, Set<Kind> kinds, Set<Condition.Kind> takes, List<Fit> fits, Builder<C> builder) {
    /** What most families learn from. */
    public static final String USUAL = "strokes";

    /** What items are: by {@link #learns}. */
    public enum Kind {
        PICTURES("pictures", ImageSpec.class, ""), POINTS("points", VectorSpec.class, ""),
        TEXTS("texts", TextSpec.class, "; the set programs is, and so are a .txt, a .jsonl and a folder of such files"),
        MUSIC("music", ScoreSpec.class, "; the sets chorales and parts are, and so is a folder of .mid");

        private final String words, such;
        private final Class<? extends DataSpec> of;

        Kind(String words, Class<? extends DataSpec> of, String such) {
            this.words = words;
            this.of = of;
            this.such = such;
        }
    }

    /** Builds a model; tensors that it has made are freed where it throws. */
    @FunctionalInterface public interface Builder<C> {
        Trainable build(C config, Build with);

        /** What it builds, as far as that is known before it does. */
        default Class<? extends Trainable> type() { return Trainable.class; }

        /** One that is known to build models of a type. */
        static <C> Builder<C> of(Class<? extends Trainable> type, Builder<C> how) {
            return new Builder<>() {
                @Override public Trainable build(C config, Build with) { return how.build(config, with); }

                @Override public Class<? extends Trainable> type() { return type; }
            };
        }
    }

    /** One that learns from {@link #USUAL}. */
    public Family(String name, String about, String paper, C defaults, Recipe recipe, @Nullable Record sampling, Builder<C> builder) {
        this(name, about, paper, defaults, recipe, sampling, USUAL, builder);
    }

    /** One whose defaults are small enough for tests. */
    public Family(String name, String about, String paper, C defaults, Recipe recipe, @Nullable Record sampling, String data,
            Builder<C> builder) {
        this(name, about, paper, defaults, recipe, sampling, data, new Tiny(data, List.of(), Map.of()), Set.of(), Set.of(), List.of(),
            builder);
    }

    /** The same, of which tests train this. */
    public Family<C> tiny(Tiny small) {
        return new Family<>(name, about, paper, defaults, recipe, sampling, data, small, kinds, takes, fits, builder);
    }

    /** The same, whose samples can be given these. */
    public Family<C> takes(Condition.Kind first, Condition.Kind... more) {
        return new Family<>(name, about, paper, defaults, recipe, sampling, data, tiny, kinds, EnumSet.of(first, more), fits, builder);
    }

    /** The same, of a family that learns from items of these kinds and of no others. */
    public Family<C> learns(Kind first, Kind... more) {
        return new Family<>(name, about, paper, defaults, recipe, sampling, data, tiny, EnumSet.of(first, more), takes, fits, builder);
    }

    /** False where no model of it is of that capability, whatever its configuration is; true where it may be. */
    public boolean may(Class<?> capability) {
        return builder.type() == Trainable.class || capability.isAssignableFrom(builder.type());
    }

    /** @throws IllegalArgumentException for items of a kind that it does not learn from, whatever its configuration is */
    public void refuseOthers(DataSpec spec) {
        if (kinds.isEmpty() || kinds.stream().anyMatch(k -> k.of.isInstance(spec))) return;
        throw new ArgumentException(name + " wants " + kinds.stream().map(k -> k.words).collect(Collectors.joining(" or ")) + ", got "
            + spec
            + kinds.stream().map(k -> k.such).collect(Collectors.joining()));
    }

    /** The same, with other defaults on data of these kinds. */
    public Family<C> on(Fit... fits) {
        return new Family<>(name, about, paper, defaults, recipe, sampling, data, tiny, kinds, takes, List.of(fits), builder);
    }

    /** Overrides of the defaults that such data has, {@code key=value}; none where the defaults fit. */
    public List<String> fitting(DataSpec spec) {
        return fits.stream().filter(f -> f.of().test(spec)).flatMap(f -> f.keys().stream()).toList();
    }

    /** What the model is on such data unless something else is asked for. */
    public C defaults(DataSpec spec) { return Config.with(defaults, fitting(spec)); }

    /** The same, of which tests train a model with these overrides on {@link #USUAL}. */
    public Family<C> tiny(String... overrides) { return tiny(new Tiny(USUAL, List.of(overrides), Map.of())); }

    /** A new model, its weights a pure function of init; data it cannot learn is refused, and so is a size that the machine cannot hold. */
    public Trainable build(C config, Build with) {
        refuseOthers(with.data());
        String smaller = with.data() instanceof ImageSpec ? "make it smaller, or the pictures, as by data.size=64" : "make it smaller";
        try (Scope scope = new Scope()) {
            return Scope.orFree(() -> Allowance.ofThisMachine(smaller, () -> builder.build(config, with)));
        }
    }

    /** As {@link #build(Record, Build)}, of a model that is built upon no other. */
    public Trainable build(C config, DataSpec data, Rng init) {
        return build(config, new Build(data, init, new Models() {
            @Override public DataSpec items(ModelRef run) { return open(run, DataSpec.class); }

            @Override public <T> T open(ModelRef ref, Class<T> capability) {
                throw new ArgumentException("'" + name + "' is built upon '" + ref.where() + "', and nothing here opens it");
            }
        }));
    }
}
