package io.palitra.report;

import io.palitra.report.ReportData.Figure;
import io.palitra.report.ReportData.Item;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Locale;

/** What all pages share: one file with its pictures inside, that fetches nothing, runs no script, goes light and dark and prints well. */
final class Page {
    private static final int COLUMN = 460;
    private static final int HERO = 620;
    private static final List<String> DARK =
            List.of("#6cb0f0", "#ffb454", "#ff7a63", "#c294ec", "#4fc7a6", "#cf9c8b", "#a5aab6", "#ec86c4");

    private static final String STYLE = """
            :root{color-scheme:light dark;--paper:#fcfcfa;--card:#ffffff;--ink:#1d2129;--soft:#4a505c;--faint:#757b87;--rule:#e5e5e0;%s}
            @media (prefers-color-scheme:dark){
            :root{--paper:#15171b;--card:#1c1f24;--ink:#e9e9e6;--soft:#bfc3ca;--faint:#8d939f;--rule:#30343b;%s}}
            @media print{:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#222;--faint:#555;--rule:#ccc;%s}
            main{max-width:none!important;padding:0!important}figure,table,.chart,pre{break-inside:avoid}h2{break-after:avoid}}
            *{box-sizing:border-box}
            html{-webkit-text-size-adjust:100%%}
            body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
            main{max-width:1000px;margin:0 auto;padding:56px 28px 72px}
            .swatches{display:flex;gap:6px;margin-bottom:22px}
            .swatches i{width:14px;height:14px;border-radius:50%%;print-color-adjust:exact;-webkit-print-color-adjust:exact}
            h1{font-size:38px;line-height:1.15;letter-spacing:-.02em;font-weight:700;margin:0;overflow-wrap:anywhere}
            .subtitle{color:var(--faint);margin:8px 0 0}
            .result{font-size:20px;line-height:1.5;max-width:44em;margin:22px 0 0;color:var(--soft)}
            h2{font-size:13px;letter-spacing:.09em;text-transform:uppercase;font-weight:600;color:var(--faint);margin:60px 0 18px;
            border-top:1px solid var(--rule);padding-top:18px}
            .figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%%,300px),1fr));gap:36px 32px;align-items:start;
            grid-auto-flow:dense}
            figure{margin:0;min-width:0}
            .figures .broad{grid-column:1/-1}
            .hero{display:grid;grid-template-columns:minmax(0,max-content) minmax(200px,1fr);gap:32px;align-items:end;margin-top:40px}
            @media (max-width:760px){.hero{grid-template-columns:1fr}main{padding:32px 18px 48px}h1{font-size:30px}}
            img{display:block;max-width:100%%;height:auto;border-radius:4px;background:#fff;border:1px solid var(--rule)}
            img.zoomed{image-rendering:pixelated}
            figcaption{margin-top:12px;font-size:14px;line-height:1.5;color:var(--soft);max-width:46em}
            .hero figcaption{margin:0}
            figcaption b{display:block;color:var(--ink);font-size:15px;font-weight:600}
            .items{margin:10px 0 0;padding-left:2.2em;columns:2 200px;column-gap:28px;overflow-wrap:anywhere}
            .items a{color:inherit}
            .charts{display:grid;gap:44px;overflow-x:auto}
            .chart{display:block;width:100%%;min-width:620px;height:auto}
            dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:20px 28px;margin:0}
            dt{font-size:13px;color:var(--faint)}
            dd{margin:1px 0 0;font-weight:500;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
            .wide{overflow-x:auto}
            table{border-collapse:collapse;width:100%%;font-size:14.5px;line-height:1.45}
            th{text-align:left;font-weight:600;font-size:13px;color:var(--faint);padding:0 20px 8px 0;border-bottom:1px solid var(--rule)}
            td{padding:9px 20px 9px 0;border-bottom:1px solid var(--rule);vertical-align:top;overflow-wrap:anywhere}
            th:last-child,td:last-child{padding-right:0}
            .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
            td.number{font-weight:600}
            .unit{color:var(--faint);white-space:nowrap}
            td.meaning{color:var(--soft)}
            tr.explained td{border-bottom:0;padding-bottom:0}
            td.meaning[colspan]{font-size:13px;color:var(--faint);padding-top:2px}
            code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
            td code.under{display:block;color:var(--faint);font-size:12px;margin-top:3px}
            pre{margin:4px 0 18px;padding:11px 14px;background:var(--card);border:1px solid var(--rule);border-radius:6px;
            white-space:pre-wrap;overflow-wrap:anywhere}
            .purpose{margin:0;font-size:14.5px;color:var(--soft)}
            .config{columns:2 320px;column-gap:44px;font-size:14px;padding:0;margin:0;list-style:none}
            .config li{display:flex;justify-content:space-between;gap:16px;padding:5px 0;border-bottom:1px solid var(--rule);
            break-inside:avoid}
            .config span{color:var(--soft);overflow-wrap:anywhere}
            .config code{text-align:right;overflow-wrap:anywhere}
            footer{margin-top:64px;font-size:13px;color:var(--faint)}
            """;

