package io.palitra.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.Json;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.nn.GanLoss;
import io.palitra.nn.Gained;
import io.palitra.nn.Resampling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** The formulas of StyleGAN 2 against NVIDIA's own program, within 1e-8 in double precision. */
final class StyleMath {
    private static final int[] NONE = {0, 0, 0, 0};

    private StyleMath() {}

    private static Tensor get(Map<String, Tensor> tensors, String name) { return Objects.requireNonNull(tensors.get(name), name); }

    private static void same(Tensor got, Tensor wanted, String what) {
        assertThat(got.shape()).as(what).isEqualTo(wanted.shape());
        assertThat(got.detach().sub(wanted).abs().max().item()).as(what).isLessThan(1e-8 * Math.max(1, wanted.abs().max().item()));
    }

    /** One number for both directions, or two. */
    private static int[] two(JsonNode n, int missing) {
        if (n.isMissingNode()) return new int[] {missing, missing};
        return n.isArray() ? new int[] {n.get(0).asInt(), n.get(1).asInt()} : new int[] {n.asInt(), n.asInt()};
    }

    /** One number for all edges, two for the directions, or four. */
    private static int[] four(JsonNode n) {
        if (n.isMissingNode()) return NONE;
        if (!n.isArray()) return new int[] {n.asInt(), n.asInt(), n.asInt(), n.asInt()};
        int[] each = new int[4];
        for (int i = 0; i < 4; i++) each[i] = n.get(n.size() == 4 ? i : i / 2).asInt();
        return each;
    }

    static void upfirdn(Map<String, Tensor> given, Path json) throws IOException {
        for (JsonNode c : Json.read(json).required("cases")) {
            String name = c.required("name").asText();
            Tensor x = get(given, name + ".x").requiresGrad(true);
            Tensor f = c.path("filter").isNull() ? null : get(given, c.required("filter").asText());
            int[] padding = four(c.path("padding"));
            boolean flip = c.path("flip_filter").asBoolean(false);
            double gain = c.path("gain").asDouble(1);
            String op = c.required("op").asText();
            Tensor y = switch (op) {
                case "upfirdn2d" -> Resampling.upfirdn(x, f, two(c.path("up"), 1), two(c.path("down"), 1), padding, flip, gain);
                case "upsample2d" -> Resampling.upsample(x, Objects.requireNonNull(f), two(c.path("up"), 2), padding, flip, gain);
                case "downsample2d" -> Resampling.downsample(x, Objects.requireNonNull(f), two(c.path("down"), 2), padding, flip, gain);
                case "filter2d" -> Resampling.filter(x, Objects.requireNonNull(f), padding, flip, gain);
                default -> throw new IllegalArgumentException("no operation " + op);
            };
            same(y, get(given, name + ".y"), name);
            y.mul(get(given, name + ".y_weight")).sum().backward();
            same(x.grad(), get(given, name + ".x_grad"), name + ", the slope");
        }
    }

    static void modulatedConv(Map<String, Tensor> given, Path json) throws IOException {
        for (JsonNode c : Json.read(json).required("cases")) {
            String name = c.required("name").asText();
            Map<String, Tensor> moved = new LinkedHashMap<>();
            for (String k : List.of("x", "weight", "styles", "noise")) {
                Tensor t = given.get(name + "." + k);
                if (t != null) moved.put(k, t.requiresGrad(true));
            }
            Tensor y = Resampling.modulated(get(moved, "x"), get(moved, "weight"), get(moved, "styles"), moved.get("noise"),
                given.get("filter"), c.path("up").asInt(1), c.path("down").asInt(1), four(c.path("padding")),
                c.path("demodulate").asBoolean(true), c.path("flip_weight").asBoolean(true));
            same(y, get(given, name + ".y"), name);
            y.mul(get(given, name + ".y_weight")).sum().backward();
            moved.forEach((k, t) -> {
                Tensor slope = given.get(name + "." + k + "_grad");
                if (slope != null) same(t.grad(), slope, name + ", the slope by " + k);
            });
        }
    }

    /** The small network that the json describes, its penalty, and slopes of slopes. */
    static void pathLength(Map<String, Tensor> given, Path file) throws IOException {
        JsonNode json = Json.read(file);
        Map<String, Tensor> p = new LinkedHashMap<>();
        given.forEach((k, t) -> {
            if (given.containsKey(k + "_grad")) p.put(k, t.requiresGrad(true));
        });
        Tensor ws = get(given, "ws").requiresGrad(true);
        int[] one = {1, 1, 1, 1};
        Tensor f = Resampling.filter(List.of(1.0, 3.0, 3.0, 1.0)).to(ws.dtype());
        Tensor start = get(p, "const").unsqueeze(0).expand(ws.size(0), get(p, "const").size(0), get(p, "const").size(1),
            get(p, "const").size(2));
        Tensor h = layer(start, p, "conv0", styles(p, ws, 0), null, one, 1);
        h = layer(h, p, "conv1", styles(p, ws, 1), f, one, 2);
        Tensor w = get(p, "torgb.weight");
        Tensor image = Resampling.modulated(h, w, styles(p, ws, 2).div(Math.sqrt((double) w.size(1))), null, null, 1, 1, NONE, false, true)
            .add(get(p, "torgb.bias").reshape(1, -1, 1, 1));
        same(image, get(given, "image"), "image");
        Tensor lengths = GanLoss.pathLengths(image, ws, get(given, "noise"));
        same(lengths, get(given, "path_lengths"), "lengths");
        Tensor mean = get(given, "mean_before").add(lengths.mean().sub(get(given, "mean_before")).mul(json.path("decay").asDouble()));
        same(mean, get(given, "mean_after"), "mean");
        Tensor penalty = lengths.sub(mean).square();
        same(penalty, get(given, "penalty"), "penalty");
        Tensor loss = penalty.mean().mul(json.path("weight").asDouble());
        assertThat(loss.item()).isCloseTo(get(given, "loss").item(), within(1e-8));
        loss.backward();
        p.forEach((k, t) -> {
            if (t.hasGrad()) same(t.grad(), get(given, k + "_grad"), "slope by " + k);
            else assertThat(get(given, k + "_grad").abs().max().item()).as("slope by " + k).isZero();
        });
    }

    private static Tensor styles(Map<String, Tensor> p, Tensor ws, int layer) {
        Tensor w = get(p, "affine" + layer + ".weight");
        return Torch.linear(ws.select(1, layer), w.div(Math.sqrt((double) w.size(1))), get(p, "affine" + layer + ".bias"));
    }

    private static Tensor layer(Tensor x, Map<String, Tensor> p, String name, Tensor styles, Tensor f, int[] padding, int up) {
        Tensor y = Resampling.modulated(x, get(p, name + ".weight"), styles, null, f, up, 1, padding, true, up == 1);
        return Gained.LRELU.of(y.add(get(p, name + ".bias").reshape(1, -1, 1, 1)));
    }
}
