package io.palitra.report;

import io.palitra.report.ReportData.Figure;
import io.palitra.report.ReportData.Frame;
import io.palitra.report.ReportData.Frames;
import io.palitra.report.ReportData.Item;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;

/** What all pages share: one file with its pictures inside, that fetches nothing, goes light and dark and prints well. */
final class Page {
    private static final int COLUMN = 460;
    private static final int HERO = 620;
    private static final List<String> DARK =
            List.of("#6cb0f0", "#ffb454", "#ff7a63", "#c294ec", "#4fc7a6", "#cf9c8b", "#a5aab6", "#ec86c4");

    private static final String STYLE = resource("page.css").replace("LIGHT", colours(Chart.LIGHT)).replace("DARK", colours(DARK));
    private static final String SCRIPT = resource("page.js");
    /** No other script may run, whatever a run is named. */
    private static final String POLICY =
        "default-src 'none';img-src data:;media-src data:;style-src 'unsafe-inline';script-src '" + hash(SCRIPT) + "'";

    private Page() {}

    /** From the first line to the end of the heading. */
    static void head(StringBuilder out, String title, String subtitle, String result) {
        out.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        out.append("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
        out.append("<meta http-equiv=\"Content-Security-Policy\" content=\"").append(POLICY).append("\">\n");
        out.append("<title>").append(Html.escaped(title)).append("</title>\n<style>\n");
        out.append(STYLE).append("</style>\n</head>\n<body>\n<main>\n<header>\n<div class=\"swatches\" aria-hidden=\"true\">");
        for (int i = 0; i < 5; i++) out.append("<i style=\"background:var(--series-").append(i).append(")\"></i>");
        out.append("</div>\n").append(element("h1", "", title));
        if (!subtitle.isBlank()) out.append(element("p", "subtitle", subtitle));
        if (!result.isBlank()) out.append(element("p", "result", result));
        out.append("</header>\n");
    }

    static void foot(StringBuilder out) {
        out.append("<footer>Written by Palitra. This page is one file; it fetches nothing.</footer>\n</main>\n</body>\n</html>\n");
    }

    /** As {@link #foot}, with the script that moves charts and frames and copies commands; without it the page is still whole. */
    static void footWithScript(StringBuilder out) {
        out.append("<script>").append(SCRIPT).append("</script>\n");
        foot(out);
    }

    private static String resource(String name) {
        try (InputStream in = Page.class.getResourceAsStream(name)) {
            if (in == null) throw new IllegalStateException("no resource " + name);
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + name, e);
        }
    }

