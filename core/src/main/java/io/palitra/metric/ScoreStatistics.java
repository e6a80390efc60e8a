package io.palitra.metric;

import io.palitra.data.Score;
import io.palitra.data.ScoreSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What is counted of scores: the measures of Dong et al. 2018, arXiv:1709.06298, section 5, and what a teacher of harmony marks. A share is
 * one of all bars, notes or sixteenths of all scores together; where there are none of them it is 0.
 *
 * @param emptyBars share of the bars of voices without a note
 * @param pitchClasses different notes, octaves apart counted as one, in a bar of a voice that is not empty
 * @param qualified share of notes of two sixteenths or more
 * @param polyphony share of sixteenths with two or more different pitches
 * @param tonalDistance between two voices in a bar, by the centroids of Harte, Sandler and Gasser 2006
 * @param scale share of notes, by their length, of the scale, major or natural minor, that has the most of them; of a score each
 * @param fifths parallel fifths in a bar, of all pairs of voices: both move the same way, from a fifth to a fifth
 * @param octaves the same of octaves and unisons
 * @param crossings share of sixteenths in which a voice sings above a higher one
 * @param outside share of bars in which a voice leaves its range: C4 to A5, F3 to D5, B2 to A4, C2 to E4; of four voices alone
 */
public record ScoreStatistics(double emptyBars, double pitchClasses, double qualified, double polyphony, double tonalDistance, double scale,
        double fifths, double octaves, double crossings, double outside) {
    /** Lowest and highest pitch of each voice of a choir: 99.8 % of the notes of Bach's chorales. */
    private static final int[][] RANGES = {{60, 81}, {53, 74}, {47, 69}, {36, 64}};
    private static final int[] MAJOR = {0, 2, 4, 5, 7, 9, 11}, MINOR = {0, 2, 3, 5, 7, 8, 10};
    private static final int OCTAVE = 12, FIFTH = 7;

    /** Of all of them together; a bar that is not full counts as one. */
    public static ScoreStatistics of(List<Score> scores) {
        Counts c = new Counts();
        scores.forEach(c::add);
        return new ScoreStatistics(c.share("empty", "bars of voices"), c.share("classes", "full"), c.share("long", "notes"),
            c.share("together", "steps"), c.share("distance", "pairs"), c.share("scale", "scores"), c.share("fifths", "bars"),
            c.share("octaves", "bars"), c.share("crossed", "steps"), c.share("outside", "bars"));
    }

    /** By name, with what each is measured in. */
    public Map<String, Double> named() {
        Map<String, Double> all = new LinkedHashMap<>();
        all.put("empty bars", 100 * emptyBars);
        all.put("pitch classes a bar", pitchClasses);
        all.put("qualified notes", 100 * qualified);
        all.put("polyphony", 100 * polyphony);
        all.put("tonal distance", tonalDistance);
        all.put("scale consistency", 100 * scale);
        all.put("parallel fifths a bar", fifths);
        all.put("parallel octaves a bar", octaves);
        all.put("voice crossings", 100 * crossings);
        all.put("bars out of range", 100 * outside);
        return all;
    }

    /** The unit of a figure of {@link #named}. */
    public static String unit(String name) {
        return switch (name) {
            case "pitch classes a bar", "parallel fifths a bar", "parallel octaves a bar", "tonal distance" -> "";
            default -> "%";
        };
    }

    private static final class Counts {
        private final Map<String, Double> sums = new LinkedHashMap<>();

        double share(String of, String all) { return sums.getOrDefault(of, 0.0) / Math.max(1, sums.getOrDefault(all, 0.0)); }

        private void count(String what, double n) { sums.merge(what, n, Double::sum); }

        void add(Score s) {
            count("scores", 1);
            count("scale", scaleOf(s));
            for (int v = 0; v < s.voices(); v++) {
                for (Score.Note n : s.notes(v)) {
                    count("notes", 1);
                    if (n.length() >= 2) count("long", 1);
                }
            }
            for (int t = 0; t < s.steps(); t++) step(s, t);
            for (int from = 0; from < s.steps(); from += ScoreSpec.BAR) bar(s, from, Math.min(s.steps(), from + ScoreSpec.BAR));
        }

        private void step(Score s, int t) {
            int[] p = s.pitches()[t];
            count("steps", 1);
            long different = java.util.Arrays.stream(p).filter(x -> x != Score.REST).distinct().count();
            if (different >= 2) count("together", 1);
            boolean crossed = false;
            for (int v = 0; v < p.length; v++) {
                for (int w = v + 1; w < p.length; w++) crossed |= p[v] != Score.REST && p[w] != Score.REST && p[w] > p[v];
            }
            if (crossed) count("crossed", 1);
            if (t == 0) return;
            int[] q = s.pitches()[t - 1];
            for (int v = 0; v < p.length; v++) {
                for (int w = v + 1; w < p.length; w++) {
                    if (p[v] == Score.REST || p[w] == Score.REST || q[v] == Score.REST || q[w] == Score.REST) continue;
                    int by = Integer.signum(p[v] - q[v]), before = Math.floorMod(q[v] - q[w], OCTAVE);
                    if (by == 0 || by != Integer.signum(p[w] - q[w]) || before != Math.floorMod(p[v] - p[w], OCTAVE)) continue;
                    if (before == FIFTH) count("fifths", 1);
                    if (before == 0) count("octaves", 1);
                }
            }
        }

        private void bar(Score s, int from, int to) {
            count("bars", 1);
            List<double[]> centroids = new ArrayList<>();
            boolean outside = false;
            for (int v = 0; v < s.voices(); v++) {
                double[] chroma = new double[OCTAVE];
                int sung = 0;
                for (int t = from; t < to; t++) {
                    int p = s.pitches()[t][v];
                    if (p == Score.REST) continue;
                    sung++;
                    chroma[p % OCTAVE]++;
                    outside |= s.voices() == RANGES.length && (p < RANGES[v][0] || p > RANGES[v][1]);
                }
                count("bars of voices", 1);
                if (sung == 0) {
                    count("empty", 1);
                    continue;
                }
                count("full", 1);
                for (double c : chroma) if (c > 0) count("classes", 1);
                centroids.add(centroid(chroma, sung));
            }
            if (outside) count("outside", 1);
            for (int i = 0; i < centroids.size(); i++) {
                for (int j = i + 1; j < centroids.size(); j++) {
                    double d = 0;
                    for (int k = 0; k < centroids.get(i).length; k++) d += Math.pow(centroids.get(i)[k] - centroids.get(j)[k], 2);
                    count("pairs", 1);
                    count("distance", Math.sqrt(d));
                }
            }
        }
    }

    /** On the circles of fifths, minor thirds and major thirds, of radii 1, 1 and 1/2. */
    private static double[] centroid(double[] chroma, double sum) {
        double[] c = new double[6];
        for (int p = 0; p < OCTAVE; p++) {
            double share = chroma[p] / sum;
            c[0] += share * Math.sin(p * 7 * Math.PI / 6);
            c[1] += share * Math.cos(p * 7 * Math.PI / 6);
            c[2] += share * Math.sin(p * 3 * Math.PI / 2);
            c[3] += share * Math.cos(p * 3 * Math.PI / 2);
            c[4] += share * 0.5 * Math.sin(p * 2 * Math.PI / 3);
            c[5] += share * 0.5 * Math.cos(p * 2 * Math.PI / 3);
        }
        return c;
    }

    private static double scaleOf(Score s) {
        double[] chroma = new double[OCTAVE];
        double all = 0, best = 0;
        for (int[] step : s.pitches()) {
            for (int p : step) {
                if (p == Score.REST) continue;
                chroma[p % OCTAVE]++;
                all++;
            }
        }
        for (int[] scale : List.of(MAJOR, MINOR)) {
            for (int tonic = 0; tonic < OCTAVE; tonic++) {
                double in = 0;
                for (int k : scale) in += chroma[(k + tonic) % OCTAVE];
                best = Math.max(best, in);
            }
        }
        return all == 0 ? 0 : best / all;
    }
}
