package io.palitra.job;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Json;
import io.palitra.config.Ordered;
import io.palitra.data.FormatException;
import io.palitra.report.Parameters;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What ComfyUI and InvokeAI write into a PNG, in the words of {@link Parameters}: prompts, seed, steps, guidance, sampler, the spread of
 * its steps, size, model and LoRAs, as far as they are unambiguous.
 *
 * @param program that wrote the picture
 * @param values  in Parameters' keys
 * @param not     what is there and was not read, each in a few words
 * @param lacks   why there is no prompt; empty where there is one
 */
record OtherPrograms(String program, Parameters values, List<String> not, String lacks) {
    private static final String COMFY = "ComfyUI", INVOKE = "InvokeAI", STEPS = "Steps", CFG = "CFG scale", SEED = "Seed",
        SAMPLER = "Sampler", SPREAD = "Schedule type", SIZE = "Size", MODEL = "Model", STRENGTH = "Denoising strength", SKIP = "Clip skip";
    /** Nodes on the way from one to another that are looked through. */
    private static final int FURTHEST = 64;
    /** ComfyUI's and InvokeAI's names; those that are the same here are not listed. */
    private static final Map<String, String> SAMPLERS = Ordered.map(Map.entry("euler", "Euler"), Map.entry("euler_ancestral", "Euler a"),
        Map.entry("euler_a", "Euler a"), Map.entry("heun", "Heun"), Map.entry("dpm_2", "DPM2"), Map.entry("kdpm_2", "DPM2"),
        Map.entry("dpm_2_ancestral", "DPM2 a"), Map.entry("dpm_2_a", "DPM2 a"), Map.entry("kdpm_2_a", "DPM2 a"), Map.entry("lms", "LMS"),
        Map.entry("dpmpp_2m", "DPM++ 2M"), Map.entry("dpmpp_2", "DPM++ 2M"), Map.entry("dpmpp_2m_sde", "DPM++ 2M SDE"),
        Map.entry("dpmpp_3m_sde", "DPM++ 3M SDE"), Map.entry("dpmpp_3m", "DPM++ 3M"), Map.entry("dpmpp_2s", "DPM++ 2S"),
        Map.entry("ddim", "DDIM"), Map.entry("ddpm", "DDPM"), Map.entry("plms", "PLMS"), Map.entry("pndm", "PLMS"),
        Map.entry("deis", "DEIS"), Map.entry("uni_pc", "UniPC"), Map.entry("unipc", "UniPC"), Map.entry("lcm", "LCM"),
        Map.entry("sa_solver", "SA Solver"));
    private static final Map<String, String> SPREADS = Ordered.map(Map.entry("normal", "Normal"), Map.entry("karras", "Karras"),
        Map.entry("exponential", "Exponential"), Map.entry("sgm_uniform", "SGM Uniform"), Map.entry("simple", "Simple"),
        Map.entry("beta", "Beta"), Map.entry("ddim_uniform", "DDIM"));
    private static final Pattern NEGATIVE = Pattern.compile("\\[([^\\[\\]]*)\\]"), WEIGHED =
        Pattern.compile("\\)\\d*\\.?\\d|[\\w)][+]+|[\\w)]--");

    /** @throws FormatException where such a program wrote it, but which of its steps made the picture is not clear */
    static Optional<OtherPrograms> of(Path png, Map<String, String> text) {
        Optional<JsonNode> invoke = json(text.get("invokeai_metadata")), older = json(text.get("sd-metadata"));
        if (invoke.isPresent()) return Optional.of(new Reading(INVOKE).invoke(invoke.get()));
        if (older.isPresent() && older.get().path("image").isObject()) return Optional.of(new Reading(INVOKE).older(older.get()));
        Optional<JsonNode> graph = json(text.get("prompt")).filter(OtherPrograms::nodes);
        if (graph.isPresent()) return Optional.of(new Graph(png, graph.get()).read());
        if (json(text.get("workflow")).filter(w -> w.path("nodes").isArray()).isPresent()) {
            throw wrong(png, COMFY, "it carries a workflow without the 'prompt' in which the values stand");
        }
        if (text.containsKey("sd-metadata") || text.containsKey("invokeai_metadata") || text.containsKey("invokeai")) {
            throw wrong(png, INVOKE, "its metadata is of a form that is not read");
        }
        return Optional.empty();
    }

