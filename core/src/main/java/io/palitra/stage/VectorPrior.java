package io.palitra.stage;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.Notes;
import io.palitra.data.FormatException;
import io.palitra.diffusion.Dpm;
import io.palitra.diffusion.NoiseSchedule;
import io.palitra.diffusion.NoiseTable;
import io.palitra.diffusion.Prediction;
import io.palitra.diffusion.Predictor;
import io.palitra.diffusion.Sampler;
import io.palitra.diffusion.Spacing;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Weights;
import io.palitra.model.ModelRef;
import io.palitra.net.PriorTransformer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A trained prior: from texts, as a CLIP reads them, to the vectors that it would give pictures of them (Ramesh et al. 2022,
 * arXiv:2204.06125, section 2.2). That of a run, or a public PriorTransformer, such as Karlo's and Kandinsky's.
 */
public final class VectorPrior {
    private static final String CLASS = "PriorTransformer", PART = "prior", CONFIG = "config.json";

    /** How vectors are drawn. */
    public record Drawing(
            @Help(value = "steps from noise to a vector", min = 1, max = Sampler.MOST_STEPS) int steps,
            @Help(value = "how far to go from what no text says to what this one says; 1 = no further", min = 0, max = 100)
            double guidance,
            @Help(value = "vectors drawn, of which the one nearest to the text is kept", min = 1, max = 64) int candidates) {
        public Drawing() { this(16, 1.5, 2); }
    }

    private final String name;
    private final PriorTransformer net;
    private final NoiseTable table;
    private final @Nullable String upon;

    /** @param upon SHA-256 of the CLIP that it was trained upon; null = a public one, which takes texts as projected, of any length */
    public VectorPrior(String name, PriorTransformer net, NoiseTable table, @Nullable String upon) {
        this.name = name;
        this.net = net;
        this.table = table;
        this.upon = upon;
    }

    public PriorTransformer net() { return net; }

    /** Whether a public prior lies there: a folder of one, or a pipeline that has one. */
    public static boolean is(ModelRef ref) { return folder(ref) != null; }

    private static @Nullable Path folder(ModelRef ref) {
        Path place = ref.place();
        for (Path folder : List.of(place, place.resolve(PART))) {
            if (!Files.isRegularFile(folder.resolve(CONFIG))) continue;
            JsonNode config = ModelFolder.config(folder);
            if (config.path("_class_name").asText().equals(CLASS)) return folder;
        }
        return null;
    }

    /** A public prior, which {@link #is} there. @throws FormatException when it is broken */
    public static VectorPrior open(ModelRef ref) {
        Path folder = Objects.requireNonNull(folder(ref));
        PriorTransformer net = null;
        try (Scope scope = new Scope()) {
            PriorTransformer.Config config = PriorTransformer.Config.fromJson(ModelFolder.config(folder),
                line -> Notes.common().accept(folder.resolve(CONFIG) + ": " + line));
            net = new PriorTransformer(config, Rng.silent());
            net.load(Weights.read(ModelFolder.file(folder)));
            net.trainable(false);
            net.training(false);
            return new VectorPrior(ref.where(), net, new NoiseSchedule.Cosine().table(), null);
        } catch (IllegalArgumentException e) {
            if (net != null) net.close();
            throw new FormatException(folder.toString(), -1, String.valueOf(e.getMessage()), e);
        }
    }

    /**
     * Refuses a prior for another CLIP.
     *
     * @param named the CLIP, as the user named it
     * @throws ConfigException of key {@code prior}
     */
    public void check(ClipEmbedder clip, String named) {
        PriorTransformer.Config c = net.config();
        int tokens = clip.net().text().config().maxPositionEmbeddings(), width = clip.net().text().config().hiddenSize();
        String who = "the prior '" + name + "' ";
        if (c.textWidth() != clip.points() || c.pictureWidth() != clip.points()) {
            throw new ConfigException("prior", who + "is of vectors of " + c.pictureWidth() + " numbers, the CLIP '" + named + "' gives "
                + clip.points());
        }
        if (c.encoderHidProj() && (c.embeddingDim() != width || c.numEmbeddings() != tokens)) {
            throw new ConfigException("prior", who + "reads " + c.numEmbeddings() + " tokens of " + c.embeddingDim()
                + " numbers, the CLIP '"
                + named + "' gives " + tokens + " of " + width);
        }
        if (upon != null && !upon.equals(clip.sha256())) {
            throw new ConfigException("prior", who + "was trained upon another CLIP than '" + named + "': their weights differ");
        }
    }

    /** What the network is given for texts: vectors, tokens and their mask. */
    public record Inputs(Tensor vectors, @Nullable Tensor tokens, @Nullable Tensor mask) {}

    /** Texts as the network takes them. */
    public Inputs inputs(ClipEmbedder clip, List<String> texts) {
        ClipEmbedder.TextStates read = clip.texts(texts);
        Tensor vectors = upon == null ? read.projected() : read.points().mul(Math.sqrt(clip.points()));   // numbers of deviation 1
        return net.config().encoderHidProj() ? new Inputs(vectors, read.states(), read.mask()) : new Inputs(vectors, null, null);
    }

    /** A picture's vector for each text, of length 1, [T,P]; vector i draws from item i of rng. */
    public Tensor draw(ClipEmbedder clip, List<String> texts, Drawing how, Rng rng) {
        int n = texts.size();
        return Scope.run(() -> {
            Inputs with = inputs(clip, texts), without = inputs(clip, Collections.nCopies(n, ""));
            Tensor points = clip.texts(texts).points();
            Predictor model = new Predictor(Prediction.X0, (x, t) -> guided(x, t, with, without, how.guidance));
            Sampler sampler = new Sampler.DpmPlusPlus2M(how.steps, new Spacing.Linspace(),
                Dpm.Solver.MIDPOINT, true);
            Tensor best = null, nearest = null;
            for (int k = 0; k < how.candidates; k++) {
                Tensor noise = rng.normal(n, clip.points()).to(points.device());
                Tensor drawn = net.unscaled(sampler.sample(model, noise, sampler.levels(table), rng::normalLike));
                Tensor vector = drawn.div(drawn.square().sum(true, 1).sqrt());
                Tensor near = vector.mul(points).sum(true, 1);   // [T,1]
                best = best == null || nearest == null ? vector : vector.where(nearest.lt(near), best);
                nearest = nearest == null ? near : nearest.maximum(near);
            }
            return Objects.requireNonNull(best);
        });
    }

    private Tensor guided(Tensor x, double t, Inputs with, Inputs without, double guidance) {
        Tensor times = Torch.full(t, x.size(0)).to(x.device());
        Tensor told = net.forward(x, times, with.vectors, with.tokens, with.mask);
        return guidance == 1 ? told : net.forward(x, times, without.vectors, without.tokens, without.mask).lerp(told, guidance);
    }
}
