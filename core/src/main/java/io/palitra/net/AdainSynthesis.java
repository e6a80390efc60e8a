package io.palitra.net;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.EqualConv2d;
import io.palitra.nn.EqualLinear;
import io.palitra.nn.Module;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Styles to pictures as the first paper has it: after each convolution noise, bias and activation, then every channel of a picture to mean
 * 0 and variance 1 and to the scale and the shift that its style decides (adaptive instance norm). Karras et al. 2019, arXiv:1812.04948,
 * section 2, eq. 1. No public files have these names of tensors, which are like those of {@link StyleSynthesis}.
 */
public final class AdainSynthesis extends StylePictures {
    /** Convolution but for the first, noise, bias, activation, norm, style. */
    private static final class Layer extends Module {
        private final @Nullable EqualConv2d conv;
        private final EqualLinear affine;
        private final Tensor bias;
        private final Tensor strength;
        private final Tensor noise;
        private final StyleSynthesis.Config config;

        Layer(StyleSynthesis.Config config, int in, int out, int w, int side, int up, Rng rng) {
            this.config = config;
            conv = in == 0 ? null : child("conv", new EqualConv2d(in, out, config.kernelSize(), false, up, 1,
                up > 1 ? config.resampleFilter() : List.of(), rng));
            affine = child("affine", new EqualLinear(w, 2 * out, rng));
            bias = parameter("bias", Torch.zeros(out));
            strength = parameter("noise_strength", Torch.zeros(out));
            noise = buffer("noise_const", rng.isSilent() ? Torch.zeros(side, side) : rng.normal(side, side));
        }

        Tensor forward(Tensor x, Tensor w, @Nullable Iterator<Tensor> noises) {
            Tensor y = conv == null ? x : conv.forward(x);
            y = y.to(bias.dtype());
            if (noises != null) y = y.add(noises.next().mul(strength.reshape(-1, 1, 1)));
            y = config.activation().of(y.add(bias.reshape(1, -1, 1, 1)), 1, config.convClamp());
            y = y.sub(y.mean(true, 2, 3));
            y = y.mul(y.square().mean(true, 2, 3).add(1e-8).rsqrt());
            Tensor[] style = affine.forward(w).to(y.dtype()).reshape(y.size(0), -1, 1, 1).chunk(2, 1);
            return y.mul(style[0].add(1)).add(style[1]);
        }
    }

    private final Tensor start;
    private final EqualConv2d picture;
    private final List<Layer> layers = new ArrayList<>();

    public AdainSynthesis(StyleSynthesis.Config config, int w, int side, int channels, Rng rng) {
        List<Integer> sides = sides(side);
        int in = config.channels(sides.get(0));
        start = parameter("b" + sides.get(0) + ".const", rng.normal(in, sides.get(0), sides.get(0)));
        for (int s : sides) {
            int out = config.channels(s);
            boolean first = layers.isEmpty();
            layers.add(child("b" + s + ".conv0", new Layer(config, first ? 0 : in, out, w, s, 2, rng)));
            layers.add(child("b" + s + ".conv1", new Layer(config, out, out, w, s, 1, rng)));
            in = out;
        }
        picture = child("b" + side + ".torgb", new EqualConv2d(in, channels, 1, rng));
    }

    @Override public int layers() { return layers.size(); }

    @Override public List<Tensor> noise() { return layers.stream().map(l -> l.noise).toList(); }

    @Override public Tensor forward(Tensor ws, List<Tensor> noises) {
        Iterator<Tensor> given = noises.isEmpty() ? null : checked(noises).iterator();
        Tensor x = start.unsqueeze(0).expand(ws.size(0), start.size(0), start.size(1), start.size(2));
        for (int i = 0; i < layers.size(); i++) x = layers.get(i).forward(x, ws.select(1, i), given);
        return picture.forward(x).to(start.dtype());
    }
}
