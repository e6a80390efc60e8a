package io.palitra.report;

import io.palitra.data.DataSpec;
import io.palitra.data.Midi;
import io.palitra.data.Picture;
import io.palitra.data.Score;
import io.palitra.data.ScoreSpec;
import io.palitra.engine.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Scores as piano rolls, time to the right and pitch upwards, a colour for each voice; each item also to play, as .mid and .wav. */
public final class ScoreDisplay implements Display {
    /** Pixels of a sixteenth and of a semitone. */
    private static final int WIDE = 4, HIGH = 3, GAP = 4, ROLLS = 8;
    private static final int[] PAPER = {250, 250, 248}, BLACK_KEY = {240, 240, 238}, BAR = {190, 190, 190}, BEAT = {226, 226, 226};
    private static final int[][] VOICES = {{204, 51, 63}, {230, 150, 30}, {46, 139, 87}, {48, 88, 180}, {140, 80, 170}, {90, 90, 90}};
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
        return new Sheet.Drawn(all.size() == 1 ? all.get(0) : Grid.of(all, Math.max(1, columns / 4), GAP));
    }

    @Override public Optional<Sheet> rows(DataSpec spec, Map<String, Tensor> rows) {
        Map<String, List<Picture>> shown = new LinkedHashMap<>();
        rows.forEach((title, x) -> shown.put(title, rolls((ScoreSpec) spec, x)));
        return Optional.of(new Sheet.Drawn(Grid.titled(shown, GAP)));
    }

    @Override public List<Sheet> each(DataSpec spec, Tensor x) {
        return rolls((ScoreSpec) spec, x).stream().map(p -> (Sheet) new Sheet.Drawn(p)).toList();
    }

    @Override public List<List<Sheet>> forms(DataSpec spec, Tensor x) { return forms(spec, x, Synth.TEMPO); }

    @Override public List<List<Sheet>> forms(DataSpec spec, Tensor x, double quarters) {
        ScoreSpec of = (ScoreSpec) spec;
        return Score.of(of, x).stream().map(s -> List.<Sheet>of(new Sheet.Drawn(roll(of, s)),
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

    /** 4 pixels a sixteenth, 3 a semitone. A lower voice lies over a higher one where both sing the same. */
    public static Picture roll(ScoreSpec spec, Score score) {
        int height = HIGH * (spec.highest() - spec.lowest() + 1), width = WIDE * score.steps();
        byte[] pixels = new byte[3 * height * width];
        for (int y = 0; y < height; y++) {
            int pitch = spec.highest() - y / HIGH;
            for (int x = 0; x < width; x++) {
                int t = x / WIDE;
                boolean first = x % WIDE == 0;
                int[] colour = first && t > 0 && t % ScoreSpec.BAR == 0 ? BAR : first && t > 0 && t % 4 == 0 ? BEAT
                    : BLACK.contains(pitch % 12) ? BLACK_KEY : PAPER;
                put(pixels, height, width, y, x, colour);
            }
        }
        for (int v = 0; v < score.voices(); v++) {
            for (Score.Note n : score.notes(v)) {
                int top = (spec.highest() - n.pitch()) * HIGH, end = (n.from() + n.length()) * WIDE - 1;   // a gap to the next note
                if (top < 0 || top + HIGH > height) continue;
                for (int y = top; y < top + HIGH; y++) {
                    for (int x = n.from() * WIDE; x < end; x++) put(pixels, height, width, y, x, VOICES[v % VOICES.length]);
                }
            }
        }
        return new Picture(3, height, width, pixels);
    }

    private static void put(byte[] pixels, int height, int width, int y, int x, int[] colour) {
        for (int c = 0; c < 3; c++) pixels[(c * height + y) * width + x] = (byte) colour[c];
    }
}
