package io.palitra.app;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.job.CompleteRequest;
import io.palitra.job.ContinueRequest;
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
        "By a run of diffusion or consistency: draw what a mask leaves white, or all, from the middle of the way on.",
        "Of a run of films: go on with a film, or from a first frame, for as long as is asked.",
        "Of a run of texts: fill the holes of a text by what stands before and after them.",
        "Of a run of scores: draw the other voices to a voice, bars in the middle, or what comes after the first bars."})
final class CompleteCommand implements Callable<Integer> {
    /** The byte order mark of UTF-8. */
    private static final String MARK = "\uFEFF";

    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Option(names = "--image", paramLabel = "FILE", description = "the picture; default: the first ten items of the test split")
    private @Nullable Path image;

    @Option(names = "--keep", paramLabel = "N", description = "rows of pictures kept, from the top; 0 = none; of a film frames, of "
        + "a score bars, from the beginning")
    private @Nullable Integer keep;

    @Option(names = "--mask", paramLabel = "FILE", description = "of the picture, of its size: white is drawn, black stays")
    private @Nullable Path mask;

    @Option(names = "--strength", paramLabel = "S", description = "how much of the way from noise is gone, 0 to 1; default: 1, all of it")
    private @Nullable Double strength;

    @Option(names = "--switch-to", paramLabel = "RUN@T", description = "another run goes on from training time T (999 = noise) down")
    private @Nullable String switchTo;

    @Option(names = "--film", paramLabel = "FILE", description = "a .gif, or a picture as first frame, that a run of films goes on with")
    private @Nullable Path film;

    @Option(names = "--frames", paramLabel = "N", description = "of the whole film; default: as many as the run draws at once")
    private @Nullable Integer frames;

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

    @Option(names = "-n", paramLabel = "N", description = "alternatives; default: 8, of texts and films 1, of scores 4")
    private @Nullable Integer n;

    @Mixin private Seed seed = new Seed();

    @Option(names = "--set", paramLabel = "key=value", description = "sampling keys of the family, see 'palitra families FAMILY'")
    private List<String> set = new ArrayList<>();

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--out", paramLabel = "FILE.png|FILE.txt|DIR", description = "of pictures a .png; default: RUN/complete.png; of texts "
        + "a .txt; default: they are printed; of scores a folder; default: RUN/harmonised; "
        + "of films a .gif; default: RUN/continued.gif")
    private @Nullable Path out;

    @Mixin private Overwriting overwriting = new Overwriting();

    @Mixin private Computing computing = new Computing();

    @Option(names = "--json", description = "the texts, or the files, as JSON")
    private boolean json;

    @Override public Integer call() throws IOException {
        if (frames != null && film == null) throw new ArgumentException("--frames is of a film: --film FILE names it");
        if (film != null) return films(film);
        if (score != null) return scores(score);
        if (voice != null || bars != null) throw new ArgumentException("--voice and --bars are of a score: --score FILE.mid names it");
        if (text != null) return texts(text);
        if (!holes.isEmpty()) throw new ConfigException("hole", "--hole is of a text: --text FILE names it");
        if (ends) throw new ArgumentException("--ends is of a text: --text FILE names it");
        if (keep == null && !redraws()) {
            throw new ConfigException("keep", "--keep ROWS says how many rows of a picture are kept, or --mask FILE which pixels; of a "
                + "text --text and --hole, of a score --score with --voice, --bars or --keep");
        }
        CompleteRequest request = new CompleteRequest(run.toString(), Common.text(image), keep == null ? 0 : keep, Common.text(mask),
            strength == null ? 1 : strength, Common.name(switchTo, "--switch-to"), n == null ? 8 : n, seed.value, set,
            Common.text(dataDir), Common.text(out), overwriting.force, computing.device, computing.threads);
        Path file = request.run(new Terminal("complete", false)).file();
        if (json) Common.json(JsonNodeFactory.instance.objectNode().put("file", file.toString()));
        else Common.OUT.println(file);
        return 0;
    }

    private boolean redraws() { return mask != null || strength != null || switchTo != null; }

    private int films(Path file) throws IOException {
        if (image != null || text != null || !holes.isEmpty() || ends || dataDir != null || redraws() || score != null || voice != null
            || bars != null) {
            throw new ArgumentException("--film is of films; with it only --keep, --frames, -n, --seed, --set, --out and --json say more");
        }
        ContinueRequest.Result drawn = new ContinueRequest(run.toString(), file.toString(), keep == null ? 0 : keep,
            frames == null ? 0 : frames, n == null ? 1 : n, seed.value, set, Common.text(out), overwriting.force, computing.device,
            computing.threads).run(new Terminal("complete", false));
        if (json) {
            Common.json(JsonNodeFactory.instance.objectNode().put("file", drawn.file().toString()).put("frames", drawn.frames()));
        } else {
            Common.OUT.println(drawn.file());
        }
        return 0;
    }

    private int scores(Path file) throws IOException {
        if (image != null || text != null || !holes.isEmpty() || ends || dataDir != null || redraws()) {
            throw new ArgumentException("--score is of scores; --image, --mask, --strength, --switch-to and --data-dir are of pictures, "
                + "--text, --hole and --ends of texts");
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
        if (image != null || keep != null || dataDir != null || redraws()) {
            throw new ArgumentException("--text is of texts; --image, --keep, --mask, --strength, --switch-to and --data-dir are of "
                + "pictures");
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
