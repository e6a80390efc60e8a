package io.palitra.family;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.data.DataSpec;
import io.palitra.data.FormatException;
import io.palitra.data.ImageSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Hub;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Safetensors;
import io.palitra.hub.Weights;
import io.palitra.net.Vgg16;
import io.palitra.nn.Module;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * How unlike two pictures are to a network that rests: at each place of each of its layers the activations are scaled to length 1 and
 * compared; d = sum_layers mean_places sum_channels w (a - b)^2. Zhang, Isola, Efros, Shechtman and Wang 2018, arXiv:1801.03924, eq. 1.
 */
final class FeatureDistance implements AutoCloseable {
    /** What LPIPS takes from pictures in [-1,1], and divides them by: ImageNet's means and deviations there. */
    private static final double[] SHIFT = {-0.030, -0.088, -0.188}, SCALE = {0.458, 0.448, 0.450};

    private final Module net;
    private final Function<Tensor, List<Tensor>> layers;
    private final String key;   // of config, that names the network
    private final List<Tensor> weights;   // of channels [1,C,1,1] for each layer, or empty: 1 for all

    private FeatureDistance(String key, Module net, Function<Tensor, List<Tensor>> layers, List<Tensor> weights) {
        this.key = key;
        this.net = net;
        this.layers = layers;
        this.weights = weights;
        net.trainable(false);
        net.training(false);
    }

    /** x and y [B,C,H,W] in [-1,1]: the mean over pictures, of whose first the gradient is. */
    Tensor of(Tensor x, Tensor y) {
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
     * The convolutions of a trained classifier's run.
     *
     * @throws IllegalArgumentException when the run is of another family, or of pictures of other channels
     */
    static FeatureDistance classifier(String run, ImageSpec data) {
        if (run.isEmpty()) {
            throw new ConfigException("perceptual.run", "which features? perceptual.run=RUN names a run of family classifier");
        }
        Path folder = Hub.resolve(run);
        JsonNode json = ModelFolder.config(folder);
        String family = json.path("family").asText("none");
        if (!family.equals(Classifier.FAMILY.name())) {
            throw new IllegalArgumentException("'" + run + "' is a run of family " + family + "; perceptual.run wants one of classifier");
        }
        ObjectNode chosen = JsonNodeFactory.instance.objectNode();
        chosen.set("spec", json.path("spec"));
        chosen.set("model", json.path("model"));
        Trained trained;
        try {
            trained = Config.fromJson(Trained.class, chosen);
        } catch (ConfigException e) {
            throw new FormatException(folder.resolve("config.json").toString(), -1, String.valueOf(e.getMessage()), e);
        }
        if (!(trained.spec instanceof ImageSpec image) || image.channels() != data.channels()) {
            throw new IllegalArgumentException("'" + run + "' was trained on " + trained.spec + "; its features of pictures with "
                + data.channels() + (data.channels() == 1 ? " channel" : " channels") + " are none");
        }
        Classifier classifier = (Classifier) Classifier.FAMILY.build(trained.model, trained.spec, Rng.silent());
        load(classifier.net(), folder.resolve("model.safetensors"), t -> classifier.net().load(t));
        return new FeatureDistance("perceptual.run", classifier.net(), classifier::activations, List.of());
    }

    /** What of a run's config.json says how to build its classifier. */
    private record Trained(DataSpec spec, Classifier.Config model) {}

    /**
     * LPIPS: VGG-16, and how much its channels count.
     *
     * @param vgg a file of torchvision's weights
     * @param lin a file of the weights of channels by those who made the distance ({@code lin0.model.1.weight} ...); empty for 1 each
     */
    static FeatureDistance lpips(String vgg, String lin, ImageSpec data) {
        if (data.channels() != 3) throw new IllegalArgumentException("perceptual=lpips wants pictures in colour, got " + data);
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
        return new FeatureDistance("perceptual.vgg", net, x -> net.activations(x.sub(ofColours(SHIFT, x)).div(ofColours(SCALE, x))),
            weights);
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

    /** SHA-256 of the values of the network. */
    String sha256() { return Safetensors.sha256(net.state()); }

    /** Of {@link io.palitra.model.Trainable#underneath}. */
    Map<String, String> underneath() {
        Map<String, String> all = new TreeMap<>(Map.of(key, sha256()));
        Map<String, Tensor> named = new TreeMap<>();
        for (Tensor w : weights) named.put("lin" + named.size(), w);
        if (!named.isEmpty()) all.put("perceptual.lin", Safetensors.sha256(named));
        return all;
    }

    void to(Device device) {
        net.to(device);
        try (Scope scope = new Scope()) { weights.forEach(w -> w.moveTo(device)); }
    }

    @Override public void close() {
        net.close();
        weights.forEach(Tensor::free);
    }
}
