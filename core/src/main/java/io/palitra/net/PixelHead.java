package io.palitra.net;

import io.palitra.config.Help;
import io.palitra.engine.DType;
import io.palitra.engine.Tensor;
import io.palitra.nn.Loss;

/** The distribution of a pixel given those before it, from the output of a {@link PixelNet}. Pictures hold levels over [-1,1]. */
public sealed interface PixelHead permits PixelHead.Categorical, PixelHead.Logistic {
    /** Which one. */
    sealed interface Config permits Config.Categorical, Config.Logistic {
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

    /** Calls of the network for a pixel: one for each channel, or one. */
    int turns();

    /** Uniform numbers that drawing a pixel takes. */
    int draws();

    /** -log P(x) in nats, [B]. out [B,outputs,H,W], x [B,C,H,W]. */
    Tensor nll(Tensor out, Tensor x);

    /** Draws the channels of a turn into pixel [C]; out [outputs], u [draws] uniform on [0,1). */
    void draw(float[] out, float[] u, int turn, double temperature, float[] pixel);

    /** The first of n logits, {@code step} apart from {@code from} on, up to and with which the probabilities sum to more than u. */
    private static int pick(float[] logits, int from, int step, int n, double temperature, double u) {
        double most = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) most = Math.max(most, logits[from + i * step]);
        double[] below = new double[n];
        double sum = 0;
        for (int i = 0; i < n; i++) below[i] = sum += Math.exp((logits[from + i * step] - most) / temperature);
        if (Double.isNaN(sum)) throw new ArithmeticException("the network predicts NaN for a pixel");
        int k = 0;
        while (k < n - 1 && below[k] <= u * sum) k++;
        return k;
    }

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

        @Override public void draw(float[] out, float[] u, int turn, double temperature, float[] pixel) {
            pixel[turn] = pick(out, turn, channels, levels, temperature, u[turn]) * (float) (2.0 / (levels - 1)) - 1;
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

        @Override public void draw(float[] out, float[] u, int turn, double temperature, float[] pixel) {
            int k = pick(out, 0, 1, components, temperature, u[0]);
            for (int i = 0; i < channels; i++) {
                double mean = out[at(0, i, k)], scale = Math.exp(Math.max(Loss.LEAST_LOG_SCALE, out[at(1, i, k)]));
                for (int j = 0; j < i; j++) mean += Math.tanh(out[at(2, i + j - 1, k)]) * pixel[j];        // c0 R; c1 R, c2 G
                double v = Math.max(1e-5, Math.min(1 - 1e-5, u[1 + i]));
                double value = mean + (Math.log(v) - Math.log1p(-v)) * scale * temperature;                // logistic
                pixel[i] = (float) (Math.rint((Math.max(-1, Math.min(1, value)) + 1) * 127.5) / 127.5 - 1);
            }
        }

        /** Where the number of component k lies, row i of a part. */
        private int at(int part, int i, int k) { return (1 + part * channels + i) * components + k; }
    }
}
