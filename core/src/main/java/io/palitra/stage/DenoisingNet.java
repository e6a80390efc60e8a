package io.palitra.stage;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.config.InWords;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VideoSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.net.Activation;
import io.palitra.net.FeedForward;
import io.palitra.net.Unet2d;
import io.palitra.net.UnetCondition2d;
import io.palitra.nn.Embedding;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The network that a diffusion model trains: its prediction for a noisy picture at a time. */
public sealed interface DenoisingNet permits DenoisingNet.Unet, DenoisingNet.Dit, DenoisingNet.Latte {
    /**
     * What a network is given beside noisy items and times.
     *
     * @param classes that items are of, and one more label, {@code classes}, for none of them; 0 = it is given no labels
     * @param text numbers in the vector of a text's token; 0 = it is given no texts
     * @param beside channels [B,c,H,W] beside the noisy items, which are not predicted
     */
    record Inputs(int classes, int text, int beside) {}

    /**
     * A new network, whose first prediction is 0.
     *
     * @param items [C,H,W]: pictures or latents
     * @throws IllegalArgumentException for items of sides that it cannot take
     */
    Built build(DataSpec items, Inputs inputs, Rng init);

    /** Height and width of items. @throws IllegalArgumentException where {@code step} does not divide both */
    private static int[] sides(DataSpec items, int step, String who) {
        int h = (int) items.shape()[1], w = (int) items.shape()[2];
        if (h % step == 0 && w % step == 0) return new int[] {h, w};
        throw new ArgumentException(who + " wants sides that are multiples of " + step + ", got " + items
            + (items instanceof ImageSpec image ? "; " + image.sizes(step, step) : ""));
    }

    private static int planes(DataSpec items) { return (int) items.shape()[0]; }

    /** A network; the module's tensors have diffusers' names. */
    interface Built {
        Module module();

        /**
         * x [B,C,H,W], times t [B] in steps, and what is given beside them; result [B,C,H,W].
         *
         * @param rng draws the dropout of training; null = nothing is dropped
         */
        Tensor forward(Tensor x, Tensor t, Given given, @Nullable Rng rng);
    }

