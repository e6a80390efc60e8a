package io.palitra.app;

import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.Split;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Encoder;
import io.palitra.model.Reconstructs;
import io.palitra.report.Display;
import io.palitra.train.Run;
import io.palitra.train.RunFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "reconstruct", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Test items, and what a run with an encoder and a decoder makes of them.")
final class ReconstructCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Parameters(index = "1", arity = "0..1", paramLabel = "DATA", description = "other pictures than the run's own test split")
    private @Nullable String data;

    @Option(names = "-n", paramLabel = "N", defaultValue = "16", description = "how many; default: 16")
    private int n;

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--out", paramLabel = "FILE.png", description = "default: RUN/reconstruct.png")
    private @Nullable Path out;

    @Option(names = "--force", description = "overwrite what is there")
    private boolean force;

    @Override public Integer call() throws IOException {
        if (n < 1 || n > 1000) throw new IllegalArgumentException("illegal -n: " + n + ", must be between 1 and 1000");
        Terminal terminal = new Terminal("reconstruct", false);
        try (Run opened = Common.open(run, "auto", 0, terminal); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Path target = Common.picture(out != null ? out : RunFolder.own(run, "reconstruct.png"), force);
            Reconstructs model = model(opened);
            Dataset test = Common.data(opened.config(), data, dataDir, Split.TEST, terminal);
            int[] items = new int[Math.min(n, test.size())];
            for (int i = 0; i < items.length; i++) items[i] = i;
            Batch batch = DataLoader.of(test, items, opened.device());
            Map<String, Tensor> rows = new LinkedHashMap<>();
            rows.put("original", batch.x());
            rows.put("reconstruction", Common.finite(model.reconstruct(batch.x()), run));
            Display display = Display.of(test.spec());
            display.rows(test.spec(), rows).orElseThrow(() -> new IllegalArgumentException("reconstruct shows items beside each other; '"
                + test.name() + "' holds " + display.items())).write(target, Map.of());
            Common.OUT.println(target);
            return 0;
        }
    }

    private static Reconstructs model(Run opened) {
        return opened.model().as(Reconstructs.class).orElseThrow(() -> new IllegalArgumentException("'"
            + opened.config().settings().family() + "' reconstructs nothing; ae, vae, vqvae and vqgan do"));
    }

    static Encoder encoder(Run opened) {
        return opened.model().as(Encoder.class).orElseThrow(() -> new IllegalArgumentException("'"
            + opened.config().settings().family() + "' has no encoder to one code; ae and vae have"));
    }
}
