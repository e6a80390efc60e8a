package io.palitra.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Json;
import io.palitra.config.Ordered;
import io.palitra.data.FormatException;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Low-rank changes of the networks of a diffusion pipeline, as files hold them: LoRA, Hu et al. 2021, arXiv:2106.09685. Read are the forms
 * of kohya-ss ({@code lora_unet_down_blocks_0_….lora_down.weight}), of diffusers and PEFT ({@code unet.down_blocks.0.….lora_A.weight}),
 * and what diffusers wrote before it used PEFT. Relatives of LoRA are refused by name.
 *
 * @param name of the file, for messages
 * @param metadata entries of the file's header: {@code ss_…} of kohya-ss, {@code modelspec.…} of Stability's ModelSpec
 */
public record LoraFile(String name, List<Change> changes, Map<String, String> metadata) {
    /** The networks of a pipeline, by their folders in diffusers. */
    public enum Network {
        UNET, TEXT_ENCODER, TEXT_ENCODER_2;

        /** {@code unet}, {@code text_encoder}, {@code text_encoder_2}. */
        public String key() { return name().toLowerCase(Locale.ROOT); }
    }

    /**
     * W' = W + (alpha / r) B A for the weight W of one layer.
     *
     * @param target the layer's path, as {@code mid_block.attentions.0.proj_in}, or kohya's name for it
     * @param underscored whether it is kohya's name, in which dots became underscores; {@link #paths} gives the path
     * @param a [r,in] or [r,in,k,k]
     * @param b [out,r] or [out,r,1,1]
     */
    public record Change(Network network, String target, boolean underscored, Tensor a, Tensor b, float alpha) {
        public Change {
            String fault = fault(a, b, alpha);
            if (target.isEmpty()) fault = "names no layer";
            if (fault != null) throw new ArgumentException("illegal change of '" + Safetensors.printable(target) + "': " + fault);
        }

        static @Nullable String fault(Tensor a, Tensor b, float alpha) {
            boolean kernel = a.dims() == 4, pixel = b.dims() == 4 && b.size(2) == 1 && b.size(3) == 1;
            if (!a.dtype().floating() || !b.dtype().floating()) return "A is of " + a.dtype() + " and B of " + b.dtype();
            if (!kernel && a.dims() != 2) return "A is " + shown(a) + ", must be r×in or r×in×k×k";
            if (!pixel && b.dims() != 2) return "B is " + shown(b) + ", must be out×r or out×r×1×1";
            if (a.size(0) != b.size(1)) return "A " + shown(a) + " has rank " + a.size(0) + ", B " + shown(b) + " has " + b.size(1);
            if (a.numel() == 0 || b.numel() == 0) return "A is " + shown(a) + " and B " + shown(b) + ", must have elements";
            if (!Float.isFinite(alpha)) return "alpha is " + alpha + ", must be finite";
            // kohya-ss takes it for the rank, others for a change of nothing
            return alpha == 0 ? "alpha is 0.0, must be another number" : null;
        }

        private static String shown(Tensor t) { return t.toString(); }

        public int rank() { return (int) a.size(0); }

        /** alpha / r. */
        public double scale() { return (double) alpha / rank(); }

        /** Of the weight that it changes: [out,in] or [out,in,k,k]. */
        public long[] shape() {
            long[] shape = a.shape();
            shape[0] = b.size(0);
            return shape;
        }
    }

    private enum Part { A, B, ALPHA }

    private record Suffix(String text, Part part) {}

    /** The first that fits; names that old diffusers gave to processors of attention are ended by "_lora". */
    private static final List<Suffix> SUFFIXES = List.of(
        new Suffix(".lora_down.weight", Part.A), new Suffix(".lora_up.weight", Part.B),
        new Suffix(".lora_A.weight", Part.A), new Suffix(".lora_B.weight", Part.B),
        new Suffix(".lora.down.weight", Part.A), new Suffix(".lora.up.weight", Part.B),
        new Suffix(".lora_linear_layer.down.weight", Part.A), new Suffix(".lora_linear_layer.up.weight", Part.B),
        new Suffix("_lora.down.weight", Part.A), new Suffix("_lora.up.weight", Part.B), new Suffix(".alpha", Part.ALPHA));

    /** Methods related to LoRA, by a word near the end of their keys. */
    private record Relative(String word, String kind) {}

