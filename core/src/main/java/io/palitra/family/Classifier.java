package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.data.VectorSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.ClassifierFeatures;
import io.palitra.model.Energy;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.nn.Conv2d;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Names the class of an item: the judge of what others draw. Pictures go through convolutions that halve them until their shorter side is
 * below 8, after LeCun et al. 1998, points through two hidden layers. Trained by cross-entropy, on pictures shifted by up to 2 pixels.
 */
public final class Classifier implements Trainable, ClassifierFeatures, Energy, Evaluates {
    public static final Family<Config> FAMILY = new Family<>("classifier",
        "names the class of an item; its features judge the samples of other families",
        "LeCun, Bottou, Bengio and Haffner 1998, Gradient-based learning applied to document recognition",
        new Config(16, 128, List.of()),
        Recipe.of(4, 128, new OptimizerSpec.AdamW(2e-3, 0.9, 0.999, 1e-8, 0.01)).withSchedule(new LrSchedule.Cosine(100)),
        null, Family.Builder.of(Classifier.class, Classifier::new)).learns(Family.Kind.PICTURES, Family.Kind.POINTS)
        .tiny("width=4");

    public record Config(
            @Help(value = "channels of the first convolution; points have none", min = 1, max = 1024) int width,
            @Help(value = "width of the last hidden layer, which is the features", min = 1, max = 4096) int features,
            @Help(value = "how much an item of each class counts in the loss; none = all the same", min = 0) List<Double> weights) {
        public Config { weights = List.copyOf(weights); }
    }

    private static final int SHIFT = 2;

    private final Weights net;
    private final List<Double> weights;

    private Classifier(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        if (data.classes() < 2) throw new ArgumentException("classifier wants data of at least 2 classes, got " + data);
        if (!config.weights.isEmpty() && config.weights.size() != data.classes()) {
            throw new ArgumentException("illegal weights: " + config.weights.size() + ", must be one for each of the "
                + data.classes() + " classes");
        }
        weights = config.weights;
        net = new Weights(config, data, init);
    }

    @Override public Module net() { return net; }

    @Override public List<Update> updates() { return List.of(new Update("classifier", net, this::loss)); }

