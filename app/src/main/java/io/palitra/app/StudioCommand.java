package io.palitra.app;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(name = "studio", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Open the studio in the browser: the page of 'palitra serve'.")
final class StudioCommand implements java.util.concurrent.Callable<Integer> {
    @Mixin private Serving serving = new Serving();

    @Override public Integer call() { return serving.run(true); }
}
