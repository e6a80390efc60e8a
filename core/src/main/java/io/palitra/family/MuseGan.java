package io.palitra.family;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.Condition;
import io.palitra.data.Score;
import io.palitra.data.ScoreSpec;
import io.palitra.engine.DType;
import io.palitra.engine.Guard;
import io.palitra.engine.OptimizerSpec;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Build;
import io.palitra.model.Evaluates;
import io.palitra.model.Family;
import io.palitra.model.GenerativeModel;
import io.palitra.model.LatentModel;
import io.palitra.model.Losses;
import io.palitra.model.LrSchedule;
import io.palitra.model.Measure;
import io.palitra.model.Recipe;
import io.palitra.model.Step;
import io.palitra.model.Tiny;
import io.palitra.model.Update;
import io.palitra.nn.Embedding;
import io.palitra.nn.GanLoss;
import io.palitra.nn.Init;
import io.palitra.nn.Linear;
import io.palitra.nn.Module;
import io.palitra.nn.Norm;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * Music by two nets that play against each other: Dong et al. 2018, "MuseGAN", arXiv:1709.06298, the hybrid of its section 3. Four inputs
 * make a piece: chords, which all voices share and which change from bar to bar; style, which all share and which stays; a melody for each
 * voice, which changes from bar to bar; a groove for each voice, which stays. A net for each of the changing inputs makes a code for each
 * bar, and a net for each voice makes its bar of four codes: what is moved of one voice's melody or groove moves that voice alone.
 *
 * <p>Trained by Wasserstein's distance with a penalty (Gulrajani et al. 2017, arXiv:1704.00028), the norm of the slope over every axis of a
 * piece: sixteenths, voices and pitches. The generator makes chances of pitches, the critic compares them with notes; beside the notes
 * it is given what sounds on from the sixteenth before, and the notes without their octaves.
 */
public final class MuseGan extends Module implements GenerativeModel<MuseGan.Sampling>, LatentModel, Evaluates {
    public record Config(
            @Help(value = "numbers in each of the inputs", min = 1, max = 1024) int latent,
            @Help(value = "numbers to a sixteenth in both nets", min = 4, max = 4096) int width,
            @Help(value = "weight of the gradient penalty", min = 0) double penalty) {}

    /** The four inputs as sliders. */
    public record Sampling(
            @Help(value = "how far the chords are moved, from those of the seed at 0 to others at 1", min = 0, max = 1) double chords,
            @Help(value = "the same of the style", min = 0, max = 1) double style,
            @Help(value = "the same of the melody", min = 0, max = 1) double melody,
            @Help(value = "the same of the groove", min = 0, max = 1) double groove,
            @Help(value = "voice whose melody and groove are moved, from 1, the highest; 0 = all", min = 0, max = 16) int voice) {}

    private static final Sampling SAMPLING = new Sampling(0, 0, 0, 0, 0);

    public static final Family<Config> FAMILY = new Family<>("musegan",
        "Music in voices from four inputs - chords, style, melody, groove - by two nets that play against each other",
        "Dong, Hsiao, Yang and Yang 2018, arXiv:1709.06298; Gulrajani et al. 2017, arXiv:1704.00028",
        new Config(32, 128, 10),
        Recipe.of(20, 64, new OptimizerSpec.Adam(3e-4, 0.5, 0.9, 1e-8)).withSchedule(new LrSchedule.Linear()).withEma(0.999),
        SAMPLING, "parts", Family.Builder.of(MuseGan.class, MuseGan::new)).learns(Family.Kind.MUSIC)
        .tiny(new Tiny("parts", List.of("data.steps=16", "width=12", "latent=4"), Map.of()));

    private static final int CRITIC_STEPS = 5;
    private static final int OCTAVE = 12;
    private static final double SLOPE = 0.2, EPS = 1e-5;

    private final Config config;
    private final ScoreSpec spec;
    private final int bars;
    private final Generator generator;
    private final Critic critic;

    MuseGan(Config config, Build with) {
        this.config = config;
        spec = ScoreSpec.of("musegan", with.data());
        if (spec.steps() % ScoreSpec.BAR != 0) {
            throw new ArgumentException("musegan wants whole bars of " + ScoreSpec.BAR + " sixteenths, got " + spec + "; data.steps="
                + Math.max(1, spec.steps() / ScoreSpec.BAR) * ScoreSpec.BAR + " fits");
        }
        bars = spec.steps() / ScoreSpec.BAR;
        generator = child("generator", new Generator(with.init().split(0)));
        critic = child("critic", new Critic(with.init().split(1)));
    }

