package io.palitra.report;

import io.palitra.data.DataSpec;
import io.palitra.data.Midi;
import io.palitra.data.Picture;
import io.palitra.data.Score;
import io.palitra.data.ScoreSpec;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Scores as piano rolls, time to the right and pitch upwards, a colour for each voice; each item also to play, as .mid and .wav. */
public final class ScoreDisplay implements Display {
    /** Pixels of a sixteenth and of a semitone: among others, and by itself. */
    private static final int WIDE = 4, HIGH = 3, PAGE_WIDE = 12, PAGE_HIGH = 6, GAP = 4, ROLLS = 8;
    /** Sixteenths of a row; a longer piece goes on below. */
    private static final int ROW = 128, PAGE_ROW = 64;
    /** Of the line above a page that says which voice has which colour: pixels. */
    private static final int LEGEND = 26, LETTERS = 2, SQUARE = 14;
    private static final int[] PAPER = {250, 250, 248}, BLACK_KEY = {240, 240, 238}, BAR = {190, 190, 190}, BEAT = {226, 226, 226};
    private static final int[][] VOICES = {{204, 51, 63}, {230, 150, 30}, {46, 139, 87}, {48, 88, 180}, {140, 80, 170}, {90, 90, 90}};
    private static final String CHOIR = "SATB";
    private static final int INK = 0x404040;
    private static final List<Integer> BLACK = List.of(1, 3, 6, 8, 10);

    @Override public boolean shows(DataSpec spec) { return spec instanceof ScoreSpec; }

    @Override public String items() { return "scores"; }

    @Override public String caption() {
        return "Piano rolls of what the model draws: time to the right, pitch upwards, a line for each bar; red is the highest voice, "
            + "then orange, green, blue.";
    }

    @Override public int fills(int columns) { return ROLLS; }

    /** A roll is as wide as four pictures. */
    @Override public Sheet sheet(DataSpec spec, Tensor x, int columns, String title) {
        List<Picture> all = rolls((ScoreSpec) spec, x);
        if (all.size() == 1) return new Sheet.Drawn(page((ScoreSpec) spec, Score.of((ScoreSpec) spec, x).get(0)));
        return new Sheet.Drawn(Grid.of(all, Math.max(1, columns / 4), GAP));
    }

    @Override public Optional<Sheet> rows(DataSpec spec, Map<String, Tensor> rows) {
        Map<String, List<Picture>> shown = new LinkedHashMap<>();
        rows.forEach((title, x) -> shown.put(title, rolls((ScoreSpec) spec, x)));
        return Optional.of(new Sheet.Drawn(Grid.titled(shown, GAP)));
    }

    @Override public List<Sheet> each(DataSpec spec, Tensor x) {
        ScoreSpec of = (ScoreSpec) spec;
        return Score.of(of, x).stream().map(s -> (Sheet) new Sheet.Drawn(page(of, s))).toList();
    }

    @Override public List<List<Sheet>> forms(DataSpec spec, Tensor x) { return forms(spec, x, Synth.TEMPO); }

    @Override public List<List<Sheet>> forms(DataSpec spec, Tensor x, double quarters) {
        ScoreSpec of = (ScoreSpec) spec;
        return Score.of(of, x).stream().map(s -> List.<Sheet>of(new Sheet.Drawn(page(of, s)),
            new Sheet.Of(Midi.bytes(s, quarters), "audio/midi", ".mid"),
            new Sheet.Of(Synth.wav(s, quarters), Sheet.SOUND, ".wav"))).toList();
    }

    @Override public List<String> endings() { return List.of(".png", ".mid", ".wav"); }

    /** "voice 1 C4 to G5; ...": the range of each voice. */
    @Override public String describe(DataSpec spec, Tensor x) {
        Score score = Score.of((ScoreSpec) spec, x).get(0);
        StringBuilder out = new StringBuilder();
        for (int v = 0; v < score.voices(); v++) {
            int[] range = score.range(v);
            out.append(v == 0 ? "" : "; ").append("voice ").append(v + 1).append(' ')
                .append(range[0] == Score.REST ? "silent" : name(range[0]) + " to " + name(range[1]));
        }
        return out.toString();
    }

