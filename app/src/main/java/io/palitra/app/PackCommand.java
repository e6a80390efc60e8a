package io.palitra.app;

import io.palitra.job.PackRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "pack", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "A run as it is given away: config and weights in bf16, without checkpoints, log, pictures and places of this machine. "
        + "It is a run for every command but resume.")
final class PackCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Parameters(index = "1", paramLabel = "FOLDER", description = "the folder to make")
    private Path out = Path.of("");

    @Option(names = "--upon", paramLabel = "KEY=FOLDER",
        description = "a model that it is built upon, packed before, as stage=small-vqgan; "
        + "the config then names it by the folder's name")
    private List<String> upon = new ArrayList<>();

    @Override public Integer call() throws IOException {
        Terminal terminal = new Terminal("pack", false);
        PackRequest.Result made = new PackRequest(run.toString(), out.toString(), upon).run(terminal);
        terminal.done();
        Common.OUT.println(made.folder());
        return 0;
    }
}
