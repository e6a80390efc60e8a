package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Windows of text. Several documents are parted by a hash of each: a tenth, and at least one, are for testing; of one document the last
 * tenth is. Each of several documents is followed by an end token, and windows run across. Those for training begin at every quarter of
 * their length, and each is full; those for testing stand side by side, and the last is filled up by end tokens.
 *
 * <p>Characters are those of all the text, byte pairs are learnt from the part for training.
 */
public final class Texts implements Dataset {
    /** Places in one part, for a Java array. */
    private static final int MOST = 1 << 29;

    private final String name;
    private final TextSpec spec;
    private final int[] tokens;
    private final int[] begins;
    private final List<String> documents;
    private final int stride;
    private final int size;
    private final Fingerprint fingerprint;
    private final List<String> notes;

    private Texts(String name, TextSpec spec, int[] tokens, int[] begins, List<String> documents, boolean dense, String hash,
            List<String> notes) {
        int n = tokens.length, length = spec.length();
        this.name = name;
        this.spec = spec;
        this.tokens = tokens;
        this.begins = begins;
        this.documents = documents;
        this.notes = notes;
        stride = dense ? Math.max(1, length / 4) : length;
        size = dense ? 1 + (n - length + stride - 1) / stride : (n + length - 1) / length;
        fingerprint = Fingerprint.of(this, List.of(hash));
    }

    /** The documents of a part, and what they were chosen from. */
    private record Part(List<TextFiles.Document> train, List<TextFiles.Document> test, boolean one, String hash, List<String> notes,
            boolean lines) {
        List<TextFiles.Document> of(Split split) { return split == Split.TRAIN ? train : test; }
    }

    /**
     * Opens a file, a folder of files, or JSON lines: see {@link TextFiles}.
     *
     * @param like whose length and alphabet the items get; null = those of the options
     * @throws ArgumentException for options that no text has, for a text shorter than an item, for a character that {@code like} lacks
     * @throws FormatException for what is no text
     */
    static Texts open(Path path, String name, Split split, DataOptions options, @Nullable TextSpec like, Limits limits) {
        Part part = part(path, options, limits);
        if (like == null) refuseIdle(path, part.lines, options);
        TextSpec spec = spec(part, options, like);
        if (like == null && spec.alphabet() instanceof Alphabet.Pairs && spec.vocabulary() < options.vocabulary()) {
            part.notes.add("'" + path + "': no pair stands twice any more after " + spec.vocabulary() + " ids, fewer than vocabulary="
                + options.vocabulary());
        }
        return of(name, part, split, spec, split == Split.TRAIN);
    }

    /** Both parts, all windows side by side, those for training first. */
    static Whole whole(Path path, String name, DataOptions options, @Nullable TextSpec like, Limits limits) {
        Part part = part(path, options, limits);
        TextSpec spec = spec(part, options, like);
        Texts train = of(name, part, Split.TRAIN, spec, false), test = of(name, part, Split.TEST, spec, false);
        return new Whole(new Both(train, test), i -> i < train.size);
    }

    /** Refuses keys that this text has no use for; data for a run that is there may be read by the keys of other data. */
    private static void refuseIdle(Path path, boolean lines, DataOptions options) {
        if (!lines && !options.field().equals(DataOptions.DEFAULT.field())) {
            throw new ArgumentException("field=" + options.field() + " is of JSON lines; '" + path + "' holds no .jsonl");
        }
        if (!options.suffix().isEmpty() && Files.isRegularFile(path) && !TextFiles.zip(path)) {
            throw new ArgumentException("suffix=" + options.suffix() + " is of a folder or .zip of text; '" + path + "' is one file");
        }
    }

    private static Part part(Path path, DataOptions options, Limits limits) {
        if (options.size() != 0 || options.channels() != 0 || !options.label().isEmpty() || options.captions()) {
            throw new ArgumentException("'" + path + "' is text: size, channels, label and captions must be left as they are");
        }
        if (options.tokens() != DataOptions.Tokens.PAIRS && options.vocabulary() != DataOptions.DEFAULT.vocabulary()) {
            throw new ArgumentException("vocabulary=" + options.vocabulary() + " is of tokens=pairs; of "
                + InWords.list(options.tokens()) + " there are as many as there are");
        }
        TextFiles files = TextFiles.read(path, options, limits);
        return part(path.toString(), files);
    }

    private static Part part(String path, TextFiles files) {
        List<TextFiles.Document> all = files.documents(), train = new ArrayList<>(), test = new ArrayList<>();
        List<String> notes = new ArrayList<>(files.notes());
        MessageDigest sha = Fingerprint.sha256();
        List<String> hashes = new ArrayList<>();
        for (TextFiles.Document d : all) {
            byte[] hash = TextFiles.hash(d.text());
            sha.update(hash);
            hashes.add(HexFormat.of().formatHex(hash));
            (TextFiles.tests(hash) ? test : train).add(d);
        }
        String hash = HexFormat.of().formatHex(sha.digest());
        if (hashes.stream().distinct().count() == 1) {
            if (all.size() > 1) notes.add("'" + path + "': all " + all.size() + " texts are the same; it is read once");
            TextFiles.Document only = all.get(0);
            String text = only.text();
            // nine tenths of the characters, as nanoGPT parts its text
            int cut = text.offsetByCodePoints(0, (int) (text.codePointCount(0, text.length()) * 0.9));
            return new Part(List.of(new TextFiles.Document(only.name(), text.substring(0, cut))),
                List.of(new TextFiles.Document(only.name(), text.substring(cut))), true, hash, notes, files.lines());
        }
        if (train.isEmpty() || test.isEmpty()) {
            boolean lacksTest = test.isEmpty();
            // the least text is given away, with all that are the same
            int moved = 0;
            for (int i = 1; i < all.size(); i++) {
                int shorter = Integer.compare(all.get(i).text().length(), all.get(moved).text().length());
                if (lacksTest ? shorter < 0 : shorter > 0) moved = i;
            }
            String it = hashes.get(moved);
            train.clear();
            test.clear();
            for (int i = 0; i < all.size(); i++) (hashes.get(i).equals(it) == lacksTest ? test : train).add(all.get(i));
        }
        long trained = letters(train), tested = letters(test);
        if (tested > trained) {
            notes.add("'" + path + "': " + 100 * tested / (tested + trained) + " % of the text is in the part for testing, since documents "
                + "are not divided and there are only " + all.size());
        }
        return new Part(train, test, false, hash, notes, files.lines());
    }