    private static FormatException wrong(Path png, String program, String what) {
        return new FormatException(png.toString(), -1, program + " wrote it, and its settings cannot be read: " + what);
    }

    private static Optional<JsonNode> json(@org.jspecify.annotations.Nullable String text) {
        if (text == null || !text.strip().startsWith("{")) return Optional.empty();
        try {
            return Optional.of(Json.read("metadata", text)).filter(JsonNode::isObject);
        } catch (ConfigException e) {
            return Optional.empty();
        }
    }

    private static boolean nodes(JsonNode graph) {
        for (JsonNode node : graph) if (!node.path("class_type").isTextual()) return false;
        return !graph.isEmpty();
    }

    /** A file's name without folders and ending, of either system. */
    private static String plain(String file) {
        return file.replaceAll("(?s)^.*[/\\\\]", "").replaceFirst("\\.(safetensors|ckpt|pt|bin)$", "");
    }

    /** What was read so far. */
    private static final class Reading {
        private final String program;
        private final Map<String, String> values = new LinkedHashMap<>();
        private final List<String> not = new ArrayList<>();
        private final StringBuilder tags = new StringBuilder();
        private String prompt = "", negative = "", lacks = "";

        Reading(String program) { this.program = program; }

        OtherPrograms end() {
            return new OtherPrograms(program, new Parameters((prompt + tags).strip(), negative, values), List.copyOf(not), lacks);
        }

        void number(String key, JsonNode v) {
            if (v.isMissingNode() || v.isNull()) return;
            if (!v.isNumber()) {
                not.add(key + " (" + InWords.json(v) + ")");
            } else if (v.isIntegralNumber() && v.bigIntegerValue().compareTo(BigInteger.valueOf(Long.MAX_VALUE)) > 0) {
                not.add(key + " " + v.asText() + ", larger than those here");
            } else {
                values.put(key, v.isIntegralNumber() ? v.asText() : decimal(v));
            }
        }

        private static String decimal(JsonNode v) {
            double d = v.asDouble();
            return Double.isFinite(d) ? BigDecimal.valueOf(d).stripTrailingZeros().toPlainString() : v.asText();
        }

        void sampler(String theirs) {
            if (!theirs.isEmpty()) values.put(SAMPLER, SAMPLERS.getOrDefault(theirs, theirs));
        }

        void lora(String file, JsonNode weight) {
            if (!file.isEmpty()) tags.append(" <lora:").append(plain(file)).append(':').append(weight.isNumber() ? decimal(weight) : "1")
                .append('>');
        }

        void size(JsonNode width, JsonNode height) {
            if (width.isIntegralNumber() && height.isIntegralNumber()) values.put(SIZE, width.asText() + "x" + height.asText());
            else if (!width.isMissingNode()) not.add(SIZE);
        }

        OtherPrograms invoke(JsonNode m) {
            if (m.path("positive_prompt").isTextual()) prompt = m.path("positive_prompt").asText();
            else lacks = "there is no positive_prompt";
            negative = m.path("negative_prompt").asText("");
            number(STEPS, m.path("steps"));
            number(CFG, m.path("cfg_scale"));
            if (m.path("cfg_rescale_multiplier").asDouble() > 0) number("CFG rescale", m.path("cfg_rescale_multiplier"));
            number(SEED, m.path("seed"));
            size(m.path("width"), m.path("height"));
            scheduler(m.path("scheduler").asText(""));
            JsonNode model = m.path("model");
            String name = model.path("name").asText(model.path("model_name").asText(""));
            if (!name.isEmpty()) values.put(MODEL, name);
            if (m.path("clip_skip").asInt() > 0) values.put(SKIP, Integer.toString(m.path("clip_skip").asInt() + 1));   // layers left out
            for (JsonNode l : m.path("loras")) {
                JsonNode of = l.has("model") ? l.path("model") : l.path("lora");
                lora(of.path("name").asText(of.path("model_name").asText("")), l.path("weight"));
            }
            String mode = m.path("generation_mode").asText("txt2img");
            if (!mode.endsWith("txt2img")) number(STRENGTH, m.path("strength"));
            for (String key : List.of("controlnets", "ipAdapters", "t2iAdapters", "refiner_model", "vae", "hrf_enabled",
                "canvas_v2_metadata")) {
                JsonNode v = m.path(key);
                if (v.isObject() || v.isArray() && !v.isEmpty() || v.asBoolean()) not.add(key);
            }
            weighed();
            return end();
        }

