package io.palitra.net;

import io.palitra.config.Help;
import io.palitra.engine.DType;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Loss;

/** The distribution of a pixel given those before it, from what a {@link PixelNet} says of it. Pictures hold levels over [-1,1]. */
public sealed interface PixelHead {
    /** Which one. */
    sealed interface Config {
        PixelHead build(int levels, int channels);

        /** A probability for each level of each channel. */
        record Categorical() implements Config {
            @Override public PixelHead build(int levels, int channels) { return new PixelHead.Categorical(levels, channels); }
        }

        /** A mixture of logistic distributions over the pixel, integrated over the 256 bins of each channel. */
        record Logistic(@Help(value = "components of the mixture", min = 1, max = 100) int components) implements Config {
            public Logistic() { this(10); }

            @Override public PixelHead build(int levels, int channels) { return new PixelHead.Logistic(components, channels); }
        }
    }

    /** Numbers that the network gives for each pixel. */
    int outputs();

    /** How often the network is asked for a pixel: once for each channel, or once. */
    int turns();

    /** Uniform numbers that drawing a pixel takes. */
    int draws();

    /** -log P(x) in nats, [B]. out [B,outputs,H,W], x [B,C,H,W]. */
    Tensor nll(Tensor out, Tensor x);

    /** Writes into pixel [B,C] what is drawn at a turn; out [B,outputs], u [B,draws] uniform on [0,1). */
    void draw(Tensor out, Tensor u, int turn, double temperature, Tensor pixel);

    /** Output number levels-major: level x channels + channel, so that outputs take turns as channels do. */
    record Categorical(int levels, int channels) implements PixelHead {
        @Override public int outputs() { return levels * channels; }

        @Override public int turns() { return channels; }

        @Override public int draws() { return channels; }

        @Override public Tensor nll(Tensor out, Tensor x) {
            long b = x.size(0);
            Tensor level = x.add(1).mul((levels - 1) / 2.0).round().to(DType.I64).reshape(b, 1, -1);       // [B,1,CHW]
            Tensor log = out.reshape(b, levels, -1).logSoftmax(1);                                         // [B,levels,CHW]
            return log.gather(1, level).neg().sumPerItem();
        }

        @Override public void draw(Tensor out, Tensor u, int turn, double temperature, Tensor pixel) {
            Tensor logits = out.reshape(-1, levels, channels).select(2, turn).div(temperature);            // [B,levels]
            Tensor below = logits.softmax(1).cumsum(1).narrow(1, 0, levels - 1);                           // P(level <= 0), ...
            Tensor level = below.le(u.select(1, turn).unsqueeze(1)).to(DType.F32).sum(false, 1);
            pixel.select(1, turn).copyFrom(level.mul(2.0 / (levels - 1)).sub(1));
        }
    }

    /** {@link Loss#logisticMixtureNll}; outputs are K logits, then C K means, C K log scales and, of RGB, 3 K coefficients. */
    record Logistic(int components, int channels) implements PixelHead {
        @Override public int outputs() { return components * (1 + 2 * channels + (channels == 3 ? 3 : 0)); }

        @Override public int turns() { return 1; }

        @Override public int draws() { return 1 + channels; }

        private Tensor part(Tensor out, int from) {
            long[] shape = out.shape();
            return out.narrow(1, (1 + (long) from * channels) * components, (long) channels * components)
                .reshape(shape[0], channels, components, shape[2], shape[3]);
        }

        @Override public Tensor nll(Tensor out, Tensor x) {
            Tensor coefficients = channels == 3 ? part(out, 2) : part(out, 1);   // of grey none is used
            return Loss.logisticMixtureNll(x, out.narrow(1, 0, components), part(out, 0), part(out, 1), coefficients);
        }

        @Override public void draw(Tensor out, Tensor u, int turn, double temperature, Tensor pixel) {
            Tensor logits = out.narrow(1, 0, components).div(temperature);
            Tensor below = logits.softmax(1).cumsum(1).narrow(1, 0, components - 1);
            Tensor k = below.le(u.narrow(1, 0, 1)).to(DType.F32).sum(true, 1).to(DType.I64);               // [B,1]
            Tensor index = k.unsqueeze(1).expand(out.size(0), channels, 1);
            Tensor wide = out.unsqueeze(2).unsqueeze(3);
            Tensor mean = part(wide, 0).flatten(2).gather(2, index).squeeze(2);                            // [B,C]
            Tensor scale = part(wide, 1).flatten(2).gather(2, index).squeeze(2).clampMin(Loss.LEAST_LOG_SCALE).exp();
            Tensor v = u.narrow(1, 1, channels).clamp(1e-5, 1 - 1e-5);
            Tensor noise = v.log().sub(v.neg().log1p()).mul(scale).mul(temperature);                       // logistic
            Tensor c = channels == 3 ? part(wide, 2).flatten(2).gather(2, index).squeeze(2).tanh() : Torch.zeros(1);
            for (int i = 0; i < channels; i++) {
                Tensor m = mean.select(1, i);
                for (int j = 0; j < i; j++) m = m.add(c.select(1, i + j - 1).mul(pixel.select(1, j)));     // c0 R; c1 R, c2 G
                Tensor value = m.add(noise.select(1, i)).clamp(-1, 1);
                pixel.select(1, i).copyFrom(value.add(1).mul(127.5).round().div(127.5).sub(1));
            }
        }
    }
}