    private static final List<Relative> RELATIVES = List.of(new Relative("dora_scale|lora_magnitude_vector", "a DoRA"),
        new Relative("hada_.+", "a LoHa"), new Relative("lokr_.+", "a LoKr"), new Relative("oft_.+", "an OFT"),
        new Relative("on_input|ia3_.+", "an (IA)3"), new Relative("diff|diff_b|w_norm|b_norm", "whole differences of weights"),
        new Relative("lora_mid", "a LoRA in Tucker's form"), new Relative("lora_embedding_.+", "a LoRA of a table"),
        new Relative("lora_(A|B|down|up)[.]bias", "a LoRA with biases"));

    private static final Map<String, Network> KOHYA = Ordered.map(Map.entry("lora_unet_", Network.UNET), Map.entry("lora_te_",
        Network.TEXT_ENCODER), Map.entry("lora_te1_", Network.TEXT_ENCODER), Map.entry("lora_te2_", Network.TEXT_ENCODER_2));
    private static final Set<String> TOP_OF_UNET = Ordered.set("conv_in", "time_embedding", "class_embedding", "add_embedding",
        "encoder_hid_proj", "down_blocks", "mid_block", "up_blocks", "conv_out");
    /** As PEFT and diffusers save a LoRA in a folder. */
    private static final List<String> IN_FOLDERS = List.of("adapter_model.safetensors", "adapter_model.bin",
        "pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin");
    private static final String PEFT = "base_model.model.";
    private static final String TEXT = "text_model.";
    private static final String ADAPTER = "lora_adapter_metadata";
    private static final Pattern OLD_ATTENTION = Pattern.compile("(.+?)(\\.processor)?\\.to_(q|k|v|out)");

    /** The layer of a key, by kohya's name, and the part of its change that the key holds. */
    private record Place(Network network, String target, boolean underscored, Part part) {
        String layer() { return network + " " + target.replace('.', '_'); }
    }

    /** The keys of one change. */
    private record Keys(Place place, Map<Part, String> names) {}

    public LoraFile {
        changes = List.copyOf(changes);
        metadata = Ordered.copy(metadata);
    }

    /**
     * Reads a folder in which {@link #file} finds one, a file of safetensors, or one of torch.save, whose name ends in {@code .pt .pth
     * .bin} or {@code .ckpt}. An alpha that is not given is the rank; it may be in a tensor, in metadata, and in
     * {@code adapter_config.json} beside a file of PEFT. The tensors belong to the innermost scope.
     *
     * @throws FormatException when the file is damaged, holds anything but a LoRA, or holds half a change
     */
    public static LoraFile read(Path place) {
        Path file = file(place);
        String name = file.toString();
        boolean torch = name.toLowerCase(Locale.ROOT).matches(".*\\.(pt|pth|bin|ckpt)");
        // refuses a file of something else before its tensors take memory
        if (!torch) grouped(name, Safetensors.header(file).entries().keySet());
        try (Scope scope = new Scope()) {
            Safetensors read = torch ? new Safetensors(TorchFile.read(file), Map.of()) : Safetensors.read(file);
            Adapter adapter = Adapter.of(file, read);
            List<Change> changes = grouped(name, read.tensors().keySet()).stream()
                .map(k -> change(name, k, read.tensors(), adapter)).toList();
            for (Change c : changes) {
                scope.keep(c.a);
                scope.keep(c.b);
            }
            Map<String, String> words = new TreeMap<>(read.metadata());
            words.keySet().removeIf(k -> !k.startsWith("ss_") && !k.startsWith("modelspec."));
            return new LoraFile(name, changes, words);
        }
    }

    /**
     * The file of a LoRA: in a folder the one that PEFT or diffusers saves there, all else itself.
     *
     * @throws FormatException for a folder without such a file
     */
    public static Path file(Path place) {
        if (!Files.isDirectory(place)) return place;
        for (String name : IN_FOLDERS) {
            Path file = place.resolve(name);
            if (Files.isRegularFile(file)) return file;
        }
        throw new FormatException(place.toString(), -1, "is a folder with none of " + InWords.list(IN_FOLDERS)
            + "; name the file of the LoRA");
    }

    private static List<Keys> grouped(String file, Collection<String> names) {
        Map<String, Keys> layers = new LinkedHashMap<>();
        for (String name : names) {
            Place place = place(file, name);
            Keys keys = layers.computeIfAbsent(place.layer(), l -> new Keys(place, new EnumMap<>(Part.class)));
            String other = keys.names.put(place.part, name);
            if (other != null) throw wrong(file, name, "and '" + Safetensors.printable(other) + "' are the same part of one change");
        }
        if (layers.isEmpty()) throw new FormatException(file, -1, "holds no LoRA, nor anything else");
        for (Keys k : layers.values()) {
            if (k.names.containsKey(Part.A) && k.names.containsKey(Part.B)) continue;
            String has = k.names.values().iterator().next();
            throw wrong(file, has, "has no " + (k.names.containsKey(Part.A) ? "B (up)" : "A (down)") + " beside it");
        }
        return List.copyOf(layers.values());
    }

