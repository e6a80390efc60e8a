/**
 * What a person can ask for, one record each, which the command line and a server fill and print. Fields are keys as {@link
 * io.palitra.config.Config} reads them (numbers, texts, paths as texts, empty = none), so a request can be made by {@code
 * Config.with(request, "n=16")} or of JSON, and a fault names its key. {@code run(Watcher)} checks the keys, refuses files that are there
 * unless {@code force}, works, frees what it opened, and returns what is to be shown.
 */
@NullMarked
package io.palitra.job;

import org.jspecify.annotations.NullMarked;
