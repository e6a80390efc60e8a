package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.data.ImageSpec;
import io.palitra.net.Activation;
import io.palitra.net.CoderConfig;
import java.util.Collections;
import java.util.List;

/** What autoencoders of a continuous code and of a codebook have in common: plain levels, each with its channels. */
public final class AutoencoderShape {
    private AutoencoderShape() {}

    /** @throws IllegalArgumentException for no level, too many, or channels that the groups do not divide */
    public static List<Integer> checked(List<Integer> channels, int groups) {
        if (channels.isEmpty() || channels.size() > 8) {
            throw new ArgumentException("illegal channels: " + InWords.list(channels) + ", must be 1 to 8 levels");
        }
        for (int c : channels) {
            if (groups < 1 || c % groups != 0) {
                throw new ArgumentException("illegal channels: " + InWords.list(channels) + ", must be multiples of groups "
                    + groups);
            }
        }
        return List.copyOf(channels);
    }

    /** @param twice whether the encoder gives a mean and a variance */
    public static CoderConfig of(ImageSpec image, List<Integer> channels, int layers, int groups, int latent, boolean attention,
        boolean twice) {
        List<CoderConfig.Block> plain = Collections.nCopies(channels.size(), CoderConfig.Block.PLAIN);
        List<Integer> size = image.height() == image.width() ? List.of(image.height()) : List.of(image.height(), image.width());
        return new CoderConfig(image.channels(), image.channels(), plain, plain, channels, layers, Activation.SILU, latent, groups, size, 1,
            attention, twice);
    }
}
