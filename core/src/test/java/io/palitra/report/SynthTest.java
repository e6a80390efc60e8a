package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.palitra.data.Midi;
import io.palitra.data.Score;
import io.palitra.data.ScoreSpec;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import java.io.ByteArrayInputStream;
import java.util.List;
import java.util.Map;
import javax.sound.sampled.AudioFileFormat;
import javax.sound.sampled.AudioSystem;
import org.junit.jupiter.api.Test;

class SynthTest {
    private static Score tune() {
        int[][] p = new int[32][4];
        for (int t = 0; t < 32; t++) p[t] = new int[] {72 + t / 4 % 3, t < 16 ? 67 : Score.REST, 64 - t / 8, 48};
        return new Score(p);
    }

    /** Strength of a frequency in some samples, by Goertzel. */
    private static double strength(float[] x, int from, int n, double hertz) {
        double c = 0, s = 0;
        for (int i = 0; i < n; i++) {
            double w = 0.5 - 0.5 * Math.cos(2 * Math.PI * i / n);
            c += w * x[from + i] * Math.cos(2 * Math.PI * hertz * i / Synth.RATE);
            s += w * x[from + i] * Math.sin(2 * Math.PI * hertz * i / Synth.RATE);
        }
        return Math.hypot(c, s) / n;
    }

    @Test void theFileIsAWavThatOthersRead() throws Exception {
        byte[] wav = Synth.wav(tune(), 80);
        AudioFileFormat f = AudioSystem.getAudioFileFormat(new ByteArrayInputStream(wav));
        assertThat(f.getType()).isEqualTo(AudioFileFormat.Type.WAVE);
        assertThat(f.getFormat().getSampleRate()).isEqualTo(22_050);
        assertThat(f.getFormat().getSampleSizeInBits()).isEqualTo(16);
        assertThat(f.getFrameLength() / 22_050.0).isBetween(32 * 15 / 80.0, 32 * 15 / 80.0 + 0.2);
        assertThat(Synth.wav(tune(), 80)).isEqualTo(wav);
    }

    /** Between neighbouring samples the tones alone jump by at most their slope; a note that began or ended hard would jump by its size. */
    @Test void nothingClicksAndNothingIsCut() {
        float[] x = Synth.samples(tune(), 80);
        float most = 0, bend = 0;
        for (int i = 2; i < x.length; i++) {
            most = Math.max(most, Math.abs(x[i]));
            bend = Math.max(bend, Math.abs(x[i] - 2 * x[i - 1] + x[i - 2]));   // a click is a corner
        }
        assertThat(most).isBetween(0.2f, 0.95f);
        float[] held = Synth.samples(new Score(new int[][] {{74, 67, 64, 48}, {74, 67, 64, 48}, {74, 67, 64, 48}, {74, 67, 64, 48}}), 80);
        float usual = 0;
        for (int i = Synth.RATE / 10; i < Synth.RATE / 2; i++) usual = Math.max(usual, Math.abs(held[i] - 2 * held[i - 1] + held[i - 2]));
        assertThat(bend).isLessThan(1.5f * usual);
        assertThat(Math.abs(x[0])).isLessThan(1e-6f);
        assertThat(Math.abs(x[x.length - 1])).isLessThan(1e-3f);
    }

    @Test void aVoiceSoundsAtItsPitchWithATimbreOfItsOwn() {
        for (int v = 0; v < 4; v++) {
            int[][] p = new int[16][4];
            for (int[] step : p) java.util.Arrays.fill(step, Score.REST);
            for (int[] step : p) step[v] = 57;   // A3, 220 Hz
            float[] x = Synth.samples(new Score(p), 80);
            int n = Synth.RATE, from = Synth.RATE / 5;
            assertThat(strength(x, from, n, 220)).isGreaterThan(20 * strength(x, from, n, 247));
            double second = strength(x, from, n, 440) / strength(x, from, n, 220);
            assertThat(second).isBetween(new double[] {.2, 1, .02, 1}[v], new double[] {.5, 1.6, .1, 1.6}[v]);
        }
    }

    @Test void aHeldNoteIsOneTone() {
        int[][] p = new int[16][1];
        for (int[] step : p) step[0] = 69;
        float[] x = Synth.samples(new Score(p), 80);
        double least = 1;
        for (int from = Synth.RATE / 10; from < 2.9 * Synth.RATE; from += 500) least = Math.min(least, strength(x, from, 2000, 440));
        assertThat(least).isGreaterThan(0.4 * strength(x, Synth.RATE / 10, 2000, 440));
    }

    @Test void eachScoreHasARollNotesAndASound() {
        ScoreSpec spec = new ScoreSpec(32);
        try (Scope scope = new Scope()) {
            Score score = tune();
            long[] items = java.util.stream.IntStream.of(score.symbols(spec)).asLongStream().toArray();
            Display display = Display.of(spec);
            List<List<Sheet>> forms = display.forms(spec, Torch.of(items, 1, 32, 4));
            assertThat(forms).hasSize(1);
            assertThat(forms.get(0).stream().map(Sheet::suffix)).containsExactlyElementsOf(display.endings());
            Sheet roll = forms.get(0).get(0);
            assertThat(roll.drawn().orElseThrow().width()).isEqualTo(32 * 12);
            assertThat(forms.get(0).get(2).bytes(Map.of())).isEqualTo(Synth.wav(score, Synth.TEMPO));
            assertThat(Midi.bytes(score, Synth.TEMPO)).isEqualTo(forms.get(0).get(1).bytes(Map.of()));
            assertThat(display.describe(spec, Torch.of(items, 1, 32, 4))).startsWith("voice 1 C5 to D5; voice 2 G4 to G4;");
        }
    }

    @Test void aPagePlaysASound() {
        StringBuilder out = new StringBuilder();
        Page.figure(out, new ReportData.Figure("Sample 1", "to hear", Sheet.SOUND, new byte[] {1, 2, 3}), false);
        assertThat(out).contains("<audio controls").contains("data:audio/wav;base64,AQID");
    }
}
