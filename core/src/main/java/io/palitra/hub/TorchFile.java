package io.palitra.hub;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.data.FormatException;
import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Files of {@code torch.save} ({@code .pt .pth .bin .ckpt}), to import what is in them: the zip form since PyTorch 1.6, of either byte
 * order, and the form before it. Only dictionaries of tensors are read, by a machine that can build nothing else ({@link Pickle}); what
 * else programs of training leave in a file is passed over.
 */
public final class TorchFile {
    private static final BigInteger LEGACY_MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
    private static final Long LEGACY_VERSION = 1001L;
    private static final int VALUES_PER_TENSOR = 10;

    /**
     * Limits of a file.
     *
     * @param pickleBytes bytes of the pickle, and of the zip directory
     * @param ops operations of the pickle
     * @param depth dictionaries, lists and tuples within each other
     * @param tensors tensors, and storages; and a tenth of all values, each counted as often as it is reached
     * @param ratio bytes of all tensors and of the stretches they are taken from, by bytes of the file: tensors may share a storage
     */
    public record Limits(int pickleBytes, int ops, int depth, int tensors, int ratio) {
        /** 64 MiB of pickle, 5,000,000 operations, 64 levels, 100,000 tensors, 8 times the file. */
        public static final Limits DEFAULT = new Limits(64 << 20, 5_000_000, 64, 100_000, 8);

        public Limits {
            positive("pickleBytes", pickleBytes);
            positive("ops", ops);
            positive("depth", depth);
            positive("tensors", tensors);
            positive("ratio", ratio);
        }

        private static void positive(String what, int value) {
            if (value < 1) throw new ArgumentException("illegal " + what + ": " + value + ", must be at least 1");
        }
    }

    /** A file that was read: the value in it, and the places of the storages that it refers to. */
    private record Content(Object root, Set<String> foreign, Map<String, ZipDirectory.Place> places, ByteOrder order) {}

    private final String file;
    private final FileChannel channel;
    private final Limits limits;
    private final Map<String, Pickle.View> views = new LinkedHashMap<>();
    private int visited;

    private TorchFile(String file, FileChannel channel, Limits limits) {
        this.file = file;
        this.channel = channel;
        this.limits = limits;
    }

    /** Reads a file within {@link Limits#DEFAULT}. */
    public static Map<String, Tensor> read(Path file) { return read(file, Limits.DEFAULT); }

    /**
     * The tensors of a file by name, in the file's order; those of a dictionary within a dictionary have both names with a dot between,
     * those of a list its indices. Whatever else is in there is left out. Each tensor is a copy of its own, contiguous, of the innermost
     * scope.
     *
     * @throws FormatException when the file breaks a rule of its format or a limit, cannot be read, holds a tensor of a kind that is not
     *     read, or is as a whole an object of Python. Objects of other kinds, such as callbacks of training, are left out; nothing
     *     that the file asks for is run
     */
    public static Map<String, Tensor> read(Path file, Limits limits) {
        String name = file.toString();
        try (FileChannel channel = Safetensors.open(file); Scope scope = new Scope()) {
            Map<String, Tensor> tensors = new TorchFile(name, channel, limits).tensors();
            tensors.values().forEach(scope::keep);
            return tensors;
        } catch (IOException e) {
            throw Safetensors.unreadable(name, e);
        }
    }

    /**
     * Tensors of storages that lie in a file, copies of the innermost scope.
     *
     * @param places where each storage lies, by key
     */
    static Map<String, Tensor> loaded(String file, FileChannel channel, Limits limits, Map<String, Pickle.View> views,
            Map<String, ZipDirectory.Place> places) throws IOException {
        TorchFile reader = new TorchFile(file, channel, limits);
        reader.views.putAll(views);
        return reader.loaded(new Content(views, Set.of(), places, ByteOrder.LITTLE_ENDIAN), channel.size());
    }

    private FormatException wrong(long at, String message) { return new FormatException(file, at, message); }

    private byte[] bytes(long at, long n) throws IOException {
        byte[] out = new byte[(int) n];
        Safetensors.readFully(file, channel, at, ByteBuffer.wrap(out));
        return out;
    }

