package io.palitra.hub;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.config.Json;
import io.palitra.config.PartFile;
import io.palitra.data.FormatException;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Named tensors and a few words about them, in one file of the safetensors format: 8 bytes that hold N (little endian), N bytes of JSON
 * with type, shape and place of every tensor, then the values, row-major, little endian, without holes. Files of the reference
 * implementation load here and ours load there. Values are copied out of the file; it may change or shrink afterwards.
 */
public record Safetensors(Map<String, Tensor> tensors, Map<String, String> metadata) {
    private static final String METADATA = "__metadata__";
    static final int MAX_DIMS = 8;
    static final int MAX_NAME_BYTES = 1024;
    static final int CHUNK = 1 << 20;
    /** The reference orders tensors by type in this order, then by name, so that each lies at a multiple of its element's size. */
    private static final List<DType> FILE_ORDER = List.of(DType.I64, DType.F64, DType.F32, DType.I32, DType.BF16, DType.F16, DType.I16,
        DType.I8, DType.U8, DType.BOOL);

    /** Limits of a file: bytes of its header, and tensors. */
    public record Limits(int headerBytes, int tensors) {
        /** 16 MiB of header, 100,000 tensors. */
        public static final Limits DEFAULT = new Limits(16 << 20, 100_000);

        public Limits {
            if (headerBytes < 2 || headerBytes > 100_000_000) {
                throw new ArgumentException("illegal headerBytes: " + headerBytes + ", must be 2 to 100000000");
            }
            if (tensors < 0) throw new ArgumentException("illegal tensors: " + tensors + ", must be at least 0");
        }
    }

    /**
     * One tensor of a file: its values are the bytes from {@code begin} up to {@code end}, counted from the end of the header.
     *
     * @param stored the file's name of its type
     * @param dtype the type it is read as: the same, or where the engine does not have that a larger one, as F32 for F8_E4M3
     * @param shape as read: complex numbers have a last dimension of 2
     */
    public record Entry(String stored, DType dtype, long[] shape, long begin, long end) {
        public long bytes() { return end - begin; }

        /** Type and extents as in the file, before conversion. */
        public String said() {
            boolean pairs = stored.equals(WideDTypes.C64.name());
            return stored + " " + InWords.shape(pairs ? Arrays.copyOf(shape, shape.length - 1) : shape);
        }
    }

    /** The header of a file: its tensors in the order of their values, its metadata, and the byte where the first value stands. */
    public record Header(Map<String, Entry> entries, Map<String, String> metadata, long dataAt) {}

    /** Reads a whole file within {@link Limits#DEFAULT}. The tensors belong to the innermost scope. */
    public static Safetensors read(Path file) { return read(file, Limits.DEFAULT, null); }

    /**
     * Reads a whole file. The tensors belong to the innermost scope, in the order of their values.
     *
     * @param digest is fed every byte after the header, in order; null for none
     * @throws FormatException when the file breaks a rule of the format or a limit, holds an unsupported type, or cannot be read
     */
    public static Safetensors read(Path file, Limits limits, @Nullable MessageDigest digest) {
        return read(file, limits, digest, tensor -> true);
    }

    /** As {@link #read(Path)}, but no more than the tensors whose names are wanted. */
    static Map<String, Tensor> read(Path file, Predicate<String> wanted) { return read(file, Limits.DEFAULT, null, wanted).tensors; }

    private static Safetensors read(Path file, Limits limits, @Nullable MessageDigest digest, Predicate<String> wanted) {
        String name = file.toString();
        try (FileChannel channel = open(file); Scope scope = new Scope()) {
            Header header = header(name, channel, limits);
            long values = header.entries.values().stream().mapToLong(Entry::bytes).sum();
            ByteBuffer chunk = ByteBuffer.allocateDirect((int) Math.min(CHUNK, values));
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            for (Map.Entry<String, Entry> e : header.entries.entrySet()) {
                if (!wanted.test(e.getKey())) continue;
                Tensor t = empty(name, header.dataAt, e.getKey(), e.getValue());
                fill(name, channel, header.dataAt, e.getKey(), e.getValue(), t, chunk, digest);
                tensors.put(e.getKey(), t);
            }
            tensors.values().forEach(scope::keep);
            return new Safetensors(tensors, header.metadata);
        } catch (IOException e) {
            throw unreadable(name, e);
        }
    }

