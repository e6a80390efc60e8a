package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.Picture;
import io.palitra.report.Comparison.Pair;
import io.palitra.report.Comparison.Row;
import io.palitra.report.ReportData.Figure;
import java.awt.image.BufferedImage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ComparisonTest {
    private static final String EVIL = "<script>alert('x')</script>\" onload=\"x & http://example.org";

    /** The browser asks its maker for updates and the time, whatever the page. */
    private static final String BROWSERS_OWN = "\\w+ (http://)?[\\w.-]+\\.(google|googleapis|gvt1)\\.com[:/].*";

    @TempDir private Path dir;

    private static final List<Pair> PAIRS = List.of(new Pair("recall", false, "precision", false),
        new Pair("seconds a sample", true, "precision", false));

    private static Row row(String unit, double... values) {
        return new Row(unit, Arrays.stream(values).boxed().toList(), List.of("what it is"));
    }

    private static Comparison of(List<String> runs, Map<String, Row> measures) {
        return new Comparison("runs", "", runs, PAIRS, measures, List.of(), List.of(), List.of(), Map.of(), Map.of());
    }

    private static Map<String, Row> measures(double[] precision, double[] recall, double[] seconds) {
        Map<String, Row> rows = new LinkedHashMap<>();
        rows.put("precision", row("", precision));
        rows.put("recall", row("", recall));
        rows.put("seconds a sample", row("s", seconds));
        return rows;
    }

    private static Comparison evil() {
        double[] x = {0, 1, 2};
        Picture picture = PngTest.noise(1, 20, 20, 1);
        Figure figure = new Figure(EVIL, EVIL, "image/png", Png.encode(picture, Map.of()));
        Map<String, Row> rows = measures(new double[] {0.5, 0.6}, new double[] {0.1, 0.2}, new double[] {1, 2});
        rows.put(EVIL, new Row(EVIL, List.of(1.0, Double.NaN), List.of(EVIL, EVIL)));
        return new Comparison(EVIL, EVIL, List.of(EVIL, "other"), PAIRS, rows, List.of(figure), List.of(figure),
            List.of(new Chart(EVIL, "step", EVIL, false, List.of(new Chart.Series(EVIL, x, x)))),
            Map.of(EVIL, List.of(EVIL, "1")), Map.of(EVIL, List.of(EVIL, "2")));
    }

    @Test void textIsEscapedAndNothingIsFetched() throws Exception {
        String page = evil().html();
        ReportTest.scriptOf(page);
        assertThat(page).doesNotContain("\" onload").doesNotContain("url(").contains("default-src 'none'");
        Matcher sources = Pattern.compile("(?i)\\b(?:src|href|srcset|action|data|poster)\\s*=\\s*\"([^\"]*)\"").matcher(page);
        int count = 0;
        for (; sources.find(); count++) assertThat(sources.group(1)).startsWith("data:image/");
        assertThat(count).isEqualTo(2);
    }

    /** Of each circle, chart by chart: x and y. */
    private static List<double[]> circles(String page) {
        Matcher m = Pattern.compile("<circle class=\"run\" cx=\"([\\d.]+)\" cy=\"([\\d.]+)\"").matcher(page);
        List<double[]> all = new ArrayList<>();
        while (m.find()) all.add(new double[] {Double.parseDouble(m.group(1)), Double.parseDouble(m.group(2))});
        return all;
    }

    /** The last is the worst in both, and lies farthest from what is better in both. */
    @Test void aRunLiesWhereItsValuesAre() {
        String page = of(List.of("a", "b", "c", "worst"), measures(new double[] {0.9, 0.6, 0.8, 0.3}, new double[] {0.2, 0.9, 0.6, 0.1},
            new double[] {1e-5, 1e-3, 1e-4, 1})).html();
        List<double[]> at = circles(page);
        assertThat(at).hasSize(8);
        for (int i = 0; i < 3; i++) {
            assertThat(at.get(3)[0]).isLessThan(at.get(i)[0]);           // recall, better to the right
            assertThat(at.get(3)[1]).isGreaterThan(at.get(i)[1]);        // precision, better upwards
            assertThat(at.get(7)[0]).isGreaterThan(at.get(4 + i)[0]);    // seconds, better to the left
        }
        double upward = at.get(1)[1] - at.get(2)[1];
        assertThat(at.get(3)[1] - at.get(1)[1]).as("equal differences, equal lengths").isCloseTo(1.5 * upward, within(0.2));
        assertThat(at.get(5)[0] - at.get(6)[0]).as("equal ratios, equal lengths").isCloseTo(at.get(6)[0] - at.get(4)[0], within(0.2));
        assertThat(page).contains("precision, better ↑", "recall, better →", "seconds a sample, better ←");
        assertThat(page).contains("<title>worst: recall 0.100, precision 0.300</title>");
    }

    @Test void namesLieBesideTheirPointsAndOnNoOther() {
        List<Scatter.Run> runs = new ArrayList<>();
        for (int i = 0; i < 12; i++) runs.add(new Scatter.Run("run-number-" + i, i, i < 9 ? 0.5 : 0.9, i < 9 ? 0.5 + i * 1e-3 : 0.1 * i));
        List<Scatter.Place> places = new Scatter(new Scatter.Measure("x", "", Better.HIGHER, false),
            new Scatter.Measure("y", "", Better.LOWER, false), runs).places();
        for (Scatter.Place p : places) {
            assertThat(p.name().x()).isBetween(0.0, 420 - p.name().width());
            for (Scatter.Place q : places) {
                if (p != q) assertThat(p.name().near(q.name(), 0)).as(p + " on " + q).isFalse();
                assertThat(p.name().near(new Labels.Box("", q.x(), q.y(), 0, 0), 4)).isFalse();
            }
        }
    }

    private static String cells(String page, String name) {
        Matcher m = Pattern.compile("<tr class=\"explained\"><td>" + name + "[ <,].*?</tr>").matcher(page);
        assertThat(m.find()).as(name).isTrue();
        return m.group().replaceFirst("</td>", "|").replace("</td>", "|").replaceAll("<[^>]*>", "");
    }

    @Test void theBestOfARowIsMarkedAndEqualMeasuresStandOnce() {
        Map<String, Row> rows = measures(new double[] {0.7014, 0.7011, 0.3}, new double[] {0.5, 0.5, 0.5},
            new double[] {2.163e-5, 1.234, 0.0411});
        rows.put("memory", row("MiB", 664, 3.25, 1603));
        rows.put("-ELBO", row("nats", 97.97, Double.NaN, 92.36));
        rows.put("-log p", row("nats", Double.NaN, 88.46, Double.NaN));
        rows.put("KL", row("nats", 1, 2, 3));
        rows.put("KD-a", row("", 5, 6, 7));
        rows.put("KD-a, subsets", row("", 5, 6, 7));
        String page = of(List.of("a", "b", "c"), rows).html();
        // what reads the same is marked the same
        assertThat(cells(page, "precision")).isEqualTo("precision ↑|★ 0.701|★ 0.701|0.300|");
        assertThat(cells(page, "recall")).isEqualTo("recall ↑|0.500 all|");
        assertThat(cells(page, "seconds a sample")).isEqualTo("seconds a sample ↓|★ 21.6 µs|1.23 s|41.1 ms|");
        assertThat(cells(page, "memory")).isEqualTo("memory ↓|696 MB|★ 3.41 MB|1.68 GB|");
        assertThat(cells(page, "-ELBO")).isEqualTo("-ELBO, nats ↓|98.0||★ 92.4|");
        assertThat(cells(page, "-log p")).isEqualTo("-log p, nats ↓||88.5||");
        assertThat(cells(page, "KL")).isEqualTo("KL, nats|1|2|3|");
        assertThat(cells(page, "KD-a")).isEqualTo("KD-a = KD-a, subsets ↓|★ 5|6|7|");
        assertThat(page.split("KD-a, subsets", -1)).hasSize(3);   // its row, and what it is
    }

    @Test void numbersAreShortAndTheirUnitsFit() {
        Map<Double, String> seconds = Map.of(2.163e-5, "21.6 µs", 0.99996, "1.00 s", 1.2, "1.20 s", 0.0, "0 s", 75.0, "75 s",
            600.0, "10 min", 9.9996e-4, "1.00 ms", 4e-8, "40 ns");
        seconds.forEach((v, s) -> assertThat(Numbers.read(v, "s")).isEqualTo(s));
        assertThat(Numbers.read(3.2425, "MiB")).isEqualTo("3.40 MB");
        assertThat(Numbers.read(999_999, "bytes")).isEqualTo("1.00 MB");
        assertThat(Numbers.read(-0.00012345, "nats")).isEqualTo("-0.000123 nats");
        assertThat(Numbers.read(1.5e-9, "")).isEqualTo("1.50e-09");
        assertThat(Numbers.read(12_345.6, "")).isEqualTo("12300");
        assertThat(Numbers.read(Double.NaN, "")).isEqualTo("NaN");
        assertThat(List.of("-ELBO", "FID-inception, n = 10", "precision", "KL", "judge's accuracy", "accuracy", "energy", "memory",
            "-log p, standardised, of the truth", "unknown").stream().map(m -> Better.of(m).arrow()).toList())
            .containsExactly("↓", "↓", "↑", "", "", "↑", "", "↓", "", "");
    }

    @Test void sectionsWithoutContentAreLeftOut() {
        Comparison bare = new Comparison("bare", "", List.of("a", "b"), List.of(), Map.of(), List.of(), List.of(), List.of(), Map.of(),
            Map.of());
        String page = bare.html();
        assertThat(page).contains("<h1>bare</h1>").doesNotContain("<h2").doesNotContain("<table").doesNotContain("<svg");
    }

    static Optional<Path> browser() {
        String path = System.getenv("PATH");
        return Stream.of("chromium", "chromium-browser", "google-chrome").flatMap(name -> Stream.of(path.split(java.io.File.pathSeparator))
            .map(folder -> Path.of(folder, name))).filter(Files::isExecutable).findFirst();
    }

    /** Every connection to anywhere goes to a proxy that counts it; the circles and bars of the runs have their colours in the picture. */
    @Test void aBrowserDrawsTheChartInLightAndDarkAndFetchesNothing() throws Exception {
        Optional<Path> browser = browser();
        Assumptions.assumeTrue(browser.isPresent(), "no chromium on the PATH");
        Path file = dir.resolve("compare.html");
        of(List.of("a", "b"), measures(new double[] {0.9, 0.2}, new double[] {0.1, 0.9}, new double[] {1, 2})).write(file);
        List<String> asked = Collections.synchronizedList(new ArrayList<>());
        try (ServerSocket proxy = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Thread counting = new Thread(() -> count(proxy, asked));
            counting.start();
            BufferedImage light = shot(browser.get(), file, proxy.getLocalPort(), "light"),
                dark = shot(browser.get(), file, proxy.getLocalPort(), "dark", "--force-dark-mode");
            assertThat(share(light, 0xfcfcfa)).isGreaterThan(0.5);
            assertThat(share(dark, 0x15171b)).isGreaterThan(0.5);
            for (int colour : new int[] {0x2f7fc9, 0xd97a00}) assertThat(share(light, colour)).as("%x", colour).isGreaterThan(1e-4);
            for (int colour : new int[] {0x6cb0f0, 0xffb454}) assertThat(share(dark, colour)).as("%x", colour).isGreaterThan(1e-4);
            assertThat(asked).isEmpty();
            Path fetches = Files.writeString(dir.resolve("fetches.html"), "<img src=\"http://palitra.test/a.png\">");
            shot(browser.get(), fetches, proxy.getLocalPort(), "fetches");
            assertThat(asked).as("what a page fetches is seen").anyMatch(line -> line.startsWith("GET http://palitra.test/a.png"));
        }
    }

    private static void count(ServerSocket proxy, List<String> asked) {
        while (true) {
            try (Socket s = proxy.accept()) {
                s.setSoTimeout(2000);
                String line = new BufferedReader(new InputStreamReader(s.getInputStream(), StandardCharsets.ISO_8859_1)).readLine();
                if (!line.matches(BROWSERS_OWN)) asked.add(line);
            } catch (SocketTimeoutException e) {
                asked.add("a connection without a request");
            } catch (IOException e) {
                return;   // closed
            }
        }
    }

    /** A browser that has not drawn after a minute hangs before the page, and is started once more; one that has drawn need not end. */
    private BufferedImage shot(Path browser, Path file, int proxy, String name, String... options) throws Exception {
        Path log = dir.resolve(name + ".log");
        for (int attempt = 0; attempt < 2; attempt++) {
            Path picture = dir.resolve(name + attempt + ".png");
            Process p = new ProcessBuilder(Stream.concat(Stream.of(browser.toString(), "--headless", "--no-sandbox", "--disable-gpu",
                "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic", "--no-first-run",
                "--user-data-dir=" + dir.resolve(name + attempt), "--proxy-server=127.0.0.1:" + proxy, "--hide-scrollbars",
                "--window-size=1060,900", "--screenshot=" + picture), Stream.concat(Stream.of(options),
                    Stream.of(file.toUri().toString()))).toList()).redirectErrorStream(true).redirectOutput(log.toFile()).start();
            try {
                p.waitFor(60, TimeUnit.SECONDS);
            } finally {
                p.descendants().forEach(ProcessHandle::destroyForcibly);
                p.destroyForcibly().waitFor();
            }
            if (Files.exists(picture)) return ImageIO.read(picture.toFile());
        }
        throw new AssertionError("no picture from the browser: " + Files.readString(log));
    }

    /** The page after its script ran. */
    static String dom(Path browser, Path file, Path profile) throws Exception {
        Path out = Files.createDirectories(profile).resolve("dom.html");
        Process p = new ProcessBuilder(browser.toString(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--no-first-run", "--user-data-dir=" + profile.resolve("data"),
            "--window-size=400,900", "--dump-dom", file.toUri().toString()).redirectError(ProcessBuilder.Redirect.DISCARD)
            .redirectOutput(out.toFile()).start();
        try {
            p.waitFor(60, TimeUnit.SECONDS);
        } finally {
            p.descendants().forEach(ProcessHandle::destroyForcibly);
            p.destroyForcibly().waitFor();
        }
        return Files.readString(out);
    }

    private static double share(BufferedImage picture, int rgb) {
        long n = 0;
        for (int y = 0; y < picture.getHeight(); y++) {
            for (int x = 0; x < picture.getWidth(); x++) {
                int p = picture.getRGB(x, y);
                int far = 0;
                for (int shift = 0; shift < 24; shift += 8) far = Math.max(far, Math.abs((p >> shift & 255) - (rgb >> shift & 255)));
                if (far <= 2) n++;
            }
        }
        return n / (double) (picture.getWidth() * picture.getHeight());
    }
}