    private Map<String, Tensor> tensors() throws IOException {
        long size = channel.size();
        byte[] first = bytes(0, Math.min(size, 4));
        Content content;
        if (first.length == 4 && first[0] == 'P' && first[1] == 'K') content = zip();
        else if (first.length == 4 && (first[0] & 255) == 0x80) content = legacy(size);
        else throw wrong(0, "is no file of torch.save: it must begin with 'PK' or with byte 0x80");
        notForeign(content.root);
        if (!(content.root instanceof Map || content.root instanceof List)) {
            throw wrong(-1, "holds " + Pickle.kind(content.root) + ", wanted is a dictionary of tensors");
        }
        collect("", content.root, 1);
        if (views.isEmpty() && !content.foreign.isEmpty()) {
            throw wrong(-1, "holds no tensors but perhaps within what only Python makes, which is not run: it asks for "
                + InWords.list(content.foreign
                .stream().limit(3).map(n -> "'" + Safetensors.printable(n) + "'").toList()) + "; save the state dict alone");
        }
        return loaded(content, size);
    }

    private void notForeign(Object whole) {
        if (!(whole instanceof Pickle.Opaque o)) return;
        throw wrong(-1, "the pickle asks for '" + Safetensors.printable(o.name()) + "' and is what only Python makes of it, which is not"
            + " run; wanted is a dictionary of tensors: save the state dict alone, or convert the file to safetensors where it was made");
    }

    private Content zip() throws IOException {
        Map<String, ZipDirectory.Place> entries = ZipDirectory.read(file, channel, limits);
        List<String> pickles = entries.keySet().stream().filter(n -> n.matches("[^/]+/data\\.pkl")).toList();
        if (pickles.size() != 1) throw wrong(-1, "has " + pickles.size() + " entries named data.pkl, a file of torch.save has 1");
        String root = pickles.get(0).substring(0, pickles.get(0).length() - "data.pkl".length());
        for (String name : entries.keySet()) {
            if (name.equals(root + "constants.pkl") || name.startsWith(root + "code/")) {
                throw wrong(-1, "is a TorchScript program, which is not read; wanted is a state dict as torch.save writes it");
            }
        }
        ZipDirectory.Place place = Objects.requireNonNull(entries.get(pickles.get(0)));
        if (place.size() > limits.pickleBytes()) {
            throw wrong(place.at(), "the pickle has " + place.size() + " bytes, allowed are " + limits.pickleBytes());
        }
        byte[] pickle = bytes(place.at(), place.size());
        check(place, "data.pkl", crc(ByteBuffer.wrap(pickle)));
        Pickle machine = new Pickle(file, pickle, place.at(), limits);
        Object made = machine.next();
        if (machine.at() != place.at() + place.size()) throw wrong(machine.at(), "the pickle goes on after its end");
        Map<String, ZipDirectory.Place> places = new LinkedHashMap<>();
        for (String key : machine.storages().keySet()) {
            ZipDirectory.Place storage = entries.get(root + "data/" + key);
            if (storage == null) throw wrong(-1, "has no entry for storage '" + Safetensors.printable(key) + "'");
            places.put(key, storage);
        }
        return new Content(made, machine.foreign(), places, order(entries.get(root + "byteorder")));
    }

    /** Files from before PyTorch 2.1 do not state it; nearly all machines were little-endian. */
    private ByteOrder order(ZipDirectory.@Nullable Place place) throws IOException {
        if (place == null) return ByteOrder.LITTLE_ENDIAN;
        String order = new String(bytes(place.at(), Math.min(16, place.size())), StandardCharsets.UTF_8);
        return switch (order) {
            case "little" -> ByteOrder.LITTLE_ENDIAN;
            case "big" -> ByteOrder.BIG_ENDIAN;
            default -> throw wrong(place.at(), "byte order is '" + Safetensors.printable(order) + "', allowed are little and big");
        };
    }

    /** The value of the old form, after its magic number. */
    static Object legacy(Pickle machine) {
        if (!LEGACY_VERSION.equals(machine.next())) throw machine.wrong("is not of version " + LEGACY_VERSION + " of the old form");
        machine.next();   // of no use: values are little-endian on every machine
        return machine.next();
    }

    /** Whether the old form begins with this. */
    static boolean legacyMagic(Object first) { return LEGACY_MAGIC.equals(first); }