    @Override public Optional<Update> tested() { return Optional.of(updates().get(0)); }

    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        Tensor labels = batch.given().labels("classifier");
        Tensor logits = logits(shifted(batch.x(), rng));
        Tensor loss = weights.isEmpty() ? Torch.crossEntropy(logits, labels) : weighted(logits, labels);
        return Losses.of(loss).with("accuracy", hits(logits.detach(), labels).mean());
    }

    /** Mean of -log p of the own classes, each item counting as its class weighs. */
    private Tensor weighted(Tensor logits, Tensor labels) {
        double[] w = weights.stream().mapToDouble(v -> v).toArray();
        Tensor each = Torch.of(w, w.length).to(DType.F32).to(logits.device()).indexSelect(0, labels);
        Tensor nats = logits.logSoftmax(1).gather(1, labels.unsqueeze(1)).squeeze(1).neg();
        return nats.mul(each).sum().div(each.sum());
    }

    private static Tensor hits(Tensor logits, Tensor labels) { return logits.argmax(1).eq(labels).to(DType.F32); }

    /** Each picture moved by its own whole number of pixels, at most SHIFT and an eighth of its side; edges are repeated. x [B,C,H,W]. */
    static Tensor shifted(Tensor x, Rng rng) {
        if (x.dims() != 4) return x;
        Tensor y = x;
        for (int dim : new int[] {2, 3}) {
            long side = x.size(dim), most = Math.min(SHIFT, side / 8);
            Tensor by = rng.integers(2 * most + 1, x.size(0), 1).to(x.device()).to(DType.F32).sub(most);               // [B,1]
            Tensor from = Torch.arange(0, side).to(x.device()).add(by).clamp(0, side - 1).to(DType.I64);               // [B,side]
            Tensor index = dim == 2 ? from.reshape(-1, 1, side, 1) : from.reshape(-1, 1, 1, side);
            y = y.gather(dim, index.expand(x.shape()));
        }
        return y;
    }

    /** x [B, ...data shape] to [B,features], at least 0. */
    @Override public Tensor features(Tensor x) { return net.features(x); }

    /** After its ReLU, before it is halved; points have none. */
    @Override public List<Tensor> activations(Tensor x) {
        net.checkChannels(x);
        List<Tensor> all = new ArrayList<>();
        for (int i = 0; i < net.convs.size(); i++) {
            Tensor h = i == 0 ? x : Torch.maxPool(all.get(i - 1), 2);
            all.add(net.norms.get(i).forward(net.convs.get(i).forward(h)).reluOver());
        }
        return all;
    }

    /** x [B, ...data shape] to [B,classes]. */
    @Override public Tensor logits(Tensor x) { return net.head.forward(net.features(x)).to(x.dtype()); }

    /** -log sum_k exp logit_k: low for what looks like one of the classes. Grathwohl et al. 2020, arXiv:1912.03263, section 3. */
    @Override public Tensor energy(Tensor x) { return logits(x).logSumExp(1).neg(); }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        long n = 0;
        double right = 0, nats = 0;
        for (Batch batch : test) {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
                Tensor labels = batch.given().labels("classifier"), logits = logits(batch.x());
                right += hits(logits, labels).sum().item();                        // waits for the device
                nats += Torch.crossEntropy(logits, labels).item() * batch.size();
                n += batch.size();
            }
        }
        if (n == 0) throw new ArgumentException("classifier wants test items to be evaluated on, got none");
        String items = String.format(Locale.ROOT, "%,d test items", n);
        return List.of(new Measure("accuracy", 100 * right / n, "%", "items whose likeliest class is their own, of " + items),
            new Measure("cross-entropy", nats / n, "nats", "-log of the probability of the own class, mean over " + items));
    }

    private static final class Weights extends Module {
        private final List<Conv2d> convs = new ArrayList<>();
        private final List<Norm.Batch> norms = new ArrayList<>();
        private final List<Linear> hidden = new ArrayList<>();
        private final Linear head;
        private final DataSpec data;
        private final long[] shape;

        Weights(Config config, DataSpec data, Rng init) {
            this.data = data;
            shape = data.shape();
            int flat;
            if (data instanceof ImageSpec image) {
                int channels = image.channels(), height = image.height(), width = image.width();
                while (Math.min(height, width) >= 8) {
                    int out = config.width << Math.min(2, convs.size());
                    convs.add(child("convs." + convs.size(), new Conv2d(channels, out, 3, 1, 1, init)));
                    norms.add(child("norms." + norms.size(), new Norm.Batch(out)));
                    channels = out;
                    height /= 2;
                    width /= 2;
                }
                flat = Math.toIntExact((long) channels * height * width);
            } else if (data instanceof VectorSpec points) {
                hidden.add(child("hidden.0", new Linear(points.size(), config.features, init)));
                flat = config.features;
            } else {
                throw new ArgumentException("classifier wants pictures or points, got " + data);
            }
            hidden.add(child("hidden." + hidden.size(), new Linear(flat, config.features, init)));
            head = child("head", new Linear(config.features, data.classes(), init));
        }

        Tensor features(Tensor x) {
            check(x);
            Tensor h = x.dims() == 4 ? x.channelsLast() : x;
            // the largest of four, then its ReLU: a quarter of the work for the same numbers; by pixels that is six times as fast
            for (int i = 0; i < convs.size(); i++) h = Torch.maxPool(norms.get(i).after(convs.get(i), h), 2).reluOver();
            h = h.flatten(1);
            for (Linear layer : hidden) h = layer.forward(h).reluOver();
            return h;
        }

        private void checkChannels(Tensor x) {
            if (convs.isEmpty() || x.size(1) == shape[0]) return;
            throw new ArgumentException("this classifier was trained on " + data + "; its features of pictures with " + x.size(1)
                + (x.size(1) == 1 ? " channel" : " channels") + " are none");
        }

        private void check(Tensor x) {
            boolean fits = x.dims() == shape.length + 1;
            for (int i = 0; fits && i < shape.length; i++) fits = x.size(i + 1) == shape[i];
            if (!fits) throw new ArgumentException("classifier wants [B," + joined(shape) + "], got " + x);
        }

        private static String joined(long[] shape) {
            StringBuilder text = new StringBuilder();
            for (long s : shape) text.append(text.length() == 0 ? "" : ",").append(s);
            return text.toString();
        }
    }
}
