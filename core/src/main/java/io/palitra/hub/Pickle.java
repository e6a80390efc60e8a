package io.palitra.hub;

import io.palitra.config.Ordered;
import io.palitra.data.FormatException;
import io.palitra.engine.DType;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The part of Python's pickle machine that dictionaries of tensors need. It makes values only - numbers, texts, lists, tuples (as arrays),
 * dictionaries and descriptions of tensors - and never loads a class or calls a function: the few names it knows stand for what it does
 * itself. Every other name, and whatever is called, filled or given a state by it, becomes an {@link Opaque}, which holds the name and
 * nothing else: files of training are full of them, and who wants a tensor where one is refuses it by its name.
 */
final class Pickle {
    /** None, and values without a use here, as the dtypes of PyTorch. */
    static final Object NONE = new Object();

    /** A run of elements somewhere in the file. */
    record Stored(DType dtype, String key, long numel) {}

    /** A tensor: element [i,j,...] is element offset + i strides[0] + j strides[1] + ... of its storage. */
    record View(Stored storage, long offset, long[] shape, long[] strides) {}

    /** A global name that this reader supports. */
    private record Global(String name) {}

    /** Bytes in the pickle, from a byte of it on. */
    record Bytes(int from, int length) {}

    /** Names beside those of tensors that a kind of file may ask for. Where there are such, every other name is refused. */
    interface Names {
        boolean has(String name);

        /** Why another name is refused, as the end of a sentence that begins with the file. */
        String refusal(String name);

        /** What calling it with these arguments makes. */
        Object called(String name, Object[] with, Pickle by);
    }

    /** What only Python could make: a foreign name, or a value that was made by it. Equal to itself alone, as it may be a key. */
    static final class Opaque {
        private final String name;

        private Opaque(String name) { this.name = name; }

        String name() { return name; }

        /** Whether it would be a tensor, or the elements of one. */
        boolean tensor() { return TENSORS.matcher(name).matches(); }
    }

    private static final Pattern TENSORS = Pattern.compile("torch\\.(_utils|_tensor|_subclasses)\\..*_?rebuild_.*"
        + "|torch\\.(storage\\.)?\\w*Storage");
    private static final Opaque BYTES = new Opaque("bytes"), SET = new Opaque("set");

    private static final Map<String, DType> STORAGES = Ordered.map(Map.entry("torch.DoubleStorage", DType.F64),
        Map.entry("torch.FloatStorage", DType.F32), Map.entry("torch.HalfStorage", DType.F16), Map.entry("torch.BFloat16Storage",
        DType.BF16), Map.entry("torch.LongStorage", DType.I64), Map.entry("torch.IntStorage", DType.I32),
        Map.entry("torch.ShortStorage", DType.I16), Map.entry("torch.CharStorage", DType.I8), Map.entry("torch.ByteStorage", DType.U8),
        Map.entry("torch.BoolStorage", DType.BOOL));
    private static final Set<String> CALLED = Ordered.set("collections.OrderedDict", "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", "torch.Size");
    private static final Set<String> DTYPES = Ordered.set("torch.float64", "torch.float32", "torch.float16", "torch.bfloat16",
        "torch.int64", "torch.int32", "torch.int16", "torch.int8", "torch.uint8", "torch.bool");
    private static final int LONGEST_NAME = 1024, MOST_NAMES = 10_000;

    private final String file;
    private final ByteBuffer in;
    private final long base;
    private final TorchFile.Limits limits;
    private final @Nullable Names names;
    private final Map<String, Stored> storages = new LinkedHashMap<>();
    private final List<Object> stack = new ArrayList<>();
    private final List<Integer> marks = new ArrayList<>();
    private final List<Object> memo = new ArrayList<>();
    private final Map<String, String> foreign = new LinkedHashMap<>();
    private int ops;
    private int opAt;

