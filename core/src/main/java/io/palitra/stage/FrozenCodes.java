package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.data.Batch;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.ModelRef;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Pictures as the codes of a frozen first stage, encoded once. */
public final class FrozenCodes {
    /** Codes that are kept in memory, so that a picture is encoded once. */
    private static final long REMEMBERED = 1L << 26;

    private final FirstStage stage;
    private final int[] grid;
    private final Map<Integer, int[]> seen = new LinkedHashMap<>();   // by place in the data set

    /** @param where of config key {@code stage} */
    public FrozenCodes(String where, Build with) {
        if (where.isEmpty()) throw new ConfigException("stage", "which first stage? stage=W names a run of vqgan or vqvae, or a model");
        stage = with.models().open(new ModelRef(where), FirstStage.class);
        grid = stage.grid(with.data());
    }

    public FirstStage stage() { return stage; }

    public int rows() { return grid[0]; }

    public int columns() { return grid[1]; }

    public int perPicture() { return grid[0] * grid[1]; }

    /** Codes of training pictures in raster order, I64 [B,h w]. */
    public Tensor of(Batch batch) {
        int n = perPicture();
        int[] items = batch.items();
        boolean kept = items.length > 0 && (seen.size() + items.length) * (long) n <= REMEMBERED;
        if (items.length == 0 || !kept && !Arrays.stream(items).allMatch(seen::containsKey)) return encode(batch.x());
        int[] fresh = Arrays.stream(items).filter(i -> !seen.containsKey(i)).distinct().toArray();
        if (fresh.length > 0) {
            long[] all = encode(batch.x()).longs();
            for (int b = 0; b < items.length; b++) {
                seen.put(items[b], Arrays.stream(all, b * n, (b + 1) * n).mapToInt(c -> (int) c).toArray());
            }
        }
        long[] codes = Arrays.stream(items).mapToObj(seen::get).flatMapToInt(Arrays::stream).asLongStream().toArray();
        return Torch.of(codes, items.length, n).to(batch.x().device());
    }

    /** As {@link #of}, of pictures of no data set, or of another than the others. */
    public Tensor encode(Tensor x) {
        // in full precision always: the nearest code may be another one in bf16
        try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Guard full = Torch.autocast(x.device(), DType.F32)) {
            return scope.keep(stage.encode(x).flatten(1));
        }
    }

    /**
     * Codes of the upper rows of pictures [B,C,rows,W], by themselves, I64 [B,n]; null for no rows.
     *
     * @throws IllegalArgumentException for part of a code
     */
    public @Nullable Tensor upper(Tensor x) {
        int f = stage.factor(), rows = (int) x.size(2);
        if (rows < 0 || rows > f * grid[0] || rows % f != 0) {
            throw new ArgumentException("whole rows of codes are kept: 0 to " + f * grid[0] + " rows of pixels in multiples of " + f
                + ", got " + rows);
        }
        return rows == 0 ? null : encode(x);
    }

    /** I64 [B,h,w] to pictures [B,C,H,W] in [-1,1]. */
    public Tensor decode(Tensor codes) { return stage.decode(codes); }
}