        private void scheduler(String theirs) {
            boolean karras = theirs.endsWith("_k");
            sampler(karras ? theirs.substring(0, theirs.length() - 2) : theirs);
            if (karras) values.put(SPREAD, "Karras");
        }

        private void weighed() {
            if (WEIGHED.matcher(prompt + " " + negative).find()) not.add("weights in the text as (words)1.2 and words++, read as words");
        }

        /** The form of versions 1 and 2, where what is led away from stands in brackets. */
        OtherPrograms older(JsonNode m) {
            JsonNode image = m.path("image"), prompts = image.path("prompt");
            if (prompts.isTextual()) prompt = prompts.asText();
            else if (prompts.size() == 1 && prompts.path(0).path("prompt").isTextual()) prompt = prompts.path(0).path("prompt").asText();
            else lacks = prompts.size() > 1 ? "it has " + prompts.size() + " with weights" : "there is none";
            List<String> away = new ArrayList<>();
            Matcher brackets = NEGATIVE.matcher(prompt);
            while (brackets.find()) away.add(brackets.group(1).strip());
            prompt = NEGATIVE.matcher(prompt).replaceAll("").strip();
            negative = String.join(" ", away);
            number(STEPS, image.path("steps"));
            number(CFG, image.path("cfg_scale"));
            number(SEED, image.path("seed"));
            size(image.path("width"), image.path("height"));
            sampler(image.path("sampler").asText("").replaceFirst("^k_", ""));
            String name = m.path("model_weights").asText("");
            if (!name.isEmpty()) values.put(MODEL, name);
            if (image.path("type").asText("").equals("img2img")) number(STRENGTH, image.path("strength"));
            for (String key : List.of("threshold", "perlin", "seamless", "hires_fix", "variations", "postprocessing")) {
                JsonNode v = image.path(key);
                if (v.isArray() ? !v.isEmpty() : v.asBoolean() || v.asDouble() > 0) not.add(key);
            }
            weighed();
            return end();
        }
    }

    /** ComfyUI's nodes, each with inputs that are values or come from other nodes. */
    private static final class Graph {
        private static final Set<String> SAMPLING = Ordered.set("KSampler", "KSamplerAdvanced");

        private final Path png;
        private final JsonNode graph;
        private final Reading reading = new Reading(COMFY);

        Graph(Path png, JsonNode graph) {
            this.png = png;
            this.graph = graph;
        }

        private static String type(JsonNode node) { return node.path("class_type").asText(); }

        private static JsonNode input(JsonNode node, String key) { return node.path("inputs").path(key); }

        /** The node that an input comes from; a missing one where it is a value. */
        private JsonNode from(JsonNode input) {
            return input.isArray() && input.size() == 2 ? graph.path(input.path(0).asText()) : graph.path("");
        }

        /** A value, also where it comes from a node that holds one alone. */
        private JsonNode value(JsonNode input) {
            JsonNode v = input;
            for (int i = 0; i < FURTHEST && v.isArray(); i++) {
                List<JsonNode> held = new ArrayList<>();
                for (String key : List.of("value", "int", "float", "seed", "text", "string", "Number", "Text")) {
                    if (from(v).path("inputs").has(key)) held.add(input(from(v), key));
                }
                if (held.size() != 1) return v;
                v = held.get(0);
            }
            return v;
        }

        private String origin(JsonNode input) {
            JsonNode node = from(input);
            return node.isMissingNode() ? "it is " + InWords.json(input) : "it comes from node " + input.path(0).asText() + " of class "
                + type(node);
        }

        private void number(String key, JsonNode input) {
            JsonNode v = value(input);
            if (v.isArray()) reading.not.add(key + " (" + origin(v) + ")");
            else reading.number(key, v);
        }

