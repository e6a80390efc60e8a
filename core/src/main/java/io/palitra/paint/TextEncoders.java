package io.palitra.paint;

import io.palitra.config.ConfigException;
import io.palitra.data.ClipTokenizer;
import io.palitra.data.Prompt;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.net.ClipText;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Prompts to tensors, by the one text encoder of Stable Diffusion or the two of SDXL, whose last hidden layers but one are joined.
 *
 * @param tokenizers  one for each encoder
 * @param zeroNothing whether an empty text to lead away from is all zeros, as SDXL was trained
 */
public record TextEncoders(List<ClipTokenizer> tokenizers, List<ClipText> encoders, boolean zeroNothing) {
    private boolean joined() { return encoders.size() > 1 || encoders.get(0).config().projected(); }

    /**
     * The tensors belong to the innermost scope.
     *
     * @throws ArithmeticException that names the encoder whose output has NaN or Inf
     */
    PromptEmbeddings encode(String prompt, String negative, PaintRequest.How how) {
        List<Prompt.Part> parts = Prompt.parse(prompt).parts();
        double sum = parts.stream().mapToDouble(p -> Math.abs(p.weight())).sum();
        if (!(sum > 0)) throw new ConfigException("prompt", "the weights of the prompt's parts are all 0");
        List<List<Prompt.Span>> texts = new ArrayList<>();
        texts.add(Prompt.parse(negative).parts().stream().flatMap(p -> p.spans().stream()).toList());
        parts.forEach(p -> texts.add(p.spans()));
        int windows = 1;
        for (List<Prompt.Span> t : texts) for (ClipTokenizer k : tokenizers) windows = Math.max(windows, k.windows(t).size());
        List<Tensor> context = new ArrayList<>();
        List<@Nullable Tensor> pooled = new ArrayList<>();
        boolean zero = zeroNothing && negative.isBlank();
        try (Scope scope = new Scope()) {
            for (int i = 0; i < texts.size(); i++) {
                Encoded e = encoded(texts.get(i), windows, how.clipSkip());
                boolean nothing = i == 0 && zero;
                context.add(scope.keep(nothing ? Torch.zerosLike(e.context) : e.context));
                Tensor p = e.pooled == null ? null : scope.keep(nothing ? Torch.zerosLike(e.pooled) : e.pooled);
                pooled.add(p);
            }
        }
        double[] weights = parts.stream().mapToDouble(p -> p.weight() / sum).toArray();
        return new PromptEmbeddings(context, pooled, new TextGuidance(weights, how.guidance(), how.guidanceRescale()), how);
    }

    /** A text as [1,77 windows,D], and as one vector [1,P] where the encoders have one. */
    public record Encoded(Tensor context, @Nullable Tensor pooled) {}

    /** A caption, which has no weights; what goes beyond one window is cut off, as in the training of these models. */
    public Encoded encode(String caption) { return encoded(List.of(new Prompt.Span(caption, 1)), 1, 0); }

    /**
     * The layer whose output is used. Stable Diffusion 1 and 2 were trained on the last one, and the final norm goes over any other, too;
     * SDXL was trained on the last but one of both encoders without the norm, and never uses the last one.
     */
    private Tensor layer(ClipText encoder, ClipText.Output out, int clipSkip) {
        int layers = out.hidden().size() - 1;
        if (clipSkip > layers) {
            throw new ConfigException("clipSkip", "illegal clipSkip: " + clipSkip + ", must be at most " + layers
                + ", the layers of the text encoder; 1 is the last");
        }
        if (joined()) return out.skipping(Math.max(clipSkip, 2) - 1);
        return clipSkip < 2 ? out.last() : encoder.normed(out.skipping(clipSkip - 1));
    }

    /** [1,77 windows,D], and the vector of the whole text, that of its first window. */
    private Encoded encoded(List<Prompt.Span> text, int windows, int clipSkip) {
        List<Tensor> context = new ArrayList<>();
        Tensor pooled = null;
        for (int k = 0; k < encoders.size(); k++) {
            ClipTokenizer tokenizer = tokenizers.get(k);
            List<ClipTokenizer.Window> own = new ArrayList<>(tokenizer.windows(text));
            while (own.size() < windows) own.add(tokenizer.windows("").get(0));
            int length = tokenizer.positions();
            long[] ids = new long[windows * length];
            float[] weights = new float[windows * length];
            boolean plain = true;
            for (int w = 0; w < windows; w++) {
                System.arraycopy(own.get(w).ids(), 0, ids, w * length, length);
                System.arraycopy(own.get(w).weights(), 0, weights, w * length, length);
            }
            for (float w : weights) plain &= w == 1;
            ClipText encoder = encoders.get(k);
            fits(tokenizer, encoder.config(), ids);
            var device = encoder.parameters().values().iterator().next().device();
            ClipText.Output out = encoder.forward(Torch.of(ids, windows, length).to(device), null);
            Tensor words = layer(encoder, out, clipSkip);
            if (!plain) words = weighed(words, Torch.of(weights, windows, length, 1).to(device).to(words.dtype()));
            context.add(words.reshape(1, (long) windows * length, words.size(2)));
            Tensor whole = out.projected();
            if (whole != null) pooled = whole.rows(0, 1);
            String part = encoders.size() == 1 ? "the text encoder" : "text encoder " + (k + 1);
            Finite.check(words, part, words.dtype());
            if (whole != null) Finite.check(whole, part, whole.dtype());
        }
        return new Encoded(context.size() == 1 ? context.get(0) : Torch.cat(2, context), pooled);
    }

    /** Refuses ids beyond the encoder's table, which would be an error on the device. */
    private static void fits(ClipTokenizer tokenizer, ClipText.Config encoder, long[] ids) {
        long most = Arrays.stream(ids).max().orElse(0);
        if (most < encoder.vocabSize() && tokenizer.positions() <= encoder.maxPositionEmbeddings()) return;
        throw new ConfigException("model", "the tokenizer gives token " + most + " in windows of " + tokenizer.positions()
            + ", but the text encoder has " + encoder.vocabSize() + " tokens and windows of at most " + encoder.maxPositionEmbeddings());
    }

    /** Each token's vector times its weight, then all scaled so that their mean is as before. words [W,L,D], weights [W,L,1]. */
    private static Tensor weighed(Tensor words, Tensor weights) {
        Tensor changed = words.mul(weights);
        return changed.mul(words.mean().div(changed.mean()));
    }
}
