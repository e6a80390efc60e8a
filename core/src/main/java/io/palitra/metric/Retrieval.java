package io.palitra.metric;

import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.model.Measure;
import io.palitra.model.TextImage;
import java.lang.Character.UnicodeScript;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * How often a picture finds its own caption among those of others, as in Radford et al. 2021, arXiv:2103.00020. Of the captions of an item
 * the first one in a script counts, so that languages of different scripts are measured apart. An equal caption counts as the own one.
 */
public final class Retrieval {
    /** Pictures, and captions, that are compared with each other. */
    public static final int CHOICE = 100;
    private static final int MOST = 10;

    private Retrieval() {}

    /**
     * Share of pictures whose nearest caption of a hundred is their own, for each script in which all items have one; none for data of
     * fewer than a hundred.
     */
    public static List<Measure> of(TextImage model, Dataset data, Device device) {
        Map<UnicodeScript, Integer> right = new LinkedHashMap<>();
        int groups = Math.min(MOST, data.size() / CHOICE);
        for (int g = 0; g < groups; g++) {
            int[] items = IntStream.range(g * CHOICE, (g + 1) * CHOICE).toArray();
            List<Map<UnicodeScript, String>> captions = IntStream.of(items).mapToObj(i -> byScript(data.captions(i))).toList();
            try (Scope scope = new Scope()) {
                Batch batch = DataLoader.of(data, items, device);
                Tensor pictures = model.embedImage(batch.x());
                for (UnicodeScript script : captions.get(0).keySet()) {
                    if (!captions.stream().allMatch(c -> c.containsKey(script))) continue;
                    List<String> texts = captions.stream().map(c -> Objects.requireNonNull(c.get(script))).toList();
                    right.merge(script, right(pictures, model.embedText(texts), texts), Integer::sum);
                }
            }
        }
        List<Measure> measures = new ArrayList<>();
        right.forEach((script, n) -> {
            String name = script.name().charAt(0) + script.name().substring(1).toLowerCase(Locale.ROOT);
            measures.add(new Measure("caption found, " + name, 100.0 * n / (groups * CHOICE), "%", "pictures whose nearest caption of "
                + CHOICE + " is their own; captions in " + name + " letters, " + groups * CHOICE + " test items"));
        });
        return measures;
    }

    /** Pictures [N,P] whose nearest text [N,P] is equal to their own. Waits for the device. */
    static int right(Tensor pictures, Tensor captions, List<String> texts) {
        long[] nearest = pictures.matmul(captions.t()).argmax(1).longs();
        return (int) IntStream.range(0, nearest.length).filter(i -> texts.get((int) nearest[i]).equals(texts.get(i))).count();
    }

    private static Map<UnicodeScript, String> byScript(List<String> captions) {
        Map<UnicodeScript, String> first = new LinkedHashMap<>();
        captions.forEach(c -> script(c).ifPresent(s -> first.putIfAbsent(s, c)));
        return first;
    }

    /** The script of the first letter. */
    private static Optional<UnicodeScript> script(String text) {
        return text.codePoints().filter(Character::isLetter).mapToObj(UnicodeScript::of).findFirst();
    }
}
