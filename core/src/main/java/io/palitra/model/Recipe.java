package io.palitra.model;

import io.palitra.config.Help;
import io.palitra.engine.OptimizerSpec;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How a family is trained: everything of the loop that changes what comes out, and nothing that does not.
 */
public record Recipe(
        @Help(value = "passes of the data, unless steps is given", min = 1, max = 10_000_000) int epochs,
        @Help(value = "optimiser moves; 0 = by epochs", min = 0, max = 1e12) long steps,
        @Help(value = "items in a step", min = 1, max = 1 << 20) int batch,
        @Help(value = "micro-batches that a step's batch is cut into, to save memory", min = 1, max = 1 << 20) int accumulate,
        @Help("what moves the parameters") OptimizerSpec optimizer,
        @Help("another optimiser for a module of that name, such as discriminator") Map<String, OptimizerSpec> modules,
        @Help("share of the learning rate over the run") LrSchedule schedule,
        @Help(value = "largest norm of all gradients of a module; 0 = any", min = 0) double clip,
        @Help(value = "decay a step of the averaged weights that are saved to sample from; 0 = none", min = 0, max = 1) double ema) {

    /** One optimiser for all, constant rate, no clipping, no averaging. */
    public static Recipe of(int epochs, int batch, OptimizerSpec optimizer) {
        return new Recipe(epochs, 0, batch, 1, optimizer, Map.of(), new LrSchedule.Constant(), 0, 0);
    }

    /** With another schedule of the learning rate. */
    public Recipe withSchedule(LrSchedule s) { return new Recipe(epochs, steps, batch, accumulate, optimizer, modules, s, clip, ema); }

    /** With another greatest norm of the gradient, 0 = any. */
    public Recipe withClip(double c) { return new Recipe(epochs, steps, batch, accumulate, optimizer, modules, schedule, c, ema); }

    /** @param module name of an update, such as discriminator */
    public Recipe withModule(String module, OptimizerSpec o) {
        Map<String, OptimizerSpec> more = new LinkedHashMap<>(modules);
        more.put(module, o);
        return new Recipe(epochs, steps, batch, accumulate, optimizer, more, schedule, clip, ema);
    }

    /** With averaged weights that decay so in a step, 0 = none. */
    public Recipe withEma(double decay) { return new Recipe(epochs, steps, batch, accumulate, optimizer, modules, schedule, clip, decay); }
}
