package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.DType;
import io.palitra.engine.LivePointers;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.family.Families;
import io.palitra.hub.Safetensors;
import io.palitra.model.Family;
import io.palitra.model.Watcher;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A start that is refused frees everything and unlocks the folder: of every family, every refusal. */
class RefusedStartTest {
    @TempDir static Path root;

    static List<String> families() { return Families.all().stream().map(Family::name).toList(); }

    /** Items of a set as others. */
    private record As(Dataset of, DataSpec spec, boolean captioned) implements Dataset {
        @Override public String name() { return of.name(); }

        @Override public int size() { return 20; }

        @Override public int label(int i) { return spec.classes() == 0 ? -1 : of.label(i); }

        @Override public List<String> classNames() { return spec.classes() == 0 ? List.of() : of.classNames(); }

        @Override public List<String> captions(int i) { return captioned ? of.captions(i) : List.of(); }

        @Override public void read(int i, ByteBuffer into) { into.put(new byte[Math.toIntExact(spec.dims() * spec.stored().bytes())]); }
    }

    /** Items that no family knows. */
    private record Unknown(int classes) implements DataSpec {
        @Override public long[] shape() { return new long[] {3, 3, 3}; }

        @Override public Unknown withClasses(int n) { return new Unknown(n); }

        @Override public DType stored() { return DType.F32; }

        @Override public Tensor toModel(Tensor stored) { return stored; }
    }

    private interface Start { void run(Path folder) throws IOException; }

    /** A run of a family's smallest configuration on other data; what is said of it, or "" where it is trained. */
    private static Start on(RunConfig tiny, Dataset data, String... more) {
        RunConfig.Settings s = tiny.settings();
        Record model = Config.with(tiny.model(), List.of(more));
        RunConfig config = RunConfig.of(model, s.data(), data).reading(s.options()).training(s.train()).on("cpu", s.precision(), 1);
        return folder -> Trainer.start(folder, config, data, null, TinyRuns.until(() -> true));
    }

    private static String refused(Path folder, Start start) throws IOException {
        try {
            start.run(folder);
            return "";
        } catch (RuntimeException e) {
            return String.valueOf(e.getMessage());
        } finally {
            RunLock.take(folder).close();   // throws where it is held
        }
    }

    @ParameterizedTest @MethodSource("families")
    void everyRefusalFreesAllAndUnlocksTheFolder(String name) throws Exception {
        Family<?> family = Families.named(name);
        RunConfig tiny = TinyRuns.config(name, root);
        Dataset train = TinyRuns.train(tiny);
        DataSpec spec = train.spec();
        Map<String, Start> starts = new LinkedHashMap<>();
        starts.put("points", on(tiny, new As(train, new VectorSpec(2, 0), true)));
        starts.put("pictures of other sides", on(tiny, new As(train, new ImageSpec(3, 7, 9, 0), true)));
        starts.put("items of an unknown kind", on(tiny, new As(train, new Unknown(0), true)));
        starts.put("no labels", on(tiny, new As(train, spec.withClasses(0), true)));
        starts.put("no captions", on(tiny, new As(train, spec, false)));
        family.tiny().upon().keySet().forEach(key -> {
            starts.put("nothing named by " + key, on(tiny, train, key + "="));
            starts.put("nothing where " + key + " is", on(tiny, train, key + "=" + root.resolve("nowhere")));
            starts.put("something else where " + key + " is", on(tiny, train, key + "=" + root.resolve("upon")));
        });
        RunConfig.Settings s = tiny.settings();
        starts.put("an average that is none", folder -> Trainer.start(folder, tiny.training(s.train().withEma(1)), train, null,
            TinyRuns.until(() -> true)));
        starts.put("other data than the configuration's", folder -> Trainer.start(folder, tiny, new As(train, new VectorSpec(3, 0), true),
            null, TinyRuns.until(() -> true)));
        Path occupied = Files.createDirectories(root.resolve("occupied-" + name));
        Files.writeString(occupied.resolve("letter.txt"), "dear");
        starts.put("a folder of other things", folder -> Trainer.start(occupied, tiny, train, null, TinyRuns.until(() -> true)));

        Path folder = root.resolve("run-" + name);
        Map<String, String> first = new LinkedHashMap<>();
        for (Map.Entry<String, Start> e : starts.entrySet()) {   // classes that are loaded hold constants
            String why = refused(folder, e.getValue());
            remove(folder);
            boolean reads = s.options().captions() && !name.equals("unclip");   // which draws from captions, and learns without
            if (e.getKey().equals("no captions")) assertThat(why.contains("with captions")).isEqualTo(reads);
            if (!why.isEmpty()) first.put(e.getKey(), why);   // else no refusal: this family takes it
        }
        Map<String, Long> left = new LinkedHashMap<>();
        LivePointers.settled();   // once: a start that frees everything leaves nothing to the collector
        for (Map.Entry<String, String> e : first.entrySet()) {
            long before = Scope.livePointers();
            assertThat(refused(folder, starts.get(e.getKey()))).isEqualTo(e.getValue());
            remove(folder);
            long more = Scope.livePointers() - before;   // the collector would hide what nobody frees
            if (more > 0) left.put(e.getKey() + ": " + e.getValue(), more);
        }
        assertThat(left).as("native pointers held after a refusal").isEmpty();
    }