    /** @param base byte of the file where {@code bytes} stood, for messages */
    Pickle(String file, byte[] bytes, long base, TorchFile.Limits limits) { this(file, ByteBuffer.wrap(bytes), base, limits, null); }

    /** @param names that it may ask for beside those of tensors; null for all, which are then never more than names */
    Pickle(String file, ByteBuffer bytes, long base, TorchFile.Limits limits, @Nullable Names names) {
        this.file = file;
        this.in = bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
        this.base = base;
        this.limits = limits;
        this.names = names;
    }

    /** The pickles within bytes of this one. */
    Pickle within(Bytes bytes, Names allowed) {
        ByteBuffer own = in.duplicate().position(bytes.from).limit(bytes.from + bytes.length);
        return new Pickle(file, own, base + bytes.from, limits, allowed);
    }

    /** These bytes of it, little-endian. */
    ByteBuffer read(Bytes bytes) { return in.slice(bytes.from, bytes.length).order(ByteOrder.LITTLE_ENDIAN); }

    /** Every storage that was referred to so far, by key. */
    Map<String, Stored> storages() { return storages; }

    /** Unsupported global names, in the order of their use. */
    Set<String> foreign() { return foreign.keySet(); }

    /** Where in the file the next pickle begins. */
    long at() { return base + in.position(); }

    /** The next pickle. @throws FormatException for a rule that is broken, a limit, and for everything that a state dict does not need */
    Object next() {
        stack.clear();
        marks.clear();
        memo.clear();
        while (true) {
            opAt = in.position();
            if (++ops > limits.ops()) throw wrong("the pickle has more than the allowed " + limits.ops() + " operations");
            int op = unsigned(1);
            if (op == '.') break;
            run(op);
        }
        Object made = pop();
        if (!stack.isEmpty() || !marks.isEmpty()) throw wrong("the pickle ends with " + stack.size() + " values left over");
        return made;
    }

    private void run(int op) {
        switch (op) {
            case 0x80 -> protocol();
            case 0x95 -> need(8);   // a frame holds only how far to read ahead
            case '(' -> marks.add(stack.size());
            case '0' -> pop();
            case '1' -> sinceMark();
            case '2' -> stack.add(top());
            case 'N' -> stack.add(NONE);
            case 0x88 -> stack.add(true);
            case 0x89 -> stack.add(false);
            case 'I', 'L' -> stack.add(wholeInWords());
            case 'J' -> stack.add((long) in.getInt(need(4)));
            case 'K' -> stack.add((long) unsigned(1));
            case 'M' -> stack.add((long) unsigned(2));
            case 0x8a -> stack.add(whole(unsigned(1)));
            case 0x8b -> stack.add(whole(in.getInt(need(4))));
            case 'G' -> stack.add(Double.longBitsToDouble(Long.reverseBytes(in.getLong(need(8)))));
            case 'C' -> bytes(unsigned(1));
            case 'B' -> bytes(in.getInt(need(4)) & 0xffffffffL);
            case 0x8e, 0x96 -> bytes(in.getLong(need(8)));
            case 'U', 0x8c -> stack.add(text(unsigned(1)));
            case 'T', 'X' -> stack.add(text(in.getInt(need(4)) & 0xffffffffL));
            case 0x8d -> stack.add(text(in.getLong(need(8))));
            case ')' -> stack.add(new Object[0]);
            case 0x85, 0x86, 0x87 -> stack.add(popped(op - 0x84));
            case 't' -> stack.add(sinceMark());
            case ']' -> stack.add(new ArrayList<>(0));
            case 'l' -> stack.add(new ArrayList<>(Arrays.asList(sinceMark())));
            case 'a' -> append(popped(1));
            case 'e' -> append(sinceMark());
            case '}' -> stack.add(new LinkedHashMap<>());
            case 'd' -> stack.add(filled(new LinkedHashMap<>(), sinceMark()));
            case 's' -> put(popped(2));
            case 'u' -> put(sinceMark());
            case 'q' -> memoise(unsigned(1));
            case 'r' -> memoise(in.getInt(need(4)));
            case 0x94 -> memoise(memo.size());
            case 'h' -> stack.add(recalled(unsigned(1)));
            case 'j' -> stack.add(recalled(in.getInt(need(4))));
            case 'c' -> stack.add(global(line() + "." + line()));
            case 0x93 -> stackGlobal();
            case 0x8f -> stack.add(SET);
            case 0x90 -> addItems(sinceMark());
            case 0x91 -> {
                sinceMark();
                stack.add(SET);
            }
            case 'i' -> {
                Object named = global(line() + "." + line());
                sinceMark();
                stack.add(instance(named, op));
            }
            case 'o' -> {
                Object[] all = sinceMark();
                if (all.length == 0) throw wrong("the pickle makes an instance of nothing");
                stack.add(instance(all[0], op));
            }
            case 0x81 -> stack.add(instance(popped(2)[0], op));
            case 0x92 -> stack.add(instance(popped(3)[0], op));
            case 'Q' -> stack.add(stored(pop()));
            case 'R' -> call();
            case 'b' -> build();
            default -> throw wrong(String.format("the pickle has operation 0x%02x, which a state dict does not need", op));
        }
    }

