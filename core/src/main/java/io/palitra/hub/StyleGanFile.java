package io.palitra.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Ordered;
import io.palitra.data.FormatException;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Files that NVIDIA's stylegan2-ada-pytorch writes ({@code network-snapshot-N.pkl}). They hold networks as objects of Python with the text
 * of their program; here the text is passed over, and of an object only its class's name, its arguments and its tensors are taken. A file
 * that asks for a name other than those of such files is refused where it does; nothing that a file asks for is run.
 */
public final class StyleGanFile {
    /** An object of a class of NVIDIA's. */
    private record Made(String className, Map<?, ?> state) {}

    /** A type of numbers of NumPy. */
    private record NumberType(String name) {}

    /**
     * A network.
     *
     * @param arguments of its class's constructor
     * @param state its tensors by name, parameters and buffers
     */
    public record Network(String className, ObjectNode arguments, Map<String, Tensor> state) {}

    private static final String OBJECT = "torch_utils.persistence._reconstruct_persistent_obj", STORAGE = "torch.storage._load_from_bytes";
    private static final Set<String> DICTS = Ordered.set("dnnlib.util.EasyDict"), SETS = Ordered.set("builtins.set", "__builtin__.set"),
        NUMBERS = Ordered.set("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"),
        PASSED = Ordered.set("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "numpy.ndarray");
    private static final String TYPE = "numpy.dtype";
    /** Classes of networks that were written in TensorFlow: StyleGAN, StyleGAN 2 and progressive growing. */
    private static final Set<String> TENSORFLOW = Ordered.set("dnnlib.tflib.network.Network", "tfutil.Network");
    private static final Set<String> NETWORKS = Ordered.set("G", "D", "G_ema");
    /** Of the arguments of a generator, those that are not of its synthesis; the program of StyleGAN 3 writes the latter among them. */
    private static final Set<String> OWN = Ordered.set("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels", "mapping_kwargs",
        "synthesis_kwargs");
    private static final int DEPTH = 32, VALUES = 10_000, MOST_BYTES = 1 << 30;
    private static final String MADE_ELSEWHERE = "; wanted is a file of stylegan2-ada-pytorch, with G, D and G_ema";

    private final String file;
    private final FileChannel channel;
    private final Map<String, ZipDirectory.Place> places = new LinkedHashMap<>();
    private int values;

    private StyleGanFile(String file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /** Whether a file of this name is read. */
    public static boolean named(Path file) { return file.toString().toLowerCase(Locale.ROOT).endsWith(".pkl"); }

    /**
     * The networks G, D and G_ema of a file, those of them that are there; tensors are of the innermost scope.
     *
     * @throws FormatException for a file that is damaged, that asks for a name of others, that is of StyleGAN 3 or of TensorFlow (which the
     *     message says), or that holds no such network
     */
    public static Map<String, Network> read(Path path) {
        String name = path.toString();
        try (FileChannel channel = Safetensors.open(path); Scope scope = new Scope()) {
            Map<String, Network> all = new StyleGanFile(name, channel).networks();
            all.values().forEach(n -> n.state.values().forEach(scope::keep));
            return all;
        } catch (IOException e) {
            throw Safetensors.unreadable(name, e);
        }
    }

    private FormatException wrong(String message) { return new FormatException(file, -1, message); }

    private Map<String, Network> networks() throws IOException {
        long size = channel.size();
        if (size > MOST_BYTES) throw wrong("has " + size + " bytes, allowed are " + MOST_BYTES);
        byte[] all = new byte[(int) size];
        Safetensors.readFully(file, channel, 0, ByteBuffer.wrap(all));
        if (size < 2 || (all[0] & 255) != 0x80) throw wrong("is no pickle: it must begin with byte 0x80" + MADE_ELSEWHERE);
        Pickle machine = new Pickle(file, ByteBuffer.wrap(all), 0, TorchFile.Limits.DEFAULT, new Allowed());
        Object root = machine.next();
        if (machine.at() != size) throw machine.wrong("the pickle goes on after its end");
        if (!(root instanceof Map<?, ?> map)) throw wrong("holds " + Pickle.kind(root) + MADE_ELSEWHERE);
        Map<String, Network> networks = new LinkedHashMap<>();
        for (String key : NETWORKS) {
            Object value = map.get(key);
            if (value instanceof Made made) networks.put(key, network(key, made));
            else if (value != null && value != Pickle.NONE) throw wrong("has " + Pickle.kind(value) + " as " + key + MADE_ELSEWHERE);
        }
        if (networks.isEmpty()) throw wrong("holds none of G, D and G_ema" + MADE_ELSEWHERE);
        return networks;
    }

    private Network network(String key, Made made) throws IOException {
        Map<String, Pickle.View> views = new LinkedHashMap<>();
        collect("", made, views, 1);
        for (Map.Entry<String, Pickle.View> e : views.entrySet()) {
            if (!places.containsKey(e.getValue().storage().key())) throw wrong("does not hold the values of '" + named(e.getKey()) + "'");
        }
        ObjectNode arguments = JsonNodeFactory.instance.objectNode();
        if (made.state.get("_init_kwargs") instanceof Map<?, ?> map && json(map, 1) instanceof ObjectNode read) arguments = read;
        if (made.state.get("_init_args") instanceof Object[] args && args.length > 0) {
            throw wrong(key + " was made with arguments without names, which cannot be matched");
        }
        return new Network(made.className, key.equals("D") ? arguments : nested(arguments),
            TorchFile.loaded(file, channel, TorchFile.Limits.DEFAULT, views, places));
    }

    /** With the arguments of the synthesis under their own name, where they stand among the others. */
    private static ObjectNode nested(ObjectNode arguments) {
        ObjectNode all = JsonNodeFactory.instance.objectNode(), synthesis = all.objectNode();
        if (arguments.get("synthesis_kwargs") instanceof ObjectNode given) synthesis.setAll(given);
        arguments.properties().forEach(e -> (OWN.contains(e.getKey()) ? all : synthesis).set(e.getKey(), e.getValue()));
        synthesis.remove("fused_modconv_default");   // how it is computed, not what
        all.set("synthesis_kwargs", synthesis);
        return all;
    }

    /** The tensors of an object and of those within it; parameters and buffers that are None are none. */
    private void collect(String prefix, Made made, Map<String, Pickle.View> into, int depth) {
        if (made.className.equals("SynthesisInput")) {
            throw wrong("is of StyleGAN 3, whose networks are others and are not read" + MADE_ELSEWHERE);
        }
        if (depth > DEPTH || into.size() > VALUES) {
            throw wrong("has objects more than " + DEPTH + " deep, or more than " + VALUES + " tensors");
        }
        for (String kind : List.of("_parameters", "_buffers", "_modules")) {
            if (!(made.state.get(kind) instanceof Map<?, ?> all)) throw wrong("has an object '" + named(prefix) + "' without " + kind);
            for (Map.Entry<?, ?> e : all.entrySet()) {
                if (++values > VALUES) throw wrong("has more than the allowed " + VALUES + " parts of networks");
                String name = prefix + e.getKey(), fault = Safetensors.fault(name);
                if (fault != null) throw wrong("the name of a tensor, '" + named(name) + "', " + fault);
                if (e.getValue() == Pickle.NONE) continue;
                if (e.getValue() instanceof Made part && kind.equals("_modules")) collect(name + ".", part, into, depth + 1);
                else if (e.getValue() instanceof Pickle.View view && !kind.equals("_modules")) into.put(name, view);
                else throw wrong("has " + Pickle.kind(e.getValue()) + " as '" + named(name) + "' among " + kind);
            }
        }
    }

    private static String named(String name) { return Safetensors.printable(name); }

    private JsonNode json(Object value, int depth) {
        if (++values > VALUES || depth > DEPTH) throw wrong("has arguments of more than " + VALUES + " values, or " + DEPTH + " deep");
        JsonNodeFactory make = JsonNodeFactory.instance;
        if (value == Pickle.NONE) return make.nullNode();
        if (value instanceof String text) return make.textNode(text);
        if (value instanceof Long n) return n.intValue() == n ? make.numberNode(n.intValue()) : make.numberNode(n);
        if (value instanceof Double x) return make.numberNode(x);
        if (value instanceof Boolean yes) return make.booleanNode(yes);
        if (value instanceof List<?> list) return array(list, depth);
        if (value instanceof Object[] tuple) return array(List.of(tuple), depth);
        if (!(value instanceof Map<?, ?> map)) throw wrong("has " + Pickle.kind(value) + " among the arguments of a network");
        ObjectNode object = make.objectNode();
        for (Map.Entry<?, ?> e : map.entrySet()) {
            if (!(e.getKey() instanceof String key)) throw wrong("has an argument of a network without a name");
            object.set(key, json(e.getValue(), depth + 1));
        }
        return object;
    }

    private ArrayNode array(List<?> values, int depth) {
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        for (Object o : values) array.add(json(o, depth + 1));
        return array;
    }

    /** Within the bytes of a storage no name but those of storages. */
    private static final class OfStorage implements Pickle.Names {
        @Override public boolean has(String name) { return false; }

        @Override public String refusal(String name) { return "the bytes of a storage ask for '" + name + "', which is not run"; }

        @Override public Object called(String name, Object[] with, Pickle by) { throw by.wrong(refusal(name)); }
    }

    /** The names that NVIDIA's files ask for, and what stands for what their calls would make. */
    private final class Allowed implements Pickle.Names {
        @Override public boolean has(String name) {
            return name.equals(OBJECT) || name.equals(STORAGE) || name.equals(TYPE) || DICTS.contains(name) || SETS.contains(name)
                || NUMBERS.contains(name) || PASSED.contains(name);
        }

        @Override public String refusal(String name) {
            if (TENSORFLOW.contains(name)) {
                return "is of TensorFlow ('" + name + "'), whose networks are others and are not read" + MADE_ELSEWHERE;
            }
            return "the pickle asks for '" + name + "', which NVIDIA's files do not need and which is not run" + MADE_ELSEWHERE;
        }

        @Override public Object called(String name, Object[] with, Pickle by) {
            if (name.equals(OBJECT)) return object(with, by);
            if (name.equals(STORAGE)) return storage(with, by);
            if (DICTS.contains(name) && with.length == 0) return new LinkedHashMap<>();
            if (name.equals(TYPE) && with.length > 0 && with[0] instanceof String type) return new NumberType(type);
            if (NUMBERS.contains(name)) return number(with, by);
            if (SETS.contains(name) || PASSED.contains(name)) return new Object[0];   // of no use here
            throw by.arguments(name, with, "other values");
        }

        private Made object(Object[] with, Pickle by) {
            if (with.length == 1 && with[0] instanceof Map<?, ?> meta && "class".equals(meta.get("type"))
                    && meta.get("class_name") instanceof String className && meta.get("state") instanceof Map<?, ?> state) {
                return new Made(className, state);
            }
            throw by.arguments("an object of NVIDIA's", with, "a dictionary with type, class_name and state");
        }

        /** A file of torch.save of the old form, of one storage. */
        private Pickle.Stored storage(Object[] with, Pickle by) {
            if (with.length != 1 || !(with[0] instanceof Pickle.Bytes bytes)) throw by.arguments("a storage", with, "bytes");
            Pickle inner = by.within(bytes, new OfStorage());
            if (!TorchFile.legacyMagic(inner.next())) throw inner.wrong("the bytes of a storage are no file of torch.save");
            if (!(TorchFile.legacy(inner) instanceof Pickle.Stored stored)) throw inner.wrong("the bytes of a storage hold something else");
            if (!(inner.next() instanceof List<?> keys) || keys.size() != 1) throw inner.wrong("the bytes of a storage hold several");
            long end = bytes.from() + (long) bytes.length(), at = inner.at(), wanted = stored.numel() * stored.dtype().bytes();
            if (end - at < 8 || end - at - 8 != wanted) {
                throw inner.wrong("a storage should have " + stored.numel() + " " + stored.dtype() + ", its bytes are " + (end - at - 8));
            }
            Pickle.Stored own = new Pickle.Stored(stored.dtype(), "at byte " + at, stored.numel());
            places.put(own.key(), new ZipDirectory.Place(at + 8, wanted, 0));
            return own;
        }

        private Object number(Object[] with, Pickle by) {
            if (with.length != 2 || !(with[0] instanceof NumberType type) || !(with[1] instanceof Pickle.Bytes bytes)) {
                throw by.arguments("a number of NumPy", with, "a type and bytes");
            }
            ByteBuffer in = by.read(bytes);
            String wanted = type.name + " " + bytes.length();
            return switch (wanted) {
                case "f8 8" -> in.getDouble();
                case "f4 4" -> (double) in.getFloat();
                case "i8 8" -> in.getLong();
                case "i4 4" -> (long) in.getInt();
                case "b1 1" -> in.get() != 0;
                default -> throw by.wrong("a number of NumPy of type '" + named(type.name) + "' is not read");
            };
        }
    }
}
