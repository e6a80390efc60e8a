package io.palitra.stage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.palitra.config.ArgumentException;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.ClipTokenizer;
import io.palitra.data.FormatException;
import io.palitra.engine.DType;
import io.palitra.engine.Device;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Tensor;
import io.palitra.engine.Torch;
import io.palitra.hub.ModelFolder;
import io.palitra.hub.Safetensors;
import io.palitra.hub.Weights;
import io.palitra.model.ModelRef;
import io.palitra.model.TextImage;
import io.palitra.net.CaptionTokenizer;
import io.palitra.net.ClipNet;
import io.palitra.net.ClipText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * A CLIP with all that it needs to compare: the network, its tokens, and how it wants pictures. Radford et al. 2021, arXiv:2103.00020. Its
 * weights are frozen.
 */
public final class ClipEmbedder implements TextImage, ReadsTexts {
    /** Within a run of family clip: the same CLIP as transformers saves one. */
    public static final String FOLDER = "clip";
    private static final int AT_ONCE = 128;
    private static final int SHOWN = 40;
    /** Of a run. */
    private static final String WEIGHTS = "model.safetensors";

    /** Tokens of a text. */
    public interface TokenSource extends AutoCloseable {
        /** All of them, from the one that starts a text to the one that ends it. */
        long[] ids(String text);

        /** Words that stood in no caption of its training, as far as it is known what did. */
        default List<String> unknown(String text) { return List.of(); }

        /** What fills up a shorter text beside a longer one; no text's vector sees it. */
        long padding();

        @Override void close();

        static TokenSource of(CaptionTokenizer tokens) {
            return new TokenSource() {
                @Override public long[] ids(String text) {
                    int[] inner = tokens.tokens(text);
                    return LongStream.concat(LongStream.concat(LongStream.of(tokens.begin()), Arrays.stream(inner).asLongStream()),
                        LongStream.of(tokens.end())).toArray();
                }

                @Override public List<String> unknown(String text) { return tokens.unknown(text); }

                @Override public long padding() { return tokens.pad(); }

                @Override public void close() { tokens.close(); }
            };
        }

        static TokenSource of(ClipTokenizer tokenizer) {
            long[] empty = tokenizer.window("");   // start, end, padding
            return new TokenSource() {
                @Override public long[] ids(String text) {
                    return LongStream.concat(LongStream.concat(LongStream.of(empty[0]), Arrays.stream(tokenizer.tokens(text))),
                        LongStream.of(empty[1])).toArray();
                }

                @Override public long padding() { return empty[2]; }

                @Override public void close() {}   // nothing of it is native
            };
        }
    }

    private final String from;
    private final ClipNet net;
    private final PictureInput input;
    private final TokenSource words;

    public ClipEmbedder(String from, ClipNet net, PictureInput input, TokenSource words) {
        this.from = from;
        this.net = net;
        this.input = input;
        this.words = words;
    }

    /**
     * Opens a folder as transformers saves a CLIP (config.json, weights, tokenizer, preprocessor_config.json), an "org/name" of the hub
     * that was pulled, or a run of family clip.
     *
     * @throws IllegalArgumentException when there is nothing of that name
     * @throws FormatException when it is no CLIP, or a file of it is missing or broken
     */
    public static ClipEmbedder open(String where) {
        Path named = new ModelRef(where).place(), own = named.resolve(FOLDER);
        Path folder = Files.isRegularFile(own.resolve("config.json")) ? own : named;
        JsonNode config = ModelFolder.config(folder);
        Optional<String> run = folder == own ? Optional.empty() : new ModelRef(where).family();
        if (run.isPresent()) {
            String family = run.get();
            throw new ArgumentException("'" + where + "' is a run of " + family + " without " + FOLDER + "/"
                + (family.equals("clip") ? ": it has not been saved yet" : "; wanted is a run of clip, or a folder of transformers' CLIP"));
        }
        if (!config.path("model_type").asText().equals("clip") && !config.path("architectures").path(0).asText().equals("CLIPModel")) {
            throw new FormatException(folder.toString(), -1, "is no CLIP: its config.json names neither model_type clip nor architectures "
                + "CLIPModel");
        }
        JsonNode pictures = Files.exists(folder.resolve("preprocessor_config.json")) ? preprocessing(folder)
            : JsonNodeFactory.instance.objectNode();
        ClipNet net = null;
        TokenSource words = null;
        try (Scope scope = new Scope()) {
            ClipNet.Config read = ClipNet.Config.fromJson(config);
            PictureInput input = PictureInput.fromJson(pictures, read.vision().imageSize());
            if (input.mean().size() != read.vision().numChannels()) {
                throw new FormatException(folder.toString(), -1, "image_mean has " + input.mean().size() + " channels, the network "
                    + read.vision().numChannels());
            }
            words = words(folder, folder == own ? named.resolve(WEIGHTS) : null, read);
            net = new ClipNet(read, Rng.silent());
            net.loadPublic(Weights.read(ModelFolder.file(folder)));
            net.trainable(false);
            net.training(false);
            Path last = Path.of(where).getFileName();
            return new ClipEmbedder(last == null ? FOLDER : last.toString(), net, input, words);
        } catch (RuntimeException e) {
            if (net != null) net.close();
            if (words != null) words.close();
            if (!(e instanceof ArgumentException)) throw e;
            throw new FormatException(folder.toString(), -1, String.valueOf(e.getMessage()), e);
        }
    }

