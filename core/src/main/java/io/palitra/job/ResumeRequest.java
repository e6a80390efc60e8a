package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.Ordered;
import io.palitra.data.Dataset;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.family.LoraTuning;
import io.palitra.model.IncludedModels;
import io.palitra.model.Watcher;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A run that goes on from its last good checkpoint. Its length, and where it computes, saves and finds things, may change; any other key
 * that differs from the run's is an error that names both values.
 */
public record ResumeRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help("config keys, key=value; of those that may not change the run's own values") List<String> set,
        @Help("the family that the run must be of, empty = any") String family,
        @Help("what else the run must be: seed=S, precision=P") List<String> same,
        @Help(value = "where the data lies, if it moved; empty = where it lay", place = Help.Place.DATA) String data,
        @Help("whether it goes on with data that is no longer what it was trained on") boolean changedData,
        @Help("where to compute: auto, cpu, cuda or cuda:n; empty = where it did") String device,
        @Help(value = "threads of one operation, 0 = all processors, -1 = as before", min = -1) int threads,
        @Help(value = "steps between checkpoints, 0 = by time, -1 = as before", min = -1) int saveEvery) implements Request<Trained> {
    private static final int SHOWN = 10;
    private static final Set<String> LENGTH = Ordered.set("train.steps", "train.epochs");
    private static final String MODEL = "model=";

    /** To the end that it has. */
    public ResumeRequest(String run) { this(run, List.of(), "", List.of(), "", false, "", -1, -1); }

    public ResumeRequest {
        set = List.copyOf(set);
        same = List.copyOf(same);
    }

    /**
     * Trains on; a tick is a step on which losses were read. Stopped, it saves and returns.
     *
     * @throws ConfigException for a key that may not change
     * @throws IllegalArgumentException for changed data, and a folder that is no run's
     */
    @Override public Trained run(Watcher watcher) throws IOException {
        Config.check(this);
        if (!Files.exists(Path.of(run)) && IncludedModels.folder(run).isPresent()) {
            throw new ArgumentException("'" + run + "' comes with the program, without a checkpoint to go on from; palitra models " + run
                + " says what trained it");
        }
        RunConfig config = changed(Inputs.config(run));
        RunConfig.Settings s = config.settings();
        Inputs inputs = new Inputs(watcher);
        Dataset train = inputs.data(config, "", "", Split.TRAIN);
        Dataset test = inputs.test(s.family(), s.data(), () -> inputs.data(config, "", "", Split.TEST));
        Path folder = Path.of(run);
        watcher.checkStop();
        return Trained.of(folder, Trainer.resume(folder, config, changedData, train, test, watcher));
    }

    /** The run's config with all that may change. */
    private RunConfig changed(RunConfig own) {
        RunConfig.Settings s = own.settings();
        if (!family.isEmpty() && !family.equals(s.family())) refuse(List.of(differs("family", s.family(), family)));
        List<String> wrong = new ArrayList<>();
        for (String fact : same) {
            if (!fact.matches("(?s)(seed|precision)=.*")) throw new ConfigException("same", "illegal same: " + fact
                + ", must be seed=S or precision=P");
            String is = key(fact).equals("seed") ? String.valueOf(s.seed()) : s.precision().name().toLowerCase(Locale.ROOT);
            if (!is.equalsIgnoreCase(fact.substring(key(fact).length() + 1))) wrong.add(differs(key(fact), is, fact));
        }
        List<String> all = new ArrayList<>();
        boolean lora = s.family().equals(LoraTuning.FAMILY.name());
        for (String o : set) all.add(lora && o.startsWith(MODEL) ? MODEL + TrainRequest.changed(o.substring(MODEL.length())) : o);
        boolean byEpochs = all.stream().anyMatch(o -> o.startsWith("train.epochs="));
        boolean bySteps = all.stream().anyMatch(o -> o.startsWith("train.steps="));
        List<String> given = List.copyOf(all);
        if (byEpochs && !bySteps && s.train().steps() > 0) all.add("train.steps=0");
        Map<String, String> flat = own.flat(), now = own.with(all).flat();
        for (int i = 0; i < given.size(); i++) {
            String key = key(given.get(i));
            if (!free(own, key) && differ(key, flat, now)) {
                wrong.add(differs(key, flat.getOrDefault(key, flat.getOrDefault(key + ".kind", "no such entry")), set.get(i)));
            }
        }
        refuse(wrong);
        return own.with(all.stream().filter(o -> free(own, key(o))).toList()).over(data.isEmpty() ? s.data() : Inputs.dataName(data))
            .on(device.isEmpty() ? s.device() : Device.named(device).toString(), s.precision(), threads < 0 ? s.threads()
                : Inputs.allFor0(threads)).saving(s.logEvery(), saveEvery < 0 ? s.saveEvery() : saveEvery);
    }

    private static String differs(String key, String own, String typed) {
        return "the run has " + key + "=" + own + ", " + typed + " was asked";
    }

    private static String key(String override) { return override.split("=", 2)[0]; }

    private static boolean free(RunConfig run, String key) { return LENGTH.contains(key) || run.places().contains(key); }

    /** Whether the key, or the kind that it names, is another; a kind named again does not bring back its defaults. */
    private static boolean differ(String key, Map<String, String> own, Map<String, String> now) {
        String kind = own.containsKey(key) || now.containsKey(key) ? key : key + ".kind";
        return !own.getOrDefault(kind, "").equals(now.getOrDefault(kind, ""));
    }

    private static void refuse(List<String> wrong) {
        if (wrong.isEmpty()) return;
        throw new ConfigException("same", wrong.stream().limit(SHOWN).collect(Collectors.joining("; ")) + (wrong.size() > SHOWN ? "; and "
            + (wrong.size() - SHOWN) + " more" : "") + ". Without that the run goes on; another run wants another folder");
    }
}
