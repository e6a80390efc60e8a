package io.palitra.paint;

import io.palitra.engine.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The prompts as tensors, the negative one first: the conditioning of the U-Net.
 *
 * @param context  [1,S,D] of each text
 * @param pooled   [1,P] of each text; null for models that want none
 * @param guidance how the predictions are combined
 * @param how      of the request: the scores that condition some models besides
 */
record PromptEmbeddings(List<Tensor> context, List<@Nullable Tensor> pooled, TextGuidance guidance, PaintRequest.How how) {
    /** The aesthetic score that conditions a model beside that text. */
    double score(int text) { return text == 0 ? how.negativeAestheticScore() : how.aestheticScore(); }
}
