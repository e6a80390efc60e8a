package io.palitra.server;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Who may ask: a Host that is this server's, so that a name that was bound anew to 127.0.0.1 leads nowhere; of a page of a browser only the
 * server's own Origin; and the token, where one is asked for.
 */
final class Gate {
    /** In which a page of a browser keeps the token. */
    static final String COOKIE = "palitra_token";

    private static final String LOCAL = "localhost";
    private static final String BEARER = "bearer ";
    private static final String BASIC = "basic ";

    private final ServerConfig config;

    Gate(ServerConfig config) { this.config = config; }

    /**
     * @param host the header, with its port
     * @param origin the header, null where there is none, as of programs
     * @param site the header Sec-Fetch-Site
     * @param authorization the header
     * @param cookie the value of {@link #COOKIE}
     * @param open whether nobody is asked for a token
     * @throws Refused for what is not let in
     */
    void check(@Nullable String host, @Nullable String origin, @Nullable String site, @Nullable String authorization,
            @Nullable String cookie, boolean open) {
        if (host == null || !known(name(host))) throw new Refused(403, "bad_host", "", "this Host is not of this server");
        if (origin != null && !origin.equals("http://" + host) && !origin.equals("https://" + host)) {
            throw new Refused(403, "bad_origin", "", "pages of other origins may not ask");
        }
        if (site != null && !site.equals("same-origin") && !site.equals("none")) {
            throw new Refused(403, "bad_origin", "", "pages of other origins may not ask");
        }
        if (open || config.token().isEmpty()) return;
        String given = authorization == null ? "" : authorization;
        boolean let = given.isEmpty() && cookie != null ? same(cookie, cookie(config.token())) : isToken(token(given));
        if (!let) {
            throw new Refused(401, "no_token", "", "a token is asked for: Authorization: Bearer TOKEN");
        }
    }

    /** Whether it is the token; takes as long for any of its length. */
    boolean isToken(String token) { return same(token, config.token()); }

    /** The value of {@link #COOKIE}: a token may have characters that a cookie may not. */
    static String cookie(String token) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(token.getBytes(StandardCharsets.UTF_8));
    }

    private static boolean same(String a, String b) {
        return MessageDigest.isEqual(a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
    }

    /** Behind Bearer, or as the password of any user, which is all that some clients can send; empty for none. */
    private static String token(String authorization) {
        String lower = authorization.toLowerCase(Locale.ROOT);
        if (lower.startsWith(BEARER)) return authorization.substring(BEARER.length()).strip();
        if (!lower.startsWith(BASIC)) return "";
        try {
            String pair = new String(Base64.getDecoder().decode(authorization.substring(BASIC.length()).strip()), StandardCharsets.UTF_8);
            return pair.substring(pair.indexOf(':') + 1);
        } catch (IllegalArgumentException e) {
            return "";
        }
    }

    /** A server that others reach may have any name there; its token keeps pages out. */
    private boolean known(String name) { return !config.token().isEmpty() || LOCAL.equals(name) || ServerConfig.isLocal(name); }

    private static String name(String host) {
        String lower = host.toLowerCase(Locale.ROOT);
        if (lower.startsWith("[")) return lower.contains("]") ? lower.substring(1, lower.indexOf(']')) : "";
        int port = lower.indexOf(':');
        return port < 0 ? lower : lower.substring(0, port);
    }
}
