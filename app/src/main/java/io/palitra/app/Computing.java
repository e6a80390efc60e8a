package io.palitra.app;

import picocli.CommandLine.Option;

/** Where a command computes, and with how many threads. */
final class Computing {
    @Option(names = "--device", paramLabel = "auto|cpu|cuda[:n]", defaultValue = "auto", description = "where to compute; default: auto")
    String device = "auto";

    @Option(names = "--threads", paramLabel = "N|auto", defaultValue = "auto", converter = Threads.class, description = Threads.ABOUT)
    int threads;
}
