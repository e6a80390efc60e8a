package io.palitra.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.Json;
import io.palitra.config.Notes;
import io.palitra.data.DataSpec;
import io.palitra.data.FormatException;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.family.StyleGan;
import io.palitra.hub.FolderDraft;
import io.palitra.hub.Hub;
import io.palitra.hub.LdmCheckpoint;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.StyleGanFile;
import io.palitra.hub.Weights;
import io.palitra.model.Watcher;
import io.palitra.net.StyleDiscriminator;
import io.palitra.net.StyleGenerator;
import io.palitra.nn.Module;
import io.palitra.stage.BigGanFolder;
import io.palitra.train.RunConfig;
import io.palitra.train.RunDraft;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A diffusers folder of safetensors made from a Stable Diffusion checkpoint in one file, or from a folder of .bin files; of other weights
 * one safetensors file; of the folder of a public BigGAN-deep, and of NVIDIA's .pkl of StyleGAN 2, a run to draw from. Values keep their
 * type; nothing in the files is run.
 */
public record ImportRequest(
        @Help(value = "a .safetensors, .ckpt, .pt, .pth or .bin file, a .pkl of stylegan2-ada-pytorch, a diffusers folder, or org/name "
            + "that was pulled",
            place = Help.Place.FILE)
        String source,
        @Help(value = "the folder to make; it must not be there", place = Help.Place.OUT) String out,
        @Help(value = "a folder with the tokenizer's files, or a model that has them; empty = none",
            place = Help.Place.FILE) String tokenizer,
        @Help("what the U-Net predicts, epsilon or v_prediction; empty = v_prediction for Stable Diffusion 2, else epsilon")
        String prediction,
        @Help("the averaged weights of the U-Net, where a checkpoint holds both") boolean ema) implements Request<ImportRequest.Result> {
    /** What libraries call the weights of a part; the last is what the second was called before safetensors. */
    private static final List<String> STEMS = List.of("diffusion_pytorch_model", "model", "pytorch_model");
    private static final Pattern WORDS = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]*\\.(json|txt|md|model)");
    private static final List<String> TOKENIZER_FILES = List.of("vocab.json", "merges.txt", "tokenizer.json", "added_tokens.json");

    /** Of the form that the source shows. */
    public ImportRequest(String source, String out) { this(source, out, "", "", false); }

    /** @param folder that was made */
    public record Result(Path folder) {}

    /**
     * Makes the folder.
     *
     * @throws java.util.concurrent.CancellationException when it was stopped; then nothing is left
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Optional<LdmCheckpoint.Prediction> predicts = predicts();
        Path from = only(Hub.resolve(source)), target = Path.of(out);
        try (FolderDraft draft = new FolderDraft(target)) {
            Making making = new Making(draft, watcher);
            if (Files.isDirectory(from) && BigGanFolder.is(from)) making.bigGan(from);
            else if (Files.isDirectory(from)) making.folder(from);
            else if (StyleGanFile.named(from)) making.styleGan(from);
            else making.file(from, predicts);
            draft.publish();
        }
        return new Result(target);
    }

    private Optional<LdmCheckpoint.Prediction> predicts() {
        if (prediction.isEmpty()) return Optional.empty();
        for (LdmCheckpoint.Prediction p : LdmCheckpoint.Prediction.values()) {
            if (p.name().equalsIgnoreCase(prediction)) return Optional.of(p);
        }
        throw new ConfigException("prediction", "illegal prediction: " + prediction + ", must be epsilon or v_prediction");
    }

    /** A folder that is no model but holds one file of weights stands for that. */
    private static Path only(Path from) throws IOException {
        if (!Files.isDirectory(from) || Files.exists(from.resolve("model_index.json")) || Files.exists(from.resolve("config.json"))) {
            return from;
        }
        List<Path> weights = list(from).stream().filter(f -> Files.isRegularFile(f) && Weights.named(f)).toList();
        if (weights.size() == 1) return weights.get(0);
        throw new ArgumentException("'" + from + "' has no model_index.json or config.json, and "
            + (weights.isEmpty() ? "no file of weights" : "several files of weights, name one: "
            + Notes.some(weights.stream().map(f -> f.getFileName().toString()).toList())));
    }

    private static List<Path> list(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) { return files.sorted().toList(); }
    }

    /** Options that are for checkpoints in one file only. */
    private void noneOfThese(Path from, String what) {
        String key = !tokenizer.isEmpty() ? "tokenizer" : !prediction.isEmpty() ? "prediction" : ema ? "ema" : "";
        if (!key.isEmpty()) throw new ConfigException(key, "'" + from + "' is " + what + ", so it takes no " + key + "=");
    }

    /** Of several forms of the same weights the first; of a variant such as fp16 only where there is no other. */
    private static Optional<Path> weights(Path folder, List<Path> files) {
        Optional<Path> found = ModelFolder.find(folder);
        if (found.isPresent()) return found;
        List<String> named = files.stream().filter(Weights::named).map(f -> f.getFileName().toString()).toList();
        if (named.isEmpty()) return Optional.empty();
        throw new ArgumentException("'" + folder + "' has " + Notes.some(named) + "; which are the weights is not clear");
    }

    /** OpenCLIP fills texts up with another token than CLIP, all else of a tokenizer they share. */
    private static void fillWith(String pad, Path file, String to, FolderDraft draft) throws IOException {
        JsonNode json = Files.exists(file) ? Json.read(file)
            : JsonNodeFactory.instance.objectNode().put("tokenizer_class", "CLIPTokenizer");
        if (!(json instanceof ObjectNode words)) throw new FormatException(file.toString(), -1, "must be a JSON object");
        JsonNode now = words.path("pad_token");
        if (!pad.equals((now.isObject() ? now.path("content") : now).asText())) words.put("pad_token", pad);
        draft.json(to + "/" + file.getFileName(), words);
    }

    /** The folder on its way. */
    private final class Making {
        private final FolderDraft draft;
        private final Watcher watcher;

        Making(FolderDraft draft, Watcher watcher) {
            this.draft = draft;
            this.watcher = watcher;
        }

        void file(Path file, Optional<LdmCheckpoint.Prediction> predicts) throws IOException {
            // before gigabytes are read
            Optional<Path> words = tokenizer.isEmpty() ? Optional.empty() : Optional.of(Hub.resolve(tokenizer));
            try (Scope scope = new Scope()) {
                Map<String, Tensor> tensors = Weights.read(file);
                watcher.checkStop();
                if (!LdmCheckpoint.recognises(tensors)) {
                    noneOfThese(file, "no checkpoint of Stable Diffusion in one file");
                    made("model.safetensors", tensors);
                    draft.tensors("model.safetensors", tensors);
                    return;
                }
                LdmCheckpoint checkpoint = LdmCheckpoint.of(file.toString(), tensors, ema, predicts, watcher::note);
                watcher.note(file + ": " + checkpoint.kind() + ", predicts " + checkpoint.scheduler().path("prediction_type").asText());
                tokenizers(checkpoint.tokenizers(), words);
                watcher.checkStop();
                checkpoint.write(draft);
                watcher.checkStop();
                checkpoint.parts().forEach((name, part) -> made(name, part.tensors()));
            }
        }

        /** A run folder, of the averaged generator and the discriminator. */
        void styleGan(Path file) throws IOException {
            noneOfThese(file, "of networks of NVIDIA's");
            try (Scope scope = new Scope()) {
                Map<String, StyleGanFile.Network> all = StyleGanFile.read(file);
                StyleGanFile.Network g = all.getOrDefault("G_ema", all.get("G")), d = all.get("D");
                if (g == null || d == null) {
                    throw new FormatException(file.toString(), -1, "holds " + String.join(" and ", all.keySet()) + " alone, wanted are a "
                        + "generator (G_ema or G) and a discriminator (D)");
                }
                StyleGenerator.Config made = StyleGenerator.Config.fromJson(g.arguments());
                StyleGan.Config config = StyleGan.of(made, StyleDiscriminator.Config.fromJson(d.arguments()));
                watcher.checkStop();
                DataSpec spec = StyleGan.pictures(made);
                try (StyleGan gan = (StyleGan) StyleGan.FAMILY.build(config, spec, Rng.silent())) {
                    gan.generator().load(g.state());
                    gan.discriminator().load(d.state());
                    RunDraft.write(draft, RunConfig.imported(config, file.getFileName().toString(), spec, IntStream.range(0, made.cDim())
                        .mapToObj(String::valueOf).toList()), gan.state());
                    if (made.synthesis().numFp16Res() > 0) {
                        watcher.note(file + ": its program computes the last " + made.synthesis().numFp16Res()
                            + " blocks in half precision, which is done in full here");
                    }
                    watcher.note(file + ": a run of stylegan, " + spec + "; generator " + size(gan.generator()) + ", discriminator "
                        + size(gan.discriminator()));
                }
            }
        }

        private static String size(Module net) { return String.format(Locale.ROOT, "%,d numbers", net.size()); }

        private void made(String name, Map<String, Tensor> tensors) {
            TreeSet<String> types = new TreeSet<>();
            tensors.values().forEach(t -> types.add(t.dtype().name()));
            long numbers = tensors.values().stream().mapToLong(Tensor::numel).sum();
            watcher.note(String.format(Locale.ROOT, "%s: %d tensors, %,d numbers, %s", name, tensors.size(), numbers,
                String.join(", ", types)));
        }

        /** @param wanted folders, and the token that texts are filled up with */
        private void tokenizers(Map<String, String> wanted, Optional<Path> model) throws IOException {
            if (model.isEmpty()) {
                watcher.note(String.join(" and ", new TreeSet<>(wanted.keySet())) + " missing, the file has none: `"
                    + LdmCheckpoint.TOKENIZER_PULL + "`, then import with tokenizer=" + LdmCheckpoint.TOKENIZER);
                return;
            }
            for (Map.Entry<String, String> e : wanted.entrySet()) {
                Path from = Stream.of(e.getKey(), "tokenizer").map(model.get()::resolve).filter(Files::isDirectory).findFirst()
                    .orElse(model.get());
                if (!Files.exists(from.resolve("tokenizer.json"))
                    && !(Files.exists(from.resolve("vocab.json")) && Files.exists(from.resolve("merges.txt")))) {
                    throw new ArgumentException("'" + from + "' is no tokenizer: it has neither tokenizer.json nor vocab.json and "
                        + "merges.txt");
                }
                for (String name : TOKENIZER_FILES) {
                    if (Files.exists(from.resolve(name))) draft.copy(e.getKey() + "/" + name, from.resolve(name));
                }
                fillWith(e.getValue(), from.resolve("tokenizer_config.json"), e.getKey(), draft);
                if (Files.exists(from.resolve("special_tokens_map.json"))) {
                    fillWith(e.getValue(), from.resolve("special_tokens_map.json"), e.getKey(), draft);
                }
            }
        }

        void bigGan(Path from) {
            noneOfThese(from, "a folder of a BigGAN");
            BigGanImport.write(draft, from, watcher);
        }

        void folder(Path from) throws IOException {
            noneOfThese(from, "a folder");
            boolean pipeline = Files.exists(from.resolve("model_index.json"));
            boolean any = part(from, "", pipeline);
            for (Path child : list(from)) {
                String name = child.getFileName().toString();
                if (pipeline && Files.isDirectory(child) && !name.startsWith(".")) any |= part(child, name + "/", false);
            }
            if (!any) throw new ArgumentException("'" + from + "' holds no weights");
        }

        /** Copies the words of a part, and its weights as safetensors. Files beside the parts of a pipeline are copies in one file. */
        private boolean part(Path from, String to, boolean beside) throws IOException {
            List<Path> files = list(from).stream().filter(Files::isRegularFile).toList();
            for (Path file : files) {
                String name = file.getFileName().toString();
                if (WORDS.matcher(name).matches() && !name.contains(".index.")) draft.copy(to + name, file);
            }
            if (beside) return false;
            Optional<Path> weights = weights(from, files);
            if (weights.isEmpty()) return false;
            String name = weights.get().getFileName().toString();
            String stem = name.startsWith(STEMS.get(0)) ? STEMS.get(0) : STEMS.get(1);
            try (Scope scope = new Scope()) {
                Map<String, Tensor> tensors = Weights.read(weights.get());
                made(to + stem + ".safetensors", tensors);
                draft.tensors(to + stem + ".safetensors", tensors);
            }
            watcher.checkStop();
            return true;
        }
    }
}
