package io.palitra.data;

import java.util.List;

/** Another data set's pictures fitted to a square of another size, or with another number of channels, each time they are asked for. */
public final class Resized implements ImageDataset {
    private final ImageDataset of;
    private final ImageSpec spec;

    private Resized(ImageDataset of, ImageSpec spec) {
        this.of = of;
        this.spec = spec;
    }

    /** The data set itself when it is as asked for already. @param size as in {@link DataOptions} @param channels likewise */
    public static ImageDataset of(ImageDataset of, int size, int channels) {
        ImageSpec is = of.spec();
        ImageSpec asked = new ImageSpec(channels == 0 ? is.channels() : channels, size == 0 ? is.height() : size,
            size == 0 ? is.width() : size, is.classes());
        if (asked.equals(is)) return of;
        return new Resized(of, asked);
    }

    @Override public String name() { return of.name(); }

    @Override public Fingerprint fingerprint() { return of.fingerprint(); }

    @Override public String source(int i) { return of.source(i); }

    @Override public List<String> notes() { return of.notes(); }

    @Override public ImageSpec spec() { return spec; }

    @Override public int size() { return of.size(); }

    @Override public int label(int i) { return of.label(i); }

    @Override public List<String> classNames() { return of.classNames(); }

    @Override public List<String> captions(int i) { return of.captions(i); }

    @Override public void pixels(int i, byte[] out, int offset) {
        ImageSpec is = of.spec();
        byte[] bytes = new byte[(int) is.dims()];
        of.pixels(i, bytes, 0);
        Picture picture = new Picture(is.channels(), is.height(), is.width(), bytes);
        // the fewer channels, the less to resample: grey before, colour after
        if (spec.channels() == 1) picture = Pictures.grey(picture);
        picture = Pictures.fit(picture, spec.height(), spec.width());
        if (spec.channels() == 3) picture = Pictures.rgb(picture);
        System.arraycopy(picture.pixels(), 0, out, offset, picture.pixels().length);
    }
}
