package io.palitra.data;

import io.palitra.config.InWords;
import io.palitra.data.DownloadException.Fault;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** The six files of CIFAR-10 out of its .tar.gz (POSIX ustar). Every other entry is passed over; no name in the archive becomes a path. */
final class Tar {
    private static final int BLOCK = 512;
    private static final int MOST_ENTRIES = 1000;

    private Tar() { }

    /**
     * Writes data_batch_1.bin ... test_batch.bin into a folder, each at once when its length and labels are right.
     *
     * @param records pictures in each file
     * @throws FormatException when the archive is damaged or lacks one of the six
     * @throws DownloadException when a file cannot be written
     */
    static void cifar(Path archive, Path folder, int records) {
        String name = archive.toString();
        List<String> wanted = new ArrayList<>(Cifar10.names(Split.TRAIN));
        wanted.addAll(Cifar10.names(Split.TEST));
        try (InputStream in = new GzipMember(Files.newInputStream(archive), name)) {
            read(new BufferedInputStream(in), name, folder, wanted, records);
        } catch (IOException e) {
            throw new FormatException(name, -1, "cannot be read: " + e.getMessage(), e);
        }
        if (!wanted.isEmpty()) throw new FormatException(name, -1, "lacks " + InWords.list(wanted));
    }

    private static void read(InputStream in, String name, Path folder, List<String> wanted, int records) throws IOException {
        long most = 2L * 6 * records * Cifar10.RECORD + (1 << 20);
        long at = 0;
        for (int entries = 0; ; entries++) {
            if (entries == MOST_ENTRIES || at > most) throw new FormatException(name, at, "more than the six files of CIFAR-10 can need");
            byte[] head = in.readNBytes(BLOCK);
            if (head.length < BLOCK) throw new FormatException(name, at, "the archive ends without its end mark");
            if (zero(head)) break;
            checksum(head, name, at);
            long size = octal(head, 124, 12, name, at);
            at += BLOCK;
            if (size > most) throw new FormatException(name, at, "an entry claims " + size + " bytes");
            String file = text(head, 0, 100);
            file = file.substring(file.lastIndexOf('/') + 1);
            long padded = (size + BLOCK - 1) / BLOCK * BLOCK;
            if (wanted.contains(file) && head[156] != '5') {
                if (head[156] != '0' && head[156] != 0) throw new FormatException(name, at, file + " is a link or the like, not a file");
                if (size != (long) records * Cifar10.RECORD) {
                    throw new FormatException(name, at, file + " has " + size + " bytes, must be " + (long) records * Cifar10.RECORD);
                }
                byte[] bytes = in.readNBytes((int) size);
                write(folder, file, Cifar10.checked(bytes, records, name + "!" + file));
                in.skipNBytes(padded - size);
                wanted.remove(file);
            } else {
                in.skipNBytes(padded);
            }
            at += padded;
        }
        // the rest is padding; reading it lets the checksum of the whole be checked
        byte[] rest = new byte[BLOCK];
        for (long padding = 0; ; ) {
            int n = in.read(rest);
            if (n < 0) return;
            padding += n;
            if (padding > 1 << 20) throw new FormatException(name, at, "more than 1 MiB of padding at the end");
        }
    }

    private static void write(Path folder, String file, byte[] bytes) {
        Path part = folder.resolve(file + ".part");
        try {
            Files.write(part, bytes);
            Files.move(part, folder.resolve(file), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new DownloadException(Fault.DISK, "cannot write " + folder.resolve(file) + ": " + e.getMessage(), e);
        }
    }

    private static boolean zero(byte[] head) {
        for (byte b : head) if (b != 0) return false;
        return true;
    }

    /** The sum of the header's bytes, its own field counted as blanks. */
    private static void checksum(byte[] head, String name, long at) {
        int sum = 0;
        for (int i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? ' ' : head[i] & 0xff;
        if (sum != octal(head, 148, 8, name, at)) throw new FormatException(name, at, "not a tar archive: wrong checksum of an entry");
    }

    private static long octal(byte[] head, int from, int length, String name, long at) {
        String digits = text(head, from, length).strip();
        if (!digits.matches("[0-7]{1,11}")) throw new FormatException(name, at + from, "not a tar archive: a number is not octal");
        return Long.parseLong(digits, 8);
    }

    /** Up to the first zero byte. */
    private static String text(byte[] head, int from, int length) {
        int end = from;
        while (end < from + length && head[end] != 0) end++;
        return new String(head, from, end - from, StandardCharsets.ISO_8859_1);
    }
}