    /** Five pickles: a magic number, a version, the writer's machine, the value, keys of storages. Then each storage's length and bytes. */
    private Content legacy(long size) throws IOException {
        Pickle machine = new Pickle(file, bytes(0, Math.min(size, limits.pickleBytes())), 0, limits);
        Object magic = machine.next();
        notForeign(magic);
        if (!LEGACY_MAGIC.equals(magic)) throw wrong(0, "begins with a pickle, but not with the magic number of torch.save");
        Object made = legacy(machine);
        if (!(machine.next() instanceof List<?> keys)) throw wrong(machine.at(), "has no list of storages after the pickle");
        Map<String, ZipDirectory.Place> places = new LinkedHashMap<>();
        long at = machine.at();
        for (Object key : keys) {
            Pickle.Stored storage = key instanceof String ? machine.storages().get(key) : null;
            if (storage == null || places.containsKey(storage.key())) throw wrong(at, "lists a storage that is not used, or twice");
            if (size - at < 8) throw wrong(at, "ends before storage '" + Safetensors.printable(storage.key()) + "'");
            long numel = ByteBuffer.wrap(bytes(at, 8)).order(ByteOrder.LITTLE_ENDIAN).getLong();
            at += 8;
            if (numel < 0 || numel > (size - at) / storage.dtype().bytes()) {
                throw wrong(at - 8, "storage '" + Safetensors.printable(storage.key()) + "' claims " + Long.toUnsignedString(numel) + " "
                    + storage.dtype() + ", but only " + (size - at) + " bytes follow");
            }
            places.put(storage.key(), new ZipDirectory.Place(at, numel * storage.dtype().bytes(), 0));
            at += numel * storage.dtype().bytes();
        }
        if (at != size) throw wrong(at, "goes on after its last storage");
        for (String key : machine.storages().keySet()) {
            if (!places.containsKey(key)) throw wrong(at, "does not hold storage '" + Safetensors.printable(key) + "'");
        }
        return new Content(made, machine.foreign(), places, ByteOrder.LITTLE_ENDIAN);
    }

    /** Puts the tensors within a value into {@link #views}. A value may be within many others, or within itself. */
    private void collect(String name, Object value, int depth) {
        if (++visited > VALUES_PER_TENSOR * (long) limits.tensors()) {
            throw wrong(-1, "the pickle makes more than the allowed " + VALUES_PER_TENSOR * (long) limits.tensors() + " values");
        }
        if (value instanceof Pickle.View v) {
            String fault = Safetensors.fault(name);
            if (fault != null) throw wrong(-1, "the name of a tensor, '" + Safetensors.printable(name) + "', " + fault);
            if (views.put(name, v) != null) throw wrong(-1, "two tensors have the name '" + name + "'");
            if (views.size() > limits.tensors()) throw wrong(-1, "more tensors than the allowed " + limits.tensors());
            return;
        }
        if (value instanceof Pickle.Opaque o && o.tensor()) {
            throw wrong(-1, "tensor '" + Safetensors.printable(name) + "' asks for '" + Safetensors.printable(o.name())
                + "', which is not read; convert the file to safetensors where it was made");
        }
        boolean dictionary = value instanceof Map;
        if (!dictionary && !(value instanceof List) && !(value instanceof Object[])) return;
        // a name as long as this is of no tensor, and joining such names takes time
        if (depth > limits.depth() || name.length() > Safetensors.MAX_NAME_BYTES) {
            throw wrong(-1, "'" + Safetensors.printable(name) + "' has more than " + Safetensors.MAX_NAME_BYTES + " letters or lies"
                + " more than the allowed " + limits.depth() + " levels deep");
        }
        String dot = name.isEmpty() ? "" : name + ".";
        if (dictionary) {
            for (Map.Entry<?, ?> e : ((Map<?, ?>) value).entrySet()) {
                // what lies under another kind of key has no name: it is of callbacks and the like
                if (e.getKey() instanceof String || e.getKey() instanceof Long) collect(dot + e.getKey(), e.getValue(), depth + 1);
            }
        } else {
            List<?> items = value instanceof Object[] tuple ? Arrays.asList(tuple) : (List<?>) value;
            for (int i = 0; i < items.size(); i++) collect(dot + i, items.get(i), depth + 1);
        }
    }

    private Map<String, Tensor> loaded(Content content, long fileBytes) throws IOException {
        Map<String, List<String>> users = new LinkedHashMap<>();
        long budget = Math.max(1 << 20, Math.min(fileBytes, Long.MAX_VALUE / limits.ratio()) * limits.ratio());
        for (Map.Entry<String, Pickle.View> e : views.entrySet()) {
            Pickle.View v = e.getValue();
            ZipDirectory.Place place = Objects.requireNonNull(content.places.get(v.storage().key()));
            if (v.storage().numel() != place.size() / v.storage().dtype().bytes() || place.size() % v.storage().dtype().bytes() != 0) {
                throw wrong(place.at(), "storage '" + Safetensors.printable(v.storage().key()) + "' should have " + v.storage().numel()
                    + " " + v.storage().dtype() + ", its bytes are " + place.size());
            }
            budget -= bytesTouched(e.getKey(), v);
            if (budget < 0) throw wrong(-1, "tensors want more than " + limits.ratio() + " times the bytes of the file");
            users.computeIfAbsent(v.storage().key(), k -> new ArrayList<>()).add(e.getKey());
        }
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (List<String> names : users.values()) {
            try (Scope one = new Scope()) {
                Tensor flat = storage(view(names.get(0)).storage(), content);
                for (String name : names) tensors.put(name, one.keep(taken(view(name), flat, names.size() == 1)));
            }
        }
        Map<String, Tensor> inOrder = new LinkedHashMap<>();
        views.keySet().forEach(name -> inOrder.put(name, Objects.requireNonNull(tensors.get(name))));
        return inOrder;
    }