    private static long letters(List<TextFiles.Document> documents) { return documents.stream().mapToLong(d -> d.text().length()).sum(); }

    /** The pairs learnt last: both parts are opened, one after the other. */
    private record Learnt(String hash, int vocabulary, Alphabet.Pairs pairs) {}

    private static volatile @Nullable Learnt last;

    private static Alphabet.Pairs pairs(Part part, int vocabulary) {
        Learnt before = last;
        if (before != null && before.hash.equals(part.hash) && before.vocabulary == vocabulary) return before.pairs;
        Alphabet.Pairs pairs = Alphabet.Pairs.learn(part.train.stream().map(TextFiles.Document::text).toList(), vocabulary);
        last = new Learnt(part.hash, vocabulary, pairs);
        return pairs;
    }

    private static TextSpec spec(Part part, DataOptions options, @Nullable TextSpec like) {
        if (like != null) return like;
        int length = options.length() == 0 ? 256 : options.length();
        return new TextSpec(length, switch (options.tokens()) {
            case BYTES -> new Alphabet.Bytes();
            case PAIRS -> pairs(part, options.vocabulary());
            case CHARS -> Alphabet.Characters.of(List.of(part.train, part.test).stream().flatMap(List::stream)
                .map(TextFiles.Document::text).toList());
        });
    }

    private static Texts of(String name, Part part, Split split, TextSpec spec, boolean dense) {
        List<TextFiles.Document> documents = part.of(split);
        int[] tokens = new int[0], begins = new int[documents.size()];
        int n = 0;
        for (int d = 0; d < begins.length; d++) {
            int[] more = encoded(name, documents.get(d), spec.alphabet());
            long wanted = (long) n + more.length + 1;
            if (wanted > MOST) throw new FormatException(name, -1, "more than " + MOST + " tokens");
            if (wanted > tokens.length) tokens = Arrays.copyOf(tokens, (int) Math.min(MOST, d == begins.length - 1 ? wanted : 2 * wanted));
            begins[d] = n;
            System.arraycopy(more, 0, tokens, n, more.length);
            n += more.length;
            if (!part.one) tokens[n++] = spec.end();
        }
        if (split == Split.TRAIN && n < spec.length()) {
            throw new ArgumentException("'" + name + "' has " + n + " " + spec.alphabet().tokens() + " for training, fewer than an item, "
                + spec.length() + "; data.length=" + Math.max(1, n / 4) + " would fit");
        }
        return new Texts(name, spec, Arrays.copyOf(tokens, n), begins, documents.stream().map(TextFiles.Document::name).toList(), dense,
            part.hash, List.copyOf(part.notes));
    }

    private static int[] encoded(String name, TextFiles.Document document, Alphabet alphabet) {
        try {
            return alphabet.encode(document.text());
        } catch (ArgumentException e) {
            throw new ArgumentException("'" + (document.name().equals(name) ? name : name + "/" + document.name()) + "': "
                + e.getMessage(), e);
        }
    }

    @Override public String name() { return name; }

    @Override public TextSpec spec() { return spec; }

    @Override public int size() { return size; }

    /** Where item i begins. */
    private int begin(int i) {
        java.util.Objects.checkIndex(i, size);
        return stride < spec.length() ? Math.min(i * stride, tokens.length - spec.length()) : i * stride;
    }

    @Override public void read(int i, ByteBuffer into) {
        int from = begin(i), to = Math.min(tokens.length, from + spec.length());
        for (int k = from; k < to; k++) into.putInt(tokens[k]);
        for (int k = to; k < from + spec.length(); k++) into.putInt(spec.end());
    }

    /** The document in which it begins, and the token there: "a.txt, token 512". */
    @Override public String source(int i) {
        int at = Arrays.binarySearch(begins, begin(i)), document = at < 0 ? -at - 2 : at;
        return documents.get(document) + ", token " + (begin(i) - begins[document]);
    }

    @Override public Fingerprint fingerprint() { return fingerprint; }

    @Override public List<String> notes() { return notes; }

    /** All text of this part; ends stand between documents. */
    public int[] tokens() { return tokens.clone(); }

    /** Two parts, side by side. */
    private record Both(Texts train, Texts test) implements Dataset {
        private Texts of(int i) { return i < train.size ? train : test; }

        private int at(int i) { return i < train.size ? i : i - train.size; }

        @Override public String name() { return train.name; }

        @Override public TextSpec spec() { return train.spec; }

        @Override public int size() { return train.size + test.size; }

        @Override public void read(int i, ByteBuffer into) { of(i).read(at(i), into); }

        @Override public String source(int i) { return of(i).source(at(i)); }

        @Override public Fingerprint fingerprint() { return Fingerprint.of(this, train.fingerprint); }

        @Override public List<String> notes() { return train.notes; }
    }
}