    private static Place place(String file, String key) {
        Suffix suffix = SUFFIXES.stream().filter(s -> key.endsWith(s.text)).findFirst().orElseThrow(() -> unknown(file, key));
        String stem = key.substring(0, key.length() - suffix.text.length());
        for (Map.Entry<String, Network> e : KOHYA.entrySet()) {
            if (!stem.startsWith(e.getKey()) || stem.length() == e.getKey().length()) continue;
            String target = stem.substring(e.getKey().length());
            return new Place(e.getValue(), e.getValue() == Network.UNET ? LdmNames.renewed(target) : target, true, suffix.part);
        }
        String path = stem.startsWith(PEFT) ? stem.substring(PEFT.length()) : stem;
        int dot = path.indexOf('.');
        String first = dot < 0 ? path : path.substring(0, dot), rest = path.substring(dot + 1);
        for (Network n : Network.values()) {
            if (dot >= 0 && first.equals(n.key()) && !rest.isEmpty()) return new Place(n, today(n, rest, suffix), false, suffix.part);
        }
        if (TOP_OF_UNET.contains(first)) return new Place(Network.UNET, today(Network.UNET, path, suffix), false, suffix.part);
        if (first.equals("text_model")) {
            return new Place(Network.TEXT_ENCODER, today(Network.TEXT_ENCODER, path, suffix), false, suffix.part);
        }
        throw unknown(file, key);
    }

    /** Before PEFT, diffusers kept the changes of an attention in its processor, with names of its own in text encoders, too. */
    private static String today(Network network, String path, Suffix suffix) {
        Matcher old = OLD_ATTENTION.matcher(path);
        if (!suffix.text.startsWith("_lora") || !old.matches()) return path;
        String which = old.group(3);
        if (network == Network.UNET) return old.group(1) + ".to_" + which + (which.equals("out") ? ".0" : "");
        return old.group(1) + "." + which + "_proj";
    }

    private static FormatException unknown(String file, String key) {
        String kind = RELATIVES.stream().filter(r -> key.matches(".*[.](" + r.word + ")([.][^.]+)?")).map(Relative::kind).findFirst()
            .orElse("");
        return wrong(file, key, kind.isEmpty() ? "is of an unknown kind; a LoRA has keys such as 'lora_unet_….lora_down.weight' and"
            + " 'unet.….lora_A.weight'" : "is of " + kind + "; only a plain LoRA is read");
    }

    private static FormatException wrong(String file, String key, String what) {
        return new FormatException(file, -1, "'" + Safetensors.printable(key) + "' " + what);
    }

    private static Change change(String file, Keys keys, Map<String, Tensor> tensors, Adapter adapter) {
        Tensor a = tensor(tensors, keys, Part.A), b = tensor(tensors, keys, Part.B);
        Place p = keys.place;
        String alphaKey = keys.names.get(Part.ALPHA);
        float alpha;
        if (alphaKey == null) {
            alpha = adapter.alpha(p.network, p.target, a.dims() == 0 ? 0 : a.size(0));
        } else {
            Tensor t = tensor(tensors, keys, Part.ALPHA);
            if (t.numel() != 1) throw wrong(file, alphaKey, "is " + t + ", must be one number");
            alpha = (float) t.item();
        }
        String fault = Change.fault(a, b, alpha);
        if (fault != null) throw wrong(file, Objects.requireNonNull(keys.names.get(Part.A)), "and what belongs to it: " + fault);
        return new Change(p.network, p.target, p.underscored, a, b, alpha);
    }

    private static Tensor tensor(Map<String, Tensor> tensors, Keys keys, Part part) {
        return Objects.requireNonNull(tensors.get(keys.names.get(part)));
    }