    /** Ho, Jain and Abbeel 2020, arXiv:2006.11239, appendix B. The picture's sides must be multiples of 2^(levels - 1). */
    record Unet(
            @Help(value = "channels of each level, from the full resolution down; each level halves it", min = 1, max = 4096)
            List<Integer> channels,
            @Help(value = "residual blocks in a level", min = 1, max = 16) int layers,
            @Help(value = "levels with attention, 0 = full resolution; the middle always has it", min = 0) List<Integer> attention,
            @Help(value = "chance that a number inside the network is dropped in training", min = 0, max = 0.9) double dropout,
            @Help(value = "groups of channels that are normalised together; must divide channels", min = 1, max = 4096) int groups)
            implements DenoisingNet {
        public Unet() { this(List.of(16, 32, 64), 1, List.of(2), 0, 8); }

        public Unet {
            channels = List.copyOf(channels);
            attention = List.copyOf(attention);
            if (channels.isEmpty() || channels.size() > 8) {
                throw new ArgumentException("illegal channels: " + InWords.list(channels) + ", must be 1 to 8 levels");
            }
            for (int c : channels) {
                if (groups < 1 || c % groups != 0) {
                    throw new ArgumentException("illegal channels: " + InWords.list(channels) + ", must be multiples of groups "
                        + groups);
                }
            }
            for (int level : attention) {
                if (level < 0 || level >= channels.size()) {
                    throw new ArgumentException("illegal attention: " + level + ", must be a level from 0 to "
                        + (channels.size() - 1));
                }
            }
        }

        /** @param in channels of what comes in @param out channels of what is predicted */
        private Unet2d.Config config(int[] sides, int in, int out, int classes) {
            List<Unet2d.Block> down = new ArrayList<>();
            for (int i = 0; i < channels.size(); i++) down.add(attention.contains(i) ? Unet2d.Block.ATTENTION : Unet2d.Block.PLAIN);
            List<Unet2d.Block> up = new ArrayList<>(down);
            Collections.reverse(up);
            return new Unet2d.Config(List.of(sides[0], sides[1]), in, out, false,
                Unet2d.TimeEmbeddingType.POSITIONAL, 0, 0, true, down, true, up, channels, layers, 1, 1, Unet2d.Resampling.CONV,
                Unet2d.Resampling.CONV, dropout, Activation.SILU, 0, groups, 0, 1e-5, Unet2d.TimeShift.DEFAULT, true,
                Unet2d.ClassEmbedding.LOOKUP, classes == 0 ? 0 : classes + 1, 0);
        }

        @Override public Built build(DataSpec items, Inputs inputs, Rng init) {
            int[] sides = DenoisingNet.sides(items, 1 << channels.size() - 1, "a U-Net with " + channels.size() + " levels of channels");
            int out = DenoisingNet.planes(items), in = out + inputs.beside();
            if (inputs.text() > 0) {
                UnetCondition2d unet = new UnetCondition2d(textConfig(sides, in, out, inputs.text()), init);
                begin(unet, init);
                return new BuiltTextUnet(unet);
            }
            Unet2d unet = new Unet2d(config(sides, in, out, inputs.classes()), init);
            begin(unet, init);
            return new BuiltUnet(unet);
        }

        /** Every residual branch starts as nothing and the prediction as 0: the first loss of EPS is the variance of eps, 1. */
        private static void begin(Module unet, Rng init) {
            if (init.isSilent()) return;
            for (Map.Entry<String, Tensor> e : unet.parameters().entrySet()) {
                boolean last = e.getKey().startsWith("conv_out.")
                    || e.getKey().matches(".*\\.(conv2|proj_out|attentions\\.\\d+\\.to_out\\.0)\\.(weight|bias)");
                if (last) e.getValue().fill(0);
            }
        }

        /** The same, with transformers that attend to a text where the other has attention; in diffusers' words. */
        private UnetCondition2d.Config textConfig(int[] sides, int in, int out, int text) {
            ObjectNode json = JsonNodeFactory.instance.objectNode().put("_class_name", "UNet2DConditionModel");
            json.putArray("sample_size").add(sides[0]).add(sides[1]);
            json.put("in_channels", in).put("out_channels", out).put("layers_per_block", layers).put("dropout", dropout)
                .put("norm_num_groups", groups).put("cross_attention_dim", text);
            ArrayNode down = json.putArray("down_block_types"), up = json.putArray("up_block_types");
            ArrayNode widths = json.putArray("block_out_channels"), heads = json.putArray("attention_head_dim");   // which is their number
            int n = channels.size();
            for (int i = 0; i < n; i++) {
                int c = channels.get(i);
                down.add(attention.contains(i) ? "CrossAttnDownBlock2D" : "DownBlock2D");
                up.add(attention.contains(n - 1 - i) ? "CrossAttnUpBlock2D" : "UpBlock2D");
                widths.add(c);
                heads.add(Math.max(1, Integer.lowestOneBit(c) / 16));
            }
            return UnetCondition2d.Config.fromJson(json);
        }
    }

    /** A U-Net that is built. */
    record BuiltUnet(Unet2d module) implements Built {
        @Override public Tensor forward(Tensor x, Tensor t, Given given, @Nullable Rng rng) {
            return module.forward(x, t, given.labels(), rng);
        }
    }

    /** A U-Net that attends to texts, built. */
    record BuiltTextUnet(UnetCondition2d module) implements Built {
        @Override public Tensor forward(Tensor x, Tensor t, Given given, @Nullable Rng rng) {
            return module.forward(x, t.to(DType.F32), UnetCondition2d.Given.text(given.text()).masked(given.mask()), rng);
        }
    }

    /** Peebles and Xie 2023, arXiv:2212.09748, with adaLN-Zero, section 3.2. The picture's sides must be multiples of the patch. */
    record Dit(
            @Help(value = "side of a patch, in pixels: half the patch, four times the tokens", min = 1, max = 64) int patch,
            @Help(value = "width of the transformer; a multiple of heads and of 4", min = 4, max = 4096) int width,
            @Help(value = "blocks", min = 1, max = 100) int layers,
            @Help(value = "heads of attention", min = 1, max = 256) int heads) implements DenoisingNet {
        public Dit() { this(2, 128, 4, 4); }

        public Dit {
            if (heads < 1 || width % heads != 0 || width % 4 != 0) {
                throw new ArgumentException("illegal width: " + width + ", must be a multiple of 4 and of the " + heads + " heads");
            }
        }

        @Override public Built build(DataSpec items, Inputs inputs, Rng init) {
            int[] sides = DenoisingNet.sides(items, patch, "a transformer of patches " + patch + "x" + patch);
            int c = DenoisingNet.planes(items);
            io.palitra.net.Dit net = new io.palitra.net.Dit(new io.palitra.net.Dit.Config(heads, width / heads, c + inputs.beside(), c,
                layers,
                0, 32, true, List.of(sides[0], sides[1]), patch, FeedForward.Kind.GELU_APPROXIMATE, Math.max(1, inputs.classes()), false,
                false, 1e-6), init);
            return inputs.text() == 0 ? new BuiltDit(net) : new BuiltTextDit(net, inputs.text(), width, init);
        }
    }

