package io.palitra.report;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.data.DataLoader;
import io.palitra.data.ImageSpec;
import io.palitra.data.Picture;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Sheets of pictures of one size: samples side by side, or named rows such as originals above their reconstructions. */
public final class Grid {
    private static final byte PAPER = (byte) 255;

    private Grid() {}

    /**
     * The pictures row by row, {@code gap} white pixels between neighbours; places left over in the last row are white.
     *
     * @throws IllegalArgumentException for no pictures, pictures of several shapes, or a sheet of more than 2^31 - 1 bytes
     */
    public static Picture of(List<Picture> pictures, int columns, int gap) {
        if (columns < 1) throw new ArgumentException("illegal columns: " + columns + ", must be at least 1");
        if (gap < 0) throw new ArgumentException("illegal gap: " + gap + ", must be at least 0");
        Picture first = sameShape(pictures);
        int across = Math.min(columns, pictures.size());
        int down = (pictures.size() + across - 1) / across;
        Picture sheet = paper(first.channels(), (long) down * (first.height() + gap) - gap, (long) across * (first.width() + gap) - gap);
        for (int i = 0; i < pictures.size(); i++) {
            paste(pictures.get(i), sheet, i / across * (first.height() + gap), i % across * (first.width() + gap));
        }
        return sheet;
    }

    /** About as many columns as rows, 2 pixels between. */
    public static Picture of(Picture... pictures) {
        return of(List.of(pictures), Math.max(1, (int) Math.ceil(Math.sqrt(pictures.length))), 2);
    }

    /** Every pixel becomes a square of factor x factor: [C,H,W] to [C,factor H,factor W]. */
    public static Picture enlarge(Picture picture, int factor) {
        if (factor < 1) throw new ArgumentException("illegal factor: " + factor + ", must be at least 1");
        Picture large = paper(picture.channels(), (long) factor * picture.height(), (long) factor * picture.width());
        int w = large.width();
        for (int row = 0; row < picture.channels() * picture.height(); row++) {
            int to = row * factor * w;
            for (int x = 0; x < w; x++) large.pixels()[to + x] = picture.pixels()[row * picture.width() + x / factor];
            for (int copy = 1; copy < factor; copy++) System.arraycopy(large.pixels(), to, large.pixels(), to + copy * w, w);
        }
        return large;
    }

    /** Rows of pictures, each under its title: {@code {"original": [...], "reconstruction": [...]}}. Rows may differ in length. */
    public static Picture titled(Map<String, List<Picture>> rows, int gap) {
        if (gap < 0) throw new ArgumentException("illegal gap: " + gap + ", must be at least 0");
        List<Picture> all = new ArrayList<>();
        rows.values().forEach(all::addAll);
        Picture first = sameShape(all);
        int longest = rows.values().stream().mapToInt(List::size).max().orElseThrow();
        int widest = rows.keySet().stream().mapToInt(title -> Lettering.width(title, 1) + 2).max().orElseThrow();
        int title = Lettering.HEIGHT + 3;
        int pitch = title + first.height() + 4;
        long width = Math.max((long) longest * (first.width() + gap) - gap, widest);
        Picture sheet = paper(first.channels(), (long) rows.size() * pitch, width);
        int y = 0;
        for (Map.Entry<String, List<Picture>> row : rows.entrySet()) {
            Lettering.draw(sheet, row.getKey(), 1, y + 2, 1, 0x404040);
            int x = 0;
            for (Picture picture : row.getValue()) {
                paste(picture, sheet, y + title, x);
                x += first.width() + gap;
            }
            y += pitch;
        }
        return sheet;
    }

    /** An empty white sheet. */
    static Picture paper(int channels, long height, long width) {
        if (height > Integer.MAX_VALUE || width > Integer.MAX_VALUE || height * width > Integer.MAX_VALUE / channels) {
            throw new ArgumentException("a sheet of " + height + "x" + width + " pixels is too large");
        }
        byte[] pixels = new byte[(int) (channels * height * width)];
        Arrays.fill(pixels, PAPER);
        return new Picture(channels, (int) height, (int) width, pixels);
    }

    private static void paste(Picture picture, Picture sheet, int top, int left) {
        int w = picture.width();
        for (int c = 0; c < picture.channels(); c++) {
            for (int y = 0; y < picture.height(); y++) {
                int to = (c * sheet.height() + top + y) * sheet.width() + left;
                System.arraycopy(picture.pixels(), (c * picture.height() + y) * w, sheet.pixels(), to, w);
            }
        }
    }

    private static Picture sameShape(List<Picture> pictures) {
        if (pictures.isEmpty()) throw new ArgumentException("a grid wants at least one picture, got none");
        Picture first = pictures.get(0);
        for (Picture p : pictures) {
            if (p.channels() != first.channels() || p.height() != first.height() || p.width() != first.width()) {
                throw new ArgumentException("a grid wants pictures of one shape, got " + shape(first) + " and " + shape(p));
            }
        }
        return first;
    }

    static String shape(Picture p) {
        return InWords.shape(p.channels(), p.height(), p.width());
    }

    /** Items of [N,C,H,W] in [-1,1] as pictures. Waits for the device. */
    public static List<Picture> pictures(Tensor x) {
        if (x.dims() != 4) throw new ArgumentException("pictures wants [N,C,H,W], got " + x);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            byte[] bytes = DataLoader.toBytes(x);
            ImageSpec spec = new ImageSpec((int) x.size(1), (int) x.size(2), (int) x.size(3), 0);
            int each = (int) spec.dims();
            List<Picture> pictures = new ArrayList<>();
            for (int i = 0; i < x.size(0); i++) {
                pictures.add(new Picture(spec.channels(), spec.height(), spec.width(), Arrays.copyOfRange(bytes, i * each, (i
                    + 1) * each)));
            }
            return pictures;
        }
    }
}
