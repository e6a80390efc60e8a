package io.palitra.edit;

import io.palitra.config.ArgumentException;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.TextImage;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Classes named by words alone, without training. Radford et al. 2021, arXiv:2103.00020, section 3.1. */
public final class ZeroShot {
    /** In a template, where the label goes. */
    public static final String LABEL = "{}";

    private ZeroShot() {}

    /**
     * A model's prediction for a label.
     *
     * @param probability of it among all, the softmax of the cosines times the model's factor
     * @param cosine between picture and label
     */
    public record Guess(String label, double probability, double cosine) {}

    /** Labels between commas. @throws IllegalArgumentException for fewer than two, an empty one, and one that is there twice */
    public static List<String> labels(String text) {
        List<String> labels = List.of(text.split(",", -1)).stream().map(String::strip).toList();
        String wanted = "; wanted are some as \"a, b, c\"";
        if (labels.stream().allMatch(String::isEmpty)) throw new ArgumentException("no labels" + wanted);
        if (labels.size() < 2) throw new ArgumentException("one label is no choice: '" + text.strip() + "'" + wanted);
        Set<String> seen = new LinkedHashSet<>();
        for (int i = 0; i < labels.size(); i++) {
            if (labels.get(i).isEmpty()) throw new ArgumentException("label " + (i + 1) + " of " + labels.size() + " is empty");
            if (!seen.add(labels.get(i))) throw new ArgumentException("label '" + labels.get(i) + "' is there twice");
        }
        return labels;
    }

    /** A guess for each label, in their order. x [1,1 or 3,H,W] in [-1,1]. @param template a text in which {@link #LABEL} is the label */
    public static List<Guess> classify(TextImage model, Tensor x, List<String> labels, String template) {
        if (!template.contains(LABEL)) throw new ArgumentException("the template '" + template + "' has no " + LABEL);
        try (Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Tensor text = model.embedText(labels.stream().map(l -> template.replace(LABEL, l)).toList());
            Tensor cosines = model.embedImage(x).matmul(text.t()).reshape(-1);
            double[] cosine = cosines.doubles(), probability = cosines.mul(model.scale()).softmax(0).doubles();   // waits for the device
            return java.util.stream.IntStream.range(0, labels.size())
                .mapToObj(i -> new Guess(labels.get(i), probability[i], cosine[i])).toList();
        }
    }
}
