package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.data.TextItems;
import io.palitra.data.TextSpec;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.model.Build;
import io.palitra.model.Family;
import io.palitra.model.LrSchedule;
import io.palitra.model.ModelRef;
import io.palitra.model.Models;
import io.palitra.model.Recipe;
import io.palitra.model.Tiny;
import io.palitra.net.Gpt2;
import io.palitra.net.GptReader;
import io.palitra.nn.Module;
import io.palitra.stage.GptFolder;
import io.palitra.stage.TextPredictor;
import io.palitra.stage.TextSampling;
import io.palitra.stage.TextWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Texts token by token, each from all before it, log p(x) = sum_i log p(x_i | x_0 ... x_(i-1)), by a causal transformer. The likelihood is
 * exact. Radford et al. 2019, "Language models are unsupervised multitask learners"; the network is GPT-2's, and a run is one for others,
 * too.
 */
public final class Gpt implements TextWriter {
    public record Config(
            @Help(value = "the GPT-2 to begin with, with its tokens: a run of gpt, a folder of transformers, or org/name of the hub; "
                + "empty = none. The network is then its own, whatever width, layers and heads say", place = Help.Place.MODEL) String base,
            @Help(value = "numbers to a token; a multiple of heads", min = 8, max = 8192) int width,
            @Help(value = "blocks", min = 1, max = 128) int layers,
            @Help(value = "heads of attention", min = 1, max = 128) int heads,
            @Help(value = "chance that a number is zeroed in training", min = 0, max = 0.9) double dropout) {
        public Config {
            if (heads < 1 || width % heads != 0) {
                throw new ArgumentException("illegal width: " + width + ", must be a multiple of heads " + heads);
            }
        }
    }

    public static final Family<Config> FAMILY = new Family<>("gpt", "Texts token by token, by a causal transformer",
        "Radford, Wu, Child, Luan, Amodei and Sutskever 2019, Language models are unsupervised multitask learners",
        new Config("", 192, 4, 6, 0),
        Recipe.of(3, 16, new OptimizerSpec.Muon(2e-3, 0.95, 0.9, 0.99, 0.01)).withSchedule(new LrSchedule.Cosine(100)).withClip(1),
        TextSampling.DEFAULT, "programs", Family.Builder.of(Gpt.class, Gpt::new)).learns(Family.Kind.TEXTS).tiny(new Tiny("scene-texts",
        List.of("data.length=96", "data.vocabulary=300", "width=16", "layers=1", "heads=2"),
        Map.of())).takes(Condition.Kind.PREFIX);

    private final TextSpec text;
    private final Gpt2 net;
    private final TextPredictor predictor;
    private final @Nullable GptFolder base;

    Gpt(Config config, Build with) {
        text = TextPredictor.texts("gpt", with.data());
        base = config.base.isEmpty() ? null : GptFolder.of(config.base);
        if (base == null) {
            Gpt2.Config own = Gpt2.Config.of(text.vocabulary(), text.length(), config.width, config.layers, config.heads, text.end());
            net = new Gpt2(own, config.dropout, with.init());
        } else {
            refuseUnfit(base, config.base, text);
            net = base.open(config.dropout);
        }
        predictor = new TextPredictor(text, net::rows, batch -> new GptReader(net, batch, text.end(), true));
    }

    /** A public GPT-2, or one of a run, as it is. @param where a folder, org/name of the hub, or a run of gpt */
    public static Gpt of(String where, TextItems text) {
        Config as = new Config(where, 8, 1, 1, 0);
        return new Gpt(as, new Build(text, Rng.silent(), new Models() {
            @Override public DataSpec items(ModelRef run) { return open(run, DataSpec.class); }

            @Override public <T> T open(ModelRef ref, Class<T> capability) {
                throw new ArgumentException("gpt is built upon no model");
            }
        }));
    }

    private static void refuseUnfit(GptFolder base, String named, DataSpec data) {
        TextSpec text = (TextSpec) data;
        int tokens = base.config().vocabSize(), positions = base.config().nPositions();
        String why = tokens != text.vocabulary() ? "it has " + tokens + " tokens, the data " + text.vocabulary()
            : positions < text.length() ? "it reads " + positions + " tokens at most, an item has " + text.length()
                + "; data.length=" + positions + " fits" : "";
        if (!why.isEmpty()) throw new ConfigException("base", "'" + named + "' does not fit the data: " + why);
    }

    @Override public Module net() { return net; }

    @Override public TextPredictor predictor() { return predictor; }

    @Override public Map<String, String> underneath() { return base == null ? Map.of() : Map.of("base", base.sha256()); }

    /** The network as transformers saves it, with its tokens. */
    @Override public List<Path> publish(Path folder) { return GptFolder.publish(folder, net, text); }
}
