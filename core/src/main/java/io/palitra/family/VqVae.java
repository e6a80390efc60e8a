package io.palitra.family;

import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.DataSpec;
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
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Reconstructs;
import io.palitra.model.Step;
import io.palitra.model.Trainable;
import io.palitra.model.Update;
import io.palitra.nn.Module;
import io.palitra.stage.PictureCodec;
import io.palitra.stage.VqAutoencoder;
import io.palitra.stage.VqNet;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Vector-quantised autoencoder: latents z(x) [B,D,h,w] give way to their nearest codes e of a codebook, so that a picture is a small sheet
 * of whole numbers. van den Oord, Vinyals and Kavukcuoglu 2017, arXiv:1711.00937. The loss is eq. 3 with a codebook that follows the
 * latents instead of its second term (appendix A.1):
 *
 * <p>|x - x'(e)|^2 / var(x) + beta |z - sg(e)|^2, each a mean, and the first's gradient passed from e to z as it is. var(x) is that of the
 * first batch; a Gaussian of that variance is what the decoder is.
 */
public final class VqVae implements Trainable, Reconstructs, Evaluates, DiffusersExport {
    public record Config(
            @Help("layers of encoder and decoder, and the codebook") VqNet net,
            @Help(value = "weight beta of the commitment, which holds latents to their codes", min = 0, max = 1e3) double beta,
            @Help(value = "a code taken less often than this share of the mean begins again elsewhere; 0 = never", min = 0, max = 1)
                double restart,
            @Help(value = "first step with a codebook, whose codes begin at the latents of then; before it an autoencoder learns, and "
                + "what a run shows by way of codes means nothing", min = 0) long codesFrom) {}

    public static final Family<Config> FAMILY = new Family<>("vqvae",
        "vector-quantised autoencoder: pictures as sheets of codes; a prior over them draws, which is family tokens with stage=RUN",
        "van den Oord, Vinyals and Kavukcuoglu 2017, arXiv:1711.00937",
        new Config(new VqNet(List.of(16, 32, 64), 1, 8, false, 128, 16), 0.25, 0.1, 500),
        Recipe.of(2, 16, new OptimizerSpec.Muon(3e-3, 0.95, 0.9, 0.95, 0)).withSchedule(new LrSchedule.Cosine(100)), null,
        Family.Builder.of(VqVae.class, VqVae::new))
        .learns(Family.Kind.PICTURES)
        .tiny("net.channels=4,4,8", "net.groups=2", "net.codes=11", "net.width=3", "codesFrom=0");

    private final Config config;
    private final Weights net;

    private static final class Weights extends Module {
        private final VqAutoencoder coder;
        private final Tensor variance;   // of the first batch; 0 before

        Weights(Config config, DataSpec data, Rng init) {
            coder = child("coder", new VqAutoencoder(config.net.on("vqvae", data, 1), config.restart, config.codesFrom, init));
            variance = buffer("variance", Torch.zeros(1));
        }
    }

    private VqVae(Config config, Build with) {
        DataSpec data = with.data();
        Rng init = with.init();
        this.config = config;
        net = new Weights(config, data, init);
    }

    /** Also the frozen autoencoder of another model. */
    @Override public <T> Optional<T> as(Class<T> capability) {
        if (capability != Codec.class) return Trainable.super.as(capability);
        return Optional.of(capability.cast(new PictureCodec.Vq("vqvae", net.coder.vq())));
    }

    @Override public Module net() { return net; }

    @Override public List<Update> updates() { return List.of(new Update("vqvae", net, this::loss)); }

    private Losses loss(Batch batch, Step step) {
        Rng rng = step.rng();
        Tensor x = batch.x();
        if (net.variance.item() == 0) {   // waits for the device
            net.variance.copyFrom(x.sub(x.mean()).square().mean().clampMin(1e-6).reshape(1));
        }
        VqAutoencoder.Seen seen = net.coder.forward(x, step.number(), rng);
        Tensor mse = seen.picture().sub(x).square().mean();
        return Losses.of(mse.div(net.variance.squeeze(0)).add(seen.commitment().mul(config.beta))).with("mse", mse)
            .with("commitment", seen.commitment());
    }

    @Override public Tensor reconstruct(Tensor x) { return net.coder.reconstruct(x); }

    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) { return net.coder.evaluate(test); }

    @Override public Map<String, Double> tally() { return net.coder.book().tally(); }

    @Override public List<Path> publish(Path folder) { return net.coder.publish(folder); }

    @Override public String export(FolderDraft folder, Iterable<Batch> train, Rng rng) { return net.coder.export(folder); }
}
