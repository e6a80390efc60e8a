package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ConfigException;
import io.palitra.data.Condition;
import io.palitra.family.Families;
import io.palitra.job.DrawRequest;
import io.palitra.job.SampleRequest;
import io.palitra.model.IncludedModels;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/** The lists of models and of pictures, as the calls below /sdapi/v1 need them. Any thread may call. */
final class SdStore {
    private static final String WEIGHTS = "(?i)\\.(safetensors|ckpt)$";

    private final Places places;
    private final Function<byte[], String> keep;

    /** @param keep keeps a picture, a PNG, and gives its id for places of pictures in requests */
    SdStore(Places places, Function<byte[], String> keep) {
        this.places = places;
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

    /** The one that serves where none is named comes first: one that paints, else the one that comes with the program. */
    List<Model> models() {
        List<Model> paint = new ArrayList<>(), draw = new ArrayList<>();
        for (String name : places.models()) {
            Path place = place(name);
            if (paints(place)) paint.add(new Model(name, true, ""));
            else if (name.equals(DrawRequest.MODEL)) draw.add(0, included(name));
            else if (fromWords(place)) draw.add(new Model(name, false, ""));
        }
        paint.addAll(draw);
        return paint;
    }

    private static Model included(String name) {
        String sha = IncludedModels.named(name).stream().flatMap(card -> card.files().stream()).filter(f -> f.endsWith("  model.safetensors"))
            .map(f -> f.substring(0, 64)).findFirst().orElse("");
        return new Model(name, false, sha);
    }

    /** Where a model lies, or the name of one that comes with the program. */
    private Path place(String name) {
        return Path.of(((SampleRequest) places.placed("sample", new SampleRequest(name), "", Path.of(""))).run());
    }

    private static boolean paints(Path place) {
        if (Files.isDirectory(place)) return Files.isRegularFile(place.resolve("model_index.json"));
        return Files.isRegularFile(place) && Stream.of(".safetensors", ".ckpt").anyMatch(place.toString()::endsWith);
    }

    private static boolean fromWords(Path run) {
        Path config = run.resolve(Run.CONFIG);
        if (!Files.isRegularFile(config)) return false;
        try {
            return Families.named(RunConfig.read(config).settings().family()).takes().contains(Condition.Kind.TEXT);
        } catch (IOException | ConfigException e) {
            return false;   // no run, whatever it is
        }
    }

    /** Names of LoRAs. */
    List<String> loras() { return List.of(); }

    /** Keeps a picture, a PNG. @return its id, for places of pictures in requests */
    String keep(byte[] png) { return keep.apply(png); }

    /** By name, title, hash or the name of a file that ends in .safetensors or .ckpt. */
    Optional<Model> model(String asked) {
        String plain = asked.strip().replaceAll("\\s*\\[[0-9a-fA-F]{6,64}]$", ""), stem = plain.replaceAll(WEIGHTS, "");
        String hash = plain.matches("[0-9a-fA-F]{8,64}") ? plain.toLowerCase(Locale.ROOT) : "-";
        return models().stream().filter(m -> m.name().equals(plain) || m.name().equals(stem) || m.sha256().startsWith(hash)).findFirst();
    }
}
