package io.palitra.job;

import io.palitra.config.Config;
import io.palitra.config.Help;
import io.palitra.data.Picture;
import io.palitra.edit.PictureSearch;
import io.palitra.edit.ZeroShot;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.model.Watcher;
import io.palitra.stage.ClipEmbedder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

/** Which of some words fits a picture best, by a CLIP that was not trained on these words as classes. */
public record ClassifyRequest(
        @Help(value = "file of the picture", place = Help.Place.PICTURE) String picture,
        @Help("what it may be, with commas between") String labels,
        @Help(value = "a run of family clip, a folder of transformers' CLIP, or an org/name that was pulled",
            place = Help.Place.MODEL) String clip,
        @Help("the text of a label, {} stands for it") String template,
        @Help("where to compute: auto, cpu, cuda, cuda:1") String device,
        @Help(value = "threads of one operation, 0 = as it is", min = 0) int threads) implements Request<ClassifyRequest.Result> {
    /** The template of a label alone. */
    public static final String LABEL = ZeroShot.LABEL;

    /** Texts are made of labels by the usual sentence. */
    public ClassifyRequest(String picture, String labels, String clip) { this(picture, labels, clip, LABEL, "auto", 0); }

    /** @param clip the model's name @param guesses the likeliest first */
    public record Result(String clip, List<Guess> guesses) {}

    /** @param probability of the label among all, the softmax of the cosines times the model's factor @param cosine of label and picture */
    public record Guess(String label, double probability, double cosine) {}

    /** @throws IllegalArgumentException for fewer than two labels, and for a text that is too long for the model */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        List<String> names = ZeroShot.labels(labels);
        Inputs.threads(threads);
        Device where = Device.named(device);
        try (OpenModels.Lease<ClipEmbedder> lease = ByClip.lease(clip); Scope scope = new Scope()) {
            ClipEmbedder model = lease.model();
            model.to(where);
            names.stream().flatMap(name -> model.notes(name).stream()).forEach(watcher::note);
            watcher.checkStop();
            Picture read = PictureBytes.read(Path.of(picture), watcher::note);
            return new Result(model.name(), ZeroShot.classify(model, PictureSearch.tensor(read, where), names, template).stream()
                .sorted(Comparator.comparingDouble((ZeroShot.Guess g) -> -g.probability()))
                .map(g -> new Guess(g.label(), g.probability(), g.cosine())).toList());
        }
    }
}
