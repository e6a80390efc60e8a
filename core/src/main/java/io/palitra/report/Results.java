package io.palitra.report;

import static io.palitra.report.Page.element;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The page of a search.
 *
 * @param asked the picture of the query; empty where the query was a text
 * @param found the nearest first
 * @param skipped why files were left out
 */
public record Results(String title, String subtitle, String result, Optional<ReportData.Figure> asked, List<ReportData.Figure> found,
        List<String> skipped) {
    public Results {
        found = List.copyOf(found);
        skipped = List.copyOf(skipped);
    }

    /** Writes the page, whole or not at all. @throws java.io.UncheckedIOException where the disk refuses */
    public void write(Path file) { WholeFile.write(file, html().getBytes(StandardCharsets.UTF_8)); }

    String html() {
        StringBuilder out = new StringBuilder(1 << 16);
        Page.head(out, title, subtitle, result);
        asked.ifPresent(f -> Page.figure(out, f, true));
        out.append(element("h2", "", "Nearest first")).append("<div class=\"figures\">\n");
        for (ReportData.Figure f : found) Page.figure(out, f, false);
        out.append("</div>\n");
        if (!skipped.isEmpty()) {
            out.append(element("h2", "", "Skipped")).append("<ul>\n");
            for (String s : skipped) out.append(element("li", "", s)).append('\n');
            out.append("</ul>\n");
        }
        Page.foot(out);
        return out.toString();
    }
}
