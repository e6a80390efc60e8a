package io.palitra.app;

import picocli.CommandLine.Option;

/** Of commands that draw. */
final class Seed {
    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "decides all that is drawn at random; default: 0")
    long value;
}
