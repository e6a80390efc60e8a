package io.palitra.edit;

import io.palitra.engine.Rng;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Styles;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Pictures of 16 x 16 that are a sum over four layers, each a basis of its own times its style of six numbers; w = M z, of a class moved by
 * a shift of its own. The last layer adds noise.
 */
public final class TinyStyles implements Styles {
    private static final int LAYERS = 4, WIDTH = 6;
    final Tensor map = new Rng(1).normal(WIDTH, WIDTH).retain();
    final Tensor shifts = new Rng(2).normal(3, WIDTH).retain();
    private final Tensor bases = new Rng(3).normal(LAYERS, WIDTH, 256).mul(0.15).retain();
    private final Tensor noise = new Rng(4).normal(16, 16).retain();

    @Override public int layers() { return LAYERS; }

    @Override public int width() { return WIDTH; }

    @Override public int latent() { return WIDTH; }

    @Override public Tensor styles(Tensor z, @Nullable Tensor labels, double truncation, int cutoff) {
        Tensor w = z.matmul(map);
        if (labels != null) w = w.add(shifts.indexSelect(0, labels));
        Tensor mean = meanStyle(), cut = mean.add(w.sub(mean).mul(truncation));
        int first = cutoff == 0 ? LAYERS : cutoff;
        Tensor[] all = new Tensor[LAYERS];
        for (int i = 0; i < LAYERS; i++) all[i] = i < first ? cut : w;
        return Torch.stack(1, List.of(all));
    }

    @Override public Tensor meanStyle() { return Torch.zeros(WIDTH); }

    @Override public List<Tensor> noise() { return List.of(noise); }

    @Override public Tensor draw(Tensor styles, List<Tensor> maps) {
        Tensor sum = Objects.requireNonNull(styles.transpose(0, 1)).matmul(bases).sum(false, 0)
            .reshape(-1, 1, 16, 16);   // [L,B,W] [L,W,256]
        return (maps.isEmpty() ? sum : sum.add(maps.get(0).mul(0.05))).tanh();
    }
}
