package io.palitra.job;

import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.ModelRef;
import io.palitra.model.TextImage;
import io.palitra.model.Watcher;
import io.palitra.stage.ClipEmbedder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Pictures in the order in which a CLIP finds them near to a text. */
final class ByClip {
    /** Pictures that are ranked at once. */
    private static final int AT_ONCE = 64;

    private ByClip() {}

    /** Refuses a CLIP that is not there, before anything is drawn for it to rank. @throws IllegalArgumentException that names the places */
    static void refuseMissing(String clip) { new ModelRef(clip).place(); }

    /** A CLIP, which may stay open. */
    static OpenModels.Lease<ClipEmbedder> lease(String clip) throws IOException {
        Path place = new ModelRef(clip).place();
        long bytes = 0;
        List<Object> state = new ArrayList<>();
        if (OpenModels.keeps()) {
            try (Stream<Path> files = Files.isDirectory(place) ? Files.list(place) : Stream.of(place)) {
                for (Path file : files.filter(f -> f.toString().endsWith(".safetensors")).sorted().toList()) {
                    bytes += Files.size(file);
                    state.add(List.of(Files.size(file), Files.getLastModifiedTime(file)));
                }
            }
        }
        OpenModels.Wanted wanted = new OpenModels.Wanted(clip, List.of(ClipEmbedder.class, place), state, bytes);
        return OpenModels.lease(wanted, () -> ClipEmbedder.open(clip));
    }

    /**
     * The places of the pictures, the nearest first. Waits for the device.
     *
     * @param clip a run of clip, a folder, or org/name
     * @param x pictures [N,C,H,W] in [-1,1] on the processor
     */
    static long[] order(String clip, Tensor x, String text, Watcher watcher) throws IOException {
        int n = (int) x.size(0);
        try (OpenModels.Lease<ClipEmbedder> lease = lease(clip); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            TextImage ranks = lease.model();
            Tensor point = ranks.embedText(List.of(text));
            double[] near = new double[n];
            for (int i = 0; i < n; i += AT_ONCE) {
                watcher.checkStop();
                int from = i, count = Math.min(AT_ONCE, n - i);
                double[] part = Scope.run(() -> ranks.embedImage(x.rows(from, count)).matmul(point.t())).doubles();
                System.arraycopy(part, 0, near, i, count);
            }
            return IntStream.range(0, n).boxed().sorted(Comparator.comparingDouble(i -> -near[i])).mapToLong(i -> i).toArray();
        }
    }
}
