package io.palitra.app;

import io.palitra.job.ExportRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "export", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Write a run as a folder that Python's diffusers loads: of diffusion a DDPMPipeline, of vae with net=kl an "
        + "AutoencoderKL, of vqvae and vqgan a VQModel. Its README.md, shown too, is the Python that uses it.")
final class ExportCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Parameters(index = "1", paramLabel = "DIR", description = "the folder to make; it must not be there")
    private Path target = Path.of("");

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie; vae is measured on its training data")
    private @Nullable Path dataDir;

    @Override public Integer call() throws IOException {
        Terminal terminal = new Terminal("export", false).until(Stop.onSignals());
        ExportRequest.Result made = new ExportRequest(run.toString(), target.toString(), Common.text(dataDir)).run(terminal);
        terminal.done();
        made.python().lines().forEach(terminal::note);
        Common.OUT.println(target);
        return 0;
    }
}
