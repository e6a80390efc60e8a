package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.DataOptions;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.data.TextItems;
import io.palitra.engine.Device;
import io.palitra.family.Families;
import io.palitra.family.Gpt;
import io.palitra.family.LoraTuning;
import io.palitra.hub.Hub;
import io.palitra.model.Watcher;
import io.palitra.stage.GptFolder;
import io.palitra.train.Run;
import io.palitra.train.RunConfig;
import io.palitra.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A family trained on a data set into a new run folder. */
public record TrainRequest(
        @Help("what to train, as in the catalogue") String family,
        @Help(value = "a data set of the catalogue, a folder or a file; empty = what the family learns from",
            place = Help.Place.DATA) String data,
        @Help(value = "of lora: the model to change, a folder, or org/name; empty for all else", place = Help.Place.MODEL) String model,
        @Help("config keys, key=value: the family's (latent=16), train. the recipe's, data. the reader's") List<String> set,
        @Help(value = "decides weights, noise and order", min = 0) long seed,
        @Help(value = "the run folder, empty = runs/FAMILY-DATA-N", place = Help.Place.OUT) String out,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help("of matrix products") Precision precision,
        @Help(value = "threads of one operation, 0 = all processors", min = 0) int threads,
        @Help(value = "steps between checkpoints, 0 = every two minutes and at the end of epochs", min = 0) int saveEvery)
        implements Request<Trained> {
    /** Element type of matrix products and convolutions; sums, norms and weights stay fp32. */
    public enum Precision { FP32, BF16 }

    private static final String DATA = "data.", TRAIN = "train.", BASE = "base=";
    /** Numbers of a picture, above which a line says that it is large: 256x256 in colour. */
    private static final int LARGE = 3 * 256 * 256;

    /** As the catalogue has it. */
    public TrainRequest(String family) { this(family, "", "", List.of(), 0, "", "auto", Precision.FP32, 0, 0); }

    public TrainRequest { set = List.copyOf(set); }

    /** As {@link Request#placed}; of {@code set}, too, by that key. */
    @Override public TrainRequest placed(Config.Move move) {
        for (String s : set) {
            if (s.indexOf('=') < 1) throw new ConfigException("set", "illegal set: '" + s + "', must be key=value");
        }
        List<String> own = set.stream().filter(s -> !s.startsWith(DATA) && !s.startsWith(TRAIN)).toList();
        List<String> reading = set.stream().filter(s -> s.startsWith(DATA)).map(s -> s.substring(DATA.length())).toList();
        List<String> placed = new ArrayList<>();
        Config.moved(Config.with(Families.named(family).defaults(), own),
            (key, place, text) -> note(placed, key, move.to("set", place, text)));
        Config.moved(Config.with(DataOptions.DEFAULT, reading),
            (key, place, text) -> note(placed, DATA + key, move.to("set", place, text)));
        List<String> keys = set.stream().map(s -> s.substring(0, s.indexOf('=') + 1)).toList();
        List<String> all = new ArrayList<>(set.stream().filter(s -> placed.stream().noneMatch(p -> p.startsWith(s.substring(0,
            s.indexOf('=') + 1)))).toList());
        placed.stream().filter(p -> keys.contains(p.substring(0, p.indexOf('=') + 1))).forEach(all::add);
        return Config.moved(Config.replace(this, "set", all), move);
    }

    private static String note(List<String> placed, String key, String text) {
        placed.add(key + "=" + text);
        return text;
    }

    /**
     * Trains; a tick is a step on which losses were read. Stopped, it saves and returns; before it begins, it leaves nothing.
     *
     * @throws ConfigException for a key that cannot be
     * @throws IllegalArgumentException for data that the family cannot learn, and for a folder that holds anything
     */
    @Override public Trained run(Watcher watcher) throws IOException {
        Config.check(this);
        String usual = Families.named(family).data();
        List<String> keys = new ArrayList<>(set.stream().filter(s -> !s.startsWith(DATA)).toList());
        List<String> reading = new ArrayList<>(set.stream().filter(s -> s.startsWith(DATA)).map(s -> s.substring(DATA.length())).toList());
        if (family.equals(LoraTuning.FAMILY.name())) changed(keys, reading);
        else if (!model.isEmpty()) throw new ConfigException("model", "model= is of lora; '" + family + "' changes no other model");
        DataOptions options = Config.with(DataOptions.DEFAULT, reading);
        String name = data.isEmpty() ? usual : data, kept = Inputs.dataName(name);
        if (name.isEmpty()) {
            throw new ArgumentException("which DATA? " + family + " learns from a folder of pictures with captions: metadata.jsonl "
                + "with file_name and text, or a .txt beside each picture");
        }
        Inputs inputs = new Inputs(watcher);
        TextItems given = begun(keys, options);
        Dataset train = opened(given, kept, Split.TRAIN, options);
        try {
            Families.named(family).refuseOthers(train.spec());
        } catch (ArgumentException e) {
            throw new ArgumentException(e.getMessage() + (name.equals(usual) ? "" : Datasets.held(kept)), e);
        }
        inputs.noted(train);
        Dataset test = inputs.test(family, name, () -> inputs.noted(opened(given, kept, Split.TEST, options)));
        DataSpec item = train.spec();
        if (options.size() == 0 && item.shape().length == 3 && item.dims() > LARGE && !family.equals(LoraTuning.FAMILY.name())) {
            watcher.note(item + ": of this size most families learn slowly and want much memory; --set data.size=64 makes them small");
        }
        RunConfig config = RunConfig.of(family, kept, train, options, seed, keys).on(Device.named(device).toString(),
            RunConfig.Precision.valueOf(precision.name()), Inputs.allFor0(threads)).saving(20, saveEvery);
        Path folder = out.isEmpty() ? fresh(train.name()) : Path.of(out);
        if (Files.exists(folder.resolve(Run.CONFIG))) {
            throw new ConfigException("out", "'" + folder + "' already holds a run; --resume goes on with it, or choose another out=");
        }
        Trainer.refuseOccupied(folder);
        Outputs.folder(folder, "out", false);
        watcher.begins((data.isEmpty() ? "on " + name + ", which " + family + " takes unless other DATA is asked for; " : "")
            + "training into " + folder);
        fitted(config.settings().spec()).ifPresent(watcher::begins);
        watcher.checkStop();
        return Trained.of(folder, Trainer.start(folder, config, train, test, watcher));
    }

    /** Of gpt that begins with another one: texts of its tokens, as long as it reads unless a length is asked for; else null. */
    private @Nullable TextItems begun(List<String> keys, DataOptions options) {
        String base = keys.stream().filter(k -> k.startsWith(BASE)).reduce((a, b) -> b).orElse(BASE).substring(BASE.length());
        if (!family.equals(Gpt.FAMILY.name()) || base.isEmpty()) return null;
        for (String key : List.of("tokens", "vocabulary")) {
            if (set.stream().noneMatch(s -> s.startsWith(DATA + key + "="))) continue;
            throw new ConfigException(DATA + key, "base='" + base + "' brings its own tokens: data." + key + " must be left as it is");
        }
        return GptFolder.of(base).spec(options.length());
    }

    private Dataset opened(@Nullable TextItems given, String data, Split split, DataOptions options) {
        return given == null ? Inputs.of(family, data, split, options)
            : Datasets.refuseOtherKeys(Datasets.like(given, data, true, true, split, options), options);
    }

    /** The line about defaults that are others on such data; empty where there are none, or each was asked for. */
    private Optional<String> fitted(DataSpec spec) {
        List<String> chosen = Families.named(family).fitting(spec).stream().filter(f -> set.stream()
            .noneMatch(s -> s.startsWith(f.substring(0, f.indexOf('=') + 1)))).toList();
        return chosen.isEmpty() ? Optional.empty() : Optional.of(family + " on " + spec + " has " + String.join(", ", chosen)
            + " unless other values are asked for");
    }

    /** Of lora: pictures are read with their captions, as large as the model was trained on. */
    private void changed(List<String> keys, List<String> reading) {
        if (model.isEmpty()) {
            throw new ArgumentException("which model? --model names a folder, or org/name of the hub");
        }
        Path base = changed(model);
        keys.add("model=" + base);
        reading.addAll(List.of("captions=true", "channels=3"));
        if (reading.stream().noneMatch(s -> s.startsWith("size="))) reading.add("size=" + LoraTuning.side(base));
    }

    /** Where the model lies that is to change. */
    static Path changed(String model) { return Hub.resolve(model).toAbsolutePath().normalize(); }

    private Path fresh(String name) {
        String base = "runs/" + family + "-" + name.replaceAll("[^A-Za-z0-9._-]", "_") + "-";
        int n = 1;
        while (Files.exists(Path.of(base + n))) n++;
        return Path.of(base + n);
    }
}
