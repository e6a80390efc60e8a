package io.palitra.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** CIFAR-10 (Krizhevsky 2009), the binary version: files of 10,000 records, each a label and 3x32x32 bytes. */
public final class Cifar10 implements ImageDataset {
    static final List<String> CLASSES =
        List.of("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck");
    static final int RECORDS = 10_000;
    static final int RECORD = 1 + 3 * 32 * 32;
    private static final ImageSpec SPEC = new ImageSpec(3, 32, 32, 10);

    private final List<byte[]> files;
    private final int records;

    private Cifar10(List<byte[]> files, int records) {
        this.files = files;
        this.records = records;
    }

    /** Names of the files of a split. */
    static List<String> names(Split split) {
        if (split == Split.TEST) return List.of("test_batch.bin");
        return List.of("data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin");
    }

    /** Whether a folder holds all files of a split. */
    static boolean in(Path folder, Split split) {
        return names(split).stream().allMatch(name -> Files.isRegularFile(folder.resolve(name)));
    }

    /**
     * Reads {@code data_batch_1.bin} to {@code data_batch_5.bin}, or {@code test_batch.bin}.
     *
     * @throws FormatException when a file is missing, has another length, or a label above 9
     */
    public static Cifar10 read(Path folder, Split split) { return read(folder, split, RECORDS); }

    /** @param records pictures in each file */
    static Cifar10 read(Path folder, Split split, int records) {
        List<byte[]> files = new ArrayList<>();
        for (String name : names(split)) {
            Path file = folder.resolve(name);
            try {
                size(Files.size(file), records, file.toString());
                try (InputStream in = Files.newInputStream(file)) {
                    // one byte more than fits: a file that grew meanwhile is seen
                    files.add(checked(in.readNBytes(records * RECORD + 1), records, file.toString()));
                }
            } catch (IOException e) {
                throw new FormatException(file.toString(), -1, "cannot be read: " + e.getMessage(), e);
            }
        }
        return new Cifar10(files, records);
    }

    /** The bytes themselves, when their length and labels are right. */
    static byte[] checked(byte[] bytes, int records, String name) {
        size(bytes.length, records, name);
        for (int i = 0; i < records; i++) {
            int label = bytes[i * RECORD] & 0xff;
            if (label > 9) throw new FormatException(name, (long) i * RECORD, "label " + label + ", must be 0 to 9");
        }
        return bytes;
    }

    private static void size(long bytes, int records, String name) {
        if (bytes != (long) records * RECORD) {
            throw new FormatException(name, -1, bytes + " bytes, must be " + (long) records * RECORD + " (" + records + " records)");
        }
    }

    @Override public String name() { return "cifar10"; }

    @Override public ImageSpec spec() { return SPEC; }

    @Override public int size() { return files.size() * records; }

    @Override public int label(int i) {
        Objects.checkIndex(i, size());
        return files.get(i / records)[i % records * RECORD];
    }

    @Override public List<String> classNames() { return CLASSES; }

    @Override public void pixels(int i, byte[] out, int offset) {
        Objects.checkIndex(i, size());
        System.arraycopy(files.get(i / records), i % records * RECORD + 1, out, offset, RECORD - 1);
    }
}
