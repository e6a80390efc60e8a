package io.palitra.app;

import io.palitra.config.Ordered;
import io.palitra.train.RunConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What is typed for a run that goes on, against what the run is. Its length, and where it computes, saves and finds things, may change;
 * anything else that differs is an error that names both values.
 */
final class Asked {
    private static final int SHOWN = 10;
    private static final Set<String> LENGTH = Ordered.set("train.steps", "train.epochs");

    private final RunConfig run;
    private final Map<String, String> overrides = new LinkedHashMap<>();   // to how each was typed
    private final List<String> wrong = new ArrayList<>();
    private String data, device;
    private int threads, saveEvery;

    Asked(RunConfig run) {
        this.run = run;
        RunConfig.Settings s = run.settings();
        data = s.data();
        device = s.device();
        threads = s.threads();
        saveEvery = s.saveEvery();
    }

    /** @throws IllegalArgumentException for another family, whose keys would only be unknown */
    void family(String asked) {
        same("family", run.settings().family(), asked, asked);
        refuse();
    }

    /** Of what never changes. */
    void same(String key, Object own, Object asked, String typed) {
        if (!own.equals(asked)) wrong.add(differs(key, own.toString(), typed));
    }

    private static String differs(String key, String own, String typed) {
        return "the run has " + key + "=" + own + ", " + typed + " was asked";
    }

    /** @param override as {@link RunConfig#with} takes it */
    void set(String override, String typed) { overrides.put(override, typed); }

    void data(String name) { data = name; }

    void device(String named) { device = named; }

    void threads(int n) { threads = n; }

    void saveEvery(int steps) { saveEvery = steps; }

    /**
     * The run's config with all that may change.
     *
     * @throws IllegalArgumentException for what may not, in one line
     * @throws io.palitra.config.ConfigException for a key that the run does not have
     */
    RunConfig config() {
        List<String> all = new ArrayList<>(overrides.keySet());
        boolean byEpochs = all.stream().anyMatch(o -> o.startsWith("train.epochs=")), bySteps = all.stream().anyMatch(o
            -> o.startsWith("train.steps="));
        if (byEpochs && !bySteps && run.settings().train().steps() > 0) all.add("train.steps=0");
        Map<String, String> own = run.flat(), now = run.with(all).flat();
        overrides.forEach((override, typed) -> {
            String key = key(override);
            if (!free(key) && differ(key, own, now)) {
                wrong.add(differs(key, own.getOrDefault(key, own.getOrDefault(key + ".kind", "no such entry")), typed));
            }
        });
        refuse();
        return run.with(all.stream().filter(o -> free(key(o))).toList()).over(data)
            .on(device, run.settings().precision(), threads).saving(run.settings().logEvery(), saveEvery);
    }

    private static String key(String override) { return override.split("=", 2)[0]; }

    private boolean free(String key) { return LENGTH.contains(key) || run.places().contains(key); }

    /** Whether the key, or the kind that it names, is another; a kind named again does not bring back its defaults. */
    private static boolean differ(String key, Map<String, String> own, Map<String, String> now) {
        String kind = own.containsKey(key) || now.containsKey(key) ? key : key + ".kind";
        return !own.getOrDefault(kind, "").equals(now.getOrDefault(kind, ""));
    }

    private void refuse() {
        if (wrong.isEmpty()) return;
        throw new IllegalArgumentException(wrong.stream().limit(SHOWN).collect(Collectors.joining("; ")) + (wrong.size() > SHOWN ? "; and "
            + (wrong.size() - SHOWN) + " more" : "") + ". Without that the run goes on; another run wants another --out");
    }
}
