package io.palitra.data;

import io.palitra.config.ArgumentException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Windows of whole pieces of music. Those for training begin at every bar and are moved to other keys, as far as each voice stays in the
 * range that it has in the pieces for training; those to test lie side by side, the last one of a piece where it ends.
 */
final class ScoreSet implements Dataset {
    /** A piece and where it comes from. */
    record Piece(String source, Score score) {}

    private final String name;
    private final ScoreSpec spec;
    private final List<Piece> pieces;
    private final List<byte[]> symbols = new ArrayList<>();
    private final List<int[]> items = new ArrayList<>();   // piece, first step, semitones
    private final List<String> notes;

    /**
     * @param pieces of the part that is wanted
     * @param ranges lowest and highest pitch of each voice, within which pieces are moved
     * @throws FormatException where no piece is as long as an item
     */
    ScoreSet(String name, List<Piece> pieces, int[][] ranges, Split split, DataOptions options, List<String> notes) {
        this.name = name;
        spec = new ScoreSpec(options.steps());
        List<String> said = new ArrayList<>(notes);
        this.pieces = pieces.stream().filter(p -> p.score.steps() >= spec.steps()).toList();
        int short_ = pieces.size() - this.pieces.size();
        if (this.pieces.isEmpty()) {
            throw new FormatException(name, -1, "none of its " + pieces.size() + " pieces lasts the " + spec.steps()
                + " sixteenths of an item; --set data.steps=N makes items shorter");
        }
        if (short_ > 0) {
            said.add(short_ + " of " + pieces.size() + " pieces of '" + name + "' last fewer than the " + spec.steps()
                + " sixteenths of an item, not used");
        }
        this.notes = List.copyOf(said);
        int by = split == Split.TEST ? 0 : options.transpose() < 0 ? 6 : options.transpose();
        for (int p = 0; p < this.pieces.size(); p++) {
            Score score = this.pieces.get(p).score;
            int[] all = score.symbols(spec);
            byte[] bytes = new byte[all.length];
            for (int i = 0; i < all.length; i++) bytes[i] = (byte) all[i];
            symbols.add(bytes);
            int last = score.steps() - spec.steps(), stride = split == Split.TEST ? spec.steps() : ScoreSpec.BAR;
            for (int shift = -by; shift <= by; shift++) {
                if (by == 6 && shift == -6 && options.transpose() < 0 || shift != 0 && !stays(score, ranges, shift)) continue;
                for (int from = 0; from <= last; from += stride) items.add(new int[] {p, from, shift});
                if (split == Split.TEST && last % stride != 0) items.add(new int[] {p, last, shift});
            }
        }
    }

    private static boolean stays(Score score, int[][] ranges, int shift) {
        for (int v = 0; v < score.voices(); v++) {
            int[] own = score.range(v);
            if (own[0] != Score.REST && (own[0] + shift < ranges[v][0] || own[1] + shift > ranges[v][1])) return false;
        }
        return true;
    }

    /** Lowest and highest pitch of each voice in all of some pieces. */
    static int[][] ranges(List<Piece> pieces, int voices) {
        int[][] all = new int[voices][];
        for (int v = 0; v < voices; v++) {
            int low = Integer.MAX_VALUE, high = Integer.MIN_VALUE;
            for (Piece p : pieces) {
                int[] own = p.score.range(v);
                if (own[0] == Score.REST) continue;
                low = Math.min(low, own[0]);
                high = Math.max(high, own[1]);
            }
            all[v] = new int[] {low, high};
        }
        return all;
    }

    /** Those that fit into the pitches of the spec; of others a note is made. */
    static List<Piece> within(List<Piece> pieces, String set, List<String> notes) {
        List<Piece> kept = new ArrayList<>();
        List<String> out = new ArrayList<>();
        for (Piece p : pieces) {
            boolean fits = Arrays.stream(p.score.pitches()).flatMapToInt(Arrays::stream)
                .allMatch(x -> x == Score.REST || x >= ScoreSpec.LOWEST && x <= ScoreSpec.HIGHEST);
            if (fits) kept.add(p);
            else out.add("skipped " + p.source + ": it has pitches outside of " + ScoreSpec.LOWEST + " to " + ScoreSpec.HIGHEST);
        }
        notes.addAll(io.palitra.config.InWords.few(out, "pieces of '" + set + "' the same"));
        return kept;
    }

    @Override public String name() { return name; }

    @Override public ScoreSpec spec() { return spec; }

    @Override public int size() { return items.size(); }

    @Override public void read(int i, ByteBuffer into) {
        int[] item = items.get(i);
        byte[] from = symbols.get(item[0]);
        int voices = spec.voices();
        for (int k = item[1] * voices; k < (item[1] + spec.steps()) * voices; k++) into.put((byte) (from[k] == 0 ? 0 : from[k] + item[2]));
    }

    @Override public String source(int i) {
        int[] item = items.get(i);
        return pieces.get(item[0]).source + ", from sixteenth " + item[1] + (item[2] == 0 ? "" : String.format(", %+d semitones", item[2]));
    }

    /** Of every note, not of names alone: a piece is a few thousand bytes. */
    @Override public Fingerprint fingerprint() {
        List<String> lines = new ArrayList<>();
        for (int p = 0; p < pieces.size(); p++) {
            lines.add(java.util.HexFormat.of().formatHex(Fingerprint.sha256().digest(symbols.get(p))));
        }
        return Fingerprint.of(this, lines);
    }

    @Override public List<String> notes() { return notes; }

    /** Refuses what only sets of pictures and tables have. */
    static void refuse(String name, DataOptions options) {
        if (options.size() != 0 || options.channels() != 0) {
            throw new ArgumentException(name + " is music, not pictures: size and channels must be 0");
        }
    }
}
