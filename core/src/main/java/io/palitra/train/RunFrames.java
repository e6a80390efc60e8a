package io.palitra.train;

import io.palitra.report.Display;
import io.palitra.report.ReportData.Frame;
import io.palitra.report.ReportData.Frames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** The sheets that a run drew while it learned, for its page. */
final class RunFrames {
    /** Bytes of all frames that a page holds; of more it has every second, third, ... and the last. */
    private static final long MOST = 12 << 20;

    /** Where a PNG says its width, and then its height, in 4 bytes each. */
    private static final int WIDTH = 16;

    private RunFrames() {}

    /** Up to the step of the summary, oldest first; empty where there are fewer than two. */
    static Optional<Frames> of(Path run, Display display, Consumer<String> warn) throws IOException {
        Path folder = run.resolve(Gallery.SAMPLES);
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) return Optional.empty();
        String suffix = display.suffix();
        long end = RunFolder.summary(run, said -> {}).map(json -> json.path("step").asLong()).orElse(Long.MAX_VALUE);
        List<Path> files;
        try (Stream<Path> all = Files.list(folder)) {
            files = all.filter(p -> p.getFileName().toString().matches("step-\\d{8,18}\\" + suffix)).filter(p -> step(p) <= end)
                .sorted(Comparator.comparingLong(RunFrames::step)).toList();
        }
        long bytes = 0;
        for (Path f : files) bytes += Files.size(f);
        int every = (int) (bytes / MOST + 1);
        List<Frame> frames = new ArrayList<>();
        List<String> faults = new ArrayList<>();
        int chosen = 0;
        for (int i = files.size() - 1; i >= 0; i -= every) {
            chosen++;
            Path file = files.get(i);
            boolean picture = suffix.equals(".png");
            Optional<byte[]> held = picture ? RunFolder.picture(file, faults::add) : RunFolder.bytes(file, faults::add);
            if (held.isEmpty()) continue;
            byte[] last = frames.isEmpty() ? held.get() : frames.get(0).bytes();
            if (!picture || Arrays.equals(last, WIDTH, WIDTH + 8, held.get(), WIDTH, WIDTH + 8)) {
                frames.add(0, new Frame("step " + step(file), held.get()));
            } else faults.add("'" + file + "' is of another size");
        }
        if (!faults.isEmpty()) {
            warn.accept("the page lacks " + (faults.size() == 1 ? "a picture" : faults.size() + " pictures") + " of " + Gallery.SAMPLES
                + ": " + faults.get(0) + (faults.size() == 1 ? "" : "; and " + (faults.size() - 1) + " more"));
        }
        if (frames.size() < 2) return Optional.empty();
        String shown = chosen == files.size() ? "" : " " + chosen + " of " + files.size() + " frames; all lie in " + Gallery.SAMPLES + ".";
        return Optional.of(new Frames("Samples", display.caption() + " Move the slider to see the same noise drawn earlier in the training."
            + shown, suffix.equals(".png") ? "image/png" : "text/plain", frames));
    }

    private static long step(Path frame) {
        String name = frame.getFileName().toString();
        return Long.parseLong(name.substring("step-".length(), name.lastIndexOf('.')));
    }
}
