package io.palitra.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.FormatException;
import io.palitra.model.Measure;
import io.palitra.model.Watcher;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Texts written, filled and judged by small runs. */
class TextRequestsTest {
    private static final String SENTENCE = "the cat sat on the mat and the dog ran to the barn. ";
    @TempDir private static Path root;
    private static Path text;

    @BeforeAll static void train() throws IOException {
        text = root.resolve("tale.txt");
        Files.writeString(text, SENTENCE.repeat(60));
        for (String family : List.of("gpt", "lstm", "mdlm")) {
            List<String> set = new ArrayList<>(List.of("data.length=24", "train.steps=30", "train.batch=8"));
            if (family.equals("lstm")) set.addAll(List.of("table=8", "width=24", "layers=1"));
            else set.addAll(List.of("width=24", "layers=1", "heads=2"));
            run(family, root.resolve(family), text, set);
        }
    }

    private static void run(String family, Path folder, Path data, List<String> set) throws IOException {
        new TrainRequest(family, data.toString(), "", set, 3, folder.toString(), "cpu", TrainRequest.Precision.FP32, 1, 0)
            .run(Watcher.SILENT);
    }

    @Test void dataOfAnotherKindIsRefusedAloneAndWithWhatTheFolderHolds() throws IOException {
        Path mixed = Files.createDirectories(root.resolve("mixed"));
        Files.copy(text, mixed.resolve("tale.txt"));
        ImageIO.write(new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB), "png", mixed.resolve("a.png").toFile());
        List<String> notes = new ArrayList<>();
        Watcher watcher = new Watcher() {
            @Override public void note(String line) { notes.add(line); }
        };
        for (String family : List.of("lstm", "musictransformer")) {
            assertThatThrownBy(() -> Config.with(new TrainRequest(family), "data=" + mixed, "out=" + root.resolve("no")).run(watcher))
                .hasMessageStartingWith(family + " wants ").hasMessageContaining("it holds 1 .png, 1 .txt; data.suffix=.txt reads the .txt "
                    + "as texts");
        }
        assertThat(notes).isEmpty();
        assertThat(root.resolve("no")).doesNotExist();
    }

    @Test void textsGoIntoATextOrAFolderAndAreNotEnlarged() {
        SampleRequest asked = Config.with(new SampleRequest(root.resolve("gpt").toString()), "n=1", "device=cpu");
        assertThatThrownBy(() -> Config.with(asked, "out=" + root.resolve("t.png")).run(Watcher.SILENT))
            .isInstanceOf(ConfigException.class).hasMessageContaining("t.png', this run draws texts: a FILE.txt or a folder is allowed");
        assertThatThrownBy(() -> Config.with(asked, "out=" + root.resolve("t.csv")).run(Watcher.SILENT))
            .isInstanceOf(ConfigException.class).hasMessageContaining("a .txt is allowed");
        assertThatThrownBy(() -> Config.with(asked, "scale=3", "out=" + root.resolve("s.txt")).run(Watcher.SILENT))
            .isInstanceOf(ConfigException.class).hasMessage("scale= enlarges a sheet that is a .png; this run draws texts");
        assertThat(root.resolve("t.png")).doesNotExist();
        assertThatThrownBy(() -> new CompleteRequest(root.resolve("gpt").toString(), 3).run(Watcher.SILENT))
            .hasMessageContaining("is a run of texts: --text FILE names the text");
    }

    @Test void bytesThatAreNoTextAreSaid() throws IOException {
        Path run = root.resolve("bytes");
        run("mdlm", run, text, List.of("data.length=24", "data.tokens=bytes", "train.steps=1", "train.batch=4", "width=8", "layers=1",
            "heads=2"));
        List<String> notes = new ArrayList<>();
        FillRequest asked = Config.with(new FillRequest(run.toString(), SENTENCE, List.of("4:20")), "device=cpu", "set=temperature=100");
        assertThat(asked.run(new Watcher() {
            @Override public void note(String line) { notes.add(line); }
        }).texts().get(0)).contains("\uFFFD");
        assertThat(notes).anyMatch(n -> n.contains("got bytes that are no UTF-8, each of which shows as U+FFFD"));
    }

    @Test void tokensOfTheBaseAreNotAskedForOtherwise() {
        for (String key : List.of("data.tokens=bytes", "data.vocabulary=300")) {
            assertThatThrownBy(() -> run("gpt", root.resolve("no"), text, List.of("base=" + root.resolve("gpt"), key)))
                .isInstanceOf(ConfigException.class).hasMessageContaining("brings its own tokens").hasMessageContaining(key.split("=")[0]);
        }
        assertThat(root.resolve("no")).doesNotExist();
    }

    @Test void aTextIsWrittenOnAndEachAlternativeIsItsOwn() throws IOException {
        for (String family : List.of("gpt", "lstm")) {
            WriteRequest one = Config.with(new WriteRequest(root.resolve(family).toString(), "the cat"), "length=40");
            List<String> three = Config.with(one, "n=3").run(Watcher.SILENT).texts();
            assertThat(three).hasSize(3).doesNotHaveDuplicates();
            assertThat(one.run(Watcher.SILENT).texts()).containsExactly(three.get(0));
            Map<Integer, StringBuilder> pieces = new HashMap<>();
            List<Integer> order = new ArrayList<>();
            assertThat(Config.with(one, "n=3", "stream=true").run(new Watcher() {
                @Override public void text(int i, String piece) {
                    pieces.computeIfAbsent(i, k -> new StringBuilder()).append(piece);
                    order.add(i);
                }
            }).texts()).isEqualTo(three);
            assertThat(order).isSorted();
            for (int i = 0; i < 3; i++) assertThat(pieces.get(i).toString()).isEqualTo(three.get(i));
        }
    }

    @Test void aRunsOwnFolderOfAGpt2WritesTheSame() throws IOException {
        WriteRequest run = Config.with(new WriteRequest(root.resolve("gpt").toString(), "the dog"), "length=30");
        assertThat(Config.with(run, "run=" + root.resolve("gpt/gpt2")).run(Watcher.SILENT).texts())
            .isEqualTo(run.run(Watcher.SILENT).texts());
    }

    @Test void whatCannotBeWrittenIsRefused() {
        String gpt = root.resolve("gpt").toString(), mdlm = root.resolve("mdlm").toString();
        assertThatThrownBy(() -> new WriteRequest(gpt, "the Q").run(Watcher.SILENT)).isInstanceOf(ConfigException.class)
            .hasMessageStartingWith("the beginning cannot be read: the character 'Q' (U+0051), number 5 of the text, is none of the ");
        assertThatThrownBy(() -> new WriteRequest(mdlm, "the").run(Watcher.SILENT)).isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("is a run of mdlm, which writes no texts from a beginning; gpt and lstm do");
        assertThatThrownBy(() -> Config.with(new WriteRequest(gpt, "the"), "n=0").run(Watcher.SILENT)).hasMessageContaining("n");
        assertThatThrownBy(() -> new WriteRequest(root.resolve("nothing").toString(), "the").run(Watcher.SILENT))
            .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("is not a run folder");
        assertThatThrownBy(() -> Config.with(new WriteRequest(gpt, "the"), "set=warmth=1").run(Watcher.SILENT))
            .hasMessageContaining("no such key 'warmth'");
    }

    @Test void holesAreFilledAndAllElseIsKept() throws IOException {
        String mdlm = root.resolve("mdlm").toString(), whole = SENTENCE.repeat(2);
        for (String ends : List.of("false", "true")) {
            FillRequest request = Config.with(new FillRequest(mdlm, whole, List.of("4:7", "20:23", "60:70")), "n=3", "ends=" + ends);
            List<String> filled = request.run(Watcher.SILENT).texts();
            assertThat(filled).hasSize(3);
            for (String t : filled) {
                // an end that is drawn shows as nothing
                assertThat(t).startsWith(whole.substring(0, 4)).contains(whole.substring(7, 20), whole.substring(23, 60));
                assertThat(t).endsWith(whole.substring(70));
            }
            assertThat(request.run(Watcher.SILENT).texts()).isEqualTo(filled);
        }
        // a short text: what is behind it is drawn, and not shown
        assertThat(new FillRequest(mdlm, "the cat", List.of("4:5")).run(Watcher.SILENT).texts().get(0)).startsWith("the ").endsWith("at");
    }

    @Test void aHoleThatIsNoneIsRefused() {
        String mdlm = root.resolve("mdlm").toString(), gpt = root.resolve("gpt").toString();
        assertThatThrownBy(() -> new FillRequest(mdlm, "the cat", List.of())).hasMessageContaining("which hole? hole=A:B");
        assertThatThrownBy(() -> new FillRequest(mdlm, "the cat", List.of("4")).run(Watcher.SILENT))
            .hasMessage("illegal hole: '4', must be A:B, characters A up to B, as 10:24");
        assertThatThrownBy(() -> new FillRequest(mdlm, "the cat", List.of("4:8")).run(Watcher.SILENT))
            .hasMessage("illegal hole: 4:8, must be A:B with A below B and B at most 7, the characters of the text");
        assertThatThrownBy(() -> new FillRequest(mdlm, "the cat", List.of("1:5", "4:6")).run(Watcher.SILENT))
            .hasMessage("holes overlap: 1:5, 4:6");
        assertThatThrownBy(() -> new FillRequest(mdlm, SENTENCE, List.of("1:40")).run(Watcher.SILENT))
            .hasMessage("illegal hole: 1:40, it has 39 tokens, the model 24");
        assertThatThrownBy(() -> new FillRequest(gpt, "the cat", List.of("4:5")).run(Watcher.SILENT))
            .hasMessage("'" + gpt + "' is a run of gpt, which fills no holes of texts; mdlm does");
    }

    @Test void aRunBeginsWithTheWeightsAndTheTokensOfAnother() throws IOException {
        Path other = root.resolve("other.txt"), folder = root.resolve("second");
        Files.writeString(other, "a dog and a cat and a mat and a barn ".repeat(40));
        run("gpt", folder, other, List.of("base=" + root.resolve("gpt"), "train.steps=2", "train.batch=4", "data.length=16"));
        assertThat(new WriteRequest(folder.toString(), "the mat").run(Watcher.SILENT).texts().get(0)).isNotEmpty();
        Files.writeString(other, "a Dog and a cat ".repeat(40));
        assertThatThrownBy(() -> run("gpt", root.resolve("third"), other, List.of("base=" + root.resolve("gpt"), "data.length=16")))
            .hasMessageContaining("the character 'D' (U+0044)");
        assertThatThrownBy(() -> run("gpt", root.resolve("third"), other, List.of("base=" + root.resolve("lstm"))))
            .hasMessageContaining("is a run of lstm without gpt2/; wanted is a run of gpt, or a folder of a GPT-2");
    }

    @Test void textsAreJudgedByAnotherRun() throws IOException {
        String gpt = root.resolve("gpt").toString(), mdlm = root.resolve("mdlm").toString();
        Map<String, Measure> own = new HashMap<>();
        for (Measure m : Config.with(new EvaluateRequest(mdlm), "judge=" + gpt, "n=100").run(Watcher.SILENT).runs().get(0).measures()) {
            own.put(m.name(), m);
        }
        assertThat(own).containsKeys("nats a character, bound", "nats a character by gpt", "nats a character by gpt of the truth");
        // what it has learned from is what it expects most
        assertThat(own.get("nats a character by gpt of the truth").value()).isLessThan(own.get("nats a character by gpt").value());
        assertThat(own.get("nats a character, bound").about()).contains("bound");
        assertThatThrownBy(() -> Config.with(new EvaluateRequest(mdlm), "judge=" + root).run(Watcher.SILENT))
            .isInstanceOfAny(IllegalArgumentException.class, FormatException.class);
    }

    @Test void everyTextIsAFileInAFolder() throws IOException {
        Path out = root.resolve("texts");
        SampleRequest.Result r = Config.with(new SampleRequest(root.resolve("gpt").toString()), "n=3", "out=" + out).run(Watcher.SILENT);
        assertThat(r.files()).containsExactly(out.resolve("00000.txt"), out.resolve("00001.txt"), out.resolve("00002.txt"));
        for (Path f : r.files()) assertThat(Files.readString(f)).hasSizeBetween(0, 24);
    }
}
