package io.palitra.server;

import java.util.ArrayList;
import java.util.List;

/** Texts that would run as code, or bring elements into a page, if a page took them for markup: 200 of them. */
final class Hostile {
    private static final String CODE = "window.__xss=1";
    private static final List<String> BEFORE = List.of("", "\">", "'>", "</script></style></textarea></title>-->", "]]>`}}\u202e\u200b");
    private static final List<String> SHAPES = List.of(
        "<script>CODE</script>", "<ScRiPt >CODE</sCrIpT >", "<script type=module>CODE</script>",
        "<script src=\"data:text/javascript,CODE\"></script>",
        "<img src=x onerror=CODE>", "<IMG SRC=x ONERROR=\"CODE\">", "<img/src=x/onerror=CODE>", "<image src=x onerror=CODE>",
        "<svg onload=CODE>", "<svg><script>CODE</script></svg>", "<svg><animate onbegin=CODE attributeName=x dur=1s>",
        "<svg><set onbegin=CODE attributeName=x>", "<svg><a xlink:href=\"javascript:CODE\"><text y=20>x</text></a></svg>",
        "<a href=javascript:CODE>x</a>", "<a href=\"java&#10;script:CODE\">x</a>", "javascript:CODE",
        "data:text/html,<script>CODE</script>", "<iframe src=\"javascript:parent.CODE\"></iframe>",
        "<iframe srcdoc=\"<script>parent.CODE</script>\">", "<object data=\"javascript:CODE\">", "<embed src=\"javascript:CODE\">",
        "<body onload=CODE>", "<details open ontoggle=CODE>x", "<video src=x onerror=CODE></video>",
        "<audio src=x onerror=CODE></audio>", "<input autofocus onfocus=CODE>", "<select autofocus onfocus=CODE><option>x</select>",
        "<style onload=CODE>a{}</style>", "<style>*{background:url(//evil.example/x)}</style>",
        "<link rel=stylesheet href=//evil.example/x.css onerror=CODE>", "<meta http-equiv=refresh content=\"0;url=javascript:CODE\">",
        "<base href=//evil.example/>", "<form action=javascript:CODE><button autofocus>x",
        "<math><mtext><table><mglyph><style><img src=x onerror=CODE>", "${CODE}", "{{constructor.constructor('CODE')()}}",
        "`+(CODE)+`", "\\u003cimg src=x onerror=CODE\\u003e", "&lt;img src=x onerror=CODE&gt;",
        "\uff1cimg src=x onerror=CODE\uff1e<img src=x onerror=CODE>");

    private Hostile() {}

    static List<String> all() {
        List<String> all = new ArrayList<>();
        for (String before : BEFORE) for (String shape : SHAPES) all.add(before + shape.replace("CODE", CODE));
        return all;
    }

    /** As the name of a file or folder. */
    static String named(String text) { return text.replace('/', '\u2044'); }
}