    @ParameterizedTest @MethodSource("families")
    void aStartThatIsStoppedAtOnceFreesAll(String name) throws Exception {
        RunConfig tiny = TinyRuns.config(name, root);
        Path folder = root.resolve("at-once-" + name);
        long before = 0;
        for (int i = 0; i < 2; i++) {   // classes that are loaded hold constants
            remove(folder);
            before = LivePointers.settled();
            assertThat(Trainer.start(folder, tiny, TinyRuns.train(tiny), TinyRuns.test(tiny), TinyRuns.until(() -> true))).isFalse();
        }
        assertThat(Scope.livePointers() - before).isLessThanOrEqualTo(0);
    }

    @ParameterizedTest @MethodSource("families")
    void aReplacedModelUnderneathFreesAllAndUnlocksTheFolder(String name) throws Exception {
        Family<?> family = Families.named(name);
        if (family.tiny().upon().isEmpty()) return;
        Path own = root.resolve("replaced-" + name), run = root.resolve("stopped-" + name);
        RunConfig tiny = TinyRuns.config(name, Files.createDirectories(own));
        int[] asked = {0};
        Trainer.start(run, tiny, TinyRuns.train(tiny), null, TinyRuns.until(() -> asked[0]++ == 1));
        try (Stream<Path> all = Files.walk(own.resolve("upon"))) {
            for (Path p : all.filter(f -> f.toString().endsWith(".safetensors") && !f.toString().contains("/train/")).toList()) change(p);
        }
        long before = 0;
        for (int i = 0; i < 2; i++) {
            before = LivePointers.settled();
            assertThatThrownBy(() -> Trainer.resume(run, TinyRuns.train(tiny), null, Watcher.SILENT))
                .isInstanceOf(ConfigException.class).hasMessageContaining("what the run is built upon was replaced");
            RunLock.take(run).close();
        }
        assertThat(Scope.livePointers() - before).isLessThanOrEqualTo(0);
        if (name.equals("vqgan")) {   // it opens its features to train alone
            List<String> notes = new ArrayList<>();
            Run.open(run, "cpu", notes::add).close();
            assertThat(notes).filteredOn(n -> n.contains("perceptual.run=" + own.resolve("upon/classifier") + " was replaced")).hasSize(1);
            return;
        }
        assertThatThrownBy(() -> Run.open(run, "cpu", line -> { }).close()).isInstanceOf(ConfigException.class)
            .hasMessageContaining("what the run is built upon was replaced");
    }

    /** The weights of a file a little larger, with the hash that goes with them. */
    private static void change(Path file) {
        try (Scope scope = new Scope()) {
            Map<String, Tensor> all = new LinkedHashMap<>(Safetensors.read(file).tensors());
            all.replaceAll((k, t) -> t.dtype().floating() ? t.mul(1.01) : t);
            Checkpoint.writeModel(file, all, Map.of());
        }
    }

    private static void remove(Path folder) throws IOException {
        if (!Files.exists(folder)) return;
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path p : all.sorted(java.util.Comparator.reverseOrder()).toList()) Files.delete(p);
        }
    }
}
