package io.palitra.edit;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Picture;
import io.palitra.data.DreamPrompt;
import io.palitra.engine.OptimizerSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Everything that decides what {@link Dream} paints, the models aside. The same request on the same models, machine and number of threads
 * gives the same picture.
 *
 * @param texts   texts that the picture is to fit, in the form of {@link DreamPrompt}; may be empty where there are targets
 * @param image   picture to start from; without one, codes that the seed draws
 * @param targets pictures that it is to resemble
 * @param noise   points at random that it is to resemble
 * @param how     numbers
 */
public record DreamRequest(String texts, Optional<Picture> image, List<Target> targets, List<NoisePrompt> noise, How how) {
    /** Longer ones are refused. */
    public static final int LONGEST = 20_000;
    private static final Pattern NOISE = Pattern.compile("(\\d{1,18})(?:\\s*:\\s*([+-]?\\d{1,9}(?:\\.\\d{1,9})?))?");

    /** A picture to come near; weight and stop are as of a text. */
    public record Target(Picture picture, double weight, double stop) {}

    /** @param seed of the point @param weight as of a text */
    public record NoisePrompt(long seed, double weight) {
        /** Reads {@code 7:0.5 | 8}: seeds and weights. @throws ConfigException for anything else */
        public static List<NoisePrompt> parse(String text) {
            List<NoisePrompt> all = new ArrayList<>();
            for (String part : text.split("\\|", -1)) {
                if (part.isBlank()) continue;
                Matcher m = NOISE.matcher(part.strip());
                if (!m.matches()) {
                    throw new ConfigException("noise", "illegal noise: '" + part.strip() + "', must be a seed, or seed:weight as 7:0.5");
                }
                all.add(new NoisePrompt(Long.parseLong(m.group(1)), m.group(2) == null ? 1 : Double.parseDouble(m.group(2))));
            }
            return List.copyOf(all);
        }
    }

    /** Numbers and names that are options of the command line, too. */
    public record How(
            @Help(value = "pixels, 0 = twice those that the model was trained on", min = 0, max = 8192) int width,
            @Help(value = "likewise", min = 0, max = 8192) int height,
            @Help(value = "moves of the codes, 0 = until stopped", min = 0, max = 1_000_000) int iterations,
            @Help(value = "decides everything", min = 0) long seed,
            @Help(value = "parts of the picture that CLIP sees in an iteration", min = 1, max = 4096) int cutouts,
            @Help(value = "power of a uniform number that gives a part's size: above 1 small parts, below 1 large ones", min = 0.01,
                max = 100) double cutPower,
            @Help(value = "parts at once, which bounds the memory", min = 1, max = 4096) int batch,
            @Help("who moves the codes; the learning rate counts in half the range of the codebook") OptimizerSpec optimizer,
            @Help(value = "grids that move along with the codes, each half as fine as the one before: large things come first", min = 0,
                max = 12) int coarser,
            @Help(value = "what a picture keeps of those before it, so that it shows what stays; 0 = nothing", min = 0, max = 0.999)
            double average,
            @Help(value = "how much the codes are held where they began", min = 0, max = 1e6) double initWeight,
            @Help("how a part is changed before CLIP sees it") Augment augment,
            @Help("the picture between iterations, for a journey") Journey journey,
            @Help(value = "iterations of a phase of the story, 0 = all alike", min = 0, max = 1_000_000) int phase) {
        public static final How DEFAULT = new How(0, 0, 200, 0, 32, 1, 32, new OptimizerSpec.Adam(0.1, 0.9, 0.999, 1e-8), 4, 0.95,
            0, Augment.DEFAULT, Journey.NONE, 0);
    }

