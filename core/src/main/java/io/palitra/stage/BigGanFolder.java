package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.data.FormatException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Weights;
import io.palitra.net.BigGanDeep;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** A BigGAN-deep in a folder, as {@code pytorch-pretrained-BigGAN} saves one: {@code config.json}, which names no class, and weights. */
public final class BigGanFolder {
    private BigGanFolder() {}

    /** Whether a folder is one, by its config.json. */
    public static boolean is(Path folder) {
        return Files.isRegularFile(folder.resolve("config.json")) && BigGanDeep.Config.is(ModelFolder.config(folder));
    }

    /**
     * The generator. Its tensors outlive every scope.
     *
     * @param warn receives keys and tensors that are passed over
     * @throws FormatException for a configuration that it cannot have, and weights that do not fit it
     */
    public static BigGanDeep open(Path folder, Consumer<String> warn) {
        try (Scope scope = new Scope()) {
            BigGanDeep net = new BigGanDeep(BigGanDeep.Config.fromJson(ModelFolder.config(folder), warn), Rng.silent());
            try {
                net.loadPublic(Weights.read(ModelFolder.file(folder)), warn);
                return net;
            } catch (RuntimeException e) {
                net.close();
                throw e;
            }
        } catch (ConfigException e) {
            throw new FormatException(folder.resolve("config.json").toString(), -1, String.valueOf(e.getMessage()), e);
        } catch (ArgumentException e) {
            throw new FormatException(folder.toString(), -1, String.valueOf(e.getMessage()), e);
        }
    }
}
