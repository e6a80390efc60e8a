package io.palitra.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * All that is at a path, whatever part it is of.
 *
 * @param items those for training first, or in the order of a table's rows
 * @param trains whether an item is for training
 */
public record Whole(Dataset items, IntPredicate trains) {
    /**
     * Opens a folder or .zip of pictures, one picture, a table, or text; of a set of the catalogue the test part.
     *
     * @param like see {@link Table#open}
     * @throws IllegalArgumentException when there is nothing of that name
     * @throws FormatException when files are missing or damaged
     */
    public static Whole open(String nameOrPath, DataOptions options, @Nullable VectorSpec like) {
        boolean known = nameOrPath.equals("toy") || Datasets.catalogue().stream().anyMatch(s -> s.name().equals(nameOrPath));
        Path path = Datasets.path(nameOrPath);
        if (like == null && (known || nameOrPath.isBlank() || !Files.exists(path))) {
            return new Whole(Datasets.open(nameOrPath, Split.TEST, options), i -> false);
        }
        if (like != null || Table.named(path)) {
            Table table = Table.open(path, null, options, like);
            return new Whole(table, table::trains);
        }
        String name = Datasets.name(path, nameOrPath);
        if (TextFiles.at(path, options)) return Texts.whole(path, name, options, null, Limits.DEFAULT);
        if (FilmFolder.named(path, options)) return new Whole(Datasets.open(nameOrPath, Split.TEST, options), i -> false);
        if (ImageFolder.pair(path)) {
            Both both = new Both(ImageFolder.open(path, name, Split.TRAIN, options, Limits.DEFAULT),
                ImageFolder.open(path, name, Split.TEST, options, Limits.DEFAULT));
            return new Whole(both, i -> i < both.train.size());
        }
        ImageFolder folder = ImageFolder.whole(path, name, options, Limits.DEFAULT);
        return new Whole(folder, folder::trains);
    }

    /** What two zips hold, side by side. */
    private record Both(ImageFolder train, ImageFolder test) implements ImageDataset {
        private ImageFolder of(int i) { return i < train.size() ? train : test; }

        private int at(int i) { return i < train.size() ? i : i - train.size(); }

        @Override public String name() { return train.name(); }

        @Override public ImageSpec spec() { return train.spec(); }

        @Override public int size() { return train.size() + test.size(); }

        @Override public int label(int i) { return of(i).label(at(i)); }

        @Override public List<String> classNames() { return train.classNames(); }

        @Override public String source(int i) { return (i < train.size() ? "train.zip/" : "test.zip/") + of(i).source(at(i)); }

        @Override public List<String> notes() {
            return java.util.stream.Stream.concat(train.notes().stream(), test.notes().stream()).toList();
        }

        @Override public void pixels(int i, byte[] out, int offset) { of(i).pixels(at(i), out, offset); }
    }
}
