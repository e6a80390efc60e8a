package io.palitra.paint;

import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Picture;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Everything that decides a picture, the model aside. The same request on the same model, machine and number of threads gives the same
 * pictures. Picture i is drawn with seed + i, and is the same, up to rounding, alone or among others.
 *
 * @param prompt       as {@link io.palitra.data.Prompt} reads it
 * @param negative     what the picture is led away from
 * @param how          numbers and names
 * @param loras        low-rank changes of the model's weights, added up
 * @param edit         a picture to start from
 * @param next         a model that takes over on the way
 */
public record PaintRequest(String prompt, String negative, How how, List<Lora> loras, Optional<Edit> edit, Optional<Switch> next) {
    /** Longer ones are refused: the windows of 75 tokens that they would take are more than any model makes sense of. */
    public static final int LONGEST_PROMPT = 20_000;

    /** Numbers and names that are options of the command line, too. */
    public record How(@Help(value = "pictures", min = 1, max = 1000) int n,
            @Help(value = "pixels, 0 = the model's own, or those of the picture to edit", min = 0, max = 8192) int width,
            @Help(value = "likewise", min = 0, max = 8192) int height, @Help(value = "steps", min = 1, max = 1000) int steps,
            @Help(value = "scale of classifier-free guidance, 1 = none", min = 0, max = 100) double guidance,
            @Help(value = "share of the deviation that guidance gives back, for large scales", min = 0, max = 1) double guidanceRescale,
            @Help("as other tools call it, such as DPM++ 2M Karras; empty = the model's own") String sampler,
            @Help(value = "fresh noise of DDIM", min = 0, max = 1) double eta,
            @Help(value = "of the first picture; the next has the next", min = 0) long seed,
            @Help("noise to start from") StartNoise noise,
            @Help(value = "layer of the text encoder whose output is used, counted from the end: 1 the last, 2 the one before; 0 = "
                + "the model's own", min = 0, max = 48) int clipSkip,
            @Help(value = "how fair the picture is to be, for models with such an input, as SDXL's refiner", min = 0, max = 10)
            double aestheticScore,
            @Help(value = "how fair what it is led away from", min = 0, max = 10) double negativeAestheticScore) {
        public static final How DEFAULT = new How(1, 0, 0, 30, 7.5, 0, "", 0, 0, new StartNoise.Gaussian(), 0, 6, 2.5);
    }

    /** A file of low-rank changes and how much of them is added: 1 as trained, 0 nothing. */
    public record Lora(Path file, double weight) {}

    /** @param time training time, 0 = clean data; from there down that model continues */
    public record Switch(Path model, double time) {}

    /**
     * A picture to change.
     *
     * @param picture  RGB or grey
     * @param strength 0 = left as it is, 1 = drawn anew from noise
     * @param mask     white is drawn anew, black stays as it is; of the picture's size; null = all is drawn anew. Of a file with
     *                 transparency {@link io.palitra.data.Pictures#mask} makes one
     * @param blur     pixels over which the mask's edge is softened
     * @param margin   pixels added on each side and drawn
     */
    public record Edit(Picture picture, double strength, @Nullable Picture mask, int blur, Margin margin) {
        public Edit {
            range("strength", strength, 0, 1);
            range("mask-blur", blur, 0, 512);
            if (mask != null && (mask.width() != picture.width() || mask.height() != picture.height())) {
                throw new ConfigException("mask", "the mask has " + mask.width() + "x" + mask.height() + " pixels, the picture "
                    + picture.width() + "x" + picture.height() + "; they must be the same");
            }
        }

        /** Whether some of the picture stays as it is. */
        public boolean inpaints() { return mask != null || !margin.none(); }
    }

    /** Pixels to add on each side. */
    public record Margin(@Help(value = "pixels at the left", min = 0, max = 4096) int left,
            @Help(value = "pixels at the top", min = 0, max = 4096) int top,
            @Help(value = "pixels at the right", min = 0, max = 4096) int right,
            @Help(value = "pixels at the bottom", min = 0, max = 4096) int bottom) {
        public static final Margin NONE = new Margin(0, 0, 0, 0);

        public Margin {
            range("outpaint", left, 0, 4096);
            range("outpaint", top, 0, 4096);
            range("outpaint", right, 0, 4096);
            range("outpaint", bottom, 0, 4096);
        }

        public boolean none() { return left + top + right + bottom == 0; }
    }

    public PaintRequest {
        loras = List.copyOf(loras);
        length("prompt", prompt);
        length("negative", negative);
        Config.check(how);
        for (Lora l : loras) range("lora", "weight of " + l.file, l.weight, -10, 10);
        next.ifPresent(s -> range("switch-to", "time to switch at", s.time, 0, 1e6));
    }

    /** A prompt, and all else as users of Stable Diffusion expect it: one picture, 30 steps, guidance 7.5, seed 0. */
    public static PaintRequest of(String prompt) {
        return new PaintRequest(prompt, "", How.DEFAULT, List.of(), Optional.empty(), Optional.empty());
    }

    /** With other values of {@link How}, such as "steps=20". @throws ConfigException for a key or value that is none */
    public PaintRequest with(String... values) {
        return new PaintRequest(prompt, negative, Config.with(how, values), loras, edit, next);
    }

    public PaintRequest awayFrom(String text) { return new PaintRequest(prompt, text, how, loras, edit, next); }

    public PaintRequest with(Lora... files) { return new PaintRequest(prompt, negative, how, List.of(files), edit, next); }

    public PaintRequest with(Edit of) { return new PaintRequest(prompt, negative, how, loras, Optional.of(of), next); }

    public PaintRequest with(Switch to) { return new PaintRequest(prompt, negative, how, loras, edit, Optional.of(to)); }

    static void range(String key, double value, double least, double most) { range(key, key, value, least, most); }

    private static void range(String key, String what, double value, double least, double most) {
        if (value >= least && value <= most) return;
        throw new ConfigException(key, "illegal " + what + ": " + shown(value) + ", must be from " + shown(least) + " to " + shown(most));
    }

    private static String shown(double x) { return x == Math.rint(x) && Math.abs(x) < 1e15 ? Long.toString((long) x) : Double.toString(x); }

    private static void length(String key, String text) {
        if (text.length() > LONGEST_PROMPT) {
            throw new ConfigException(key, "the " + key + " has " + text.length() + " characters, at most " + LONGEST_PROMPT + " are read");
        }
        // what a PNG cannot carry is refused before the work, not after it
        if (text.indexOf(0) >= 0 || !StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw new ConfigException(key, "the " + key + " holds U+0000 or half a surrogate pair; it must be text");
        }
    }
}
