package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.Picture;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;

class ReportTest {
    private static final String EVIL = "<script>alert('x')</script>\" onload=\"x & http://example.org";
    private static final Picture PICTURE = PngTest.noise(3, 10, 12, 1);

    @TempDir
    private Path folder;

    private static ReportData evil() {
        double[] x = {0, 1, 2};
        return new ReportData(EVIL, EVIL, EVIL,
                List.of(new ReportData.Figure(EVIL, EVIL, "image/png", Png.encode(PICTURE, Map.of())),
                        new ReportData.Figure("film", "a film", "image/gif", Gif.encode(List.of(PICTURE), 100))),
                List.of(new Chart(EVIL, EVIL, EVIL, false, List.of(new Chart.Series(EVIL, x, x)))),
                Map.of(EVIL, EVIL), List.of(new ReportData.Measure(EVIL, EVIL, EVIL, EVIL, EVIL)),
                List.of(new ReportData.Command(EVIL, EVIL)), Map.of(EVIL, EVIL), Map.of("a.bin", EVIL));
    }

    private String page(ReportData data) throws IOException {
        Report.write(folder, data);
        return Files.readString(folder.resolve("report.html"), StandardCharsets.UTF_8);
    }

    @Test void textIsEscapedEverywhereAndNothingIsFetched() throws IOException {
        String page = page(evil());
        assertThat(page).doesNotContain("<script").doesNotContain("\" onload").contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
        Matcher sources = Pattern.compile("(?i)\\b(?:src|href|srcset|action|data|poster)\\s*=\\s*\"([^\"]*)\"").matcher(page);
        int count = 0;
        while (sources.find()) {
            count++;
            assertThat(sources.group(1)).startsWith("data:image/");
        }
        assertThat(count).isEqualTo(2);
        assertThat(page).doesNotContain("url(").doesNotContain("@import")
                .contains("<meta charset=\"utf-8\">").contains("prefers-color-scheme");
    }

    @Test void picturesAreInsideThePage() throws IOException {
        Matcher source = Pattern.compile("src=\"data:image/png;base64,([^\"]*)\"").matcher(page(evil()));
        assertThat(source.find()).isTrue();
        byte[] png = Base64.getDecoder().decode(source.group(1));
        assertThat(PngTest.rgb(ImageIO.read(new ByteArrayInputStream(png)))).isEqualTo(PICTURE.pixels());
    }

    @Test void filesAreListedWithTheirTrueSizes() throws IOException {
        Files.write(folder.resolve("a.bin"), new byte[2500]);
        ReportData none = new ReportData("t", "", "", List.of(), List.of(), Map.of(), List.of(), List.of(), Map.of(),
                Map.of("a.bin", "weights", "gone.bin", "lost"));
        assertThat(page(none)).contains("2.5 kB").contains("not there");
    }

    @Test void emptySectionsAreLeftOutAndTheOldPageStaysUntilTheNewIsWhole() throws IOException {
        ReportData bare = new ReportData("only a title", "", "", List.of(), List.of(), Map.of(), List.of(), List.of(), Map.of(), Map.of());
        assertThat(page(bare)).contains("<h1>only a title</h1>").doesNotContain("<h2").doesNotContain("<table").doesNotContain("<img");
        assertThat(page(evil())).doesNotContain("only a title");
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).containsExactly(folder.resolve("report.html"));
        }
        assertThatThrownBy(() -> new ReportData.Figure("a", "b", "image/svg+xml", new byte[0]))
                .hasMessage("no media type 'image/svg+xml'; there are image/png, image/gif, image/jpeg, image/webp, text/plain");
    }

    private static Document xml(Chart chart) throws Exception {
        byte[] svg = chart.svg().getBytes(StandardCharsets.UTF_8);
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new ByteArrayInputStream(svg));
    }

    private static List<String> texts(Document svg) {
        NodeList nodes = svg.getElementsByTagName("text");
        return IntStream.range(0, nodes.getLength()).mapToObj(i -> nodes.item(i).getTextContent()).toList();
    }

    @Test void aChartIsWellFormedAndNamesItsLines() throws Exception {
        double[] x = {0, 50, 100};
        Chart chart = new Chart(EVIL, "step", "nats", false, List.of(new Chart.Series(EVIL, x, new double[] {3, 2, 1.25}),
                new Chart.Series("b", x, new double[] {0, Double.NaN, 4})));
        List<String> texts = texts(xml(chart));
        assertThat(texts).contains(EVIL, EVIL + " 1.250", "b 4.000", "step", "nats", "0", "100", "4");
    }

    @Test void aLineRunsFromCornerToCornerOfItsRange() throws Exception {
        Chart chart = new Chart("c", "step", "y", true,
                List.of(new Chart.Series("a", new double[] {0, 1, 2}, new double[] {1, 10, 100})));
        String number = "([\\d.]+)";
        String form = "d=\"M# #h0L# #L# #\" style=\"fill:none".replace("#", number);
        Matcher line = Pattern.compile(form).matcher(chart.svg());
        assertThat(line.find()).isTrue();
        double[] at = IntStream.rangeClosed(1, 6).mapToDouble(i -> Double.parseDouble(line.group(i))).toArray();
        assertThat(at[2]).isCloseTo((at[0] + at[4]) / 2, within(0.1));
        assertThat(at[3]).as("equal ratios, equal heights").isCloseTo((at[1] + at[5]) / 2, within(0.1));
        assertThat(at[5]).isLessThan(at[1]);
    }

    @Test void chartsOfOddNumbersStaySmallAndWellFormed() throws Exception {
        int n = 200_000;
        double[] x = new double[n];
        double[] y = new double[n];
        for (int i = 0; i < n; i++) {
            x[i] = i;
            y[i] = i % 1000 == 0 ? Double.POSITIVE_INFINITY : i % 777 == 0 ? 1e305 : Math.sin(i);
        }
        Chart large = new Chart("large", "step", "y", false, List.of(new Chart.Series("a", x, y)));
        xml(large);
        assertThat(large.svg().length()).isLessThan(60_000);
        double[] none = {Double.NaN, -1};
        Chart empty = new Chart("n", "s", "y", true, List.of(new Chart.Series("a", new double[] {0, 1}, none)));
        assertThat(texts(xml(empty))).contains("no values yet");
        assertThat(texts(xml(new Chart("n", "s", "y", false, List.of())))).contains("no values yet");
        xml(new Chart("one", "s", "y", false, List.of(new Chart.Series("a", new double[] {5}, new double[] {0}))));
        assertThatThrownBy(() -> new Chart.Series("a", new double[] {1, 0}, new double[2]))
                .hasMessage("series 'a': x[1] is 0.0, must be finite and not fall");
    }
}
