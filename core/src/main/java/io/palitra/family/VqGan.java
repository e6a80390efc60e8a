package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.DataSpec;
import io.palitra.data.ImageSpec;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.FolderDraft;
import io.palitra.model.Build;
import io.palitra.model.Codec;
import io.palitra.model.DiffusersExport;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.Fit;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Models;
import io.palitra.model.Recipe;
import io.palitra.model.Reconstructs;
import io.palitra.model.Step;
import io.palitra.model.Tiny;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.net.PatchDiscriminator;
import io.palitra.net.VqModel;
import io.palitra.nn.GanLoss;
import io.palitra.nn.Module;
import io.palitra.stage.FeatureDistance;
import io.palitra.stage.PictureCodec;
import io.palitra.stage.VqAutoencoder;
import io.palitra.stage.VqNet;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The autoencoder of codes whose pictures are to look right, not only to be near: a {@link VqVae} against a discriminator of patches, and
 * with a distance of features. Esser, Rombach and Ommer 2021, arXiv:2012.09841, eqs. 4 to 7. The autoencoder descends
 *
 * <p>|x - x'|^2 + w d(x, x') - lambda f(step) E D(x') + beta |z - sg(e)|^2,
 *
 * <p>each a mean, where lambda = 0.8 |grad L_rec| / (|grad L_gan| + 1e-4) makes the second gradient 0.8 times as long as the first at
 * the last layer's weights (eq. 7), and the discriminator E max(0, 1 - D(x)) / 2 + E max(0, 1 + D(x')) / 2. A discriminator that begins
 * when it counts ruins what was learned: so it learns some steps alone before the autoencoder descends its score, and that term's weight f
 * rises.
 */
public final class VqGan implements Trainable, Reconstructs, Evaluates, DiffusersExport {
    /** The distance of pixels that is descended. */
    public enum Pixels {
        /** |x - x'|^2, as in the paper's eq. 4: what is wrong by much, a thing of another colour, weighs more than grass. */
        SQUARED("mse"),
        /** |x - x'|, as in the authors' code: sharper where features and a discriminator see to the rest. */
        ABSOLUTE("l1");

        private final String part;

        Pixels(String part) { this.part = part; }

        private Tensor of(Tensor difference) { return (this == SQUARED ? difference.square() : difference.abs()).mean(); }
    }

    /** The distance of features that is descended beside that of pixels. */
    public sealed interface Perceptual permits Perceptual.None, Perceptual.Features, Perceptual.Lpips {
        /** Pixels alone. */
        record None() implements Perceptual {}

        /** By the convolutions of a classifier of pictures with as many channels, best of the same data. */
        record Features(@Help(value = "a run of family classifier", place = Help.Place.MODEL) String run,
                @Help(value = "weight beside the pixels' distance", min = 0, max = 1e3) double weight) implements Perceptual {
            public Features() { this("", 1); }
        }

        /** LPIPS, by a VGG-16 trained on ImageNet. Zhang et al. 2018, arXiv:1801.03924. */
        record Lpips(@Help(value = "torchvision's weights of VGG-16, .pth or .safetensors", place = Help.Place.FILE) String vgg,
                @Help(value = "weights of its channels, such as LPIPS' vgg.pth; none = all the same", place = Help.Place.FILE) String lin,
                @Help(value = "weight beside the pixels' distance", min = 0, max = 1e3) double weight) implements Perceptual {
            public Lpips() { this("", "", 1); }
        }
    }

    /** Who scores patches of pictures. Steps are counted from 0. */
    public record Adversary(
            @Help(value = "channels after its first convolution, a multiple of 8", min = 8, max = 1024) int width,
            @Help(value = "how often it halves a picture", min = 1, max = 6) int layers,
            @Help(value = "its share of the gradient at the decoder's last layer; 0 = no adversary", min = 0, max = 100) double weight,
            @Help(value = "first step in which it learns", min = 0) long from,
            @Help(value = "first step in which the autoencoder descends its score", min = 0) long generatorFrom,
            @Help(value = "steps over which its weight rises from 0", min = 0) long ramp) {
        public Adversary {
            if (width % 8 != 0) throw new ArgumentException("illegal width: " + width + ", must be a multiple of 8");
            if (generatorFrom < from) throw new ArgumentException("illegal generatorFrom: " + generatorFrom
                + ", must be at least from, " + from);
        }

        /** Its share of its weight at a step, 0 to 1. */
        double ganWeight(long step) { return step < generatorFrom ? 0 : ramp == 0 ? 1 : Math.min(1,
            (step - generatorFrom + 1) / (double) ramp); }
    }