    /** Reads only the header of a file, within {@link Limits#DEFAULT}. */
    public static Header header(Path file) { return header(file, Limits.DEFAULT); }

    /** Reads only the header of a file; no tensor is made. Refuses what {@link #read} refuses, values aside. */
    public static Header header(Path file, Limits limits) {
        try (FileChannel channel = open(file)) {
            return header(file.toString(), channel, limits);
        } catch (IOException e) {
            throw unreadable(file.toString(), e);
        }
    }

    static FileChannel open(Path file) throws IOException {
        // a pipe or a device would block or never end
        if (Files.exists(file) && !Files.isRegularFile(file)) throw new FormatException(file.toString(), -1, "is not a regular file");
        return FileChannel.open(file, StandardOpenOption.READ);
    }

    static FormatException unreadable(String file, IOException e) {
        if (e instanceof java.nio.file.NoSuchFileException) return new FormatException(file, -1, "there is no such file", e);
        if (e instanceof java.nio.file.AccessDeniedException) return new FormatException(file, -1, "permission to read it is denied", e);
        if (e instanceof ClosedByInterruptException) return new FormatException(file, -1, "reading it was interrupted", e);
        return new FormatException(file, -1, "cannot be read: " + e.getMessage(), e);
    }

    private static Header header(String file, FileChannel channel, Limits limits) throws IOException {
        long size = channel.size();
        if (size < 8) throw new FormatException(file, size, "a safetensors file has at least 8 bytes, this one has " + size);
        byte[] length = new byte[8];
        readFully(file, channel, 0, ByteBuffer.wrap(length));
        long n = ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (n < 2 || n > limits.headerBytes) {
            throw new FormatException(file, 0, "the header claims " + Long.toUnsignedString(n) + " bytes, allowed are 2 to "
                + limits.headerBytes);
        }
        if (n > size - 8) throw new FormatException(file, 0, "the header claims " + n + " bytes, but only " + (size - 8) + " follow");
        byte[] json = new byte[(int) n];
        for (int at = 0; at < json.length; at += CHUNK) {
            readFully(file, channel, 8 + at, ByteBuffer.wrap(json, at, Math.min(CHUNK, json.length - at)));
        }
        if (json[0] != '{') throw new FormatException(file, 8, "the header must begin with '{'; this is no safetensors file");
        return new HeaderParser(file, json, limits).parse(size - 8 - n);
    }

    static void readFully(String file, FileChannel channel, long at, ByteBuffer into) throws IOException {
        while (into.hasRemaining()) {
            int n = channel.read(into, at);
            if (n < 0) throw new FormatException(file, at, "the file ends here; it became shorter while it was read");
            at += n;
        }
    }

    private static Tensor empty(String file, long dataAt, String name, Entry e) {
        try {
            return Torch.empty(e.dtype, e.shape);
        } catch (RuntimeException noMemory) {
            throw new FormatException(file, dataAt + e.begin, "tensor '" + name + "' wants " + e.bytes() + " bytes of memory: "
                + Torch.message(noMemory), noMemory);
        }
    }

    private static void fill(String file, FileChannel channel, long dataAt, String name, Entry e, Tensor t, ByteBuffer chunk,
            @Nullable MessageDigest digest) throws IOException {
        long bytes = e.bytes();
        WideDTypes foreign = WideDTypes.of(e.stored);
        ByteBuffer wide = foreign == null ? chunk : ByteBuffer.allocateDirect(chunk.capacity() / foreign.bytes() * foreign.wideBytes())
            .order(ByteOrder.LITTLE_ENDIAN);
        long wideAt = 0;
        for (long at = 0; at < bytes; at += chunk.limit()) {
            chunk.clear().limit((int) Math.min(chunk.capacity(), bytes - at));
            readFully(file, channel, dataAt + e.begin + at, chunk);
            chunk.flip();
            if (digest != null) digest.update(chunk.duplicate());
            if (e.dtype == DType.BOOL) checkBools(file, "tensor '" + name + "'", dataAt + e.begin + at, chunk);
            if (foreign == null) {
                t.writeRaw(at, chunk);
            } else {
                int tooLarge = foreign.widen(chunk.order(ByteOrder.LITTLE_ENDIAN), wide.clear());
                if (tooLarge >= 0) {
                    throw new FormatException(file, dataAt + e.begin + at + tooLarge, "tensor '" + name + "' of " + e.stored
                        + " holds a number above " + Long.MAX_VALUE + ", the largest that is read");
                }
                t.writeRaw(wideAt, wide.flip());
                wideAt += wide.limit();
            }
        }
    }

