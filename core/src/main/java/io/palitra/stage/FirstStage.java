package io.palitra.stage;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.InWords;
import io.palitra.config.Notes;
import io.palitra.data.DataSpec;
import io.palitra.data.FormatException;
import io.palitra.data.ImageSpec;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Safetensors;
import io.palitra.hub.VqCheckpoint;
import io.palitra.hub.Weights;
import io.palitra.model.ModelRef;
import io.palitra.net.LegacyTensorNames;
import io.palitra.net.VqModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The trained autoencoder that a second stage stands on, frozen: pictures [B,C,H,W] in [-1,1] to codes I64 [B,H/f,W/f] and back (van den
 * Oord et al. 2017, arXiv:1711.00937; Esser et al. 2021, arXiv:2012.09841).
 */
public final class FirstStage implements AutoCloseable {
    /** Where a run of vqvae or vqgan keeps its network for others. */
    public static final String FOLDER = "vqmodel";
    private static final String CLASS = "VQModel";

    private final String name;
    private final VqModel net;

    private FirstStage(String name, VqModel net) {
        this.name = name;
        this.net = net;
    }

    /**
     * Reads a run of vqvae or vqgan, a folder of diffusers' {@code VQModel}, a pipeline that has one, or a checkpoint of the taming
     * transformers; a path, or org/name of a model that was pulled from the hub.
     *
     * @throws IllegalArgumentException when there is nothing of that name, or it is of another kind
     * @throws FormatException when what is there is broken
     */
    public static FirstStage open(String where) {
        Path place = new ModelRef(where).place();
        return new FirstStage(where, Files.isRegularFile(place) && Weights.named(place) ? file(place) : folder(folder(where, place)));
    }

    private static Path folder(String where, Path place) {
        if (Files.isDirectory(place.resolve(FOLDER))) return place.resolve(FOLDER);
        String wanted = "; wanted is a run of vqvae or vqgan, a folder of diffusers' " + CLASS + ", or a .ckpt of the taming transformers";
        if (!Files.isDirectory(place)) throw new ArgumentException("'" + where + "' is a file" + wanted);
        if (ModelFolder.is(place)) {
            Map<String, String> classes = ModelFolder.open(place).classes();
            List<String> parts = classes.entrySet().stream().filter(e -> e.getValue().equals(CLASS)).map(Map.Entry::getKey).toList();
            if (parts.size() == 1) return place.resolve(parts.get(0));
            throw new ArgumentException("'" + where + "' is a pipeline of " + InWords.list(classes.values()) + ", in which "
                + (parts.isEmpty() ? "none" : "more than one") + " is a " + CLASS);
        }
        if (!Files.isRegularFile(place.resolve("config.json"))) {
            throw new ArgumentException("'" + where + "' has no config.json" + wanted);
        }
        Optional<String> family = new ModelRef(where).family();
        if (family.isEmpty()) return place;
        String named = family.get();
        boolean will = named.equals("vqvae") || named.equals("vqgan");
        throw new ArgumentException("'" + where + "' is a run of " + named + " without " + FOLDER + "/"
            + (will ? ": it has not been saved yet" : wanted));
    }

    private static VqModel file(Path file) {
        try (Scope scope = new Scope()) {
            VqCheckpoint read = VqCheckpoint.of(file.toString(), Weights.read(file), Notes.common());
            return loaded(config(read.config(), file), file, read.tensors());
        }
    }

    private static VqModel.Config config(JsonNode json, Path file) {
        try {
            return VqModel.Config.fromJson(json, line -> Notes.common().accept(file + ": " + line));
        } catch (ConfigException e) {
            throw new FormatException(file.toString(), -1, String.valueOf(e.getMessage()), e);
        }
    }

    private static VqModel folder(Path folder) {
        VqModel.Config config = config(ModelFolder.config(folder), folder.resolve("config.json"));
        Path file = ModelFolder.file(folder);
        try (Scope scope = new Scope()) { return loaded(config, file, LegacyTensorNames.renewed(Weights.read(file))); }
    }

    private static VqModel loaded(VqModel.Config config, Path file, Map<String, Tensor> weights) {
        VqModel net = new VqModel(config, Rng.silent());
        try {
            net.load(net.known(weights, line -> Notes.common().accept(file + ": " + line)));
        } catch (IllegalArgumentException e) {
            net.close();
            throw new FormatException(file.toString(), -1, String.valueOf(e.getMessage()), e);
        }
        net.trainable(false);
        net.training(false);
        return net;
    }

    /** As the user named it. */
    public String name() { return name; }

    public VqModel net() { return net; }

    /** Channels of the pictures it takes, C. */
    public int channels() { return net.config().coder().inChannels(); }

    /** Pixels to a code in one direction, f. */
    public int factor() { return net.config().coder().factor(); }

    /** Codes in the codebook, K. */
    public int codes() { return net.config().numVqEmbeddings(); }

    /** Codes of such a picture in a column and in a row, {h, w}. @throws IllegalArgumentException for pictures that it does not take */
    public int[] grid(DataSpec data) {
        if (!(data instanceof ImageSpec image) || image.channels() != channels()) {
            throw new ArgumentException("'" + name + "' takes pictures of " + channels()
                + (channels() == 1 ? " channel" : " channels") + ", got " + data
                + (data instanceof ImageSpec ? "; data.channels=" + channels() + " makes them so" : ""));
        }
        int f = factor();
        if (image.height() % f != 0 || image.width() % f != 0) {
            throw new ArgumentException("'" + name + "' makes a code of " + f + "x" + f + " pixels and wants sides that are multiples of "
                + f + ", got " + image + "; " + image.sizes(f, f));
        }
        return new int[] {along("height", image.height()), along("width", image.width())};
    }

    /** Codes along a side of {@code pixels}. @throws IllegalArgumentException where the factor does not divide it */
    public int along(String side, int pixels) {
        int f = factor();
        if (pixels >= f && pixels % f == 0) return pixels / f;
        throw new ArgumentException("'" + name + "' makes a code of " + f + "x" + f + " pixels, which does not divide a " + side
            + " of " + pixels + "; " + Math.max(f, (pixels + f / 2) / f * f) + " is near");
    }

    /** x [B,C,H,W] in [-1,1] to I64 [B,H/f,W/f]. */
    public Tensor encode(Tensor x) { return Scope.run(() -> net.codes(net.encode(x))); }

    /** I64 [B,h,w] to pictures [B,C,f h,f w] in [-1,1]. */
    public Tensor decode(Tensor codes) { return Scope.run(() -> net.decodeCodes(codes).clamp(-1, 1)); }

    /** SHA-256 of the values of all tensors, however they were stored. Waits for the device. */
    public String sha256() { return Safetensors.sha256(net.state()); }

    public void to(Device device) { net.to(device); }

    @Override public void close() { net.close(); }
}