    private Page() {}

    /** From the first line to the end of the heading. */
    static void head(StringBuilder out, String title, String subtitle, String result) {
        out.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        out.append("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
        out.append("<meta http-equiv=\"Content-Security-Policy\" "
                + "content=\"default-src 'none';img-src data:;style-src 'unsafe-inline'\">\n");
        out.append("<title>").append(Html.escaped(title)).append("</title>\n<style>\n");
        out.append(String.format(Locale.ROOT, STYLE, colours(Chart.LIGHT), colours(DARK), colours(Chart.LIGHT)));
        out.append("</style>\n</head>\n<body>\n<main>\n<header>\n<div class=\"swatches\" aria-hidden=\"true\">");
        for (int i = 0; i < 5; i++) out.append("<i style=\"background:var(--series-").append(i).append(")\"></i>");
        out.append("</div>\n").append(element("h1", "", title));
        if (!subtitle.isBlank()) out.append(element("p", "subtitle", subtitle));
        if (!result.isBlank()) out.append(element("p", "result", result));
        out.append("</header>\n");
    }

    static void foot(StringBuilder out) {
        out.append("<footer>Written by Palitra. This page is one file; it fetches nothing.</footer>\n</main>\n</body>\n</html>\n");
    }

    /** Small pictures are shown a whole number of times larger, without smoothing; what is wider than a column has a row of its own. */
    static void figure(StringBuilder out, Figure f, boolean hero) {
        if (f.mediaType().equals("text/plain")) {
            out.append("<figure class=\"broad\">").append(element("pre", "", new String(f.bytes(), StandardCharsets.UTF_8)))
                .append("\n<figcaption>").append(element("b", "", f.title())).append(Html.escaped(f.caption()))
                .append("</figcaption></figure>\n");
            return;
        }
        int[] size = size(f);
        int zoom = size[0] < 1 ? 1 : Math.max(1, Math.min(8, (hero ? HERO : COLUMN) / size[0]));
        long width = (long) size[0] * zoom;
        out.append(hero ? "<figure class=\"hero\">" : width > COLUMN ? "<figure class=\"broad\">" : "<figure>");
        out.append("<img alt=\"").append(Html.escaped(f.title())).append('"');
        if (width > 0) out.append(" width=\"").append(width).append("\" height=\"").append((long) size[1] * zoom).append('"');
        if (zoom > 1) out.append(" class=\"zoomed\"");
        out.append(" src=\"data:").append(f.mediaType()).append(";base64,").append(Base64.getEncoder().encodeToString(f.bytes()));
        out.append("\">\n<figcaption>").append(element("b", "", f.title())).append(Html.escaped(f.caption()));
        items(out, f.items());
        out.append("</figcaption></figure>\n");
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
    private static int[] size(Figure f) {
        byte[] b = f.bytes();
        if (f.mediaType().equals("image/png") && b.length >= 24) {
            ByteBuffer in = ByteBuffer.wrap(b);
            return new int[] {in.getInt(16), in.getInt(20)};
        }
        if (f.mediaType().equals("image/gif") && b.length >= 10) {
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
