package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.palitra.data.Picture;
import io.palitra.data.Split;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.hub.FolderDraft;
import io.palitra.hub.LoraFile;
import io.palitra.hub.Safetensors;
import io.palitra.metric.Statistics;
import io.palitra.model.Watcher;
import io.palitra.net.CaptionTokenizer;
import io.palitra.report.Gif;
import io.palitra.report.Png;
import io.palitra.report.Report;
import io.palitra.report.ReportData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files are functions of what is written: another JVM, in which maps without an order have another one, writes the same bytes. */
class SameBytesTest {
    /** They tell of the time, or of the process that holds the run. */
    private static final List<String> TIMED = List.of("summary.json", "report.html", "events.out", ".lock");

    @Test void twoFreshJvmsWriteTheSameBytes(@TempDir Path root) throws Exception {
        Map<String, String> first = written(root.resolve("a"));
        assertThat(first.keySet()).contains("a.png", "a.gif", "page/report.html", "a.safetensors", "a.npz", "draft/config.json",
            "draft/diffusion_pytorch_model.safetensors", "lora.safetensors", "lora-kohya.safetensors", "words/tokenizer.json",
            "run/config.json", "run/model.safetensors", "run/metrics.jsonl", "run/samples.png", "run/training.gif");
        for (String again : List.of("b", "c")) {
            Map<String, String> others = written(root.resolve(again));
            assertThat(others.keySet()).isEqualTo(first.keySet());
            others.entrySet().removeAll(first.entrySet());
            assertThat(others).as("files of other bytes").isEmpty();
        }
    }

    @Test void equalTrainingsInFoldersOfOtherNamesWriteTheSameBytes(@TempDir Path root) throws Exception {
        Path one = root.resolve("one"), other = root.resolve("deep/of another name");
        for (Path folder : List.of(one, other)) {
            Trainer.start(folder, TinyRuns.config("vae"), TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST), Watcher.SILENT);
            Files.copy(one.resolve("summary.json"), folder.resolve("summary.json"), StandardCopyOption.REPLACE_EXISTING);   // its time
            RunReport.write(folder, warning -> {});
        }
        Map<String, String> first = hashes(one, List.of("events.out", ".lock"));
        assertThat(first).containsKeys("report.html", "samples.png", "samples/step-00000000.png", "summary.json");
        assertThat(hashes(other, List.of("events.out", ".lock"))).isEqualTo(first);
    }

    private static Map<String, String> written(Path folder) throws Exception {
        int code = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx1g",
            "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
            "-cp", System.getProperty("java.class.path"), SameBytesTest.class.getName(), folder.toString())
            .inheritIO().start().waitFor();
        assertThat(code).isZero();
        return hashes(folder, TIMED);
    }

    private static Map<String, String> hashes(Path folder, List<String> timed) throws Exception {
        Map<String, String> hashes = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path f : all.filter(Files::isRegularFile).toList()) {
                boolean page = f.getParent().endsWith("page");
                if (!page && timed.stream().anyMatch(t -> f.getFileName().toString().startsWith(t))) continue;
                byte[] hash = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(f));
                hashes.put(folder.relativize(f).toString(), HexFormat.of().formatHex(hash));
            }
        }
        return hashes;
    }

    /** Writes a file of every kind into a folder. */
    public static void main(String[] args) throws IOException {
        Path folder = Files.createDirectories(Path.of(args[0]));
        Map<String, String> words = Map.of("parameters", "a cat", "palitra", "{}", "title", "x", "author", "y", "comment", "z",
            "more", "w");
        Picture picture = new Picture(1, 4, 4, new byte[16]), other = new Picture(1, 4, 4, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
            12, 13, 14, 15, 16});
        Png.write(folder.resolve("a.png"), other, words);
        Gif.write(folder.resolve("a.gif"), List.of(picture, other), 100);
        Report.write(Files.createDirectories(folder.resolve("page")), new ReportData("title", "about", "result",
            List.of(new ReportData.Figure("f", "c", "image/png", Png.encode(other, words))), List.of(), new TreeMap<>(words),
            List.of(new ReportData.Measure("m", "1", "u", "what", "palitra")), List.of(), new TreeMap<>(words), new TreeMap<>()));
        try (Scope scope = new Scope()) {
            Tensor a = new Rng(1).normal(2, 4), b = new Rng(2).normal(3, 2);
            Safetensors.write(folder.resolve("a.safetensors"), Map.of("a", a, "b", b, "c.d", a, "e", b, "f", a), words);
            LoraFile lora = new LoraFile("l", List.of(new LoraFile.Change(LoraFile.Network.UNET, "x.to_q", false, a, b, 2),
                new LoraFile.Change(LoraFile.Network.UNET, "y.to_k", false, a, b, 2)), words);
            lora.writeDiffusers(folder.resolve("lora.safetensors"));
            lora.writeKohya(folder.resolve("lora-kohya.safetensors"));
            new Statistics(new Rng(3).normal(3).to(io.palitra.engine.DType.F64), new Rng(4).normal(3, 3).to(io.palitra.engine.DType.F64))
                .write(folder.resolve("a.npz"));
            try (FolderDraft draft = new FolderDraft(folder.resolve("draft"))) {
                draft.network("", JsonNodeFactory.instance.objectNode().put("_class_name", "X").put("b", 1),
                    Map.of("a", a, "b", b, "c", a));
                draft.publish();
            }
        }
        try (CaptionTokenizer tokens = new CaptionTokenizer(40)) {
            tokens.learn(List.of("a red circle on the left", "a blue square, a red circle", "two green squares in the middle"));
            tokens.save(Files.createDirectories(folder.resolve("words")));
        }
        Trainer.start(folder.resolve("run"), TinyRuns.config("vae"), TinyRuns.data(Split.TRAIN), TinyRuns.data(Split.TEST),
            Watcher.SILENT);
    }
}
