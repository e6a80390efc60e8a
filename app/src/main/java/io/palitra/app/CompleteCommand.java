package io.palitra.app;

import io.palitra.config.Config;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.ImageSpec;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Completes;
import io.palitra.report.Grid;
import io.palitra.report.Png;
import io.palitra.train.Run;
import io.palitra.train.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "complete", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Keep the upper rows of a picture and draw the rest, several times: the picture, what is kept, and the alternatives.")
final class CompleteCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "the run folder")
    private Path run = Path.of("");

    @Option(names = "--image", paramLabel = "FILE", description = "the picture; default: the first ten items of the test split")
    private @Nullable Path image;

    @Option(names = "--keep", paramLabel = "ROWS", required = true, description = "rows kept, from the top")
    private int keep;

    @Option(names = "-n", paramLabel = "N", defaultValue = "8", description = "alternatives; default: 8")
    private int n;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "decides the noise; default: 0")
    private long seed;

    @Option(names = "--set", paramLabel = "key=value", description = "sampling keys of the family, see 'palitra families FAMILY'")
    private List<String> set = new ArrayList<>();

    @Option(names = "--data-dir", paramLabel = "DIR", description = "where data sets lie")
    private @Nullable Path dataDir;

    @Option(names = "--out", paramLabel = "FILE.png", description = "default: RUN/complete.png")
    private @Nullable Path out;

    @Option(names = "--force", description = "overwrite what is there")
    private boolean force;

    @Override public Integer call() throws IOException {
        if (n < 1 || n > 1000) throw new IllegalArgumentException("illegal -n: " + n + ", must be between 1 and 1000");
        Terminal terminal = new Terminal("complete", false);
        try (Run opened = Common.open(run, "auto", 0, terminal); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Completes<?> model = opened.model().as(Completes.class).orElse(null);
            if (model == null || !(opened.config().settings().spec() instanceof ImageSpec spec)) {
                throw new IllegalArgumentException("'" + opened.config().settings().family() + "' completes nothing; pixelcnn, tokens "
                    + "and dalle do");
            }
            if (keep < 0 || keep > spec.height()) {
                throw new IllegalArgumentException("illegal --keep: " + keep + ", must be between 0 and " + spec.height() + " rows");
            }
            Path target = Common.picture(out != null ? out : RunFolder.own(run, "complete.png"), force);
            List<Picture> sheet = new ArrayList<>();
            for (Picture picture : pictures(opened, spec, terminal)) {
                sheet.add(picture);
                byte[] kept = new byte[picture.pixels().length];
                int plane = spec.height() * spec.width();
                java.util.Arrays.fill(kept, (byte) 128);
                for (int c = 0; c < spec.channels(); c++) {
                    System.arraycopy(picture.pixels(), c * plane, kept, c * plane, keep * spec.width());
                }
                sheet.add(new Picture(spec.channels(), spec.height(), spec.width(), kept));
                sheet.addAll(Grid.pictures(Common.finite(alternatives(model, picture, spec, opened.device()), run)));
            }
            Png.write(target, Grid.of(sheet, n + 2, 2), Map.of("palitra", "complete, " + keep + " rows kept, seed " + seed));
            Common.OUT.println(target);
            return 0;
        }
    }

    private <S extends Record> Tensor alternatives(Completes<S> model, Picture picture, ImageSpec spec, Device device) {
        Tensor one = DataLoader.fromBytes(Torch.of(picture.pixels(), 1, spec.channels(), spec.height(), spec.width()));
        Tensor x = one.expand(n, spec.channels(), spec.height(), spec.width()).contiguous().to(device);
        return model.complete(Config.with(model.samplingDefaults(), set), x, keep, new Rng(seed).on(device));
    }

    private List<Picture> pictures(Run opened, ImageSpec spec, Terminal terminal) throws IOException {
        if (image != null) {
            if (!Files.isRegularFile(image)) throw new IllegalArgumentException("no such file: " + image);
            Picture read = Pictures.read(Common.bytes(image), image.toString(), Limits.DEFAULT, terminal::note);
            Picture coloured = spec.channels() == 1 ? Pictures.grey(read) : Pictures.rgb(read);
            return List.of(Pictures.fit(coloured, spec.height(), spec.width()));
        }
        Dataset test = Common.data(opened.config(), null, dataDir, Split.TEST, terminal);
        int[] items = new int[Math.min(10, test.size())];
        for (int i = 0; i < items.length; i++) items[i] = i;
        return Grid.pictures(DataLoader.of(test, items, opened.device()).x());
    }
}
