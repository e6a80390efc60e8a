package io.palitra.stage;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Notes;
import io.palitra.data.DataSpec;
import io.palitra.data.FormatException;
import io.palitra.data.GridSpec;
import io.palitra.data.ImageSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Safetensors;
import io.palitra.hub.Weights;
import io.palitra.model.Codec;
import io.palitra.model.ModelRef;
import io.palitra.net.AutoencoderKl;
import io.palitra.net.CoderConfig;
import io.palitra.net.LegacyTensorNames;
import io.palitra.net.VqModel;
import io.palitra.nn.Module;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Autoencoders of pictures whose latents are small pictures: Rombach et al. 2022, arXiv:2112.10752, section 3.1, has both kinds. */
public sealed interface PictureCodec extends Codec, AutoCloseable permits PictureCodec.Kl, PictureCodec.Vq {
    /** The network. */
    Module net();

    /** As the user named it. */
    String name();

    /** Its pictures and latents. */
    CoderConfig coder();

    /** Channels of a latent. */
    int channels();

    /** The network as diffusers loads it, where latents are to be scaled so. */
    ObjectNode json(double scale);

    /** A variational one; of a latent the mean is taken. */
    record Kl(String name, AutoencoderKl net) implements PictureCodec {
        @Override public CoderConfig coder() { return net.config().coder(); }

        @Override public int channels() { return coder().latentChannels(); }

        @Override public Tensor encode(Tensor x) { return Scope.run(() -> net.encode(x).mode()); }

        @Override public Tensor decode(Tensor z) { return Scope.run(() -> net.decode(z).clamp(-1, 1)); }

        @Override public ObjectNode json(double scale) { return net.config().toJson().put("scaling_factor", scale); }
    }

    /** One of a codebook. Latents are those before the nearest code is taken, which is the first that its decoder does. */
    record Vq(String name, VqModel net) implements PictureCodec {
        @Override public CoderConfig coder() { return net.config().coder(); }

        @Override public int channels() { return net.config().width(); }

        @Override public Tensor encode(Tensor x) { return Scope.run(() -> net.encode(x)); }

        @Override public Tensor decode(Tensor z) { return Scope.run(() -> net.decode(z).clamp(-1, 1)); }

        @Override public ObjectNode json(double scale) { return net.config().toJson().put("scaling_factor", scale); }
    }

    @Override default GridSpec latent(DataSpec items) {
        int c = coder().inChannels(), f = coder().factor();
        if (!(items instanceof ImageSpec image) || image.channels() != c) {
            throw new ArgumentException("'" + name() + "' takes pictures of " + c + (c == 1 ? " channel" : " channels") + ", got " + items
                + (items instanceof ImageSpec ? "; data.channels=" + c + " makes them so" : ""));
        }
        if (image.height() % f != 0 || image.width() % f != 0) {
            throw new ArgumentException("'" + name() + "' makes a latent of " + f + "x" + f + " pixels and wants sides that are multiples of "
                + f + ", got " + image + "; " + image.sizes(f, f));
        }
        return new GridSpec(channels(), image.height() / f, image.width() / f, image.classes());
    }

    @Override default String sha256() { return Safetensors.sha256(net().state()); }

    @Override default void close() { net().close(); }

    /**
     * Reads what is no run: a folder of diffusers' {@code AutoencoderKL}, a pipeline that has one, or what {@link FirstStage} reads.
     *
     * @throws IllegalArgumentException when there is nothing of that name, or it is of another kind
     * @throws FormatException when what is there is broken
     */
    static PictureCodec open(String where) {
        Path place = new ModelRef(where).place();
        if (Files.isRegularFile(place)) return new Vq(where, FirstStage.open(where).net());
        Path folder = place;
        if (ModelFolder.is(place)) {
            List<String> parts = ModelFolder.open(place).classes().entrySet().stream().filter(e -> e.getValue().equals("AutoencoderKL"))
                .map(Map.Entry::getKey).toList();
            if (parts.size() == 1) folder = place.resolve(parts.get(0));
        }
        if (!Files.isRegularFile(folder.resolve("config.json"))) {
            throw new ArgumentException("'" + where + "' is no autoencoder of pictures; wanted is a run of vae with net=kl, of vqgan or vqvae,"
                + " or a folder of diffusers' AutoencoderKL or VQModel");
        }
        boolean kl = ModelFolder.config(folder).path("_class_name").asText().equals("AutoencoderKL");
        return kl ? kl(where, folder) : new Vq(where, FirstStage.open(where).net());
    }

    private static PictureCodec kl(String where, Path folder) {
        Path file = ModelFolder.file(folder);
        AutoencoderKl net = null;
        try (Scope scope = new Scope()) {
            net = new AutoencoderKl(AutoencoderKl.Config.fromJson(ModelFolder.config(folder), line -> Notes.common().accept(folder + ": "
                + line)), Rng.silent());
            net.load(net.known(LegacyTensorNames.renewed(Weights.read(file)), line -> Notes.common().accept(file + ": " + line)));
        } catch (IllegalArgumentException e) {
            if (net != null) net.close();
            boolean config = e instanceof ConfigException;
            throw new FormatException((config ? folder.resolve("config.json") : file).toString(), -1, String.valueOf(e.getMessage()), e);
        }
        net.trainable(false);
        net.training(false);
        return new Kl(where, net);
    }
}
