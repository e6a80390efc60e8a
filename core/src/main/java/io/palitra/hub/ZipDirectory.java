package io.palitra.hub;

import io.palitra.data.FormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The entries of a zip file as PyTorch writes it: nothing compressed, nothing encrypted, one disk, no comment, sizes of 64 bits where
 * needed. An entry's record in the directory must agree with its local header, and no two entries may share a byte.
 */
final class ZipDirectory {
    private static final int END = 0x06054b50;
    private static final int END_64 = 0x06064b50;
    private static final int LOCATOR_64 = 0x07064b50;
    private static final int ENTRY = 0x02014b50;
    private static final int LOCAL = 0x04034b50;
    /** Sizes follow the values; names are UTF-8. */
    private static final int KNOWN_FLAGS = 0x0808;
    private static final long MAX_32 = 0xffffffffL;

    /** An entry: where its bytes are, and their CRC-32, 0 where the writer did not compute it. */
    record Place(long at, long size, int crc) {}

    private record Found(String name, byte[] rawName, int flags, long header, long size, int crc) {}

    private final String file;
    private final FileChannel channel;

    private ZipDirectory(String file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /** Entries by name, in the order of their bytes. @throws FormatException when the file breaks a rule above, or a limit */
    static Map<String, Place> read(String file, FileChannel channel, TorchFile.Limits limits) throws IOException {
        return new ZipDirectory(file, channel).entries(limits);
    }

    private ByteBuffer bytes(long at, int n) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(n).order(ByteOrder.LITTLE_ENDIAN);
        Safetensors.readFully(file, channel, at, b);
        return b.flip();
    }

    private FormatException wrong(long at, String message) { return new FormatException(file, at, "the zip file " + message); }

    private Map<String, Place> entries(TorchFile.Limits limits) throws IOException {
        long size = channel.size();
        long end = size - 22;
        if (end < 0 || bytes(end, 4).getInt() != END) throw wrong(Math.max(0, end), "has no end of directory; it is cut short or goes on");
        ByteBuffer b = bytes(end, 22);
        if (b.getInt(4) != 0 || b.getShort(20) != 0) throw wrong(end, "has several disks or a comment");
        long count = b.getShort(8) & 0xffff;
        long length = b.getInt(12) & MAX_32;
        long from = b.getInt(16) & MAX_32;
        long until = end;
        if (end >= 76 && bytes(end - 20, 4).getInt() == LOCATOR_64) {
            until = end - 76;
            ByteBuffer wide = bytes(until, 76);
            if (wide.getInt(0) != END_64 || wide.getLong(4) != 44 || wide.getLong(64) != until) {
                throw wrong(until, "has no end of directory of 64 bits where it should be");
            }
            boolean agree = (count == 0xffff || count == wide.getLong(32)) && (length == MAX_32 || length == wide.getLong(40))
                && (from == MAX_32 || from == wide.getLong(48));
            if (!agree) throw wrong(until, "has two ends of directory that differ");
            count = wide.getLong(32);
            length = wide.getLong(40);
            from = wide.getLong(48);
        }
        if (from < 0 || length < 0 || from > until || length != until - from) {
            throw wrong(end, "has a directory of " + length + " bytes at " + from + ", but it must end at " + until);
        }
        if (length > limits.pickleBytes()) {
            throw wrong(from, "has a directory of " + length + " bytes, allowed are " + limits.pickleBytes());
        }
        // beside storages there are a few entries of other kinds
        if (count < 0 || count > limits.tensors() + 100L) {
            throw wrong(end, "has " + count + " entries, allowed are " + (limits.tensors() + 100L));
        }
        List<Found> found = new ArrayList<>();
        ByteBuffer directory = bytes(from, (int) length);
        for (long i = 0; i < count; i++) found.add(entry(directory, from));
        if (directory.hasRemaining()) throw wrong(from + directory.position(), "has a directory that goes on after " + count + " entries");
        return placed(found, from);
    }

