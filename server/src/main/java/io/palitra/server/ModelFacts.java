package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.data.Condition;
import io.palitra.data.DownloadException;
import io.palitra.data.FormatException;
import io.palitra.family.Families;
import io.palitra.hub.LoraFile;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Safetensors;
import io.palitra.hub.Weights;
import io.palitra.job.FamiliesRequest;
import io.palitra.model.Family;
import io.palitra.model.ModelRef;
import io.palitra.model.Trainable;
import io.palitra.model.Watcher;
import io.palitra.report.Display;
import io.palitra.stage.ByDenoising;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a model is, by its description or the names of its tensors; no weights are read.
 *
 * @param about family, draws, takes and the like, as the API has them
 * @param bytes of its files
 */
record ModelFacts(Kind kind, ObjectNode about, long bytes) {
    /** By what it can be used for; FILE is a file that is none of them by the looks of it. */
    enum Kind { RUN, PAINT, VQGAN, CLIP, VAE, LORA, FILE }

    private static final String CONFIG = "config.json", FAMILY = "family";
    private static final Pattern LORA_KEY = Pattern.compile(
        ".*(\\.|_)lora(_down|_up|_A|_B|\\.down|\\.up|_linear_layer\\.down|_linear_layer\\.up)\\.weight");
    private static final Map<String, JsonNode> SAMPLING = new ConcurrentHashMap<>();
    private static final int DEEPEST = 4;

    /** Of a file or a folder. What cannot be read is a {@link Kind#FILE}. */
    static ModelFacts of(Path place) {
        try {
            if (!Files.isDirectory(place)) return file(place);
            JsonNode config = Files.isRegularFile(place.resolve(CONFIG)) ? Json.read(place.resolve(CONFIG)) : Job.JSON.createObjectNode();
            if (config.path(FAMILY).isTextual() && config.has("format")) {
                Path weights = place.resolve("model.safetensors");
                ModelFacts facts = run(config, Files.exists(weights) ? Files.size(weights) : 0);
                facts.about.put("items", items(place));
                return facts;
            }
            return plain(folder(place, config), bytes(place));
        } catch (IOException | IllegalArgumentException | FormatException e) {
            return plain(Kind.FILE, 0);
        }
    }

    /** The name of what a run draws, in the plural: "texts". */
    private static String items(Path run) throws IOException {
        return Display.of(RunConfig.read(run.resolve(CONFIG)).settings().spec()).items();
    }

    private static Kind folder(Path place, JsonNode config) {
        if (ModelFolder.is(place)) return Kind.PAINT;
        String network = config.path("_class_name").asText(), first = config.path("architectures").path(0).asText();
        if (network.equals("VQModel")) return Kind.VQGAN;
        if (network.equals("AutoencoderKL")) return Kind.VAE;
        if (config.path("model_type").asText().equals("clip") || first.equals("CLIPModel")) return Kind.CLIP;
        try {
            LoraFile.file(place);
            return Kind.LORA;
        } catch (FormatException e) {
            return Kind.FILE;
        }
    }

    private static ModelFacts file(Path file) throws IOException {
        long bytes = Files.size(file);
        if (!Weights.named(file) || !file.toString().toLowerCase(Locale.ROOT).endsWith(".safetensors")) return plain(Kind.FILE, bytes);
        Set<String> names = Safetensors.header(file).entries().keySet();
        Kind kind = any(names, "model\\.diffusion_model\\..*") ? Kind.PAINT
            : any(names, "(first_stage_model\\.)?quantize\\..*") ? Kind.VQGAN
            : names.stream().anyMatch(n -> LORA_KEY.matcher(n).matches()) ? Kind.LORA : Kind.FILE;
        return plain(kind, bytes);
    }

    private static boolean any(Collection<String> names, String pattern) { return names.stream().anyMatch(n -> n.matches(pattern)); }

