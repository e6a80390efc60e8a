package io.palitra.diffusion;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.diffusion.DiffusersScheduler.Kind;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the diffusers library's {@code set_timesteps} is called with besides the number of steps.
 *
 * @param mu       shift towards noise, of flow matching
 * @param sigmas   of the network calls, in place of those that the number of steps gives
 * @param times    of the network calls, likewise
 * @param taught   steps of the distillation, of LCM and TCD
 * @param strength share of the distillation's times that are used, of LCM and TCD
 * @param jump     how far RePaint goes back
 * @param resample how often it goes through each stretch
 */
record PlanArguments(Optional<Double> mu, Optional<double[]> sigmas, Optional<double[]> times, OptionalInt taught, double strength,
        int jump, int resample) {
    private static final int RESAMPLE = 10;

    static final PlanArguments NONE = new PlanArguments(Optional.empty(), Optional.empty(), Optional.empty(), OptionalInt.empty(), 1,
        RESAMPLE, RESAMPLE);

    PlanArguments(double mu) {
        this(Optional.of(mu), NONE.sigmas, NONE.times, NONE.taught, NONE.strength, NONE.jump, NONE.resample);
    }

    /** @throws ConfigException for an argument that the class of scheduler does not take, or a value that it cannot be */
    static PlanArguments of(SchedulerConfig config, JsonNode asked, int steps) {
        Kind kind = config.kind();
        List<String> known = known(kind);
        for (Iterator<String> names = asked.fieldNames(); names.hasNext();) {
            String name = names.next();
            if (!known.contains(name)) {
                throw new ConfigException(name, kind.className() + " takes no " + name + "=" + asked.get(name) + " with its steps"
                    + (known.isEmpty() ? "" : "; there are " + String.join(", ", known)));
            }
        }
        SchedulerConfig values = config.with(asked);
        int size = config.integer("num_train_timesteps", kind.trainedTimes());
        OptionalInt taught = values.given("original_inference_steps")
            ? OptionalInt.of(values.integer("original_inference_steps", 0, 1, size)) : OptionalInt.empty();
        double strength = values.number("strength", 1);
        if (!(strength > 0 && strength <= 1)) {
            throw new ConfigException("strength", "illegal strength: " + strength + ", must be above 0 and at most 1");
        }
        PlanArguments arguments = new PlanArguments(values.number("mu"), values.numbers("sigmas"), values.numbers("timesteps"), taught,
            strength, values.integer("jump_length", RESAMPLE, 1, size), values.integer("jump_n_sample", RESAMPLE, 1, size));
        arguments.sigmas.ifPresent(s -> counted("sigmas", s, steps));
        arguments.times.ifPresent(t -> counted("timesteps", t, steps));
        if (arguments.times.isPresent() && kind != Kind.FLOW_EULER) falling(arguments.times.get(), size);
        return arguments;
    }

    private static List<String> known(Kind kind) {
        return switch (kind) {
            case FLOW_EULER -> List.of("mu", "sigmas", "timesteps");
            case EDM_EULER -> List.of("sigmas");
            case DDPM, CM -> List.of("timesteps");
            case LCM, TCD -> List.of("timesteps", "original_inference_steps", "strength");
            case REPAINT -> List.of("jump_length", "jump_n_sample");
            case DPM, DPM_SINGLESTEP, DEIS, UNIPC -> List.of("mu");
            default -> List.of();
        };
    }

    private static void counted(String name, double[] values, int steps) {
        if (values.length == steps) return;
        throw new ConfigException(name, "illegal " + name + ": " + values.length + " of them, must be as many as steps=" + steps);
    }

    private static void falling(double[] times, int size) {
        for (int i = 0; i < times.length; i++) {
            boolean whole = times[i] == Math.rint(times[i]) && times[i] >= 0 && times[i] < size;
            if (whole && (i == 0 || times[i] < times[i - 1])) continue;
            throw new ConfigException("timesteps", "illegal timesteps: " + Arrays.toString(times) + ", must be whole, below " + size
                + ", and fall");
        }
    }
}
