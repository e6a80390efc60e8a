package io.palitra.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.FilePayload;
import com.microsoft.playwright.options.WaitForSelectorState;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;

/** A window with the studio, of which everything is noted that must not be: faults on the console, other hosts, a broken policy. */
final class Watched implements AutoCloseable {
    private static final int PATIENCE = 60_000;
    private static final Pattern SAME = Pattern.compile("(data|blob):.*", Pattern.DOTALL);

    final Page page;
    private final BrowserContext context;
    private final String origin;
    private final List<String> faults = new ArrayList<>();

    Watched(BrowserContext context, int port) {
        this.context = context;
        origin = "http://127.0.0.1:" + port;
        context.setDefaultTimeout(PATIENCE);
        context.addInitScript("window.__broken = []; document.addEventListener('securitypolicyviolation', "
            + "e => window.__broken.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));");
        page = context.newPage();
        page.onConsoleMessage(m -> {
            if (m.type().equals("error") || m.type().equals("warning")) faults.add(m.type() + ": " + m.text() + " " + m.location());
        });
        page.onPageError(e -> faults.add("not caught: " + e));
        page.onDialog(d -> {
            faults.add("dialog: " + d.message());
            d.dismiss();
        });
        page.onRequest(r -> {
            if (!r.url().startsWith(origin + "/") && !SAME.matcher(r.url()).matches()) faults.add("asks another host: " + r.url());
        });
        page.onResponse(r -> {
            if (r.status() >= 400) faults.add("answer " + r.status() + " to " + r.request().method() + " " + r.url());
        });
    }

    /** Goes to a page of the studio, "create" or "runs?run=mine", and waits until it is there. */
    Watched go(String place) {
        page.navigate(origin + "/#/" + place);
        return settled();
    }

    Watched reload() {
        page.reload();
        return settled();
    }

    /** Waits until nothing is being loaded. */
    Watched settled() {
        page.locator("main h1").first().waitFor();
        page.waitForCondition(() -> page.getByText(Pattern.compile("^(Loading…|Reading the data…|Загрузка…|Чтение данных…)$"))
            .count() == 0);
        return this;
    }

    Locator button(String name) { return page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName(name).setExact(true)); }

    Locator text(String text) { return page.getByText(Pattern.compile(text)).first(); }

    Locator labelled(String label) { return page.getByLabel(label, new Page.GetByLabelOptions().setExact(true)); }

    /** Waits for an element that is seen. */
    Locator there(String selector) {
        Locator found = page.locator(selector).first();
        found.waitFor();
        return found;
    }

    void gone(String selector) {
        page.locator(selector).first().waitFor(new Locator.WaitForOptions().setState(WaitForSelectorState.HIDDEN));
    }

    /** Waits for a picture that is decoded. */
    void picture(String selector) {
        there(selector);
        page.waitForFunction("s => { const i = document.querySelector(s); return i && i.complete && i.naturalWidth > 0; }", selector);
    }

    /** What an expression of the page gives, as JSON. */
    JsonNode json(String expression) throws Exception {
        return new ObjectMapper().readTree(String.valueOf(page.evaluate("async () => JSON.stringify(await (" + expression + "))")));
    }

    /** Drops a file on what a selector finds, as a person's hand does. */
    void drop(String selector, FilePayload file) {
        page.evaluate("([selector, name, type, bytes]) => { const data = new DataTransfer();"
            + "data.items.add(new File([Uint8Array.from(atob(bytes), c => c.charCodeAt(0))], name, { type }));"
            + "const at = document.querySelector(selector), has = { dataTransfer: data, bubbles: true, cancelable: true };"
            + "for (const kind of ['dragenter', 'dragover', 'drop']) at.dispatchEvent(new DragEvent(kind, has)); }",
            List.of(selector, file.name, file.mimeType, Base64.getEncoder().encodeToString(file.buffer)));
    }

    /** What was noted since the last call. */
    List<String> noted() {
        page.waitForTimeout(50);    // a message of the console comes by itself
        List<String> all = new ArrayList<>(faults);
        if (page.evaluate("window.__broken || []") instanceof List<?> broken) broken.forEach(b -> all.add("policy: " + b));
        page.evaluate("window.__broken = []");
        faults.clear();
        return all;
    }

    /** Nothing was noted that must not be. */
    void clean() { assertThat(noted()).as(page.url()).isEmpty(); }

    void press(String... keys) {
        for (String key : keys) page.keyboard().press(key);
    }

    /** Presses Tab until what is found has the focus. */
    void tabTo(Locator wanted) {
        for (int i = 0; i < 80; i++) {
            if (Boolean.TRUE.equals(wanted.evaluate("e => e === document.activeElement"))) return;
            press("Tab");
        }
        throw new AssertionError("not reached by Tab: " + wanted);
    }

    @Override public void close() { context.close(); }
}
