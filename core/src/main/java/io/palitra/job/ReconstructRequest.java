package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.Help;
import io.palitra.data.Batch;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.Split;
import io.palitra.engine.Guard;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.measure.Course;
import io.palitra.model.Encoder;
import io.palitra.model.Reconstructs;
import io.palitra.model.Watcher;
import io.palitra.report.Display;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Test items above their reconstructions by a run, as one picture. */
public record ReconstructRequest(
        @Help(value = "the run folder", place = Help.Place.MODEL) String run,
        @Help(value = "name or path of other data of the same kind, empty = the run's own", place = Help.Place.DATA) String data,
        @Help(value = "items", min = 1, max = 1000) int n,
        @Help(value = "where data sets lie, empty = where they lay", place = Help.Place.DATA) String dataDir,
        @Help(value = "the picture, a .png, empty = reconstruct.png in the run folder", place = Help.Place.OUT) String out,
        @Help("whether a file that is there is replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<ReconstructRequest.Result> {
    private static final int AT_ONCE = 100;

    /** Sixteen items of its own test data. */
    public ReconstructRequest(String run) { this(run, "", 16, "", "", false, "auto", 0); }

    /** @param file the picture */
    public record Result(Path file) {}

    /** @throws IllegalArgumentException for a family that does not reconstruct, and for data whose items are not shown in rows */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Path target = Outputs.picture(out.isEmpty() ? Outputs.own(run, "reconstruct.png") : Path.of(out), "out", force);
            Reconstructs model = model(opened);
            Dataset test = inputs.data(opened.config(), data, dataDir, Split.TEST);
            int[] items = new int[Math.min(n, test.size())];
            for (int i = 0; i < items.length; i++) items[i] = i;
            Batch batch = DataLoader.of(test, items, opened.device());
            Map<String, Tensor> rows = new LinkedHashMap<>();
            rows.put("original", batch.x());
            Course course = new Course(watcher);
            List<Tensor> parts = new ArrayList<>();
            try (var watch = Scope.watch(course)) {
                for (int i = 0; i < items.length; i += AT_ONCE) {
                    int at = i, some = Math.min(AT_ONCE, items.length - i);
                    course.at("items", at, some, items.length);
                    parts.add(Scope.run(() -> model.reconstruct(batch.x().rows(at, some))));
                }
            }
            course.at("items", items.length, 0, items.length);
            rows.put("reconstruction", Outputs.finite(Torch.cat(0, parts), run));
            Display display = Display.of(test.spec());
            display.rows(test.spec(), rows).orElseThrow(() -> new ArgumentException("reconstruct shows items beside each other; '"
                + test.name() + "' holds " + display.items())).write(target, Map.of());
            watcher.wrote(target);
            return new Result(target);
        }
    }

    private static Reconstructs model(Run opened) {
        if (opened.model() instanceof Reconstructs r) return r;
        throw new ArgumentException("'" + opened.config().settings().family()
            + "' reconstructs nothing; ae, vae, vqvae and vqgan do");
    }

    /** @throws IllegalArgumentException for a family that has none */
    static Encoder encoder(Run opened) {
        if (opened.model() instanceof Encoder e) return e;
        throw new ArgumentException("'" + opened.config().settings().family() + "' has no encoder to one code; ae and vae have");
    }
}