    /**
     * Alpha as PEFT keeps it outside the tensors.
     *
     * @param flat keys begin with the name of the network
     * @param patterns of {@code alpha_pattern}, by the network
     */
    private record Adapter(String file, JsonNode json, boolean flat, Map<Network, Map<PythonPattern, JsonNode>> patterns,
            PythonPattern.Budget budget) {
        private static final long STEPS = 20_000_000;
        private static final int MOST_PARTS = 1_000_000;

        static Adapter of(Path file, Safetensors read) {
            String name = file.toString();
            String words = read.metadata().get(ADAPTER);
            Path config = file.resolveSibling("adapter_config.json");
            boolean peft = read.tensors().keySet().stream().anyMatch(k -> k.startsWith(PEFT));
            JsonNode json = JsonNodeFactory.instance.objectNode();
            try {
                if (words != null) json = Json.read(name + ": " + ADAPTER, words);
                else if (peft && Files.isRegularFile(config)) json = Json.read(config);
            } catch (ConfigException e) {
                throw new FormatException(name, -1, "the settings of its LoRA cannot be read: " + e.getMessage(), e);
            } catch (IOException e) {
                throw Safetensors.unreadable(config.toString(), e);
            }
            return new Adapter(name, json, words != null, new EnumMap<>(Network.class), new PythonPattern.Budget(STEPS));
        }

        private JsonNode get(Network network, String key) { return json.path(flat ? network.key() + "." + key : key); }

        private Map<PythonPattern, JsonNode> patterns(Network network) {
            Map<PythonPattern, JsonNode> all = new LinkedHashMap<>();
            int parts = 0;
            for (Map.Entry<String, JsonNode> e : get(network, "alpha_pattern").properties()) {
                PythonPattern pattern = new PythonPattern(e.getKey());
                parts += pattern.size();
                if (parts > MOST_PARTS) throw new ArgumentException("its patterns have more than " + MOST_PARTS + " parts");
                all.put(pattern, e.getValue());
            }
            return all;
        }

        float alpha(Network network, String target, long rank) {
            if (get(network, "use_dora").asBoolean()) throw new FormatException(file, -1, "its settings are of a DoRA, which is not read");
            JsonNode alpha = get(network, "lora_alpha");
            try {
                for (Map.Entry<PythonPattern, JsonNode> e : patterns.computeIfAbsent(network, this::patterns).entrySet()) {
                    if (!e.getKey().matches(target, budget)) continue;
                    alpha = e.getValue();
                    break;   // as PEFT: the first counts
                }
            } catch (IllegalArgumentException e) {
                throw new FormatException(file, -1, "alpha_pattern of its settings: " + e.getMessage(), e);
            }
            if (alpha.isMissingNode()) return rank;
            if (!alpha.isNumber()) throw new FormatException(file, -1, "lora_alpha is " + InWords.json(alpha) + ", must be a number");
            // rank-stabilised LoRA, arXiv:2312.03732, divides by the root of the rank
            return (float) (alpha.asDouble() * (get(network, "use_rslora").asBoolean() ? Math.sqrt(rank) : 1));
        }
    }

    /** Module paths of a network by every name that a file may give them: the path, or kohya's name. @param keys of the network's state */
    public static Map<String, String> paths(Collection<String> keys) {
        Map<String, String> paths = new LinkedHashMap<>();
        for (String key : keys) {
            if (!key.endsWith(".weight")) continue;
            String path = key.substring(0, key.length() - ".weight".length());
            // files written with transformers 5 leave the first word away
            String shorter = path.startsWith(TEXT) ? path.substring(TEXT.length()) : path;
            paths.put(path, path);
            paths.put(path.replace('.', '_'), path);
            paths.putIfAbsent(shorter, path);
            paths.putIfAbsent(shorter.replace('.', '_'), path);
        }
        return paths;
    }

    /** With paths for kohya's names, for {@link #writeDiffusers}. @throws FormatException for a name that the network does not have */
    public LoraFile withPaths(Network network, Collection<String> keys) {
        Map<String, String> paths = paths(keys);
        return new LoraFile(name, changes.stream().map(c -> {
            if (c.network != network) return c;
            String path = paths.get(c.target);
            if (path == null) throw new FormatException(name, -1, "the " + network.key() + " has no layer '" + c.target + "'");
            return new Change(network, path, false, c.a, c.b, c.alpha);
        }).toList(), metadata);
    }

    /**
     * Writes the form of kohya-ss. Metadata that every reader of it looks for is added where it is missing: what follows from a base
     * model of {@code ss_base_model_version}, otherwise "unknown". The U-Net's layers have diffusers' names, for SDXL too.
     */
    public void writeKohya(Path file) {
        boolean two = Base.of(this) == Base.SDXL || changes.stream().anyMatch(c -> c.network == Network.TEXT_ENCODER_2);
        try (Scope scope = new Scope()) {
            Map<String, Tensor> tensors = new TreeMap<>();
            for (Change c : changes) {
                String prefix = switch (c.network) {
                    case UNET -> "lora_unet_";
                    case TEXT_ENCODER -> two ? "lora_te1_" : "lora_te_";
                    case TEXT_ENCODER_2 -> "lora_te2_";
                };
                String layer = prefix + c.target.replace('.', '_');
                tensors.put(layer + ".lora_down.weight", c.a);
                tensors.put(layer + ".lora_up.weight", c.b);
                tensors.put(layer + ".alpha", Torch.of(new float[] {c.alpha}));
            }
            Safetensors.write(file, tensors, kohyaMetadata(file));
        }
    }

