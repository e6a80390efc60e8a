package io.palitra.edit;

import io.palitra.data.DataLoader;
import io.palitra.data.FormatException;
import io.palitra.data.Picture;
import io.palitra.data.PictureFiles;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.TextImage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntConsumer;

/** The pictures of a folder that are nearest to a text, or to a picture, on the sphere of a {@link TextImage}. */
public final class PictureSearch {
    /** Pictures of one size in a batch, and pixels of them at most. */
    private static final int AT_ONCE = 32, PIXELS = 1 << 22;

    private PictureSearch() {}

    /** @param file its name in the folder @param cosine to the query */
    public record Found(String file, double cosine) {}

    /**
     * @param all that could be read, the nearest first
     * @param skipped why each of the others was not
     * @param notes damage that was accepted, a line each
     */
    public record Result(List<Found> all, List<String> skipped, List<String> notes) {}

    /** As [1,C,H,W] in [-1,1]. */
    public static Tensor tensor(Picture p, Device device) {
        return DataLoader.fromBytes(Torch.of(p.pixels(), 1, p.channels(), p.height(), p.width()).to(device));
    }

    /**
     * Reads every picture once; memory does not grow with their number.
     *
     * @param query [1,P], of length 1
     * @param seen receives the number of pictures read so far
     */
    public static Result of(TextImage model, Tensor query, PictureFiles files, Device device, IntConsumer seen) {
        List<Found> all = new ArrayList<>();
        List<String> skipped = new ArrayList<>(), notes = new ArrayList<>(files.notes()), names = new ArrayList<>();
        List<Picture> some = new ArrayList<>();
        for (String name : files.names()) {
            Picture picture;
            try {
                picture = files.read(name, notes::add);
            } catch (FormatException e) {
                skipped.add(e.getMessage());
                continue;
            }
            if (!some.isEmpty() && !fits(some, picture)) flush(model, query, names, some, device, all);
            some.add(picture);
            names.add(name);
            seen.accept(all.size() + some.size() + skipped.size());
        }
        flush(model, query, names, some, device, all);
        all.sort(Comparator.comparingDouble((Found f) -> -f.cosine).thenComparing(Found::file));
        return new Result(all, skipped, notes);
    }

    private static boolean fits(List<Picture> some, Picture p) {
        Picture first = some.get(0);
        return some.size() < AT_ONCE && (some.size() + 1L) * p.height() * p.width() <= PIXELS && p.channels() == first.channels()
            && p.height() == first.height() && p.width() == first.width();
    }

    private static void flush(TextImage model, Tensor query, List<String> names, List<Picture> some, Device device, List<Found> all) {
        if (some.isEmpty()) return;
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor x = Torch.cat(0, some.stream().map(p -> tensor(p, device)).toList());
            double[] cosines = model.embedImage(x).matmul(query.t()).reshape(-1).doubles();   // waits for the device
            for (int i = 0; i < cosines.length; i++) all.add(new Found(names.get(i), cosines[i]));
        }
        names.clear();
        some.clear();
    }
}