    /** As a content security policy names a script. */
    private static String hash(String script) {
        try {
            byte[] sha = MessageDigest.getInstance("SHA-256").digest(script.getBytes(StandardCharsets.UTF_8));
            return "sha256-" + Base64.getEncoder().encodeToString(sha);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Small pictures are shown a whole number of times larger, without smoothing; what is wider than a column has a row of its own. */
    static void figure(StringBuilder out, Figure f, boolean hero) {
        if (f.mediaType().equals("text/plain")) {
            out.append("<figure class=\"broad\">").append(element("pre", "", new String(f.bytes(), StandardCharsets.UTF_8)))
                .append("\n<figcaption>").append(element("b", "", f.title())).append(Html.escaped(f.caption()))
                .append("</figcaption></figure>\n");
            return;
        }
        if (f.mediaType().equals(Sheet.SOUND)) {
            out.append("<figure><audio controls preload=\"metadata\" src=\"data:").append(f.mediaType()).append(";base64,")
                .append(Base64.getEncoder().encodeToString(f.bytes())).append("\"></audio>\n<figcaption>")
                .append(element("b", "", f.title())).append(Html.escaped(f.caption())).append("</figcaption></figure>\n");
            return;
        }
        int[] size = size(f.bytes(), f.mediaType());
        int zoom = zoom(size, hero);
        out.append(hero ? "<figure class=\"hero\">" : (long) size[0] * zoom > COLUMN ? "<figure class=\"broad\">" : "<figure>");
        image(out, f.title(), f.mediaType(), f.bytes(), size, zoom, false);
        out.append("<figcaption>").append(element("b", "", f.title())).append(Html.escaped(f.caption()));
        items(out, f.items());
        out.append("</figcaption></figure>\n");
    }

    private static int zoom(int[] size, boolean hero) {
        return size[0] < 1 ? 1 : Math.max(1, Math.min(8, (hero ? HERO : COLUMN) / size[0]));
    }

    private static void image(StringBuilder out, String alt, String mediaType, byte[] bytes, int[] size, int zoom, boolean hidden) {
        out.append("<img alt=\"").append(Html.escaped(alt)).append('"');
        if (size[0] > 0) {
            out.append(" width=\"").append((long) size[0] * zoom).append("\" height=\"").append((long) size[1] * zoom).append('"');
        }
        if (zoom > 1) out.append(" class=\"zoomed\"");
        if (hidden) out.append(" hidden");
        out.append(" src=\"data:").append(mediaType).append(";base64,").append(Base64.getEncoder().encodeToString(bytes)).append("\">\n");
    }

    /** Frames under a slider, which opens on the last; without a script that one alone is seen. */
    static void frames(StringBuilder out, Frames f) {
        List<Frame> all = f.frames();
        Frame last = all.get(all.size() - 1);
        boolean text = f.mediaType().equals("text/plain");
        int[] size = size(last.bytes(), f.mediaType());
        out.append("<figure class=\"hero frames").append(text ? " texts" : "").append("\">\n<div>\n<div class=\"film\">\n");
        for (Frame frame : all) {
            boolean hidden = frame != last;
            if (text) {
                out.append(hidden ? "<pre hidden>" : "<pre>").append(Html.escaped(new String(frame.bytes(), StandardCharsets.UTF_8)))
                    .append("</pre>\n");
            } else image(out, f.title() + ", " + frame.name(), f.mediaType(), frame.bytes(), size, zoom(size, true), hidden);
        }
        out.append("</div>\n");
        List<String> names = all.stream().map(Frame::name).toList();
        if (all.size() > 1) {
            out.append("<label class=\"slider\" hidden><input type=\"range\" min=\"0\" max=\"").append(all.size() - 1)
                .append("\" step=\"1\" value=\"").append(all.size() - 1).append("\" autocomplete=\"off\" data-names=\"")
                .append(Html.escaped(String.join("\n", names))).append("\"> ").append(element("output", "", last.name()))
                .append("</label>\n");
        }
        out.append("</div>\n<figcaption>").append(element("b", "", f.title())).append(Html.escaped(f.caption()))
            .append("</figcaption></figure>\n");
    }

    private static void items(StringBuilder out, List<Item> items) {
        if (items.isEmpty()) return;
        out.append("<ol class=\"items\">\n");
        for (Item item : items) {
            out.append("<li>");
            if (item.href().isEmpty()) out.append(Html.escaped(item.name()));
            else out.append("<a href=\"").append(Html.escaped(item.href())).append("\">").append(Html.escaped(item.name())).append("</a>");
            out.append(' ').append(element("span", "unit", item.about())).append("</li>\n");
        }
        out.append("</ol>");
    }

    /** Width and height in pixels of a PNG or GIF; 0 and 0 for what is neither, which is then shown as it is. */
    private static int[] size(byte[] b, String mediaType) {
        if (mediaType.equals("image/png") && b.length >= 24) {
            ByteBuffer in = ByteBuffer.wrap(b);
            return new int[] {in.getInt(16), in.getInt(20)};
        }
        if (mediaType.equals("image/gif") && b.length >= 10) {
            ByteBuffer in = ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN);
            return new int[] {Short.toUnsignedInt(in.getShort(6)), Short.toUnsignedInt(in.getShort(8))};
        }
        return new int[2];
    }

    private static String colours(List<String> colours) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < colours.size(); i++) out.append("--series-").append(i).append(':').append(colours.get(i)).append(';');
        return out.toString();
    }

    static String element(String name, String style, String text) {
        return "<" + name + (style.isEmpty() ? "" : " class=\"" + style + "\"") + ">" + Html.escaped(text) + "</" + name + ">";
    }
}