    @Override public Module net() { return this; }

    @Override public List<Update> updates() {
        return List.of(new Update("critic", critic, this::criticise), new Update("generator", generator, CRITIC_STEPS, 0, this::generate));
    }

    private Losses criticise(Batch batch, Step step) {
        Tensor real = Torch.oneHot(batch.x(), spec.symbols());                    // [B,T,V,P]
        Tensor made = Scope.run(() -> {
            try (Guard g = Torch.noGrad()) { return generator.forward(prior((int) batch.size(), step.rng())); }
        });
        Tensor u = step.rng().uniform(batch.size()).to(real.device());
        Tensor penalty = GanLoss.gradientPenalty(critic::forward, GanLoss.mix(real, made, u));
        Tensor onReal = critic.forward(real), onMade = critic.forward(made);
        return Losses.of(GanLoss.wasserstein(onReal, onMade).add(penalty.mul(config.penalty))).with("penalty", penalty)
            .with("real score", onReal.mean()).with("made score", onMade.mean());
    }

    private Losses generate(Batch batch, Step step) {
        return Losses.of(GanLoss.negativeScore(critic.forward(generator.forward(prior((int) batch.size(), step.rng())))));
    }

    @Override public boolean mayCollapse() { return true; }

    @Override public Sampling samplingDefaults() { return SAMPLING; }

    /** Chords, style, melodies of the voices, grooves of the voices, [n,Z (2 + 2 V)]. */
    @Override public Tensor prior(int n, Rng rng) { return rng.normal(n, (long) config.latent * (2 + 2 * spec.voices())); }

    @Override public boolean normalPrior() { return true; }

    /** The likeliest notes, I64 [B,T,V]. */
    @Override public Tensor decode(Tensor z) {
        if (z.dims() != 2 || z.size(1) != (long) config.latent * (2 + 2 * spec.voices())) {
            throw new ArgumentException("MuseGan.decode wants [B," + config.latent * (2 + 2 * spec.voices()) + "], got " + z);
        }
        return Scope.run(() -> generator.forward(z).argmax(3));
    }

    @Override public Tensor sample(Sampling how, Condition given, int count, Rng rng) {
        if (how.voice > spec.voices()) {
            throw new ArgumentException("illegal voice: " + how.voice + ", must be 0 (all) to " + spec.voices());
        }
        return Scope.run(() -> {
            Tensor z = prior(count, rng), other = prior(count, rng);
            List<Tensor> parts = new ArrayList<>();
            for (int i = 0; i < 2 + 2 * spec.voices(); i++) {
                int voice = i < 2 ? 0 : (i - 2) % spec.voices() + 1;
                double by = i == 0 ? how.chords : i == 1 ? how.style : how.voice != 0 && how.voice != voice ? 0
                    : i < 2 + spec.voices() ? how.melody : how.groove;
                Tensor a = part(z, i), b = part(other, i);
                parts.add(by == 0 ? a : a.mul(Math.cos(by * Math.PI / 2)).add(b.mul(Math.sin(by * Math.PI / 2))));   // stays N(0,1)
            }
            return decode(Torch.cat(1, parts));
        });
    }

    private Tensor part(Tensor z, int i) { return z.narrow(1, (long) i * config.latent, config.latent); }

    /** What each slider does, moved alone from 0 to 1: the melody and the groove of one voice after the other. */
    @Override public List<Measure> evaluate(Iterable<Batch> test, Rng rng) {
        List<Measure> all = new ArrayList<>();
        int n = 200;
        List<Score> before = Score.of(spec, sample(SAMPLING, Condition.NONE, n, rng.at(0)));
        for (String input : List.of("chords", "style", "melody", "groove")) {
            boolean ofVoice = input.equals("melody") || input.equals("groove");
            Moved sum = new Moved();
            for (int voice = ofVoice ? 1 : 0; voice <= (ofVoice ? spec.voices() : 0); voice++) {
                Sampling how = new Sampling(input.equals("chords") ? 1 : 0, input.equals("style") ? 1 : 0, input.equals("melody") ? 1 : 0,
                    input.equals("groove") ? 1 : 0, voice);
                try (Scope scope = new Scope()) {
                    sum.add(before, Score.of(spec, sample(how, Condition.NONE, n, rng.at(0))), voice - 1);
                }
            }
            String of = String.format(Locale.ROOT, "where %s alone is moved%s, %d pieces", input, ofVoice ? " in a voice" : "", n);
            all.add(new Measure(input + ": notes changed", 100 * sum.pitches(), "%", "sixteenths " + of));
            all.add(new Measure(input + ": beginnings changed", 100 * sum.onsets(), "%", "places where a note begins before or after, "
                + of));
            if (ofVoice) all.add(new Measure(input + ": notes changed in other voices", 100 * sum.others(), "%", "sixteenths " + of));
        }
        return all;
    }

