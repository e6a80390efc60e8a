package io.palitra.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Json;
import io.palitra.config.Notes;
import io.palitra.data.FormatException;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.hub.FolderDraft;
import io.palitra.hub.Hub;
import io.palitra.hub.LdmCheckpoint;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "import", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "Make a diffusers folder of safetensors from a Stable Diffusion checkpoint in one file, or from a folder of .bin files; "
        + "of other weights one safetensors file. Values keep their type; nothing in the files is run.",
    footer = {"", "Stable Diffusion 1, 2, XL and its refiner are read. Checkpoints in one file hold no tokenizer: --tokenizer names one."})
final class ImportCommand implements Callable<Integer> {
    /** What libraries call the weights of a part; the last is what the second was called before safetensors. */
    private static final List<String> STEMS = List.of("diffusion_pytorch_model", "model", "pytorch_model");
    private static final Pattern WORDS = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]*\\.(json|txt|md|model)");
    private static final List<String> TOKENIZER_FILES = List.of("vocab.json", "merges.txt", "tokenizer.json", "added_tokens.json");

    @Parameters(index = "0", paramLabel = "SRC",
        description = "a .safetensors, .ckpt, .pt, .pth or .bin file, a diffusers folder, or ORG/NAME that was pulled")
    private String source = "";

    @Parameters(index = "1", paramLabel = "DIR", description = "the folder to make; it must not be there")
    private Path target = Path.of("");

    @Option(names = "--tokenizer", paramLabel = "FOLDER|ORG/NAME",
        description = "the tokenizer's files, or a model that has them; CLIP's is " + LdmCheckpoint.TOKENIZER)
    private @Nullable String tokenizer;

    @Option(names = "--prediction", paramLabel = "epsilon|v_prediction",
        description = "what the U-Net predicts: v for Stable Diffusion 2 unless told (its 512-pixel models want epsilon), else epsilon")
    private LdmCheckpoint.@Nullable Prediction prediction;

    @Option(names = "--ema", description = "the averaged weights of the U-Net, where a checkpoint holds both")
    private boolean averaged;

    private final Terminal terminal = new Terminal("import", false);
    private BooleanSupplier stop = () -> false;

    @Override public Integer call() throws IOException {
        stop = Stop.onSignals();
        Path from = only(Hub.resolve(source));
        try (FolderDraft draft = new FolderDraft(target)) {
            if (Files.isDirectory(from)) folder(from, draft);
            else file(from, draft);
            draft.publish();
        } catch (CancellationException e) {
            terminal.note("stopped; nothing was made");
            return Main.STOPPED;
        }
        Common.OUT.println(target);
        return 0;
    }

    /** A folder that is no model but holds one file of weights stands for that. */
    private static Path only(Path from) throws IOException {
        if (!Files.isDirectory(from) || Files.exists(from.resolve("model_index.json")) || Files.exists(from.resolve("config.json"))) {
            return from;
        }
        List<Path> weights = list(from).stream().filter(f -> Files.isRegularFile(f) && Weights.named(f)).toList();
        if (weights.size() == 1) return weights.get(0);
        throw new IllegalArgumentException("'" + from + "' has no model_index.json or config.json, and "
            + (weights.isEmpty() ? "no file of weights" : "several files of weights, name one: "
            + Notes.some(weights.stream().map(f -> f.getFileName().toString()).toList())));
    }

    private static List<Path> list(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) { return files.sorted().toList(); }
    }

    private void file(Path file, FolderDraft draft) throws IOException {
        Optional<Path> words = Optional.ofNullable(tokenizer).map(Hub::resolve);   // before gigabytes are read
        try (Scope scope = new Scope()) {
            Map<String, Tensor> tensors = Weights.read(file);
            stopped();
            if (!LdmCheckpoint.recognises(tensors)) {
                noneOfThese(file, "no checkpoint of Stable Diffusion in one file");
                made("model.safetensors", tensors);
                draft.tensors("model.safetensors", tensors);
                return;
            }
            LdmCheckpoint checkpoint = LdmCheckpoint.of(file.toString(), tensors, averaged, Optional.ofNullable(prediction),
                terminal::note);
            terminal.note(file + ": " + checkpoint.kind() + ", predicts " + checkpoint.scheduler().path("prediction_type").asText());
            tokenizers(checkpoint.tokenizers(), words, draft);
            stopped();
            checkpoint.write(draft);
            stopped();
            checkpoint.parts().forEach((name, part) -> made(name, part.tensors()));
        }
    }

    /** Options that are for checkpoints in one file only. */
    private void noneOfThese(Path from, String what) {
        String asked = tokenizer != null ? "--tokenizer" : prediction != null ? "--prediction" : averaged ? "--ema" : "";
        if (!asked.isEmpty()) throw new IllegalArgumentException("'" + from + "' is " + what + ", so it takes no " + asked);
    }

    private void made(String name, Map<String, Tensor> tensors) {
        TreeSet<String> types = new TreeSet<>();
        tensors.values().forEach(t -> types.add(t.dtype().name()));
        long numbers = tensors.values().stream().mapToLong(Tensor::numel).sum();
        terminal.note(String.format(Locale.ROOT, "%s: %d tensors, %,d numbers, %s", name, tensors.size(), numbers,
            String.join(", ", types)));
    }

    private void stopped() {
        if (stop.getAsBoolean()) throw new CancellationException();
    }

    /** @param wanted folders, and the token that texts are filled up with */
    private void tokenizers(Map<String, String> wanted, Optional<Path> model, FolderDraft draft) throws IOException {
        if (model.isEmpty()) {
            terminal.note(String.join(" and ", new TreeSet<>(wanted.keySet())) + " missing, the file has none: `"
                + LdmCheckpoint.TOKENIZER_PULL + "`, then import with --tokenizer " + LdmCheckpoint.TOKENIZER);
            return;
        }
        for (Map.Entry<String, String> e : wanted.entrySet()) {
            Path from = Stream.of(e.getKey(), "tokenizer").map(model.get()::resolve).filter(Files::isDirectory).findFirst()
                .orElse(model.get());
            if (!Files.exists(from.resolve("tokenizer.json"))
                && !(Files.exists(from.resolve("vocab.json")) && Files.exists(from.resolve("merges.txt")))) {
                throw new IllegalArgumentException("'" + from + "' is no tokenizer: it has neither tokenizer.json nor vocab.json and "
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

    /** OpenCLIP fills texts up with another token than CLIP, all else of a tokenizer they share. */
    private static void fillWith(String pad, Path file, String to, FolderDraft draft) throws IOException {
        JsonNode json = Files.exists(file) ? Json.read(file)
            : JsonNodeFactory.instance.objectNode().put("tokenizer_class", "CLIPTokenizer");
        if (!(json instanceof ObjectNode words)) throw new FormatException(file.toString(), -1, "must be a JSON object");
        JsonNode now = words.path("pad_token");
        if (!pad.equals((now.isObject() ? now.path("content") : now).asText())) words.put("pad_token", pad);
        draft.json(to + "/" + file.getFileName(), words);
    }

    private void folder(Path from, FolderDraft draft) throws IOException {
        noneOfThese(from, "a folder");
        boolean pipeline = Files.exists(from.resolve("model_index.json"));
        boolean any = part(from, "", pipeline, draft);
        for (Path child : list(from)) {
            String name = child.getFileName().toString();
            if (pipeline && Files.isDirectory(child) && !name.startsWith(".")) any |= part(child, name + "/", false, draft);
        }
        if (!any) throw new IllegalArgumentException("'" + from + "' holds no weights");
    }

    /** Copies what is said of a part, and its weights as safetensors. Files beside the parts of a pipeline are copies in one file. */
    private boolean part(Path from, String to, boolean beside, FolderDraft draft) throws IOException {
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
        stopped();
        return true;
    }

    /** Of several forms of the same weights the first; of a variant such as fp16 only where there is no other. */
    private static Optional<Path> weights(Path folder, List<Path> files) {
        Optional<Path> found = ModelFolder.find(folder);
        if (found.isPresent()) return found;
        List<String> named = files.stream().filter(Weights::named).map(f -> f.getFileName().toString()).toList();
        if (named.isEmpty()) return Optional.empty();
        throw new IllegalArgumentException("'" + folder + "' has " + Notes.some(named) + "; which are the weights is not clear");
    }
}
