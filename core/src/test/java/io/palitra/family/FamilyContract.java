package io.palitra.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.config.Config;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.DataLoader;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.ImageSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.LivePointers;
import io.palitra.engine.Optimizer;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.model.Build;
import io.palitra.model.Drawing;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.Losses;
import io.palitra.model.Step;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.nn.Module;
import io.palitra.stage.Builds;
import io.palitra.train.RunModels;
import java.nio.file.Path;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Laws that hold for every family. A family of another jar is tested by a class that extends this and gives its cases, of which
 * {@link Case#of(Family, Dataset)} is the smallest.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class FamilyContract {
    /** What is tested. */
    protected abstract List<Case> cases();

    /**
     * A family with a configuration, and what it learns from.
     *
     * @param set of which the first eight items are learned; null = made up, of pictures and points
     */
    public record Case(Family<?> family, DataSpec data, List<String> overrides, @Nullable Dataset set) {
        /** A family's own smallest configuration, of one that is built upon no other. */
        public static Case of(Family<?> family, Dataset set) {
            return new Case(family, set.spec(), family.tiny().overrides().stream().filter(o -> !o.startsWith("data.")).toList(), set);
        }

        @Override public String toString() { return family.name() + " " + overrides + " on " + java.util.Arrays.toString(data.shape()); }
    }

    private static final List<String> CAPTIONS = List.of("a red circle", "a blue square", "красный круг", "синий квадрат", "a star",
        "звезда", "a small green star", "большая жёлтая звезда");

    private static <C extends Record> Trainable build(Family<C> family, Case c, RunModels models, Rng init) {
        return family.build(Config.with(family.defaults(), c.overrides()), new Build(c.data(), init, models));
    }

    private static Freed build(Case c, Rng init) {
        RunModels models = Builds.models();
        return new Freed(build(c.family, c, models, init), models);
    }

    private static Freed build(Case c) { return build(c, new Rng(5)); }

    /** A run could else go on over another first stage or base model than it began with. */
    @ParameterizedTest @MethodSource("cases")
    public void everyPlaceOfItsConfigIsToldByTheHashOfWhatLiesThere(Case c) {
        Record config = Config.with(c.family.defaults(), c.overrides());
        List<String> places = Config.paths(config).entrySet().stream().filter(e -> !e.getValue().isEmpty()).map(Map.Entry::getKey).toList();
        try (Freed t = build(c); Scope scope = new Scope()) {
            assertThat(c.family.builder().type()).as("what the family says it builds").isAssignableFrom(t.model.getClass());
            t.model.updates();
            Map<String, String> all = new TreeMap<>(t.model.underneath());
            all.putAll(t.models.underneath(config));
            assertThat(all.keySet().stream().map(k -> k.replaceFirst("/.*", "")).distinct()).containsExactlyInAnyOrderElementsOf(places);
            assertThat(all.values()).allMatch(h -> h.matches("[0-9a-f]{64}"));
        }
    }

    /** Eight items, the same each time, in the range of training batches. */
    private static Batch eight(Case c) {
        if (c.set != null) {
            Batch b = DataLoader.of(c.set, new int[] {0, 1, 2, 3, 4, 5, 6, 7}, Device.CPU);
            Tensor labels = c.data().classes() == 0 ? null : b.given().labels("the contract");
            return new Batch(b.x(), new Condition(labels, b.given().texts().isEmpty() ? CAPTIONS : b.given().texts(), Map.of()));
        }
        long[] shape = c.data().shape(), all = new long[shape.length + 1];
        System.arraycopy(shape, 0, all, 1, shape.length);
        all[0] = 8;
        Tensor x = new Rng(11).normal(all).tanh();
        return new Batch(x, new Condition(c.data().classes() == 0 ? null : new Rng(12).integers(c.data().classes(), 8), CAPTIONS,
            Map.of()));
    }

    /** Runs the updates that are due as the trainer does. */
    private static final class Loop implements AutoCloseable {
        private final Trainable model;
        private final Case c;
        private final Map<Module, Optimizer> optimizers = new IdentityHashMap<>();

        Loop(Trainable model, Case c) {
            this.model = model;
            this.c = c;
            for (Update u : model.updates()) {
                optimizers.computeIfAbsent(u.moves(), m -> new Optimizer(new OptimizerSpec.Adam(1e-3, 0.5, 0.99, 1e-8), m.parameters()));
            }
        }

        Map<String, Double> step(long step) { return step(step, step); }

        /** @param noise steps of equal numbers draw the same */
        Map<String, Double> step(long step, long noise) {
            Map<String, Double> totals = new LinkedHashMap<>();
            try (Scope scope = new Scope()) {
                int i = 0;
                for (Update u : model.updates()) {
                    Rng rng = new Rng(3).split(noise).split(i++);
                    if (!u.due(step)) continue;
                    Optimizer o = optimizers.get(u.moves());
                    model.net().trainable(false);
                    u.moves().trainable(true);
                    o.zeroGrad();
                    Losses losses = u.objective().of(eight(c), new Step(step, rng));
                    totals.put(u.name(), losses.total().item());
                    losses.total().backward();
                    assertThat(o.gradNorm()).isFinite();
                    o.step(o.spec().lr());
                }
            }
            return totals;
        }

        @Override public void close() { optimizers.values().forEach(Optimizer::close); }
    }

    private static <S extends Record> Tensor draw(GenerativeModel<S> model, int n, Rng rng) {
        try (Guard g = Torch.noGrad()) { return model.sample(model.samplingDefaults(), Condition.NONE, n, rng); }
    }

    @ParameterizedTest @MethodSource("cases")
    public void samplesHaveTheDatasShapeAndRangeAndDependOnTheSeedAlone(Case c) {
        try (Scope scope = new Scope(); Freed t = build(c); Loop loop = new Loop(t.model, c)) {
            if (!(t.model.as(GenerativeModel.class).orElse(null) instanceof GenerativeModel<?> g)) return;
            for (int s = 0; s < 4; s++) loop.step(s);   // a net that begins at zero draws the same for all until it has moved
            t.model.net().training(false);
            Tensor a = draw(g, 5, new Rng(1)), b = draw(g, 5, new Rng(1)), other = draw(g, 5, new Rng(2));
            long[] shape = a.shape();
            assertThat(shape[0]).isEqualTo(5);
            assertThat(java.util.Arrays.copyOfRange(shape, 1, shape.length)).isEqualTo(c.data().shape());
            assertThat(a.isFinite().all().item()).isEqualTo(1);
            if (c.data() instanceof ImageSpec) assertThat(a.abs().max().item()).isLessThanOrEqualTo(1.0 + 1e-5);
            assertThat(a.floats()).isEqualTo(b.floats());
            assertThat(a.sub(other).abs().max().item()).isPositive();
            assertThat(a.requiresGrad()).isFalse();
        }
    }

    @ParameterizedTest @MethodSource("cases")
    public void anItemDoesNotDependOnHowManyAreDrawnWithIt(Case c) {
        try (Scope scope = new Scope(); Freed t = build(c)) {
            if (!(t.model.as(GenerativeModel.class).orElse(null) instanceof GenerativeModel<?> g)) return;
            t.model.net().training(false);
            Tensor all = draw(g, 6, new Rng(1)), part = draw(g, 2, new Rng(1).at(3));
            assertThat(all.rows(3, 2).sub(part).abs().max().item()).isLessThan(2e-4);   // the kernels' rounding depends on the batch
        }
    }

    @ParameterizedTest @MethodSource("cases")
    public void itemsOfSeveralSeedsAreThoseThatEachSeedGivesAlone(Case c) {
        try (Scope scope = new Scope(); Freed built = build(c)) {
            if (!(built.model.as(GenerativeModel.class).orElse(null) instanceof GenerativeModel<?> g)) return;
            built.model.net().training(false);
            Tensor all = draw(g, 6, Rng.joined(List.of(new Rng(1), new Rng(2).at(4), new Rng(3)), new int[] {2, 3, 1}));
            List<Tensor> alone = List.of(draw(g, 2, new Rng(1)), draw(g, 3, new Rng(2).at(4)), draw(g, 1, new Rng(3)));
            assertThat(all.sub(Torch.cat(0, alone)).abs().max().item()).isLessThan(1.0 / 255);
        }
    }

    @ParameterizedTest @MethodSource("cases")
    public void aModelThatDrawsByClassesSaysSoAndIsAskedForOne(Case c) {
        try (Scope scope = new Scope(); Freed t = build(c)) {
            if (!(t.model.as(GenerativeModel.class).orElse(null) instanceof GenerativeModel<?> g)) return;
            boolean told = c.overrides().contains("conditional=true") || c.overrides().contains("condition=label");
            assertThat(g.classes()).isEqualTo(told ? c.data().classes() : 0);
            t.model.net().training(false);
            asked(g);
        }
    }

    private static void asked(GenerativeModel<?> model) {
        int n = model.classes();
        assertThat(model.takes().contains(Condition.Kind.LABEL)).isEqualTo(n > 0);
        assertThatThrownBy(() -> Drawing.of(model, List.of("label=" + n))).isInstanceOf(IllegalArgumentException.class)
            .hasMessage("illegal label: " + n + ", must be -1 (any)" + (n > 0 ? " or a class in 0.." + (n - 1)
                : ": this model was trained without classes"));
        if (n == 0) return;
        Tensor one = Drawing.of(model, List.of("label=1")).sample(2, new Rng(1));
        Drawing<?> any = Drawing.of(model, List.of());
        assertThat(any.sample(Condition.ofLabel(1, 2), 2, new Rng(1)).doubles()).isEqualTo(one.doubles());
        assertThat(any.ofLabel(1).sample(2, new Rng(1)).doubles()).isEqualTo(one.doubles());
        assertThatThrownBy(() -> any.sample(Condition.ofLabel(n, 2), 2, new Rng(1))).hasMessageContaining("a class in 0.." + (n - 1));
    }

    @ParameterizedTest @MethodSource("cases")
    public void whatAModelIsGivenIsWhatItsFamilyTakesAndNothingElse(Case c) {
        try (Scope scope = new Scope(); Freed t = build(c)) {
            if (!(t.model.as(GenerativeModel.class).orElse(null) instanceof GenerativeModel<?> g)) return;
            assertThat(c.family.takes()).containsAll(g.takes());
            t.model.net().training(false);
            Drawing<?> any = Drawing.of(g, List.of());
            if (!g.takes().contains(Condition.Kind.TEXT)) {
                assertThatThrownBy(() -> Drawing.of(g, List.of("prompt=a star"))).hasMessageContaining("given no text");
                assertThatThrownBy(() -> any.draw(List.of("a star"), new Rng(1))).hasMessageContaining("nothing from texts");
            }
            long[] shape = c.data().shape(), two = new long[shape.length + 1];
            System.arraycopy(shape, 0, two, 1, shape.length);
            two[0] = 2;
            Tensor whole = Torch.zeros(two);
            if (!g.takes().contains(Condition.Kind.PREFIX)) {
                assertThatThrownBy(() -> any.complete(whole, new Rng(1))).hasMessageContaining("completes nothing");
            } else {
                assertThat(any.complete(whole, new Rng(1)).shape()).isEqualTo(two);
            }
        }
    }

    @ParameterizedTest @MethodSource("cases")
    public void inBf16OnlyTheNetworkIsRounded(Case c) {
        try (Scope scope = new Scope(); Freed t = build(c)) {
            for (Update u : t.model.updates()) {
                Tensor full = u.objective().of(eight(c), new Step(u.from(), new Rng(1))).total(), half;
                try (Guard cast = Torch.autocast(Device.CPU, DType.BF16)) {
                    half = u.objective().of(eight(c), new Step(u.from(), new Rng(1))).total();
                }
                assertThat(half.dtype()).isEqualTo(DType.F32);
                assertThat(half.item()).isCloseTo(full.item(), within(0.02 * (1 + Math.abs(full.item()))));
            }
        }
    }

    @ParameterizedTest @MethodSource("cases")
    public void everyParameterGetsAGradientFromAnUpdateThatMovesIt(Case c) {
        try (Scope scope = new Scope(); Freed t = build(c); Loop loop = new Loop(t.model, c)) {
            Set<String> reached = new java.util.HashSet<>();
            long until = t.model.updates().stream().mapToLong(u -> u.from() + 2L * u.every()).max().orElse(2);
            for (long s = 0; s < Math.max(4, until); s++) {
                loop.step(s);
                t.model.net().parameters().forEach((k, p) -> {
                    if (p.hasGrad()) reached.add(k);   // it may be exactly 0: a critic's last bias cancels, as keys' biases do in attention
                });
            }
            List<String> still = t.model.net().parameters().keySet().stream().filter(k -> !reached.contains(k)).toList();
            assertThat(still).isEmpty();
        }
    }

    @ParameterizedTest @MethodSource("cases")
    public void anUpdateMovesNothingButItsModule(Case c) {
        try (Scope scope = new Scope(); Freed t = build(c)) {
            for (Update u : t.model.updates()) {
                Set<String> own = Set.copyOf(ids(u.moves()));
                Map<String, float[]> before = new LinkedHashMap<>();
                t.model.net().parameters().forEach((k, p) -> before.put(k, p.detach().floats()));
                try (Scope step = new Scope(); Optimizer o = new Optimizer(new OptimizerSpec.Sgd(0.1, 0), u.moves().parameters())) {
                    t.model.net().parameters().values().forEach(Tensor::clearGrad);
                    t.model.net().trainable(false);
                    u.moves().trainable(true);
                    u.objective().of(eight(c), new Step(u.from(), new Rng(1))).total().backward();
                    o.step(0.1);
                }
                t.model.net().parameters().forEach((k, p) -> {
                    boolean moved = !java.util.Arrays.equals(before.get(k), p.detach().floats());
                    assertThat(!moved || own.contains(String.valueOf(System.identityHashCode(p)))).as(u.name() + " moved " + k).isTrue();
                });
            }
        }
    }

    private static List<String> ids(Module m) {
        return m.parameters().values().stream().map(p -> String.valueOf(System.identityHashCode(p))).toList();
    }

    @ParameterizedTest @MethodSource("cases")
    public void lossesAreFiniteAndFallWhenEightItemsAreMemorised(Case c) {
        try (Scope scope = new Scope(); Freed t = build(c); Loop loop = new Loop(t.model, c)) {
            int steps = 40;
            double first = 0, last = 0;
            boolean adversarial = t.model.updates().size() > 1;
            boolean again = !t.model.mayCollapse();   // the same noise, so that what falls is the loss; not of samples to learn against
            for (int s = 0; s < steps; s++) {
                Map<String, Double> losses = loop.step(s, again ? s % 8 : s);
                losses.values().forEach(v -> assertThat(v).isFinite());
                double total = losses.values().iterator().next();
                if (s < 8) first += total / 8;
                if (s >= steps - 8) last += total / 8;
            }
            if (!adversarial) assertThat(last).isLessThan(first);   // two players' losses need not fall
        }
    }

    @ParameterizedTest @MethodSource("cases")
    public void savedAndLoadedItDrawsTheSameSamples(Case c, @TempDir Path folder) throws Exception {
        try (Scope scope = new Scope(); Freed a = build(c); Freed b = build(c, Rng.silent())) {
            try (Loop loop = new Loop(a.model, c)) {
                loop.step(0);
            }
            a.model.net().training(false);
            try (Guard g = Torch.noGrad()) { a.model.settle(List.of(eight(c)), new Rng(4)); }
            Path file = folder.resolve("model.safetensors");
            Safetensors.write(file, a.model.net().state(), Map.of());
            b.model.net().load(Safetensors.read(file).tensors());
            a.model.net().training(false);
            b.model.net().training(false);
            b.model.net().state().forEach((k,
                t) -> assertThat(t.detach().doubles()).isEqualTo(a.model.net().state().get(k).detach().doubles()));
            if (a.model instanceof GenerativeModel<?> g && b.model instanceof GenerativeModel<?> h) {
                assertThat(draw(h, 3, new Rng(6)).floats()).isEqualTo(draw(g, 3, new Rng(6)).floats());
            }
        }
    }

    @ParameterizedTest @MethodSource("cases")
    public void theConfigSurvivesJson(Case c) {
        Record config = Config.with(c.family.defaults(), c.overrides());
        assertThat((Record) Config.fromJson(config.getClass(), Config.toJson(config))).isEqualTo(config);
        Config.check(c.family.recipe());
    }

    @ParameterizedTest @MethodSource("cases")
    public void stepsAndSamplesLeaveNoNativePointerBehind(Case c) {
        try (Scope scope = new Scope(); Freed t = build(c); Loop loop = new Loop(t.model, c)) {
            for (int s = 0; s < 20; s++) loop.step(s);
            try (Scope warm = new Scope()) { sampleIfIt(t.model); }
            long before = LivePointers.settled();
            for (int s = 20; s < 40; s++) loop.step(s);
            for (int i = 0; i < 3; i++) try (Scope draw = new Scope()) { sampleIfIt(t.model); }
            assertThat(Scope.livePointers() - before).isZero();
        }
    }

    private static void sampleIfIt(Trainable model) {
        model.net().training(false);
        if (model.as(GenerativeModel.class).orElse(null) instanceof GenerativeModel<?> g) draw(g, 2, new Rng(1));
        model.net().training(true);
    }

    /** Frees a model's weights at the end of a test. */
    private record Freed(Trainable model, RunModels models) implements AutoCloseable {
        @Override public void close() {
            model.close();
            models.close();
        }
    }
}
