package io.palitra.stage;

import io.palitra.config.Reason;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32;

/**
 * Rows of numbers that can be computed again, kept in a file by the place of their items. A row is written behind its CRC-32; one whose sum
 * is wrong, such as one cut off by a crash, is not there. A file of another name, size or shape is begun anew.
 */
final class LatentFile implements AutoCloseable {
    private static final int HEADER = 128;

    private final FileChannel file;
    private final int numbers;

    /**
     * @param of of what the rows are, at most 100 ASCII characters: those of others are thrown away
     * @param numbers in a row
     */
    LatentFile(Path path, String of, int numbers) {
        this.numbers = numbers;
        try {
            file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            byte[] wanted = ("palitra latents 1 " + of + " " + numbers).getBytes(StandardCharsets.US_ASCII);
            ByteBuffer own = ByteBuffer.allocate(HEADER).put(wanted).rewind(), there = ByteBuffer.allocate(HEADER);
            if (read(there, 0) && there.equals(own)) return;
            file.truncate(0);
            write(own, 0);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot keep latents in '" + path + "': " + Reason.of(e), e);
        }
    }

    private long place(int item) { return HEADER + item * (long) (4 + 4 * numbers); }

    /** Copies the row of an item to {@code into} from {@code at} on; false where there is none. */
    boolean read(int item, float[] into, int at) {
        ByteBuffer row = ByteBuffer.allocate(4 + 4 * numbers).order(ByteOrder.LITTLE_ENDIAN);
        try {
            if (!read(row, place(item)) || row.getInt() != sum(row)) return false;
        } catch (IOException e) {
            return false;   // it is computed again
        }
        row.asFloatBuffer().get(into, at, numbers);
        return true;
    }

    /** Keeps a row, from {@code at} on. */
    void write(int item, float[] from, int at) {
        ByteBuffer row = ByteBuffer.allocate(4 + 4 * numbers).order(ByteOrder.LITTLE_ENDIAN).position(4);
        row.asFloatBuffer().put(from, at, numbers);
        row.putInt(0, sum(row)).rewind();
        try {
            write(row, place(item));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot keep latents: " + Reason.of(e), e);
        }
    }

    /** Never 0, which is what a hole in a file reads as. */
    private static int sum(ByteBuffer row) {
        CRC32 crc = new CRC32();
        crc.update(row.duplicate().position(4));
        return (int) crc.getValue() == 0 ? 1 : (int) crc.getValue();
    }

    /** Fills a buffer and rewinds it; false at the end of the file. */
    private boolean read(ByteBuffer into, long at) throws IOException {
        while (into.hasRemaining()) {
            int n = file.read(into, at + into.position());
            if (n < 0) return false;
        }
        into.rewind();
        return true;
    }

    private void write(ByteBuffer from, long at) throws IOException {
        while (from.hasRemaining()) file.write(from, at + from.position());
    }

    @Override public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot keep latents: " + Reason.of(e), e);
        }
    }
}
