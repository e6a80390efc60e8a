package io.palitra.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Ordered;
import io.palitra.diffusion.NamedSampler;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Samplers and schedules by all the names that clients of other programs have for them. */
final class SdSamplers {
    /** A schedule's name, and what NamedSampler calls it; Automatic is no entry. */
    private static final Map<String, String> SCHEDULES = Ordered.map(Map.entry("uniform", "Uniform"), Map.entry("karras", "Karras"),
        Map.entry("exponential", "Exponential"), Map.entry("sgm_uniform", "SGM Uniform"), Map.entry("simple", "Simple"),
        Map.entry("normal", "Normal"), Map.entry("ddim", "DDIM"), Map.entry("beta", "Beta"));
    /** What stands behind a sampler's name, plain. */
    private static final Map<String, String> ENDS = Ordered.map(Map.entry("sgmuniform", "SGM Uniform"), Map.entry("karras", "Karras"),
        Map.entry("exponential", "Exponential"), Map.entry("uniform", "Uniform"), Map.entry("simple", "Simple"),
        Map.entry("normal", "Normal"), Map.entry("ddim", "DDIM"), Map.entry("beta", "Beta"), Map.entry("ka", "Karras"),
        Map.entry("exp", "Exponential"));
    private static final String AUTOMATIC = "automatic";

    private SdSamplers() {}

    /**
     * The sampler as {@link io.palitra.paint.PaintRequest.How#sampler} has it.
     *
     * @param name in any form that clients send: a label, with or without the schedule behind it, or an alias; empty = the model's own
     * @param schedule name or label; empty = what stands behind the sampler's name, else automatic
     * @throws Refused 404 for names that are none here, 422 for a sampler whose steps cannot be spread so
     */
    static String named(String name, String schedule) {
        String plain = plain(name), spread = spread(schedule);
        if (plain.isEmpty()) {
            if (!spread.isEmpty()) throw new Refused(422, "bad_request", "scheduler", "a scheduler wants its sampler_name beside it");
            return "";
        }
        Optional<String> whole = label(plain);
        String behind = "";
        for (Map.Entry<String, String> end : whole.isPresent() ? List.<Map.Entry<String, String>>of() : List.copyOf(ENDS.entrySet())) {
            if (!plain.endsWith(end.getKey())) continue;
            whole = label(plain.substring(0, plain.length() - end.getKey().length()));
            behind = end.getValue();
            if (whole.isPresent()) break;
        }
        String label = whole.orElseThrow(() -> new Refused(404, "no_such_sampler", "sampler_name", "Sampler not found; there are "
            + Arrays.stream(NamedSampler.values()).map(NamedSampler::label).collect(Collectors.joining(", "))));
        String asked = !spread.isEmpty() ? spread : behind;
        if (asked.isEmpty()) {
            String usual = NamedSampler.automatic(label);
            return NamedSampler.spreads(label, usual) ? label + " " + usual : label;
        }
        if (!NamedSampler.spreads(label, asked)) {
            throw new Refused(422, "bad_request", "scheduler", "the steps of " + label + " are not spread by " + asked + " here");
        }
        return label + " " + asked;
    }

    /** Empty = automatic. */
    private static String spread(String schedule) {
        String plain = plain(schedule);
        if (plain.isEmpty() || plain.equals(AUTOMATIC)) return "";
        return SCHEDULES.entrySet().stream().filter(e -> plain(e.getKey()).equals(plain)).map(Map.Entry::getValue).findFirst()
            .orElseThrow(() -> new Refused(404, "no_such_scheduler", "scheduler", "Scheduler not found; there are Automatic, "
                + String.join(", ", SCHEDULES.values())));
    }

    private static Optional<String> label(String plain) {
        return Arrays.stream(NamedSampler.values()).map(NamedSampler::label).filter(l -> plain(l).equals(plain)).findFirst();
    }

    /** Letters, digits and plus signs in lower case, without the k that stood for another library. */
    private static String plain(String name) {
        String lower = name.strip().toLowerCase(Locale.ROOT).replace("dpmpp", "dpm++").replace("ancestral", "a");
        return (lower.startsWith("k_") ? lower.substring(2) : lower).replaceAll("[^a-z0-9+]", "");
    }

    /** As GET /samplers has them. */
    static ArrayNode list() {
        ArrayNode all = Job.JSON.createArrayNode();
        for (NamedSampler s : NamedSampler.values()) {
            ObjectNode node = all.addObject().put("name", s.label());
            String alias = s.label().toLowerCase(Locale.ROOT).replace("dpm++", "dpmpp").replaceFirst("^dpm2", "dpm_2").replace(' ', '_');
            List<String> aliases = new ArrayList<>(List.of("k_" + alias, alias));
            if (alias.endsWith("_a")) aliases.add("k_" + alias.substring(0, alias.length() - 1) + "ancestral");
            ArrayNode names = node.putArray("aliases");
            aliases.forEach(names::add);
            ObjectNode options = node.putObject("options");
            if (!NamedSampler.automatic(s.label()).isEmpty()) {
                options.put("scheduler", NamedSampler.automatic(s.label()).toLowerCase(Locale.ROOT));
            }
        }
        return all;
    }

    /** As GET /schedulers has them. */
    static ArrayNode schedules() {
        ArrayNode all = Job.JSON.createArrayNode();
        schedule(all, AUTOMATIC, "Automatic");
        SCHEDULES.forEach((name, label) -> schedule(all, name, label));
        return all;
    }

    private static void schedule(ArrayNode all, String name, String label) {
        ObjectNode node = all.addObject().put("name", name).put("label", label);
        node.putArray("aliases");
        node.put("default_rho", name.equals("karras") ? 7.0 : -1.0).put("need_inner_model", false);
    }
}