    private static String name(int pitch) {
        return List.of("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B").get(pitch % 12) + (pitch / 12 - 1);
    }

    private static List<Picture> rolls(ScoreSpec spec, Tensor x) { return Score.of(spec, x).stream().map(s -> roll(spec, s)).toList(); }

    /** 4 pixels a sixteenth, 3 a semitone, in rows of 128 sixteenths. A lower voice lies over a higher one where both sing the same. */
    public static Picture roll(ScoreSpec spec, Score score) { return rows(spec, score, ROW, WIDE, HIGH); }

    /** To be looked at by itself: 12 pixels a sixteenth, 6 a semitone, in rows of 64 sixteenths, below a line of the voices' colours. */
    public static Picture page(ScoreSpec spec, Score score) {
        Picture rows = rows(spec, score, PAGE_ROW, PAGE_WIDE, PAGE_HIGH);
        Picture page = Grid.paper(3, LEGEND + (long) rows.height(), Math.max(rows.width(), score.voices() * 4 * SQUARE));
        for (int c = 0; c < 3; c++) {
            for (int y = 0; y < rows.height(); y++) {
                System.arraycopy(rows.pixels(), (c * rows.height() + y) * rows.width(), page.pixels(),
                    (c * page.height() + LEGEND + y) * page.width(), rows.width());
            }
        }
        for (int v = 0, x = GAP; v < score.voices(); v++, x += 4 * SQUARE) {
            int[] rgb = VOICES[v % VOICES.length];
            int top = (LEGEND - SQUARE) / 2;
            Lettering.fill(page, x, top, SQUARE, SQUARE, rgb[0] << 16 | rgb[1] << 8 | rgb[2]);
            String name = score.voices() == CHOIR.length() ? CHOIR.substring(v, v + 1) : String.valueOf(v + 1);
            Lettering.draw(page, name, x + SQUARE + GAP, top, LETTERS, INK);
        }
        return page;
    }

    private static Picture rows(ScoreSpec spec, Score score, int most, int wide, int high) {
        if (score.steps() <= most) return row(spec, score, wide, high);
        List<Picture> rows = new ArrayList<>();
        for (int from = 0; from < score.steps(); from += most) {
            int[][] part = new int[most][score.voices()];
            for (int t = 0; t < most; t++) {
                for (int v = 0; v < score.voices(); v++) part[t][v] = from + t < score.steps() ? score.pitches()[from + t][v] : Score.REST;
            }
            rows.add(row(spec, new Score(part), wide, high));
        }
        return Grid.of(rows, 1, GAP);
    }

    private static Picture row(ScoreSpec spec, Score score, int wide, int high) {
        int height = high * (spec.highest() - spec.lowest() + 1), width = wide * score.steps();
        byte[] pixels = new byte[3 * height * width];
        for (int y = 0; y < height; y++) {
            int pitch = spec.highest() - y / high;
            for (int x = 0; x < width; x++) {
                int t = x / wide;
                boolean first = x % wide == 0;
                int[] colour = first && t > 0 && t % ScoreSpec.BAR == 0 ? BAR : first && t > 0 && t % 4 == 0 ? BEAT
                    : BLACK.contains(pitch % 12) ? BLACK_KEY : PAPER;
                put(pixels, height, width, y, x, colour);
            }
        }
        for (int v = 0; v < score.voices(); v++) {
            for (Score.Note n : score.notes(v)) {
                int top = (spec.highest() - n.pitch()) * high, end = (n.from() + n.length()) * wide - 1;   // a gap to the next note
                if (top < 0 || top + high > height) continue;
                for (int y = top; y < top + high; y++) {
                    for (int x = n.from() * wide; x < end; x++) put(pixels, height, width, y, x, VOICES[v % VOICES.length]);
                }
            }
        }
        return new Picture(3, height, width, pixels);
    }

    private static void put(byte[] pixels, int height, int width, int y, int x, int[] colour) {
        for (int c = 0; c < 3; c++) pixels[(c * height + y) * width + x] = (byte) colour[c];
    }
}
