package io.palitra.stage;

import io.palitra.engine.DType;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.Module;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Captions of the training data, evenly spread, which are drawn where no other text is asked for; kept in UTF-8. */
final class ShownTexts extends Module {
    private static final int TEXTS = 64, BYTES = 512;

    private final Tensor bytes = buffer("bytes", Torch.zeros(DType.U8, TEXTS, BYTES));

    void learn(Iterable<String> captions) {
        List<String> kept = new ArrayList<>();
        int every = 1, i = 0;
        for (String caption : captions) {
            if (i++ % every == 0) kept.add(caption);
            if (kept.size() < 2 * TEXTS) continue;
            for (int k = 0; k < TEXTS; k++) kept.set(k, kept.get(2 * k));
            kept.subList(TEXTS, kept.size()).clear();
            every *= 2;
        }
        byte[] all = new byte[TEXTS * BYTES];
        for (int k = 0; k < TEXTS && !kept.isEmpty(); k++) {
            String text = kept.get(k % kept.size());
            while (text.getBytes(StandardCharsets.UTF_8).length > BYTES) text = text.substring(0,
                text.offsetByCodePoints(text.length(), -1));
            byte[] own = text.getBytes(StandardCharsets.UTF_8);
            System.arraycopy(own, 0, all, k * BYTES, own.length);
        }
        try (Scope scope = new Scope()) { bytes.copyFrom(Torch.of(all, TEXTS, BYTES)); }
    }

    /** One drawn for each of count items. Waits for the device. */
    List<String> any(int count, Rng rng) {
        byte[] all = bytes.bytes();
        return Arrays.stream(rng.integers(TEXTS, count).longs()).mapToObj(k -> {
            int from = (int) k * BYTES, to = from;
            while (to < from + BYTES && all[to] != 0) to++;
            return new String(all, from, to - from, StandardCharsets.UTF_8);
        }).toList();
    }
}
