package io.palitra.data;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The bytes of a gzip file (RFC 1952) of exactly one member: unlike java.util.zip it checks that nothing follows. Faults are
 * {@link FormatException}s with the byte of the compressed file near which they were seen.
 */
final class GzipMember extends InputStream {
    private final InputStream in;
    private final String file;
    private final Inflater inflater = new Inflater(true);
    private final CRC32 crc = new CRC32();
    private final byte[] buffer = new byte[1 << 16];
    private int at;
    private int filled;
    private long consumed;
    private boolean ended;

    GzipMember(InputStream in, String file) throws IOException {
        this.in = in;
        this.file = file;
        header();
    }

    private void header() throws IOException {
        if (next() != 0x1f || next() != 0x8b) throw fault("not a gzip file");
        if (next() != 8) throw fault("compressed by an unknown method; gzip has only deflate");
        int flags = next();
        if ((flags & 0xe0) != 0) throw fault("reserved gzip flags are set");
        for (int i = 0; i < 6; i++) next();
        if ((flags & 4) != 0) {
            int length = next() | next() << 8;
            for (int i = 0; i < length; i++) next();
        }
        if ((flags & 8) != 0) skipText();
        if ((flags & 16) != 0) skipText();
        if ((flags & 2) != 0) {
            next();
            next();
        }
    }

    private void skipText() throws IOException {
        for (int i = 0; next() != 0; i++) if (i > 1 << 16) throw fault("a name in the gzip header is longer than 64 KiB");
    }

    @Override public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override public int read(byte[] out, int offset, int length) throws IOException {
        if (length == 0) return 0;
        while (!ended) {
            try {
                int n = inflater.inflate(out, offset, length);
                if (n > 0) {
                    crc.update(out, offset, n);
                    return n;
                }
            } catch (DataFormatException e) {
                throw fault("damaged: " + e.getMessage());
            }
            if (inflater.finished()) {
                trailer();
            } else if (inflater.needsDictionary()) {
                throw fault("damaged: a preset dictionary is asked for");
            } else {
                if (at == filled && !fill()) throw new FormatException(file, consumed, "ends in the middle of its compressed data");
                inflater.setInput(buffer, at, filled - at);
                at = filled;
            }
        }
        return -1;
    }

    private void trailer() throws IOException {
        at = filled - inflater.getRemaining();
        long wantCrc = four();
        long wantSize = four();
        if (wantCrc != crc.getValue()) throw fault("damaged: the checksum of its contents is wrong");
        if (wantSize != (inflater.getBytesWritten() & 0xffffffffL)) throw fault("damaged: the size of its contents is wrong");
        if (at < filled || fill()) throw fault("bytes follow the end of the compressed data");
        ended = true;
    }

    private long four() throws IOException { return next() | next() << 8 | next() << 16 | (long) next() << 24; }

    private int next() throws IOException {
        if (at == filled && !fill()) throw new FormatException(file, consumed, "ends in the middle of a gzip header or trailer");
        return buffer[at++] & 0xff;
    }

    private boolean fill() throws IOException {
        consumed += filled;
        at = 0;
        filled = 0;
        int n = in.read(buffer);
        if (n < 0) return false;
        if (n == 0) throw new EOFException(file + ": no bytes came");
        filled = n;
        return true;
    }

    private FormatException fault(String what) { return new FormatException(file, consumed + at, what); }

    @Override public void close() throws IOException {
        inflater.end();
        in.close();
    }
}