    /** Changes of a part of the picture, different for each; an optimum under all of them looks right to people, too. */
    public record Augment(
            @Help(value = "degrees it may be turned either way", min = 0, max = 180) double turn,
            @Help(value = "share of its side it may be moved either way", min = 0, max = 1) double shift,
            @Help(value = "how much nearer one edge may come than the opposite one", min = 0, max = 0.45) double perspective,
            @Help(value = "chance that left and right change places, which no text with a side in it bears", min = 0, max = 1) double flip,
            @Help(value = "share by which brightness, contrast and saturation may change either way", min = 0, max = 1) double jitter,
            @Help(value = "greatest deviation of noise upon it, of values in [-1,1]", min = 0, max = 2) double noise) {
        public static final Augment DEFAULT = new Augment(15, 0.1, 0.2, 0, 0.1, 0.2);
        public static final Augment NONE = new Augment(0, 0, 0, 0, 0, 0);
    }

    /** A camera that moves: the picture is changed and encoded anew. */
    public record Journey(
            @Help(value = "how much larger it gets; below 1 smaller, 1 = not", min = 0.5, max = 2) double zoom,
            @Help(value = "pixels it moves to the right", min = -4096, max = 4096) double right,
            @Help(value = "pixels it moves down", min = -4096, max = 4096) double down,
            @Help(value = "iterations between two such moves", min = 1, max = 1_000_000) int every) {
        public static final Journey NONE = new Journey(1, 0, 0, 10);

        boolean stands() { return zoom == 1 && right == 0 && down == 0; }
    }

    public DreamRequest {
        targets = List.copyOf(targets);
        noise = List.copyOf(noise);
        if (texts.length() > LONGEST) {
            throw new ConfigException("texts", "the texts have " + texts.length() + " characters, at most " + LONGEST + " are read");
        }
        // what a PNG cannot carry is refused before the work, not after it
        if (texts.indexOf(0) >= 0 || !StandardCharsets.UTF_8.newEncoder().canEncode(texts)) {
            throw new ConfigException("texts", "the texts hold U+0000 or half a surrogate pair; they must be text");
        }
        Config.check(how);
        DreamPrompt story = DreamPrompt.parse(texts);
        List<Double> others = new ArrayList<>();
        targets.forEach(t -> others.add(t.weight));
        noise.forEach(n -> others.add(n.weight));
        boolean elsewhere = others.stream().anyMatch(w -> w != 0);
        if (!elsewhere && story.phases().isEmpty()) {
            throw new ConfigException("texts", "dream of what? there is no text, no target and no noise to head for");
        }
        for (List<DreamPrompt.WeightedTarget> phase : story.phases()) {
            if (!elsewhere && phase.stream().allMatch(a -> a.weight() == 0)) {
                throw new ConfigException("texts", "every weight of '" + phase.get(0).what() + "' and what stands beside it is 0");
            }
        }
        if (story.phases().size() > 1 && how.phase == 0 && how.iterations < story.phases().size()) {
            throw new ConfigException("phase", "a story of " + story.phases().size() + " phases wants as many iterations at least, or "
                + "'phase', how many each has");
        }
    }

    /** Texts, and all else as usual. */
    public static DreamRequest of(String texts) {
        return new DreamRequest(texts, Optional.empty(), List.of(), List.of(), How.DEFAULT);
    }

    /** With other values of {@link How}, such as "iterations=500". @throws ConfigException for a key or value that is none */
    public DreamRequest with(String... values) { return new DreamRequest(texts, image, targets, noise, Config.with(how, values)); }

    public DreamRequest from(Picture start) { return new DreamRequest(texts, Optional.of(start), targets, noise, how); }

    public DreamRequest towards(Target... pictures) { return new DreamRequest(texts, image, List.of(pictures), noise, how); }

    public DreamRequest towards(NoisePrompt... points) { return new DreamRequest(texts, image, targets, List.of(points), how); }

    /** Which phase of so many counts in an iteration; the last goes on to the end. */
    int phase(int iteration, int phases) {
        if (phases <= 1) return 0;
        long reached = how.phase > 0 ? iteration / how.phase : (long) iteration * phases / how.iterations;
        return (int) Math.min(phases - 1, reached);
    }
}