    private Pickle.View view(String name) { return Objects.requireNonNull(views.get(name)); }

    /** Bytes of a tensor, or of the stretch it is taken from when that is more. Refuses one that leaves its storage. */
    private long bytesTouched(String name, Pickle.View v) {
        String wants = "tensor '" + name + "' of " + InWords.shape(v.shape()) + " with strides "
            + InWords.shape(v.strides()) + " from element " + v.offset();
        if (v.shape().length != v.strides().length) throw wrong(-1, wants + " has not one stride for each extent");
        try {
            long numel = 1;
            long last = v.offset();
            for (int i = 0; i < v.shape().length; i++) {
                numel = Math.multiplyExact(numel, v.shape()[i]);
                last = Math.addExact(last, Math.multiplyExact(Math.max(0, v.shape()[i] - 1), v.strides()[i]));
            }
            long end = numel == 0 ? v.offset() : Math.addExact(last, 1);
            if (v.offset() < 0 || end > v.storage().numel()) {
                throw wrong(-1, wants + " goes up to element " + end + " of a storage of " + v.storage().numel());
            }
            return Math.multiplyExact(Math.max(numel, end - v.offset()), v.storage().dtype().bytes());
        } catch (ArithmeticException e) {
            throw wrong(-1, wants + " has more bytes than can be counted");
        }
    }

    private Tensor taken(Pickle.View v, Tensor flat, boolean alone) {
        long next = 1;
        boolean rowMajor = true;
        for (int i = v.shape().length - 1; i >= 0; i--) {
            rowMajor &= v.strides()[i] == next || v.shape()[i] == 1;
            next *= v.shape()[i];
        }
        if (alone && rowMajor && next == flat.numel()) return flat.reshape(v.shape());
        Tensor copy = Torch.empty(flat.dtype(), v.shape());
        if (next > 0) copy.copyFrom(flat.strided(v.offset(), v.shape(), v.strides()));
        return copy;
    }

    /** All elements of a storage [n]. */
    private Tensor storage(Pickle.Stored s, Content content) throws IOException {
        ZipDirectory.Place place = Objects.requireNonNull(content.places.get(s.key()));
        Tensor flat;
        try {
            flat = Torch.empty(s.dtype(), s.numel());
        } catch (RuntimeException noMemory) {
            throw new FormatException(file, place.at(), "storage '" + Safetensors.printable(s.key()) + "' wants " + place.size()
                + " bytes of memory: " + Torch.message(noMemory), noMemory);
        }
        ByteBuffer chunk = ByteBuffer.allocateDirect((int) Math.min(Safetensors.CHUNK, Math.max(1, place.size())));
        CRC32 crc = new CRC32();
        for (long at = 0; at < place.size(); at += chunk.limit()) {
            chunk.clear().limit((int) Math.min(chunk.capacity(), place.size() - at));
            Safetensors.readFully(file, channel, place.at() + at, chunk);
            crc.update(chunk.flip());
            chunk.rewind();
            if (content.order == ByteOrder.BIG_ENDIAN) swap(chunk, s.dtype().bytes());
            if (s.dtype() == DType.BOOL) Safetensors.checkBools(file, "storage '" + s.key() + "'", place.at() + at, chunk);
            flat.writeRaw(at, chunk);
        }
        check(place, s.key(), (int) crc.getValue());
        return flat;
    }

    /** Turns the order of the bytes of every element; a chunk holds whole elements. */
    private static void swap(ByteBuffer chunk, int element) {
        for (int i = 0; i < chunk.limit(); i += element) {
            switch (element) {
                case 2 -> chunk.putShort(i, Short.reverseBytes(chunk.getShort(i)));
                case 4 -> chunk.putInt(i, Integer.reverseBytes(chunk.getInt(i)));
                case 8 -> chunk.putLong(i, Long.reverseBytes(chunk.getLong(i)));
                default -> { }
            }
        }
    }

    private static int crc(ByteBuffer bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    /** A writer that computes no checksums puts 0. */
    private void check(ZipDirectory.Place place, String what, int seen) {
        if (place.crc() != 0 && place.crc() != seen) {
            throw wrong(place.at(), "'" + Safetensors.printable(what) + "' has checksum " + Integer.toHexString(seen)
                + ", the directory has " + Integer.toHexString(place.crc()));
        }
    }
}
