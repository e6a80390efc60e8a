package io.palitra.hub;

import io.palitra.config.ArgumentException;
import io.palitra.config.Ordered;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Where the hub is and where its files are kept.
 *
 * @param cache the folder that all programs share
 * @param endpoint address of the hub, without a slash at its end
 * @param token who asks; sent to the endpoint and to nobody else, and never printed
 * @param offline whether the hub must not be asked
 */
public record HubSettings(Path cache, URI endpoint, Optional<String> token, boolean offline) {
    /** The one host that is named here; HF_ENDPOINT replaces it. */
    static final String ENDPOINT = "https://huggingface.co";
    private static final Set<String> TRUE = Ordered.set("1", "ON", "YES", "TRUE");

    /** Of this process's environment: HF_HUB_CACHE, HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE, as in Python. */
    public static HubSettings fromEnvironment() { return of(System.getenv()); }

    /**
     * Of an environment; a variable that is empty counts as not set.
     *
     * @throws IllegalArgumentException that names the variable that cannot be used
     */
    static HubSettings of(Map<String, String> environment) {
        Path home = path(environment, "HF_HOME").orElseGet(() -> userCache(environment).resolve("huggingface"));
        Path cache = path(environment, "HF_HUB_CACHE").or(() -> path(environment, "HUGGINGFACE_HUB_CACHE")).orElse(home.resolve("hub"));
        return new HubSettings(cache.toAbsolutePath().normalize(), endpoint(value(environment, "HF_ENDPOINT").orElse(ENDPOINT)),
            token(environment, home),
            value(environment, "HF_HUB_OFFLINE").filter(v -> TRUE.contains(v.toUpperCase(Locale.ROOT))).isPresent());
    }

    private static Optional<String> value(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name)).map(String::strip).filter(v -> !v.isEmpty());
    }

    private static Optional<Path> path(Map<String, String> environment, String name) {
        return value(environment, name).map(text -> {
            try {
                return text.equals("~") || text.startsWith("~/") ? user(environment).resolve(text.substring(Math.min(2, text.length())))
                    : Path.of(text);
            } catch (InvalidPathException e) {
                throw new ArgumentException("illegal " + name + ": '" + HubName.shown(text) + "', must be a folder", e);
            }
        });
    }

    private static Path user(Map<String, String> environment) {
        return Path.of(value(environment, "HOME").orElse(System.getProperty("user.home")));
    }

    private static Path userCache(Map<String, String> environment) {
        // the XDG specification: a relative value is not valid and is to be ignored
        return path(environment, "XDG_CACHE_HOME").filter(Path::isAbsolute).orElseGet(() -> user(environment).resolve(".cache"));
    }

    private static URI endpoint(String text) {
        String bare = text.replaceAll("/+$", "");
        try {
            URI address = URI.create(bare);
            String scheme = String.valueOf(address.getScheme()).toLowerCase(Locale.ROOT);
            if ((scheme.equals("http") || scheme.equals("https")) && address.getHost() != null && address.getRawUserInfo() == null
                && address.getRawQuery() == null && address.getRawFragment() == null) return address;
        } catch (IllegalArgumentException e) {
            // reported below, as all that is no address
        }
        throw new ArgumentException("illegal HF_ENDPOINT: '" + HubName.shown(text) + "', must be http(s)://host[:port][/path]");
    }

    private static Optional<String> token(Map<String, String> environment, Path home) {
        Path file = path(environment, "HF_TOKEN_PATH").orElse(home.resolve("token"));
        Optional<String> token = value(environment, "HF_TOKEN").or(() -> value(environment, "HUGGING_FACE_HUB_TOKEN"));
        String from = token.isPresent() ? "HF_TOKEN" : "the token in " + file;
        if (token.isEmpty() && Files.isRegularFile(file)) {
            try {
                token = Optional.of(first(file)).filter(t -> !t.isEmpty());
            } catch (IOException e) {
                throw new UncheckedIOException("cannot read " + from + ": " + e.getMessage(), e);
            }
        }
        // a line end within would begin a header of its own
        if (token.filter(t -> !t.matches("[!-~]{1,1000}")).isPresent()) {
            throw new ArgumentException("illegal " + from + ": must be one word of visible ASCII");
        }
        return token;
    }

    /** No more of a file than shows that it is no token. */
    private static String first(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) { return new String(in.readNBytes(4096), StandardCharsets.UTF_8).strip(); }
    }

    @Override public String toString() {
        return "HubSettings[cache=" + cache + ", endpoint=" + endpoint + ", token=" + (token.isPresent() ? "set" : "none")
            + ", offline=" + offline + "]";
    }
}
