package io.palitra.paint;

import io.palitra.engine.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the U-Net is told: prompts as tensors, the one to lead away from first.
 *
 * @param context  [1,S,D] of each text
 * @param pooled   [1,P] of each text; null for models that want none
 * @param guidance how the answers are combined
 * @param how      of the request: the scores that some models are told besides
 */
record PromptEmbeddings(List<Tensor> context, List<@Nullable Tensor> pooled, TextGuidance guidance, PaintRequest.How how) {
    /** The score that a model is told with that text. */
    double score(int text) { return text == 0 ? how.negativeAestheticScore() : how.aestheticScore(); }
}
