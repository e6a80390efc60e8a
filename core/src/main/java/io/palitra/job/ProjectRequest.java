package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.Ordered;
import io.palitra.data.DataLoader;
import io.palitra.data.Picture;
import io.palitra.data.PictureItems;
import io.palitra.data.Pictures;
import io.palitra.edit.Projection;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.Safetensors;
import io.palitra.metric.Psnr;
import io.palitra.model.Styles;
import io.palitra.model.Watcher;
import io.palitra.report.FilmWriter;
import io.palitra.report.Gif;
import io.palitra.report.Grid;
import io.palitra.report.Png;
import io.palitra.stage.FeatureDistance;
import io.palitra.train.Run;
import io.palitra.train.RunModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BinaryOperator;
import org.jspecify.annotations.Nullable;

/** The styles by which a run draws a given picture, found by descent; the picture that they draw, and the film of how it came. */
public record ProjectRequest(
        @Help(value = "the run folder, of a family with styles such as stylegan", place = Help.Place.MODEL) String run,
        @Help(value = "file of the picture, of the size that the run draws", place = Help.Place.PICTURE) String picture,
        @Help("w: one style for all layers; w+: one for each layer, which comes nearer") String space,
        @Help("whether the fixed noise of the layers is moved, too") boolean noise,
        @Help(value = "steps", min = 1, max = 100_000) int steps,
        @Help("number or name of the class that the search begins at, empty = the mean of all") String label,
        @Help(value = "a run of classifier whose features count beside the pixels, empty = pixels alone", place = Help.Place.MODEL)
            String features,
        @Help(value = "decides how styles are shaken on the way", min = 0) long seed,
        @Help(value = "a folder, empty = projected in the run folder", place = Help.Place.OUT) String out,
        @Help("whether files that are there are replaced") boolean force,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<ProjectRequest.Result> {
    /**
     * Frames of the film at most, milliseconds of one, how often the last one is shown again, and the width below which all are enlarged.
     */
    private static final int FRAMES = 100, DELAY = 80, REST = 12, WIDE = 256;
    private static final int USUAL_STEPS = 1000;
    private static final String MP4 = ".mp4", FOUND = "projected.safetensors";

    /** A thousand steps in W+. */
    public ProjectRequest(String run, String picture) { this(run, picture, "w+", false, USUAL_STEPS, "", "", 0, "", false, "auto", 0); }

    /**
     * What was found.
     *
     * @param files projected.png, compared.png (the picture, and beside it what was found), projected.safetensors ({@code w} [L,W], and
     *     {@code noise.0} … where noise was moved), projection.gif, and projection.mp4 where the program has the module of films
     * @param psnr of the picture that was found beside the one that was given, in dB
     * @param seconds without loading
     */
    public record Result(List<Path> files, double psnr, int steps, double seconds) {
        public Result { files = List.copyOf(files); }

        /** As {@code --json} prints it. */
        public ObjectNode toJson() {
            ObjectNode node = new ObjectMapper().createObjectNode().put("psnr", psnr).put("steps", steps).put("seconds", seconds);
            ArrayNode list = node.putArray("files");
            files.forEach(f -> list.add(f.toString()));
            return node;
        }
    }

    /**
     * Projects; ticks by steps, with the figure "psnr" and the picture so far.
     *
     * @throws ConfigException for a picture of another size, and a class that the run does not have
     * @throws IllegalArgumentException for a family without styles
     * @throws java.util.concurrent.CancellationException when it was stopped; then nothing is written
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Projection.How how = new Projection.How(Projection.Space.of(space), noise, steps);
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope()) {
            Styles model = Inputs.styles(opened);
            ItemPictures shown = new ItemPictures("project", opened.config().settings());
            PictureItems spec = (PictureItems) opened.config().settings().spec();
            @Nullable Integer kind = label.isEmpty() ? null : (Integer) SampleRequest.number(opened, label);
            Picture given = given(spec, watcher);
            Path folder = Outputs.folder(out.isEmpty() ? Outputs.own(run, "projected") : Path.of(out), "out", force);
            Optional<FilmWriter> film = FilmWriter.find(MP4);
            List<Path> files = new ArrayList<>();
            for (String name : List.of("projected.png", "compared.png", FOUND, "projection.gif")) {
                files.add(folder.resolve(name));
            }
            if (film.isPresent()) files.add(folder.resolve("projection" + MP4));
            Files.createDirectories(folder);
            for (Path file : files) Outputs.free(file, "out", force);
            opened.model().net().trainable(false);
            Tensor target = DataLoader.fromBytes(Torch.of(given.pixels(), 1, given.channels(), given.height(), given.width()))
                .to(opened.device());
            List<Picture> frames = new ArrayList<>();
            int every = Math.max(1, steps / FRAMES);
            long start = System.nanoTime();
            Projection.Result found;
            try (RunModels models = new RunModels(opened.device(), watcher::note)) {
                found = Projection.of(model, target, how, kind, Inputs.classes(opened), unlike(models, spec), new Rng(seed)
                    .on(opened.device()),
                    (i, of, x) -> {
                        watcher.checkStop();
                        boolean frame = i % every == 0 || i == of;
                        if (!frame) return;
                        Picture now = shown.of(x).get(0);
                        frames.add(beside(given, now));
                        watcher.tick("steps", i, of, Map.of("psnr", Psnr.decibels(x, target, 2).item()), () -> Optional.of(now));
                    });
            }
            double seconds = (System.nanoTime() - start) * 1e-9, psnr = Psnr.decibels(Outputs.finite(found.picture(), run), target, 2)
                .item();
            Map<String, String> text = Map.of("palitra", "project, " + space + (noise ? ", noise" : "") + ", " + steps + " steps, seed "
                + seed);
            Png.write(files.get(0), shown.of(found.picture()).get(0), text);
            Png.write(files.get(1), frames.get(frames.size() - 1), text);
            Safetensors.write(files.get(2), tensors(found), Ordered.map(Map.entry("run", opened.weights()),
                Map.entry("space", space)));
            for (int i = 0; i < REST; i++) frames.add(frames.get(frames.size() - 1));
            Gif.write(files.get(3), frames, DELAY);
            if (film.isPresent()) film.get().write(files.get(4), frames, 1000.0 / DELAY);
            files.forEach(watcher::wrote);
            return new Result(files, psnr, steps, seconds);
        }
    }

    /**
     * The styles [1,L,W] of a picture, found in W+ with the usual steps, or those that an earlier projection wrote.
     *
     * @param place a picture of the run's size, or a folder that a projection by this run wrote
     * @throws ConfigException for a folder of something else, key {@code pictures}
     */
    static Tensor styles(Run opened, Styles model, String place, long seed, Watcher watcher) throws IOException {
        if (Files.isDirectory(Path.of(place))) {
            Path file = Path.of(place).resolve(FOUND);
            if (!Files.isRegularFile(file)) {
                throw new ConfigException("pictures", "'" + place + "' is a folder without " + FOUND + ", which 'palitra project' writes");
            }
            Safetensors found = Safetensors.read(file);
            Tensor w = found.tensors().get("w");
            boolean own = opened.weights().equals(found.metadata().get("run")) && w != null && w.dims() == 2;
            if (!own || w == null) {
                throw new ConfigException("pictures", "'" + place + "' was projected by another run, or before this one was trained on");
            }
            return w.unsqueeze(0).to(opened.device());
        }
        PictureItems spec = (PictureItems) opened.config().settings().spec();
        Picture given = new ProjectRequest("", place).given(spec, watcher);
        opened.model().net().trainable(false);
        return Projection.of(model, PictureBytes.tensor(given).to(opened.device()), new Projection.How(Projection.Space.W_PLUS, false,
            USUAL_STEPS), null, Inputs.classes(opened), null, new Rng(seed).on(opened.device()), (i, of, x) -> {
                watcher.checkStop();
                watcher.tick("steps", i, of);
            }).styles();
    }

    /** The picture in the run's channels. */
    private Picture given(PictureItems spec, Watcher watcher) throws IOException {
        Path file = Path.of(picture);
        if (!Files.exists(file)) throw new ArgumentException("no such file: " + picture);
        Picture read = PictureBytes.read(file, watcher::note);
        if (read.width() != spec.width() || read.height() != spec.height()) {
            throw new ConfigException("picture", "'" + picture + "' is " + read.width() + "x" + read.height() + " pixels, the run draws "
                + spec.width() + "x" + spec.height() + "; bring it to that size first");
        }
        if (spec.channels() == 3) return Pictures.rgb(read);
        Picture grey = Pictures.grey(read);
        if (read.channels() == 3 && !java.util.Arrays.equals(Pictures.rgb(grey).pixels(), read.pixels())) {
            watcher.note("'" + picture + "' is in colour, the run draws in grey: its brightness is projected");
        }
        return grey;
    }

    private @Nullable BinaryOperator<Tensor> unlike(RunModels models, PictureItems spec) {
        if (features.isEmpty()) return null;
        try {
            FeatureDistance distance = FeatureDistance.classifier(Inputs.folder(features).toString(), spec, models);
            return distance::of;
        } catch (ConfigException e) {
            throw new ConfigException("features", String.valueOf(e.getMessage()).replace("perceptual.run", "features"), e);
        }
    }

    private Map<String, Tensor> tensors(Projection.Result found) {
        Map<String, Tensor> all = new LinkedHashMap<>();
        all.put("w", found.styles().squeeze(0).to(Device.CPU).contiguous());
        for (int i = 0; noise && i < found.noise().size(); i++) all.put("noise." + i, found.noise().get(i).to(Device.CPU).contiguous());
        return all;
    }

    private static Picture beside(Picture given, Picture now) {
        Picture both = Grid.of(List.of(given, now), 2, 2);
        return both.width() < WIDE ? Grid.enlarge(both, (WIDE + both.width() - 1) / both.width()) : both;
    }
}
