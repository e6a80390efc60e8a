package io.palitra.report;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the page of a run shows, as plain values; every list and map may be empty, and its section is then left out. Maps keep their order.
 *
 * @param title the family and the data set, such as {@code VAE on MNIST}
 * @param subtitle what it is in a few words: the run, the day, the paper
 * @param result what came out, in one sentence
 * @param frames what it drew while it learned, large at the top
 * @param figures pictures and animations; the first stands large at the top where there are no frames
 * @param curves line charts, usually over training steps
 * @param facts about the run: time, steps, images/s, threads, versions, seed, number of parameters
 * @param measures the scores
 * @param commands how to go on: sample, continue, repeat; the word {@value #RUN}, alone or before a slash, stands for the run's folder
 * @param config every value the run was made with, dotted names
 * @param files name in the run folder to what it holds
 */
public record ReportData(String title, String subtitle, String result, Optional<Frames> frames, List<Figure> figures,
        List<Chart> curves, Map<String, String> facts, List<Measure> measures, List<Command> commands, Map<String, String> config,
        Map<String, String> files) {

    /** What commands call the folder that the page lies in. */
    public static final String RUN = "RUN";
    private static final List<String> MEDIA = List.of("image/png", "image/gif", "image/jpeg", "image/webp", "text/plain", Sheet.SOUND);

    public ReportData {
        figures = List.copyOf(figures);
        curves = List.copyOf(curves);
        facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
        measures = List.copyOf(measures);
        commands = List.copyOf(commands);
        config = Collections.unmodifiableMap(new LinkedHashMap<>(config));
        files = Collections.unmodifiableMap(new LinkedHashMap<>(files));
    }

    /** Without frames. */
    public ReportData(String title, String subtitle, String result, List<Figure> figures, List<Chart> curves, Map<String, String> facts,
            List<Measure> measures, List<Command> commands, Map<String, String> config, Map<String, String> files) {
        this(title, subtitle, result, Optional.empty(), figures, curves, facts, measures, commands, config, files);
    }

    /** A line about a thing that a figure shows: its name, where the page finds it ("" for nowhere), and the text about it. */
    public record Item(String name, String href, String about) {}

    /**
     * A picture, a sound, or a text in UTF-8, under a short title with a sentence to read beside it; {@code bytes} as a file of this
     * media type would hold them.
     *
     * @param items what it shows, in order; empty to name nothing
     */
    public record Figure(String title, String caption, String mediaType, byte[] bytes, List<Item> items) {
        public Figure(String title, String caption, String mediaType, byte[] bytes) { this(title, caption, mediaType, bytes, List.of()); }

        public Figure {
            items = List.copyOf(items);
            if (!MEDIA.contains(mediaType)) throw new ArgumentException("no media type '" + mediaType + "'; there are "
                + InWords.list(MEDIA));
        }
    }

    /** One of {@link Frames}: its name, such as {@code step 50}, and the file's bytes. */
    public record Frame(String name, byte[] bytes) {}

    /** Pictures of one size, or texts, in the order in which they were drawn; at least one. */
    public record Frames(String title, String caption, String mediaType, List<Frame> frames) {
        public Frames {
            frames = List.copyOf(frames);
            if (frames.isEmpty()) throw new ArgumentException("frames want at least one, got none");
            if (!MEDIA.contains(mediaType)) throw new ArgumentException("no media type '" + mediaType + "'; there are "
                + InWords.list(MEDIA));
        }
    }

    /** A score: {@code FID, 12.3, "", distance of Inception features over 10,000 samples, palitra eval ...}. */
    public record Measure(String name, String value, String unit, String meaning, String command) {}

    /** A command line and what it does. */
    public record Command(String purpose, String line) {}
}
