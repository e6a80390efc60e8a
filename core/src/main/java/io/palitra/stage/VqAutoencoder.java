package io.palitra.stage;

import io.palitra.config.Json;
import io.palitra.config.Reason;
import io.palitra.data.Batch;
import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.FolderDraft;
import io.palitra.hub.Safetensors;
import io.palitra.model.Measure;
import io.palitra.net.EmaCodebook;
import io.palitra.net.VqModel;
import io.palitra.nn.Module;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What vqvae and vqgan have in common: an autoencoder of codes, and its codebook, which follows the latents. */
public final class VqAutoencoder extends Module {
    private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";

    private final VqModel vq;
    private final EmaCodebook book;
    private final long codesFrom;

    /** @param codesFrom first step of training with a codebook */
    public VqAutoencoder(VqModel.Config config, double restart, long codesFrom, Rng init) {
        this.codesFrom = codesFrom;
        vq = child("vq", new VqModel(config, VqModel.Learned.BY_OWNER, init));
        book = child("ema", new EmaCodebook(vq, restart));
    }

    /** The network, and its codebook. */
    public VqModel vq() { return vq; }

    /** What moves the codebook. */
    public EmaCodebook book() { return book; }

    /**
     * A picture's way through the codebook.
     *
     * @param picture x' [B,C,H,W]; its gradient passes straight through the codebook to the latents
     * @param commitment mean (z - sg e)^2, eq. 3 of van den Oord et al.; 0 while there is no codebook
     */
    public record Seen(Tensor picture, Tensor commitment) {}

    /** A step of training: from {@code codesFrom} on by way of the codebook, which moves. Steps are counted from 0. */
    public Seen forward(Tensor x, long step, Rng rng) {
        Tensor z = vq.encode(x).to(DType.F32);   // [B,D,h,w]
        if (step < codesFrom) return new Seen(vq.decodeQuantized(z).to(x.dtype()), Torch.zeros().to(x.device()));
        Tensor e = book.nearest(z, rng);
        Tensor picture = vq.decodeQuantized(z.add(e.sub(z).detach())).to(x.dtype());
        return new Seen(picture, z.sub(e).square().mean());
    }

    /** x' as {@link #forward} makes it, while the codebook rests. */
    public Tensor made(Tensor x) { return Scope.run(() -> vq.decode(vq.encode(x).to(DType.F32)).to(x.dtype())); }

    public Tensor reconstruct(Tensor x) { return Scope.run(() -> vq.decode(vq.encode(x)).clamp(-1, 1)); }

    /** Writes {@link FirstStage#FOLDER}, each file in one move. */
    public List<Path> publish(Path run) {
        Path folder = run.resolve(FirstStage.FOLDER), config = folder.resolve("config.json"), weights = folder.resolve(WEIGHTS);
        try {
            Files.createDirectories(folder);
            Json.write(config, vq.config().toJson());
        } catch (IOException e) {
            throw new UncheckedIOException(Reason.told(e), e);
        }
        Safetensors.write(weights, vq.state(), Map.of("format", "pt"));
        return List.of(config, weights);
    }

    public String export(FolderDraft folder) {
        folder.network("", vq.config().toJson(), vq.state());
        return """
            from diffusers import VQModel

            vq = VQModel.from_pretrained("DIR")
            z = vq.encode(pictures).latents                                # pictures [B,C,H,W] from -1 to 1
            codes = vq.quantize(z)[2][2].reshape(len(z), *z.shape[2:])     # [B,h,w]
            pictures = vq.decode(z).sample
            """;
    }

    public List<Measure> evaluate(Iterable<Batch> test) {
        double error = 0, decibels = 0;
        long items = 0, latents = 0;
        double[] counts;
        try (Scope all = new Scope()) {
            Tensor uses = Torch.zeros(DType.I64, vq.config().numVqEmbeddings()).to(vq.codebook().device());
            for (Batch batch : test) {
                try (Scope scope = new Scope()) {
                    Tensor codes = vq.codes(vq.encode(batch.x())), flat = codes.reshape(-1);
                    uses.addRows(flat, Torch.onesLike(flat));
                    Tensor x = vq.decodeCodes(codes).clamp(-1, 1);
                    Tensor each = x.sub(batch.x()).mul(0.5).square().meanPerItem();   // pixels in 0..1, [B]
                    error += each.sum().item();   // waits for the device
                    decibels -= 10 / Math.log(10) * each.clampMin(1e-10).log().sum().item();
                    items += batch.size();
                    latents = flat.numel() / batch.size();
                }
            }
            counts = uses.doubles();
        }
        EmaCodebook.Use use = EmaCodebook.Use.of(counts);
        int k = counts.length;
        String of = String.format(Locale.ROOT, "%,d items", items);
        return List.of(new Measure("PSNR", decibels / items, "dB", "of the reconstruction, mean over " + of),
            new Measure("MSE", error / items, "pixel^2, range 0..1", "of the reconstruction, mean over pixels, " + of),
            new Measure("codebook use", 100.0 * use.used() / k, "%", "of the " + k + " codes that at least one place takes, " + of),
            new Measure("perplexity", use.perplexity(), "codes", "exp of the entropy of the codes of all places, at most " + k + "; " + of),
            new Measure("size", latents * Math.log(k) / Math.log(2) / 8, "bytes", latents + " codes an item, " + k + " as likely each"));
    }
}
