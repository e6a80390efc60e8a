package io.palitra.net;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Ordered;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Both networks of a StyleGAN 2 as one configuration: {"_class_name": "StyleGAN2", "G": arguments, "D": arguments, "truncation_cutoff":
 * layers or null}.
 *
 * @param truncationCutoff first layers whose styles truncation changes; 0 = all
 */
public record StyleGan2(StyleGenerator.Config generator, StyleDiscriminator.Config discriminator, int truncationCutoff) {
    private static final String CLASS = "StyleGAN2";
    private static final Set<String> PASSED = Ordered.set("num_fp16_res", "w_avg_beta", "truncation_cutoff");

    public StyleGan2 {
        DiffusersConfigReader.check(truncationCutoff >= 0, "truncation_cutoff", truncationCutoff, "at least 1, or null");
        check("img_resolution", generator.imgResolution(), discriminator.imgResolution());
        check("img_channels", generator.imgChannels(), discriminator.imgChannels());
        check("c_dim", generator.cDim(), discriminator.cDim());
    }

    private static void check(String key, int ofG, int ofD) {
        DiffusersConfigReader.check(ofG == ofD, "D." + key, ofD, ofG + ", that of G");
    }

    /** @throws io.palitra.config.ConfigException for an unknown key and for a value that is wrong */
    public static StyleGan2 fromJson(JsonNode json) {
        DiffusersConfigReader keys = new DiffusersConfigReader(json, CLASS);
        StyleGan2 read = new StyleGan2(StyleGenerator.Config.fromJson(keys.within("G")),
            StyleDiscriminator.Config.fromJson(keys.within("D")), keys.wholeOr0("truncation_cutoff", 0));
        keys.others();
        return read;
    }

    /** Arguments of these networks that are others than those, as name=value; how a program computes and trains them is passed over. */
    public List<String> others(StyleGan2 than) {
        List<String> all = new ArrayList<>();
        others("", toJson(), than.toJson(), all);
        return all;
    }

    private static void others(String name, JsonNode here, JsonNode there, List<String> into) {
        if (here instanceof ObjectNode all) {
            all.properties().forEach(e -> {
                if (!PASSED.contains(e.getKey())) {
                    others((name.isEmpty() ? "" : name + ".") + e.getKey(), e.getValue(), there.path(e.getKey()), into);
                }
            });
        } else if (!here.equals(there)) into.add(name + "=" + here);
    }

    /** What {@link #fromJson} reads. */
    public ObjectNode toJson() {
        ObjectNode json = DiffusersConfigReader.object(CLASS);
        json.set("G", generator.toJson());
        json.set("D", discriminator.toJson());
        return json.put("truncation_cutoff", DiffusersConfigReader.orNull(truncationCutoff));
    }
}
