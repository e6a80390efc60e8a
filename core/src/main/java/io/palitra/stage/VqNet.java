package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.net.CoderConfig;
import io.palitra.net.VqModel;
import java.util.List;

/** The shape of an autoencoder of codes, diffusers' {@code VQModel}. Sides of pictures must be multiples of 2^(levels - 1). */
public record VqNet(
        @Help(value = "channels of each level, from the full resolution down; each level but the last halves it, so that a code stands for "
            + "2^(levels - 1) pixels squared", min = 1, max = 4096) List<Integer> channels,
        @Help(value = "residual blocks in a level of the encoder; the decoder has one more", min = 1, max = 16) int layers,
        @Help(value = "groups of channels that are normalised together; must divide channels", min = 1, max = 4096) int groups,
        @Help("whether the pixels of the lowest resolution attend to each other") boolean attention,
        @Help(value = "codes in the codebook, K", min = 2, max = 1 << 20) int codes,
        @Help(value = "numbers in a code, D", min = 1, max = 4096) int width) {
    public VqNet {
        channels = AutoencoderShape.checked(channels, groups);
    }

    /** The network of this shape on such pictures. @param who is named in refusals @param least side that {@code who} takes otherwise */
    public VqModel.Config on(String who, DataSpec data, int least) {
        if (!(data instanceof ImageSpec image)) throw new ArgumentException(who + " wants pictures, got " + data);
        int levels = channels.size(), factor = 1 << levels - 1;
        if (image.height() % factor != 0 || image.width() % factor != 0) {
            throw new ArgumentException(who + " with " + levels + " levels of channels wants sides that are multiples of " + factor
                + ", got " + image.height() + "x" + image.width() + "; " + image.sizes(factor, least)
                + ", or net.channels of fewer levels");
        }
        CoderConfig coder = AutoencoderShape.of(image, channels, layers, groups, width, attention, false);
        return new VqModel.Config(coder, codes, width, VqModel.Norms.GROUP, false);
    }
}
