package io.palitra.server;

import io.javalin.config.RoutesConfig;

/** Pages and calls of one part of the server. */
interface Routes {
    void add(RoutesConfig to);
}
