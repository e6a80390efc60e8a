package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.palitra.data.FormatException;
import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.hub.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointTest {
    private static final Map<String, String> FACTS = Map.of("config", "c0ffee");

    @TempDir Path run;

    /** Three parts, every value of which tells the save that made it. */
    private static Map<String, Map<String, Tensor>> parts(double mark, int size) {
        return Map.of("weights", Map.of("w", Torch.full(mark, size), "mask", Torch.ones(3).to(DType.BOOL)),
            "optimizer", Map.of("w.step", Torch.full(mark), "w.exp_avg", Torch.full(mark, size)),
            "ema", Map.of("w", Torch.full(mark, size)));
    }

    private static void save(Storage storage, Path run, long step, double mark) {
        try (Scope scope = new Scope()) { Checkpoint.save(storage, run, step, parts(mark, 700), FACTS); }
    }

    /** The mark of a checkpoint, all of whose tensors must agree. */
    private static double mark(Checkpoint checkpoint) {
        try (Scope scope = new Scope()) {
            Set<Double> marks = new HashSet<>();
            for (String part : checkpoint.parts()) {
                checkpoint.load(part).forEach((name, t) -> {
                    if (t.dtype() == DType.F32) Arrays.stream(t.doubles()).forEach(marks::add);
                });
            }
            assertThat(marks).hasSize(1);
            return marks.iterator().next();
        }
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> list = Files.list(folder)) { return list.map(p -> p.getFileName().toString()).sorted().toList(); }
    }

    private static void clear(Path folder) throws IOException {
        try (Stream<Path> walk = Files.walk(folder)) {
            for (Path p : walk.sorted(Comparator.reverseOrder()).toList()) if (!p.equals(folder)) Files.delete(p);
        }
    }

    private Checkpoint latestWithoutWarning() {
        List<String> warnings = new ArrayList<>();
        Optional<Checkpoint> found = Checkpoint.latest(run, warnings::add);
        assertThat(warnings).isEmpty();
        return found.orElseThrow();
    }

    @Test void whatWasSavedIsLoadedWithStepAndFacts() {
        assertThat(Checkpoint.latest(run, w -> { throw new AssertionError(w); })).isEmpty();
        try (Scope scope = new Scope()) {
            Map<String, Map<String, Tensor>> parts = parts(0.5, 9);
            Checkpoint.save(run, 123, parts, FACTS);
            Checkpoint back = latestWithoutWarning();
            assertThat(back.step()).isEqualTo(123);
            assertThat(back.parts()).containsExactlyInAnyOrder("weights", "optimizer", "ema");
            assertThat(back.facts()).containsAllEntriesOf(FACTS).containsAllEntriesOf(Checkpoint.machine())
                .containsKeys("libtorch", "threads", "cpu", "java");
            assertThat(mark(back)).isEqualTo(0.5);
            assertThat(back.load("weights").get("mask").dtype()).isEqualTo(DType.BOOL);
            assertThatThrownBy(() -> back.load("critic")).isInstanceOf(CheckpointException.class)
                .hasMessageContaining("has no part 'critic'");
            assertThat(run.resolve("train/step-00000123/weights.safetensors")).isRegularFile();
        }
    }

    @Test void theNewestTwoAreKept() throws IOException {
        for (long step : new long[] {7, 100_000_000, 14, 21}) save(Storage.DISK, run, step, step);
        assertThat(names(run.resolve("train"))).containsExactly("step-00000021", "step-100000000");
        assertThat(latestWithoutWarning().step()).isEqualTo(100_000_000);
    }

    @Test void anAlteredOneDoesNotCountAmongTheTwo() throws IOException {
        for (long step : new long[] {1, 2}) save(Storage.DISK, run, step, step);
        Files.write(run.resolve("train/step-00000002/ema.safetensors"), new byte[10]);
        save(Storage.DISK, run, 3, 3);
        assertThat(names(run.resolve("train"))).containsExactly("step-00000001", "step-00000002", "step-00000003");
        save(Storage.DISK, run, 4, 4);
        assertThat(names(run.resolve("train"))).containsExactly("step-00000003", "step-00000004");
    }

    @Test void aStepSavedAgainReplacesTheFirst() throws IOException {
        save(Storage.DISK, run, 5, 1);
        save(Storage.DISK, run, 5, 2);
        assertThat(names(run.resolve("train"))).containsExactly("step-00000005");
        assertThat(mark(latestWithoutWarning())).isEqualTo(2);
    }

    @Test void aTensorThatIsNotFiniteIsNamedAndNothingIsWritten() throws IOException {
        save(Storage.DISK, run, 1, 1);
        for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
            for (DType type : new DType[] {DType.F64, DType.F32, DType.F16, DType.BF16}) {
                try (Scope scope = new Scope()) {
                    Tensor moment = Torch.ones(40).to(type);
                    moment.rows(17, 1).fill(bad);
                    Map<String, Map<String, Tensor>> parts = Map.of("weights", Map.of("w", Torch.ones(2)),
                        "optimizer", Map.of("a.step", Torch.ones(1), "a.exp_avg", moment));
                    assertThatThrownBy(() -> Checkpoint.save(run, 2, parts, FACTS)).isInstanceOf(CheckpointException.class)
                        .hasMessage("checkpoint of step 2 not saved: optimizer: "
                            + "tensor 'a.exp_avg' of 40 holds values that are not finite");
                    Path model = run.resolve("model.safetensors");
                    assertThatThrownBy(() -> Checkpoint.writeModel(model, Map.of("m", moment), Map.of()))
                        .isInstanceOf(CheckpointException.class).hasMessageContaining("tensor 'm'");
                }
            }
        }
        assertThat(names(run)).containsExactly("train");
        assertThat(names(run.resolve("train"))).containsExactly("step-00000001");
    }

    @Test void partsAndStepsThatCannotBeNamedAreRefused() {
        for (String part : new String[] {"", "../x", "a/b", "A", "a.b", "a\n"}) {
            assertThatThrownBy(() -> Checkpoint.save(run, 1, Map.of(part, Map.of()), FACTS)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> Checkpoint.save(run, -1, Map.of(), FACTS)).isInstanceOf(IllegalArgumentException.class);
        assertThat(run).isEmptyDirectory();
    }

    /** Every call of a save fails once; the process dies at every call; and in the middle of every write. */
    @Test void whereverASaveFailsTheOldOrTheNewOneLoads() throws IOException {
        for (FaultStorage.Fault fault : FaultStorage.Fault.values()) {
            for (long[] history : new long[][] {{}, {10}, {10, 20}, {10, 20, 30}, {30}}) {
                boolean reached = false;
                for (int k = 1; !reached; k++) {
                    clear(run);
                    for (long step : history) save(new FaultStorage(FaultStorage.Fault.NONE, 0), run, step, step + 0.25);
                    FaultStorage storage = new FaultStorage(fault, k);
                    boolean acknowledged = false;
                    try {
                        save(storage, run, 30, 30.5);
                        acknowledged = true;
                    } catch (CheckpointException e) {
                        assertThat(e.getMessage()).contains("input/output error").doesNotContain("\n");
                    }
                    reached = fault == FaultStorage.Fault.NONE || storage.calls < k;
                    assertThat(acknowledged).as(fault + " at " + k).isEqualTo(reached);

                    List<String> warnings = new ArrayList<>();
                    Optional<Checkpoint> found = Checkpoint.latest(run, warnings::add);
                    assertThat(warnings).as(fault + " at " + k).isEmpty();
                    double old = history.length == 0 ? 0 : history[history.length - 1] + 0.25;
                    double seen = found.map(CheckpointTest::mark).orElse(0.0);
                    if (acknowledged) assertThat(seen).isEqualTo(30.5);
                    assertThat(seen).as(fault + " at " + k + " after " + Arrays.toString(history)).isIn(old, 30.5);

                    save(new FaultStorage(FaultStorage.Fault.NONE, 0), run, 40, 40.5);
                    assertThat(mark(latestWithoutWarning())).isEqualTo(40.5);
                    assertThat(names(run.resolve("train"))).hasSizeLessThanOrEqualTo(2).allMatch(n -> n.startsWith("step-"));
                }
            }
        }
    }

    @Test void aModelFileThatFailsToBeWrittenLeavesTheOldOne() throws IOException {
        Path model = run.resolve("model.safetensors");
        for (FaultStorage.Fault fault : FaultStorage.Fault.values()) {
            boolean reached = false;
            for (int k = 1; !reached; k++) {
                clear(run);
                FaultStorage storage = new FaultStorage(fault, k);
                try (Scope scope = new Scope()) {
                    Checkpoint.writeModel(model, Map.of("w", Torch.full(1, 50)), Map.of());
                    boolean acknowledged = false;
                    try {
                        Checkpoint.writeModel(storage, model, Map.of("w", Torch.full(2, 50)), Map.of());
                        acknowledged = true;
                    } catch (CheckpointException e) {
                        assertThat(e.getMessage()).contains("cannot write '" + model);
                    }
                    reached = fault == FaultStorage.Fault.NONE || storage.calls < k;
                    assertThat(acknowledged).isEqualTo(reached);
                    double seen = Checkpoint.readModel(model).tensors().get("w").mean().item();
                    if (acknowledged) assertThat(seen).isEqualTo(2);
                    assertThat(seen).isIn(1.0, 2.0);
                    save(Storage.DISK, run, 1, 1);
                    assertThat(names(run)).containsExactly("model.safetensors", "train");
                }
            }
        }
    }

    @Test void afterAPowerCutTheLastAcknowledgedCheckpointLoads() throws IOException {
        int cuts = 0;
        int fresh = 0;
        for (int history = 0; history < 500; history++) {
            clear(run);
            SplittableRandom random = new SplittableRandom(history);
            CrashStorage storage = new CrashStorage(run, random);
            TreeMap<Double, Long> tried = new TreeMap<>();   // by mark
            double acknowledged = 0;
            long step = 0;
            for (int i = 1; i <= 6; i++) {
                if (i == 1 || random.nextInt(4) > 0) step += 1 + random.nextInt(3);
                tried.put((double) i, step);
                storage.dieAfter(random.nextInt(3) == 0 ? Integer.MAX_VALUE : random.nextInt(45));
                try (Scope scope = new Scope()) {
                    Checkpoint.save(storage, run, step, parts(i, 1 + random.nextInt(3000)), FACTS);
                    acknowledged = i;
                } catch (CheckpointException e) {
                    assertThat(e.getMessage()).contains("the power is off");
                    if (e.getMessage().contains("is saved")) acknowledged = i;
                }
                if (random.nextBoolean()) continue;
                storage.cutPower();
                cuts++;
                Optional<Checkpoint> found = Checkpoint.latest(run, w -> { });
                double seen = found.map(CheckpointTest::mark).orElse(0.0);
                assertThat(seen).as("history " + history + " save " + i).isBetween(acknowledged, (double) i);
                if (seen > acknowledged) fresh++;
                if (found.isPresent()) assertThat(found.get().step()).isEqualTo(tried.get(seen));
                acknowledged = seen;
                step = found.map(Checkpoint::step).orElse(0L);
            }
        }
        assertThat(cuts).isGreaterThan(1000);
        assertThat(fresh).isPositive();   // cuts did fall between the rename and the answer
    }

    /** The rarest case on purpose: saving a step again dies near its end, the next save dies while it sweeps, then the power goes. */
    @Test void aStepThatIsSavedAgainIsNeverLostBetweenItsTwoNames() throws IOException {
        for (int last = 1; last <= 8; last++) {
            for (int sweep = 0; sweep < 10; sweep++) {
                for (int seed = 0; seed < 2; seed++) {
                    clear(run);
                    CrashStorage storage = new CrashStorage(run, new SplittableRandom(seed));
                    save(storage, run, 5, 1);
                    int calls = storage.calls;
                    for (int[] turn : new int[][] {{2, calls + 2 - last}, {3, sweep}}) {
                        storage.dieAfter(turn[1]);
                        try {
                            save(storage, run, 5, turn[0]);
                        } catch (CheckpointException e) {
                            assertThat(e.getMessage()).contains("the power is off");
                        }
                    }
                    storage.cutPower();
                    assertThat(mark(Checkpoint.latest(run, w -> { }).orElseThrow())).isBetween(1.0, 3.0);
                }
            }
        }
    }

    @Test void aDiskThatFillsUpAtAnyByteIsSaidSoAndNothingIsLost() throws IOException {
        save(new FaultStorage(FaultStorage.Fault.NONE, 0), run, 1, 1);
        long needed = 0;
        try (Stream<Path> files = Files.list(run.resolve("train/step-00000001"))) {
            for (Path p : files.toList()) needed += Files.size(p);
        }
        for (boolean tells : new boolean[] {true, false}) {
            boolean saved = false;
            for (long room = 0; !saved; room += 61) {
                FaultStorage storage = new FaultStorage(FaultStorage.Fault.NONE, 0);
                storage.room = room;
                storage.tells = tells;
                try {
                    save(storage, run, 2, 2);
                    saved = true;
                    assertThat(room).isBetween(needed - 200, needed + 200);
                } catch (CheckpointException e) {
                    assertThat(e.getMessage()).containsIgnoringCase("no space left on device")
                        .contains("it needs " + e.needed() + " bytes, " + e.free() + " are free");
                    assertThat(e.needed()).isBetween(needed * 9 / 10, needed);
                    assertThat(e.free()).isLessThan(e.needed());
                    assertThat(names(run.resolve("train"))).containsExactly("step-00000001");
                    assertThat(mark(latestWithoutWarning())).isEqualTo(1);
                }
            }
            assertThat(mark(latestWithoutWarning())).isEqualTo(2);
            clear(run);
            save(new FaultStorage(FaultStorage.Fault.NONE, 0), run, 1, 1);
        }
    }

    /** A file system of 1 to 4 MiB made for this, as by {@code mount -t tmpfs -o size=1m}. */
    @Test void aRealSmallDiskThatFillsUpIsSaidSoAndNothingIsLost() throws IOException {
        String small = System.getenv("PALITRA_SMALL_DISK");
        assumeTrue(small != null, "no PALITRA_SMALL_DISK names a small file system to fill");
        Path disk = Files.createDirectory(Path.of(small).resolve("run"));
        long room = Files.getFileStore(disk).getUsableSpace();
        assertThat(room).isLessThan(5 << 20);
        try (Scope scope = new Scope()) {
            Checkpoint.save(disk, 1, parts(1, 1000), FACTS);
            int filled = 0;
            for (long fill = 0; fill < room; fill += 4096) {
                Files.deleteIfExists(disk.resolve("filler"));
                long most = Files.getFileStore(disk).getUsableSpace();
                Path filler = Files.write(disk.resolve("filler"), new byte[(int) Math.min(fill, most)]);
                try {
                    Checkpoint.save(disk, 2, parts(2, 8000), FACTS);
                    assertThat(filled).isZero();
                    clear(disk.resolve("train/step-00000002"));
                    Files.delete(disk.resolve("train/step-00000002"));
                } catch (CheckpointException e) {
                    filled++;
                    assertThat(e.getMessage()).containsIgnoringCase("no space left");
                    assertThat(e.needed()).isPositive();
                    Files.delete(filler);
                    assertThat(names(disk.resolve("train"))).containsExactly("step-00000001");
                    assertThat(mark(Checkpoint.latest(disk, w -> { throw new AssertionError(w); }).orElseThrow())).isEqualTo(1);
                }
            }
            assertThat(filled).isGreaterThan(10);
        }
    }

    @Test void aThousandAlteredFilesAreFoundNamedAndPassedOver() throws IOException {
        SplittableRandom random = new SplittableRandom(11);
        save(Storage.DISK, run, 10, 10);
        save(Storage.DISK, run, 20, 20);
        Path old = run.resolve("train/step-00000010");
        Path newest = run.resolve("train/step-00000020");
        List<String> files = names(newest);
        assertThat(files).containsExactly("ema.safetensors", "manifest.json", "optimizer.safetensors", "weights.safetensors");
        for (int i = 0; i < 1000; i++) {
            String name = files.get(random.nextInt(files.size()));
            Path file = newest.resolve(name);
            byte[] good = Files.readAllBytes(file);
            byte[] bad = good.clone();
            int kind = random.nextInt(5);
            if (kind == 0) bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
            if (kind == 1) bad = Arrays.copyOf(good, random.nextInt(good.length));
            if (kind == 2) {   // a piece zeroed that was not zero
                int n = 1 + random.nextInt(512);
                int at = random.nextInt(Math.max(1, good.length - n));
                Arrays.fill(bad, at, Math.min(at + n, bad.length), (byte) 0);
            }
            if (kind == 3) bad = Files.readAllBytes(old.resolve(name));
            if (kind == 4) bad = Files.readAllBytes(newest.resolve(files.get((files.indexOf(name) + 1) % files.size())));
            if (Arrays.equals(good, bad)) bad[0] ^= 1;
            Files.write(file, bad);
            List<String> warnings = new ArrayList<>();
            Checkpoint found = Checkpoint.latest(run, warnings::add).orElseThrow();
            assertThat(found.step()).as("kind " + kind + " of " + name).isEqualTo(10);
            assertThat(warnings).hasSize(1);
            assertThat(warnings.get(0)).startsWith("checkpoint step-00000020 is not used: " + newest).contains(name).doesNotContain("\n");
            Files.write(file, good);
        }
        assertThat(mark(latestWithoutWarning())).isEqualTo(20);
    }

    @Test void aMissingFileAndAFolderUnderAnotherNameAreFound() throws IOException {
        save(Storage.DISK, run, 10, 10);
        save(Storage.DISK, run, 20, 20);
        Path train = run.resolve("train");
        List<String> warnings = new ArrayList<>();
        Files.move(train.resolve("step-00000020"), train.resolve("step-00000030"));
        assertThat(Checkpoint.latest(run, warnings::add).orElseThrow().step()).isEqualTo(10);
        assertThat(warnings).singleElement().asString().contains("manifest.json").contains("is of step 20");
        Files.delete(train.resolve("step-00000010/optimizer.safetensors"));
        assertThat(Checkpoint.latest(run, warnings::add)).isEmpty();
        assertThat(warnings.get(2)).contains("optimizer.safetensors: there is no such file");
    }

    @Test void lookingChangesNothingAndTheNextSaveSweeps() throws IOException {
        save(Storage.DISK, run, 3, 3);
        save(Storage.DISK, run, 4, 4);
        Path train = run.resolve("train");
        Files.move(train.resolve("step-00000004"), train.resolve(".was-step-00000004"));   // killed between two renames
        Files.createDirectories(train.resolve(".tmp-step-00000004/deep"));
        Files.write(run.resolve(".model.safetensors.1234.part"), new byte[3]);
        List<String> before = names(train);
        assertThat(mark(latestWithoutWarning())).isEqualTo(4);
        assertThat(names(train)).isEqualTo(before);
        save(Storage.DISK, run, 5, 5);
        assertThat(names(train)).containsExactly("step-00000004", "step-00000005");
        assertThat(names(run)).containsExactly("train");
    }

    @Test void aRunThatWasMovedStillVerifies() throws IOException {
        Path before = Files.createDirectory(run.resolve("before"));
        save(Storage.DISK, before, 3, 3);
        Path after = Files.move(before, run.resolve("after"));
        assertThat(mark(Checkpoint.latest(after, w -> { throw new AssertionError(w); }).orElseThrow())).isEqualTo(3);
    }

    @Test void anInterruptedThreadFindsWhatIsThereAndIsToldWhyItCannotSave() {
        save(Storage.DISK, run, 3, 3);
        Thread.currentThread().interrupt();
        try {
            assertThat(latestWithoutWarning().step()).isEqualTo(3);
            assertThatThrownBy(() -> save(Storage.DISK, run, 4, 4)).isInstanceOf(CheckpointException.class)
                .hasMessageContaining("interrupted");
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(mark(latestWithoutWarning())).isEqualTo(3);
    }

    @Test void aModelWhoseValuesWereAlteredIsRefusedByName() throws IOException {
        Path model = run.resolve("model.safetensors");
        try (Scope scope = new Scope()) {
            Checkpoint.writeModel(model, Map.of("w", Torch.arange(0, 300), "b", Torch.ones(2).to(DType.BF16)), Map.of("family", "vae"));
            Safetensors read = Checkpoint.readModel(model);
            assertThat(read.metadata()).containsEntry("family", "vae").containsEntry("format", "pt").containsKey("sha256");
            assertThat(read.tensors().get("w").floats()).isEqualTo(Torch.arange(0, 300).floats());
            byte[] good = Files.readAllBytes(model);
            long dataAt = Safetensors.header(model).dataAt();
            for (int at = (int) dataAt; at < good.length; at += 37) {
                byte[] bad = good.clone();
                bad[at] ^= 4;
                Files.write(model, bad);
                assertThatThrownBy(() -> Checkpoint.readModel(model)).isInstanceOf(FormatException.class)
                    .hasMessageContaining(model + ": is altered");
            }
            Safetensors.write(model, Map.of("w", Torch.ones(2)), Map.of());
            assertThatThrownBy(() -> Checkpoint.readModel(model)).isInstanceOf(FormatException.class)
                .hasMessageContaining("has no 'sha256'");
        }
    }
}
