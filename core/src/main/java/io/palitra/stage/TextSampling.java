package io.palitra.stage;

import io.palitra.config.Help;
import io.palitra.net.Continuation;
import io.palitra.net.TokenSampling;
import java.util.List;

/** How texts are drawn, token by token. */
public record TextSampling(
        @Help(value = "divisor of the logits: below 1 likelier texts, fewer kinds; 0 = the likeliest token always", min = 0, max = 100)
            double temperature,
        @Help(value = "only so many likeliest tokens; 0 = all", min = 0) int topK,
        @Help(value = "of these only the likeliest whose chances sum to this; 1 = all", min = 0, max = 1) double topP,
        @Help(value = "penalty of tokens that stand in the text already, CTRL's; 1 = none", min = 1, max = 100) double repetition,
        @Help("texts after which a text ends; \\n is a new line") List<String> stop) {
    /** As the model has learned. */
    public static final TextSampling DEFAULT = new TextSampling(1, 0, 1, 1, List.of());

    public TextSampling {
        stop = List.copyOf(stop);
        new TokenSampling(temperature, topK, topP);
    }

    Continuation.How how() { return new Continuation.How(new TokenSampling(temperature, topK, topP), repetition); }

    /** The texts that end one, new lines as such. */
    List<String> ends() { return stop.stream().map(s -> s.replace("\\n", "\n")).filter(s -> !s.isEmpty()).toList(); }
}
