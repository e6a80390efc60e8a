package io.palitra.app;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.job.CompleteRequest;
import io.palitra.job.FillRequest;
import io.palitra.job.HarmoniseRequest;
import io.palitra.job.Outputs;
import io.palitra.report.WholeFile;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "complete", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = {"Keep the upper rows of a picture and draw the rest, several times: the picture, what is kept, and the alternatives.",
        "Of a run of texts: fill the holes of a text by what stands before and after them.",
        "Of a run of scores: draw the other voices to a voice, bars in the middle, or what comes after the first bars."})
final class CompleteCommand implements Callable<Integer> {
    /** The byte order mark of UTF-8. */
    private static final String MARK = "\uFEFF";

    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Option(names = "--image", paramLabel = "FILE", description = "the picture; default: the first ten items of the test split")
    private @Nullable Path image;

    @Option(names = "--keep", paramLabel = "N", description = "rows of pictures kept, from the top; 0 = none; of a score bars, from the "
        + "beginning")
    private @Nullable Integer keep;

    @Option(names = "--text", paramLabel = "FILE", description = "the text whose holes are filled")
    private @Nullable Path text;

    @Option(names = "--hole", paramLabel = "A:B", description = "of the text: characters A up to B, counted from 0; may be given again")
    private List<String> holes = new ArrayList<>();

    @Option(names = "--ends", description = "the text ends where it ends, as a whole program does; otherwise it may go on")
    private boolean ends;

    @Option(names = "--score", paramLabel = "FILE.mid", description = "the score of which --voice, --bars or --keep says what is kept")
    private @Nullable Path score;

    @Option(names = "--voice", paramLabel = "NAME", description = "of the score: the voice that is kept, soprano, alto, tenor or bass, or "
        + "its number; a file of that voice alone will do")
    private @Nullable String voice;

    @Option(names = "--bars", paramLabel = "A:B", description = "of the score: bars A to B, counted from 1, are drawn, all others kept")
    private @Nullable String bars;

    @Option(names = "-n", paramLabel = "N", description = "alternatives; default: 8, of texts 1, of scores 4")
    private @Nullable Integer n;

    @Mixin private Seed seed = new Seed();

    @Option(names = "--set", paramLabel = "key=value", description = "sampling keys of the family, see 'palitra families FAMILY'")
    private List<String> set = new ArrayList<>();

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--out", paramLabel = "FILE.png|FILE.txt|DIR", description = "of pictures a .png; default: RUN/complete.png; of texts "
        + "a .txt; default: they are printed; of scores a folder; default: RUN/harmonised")
    private @Nullable Path out;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Option(names = "--json", description = "the texts, or the files, as JSON")
    private boolean json;

    @Override public Integer call() throws IOException {
        if (score != null) return scores(score);
        if (voice != null || bars != null) throw new ArgumentException("--voice and --bars are of a score: --score FILE.mid names it");
        if (text != null) return texts(text);
        if (!holes.isEmpty()) throw new ConfigException("hole", "--hole is of a text: --text FILE names it");
        if (ends) throw new ArgumentException("--ends is of a text: --text FILE names it");
        if (keep == null) {
            throw new ConfigException("keep", "--keep ROWS says how many rows of a picture are kept; of a text --text and --hole, "
                + "of a score --score with --voice, --bars or --keep");
        }
        CompleteRequest request = new CompleteRequest(run.toString(), Common.text(image), keep, n == null ? 8 : n, seed.value, set,
            Common.text(dataDir), Common.text(out), overwriting.force, computing.device, computing.threads);
        Path file = request.run(new Terminal("complete", false)).file();
        if (json) Common.json(JsonNodeFactory.instance.objectNode().put("file", file.toString()));
        else Common.OUT.println(file);
        return 0;
    }

    private int scores(Path file) throws IOException {
        if (image != null || text != null || !holes.isEmpty() || ends || dataDir != null) {
            throw new ArgumentException("--score is of scores; --image and --data-dir are of pictures, --text, --hole and --ends of texts");
        }
        Terminal terminal = new Terminal("complete", false);
        HarmoniseRequest.Result drawn = new HarmoniseRequest(run.toString(), file.toString(), Common.name(voice, "--voice"),
            Common.name(bars, "--bars"), keep == null ? 0 : keep, n == null ? 4 : n, seed.value, set, Common.text(out), overwriting.force,
            computing.device, computing.threads).run(terminal);
        terminal.done();
        if (json) Common.json(drawn.toJson());
        else Common.OUT.println(drawn.shown());
        return 0;
    }

    private int texts(Path file) throws IOException {
        if (image != null || keep != null || dataDir != null) {
            throw new ArgumentException("--text is of texts; --image, --keep and --data-dir are of pictures");
        }
        if (out != null && !out.toString().toLowerCase(Locale.ROOT).endsWith(".txt")) {
            throw new ConfigException("out", "illegal out: '" + out + "', must end in .txt");
        }
        if (out != null) Outputs.free(out, "out", overwriting.force);
        if (!Files.isRegularFile(file)) throw new ArgumentException("no such file: " + file);
        String whole;
        try {
            whole = Files.readString(file);
        } catch (CharacterCodingException e) {
            throw new ArgumentException("'" + file + "' is no text in UTF-8", e);
        }
        Terminal terminal = new Terminal("complete", false);
        int count = n == null ? 1 : n;
        String mark = whole.startsWith(MARK) ? MARK : "";
        if (!mark.isEmpty()) {
            whole = whole.substring(mark.length());
            terminal.note(file + " begins with a byte order mark, which is no character of the text: --hole counts from behind it");
        }
        FillRequest.Result filled = new FillRequest(run.toString(), whole, holes, ends, count, seed.value, set, computing.device,
            computing.threads).run(terminal);
        terminal.done();
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < count; i++) {
            all.append(count > 1 ? (i > 0 ? "\n" : "") + "--- " + (i + 1) + "\n" : "").append(filled.texts().get(i));
            if (count > 1) all.append('\n');
        }
        if (out != null) WholeFile.write(out, (mark + all).getBytes(StandardCharsets.UTF_8));
        if (json) Common.json(out == null ? filled.toJson() : filled.toJson().put("file", out.toString()));
        else if (out != null) Common.OUT.println(out);
        else if (count > 1) Common.OUT.print(all);
        else Common.OUT.println(all);
        return 0;
    }
}