    /** Counts what differs. */
    private static final class Moved {
        private long notes, changed, begun, otherBegun, elsewhere, changedElsewhere;

        /** @param voice that was moved, -1 = all */
        void add(List<Score> before, List<Score> after, int voice) {
            for (int i = 0; i < before.size(); i++) {
                int[][] a = before.get(i).pitches(), b = after.get(i).pitches();
                for (int t = 0; t < a.length; t++) {
                    for (int v = 0; v < a[t].length; v++) {
                        boolean other = a[t][v] != b[t][v];
                        if (voice >= 0 && v != voice) {
                            elsewhere++;
                            if (other) changedElsewhere++;
                            continue;
                        }
                        notes++;
                        if (other) changed++;
                        boolean first = begins(a, t, v), second = begins(b, t, v);
                        if (first || second) begun++;
                        if (first != second) otherBegun++;
                    }
                }
            }
        }

        private static boolean begins(int[][] p, int t, int v) { return p[t][v] != Score.REST && (t == 0 || p[t - 1][v] != p[t][v]); }

        double pitches() { return changed / (double) Math.max(1, notes); }

        double onsets() { return otherBegun / (double) Math.max(1, begun); }

        double others() { return changedElsewhere / (double) Math.max(1, elsewhere); }
    }

    /** Each sixteenth x [N,T,C] beside the one before and the one after, [N,T,3 C]; zeros beyond the ends. */
    private static Tensor neighbours(Tensor x) {
        long t = x.size(1);
        Tensor wide = Torch.pad(x, 0, 0, 1, 1);
        return Torch.cat(2, wide.narrow(1, 0, t), x, wide.narrow(1, 2, t));
    }

    /** Inputs to chances of pitches. */
    private final class Generator extends Module {
        private final List<Module> changing = new ArrayList<>();
        private final List<BarNet> voices = new ArrayList<>();

        Generator(Rng rng) {
            changing.add(child("chords", new TimeNet(rng)));
            for (int v = 0; v < spec.voices(); v++) changing.add(child("melody." + v, new TimeNet(rng)));
            for (int v = 0; v < spec.voices(); v++) voices.add(child("voices." + v, new BarNet(rng)));
        }

        /** z [B,Z (2 + 2 V)] to [B,T,V,P]. */
        Tensor forward(Tensor z) {
            long b = z.size(0);
            Tensor chords = ((TimeNet) changing.get(0)).forward(part(z, 0)), style = each(part(z, 1));       // [B,bars,Z]
            List<Tensor> all = new ArrayList<>();
            for (int v = 0; v < spec.voices(); v++) {
                Tensor melody = ((TimeNet) changing.get(1 + v)).forward(part(z, 2 + v)), groove = each(part(z, 2 + spec.voices() + v));
                Tensor codes = Torch.cat(2, chords, style, melody, groove).reshape(b * bars, 4L * config.latent);
                all.add(voices.get(v).forward(codes).reshape(b, spec.steps(), spec.symbols()));
            }
            return Torch.stack(2, all).to(DType.F32).softmax(3);
        }

        private Tensor each(Tensor z) { return z.unsqueeze(1).expand(z.size(0), bars, config.latent); }
    }

    /** A code for the piece to one for each of its bars. */
    private final class TimeNet extends Module {
        private final Linear first;
        private final Linear second;
        private final Norm.Layer norm;

        TimeNet(Rng rng) {
            first = child("0", new Linear(config.latent, 2 * config.width, rng));
            second = child("1", new Linear(2 * config.width, bars * config.latent, rng));
            norm = child("norm", new Norm.Layer(config.latent, EPS));   // as large as the inputs that stay
        }

