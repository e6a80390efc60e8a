package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.job.DrawRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/** The lists of models and of pictures, as the calls below /sdapi/v1 need them. Any thread may call. */
final class SdStore {
    private static final String WEIGHTS = "(?i)\\.(safetensors|ckpt)$";

    private final Registry registry;
    private final Function<byte[], String> keep;

    /** @param keep keeps a picture, a PNG, and gives its id for places of pictures in requests */
    SdStore(Registry registry, Function<byte[], String> keep) {
        this.registry = registry;
        this.keep = keep;
    }

    /**
     * A model that makes pictures of words.
     *
     * @param name as requests name it
     * @param paints whether it is a job "paint", with steps and samplers and a picture to begin with; else it is a job "draw"
     * @param sha256 of its weights, empty where nobody has counted yet
     */
    record Model(String name, boolean paints, String sha256) {
        String shortHash() { return sha256.length() < 10 ? "" : sha256.substring(0, 10); }

        /** Its name with the hash behind, as clients show it and send it back. */
        String title() { return shortHash().isEmpty() ? name : name + " [" + shortHash() + "]"; }

        /** The request of a picture as it was drawn. */
        ObjectNode draw(String prompt, long seed) {
            ObjectNode node = Job.JSON.createObjectNode().put("prompt", prompt).put("model", name).put("seed", seed).put("scale", 1);
            // the CLIP that ranks knows what the included model draws, and nothing else
            return name.equals(DrawRequest.MODEL) ? node : node.put("clip", "").put("candidates", 1);
        }
    }

    /** The one that serves where none is named comes first: one that paints and was given, else the one that comes with the program. */
    List<Model> models() {
        List<Model> given = new ArrayList<>(), draw = new ArrayList<>(), fetched = new ArrayList<>();
        for (Registry.Entry e : registry.all()) {
            Model model = new Model(e.name(), e.facts().kind() == ModelFacts.Kind.PAINT, e.facts().about().path("sha256").asText());
            boolean words = false;
            for (JsonNode takes : e.facts().about().path("takes")) words |= takes.asText().equals("text");
            // names of the hub alone have a slash
            if (model.paints) (e.name().contains("/") ? fetched : given).add(model);
            else if (!words || e.facts().kind() != ModelFacts.Kind.RUN) continue;
            else draw.add(e.name().equals(DrawRequest.MODEL) ? 0 : draw.size(), model);
        }
        return Stream.of(given, draw, fetched).flatMap(List::stream).toList();
    }

    /** Names of LoRAs. */
    List<String> loras() {
        return registry.all().stream().filter(e -> e.facts().kind() == ModelFacts.Kind.LORA).map(Registry.Entry::name).toList();
    }

    /** Keeps a picture, a PNG. @return its id, for places of pictures in requests */
    String keep(byte[] png) { return keep.apply(png); }

    /** By name, title, hash or the name of a file that ends in .safetensors or .ckpt. */
    Optional<Model> model(String asked) {
        String plain = asked.strip().replaceAll("\\s*\\[[0-9a-fA-F]{6,64}]$", ""), stem = plain.replaceAll(WEIGHTS, "");
        String hash = plain.matches("[0-9a-fA-F]{8,64}") ? plain.toLowerCase(Locale.ROOT) : "-";
        return models().stream().filter(m -> m.name().equals(plain) || m.name().equals(stem) || m.sha256().startsWith(hash)).findFirst();
    }
}