    /** A transformer that is built; without classes, all pictures are of one. */
    record BuiltDit(io.palitra.net.Dit module) implements Built {
        @Override public Tensor forward(Tensor x, Tensor t, Given given, @Nullable Rng rng) {
            Tensor labels = given.labels();
            return module.forward(x, t, labels == null ? Torch.zeros(DType.I64, x.size(0)).to(x.device()) : labels);
        }
    }

    /** A transformer, built, whose blocks see the tokens of a text before the patches: section 3.2, in-context conditioning. */
    final class BuiltTextDit extends Module implements Built {
        private final io.palitra.net.Dit net;
        private final Linear tokens;

        BuiltTextDit(io.palitra.net.Dit net, int text, int width, Rng init) {
            this.net = child("dit", net);
            tokens = child("text", new Linear(text, width, init));
        }

        @Override public Module module() { return this; }

        @Override public Tensor forward(Tensor x, Tensor t, Given given, @Nullable Rng rng) {
            Tensor labels = Torch.zeros(DType.I64, x.size(0)).to(x.device());
            return net.forward(x, t, labels, tokens.forward(Objects.requireNonNull(given.text())), given.mask());
        }
    }

    /**
     * The transformer of films whose blocks attend within frames and across them in turn: Ma et al. 2024, arXiv:2401.03048, variant 1.
     * Frames are squares whose sides are multiples of the patch.
     */
    record Latte(
            @Help(value = "side of a patch, in pixels: half the patch, four times the tokens", min = 1, max = 64) int patch,
            @Help(value = "width of the transformer; a multiple of heads and of 4", min = 4, max = 4096) int width,
            @Help(value = "blocks, each of which attends within frames and then across them", min = 1, max = 100) int layers,
            @Help(value = "heads of attention", min = 1, max = 256) int heads) implements DenoisingNet {
        public Latte() { this(4, 128, 4, 4); }

        public Latte {
            if (heads < 1 || width % heads != 0 || width % 4 != 0) {
                throw new ArgumentException("illegal width: " + width + ", must be a multiple of 4 and of the " + heads + " heads");
            }
        }

        @Override public Built build(DataSpec items, Inputs inputs, Rng init) {
            VideoSpec film = VideoSpec.of("a transformer of films", items);
            if (film.height() != film.width() || film.height() % patch != 0) {
                throw new ArgumentException("a transformer of films of patches " + patch + "x" + patch + " wants squares with sides that "
                    + "are multiples of " + patch + ", got " + items);
            }
            int given = inputs.text() > 0 ? inputs.text() : width;
            boolean attends = inputs.text() > 0 || inputs.classes() > 0;
            return new BuiltLatte(new io.palitra.net.Latte(new io.palitra.net.Latte.Config(heads, width / heads, film.channels(),
                film.channels(), layers, 0, attends ? width : 0, true, film.height(), patch, FeedForward.Kind.GELU_APPROXIMATE, 0,
                io.palitra.net.Latte.NormType.ADA_NORM_SINGLE, false, 1e-6, given, film.frames()), init), inputs, width, init);
        }
    }

    /** A transformer of films, built; a class is a text of one token. */
    final class BuiltLatte extends Module implements Built {
        private final io.palitra.net.Latte net;
        private final @Nullable Embedding classes;

        BuiltLatte(io.palitra.net.Latte net, Inputs inputs, int width, Rng init) {
            this.net = child("latte", net);
            classes = inputs.classes() > 0 ? child("classes", new Embedding(inputs.classes() + 1, width, init)) : null;
        }

        @Override public Module module() { return this; }

        /** x [B,T,C,H,W]. */
        @Override public Tensor forward(Tensor x, Tensor t, Given given, @Nullable Rng rng) {
            Tensor text = classes == null ? given.text() : classes.forward(Objects.requireNonNull(given.labels())).unsqueeze(1);
            return net.forward(x.transpose(1, 2), t, text, given.mask(), true, rng).transpose(1, 2);
        }
    }
}
