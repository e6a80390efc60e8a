package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.palitra.data.Picture;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Assumptions;
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
        return new ReportData(EVIL, EVIL, EVIL, Optional.of(new ReportData.Frames(EVIL, EVIL, "image/png",
                List.of(new ReportData.Frame(EVIL, Png.encode(PICTURE, Map.of())),
                    new ReportData.Frame(EVIL, Png.encode(PICTURE, Map.of()))))),
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

    /** The one script of a page, whose hash its policy names. */
    static String scriptOf(String page) throws Exception {
        assertThat(page.split("<script", -1)).hasSize(2);
        String script = page.substring(page.indexOf("<script>") + 8, page.indexOf("</script>"));
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(script.getBytes(StandardCharsets.UTF_8));
        assertThat(page).contains("script-src 'sha256-" + Base64.getEncoder().encodeToString(hash) + "'");
        return script;
    }

    @Test void textIsEscapedEverywhereAndNothingIsFetched() throws Exception {
        String page = page(evil());
        assertThat(scriptOf(page)).doesNotContain("alert", "fetch(", "innerHTML", "XMLHttpRequest", "import(", "://");
        assertThat(page).doesNotContain("\" onload").contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
        Matcher sources = Pattern.compile("(?i)\\b(?:src|href|srcset|action|data|poster)\\s*=\\s*\"([^\"]*)\"").matcher(page);
        int count = 0;
        while (sources.find()) {
            count++;
            assertThat(sources.group(1)).startsWith("data:image/");
        }
        assertThat(count).isEqualTo(4);
        assertThat(page).doesNotContain("url(").doesNotContain("@import").contains("default-src 'none'")
                .contains("<meta charset=\"utf-8\">").contains("prefers-color-scheme");
    }

    @Test void nothingIsWiderThanANarrowScreen() throws IOException {
        String style = page(evil()).replaceFirst("(?s)</style>.*", "");
        Matcher widths = Pattern.compile("(?<!max-)\\bwidth:\\s*(\\d+)px").matcher(style);
        while (widths.find()) assertThat(Integer.parseInt(widths.group(1))).as(widths.group()).isLessThanOrEqualTo(360);
        assertThat(style).contains(".wide{overflow-x:auto}").doesNotContain("LIGHT").doesNotContain("DARK");
    }

    private static double luminance(String hex) {
        double[] v = IntStream.of(1, 3, 5).mapToDouble(i -> Integer.parseInt(hex.substring(i, i + 2), 16) / 255.0)
            .map(c -> c <= 0.04045 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4)).toArray();
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
    }

    /** WCAG 2: 4.5 for text, 3 for what is drawn. */
    @Test void textAndLinesStandOutInLightAndDark() throws IOException {
        Matcher schemes = Pattern.compile(":root\\{([^}]*)}").matcher(page(evil()));
        int count = 0;
        for (; schemes.find(); count++) {
            Map<String, String> colours = new HashMap<>();
            Matcher one = Pattern.compile("--([\\w-]+):(#[0-9a-f]{3,6})").matcher(schemes.group(1));
            while (one.find()) {
                String c = one.group(2);
                colours.put(one.group(1), c.length() == 4 ? c.replaceAll("(\\w)", "$1$1") : c);
            }
            double paper = luminance(colours.get("paper"));
            colours.forEach((name, colour) -> {
                if (List.of("paper", "card", "rule").contains(name)) return;
                double l = luminance(colour), contrast = (Math.max(l, paper) + 0.05) / (Math.min(l, paper) + 0.05);
                assertThat(contrast).as(name + " " + colour).isGreaterThan(name.startsWith("series") ? 3 : 4.5);
            });
        }
        assertThat(count).isEqualTo(3);
    }

    private static ReportData of(Optional<ReportData.Frames> frames, List<ReportData.Command> commands, Map<String, String> files) {
        return new ReportData("t", "", "", frames, List.of(), List.of(), Map.of(), List.of(), commands, Map.of(), files);
    }

    @Test void filesAreRelativeLinksThatResolve() throws Exception {
        List<String> names = List.of("a.bin", "с пробелом & \"знаками\" #1 100%.txt", "samples", "vqmodel/config.json");
        Files.createDirectories(folder.resolve("samples"));
        Files.createDirectories(folder.resolve("vqmodel"));
        for (String name : names) if (!name.equals("samples")) Files.write(folder.resolve(name), new byte[1]);
        Map<String, String> files = new LinkedHashMap<>();
        names.forEach(n -> files.put(n, "about"));
        files.put("gone.bin", "lost");
        Matcher links = Pattern.compile("<a href=\"([^\"]*)\">").matcher(page(of(Optional.empty(), List.of(), files)));
        URI base = folder.resolve("report.html").toUri();
        List<Path> found = new ArrayList<>();
        while (links.find()) found.add(Path.of(base.resolve(links.group(1))));
        assertThat(found).containsExactlyElementsOf(names.stream().map(folder::resolve).toList());
    }

    @Test void theSliderOpensOnTheLastFrame() throws IOException {
        List<ReportData.Frame> frames = List.of(new ReportData.Frame("step 0", Png.encode(PngTest.noise(1, 4, 4, 1), Map.of())),
            new ReportData.Frame("step 50", Png.encode(PngTest.noise(1, 4, 4, 2), Map.of())),
            new ReportData.Frame("step 60", Png.encode(PngTest.noise(1, 4, 4, 3), Map.of())));
        String page = page(of(Optional.of(new ReportData.Frames("Samples", "c", "image/png", frames)), List.of(), Map.of()));
        Matcher images = Pattern.compile("<img alt=\"Samples, (step \\d+)\"([^>]*)>").matcher(page);
        List<String> shown = new ArrayList<>();
        int count = 0;
        for (; images.find(); count++) if (!images.group(2).contains(" hidden ")) shown.add(images.group(1));
        assertThat(count).isEqualTo(3);
        assertThat(shown).containsExactly("step 60");
        assertThat(page).contains("max=\"2\" step=\"1\" value=\"2\"").contains("<output>step 60</output>");
        List<ReportData.Frame> words = List.of(new ReportData.Frame("a", "<b>".getBytes(StandardCharsets.UTF_8)),
            new ReportData.Frame("b", "c".getBytes(StandardCharsets.UTF_8)));
        assertThat(page(of(Optional.of(new ReportData.Frames("Samples", "c", "text/plain", words)), List.of(), Map.of())))
            .contains("<pre hidden>&lt;b&gt;</pre>", "<pre>c</pre>");
    }

    /** The page itself knows no folder, so that equal runs have equal pages; where it lies, the browser knows. */
    @Test void commandsNameTheFolderOfThePageAsAShellReadsIt() throws Exception {
        ReportData data = of(Optional.empty(), List.of(new ReportData.Command("go on", "palitra resume RUN"),
            new ReportData.Command("paint", "palitra paint TEXT --lora RUN/lora.safetensors --out RUNS")), Map.of());
        assertThat(page(data)).contains("palitra resume <span data-run>RUN</span></code>",
            "--lora <span data-run>RUN</span>/lora.safetensors --out RUNS</code>").doesNotContain(folder.toString());
        Optional<Path> browser = ComparisonTest.browser();
        Assumptions.assumeTrue(browser.isPresent(), "no chromium on the PATH");
        for (String name : List.of("plain", "мой run's \"<b>\" 100%25", "a b")) {
            Path run = Files.createDirectories(folder.resolve(name));
            Report.write(run, data);
            String dom = ComparisonTest.dom(browser.get(), run.resolve("report.html"), folder.resolve("browser"));
            List<String> lines = new ArrayList<>();
            Matcher codes = Pattern.compile("<pre><code>(.*?)</code>").matcher(dom);
            while (codes.find()) lines.add(codes.group(1).replaceAll("<[^>]*>", "").replace("&lt;", "<").replace("&gt;", ">")
                .replace("&amp;", "&"));
            assertThat(lines).hasSize(2);
            assertThat(words(lines.get(0))).containsExactly("palitra", "resume", run.toString());
            assertThat(words(lines.get(1))).contains(run + "/lora.safetensors", "RUNS");
            assertThat(lines.get(0).contains("'")).isEqualTo(!name.equals("plain"));
            assertThat(dom).contains("<button type=\"button\">copy</button>");
        }
    }

    /** A copy of the page without its policy, in which another script moves what a person would. */
    @Test void theSliderTheLogScaleTheSmoothingAndTheArrowKeysWork() throws Exception {
        Optional<Path> browser = ComparisonTest.browser();
        Assumptions.assumeTrue(browser.isPresent(), "no chromium on the PATH");
        double[] x = IntStream.range(0, 101).mapToDouble(i -> 10 * i).toArray();
        double[] y = IntStream.range(0, 101).mapToDouble(i -> 1 + i).toArray();
        List<ReportData.Frame> frames = List.of(new ReportData.Frame("step 0", Png.encode(PICTURE, Map.of())),
            new ReportData.Frame("step 9", Png.encode(PICTURE, Map.of())));
        String page = page(new ReportData("t", "", "", Optional.of(new ReportData.Frames("S", "c", "image/png", frames)), List.of(),
            List.of(new Chart("loss", "step", "loss", false, List.of(new Chart.Series("a", x, y)))), Map.of(), List.of(), List.of(),
            Map.of(), Map.of()));
        String moves = """
            const said = [], say = t => said.push(t), one = q => document.querySelector(q);
            const slider = one('.slider input'), hidden = () => [...document.querySelectorAll('.film img')].map(i => i.hidden).join();
            say(hidden() + one('.slider output').textContent);
            slider.value = 0; slider.dispatchEvent(new Event('input'));
            say(hidden() + one('.slider output').textContent);
            const svg = one('.chart svg'), key = k => svg.dispatchEvent(new KeyboardEvent('keydown', {key: k}));
            const read = () => one('.tools output').textContent + '=' + one('.legend b').textContent;
            say(read()); key('Home'); key('ArrowRight'); say(read()); key('End'); say(read()); key('Escape'); say(read());
            const box = svg.getBoundingClientRect();
            svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left}));
            say(read());
            const last = () => [...svg.querySelectorAll('path')].filter(p => p.style.fill === 'none').length + ' lines';
            say(last() + ', ' + one('.tools label span').textContent);
            const smooth = one('.tools [type=range]'); smooth.value = 0; smooth.dispatchEvent(new Event('input'));
            say(last() + ', ' + one('.tools label span').textContent);
            const ticks = () => [...svg.querySelectorAll('text')].map(t => t.textContent).join(' ');
            const before = ticks(); one('.tools [type=checkbox]').click(); say(String(before !== ticks() && ticks().includes('100')));
            say(String(document.documentElement.scrollWidth <= innerWidth));
            document.title = said.join('|');
            """;
        Path copy = Files.writeString(folder.resolve("moved.html"), page.replaceFirst("<meta http-equiv[^>]*>", "")
            .replace("<footer>", "<script>" + moves + "</script><footer>"));
        String dom = ComparisonTest.dom(browser.get(), copy, folder.resolve("browser"));
        assertThat(dom.substring(dom.indexOf("<title>") + 7, dom.indexOf("</title>"))).isEqualTo(String.join("|", "true,falsestep 9",
            "false,truestep 0", "step 1,000, the last=101.0", "step 10=2.000", "step 1,000=101.0", "step 1,000, the last=101.0",
            "step 0=1.000", "2 lines, exponential mean, about 25 steps back", "1 lines, none", "true", "true"));
    }

    /** As a shell splits a line. */
    private static List<String> words(String line) throws Exception {
        Process p = new ProcessBuilder("sh", "-c", "for w in " + line + "; do printf '%s\\n' \"$w\"; done")
            .redirectErrorStream(true).start();
        return List.of(new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8).split("\n"));
    }

    @Test void picturesAreInsideThePage() throws IOException {
        Matcher source = Pattern.compile("src=\"data:image/png;base64,([^\"]*)\"").matcher(page(evil()));
        assertThat(source.find()).isTrue();
        byte[] png = Base64.getDecoder().decode(source.group(1));
        assertThat(PngTest.rgb(ImageIO.read(new ByteArrayInputStream(png)))).isEqualTo(PICTURE.pixels());
    }

    @Test void filesAreListedWithTheirTrueSizes() throws IOException {
        Files.write(folder.resolve("a.bin"), new byte[2500]);
        ReportData none = new ReportData("t", "", "", Optional.empty(), List.of(), List.of(), Map.of(), List.of(), List.of(), Map.of(),
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
                .hasMessage("no media type 'image/svg+xml'; there are image/png, image/gif, image/jpeg, image/webp, text/plain, audio/wav");
    }

    private static Document xml(Chart chart) throws Exception {
        byte[] svg = chart.svg().getBytes(StandardCharsets.UTF_8);
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new ByteArrayInputStream(("<x>" + chart.html() + "</x>")
            .replace(" hidden>", ">").replaceAll("<input[^>]*>", "").getBytes(StandardCharsets.UTF_8)));
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new ByteArrayInputStream(svg));
    }

    private static List<String> texts(Document svg, String tag) {
        NodeList nodes = svg.getElementsByTagName(tag);
        return IntStream.range(0, nodes.getLength()).mapToObj(i -> nodes.item(i).getTextContent()).toList();
    }

    @Test void aChartIsWellFormedAndNamesItsLinesAndPoints() throws Exception {
        double[] x = {0, 50, 100};
        Chart chart = new Chart(EVIL, "step", "nats", false, List.of(new Chart.Series(EVIL, x, new double[] {3, 2, 1.25}),
                new Chart.Series("b", x, new double[] {0, Double.NaN, 4})));
        assertThat(texts(xml(chart), "text")).contains("step", "0", "4", "90").doesNotContain("100");   // where the name of the axis stands
        assertThat(texts(xml(chart), "title")).contains("step 100: " + EVIL + " 1.250", "step 50: " + EVIL + " 2.000", "step 100: b 4.000");
        assertThat(chart.html()).contains("<b>1.250</b>", "<b>4.000</b>", "<span class=\"unit\">nats</span>");
    }

    private static JsonNode data(Chart chart) throws IOException {
        Matcher m = Pattern.compile("data-chart=\"([^\"]*)\"").matcher(chart.html());
        assertThat(m.find()).isTrue();
        return new ObjectMapper().readTree(m.group(1).replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&"));
    }

    @Test void theScriptHasThePointsAndBothAxes() throws IOException {
        JsonNode data = data(new Chart("c", "step", "y", false, List.of(new Chart.Series("a", new double[] {0, 10, 20},
            new double[] {0.123456789, Double.NaN, 100}))));
        assertThat(data.path("series").path(0).toString()).isEqualTo("{\"x\":[0,10,20],\"y\":[0.123457,null,100]}");
        assertThat(data.path("linear").path("high").asDouble()).isEqualTo(100);
        assertThat(data.path("logarithmic").path("ticks").toString()).contains("[1.0,\"1\"]", "[10.0,\"10\"]");
        assertThat(data(new Chart("c", "step", "y", false, List.of(new Chart.Series("a", new double[] {0, 1}, new double[] {-1, 0}))))
            .has("logarithmic")).isFalse();
    }

    /** m_t = sum w y / sum w, w = e^(-(x_t - x)/back): the first value is itself, a constant stays one, a gap stays one. */
    @Test void theMeanIsExponentialAndWithoutBias() {
        double[] x = {0, 1, 3}, y = {4, 2, 8};
        double a = Math.exp(-0.5), b = Math.exp(-1.5);
        assertThat(Chart.mean(new Chart.Series("", x, y), 2).y()).containsExactly(new double[] {4, (4 * a + 2) / (a + 1),
            (4 * b + 2 * Math.exp(-1) + 8) / (b + Math.exp(-1) + 1)}, within(1e-12));
        assertThat(Chart.mean(new Chart.Series("", x, new double[] {5, 5, 5}), 0.7).y()).containsExactly(new double[] {5, 5, 5},
            within(1e-12));
        assertThat(Chart.mean(new Chart.Series("", x, new double[] {5, Double.NaN, 5}), 2).y())
            .containsExactly(new double[] {5, Double.NaN, 5},
            within(1e-12));
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
        assertThat(large.html().length()).isLessThan(160_000);
        double[] none = {Double.NaN, -1};
        Chart empty = new Chart("n", "s", "y", true, List.of(new Chart.Series("a", new double[] {0, 1}, none)));
        assertThat(texts(xml(empty), "text")).contains("no values yet");
        assertThat(texts(xml(new Chart("n", "s", "y", false, List.of())), "text")).contains("no values yet");
        xml(new Chart("one", "s", "y", false, List.of(new Chart.Series("a", new double[] {5}, new double[] {0}))));
        assertThatThrownBy(() -> new Chart.Series("a", new double[] {1, 0}, new double[2]))
                .hasMessage("series 'a': x[1] is 0.0, must be finite and not fall");
    }
}