    private void protocol() {
        int version = unsigned(1);
        if (version > 5) throw wrong("the pickle is of protocol " + version + ", allowed are 0 to 5");
    }

    /** The position of the next n bytes, which are there. Moves behind them. */
    private int need(long n) {
        if (n < 0 || n > in.remaining()) {
            throw wrong("the pickle wants " + Long.toUnsignedString(n) + " bytes more, but only " + in.remaining() + " follow");
        }
        int from = in.position();
        in.position(from + (int) n);
        return from;
    }

    /** A state dict holds none, so that they are skipped there. */
    private void bytes(long n) {
        int from = need(n);
        stack.add(names == null ? BYTES : new Bytes(from, (int) n));
    }

    private int unsigned(int bytes) {
        int from = need(bytes);
        return bytes == 1 ? in.get(from) & 255 : in.getShort(from) & 0xffff;
    }

    private String text(long bytes) {
        int from = need(bytes);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(in.duplicate().position(from).limit(from + (int) bytes)).toString();
        } catch (CharacterCodingException e) {
            throw wrong("a text in the pickle is not UTF-8");
        }
    }

    /** Up to a line feed, which is read too. */
    private String line() {
        for (int i = in.position(); i < in.limit() && i - in.position() <= LONGEST_NAME; i++) {
            if (in.get(i) != '\n') continue;
            String read = text(i - in.position());
            need(1);
            return read;
        }
        throw wrong("the pickle has a name of more than " + LONGEST_NAME + " bytes, or ends in one");
    }

    private Object wholeInWords() {
        String words = line();
        if (words.equals("00") || words.equals("01")) return words.equals("01");
        try {
            return narrowed(new BigInteger(words.endsWith("L") ? words.substring(0, words.length() - 1) : words));
        } catch (NumberFormatException e) {
            throw wrong("'" + Safetensors.printable(words) + "' is no whole number");
        }
    }

    /** Little endian, two's complement. */
    private Object whole(int bytes) {
        if (bytes < 0 || bytes > 255) throw wrong("the pickle has a number of " + bytes + " bytes, allowed are 255");
        int from = need(bytes);
        byte[] bigEndian = new byte[bytes + 1];
        for (int i = 0; i < bytes; i++) bigEndian[bytes - i] = in.get(from + i);
        if (bytes > 0 && bigEndian[1] < 0) bigEndian[0] = -1;
        return narrowed(new BigInteger(bigEndian));
    }

    private static Object narrowed(BigInteger n) { return n.bitLength() < 64 ? (Object) n.longValue() : n; }

    /** What lies below a mark belongs to the operation that set it. */
    private int fence() { return marks.isEmpty() ? 0 : marks.get(marks.size() - 1); }

    private Object top() {
        if (stack.size() <= fence()) throw wrong("the pickle takes a value where none is");
        return stack.get(stack.size() - 1);
    }

    private Object pop() {
        Object o = top();
        stack.remove(stack.size() - 1);
        return o;
    }

    private Object[] popped(int n) {
        Object[] out = new Object[n];
        for (int i = n - 1; i >= 0; i--) out[i] = pop();
        return out;
    }

    private Object[] sinceMark() {
        if (marks.isEmpty()) throw wrong("the pickle goes back to a mark that was never set");
        List<Object> since = stack.subList(marks.remove(marks.size() - 1), stack.size());
        Object[] out = since.toArray();
        since.clear();
        return out;
    }

    /** A foreign value ignores what is set in it. */
    private boolean foreignTakes() { return top() instanceof Opaque; }

    private void addItems(Object[] items) {
        if (!foreignTakes()) throw wrong("the pickle adds " + items.length + " items to " + kind(top()) + ", allowed is a set");
    }

    private void append(Object[] items) {
        if (foreignTakes()) return;
        if (!(top() instanceof List<?> list)) throw wrong("the pickle appends to " + kind(top()) + ", allowed is a list");
        @SuppressWarnings("unchecked") List<Object> into = (List<Object>) list;
        into.addAll(Arrays.asList(items));
    }

    private void put(Object[] items) {
        if (foreignTakes()) return;
        if (!(top() instanceof Map<?, ?> map)) throw wrong("the pickle sets an item of " + kind(top()) + ", allowed is a dictionary");
        @SuppressWarnings("unchecked") Map<Object, Object> into = (Map<Object, Object>) map;
        filled(into, items);
    }

    /** @param items key, value, key, value, ... */
    private Map<Object, Object> filled(Map<Object, Object> map, Object[] items) {
        if (items.length % 2 != 0) throw wrong("the pickle has a key without a value");
        for (int i = 0; i < items.length; i += 2) {
            // these can be compared without looking into them; the last three by being the same
            boolean key = items[i] instanceof String || items[i] instanceof Long || items[i] instanceof Boolean || items[i] == NONE
                || items[i] instanceof Opaque || items[i] instanceof Global || items[i] instanceof Object[];
            if (!key) throw wrong("a dictionary has " + kind(items[i]) + " for a key, allowed are texts, whole numbers and tuples");
            if (items[i] instanceof String text && text.length() > LONGEST_NAME) {
                throw wrong("a dictionary has a key of " + text.length() + " letters, allowed are " + LONGEST_NAME);
            }
            boolean named = items[i] instanceof String || items[i] instanceof Long;
            if (map.put(items[i], items[i + 1]) != null && named) {
                throw wrong("a dictionary has the key '" + Safetensors.printable(items[i].toString()) + "' twice");
            }
        }
        return map;
    }

    private void memoise(int i) {
        // writers number from 0 or from 1 without gaps
        if (i < 0 || i > memo.size() + 1) throw wrong("the pickle notes value " + Integer.toUnsignedString(i) + " after " + memo.size());
        while (memo.size() <= i) memo.add(NONE);
        memo.set(i, top());
    }

    private Object recalled(int i) {
        if (i < 0 || i >= memo.size()) {
            throw wrong("the pickle recalls value " + Integer.toUnsignedString(i) + " of " + memo.size() + " noted");
        }
        return memo.get(i);
    }

    private void stackGlobal() {
        Object[] name = popped(2);
        if (!(name[0] instanceof String module) || !(name[1] instanceof String member)) {
            throw wrong("the pickle asks for a name that is " + kind(name[0]) + " and " + kind(name[1]) + ", allowed are two texts");
        }
        if (module.length() > LONGEST_NAME || member.length() > LONGEST_NAME) {
            throw wrong("the pickle has a name of more than " + LONGEST_NAME + " letters");
        }
        stack.add(global(module + "." + member));
    }

    private Object global(String name) {
        if (DTYPES.contains(name)) return NONE;
        if (CALLED.contains(name) || STORAGES.containsKey(name) || names != null && names.has(name)) return new Global(name);
        if (names != null) throw wrong(names.refusal(Safetensors.printable(name)));
        // one text for each name: the same one may occur millions of times
        String kept = foreign.computeIfAbsent(name, n -> n);
        if (foreign.size() > MOST_NAMES) throw wrong("the pickle asks for more than the allowed " + MOST_NAMES + " names of others");
        return new Opaque(kept);
    }

    /** Of a class. The known names are functions here, or never made so by those who write state dicts. */
    private Object instance(Object of, int op) {
        if (of instanceof Opaque o) return new Opaque(o.name);
        if (of instanceof Global g && names != null && names.has(g.name)) return names.called(g.name, new Object[0], this);
        throw wrong(String.format("the pickle makes an instance of %s by operation 0x%02x, which a state dict does not need", kind(of),
            op));
    }

    private void call() {
        Object[] args = popped(2);
        boolean name = args[0] instanceof Global || args[0] instanceof Opaque;
        if (!name || !(args[1] instanceof Object[]) && !(args[0] instanceof Opaque && args[1] instanceof Opaque)) {
            throw wrong("the pickle calls " + kind(args[0]) + " with " + kind(args[1]) + ", allowed is a name with a tuple");
        }
        stack.add(args[0] instanceof Global g ? called(g.name, (Object[]) args[1]) : new Opaque(((Opaque) args[0]).name));
    }

    private Object called(String name, Object[] with) {
        if (names != null && names.has(name)) return names.called(name, with, this);
        // made of what is not known, it is not known either
        boolean rebuilt = !name.equals("collections.OrderedDict") && !name.equals("torch.Size");
        if (CALLED.contains(name) && rebuilt && with.length > 0 && with[0] instanceof Opaque of) return new Opaque(of.name);
        return switch (name) {
            case "collections.OrderedDict" -> ordered(with);
            case "torch._utils._rebuild_tensor" -> tensor(with, 4, 4);
            case "torch._utils._rebuild_tensor_v2" -> tensor(with, 6, 7);
            case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state" -> {
                if (with.length == (name.endsWith("state") ? 4 : 3) && with[0] instanceof View v) yield v;
                throw arguments(name.substring(name.lastIndexOf('.') + 1), with, "a tensor and two or three more");
            }
            case "torch.Size" -> {
                if (with.length == 1 && with[0] instanceof Object[] extents) yield extents;
                throw arguments("Size", with, "a tuple");
            }
            default -> throw wrong("the pickle calls '" + name + "', which makes nothing that is needed");
        };
    }

    FormatException arguments(String of, Object[] got, String wanted) {
        return wrong(of + " wants " + wanted + ", got " + got.length + " values" + (got.length == 0 ? "" : ", first " + kind(got[0])));
    }

    /** No arguments, or a list of pairs. */
    private Map<Object, Object> ordered(Object[] with) {
        Map<Object, Object> map = new LinkedHashMap<>();
        if (with.length == 0) return map;
        if (with.length != 1 || !(with[0] instanceof List<?> pairs)) throw arguments("OrderedDict", with, "nothing or a list of pairs");
        for (Object o : pairs) {
            Object[] pair = o instanceof List<?> l ? l.toArray() : o instanceof Object[] tuple ? tuple : new Object[0];
            if (pair.length != 2) throw wrong("OrderedDict wants pairs, got " + kind(o));
            filled(map, pair);
        }
        return map;
    }

    private View tensor(Object[] with, int fewest, int most) {
        if (with.length < fewest || with.length > most || !(with[0] instanceof Stored storage) || !(with[1] instanceof Long offset)) {
            throw arguments("a tensor", with, "a storage, an offset, a size and strides");
        }
        // the seventh marks values that are conjugated or negated
        if (with.length == 7 && with[6] != NONE && !(with[6] instanceof Map<?, ?> m && m.isEmpty())) {
            throw wrong("a tensor is marked as conjugated or negative, which is not supported");
        }
        return new View(storage, offset, naturals(with[2], "size"), naturals(with[3], "strides"));
    }

    private long[] naturals(Object tuple, String what) {
        if (!(tuple instanceof Object[] all)) throw wrong("the " + what + " of a tensor must be a tuple, got " + kind(tuple));
        if (all.length > Safetensors.MAX_DIMS) {
            throw wrong("the " + what + " of a tensor has " + all.length + " numbers, allowed are " + Safetensors.MAX_DIMS);
        }
        long[] out = new long[all.length];
        for (int i = 0; i < out.length; i++) {
            if (!(all[i] instanceof Long n) || n < 0) throw wrong("the " + what + " of a tensor must be whole numbers of at least 0");
            out[i] = n;
        }
        return out;
    }

    /** ("storage", type, key, device, number of elements), and in old files the part of another storage that this one is. */
    private Object stored(Object id) {
        // of a type that is not read
        if (id instanceof Object[] t && t.length >= 5 && "storage".equals(t[0]) && t[1] instanceof Opaque o && o.tensor()) return o;
        if (!(id instanceof Object[] t) || t.length < 5 || !"storage".equals(t[0]) || !(t[1] instanceof Global type)
                || !(t[2] instanceof String key) || !(t[4] instanceof Long numel)) {
            throw wrong("the pickle refers to " + kind(id) + " outside itself, allowed is a storage with type, key, device and length");
        }
        DType dtype = STORAGES.get(type.name);
        if (dtype == null || numel < 0) throw wrong("a storage of " + numel + " elements of '" + type.name + "' cannot be");
        if (t.length > 6 || t.length == 6 && t[5] != NONE) throw wrong("storage '" + Safetensors.printable(key) + "' is part of another");
        Stored asked = new Stored(dtype, key, numel);
        Stored known = storages.putIfAbsent(key, asked);
        if (known != null && !known.equals(asked)) {
            throw wrong("storage '" + Safetensors.printable(key) + "' is asked for as " + known.numel + " " + known.dtype + " and as "
                + numel + " " + dtype);
        }
        if (storages.size() > limits.tensors()) throw wrong("more storages than the allowed " + limits.tensors());
        return asked;
    }

    /** Attributes of a dictionary, such as the versions of modules, or of what is foreign: of no use here. */
    private void build() {
        Object state = pop();
        if (foreignTakes() || names != null && state instanceof Object[]) return;   // of a value that is whole already
        if (!(top() instanceof Map) || !(state instanceof Map)) {
            throw wrong("the pickle sets the state of " + kind(top()) + " from " + kind(state) + ", allowed are two dictionaries");
        }
    }

    /** A value as a message names it: never its content, which may contain itself. */
    static String kind(Object o) {
        if (o == NONE) return "None or a dtype";
        if (o instanceof Global g) return "'" + g.name + "'";
        if (o instanceof Opaque f) return "what '" + Safetensors.printable(f.name) + "' stands for";
        if (o instanceof String) return "a text";
        if (o instanceof Long || o instanceof BigInteger) return "a whole number";
        if (o instanceof Double) return "a number";
        if (o instanceof Boolean) return "a truth value";
        if (o instanceof Object[]) return "a tuple";
        if (o instanceof List) return "a list";
        if (o instanceof Bytes) return "bytes";
        if (o instanceof Map) return "a dictionary";
        return o instanceof View ? "a tensor" : o instanceof Stored ? "a storage" : "an object";
    }

    FormatException wrong(String message) { return new FormatException(file, base + opAt, message); }
}
