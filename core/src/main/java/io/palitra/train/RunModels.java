package io.palitra.train;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.data.DataSpec;
import io.palitra.data.FormatException;
import io.palitra.engine.Device;
import io.palitra.hub.Safetensors;
import io.palitra.model.Codec;
import io.palitra.model.ModelRef;
import io.palitra.model.Models;
import io.palitra.nn.Module;
import io.palitra.stage.ClipEmbedder;
import io.palitra.stage.FirstStage;
import io.palitra.stage.PictureCodec;
import io.palitra.stage.ReadsTexts;
import io.palitra.stage.T5Texts;
import io.palitra.stage.VectorPrior;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/** The models that a run's own model is built upon: opened, on its device, known by their SHA-256, and freed with it. */
public final class RunModels implements Models, AutoCloseable {
    private record Held(String where, Module net, Runnable free) {}

    private final Device device;
    private final Consumer<String> warn;
    private final List<Held> held = new ArrayList<>();

    /** @param warn is told what is read otherwise than a user may think */
    public RunModels(Device device, Consumer<String> warn) {
        this.device = device;
        this.warn = warn;
    }

    @Override public <T> T open(ModelRef ref, Class<T> capability) {
        if (capability == FirstStage.class) {
            FirstStage stage = FirstStage.open(ref.where());
            held.add(new Held(ref.where(), stage.net(), stage::close));
            stage.to(device);
            return capability.cast(stage);
        }
        if (capability == Codec.class && ref.family().isEmpty()) {
            PictureCodec codec = PictureCodec.open(ref.where());
            held.add(new Held(ref.where(), codec.net(), codec::close));
            codec.net().to(device);
            return capability.cast(codec);
        }
        if (capability == ReadsTexts.class && T5Texts.is(ref)) {
            T5Texts t5 = T5Texts.open(ref);
            held.add(new Held(ref.where(), t5.net(), t5::close));
            t5.net().to(device);
            return capability.cast(t5);
        }
        if (capability == ClipEmbedder.class || capability == ReadsTexts.class) {
            ClipEmbedder clip = ClipEmbedder.open(ref.where());
            held.add(new Held(ref.where(), clip.net(), clip::close));
            clip.to(device);
            return capability.cast(clip);
        }
        if (capability == VectorPrior.class && VectorPrior.is(ref)) {
            VectorPrior prior = VectorPrior.open(ref);
            held.add(new Held(ref.where(), prior.net(), prior.net()::close));
            prior.net().to(device);
            return capability.cast(prior);
        }
        String family = ref.family().orElseThrow(() -> new ArgumentException("'" + ref.where() + "' is no run"));
        Run run;
        try {
            run = Run.open(ref.place(), device.toString(), warn);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        held.add(new Held(ref.where(), run.model().net(), run::close));
        run.model().net().trainable(false);
        return run.model().as(capability)
            .orElseThrow(() -> new ArgumentException("'" + ref.where() + "' is a run of family " + family
                + (capability == Codec.class ? ", whose codes are no grids; vae with net=kl, vqgan and vqvae have some" : "")));
    }

    @Override public DataSpec items(ModelRef run) {
        if (run.family().isEmpty()) throw new ArgumentException("'" + run.where() + "' is no run");
        try {
            return RunConfig.read(run.place().resolve(Run.CONFIG)).settings().spec();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** SHA-256 in hex of the values of what was opened, by the keys of a configuration that name it. Waits for the device. */
    public Map<String, String> underneath(Record config) {
        Map<String, String> all = new TreeMap<>();
        Config.paths(config).forEach((key, where) -> held.stream().filter(h -> h.where.equals(where)).findFirst()
            .ifPresent(h -> all.put(key, Safetensors.sha256(h.net.state()))));
        return all;
    }

    /** The SHA-256 in hex that a run's file of weights states of their values; empty where there is no such file. Reads its header. */
    static String stated(String where) {
        try {
            return Safetensors.header(new ModelRef(where).place().resolve(Run.MODEL)).metadata().getOrDefault("sha256", "");
        } catch (FormatException | IllegalArgumentException e) {
            return "";
        }
    }

    /** Frees all that was opened. */
    @Override public void close() {
        Collections.reverse(held);
        held.forEach(h -> h.free.run());
        held.clear();
    }
}
