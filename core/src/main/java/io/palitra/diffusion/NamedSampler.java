package io.palitra.diffusion;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Ordered;
import io.palitra.diffusion.DiffusersScheduler.Kind;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Samplers by the names that other tools write into pictures, such as "DPM++ 2M Karras", and by diffusers' class names. A name selects a
 * scheduler of diffusers and some of its options; all other options are those of the model's own scheduler.
 */
public enum NamedSampler {
    DDIM("DDIM", Kind.DDIM), DDPM("DDPM", Kind.DDPM), PLMS("PLMS", Kind.PNDM, "skip_prk_steps", true), LMS("LMS", Kind.LMS),
    EULER("Euler", Kind.EULER), EULER_A("Euler a", Kind.EULER_ANCESTRAL), HEUN("Heun", Kind.HEUN), DPM2("DPM2", Kind.DPM2),
    DPM2_A("DPM2 a", Kind.DPM2_ANCESTRAL),
    DPMPP_2M("DPM++ 2M", Kind.DPM, "algorithm_type", "dpmsolver++", "solver_order", 2, "solver_type", "midpoint"),
    DPMPP_2M_SDE("DPM++ 2M SDE", Kind.DPM, "algorithm_type", "sde-dpmsolver++", "solver_order", 2, "solver_type", "midpoint"),
    DPMPP_3M("DPM++ 3M", Kind.DPM, "algorithm_type", "dpmsolver++", "solver_order", 3, "solver_type", "midpoint"),
    DPMPP_3M_SDE("DPM++ 3M SDE", Kind.DPM, "algorithm_type", "sde-dpmsolver++", "solver_order", 3, "solver_type", "midpoint"),
    DPMPP_2S("DPM++ 2S", Kind.DPM_SINGLESTEP, "algorithm_type", "dpmsolver++", "solver_order", 2, "solver_type", "midpoint"),
    DEIS("DEIS", Kind.DEIS), UNIPC("UniPC", Kind.UNIPC), LCM("LCM", Kind.LCM), TCD("TCD", Kind.TCD),
    SA_SOLVER("SA Solver", Kind.SA_SOLVER), REPAINT("RePaint", Kind.REPAINT, "clip_sample", false);

    private static final Map<String, String> SIGMAS = Ordered.map(Map.entry(" karras", "use_karras_sigmas"),
        Map.entry(" exponential", "use_exponential_sigmas"), Map.entry(" beta", "use_beta_sigmas"));
    /** Where steps lie by time: others' names and the {@code timestep_spacing} that the library has for them. */
    private static final Map<String, String> PLACES = Ordered.map(Map.entry(" sgm uniform", "trailing"), Map.entry(" simple", "trailing"),
        Map.entry(" normal", "linspace"), Map.entry(" uniform", "linspace"), Map.entry(" ddim", "leading"));
    /** What others' "Automatic" stands for: of samplers that are not here, as usual. */
    private static final Map<String, String> AUTOMATIC = Ordered.map(Map.entry("DPM++ 2M", "Karras"), Map.entry("DPM++ 2S a", "Karras"),
        Map.entry("DPM++ SDE", "Karras"), Map.entry("DPM2", "Karras"), Map.entry("DPM2 a", "Karras"),
        Map.entry("DPM++ 2M SDE", "Exponential"), Map.entry("DPM++ 3M SDE", "Exponential"));
    private static final String BEHIND = "Karras, Exponential, Beta, SGM Uniform, Simple, Normal, Uniform or DDIM behind";

    private final String label;
    private final Kind kind;
    private final Object[] options;

    NamedSampler(String label, Kind kind, Object... options) {
        this.label = label;
        this.kind = kind;
        this.options = options;
    }

    /** The name as other tools write it. */
    public String label() { return label; }

