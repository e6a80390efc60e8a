package io.palitra.metric;

import io.palitra.data.FormatException;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Weights;
import io.palitra.model.ClassifierFeatures;
import io.palitra.net.InceptionV3;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/**
 * The network of the Fréchet Inception distance, Heusel et al. 2017, arXiv:1706.08500, with its weights and the resizing before it. The
 * distance bears that name only with the weights that pytorch-fid publishes as {@code pt_inception-2015-12-05-6726825d.pth}, whose name
 * ends in the beginning of their SHA-256; {@link #name} holds the beginning of the hash of ours.
 */
public final class Inception implements ClassifierFeatures, AutoCloseable {
    private static final int AT_ONCE = 16;   // a picture's largest maps take 5.5 MB each, and a few are held

    private final InceptionV3 net;
    private final Preprocess how;
    private final String name;

    private Inception(InceptionV3 net, Preprocess how, String name) {
        this.net = net;
        this.how = how;
        this.name = name;
    }

    /**
     * Reads the weights from one file ({@code .pth .pt .bin .ckpt .safetensors}).
     *
     * @throws FormatException when the file cannot be read, breaks a rule of its format, or has a tensor too few, too many or of another
     *     shape; it names the tensor
     */
    public static Inception open(Path weights, Preprocess how) {
        if (weights.toString().endsWith(".json")) {
            throw new FormatException(weights.toString(), -1, "is an index of files, wanted is one file with all weights");
        }
        InceptionV3 net = new InceptionV3(Rng.silent());
        try (Scope scope = new Scope()) {
            net.loadPublic(Weights.read(weights));
            net.trainable(false);
            net.training(false);
            return new Inception(net, how, "inception-" + how.name().toLowerCase(Locale.ROOT) + "-" + sha256(weights).substring(0, 8));
        } catch (IllegalArgumentException e) {
            net.close();
            throw new FormatException(weights.toString(), -1, String.valueOf(e.getMessage()), e);
        } catch (RuntimeException e) {
            net.close();
            throw e;
        }
    }

    private static String sha256(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            DigestInputStream through = new DigestInputStream(in, MessageDigest.getInstance("SHA-256"));
            through.transferTo(java.io.OutputStream.nullOutputStream());
            return HexFormat.of().formatHex(through.getMessageDigest().digest());
        } catch (IOException e) {
            throw new FormatException(file.toString(), -1, "cannot be read: " + e.getMessage(), e);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);   // every Java has SHA-256
        }
    }

    /** Network, resizing, and the first 8 digits of the SHA-256 of the file: "inception-clean-6726825d". */
    public String name() { return name; }

    /** Moves the network to a device; pictures must be on the same. */
    public void to(Device device) { net.to(device); }

    /** Pictures x [B,1 or 3,H,W] in [-1,1], of any size; to [B,2048]. No gradient passes. */
    @Override public Tensor features(Tensor x) {
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            List<Tensor> parts = new ArrayList<>();
            long n = x.dims() == 0 ? 0 : x.size(0);
            for (long from = 0; from < Math.max(1, n); from += AT_ONCE) {
                Tensor some = n <= AT_ONCE ? x : x.rows(from, Math.min(AT_ONCE, n - from));
                parts.add(Scope.run(() -> net.features(how.of(some))));
            }
            return scope.keep(parts.size() == 1 ? parts.get(0) : Torch.cat(0, parts));
        }
    }

    /** Pictures as for {@link #features}; to [B,1008]; computes the features anew: where they are known, call {@link #scores}. */
    @Override public Tensor logits(Tensor x) { return Scope.run(() -> scores(features(x))); }

    /**
     * Of features [B,2048] the scores of the classes [B,1008], bias included; the Inception scores of papers mostly come from code that
     * leaves it out, and differ a little.
     */
    public Tensor scores(Tensor features) {
        try (Guard g = Torch.noGrad()) { return net.logits(features); }
    }

    @Override public void close() { net.close(); }
}