    public record Config(
            @Help("layers of encoder and decoder, and the codebook") VqNet net,
            @Help(value = "weight beta of the commitment, which holds latents to their codes", min = 0, max = 1e3) double beta,
            @Help(value = "a code taken less often than this share of the mean begins again elsewhere; 0 = never", min = 0, max = 1)
                double restart,
            @Help(value = "first step with a codebook, whose codes begin at the latents of then; before it an autoencoder learns, and "
                + "what a run shows by way of codes means nothing", min = 0) long codesFrom,
            @Help("the distance of pixels") Pixels pixels,
            @Help("the distance of features beside that of pixels") Perceptual perceptual,
            @Help("the discriminator, and from when on it counts") Adversary adversary) {}

    public static final Family<Config> FAMILY = new Family<>("vqgan",
        "autoencoder of codes with a discriminator of patches; a prior over its codes draws, which is family tokens with stage=RUN",
        "Esser, Rombach and Ommer 2021, arXiv:2012.09841",
        new Config(new VqNet(List.of(16, 32, 64, 128), 1, 8, false, 1024, 32), 0.25, 0.1, 600, Pixels.SQUARED, new Perceptual.None(),
            new Adversary(16, 2, 0.2, 4900, 5100, 300)),
        Recipe.of(2, 16, new OptimizerSpec.Muon(3e-3, 0.95, 0.9, 0.95, 0)).withSchedule(new LrSchedule.Cosine(100))
            .withModule("discriminator", new OptimizerSpec.Adam(5e-4, 0.9, 0.999, 1e-8)), null, Family.Builder.of(VqGan.class, VqGan::new))
        .learns(Family.Kind.PICTURES).tiny(new Tiny(
        Family.USUAL, List.of("net.channels=4,4,8", "net.groups=2", "net.codes=11", "net.width=3", "codesFrom=2", "adversary.width=8",
            "adversary.from=1", "adversary.generatorFrom=2", "adversary.ramp=4", "perceptual=features"),
            Map.of("perceptual.run", "classifier")))
        .on(new Fit("pictures whose sides 4 divides and 8 does not", VqGan::fourths, List.of("net.channels=16,32,64")));

    private static final String LAST = "decoder.conv_out.weight";

    private final Config config;
    private final ImageSpec data;
    private final Weights net;
    private final VqAutoencoder coder;
    private final Models models;
    private @Nullable FeatureDistance distance;   // opened to train; no checkpoint holds it
    private Device device = Device.CPU;

    private static boolean fourths(DataSpec data) {
        return data instanceof ImageSpec image && image.height() % 4 == 0 && image.width() % 4 == 0
            && (image.height() % 8 != 0 || image.width() % 8 != 0);
    }

    VqGan(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        this.config = config;
        models = with.models();
        int least = config.adversary.weight > 0 ? PatchDiscriminator.side(config.adversary.layers) : 1;
        VqModel.Config shape = config.net.on("vqgan", data, least);
        this.data = (ImageSpec) data;
        if (Math.min(this.data.height(), this.data.width()) < least) {
            throw new ArgumentException("vqgan with adversary.layers=" + config.adversary.layers + " wants sides of at least "
                + least + ", got " + this.data.height() + "x" + this.data.width() + "; " + this.data.sizes(shape.coder().factor(), least));
        }
        net = new Weights(config, shape, this.data.channels(), init);
        coder = net.coder;
    }

    private static final class Weights extends Module {
        private final VqAutoencoder coder;
        private final @Nullable PatchDiscriminator discriminator;

        Weights(Config config, VqModel.Config shape, int channels, Rng init) {
            coder = child("autoencoder", new VqAutoencoder(shape, config.restart, config.codesFrom, init.split(0)));
            Adversary a = config.adversary;
            discriminator = a.weight == 0 ? null
                : child("discriminator", new PatchDiscriminator(channels, a.width, a.layers, init.split(1)));
        }
    }

    /** Also the frozen autoencoder of another model. */
    @Override public <T> Optional<T> as(Class<T> capability) {
        if (capability != Codec.class) return Trainable.super.as(capability);
        return Optional.of(capability.cast(new PictureCodec.Vq("vqgan", net.coder.vq())));
    }

    @Override public Module net() { return net; }