    /**
     * The configuration of the scheduler that a name selects.
     *
     * @param name a label, in any case, with or without how its steps are spread behind (" Karras", " Exponential", " Beta",
     *             " SGM Uniform", " Simple", " Normal", " Uniform", " DDIM"); a class of diffusers; empty = {@code own}
     * @param own the model's scheduler
     * @throws ConfigException for another name, for a spread that the sampler has not, and of a model of flow matching for any name
     */
    public static JsonNode config(String name, JsonNode own) {
        if (name.isEmpty()) return own;
        String asked = asked(name), spread = spread(asked);
        NamedSampler sampler = of(asked.substring(0, asked.length() - spread.length())).orElseThrow(() -> new ConfigException("sampler",
            "no sampler '" + name + "'; there are " + Arrays.stream(values()).map(NamedSampler::label).collect(Collectors.joining(", "))
                + ", most of them also with " + BEHIND));
        if (Kind.of(own.path("_class_name").asText()).filter(k -> !k.tabled()).isPresent()) {
            throw new ConfigException("sampler", "illegal sampler: " + name + "; a model of flow matching has its own alone");
        }
        if (!sampler.spreads(spread)) {
            throw new ConfigException("sampler", "illegal sampler: " + name + "; the steps of " + sampler.label + " are not spread"
                + spread + ", but as " + sampler.label + " alone");
        }
        return sampler.over(own, spread);
    }

    private static String asked(String name) { return name.strip().toLowerCase(Locale.ROOT).replace('_', ' '); }

    /** The longest spread that a name ends with, with its blank; empty where the name has none, or is one whole. */
    private static String spread(String asked) {
        if (of(asked).isPresent()) return "";
        return Stream.concat(SIGMAS.keySet().stream(), PLACES.keySet().stream()).filter(asked::endsWith)
            .max(Comparator.comparingInt(String::length)).orElse("");
    }

    private static Optional<NamedSampler> of(String plain) {
        return Arrays.stream(values()).filter(s -> s.label.toLowerCase(Locale.ROOT).equals(plain)
            || s.name().toLowerCase(Locale.ROOT).replace('_', ' ').equals(plain)
            || s.kind.className().toLowerCase(Locale.ROOT).equals(plain)).findFirst();
    }

    /** Whether a sampler is known and can spread its steps so: both as other tools write them, such as "DPM++ 2M" and "Karras". */
    public static boolean spreads(String name, String how) {
        String spread = " " + how.strip().toLowerCase(Locale.ROOT);
        boolean known = SIGMAS.containsKey(spread) || PLACES.containsKey(spread);
        return known && of(asked(name)).filter(s -> s.spreads(spread)).isPresent();
    }

    /** How other tools spread the steps of a sampler where they are asked for "Automatic"; empty = as the sampler alone. */
    public static String automatic(String name) { return AUTOMATIC.getOrDefault(name, ""); }

    private boolean spreads(String spread) {
        if (SIGMAS.containsKey(spread)) return !kind.byTime() && kind != Kind.EULER_ANCESTRAL;
        return !PLACES.containsKey(spread) || kind != Kind.DPM_SINGLESTEP && !kind.distilled() && kind != Kind.REPAINT;
    }

    private ObjectNode over(JsonNode own, String spread) {
        ObjectNode config = own.deepCopy();
        boolean other = !own.path("_class_name").asText().equals(kind.className());
        config.put("_class_name", kind.className());
        // what another class of scheduler means by these is another thing
        if (other) for (String key : new String[] {"variance_type", "algorithm_type", "solver_type", "solver_order"}) config.remove(key);
        for (int i = 0; i < options.length; i += 2) {
            String key = (String) options[i];
            if (options[i + 1] instanceof Boolean b) config.put(key, b);
            else if (options[i + 1] instanceof Integer n) config.put(key, n);
            else config.put(key, (String) options[i + 1]);
        }
        if (spread.isEmpty()) return config;
        SIGMAS.values().forEach(config::remove);
        String place = PLACES.get(spread);
        return place != null ? config.put("timestep_spacing", place)
            : config.put(java.util.Objects.requireNonNull(SIGMAS.get(spread)), true);
    }
}
