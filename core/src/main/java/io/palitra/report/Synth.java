package io.palitra.report;

import io.palitra.config.ArgumentException;
import io.palitra.data.Score;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * A small synthesiser: each voice is a sum of harmonics of its own, four timbres by turns. A note swells and dies away along half cosines,
 * from 0 and to 0, so that nothing clicks; a held note is one tone. Of the same score always the same bytes.
 */
public final class Synth {
    /** Samples in a second, of one channel. */
    public static final int RATE = 22_050;
    /** Quarters in a minute where nothing else is asked for. */
    public static final double TEMPO = 80;
    private static final int HEADER = 44, MOST_SECONDS = 3600;
    /** Strengths of harmonics from the first on: near to a flute, an oboe, a clarinet and a bassoon. */
    private static final double[][] TIMBRES = {{1, .35, .12, .04}, {.6, .8, .55, .3, .15, .08}, {1, .05, .55, .04, .25, .03, .1},
        {.7, .9, .5, .25, .2, .1, .05}};
    private static final double RISE = 0.03, FALL = 0.12, VIBRATO = 0.003, SWAYS = 5;   // seconds, share of the pitch, in a second
    private static final double LOUD = 0.8;

    private Synth() {}

    /**
     * Samples in -1..1.
     *
     * @param quarters in a minute
     */
    public static float[] samples(Score score, double quarters) {
        if (!(quarters >= 4 && quarters <= 1000)) throw new ArgumentException("illegal quarters: " + quarters + ", must be 4 to 1000");
        double step = 15 / quarters;   // seconds of a sixteenth
        double seconds = score.steps() * step + FALL;
        if (seconds > MOST_SECONDS) throw new ArgumentException(score + " lasts longer than an hour");
        float[] out = new float[(int) Math.ceil(seconds * RATE)];
        for (int v = 0; v < score.voices(); v++) {
            double[] timbre = TIMBRES[v % TIMBRES.length];
            double sum = 0;
            for (double a : timbre) sum += a;
            for (Score.Note n : score.notes(v)) tone(out, n, step, timbre, LOUD / (sum * score.voices()));
        }
        return out;
    }

    private static void tone(float[] out, Score.Note n, double step, double[] timbre, double gain) {
        double pitch = 440 * Math.pow(2, (n.pitch() - 69) / 12.0), length = n.length() * step, rise = Math.min(RISE, length / 2);
        int first = (int) Math.round(n.from() * step * RATE), count = (int) Math.round((length + FALL) * RATE);
        for (int i = 0; i < count && first + i < out.length; i++) {
            double t = i / (double) RATE;
            double turn = 2 * Math.PI * pitch * t - VIBRATO * pitch / SWAYS * (Math.cos(2 * Math.PI * SWAYS * t) - 1);
            double loud = t < rise ? swell(t / rise) : t < length ? 1 : swell(1 - (t - length) / FALL);
            loud *= 0.75 + 0.25 * Math.exp(-3 * t);   // a struck beginning
            double wave = 0;
            for (int h = 0; h < timbre.length; h++) {
                if ((h + 1) * pitch * 1.01 < RATE / 2.0) wave += timbre[h] * Math.sin((h + 1) * turn);
            }
            out[first + i] += (float) (gain * loud * wave);
        }
    }

    /** Half a cosine from 0 to 1. */
    private static double swell(double t) { return 0.5 - 0.5 * Math.cos(Math.PI * Math.max(0, Math.min(1, t))); }

    /** A .wav of 16 bits, one channel. */
    public static byte[] wav(Score score, double quarters) {
        float[] samples = samples(score, quarters);
        ByteBuffer out = ByteBuffer.allocate(HEADER + 2 * samples.length).order(ByteOrder.LITTLE_ENDIAN);
        out.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(HEADER - 8 + 2 * samples.length);
        out.put("WAVEfmt ".getBytes(StandardCharsets.US_ASCII)).putInt(16).putShort((short) 1).putShort((short) 1).putInt(RATE)
            .putInt(2 * RATE).putShort((short) 2).putShort((short) 16);
        out.put("data".getBytes(StandardCharsets.US_ASCII)).putInt(2 * samples.length);
        for (float s : samples) out.putShort((short) Math.round(Math.max(-1, Math.min(1, s)) * Short.MAX_VALUE));
        return out.array();
    }
}
