package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Alphabet;
import io.palitra.data.DataSpec;
import io.palitra.data.TextItems;
import io.palitra.engine.Device;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.family.Gpt;
import io.palitra.model.GenerativeModel;
import io.palitra.model.ModelRef;
import io.palitra.model.Trainable;
import io.palitra.model.Watcher;
import io.palitra.model.Writes;
import io.palitra.stage.GptFolder;
import io.palitra.train.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;

/** A text written on from its beginning, several times. Alternative i of a seed is the same whatever n is. */
public record WriteRequest(
        @Help(value = "a run of gpt or lstm, a folder of a GPT-2, or org/name of the hub", place = Help.Place.MODEL) String run,
        @Help("what the texts begin with; may be empty") String beginning,
        @Help(value = "alternatives", min = 1, max = 1000) int n,
        @Help(value = "tokens written at most, beside the beginning", min = 1, max = 1_000_000) int length,
        @Help(value = "decides what is drawn", min = 0) long seed,
        @Help("sampling keys of the family, as temperature=0.8") List<String> set,
        @Help("whether the texts are written one after the other, so that they can be read as they come") boolean stream,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<WriteRequest.Result> {
    /** Tokens that wait for the rest of a character at most. */
    private static final int PENDING = 8;

    /** One text of 256 tokens. */
    public WriteRequest(String run, String beginning) { this(run, beginning, 1, 256, 0, List.of(), false, "auto", 0); }

    public WriteRequest { set = List.copyOf(set); }

    /**
     * What was written.
     *
     * @param texts without their beginning
     * @param tokens of all, drawn
     * @param seconds that drawing took
     */
    public record Result(String beginning, List<String> texts, long seed, long tokens, double seconds) {
        /** As {@code --json} prints it. */
        public ObjectNode toJson() {
            ObjectNode node = new ObjectMapper().createObjectNode().put("beginning", beginning);
            ArrayNode all = node.putArray("texts");
            texts.forEach(all::add);
            return node.put("seed", seed).put("tokens", tokens).put("seconds", seconds);
        }
    }

    /**
     * Writes. The watcher gets every piece as it comes.
     *
     * @throws IllegalArgumentException for a run that writes no texts, a sampling key that it does not have, and a beginning that its
     *     alphabet has no letters for
     * @throws CancellationException when it was stopped
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        Inputs inputs = new Inputs(watcher);
        Optional<GptFolder> open = folder();
        if (open.isPresent()) {
            Inputs.threads(threads);
            TextItems spec = open.get().spec(0);
            try (Scope scope = new Scope(); Trainable model = Gpt.of(run, spec)) {
                model.to(Device.named(device));
                model.net().training(false);
                return written(model, spec, "gpt", watcher);
            }
        }
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope()) {
            return written(opened.model(), opened.config().settings().spec(), opened.config().settings().family(), watcher);
        }
    }

    @Override public void check(DataSpec items) { if (items instanceof TextItems text) begin(text); }

    private int[] begin(TextItems text) {
        try {
            return text.alphabet().encode(beginning);
        } catch (ConfigException e) {
            throw e;
        } catch (ArgumentException e) {
            throw new ConfigException("beginning", "the beginning cannot be read: " + e.getMessage(), e);
        }
    }

    /** The public folder that is meant, where it is no run. */
    private Optional<GptFolder> folder() throws IOException {
        Path place = Inputs.folder(run);
        if (Files.exists(place)) return GptFolder.is(place) ? Optional.of(GptFolder.of(run)) : Optional.empty();
        Path beside = place.getParent();
        boolean hub = run.matches("[\\w.-]+/[\\w.-]+") && (beside == null || !Files.isDirectory(beside));   // else a run mistyped
        return hub ? Optional.of(GptFolder.of(new ModelRef(run).where())) : Optional.empty();
    }

    private Result written(Trainable model, DataSpec data, String family, Watcher watcher) {
        Writes writes = model.as(Writes.class).orElse(null);
        if (writes == null || !(data instanceof TextItems text) || !(model instanceof GenerativeModel<?> generative)) {
            throw new ArgumentException("'" + run + "' is a run of " + family + ", which writes no texts from a beginning; gpt and lstm do"
                + (family.equals("mdlm") ? ". 'palitra sample' and 'palitra complete --text' draw its texts" : ""));
        }
        Record how = how(generative);
        int[] begin = begin(text);
        List<Piecemeal> texts = new ArrayList<>();
        for (int i = 0; i < n; i++) texts.add(new Piecemeal(text.alphabet(), i, watcher));
        long[] tokens = new long[1];
        long start = System.nanoTime();
        Rng rng = new Rng(seed);
        try (Guard g = Torch.noGrad()) {
            for (int first = 0; first < n; first += stream ? 1 : n) {
                int from = first;
                writes.write(how, begin, stream ? 1 : n, length, rng.at(first), (i, token) -> {
                    watcher.checkStop();
                    texts.get(from + i).add(token);
                    watcher.tick("tokens", ++tokens[0], (long) n * length);
                    return true;
                });
                for (int i = first; i < (stream ? first + 1 : n); i++) texts.get(i).end();
            }
        }
        return new Result(beginning, texts.stream().map(Piecemeal::whole).toList(), seed, tokens[0], (System.nanoTime() - start) * 1e-9);
    }

    private Record how(GenerativeModel<?> model) { return Config.with((Record) model.samplingDefaults(), set); }

    /** Tokens that become characters as soon as their bytes are there. */
    private static final class Piecemeal {
        private final Alphabet alphabet;
        private final int index;
        private final Watcher watcher;
        private final StringBuilder whole = new StringBuilder();
        private int[] pending = new int[0];

        Piecemeal(Alphabet alphabet, int index, Watcher watcher) {
            this.alphabet = alphabet;
            this.index = index;
            this.watcher = watcher;
        }

        void add(int token) {
            pending = Arrays.copyOf(pending, pending.length + 1);
            pending[pending.length - 1] = token;
            String text = alphabet.decode(pending);
            if (!text.endsWith("\uFFFD") || pending.length > PENDING) said(text);
        }

        void end() { if (pending.length > 0) said(alphabet.decode(pending)); }

        private void said(String text) {
            pending = new int[0];
            if (text.isEmpty()) return;
            whole.append(text);
            watcher.text(index, text);
        }

        String whole() { return whole.toString(); }
    }
}
