package io.palitra.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.Score;
import io.palitra.model.Watcher;
import io.palitra.report.Synth;
import io.palitra.report.Wave;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pages that set runs of texts and of music side by side. */
class SideBySideTest {
    @TempDir private Path root;

    private Path run(String family, String name) throws Exception {
        RunConfig config = TinyRuns.config(family, root);
        Path folder = root.resolve(name);
        Trainer.start(folder, config, TinyRuns.train(config), TinyRuns.test(config), Watcher.SILENT);
        return folder;
    }

    private String page(Path a, Path b) throws Exception {
        for (Path folder : List.of(a, b)) {
            Files.writeString(folder.resolve(RunReport.EVALUATION), "{\"command\": \"evaluate\", \"measures\": [{\"name\": \"likelihood\", "
                + "\"value\": 2.5, \"unit\": \"nats\", \"about\": \"of the test split\"}]}");
        }
        Path page = root.resolve("compare.html");
        RunComparison.of(List.of(a, b), "cpu", line -> { }).write(page);
        return Files.readString(page);
    }

    private static int count(String page, String what) { return page.split(java.util.regex.Pattern.quote(what), -1).length - 1; }

    @Test void textsOfTwoRunsStandInRowsAndScoresAreHeard() throws Exception {
        Path gpt = run("gpt", "a"), mdlm = run("mdlm", "b");
        String texts = page(gpt, mdlm);
        String samples = texts.substring(texts.indexOf("Samples from the same seeds"), texts.indexOf("<h2>Training"));
        assertThat(samples).contains("abreast\" style=\"--runs:2\"");
        assertThat(count(samples, "<pre>")).isEqualTo(8);
        assertThat(samples.indexOf("<b>b</b>")).as("the first text of each run before the second of one")
            .isBetween(samples.indexOf("<b>a</b>"), samples.indexOf("item 1, not chosen"));
        assertThat(texts).contains("likelihood");
        Path one = run("musictransformer", "c"), two = run("musegan", "d");
        String music = page(one, two);
        assertThat(count(music, "<audio ")).isEqualTo(4);
        assertThat(count(music, "alt=\"c\"")).isEqualTo(4);
        assertThat(music.length()).isLessThan(2 << 20);
    }

    @Test void aSoundOfHalfTheSizeIsAsLongAndWhatIsNoneStays() {
        int[][] pitches = new int[16][1];
        for (int[] step : pitches) step[0] = 60;
        byte[] whole = Synth.wav(new Score(pitches), Synth.TEMPO), half = Wave.halved(whole);
        ByteBuffer a = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN), b = ByteBuffer.wrap(half).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(b.getInt(24)).isEqualTo(a.getInt(24) / 2);
        assertThat(b.getInt(40)).isEqualTo(half.length - 44).isEqualTo(b.getInt(4) - 36);
        assertThat(half.length - 44).isEqualTo((whole.length - 44) / 4 * 2);
        assertThat(b.getShort(44 + 2 * 500)).isEqualTo((short) ((a.getShort(44 + 4 * 500) + a.getShort(44 + 4 * 500 + 2)) / 2));
        byte[] none = "no sound at all, but long enough for a header of one, and more".getBytes(StandardCharsets.US_ASCII);
        assertThat(Wave.halved(none)).isEqualTo(none);
    }
}
