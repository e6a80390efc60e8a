package io.palitra.server;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.ColorScheme;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The Chromium of the system. Of one thread. */
final class Browsing implements AutoCloseable {
    private static final List<String> PLACES = List.of("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome");

    private final Playwright playwright;
    private final Browser browser;

    private Browsing(Path chromium) {
        playwright = Playwright.create(new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
        browser = playwright.chromium().launch(new BrowserType.LaunchOptions().setExecutablePath(chromium));
    }

    /** Skips the test where there is none. */
    static Browsing start() {
        Optional<Path> chromium = PLACES.stream().map(Path::of).filter(Files::isExecutable).findFirst();
        assumeTrue(chromium.isPresent(), "no Chromium is installed in any of " + PLACES + ": the studio's pages are not driven");
        return new Browsing(chromium.orElseThrow());
    }

    /** A window of 1280x800 pixels that knows nothing of earlier ones. */
    Watched open(Server server) { return open(server, options()); }

    Watched open(Server server, Browser.NewContextOptions options) { return new Watched(browser.newContext(options), server.port()); }

    static Browser.NewContextOptions options() {
        return new Browser.NewContextOptions().setLocale("en-GB").setTimezoneId("UTC").setViewportSize(1280, 800)
            .setColorScheme(ColorScheme.LIGHT);
    }

    @Override public void close() {
        browser.close();
        playwright.close();
    }
}
