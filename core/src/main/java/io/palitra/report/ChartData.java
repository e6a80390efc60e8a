package io.palitra.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;

/** What the page's script draws a {@link Chart} from: the points and ready axes, so that it knows no rule of ticks. */
final class ChartData {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final MathContext DIGITS = new MathContext(6);

    private ChartData() {}

    /** @param linear the vertical axis, none or one, as {@code log} */
    static String of(Chart chart, Axis x, List<Axis> linear, List<Axis> log, boolean logY, boolean smooth) {
        ObjectNode json = JSON.objectNode().put("name", chart.xName()).put("log", logY).put("smooth", smooth);
        json.set("x", axis(x));
        linear.forEach(a -> json.set("linear", axis(a)));
        log.forEach(a -> json.set("logarithmic", axis(a)));
        ArrayNode all = json.putArray("series");
        for (Chart.Series s : chart.series()) {
            ObjectNode one = all.addObject();
            Chart.Series kept = s.kept(), smoothed = s.smoothed();
            one.set("x", numbers(kept.x()));
            one.set("y", numbers(kept.y()));
            if (smoothed != s) {
                one.set("meanX", numbers(smoothed.x()));
                one.set("meanY", numbers(smoothed.y()));
            }
        }
        return json.toString();
    }

    private static ObjectNode axis(Axis a) {
        ObjectNode json = JSON.objectNode().put("low", a.low()).put("high", a.high());
        ArrayNode ticks = json.putArray("ticks");
        for (double tick : a.ticks()) ticks.addArray().add(tick).add(a.label(tick));
        return json;
    }

    /** Whole numbers as they are, others of six digits; null where one is missing. */
    private static ArrayNode numbers(double[] values) {
        ArrayNode list = JSON.arrayNode();
        for (double v : values) {
            if (!(Math.abs(v) <= 1e300)) list.addNull();
            else if (v == Math.rint(v) && Math.abs(v) < 1e15) list.add((long) v);
            else list.add(new BigDecimal(v).round(DIGITS).doubleValue());
        }
        return list;
    }
}
