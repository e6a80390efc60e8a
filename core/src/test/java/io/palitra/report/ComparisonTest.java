package io.palitra.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.palitra.data.Picture;
import io.palitra.report.Comparison.Place;
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
import java.util.Collections;
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

    private static Place place(String run, double quality, double diversity, double speed, double megabytes) {
        return new Place(run, quality, diversity, speed, megabytes, List.of("q", "d", "s", "m"));
    }

    private static Comparison of(String name, List<Place> trade) {
        double[] x = {0, 1, 2};
        Picture picture = PngTest.noise(1, 20, 20, 1);
        Figure figure = new Figure(name, name, "image/png", Png.encode(picture, Map.of()));
        return new Comparison(name, name, List.of(name, "other"), trade,
            Map.of(name, new Row(name, List.of(name, ""), List.of(name, name))), List.of(figure), List.of(figure),
            List.of(new Chart(name, "step", name, false, List.of(new Chart.Series(name, x, x)))),
            Map.of(name, List.of(name, "1")), Map.of(name, List.of(name, "2")));
    }

    @Test void textIsEscapedAndNothingIsFetched() {
        String page = of(EVIL, List.of(place(EVIL, 1, 0, 0.5, 100), place("other", 0, 1, 1, Double.NaN))).html();
        assertThat(page).doesNotContain("<script").doesNotContain("\" onload").doesNotContain("url(").contains("default-src 'none'");
        Matcher sources = Pattern.compile("(?i)\\b(?:src|href|srcset|action|data|poster)\\s*=\\s*\"([^\"]*)\"").matcher(page);
        int count = 0;
        for (; sources.find(); count++) assertThat(sources.group(1)).startsWith("data:image/");
        assertThat(count).isEqualTo(2);
    }

    private static double[] circle(String page, int i) {
        Matcher m = Pattern.compile("<circle class=\"run\" cx=\"([\\d.]+)\" cy=\"([\\d.]+)\" r=\"([\\d.]+)\"").matcher(page);
        for (int k = 0; k <= i; k++) assertThat(m.find()).isTrue();
        return new double[] {Double.parseDouble(m.group(1)), Double.parseDouble(m.group(2)), Double.parseDouble(m.group(3))};
    }

    @Test void aRunLiesAtTheCornerOfWhatItAloneHasAndItsAreaIsItsMemory() {
        String page = of("a", List.of(place("q", 0.6, 0, 0, 100), place("d", 0, 0.3, 0, 400), place("s", 0, 0, 1, 100),
            place("all", 0.5, 0.5, 0.5, 400), place("nothing", 0, 0, 0, Double.NaN))).html();
        Matcher corners = Pattern.compile("<path d=\"M([\\d.]+) ([\\d.]+)L([\\d.]+) ([\\d.]+)L([\\d.]+) ([\\d.]+)Z\"").matcher(page);
        assertThat(corners.find()).isTrue();
        double x = 0, y = 0;
        for (int i = 0; i < 3; i++) {
            double cx = Double.parseDouble(corners.group(2 * i + 1)), cy = Double.parseDouble(corners.group(2 * i + 2));
            assertThat(circle(page, i)).startsWith(new double[] {cx, cy}, within(0.11));
            x += cx / 3;
            y += cy / 3;
        }
        assertThat(circle(page, 3)).startsWith(new double[] {x, y}, within(0.11));
        assertThat(circle(page, 4)).startsWith(new double[] {x, y}, within(0.11));
        assertThat(circle(page, 1)[2]).isCloseTo(2 * circle(page, 0)[2], within(0.11));
        assertThatThrownBy(() -> of("a", List.of(place("a", 1.2, 0, 0, 1))).html())
            .hasMessage("illegal share: 1.2, must be between 0 and 1");
    }

    @Test void sectionsWithoutContentAreLeftOut() {
        Comparison bare = new Comparison("bare", "", List.of("a", "b"), List.of(), Map.of(), List.of(), List.of(), List.of(), Map.of(),
            Map.of());
        String page = bare.html();
        assertThat(page).contains("<h1>bare</h1>").doesNotContain("<h2").doesNotContain("<table").doesNotContain("<svg");
    }

    private static Optional<Path> browser() {
        String path = System.getenv("PATH");
        return Stream.of("chromium", "chromium-browser", "google-chrome").flatMap(name -> Stream.of(path.split(java.io.File.pathSeparator))
            .map(folder -> Path.of(folder, name))).filter(Files::isExecutable).findFirst();
    }

    /** Every connection to anywhere goes to a proxy that counts it; the circles and bars of the runs have their colours in the picture. */
    @Test void aBrowserDrawsTheChartInLightAndDarkAndFetchesNothing() throws Exception {
        Optional<Path> browser = browser();
        Assumptions.assumeTrue(browser.isPresent(), "no chromium on the PATH");
        Path file = dir.resolve("compare.html");
        of("runs", List.of(place("a", 0.9, 0.1, 0.2, 100), place("b", 0.2, 0.9, 1, 300))).write(file);
        List<String> asked = Collections.synchronizedList(new ArrayList<>());
        try (ServerSocket proxy = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Thread counting = new Thread(() -> count(proxy, asked));
            counting.start();
            BufferedImage light = shot(browser.get(), file, proxy.getLocalPort(), "light"),
                dark = shot(browser.get(), file, proxy.getLocalPort(), "dark", "--force-dark-mode");
            assertThat(share(light, 0xfcfcfa)).isGreaterThan(0.5);
            assertThat(share(dark, 0x15171b)).isGreaterThan(0.5);
            for (int colour : new int[] {0x2f7fc9, 0xd97a00}) assertThat(share(light, colour)).as("%x", colour).isGreaterThan(5e-4);
            for (int colour : new int[] {0x6cb0f0, 0xffb454}) assertThat(share(dark, colour)).as("%x", colour).isGreaterThan(5e-4);
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
