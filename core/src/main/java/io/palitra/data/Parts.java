package io.palitra.data;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Little pieces for four voices that the program makes up: a chord on every quarter, phrases of two bars that end in a cadence, each voice
 * led to the nearest note of the next chord without parallel fifths and octaves, and passing notes between. 5,000 for training and 500 to
 * test, in all keys; item i is a pure function of (split, i, steps), and a longer one goes on where a shorter one ends but for its last
 * cadence.
 */
final class Parts implements Dataset {
    private static final int TRAIN = 5000, TEST = 500, QUARTER = 4, PHRASE = 8;
    /** Lowest and highest pitch of each voice. */
    private static final int[][] RANGES = {{60, 79}, {55, 74}, {48, 67}, {38, 60}};
    private static final int[] MAJOR = {0, 2, 4, 5, 7, 9, 11}, MINOR = {0, 2, 3, 5, 7, 8, 11};   // the minor one with its leading note
    /** Chances of the chord after one on that step of the scale, of those on the steps 0, 1, 3, 4 and 5. */
    private static final int[] STEPS = {0, 1, 3, 4, 5};
    private static final double[][] NEXT = {{.1, .15, .25, .3, .2}, {0, 0, .1, .9, 0}, {.2, .2, .1, .45, .05}, {.65, 0, 0, .1, .25},
        {0, .35, .35, .25, .05}};
    private static final double PARALLEL = 200, LEADING = 60, LEAP = 12, NOISE = 4, PASSING = 0.45;

    private final Split split;
    private final ScoreSpec spec;

    Parts(Split split, int steps) {
        this.split = split;
        spec = new ScoreSpec(steps);
    }

    @Override public String name() { return "parts"; }

    @Override public ScoreSpec spec() { return spec; }

    @Override public int size() { return split == Split.TRAIN ? TRAIN : TEST; }

    @Override public void read(int i, ByteBuffer into) {
        if (i < 0 || i >= size()) throw new IndexOutOfBoundsException("parts has items 0.." + (size() - 1) + ", asked for " + i);
        for (int symbol : score(i).symbols(spec)) into.put((byte) symbol);
    }

    /** Item i. */
    Score score(int i) {
        SplitMix mix = new SplitMix(i, split);
        int tonic = mix.below(12);
        int[] scale = mix.uniform() < 0.6 ? MAJOR : MINOR;
        int beats = (spec.steps() + QUARTER - 1) / QUARTER;
        int[] chords = chords(beats, scale, mix);
        List<int[]> voicings = new ArrayList<>();
        for (int b = 0; b < beats; b++) voicings.add(voicing(chords[b], scale, tonic, b == 0 ? null : voicings.get(b - 1), mix));
        int[][] pitches = new int[beats * QUARTER][];
        for (int b = 0; b < beats; b++) {
            int[] now = voicings.get(b);
            boolean led = b + 1 < beats && b % PHRASE != PHRASE - 1;
            int[] half = led ? passing(now, voicings.get(b + 1), scale, tonic, mix) : now;
            for (int t = 0; t < QUARTER; t++) pitches[b * QUARTER + t] = (t < QUARTER / 2 ? now : half).clone();
        }
        return new Score(pitches).part(0, spec.steps());
    }

    /** A step of the scale for each beat. Phrases end on the dominant and the tonic by turns, the last one on the tonic. */
    private static int[] chords(int beats, int[] scale, SplitMix mix) {
        int[] chords = new int[beats];
        for (int b = 1; b < beats; b++) {
            int place = b % PHRASE;
            boolean open = b / PHRASE % 2 == 0 && b + PHRASE < beats;
            double u = mix.uniform();
            if (b == beats - 1 || place == PHRASE - 1) chords[b] = open && b < beats - 1 ? 4 : 0;
            else if (b == beats - 2 || place == PHRASE - 2) chords[b] = open && b < beats - 2 ? 3 : 4;
            else if (place == 0) chords[b] = chords[b - 1] == 4 ? 0 : u < 0.5 ? 3 : 5;
            else chords[b] = next(chords[b - 1], scale, u);
        }
        return chords;
    }

    private static int next(int from, int[] scale, double u) {
        int row = 0;
        while (STEPS[row] != from) row++;
        for (int k = 0; k < STEPS.length; k++) {
            u -= NEXT[row][k];
            if (u < 0) return scale == MINOR && STEPS[k] == 1 ? 3 : STEPS[k];   // minor's second chord is diminished
        }
        return 0;
    }

