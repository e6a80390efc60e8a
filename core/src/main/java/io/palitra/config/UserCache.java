package io.palitra.config;

import java.nio.file.Path;

/** Where what can be made again is kept for a user: judges of samples, models that came with the program and were unpacked. */
public final class UserCache {
    private UserCache() {}

    /** $PALITRA_CACHE, else $XDG_CACHE_HOME/palitra, else ~/.cache/palitra. It need not be there. */
    public static Path folder() {
        String own = System.getenv("PALITRA_CACHE"), xdg = System.getenv("XDG_CACHE_HOME");
        if (own != null && !own.isEmpty()) return Path.of(own);
        if (xdg != null && Path.of(xdg).isAbsolute()) return Path.of(xdg, "palitra");   // the standard: relative values are ignored
        return Path.of(System.getProperty("user.home"), ".cache", "palitra");
    }
}