    private static ModelFacts plain(Kind kind, long bytes) {
        ObjectNode node = Job.JSON.createObjectNode().put("about", switch (kind) {
            case PAINT -> "a model that paints from words";
            case VQGAN -> "a VQGAN";
            case CLIP -> "a CLIP";
            case VAE -> "an autoencoder";
            case LORA -> "a low-rank change of a model that paints";
            case RUN, FILE -> "";
        }).put("draws", kind == Kind.PAINT);
        ArrayNode takes = node.putArray("takes");
        if (kind == Kind.PAINT) takes.add("text");
        return new ModelFacts(kind, node, bytes);
    }

    /** Of a run by its config.json. @param bytes of its weights */
    static ModelFacts run(JsonNode config, long bytes) {
        String name = config.path(FAMILY).asText();
        ObjectNode node = Job.JSON.createObjectNode().put(FAMILY, name);
        JsonNode spec = config.path("spec");
        Family<?> family = Families.all().stream().filter(f -> f.name().equals(name)).findFirst().orElse(null);
        node.put("about", family == null ? "" : family.about()).put("draws", family != null && family.sampling() != null);
        ArrayNode takes = node.putArray("takes");
        if (family != null) {
            for (Condition.Kind kind : Condition.Kind.values()) {
                if (family.takes().contains(kind) && takes(kind, family, config)) takes.add(kind.name().toLowerCase(Locale.ROOT));
            }
        }
        node.put("redraws", family != null && family.may(ByDenoising.class) && !enlarges(config));
        if (!config.path("classes").isEmpty()) node.set("classes", config.path("classes"));
        if (spec.has("height")) node.putArray("size").add(spec.path("channels")).add(spec.path("height")).add(spec.path("width"));
        else if (spec.has("size")) node.putArray("size").add(spec.path("size"));
        node.put("data", io.palitra.report.Places.name(config.path("data").asText()));
        if (config.path("train").path("steps").asLong() > 0) node.set("steps", config.path("train").path("steps"));
        if (family != null && family.sampling() != null) node.set("sampling", SAMPLING.computeIfAbsent(name, ModelFacts::sampling));
        return new ModelFacts(Kind.RUN, node, bytes);
    }

    private static boolean takes(Condition.Kind kind, Family<?> family, JsonNode config) {
        JsonNode model = config.path("model");
        String condition = model.path("condition").asText(kind.name());
        if (kind == Condition.Kind.PREFIX && family.may(ByDenoising.class) && family.builder().type() != Trainable.class) {
            return model.path("stage").asText().isEmpty() && !enlarges(config);   // rows of pixels are kept, none of latents
        }
        if (kind == Condition.Kind.PREFIX || kind == Condition.Kind.KNOWN) return true;
        boolean wanted = model.path("conditional").asBoolean(true) && condition.equalsIgnoreCase(kind.name());
        return wanted && (kind != Condition.Kind.LABEL || config.path("spec").path("classes").asInt() > 0);
    }

    /** Whether a run draws upon the pictures of a run below it, or was taught by one that does. */
    private static boolean enlarges(JsonNode config) {
        JsonNode model = config.path("model");
        String teacher = model.path("teacher").asText();
        if (!model.path("above").asText().isEmpty()) return true;
        if (teacher.isEmpty()) return false;
        try {
            Path of = new ModelRef(teacher).place().resolve(CONFIG);
            return Files.isRegularFile(of) && !Json.read(of).path("model").path("above").asText().isEmpty();
        } catch (IOException | IllegalArgumentException | UncheckedIOException | FormatException | DownloadException e) {
            return false;   // who opens it says what is wrong
        }
    }

    private static JsonNode sampling(String family) {
        return new FamiliesRequest(family).run(Watcher.SILENT).toJson().path(0).path("sampling");
    }

    private static long bytes(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder, DEEPEST)) {
            return all.filter(Files::isRegularFile).mapToLong(f -> f.toFile().length()).sum();
        }
    }
}
