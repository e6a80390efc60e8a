package io.palitra.app;

import picocli.CommandLine.Option;

/** Of commands that replace no file unasked. */
final class Overwriting {
    @Option(names = "--force", description = "overwrite what is there")
    boolean force;
}
