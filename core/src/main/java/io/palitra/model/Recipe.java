package io.palitra.model;

import io.palitra.engine.OptimizerSpec;
import java.util.Map;

/**
 * How a family is trained: everything of the loop that changes what comes out, and nothing that does not.
 *
 * @param epochs passes of the data, unless steps is given
 * @param steps optimiser moves, 0 = by epochs
 * @param batch items in a step
 * @param accumulate micro-batches that a step's batch is cut into, to save memory
 * @param modules other optimisers for modules named as in the checkpoint ("discriminator"); the rest use optimizer
 * @param clip largest Euclidean norm of all gradients of a module, 0 = any
 * @param ema decay a step of the averaged weights that are saved for sampling, 0 = no averaging
 */
public record Recipe(int epochs, long steps, int batch, int accumulate, OptimizerSpec optimizer, Map<String, OptimizerSpec> modules,
        LrSchedule schedule, double clip, double ema) {

    /** One optimiser for all, constant rate, no clipping, no averaging. */
    public static Recipe of(int epochs, int batch, OptimizerSpec optimizer) {
        return new Recipe(epochs, 0, batch, 1, optimizer, Map.of(), new LrSchedule.Constant(), 0, 0);
    }

    public Recipe withSchedule(LrSchedule s) { return new Recipe(epochs, steps, batch, accumulate, optimizer, modules, s, clip, ema); }

    public Recipe withClip(double c) { return new Recipe(epochs, steps, batch, accumulate, optimizer, modules, schedule, c, ema); }

    public Recipe withEma(double decay) { return new Recipe(epochs, steps, batch, accumulate, optimizer, modules, schedule, clip, decay); }
}
