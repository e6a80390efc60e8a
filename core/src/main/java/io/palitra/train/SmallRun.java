package io.palitra.train;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.data.DataOptions;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.hub.Safetensors;
import io.palitra.report.Places;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A run as it is given away: its config and its averaged weights in bf16, without checkpoints, log, pictures and places of this machine.
 */
public final class SmallRun {
    private SmallRun() {}

    /**
     * Writes the folder. Matrices and tensors of more sides are rounded to bf16; vectors, such as scales of norms, stay as they are.
     *
     * @param out the folder to make
     * @param upon models that it is built upon, by config key, as they are given away: the config then names them by their folder's name
     * @param warn is told what is read otherwise than a user may think
     * @throws IllegalArgumentException when the folder is there, and for a key that names no model
     */
    public static void write(Run run, Path out, Map<String, Path> upon, Consumer<String> warn) throws IOException {
        if (Files.exists(out)) throw new ArgumentException("'" + out + "' exists; choose another folder");
        Record model = run.config().model();
        List<String> places = new ArrayList<>(), names = new ArrayList<>();
        for (Map.Entry<String, Path> e : upon.entrySet()) {
            if (!Config.paths(model).containsKey(e.getKey())) throw new ArgumentException("'" + e.getKey() + "' names no model of the run");
            places.add(e.getKey() + "=" + e.getValue());
            names.add(e.getKey() + "=" + e.getValue().getFileName());
        }
        Map<String, String> words = new LinkedHashMap<>();
        try (Run.Built built = Run.build(new RunConfig(run.config().settings(), Config.with(model, places)), Device.CPU, warn)) {
            words.putAll(Provenance.words(built.underneath()));
        }
        RunConfig.Settings s = run.config().settings();
        DataOptions anywhere = Config.with(s.options(), "dir=");
        RunConfig config = new RunConfig(s, Config.with(model, names)).reading(anywhere).over(Places.name(s.data()));
        Files.createDirectories(out);
        config.write(out.resolve(Run.CONFIG));
        try (Scope scope = new Scope()) {
            Safetensors whole = Checkpoint.readModel(run.folder().resolve(Run.MODEL));
            whole.metadata().forEach((key, value) -> {
                if (!key.startsWith("underneath ") && !key.equals("sha256")) words.put(key, value);
            });
            Checkpoint.writeModel(out.resolve(Run.MODEL), rounded(whole.tensors()), words);
            for (Path file : run.model().publish(out)) {   // by which others are built upon it
                if (!file.toString().endsWith(".safetensors")) continue;
                Safetensors read = Safetensors.read(file);
                Map<String, Tensor> small = rounded(read.tensors());
                Files.delete(file);
                Safetensors.write(file, small, read.metadata());
            }
        }
    }

    private static Map<String, Tensor> rounded(Map<String, Tensor> tensors) {
        Map<String, Tensor> small = new LinkedHashMap<>();
        tensors.forEach((name, t) -> small.put(name, t.dtype() == DType.F32 && t.dims() >= 2 ? t.to(DType.BF16) : t));
        return small;
    }
}
