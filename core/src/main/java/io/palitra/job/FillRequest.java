package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.data.Alphabet;
import io.palitra.data.Condition;
import io.palitra.data.TextItems;
import io.palitra.engine.Guard;
import io.palitra.engine.Rng;
import io.palitra.engine.Scope;
import io.palitra.engine.Torch;
import io.palitra.model.Drawing;
import io.palitra.model.Watcher;
import io.palitra.train.Run;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Holes of a text filled, several times, by what stands before and after them. A hole becomes as many tokens as what stood there has. Of a
 * text that is longer than the model's, a hole is filled by what stands around it, and holes from the left to the right.
 */
public record FillRequest(
        @Help(value = "a run of mdlm", place = Help.Place.MODEL) String run,
        @Help("the text; what stands in its holes counts by its length alone") String text,
        @Help("holes A:B: characters A up to B, counted from 0") List<String> hole,
        @Help("whether the text ends where it ends; otherwise it may go on") boolean ends,
        @Help(value = "alternatives", min = 1, max = 1000) int n,
        @Help(value = "decides what is drawn", min = 0) long seed,
        @Help("sampling keys of the family, as steps=32") List<String> set,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) implements Request<FillRequest.Result> {
    private static final String HOLE = "(\\d{1,9}):(\\d{1,9})";

    /** One alternative. */
    public FillRequest(String run, String text, List<String> hole) { this(run, text, hole, false, 1, 0, List.of(), "auto", 0); }

    public FillRequest {
        hole = List.copyOf(hole);
        set = List.copyOf(set);
        if (hole.isEmpty()) throw new ConfigException("hole", "which hole? hole=A:B names characters A up to B, counted from 0");
    }

    /** @param texts whole, their holes filled */
    public record Result(List<String> texts, long seed) {
        /** As {@code --json} prints it. */
        public ObjectNode toJson() {
            ObjectNode node = new ObjectMapper().createObjectNode();
            ArrayNode all = node.putArray("texts");
            texts.forEach(all::add);
            return node.put("seed", seed);
        }
    }

    @Override public void check() { holes(); }

    /** From is the first character, to the one behind the last. */
    private record Hole(int from, int to) {}

    /**
     * Fills; ticks by the steps of the model.
     *
     * @throws IllegalArgumentException for a run that fills no holes of texts, and for a hole that is none
     */
    @Override public Result run(Watcher watcher) throws IOException {
        Config.check(this);
        List<Hole> holes = holes();
        Inputs inputs = new Inputs(watcher);
        try (Run opened = inputs.open(run, device, threads); Scope scope = new Scope(); Guard g = Torch.noGrad()) {
            String family = opened.config().settings().family();
            if (!(opened.config().settings().spec() instanceof TextItems spec)
                || !opened.generative().takes().contains(Condition.Kind.KNOWN)) {
                throw new ArgumentException("'" + run + "' is a run of " + family + ", which fills no holes of texts; mdlm does");
            }
            Drawing<?> drawing = inputs.drawing(opened, set);
            try (var watch = Scope.watch((i, of, t) -> {
                watcher.tick("step", i + 1, of);
                watcher.checkStop();
            })) {
                List<String> filled = filled(drawing, spec, holes);
                long broken = filled.stream().filter(t -> broken(t) > broken(text)).count();
                if (broken > 0) {
                    watcher.note((n == 1 ? "the text" : broken + " of " + n + " texts") + " got bytes that are no UTF-8, each of which "
                        + "shows as U+FFFD: the tokens of this run are " + spec.alphabet().tokens() + ", not characters");
                }
                return new Result(filled, seed);
            }
        }
    }

    /** Characters that stand for what is no UTF-8. */
    private static long broken(String text) { return text.chars().filter(c -> c == '\uFFFD').count(); }

    private List<Hole> holes() {
        int length = text.codePointCount(0, text.length());
        List<Hole> holes = new ArrayList<>();
        for (String h : hole) {
            if (!h.matches(HOLE)) {
                throw new ConfigException("hole", "illegal hole: '" + h + "', must be A:B, characters A up to B, as 10:24");
            }
            int from = Integer.parseInt(h.replaceAll(HOLE, "$1")), to = Integer.parseInt(h.replaceAll(HOLE, "$2"));
            if (from >= to || to > length) {
                throw new ConfigException("hole", "illegal hole: " + h + ", must be A:B with A below B and B at most " + length
                    + ", the characters of the text");
            }
            holes.add(new Hole(from, to));
        }
        holes.sort(Comparator.comparingInt(Hole::from));
        for (int i = 1; i < holes.size(); i++) {
            if (holes.get(i).from < holes.get(i - 1).to) throw new ConfigException("hole", "holes overlap: " + String.join(", ", hole));
        }
        return holes;
    }

    private List<String> filled(Drawing<?> drawing, TextItems spec, List<Hole> holes) {
        Alphabet alphabet = spec.alphabet();
        int length = spec.length(), at = 0, size = 0;
        List<int[]> parts = new ArrayList<>();
        List<Hole> places = new ArrayList<>();   // in tokens
        for (Hole h : holes) {
            int[] before = tokens(alphabet, at, h.from), own = tokens(alphabet, h.from, h.to);
            parts.add(before);
            places.add(new Hole(size + before.length, size + before.length + own.length));
            if (own.length > length) {
                throw new ConfigException("hole", "illegal hole: " + h.from + ":" + h.to + ", it has " + own.length + " tokens, the model "
                    + length);
            }
            Arrays.fill(own, -1);
            parts.add(own);
            size += before.length + own.length;
            at = h.to;
        }
        parts.add(tokens(alphabet, at, text.codePointCount(0, text.length())));
        int[] one = parts.stream().flatMapToInt(Arrays::stream).toArray();
        int[][] all = new int[n][];
        for (int i = 0; i < n; i++) all[i] = one.clone();
        Rng rng = new Rng(seed);
        for (int h = 0; h < places.size(); h++) {
            Hole hole = places.get(h);
            if (all[0][hole.from] >= 0) continue;   // filled with one before it
            int first = Math.max(0, Math.min(hole.from - (length - (hole.to - hole.from)) / 2, one.length - length));
            fill(drawing, spec, all, first, rng.split(h));
            // later holes that are not wholly within are drawn anew with theirs
            for (Hole other : places) {
                if (other.to <= first + length) continue;
                for (int[] text : all) for (int i = Math.max(other.from, hole.to); i < Math.min(other.to, text.length); i++) text[i] = -1;
            }
        }
        return Arrays.stream(all).map(alphabet::decode).toList();
    }

    /** Fills what is within a window of the model's length. */
    private void fill(Drawing<?> drawing, TextItems spec, int[][] all, int first, Rng rng) {
        int length = spec.length();
        long[] known = new long[n * length];
        for (int b = 0; b < n; b++) {
            for (int i = 0; i < length; i++) {
                boolean within = first + i < all[b].length;
                known[b * length + i] = within ? all[b][first + i] : ends ? spec.end() : -1;
            }
        }
        long[] drawn;
        try (Scope scope = new Scope()) { drawn = drawing.fill(Torch.of(known, n, length), rng).longs(); }
        for (int b = 0; b < n; b++) {
            for (int i = 0; i < length && first + i < all[b].length; i++) all[b][first + i] = (int) drawn[b * length + i];
        }
    }

    private int[] tokens(Alphabet alphabet, int from, int to) {
        String part = text.substring(text.offsetByCodePoints(0, from), text.offsetByCodePoints(0, to));
        try {
            return alphabet.encode(part);
        } catch (ArgumentException e) {
            throw new ConfigException("text", "the text cannot be read: " + e.getMessage(), e);
        }
    }
}
