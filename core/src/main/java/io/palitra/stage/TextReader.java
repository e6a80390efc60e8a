package io.palitra.stage;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.ModelRef;
import io.palitra.net.ClipText;
import io.palitra.net.HiddenActivation;
import io.palitra.nn.Module;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What reads the texts that pictures are drawn from, a vector for each token: an encoder that learns with the network, or a frozen one. */
public sealed interface TextReader permits TextReader.Own, TextReader.Clip, TextReader.T5 {
    /** The reader, built. */
    Built build(Build with);

    /** A reader. Texts of B items to tokens [B,L,D]. */
    interface Built {
        /** Numbers in the vector of a token, D. */
        int width();

        /** What a checkpoint holds of it; null for nothing. */
        @Nullable Module module();

        ReadsTexts.States read(List<String> texts, Device device);

        /** As {@link #read}, for learning. */
        default ReadsTexts.States read(List<String> texts, Device device, Rng rng) { return read(texts, device); }

        /** Takes its vocabulary from captions. */
        default void learn(Iterable<String> captions) {}

        /** @throws ConfigException for a text that is longer than what is read of it */
        default void check(String text) {}

        /** What of a text it will not understand, a line each. */
        List<String> notes(String text);

        /** Files for others in a run's folder. */
        default List<Path> publish(Path folder) { return List.of(); }
    }

    /** A small transformer that learns with the network: CLIP's text side, over the tokens of {@link CaptionPrefix}. */
    record Own(
            @Help(value = "width of the encoder; a multiple of heads", min = 4, max = 4096) int width,
            @Help(value = "layers", min = 1, max = 100) int layers,
            @Help(value = "heads of attention", min = 1, max = 256) int heads,
            @Help(value = "tokens of a text, with those that begin and end it; longer ones are cut", min = 2, max = 1024) int length,
            @Help(value = "pairs that the tokenizer learns from the captions", min = 0, max = 1 << 16) int pairs,
            @Help(value = "chance that a pair of a word's tokens does not merge: forms of words never read are understood by their parts",
                min = 0, max = 1) double dropMerges) implements TextReader {
        public Own() { this(128, 2, 4, 32, 512, 0.1); }

        public Own {
            if (heads < 1 || width % heads != 0) {
                throw new ArgumentException("illegal width: " + width + ", must be a multiple of the " + heads + " heads");
            }
        }

        @Override public Built build(Build with) { return new BuiltOwn(this, with.init()); }
    }

    /** {@link Own}, built. */
    final class BuiltOwn extends Module implements Built {
        private final Own config;
        private final CaptionPrefix captions;
        private final ClipText encoder;

        BuiltOwn(Own config, Rng init) {
            this.config = config;
            captions = child("captions", new CaptionPrefix(config.pairs, config.length));
            encoder = child("encoder", new ClipText(new ClipText.Config(false, captions.kinds(), config.width, 4 * config.width,
                config.width,
                config.layers, config.heads, config.length, HiddenActivation.QUICK_GELU, 1e-5, captions.tokens().end()), init));
        }

        @Override public int width() { return config.width; }

        @Override public Module module() { return this; }

        @Override public ReadsTexts.States read(List<String> texts, Device device) {
            return new ReadsTexts.States(encoder.forward(captions.ids(texts).to(device), null).last(), null);
        }

        @Override public ReadsTexts.States read(List<String> texts, Device device, Rng rng) {
            return new ReadsTexts.States(encoder.forward(captions.ids(texts, config.dropMerges, rng).to(device), null).last(), null);
        }

        @Override public void learn(Iterable<String> texts) { captions.learn(texts); }

        @Override public void check(String text) { captions.check(text); }

        @Override public List<String> notes(String text) { return captions.notes(text); }

        @Override public List<Path> publish(Path folder) { return captions.publish(folder); }
    }

    /** The text side of a CLIP, frozen: Rombach et al. 2022, arXiv:2112.10752, as in Stable Diffusion. */
    record Clip(
            @Help(value = "a run of clip, a folder of a public CLIP, or org/name of the hub", place = Help.Place.MODEL) String run)
            implements TextReader {
        public Clip() { this(""); }

        @Override public Built build(Build with) {
            if (run.isEmpty()) throw new ConfigException("text.run", "which CLIP? text.run=W names a run of clip, a folder or org/name");
            if (T5Texts.is(new ModelRef(run))) throw new ConfigException("text.run", "'" + run + "' is a T5: text=t5 reads it");
            return new Frozen(with.models().open(new ModelRef(run), ReadsTexts.class));
        }
    }

    /** The encoder of a T5, frozen: Saharia et al. 2022, arXiv:2205.11487, section 2.1. */
    record T5(
            @Help(value = "a folder of transformers' T5 with its tokenizer.json, a pipeline that has one, or org/name of the hub",
                place = Help.Place.MODEL) String run) implements TextReader {
        public T5() { this(""); }

        @Override public Built build(Build with) {
            if (run.isEmpty()) throw new ConfigException("text.run", "which T5? text.run=W names a folder or org/name");
            ModelRef ref = new ModelRef(run);
            if (!T5Texts.is(ref)) throw new ConfigException("text.run", "'" + run + "' is no T5: its config.json has no model_type t5");
            return new Frozen(with.models().open(ref, ReadsTexts.class));
        }
    }

    /** A frozen encoder. */
    record Frozen(ReadsTexts of) implements Built {
        @Override public int width() { return of.textWidth(); }

        @Override public @Nullable Module module() { return null; }

        @Override public ReadsTexts.States read(List<String> texts, Device device) {
            try (Scope scope = new Scope(); Guard g = Torch.noGrad(); Guard full = Torch.autocast(device, DType.F32)) {
                ReadsTexts.States states = of.textStates(texts);
                return new ReadsTexts.States(scope.keep(states.tokens().to(DType.F32).to(device)),
                    states.mask() == null ? null : scope.keep(states.mask().to(device)));
            }
        }

        @Override public List<String> notes(String text) { return of.notes(text); }
    }
}
