package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.model.Watcher;
import io.palitra.report.Png;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What lies in a run folder can neither stop a run nor lead it elsewhere. */
@Timeout(120)
class RunFolderTest {
    @TempDir static Path root;
    private static Path half;
    private static Map<String, String> expected;
    private int copies;

    @BeforeAll static void stoppedHalfWay() throws Exception {
        half = root.resolve("half");
        int[] asked = {0};
        Trainer.start(half, TinyRuns.config("ae"), TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST),
            TinyRuns.until(() -> asked[0]++ >= 15));
        Path whole = root.resolve("whole");
        Trainer.start(whole, TinyRuns.config("ae"), TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Watcher.SILENT);
        expected = TinyRuns.hashes(whole);
    }

    private Path copy(@TempDir Path to) throws IOException {
        Path copy = to.resolve("run-" + copies++);
        try (Stream<Path> all = Files.walk(half)) {
            for (Path p : all.sorted().toList()) Files.copy(p, copy.resolve(half.relativize(p)));
        }
        return copy;
    }

    private static List<String> resumed(Path run) throws IOException {
        List<String> notes = new ArrayList<>();
        Watcher listener = new Watcher() {
            @Override public void note(String message) { notes.add(message); }
        };
        assertThat(Trainer.resume(run, TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), listener)).isTrue();
        return notes;
    }

    private static void pipe(Path at) throws Exception {
        Files.deleteIfExists(at);
        assertThat(new ProcessBuilder("mkfifo", at.toString()).start().waitFor()).isZero();
    }

    @ParameterizedTest @ValueSource(strings = {"summary.json", "evaluation.json", "samples.png", "closest.png", "training.gif",
        "reconstructions.png", "samples/step-00000005.png"})
    void aDamagedSideFileIsPassedOverAndNamedOnce(String name, @TempDir Path to) throws Exception {
        Path run = copy(to);
        Files.writeString(run.resolve(name), "{\"step\": 1,");
        List<String> notes = resumed(run);
        assertThat(TinyRuns.hashes(run)).isEqualTo(expected);
        assertThat(run.resolve("report.html")).isNotEmptyFile();
        // those that the end draws anew are whole again
        boolean anew = List.of("samples.png", "training.gif", "reconstructions.png").contains(name);
        if (anew) assertThat(notes).isEmpty();
        else assertThat(notes).singleElement().asString().contains(name.substring(name.indexOf('/') + 1)).doesNotContain("Source:");
        assertThat(Json.read(run.resolve("summary.json")).path("step").asInt()).isEqualTo(30);
    }

    @ParameterizedTest @ValueSource(strings = {"summary.json", "evaluation.json", "metrics.jsonl", "samples.png", "closest.png",
        "training.gif", "report.html", "samples/step-00000005.png", "model.safetensors"})
    void aPipeIsNeverOpened(String name, @TempDir Path to) throws Exception {
        Path run = copy(to);
        pipe(run.resolve(name));
        assertThat(resumed(run)).hasSizeLessThanOrEqualTo(1);
        assertThat(run.resolve("report.html")).isNotEmptyFile();
        if (!name.equals("metrics.jsonl")) assertThat(TinyRuns.hashes(run)).isEqualTo(expected);   // whose lines are gone
        RunReport.write(run, note -> {});
        Metrics.read(run, note -> {});
    }

    @Test void aLockThatIsAPipeIsRefused(@TempDir Path to) throws Exception {
        Path run = copy(to);
        pipe(run.resolve(".lock"));
        assertThatThrownBy(() -> resumed(run)).isInstanceOf(CheckpointException.class).hasMessageContaining(".lock");
    }

    @Test void damagedLinesOfTheLogAreLeftOutAndCounted(@TempDir Path to) throws Exception {
        Path run = copy(to), file = run.resolve(Metrics.NAME);
        List<String> lines = new ArrayList<>(Files.readAllLines(file));
        int before = lines.size();
        lines.add(1, "{\"step\":");
        lines.add("[]");
        byte[] bytes = (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8);
        bytes[5] = (byte) 0xff;   // the first line is no text any more
        Files.write(file, bytes);
        List<String> told = new ArrayList<>();
        assertThat(Metrics.read(run, told::add)).isNotEmpty();
        assertThat(told).singleElement().asString().contains("3 damaged lines", "line 1");
        assertThatThrownBy(() -> Metrics.read(run)).hasMessageContaining("damaged");
        assertThat(resumed(run)).singleElement().asString().contains("metrics.jsonl was altered",
            "without 3 that are damaged, the first line 1");
        List<String> after = Files.readAllLines(file);
        assertThat(after).containsAll(lines.subList(2, before)).doesNotContain("[]");
        assertThat(Metrics.read(run)).isNotEmpty();   // and none is left
    }

    @Test void aFrameOfAnotherSizeDoesNotStopTheAnimation(@TempDir Path to) throws Exception {
        Path run = copy(to);
        Png.write(run.resolve("samples/step-00000003.png"), new Picture(1, 5, 5, new byte[25]), Map.of());
        Files.createDirectory(run.resolve("samples/step-00000004.png"));
        assertThat(resumed(run)).singleElement().asString().contains("training.gif lacks 2 pictures of samples");
        List<String> told = new ArrayList<>();
        RunReport.write(run, told::add);
        assertThat(told).singleElement().asString().contains("the page lacks 2 pictures of samples");
    }

    @Test void aSummaryOfOtherTypesCountsNoTimeAndSaysSo(@TempDir Path to) throws Exception {
        Path run = copy(to);
        ObjectNode summary = (ObjectNode) Json.read(run.resolve("summary.json"));
        Json.write(run.resolve("summary.json"), summary.put("seconds", "long"));
        assertThat(resumed(run)).singleElement().asString().contains("'seconds'");
    }

    /** Every name that a run folder can hold, and one below each folder. */
    static List<String> names() {
        return List.of(".lock", "config.json", "model.safetensors", "metrics.jsonl", "summary.json", "evaluation.json",
            "evaluation.part.safetensors", "closest.png", "samples", "samples/step-00000030.png", "samples.png", "reconstructions.png",
            "training.gif", "report.html", "train", "train/step-00000030", "train/step-00000014/weights.safetensors",
            "events.out.tfevents.1700000000.host.1.0", "vqmodel", "vqmodel/config.json", "clip", "clip/model.safetensors",
            "lora.safetensors", "lora-kohya.safetensors", "tokenizer.json", "tokenizer_config.json", "map.png", "map-decoded.png",
            "reconstruct.png", "complete.png", "interpolate.png", "interpolate.gif", "anomalies", "projected", "mix.png",
            "directions", "seed-3", "seed--3.png",
            "seed-7/00000.png");
    }

    @ParameterizedTest @MethodSource("names")
    void aLinkIsRefusedBeforeAnythingIsWritten(String name, @TempDir Path to) throws Exception {
        for (boolean dangling : new boolean[] {false, true}) {
            Path run = copy(to), outside = to.resolve("outside-" + dangling), link = run.resolve(name);
            boolean folder = !name.contains(".") && !name.startsWith("train/step-00000014/");
            if (!dangling && folder) Files.createDirectory(outside);
            if (!dangling && !folder) Files.writeString(outside, "precious");
            Files.createDirectories(link.getParent());
            if (Files.exists(link, LinkOption.NOFOLLOW_LINKS)) remove(link);
            Files.createSymbolicLink(link, outside);
            List<String> before = listing(to);
            if (!name.equals("config.json")) {
                assertThatThrownBy(() -> resumed(run)).isInstanceOf(CheckpointException.class).hasMessageContaining(link.getFileName()
                    + "' is a link");
                assertThatThrownBy(() -> RunReport.write(run, note -> {})).hasMessageContaining("is a link");
            }
            assertThatThrownBy(() -> RunFolder.refuseLinks(run)).hasMessageContaining("is a link (to '" + outside + "')");
            assertThat(listing(to)).isEqualTo(before);
            if (!dangling && !folder) assertThat(outside).hasContent("precious");
        }
    }

    private static void remove(Path path) throws IOException {
        try (Stream<Path> all = Files.walk(path)) {
            for (Path p : all.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
        }
    }

    private static List<String> listing(Path root) throws IOException {
        try (Stream<Path> all = Files.walk(root)) {
            return all.map(p -> p + (Files.isRegularFile(p, LinkOption.NOFOLLOW_LINKS) ? " " + p.toFile().length() : "")).sorted().toList();
        }
    }

    @Test void theRunFolderItselfMayBeALinkAndForeignNamesMayBe(@TempDir Path to) throws Exception {
        Path run = copy(to), link = Files.createSymbolicLink(to.resolve("link"), run);
        Files.createSymbolicLink(run.resolve("notes.txt"), to.resolve("nowhere"));
        resumed(link);
        assertThat(TinyRuns.hashes(link)).isEqualTo(expected);
    }

    @Test void whatAKilledWriterLeftIsGoneAfterAResume(@TempDir Path to) throws Exception {
        Path run = copy(to);
        String left = io.palitra.config.PartFile.of(Path.of("x.json")).getFileName().toString()
            .replaceFirst("-[0-9]+-[0-9a-f]{8}-", "-999999999-0123abcd-");
        List<Path> all = List.of(run.resolve(left), run.resolve("samples").resolve(left.replace("x.json", "step-00000005.png")),
            run.resolve(".0d5c1c3e-6bb7-4b6e-9a7a-0f9c1b2a3d4e.tmp"), run.resolve(".model.safetensors.1234.part"),
            run.resolve("train/.tmp-step-00000021"));
        for (Path p : all) Files.createFile(p);
        assertThat(resumed(run)).isEmpty();
        assertThat(all).noneMatch(Files::exists);
    }
}
