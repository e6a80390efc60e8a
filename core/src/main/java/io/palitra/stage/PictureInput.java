package io.palitra.stage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.data.Pictures;
import io.palitra.engine.DType;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import java.util.List;

/**
 * How pictures come to the network of a CLIP, as a {@code preprocessor_config.json} of transformers says it: the shorter side resized by
 * Pillow's bicubic, the middle cut out, the channels normalised. Nothing is rounded, so that a gradient passes.
 *
 * @param resized length of the shorter side before the cut; 0 = the whole picture is brought to the square, whatever its sides
 * @param side height and width of what the network sees
 * @param mean of each channel, of values in [0,1]; as many as the network has channels
 * @param deviation likewise
 */
public record PictureInput(int resized, int side, List<Double> mean, List<Double> deviation) {
    private static final int BICUBIC = 3;   // Pillow's number
    private static final int MOST = 1 << 14;
    private static final List<Double> MEAN = List.of(0.48145466, 0.4578275, 0.40821073);
    private static final List<Double> DEVIATION = List.of(0.26862954, 0.26130258, 0.27577711);

    public PictureInput {
        mean = List.copyOf(mean);
        deviation = List.copyOf(deviation);
        check(side >= 1 && side <= MOST, "crop_size", side, "1 to " + MOST);
        check(resized == 0 || resized >= side && resized <= MOST, "size", resized, "crop_size " + side + " to " + MOST);
        check(mean.size() == 1 || mean.size() == 3, "image_mean", mean, "one number for each of 1 or 3 channels");
        check(deviation.size() == mean.size() && deviation.stream().allMatch(d -> d > 0), "image_std", deviation,
            "above 0, as many as image_mean");
    }

    private static void check(boolean holds, String key, Object value, String allowed) {
        if (!holds) throw new ConfigException(key, "illegal " + key + ": " + value + ", must be " + allowed);
    }

    /** Of pictures of that side in [-1,1], which the network sees as they are. */
    public static PictureInput plain(int side, int channels) {
        List<Double> half = java.util.Collections.nCopies(channels, 0.5);
        return new PictureInput(side, side, half, half);
    }

    /** What is missing is as in the CLIP of the paper. @param side that the network wants */
    public static PictureInput fromJson(JsonNode json, int side) {
        check(!json.isMissingNode() && json.isObject(), "preprocessor_config", json, "an object");
        check(json.path("resample").asInt(BICUBIC) == BICUBIC, "resample", json.path("resample"), BICUBIC + ", which is bicubic");
        check(json.path("do_normalize").asBoolean(true), "do_normalize", false, "true");
        check(json.path("do_resize").asBoolean(true), "do_resize", false, "true");
        JsonNode size = json.path("size"), crop = json.path("crop_size");
        List<Double> mean = numbers(json, "image_mean", MEAN), deviation = numbers(json, "image_std", DEVIATION);
        if (size.isObject() && !size.has("shortest_edge")) {
            check(size.path("height").asInt() == side && size.path("width").asInt() == side, "size", size, "the network's " + side);
            return new PictureInput(0, side, mean, deviation);
        }
        check(json.path("do_center_crop").asBoolean(true), "do_center_crop", false, "true where size is the shorter side's");
        int square = whole("crop_size", crop.isObject() ? crop.path("height") : crop, side);
        check(square == side, "crop_size", square, "the network's " + side);
        return new PictureInput(whole("size", size.isObject() ? size.path("shortest_edge") : size, side), side, mean, deviation);
    }

    private static int whole(String key, JsonNode v, int missing) {
        if (v.isMissingNode() || v.isNull()) return missing;
        check(v.isInt() && v.intValue() > 0, key, v, "a whole number above 0");
        return v.intValue();
    }

    private static List<Double> numbers(JsonNode json, String key, List<Double> missing) {
        JsonNode v = json.path(key);
        if (v.isMissingNode() || v.isNull()) return missing;
        check(v.isArray(), key, v, "a list of numbers");
        List<Double> list = new java.util.ArrayList<>();
        for (JsonNode n : v) {
            check(n.isNumber() && Double.isFinite(n.doubleValue()), key, v, "a list of numbers");
            list.add(n.doubleValue());
        }
        return list;
    }

    /** A {@code preprocessor_config.json} that transformers reads. */
    public ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("image_processor_type", "CLIPImageProcessor").put("do_convert_rgb", mean.size() == 3);
        json.put("do_resize", true).put("resample", BICUBIC).putObject("size").put("shortest_edge", resized);
        json.put("do_center_crop", true).putObject("crop_size").put("height", side).put("width", side);
        json.put("do_rescale", true).put("rescale_factor", 1 / 255.0).put("do_normalize", true);
        ArrayNode m = json.putArray("image_mean"), d = json.putArray("image_std");
        mean.forEach(m::add);
        deviation.forEach(d::add);
        return json;
    }

    /** x [B,1 or 3,H,W] in [-1,1] to [B,C,side,side] as the network wants it. */
    public Tensor of(Tensor x) {
        if (x.dims() != 4 || x.size(1) != 1 && x.size(1) != 3 || x.size(2) < 1 || x.size(3) < 1) {
            throw new ArgumentException("CLIP wants pictures [B,1 or 3,H,W], got " + x);
        }
        int channels = mean.size();
        return Scope.run(() -> {
            Tensor y = x.to(DType.F32).add(1).div(2);
            if (channels == 1 && y.size(1) == 3) y = luma(y);
            y = sized(y);
            if (y.size(1) != channels) y = y.expand(y.size(0), channels, side, side);
            return y.sub(perChannel(mean, x)).div(perChannel(deviation, x));
        });
    }

    private Tensor sized(Tensor x) {
        int h = Math.toIntExact(x.size(2)), w = Math.toIntExact(x.size(3)), shorter = Math.min(h, w);
        int toH = resized == 0 ? side : Math.toIntExact((long) resized * h / shorter);
        int toW = resized == 0 ? side : Math.toIntExact((long) resized * w / shorter);
        Tensor y = x;
        if (toW != w) y = y.matmul(weights(w, toW, x).t());
        else if (w != side) y = y.narrow(3, (w - side) / 2, side);
        if (toH != h) y = weights(h, toH, x).matmul(y);
        else if (h != side) y = y.narrow(2, (h - side) / 2, side);
        // bytes cannot be beyond black and white; the gradient does not stop there, or what is white could not darken again
        return y == x ? y : y.add(y.clamp(0, 1).sub(y).detach());
    }

    /** Of the resized line only the middle, [side,from]. */
    private Tensor weights(int from, int to, Tensor like) {
        return Torch.of(Pictures.bicubic(from, to, (to - side) / 2, side), side, from).to(like.device());
    }

    private static Tensor luma(Tensor x) {
        Tensor share = Torch.of(new float[] {0.299f, 0.587f, 0.114f}, 1, 3, 1, 1).to(x.device());
        return x.mul(share).sum(true, 1);
    }

    private static Tensor perChannel(List<Double> values, Tensor like) {
        float[] v = new float[values.size()];
        for (int i = 0; i < v.length; i++) v[i] = values.get(i).floatValue();
        return Torch.of(v, 1, v.length, 1, 1).to(like.device());
    }
}
