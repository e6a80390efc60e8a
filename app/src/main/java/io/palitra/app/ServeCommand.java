package io.palitra.app;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(name = "serve", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Answer over HTTP: jobs with previews, the image APIs that other programs' clients speak, and the studio, a page where "
        + "people draw, edit, train and compare.")
final class ServeCommand implements java.util.concurrent.Callable<Integer> {
    @Mixin private Serving serving = new Serving();

    @Override public Integer call() { return serving.run(false); }
}