    private static JsonNode preprocessing(Path folder) {
        Path file = folder.resolve("preprocessor_config.json");
        try {
            return Json.read(file);
        } catch (ConfigException | IOException e) {
            throw new FormatException(file.toString(), -1, "cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Ours, or that of the paper; its end must be the one whose vector the network takes.
     *
     * @param run weights of the run that it is of, which hold the words that it learned from; null for a folder of its own
     */
    private static TokenSource words(Path folder, @Nullable Path run, ClipNet.Config config) {
        boolean own = !Files.exists(folder.resolve("vocab.json")) && CaptionTokenizer.is(folder);
        TokenSource words = own ? TokenSource.of(learned(folder, run)) : TokenSource.of(ClipTokenizer.open(folder));
        long[] empty = words.ids("");
        int eos = config.text().eosTokenId(), tokens = config.text().vocabSize();
        if (eos != empty[1] && eos != 2 || Math.max(words.padding(), Math.max(empty[0], empty[1])) >= tokens) {
            words.close();
            throw new FormatException(folder.toString(), -1, "the tokenizer ends a text with token " + empty[1] + ", the network, which "
                + "has " + tokens + ", wants " + eos);
        }
        return words;
    }

    private static CaptionTokenizer learned(Path folder, @Nullable Path run) {
        Tensor known = run == null || !Files.isRegularFile(run) ? null : Safetensors.read(run).tensors().get("tokens.words");
        CaptionTokenizer tokens = CaptionTokenizer.open(folder);
        if (known != null) tokens.knows(known);
        return tokens;
    }

    @Override public List<String> notes(String text) {
        List<String> unknown = words.unknown(text);
        if (unknown.isEmpty()) return List.of();
        boolean one = unknown.size() == 1;
        return List.of("'" + String.join("', '", unknown) + "' " + (one ? "stands" : "stand") + " in no caption that '" + from
            + "' learned from: " + (one ? "what it finds near to it is chance" : "what it finds near to them is chance"));
    }

    /** As the user named it, in short. */
    public String from() { return from; }

    /** The network; it computes where this does. */
    public ClipNet net() { return net; }

    /** Numbers of a point, P. */
    public int points() { return net.text().config().projectionDim(); }

    /**
     * Texts with their tokens.
     *
     * @param points [T,P], of length 1
     * @param projected [T,P], the same as the network projects them, of any length
     * @param states [T,L,D] of the tokens, after the last norm; L is what the network reads at most
     * @param mask [T,L], 1 from the token that begins a text to the one that ends it
     */
    public record TextStates(Tensor points, Tensor projected, Tensor states, Tensor mask) {}

    /**
     * Texts with their tokens; of one that is longer than the network reads the beginning, and the end token.
     *
     * @throws IllegalArgumentException for no text
     */
    public TextStates texts(List<String> texts) {
        if (texts.isEmpty()) throw new ArgumentException("CLIP wants a text at least, got none");
        int most = net.text().config().maxPositionEmbeddings();
        long[] ids = new long[texts.size() * most], mask = new long[ids.length];
        Arrays.fill(ids, words.padding());
        for (int i = 0; i < texts.size(); i++) {
            long[] own = words.ids(texts.get(i));
            int kept = Math.min(most, own.length);
            System.arraycopy(own, 0, ids, i * most, kept);
            ids[i * most + kept - 1] = own[own.length - 1];
            Arrays.fill(mask, i * most, i * most + kept, 1);
        }
        try (Scope scope = new Scope()) {
            Device device = net.logitScale().device();
            ClipText.Output out = net.text().forward(Torch.of(ids, texts.size(), most).to(device), null);
            Tensor projected = Objects.requireNonNull(out.projected()).to(DType.F32);
            Tensor points = projected.div(projected.square().sum(true, -1).sqrt());
            return new TextStates(scope.keep(points), scope.keep(projected), scope.keep(out.last()),
                scope.keep(Torch.of(mask, texts.size(), most).to(device)));
        }
    }

    /** SHA-256 of the values of all its tensors. Waits for the device. */
    public String sha256() { return Safetensors.sha256(net.state()); }

    /** What a measure by it is named after: where it came from, and the first 8 digits of the SHA-256 of its weights. */
    public String name() { return from + "-" + sha256().substring(0, 8); }

    /** Computes there from now on; pictures are to be there too. */
    public void to(Device device) { net.to(device); }

    @Override public int side() { return input.side(); }

    @Override public double scale() {
        try (Scope scope = new Scope()) { return net.logitScale().detach().exp().item(); }   // waits for the device
    }

    @Override public Tensor embedText(List<String> texts) {
        if (texts.isEmpty()) throw new ArgumentException("CLIP wants a text at least, got none");
        int most = net.text().config().maxPositionEmbeddings(), tokens = net.text().config().vocabSize();
        List<long[]> ids = new ArrayList<>();
        for (String text : texts) {
            long[] own = words.ids(text);
            if (own.length > most) {
                throw new ArgumentException("a text of " + (own.length - 2) + " tokens is too long, this CLIP reads " + (most - 2)
                    + " at most: '" + shown(text) + "'");
            }
            if (Arrays.stream(own).anyMatch(t -> t >= tokens)) {
                throw new ArgumentException("this CLIP has " + tokens + " tokens, and its tokenizer gives others: '" + shown(text)
                    + "'");
            }
            ids.add(own);
        }
        return Scope.run(() -> {
            List<Tensor> parts = new ArrayList<>();
            for (int i = 0; i < ids.size(); i += AT_ONCE) {
                parts.add(net.embedText(padded(ids.subList(i, Math.min(ids.size(), i + AT_ONCE))), null));
            }
            return parts.size() == 1 ? parts.get(0) : Torch.cat(0, parts);
        });
    }

    private static String shown(String text) {
        String plain = text.replaceAll("\\p{Cntrl}", "?");
        return plain.length() <= SHOWN ? plain : plain.substring(0, SHOWN) + "...";
    }

    /** As long as the longest, I64 [T,L]: what follows the end of a text is seen by no one. */
    private Tensor padded(List<long[]> ids) {
        int length = ids.stream().mapToInt(i -> i.length).max().orElseThrow();
        long[] all = new long[ids.size() * length];
        Arrays.fill(all, words.padding());
        for (int i = 0; i < ids.size(); i++) System.arraycopy(ids.get(i), 0, all, i * length, ids.get(i).length);
        return Torch.of(all, ids.size(), length).to(net.logitScale().device());
    }

    @Override public int textWidth() { return net.text().config().hiddenSize(); }

    /** Of the last layer, normed, as Stable Diffusion takes them; what fills up a text is attended to, too. */
    @Override public States textStates(List<String> texts) {
        if (texts.isEmpty()) throw new ArgumentException("CLIP wants a text at least, got none");
        int most = net.text().config().maxPositionEmbeddings();
        long[] all = new long[texts.size() * most];
        Arrays.fill(all, words.padding());
        for (int i = 0; i < texts.size(); i++) {
            long[] own = words.ids(texts.get(i));
            int n = Math.min(own.length, most);
            System.arraycopy(own, 0, all, i * most, n);
            all[i * most + n - 1] = own[own.length - 1];   // what is cut ends, too
        }
        Tensor ids = Torch.of(all, texts.size(), most).to(net.logitScale().device());
        return new States(Scope.run(() -> net.text().forward(ids, null).last()), null);
    }

    @Override public Tensor embedImage(Tensor x) { return Scope.run(() -> net.embedImage(input.of(x))); }

    /** The states of a picture's patches, the token of the whole before them, [B,1+N,D]; for pictures as {@link #embedImage} takes. */
    public Tensor patches(Tensor x) { return Scope.run(() -> net.vision().forward(input.of(x)).last()); }

    @Override public void close() {
        net.close();
        words.close();
    }
}
