package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Condition;
import io.palitra.data.FormatException;
import io.palitra.data.Midi;
import io.palitra.data.Score;
import io.palitra.data.DataSpec;
import io.palitra.data.ScoreItems;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.model.Watcher;
import io.palitra.report.Display;
import io.palitra.report.Sheet;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * A part of a score kept and the rest drawn, several times: other voices to a voice, bars in the middle, what comes after a beginning. A
 * score that is longer than the model's items is drawn in windows that overlap by half.
 */
public record HarmoniseRequest(
        @Help(value = "a run of musictransformer", place = Help.Place.MODEL) String run,
        @Help(value = "a .mid of as many voices, or of the voice that is kept alone", place = Help.Place.PICTURE) String score,
        @Help("voice that is kept: soprano, alto, tenor or bass, or its number from 1; empty = none") String voice,
        @Help("bars that are drawn, A to B, counted from 1: all others are kept; empty = none are named") String bars,
        @Help(value = "bars that are kept, from the beginning", min = 0, max = 4096) int keep,
        @Help(value = "alternatives", min = 1, max = 1000) int n,
        @Help(value = "decides what is drawn", min = 0) long seed,
        @Help("sampling keys of the family, as temperature=0.8") List<String> set,
        @Help(value = "a folder for a .png, .mid and .wav of each, empty = harmonised in the run folder", place = Help.Place.OUT)
            String out,
        @Help("whether files that are there are replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<HarmoniseRequest.Result> {
    private static final List<String> VOICES = List.of("soprano", "alto", "tenor", "bass");
    private static final String BARS = "(\\d{1,4}):(\\d{1,4})";

    public HarmoniseRequest {
        set = List.copyOf(set);
        if (!bars.isEmpty() && !bars.matches(BARS)) {
            throw new ConfigException("bars", "illegal bars: '" + bars + "', must be A:B, bars A to B counted from 1, as 3:4");
        }
    }

    /** The other voices to a voice, four times. */
    public HarmoniseRequest(String run, String score, String voice) {
        this(run, score, voice, "", 0, 4, 0, List.of(), "", false, "auto", 0);
    }

    /** Four times; what is kept has no default. */
    public HarmoniseRequest(String run, String score) { this(run, score, "", "", 0, 4, 0, List.of(), "", false, "auto", 0); }

    /** @param shown the folder */
    public record Result(List<Path> files, Path shown, long seed) {
        /** As {@code --json} prints it. */
        public ObjectNode toJson() {
            ObjectNode node = new ObjectMapper().createObjectNode().put("seed", seed);
            ArrayNode all = node.putArray("files");
            files.forEach(f -> all.add(f.toString()));
            return node;
        }
    }

    @Override public void check() {
        if (voice.isEmpty() && bars.isEmpty() && keep == 0) {
            throw new ConfigException("voice", "what of the score is kept? voice=soprano keeps a voice, bars=3:4 all but these bars, "
                + "keep=2 the first bars");
        }
    }

    @Override public void check(DataSpec items) { if (items instanceof ScoreItems spec) voice(spec); }

    /**
     * Draws and writes.
     *
     * @throws IllegalArgumentException for a run that is none of music, and for a voice or bars that the score does not have
     * @throws FormatException for a file that is no MIDI file of so many voices
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        check();
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            if (!(opened.config().settings().spec() instanceof ScoreItems spec)
                || !opened.generative().takes().contains(Condition.Kind.KNOWN)) {
                throw new ArgumentException("'" + run + "' is a run of " + opened.config().settings().family()
                    + ", which completes no scores; musictransformer does");
            }
            int kept = voice(spec);
            Midi.Read file = read(spec, kept, watcher);
            boolean alone = file.score().voices() < spec.voices();
            int[][] known = known(spec, kept, file.score(), alone);
            Path folder = out.isEmpty() ? Outputs.own(run, "harmonised") : Path.of(out);
            Outputs.notNamedAsFile(folder, "out", "a folder is allowed, for a .png, .mid and .wav of each");
            Files.createDirectories(Outputs.folder(folder, "out", force));
            Drawing<?> drawing = inputs.drawing(opened, set);
            long[] drawn;
            try (var watch = Scope.watch((i, of, t) -> {
                watcher.tick("sixteenth", i + 1, of);
                watcher.checkStop();
            })) {
                drawn = drawn(drawing, spec, known);
            }
            return new Result(written(spec, Torch.of(drawn, n, known.length, spec.voices()), folder, file.tempo(), watcher),
                folder, seed);
        }
    }

    private List<Path> written(ScoreItems spec, Tensor x, Path folder, OptionalDouble quarters, Watcher watcher) {
        ScoreItems whole = spec.withSteps((int) x.size(1));
        List<Path> files = new ArrayList<>();
        Display display = Display.of(whole);
        List<List<Sheet>> forms = quarters.isPresent() ? display.forms(whole, x, quarters.getAsDouble()) : display.forms(whole, x);
        for (int i = 0; i < forms.size(); i++) {
            for (Sheet form : forms.get(i)) {
                Path file = folder.resolve(String.format(Locale.ROOT, "%05d", i) + form.suffix());
                form.write(Outputs.free(file, "out", force), Map.of("palitra", "harmonise, seed " + seed));
                watcher.wrote(file);
                files.add(file);
            }
        }
        return files;
    }

    /** From 0; -1 for none. */
    private int voice(ScoreItems spec) {
        if (voice.isEmpty()) return -1;
        int named = spec.voices() == VOICES.size() ? VOICES.indexOf(voice.toLowerCase(Locale.ROOT)) : -1;
        if (named >= 0) return named;
        int k = voice.matches("\\d{1,2}") ? Integer.parseInt(voice) : 0;
        if (k < 1 || k > spec.voices()) {
            throw new ConfigException("voice", "illegal voice: '" + voice + "', must be " + (spec.voices() == VOICES.size()
                ? String.join(", ", VOICES) + " or " : "") + "a number from 1 to " + spec.voices());
        }
        return k - 1;
    }

    /** The score, in as many voices as the run has, or the kept one alone. */
    private Midi.Read read(ScoreItems spec, int kept, Watcher watcher) {
        Path file = Path.of(score);
        if (!Files.isRegularFile(file)) throw new ArgumentException("no such file: " + score);
        Midi.Read read;
        try {
            read = Midi.whole(file, spec.voices());
        } catch (FormatException e) {
            if (kept < 0) throw e;
            read = Midi.highest(file);
            watcher.note(score + " has not " + spec.voices() + " voices: the highest notes of its highest track are kept as voice "
                + (kept + 1));
        }
        read.notes().forEach(watcher::note);
        if (!read.steady()) {
            watcher.note(score + ": changes its tempo; what is written has the first, " + read.tempo().getAsDouble()
                + " quarters a minute");
        }
        return read;
    }

    /** Symbols of what is kept, -1 of what is drawn, [steps][voices]. @param alone whether the score is the kept voice by itself */
    private int[][] known(ScoreItems spec, int kept, Score read, boolean alone) {
        int steps = read.steps(), full = (steps + ScoreItems.BAR - 1) / ScoreItems.BAR, from = 0, to = 0;
        if (!bars.isEmpty()) {
            from = Integer.parseInt(bars.replaceAll(BARS, "$1"));
            to = Integer.parseInt(bars.replaceAll(BARS, "$2"));
            if (from < 1 || to < from || to > full) {
                throw new ConfigException("bars", "illegal bars: " + bars + ", must be A:B with A at least 1, B at least A and at most "
                    + full + ", the bars of the score");
            }
        }
        int[][] known = new int[kept < 0 && bars.isEmpty() ? Math.max(steps, spec.steps()) : steps][spec.voices()];
        boolean open = false;
        for (int t = 0; t < known.length; t++) {
            int bar = t / ScoreItems.BAR + 1;
            boolean all = t < steps && (bar <= keep || !bars.isEmpty() && (bar < from || bar > to));
            for (int v = 0; v < spec.voices(); v++) {
                boolean keeps = t < steps && (v == kept || all && !alone);
                known[t][v] = keeps ? symbol(spec, read.pitches()[t][alone ? 0 : v], t) : -1;
                open |= !keeps;
            }
        }
        if (!open) throw new ConfigException("keep", "illegal keep: " + keep + ", the score has " + full + " bars: nothing is "
            + "left to draw");
        return known;
    }

    private int symbol(ScoreItems spec, int pitch, int step) {
        if (pitch == Score.REST || pitch >= spec.lowest() && pitch <= spec.highest()) return spec.symbol(pitch);
        throw new ArgumentException(score + " has the pitch " + pitch + " in bar " + (step / ScoreItems.BAR + 1) + ", the run knows "
            + spec.lowest() + " to " + spec.highest());
    }

    /** Symbols [n][steps][voices] in a row. */
    private long[] drawn(Drawing<?> drawing, ScoreItems spec, int[][] known) {
        int steps = known.length, voices = spec.voices(), wide = spec.steps(), per = steps * voices;
        long[] all = new long[n * per];
        for (int i = 0; i < n; i++) for (int k = 0; k < per; k++) all[i * per + k] = known[k / voices][k % voices];
        int hop = wide < 2 * ScoreItems.BAR ? wide
            : wide / 2 / ScoreItems.BAR * ScoreItems.BAR;   // whole bars: their places are told apart
        for (int from = 0; ; from += hop) {
            long[] window = new long[n * wide * voices];
            Arrays.fill(window, -1);
            int count = Math.min(wide, steps - from) * voices;
            boolean open = false;
            for (int i = 0; i < n; i++) {
                System.arraycopy(all, i * per + from * voices, window, i * wide * voices, count);
                for (int k = 0; k < count; k++) open |= window[i * wide * voices + k] < 0;
            }
            if (open) {
                Rng rng = new Rng(seed).split(from);
                try (Scope scope = new Scope()) {
                    long[] filled = drawing.fill(Torch.of(window, n, wide, voices), rng).longs();
                    for (int i = 0; i < n; i++) System.arraycopy(filled, i * wide * voices, all, i * per + from * voices, count);
                }
            }
            if (from + wide >= steps) return all;
        }
    }
}
