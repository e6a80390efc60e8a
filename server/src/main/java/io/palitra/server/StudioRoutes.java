package io.palitra.server;

import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.Cookie;
import io.javalin.http.SameSite;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/** The studio: its files, which are read once at start, and the session of a page that asks with a token. */
final class StudioRoutes implements Routes {
    /** Names of the files, one a line. */
    static final String LIST = "files.txt";

    private static final Map<String, String> TYPES = Map.of("html", "text/html; charset=utf-8", "js", "text/javascript; charset=utf-8",
        "css", "text/css; charset=utf-8", "json", "application/json", "svg", "image/svg+xml", "md", "text/plain; charset=utf-8",
        "txt", "text/plain; charset=utf-8");
    private static final Pattern IMPORTS = Pattern.compile("<script type=\"importmap\">(.*?)</script>", Pattern.DOTALL);

    private static final Pattern VERSIONED = Pattern.compile("vendor/[a-z-]+-\\d+\\.\\d+\\.\\d+\\.(js|css)");

    private final Gate gate;
    private final Map<String, Page> pages = new TreeMap<>();
    private final String policy;

    /** @param tag of the content, in quotes */
    private record Page(String type, byte[] bytes, byte[] packed, String tag) {}

    StudioRoutes(Gate gate) {
        this.gate = gate;
        for (String name : text("studio/" + LIST).lines().toList()) {
            byte[] bytes = bytes(name);
            String type = TYPES.get(name.substring(name.lastIndexOf('.') + 1));
            if (type == null) throw new IllegalStateException("no type for " + name);
            pages.put(name, new Page(type, bytes, packed(bytes), '"' + HexFormat.of().formatHex(sha256(bytes), 0, 16) + '"'));
        }
        Matcher imports = IMPORTS.matcher(text("studio/index.html"));
        if (!imports.find()) throw new IllegalStateException("index.html has no import map");
        String hash = Base64.getEncoder().encodeToString(sha256(imports.group(1).getBytes(StandardCharsets.UTF_8)));
        policy = "default-src 'self'; script-src 'self' 'sha256-" + hash + "'; img-src 'self' blob: data:; media-src 'self' blob:; "
            + "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    }

    @Override public void add(RoutesConfig to) {
        to.get("/", ctx -> {
            ctx.header("Content-Security-Policy", policy);
            page(ctx, "index.html");
        });
        to.get("/studio/<name>", ctx -> page(ctx, ctx.pathParam("name")));
        to.post("/v1/session", this::session);
    }

    private void page(Context ctx, String name) {
        Page page = pages.get(name);
        if (page == null) throw new Refused(404, "not_found", "", "there is no such page");
        ctx.header("ETag", page.tag).header("Vary", "Accept-Encoding");
        // files of others have their version in their names: what one of them is stays
        ctx.header("Cache-Control", VERSIONED.matcher(name).matches() ? "public, max-age=31536000, immutable" : "no-cache");
        if (page.tag.equals(ctx.header("If-None-Match"))) {
            ctx.status(304);
            return;
        }
        ctx.contentType(page.type);
        String takes = ctx.header("Accept-Encoding");
        if (takes != null && takes.contains("gzip")) ctx.header("Content-Encoding", "gzip").result(page.packed);
        else ctx.result(page.bytes);
    }

    /** Gives a page of a browser what it asks with from here on, where it knows the token. */
    private void session(Context ctx) {
        String token = Reply.body(ctx).path("token").asText();
        if (!gate.isToken(token)) throw new Refused(401, "bad_token", "token", "this is not the token");
        ctx.cookie(new Cookie(Gate.COOKIE, Gate.cookie(token), "/", -1, ctx.req().isSecure(), true, null, SameSite.STRICT)).status(204);
    }

    /** Whether anybody may fetch it, as a page must be there before it can ask for the token. */
    static boolean open(String path) { return path.equals("/") || path.startsWith("/studio/") || path.equals("/v1/session"); }

    /** A text of the server's resources. @param name beside this class, without "..", which leads nowhere in a jar */
    static String text(String name) { return new String(resource(name), StandardCharsets.UTF_8); }

    private static byte[] bytes(String name) { return resource("studio/" + name); }

    private static byte[] resource(String name) {
        try (@Nullable InputStream in = StudioRoutes.class.getResourceAsStream(name)) {
            if (in == null) throw new IllegalStateException("the server's file " + name + " is not in the program");
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] packed(byte[] bytes) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream packer = new GZIPOutputStream(out)) {
            packer.write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
