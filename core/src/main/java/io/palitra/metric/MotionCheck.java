package io.palitra.metric;

import io.palitra.data.DataLoader;
import io.palitra.data.MovingItems.Direction;
import io.palitra.data.Scene;
import io.palitra.data.SceneDrawing;
import io.palitra.data.VideoItems;
import io.palitra.engine.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What can be read back from a film of one thing that moves: where it is in each frame, how far its track is from straight lines between
 * mirrors, where it goes, and whether a second thing is seen.
 *
 * @param track centre of mass (x, y) in pixels of the largest thing in each frame; null where there is none
 * @param second frames that show a second thing
 * @param deviation largest distance of the track from the nearest way that is straight but for bounces, in pixels; infinite of fewer
 *                  than three frames that show anything
 * @param bounces of that way, of both axes together
 * @param direction of the whole way; empty where it is shorter than a sixteenth of the picture's width, or bounces
 */
public record MotionCheck(List<double[]> track, int second, double deviation, int bounces, Optional<Direction> direction) {
    /** How a thing is told from what is behind it. */
    public enum Thing {
        /** White on black. */
        INK,
        /** In a colour of {@link Scene.Colour}; it goes straight on. */
        COLOUR
    }

    /** Ink fainter than this share of white is none. */
    private static final double FAINT = 0.15;
    /** Distance in red, green and blue within which a pixel has a colour of scenes. */
    private static final int NEAR = 60;
    private static final int[][] COLOURS = Arrays.stream(Scene.Colour.values()).map(SceneDrawing::rgb).toArray(int[][]::new);
    /** A thing of less than this share of the largest one's mass is no thing, and less than so many pixels of white none at all. */
    private static final double SHARE = 0.1, LEAST = 4;

    /** Of each film of x [N,T,C,H,W] in [-1,1]. Waits for the device. */
    public static List<MotionCheck> of(VideoItems spec, Tensor x, Thing thing) {
        byte[] all = DataLoader.toBytes(x);
        int n = spec.bytes();
        List<MotionCheck> checks = new ArrayList<>();
        for (int i = 0; i < x.size(0); i++) checks.add(of(spec, all, i * n, thing));
        return checks;
    }

    /** Of the film of bytes that begins there. */
    public static MotionCheck of(VideoItems spec, byte[] film, int offset, Thing thing) {
        int frames = spec.frames(), height = spec.height(), width = spec.width(), area = height * width, one = spec.channels() * area;
        byte[][] colours = new byte[thing == Thing.COLOUR ? frames : 0][];
        for (int t = 0; t < colours.length; t++) colours[t] = colours(film, offset + t * one, area);
        int commonest = commonest(colours);
        List<double[]> track = new ArrayList<>();
        int second = 0, reach = thing == Thing.INK ? Math.max(1, width / 16) : 1;
        for (int t = 0; t < frames; t++) {
            double[] own = thing == Thing.INK ? ink(film, offset + t * one, area, spec.channels()) : of(colours[t], commonest);
            List<double[]> things = things(own, width, height, reach);
            track.add(things.isEmpty() ? null : new double[] {things.get(0)[0], things.get(0)[1]});
            if ((thing == Thing.INK ? things : things(of(colours[t], -1), width, height, reach)).size() > 1) second++;
        }
        Track.Fit x = Track.fit(axis(track, 0), thing == Thing.INK), y = Track.fit(axis(track, 1), thing == Thing.INK);
        double deviation = 0;
        int seen = 0;
        for (int t = 0; t < frames; t++) {
            if (track.get(t) == null) continue;
            seen++;
            deviation = Math.max(deviation, Math.hypot(x.residuals()[t], y.residuals()[t]));
        }
        int bounces = x.bounces() + y.bounces();
        Optional<Direction> direction = bounces > 0 || seen < 2 ? Optional.empty()
            : Direction.of(x.slope() * (frames - 1), y.slope() * (frames - 1), width / 16.0);
        return new MotionCheck(track, second, seen < 3 ? Double.POSITIVE_INFINITY : deviation, bounces, direction);
    }

    private static double[] axis(List<double[]> track, int k) {
        return track.stream().mapToDouble(p -> p == null ? Double.NaN : p[k]).toArray();
    }

    private static double[] ink(byte[] film, int at, int area, int channels) {
        double[] out = new double[area];
        for (int p = 0; p < area; p++) {
            for (int c = 0; c < channels; c++) out[p] += (film[at + c * area + p] & 0xff) / 255.0 / channels;
            if (out[p] < FAINT) out[p] = 0;
        }
        return out;
    }

    /** The colour of scenes that each pixel has, or -1. */
    private static byte[] colours(byte[] film, int at, int area) {
        byte[] out = new byte[area];
        for (int p = 0; p < area; p++) {
            int least = NEAR * NEAR;
            out[p] = -1;
            for (int c = 0; c < COLOURS.length; c++) {
                int d = 0;
                for (int k = 0; k < 3; k++) {
                    int by = (film[at + k * area + p] & 0xff) - COLOURS[c][k];
                    d += by * by;
                }
                if (d >= least) continue;
                least = d;
                out[p] = (byte) c;
            }
        }
        return out;
    }

    /** 1 where a pixel has a colour, or any of them where it is -1. */
    private static double[] of(byte[] colours, int colour) {
        double[] out = new double[colours.length];
        for (int p = 0; p < out.length; p++) out[p] = colours[p] >= 0 && (colour < 0 || colours[p] == colour) ? 1 : 0;
        return out;
    }

    private static int commonest(byte[][] colours) {
        int[] counts = new int[COLOURS.length];
        for (byte[] frame : colours) for (byte c : frame) if (c >= 0) counts[c]++;
        int best = 0;
        for (int c = 1; c < counts.length; c++) if (counts[c] > counts[best]) best = c;
        return best;
    }

    /** Centres and masses of what hangs together, gaps of {@code reach} pixels on each side bridged; the largest first. */
    private static List<double[]> things(double[] weights, int width, int height, int reach) {
        boolean[] wide = new boolean[weights.length];
        for (int p = 0; p < wide.length; p++) {
            if (weights[p] <= 0) continue;
            for (int y = Math.max(0, p / width - reach); y <= Math.min(height - 1, p / width + reach); y++) {
                for (int x = Math.max(0, p % width - reach); x <= Math.min(width - 1, p % width + reach); x++) wide[y * width + x] = true;
            }
        }
        List<double[]> things = new ArrayList<>();
        ArrayDeque<Integer> open = new ArrayDeque<>();
        for (int from = 0; from < wide.length; from++) {
            if (!wide[from]) continue;
            double[] sum = new double[3];   // x, y, mass
            wide[from] = false;
            open.add(from);
            while (!open.isEmpty()) {
                int p = open.poll(), px = p % width, py = p / width;
                sum[0] += weights[p] * (px + 0.5);
                sum[1] += weights[p] * (py + 0.5);
                sum[2] += weights[p];
                for (int y = Math.max(0, py - 1); y <= Math.min(height - 1, py + 1); y++) {
                    for (int x = Math.max(0, px - 1); x <= Math.min(width - 1, px + 1); x++) {
                        if (!wide[y * width + x]) continue;
                        wide[y * width + x] = false;
                        open.add(y * width + x);
                    }
                }
            }
            if (sum[2] >= LEAST) things.add(new double[] {sum[0] / sum[2], sum[1] / sum[2], sum[2]});
        }
        things.sort((a, b) -> Double.compare(b[2], a[2]));
        if (!things.isEmpty()) {
            double largest = things.get(0)[2];
            things.removeIf(t -> t[2] < SHARE * largest);
        }
        return things;
    }
}
