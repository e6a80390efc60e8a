package io.palitra.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.config.Ordered;
import io.palitra.data.Fingerprint;
import io.palitra.model.LrSchedule;
import io.palitra.model.Recipe;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * What decides the bits of a run: every save writes it into the checkpoint's manifest, and a run that goes on is compared with it. What
 * decides nothing may differ, and is reported; what would change bits is refused.
 *
 * @param config of the run, without the names of the classes, which are many
 * @param items how many there are to train on
 * @param data the {@link Fingerprint}'s hash
 * @param underneath see {@link Run.Built#underneath}
 * @param log what metrics.jsonl held
 * @param code version of Palitra
 */
record Provenance(ObjectNode config, int items, String data, Map<String, String> underneath, Metrics.Mark log, String code) {
    private static final int SHOWN = 10, LONGEST = 200;
    /** Of a learning rate, unless more are needed to tell two apart. */
    private static final int DIGITS = 4;
    private static final String CLASSES = "classes", UNDERNEATH = "underneath ";
    /** Decides how long, where and how safely a run goes on, not what its steps compute. */
    private static final Set<String> FREE = Ordered.set(CLASSES, "train.steps", "train.epochs", "device", "threads", "saveEvery", "code");

    static Provenance of(RunConfig config, Fingerprint data, Map<String, String> underneath, Metrics.Mark log) {
        ObjectNode json = config.toJson();
        json.remove(CLASSES);
        return new Provenance(json, data.items(), data.hash(), underneath, log, RunConfig.version());
    }

    /** As a manifest keeps it. */
    Map<String, String> facts() {
        Map<String, String> facts = new TreeMap<>(Ordered.map(Map.entry("config", config.toString()),
            Map.entry("items", String.valueOf(items)), Map.entry("data", data), Map.entry("log bytes", String.valueOf(log.bytes())),
            Map.entry("log", log.sha256()), Map.entry("code", code)));
        facts.putAll(words(underneath));
        return facts;
    }

    /** As a manifest, or the metadata of a model's file, keeps what the model is built upon. */
    static Map<String, String> words(Map<String, String> underneath) {
        Map<String, String> words = new TreeMap<>();
        underneath.forEach((name, hash) -> words.put(UNDERNEATH + name, hash));
        return words;
    }

    /** What {@link #words} wrote. */
    static Map<String, String> underneath(Map<String, String> words) {
        Map<String, String> underneath = new TreeMap<>();
        words.forEach((name, hash) -> {
            if (name.startsWith(UNDERNEATH)) underneath.put(name.substring(UNDERNEATH.length()), hash);
        });
        return underneath;
    }

    /** Of a checkpoint; empty for one of an earlier version, which kept nothing of it. */
    static Optional<Provenance> of(Map<String, String> facts) {
        if (!facts.keySet().containsAll(Ordered.set("config", "items", "data", "log bytes", "log", "code"))) return Optional.empty();
        if (!(Json.read(Manifest.NAME, facts.getOrDefault("config", "")) instanceof ObjectNode config)) return Optional.empty();
        RunConfig.renew(config);
        return Optional.of(new Provenance(config, number(facts, "items").intValue(), facts.getOrDefault("data", ""), underneath(facts),
            new Metrics.Mark(number(facts, "log bytes"), facts.getOrDefault("log", "")), facts.getOrDefault("code", "")));
    }

    private static Long number(Map<String, String> facts, String name) { return Long.valueOf(facts.getOrDefault(name, "")); }

    /** Steps that the run is to have by what its config says now. */
    long steps(RunConfig now) { return now.steps(items); }

    /** Steps that the run was to have. */
    long steps() { return RunConfig.steps(Config.fromJson(Recipe.class, config.path("train")), items); }

    /**
     * Refuses a config.json that was changed so that the run would become another.
     *
     * @throws ConfigException that names each key with both values
     */
    void refuseChanged(RunConfig now, long step) {
        List<String> changed = changed(now);
        if (changed.isEmpty()) return;
        throw new ConfigException("", Run.CONFIG + " was changed after the checkpoint of step " + step + ": " + listed(changed)
            + "; the run goes on when it says again what it did, another run wants another folder");
    }

    /** Keys that decide what a run is and say otherwise now, each with both values. */
    List<String> changed(RunConfig now) {
        Map<String, String> mine = RunConfig.flat(config), theirs = now.flat();
        Set<String> keys = new TreeSet<>(mine.keySet());
        keys.addAll(theirs.keySet());
        keys.removeAll(FREE);
        keys.removeIf(k -> now.places().contains(k) && (k.equals("data") || k.startsWith("data.") || told(k)));
        return changes(mine, theirs, keys);
    }

    /** Whether the hash of what lies at a place is known, so that the place itself decides nothing. */
    private boolean told(String key) {
        return underneath.keySet().stream().anyMatch(name -> name.equals(key) || name.startsWith(key + "/"));
    }

    /** "seed is 5, was 3" of each key that differs, in the order of the keys. */
    static List<String> changes(Map<String, String> was, Map<String, String> now, Set<String> keys) {
        List<String> all = new ArrayList<>();
        for (String key : keys) {
            String a = was.getOrDefault(key, "not there"), b = now.getOrDefault(key, "not there");
            if (!a.equals(b)) all.add(key + " is " + shown(b) + ", was " + shown(a));
        }
        return all;
    }

    /** To ten, then a count. */
    static String listed(List<String> all) {
        return all.stream().limit(SHOWN).collect(Collectors.joining("; ")) + (all.size() > SHOWN ? "; and " + (all.size() - SHOWN)
            + " more" : "");
    }

    private static String shown(String text) {
        return text.isEmpty() ? "''" : text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "...";
    }

    /**
     * Refuses other data than the run was trained on, or says that it goes on with it.
     *
     * @param classes names of the classes that the run knows
     * @param changed whether the caller wants to go on with changed data
     */
    void compareData(Fingerprint now, List<String> classes, String name, boolean changed, Consumer<String> note) {
        List<String> differences = new Fingerprint(items, classes, data).differences(now);
        if (differences.isEmpty()) return;
        String what = "'" + name + "' is not the data that the run was trained on: " + shown(String.join("; ", differences));
        if (!changed) throw new ArgumentException(what
            + "; changed data cannot give the run's bits; --changed-data goes on with it");
        note.accept(what + "; the run goes on with it as asked, and its bits are no longer those of any run never stopped");
    }

    /** Refuses to go on over other models than the run was trained over. */
    void refuseOthers(Map<String, String> now, RunConfig config) {
        Map<String, String> all = new TreeMap<>(now);
        underneath.keySet().forEach(name -> all.putIfAbsent(name, ""));
        refuseOthers(underneath, all, config);
    }

    /**
     * Refuses another first stage or base model.
     *
     * @param was SHA-256 by config key when the weights were saved
     * @param now likewise of what is open; only this is compared; "" for what is not there any more
     * @throws ConfigException that names the key, the place where there is one, and the beginnings of both hashes
     */
    static void refuseOthers(Map<String, String> was, Map<String, String> now, RunConfig config) {
        Map<String, String> flat = config.flat();
        List<String> others = new ArrayList<>();
        for (Map.Entry<String, String> e : new TreeMap<>(now).entrySet()) {
            String a = was.getOrDefault(e.getKey(), "");
            if (a.equals(e.getValue())) continue;
            String key = e.getKey().split("/", 2)[0], part = e.getKey().substring(key.length()).replaceFirst("/", "");
            others.add(key + "=" + shown(flat.getOrDefault(key, "")) + (part.isEmpty() ? "" : ", " + part) + ": SHA-256 is "
                + begin(e.getValue()) + ", was " + begin(a));
        }
        if (others.isEmpty()) return;
        throw new ConfigException(others.get(0).split("=", 2)[0], "what the run is built upon was replaced: " + listed(others)
            + "; it works with the same weights alone");
    }

    /**
     * Of the runs that only training uses, such as the network of a perceptual loss, those that were replaced since, a line each. They are
     * not opened to sample, so the hash that the file of their weights states is compared; what is not there any more is passed over.
     *
     * @param was SHA-256 by config key when the weights were saved
     * @param open likewise of what is open, which is not looked at
     */
    static List<String> replaced(Map<String, String> was, Map<String, String> open, RunConfig config) {
        Map<String, String> flat = config.flat();
        List<String> lines = new ArrayList<>();
        new TreeMap<>(was).forEach((key, before) -> {
            String where = flat.getOrDefault(key, ""), now = open.containsKey(key) || where.isEmpty() ? "" : RunModels.stated(where);
            if (now.isEmpty() || now.equals(before)) return;
            lines.add(key + "=" + shown(where) + " was replaced after the training (SHA-256 is " + begin(now) + ", was " + begin(before)
                + "): samples do not depend on it, and a resumed training refuses it");
        });
        return lines;
    }

    private static String begin(String hash) {
        return hash.isEmpty() ? "of nothing" : hash.substring(0, Math.min(12, hash.length())) + "...";
    }

    /** Says what differs of what may differ, and last bits with it. */
    void noteMachine(RunConfig now, Consumer<String> note) {
        Map<String, String> other = new LinkedHashMap<>();
        other.put("device", config.path("device").asText());
        other.put("version of Palitra", code);
        Map<String, String> own = Ordered.map(Map.entry("device", now.settings().device()), Map.entry("version of Palitra",
            RunConfig.version()));
        other.forEach((name, was) -> {
            String is = own.getOrDefault(name, "");
            if (!was.equals(is)) note.accept("resuming with another " + name + " (" + is + ", was " + was + "): last bits may differ");
        });
    }

    /**
     * What another length does, in one line; empty for the same length.
     *
     * @param step moves made so far
     * @param was  steps of the whole run before
     * @throws ConfigException when more is done already, naming the key that says it
     */
    static Optional<String> length(Recipe recipe, long step, long was, long steps) {
        if (steps < step) {
            boolean bySteps = recipe.steps() > 0;
            String key = bySteps ? "train.steps" : "train.epochs", asked = key + "=" + (bySteps ? recipe.steps() : recipe.epochs());
            throw new ConfigException(key, asked + ": the run has done " + step + " steps" + (bySteps ? "" : ", and that is " + steps)
                + "; at least as many can be asked for");
        }
        if (steps == was) return Optional.empty();
        LrSchedule schedule = recipe.schedule();
        double lr = recipe.optimizer().lr(), before = lr * schedule.at(step, was), after = lr * schedule.at(step, steps);
        String kind = schedule.getClass().getSimpleName().toLowerCase(Locale.ROOT);
        return Optional.of("the run ends at step " + steps + " now, it ended at " + was + ": "
            + (schedule instanceof LrSchedule.Constant ? "the learning rate stays " + rate(after, DIGITS)
                : "its " + kind + " schedule spans " + steps + " steps, " + (before == after
                    ? "lr at step " + step + " stays " + rate(after, DIGITS)
                    : "lr at step " + step + " is " + apart(after, before) + ", it was " + apart(before, after))));
    }

    /** With as many digits as tell it from another one. */
    private static String apart(double lr, double other) {
        int digits = DIGITS;
        while (digits < 17 && rate(lr, digits).equals(rate(other, digits))) digits++;
        return rate(lr, digits);
    }

    private static String rate(double lr, int digits) { return lr == 0 ? "0" : String.format(Locale.ROOT, "%." + digits + "g", lr); }
}
