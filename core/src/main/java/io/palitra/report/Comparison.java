package io.palitra.report;

import static io.palitra.report.Page.element;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The page that sets runs side by side, for a person who must choose. Plain values; lists and maps may be empty and their sections are then
 * left out. Lists within a map have a place for each run, "" where a run has no such value.
 *
 * @param title    such as {@code 4 runs on mnist}
 * @param result   the choice in a sentence or two
 * @param runs     names, which are the heads of columns
 * @param pairs    measures by which the runs are drawn, the first across, the second upwards; where fewer than two runs have both it is
 *                 left out
 * @param measures by name
 * @param samples  of each run, from the same seeds
 * @param closest  samples above the training items nearest to them
 * @param curves   the runs laid over one another
 * @param differs  keys of the configurations with unequal values
 * @param facts    of each run: steps, time, parameters
 */
public record Comparison(String title, String result, List<String> runs, List<Pair> pairs, Map<String, Row> measures,
        List<ReportData.Figure> samples, List<ReportData.Figure> closest, List<Chart> curves, Map<String, List<String>> differs,
        Map<String, List<String>> facts) {

    /** Two measures by name, and whether equal ratios are equal lengths. */
    public record Pair(String across, boolean acrossLog, String up, boolean upLog) {}

    /** A measure of all runs, NaN for one that has it not; {@code meaning} is what it is, and where it differs which run's is which. */
    public record Row(String unit, List<Double> values, List<String> meaning) {
        public Row {
            values = List.copyOf(values);
            meaning = List.copyOf(meaning);
        }

        /** As the page shows them. */
        List<String> shown() { return values.stream().map(v -> v.isNaN() ? "" : Numbers.read(v, beside() ? unit : "")).toList(); }

        /** Whether the unit stands beside each number; a longer one stands beside the name. */
        boolean beside() { return unit.equals("%") || Numbers.scales(unit); }
    }

    public Comparison {
        runs = List.copyOf(runs);
        pairs = List.copyOf(pairs);
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
        scatters(out);
        measures(out);
        pictures(out, "Samples from the same seeds", samples);
        pictures(out, "Closest to the training data", closest);
        if (!curves.isEmpty()) {
            out.append(element("h2", "", "Training")).append("<div class=\"charts\">\n");
            for (Chart chart : curves) out.append(chart.html()).append('\n');
            out.append("</div>\n");
        }
        columns(out, "What differs", differs);
        columns(out, "The runs", facts);
        Page.footWithScript(out);
        return out.toString();
    }

    private void scatters(StringBuilder out) {
        List<Scatter> all = new ArrayList<>();
        for (Pair pair : pairs) {
            Row x = measures.get(pair.across), y = measures.get(pair.up);
            if (x == null || y == null) continue;
            List<Scatter.Run> points = new ArrayList<>();
            for (int i = 0; i < runs.size(); i++) {
                if (x.values.get(i).isNaN() || y.values.get(i).isNaN()) continue;
                points.add(new Scatter.Run(runs.get(i), i, x.values.get(i), y.values.get(i)));
            }
            if (points.size() < 2) continue;
            all.add(new Scatter(new Scatter.Measure(pair.across, x.unit, Better.of(pair.across), pair.acrossLog),
                new Scatter.Measure(pair.up, y.unit, Better.of(pair.up), pair.upLog), points));
        }
        if (all.isEmpty()) return;
        out.append(element("h2", "", "Side by side")).append("<div class=\"scatters\">\n");
        for (Scatter s : all) out.append("<figure class=\"scatter\">").append(s.svg()).append("</figure>\n");
        out.append("</div>\n").append(element("p", "note", "Each run lies at its own two values. The arrows say which way is better."));
    }

    private void heads(StringBuilder out, String first, String style) {
        out.append("<div class=\"wide\"><table>\n<tr>").append(element("th", "", first));
        for (String run : runs) out.append(element("th", style, run));
        out.append("</tr>\n");
    }

    private void measures(StringBuilder out) {
        if (measures.isEmpty()) return;
        out.append(element("h2", "", "Measures"));
        heads(out, "Measure", "number");
        boolean marked = false;
        for (List<String> names : alike()) {
            Row row = row(names.get(0));
            Better better = Better.of(names.get(0));
            List<String> shown = row.shown();
            boolean same = shown.size() > 1 && new LinkedHashSet<>(shown).size() == 1;
            out.append("<tr class=\"explained\"><td>").append(Html.escaped(String.join(" = ", names)));
            if (!row.beside() && !row.unit.isEmpty()) out.append(element("span", "unit", ", " + row.unit));
            if (better != Better.NEITHER) out.append(" <span class=\"unit\" title=\"").append(better == Better.HIGHER ? "higher" : "lower")
                .append(" is better\">").append(better.arrow()).append("</span>");
            out.append("</td>");
            if (same) {
                out.append("<td class=\"number\" colspan=\"").append(runs.size()).append("\">").append(Html.escaped(shown.get(0)))
                    .append(element("span", "unit", " all")).append("</td>");
            } else {
                int best = best(row, better);
                for (int i = 0; i < shown.size(); i++) {   // what reads the same is as good
                    boolean first = best >= 0 && shown.get(i).equals(shown.get(best));
                    marked |= first;
                    out.append(first ? "<td class=\"number best\">★ " : "<td class=\"number\">").append(Html.escaped(shown.get(i)))
                        .append("</td>");
                }
            }
            out.append("</tr>\n<tr><td class=\"meaning\" colspan=\"").append(runs.size() + 1).append("\"><div>");
            LinkedHashSet<String> lines = new LinkedHashSet<>();
            for (String name : names) {
                for (String m : row(name).meaning) lines.add(Html.escaped(names.size() == 1 ? m : name + ": " + m));
            }
            out.append(String.join("<br>", lines)).append("</div></td></tr>\n");
        }
        out.append("</table></div>\n");
        if (marked) out.append(element("p", "note", "★ The best of the row, where one way is better: ↑ higher, ↓ lower."));
    }

    private Row row(String name) { return Objects.requireNonNull(measures.get(name)); }

    /** Names of measures whose values are equal in every run, together; all others alone. */
    private List<List<String>> alike() {
        Map<List<Object>, List<String>> groups = new LinkedHashMap<>();
        measures.forEach((name, row) -> {
            boolean tells = row.values.stream().filter(v -> !v.isNaN()).distinct().count() > 1;
            List<Object> key = tells ? List.of(row.unit, Better.of(name), row.values) : List.of(name);
            groups.computeIfAbsent(key, k -> new ArrayList<>()).add(name);
        });
        return List.copyOf(groups.values());
    }

    /** The run with the best value; -1 where neither way is better, or fewer than two have one. */
    private static int best(Row row, Better better) {
        int best = -1, count = 0;
        for (int i = 0; i < row.values.size(); i++) {
            double v = row.values.get(i);
            if (Double.isNaN(v)) continue;
            count++;
            if (best < 0 || (better == Better.HIGHER ? v > row.values.get(best) : v < row.values.get(best))) best = i;
        }
        return better == Better.NEITHER || count < 2 ? -1 : best;
    }

    private static void pictures(StringBuilder out, String title, List<ReportData.Figure> figures) {
        if (figures.isEmpty()) return;
        long runs = figures.stream().map(ReportData.Figure::title).distinct().count();
        boolean rows = figures.size() > runs && figures.size() % runs == 0 || figures.stream().allMatch(f -> f.mediaType()
            .equals("text/plain"));
        out.append(element("h2", "", title)).append(rows ? "<div class=\"wide\"><div class=\"figures abreast\" style=\"--runs:" + runs
            + "\">\n" : "<div class=\"figures\">\n");
        for (ReportData.Figure f : figures) Page.figure(out, f, false);
        out.append(rows ? "</div></div>\n" : "</div>\n");
    }

    private void columns(StringBuilder out, String title, Map<String, List<String>> rows) {
        if (rows.isEmpty()) return;
        out.append(element("h2", "", title));
        heads(out, "", "");
        rows.forEach((key, values) -> {
            out.append("<tr>").append(element("td", "unit", key));
            boolean same = values.size() > 1 && new LinkedHashSet<>(values).size() == 1;
            if (same) out.append("<td colspan=\"").append(values.size()).append("\">").append(element("code", "", values.get(0)))
                .append(element("span", "unit", " all")).append("</td>");
            else for (String value : values) out.append("<td>").append(element("code", "", value)).append("</td>");
            out.append("</tr>\n");
        });
        out.append("</table></div>\n");
    }
}
