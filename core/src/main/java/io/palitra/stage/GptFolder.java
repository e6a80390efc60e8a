package io.palitra.stage;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.config.Reason;
import io.palitra.data.Alphabet;
import io.palitra.data.FormatException;
import io.palitra.data.TextItems;
import io.palitra.data.TextSpec;
import io.palitra.data.TextTokenizerFile;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Safetensors;
import io.palitra.hub.Weights;
import io.palitra.model.ModelRef;
import io.palitra.net.Gpt2;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A GPT-2 in a folder, as transformers saves one: {@code config.json}, {@code model.safetensors}, and its tokens, {@code tokenizer.json} or
 * {@code vocab.json} and {@code merges.txt}. Characters and bytes, which are no merges, are in {@code alphabet.json}, too.
 */
public final class GptFolder {
    /** Within a run of family gpt. */
    public static final String FOLDER = "gpt2";
    private static final String CONFIG = "config.json", WEIGHTS = "model.safetensors", ALPHABET = "alphabet.json";

    /** What {@code alphabet.json} holds. */
    private record Kept(Alphabet alphabet) {}

    private final Path folder;
    private final Gpt2.Config config;
    private @Nullable String sha256;

    private GptFolder(Path folder, Gpt2.Config config) {
        this.folder = folder;
        this.config = config;
    }

    /**
     * A folder, an "org/name" of the hub that was pulled, or a run of family gpt.
     *
     * @throws IllegalArgumentException when there is nothing of that name, or it is a run of another family
     * @throws FormatException when it is no GPT-2
     */
    public static GptFolder of(String where) {
        Path named = new ModelRef(where).place(), own = named.resolve(FOLDER);
        Path folder = Files.isRegularFile(own.resolve(CONFIG)) ? own : named;
        if (!is(folder)) {
            Optional<String> run = new ModelRef(where).family();
            if (run.isPresent()) {
                throw new ArgumentException("'" + where + "' is a run of " + run.get() + " without " + FOLDER + "/"
                    + (run.get().equals("gpt") ? ": it has not been saved yet" : "; wanted is a run of gpt, or a folder of a GPT-2"));
            }
            throw new FormatException(folder.toString(), -1, "is no GPT-2: its config.json names neither model_type gpt2 nor architectures "
                + "GPT2LMHeadModel");
        }
        try {
            return new GptFolder(folder, Gpt2.Config.fromJson(ModelFolder.config(folder)));
        } catch (ConfigException e) {
            throw new FormatException(folder.toString(), -1, String.valueOf(e.getMessage()), e);
        }
    }

    /** Whether a folder, not a run, is one by its config.json. */
    public static boolean is(Path folder) {
        if (!Files.isRegularFile(folder.resolve(CONFIG))) return false;
        JsonNode config = ModelFolder.config(folder);
        return config.path("model_type").asText().equals("gpt2") || config.path("architectures").path(0).asText().equals("GPT2LMHeadModel");
    }

    public Gpt2.Config config() { return config; }

    /** Its tokens. @throws FormatException when there are none, or they do not fit the network */
    public Alphabet alphabet() {
        Alphabet read = tokens();
        if (read.size() == config.vocabSize()) return read;
        throw new FormatException(folder.toString(), -1, "its tokenizer has " + read.size() + " tokens, the network " + config.vocabSize());
    }

    private Alphabet tokens() {
        Path kept = folder.resolve(ALPHABET);
        if (!Files.isRegularFile(kept)) return TextTokenizerFile.read(folder);
        try {
            return Config.fromJson(Kept.class, Json.read(kept)).alphabet;
        } catch (ArgumentException e) {
            throw new FormatException(kept.toString(), -1, String.valueOf(e.getMessage()), e);
        } catch (IOException e) {
            throw new FormatException(kept.toString(), -1, "cannot be read: " + e.getMessage(), e);
        }
    }

    /** Items of as many tokens as it reads, or fewer. @param length 0 = all */
    public TextItems spec(int length) { return new TextSpec(length == 0 ? config.nPositions() : length, alphabet()); }

    /** The network. @param dropout see {@link Gpt2#Gpt2(Gpt2.Config, double, Rng)} */
    public Gpt2 open(double dropout) {
        try (Scope scope = new Scope()) {
            Gpt2 net = new Gpt2(config, dropout, Rng.silent());
            try {
                net.loadPublic(Weights.read(ModelFolder.file(folder)));
                sha256 = Safetensors.sha256(net.state());
                return net;
            } catch (RuntimeException e) {
                net.close();
                if (!(e instanceof ArgumentException)) throw e;
                throw new FormatException(folder.toString(), -1, String.valueOf(e.getMessage()), e);
            }
        }
    }

    /** SHA-256 in hex of the weights that were opened. */
    public String sha256() {
        if (sha256 == null) throw new IllegalStateException("not opened yet");
        return sha256;
    }

    /** Writes {@link #FOLDER} into a run's folder, each file in one move. */
    public static List<Path> publish(Path run, Gpt2 net, TextSpec text) {
        Path folder = run.resolve(FOLDER), config = folder.resolve(CONFIG), weights = folder.resolve(WEIGHTS);
        List<Path> files = new ArrayList<>(List.of(config, weights));
        try {
            Files.createDirectories(folder);
            Json.write(config, net.config().toJson());
            files.addAll(TextTokenizerFile.write(folder, text));
            if (!(text.alphabet() instanceof Alphabet.Pairs)) {
                Json.write(folder.resolve(ALPHABET), Config.toJson(new Kept(text.alphabet())));
                files.add(folder.resolve(ALPHABET));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(Reason.told(e), e);
        }
        Safetensors.write(weights, net.state(), Map.of("format", "pt"));
        return files;
    }
}
