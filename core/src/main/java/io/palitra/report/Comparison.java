package io.palitra.report;

import static io.palitra.report.Page.element;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The page that sets runs side by side, for a person who must choose. Plain values; lists and maps may be empty and their sections are then
 * left out. Lists within a map have a place for each run, "" where a run has no such value.
 *
 * @param title    such as {@code 4 runs on mnist}
 * @param result   the choice in a sentence or two
 * @param runs     names, which are the heads of columns
 * @param trade    a triangle of the runs that have all three, empty where fewer than two have
 * @param measures by name
 * @param samples  of each run, from the same seeds
 * @param closest  samples above the training items nearest to them
 * @param curves   the runs laid over one another
 * @param differs  keys of the configurations with unequal values
 * @param facts    of each run: steps, time, parameters
 */
public record Comparison(String title, String result, List<String> runs, List<Place> trade, Map<String, Row> measures,
        List<ReportData.Figure> samples, List<ReportData.Figure> closest, List<Chart> curves, Map<String, List<String>> differs,
        Map<String, List<String>> facts) {

    /**
     * What a run has of the three corners, as shares 0..1 and as shown.
     *
     * @param megabytes physical memory; NaN where it is not known
     * @param shown     quality, diversity, speed and memory in words
     */
    public record Place(String run, double quality, double diversity, double speed, double megabytes, List<String> shown) {}

    /** A measure of all runs; {@code meaning} is what it is, and where it differs which run's is which. */
    public record Row(String unit, List<String> values, List<String> meaning) {
        public Row {
            values = List.copyOf(values);
            meaning = List.copyOf(meaning);
        }
    }

    public Comparison {
        runs = List.copyOf(runs);
        trade = List.copyOf(trade);
        measures = Collections.unmodifiableMap(new LinkedHashMap<>(measures));
        samples = List.copyOf(samples);
        closest = List.copyOf(closest);
        curves = List.copyOf(curves);
        differs = Collections.unmodifiableMap(new LinkedHashMap<>(differs));
        facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
    }

    /** Writes the page, whole or not at all. @throws java.io.UncheckedIOException where the disk refuses */
    public void write(Path file) { WholeFile.write(file, html().getBytes(StandardCharsets.UTF_8)); }

    String html() {
        StringBuilder out = new StringBuilder(1 << 16);
        Page.head(out, title, String.join(" · ", runs), result);
        if (!trade.isEmpty()) {
            out.append(element("h2", "", "The trade")).append("<div class=\"wide\">");
            out.append(new Trade(trade.stream().map(p -> new Trade.Run(p.run, p.quality, p.diversity, p.speed, p.megabytes, p.shown))
                .toList()).svg()).append("</div>\n");
            out.append(element("p", "purpose", "Quality is precision, diversity is recall. Speed is on a log scale from the slowest run, "
                + "0, to the fastest, 1. A circle's area is the memory of drawing. A circle lies towards the corners that the run has more "
                + "of; one that has as much of each lies in the middle, therefore the bars."));
        }
        measures(out);
        pictures(out, "Samples from the same seeds", samples);
        pictures(out, "Closest to the training data", closest);
        if (!curves.isEmpty()) {
            out.append(element("h2", "", "Training")).append("<div class=\"charts\">\n");
            for (Chart chart : curves) out.append(chart.svg()).append('\n');
            out.append("</div>\n");
        }
        columns(out, "What differs", differs);
        columns(out, "The runs", facts);
        Page.foot(out);
        return out.toString();
    }

    private void heads(StringBuilder out, String first, String style) {
        out.append("<div class=\"wide\"><table>\n<tr>").append(element("th", "", first));
        for (String run : runs) out.append(element("th", style, run));
    }

    private void measures(StringBuilder out) {
        if (measures.isEmpty()) return;
        out.append(element("h2", "", "Measures"));
        heads(out, "Measure", "number");
        out.append("<th></th></tr>\n");
        measures.forEach((name, row) -> {
            out.append("<tr class=\"explained\">").append(element("td", "", name));
            for (String value : row.values) out.append(element("td", "number", value));
            out.append(element("td", "unit", row.unit)).append("</tr>\n<tr><td class=\"meaning\" colspan=\"").append(runs.size() + 2)
                .append("\">");
            List<String> lines = new ArrayList<>();
            for (String m : row.meaning) lines.add(Html.escaped(m));
            out.append(String.join("<br>", lines)).append("</td></tr>\n");
        });
        out.append("</table></div>\n");
    }

    private static void pictures(StringBuilder out, String title, List<ReportData.Figure> figures) {
        if (figures.isEmpty()) return;
        out.append(element("h2", "", title)).append("<div class=\"figures\">\n");
        for (ReportData.Figure f : figures) Page.figure(out, f, false);
        out.append("</div>\n");
    }

    private void columns(StringBuilder out, String title, Map<String, List<String>> rows) {
        if (rows.isEmpty()) return;
        out.append(element("h2", "", title));
        heads(out, "", "");
        out.append("</tr>\n");
        rows.forEach((key, values) -> {
            out.append("<tr>").append(element("td", "unit", key));
            for (String value : values) out.append("<td>").append(element("code", "", value)).append("</td>");
            out.append("</tr>\n");
        });
        out.append("</table></div>\n");
    }
}
