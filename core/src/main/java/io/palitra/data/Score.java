package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A piece of music of any length in sixteenths. Pitches are MIDI's, {@link #REST} where a voice is silent; equal pitches in a row are one
 * held note.
 *
 * @param pitches [steps][voices], the highest voice first
 */
public record Score(int[][] pitches) {
    /** Silence. */
    public static final int REST = -1;

    /** A note of a voice. @param from first sixteenth @param length in sixteenths */
    public record Note(int voice, int pitch, int from, int length) {}

    public Score {
        if (pitches.length == 0 || pitches[0].length == 0) throw new ArgumentException("a score wants a step and a voice, got none");
        for (int[] step : pitches) {
            if (step.length != pitches[0].length) throw new ArgumentException("a score wants as many voices in every step");
        }
    }

    /** Sixteenths. */
    public int steps() { return pitches.length; }

    public int voices() { return pitches[0].length; }

    /** The notes of a voice in order; what is held is one. */
    public List<Note> notes(int voice) {
        List<Note> notes = new ArrayList<>();
        for (int t = 0; t < steps(); ) {
            int pitch = pitches[t][voice], from = t;
            while (t < steps() && pitches[t][voice] == pitch) t++;
            if (pitch != REST) notes.add(new Note(voice, pitch, from, t - from));
        }
        return notes;
    }

    /** n steps from {@code from} on. */
    public Score part(int from, int n) { return new Score(Arrays.copyOfRange(pitches, from, from + n)); }

    /** Moved by so many semitones. */
    public Score transposed(int by) {
        return new Score(Arrays.stream(pitches).map(s -> Arrays.stream(s).map(p -> p == REST ? REST : p + by).toArray())
            .toArray(int[][]::new));
    }

    /** Lowest and highest pitch of a voice; {REST, REST} of a silent one. */
    public int[] range(int voice) {
        int[] sung = Arrays.stream(pitches).mapToInt(s -> s[voice]).filter(p -> p != REST).toArray();
        return sung.length == 0 ? new int[] {REST, REST} : new int[] {Arrays.stream(sung).min().orElseThrow(),
            Arrays.stream(sung).max().orElseThrow()};
    }

    /** Items as models see them, I64 [N,T,V]. Waits for the device. */
    public static List<Score> of(ScoreSpec spec, Tensor items) {
        int n = (int) items.size(0), steps = (int) items.size(1), voices = (int) items.size(2);
        long[] all = items.longs();
        List<Score> scores = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            int[][] pitches = new int[steps][voices];
            for (int t = 0; t < steps; t++) {
                for (int v = 0; v < voices; v++) pitches[t][v] = spec.pitch((int) all[(i * steps + t) * voices + v]);
            }
            scores.add(new Score(pitches));
        }
        return scores;
    }

    /** Numbers of an item in row-major order. @throws IllegalArgumentException for a pitch outside of the spec's */
    public int[] symbols(ScoreSpec spec) {
        return Arrays.stream(pitches).flatMapToInt(Arrays::stream).map(spec::symbol).toArray();
    }

    @Override public boolean equals(Object o) { return o instanceof Score s && Arrays.deepEquals(pitches, s.pitches); }

    @Override public int hashCode() { return Arrays.deepHashCode(pitches); }

    /** "a score of 64 sixteenths in 4 voices". */
    @Override public String toString() { return "a score of " + steps() + " sixteenths in " + voices() + " voices"; }

    /**
     * The notes of each step in the voices that they fit best: those of a step with as many as there are voices stand as they are; of
     * another, in their order, in the voices whose next full step before or after is nearest.
     *
     * @param steps pitches of each step, the highest voice first; missing where a voice is silent
     */
    static Score assigned(List<int[]> steps, int voices) {
        int n = steps.size();
        int[] before = new int[n], after = new int[n];   // nearest full step at or before, at or after; -1 where there is none
        for (int t = 0; t < n; t++) before[t] = steps.get(t).length == voices ? t : t > 0 ? before[t - 1] : -1;
        for (int t = n - 1; t >= 0; t--) after[t] = steps.get(t).length == voices ? t : t < n - 1 ? after[t + 1] : -1;
        int[][] pitches = new int[n][];
        for (int t = 0; t < n; t++) {
            int a = before[t], b = after[t];
            int[] near = a < 0 && b < 0 ? middles(voices) : steps.get(b < 0 || a >= 0 && t - a <= b - t ? a : b);
            pitches[t] = steps.get(t).length == voices ? steps.get(t).clone() : placed(steps.get(t), near, voices);
        }
        return new Score(pitches);
    }

    /** Of the voices of a choir. */
    private static int[] middles(int voices) {
        int[] middles = new int[voices];
        for (int v = 0; v < voices; v++) middles[v] = 70 - 20 * v / Math.max(1, voices - 1);
        return middles;
    }

    /** Of all ways to put the notes, in order, into voices the one that moves least. */
    private static int[] placed(int[] notes, int[] near, int voices) {
        int[] best = new int[voices];
        Arrays.fill(best, REST);
        int least = Integer.MAX_VALUE;
        for (int mask = 0; mask < 1 << voices; mask++) {
            if (Integer.bitCount(mask) != notes.length) continue;
            int[] way = new int[voices];
            int cost = 0;
            for (int v = 0, k = 0; v < voices; v++) {
                way[v] = (mask >> v & 1) == 1 ? notes[k++] : REST;
                if (way[v] != REST) cost += Math.abs(way[v] - near[v]);
            }
            if (cost < least) {
                least = cost;
                best = way;
            }
        }
        return best;
    }
}
