package io.palitra.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/** Grey pictures and labels from a pair of IDX files: MNIST (LeCun et al. 1998) and the sets that took its form. */
public final class Mnist implements ImageDataset {
    private final String name;
    private final ImageSpec spec;
    private final List<String> classNames;
    private final Idx pictures;
    private final Idx labels;

    private Mnist(String name, Idx pictures, Idx labels, List<String> classNames) {
        this.name = name;
        this.pictures = pictures;
        this.labels = labels;
        this.classNames = classNames;
        this.spec = new ImageSpec(1, pictures.shape()[1], pictures.shape()[2], classNames.size());
    }

    /** Whether a folder holds the two files of a split, packed or not. */
    static boolean in(Path folder, Split split) {
        return Files.isRegularFile(file(folder, split, "images-idx3-ubyte"))
            && Files.isRegularFile(file(folder, split, "labels-idx1-ubyte"));
    }

    /**
     * Reads {@code train-images-idx3-ubyte} and {@code train-labels-idx1-ubyte}, or {@code t10k-...}, each as it is or with .gz.
     *
     * @throws FormatException when a file is missing or damaged, or the two do not fit
     */
    public static Mnist read(String name, Path folder, Split split, List<String> classNames, Limits limits) {
        Path images = file(folder, split, "images-idx3-ubyte");
        Path classes = file(folder, split, "labels-idx1-ubyte");
        Idx pictures = Idx.read(images, limits);
        Idx labels = Idx.read(classes, limits);
        if (pictures.shape().length != 3) throw new FormatException(images.toString(), 3, "pictures have rank 3, this file has rank 1");
        if (labels.shape().length != 1) throw new FormatException(classes.toString(), 3, "labels have rank 1, this file has rank 3");
        if (pictures.shape()[1] > limits.side() || pictures.shape()[2] > limits.side()) {
            throw new FormatException(images.toString(), 8, "pictures of a side above " + limits.side());
        }
        if (pictures.shape()[0] != labels.shape()[0]) {
            throw new FormatException(classes.toString(), 4, labels.shape()[0] + " labels for " + pictures.shape()[0] + " pictures");
        }
        for (int i = 0; i < labels.values().length; i++) {
            int label = labels.values()[i] & 0xff;
            if (label >= classNames.size()) {
                throw new FormatException(classes.toString(), 8L + i, "label " + label + ", must be 0 to " + (classNames.size() - 1));
            }
        }
        return new Mnist(name, pictures, labels, classNames);
    }

    private static Path file(Path folder, Split split, String what) {
        Path plain = folder.resolve((split == Split.TRAIN ? "train-" : "t10k-") + what);
        return Files.isRegularFile(plain) ? plain : folder.resolve(plain.getFileName() + ".gz");
    }

    @Override public String name() { return name; }

    @Override public ImageSpec spec() { return spec; }

    @Override public int size() { return pictures.shape()[0]; }

    @Override public int label(int i) { return labels.values()[Objects.checkIndex(i, size())] & 0xff; }

    @Override public List<String> classNames() { return classNames; }

    @Override public void pixels(int i, byte[] out, int offset) {
        int n = (int) spec.dims();
        System.arraycopy(pictures.values(), Objects.checkIndex(i, size()) * n, out, offset, n);
    }
}