    /** Refuses other bytes than 0 and 1, which have no meaning for the engine. */
    static void checkBools(String file, String what, long at, ByteBuffer chunk) {
        for (int i = 0; i < chunk.limit(); i++) {
            if ((chunk.get(i) & ~1) != 0) {
                throw new FormatException(file, at + i, what + " of BOOL holds a byte " + (chunk.get(i) & 255) + ", allowed are 0 and 1");
            }
        }
    }

    /**
     * Writes a file that replaces {@code file} in one stroke when all of it is on the medium. Metadata gets "format": "pt", without which
     * the Python libraries warn. Waits for the device.
     *
     * @throws StorageException when it cannot be written, as on a full disk; the file is then the old or the new one, whole
     * @throws IllegalArgumentException for names, shapes or counts that {@link #read} would refuse
     */
    public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
        write(Storage.DISK, file, tensors, metadata);
    }

    /** As {@link #write(Path, Map, Map)}, on another storage. */
    public static void write(Storage storage, Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
        Path target = file.toAbsolutePath();
        Path folder = target.getParent();
        if (folder == null) throw new ArgumentException("illegal file: " + file + " is a root folder");
        Path part = PartFile.of(target);
        Layout layout = Layout.of(tensors, metadata);
        long free = -1;
        boolean created = false;
        try {
            free = storage.free(folder);
            if (free > 0 && free < layout.bytes()) throw new IOException("no space left on device");
            try (Storage.Output out = storage.create(part)) {
                created = true;
                layout.pour(out);
                out.force();
            }
            storage.move(part, target);
            created = false;
            storage.force(folder);
        } catch (IOException e) {
            if (created) {
                try {
                    free = storage.free(folder);
                    storage.delete(part);
                } catch (IOException alsoFailed) {
                    e.addSuppressed(alsoFailed);
                }
            }
            throw new StorageException(file, layout.bytes(), free, e);
        }
    }

    /** Appends the bytes of such a file to {@code out}, without forcing them. For writers that keep several files in step. */
    public static void writeTo(Storage.Output out, Map<String, Tensor> tensors, Map<String, String> metadata) throws IOException {
        Layout.of(tensors, metadata).pour(out);
    }

    /** Length in bytes of the file that {@link #write} would make. */
    public static long fileBytes(Map<String, Tensor> tensors, Map<String, String> metadata) { return Layout.of(tensors, metadata).bytes(); }

    /** SHA-256, in hexadecimal, of the values as {@link #write} would put them after the header. Waits for the device. */
    public static String sha256(Map<String, Tensor> tensors) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            Layout.of(tensors, Map.of()).pourValues(digest::update);
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException | IOException impossible) {
            throw new IllegalStateException(impossible);   // every Java has SHA-256, and a digest does no I/O
        }
    }

    /** Why a name cannot stand in a file, or null. */
    static @Nullable String fault(String name) {
        if (hasHalfAPair(name)) return "has half a surrogate pair";
        int bytes = 0;
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (Character.isISOControl(c)) return "has a control character";
            bytes += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;   // a pair of surrogates is four bytes in UTF-8
        }
        return bytes > MAX_NAME_BYTES ? "has " + bytes + " bytes, allowed are " + MAX_NAME_BYTES : null;
    }

    /** Such text cannot be written as UTF-8. */
    private static boolean hasHalfAPair(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) continue;
            if (Character.isLowSurrogate(c) || i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1))) return true;
            i++;
        }
        return false;
    }

    /** The order of tensors in a file to be written, and all that stands before their values. */
    private record Layout(byte[] head, List<Tensor> tensors, long bytes) {
        @FunctionalInterface private interface Sink { void take(ByteBuffer values) throws IOException; }

        private record Item(String name, byte[] key, Tensor tensor) {}

        static Layout of(Map<String, Tensor> tensors, Map<String, String> metadata) {
            if (tensors.size() > Limits.DEFAULT.tensors) {
                throw new ArgumentException("a file holds at most " + Limits.DEFAULT.tensors + " tensors, got " + tensors.size());
            }
            List<Item> items = new ArrayList<>();
            tensors.forEach((name, t) -> {
                String fault = name.equals(METADATA) ? "is reserved" : fault(name);
                if (fault != null) throw new ArgumentException("illegal name of a tensor: '" + printable(name) + "' " + fault);
                if (t.dims() > MAX_DIMS) {
                    throw new ArgumentException("tensor '" + name + "' has " + t.dims() + " dims, allowed are " + MAX_DIMS);
                }
                items.add(new Item(name, name.getBytes(StandardCharsets.UTF_8), t));
            });
            items.sort(Comparator.comparingInt((Item i) -> FILE_ORDER.indexOf(i.tensor.dtype()))
                .thenComparing(Item::key, Arrays::compareUnsigned));
            ByteArrayOutputStream json = new ByteArrayOutputStream();
            long at = 0;
            try (JsonGenerator g = HeaderParser.JSON.createGenerator(json)) {
                g.enable(JsonGenerator.Feature.COMBINE_UNICODE_SURROGATES_IN_UTF8);   // as the reference writes them
                g.writeStartObject();
                g.writeObjectFieldStart(METADATA);
                Map<String, String> words = new TreeMap<>(metadata);
                words.put("format", "pt");
                for (Map.Entry<String, String> e : words.entrySet()) {
                    if (hasHalfAPair(e.getKey()) || hasHalfAPair(e.getValue())) {
                        throw new ArgumentException("illegal metadata '" + printable(e.getKey()) + "': half a surrogate pair");
                    }
                    g.writeStringField(e.getKey(), e.getValue());
                }
                g.writeEndObject();
                for (Item i : items) {
                    long end = Math.addExact(at, Math.multiplyExact(i.tensor.numel(), i.tensor.dtype().bytes()));
                    g.writeObjectFieldStart(i.name);
                    g.writeStringField("dtype", i.tensor.dtype().name());
                    long[] shape = i.tensor.shape();
                    g.writeFieldName("shape");
                    g.writeArray(shape, 0, shape.length);
                    g.writeFieldName("data_offsets");
                    g.writeArray(new long[] {at, end}, 0, 2);
                    g.writeEndObject();
                    at = end;
                }
                g.writeEndObject();
            } catch (IOException impossible) {
                throw new IllegalStateException(impossible);   // memory does no I/O
            }
            while (json.size() % 8 != 0) json.write(' ');
            if (json.size() > Limits.DEFAULT.headerBytes) {
                throw new ArgumentException("names, shapes and metadata want " + json.size() + " bytes of header, allowed are "
                    + Limits.DEFAULT.headerBytes);
            }
            byte[] head = ByteBuffer.allocate(8 + json.size()).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.size()).put(json.toByteArray()).array();
            return new Layout(head, items.stream().map(Item::tensor).toList(), head.length + at);
        }

        void pour(Storage.Output out) throws IOException {
            out.write(ByteBuffer.wrap(head));
            pourValues(out::write);
        }

        void pourValues(Sink sink) throws IOException {
            ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
            for (Tensor t : tensors) {
                try (Scope scope = new Scope()) {
                    Tensor plain = t.detach().to(Device.CPU).contiguous();
                    long bytes = plain.numel() * plain.dtype().bytes();
                    long at = 0;
                    while (at < bytes) {   // small tensors share a chunk
                        int n = (int) Math.min(chunk.remaining(), bytes - at);
                        plain.readRaw(at, chunk.slice(chunk.position(), n));
                        chunk.position(chunk.position() + n);
                        at += n;
                        if (!chunk.hasRemaining()) {
                            sink.take(chunk.flip());
                            chunk.clear();
                        }
                    }
                }
            }
            if (chunk.position() > 0) sink.take(chunk.flip());
        }
    }

    /** For messages of one line. */
    static String printable(String text) {
        String shown = text.codePoints().limit(100).map(c -> Character.isISOControl(c) ? '?' : c)
            .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
        return shown.length() < text.length() ? shown + "..." : shown;
    }

    /** Reads the JSON of a header token by token; it builds nothing larger than what it returns. */
    private static final class HeaderParser {
        static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)   // names from files must not fill a shared table
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(3).maxNumberLength(20)
                .maxNameLength(100_000_000).maxStringLength(100_000_000).build())
            .build();

        private final String file;
        private final char[] text;
        private final int length;
        private final Limits limits;

        HeaderParser(String file, byte[] json, Limits limits) {
            this.file = file;
            this.limits = limits;
            try {
                CharBuffer chars = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json));
                this.text = chars.array();
                this.length = chars.limit();
            } catch (CharacterCodingException e) {
                throw new FormatException(file, 8, "the header is not UTF-8", e);
            }
        }

        Header parse(long dataBytes) throws IOException {
            try (JsonParser p = JSON.createParser(text, 0, length)) {
                Map<String, Entry> entries = new LinkedHashMap<>();
                Map<String, String> metadata = Map.of();
                expect(p, p.nextToken(), JsonToken.START_OBJECT, "the header");
                while (p.nextToken() != JsonToken.END_OBJECT) {
                    String name = p.currentName();
                    if (name.equals(METADATA)) {
                        metadata = metadata(p);
                        continue;
                    }
                    String fault = fault(name);
                    if (fault != null) throw wrong(p, "the name of a tensor, '" + printable(name) + "', " + fault);
                    if (entries.size() == limits.tensors) throw wrong(p, "more tensors than the allowed " + limits.tensors);
                    entries.put(name, entry(p, name));
                }
                if (p.nextToken() != null) throw wrong(p, "the header goes on after its end");
                return new Header(inOrder(entries, dataBytes), metadata, 8 + bytesBefore(length));
            } catch (JsonProcessingException e) {
                long at = e.getLocation() == null ? 8 : 8 + bytesBefore((int) Math.min(length, e.getLocation().getCharOffset()));
                throw new FormatException(file, at, "the header is not the JSON it should be: " + printable(Json.why(e)), e);
            }
        }

        private Map<String, String> metadata(JsonParser p) throws IOException {
            JsonToken first = p.nextToken();
            if (first == JsonToken.VALUE_NULL) return Map.of();   // as the reference reads it
            expect(p, first, JsonToken.START_OBJECT, METADATA);
            Map<String, String> words = new LinkedHashMap<>();
            while (p.nextToken() != JsonToken.END_OBJECT) {
                String key = p.currentName();
                expect(p, p.nextToken(), JsonToken.VALUE_STRING, METADATA + " '" + printable(key) + "'");
                String value = p.getText();
                if (hasHalfAPair(key) || hasHalfAPair(value)) throw wrong(p, METADATA + " has half a surrogate pair");
                words.put(key, value);
            }
            return words;
        }

        private Entry entry(JsonParser p, String name) throws IOException {
            expect(p, p.nextToken(), JsonToken.START_OBJECT, "tensor '" + name + "'");
            String stored = null;
            List<Long> shape = null;
            List<Long> offsets = null;
            while (p.nextToken() != JsonToken.END_OBJECT) {
                switch (p.currentName()) {
                    case "dtype" -> stored = dtype(p, name);
                    case "shape" -> shape = naturals(p, "shape of tensor '" + name + "'", MAX_DIMS);
                    case "data_offsets" -> offsets = naturals(p, "data_offsets of tensor '" + name + "'", 2);
                    default -> throw wrong(p, "tensor '" + name + "' has an unknown field '" + printable(p.currentName())
                        + "'; there are dtype, shape, data_offsets");
                }
            }
            if (stored == null || shape == null || offsets == null || offsets.size() != 2) {
                throw wrong(p, "tensor '" + name + "' wants a dtype, a shape and two data_offsets");
            }
            WideDTypes foreign = WideDTypes.of(stored);
            DType dtype = foreign == null ? DType.valueOf(stored) : foreign.as();
            long[] extents = shape.stream().mapToLong(Long::longValue).toArray();
            long[] asRead = foreign == WideDTypes.C64 ? Arrays.copyOf(extents, extents.length + 1) : extents;
            if (foreign == WideDTypes.C64) asRead[extents.length] = 2;
            Entry entry = new Entry(stored, dtype, asRead, offsets.get(0), offsets.get(1));
            try {
                long bytes = foreign == null ? dtype.bytes() : foreign.bytes();
                // an extent of 0 must not hide a product that overflows
                long strides = Math.max(bytes, foreign == null ? 0 : foreign.wideBytes());
                for (long extent : extents) {
                    bytes = Math.multiplyExact(bytes, extent);
                    strides = Math.multiplyExact(strides, Math.max(1, extent));
                }
                if (entry.end < entry.begin || bytes != entry.bytes()) {
                    throw wrong(p, "tensor '" + name + "' of shape " + InWords.shape(shape.stream().mapToLong(Long::longValue).toArray())
                        + " of " + stored + " wants " + bytes
                        + " bytes, but its data_offsets are " + InWords.list(offsets));
                }
            } catch (ArithmeticException e) {
                throw wrong(p, "tensor '" + name + "' of shape " + InWords.shape(shape.stream().mapToLong(Long::longValue).toArray())
                    + " of " + stored + " has more bytes than can be counted");
            }
            return entry;
        }

        private String dtype(JsonParser p, String name) throws IOException {
            expect(p, p.nextToken(), JsonToken.VALUE_STRING, "dtype of tensor '" + name + "'");
            String asked = p.getText();
            for (DType d : DType.values()) if (d.name().equals(asked)) return asked;
            if (WideDTypes.of(asked) != null) return asked;
            throw wrong(p, "tensor '" + name + "' has dtype '" + printable(asked) + "'; there are "
                + Arrays.stream(DType.values()).map(DType::name).collect(Collectors.joining(", "))
                + ", " + Arrays.stream(WideDTypes.values()).map(WideDTypes::name).collect(Collectors.joining(", ")));
        }

        private List<Long> naturals(JsonParser p, String what, int most) throws IOException {
            expect(p, p.nextToken(), JsonToken.START_ARRAY, what);
            List<Long> out = new ArrayList<>();
            while (p.nextToken() != JsonToken.END_ARRAY) {
                expect(p, p.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
                if (out.size() == most) throw wrong(p, what + " has more than " + most + " numbers");
                if (p.getText().charAt(0) == '-') throw wrong(p, what + " has a negative number");
                out.add(p.getLongValue());
            }
            return out;
        }

        /** Sorted by place; every byte after the header belongs to exactly one tensor. */
        private Map<String, Entry> inOrder(Map<String, Entry> entries, long dataBytes) {
            List<Map.Entry<String, Entry>> sorted = new ArrayList<>(entries.entrySet());
            sorted.sort(Comparator.comparingLong((Map.Entry<String, Entry> e) -> e.getValue().begin)
                .thenComparingLong(e -> e.getValue().end));
            Map<String, Entry> out = new LinkedHashMap<>();
            long at = 0;
            long dataAt = 8 + bytesBefore(length);
            for (Map.Entry<String, Entry> e : sorted) {
                if (e.getValue().begin != at) {
                    throw new FormatException(file, dataAt, "tensor '" + e.getKey() + "' begins at value byte " + e.getValue().begin
                        + (e.getValue().begin < at ? ", inside another; " : ", after a hole; ") + at + " was due");
                }
                at = e.getValue().end;
                out.put(e.getKey(), e.getValue());
            }
            if (at != dataBytes) {
                throw new FormatException(file, dataAt, "the header promises " + at + " bytes of values, the file holds " + dataBytes);
            }
            return out;
        }

        /** The token's kind in words. */
        private static String named(@Nullable JsonToken token) {
            if (token == null) return "the end";
            return switch (token) {
                case START_OBJECT -> "an object";
                case START_ARRAY -> "a list";
                case VALUE_STRING -> "a text";
                case VALUE_NUMBER_INT -> "a whole number";
                case VALUE_NUMBER_FLOAT -> "a number with a fraction";
                case FIELD_NAME -> "a key";
                case END_ARRAY -> "the end of the list";
                case END_OBJECT -> "the end of the object";
                default -> token.asString() == null ? "nothing" : token.asString();
            };
        }

        private void expect(JsonParser p, @Nullable JsonToken seen, JsonToken wanted, String what) {
            if (seen != wanted) throw wrong(p, what + " must be " + named(wanted) + ", got " + named(seen));
        }

        private FormatException wrong(JsonParser p, String message) {
            return new FormatException(file, 8 + bytesBefore((int) p.currentTokenLocation().getCharOffset()), message);
        }

        private long bytesBefore(int chars) {
            return StandardCharsets.UTF_8.encode(CharBuffer.wrap(text, 0, Math.max(0, chars))).limit();
        }
    }
}