    /** Opens what training alone needs. */
    @Override public List<Update> updates() {
        if (distance == null) {
            if (config.perceptual instanceof Perceptual.Features f) distance = FeatureDistance.classifier(f.run, data, models);
            if (config.perceptual instanceof Perceptual.Lpips l) distance = FeatureDistance.lpips(l.vgg, l.lin, data);
            if (distance != null) distance.to(device);
        }
        Update own = new Update("autoencoder", coder, this::autoencode);
        PatchDiscriminator d = net.discriminator;
        return d == null ? List.of(own) : List.of(own,
            new Update("discriminator", d, 1, config.adversary.from, (batch, step) -> discriminate(d, batch)));
    }

    @Override public Map<String, String> underneath() { return distance == null ? Map.of() : distance.underneath(); }

    /** The distance of pixels, and of features where there are some. */
    private Losses reconstruction(Tensor picture, Tensor x) {
        Tensor pixels = config.pixels.of(picture.sub(x));
        if (distance == null) return Losses.of(pixels).with(config.pixels.part, pixels);
        Tensor features = distance.of(picture, x);
        double weight = config.perceptual instanceof Perceptual.Features f ? f.weight : ((Perceptual.Lpips) config.perceptual).weight;
        return Losses.of(pixels.add(features.mul(weight))).with(config.pixels.part, pixels).with("features", features);
    }

    private Losses autoencode(Batch batch, Step step) {
        Tensor x = batch.x();
        VqAutoencoder.Seen seen = coder.forward(x, step.number(), step.rng());
        Tensor held = seen.commitment().mul(config.beta);
        double weight = net.discriminator == null ? 0 : config.adversary.ganWeight(step.number());
        if (weight == 0) {
            Losses rec = reconstruction(seen.picture(), x);
            return new Losses(rec.total().add(held), rec.parts()).with("commitment", seen.commitment());
        }
        // both losses are differentiated once, to the picture; from there on their sum is
        Tensor leaf = seen.picture().detach().requiresGrad(true);
        Losses rec = reconstruction(leaf, x);
        Tensor generatorLoss = GanLoss.negativeScore(Objects.requireNonNull(net.discriminator).forward(leaf).to(x.dtype()));
        Tensor toReconstruction = Torch.grad(rec.total(), leaf, false), toGenerator = Torch.grad(generatorLoss, leaf, false);   // [B,C,H,W]
        Tensor last = Objects.requireNonNull(coder.vq().parameters().get(LAST));
        Tensor lambda = balance(seen.picture(), last, toReconstruction, toGenerator).mul(config.adversary.weight * weight);
        Tensor slope = toReconstruction.add(toGenerator.mul(lambda));
        Tensor value = rec.total().detach().add(generatorLoss.detach().mul(lambda));
        return new Losses(carrying(value, seen.picture(), slope).add(held), rec.parts()).with("commitment", seen.commitment())
            .with("generatorLoss", generatorLoss).with("lambda", lambda);
    }

    /** The value given, with the gradient given to the picture. */
    private static Tensor carrying(Tensor value, Tensor picture, Tensor slope) {
        Tensor linear = picture.mul(slope).sum();
        return linear.sub(linear.detach()).add(value);
    }

    /** |grad_w L_rec| / (|grad_w L_gan| + 1e-4), at most 1e4, eq. 7; of losses with those gradients to the picture, w its last layer. */
    static Tensor balance(Tensor picture, Tensor last, Tensor toRec, Tensor toGan) {
        Tensor rec = Torch.slope(picture.mul(toRec), last), gan = Torch.slope(picture.mul(toGan), last);
        return rec.square().sum().sqrt().div(gan.square().sum().sqrt().add(1e-4)).clamp(0, 1e4).detach();
    }

    private Losses discriminate(PatchDiscriminator d, Batch batch) {
        Tensor x = batch.x(), made;
        try (Guard g = Torch.noGrad()) { made = coder.made(x); }
        Tensor onReal = d.forward(x).to(x.dtype()), onMade = d.forward(made).to(x.dtype());
        return Losses.of(GanLoss.hinge(onReal, onMade).mul(0.5)).with("real score", onReal.mean())
            .with("made score", onMade.mean());
    }

    @Override public void to(Device device) {
        net.to(device);
        this.device = device;
    }

    @Override public Tensor reconstruct(Tensor x) { return coder.reconstruct(x); }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) { return coder.evaluate(test); }

    @Override public Map<String, Double> tally() { return coder.book().tally(); }

    @Override public List<Path> publish(Path folder) { return coder.publish(folder); }

    @Override public String export(FolderDraft folder, Iterable<Batch> train, Rng rng) { return coder.export(folder); }

    @Override public void close() {
        net.close();
        if (distance != null) distance.close();
    }
}
