package io.palitra.stage;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ArgumentException;
import io.palitra.data.FormatException;
import io.palitra.data.UnigramTokenizer;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Weights;
import io.palitra.model.ModelRef;
import io.palitra.net.T5Encoder;
import io.palitra.nn.Module;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Texts as the tokens of a frozen T5, as in Imagen and DeepFloyd IF: Saharia et al. 2022, arXiv:2205.11487, section 2.1. */
public final class T5Texts implements ReadsTexts {
    /** Tokens that are read of a text, its end among them; IF's number. */
    public static final int LENGTH = 77;
    /** Folders of a pipeline of diffusers. */
    private static final String ENCODER = "text_encoder", WORDS = "tokenizer";

    private final String from;
    private final T5Encoder net;
    private final UnigramTokenizer words;

    private T5Texts(String from, T5Encoder net, UnigramTokenizer words) {
        this.from = from;
        this.net = net;
        this.words = words;
    }

    private static Path encoder(Path place) {
        Path part = place.resolve(ENCODER);
        return Files.isRegularFile(part.resolve("config.json")) ? part : place;
    }

    /** Whether a place holds a T5, by its config.json. */
    public static boolean is(ModelRef ref) {
        Path folder = encoder(ref.place());
        return Files.isRegularFile(folder.resolve("config.json")) && ModelFolder.config(folder).path("model_type").asText().equals("t5");
    }

    /**
     * Opens a folder as transformers saves a T5, whole or its encoder, with a tokenizer.json; or a pipeline of diffusers that has one.
     *
     * @throws FormatException when a file of it is missing or broken
     */
    public static T5Texts open(ModelRef ref) {
        Path place = ref.place(), folder = encoder(place), named = place.resolve(WORDS);
        JsonNode config = ModelFolder.config(folder);
        UnigramTokenizer words = UnigramTokenizer.open(folder.equals(place) ? place : named);
        T5Encoder net = null;
        try (Scope scope = new Scope()) {
            net = new T5Encoder(T5Encoder.Config.fromJson(config), Rng.silent());
            net.loadPublic(Weights.read(ModelFolder.file(folder)));
            net.trainable(false);
            net.training(false);
            Path last = Path.of(ref.where()).getFileName();
            return new T5Texts(last == null ? "t5" : last.toString(), net, words);
        } catch (RuntimeException e) {
            if (net != null) net.close();
            if (!(e instanceof ArgumentException)) throw e;
            throw new FormatException(folder.toString(), -1, String.valueOf(e.getMessage()), e);
        }
    }

    @Override public int textWidth() { return net.config().dModel(); }

    /** After the last norm; what fills up a text is not attended to. */
    @Override public States textStates(List<String> texts) {
        if (texts.isEmpty()) throw new ArgumentException("T5 wants a text at least, got none");
        long[] all = new long[texts.size() * LENGTH], mask = new long[all.length];   // T5 fills up by 0
        for (int i = 0; i < texts.size(); i++) {
            long[] own = words.ids(texts.get(i));
            int n = Math.min(own.length, LENGTH);
            System.arraycopy(own, 0, all, i * LENGTH, n);
            all[i * LENGTH + n - 1] = own[own.length - 1];   // what is cut ends, too
            Arrays.fill(mask, i * LENGTH, i * LENGTH + n, 1);
        }
        Device device = net.parameters().values().iterator().next().device();
        Tensor ids = Torch.of(all, texts.size(), LENGTH).to(device), seen = Torch.of(mask, texts.size(), LENGTH).to(device);
        return new States(Scope.run(() -> net.forward(ids, seen).to(DType.F32)), seen);
    }

    @Override public List<String> notes(String text) {
        long[] ids = words.ids(text);
        long unknown = Arrays.stream(ids).filter(id -> id == words.unknown()).count();
        if (unknown > 0) {
            return List.of(unknown + " of the " + (ids.length - 1) + " tokens of '" + text + "' are unknown to '" + from + "'");
        }
        return ids.length <= LENGTH ? List.of() : List.of("'" + from + "' reads the first " + (LENGTH - 1) + " of the " + (ids.length - 1)
            + " tokens of the text");
    }

    @Override public Module net() { return net; }

    @Override public void close() { net.close(); }
}