    private Map<String, String> kohyaMetadata(Path file) {
        Map<String, String> words = new TreeMap<>(metadata);
        words.remove("modelspec.hash_sha256");   // of other bytes
        words.put("ss_network_module", "networks.lora");
        words.put("ss_network_dim",
            oneOr(changes.stream().map(c -> String.valueOf(c.rank())).collect(Collectors.toCollection(LinkedHashSet::new))));
        words.put("ss_network_alpha",
            oneOr(changes.stream().map(c -> String.valueOf(c.alpha)).collect(Collectors.toCollection(LinkedHashSet::new))));
        Base base = Base.of(this);
        words.putIfAbsent("modelspec.sai_model_spec", "1.0.0");
        words.putIfAbsent("modelspec.architecture", base.architecture + "/lora");
        words.putIfAbsent("modelspec.implementation", "diffusers");
        words.putIfAbsent("modelspec.title", String.valueOf(file.getFileName()).replaceFirst("\\.[a-z]+$", ""));
        words.putIfAbsent("modelspec.resolution", base.resolution);
        return words;
    }

    /** kohya's word for values that differ between layers. */
    private static String oneOr(Set<String> values) { return values.size() == 1 ? values.iterator().next() : "Dynamic"; }

    /** Models under a LoRA, by how their ss_base_model_version begins. */
    private enum Base {
        SD1("sd_v1", "stable-diffusion-v1", "512x512"), SD2_V("sd_v2_v", "stable-diffusion-v2-768-v", "768x768"),
        SD2("sd_v2", "stable-diffusion-v2-512", "512x512"), SDXL("sdxl_", "stable-diffusion-xl-v1-base", "1024x1024"),
        OTHER("", "unknown", "unknown");

        private final String version;

        private final String architecture;
        private final String resolution;

        Base(String version, String architecture, String resolution) {
            this.version = version;
            this.architecture = architecture;
            this.resolution = resolution;
        }

        static Base of(LoraFile lora) {
            String version = lora.metadata.getOrDefault("ss_base_model_version", "");
            return Arrays.stream(values()).filter(b -> version.startsWith(b.version)).findFirst().orElse(OTHER);
        }
    }

    /**
     * Writes the form of diffusers: names of PEFT, and ranks and alphas in {@code lora_adapter_metadata}.
     *
     * @throws IllegalArgumentException where a layer has only kohya's name
     */
    public void writeDiffusers(Path file) {
        Map<String, Tensor> tensors = new TreeMap<>();
        ObjectNode settings = JsonNodeFactory.instance.objectNode();
        for (Network n : Network.values()) {
            List<Change> own = changes.stream().filter(c -> c.network == n).toList();
            if (!own.isEmpty()) describe(n, own, settings);
        }
        for (Change c : changes) {
            if (c.underscored) {
                throw new ArgumentException("'" + c.target + "' is kohya's name of a layer; withPaths gives its path");
            }
            tensors.put(c.network.key() + "." + c.target + ".lora_A.weight", c.a);
            tensors.put(c.network.key() + "." + c.target + ".lora_B.weight", c.b);
        }
        Map<String, String> words = new TreeMap<>(metadata);
        words.remove("modelspec.hash_sha256");   // of other bytes
        words.put(ADAPTER, settings.toString());
        Safetensors.write(file, tensors, words);
    }

    /**
     * PEFT's settings: rank and alpha of the first layer, and those of the layers that differ. PEFT takes ends of paths for its targets;
     * the first word of a text encoder's paths is left away, since its class has none from transformers 5 on.
     */
    private static void describe(Network network, List<Change> changes, ObjectNode settings) {
        String dot = network.key() + ".";
        Change first = changes.get(0);
        settings.put(dot + "r", first.rank()).put(dot + "lora_alpha", first.alpha);
        ArrayNode targets = settings.putArray(dot + "target_modules");
        ObjectNode ranks = settings.putObject(dot + "rank_pattern"), alphas = settings.putObject(dot + "alpha_pattern");
        for (Change c : changes) {
            String end = c.target.startsWith(TEXT) ? c.target.substring(TEXT.length()) : c.target;
            targets.add(end);
            if (c.rank() != first.rank()) ranks.put(end, c.rank());
            if (c.alpha != first.alpha) alphas.put(end, c.alpha);
        }
    }
}
