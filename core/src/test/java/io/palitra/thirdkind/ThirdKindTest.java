package io.palitra.thirdkind;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.DataOptions;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.engine.Scope;
import io.palitra.family.Families;
import io.palitra.model.Watcher;
import io.palitra.train.Evaluation;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.RunReport;
import io.palitra.train.TinyRuns;
import io.palitra.train.Trainer;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The proof that the house is open: {@link Letters} is a kind of item that no main file knows, and everything is done with it. */
class ThirdKindTest {
    private static final List<String> SERVICES = List.of("io.palitra.config.Choices", "io.palitra.data.DataProvider",
        "io.palitra.model.FamilyProvider", "io.palitra.report.Display");

    @TempDir Path folder;
    private final ClassLoader before = Thread.currentThread().getContextClassLoader();

    /** As a jar beside the program registers them. */
    @BeforeEach void register() throws Exception {
        Path services = Files.createDirectories(folder.resolve("jar/META-INF/services"));
        for (String service : SERVICES) Files.writeString(services.resolve(service), Letters.class.getName() + "\n");
        Thread.currentThread().setContextClassLoader(new URLClassLoader(new URL[] {folder.resolve("jar").toUri().toURL()}, before));
    }

    @AfterEach void forget() { Thread.currentThread().setContextClassLoader(before); }

    @Test void itTrainsResumesSamplesReportsAndEvaluates() throws Exception {
        Dataset train = Datasets.open("words", Split.TRAIN, DataOptions.DEFAULT), test = Datasets.open("words", Split.TEST,
            DataOptions.DEFAULT);
        RunConfig config = RunConfig.of("bigram", "words", train, DataOptions.DEFAULT, 3, List.of("scale=2", "train.steps=60"));
        Path whole = folder.resolve("whole"), cut = folder.resolve("cut");
        assertThat(Trainer.start(whole, config, train, test, Watcher.SILENT)).isTrue();

        int[] steps = {0};
        assertThat(Trainer.start(cut, config, train, test, TinyRuns.until(() -> steps[0]++ == 25))).isFalse();
        assertThat(RunConfig.read(cut.resolve("config.json"))).isEqualTo(config);
        assertThat(Trainer.resume(cut, train, test, Watcher.SILENT)).isTrue();
        assertThat(cut.resolve("metrics.jsonl")).hasSameBinaryContentAs(whole.resolve("metrics.jsonl"));
        assertThat(cut.resolve("model.safetensors")).hasSameBinaryContentAs(whole.resolve("model.safetensors"));

        // it has learned: a letter is followed by the next one
        List<String> words = Files.readAllLines(whole.resolve("samples.txt"));
        assertThat(words).hasSize(64).allMatch(w -> w.matches("[a-f]{8}"));
        assertThat(words.stream().filter(w -> "abcdefabcdefab".contains(w)).count()).isGreaterThan(50);
        assertThat(whole.resolve("report.html")).content().contains("bigram on words", "<pre>", words.get(0));

        try (Run run = Run.open(whole, "cpu", s -> {}); Scope scope = new Scope()) {
            long[] three = run.sample(3, 5, List.of("temperature=0.5")).longs(), one = run.sample(1, 5, List.of("temperature=0.5")).longs();
            assertThat(three).startsWith(one);
            Evaluation.Result result = Evaluation.of(run, new Evaluation.Asked(test, 10), Watcher.SILENT);
            assertThat(result.measures()).singleElement().satisfies(m -> {
                assertThat(m.name()).isEqualTo("-log p");
                assertThat(m.value()).isLessThan(0.2);
            });
            RunReport.keep(whole, result, "palitra evaluate words");
        }
        assertThat(Families.named("bigram").paper()).isEqualTo("Shannon 1948");
    }
}
