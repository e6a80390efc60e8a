package io.palitra.measure;

import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Measure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What a model of texts makes of the texts that others write: -log p a character, beside that of data. */
final class ReadTexts {
    private static final int AT_ONCE = 64;

    private ReadTexts() {}

    static List<Measure> measures(Subject.ByReader by, List<String> written, List<String> read, Rng rng, String how, String truth) {
        String name = "nats a character by " + by.name(), about = (by.model().exact() ? "" : "a bound of ") + "-log p of the texts by '"
            + by.name() + "', in windows of " + by.spec().length() + " " + by.spec().alphabet().tokens();
        return List.of(new Measure(name, nats(by, written, rng), "nats", about + how),
            new Measure(name + " of the truth", nats(by, read, rng), "nats", about + truth));
    }

    /** By characters of all texts. @throws IllegalArgumentException for a character that the reader lacks */
    static double nats(Subject.ByReader by, List<String> texts, Rng rng) {
        int length = by.spec().length();
        List<long[]> windows = new ArrayList<>();
        long characters = 0;
        for (String text : texts) {
            int[] ids = by.spec().alphabet().encode(text);
            characters += text.codePointCount(0, text.length());
            for (int at = 0; at < ids.length; at += length) {
                long[] window = new long[length];
                Arrays.fill(window, by.spec().end());
                for (int i = at; i < Math.min(ids.length, at + length); i++) window[i - at] = ids[i];
                windows.add(window);
            }
        }
        double nats = 0;
        for (int at = 0; at < windows.size(); at += AT_ONCE) {
            List<long[]> some = windows.subList(at, Math.min(windows.size(), at + AT_ONCE));
            try (Scope scope = new Scope()) {
                Tensor x = Torch.of(some.stream().flatMapToLong(Arrays::stream).toArray(), some.size(), length).to(rng.uniform(1).device());
                nats -= by.model().logProb(x, rng.at(at)).sum().item();   // waits for the device
            }
        }
        return nats / Math.max(1, characters);
    }
}
