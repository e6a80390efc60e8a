package io.palitra.job;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.DataLoader;
import io.palitra.data.DataOptions;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.Split;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.ModelFolder;
import io.palitra.model.Captions;
import io.palitra.model.ModelRef;
import io.palitra.model.Watcher;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Texts of pictures by a model that sees: captions, or answers to a question. */
public record CaptionRequest(
        @Help(value = "the run folder, of flamingo", place = Help.Place.MODEL) String run,
        @Help(value = "files of the pictures", place = Help.Place.PICTURE) List<String> pictures,
        @Help(value = "folder of pictures with captions (metadata.jsonl or .txt), of which the first are examples; empty = none",
            place = Help.Place.DATA) String shots,
        @Help(value = "examples of it, at most", min = 1, max = 64) int most,
        @Help("the beginning of each text, such as a question; empty = a caption") String ask,
        @Help(value = "tokens of a text, at most", min = 1, max = 4096) int tokens,
        @Help(value = "divisor of the logits; 0 = the likeliest token always", min = 0, max = 100) double temperature,
        @Help(value = "decides what is drawn", min = 0) long seed,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<CaptionRequest.Result> {
    public CaptionRequest {
        pictures = List.copyOf(pictures);
    }

    /** Captions of pictures without examples. */
    public CaptionRequest(String run, List<String> pictures) { this(run, pictures, "", 4, "", 100, 0, 0, "auto", 0); }

    /** @param texts of the pictures, in order */
    public record Result(List<Text> texts) {}

    /** @param picture its file */
    public record Text(String picture, String text) {}

    /** @throws IllegalArgumentException for a model that writes nothing of pictures, for no picture, and for examples without captions */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        if (pictures.isEmpty()) throw new ConfigException("pictures", "caption wants a picture at least, got none");
        refuseIdefics();
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            Captions model = opened.model().as(Captions.class).orElseThrow(() -> new ArgumentException("'"
                + opened.config().settings().family() + "' writes nothing of pictures; flamingo does"));
            DataSpec spec = opened.config().settings().spec();   // of pictures [C,H,W]
            List<Captions.Shot> examples = shots.isEmpty() ? List.of() : examples(spec, opened);
            List<Text> texts = new ArrayList<>();
            for (int i = 0; i < pictures.size(); i++) {
                watcher.checkStop();
                Tensor x = PictureBytes.tensor(PictureBytes.fitted(pictures.get(i), spec, watcher::note));
                String text = model.caption(examples, x.to(opened.device()), ask, tokens, temperature, new Rng(seed).at(i));
                texts.add(new Text(pictures.get(i), text.strip()));
            }
            return new Result(texts);
        }
    }

    private List<Captions.Shot> examples(DataSpec spec, Run opened) {
        DataOptions options = Config.with(DataOptions.DEFAULT, List.of("captions=true"));
        Dataset set = Datasets.like(spec, shots, true, false, Split.TRAIN, options);
        List<Captions.Shot> examples = new ArrayList<>();
        for (int i = 0; i < Math.min(most, set.size()); i++) {
            examples.add(new Captions.Shot(DataLoader.of(set, new int[] {i}, opened.device()).x(), set.captions(i).get(0)));
        }
        return examples;
    }

    /** The network of a public IDEFICS is there; what turns texts into its tokens is not. */
    private void refuseIdefics() {
        Path place = new ModelRef(run).place();
        if (!Files.isRegularFile(place.resolve("config.json"))) return;
        if (!ModelFolder.config(place).path("model_type").asText().equals("idefics")) return;
        throw new ArgumentException("'" + run
            + "' is an IDEFICS: its network can be read, its tokenizer, LLaMA's, cannot yet; caption wants "
            + "a run of flamingo");
    }
}