        OtherPrograms read() {
            List<String> sampling = new ArrayList<>();
            graph.properties().forEach(e -> {
                if (SAMPLING.contains(type(e.getValue()))) sampling.add(e.getKey());
            });
            if (sampling.size() != 1) {
                throw wrong(png, COMFY, sampling.isEmpty() ? "none of its nodes is a " + InWords.list(SAMPLING).replace(", ", " or ")
                    : "it has " + sampling.size() + " nodes that sample, " + InWords.list(sampling)
                    + ", and which made the picture is not clear");
            }
            JsonNode sampler = graph.path(sampling.get(0));
            boolean advanced = type(sampler).equals("KSamplerAdvanced");
            number(STEPS, input(sampler, "steps"));
            number(CFG, input(sampler, "cfg"));
            number(SEED, input(sampler, advanced ? "noise_seed" : "seed"));
            JsonNode name = value(input(sampler, "sampler_name")), spread = value(input(sampler, "scheduler"));
            if (name.isTextual()) reading.sampler(name.asText());
            else reading.not.add("sampler (" + origin(name) + ")");
            if (spread.isTextual()) reading.values.put(SPREAD, SPREADS.getOrDefault(spread.asText(), spread.asText()));
            else reading.not.add("scheduler (" + origin(spread) + ")");
            if (advanced && (input(sampler, "start_at_step").asInt() > 0 || input(sampler, "end_at_step").asInt(10_000)
                < input(sampler, "steps").asInt() || input(sampler, "add_noise").asText("enable").equals("disable"))) {
                reading.not.add("sampling from start_at_step to end_at_step");
            }
            latents(sampler);
            Optional<String> positive = words(input(sampler, "positive")), negative = words(input(sampler, "negative"));
            if (positive.isPresent()) reading.prompt = positive.get();
            else reading.lacks = origin(input(sampler, "positive"));
            if (negative.isPresent()) reading.negative = negative.get();
            else reading.not.add("negative prompt (" + origin(input(sampler, "negative")) + ")");
            model(sampler);
            return reading.end();
        }

        private void latents(JsonNode sampler) {
            JsonNode latent = input(sampler, "latent_image"), of = from(latent), denoise = value(input(sampler, "denoise"));
            if (type(of).matches("EmptyLatentImage|EmptySD3LatentImage")) {
                reading.size(value(input(of, "width")), value(input(of, "height")));
            } else {
                reading.not.add("size and picture to begin with (" + origin(latent) + ")");
            }
            if (denoise.isNumber() && denoise.asDouble() < 1) reading.number(STRENGTH, denoise);
        }

        /** The text of a condition, where it is one text encoded as it is. */
        private Optional<String> words(JsonNode condition) {
            JsonNode node = from(condition);
            Set<String> texts = new LinkedHashSet<>();
            for (String key : type(node).equals("CLIPTextEncode") ? List.of("text") : type(node).equals("CLIPTextEncodeSDXL")
                ? List.of("text_g", "text_l") : List.<String>of()) {
                JsonNode text = value(input(node, key));
                if (!text.isTextual()) return Optional.empty();
                texts.add(text.asText());
            }
            if (texts.size() != 1) return Optional.empty();
            JsonNode clip = from(input(node, "clip"));
            for (int i = 0; i < FURTHEST && !clip.isMissingNode(); i++) {
                JsonNode layer = value(input(clip, "stop_at_clip_layer"));
                if (layer.isIntegralNumber() && layer.asInt() < 0) reading.values.put(SKIP, Integer.toString(-layer.asInt()));
                clip = from(input(clip, "clip"));
            }
            return Optional.of(texts.iterator().next());
        }

        /** From the sampler back to the file: LoRAs on the way are added, all else is listed. */
        private void model(JsonNode sampler) {
            JsonNode input = input(sampler, "model"), node = from(input);
            for (int i = 0; i < FURTHEST && !node.isMissingNode(); i++) {
                JsonNode file = value(input(node, "ckpt_name"));
                if (file.isTextual()) {
                    reading.values.put(MODEL, plain(file.asText()));
                    return;
                }
                JsonNode lora = value(input(node, "lora_name"));
                if (lora.isTextual()) reading.lora(lora.asText(), value(input(node, "strength_model")));
                else reading.not.add("node " + input.path(0).asText() + " of class " + type(node));
                input = input(node, "model");
                node = from(input);
            }
        }
    }
}