        Tensor forward(Tensor z) {
            Tensor y = second.forward(first.forward(z).leakyRelu(SLOPE)).reshape(z.size(0), bars, config.latent);
            return norm.forward(y).to(z.dtype());
        }
    }

    /** The four codes of a bar to logits of a voice in it, [N,4 Z] to [N,16,P]: two halves, four quarters, eighths, sixteenths. */
    private final class BarNet extends Module {
        private static final int DOUBLINGS = 3;

        private final Linear start;
        private final Norm.Layer startNorm;
        private final List<Linear> layers = new ArrayList<>();
        private final List<Norm.Layer> norms = new ArrayList<>();
        private final Tensor places;
        private final Linear last;

        BarNet(Rng rng) {
            int c = config.width;
            start = child("start", new Linear(4 * config.latent, 2 * c, rng));
            startNorm = child("start_norm", new Norm.Layer(c, EPS));
            for (int i = 0; i < DOUBLINGS; i++) {
                layers.add(child(String.valueOf(i), new Linear(3 * c, c, rng)));
                norms.add(child("norm." + i, new Norm.Layer(c, EPS)));
            }
            places = Objects.requireNonNull(child("places", new Embedding(ScoreSpec.BAR, c, Init.DCGAN, rng)).parameters().get("weight"));
            last = child("last", new Linear(c, spec.symbols(), rng));
        }

        Tensor forward(Tensor codes) {
            long n = codes.size(0);
            int c = config.width;
            Tensor x = startNorm.forward(start.forward(codes).reshape(n, 2, c)).leakyRelu(SLOPE);
            for (int i = 0; i < DOUBLINGS; i++) {
                long t = 2 * x.size(1);
                Tensor twice = x.unsqueeze(2).expand(n, x.size(1), 2, c).reshape(n, t, c);
                Tensor y = layers.get(i).forward(neighbours(twice));
                if (i == DOUBLINGS - 1) y = y.add(places);
                x = norms.get(i).forward(y).leakyRelu(SLOPE);
            }
            return last.forward(x);
        }
    }

    /** Pieces [B,T,V,P] to scores [B]: halved in time until a bar is one place, and then all bars together. */
    private final class Critic extends Module {
        private final Linear start;
        private final List<Linear> layers = new ArrayList<>();
        private final Linear bar;
        private final Linear last;

        Critic(Rng rng) {
            int c = config.width, voices = spec.voices();
            start = child("start", new Linear(voices * (spec.symbols() + 1 + OCTAVE), c, rng));
            for (int i = 0; 1 << i < ScoreSpec.BAR; i++) layers.add(child(String.valueOf(i), new Linear(4 * c, c, rng)));
            bar = child("bar", new Linear(bars * c, c, rng));
            last = child("last", new Linear(c, 1, rng));
        }

        Tensor forward(Tensor x) {
            long b = x.size(0), t = x.size(1), v = x.size(2), p = x.size(3);
            Tensor on = x.narrow(1, 1, t - 1).mul(x.narrow(1, 0, t - 1)).sum(false, 3);                     // [B,T-1,V] what sounds on
            Tensor octaves = Torch.pad(x.narrow(3, 1, p - 1), 0, (int) ((OCTAVE - (p - 1) % OCTAVE) % OCTAVE), 0, 0)
                .reshape(b, t, v, -1, OCTAVE).sum(false, 3);                                                // [B,T,V,12]
            Tensor h = Torch.cat(2, x.reshape(b, t, v * p), Torch.pad(on, 0, 0, 1, 0), octaves.reshape(b, t, v * OCTAVE));
            h = start.forward(h).leakyRelu(SLOPE);
            for (Linear layer : layers) {                                                                   // 4 wide, every other
                long n = h.size(1), c = h.size(2);
                Tensor wide = Torch.pad(h, 0, 0, 1, 1);
                Tensor two = wide.narrow(1, 0, n).reshape(b, n / 2, 2 * c), next = wide.narrow(1, 2, n).reshape(b, n / 2, 2 * c);
                h = layer.forward(Torch.cat(2, two, next)).leakyRelu(SLOPE);
            }
            Tensor all = bar.forward(h.flatten(1)).leakyRelu(SLOPE);
            return last.forward(all).squeeze(1).to(DType.F32);
        }
    }
}