    /** Of all ways to sing a chord the one that is led to best. */
    private static int[] voicing(int chord, int[] scale, int tonic, int @Nullable [] before, SplitMix mix) {
        int root = (scale[chord] + tonic) % 12, third = (scale[(chord + 2) % 7] + tonic) % 12;
        int fifth = (scale[(chord + 4) % 7] + tonic) % 12;
        int leading = (tonic + 11) % 12;
        int[] best = new int[ScoreSpec.CHOIR];
        double least = Double.POSITIVE_INFINITY;
        for (int s = RANGES[0][0]; s <= RANGES[0][1]; s++) {
            if (!in(s, root, third, fifth)) continue;
            for (int a = Math.max(RANGES[1][0], s - 12); a <= Math.min(RANGES[1][1], s - 1); a++) {
                if (!in(a, root, third, fifth)) continue;
                for (int t = Math.max(RANGES[2][0], a - 12); t <= Math.min(RANGES[2][1], a - 1); t++) {
                    if (!in(t, root, third, fifth)) continue;
                    for (int b = RANGES[3][0]; b <= Math.min(RANGES[3][1], t - 1); b++) {
                        if (b % 12 != root && b % 12 != third) continue;
                        int[] way = {s, a, t, b};
                        double cost = sound(way, root, third, fifth, leading) + NOISE * mix.uniform();
                        if (cost < least) cost += before == null ? Math.abs(s - 69) + Math.abs(b - 48) : led(before, way);
                        if (cost < least) {
                            least = cost;
                            best = way;
                        }
                    }
                }
            }
        }
        return best;
    }

    private static boolean in(int pitch, int root, int third, int fifth) {
        int p = pitch % 12;
        return p == root || p == third || p == fifth;
    }

    /** What is wrong with a chord by itself. */
    private static double sound(int[] way, int root, int third, int fifth, int leading) {
        int roots = 0, thirds = 0, fifths = 0, leadings = 0;
        for (int p : way) {
            if (p % 12 == root) roots++;
            if (p % 12 == third) thirds++;
            if (p % 12 == fifth) fifths++;
            if (p % 12 == leading) leadings++;
        }
        return (roots == 0 || thirds == 0 ? 100 : 0) + (fifths == 0 ? 4 : 0) + (thirds > 1 ? 4 : 0) + (leadings > 1 ? LEADING : 0)
            + (way[3] % 12 == third ? 5 : 0);
    }

    /** What is wrong with the way from one chord to the next. */
    private static double led(int[] from, int[] to) {
        double cost = 0;
        for (int v = 0; v < from.length; v++) {
            int by = Math.abs(to[v] - from[v]);
            cost += v == 3 ? 0.5 * by : by;
            if (by > (v == 3 ? 12 : 7)) cost += LEAP;
            if (v > 0 && (to[v] > from[v - 1] || to[v - 1] < from[v])) cost += LEAP;   // above where its neighbour was
            for (int w = v + 1; w < from.length; w++) if (parallel(from[v], from[w], to[v], to[w])) cost += PARALLEL;
        }
        return cost + (to[0] == from[0] ? 2 : 0);
    }

    /** Two voices that go from a fifth to a fifth, or from an octave to an octave. */
    static boolean parallel(int a, int b, int a2, int b2) {
        int first = Math.floorMod(a - b, 12);
        return a != a2 && b != b2 && first == Math.floorMod(a2 - b2, 12) && (first == 0 || first == 7);
    }

    /** The chord with notes of the scale between two that lie a third apart, in some voices. */
    private static int[] passing(int[] now, int[] next, int[] scale, int tonic, SplitMix mix) {
        int[] half = now.clone();
        for (int v = 0; v < now.length; v++) {
            int by = next[v] - now[v];
            boolean chosen = mix.uniform() < PASSING;
            if (!chosen || Math.abs(by) < 3 || Math.abs(by) > 4) continue;
            int between = now[v] + Integer.signum(by);
            while (between != next[v] && !onScale(between, scale, tonic)) between += Integer.signum(by);
            if (between == next[v]) continue;
            half[v] = between;
            boolean clean = true;
            for (int w = 0; w < now.length; w++) {
                if (w == v) continue;
                int upper = Math.min(v, w), lower = Math.max(v, w);
                clean &= half[upper] > half[lower] && !parallel(half[upper], half[lower], next[upper], next[lower])
                    && !parallel(now[upper], now[lower], half[upper], half[lower]);
            }
            if (!clean) half[v] = now[v];
        }
        return half;
    }

    private static boolean onScale(int pitch, int[] scale, int tonic) {
        for (int s : scale) if ((s + tonic) % 12 == pitch % 12) return true;
        return false;
    }
}
