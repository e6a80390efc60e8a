package io.palitra.report;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import java.util.List;

/**
 * A film of frames: as many a second as give it the wanted length, within bounds. The first and the last frame count from 0.
 */
public record Film(
        @Help(value = "iterations to a frame, 0 = no film", min = 0, max = 1_000_000) int every,
        @Help(value = "first frame", min = 0) int first,
        @Help(value = "last frame, -1 = the last there is", min = -1) int last,
        @Help(value = "seconds", min = 0.01, max = 86_400) double length,
        @Help(value = "frames a second at least, so that a film of few frames is shorter", min = 0.01, max = 50) double minFps,
        @Help(value = "frames a second at most, so that a film of many frames is longer", min = 0.01, max = 50) double maxFps) {
    public static final Film DEFAULT = new Film(1, 0, -1, 15, 10, 30);

    public Film {
        if (minFps > maxFps) throw new ArgumentException("illegal minFps: " + minFps + ", must be at most maxFps " + maxFps);
        if (last >= 0 && last < first) {
            throw new ArgumentException("illegal last: " + last + ", must be -1, or first " + first + " at least");
        }
    }

    /** The frames that it shows; where there are fewer than its first, the last one alone. */
    public <T> List<T> of(List<T> frames) {
        if (frames.isEmpty()) return frames;
        int from = Math.min(first, frames.size() - 1), to = last < 0 ? frames.size() : Math.min(last + 1, frames.size());
        return frames.subList(from, Math.max(from + 1, to));
    }

    /** Frames a second of a film of that many frames. */
    public double fps(int frames) { return Math.max(minFps, Math.min(maxFps, frames / length)); }

    /** Milliseconds for which {@link Gif} shows a frame. */
    public int delay(int frames) { return (int) Math.max(20, Math.round(1000 / fps(frames))); }
}
