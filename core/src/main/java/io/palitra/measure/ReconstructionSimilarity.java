package io.palitra.measure;

import io.palitra.data.Batch;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.metric.Ssim;
import io.palitra.model.Denoising;
import io.palitra.model.Measure;
import io.palitra.model.Reconstructs;
import java.util.List;
import java.util.Optional;

/** SSIM of what comes back from the code beside what went in, and of what was corrupted beside the clean item. */
public final class ReconstructionSimilarity implements Measurement {
    private static final int ITEMS = 1000;

    /** Models that lose something on the way there and back. */
    static boolean loses(Subject of) { return of.as(Reconstructs.class).filter(r -> !r.lossless()).isPresent(); }

    @Override public boolean fits(Subject of) { return loses(of) && Ssim.fits(of.test().spec()); }

    @Override public Measured of(Subject of) {
        Reconstructs model = of.as(Reconstructs.class).orElseThrow();
        Optional<Denoising> denoising = of.as(Denoising.class).filter(Denoising::corrupts);
        double sum = 0;
        long items = 0;
        for (Batch batch : of.tested("reconstructions", ITEMS)) {
            try (Scope scope = new Scope()) {
                Tensor seen = denoising.isPresent() ? denoising.get().corrupt(batch.x(), new Rng(Subject.SEED).at(items).on(of.device()))
                    : batch.x();
                sum += Ssim.of(model.reconstruct(seen), batch.x(), 2).sum().item();   // waits for the device
                items += batch.size();
            }
        }
        return new Measured(List.of(new Measure("SSIM", sum / items, "",
            "structural similarity of the reconstruction, 1 for no difference; " + items + " items")));
    }
}
