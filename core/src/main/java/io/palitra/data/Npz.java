package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Arrays by name, as numpy's {@code savez} writes them: a zip, packed or not, of {@code .npy} files of version 1.0. Read are floating point
 * numbers of 4 and 8 bytes, little-endian and row-major; written those of 8.
 */
public final class Npz {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    private static final int PROLOGUE = MAGIC.length + 2;   // and 2 bytes for the length of the header
    private static final int MAX_HEADER = 10_000;           // numpy's own limit
    private static final int ALIGN = 64;
    /** A Python dictionary as numpy writes it, its keys in this order; whole numbers of Python 2 end in L. */
    private static final Pattern HEADER = Pattern.compile("\\{'descr': '([^']*)', 'fortran_order': (True|False), "
        + "'shape': \\(((?:\\d{1,10}L?, ?)*(?:\\d{1,10}L?)?)\\),? ?\\} *\n?");

    /** Row-major values. They are not copied. */
    public record Array(long[] shape, double[] values) {
        public Array {
            long n = 1;
            for (long s : shape) n = Math.multiplyExact(n, s);
            if (n != values.length) {
                throw new ArgumentException("shape " + InWords.shape(shape) + " wants " + n + " values, got " + values.length);
            }
        }
    }

    private Npz() {}

    /**
     * The arrays of those names; others in the file are not looked at.
     *
     * @throws FormatException when the file is no such zip, lacks a name, or holds under it what is not read or passes a limit
     */
    public static Map<String, Array> read(Path file, Limits limits, List<String> names) {
        if (!Files.isRegularFile(file)) throw new FormatException(file.toString(), -1, "there is no such file");
        try (Archive.Zip zip = Archive.Zip.open(file, limits)) {
            Map<String, Array> arrays = new LinkedHashMap<>();
            for (String name : names) {
                if (!zip.names().contains(name + ".npy")) {
                    throw new FormatException(file.toString(), -1, "holds no array '" + name + "'; there are "
                        + Notes.some(zip.names()));
                }
                arrays.put(name, array(zip.read(name + ".npy"), zip.describe(name + ".npy")));
            }
            return arrays;
        }
    }

    private static Array array(byte[] bytes, String file) {
        if (bytes.length < PROLOGUE || !Arrays.equals(bytes, 0, MAGIC.length - 2, MAGIC, 0, MAGIC.length - 2)) {
            throw new FormatException(file, 0, "is no array of numpy: it must begin with byte 0x93 and 'NUMPY'");
        }
        if (bytes[6] != MAGIC[6] || bytes[7] != MAGIC[7]) {
            throw new FormatException(file, 6, "is of version " + bytes[6] + "." + bytes[7] + ", read is 1.0");
        }
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int length = b.getShort(MAGIC.length) & 0xffff;
        if (length > MAX_HEADER) throw new FormatException(file, 8, "claims a header of " + length + " bytes, allowed are " + MAX_HEADER);
        if (length > bytes.length - PROLOGUE) throw new FormatException(file, bytes.length, "ends in its header of " + length + " bytes");
        Matcher header = HEADER.matcher(new String(bytes, PROLOGUE, length, StandardCharsets.ISO_8859_1));
        if (!header.matches()) {
            throw new FormatException(file, PROLOGUE, "has another header than {'descr': ..., 'fortran_order': ..., 'shape': (...), }");
        }
        boolean wide = header.group(1).equals("<f8");
        if (!wide && !header.group(1).equals("<f4")) {
            throw new FormatException(file, PROLOGUE, "holds values of type '" + header.group(1).replaceAll("[^ -~]", "?")
                + "', read are '<f8' and '<f4'");
        }
        if (header.group(2).equals("True")) throw new FormatException(file, PROLOGUE, "is in Fortran's order, read is C's");
        long[] shape = header.group(3).isEmpty() ? new long[0]
            : Arrays.stream(header.group(3).split(",")).mapToLong(s -> Long.parseLong(s.replace("L", "").strip())).toArray();
        int element = wide ? Double.BYTES : Float.BYTES, at = PROLOGUE + length, there = bytes.length - at;
        long n = 1;
        for (long s : shape) {
            // below 2^31 before, and a factor below 2^34: no overflow
            n *= s;
            if (n > there / element) break;
        }
        if (n * element != there) {
            throw new FormatException(file, at, "has " + there + " bytes of values, the shape " + InWords.shape(shape) + " wants "
                + (n * element > there ? "more" : "fewer"));
        }
        double[] values = new double[(int) n];
        b.position(at);
        for (int i = 0; i < values.length; i++) values[i] = wide ? b.getDouble() : b.getFloat();
        return new Array(shape, values);
    }

    /** The bytes of a file, values not packed; a function of the arrays alone. */
    public static byte[] bytes(Map<String, Array> arrays) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(all)) {
            for (Map.Entry<String, Array> e : arrays.entrySet()) {
                byte[] npy = npy(e.getValue());
                CRC32 crc = new CRC32();
                crc.update(npy);
                ZipEntry entry = new ZipEntry(e.getKey() + ".npy");
                entry.setMethod(ZipEntry.STORED);
                entry.setSize(npy.length);
                entry.setCrc(crc.getValue());
                entry.setTimeLocal(LocalDateTime.of(1980, 2, 1, 0, 0));   // no clock; January's first would be written with a time zone
                zip.putNextEntry(entry);
                zip.write(npy);
            }
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);   // memory does no I/O
        }
        return all.toByteArray();
    }

    private static byte[] npy(Array array) {
        long[] shape = array.shape();
        String sizes = Arrays.stream(shape).mapToObj(Long::toString).collect(Collectors.joining(", ")) + (shape.length == 1 ? "," : "");
        String header = "{'descr': '<f8', 'fortran_order': False, 'shape': (" + sizes + "), }";
        int length = (PROLOGUE + header.length() + 1 + ALIGN - 1) / ALIGN * ALIGN - PROLOGUE;
        ByteBuffer b = ByteBuffer.allocate(Math.addExact(PROLOGUE + length, Math.multiplyExact(Double.BYTES, array.values().length)))
            .order(ByteOrder.LITTLE_ENDIAN);
        b.put(MAGIC).putShort((short) length).put((header + " ".repeat(length - 1 - header.length()) + "\n").getBytes(
            StandardCharsets.US_ASCII));
        b.asDoubleBuffer().put(array.values());
        return b.array();
    }
}
