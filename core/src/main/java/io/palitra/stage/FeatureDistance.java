package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.data.FormatException;
import io.palitra.data.PictureItems;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Hub;
import io.palitra.hub.Safetensors;
import io.palitra.hub.Weights;
import io.palitra.model.ClassifierFeatures;
import io.palitra.model.ModelRef;
import io.palitra.model.Models;
import io.palitra.net.Vgg16;
import io.palitra.nn.Module;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How unlike two pictures are to a frozen network: at each place of each of its layers the activations are scaled to length 1 and
 * compared; d = sum_layers mean_places sum_channels w (a - b)^2. Zhang, Isola, Efros, Shechtman and Wang 2018, arXiv:1801.03924, eq. 1.
 */
public final class FeatureDistance implements AutoCloseable {
    /** What LPIPS takes from pictures in [-1,1], and divides them by: ImageNet's means and deviations there. */
    private static final double[] SHIFT = {-0.030, -0.088, -0.188}, SCALE = {0.458, 0.448, 0.450};

    private final Function<Tensor, List<Tensor>> layers;
    private final @Nullable Vgg16 own;   // is freed with this; a classifier is freed by who opened it
    private final List<Tensor> weights;   // of channels [1,C,1,1] for each layer, or empty: 1 for all

    private FeatureDistance(Function<Tensor, List<Tensor>> layers, @Nullable Vgg16 own, List<Tensor> weights) {
        this.layers = layers;
        this.own = own;
        this.weights = weights;
    }

    /** x and y [B,C,H,W] in [-1,1]: the mean over pictures, of whose first the gradient is. */
    public Tensor of(Tensor x, Tensor y) {
        return Scope.run(() -> {
            List<Tensor> a = layers.apply(x), b = layers.apply(y);
            Tensor sum = Torch.zeros(1).to(x.device()).squeeze(0);
            for (int i = 0; i < a.size(); i++) {
                Tensor square = unit(a.get(i)).sub(unit(b.get(i))).square();
                sum = sum.add((weights.isEmpty() ? square : square.mul(weights.get(i))).sum(false, 1).mean());
            }
            return sum;
        });
    }

    private static Tensor unit(Tensor a) {
        Tensor f = a.to(DType.F32);
        return f.div(f.square().sum(true, 1).add(1e-20).sqrt());   // no slope is infinite where all are 0
    }

    /**
     * The convolutions of a trained classifier.
     *
     * @param run of config key {@code perceptual.run}
     * @throws ConfigException when the run is of another family, or of pictures of other channels
     */
    public static FeatureDistance classifier(String run, PictureItems data, Models models) {
        if (run.isEmpty()) {
            throw new ConfigException("perceptual.run", "which features? perceptual.run=RUN names a run of family classifier");
        }
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            ClassifierFeatures net = models.open(new ModelRef(run), ClassifierFeatures.class);
            Tensor black = Torch.zeros(1, data.channels(), data.height(), data.width());
            if (net.activations(black).isEmpty()) throw new ArgumentException("'" + run + "' has no features of pictures");
            return new FeatureDistance(net::activations, null, List.of());
        } catch (IllegalArgumentException e) {
            throw new ConfigException("perceptual.run", e.getMessage() + "; perceptual.run wants a run of classifier on pictures with "
                + data.channels() + (data.channels() == 1 ? " channel" : " channels"), e);
        }
    }

    /**
     * LPIPS: VGG-16, and how much its channels count.
     *
     * @param vgg a file of torchvision's weights
     * @param lin a file of the weights of channels by those who made the distance ({@code lin0.model.1.weight} ...); empty for 1 each
     */
    public static FeatureDistance lpips(String vgg, String lin, PictureItems data) {
        if (data.channels() != 3) throw new ArgumentException("perceptual=lpips wants pictures in colour, got " + data);
        if (vgg.isEmpty()) throw new ConfigException("perceptual.vgg", "which VGG-16? perceptual.vgg=FILE names torchvision's weights");
        Vgg16 net = new Vgg16(Rng.silent());
        load(net, Hub.resolve(vgg), net::loadPublic);
        List<Tensor> weights = new ArrayList<>();
        if (!lin.isEmpty()) {
            Path file = Hub.resolve(lin);
            try (Scope scope = new Scope()) {
                Map<String, Tensor> read = Weights.read(file);
                int[] widths = {64, 128, 256, 512, 512};
                for (int i = 0; i < widths.length; i++) {
                    Tensor w = read.get("lin" + i + ".model.1.weight");
                    if (w == null || w.numel() != widths[i]) {
                        weights.forEach(Tensor::free);
                        net.close();
                        throw new FormatException(file.toString(), -1, "wants lin" + i + ".model.1.weight of " + widths[i] + " numbers");
                    }
                    weights.add(w.to(DType.F32).reshape(1, -1, 1, 1).copy().retain());
                }
            }
        }
        net.trainable(false);
        net.training(false);
        return new FeatureDistance(x -> net.activations(x.sub(ofColours(SHIFT, x)).div(ofColours(SCALE, x))), net, weights);
    }

    private static Tensor ofColours(double[] values, Tensor x) {
        return Torch.of(values, 1, 3, 1, 1).to(DType.F32).to(x.device());
    }

    @FunctionalInterface private interface Loading { void from(Map<String, Tensor> weights); }

    private static void load(Module net, Path file, Loading loading) {
        try (Scope scope = new Scope()) {
            loading.from(Weights.read(file));
        } catch (IllegalArgumentException e) {
            net.close();
            throw new FormatException(file.toString(), -1, String.valueOf(e.getMessage()), e);
        } catch (RuntimeException e) {
            net.close();
            throw e;
        }
    }

    /** Of {@link io.palitra.model.Trainable#underneath}: of files that this opened itself. */
    public Map<String, String> underneath() {
        if (own == null) return Map.of();
        Map<String, String> all = new TreeMap<>(Map.of("perceptual.vgg", Safetensors.sha256(own.state())));
        Map<String, Tensor> named = new TreeMap<>();
        for (Tensor w : weights) named.put("lin" + named.size(), w);
        if (!named.isEmpty()) all.put("perceptual.lin", Safetensors.sha256(named));
        return all;
    }

    public void to(Device device) {
        if (own != null) own.to(device);
        try (Scope scope = new Scope()) { weights.forEach(w -> w.moveTo(device)); }
    }

    /** Frees what this opened itself. */
    @Override public void close() {
        if (own != null) own.close();
        weights.forEach(Tensor::free);
    }
}
