package io.palitra.data;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The IDX file of MNIST and its kin: 0, 0, type, rank, then big-endian sizes and the values. Bytes (type 8) of rank 1 (labels [N]) and
 * rank 3 (pictures [N,H,W]) are read. The array is not copied.
 */
public record Idx(int[] shape, byte[] values) {
    private static final int CHUNK = 1 << 20;

    /**
     * Reads a file, gunzipping it when its name ends in .gz.
     *
     * @throws FormatException when it is not such a file, is too large, too short, or has bytes to spare
     */
    public static Idx read(Path file, Limits limits) {
        String name = file.toString();
        boolean packed = name.endsWith(".gz");
        try (InputStream in = Files.newInputStream(file)) {
            return packed ? gunzip(in, name, limits) : parse(new BufferedInputStream(in, 1 << 16), Files.size(file), name, limits);
        } catch (IOException e) {
            throw new FormatException(name, -1, "cannot be read: " + e.getMessage(), e);
        }
    }

    /** The same from memory. */
    static Idx read(byte[] bytes, boolean packed, String name, Limits limits) {
        try (InputStream in = new ByteArrayInputStream(bytes)) {
            return packed ? gunzip(in, name, limits) : parse(in, bytes.length, name, limits);
        } catch (IOException e) {
            throw new FormatException(name, -1, "cannot be read: " + e.getMessage(), e);
        }
    }

    private static Idx gunzip(InputStream in, String name, Limits limits) throws IOException {
        try (InputStream unpacked = new GzipMember(in, name)) {
            return parse(unpacked, -1, name, limits);
        }
    }

    /** @param available bytes the stream holds, -1 when unknown before reading */
    private static Idx parse(InputStream in, long available, String name, Limits limits) throws IOException {
        byte[] head = exactly(in, 4, name, 0);
        if (head[0] != 0 || head[1] != 0) throw new FormatException(name, 0, "not an IDX file: it must begin with two zero bytes");
        if (head[2] != 8) throw new FormatException(name, 2, "values of type " + (head[2] & 0xff) + "; bytes (type 8) are read");
        int rank = head[3] & 0xff;
        if (rank != 1 && rank != 3) throw new FormatException(name, 3, "rank " + rank + "; 1 (labels) and 3 (pictures) are read");
        ByteBuffer sizes = ByteBuffer.wrap(exactly(in, 4 * rank, name, 4));
        int[] shape = new int[rank];
        long product = 1;
        for (int d = 0; d < rank; d++) {
            shape[d] = sizes.getInt();
            if (shape[d] < 1) throw new FormatException(name, 4 + 4L * d, "illegal size of dimension " + d);
            // each factor is below 2^31 and the product at most 2^31 before it: no overflow
            product *= shape[d];
            if (product > limits.arrayBytes()) {
                throw new FormatException(name, 4 + 4L * d, "claims more than the " + limits.arrayBytes() + " bytes that are read");
            }
        }
        long header = 4 + 4L * rank;
        if (available >= 0 && available - header != product) {
            throw new FormatException(name, -1, "claims " + product + " values but holds " + (available - header));
        }
        byte[] values = exactly(in, (int) product, name, header);
        if (in.read() >= 0) throw new FormatException(name, header + product, "bytes follow the " + product + " values claimed");
        return new Idx(shape, values);
    }

    /** n bytes; memory grows with the bytes that came, not with the claim. */
    private static byte[] exactly(InputStream in, int n, String name, long offset) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream(Math.min(n, CHUNK));
        byte[] chunk = new byte[Math.min(n, CHUNK)];
        while (all.size() < n) {
            int got = in.read(chunk, 0, Math.min(chunk.length, n - all.size()));
            if (got < 0) throw new FormatException(name, offset + all.size(), "ends after " + all.size() + " of " + n + " bytes");
            all.write(chunk, 0, got);
        }
        return all.toByteArray();
    }
}
