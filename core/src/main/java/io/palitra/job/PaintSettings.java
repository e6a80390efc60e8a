package io.palitra.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.config.Ordered;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.diffusion.NamedSampler;
import io.palitra.paint.PaintRequest;
import io.palitra.report.Parameters;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A painted picture's settings as they lie in its PNG: as text in the form that other tools read, and whole under {@value #KEY}. Both can
 * be painted again; of another tool's picture what the text holds. Files are in the text by name and hash, here by where they lie.
 *
 * @param model  what the user named
 * @param image  file of the picture to edit, empty = none
 * @param mask   file of its mask, empty = none
 * @param switchTo MODEL@T, empty = none
 */
record PaintSettings(String model, String prompt, String negative, PaintRequest.How how, List<PaintRequest.Lora> loras, String image,
        double strength, String mask, int blur, PaintRequest.Margin margin, String switchTo) {
    static final String KEY = "palitra";
    /** Keys of other tools that do not change how the picture looks, or are read elsewhere. */
    private static final Set<String> KNOWN = Ordered.set("Steps", "CFG scale", "Seed", "CFG rescale", "Eta DDIM", "Clip skip", "Sampler",
        "Schedule type", "Size", "Model", "Model hash", "Denoising strength", "Mask blur", "Version", "VAE hash", "Lora hashes", "Hashes",
        "Init image hash", "User", "Batch size", "Batch pos", "RNG", "Created Date", "Time taken", "Civitai resources", "Civitai metadata");
    private static final Pattern EDITED = Pattern.compile("\\[[^\\[\\]]*:[^\\[\\]]*:\\s*\\d*\\.?\\d+\\s*\\]");
    private static final Pattern AND = Pattern.compile("\\bAND\\b");
    /** Without a picture to be like. */
    static final PaintSettings NONE = new PaintSettings("", "", "", PaintRequest.How.DEFAULT, List.of(), "", -1, "", 0,
        PaintRequest.Margin.NONE, "");

    /**
     * What a PNG of {@code count} pictures from picture i on carries.
     *
     * @param called  the model's name
     * @param sampler that drew it
     * @param p       the picture, or the first of several
     */
    Map<String, String> text(String called, String sampler, Picture p, int i, int count, Origins origins) {
        Map<String, String> values = new LinkedHashMap<>();
        values.put("Steps", Integer.toString(how.steps()));
        values.put("Sampler", sampler);
        values.put("CFG scale", number(how.guidance()));
        values.put("Seed", Long.toString(how.seed() + i));
        values.put("Size", p.width() + "x" + p.height());
        values.put("Model hash", origins.hash(model));
        values.put("Model", called);
        if (how.clipSkip() > 0) values.put("Clip skip", Integer.toString(how.clipSkip()));
        if (how.guidanceRescale() > 0) values.put("CFG rescale", number(how.guidanceRescale()));
        if (how.eta() > 0) values.put("Eta DDIM", number(how.eta()));
        if (!image.isEmpty()) values.put("Denoising strength", number(strength));
        if (!mask.isEmpty()) values.put("Mask blur", Integer.toString(blur));
        values.put("Version", "Palitra " + RunConfig.version());
        StringBuilder words = new StringBuilder(prompt);
        for (PaintRequest.Lora l : loras) {
            words.append(" <lora:").append(called(l.file())).append(':')
                .append(number(l.weight())).append('>');
        }
        PaintRequest.How these = Config.with(how, "n=" + count, "seed=" + (how.seed() + i));
        PaintSettings one = new PaintSettings(model, prompt, negative, these, loras, image, strength, mask, blur, margin, switchTo);
        return Ordered.map(Map.entry(Parameters.KEY, new Parameters(words.toString(), negative, values).format()),
            Map.entry(KEY, one.json(origins).toString()));
    }

    /** A LoRA's name: its file's, or where every such file has that name, its folder's. */
    private static String called(Path file) {
        String name = String.valueOf(file.getFileName()).replaceAll("\\.[a-z]+$", "");
        Path folder = file.getParent();
        boolean common = name.equals("adapter_model") || name.equals("pytorch_lora_weights");
        return common && folder != null && folder.getFileName() != null ? folder.getFileName().toString() : name;
    }

    static String number(double x) { return x == Math.rint(x) ? String.format(Locale.ROOT, "%.0f", x) : Double.toString(x); }

    private ObjectNode json(Origins origins) {
        ObjectNode node = new ObjectMapper().createObjectNode();
        put(node, "paint", "hash", origins.named(model));
        node.put("prompt", prompt).put("negative", negative);
        node.set("how", Config.toJson(how));
        ArrayNode list = node.putArray("loras");
        for (PaintRequest.Lora l : loras) {
            put(list.addObject(), "file", "hash", origins.named(l.file().toString())).put("weight", l.weight());
        }
        if (!image.isEmpty()) put(node, "image", "imageHash", origins.named(image)).put("strength", strength);
        if (!mask.isEmpty()) put(node, "mask", "maskHash", origins.named(mask)).put("maskBlur", blur);
        if (!margin.none()) node.putArray("outpaint").add(margin.left()).add(margin.top()).add(margin.right()).add(margin.bottom());
        if (switchTo.isEmpty()) return node;
        int at = switchTo.lastIndexOf('@');
        Origins.Named next = origins.named(switchTo.substring(0, at));
        return put(node, "switchTo", "switchHash", new Origins.Named(next.name() + switchTo.substring(at), next.hash()));
    }

    static ObjectNode put(ObjectNode node, String key, String hash, Origins.Named file) {
        return node.put(key, file.name()).put(hash, file.hash());
    }

    /**
     * What a picture's text holds, its files not yet found.
     *
     * @param settings of names alone
     * @param model    and the others: names with their hashes
     * @param not      what another tool's text holds and is not done here, each in a word or two
     * @param program  the other tool that wrote it; empty for none
     * @param lacks    why another tool's text has no prompt; empty where it has one
     */
    record Read(PaintSettings settings, Origins.Named model, List<Origins.Named> loras, Origins.Named image, Origins.Named mask,
            Origins.Named switchTo, List<String> not, String program, String lacks) {
        boolean theirs() { return !program.isEmpty(); }
    }

    /** Of a PNG's text. @throws FormatException where it holds nothing that can be painted again */
    static Read read(Path png, Map<String, String> text) {
        String own = text.get(KEY);
        JsonNode node = own == null ? null : Json.read(png.toString(), own);
        if (node != null && node.path("paint").isTextual()) return ours(node);
        String theirs = text.get(Parameters.KEY);
        if (theirs != null && !Parameters.parse(theirs).values().isEmpty()) return others(Parameters.parse(theirs), "another program", "");
        Optional<OtherPrograms> program = OtherPrograms.of(png, text);
        if (program.isEmpty()) throw new FormatException(png.toString(), -1, "carries no settings of a painted picture");
        Read read = others(program.get().values(), program.get().program(), program.get().lacks());
        read.not().addAll(0, program.get().not());
        return read;
    }

    static Origins.Named named(JsonNode node, String key, String hash) {
        return new Origins.Named(node.path(key).asText(), node.path(hash).asText());
    }

    private static Read ours(JsonNode node) {
        List<PaintRequest.Lora> loras = new ArrayList<>();
        List<Origins.Named> files = new ArrayList<>();
        node.path("loras").forEach(l -> {
            loras.add(new PaintRequest.Lora(Path.of(l.path("file").asText()), l.path("weight").asDouble(1)));
            files.add(named(l, "file", "hash"));
        });
        JsonNode m = node.path("outpaint");
        ObjectNode how = Config.toJson(PaintRequest.How.DEFAULT);   // pictures from before a key was there have its default
        if (node.path("how") instanceof ObjectNode own) how.setAll(own);
        PaintSettings settings = new PaintSettings(node.path("paint").asText(), node.path("prompt").asText(),
            node.path("negative").asText(), Config.fromJson(PaintRequest.How.class, how), loras, node.path("image").asText(),
            node.path("strength").asDouble(1), node.path("mask").asText(), node.path("maskBlur").asInt(),
            new PaintRequest.Margin(m.path(0).asInt(), m.path(1).asInt(), m.path(2).asInt(), m.path(3).asInt()),
            node.path("switchTo").asText());
        return new Read(settings, named(node, "paint", "hash"), files, named(node, "image", "imageHash"), named(node, "mask", "maskHash"),
            named(node, "switchTo", "switchHash"), List.of(), "", "");
    }

    private static Read others(Parameters p, String program, String lacks) {
        Map<String, String> theirs = p.values();
        List<String> values = new ArrayList<>(), not = new ArrayList<>();
        Map<String, String> keys = new LinkedHashMap<>();
        keys.put("Steps", "steps");
        keys.put("CFG scale", "guidance");
        keys.put("Seed", "seed");
        keys.put("CFG rescale", "guidanceRescale");
        keys.put("Eta DDIM", "eta");
        keys.put("Clip skip", "clipSkip");
        keys.forEach((key, own) -> { if (theirs.containsKey(key)) values.add(own + "=" + theirs.get(key)); });
        String sampler = theirs.getOrDefault("Sampler", ""), kind = theirs.getOrDefault("Schedule type", "");
        String spread = kind.equals("Automatic") ? NamedSampler.automatic(sampler) : kind;
        boolean known = !spread.isEmpty() && NamedSampler.spreads(sampler, spread);
        if (!spread.isEmpty() && !known) not.add("Schedule type " + spread);
        if (!sampler.isEmpty()) values.add("sampler=" + sampler + (known ? " " + spread : ""));
        String[] size = theirs.getOrDefault("Size", "0x0").split("x", 2);
        if (size.length == 2) values.addAll(List.of("width=" + size[0], "height=" + size[1]));
        theirs.keySet().stream().filter(k -> !KNOWN.contains(k)).forEach(not::add);
        if (EDITED.matcher(p.prompt()).find()) not.add("[from:to:when], read as words");
        if (AND.matcher(p.prompt()).find()) not.add("AND, read as a word");
        double strength = -1;
        String much = theirs.getOrDefault("Denoising strength", "");
        if (much.matches("\\d?(\\.\\d{1,9})?") && !much.isEmpty()) strength = Math.min(1, Double.parseDouble(much));
        else if (!much.isEmpty()) not.add("Denoising strength " + much);
        String blur = theirs.getOrDefault("Mask blur", "0");
        int soft = blur.matches("\\d{1,3}") ? Integer.parseInt(blur) : 0;
        PaintSettings settings = new PaintSettings("", p.prompt(), p.negativePrompt(), Config.with(PaintRequest.How.DEFAULT, values),
            List.of(), "", strength, "", soft, PaintRequest.Margin.NONE, "");
        String hash = theirs.getOrDefault("Model hash", "").toLowerCase(Locale.ROOT);
        Origins.Named model = new Origins.Named(theirs.getOrDefault("Model", ""), hash);
        return new Read(settings, model, List.of(), Origins.Named.NONE, Origins.Named.NONE, Origins.Named.NONE, not, program,
            lacks);
    }

    /**
     * The request, its pictures read from their files.
     *
     * @param model where a model of that name lies
     * @param note  gets a line for each picture that was damaged and still read
     */
    PaintRequest request(Function<String, Path> model, Consumer<String> note) throws IOException {
        PaintRequest request = PaintRequest.of(prompt).awayFrom(negative).with(loras.toArray(PaintRequest.Lora[]::new));
        request = new PaintRequest(request.prompt(), request.negative(), how, request.loras(), request.edit(), request.next());
        Picture of = picture(image, note), white = mask(mask, note);
        if (of == null && (white != null || !margin.none())) {
            throw new ConfigException("image", "mask= and outpaint= want the picture to change, image=FILE");
        }
        if (of != null) request = request.with(new PaintRequest.Edit(of, strength, white, blur, margin));
        if (switchTo.isEmpty()) return request;
        int at = switchTo.lastIndexOf('@');
        String time = switchTo.substring(at + 1);
        if (at < 1 || !time.matches("\\d{1,6}(\\.\\d{1,6})?")) {
            throw new ConfigException("switchTo", "illegal switchTo: " + switchTo + ", must be MODEL@TIME, a time of training as 300");
        }
        return request.with(new PaintRequest.Switch(model.apply(switchTo.substring(0, at)), Double.parseDouble(time)));
    }

    /** Of no name none. */
    static @Nullable Picture picture(String file, Consumer<String> note) throws IOException {
        return file.isEmpty() ? null : Pictures.read(bytes(file), file, Limits.DEFAULT, note);
    }

    private static @Nullable Picture mask(String file, Consumer<String> note) throws IOException {
        return file.isEmpty() ? null : Pictures.mask(bytes(file), file, Limits.DEFAULT, note);
    }

    private static byte[] bytes(String file) throws IOException {
        Path path = Path.of(file);
        if (Files.exists(path) && !Files.isRegularFile(path)) throw new FormatException(file, -1, "is not a regular file");
        // one byte more than is read shows a file that is too long, however long it is
        try (InputStream in = Files.newInputStream(path)) { return in.readNBytes(Limits.DEFAULT.pictureBytes() + 1); }
    }
}
