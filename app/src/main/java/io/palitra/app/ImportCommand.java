package io.palitra.app;

import io.palitra.hub.LdmCheckpoint;
import io.palitra.job.ImportRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(name = "import", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Make a diffusers folder of safetensors from a Stable Diffusion checkpoint in one file, or from a folder of .bin files; "
        + "of other weights one safetensors file. Of the folder of a public BigGAN-deep, and of NVIDIA's .pkl of StyleGAN 2: a run, which "
        + "'palitra sample' draws from. Values keep their type; nothing in the files is run.",
    footer = {"", "Stable Diffusion 1, 2, XL and its refiner are read. Checkpoints in one file hold no tokenizer: --tokenizer names one."})
final class ImportCommand implements Callable<Integer> {
    @Spec private @Nullable CommandSpec spec;

    @Parameters(index = "0", paramLabel = "SRC",
        description = "a .safetensors, .ckpt, .pt, .pth or .bin file, a .pkl of stylegan2-ada-pytorch, a diffusers folder, or ORG/NAME "
            + "that was pulled")
    private String source = "";

    @Parameters(index = "1", paramLabel = "DIR", description = "the folder to make; it must not be there")
    private Path target = Path.of("");

    @Option(names = "--tokenizer", paramLabel = "FOLDER|ORG/NAME",
        description = "the tokenizer's files, or a model that has them; CLIP's is " + LdmCheckpoint.TOKENIZER)
    private @Nullable String tokenizer;

    @Option(names = "--prediction", paramLabel = "epsilon|v_prediction",
        description = "what the U-Net predicts: v for Stable Diffusion 2 unless given (its 512-pixel models want epsilon), else epsilon")
    private LdmCheckpoint.@Nullable Prediction prediction;

    @Option(names = "--ema", description = "the averaged weights of the U-Net, where a checkpoint holds both")
    private boolean averaged;

    @Override public Integer call() throws IOException {
        Terminal terminal = new Terminal("import", false);
        String predicts = prediction == null ? "" : prediction.name().toLowerCase(Locale.ROOT);
        ImportRequest request = new ImportRequest(source, target.toString(), Common.name(tokenizer, "--tokenizer"), predicts, averaged);
        try {
            Common.OUT.println(request.run(new OneLine(terminal, Stop.onSignals(), OneLine.NOTHING, spec)).folder());
        } catch (CancellationException e) {
            terminal.note("stopped; nothing was made");
            return Main.STOPPED;
        }
        return 0;
    }
}
