package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Condition;
import io.palitra.data.DataSpec;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.model.IncludedModels;
import io.palitra.model.Watcher;
import io.palitra.report.Display;
import io.palitra.train.PngProvenance;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;

/** A picture from a sentence, by the model of words and pictures that comes with the program: the best of a few by CLIP, enlarged. */
public record DrawRequest(
        @Help("what to draw, in English or Russian") String prompt,
        @Help(value = "pictures to keep, the best first", min = 1, max = 64) int n,
        @Help(value = "pictures drawn, of which CLIP chooses", min = 1, max = 256) int candidates,
        @Help(value = "decides the noise", min = 0) long seed,
        @Help(value = "how many times as wide as it was drawn; 0 = so that a person sees it", min = 0, max = 64) int scale,
        @Help(value = "the model: a run that draws from words, or the name of one that comes with the program",
            place = Help.Place.MODEL) String model,
        @Help(value = "the CLIP that ranks, empty = nobody does", place = Help.Place.MODEL) String clip,
        @Help("sampling keys of the family, key=value") List<String> sampling,
        @Help(value = "a .png, empty = the first free of drawing.png, drawing-2.png, ...", place = Help.Place.OUT) String out,
        @Help("whether a file that is there is replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Together.Draws<DrawRequest.Result> {
    /** What draws, and what ranks, unless something else is asked for. */
    public static final String MODEL = "scenes", CLIP = "scenes-clip";

    /** The best of four, by the models that come with the program. */
    public DrawRequest(String prompt) { this(prompt, 1, 4, 0, 0, MODEL, CLIP, List.of(), "", false, "auto", 0); }

    public DrawRequest {
        sampling = List.copyOf(sampling);
        if (prompt.isBlank()) throw new ConfigException("prompt", "which words? Such as \"a red circle above a blue square\"");
        if (candidates < n) {
            throw new ConfigException("candidates", "illegal candidates: " + candidates + ", must be at least the " + n + " to keep");
        }
    }

    /**
     * @param seed of the noise
     * @param count pictures in the file, the best first
     * @param file the picture
     */
    public record Result(long seed, int count, Path file) {
        /** As {@code --json} prints it. */
        public ObjectNode toJson() {
            ObjectNode node = new ObjectMapper().createObjectNode().put("seed", seed).put("count", count);
            node.putArray("files").add(file.toString());
            return node;
        }
    }

    /**
     * Draws and writes; ticks by the steps of a sampler.
     *
     * @throws IllegalArgumentException for a model that draws nothing from words, and for a file that cannot be written
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs inputs = new Inputs(watcher);
        try (Run opened = open(inputs); Scope scope = new Scope()) {
            Drawing<?> drawing = prepared(opened, inputs);
            Tensor x;
            try (var watch = Steps.of(watcher, opened.config().settings().spec())) {
                x = drawing.sample(candidates, new Rng(seed).on(opened.device()));
            }
            return written(opened, drawing, x, watcher);
        }
    }

    @Override public Optional<List<Object>> alike() { return Optional.of(List.of(DrawRequest.class, model, sampling, device, threads)); }

    @Override public int count() { return candidates; }

    @Override public Run open(Inputs inputs) throws IOException {
        if (model.equals(MODEL) && !Files.exists(Path.of(MODEL)) && IncludedModels.named(MODEL).isEmpty()) {
            throw new ArgumentException("this build has no model '" + MODEL + "'; a run of dalle draws, too: model=RUN");
        }
        return inputs.open(model, device, threads);
    }

    @Override public Drawing<?> prepared(Run opened, Inputs inputs) throws IOException {
        Config.check(this);
        target();
        if (!opened.generative().takes().contains(Condition.Kind.TEXT)) {
            throw new ArgumentException("'" + model + "' (" + opened.config().settings().family() + ") draws nothing from words");
        }
        if (ranks()) ByClip.refuseMissing(clip);
        List<String> overrides = new ArrayList<>(sampling);
        overrides.add("prompt=" + prompt);
        return inputs.drawing(opened, overrides);
    }

    private boolean ranks() { return !clip.isEmpty() && candidates > 1; }

    private Path target() throws IOException { return Outputs.picture(out.isEmpty() ? free() : Path.of(out), "out", force); }

    @Override public Result written(Run opened, Drawing<?> drawing, Tensor x, Watcher watcher) throws IOException {
        Path target = target();
        Outputs.finite(x, model);
        long[] order = ranks() ? ByClip.order(clip, x.to(Device.CPU), prompt, watcher) : LongStream.range(0, candidates).toArray();
        long[] best = Arrays.copyOf(order, n);
        DataSpec spec = opened.config().settings().spec();
        Display.of(spec).sheet(spec, x.indexSelect(0, Torch.of(best, n).to(x.device())), (int) Math.ceil(Math.sqrt(n)), prompt)
            .enlarged(scale).write(target, about(opened, drawing, (int) best[0]));
        watcher.wrote(target);
        return new Result(seed, n, target);
    }

    private Map<String, String> about(Run opened, Drawing<?> drawing, int best) {
        return PngProvenance.of(opened.config(), Inputs.name(model), opened.weights(), drawing, seed, n == 1 ? best : 0,
            n == 1 ? 1 : candidates);
    }

    private static Path free() {
        for (int i = 1; ; i++) {
            Path file = Path.of(i == 1 ? "drawing.png" : "drawing-" + i + ".png");
            if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) return file;
        }
    }
}
