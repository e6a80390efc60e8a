package io.palitra.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.report.Png;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The picture that img2img changes, and its mask, in the size that is asked for.
 *
 * @param mask of the picture's size, white is painted; null = all of it
 * @param blur pixels over which its edge is softened
 */
record SdChange(Picture picture, @Nullable Picture mask, double strength, int blur) {
    private static final String IMAGES = "init_images", MASK = "mask";

    /** @param warnings gets what is done otherwise than by other servers of this API */
    static SdChange of(SdBody body, int width, int height, List<String> warnings) {
        JsonNode images = body.node(IMAGES);
        if (!images.isArray() || images.size() != 1) throw SdBody.wrong(IMAGES, "must be a list of one picture");
        Picture given = Pictures.read(SdBody.picture(IMAGES, images.get(0)), IMAGES, Limits.DEFAULT);
        int w = width > 0 ? width : given.width(), h = height > 0 ? height : given.height();
        Function<Picture, Picture> sized = switch ((int) body.whole("resize_mode", 0, 0, 3)) {
            case 0 -> p -> Pictures.resize(p, h, w);
            case 1 -> p -> Pictures.fit(p, h, w);
            default -> throw new Refused(422, "not_supported", "resize_mode", "resize_mode: 0 stretches and 1 cuts, 2 and 3 are not done");
        };
        if (body.number("initial_noise_multiplier", 1, 0, 10) != 1) {
            throw new Refused(422, "not_supported", "initial_noise_multiplier", "initial_noise_multiplier: the first noise is as it is, 1");
        }
        double strength = body.number("denoising_strength", 0.75, 0, 1);
        Picture mask = null;
        if (body.has(MASK)) {
            Picture white = Pictures.mask(SdBody.picture(MASK, body.node(MASK)), MASK, Limits.DEFAULT);
            if (body.flag("inpainting_mask_invert", false)) white = inverted(white);
            if (white.width() != given.width() || white.height() != given.height()) {
                white = Pictures.resize(white, given.height(), given.width());
            }
            mask = sized.apply(white);
            masked(body, warnings);
        }
        return new SdChange(sized.apply(given), mask, strength, mask == null ? 0 : blur(body));
    }

    private static void masked(SdBody body, List<String> warnings) {
        long fill = body.whole("inpainting_fill", 0, 0, 3);
        if (fill > 1) {
            throw new Refused(422, "not_supported", "inpainting_fill", "inpainting_fill: what is painted over begins as the picture is, "
                + "1; 2 and 3 are not done");
        }
        if (fill == 0) warnings.add("inpainting_fill 0 is done as 1: what is painted over begins as the picture is");
        if (body.flag("inpaint_full_res", true)) {
            warnings.add("inpaint_full_res is not done: the picture is painted whole, and what the mask leaves black stays");
        }
    }

    private static int blur(SdBody body) {
        int x = (int) body.whole("mask_blur_x", 4, 0, 512), y = (int) body.whole("mask_blur_y", 4, 0, 512);
        if (body.has("mask_blur")) return (int) body.whole("mask_blur", 4, 0, 512);
        if (x != y) throw new Refused(422, "not_supported", "mask_blur_y", "mask_blur_y: a mask is softened as far down as across");
        return x;
    }

    private static Picture inverted(Picture mask) {
        byte[] pixels = new byte[mask.pixels().length];
        for (int i = 0; i < pixels.length; i++) pixels[i] = (byte) ~mask.pixels()[i];
        return new Picture(1, mask.height(), mask.width(), pixels);
    }

    private static String kept(SdStore store, Picture picture) { return store.keep(Png.encode(picture, Map.of())); }

    /** The same for every round. */
    Kept keep(SdStore store) { return new Kept(kept(store, picture), mask == null ? "" : kept(store, mask), strength, blur); }

    /** By the ids of its uploads. */
    record Kept(String image, String mask, double strength, int blur) {
        void into(ObjectNode job) {
            job.put("image", image).put("strength", strength);
            if (!mask.isEmpty()) job.put("mask", mask).put("maskBlur", blur);
        }
    }
}
