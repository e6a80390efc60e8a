package io.palitra.report;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/** Text made safe for HTML and SVG, between tags and inside quoted attributes. */
final class Html {
    private Html() {}

    static String escaped(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '"' -> out.append("&quot;");
                case '\'' -> out.append("&#39;");
                default -> out.append(c < 32 && c != '\n' && c != '\t' || c == 127 ? '\ufffd' : c);
            }
        }
        return out.toString();
    }

    /** One name of a relative address: what is no letter, digit or {@code - _ .} as %XX of its UTF-8. */
    static String inPath(String name) { return URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20"); }
}
