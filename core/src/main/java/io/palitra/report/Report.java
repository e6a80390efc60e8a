package io.palitra.report;

import static io.palitra.report.Page.element;

import io.palitra.report.ReportData.Command;
import io.palitra.report.ReportData.Figure;
import io.palitra.report.ReportData.Measure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The page of a run, {@code report.html}. */
public final class Report {
    public static final String NAME = "report.html";
    private Report() {}

    /** Writes {@value #NAME} into the folder, whole or not at all. @throws java.io.UncheckedIOException where the disk refuses */
    public static void write(Path runFolder, ReportData data) {
        WholeFile.write(runFolder.resolve(NAME), html(runFolder, data).getBytes(StandardCharsets.UTF_8));
    }

    /** The page; sizes of the listed files are looked up in the folder. */
    static String html(Path runFolder, ReportData data) {
        StringBuilder out = new StringBuilder(1 << 16);
        Page.head(out, data.title(), data.subtitle(), data.result());
        data.frames().ifPresent(f -> Page.frames(out, f));
        figures(out, data.figures(), data.frames().isEmpty());
        if (!data.curves().isEmpty()) {
            out.append(element("h2", "", "Training")).append("<div class=\"charts\">\n");
            for (Chart chart : data.curves()) out.append(chart.html()).append('\n');
            out.append("</div>\n");
        }
        measures(out, data.measures());
        if (!data.facts().isEmpty()) {
            out.append(element("h2", "", "The run")).append("<dl>\n");
            data.facts().forEach((k, v) ->
                    out.append("<div>").append(element("dt", "", k)).append(element("dd", "", v)).append("</div>\n"));
            out.append("</dl>\n");
        }
        if (!data.commands().isEmpty()) {
            out.append(element("h2", "", "Go on"));
            out.append("<p class=\"note\" data-without>").append(ReportData.RUN).append(" is the folder that this page lies in.</p>\n");
            for (Command c : data.commands()) command(out, c);
        }
        if (!data.config().isEmpty()) {
            out.append(element("h2", "", "Configuration")).append("<ul class=\"config\">\n");
            data.config().forEach((k, v) ->
                    out.append("<li>").append(element("span", "", k)).append(element("code", "", v)).append("</li>\n"));
            out.append("</ul>\n");
        }
        files(out, runFolder, data.files());
        Page.footWithScript(out);
        return out.toString();
    }

    private static void figures(StringBuilder out, List<Figure> figures, boolean hero) {
        int first = hero ? 1 : 0;
        for (int i = 0; i < figures.size(); i++) {
            if (i == first) out.append("<h2>Pictures</h2>\n<div class=\"figures\">\n");
            Page.figure(out, figures.get(i), i < first);
        }
        if (figures.size() > first) out.append("</div>\n");
    }

    private static String line(String command) {
        return Html.escaped(command).replaceAll("(?<!\\S)" + ReportData.RUN + "(?=[\\s/]|$)", "<span data-run>$0</span>");
    }

    /** The script writes the true folder in the place of the word and shows the button. */
    private static void command(StringBuilder out, Command c) {
        out.append("<div class=\"command\">").append(element("p", "purpose", c.purpose())).append("<pre><code>").append(line(c.line()))
            .append("</code></pre><button type=\"button\" hidden>copy</button></div>\n");
    }

    private static void measures(StringBuilder out, List<Measure> measures) {
        if (measures.isEmpty()) return;
        out.append(element("h2", "", "Measures")).append("<div class=\"wide\"><table>\n<tr><th>Measure</th><th class=\"number\">Value</th>"
                + "<th></th><th>What it is, and how it was taken</th></tr>\n");
        for (Measure m : measures) {
            out.append("<tr>").append(element("td", "", m.name())).append(element("td", "number", m.value()));
            out.append(element("td", "unit", m.unit())).append("<td class=\"meaning\">").append(Html.escaped(m.meaning()));
            if (!m.command().isBlank()) out.append("<code class=\"under\">").append(line(m.command())).append("</code>");
            out.append("</td></tr>\n");
        }
        out.append("</table></div>\n");
    }

    private static void files(StringBuilder out, Path runFolder, Map<String, String> files) {
        if (files.isEmpty()) return;
        out.append(element("h2", "", "Files")).append("<div class=\"wide\"><table>\n");
        files.forEach((name, meaning) -> out.append("<tr><td>").append(link(runFolder, name)).append("</td>")
                .append(element("td", "meaning", meaning)).append(element("td", "number", size(runFolder, name))).append("</tr>\n"));
        out.append("</table></div>\n");
    }

    /** A link relative to the page; none to what is not there. */
    private static String link(Path runFolder, String name) {
        if (!Files.exists(runFolder.resolve(name))) return element("code", "", name);
        String href = Stream.of(name.split("/")).map(Html::inPath).collect(Collectors.joining("/"))
            + (Files.isDirectory(runFolder.resolve(name)) ? "/" : "");
        return "<a href=\"" + Html.escaped(href) + "\">" + element("code", "", name) + "</a>";
    }

    private static String size(Path runFolder, String name) {
        Path file = runFolder.resolve(name);
        if (Files.isDirectory(file)) return "folder";
        try {
            long bytes = Files.size(file);
            if (bytes < 1000) return bytes + " B";
            int power = bytes < 1_000_000 ? 1 : bytes < 1_000_000_000 ? 2 : 3;
            return String.format(Locale.ROOT, "%.1f %sB", bytes / Math.pow(1000, power), " kMG".charAt(power));
        } catch (IOException e) {
            return "not there";
        }
    }
}
