package io.palitra.report;

import io.palitra.data.DataLoader;
import io.palitra.data.DataSpec;
import io.palitra.data.Picture;
import io.palitra.data.VideoItems;
import io.palitra.engine.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Films [N,T,C,H,W] as strips of frames, time to the right, one below the other; each also to play, and all of them side by side. */
public final class VideoDisplay implements Display {
    private static final int GAP = 2, ROWS = 8;
    /** Frames of a strip; of longer films so many are picked evenly. */
    private static final int SHOWN = 16;
    private static final double FPS = 10;
    private static final String GIF = ".gif", MP4 = ".mp4";

    @Override public boolean shows(DataSpec spec) { return spec instanceof VideoItems; }

    @Override public String items() { return "films"; }

    @Override public String caption() {
        return "Films that the model draws, a row each, time to the right.";
    }

    @Override public int fills(int columns) { return ROWS; }

    @Override public Sheet sheet(DataSpec spec, Tensor x, int columns, String title) {
        List<Picture> strips = films((VideoItems) spec, x).stream().map(VideoDisplay::strip).toList();
        return new Sheet.Drawn(strips.size() == 1 ? strips.get(0) : Grid.of(strips, 1, 2 * GAP));
    }

    @Override public Optional<Sheet> rows(DataSpec spec, Map<String, Tensor> rows) {
        Map<String, List<Picture>> shown = new LinkedHashMap<>();
        rows.forEach((title, x) -> {
            List<Picture> strips = films((VideoItems) spec, x).stream().limit(ROWS).map(VideoDisplay::strip).toList();
            for (int i = 0; i < strips.size(); i++) shown.put(title + " " + i, List.of(strips.get(i)));
        });
        return Optional.of(new Sheet.Drawn(Grid.titled(shown, GAP)));
    }

    /** The strip. */
    @Override public List<Sheet> each(DataSpec spec, Tensor x) {
        return films((VideoItems) spec, x).stream().map(f -> (Sheet) new Sheet.Drawn(strip(f))).toList();
    }

    @Override public List<List<Sheet>> forms(DataSpec spec, Tensor x) {
        List<List<Sheet>> all = new ArrayList<>();
        for (List<Picture> film : films((VideoItems) spec, x)) {
            List<Sheet> forms = new ArrayList<>(List.of(new Sheet.Drawn(strip(film))));
            for (String suffix : moving()) forms.add(played(film, suffix));
            all.add(forms);
        }
        return all;
    }

    @Override public List<String> endings() {
        List<String> all = new ArrayList<>(List.of(".png"));
        all.addAll(moving());
        return List.copyOf(all);
    }

    /** ".gif", and ".mp4" where the module palitra-video is on the class path. */
    @Override public List<String> moving() { return FilmWriter.find(MP4).isPresent() ? List.of(GIF, MP4) : List.of(GIF); }

    /** All films side by side in one. */
    @Override public Sheet film(DataSpec spec, Tensor x, int columns, String suffix) {
        List<List<Picture>> films = films((VideoItems) spec, x);
        List<Picture> frames = new ArrayList<>();
        for (int t = 0; t < films.get(0).size(); t++) {
            int at = t;
            List<Picture> now = films.stream().map(f -> f.get(at)).toList();
            frames.add(now.size() == 1 ? now.get(0) : Grid.of(now, columns, GAP));
        }
        return played(frames, suffix);
    }

    private static Sheet played(List<Picture> frames, String suffix) {
        int factor = Math.max(1, (int) Math.ceil(128.0 / frames.get(0).width()));   // a small film is hardly seen
        List<Picture> large = frames.stream().map(f -> Grid.enlarge(f, factor)).toList();
        if (suffix.equals(GIF)) return new Sheet.Of(Gif.encode(large, (int) Math.round(1000 / FPS)), "image/gif", GIF);
        FilmWriter writer = FilmWriter.find(suffix).orElseThrow();
        try {
            Path folder = Files.createTempDirectory("palitra"), file = folder.resolve("film" + suffix);
            try {
                writer.write(file, large, FPS);
                return new Sheet.Of(Files.readAllBytes(file), "video/mp4", suffix);
            } finally {
                Files.deleteIfExists(file);
                Files.deleteIfExists(folder);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write a film: " + e.getMessage(), e);
        }
    }

    private static Picture strip(List<Picture> film) {
        int n = Math.min(SHOWN, film.size());
        List<Picture> shown = new ArrayList<>();
        for (int k = 0; k < n; k++) shown.add(film.get((int) Math.round(k * (film.size() - 1.0) / (n - 1))));
        return Grid.of(shown, n, GAP);
    }

    /** The frames of each film. */
    private static List<List<Picture>> films(VideoItems spec, Tensor x) {
        byte[] all = DataLoader.toBytes(x);
        int one = spec.channels() * spec.height() * spec.width();
        List<List<Picture>> films = new ArrayList<>();
        for (int i = 0; i < x.size(0); i++) {
            List<Picture> film = new ArrayList<>();
            for (int t = 0; t < spec.frames(); t++) {
                byte[] pixels = new byte[one];
                System.arraycopy(all, (i * spec.frames() + t) * one, pixels, 0, one);
                film.add(new Picture(spec.channels(), spec.height(), spec.width(), pixels));
            }
            films.add(film);
        }
        return films;
    }
}
