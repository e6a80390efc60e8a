package io.palitra.diffusion;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.diffusion.DiffusersScheduler.Kind;
import java.util.Iterator;
import java.util.function.Consumer;

/** What the diffusers library's {@code step} is called with besides the sample. */
record StepArguments(double eta, boolean clippedEps, int order, Churn churn) {
    private static final double TCD_ETA = 0.3;

    /** @throws ConfigException for an argument that the class of scheduler does not take, or a value that it cannot be */
    static StepArguments of(Kind kind, JsonNode asked, Consumer<String> warn) {
        double eta = kind == Kind.TCD ? TCD_ETA : 0, churn = 0, from = 0, to = Double.POSITIVE_INFINITY, noise = 1;
        boolean clipped = false, churns = kind == Kind.EDM_EULER || kind == Kind.FLOW_HEUN;
        int order = 4;
        for (Iterator<String> names = asked.fieldNames(); names.hasNext();) {
            String argument = names.next();
            JsonNode value = asked.get(argument);
            boolean number = value.isNumber() && !Double.isNaN(value.asDouble());
            if ((kind == Kind.DDIM || kind == Kind.TCD) && argument.equals("eta") && number) eta = value.asDouble();
            else if (kind == Kind.DDIM && argument.equals("use_clipped_model_output") && value.isBoolean()) clipped = value.asBoolean();
            else if (kind == Kind.LMS && argument.equals("order") && value.isInt()) order = value.asInt();
            else if (churns && argument.equals("s_churn") && number) churn = value.asDouble();
            else if (churns && argument.equals("s_tmin") && number) from = value.asDouble();
            else if (churns && argument.equals("s_tmax") && number) to = value.asDouble();
            else if (churns && argument.equals("s_noise") && number) noise = value.asDouble();
            else if (kind == Kind.FLOW_EULER && argument.startsWith("s_") && there(Kind.EDM_EULER).contains(argument)) {
                warn.accept("passed over, " + kind.className() + " does nothing with " + argument + "=" + value);
            } else throw new ConfigException(argument, kind.className() + " takes no " + argument + "=" + value + there(kind));
        }
        if (!(eta >= 0 && eta <= 1)) throw new ConfigException("eta", "illegal eta: " + eta + ", must be from 0 to 1");
        if (order < 1 || order > 4) throw new ConfigException("order", "illegal order: " + order + ", must be from 1 to 4");
        try {
            return new StepArguments(eta, clipped, order, new Churn(churn, from, to, noise));
        } catch (IllegalArgumentException e) {
            throw new ConfigException("s_churn", String.valueOf(String.valueOf(e.getMessage())), e);
        }
    }

    private static String there(Kind kind) {
        return switch (kind) {
            case DDIM -> "; there are eta, use_clipped_model_output";
            case LMS -> "; there is order";
            case TCD -> "; there is eta";
            case EDM_EULER, FLOW_HEUN -> "; there are s_churn, s_tmin, s_tmax, s_noise";
            default -> "";
        };
    }
}