    private Found entry(ByteBuffer d, long base) {
        int at = d.position();
        if (d.remaining() < 46 || d.getInt(at) != ENTRY) throw wrong(base + at, "has no entry where the directory should go on");
        int flags = d.getShort(at + 8) & 0xffff;
        int method = d.getShort(at + 10) & 0xffff;
        int nameBytes = d.getShort(at + 28) & 0xffff;
        int extraBytes = d.getShort(at + 30) & 0xffff;
        int whole = 46 + nameBytes + extraBytes + (d.getShort(at + 32) & 0xffff);
        if (d.remaining() < whole) throw wrong(base + at, "has an entry that goes beyond the directory");
        byte[] rawName = new byte[nameBytes];
        d.get(at + 46, rawName);
        String name = new String(rawName, StandardCharsets.UTF_8);
        if (Safetensors.fault(name) != null) throw wrong(base + at, "has an entry whose name " + Safetensors.fault(name));
        if (method != 0 || (flags & ~KNOWN_FLAGS) != 0) {
            throw wrong(base + at, "has entry '" + name + "' of method " + method + " and flags " + flags
                + ", allowed are plain bytes (method 0, flags 0, 8, 2048 or 2056)");
        }
        long[] wide = {d.getInt(at + 24) & MAX_32, d.getInt(at + 20) & MAX_32, d.getInt(at + 42) & MAX_32};   // size, packed size, header
        extra(d.slice(at + 46 + nameBytes, extraBytes).order(ByteOrder.LITTLE_ENDIAN), wide, base + at);
        if (wide[0] != wide[1] || wide[0] < 0 || wide[2] < 0) {
            throw wrong(base + at, "has entry '" + name + "' of " + wide[1] + " bytes for " + wide[0]);
        }
        d.position(at + whole);
        return new Found(name, rawName, flags, wide[2], wide[0], d.getInt(at + 16));
    }

    /** Field 1 holds, in 64 bits and in this order, those of the values that do not fit in 32. */
    private void extra(ByteBuffer x, long[] wide, long at) {
        while (x.remaining() >= 4) {
            int id = x.getShort() & 0xffff;
            int n = x.getShort() & 0xffff;
            if (n > x.remaining()) throw wrong(at, "has an entry with a field that goes beyond it");
            int after = x.position() + n;
            for (int i = 0; id == 1 && i < wide.length; i++) {
                if (wide[i] != MAX_32) continue;
                if (after - x.position() < 8) throw wrong(at, "has an entry without its size of 64 bits");
                wide[i] = x.getLong();
            }
            x.position(after);
        }
    }

    private Map<String, Place> placed(List<Found> found, long directory) throws IOException {
        found.sort(Comparator.comparingLong(Found::header));
        Map<String, Place> places = new LinkedHashMap<>();
        long free = 0;
        for (Found f : found) {
            if (f.header < free || f.header > directory - 30) {
                throw wrong(f.header, "has entry '" + f.name + "' inside another or inside the directory");
            }
            ByteBuffer local = bytes(f.header, (int) Math.min(30 + f.rawName.length, directory - f.header));
            boolean agree = local.remaining() == 30 + f.rawName.length && local.getInt(0) == LOCAL
                && (local.getShort(6) & 0xffff) == f.flags && local.getShort(8) == 0
                && (local.getShort(26) & 0xffff) == f.rawName.length
                && local.slice(30, f.rawName.length).equals(ByteBuffer.wrap(f.rawName))
                && agrees(local.getInt(14), f.crc, f.flags) && agrees(local.getInt(18), f.size, f.flags)
                && agrees(local.getInt(22), f.size, f.flags);
            if (!agree) throw wrong(f.header, "has entry '" + f.name + "' with one header in the directory and another before it");
            long at = f.header + 30 + f.rawName.length + (local.getShort(28) & 0xffff);
            if (at > directory || f.size > directory - at) {
                throw wrong(f.header, "has entry '" + f.name + "' of " + f.size + " bytes, which goes into the directory");
            }
            free = at + f.size;
            if (places.put(f.name, new Place(at, f.size, f.crc)) != null) throw wrong(f.header, "has entry '" + f.name + "' twice");
        }
        return places;
    }

    /** Before the entry a value may be put off until after it, or be too large for 32 bits. */
    private static boolean agrees(int local, long directory, int flags) {
        return local == (int) directory || local == 0 && (flags & 8) != 0 || local == -1 && directory >= MAX_32;
    }
}
